//! What a blocking call costs.

use std::fmt;
use std::time::Duration;

/// What a blocking call takes of a worker's time: first it waits, then it computes, either of which may be
/// nothing.
///
/// Waiting, as for a disk or an answer, occupies the worker and no core. Computing needs a core as well. A
/// [`Duration`] stands for computing alone.
///
/// # Examples
///
/// ```
/// use simloop::sim::Cost;
/// use std::time::Duration;
///
/// let request = Cost::waiting(Duration::from_secs(1));
/// let request_and_parsing = request.then_computing(Duration::from_millis(20));
/// assert_eq!(request_and_parsing.total(), Duration::from_millis(1020));
/// assert_eq!(Cost::from(Duration::from_secs(1)), Cost::computing(Duration::from_secs(1)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[must_use = "a cost does nothing by itself"]
pub struct Cost {
    pub(super) waiting: Duration,
    pub(super) computing: Duration,
}

impl Cost {
    /// A call that waits for `duration` and needs no core.
    #[inline]
    pub const fn waiting(duration: Duration) -> Cost {
        Cost { waiting: duration, computing: Duration::ZERO }
    }

    /// A call that computes for `duration` on a core.
    #[inline]
    pub const fn computing(duration: Duration) -> Cost {
        Cost { waiting: Duration::ZERO, computing: duration }
    }

    /// The same call with `duration` more of computing at its end.
    #[inline]
    pub const fn then_computing(self, duration: Duration) -> Cost {
        Cost { computing: self.computing.saturating_add(duration), ..self }
    }

    /// Returns what it takes with a worker and a core to itself.
    #[inline]
    pub const fn total(self) -> Duration {
        self.waiting.saturating_add(self.computing)
    }
}

impl From<Duration> for Cost {
    #[inline]
    fn from(computing: Duration) -> Cost {
        Cost::computing(computing)
    }
}

impl fmt::Debug for Cost {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cost { waiting, computing } = self;
        write!(f, "Cost(waiting {waiting:?}, computing {computing:?})")
    }
}
