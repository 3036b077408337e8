//! What a model has seen: how busy it was, how long was waited for it, and how long the line was.
//!
//! Counts and nanoseconds only. Ratios are made of them when somebody asks, and decide nothing.

use std::fmt;
use std::time::Duration;

use crate::kernel::Instant;

/// What a [`Resource`](super::Resource) or the line of a [`Link`](super::Link) has seen since it was made.
///
/// All durations are exact, in nanoseconds. The two that are sums over time are given as such, so that nothing
/// is lost by rounding: [`busy_time`](Self::busy_time) over all servers, and [`queue_time`](Self::queue_time)
/// over all who stood in line. Divided by [`observed`](Self::observed) they are the mean number of busy servers
/// and the mean length of the line, weighted by time.
///
/// # Examples
///
/// ```
/// use simloop::{gather_all, run, sim::Resource};
/// use std::time::Duration;
///
/// run(async {
///     let printer = Resource::new(1);
///     gather_all((0..3).map(|_| printer.use_for(Duration::from_secs(2)))).await;
///     let seen = printer.statistics();
///     assert_eq!((seen.requests, seen.served, seen.abandoned), (3, 3, 0));
///     assert_eq!(seen.waited_mean(), Duration::from_secs(2), "0, 2 and 4 seconds");
///     assert_eq!((seen.queue_len_max, seen.queue_len_mean_permille()), (2, 1000));
///     assert_eq!(seen.utilisation_permille(), 1000);
///     assert_eq!(
///         seen.to_string(),
///         "busy 100.0 %; 3 of 3 served, 0 gone; waited 2s on average, 4s at most; \
///          queue 1.000 on average, 2 at most",
///     );
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Statistics {
    /// How many servers there are; a link has one.
    pub servers: usize,
    /// How long it has been there.
    pub observed: Duration,
    /// How many have asked: those served, those gone, and those in line.
    pub requests: u64,
    /// How many were given a server and took it.
    pub served: u64,
    /// How many went away before they had a server.
    pub abandoned: u64,
    /// How many servers are busy now.
    pub busy: usize,
    /// The time for which servers were busy, summed over the servers.
    pub busy_time: Duration,
    /// How long those waited that were served, in sum.
    pub waited_total: Duration,
    /// How long the one waited that was served after the longest wait.
    pub waited_max: Duration,
    /// How many stand in line now.
    pub queue_len: usize,
    /// How many stood in line at most, if only for a moment.
    pub queue_len_max: usize,
    /// The time that was spent in line, summed over all who stood there, those that went away included.
    pub queue_time: Duration,
}

impl Statistics {
    /// Returns the part of the servers' time in which they were busy, in thousandths, rounded.
    ///
    /// 0 where no time has passed.
    pub fn utilisation_permille(&self) -> u64 {
        let capacity = self.observed.as_nanos().saturating_mul(self.servers as u128);
        permille(self.busy_time.as_nanos(), capacity)
    }

    /// Returns the mean of the waits of those who were served, rounded down to a nanosecond.
    ///
    /// 0 where nobody was served.
    pub fn waited_mean(&self) -> Duration {
        let mean = self.waited_total.as_nanos().checked_div(u128::from(self.served));
        duration(mean.unwrap_or(0))
    }

    /// Returns the mean length of the line, weighted by time, in thousandths, rounded.
    ///
    /// 0 where no time has passed.
    pub fn queue_len_mean_permille(&self) -> u64 {
        permille(self.queue_time.as_nanos(), self.observed.as_nanos())
    }
}

/// Shows it in one line.
impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (busy, queue) = (self.utilisation_permille(), self.queue_len_mean_permille());
        let shown = |duration: Duration| Instant::ZERO + duration;
        write!(f, "busy {}.{} %; ", busy / 10, busy % 10)?;
        write!(f, "{} of {} served, {} gone; ", self.served, self.requests, self.abandoned)?;
        let (mean, max) = (shown(self.waited_mean()), shown(self.waited_max));
        write!(f, "waited {mean} on average, {max} at most; ")?;
        let max = self.queue_len_max;
        write!(f, "queue {}.{:03} on average, {max} at most", queue / 1000, queue % 1000)
    }
}

/// What a [`Link`](super::Link) has seen since it was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct LinkStatistics {
    /// Of the line before it: how long it sent, how long transfers and messages waited for their first byte to
    /// leave, how many waited. Served is what began to be sent.
    pub line: Statistics,
    /// Bytes of what was sent whole, the lost included.
    pub bytes: u64,
    /// How many were sent whole and lost on the way.
    pub lost: u64,
}

