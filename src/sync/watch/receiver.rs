//! Receivers, and the futures that wait for another value.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::error::RecvError;
use super::{CHANGED, Latest, Ref, Way, look};
use crate::sync::gate::Place;

/// Sees the latest value of a [`channel`](super::channel). A clone has seen what the original has, and goes its
/// own way from then on.
pub struct Receiver<T> {
    pub(super) shared: Way<T>,
    /// The version seen last; another one than any there was, if it was marked as changed.
    pub(super) seen: u64,
    pub(super) place: Place,
}

impl<T> Receiver<T> {
    /// Gives the channel a name, for reports.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.shared.set_name(name.into());
        self
    }

    /// Returns the latest value, and does not count it as seen.
    ///
    /// # Panics
    ///
    /// Panics inside the closure of [`send_modify`](super::Sender::send_modify) and its like.
    #[track_caller]
    pub fn borrow(&self) -> Ref<'_, T> {
        let (seen, version) = look(&self.shared);
        Ref::new(seen, version != self.seen)
    }

    /// Returns the latest value and counts it as seen.
    ///
    /// # Panics
    ///
    /// As [`borrow`](Self::borrow).
    #[track_caller]
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let (seen, version) = look(&self.shared);
        let has_changed = version != self.seen;
        self.seen = version;
        Ref::new(seen, has_changed)
    }

    /// Says whether there is a value that was not seen.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if all senders are gone, also if there is a value that was not seen.
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        let (senders, version) = self.shared.read(|latest| (latest.senders, latest.version));
        if senders == 0 { Err(RecvError(())) } else { Ok(version != self.seen) }
    }

    /// Counts the present value as not seen.
    pub fn mark_changed(&mut self) {
        self.seen = self.seen.wrapping_sub(1);
    }

    /// Counts the present value as seen.
    pub fn mark_unchanged(&mut self) {
        self.seen = self.shared.read(|latest| latest.version);
    }

    /// Says whether all senders are gone.
    pub fn is_closed(&self) -> bool {
        self.shared.read(|latest| latest.senders == 0)
    }

    /// Says whether both see one channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T: 'static> Receiver<T> {
    /// Waits for a value that was not seen, and counts it as seen; ready at once, without suspending, if there is
    /// one. The result is an error if there is none and all senders are gone.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line; the value counts as seen only when the future was ready.
    pub fn changed(&mut self) -> Changed<'_, T> {
        Changed { receiver: self }
    }

    /// Waits for a value that fulfils `condition`, and returns it. The present one is asked first, seen or not;
    /// each one asked counts as seen. The result is an error if no more can come. As in tokio, the [`Ref`] says
    /// that the value has changed only if it was the present one and not seen before the call.
    ///
    /// `condition` is called with nothing locked, so it may use the channel. If it panics the panic goes on.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line; the values asked so far count as seen.
    pub fn wait_for<F>(&mut self, condition: F) -> WaitFor<'_, T, F>
    where
        F: FnMut(&T) -> bool,
    {
        WaitFor { changed: Some(self.changed()), condition, is_asked: false }
    }
}

impl<T: 'static> Receiver<T> {
    fn poll_changed(&mut self, cx: &Context<'_>) -> Poll<Result<(), RecvError>> {
        let Receiver { shared, seen, place } = self;
        let look = |latest: &mut Latest<T>| {
            if latest.version != *seen {
                *seen = latest.version;
                return Ok(Ok(()));
            }
            if latest.senders == 0 { Ok(Err(RecvError(()))) } else { Err(*seen) }
        };
        shared.poll_take(CHANGED, place, cx, look)
    }
}

/// Gives each value that was not seen, the latest only, and counts it as seen; ends when there is none and all
/// senders are gone.
///
/// The value that is there at first was seen by the receiver of [`channel`](super::channel) and by one that has
/// subscribed, so the stream begins with the next: it is `WatchStream::from_changes` of the crate `tokio-stream`.
/// [`mark_changed`](Self::mark_changed) before makes it begin with the present one, as `WatchStream::new` does.
///
/// # Examples
///
/// ```
/// use futures_util::StreamExt;
/// use simloop::{now, run, sleep, spawn, sync::watch};
/// use std::time::Duration;
///
/// run(async {
///     let (tx, mut rx) = watch::channel(0);
///     rx.mark_changed();
///     spawn(async move {
///         for value in 1..=3 {
///             sleep(Duration::from_secs(1)).await;
///             tx.send_replace(10 * value);
///             tx.send_replace(value);
///         }
///     });
///     assert_eq!(rx.collect::<Vec<_>>().await, [0, 1, 2, 3]);
///     assert_eq!(now().to_string(), "3s");
/// });
/// ```
impl<T: Clone + 'static> Stream for Receiver<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let receiver = self.get_mut();
        Poll::Ready(match ready!(receiver.poll_changed(cx)) {
            Ok(()) => Some(receiver.borrow_and_update().clone()),
            Err(RecvError(())) => None,
        })
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.update(|latest| latest.receivers += 1);
        Receiver { shared: Arc::clone(&self.shared), seen: self.seen, place: Place::default() }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.leave(CHANGED, &mut self.place);
        self.shared.update(|latest| latest.receivers -= 1);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.shared).finish()
    }
}

/// Future of [`Receiver::changed`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; the value counts as seen only when the future was ready.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Changed<'a, T> {
    receiver: &'a mut Receiver<T>,
}

impl<T: 'static> Future for Changed<'_, T> {
    type Output = Result<(), RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().receiver.poll_changed(cx)
    }
}

impl<T> Drop for Changed<'_, T> {
    fn drop(&mut self) {
        self.receiver.shared.leave(CHANGED, &mut self.receiver.place);
    }
}

/// Future of [`Receiver::wait_for`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; the values asked so far count as seen.
///
/// # Panics
///
/// Panics when polled again after it was ready.
#[must_use = "a future does nothing unless it is awaited"]
pub struct WaitFor<'a, T, F> {
    /// Gone once the result is given.
    changed: Option<Changed<'a, T>>,
    condition: F,
    /// The value that was there at first was asked.
    is_asked: bool,
}

impl<'a, T, F> Future for WaitFor<'a, T, F>
where
    T: 'static,
    F: FnMut(&T) -> bool,
{
    type Output = Result<Ref<'a, T>, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let WaitFor { changed, condition, is_asked } = self.get_mut();
        let waiting = changed.as_mut().expect("a `wait_for` was polled after it had ended");
        loop {
            if *is_asked {
                if let Err(error) = ready!(Pin::new(&mut *waiting).poll(cx)) {
                    *changed = None;
                    return Poll::Ready(Err(error));
                }
            }
            let (seen, version) = look(&waiting.receiver.shared);
            let has_changed = version != waiting.receiver.seen;
            waiting.receiver.seen = version;
            *is_asked = true;
            if condition(&seen.shown.value) {
                *changed = None;
                return Poll::Ready(Ok(Ref::new(seen, has_changed)));
            }
        }
    }
}

/// Nothing in it is pinned.
impl<T, F> Unpin for WaitFor<'_, T, F> {}

impl<T> fmt::Debug for Changed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Changed").field(&self.receiver).finish()
    }
}

impl<T, F> fmt::Debug for WaitFor<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WaitFor").field(&self.changed).finish()
    }
}
