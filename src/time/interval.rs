//! Ticking at a steady rate.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;

use crate::executor::Timer;
use crate::kernel::Instant;

/// Ticks every `period`, the first time at once (S15).
///
/// # Panics
///
/// Panics outside a loop, and for a period of zero.
///
/// # Examples
///
/// ```
/// use simloop::{now, run, time::interval};
/// use std::time::Duration;
///
/// run(async {
///     let mut ticks = interval(Duration::from_secs(2));
///     for expected in ["0s", "2s", "4s"] {
///         let scheduled = ticks.tick().await;
///         assert_eq!(scheduled.to_string(), expected);
///         assert_eq!(now(), scheduled);
///     }
/// });
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    let (timer, now) = Timer::new("interval");
    Interval::new(timer, now, period)
}

/// Ticks every `period`, the first time at `start` (S15).
///
/// # Panics
///
/// Panics outside a loop, and for a period of zero.
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    let (timer, _) = Timer::new("interval_at");
    Interval::new(timer, start, period)
}

/// What an interval does about ticks that nobody was there to take.
///
/// The names and meanings are tokio's, without its slack of 5 ms: a tick is missed when it is taken later
/// than scheduled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum MissedTickBehavior {
    /// Ticks at once until it has caught up. The default.
    #[default]
    Burst,
    /// Starts over: the next tick is one period after the late one was taken.
    Delay,
    /// Leaves out what was missed: the next tick is the first of the grid that lies ahead.
    Skip,
}

/// A steady rate of ticks, made by [`interval`] and [`interval_at`]. As a [`Stream`] it never ends.
#[derive(Debug)]
#[must_use = "an interval does nothing unless it is awaited"]
pub struct Interval {
    timer: Timer,
    next: Instant,
    period: Duration,
    behavior: MissedTickBehavior,
}

impl Interval {
    #[track_caller]
    fn new(timer: Timer, start: Instant, period: Duration) -> Self {
        assert!(
            period > Duration::ZERO,
            "an interval needs a period of 1 ns at least, and was given 0"
        );
        Interval { timer, next: start, period, behavior: MissedTickBehavior::Burst }
    }

    /// Waits for the next tick and returns the instant for which it was scheduled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes no tick.
    ///
    /// # Panics
    ///
    /// Panics when the future is polled outside a loop, or in another one than that in which the
    /// interval was made.
    #[inline]
    pub fn tick(&mut self) -> Tick<'_> {
        Tick { interval: self }
    }

    /// Polls for the next tick.
    ///
    /// # Panics
    ///
    /// Panics outside a loop, or in another one than that in which the interval was made.
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        ready!(self.timer.poll(self.next, cx));
        let scheduled = self.next;
        self.next = self.after(scheduled, super::now());
        Poll::Ready(scheduled)
    }

    /// The tick after one that was scheduled for `scheduled` and is taken at `now`.
    fn after(&self, scheduled: Instant, now: Instant) -> Instant {
        if now == scheduled {
            return scheduled + self.period;
        }
        match self.behavior {
            MissedTickBehavior::Burst => scheduled + self.period,
            MissedTickBehavior::Delay => now + self.period,
            MissedTickBehavior::Skip => {
                // A period beyond 64 bits of nanoseconds is longer than there is time.
                let Ok(period) = u64::try_from(self.period.as_nanos()) else {
                    return Instant::NEVER;
                };
                let into_period = now.duration_since(scheduled).as_nanos() as u64 % period;
                now + (self.period - Duration::from_nanos(into_period))
            }
        }
    }

    /// Returns the period.
    #[inline]
    pub fn period(&self) -> Duration {
        self.period
    }

    /// Returns what is done about missed ticks.
    #[inline]
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.behavior
    }

    /// Sets what is done about missed ticks.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, time::{MissedTickBehavior, block_for, interval}};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let mut ticks = interval(Duration::from_secs(1));
    ///     ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ///     ticks.tick().await;
    ///     block_for(Duration::from_millis(2500));
    ///     assert_eq!(ticks.tick().await.to_string(), "1s");
    ///     assert_eq!(ticks.tick().await.to_string(), "3s");
    /// });
    /// ```
    #[inline]
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.behavior = behavior;
    }

    /// Starts over: the next tick is one period from now.
    ///
    /// # Panics
    ///
    /// Panics outside a loop.
    #[track_caller]
    #[inline]
    pub fn reset(&mut self) {
        self.reset_at(super::now() + self.period);
    }

    /// Starts over: the next tick is due now.
    ///
    /// # Panics
    ///
    /// Panics outside a loop.
    #[track_caller]
    #[inline]
    pub fn reset_immediately(&mut self) {
        self.reset_at(super::now());
    }

    /// Starts over: the next tick is `after` from now.
    ///
    /// # Panics
    ///
    /// Panics outside a loop.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, time::interval};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let mut ticks = interval(Duration::from_secs(10));
    ///     ticks.tick().await;
    ///     ticks.reset_after(Duration::from_secs(3));
    ///     assert_eq!(ticks.tick().await.to_string(), "3s");
    ///     ticks.reset_immediately();
    ///     assert_eq!(ticks.tick().await.to_string(), "3s");
    ///     assert_eq!(ticks.tick().await.to_string(), "13s");
    /// });
    /// ```
    #[track_caller]
    #[inline]
    pub fn reset_after(&mut self, after: Duration) {
        self.reset_at(super::now() + after);
    }

    /// Starts over: the next tick is at `next`.
    pub fn reset_at(&mut self, next: Instant) {
        self.next = next;
        self.timer.reset(next);
    }
}

impl Stream for Interval {
    type Item = Instant;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.poll_tick(cx).map(Some)
    }
}

/// Future of [`Interval::tick`].
///
/// # Panics
///
/// Panics when polled outside a loop, or in another one than that in which the interval was
/// made.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct Tick<'a> {
    interval: &'a mut Interval,
}

impl Future for Tick<'_> {
    type Output = Instant;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Instant> {
        self.interval.poll_tick(cx)
    }
}
