//! Keeping a task alive when whoever waits for it is cancelled (S26).

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{JoinError, JoinHandle, spawn};

/// Runs a future as a task that goes on when the waiter is cancelled (S26). This is `asyncio.shield`.
///
/// The task is spawned at once. Dropping the shield, as a timeout or an abort of the waiter does, detaches it;
/// the future alone would be dropped with the waiter. A task that there is already is shielded by its handle,
/// since dropping a [`JoinHandle`] detaches (S19): await the handle, or a reference to it, or make a shield of
/// it with [`From`] where a `Shield` is wanted.
///
/// # Errors
///
/// Awaiting it gives a [`JoinError`] if the task itself was cancelled or panicked.
///
/// # Panics
///
/// Panics outside a loop.
///
/// # Cancel safety
///
/// That is what it is for: dropping it ends nothing. If the task then panics, the run fails with that (S20).
///
/// # Examples
///
/// asyncio's `res = await shield(something())`, whose caller is cancelled after a second:
///
/// ```
/// use simloop::{now, run, shield, sleep, timeout};
/// use std::{cell::Cell, rc::Rc, time::Duration};
///
/// run(async {
///     let saved_at = Rc::new(Cell::new(None));
///     let saved = Rc::clone(&saved_at);
///     let save = async move {
///         sleep(Duration::from_secs(2)).await;
///         saved.set(Some(now().to_string()));
///     };
///     assert!(timeout(Duration::from_secs(1), shield(save)).await.is_err());
///     assert_eq!(saved_at.take(), None);
///     sleep(Duration::from_secs(2)).await;
///     assert_eq!(saved_at.take().as_deref(), Some("2s"), "it was saved all the same");
/// });
/// ```
#[track_caller]
pub fn shield<F>(future: F) -> Shield<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    Shield { handle: spawn(future) }
}

/// Future of [`shield`].
///
/// # Cancel safety
///
/// Dropping it detaches the task.
///
/// # Panics
///
/// Awaiting it again after it has given its result panics.
#[derive(Debug)]
#[must_use = "dropping a shield detaches its task"]
pub struct Shield<T> {
    handle: JoinHandle<T>,
}

impl<T> Shield<T> {
    /// Returns the handle of the task.
    pub fn into_inner(self) -> JoinHandle<T> {
        self.handle
    }

    /// Returns the handle of the task, to abort it or to ask for it.
    pub fn get_ref(&self) -> &JoinHandle<T> {
        &self.handle
    }
}

impl<T> From<JoinHandle<T>> for Shield<T> {
    fn from(handle: JoinHandle<T>) -> Self {
        Shield { handle }
    }
}

impl<T: 'static> Future for Shield<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.handle).poll(cx)
    }
}
