//! Senders as `Sink`s, for `StreamExt::forward` and `SinkExt`.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_sink::Sink;

use super::chan::{Chan, ROOM, Way};
use super::error::SendError;
use super::{Sender, UnboundedSender};
use crate::sync::gate::Waiter;

/// The room that a sender has reserved as a sink, or its wait for it. Clones of the sender have their own.
#[derive(Default)]
pub(super) enum Reservation<T> {
    #[default]
    None,
    Waiting(Box<Waiter<Way<T>, Chan<T>, 3>>),
    /// Empty once the place is used.
    Ready(Option<Way<T>>),
    /// The sink was closed.
    Closed,
}

impl<T> Drop for Reservation<T> {
    fn drop(&mut self) {
        if let Reservation::Ready(Some(shared)) = self {
            shared.update(|chan| chan.release(1));
        }
    }
}

impl<T> fmt::Debug for Reservation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reservation::None => "none",
            Reservation::Waiting(_) => "waiting",
            Reservation::Ready(_) => "ready",
            Reservation::Closed => "closed",
        })
    }
}

/// Each message takes one place, as with [`Sender::send`], and is sent at once, so there is nothing to flush.
///
/// To be ready is to have room reserved: a sink that is made ready and not used keeps a place from the others
/// until it is closed or dropped. Closing it gives the place back and refuses further messages through this
/// sink. The channel itself ends when the last sender is dropped, as it is after `forward`.
impl<T: 'static> Sink<T> for Sender<T> {
    type Error = SendError<()>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        let Sender { tx, reservation } = self.get_mut();
        loop {
            match reservation {
                Reservation::None => {
                    let waiter = Waiter::new(Arc::clone(&tx.shared), ROOM, 1);
                    *reservation = Reservation::Waiting(Box::new(waiter));
                }
                Reservation::Waiting(waiter) => {
                    let reserved = ready!(waiter.poll_with(cx, Chan::check));
                    *reservation = match reserved {
                        Ok(()) => Reservation::Ready(Some(Arc::clone(&tx.shared))),
                        Err(_) => Reservation::None,
                    };
                    return Poll::Ready(reserved);
                }
                Reservation::Ready(_) => return Poll::Ready(Ok(())),
                Reservation::Closed => return Poll::Ready(Err(SendError(()))),
            }
        }
    }

    /// # Panics
    ///
    /// Panics if the sink was not made ready before.
    fn start_send(self: Pin<&mut Self>, message: T) -> Result<(), SendError<()>> {
        let Sender { tx, reservation } = self.get_mut();
        match reservation {
            Reservation::Ready(place) => {
                *place = None;
                *reservation = Reservation::None;
                tx.send_reserved(message);
                Ok(())
            }
            Reservation::Closed => Err(SendError(())),
            _ => panic!("a sink was sent to before it was ready"),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        self.get_mut().reservation = Reservation::Closed;
        Poll::Ready(Ok(()))
    }
}

/// It is always ready while the channel is open, and there is nothing to flush. The channel ends when the last
/// sender is dropped, as it is after `forward`; closing the sink does not end it.
impl<T> Sink<T> for UnboundedSender<T> {
    type Error = SendError<()>;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        Poll::Ready(if self.is_closed() { Err(SendError(())) } else { Ok(()) })
    }

    fn start_send(self: Pin<&mut Self>, message: T) -> Result<(), SendError<()>> {
        self.send(message).map_err(|SendError(unsent)| drop(unsent)).map_err(SendError)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        Poll::Ready(Ok(()))
    }
}
