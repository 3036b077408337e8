//! The small forms of cancel scopes, and the deadline that all of them together come to (S27).

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::scope::{CancelScope, ScopeRun};
use crate::executor::Enclosing;
use crate::kernel::Instant;

/// Returns the earliest deadline of all that encloses the running code: cancel scopes and timeouts.
///
/// It is [`Instant::NEVER`] where nothing does, and [`Instant::ZERO`] within a scope that was cancelled, where
/// trio gives minus infinity. A task starts with none, unless it was spawned into a
/// [`TaskGroup`](super::TaskGroup): then what encloses the group's scope encloses the task. What other crates
/// have by way of timeouts is not known here.
///
/// # Examples
///
/// ```
/// use simloop::{run, timeout, task::{CancelScope, current_effective_deadline}, time::Instant};
/// use std::time::Duration;
///
/// run(async {
///     assert!(current_effective_deadline().is_never());
///     let scope = CancelScope::after(Duration::from_secs(9));
///     let seen = scope.run(timeout(Duration::from_secs(5), async {
///         let first = current_effective_deadline();
///         scope.set_deadline(Instant::ZERO + Duration::from_secs(2));
///         (first, current_effective_deadline())
///     }));
///     let (first, then) = seen.await.unwrap().unwrap();
///     assert_eq!((first.to_string(), then.to_string()), ("5s".to_owned(), "2s".to_owned()));
/// });
/// ```
#[inline]
pub fn current_effective_deadline() -> Instant {
    Enclosing::current().deadline()
}

/// Runs `future` for at most `delay`, and returns `None` if it has not come to its end by then.
///
/// This is trio's `move_on_after`. Take [`CancelScope::run`] to move the deadline on the way.
///
/// # Panics
///
/// Panics outside a loop.
///
/// # Examples
///
/// ```
/// use simloop::{now, run, sleep, task::move_on_after};
/// use std::time::Duration;
///
/// run(async {
///     let second = Duration::from_secs(1);
///     assert_eq!(move_on_after(second, sleep(2 * second)).await, None);
///     assert_eq!(move_on_after(second, sleep(second)).await, Some(()));
///     assert_eq!(now().to_string(), "2s");
/// });
/// ```
#[track_caller]
pub fn move_on_after<F: IntoFuture>(delay: Duration, future: F) -> MoveOn<F::IntoFuture> {
    MoveOn { run: CancelScope::after(delay).run(future) }
}

/// Runs `future` until `deadline` at most; see [`move_on_after`].
///
/// # Panics
///
/// Panics outside a loop.
#[track_caller]
pub fn move_on_at<F: IntoFuture>(deadline: Instant, future: F) -> MoveOn<F::IntoFuture> {
    MoveOn { run: CancelScope::at(deadline).run(future) }
}

/// Runs `future` for at most `delay`, and fails if it has not come to its end by then.
///
/// This is trio's `fail_after`: [`timeout`](crate::timeout) with a scope that can be moved, which
/// [`ScopeRun::scope`] gives.
///
/// # Errors
///
/// [`Cancelled`](super::Cancelled), if the deadline passed first or the scope was cancelled.
///
/// # Panics
///
/// Panics outside a loop.
///
/// # Examples
///
/// ```
/// use simloop::{fail_after, now, run, sleep};
/// use std::time::Duration;
///
/// run(async {
///     let second = Duration::from_secs(1);
///     let download = fail_after(2 * second, sleep(10 * second));
///     download.scope().extend(second);
///     assert_eq!(download.await.unwrap_err().to_string(), "a scope reached its deadline at 3s");
///     assert_eq!(now().to_string(), "3s");
/// });
/// ```
#[track_caller]
pub fn fail_after<F: IntoFuture>(delay: Duration, future: F) -> ScopeRun<F::IntoFuture> {
    CancelScope::after(delay).run(future)
}

/// Runs `future` until `deadline` at most; see [`fail_after`].
///
/// # Errors
///
/// [`Cancelled`](super::Cancelled), if the deadline passed first or the scope was cancelled.
///
/// # Panics
///
/// Panics outside a loop.
#[track_caller]
pub fn fail_at<F: IntoFuture>(deadline: Instant, future: F) -> ScopeRun<F::IntoFuture> {
    CancelScope::at(deadline).run(future)
}

pin_project! {
    /// Future of [`move_on_after`] and [`move_on_at`].
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as the future inside.
    ///
    /// # Panics
    ///
    /// As [`ScopeRun`] does.
    #[must_use = "a future does nothing unless it is awaited"]
    pub struct MoveOn<F: Future> {
        #[pin]
        run: ScopeRun<F>,
    }
}

impl<F: Future> MoveOn<F> {
    /// Returns the scope, to move its deadline or to cancel it.
    pub fn scope(&self) -> &CancelScope {
        self.run.scope()
    }
}

impl<F: Future> Future for MoveOn<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().run.poll(cx).map(Result::ok)
    }
}

impl<F: Future> fmt::Debug for MoveOn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MoveOn").field("scope", self.scope()).finish_non_exhaustive()
    }
}
