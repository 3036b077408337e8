//! How a run ended: the report, and failures as values that can be read and shown.
//!
//! Nothing here panics or prints by itself; the caller decides what a failure means (S36).

mod deadlock;
mod dot;
mod failure;
mod later;
mod reproduction;
mod site;
mod text;

pub(crate) use deadlock::resource_label;
pub use deadlock::{Deadlock, Holder, Link, ResourceWait, Wait, WaitingTask};
pub use dot::Dot;
pub(crate) use failure::Numbered;
pub use failure::{
    Failure, FailureKind, LeftTask, Livelock, Panic, PanicPlace, ReplayDivergence, Spinner,
};
pub(crate) use later::Later;
pub(crate) use reproduction::Reproduction;
pub(crate) use site::{line_of, site};
pub(crate) use text::named;

use crate::kernel::{Counters, Digest, Instant};
use crate::policy::Schedule;
use crate::trace::Trace;

/// What a run returns: how it ended and what happened on the way (S36).
///
/// # Examples
///
/// ```
/// use simloop::{Builder, sleep};
/// use std::time::Duration;
///
/// let report = Builder::new().seed(7).run(async {
///     sleep(Duration::from_secs(3)).await;
///     "done"
/// });
/// assert_eq!(report.ended_at.to_string(), "3s");
/// assert_eq!(report.counters.timers_fired, 1);
/// assert_eq!(report.unwrap(), "done");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use = "a report may hold a failure; `unwrap` it, or look at `outcome`"]
pub struct Report<T = ()> {
    /// The root's output, or why there is none.
    pub outcome: Result<T, Failure>,
    /// What happened, as far as it was to be recorded ([`Builder::trace`](crate::Builder::trace)).
    pub trace: Trace,
    /// The choices of the run, from which it can be replayed.
    pub schedule: Schedule,
    /// The seed of the program's random numbers.
    pub seed: u64,
    /// The instant at which the run ended.
    pub ended_at: Instant,
    /// What happened, in numbers.
    pub counters: Counters,
    /// The fingerprint of the run, which is kept at every trace level.
    pub digest: Digest,
    /// Tasks that were alive when the run ended, in the order in which they were spawned; they were
    /// cancelled, newest first (S21). Daemons are not among them.
    pub leftovers: Vec<LeftTask>,
    /// Those of the leftover tasks that could never have run again by themselves (S37): they wait for each other,
    /// or for nothing that could come. Told also when the run ended well.
    ///
    /// A task that waits for an event, an item or a future from elsewhere may still be served by anybody, and is
    /// not told of. What cannot be seen is whether somebody means to abort one of them. A guard that could have been
    /// moved to another task than the one that took it ([`Holder::may_have_moved`]) is taken to be with that if it
    /// was dropped with that when the run was closed. A task that waits for more of what it has taken itself by such
    /// guards is taken for one that gives them to others, and is not told of.
    pub partial_deadlock: Option<Deadlock>,
}

impl<T> Report<T> {
    /// Returns the root's output.
    ///
    /// # Panics
    ///
    /// Panics with the rendered failure if the run failed.
    #[track_caller]
    pub fn unwrap(self) -> T {
        match self.outcome {
            Ok(output) => output,
            Err(failure) => panic!("{failure}"),
        }
    }

    /// Returns the failure.
    ///
    /// # Panics
    ///
    /// Panics if the run did not fail.
    #[track_caller]
    pub fn unwrap_failure(self) -> Failure {
        match self.outcome {
            Ok(_) => panic!("the run was expected to fail, and ended well at {}", self.ended_at),
            Err(failure) => failure,
        }
    }

    /// Returns the failure, if the run failed.
    pub fn failure(&self) -> Option<&Failure> {
        self.outcome.as_ref().err()
    }

    /// Changes the output.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Report<U> {
        let Report {
            outcome,
            trace,
            schedule,
            seed,
            ended_at,
            counters,
            digest,
            leftovers,
            partial_deadlock,
        } = self;
        let outcome = outcome.map(change);
        Report {
            outcome,
            trace,
            schedule,
            seed,
            ended_at,
            counters,
            digest,
            leftovers,
            partial_deadlock,
        }
    }
}
