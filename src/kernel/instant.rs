//! A point on the virtual clock: an integer number of nanoseconds (S1).
//!
//! Knows nothing of the real clock, of floats, or of who moves the clock.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::time::Duration;

use super::ordered::number_keys;

/// A point in virtual time: nanoseconds since the loop started.
///
/// Arithmetic saturates: adding too much gives [`Instant::NEVER`], subtracting too much gives
/// [`Instant::ZERO`]. So any [`Duration`] may be added, `Duration::MAX` included; the `checked_*` forms
/// say when that happened. Rule S1.
///
/// # Examples
///
/// ```
/// use simloop::time::Instant;
/// use std::time::Duration;
///
/// let start = Instant::ZERO;
/// let later = start + Duration::from_millis(2500);
/// assert_eq!(later.to_string(), "2.5s");
/// assert_eq!(later - start, Duration::from_millis(2500));
/// assert_eq!(later + Duration::MAX, Instant::NEVER);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

number_keys!(Instant);

impl Instant {
    /// The instant at which every loop starts.
    pub const ZERO: Instant = Instant(0);

    /// An instant that is never reached; a sleep until then waits for ever (S6).
    pub const NEVER: Instant = Instant(u64::MAX);

    /// Makes an instant from nanoseconds since the loop started; `u64::MAX` is [`Instant::NEVER`].
    pub const fn from_nanos(nanos: u64) -> Self {
        Instant(nanos)
    }

    /// Returns the nanoseconds since the loop started.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns the time since the loop started.
    #[inline]
    pub const fn since_start(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// Returns the time from `earlier` to `self`, or zero if `earlier` is the later one.
    pub const fn duration_since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Returns the time from `earlier` to `self`, or `None` if `earlier` is the later one.
    pub fn checked_duration_since(self, earlier: Instant) -> Option<Duration> {
        self.0.checked_sub(earlier.0).map(Duration::from_nanos)
    }

    /// Adds `duration`, or returns `None` where the sum would reach [`Instant::NEVER`].
    pub fn checked_add(self, duration: Duration) -> Option<Instant> {
        let nanos = u64::try_from(duration.as_nanos()).ok()?;
        let sum = self.0.checked_add(nanos)?;
        (sum < u64::MAX).then_some(Instant(sum))
    }

    /// Subtracts `duration`, or returns `None` where the result would lie before the start.
    pub fn checked_sub(self, duration: Duration) -> Option<Instant> {
        let nanos = u64::try_from(duration.as_nanos()).ok()?;
        self.0.checked_sub(nanos).map(Instant)
    }

    /// Says whether this is [`Instant::NEVER`].
    pub const fn is_never(self) -> bool {
        self.0 == u64::MAX
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    #[inline]
    fn add(self, duration: Duration) -> Instant {
        // Seconds beyond 64 bits of nanoseconds are some 584 years away: that is never.
        let nanos = duration
            .as_secs()
            .checked_mul(1_000_000_000)
            .and_then(|whole| whole.checked_add(u64::from(duration.subsec_nanos())))
            .unwrap_or(u64::MAX);
        Instant(self.0.saturating_add(nanos))
    }
}

impl AddAssign<Duration> for Instant {
    #[inline]
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    fn sub(self, duration: Duration) -> Instant {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Instant(self.0.saturating_sub(nanos))
    }
}

impl SubAssign<Duration> for Instant {
    #[inline]
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_never() { f.pad("never") } else { f.pad(&shown_nanos(self.0)) }
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Writes nanoseconds in the largest unit that leaves a whole part: `2.5s`, `250ms`, `1us`, `0s`.
///
/// The standard library's `Debug` for `Duration` looks alike but does not promise its bytes, and a trace
/// must (S34); `us` rather than the Greek letter keeps columns aligned in every terminal.
pub(crate) fn shown_nanos(nanos: u64) -> String {
    let (unit_nanos, unit, digits) = match nanos {
        0 => return "0s".to_owned(),
        1..1_000 => (1, "ns", 0),
        1_000..1_000_000 => (1_000, "us", 3),
        1_000_000..1_000_000_000 => (1_000_000, "ms", 6),
        _ => (1_000_000_000, "s", 9),
    };
    let (whole, rest) = (nanos / unit_nanos, nanos % unit_nanos);
    if rest == 0 {
        return format!("{whole}{unit}");
    }
    let fraction = format!("{rest:0digits$}");
    format!("{whole}.{}{unit}", fraction.trim_end_matches('0'))
}

/// Writes a duration as [`shown_nanos`] does; one beyond 64 bits of nanoseconds in whole seconds.
pub(crate) fn shown_duration(duration: Duration) -> String {
    match u64::try_from(duration.as_nanos()) {
        Ok(nanos) => shown_nanos(nanos),
        Err(_) => format!("{}s", duration.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_shown_in_the_largest_unit_with_a_whole_part() {
        let shown = |nanos| Instant::from_nanos(nanos).to_string();
        assert_eq!(shown(0), "0s");
        assert_eq!(shown(1), "1ns");
        assert_eq!(shown(1_000), "1us");
        assert_eq!(shown(1_500_000), "1.5ms");
        assert_eq!(shown(250_000_000), "250ms");
        assert_eq!(shown(2_500_000_000), "2.5s");
        assert_eq!(shown(1_000_000_001), "1.000000001s");
        assert_eq!(shown(3_600_000_000_000), "3600s");
        assert_eq!(shown(u64::MAX), "never");
    }
}
