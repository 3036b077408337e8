//! The sender of a channel with a bound, and the futures that wait for room and use it at once.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::chan::{self, Chan, ROOM, Tx, Way, WeakTx};
use super::error::{SendError, SendTimeoutError, TrySendError};
use super::permit::{OwnedPermit, Permit, PermitIterator, Reserve, ReserveMany, ReserveOwned};
#[cfg(feature = "sink")]
use super::sink::Reservation;
use super::{Closed, Receiver};
use crate::executor::Timer;
use crate::kernel::Instant;
use crate::sync::gate::Waiter;

/// Creates a channel with room for `buffer` messages. Needs no loop.
///
/// # Panics
///
/// Panics if `buffer` is zero: nothing could ever be sent.
///
/// # Examples
///
/// ```
/// use simloop::sync::mpsc::{self, error::TrySendError};
///
/// let (tx, mut rx) = mpsc::channel(1);
/// tx.try_send(1).unwrap();
/// assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
/// assert_eq!(rx.try_recv(), Ok(1));
/// ```
#[track_caller]
pub fn channel<T>(buffer: usize) -> (Sender<T>, Receiver<T>) {
    assert!(buffer > 0, "a channel needs room for at least one message");
    let (tx, rx) = chan::channel(buffer);
    (Sender::new(tx), Receiver::new(rx))
}

/// A sender of a [`channel`]. Cloning it makes another one; the channel ends with the last.
///
/// Those who wait for room are served first-in first-out, whoever they are (S28). Room is handed over when a
/// message is received, so that nobody who asks later can take it before.
///
/// With the feature `sink` it is a `Sink`.
pub struct Sender<T> {
    pub(super) tx: Tx<T>,
    #[cfg(feature = "sink")]
    pub(super) reservation: Reservation<T>,
}

/// A sender that does not keep the channel alive. Made by [`Sender::downgrade`].
pub struct WeakSender<T> {
    tx: WeakTx<T>,
}

sender!(Sender, WeakSender, "Sender", "WeakSender");

impl<T> Sender<T> {
    pub(super) fn new(tx: Tx<T>) -> Self {
        Sender {
            tx,
            #[cfg(feature = "sink")]
            reservation: Reservation::default(),
        }
    }

    /// Sends a message now, if there is room and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] with the message: the channel is full, or closed.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.tx.try_send(message)
    }

    /// Reserves room for a message now, if there is any and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`TrySendError`]: the channel is full, or closed.
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        self.tx.try_reserve(1)?;
        Ok(Permit::new(&self.tx))
    }

    /// Reserves room for `n` messages now, if there is so much and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`TrySendError`]: there is not so much room, or the channel is closed.
    pub fn try_reserve_many(&self, n: usize) -> Result<PermitIterator<'_, T>, TrySendError<()>> {
        if n > self.max_capacity() {
            return Err(TrySendError::Full(()));
        }
        self.tx.try_reserve(n)?;
        Ok(PermitIterator::new(&self.tx, n))
    }

    /// Does as [`try_reserve`](Self::try_reserve), for a permit that borrows nothing: the sender is in it.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] with the sender: the channel is full, or closed.
    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        match self.tx.try_reserve(1) {
            Ok(()) => Ok(OwnedPermit::new(self)),
            Err(TrySendError::Full(())) => Err(TrySendError::Full(self)),
            Err(TrySendError::Closed(())) => Err(TrySendError::Closed(self)),
        }
    }

    /// Returns for how many messages there is room that nobody has reserved or waits for.
    pub fn capacity(&self) -> usize {
        chan::capacity(&self.tx.shared)
    }

    /// Returns for how many messages there is room when the channel is empty.
    pub fn max_capacity(&self) -> usize {
        chan::max_capacity(&self.tx.shared)
    }
}

