//! The virtual clock: sleeps, timeouts, intervals, and code that takes time.
//!
//! Time stands still while anything is ready to run and then jumps to the next deadline (S2, S3). Nothing
//! here reads the real clock.

mod interval;
#[cfg(feature = "tracing-subscriber")]
mod log_time;
mod settle;
mod sleep;
mod timeout;
mod wall;

use std::time::Duration;

use crate::executor;
pub use crate::executor::Settle;
pub use crate::kernel::Instant;
pub use interval::{Interval, MissedTickBehavior, Tick, interval, interval_at};
#[cfg(feature = "tracing-subscriber")]
pub use log_time::LogTime;
pub use settle::{SleepThenSettle, advance, settle, sleep_then_settle};
pub use sleep::{Sleep, sleep, sleep_until};
pub use timeout::{Elapsed, Timeout, timeout, timeout_at};
pub use wall::SystemTime;

/// Returns the present instant of the running loop's clock.
///
/// It is the same throughout one poll, [`block_for`] aside (S2). This is asyncio's `loop.time()`.
///
/// # Panics
///
/// Panics outside a loop.
///
/// # Examples
///
/// ```
/// use simloop::{now, run, sleep, time::Instant};
/// use std::time::Duration;
///
/// run(async {
///     assert_eq!(now(), Instant::ZERO);
///     sleep(Duration::from_millis(1)).await;
///     assert_eq!(now().as_nanos(), 1_000_000);
/// });
/// ```
#[track_caller]
pub fn now() -> Instant {
    executor::now("now")
}

/// Returns the present instant, or `None` outside a loop and while a policy chooses.
///
/// It never panics, so the hook of a panic may ask, wherever the panic is.
#[inline]
pub fn try_now() -> Option<Instant> {
    executor::try_now()
}

impl Instant {
    /// Returns the present instant of the running loop's clock; see [`now`].
    ///
    /// # Panics
    ///
    /// Panics outside a loop.
    #[track_caller]
    pub fn now() -> Instant {
        now()
    }

    /// Returns the virtual time that has passed since this instant; zero if it lies ahead.
    ///
    /// # Panics
    ///
    /// Panics outside a loop.
    #[track_caller]
    pub fn elapsed(self) -> Duration {
        now().duration_since(self)
    }
}

/// Takes `duration` of virtual time without letting anything else run, as blocking code does (S9).
///
/// The clock moves at once. When the current poll ends, the timers that fell due meanwhile fire, late, in
/// the order of their deadlines, and their tasks queue behind those already ready. This models Python's
/// `time.sleep` inside a coroutine, or a long computation.
///
/// # Panics
///
/// Panics outside a loop.
///
/// # Examples
///
/// ```
/// use simloop::{now, run, sleep, spawn, time};
/// use std::time::Duration;
///
/// run(async {
///     let sleeper = spawn(async {
///         sleep(Duration::from_secs(1)).await;
///         now()
///     });
///     simloop::yield_now().await;
///     time::block_for(Duration::from_secs(3));
///     assert_eq!(sleeper.await.unwrap().to_string(), "3s");
/// });
/// ```
#[track_caller]
#[inline]
pub fn block_for(duration: Duration) {
    executor::block_for(duration);
}
