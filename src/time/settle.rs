//! Waiting until everybody else waits.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::sleep::{Sleep, sleep_called};
use crate::executor::Settle;

/// Waits until every other task waits, before the clock would jump (S10a).
///
/// Takes no virtual time. Of several tasks that settle, the one that has waited longest goes on, and the
/// next only when all wait again. This is Go's `synctest.Wait` and trio's `wait_all_tasks_blocked`.
///
/// # Panics
///
/// Panics outside a loop.
///
/// # Examples
///
/// ```
/// use simloop::{now, run, settle, spawn, yield_now};
/// use std::{cell::Cell, rc::Rc};
///
/// run(async {
///     let steps = Rc::new(Cell::new(0));
///     let counter = Rc::clone(&steps);
///     spawn(async move {
///         for _ in 0..100 {
///             counter.set(counter.get() + 1);
///             yield_now().await;
///         }
///     });
///     settle().await;
///     assert_eq!(steps.get(), 100);
///     assert_eq!(now().to_string(), "0s");
/// });
/// ```
#[doc(alias = "wait_all_tasks_blocked")]
#[doc(alias = "synctest")]
#[track_caller]
pub fn settle() -> Settle {
    Settle::new()
}

/// Sleeps for `duration` and then settles, so that a test looks at its program after everything that
/// happens at that instant, whatever the order (S10a).
///
/// # Panics
///
/// Panics outside a loop.
///
/// # Examples
///
/// ```
/// use simloop::{run, sleep, spawn, time::sleep_then_settle, yield_now};
/// use std::time::Duration;
///
/// run(async {
///     let second = Duration::from_secs(1);
///     let checked = sleep_then_settle(second);
///     let worker = spawn(async move {
///         sleep(second).await;
///         yield_now().await;
///     });
///     checked.await;
///     assert!(worker.is_finished());
/// });
/// ```
#[track_caller]
#[inline]
pub fn sleep_then_settle(duration: Duration) -> SleepThenSettle {
    sleep_then_settle_called("sleep_then_settle", duration)
}

/// Lets `duration` of virtual time pass, deadline by deadline, and returns when nothing is ready (S10).
///
/// Inside a task that is [`sleep_then_settle`] under the name that `tokio::time::advance` has; unlike that
/// one it runs what falls due on the way. From outside, use
/// [`EventLoop::advance`](crate::EventLoop::advance).
///
/// # Panics
///
/// Panics outside a loop.
///
/// # Examples
///
/// ```
/// use simloop::{now, run, time};
/// use std::time::Duration;
///
/// run(async {
///     time::advance(Duration::from_secs(5)).await;
///     assert_eq!(now().to_string(), "5s");
/// });
/// ```
#[track_caller]
#[inline]
pub fn advance(duration: Duration) -> SleepThenSettle {
    sleep_then_settle_called("advance", duration)
}

#[track_caller]
fn sleep_then_settle_called(what: &str, duration: Duration) -> SleepThenSettle {
    SleepThenSettle { sleep: sleep_called(what, duration), settle: settle() }
}

/// Future of [`sleep_then_settle`] and [`advance`].
///
/// # Cancel safety
///
/// Dropping it removes its timer and its wait; nothing is lost.
///
/// # Panics
///
/// Panics when polled outside a loop, or in another one than that in which it was made.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct SleepThenSettle {
    sleep: Sleep,
    settle: Settle,
}

impl Future for SleepThenSettle {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // A sleep that has ended stays ready.
        ready!(Pin::new(&mut self.sleep).poll(cx));
        Pin::new(&mut self.settle).poll(cx)
    }
}
