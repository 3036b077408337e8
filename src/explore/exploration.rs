//! What a search found, as data.

use super::text::grouped;
use crate::policy::Schedule;
use crate::render::Html;
use crate::report::Failure;
use crate::trace::Trace;

/// What the search by [`Explorer::reduced`](super::Explorer::reduced) is called.
pub(super) const REDUCED: &str = "reduced";

/// What a search returns: how far it went, what the runs came to, and the failures, shrunk and explained.
///
/// Its `Display` is the report that a reader is meant to see; [`Explorer::check`](super::Explorer::check)
/// panics with it.
///
/// # Examples
///
/// ```
/// use simloop::explore::{Extent, Explorer};
///
/// let exploration = Explorer::new().exhaustive().run(|| async { simloop::choose(3) });
/// assert_eq!((exploration.runs, exploration.extent), (3, Extent::Complete));
/// assert_eq!(
///     exploration.to_string(),
///     "all 3 schedules pass, 1 interleaving\n  outcomes: 1 of 3 schedules: 0, 1: 1, 1: 2"
/// );
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Exploration {
    /// How the schedules were chosen, in words: `random`, `exhaustive`; `first-in first-out` where none may deviate.
    pub strategy: String,
    /// The seed of the search, and of the program's random numbers; of several seeds, the first.
    pub seed: u64,
    /// Over how many seeds the runs were shared out, from that one on: 1 unless
    /// [asked for](super::Explorer::seeds).
    pub seeds: u64,
    /// Which part of the search this is, from 1, and of how many; (1, 1) for all of it.
    pub shard: (u64, u64),
    /// Runs made, those for shrinking, explaining and auditing not counted.
    pub runs: u64,
    /// How many of them differ in the order of turns, or in the instants of the turns.
    pub interleavings: u64,
    /// Where the search ended.
    pub extent: Extent,
    /// The outputs of the runs that ended well, most frequent first; of equal ones, the first seen.
    pub outcomes: Vec<OutcomeCount>,
    /// Runs that ended well with outputs beyond the first 1,000 different ones.
    pub other_outcomes: u64,
    /// The failures, in the order in which they were found.
    pub findings: Vec<Finding>,
}

/// Where a search ended, and what that says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Extent {
    /// Every schedule was run.
    Complete,
    /// Every schedule was run in which nothing deviates after the limit on virtual time.
    WithinTime,
    /// Every schedule with up to this number of deviations was run; there are others.
    WithinDeviations(u32),
    /// As many schedules were drawn as was asked for.
    Drawn,
    /// The limit on runs came first. All schedules with up to this number of deviations were run, if any number
    /// was finished.
    CutOff(Option<u32>),
    /// So many failures were found as was asked for.
    Failed,
    /// One schedule was replayed, because `SIMLOOP_REPLAY` said so.
    Replayed,
    /// Nothing was searched: the first run showed that it would make no sense.
    Refused,
}

/// An output, and how many runs had it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct OutcomeCount {
    /// The output's `Debug` text.
    pub shown: String,
    /// The runs.
    pub runs: u64,
}

/// A failure that a search found.
///
/// Its `Display` is what the [`Exploration`] shows of it, less how it was found and what other runs came to.
///
/// Failures of the same kind at the same place are one, whatever their instants, schedules and numbers. The place
/// of a panic is its task and the line that raised it, whatever its message; where one task only passes on that
/// another has panicked, that message is looked at, too.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// The failure of the simplest schedule.
    pub failure: Failure,
    /// The simplest schedule that was found to fail in this way.
    pub schedule: Schedule,
    /// Whether it is known that no schedule with fewer deviations fails so, nor an earlier or smaller one with
    /// as many.
    pub is_simplest: bool,
    /// The seed of the runs that are told: that of the first that failed so.
    pub seed: u64,
    /// The number of the first run that failed so, from 1.
    pub first_run: u64,
    /// The schedule of that run.
    pub first_schedule: Schedule,
    /// How many runs of the search failed so.
    pub runs: u64,
    /// What the failure hangs on, in a sentence.
    pub sentence: String,
    /// The failing run beside the nearest that passes, turn by turn, in columns. Empty where they would be
    /// too long.
    pub columns: String,
    /// The two runs, for a page of them.
    pub(super) pair: Pair,
}

/// The failing run, and the nearest that ends otherwise.
#[derive(Clone, Debug, Default)]
pub(super) struct Pair {
    pub(super) failing: Trace,
    /// The run without the last deviation, and its failure if it has one.
    pub(super) nearest: Option<(Trace, Option<Failure>)>,
}

impl Finding {
    /// Returns the records of the failing run. Empty where it took more than 100,000 turns, or did not fail
    /// again.
    pub fn trace(&self) -> &Trace {
        &self.pair.failing
    }

    /// Makes a page of the failing run, and of the nearest that passes to switch to, with the failure and the
    /// sentence: see [`Report::html`](crate::Report::html).
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{choose, explore::Explorer};
    ///
    /// let finding = Explorer::new().run(|| async { assert_eq!(choose(2), 0) }).unwrap_finding();
    /// let page = finding.html().to_string();
    /// assert!(page.contains("data-name=\"fails\"") && page.contains("data-name=\"passes\""));
    /// ```
    pub fn html(&self) -> Html<'_> {
        let page = self.pair.failing.html().title(&self.failure.title());
        let page = page.named("fails").failure(&self.failure).about(&self.sentence);
        match &self.pair.nearest {
            None => page,
            Some((trace, None)) => page.beside("passes", trace),
            Some((trace, Some(failure))) => page.beside("the nearest", trace).failure(failure),
        }
    }
}

// Made only here and by the search.
impl OutcomeCount {
    pub(super) fn new(shown: String, runs: u64) -> Self {
        OutcomeCount { shown, runs }
    }
}

impl Exploration {
    /// Returns the failure that was found first.
    #[inline]
    pub fn failure(&self) -> Option<&Failure> {
        self.findings.first().map(|finding| &finding.failure)
    }

    /// Returns itself if no run failed.
    ///
    /// # Panics
    ///
    /// Panics with the rendered report if one did.
    #[track_caller]
    pub fn unwrap(self) -> Self {
        if self.findings.is_empty() {
            return self;
        }
        panic!("{self}")
    }

    /// Returns the finding that came first.
    ///
    /// # Panics
    ///
    /// Panics if no run failed.
    #[track_caller]
    pub fn unwrap_finding(mut self) -> Finding {
        if self.findings.is_empty() {
            panic!("a run was expected to fail, and all {} passed", grouped(self.runs));
        }
        self.findings.swap_remove(0)
    }
}
