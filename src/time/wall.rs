//! The wall clock: what a program takes for the time of day. Timers have nothing to do with it (S11).

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use crate::executor::{self, access};
use crate::kernel::{Access, Object};

/// A reading of the simulated wall clock: nanoseconds since 1970-01-01T00:00:00Z.
///
/// The clock starts at 2000-01-01T00:00:00Z unless [`Builder::start_time`](crate::Builder::start_time) says
/// otherwise, runs along with virtual time, and can be set, forwards or backwards, as an operator or NTP
/// does. Timers never follow (S11). The type is our own, because the standard library's resolution differs
/// between platforms.
///
/// # Examples
///
/// ```
/// use simloop::{now, run, sleep, time::SystemTime};
/// use std::time::Duration;
///
/// run(async {
///     let start = SystemTime::now();
///     assert_eq!(start.since_epoch(), Some(Duration::from_secs(946_684_800)));
///     SystemTime::set(start + Duration::from_secs(86_400));
///     sleep(Duration::from_secs(1)).await;
///     assert_eq!(SystemTime::now().duration_since(start), Some(Duration::from_secs(86_401)));
///     assert_eq!(now().to_string(), "1s");
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SystemTime {
    nanos: i128,
}

impl SystemTime {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: SystemTime = SystemTime { nanos: 0 };

    /// Returns the present reading.
    ///
    /// # Panics
    ///
    /// Panics outside a loop.
    #[track_caller]
    #[inline]
    pub fn now() -> SystemTime {
        access::note(Access::Read(Object::WallClock));
        SystemTime { nanos: executor::wall_clock("SystemTime::now") }
    }

    /// Sets the clock to `reading`. It runs on from there; timers stay where they are.
    ///
    /// # Panics
    ///
    /// Panics outside a loop.
    #[track_caller]
    #[inline]
    pub fn set(reading: SystemTime) {
        access::note(Access::Write(Object::WallClock));
        executor::set_wall_clock("SystemTime::set", reading.nanos);
    }

    /// Returns the time since 1970-01-01T00:00:00Z, or `None` for an earlier reading.
    pub fn since_epoch(self) -> Option<Duration> {
        self.duration_since(SystemTime::UNIX_EPOCH)
    }

    /// Returns the time from `earlier` to `self`, or `None` if `earlier` is the later one.
    pub fn duration_since(self, earlier: SystemTime) -> Option<Duration> {
        let nanos = u128::try_from(self.nanos - earlier.nanos).ok()?;
        let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
        Some(Duration::new(seconds, (nanos % 1_000_000_000) as u32))
    }

    /// Returns the reading as the standard library's type, where its range has it.
    pub fn to_std(self) -> Option<std::time::SystemTime> {
        match self.since_epoch() {
            Some(since) => std::time::SystemTime::UNIX_EPOCH.checked_add(since),
            None => {
                let before = SystemTime::UNIX_EPOCH.duration_since(self)?;
                std::time::SystemTime::UNIX_EPOCH.checked_sub(before)
            }
        }
    }
}

// The sum of two 95-bit numbers of nanoseconds is far from the end of 127 bits, and no reading is further
// from 1970 than a few durations.
impl Add<Duration> for SystemTime {
    type Output = SystemTime;

    #[inline]
    fn add(self, duration: Duration) -> SystemTime {
        SystemTime { nanos: self.nanos.saturating_add(duration.as_nanos() as i128) }
    }
}

impl Sub<Duration> for SystemTime {
    type Output = SystemTime;

    #[inline]
    fn sub(self, duration: Duration) -> SystemTime {
        SystemTime { nanos: self.nanos.saturating_sub(duration.as_nanos() as i128) }
    }
}

impl fmt::Debug for SystemTime {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ns since 1970", self.nanos)
    }
}
