//! Room that is kept free: permits, and the futures that wait for them.

use std::fmt;
use std::future::Future;
use std::iter::FusedIterator;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::Sender;
use super::chan::{Chan, ROOM, Tx, Way, max_capacity};
use super::error::SendError;
use crate::sync::gate::Waiter;

/// Room for one message, from [`Sender::reserve`]. Dropping it gives the room back.
#[must_use = "the room is given back at once if the permit is dropped"]
pub struct Permit<'a, T> {
    tx: &'a Tx<T>,
}

impl<'a, T> Permit<'a, T> {
    pub(super) fn new(tx: &'a Tx<T>) -> Self {
        Permit { tx }
    }

    /// Sends a message into the room kept free, also if the channel was closed since. If the receiver is gone
    /// the message is dropped.
    pub fn send(self, message: T) {
        let tx = self.tx;
        mem::forget(self);
        tx.send_reserved(message);
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        self.tx.release(1);
    }
}

/// Room for several messages, from [`Sender::reserve_many`]: gives the permits one by one. Dropping it gives
/// the rest of the room back.
#[must_use = "the room is given back at once if the permits are dropped"]
pub struct PermitIterator<'a, T> {
    tx: &'a Tx<T>,
    left: usize,
}

impl<'a, T> PermitIterator<'a, T> {
    pub(super) fn new(tx: &'a Tx<T>, left: usize) -> Self {
        PermitIterator { tx, left }
    }
}

impl<'a, T> Iterator for PermitIterator<'a, T> {
    type Item = Permit<'a, T>;

    fn next(&mut self) -> Option<Permit<'a, T>> {
        self.left = self.left.checked_sub(1)?;
        Some(Permit::new(self.tx))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for PermitIterator<'_, T> {}

impl<T> FusedIterator for PermitIterator<'_, T> {}

impl<T> Drop for PermitIterator<'_, T> {
    fn drop(&mut self) {
        self.tx.release(self.left);
    }
}

/// Room for one message with the sender it was reserved by, from [`Sender::reserve_owned`]. Dropping it gives
/// the room back, and drops the sender.
#[must_use = "the room is given back at once if the permit is dropped"]
pub struct OwnedPermit<T> {
    /// There until the permit is used.
    sender: Option<Sender<T>>,
}

impl<T> OwnedPermit<T> {
    pub(super) fn new(sender: Sender<T>) -> Self {
        OwnedPermit { sender: Some(sender) }
    }

    /// Sends a message into the room kept free, as [`Permit::send`] does, and returns the sender.
    pub fn send(mut self, message: T) -> Sender<T> {
        let sender = self.sender.take().expect("the permit was not used");
        sender.tx.send_reserved(message);
        sender
    }

    /// Gives the room back and returns the sender.
    pub fn release(mut self) -> Sender<T> {
        let sender = self.sender.take().expect("the permit was not used");
        sender.tx.release(1);
        sender
    }

    /// Says whether both are for one channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.tx().shared, &other.tx().shared)
    }

    /// Says whether it is for the channel of `sender`.
    pub fn same_channel_as_sender(&self, sender: &Sender<T>) -> bool {
        Arc::ptr_eq(&self.tx().shared, &sender.tx.shared)
    }

    fn tx(&self) -> &Tx<T> {
        &self.sender.as_ref().expect("the permit was not used").tx
    }
}

impl<T> Drop for OwnedPermit<T> {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            sender.tx.release(1);
        }
    }
}

/// Future of [`Sender::reserve`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; room that was handed to it goes to the next one.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Reserve<'a, T> {
    tx: &'a Tx<T>,
    waiter: Waiter<&'a Way<T>, Chan<T>, 3>,
}

impl<'a, T> Reserve<'a, T> {
    pub(super) fn new(tx: &'a Tx<T>) -> Self {
        Reserve { tx, waiter: Waiter::new(&tx.shared, ROOM, 1) }
    }
}

impl<'a, T: 'static> Future for Reserve<'a, T> {
    type Output = Result<Permit<'a, T>, SendError<()>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let reserved = ready!(self.waiter.poll_with(cx, Chan::check));
        Poll::Ready(reserved.map(|()| Permit::new(self.tx)))
    }
}

/// Future of [`Sender::reserve_many`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; room that was handed to it goes to the next one.
#[must_use = "a future does nothing unless it is awaited"]
pub struct ReserveMany<'a, T> {
    tx: &'a Tx<T>,
    waiter: Waiter<&'a Way<T>, Chan<T>, 3>,
    count: usize,
}

impl<'a, T> ReserveMany<'a, T> {
    pub(super) fn new(tx: &'a Tx<T>, count: usize) -> Self {
        ReserveMany { tx, waiter: Waiter::new(&tx.shared, ROOM, count), count }
    }
}

impl<'a, T: 'static> Future for ReserveMany<'a, T> {
    type Output = Result<PermitIterator<'a, T>, SendError<()>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.count > max_capacity(&self.tx.shared) {
            return Poll::Ready(Err(SendError(())));
        }
        let reserved = match self.count {
            0 => self.tx.try_reserve(0).map_err(|_| SendError(())),
            _ => ready!(self.waiter.poll_with(cx, Chan::check)),
        };
        Poll::Ready(reserved.map(|()| PermitIterator::new(self.tx, self.count)))
    }
}

/// Future of [`Sender::reserve_owned`].
///
/// # Cancel safety
///
/// Dropping it leaves the line, and drops the sender; room that was handed to it goes to the next one.
#[must_use = "a future does nothing unless it is awaited"]
pub struct ReserveOwned<T> {
    // Dropped before the sender, so that the room is given back by one who still may send.
    waiter: Waiter<Way<T>, Chan<T>, 3>,
    /// There until the result is given.
    sender: Option<Sender<T>>,
}

impl<T> ReserveOwned<T> {
    pub(super) fn new(sender: Sender<T>) -> Self {
        let waiter = Waiter::new(Arc::clone(&sender.tx.shared), ROOM, 1);
        ReserveOwned { waiter, sender: Some(sender) }
    }
}

impl<T: 'static> Future for ReserveOwned<T> {
    type Output = Result<OwnedPermit<T>, SendError<()>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let reserved = ready!(self.waiter.poll_with(cx, Chan::check));
        let sender = self.sender.take().expect("there until the result is given");
        Poll::Ready(reserved.map(|()| OwnedPermit::new(sender)))
    }
}

/// What it shows is the channel, and how much room it is about.
macro_rules! shown {
    ($([$($lifetime:lifetime)?] $Type:ident, $name:literal, $field:ident;)+) => {$(
        impl<T> fmt::Debug for $Type<$($lifetime,)? T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple($name).field(&self.$field).finish()
            }
        }
    )+};
}

shown! {
    ['_] Permit, "Permit", tx;
    ['_] PermitIterator, "PermitIterator", left;
    [] OwnedPermit, "OwnedPermit", sender;
    ['_] Reserve, "Reserve", waiter;
    ['_] ReserveMany, "ReserveMany", waiter;
    [] ReserveOwned, "ReserveOwned", waiter;
}
