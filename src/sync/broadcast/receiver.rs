//! Receivers, and the future that waits for a message.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::Way;
use super::error::{RecvError, TryRecvError};
use super::ring::{MESSAGE, Ring};
use crate::sync::discard::discard;
use crate::sync::gate::Place;

/// Receives all that is sent into a [`channel`](super::channel) from its making on.
///
/// As a `Stream` it gives what [`recv`](Self::recv) does, lags as errors, and ends when no message is left and
/// all senders are gone.
pub struct Receiver<T> {
    pub(super) shared: Way<T>,
    /// The number of the next message.
    pub(super) next: u64,
    pub(super) place: Place,
}

impl<T> Receiver<T> {
    pub(super) fn subscribe(shared: &Way<T>) -> Self {
        let next = shared.update(|ring| {
            ring.receivers += 1;
            ring.sent()
        });
        Receiver { shared: Arc::clone(shared), next, place: Place::default() }
    }

    /// Gives the channel a name, for reports.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.shared.set_name(name.into());
        self
    }

    /// Returns how many messages were sent that it has not received. Those that it will miss are among them, so
    /// that this may be more than the capacity.
    pub fn len(&self) -> usize {
        usize::try_from(self.shared.read(Ring::sent) - self.next).unwrap_or(usize::MAX)
    }

    /// Says whether it has received all that was sent.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Says whether all senders are gone. Messages may be left.
    pub fn is_closed(&self) -> bool {
        self.sender_strong_count() == 0
    }

    /// Says whether both receive from one channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Returns how many senders there are, weak ones not counted.
    pub fn sender_strong_count(&self) -> usize {
        self.shared.read(|ring| ring.senders)
    }

    /// Returns how many weak senders there are.
    pub fn sender_weak_count(&self) -> usize {
        self.shared.read(|ring| ring.weak_senders)
    }
}

impl<T: Clone> Receiver<T> {
    /// Returns a new receiver, which receives what is sent from now on. What this one has not received stays with
    /// it.
    pub fn resubscribe(&self) -> Self {
        Receiver::subscribe(&self.shared)
    }

    /// Takes the next message, if one is there.
    ///
    /// If the message's `clone` panics the panic goes on, and the message counts as received.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] if none is there and one may come; [`TryRecvError::Closed`] if none can come;
    /// [`TryRecvError::Lagged`] if some went by.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let next = &mut self.next;
        match self.shared.update(|ring| ring.take(next)) {
            None => Err(TryRecvError::Empty),
            Some(Ok(message)) => Ok(message.into_value()),
            Some(Err(error)) => Err(error.into()),
        }
    }
}

impl<T: Clone + 'static> Receiver<T> {
    /// Waits for the next message; ready at once, without suspending, if one is there.
    ///
    /// The result is an error if messages went by ([`RecvError::Lagged`]), or if no message is left and all senders
    /// are gone.
    ///
    /// If the message's `clone` panics the panic goes on, and the message counts as received.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line; no message is lost.
    pub fn recv(&mut self) -> Recv<'_, T> {
        Recv { receiver: self }
    }

    fn poll_recv(&mut self, cx: &Context<'_>) -> Poll<Result<T, RecvError>> {
        let Receiver { shared, next, place } = self;
        let take = |ring: &mut Ring<T>| ring.take(next).ok_or(*next);
        let message = ready!(shared.poll_take(MESSAGE, place, cx, take))?;
        Poll::Ready(Ok(message.into_value()))
    }
}

impl<T: Clone + 'static> Stream for Receiver<T> {
    type Item = Result<T, RecvError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let received = ready!(self.poll_recv(cx));
        Poll::Ready(Some(received).filter(|received| !matches!(received, Err(RecvError::Closed))))
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.leave(MESSAGE, &mut self.place);
        let next = self.next;
        discard(self.shared.update(|ring| ring.leave(next)));
    }
}

/// Future of [`Receiver::recv`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; no message is lost.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Recv<'a, T> {
    receiver: &'a mut Receiver<T>,
}

impl<T: Clone + 'static> Future for Recv<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.receiver.poll_recv(cx)
    }
}

impl<T> Drop for Recv<'_, T> {
    fn drop(&mut self) {
        self.receiver.shared.leave(MESSAGE, &mut self.receiver.place);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.shared).finish()
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recv").field(&self.receiver).finish()
    }
}
