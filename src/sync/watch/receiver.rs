//! Receivers, and the futures that wait for another value.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::error::RecvError;
use super::{CHANGED, Latest, Ref, Way, look};
use crate::sync::gate::Place;

/// Sees the latest value of a [`channel`](super::channel). A clone has seen what the original has, and goes its
/// own way from then on.
pub struct Receiver<T> {
    pub(super) shared: Way<T>,
    /// The version seen last; another one than any there was, if it was marked as changed.
    pub(super) seen: u64,
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
        let (value, version) = look(&self.shared);
        Ref { value, has_changed: version != self.seen, handle: PhantomData }
    }

    /// Returns the latest value and counts it as seen.
    ///
    /// # Panics
    ///
    /// As [`borrow`](Self::borrow).
    #[track_caller]
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let (value, version) = look(&self.shared);
        let has_changed = version != self.seen;
        self.seen = version;
        Ref { value, has_changed, handle: PhantomData }
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
        Changed { receiver: self, place: Place::default() }
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

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.update(|latest| latest.receivers += 1);
        Receiver { shared: Arc::clone(&self.shared), seen: self.seen }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
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
    place: Place,
}

impl<T: 'static> Future for Changed<'_, T> {
    type Output = Result<(), RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Changed { receiver: Receiver { shared, seen }, place } = self.get_mut();
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

impl<T> Drop for Changed<'_, T> {
    fn drop(&mut self) {
        self.receiver.shared.leave(CHANGED, &mut self.place);
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
            let (value, version) = look(&waiting.receiver.shared);
            let has_changed = version != waiting.receiver.seen;
            waiting.receiver.seen = version;
            *is_asked = true;
            if condition(&value) {
                *changed = None;
                return Poll::Ready(Ok(Ref { value, has_changed, handle: PhantomData }));
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
