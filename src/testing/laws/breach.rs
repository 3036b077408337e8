//! A law that a policy broke, as data and as text.

use std::fmt;

use crate::policy::Schedule;
use crate::testing::program::Program;

/// What every run relies on in a policy.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Law {
    /// Each answer is the index of an alternative: only ready tasks run.
    Range,
    /// The same seed makes the same choices.
    Deterministic,
    /// The recorded schedule brings the run back.
    Replay,
    /// A ready task is passed over a limited number of times.
    Fair,
    /// The names of tasks do not matter.
    Names,
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Law::Range => "it answers each choice with one of its alternatives",
            Law::Deterministic => "the same seed makes the same choices",
            Law::Replay => "the recorded schedule brings the run back",
            Law::Fair => "no ready task is starved",
            Law::Names => "the names of tasks do not matter",
        })
    }
}

/// A policy that broke a law, and the smallest program that was found to show it.
///
/// Its `Display` is what a reader is meant to see.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Breach {
    /// The law.
    pub law: Law,
    /// The program.
    pub program: Program,
    /// The policy as it is at the start: its source, or what its `Debug` shows.
    pub policy: String,
    /// The seed it was made from.
    pub seed: u64,
    /// What happened, in words.
    pub what: String,
    /// The choices of the run that shows it, as far as they were made. For [`Law::Fair`] it is the run in
    /// which tasks that are done yield until all are.
    pub schedule: Schedule,
}

impl std::error::Error for Breach {}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Breach { law, program, policy, seed, what, schedule } = self;
        writeln!(f, "policy {policy} breaks a law: {law}")?;
        for line in what.lines() {
            writeln!(f, "  {line}")?;
        }
        writeln!(f, "  program: {program}")?;
        if matches!(law, Law::Deterministic | Law::Replay | Law::Names) && !schedule.is_empty() {
            writeln!(f, "  replay: Builder::new().replay(\"{schedule}\")")?;
        }
        write!(f, "  again: Laws::new().programs(1).seed({seed})")
    }
}