impl<T: 'static> Sender<T> {
    /// Sends a message when there is room: at once, without suspending, if there is and nobody waits for it.
    ///
    /// The result is an error with the message if the receiver was dropped or has closed the channel.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the message unsent and leaves the line; room that was handed to it goes to the
    /// next one (S29). Whoever wants to keep the message reserves first: see [`reserve`](Self::reserve).
    pub fn send(&self, message: T) -> SendMessage<'_, T> {
        SendMessage { waiter: Waiter::new(&self.tx.shared, ROOM, 1), message: Some(message) }
    }

    /// Does as [`send`](Self::send), and gives up `timeout` of virtual time after this call.
    ///
    /// As with [`timeout`](crate::timeout), sending is tried first, so that it succeeds at the very instant of
    /// the deadline if there is room by then, and a timeout of zero asks once.
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    ///
    /// # Panics
    ///
    /// Panics outside a loop.
    #[track_caller]
    pub fn send_timeout(&self, message: T, timeout: Duration) -> SendTimeout<'_, T> {
        let (timer, now) = Timer::new("send_timeout");
        SendTimeout { sending: Some(self.send(message)), timer, deadline: now + timeout }
    }

    /// Waits for room for one message and keeps it free for the permit.
    ///
    /// The result is an error if the receiver was dropped or has closed the channel.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line; room that was handed to it goes to the next one (S29).
    pub fn reserve(&self) -> Reserve<'_, T> {
        Reserve::new(&self.tx)
    }

    /// Waits until there is room for `n` messages and keeps it free for the permits. Those behind it in line
    /// wait as long.
    ///
    /// The result is an error if the channel is closed, or if it never has so much room.
    ///
    /// # Cancel safety
    ///
    /// As [`reserve`](Self::reserve).
    pub fn reserve_many(&self, n: usize) -> ReserveMany<'_, T> {
        ReserveMany::new(&self.tx, n)
    }

    /// Does as [`reserve`](Self::reserve), for a permit that borrows nothing: the sender is in it.
    ///
    /// # Cancel safety
    ///
    /// As [`reserve`](Self::reserve), and the sender is dropped with the future.
    pub fn reserve_owned(self) -> ReserveOwned<T> {
        ReserveOwned::new(self)
    }
}

/// Future of [`Sender::send`].
///
/// # Cancel safety
///
/// Dropping it drops the message unsent and leaves the line; room that was handed to it goes to the next one.
#[must_use = "a future does nothing unless it is awaited"]
pub struct SendMessage<'a, T> {
    waiter: Waiter<&'a Way<T>, Chan<T>, 3>,
    /// There until it is sent or given back.
    message: Option<T>,
}

impl<T> SendMessage<'_, T> {
    fn into_message(mut self) -> T {
        self.message.take().expect("it was neither sent nor given back")
    }
}

impl<T: 'static> Future for SendMessage<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let SendMessage { waiter, message } = self.get_mut();
        waiter.poll_with(cx, |chan, room| chan.accept(room, message.take().expect("sent once")))
    }
}

/// Nothing in it is pinned.
impl<T> Unpin for SendMessage<'_, T> {}

/// Future of [`Sender::send_timeout`].
///
/// # Cancel safety
///
/// As [`SendMessage`].
///
/// # Panics
///
/// Panics when polled in another loop than that in which it was made, and when awaited again after it has
/// given its result.
#[must_use = "a future does nothing unless it is awaited"]
pub struct SendTimeout<'a, T> {
    /// Gone once the result is given.
    sending: Option<SendMessage<'a, T>>,
    timer: Timer,
    deadline: Instant,
}

impl<T: 'static> Future for SendTimeout<'_, T> {
    type Output = Result<(), SendTimeoutError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let SendTimeout { sending, timer, deadline } = self.get_mut();
        let polled = sending.as_mut().expect("a `send_timeout` was polled after it had ended");
        if let Poll::Ready(result) = Pin::new(polled).poll(cx) {
            *sending = None;
            timer.cancel();
            return Poll::Ready(
                result.map_err(|SendError(message)| SendTimeoutError::Closed(message)),
            );
        }
        std::task::ready!(timer.poll(*deadline, cx));
        let message = sending.take().expect("it was polled above").into_message();
        Poll::Ready(Err(SendTimeoutError::Timeout(message)))
    }
}

impl<T> fmt::Debug for SendMessage<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SendMessage").field(&self.waiter).finish()
    }
}

impl<T> fmt::Debug for SendTimeout<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendTimeout")
            .field("sending", &self.sending)
            .field("deadline", &self.deadline)
            .finish()
    }
}
