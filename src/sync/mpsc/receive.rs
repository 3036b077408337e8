//! The receivers, and the futures that wait for a message or for the end of one.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::chan::{self, CLOSED, Rx, Tx};
use super::error::TryRecvError;
use crate::sync::gate::Place;

/// The one receiver of a [`channel`](super::channel). Dropping it closes the channel and drops what is in it.
///
/// As a `Stream` it gives the messages and ends where [`recv`](Self::recv) returns `None`.
pub struct Receiver<T> {
    rx: Rx<T>,
}

/// The one receiver of an [`unbounded_channel`](super::unbounded_channel). Dropping it closes the channel and
/// drops what is in it.
///
/// As a `Stream` it gives the messages and ends where [`recv`](Self::recv) returns `None`.
pub struct UnboundedReceiver<T> {
    rx: Rx<T>,
}

receiver!(Receiver, "Receiver");
receiver!(UnboundedReceiver, "UnboundedReceiver");

impl<T> Receiver<T> {
    /// Returns for how many messages there is room that nobody has reserved or waits for.
    pub fn capacity(&self) -> usize {
        chan::capacity(&self.rx.shared)
    }

    /// Returns for how many messages there is room when the channel is empty.
    pub fn max_capacity(&self) -> usize {
        chan::max_capacity(&self.rx.shared)
    }
}

/// Future of [`Receiver::recv`] and [`UnboundedReceiver::recv`].
///
/// # Cancel safety
///
/// Dropping it leaves all messages in the channel, in order.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Recv<'a, T> {
    rx: &'a mut Rx<T>,
}

impl<T: 'static> Future for Recv<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.rx.poll_recv(cx)
    }
}

impl<T> Drop for Recv<'_, T> {
    fn drop(&mut self) {
        self.rx.stop_waiting();
    }
}

/// Future of [`Receiver::recv_many`] and [`UnboundedReceiver::recv_many`].
///
/// # Cancel safety
///
/// Dropping it leaves all messages in the channel, in order.
#[must_use = "a future does nothing unless it is awaited"]
pub struct RecvMany<'a, T> {
    rx: &'a mut Rx<T>,
    buffer: &'a mut Vec<T>,
    limit: usize,
}

impl<T: 'static> Future for RecvMany<'_, T> {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let RecvMany { rx, buffer, limit } = self.get_mut();
        rx.poll_recv_many(cx, buffer, *limit)
    }
}

impl<T> Drop for RecvMany<'_, T> {
    fn drop(&mut self) {
        self.rx.stop_waiting();
    }
}

/// Future of [`Sender::closed`](super::Sender::closed) and
/// [`UnboundedSender::closed`](super::UnboundedSender::closed).
///
/// # Cancel safety
///
/// Dropping it leaves the line; nothing is lost.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Closed<'a, T> {
    tx: &'a Tx<T>,
    place: Place,
}

impl<'a, T> Closed<'a, T> {
    pub(super) fn new(tx: &'a Tx<T>) -> Self {
        Closed { tx, place: Place::default() }
    }
}

impl<T: 'static> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Closed { tx, place } = self.get_mut();
        tx.poll_closed(place, cx)
    }
}

impl<T> Drop for Closed<'_, T> {
    fn drop(&mut self) {
        self.tx.shared.leave(CLOSED, &mut self.place);
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recv").field(&self.rx).finish()
    }
}

impl<T> fmt::Debug for RecvMany<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvMany").field("rx", &self.rx).field("limit", &self.limit).finish()
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Closed").field(&self.tx).finish()
    }
}
