//! Who runs next: policies, and the schedule of choices that a run makes.
//!
//! A policy is asked only where there is a choice: two or more ready tasks, or a call of
//! [`choose`](crate::choose) with two or more alternatives (S31). It sees the alternatives in the order of
//! arrival and answers with an index; index 0 is what the first-in first-out loop would do. It cannot see
//! futures or touch the loop.

mod arrivals;
mod choice;
mod draft;
mod injection;
mod native;
mod pct;
mod pos;
mod random;
mod replay;
mod runs;
mod schedule;
mod walk;

use std::any::Any;
use std::fmt;

pub use choice::{Choice, ChoiceKind};
pub(crate) use draft::Draft;
pub use injection::Injection;
pub(crate) use native::Native;
pub use pct::Pct;
pub use pos::Pos;
pub use random::Random;
pub(crate) use replay::{Divergence, Replay};
pub use schedule::{Deviation, Schedule, ScheduleError};
pub(crate) use walk::Gait;
pub use walk::Walk;

/// Decides which of several ready tasks runs next.
///
/// # Examples
///
/// A policy that always runs the task that became ready last:
///
/// ```
/// use simloop::policy::{Choice, Policy};
/// use simloop::{Builder, note, settle, spawn};
///
/// #[derive(Debug)]
/// struct Newest;
///
/// impl Policy for Newest {
///     fn choose(&mut self, choice: &Choice<'_>) -> usize {
///         choice.len() - 1
///     }
/// }
///
/// let report = Builder::new().trace(simloop::trace::Level::Tasks).policy(Newest).run(async {
///     for name in ["first", "second"] {
///         spawn(async move { note!("{name}") });
///     }
///     settle().await;
/// });
/// assert_eq!(report.trace.notes().collect::<Vec<_>>(), ["second", "first"]);
/// ```
pub trait Policy: fmt::Debug + Any {
    /// Returns the index of the alternative to take, below [`Choice::len`].
    ///
    /// An index out of range, and a panic in here, end the run with a failure that says so.
    fn choose(&mut self, choice: &Choice<'_>) -> usize;

    /// Returns Rust source that makes this policy as it was at the start of the run, for the line in a
    /// failure that reproduces it. Without it that line carries the whole schedule, however long, and a fault of
    /// the policy itself, which no schedule brings back, is told with its `Debug` as it was then.
    fn source(&self) -> Option<String> {
        None
    }
}

/// First-in first-out: always the task that has been ready longest. The default.
///
/// # Examples
///
/// ```
/// use simloop::{Builder, policy::Fifo};
///
/// let report = Builder::new().policy(Fifo).run(async { 7 });
/// assert_eq!(report.unwrap(), 7);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Fifo;

impl Policy for Fifo {
    #[inline]
    fn choose(&mut self, _: &Choice<'_>) -> usize {
        0
    }

    #[inline]
    fn source(&self) -> Option<String> {
        Some("Fifo".to_owned())
    }
}
