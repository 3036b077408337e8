//! Senders, and the future that waits for the receivers to go.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::error::SendError;
use super::ring::{CLOSED, Message, Ring};
use super::{Receiver, Way, make};
use crate::sync::gate::Place;

/// A sender of a [`channel`](super::channel). Cloning it makes another one; the channel ends with the last.
pub struct Sender<T> {
    pub(super) shared: Way<T>,
}

/// A sender that does not keep the channel alive. Made by [`Sender::downgrade`].
pub struct WeakSender<T> {
    shared: Way<T>,
}

impl<T> Sender<T> {
    /// Creates a channel as [`channel`](super::channel) does, without a receiver at first.
    ///
    /// # Panics
    ///
    /// As [`channel`](super::channel).
    #[track_caller]
    pub fn new(capacity: usize) -> Self {
        Sender { shared: make(capacity, 0) }
    }

    /// Gives the channel a name, for reports.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.shared.set_name(name.into());
        self
    }

    /// Sends a message to all receivers there are, without waiting, and returns how many there are. Some may still
    /// miss it: see the [module](super).
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message, if there is no receiver.
    pub fn send(&self, message: T) -> Result<usize, SendError<T>> {
        let sent = self.shared.update(|ring| match ring.receivers {
            0 => Err(message),
            _ => Ok(ring.push(Message::new(message))),
        });
        let (receivers, outdated) = sent.map_err(SendError)?;
        drop(outdated);
        Ok(receivers)
    }

    /// Returns a new receiver, which receives what is sent from now on.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::subscribe(&self.shared)
    }

    /// Returns a sender that does not keep the channel alive.
    #[must_use = "the sender itself stays as it is"]
    pub fn downgrade(&self) -> WeakSender<T> {
        self.shared.update(|ring| ring.weak_senders += 1);
        WeakSender { shared: Arc::clone(&self.shared) }
    }

    /// Returns how many messages were not received by all who should.
    pub fn len(&self) -> usize {
        self.shared.read(Ring::len)
    }

    /// Says whether all messages were received by all who should.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.shared.read(|ring| ring.receivers)
    }

    /// Says whether both send into one channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Returns how many senders there are, weak ones not counted.
    pub fn strong_count(&self) -> usize {
        self.shared.read(|ring| ring.senders)
    }

    /// Returns how many weak senders there are.
    pub fn weak_count(&self) -> usize {
        self.shared.read(|ring| ring.weak_senders)
    }
}

impl<T: 'static> Sender<T> {
    /// Waits until there is no receiver.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line; nothing is lost.
    pub fn closed(&self) -> Closed<'_, T> {
        Closed { sender: self, place: Place::default() }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.update(|ring| ring.senders += 1);
        Sender { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.update(|ring| ring.senders -= 1);
    }
}

impl<T> WeakSender<T> {
    /// Returns a sender, unless the last one is gone.
    #[must_use = "the weak sender itself stays as it is"]
    pub fn upgrade(&self) -> Option<Sender<T>> {
        let count = |ring: &mut Ring<T>| {
            ring.senders += usize::from(ring.senders > 0);
            ring.senders > 0
        };
        self.shared.update(count).then(|| Sender { shared: Arc::clone(&self.shared) })
    }

    /// Returns how many senders there are, weak ones not counted.
    pub fn strong_count(&self) -> usize {
        self.shared.read(|ring| ring.senders)
    }

    /// Returns how many weak senders there are.
    pub fn weak_count(&self) -> usize {
        self.shared.read(|ring| ring.weak_senders)
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        self.shared.update(|ring| ring.weak_senders += 1);
        WeakSender { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for WeakSender<T> {
    fn drop(&mut self) {
        self.shared.update(|ring| ring.weak_senders -= 1);
    }
}

/// Future of [`Sender::closed`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; nothing is lost.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Closed<'a, T> {
    sender: &'a Sender<T>,
    place: Place,
}

impl<T: 'static> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Closed { sender, place } = self.get_mut();
        let look = |ring: &mut Ring<T>| if ring.receivers == 0 { Ok(()) } else { Err(0) };
        sender.shared.poll_take(CLOSED, place, cx, look)
    }
}

impl<T> Drop for Closed<'_, T> {
    fn drop(&mut self) {
        self.sender.shared.leave(CLOSED, &mut self.place);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.shared).finish()
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WeakSender").field(&self.shared).finish()
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Closed").field(&self.sender).finish()
    }
}
