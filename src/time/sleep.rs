//! Sleeping until an instant.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::executor::Timer;
use crate::kernel::Instant;

/// Sleeps for `duration` of virtual time.
///
/// The deadline is fixed here, not when the future is first polled (S4). Any duration is accepted; one that
/// reaches past the end of time sleeps for ever (S6). A sleep of zero suspends exactly once (S5).
///
/// # Panics
///
/// Panics outside a loop.
///
/// # Examples
///
/// ```
/// use simloop::{now, run, sleep};
/// use std::time::Duration;
///
/// run(async {
///     let nap = sleep(Duration::from_secs(2));
///     sleep(Duration::from_secs(1)).await;
///     nap.await;
///     assert_eq!(now().to_string(), "2s");
/// });
/// ```
#[inline]
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    sleep_called("sleep", duration)
}

/// Sleeps until `deadline`. One that has passed suspends exactly once (S5).
///
/// # Panics
///
/// Panics outside a loop.
///
/// # Examples
///
/// ```
/// use simloop::{now, run, time::{Instant, sleep_until}};
///
/// run(async {
///     sleep_until(Instant::from_nanos(1500)).await;
///     assert_eq!(now().to_string(), "1.5us");
/// });
/// ```
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    let (timer, _) = Timer::new("sleep_until");
    Sleep { timer, deadline }
}

/// Future of [`sleep`] and [`sleep_until`].
///
/// It is `Unpin`: it may be moved between polls, and `&mut sleep` can be awaited in a loop.
///
/// # Cancel safety
///
/// Dropping it removes the timer at once (S8); nothing is lost.
///
/// # Panics
///
/// Panics when polled outside a loop, or in another one than that in which it was made.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Sleep {
    /// Spent when the sleep has come to its end: by its timer, or by the one suspension of a sleep that was due
    /// at once.
    timer: Timer,
    deadline: Instant,
}

/// The sleep of what is called `what` outside a loop.
#[inline]
#[track_caller]
pub(super) fn sleep_called(what: &str, duration: Duration) -> Sleep {
    let (timer, now) = Timer::new(what);
    Sleep { timer, deadline: now + duration }
}

impl fmt::Debug for Sleep {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("deadline", &self.deadline)
            .field("elapsed", &self.timer.is_spent())
            .finish()
    }
}

impl Sleep {
    /// Returns the instant at which it ends.
    #[inline]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Says whether the deadline has passed.
    ///
    /// # Panics
    ///
    /// Panics outside a loop.
    #[track_caller]
    pub fn is_elapsed(&self) -> bool {
        super::now() >= self.deadline && !self.deadline.is_never()
    }

    /// Moves the deadline, before its end or after.
    ///
    /// Counts as a new registration in the order of equal deadlines (S7). Whoever waits for the sleep is
    /// woken at the new deadline without another poll.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{now, run, sleep};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let mut nap = sleep(Duration::from_secs(60));
    ///     nap.reset(now() + Duration::from_secs(1));
    ///     (&mut nap).await;
    ///     assert_eq!(now().to_string(), "1s");
    /// });
    /// ```
    ///
    /// # Panics
    ///
    /// Panics on another thread than the loop's while somebody waits for it there.
    #[track_caller]
    #[inline]
    pub fn reset(&mut self, deadline: Instant) {
        self.deadline = deadline;
        let was_waited_for = self.timer.is_registered();
        self.timer.reset(deadline);
        // A timer that was waited for and is due now has just woken its task; that was its suspension.
        if was_waited_for && !self.timer.is_registered() && self.is_elapsed() {
            self.timer.spend();
        }
    }
}

impl Future for Sleep {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.timer.is_spent() {
            return Poll::Ready(());
        }
        let is_first = !self.timer.is_registered();
        let deadline = self.deadline;
        if self.timer.poll(deadline, cx).is_pending() {
            return Poll::Pending;
        }
        self.timer.spend();
        if is_first {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}