/// Shows it in one line.
impl fmt::Display for LinkStatistics {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes sent, {} lost; {}", self.bytes, self.lost, self.line)
    }
}

fn permille(part: u128, whole: u128) -> u64 {
    let doubled = part.saturating_mul(2000).saturating_add(whole);
    doubled.checked_div(whole.saturating_mul(2)).map_or(0, |rounded| rounded as u64)
}

fn duration(nanos: u128) -> Duration {
    const NANOS_PER_SEC: u128 = 1_000_000_000;
    // Even 2^64 in a line for all of time have waited for fewer than 2^98 ns, so seconds always fit in 128
    // bits; beyond 64 of them there is no `Duration`.
    match u64::try_from(nanos / NANOS_PER_SEC) {
        Ok(seconds) => Duration::new(seconds, (nanos % NANOS_PER_SEC) as u32),
        Err(_) => Duration::MAX,
    }
}

/// Counts along. Whoever owns it says what happens and when, in the order of time.
#[derive(Debug)]
pub(super) struct Meter {
    servers: usize,
    since: Instant,
    /// Up to here the sums over time are made.
    now: Instant,
    requests: u64,
    served: u64,
    abandoned: u64,
    busy: usize,
    busy_ns: u128,
    waited_ns: u128,
    waited_max: Duration,
    queue_len: usize,
    queue_len_max: usize,
    queue_ns: u128,
}

impl Meter {
    pub(super) fn new(servers: usize, since: Instant) -> Meter {
        Meter {
            servers,
            since,
            now: since,
            requests: 0,
            served: 0,
            abandoned: 0,
            busy: 0,
            busy_ns: 0,
            waited_ns: 0,
            waited_max: Duration::ZERO,
            queue_len: 0,
            queue_len_max: 0,
            queue_ns: 0,
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.now
    }

    /// Time has passed, up to `now`.
    pub(super) fn advance(&mut self, now: Instant) {
        let passed = now.duration_since(self.now).as_nanos();
        self.busy_ns += passed * self.busy as u128;
        self.queue_ns += passed * self.queue_len as u128;
        self.now = self.now.max(now);
    }

    /// Somebody asks.
    pub(super) fn ask(&mut self) {
        self.requests += 1;
    }

    /// Who asked stands in line.
    pub(super) fn enter(&mut self) {
        self.queue_len += 1;
        self.queue_len_max = self.queue_len_max.max(self.queue_len);
    }

    /// Somebody stands in line no longer.
    pub(super) fn leave(&mut self) {
        self.queue_len -= 1;
    }

    /// Who asked has gone away.
    pub(super) fn abandon(&mut self) {
        self.abandoned += 1;
    }

    /// A server is somebody's.
    pub(super) fn occupy(&mut self) {
        self.busy += 1;
    }

    /// Who was given a server takes it.
    pub(super) fn serve(&mut self, waited: Duration) {
        self.served += 1;
        self.waited_ns += waited.as_nanos();
        self.waited_max = self.waited_max.max(waited);
    }

    /// A server is free.
    pub(super) fn vacate(&mut self) {
        self.busy -= 1;
    }

    pub(super) fn statistics(&self) -> Statistics {
        Statistics {
            servers: self.servers,
            observed: self.now.duration_since(self.since),
            requests: self.requests,
            served: self.served,
            abandoned: self.abandoned,
            busy: self.busy,
            busy_time: duration(self.busy_ns),
            waited_total: duration(self.waited_ns),
            waited_max: self.waited_max,
            queue_len: self.queue_len,
            queue_len_max: self.queue_len_max,
            queue_time: duration(self.queue_ns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousandths_are_rounded_and_nothing_is_divided_by_zero() {
        assert_eq!(permille(1, 3), 333);
        assert_eq!(permille(2, 3), 667);
        assert_eq!(permille(1, 2000), 1, "a half is rounded up");
        assert_eq!(permille(5, 0), 0);
        assert_eq!(permille(u128::from(u64::MAX), u128::from(u64::MAX)), 1000);
    }

    #[test]
    fn sums_that_no_duration_holds_end_at_the_longest() {
        assert_eq!(duration(1_500_000_000), Duration::from_millis(1500));
        assert_eq!(duration(u128::MAX), Duration::MAX);
        assert_eq!(duration(Duration::MAX.as_nanos()), Duration::MAX);
    }
}
