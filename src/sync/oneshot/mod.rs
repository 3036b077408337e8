//! Channels for one value, as tokio's `sync::oneshot`: the result of a request, for instance.
//!
//! # Examples
//!
//! ```
//! use simloop::{now, run, sleep, spawn, sync::oneshot};
//! use std::time::Duration;
//!
//! run(async {
//!     let (tx, rx) = oneshot::channel();
//!     spawn(async move {
//!         sleep(Duration::from_secs(1)).await;
//!         tx.send("done").unwrap();
//!     });
//!     assert_eq!(rx.await, Ok("done"));
//!     assert_eq!(now().to_string(), "1s");
//! });
//! ```

pub mod error;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use self::error::{RecvError, TryRecvError};
use super::discard::discard;
use super::gate::{Gate, Place, Shared};
use crate::executor::Wanted;

/// The line of the receiver.
const VALUE: usize = 0;

/// The line of a sender that waits for the receiver to go.
const CLOSED: usize = 1;

type Way<T> = Arc<Shared<Slot<T>, 2>>;

struct Slot<T> {
    value: Option<T>,
    /// The sender is gone: it has sent, or never will.
    is_complete: bool,
    /// The receiver is gone, or takes no value any more that was not sent by then.
    is_closed: bool,
}

impl<T> Gate for Slot<T> {
    const CALLED_FROM: usize = VALUE;
    const ALONE: usize = VALUE;
    type Need = ();
    type Grant = ();

    fn kind(&self) -> &'static str {
        "oneshot"
    }

    fn serve(&mut self, _: usize, (): &mut (), _: Option<crate::executor::Party>) -> Option<()> {
        None
    }

    fn calls(&self, line: usize, (): &()) -> bool {
        if line == VALUE { self.is_complete } else { self.is_closed }
    }

    fn take_back(&mut self, (): ()) -> Option<()> {
        None
    }

    fn wanted(&self, line: usize, (): &()) -> Wanted {
        let before = if line == VALUE { "the value of " } else { "the end of " };
        Wanted { before: before.to_owned(), after: String::new() }
    }
}

impl<T> Slot<T> {
    fn take(&mut self) -> Result<T, TryRecvError> {
        match self.value.take() {
            Some(value) => Ok(value),
            None if self.is_complete || self.is_closed => Err(TryRecvError::Closed),
            None => Err(TryRecvError::Empty),
        }
    }
}

/// Creates a channel for one value. Needs no loop.
#[track_caller]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Shared::new(Slot { value: None, is_complete: false, is_closed: false });
    let sender = Sender { shared: Some(Arc::clone(&shared)), place: Place::default() };
    (sender, Receiver { shared: Some(shared), place: Place::default() })
}

/// Sends the value of a [`channel`]. Dropping it tells the receiver that there will be none.
pub struct Sender<T> {
    /// There until the value is sent.
    shared: Option<Way<T>>,
    place: Place,
}

impl<T> Sender<T> {
    /// Gives the channel a name, for reports.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.shared().set_name(name.into());
        self
    }

    /// Sends the value, without waiting.
    ///
    /// # Errors
    ///
    /// Returns the value, if the receiver was dropped or has closed the channel. That it was sent does not mean
    /// that it will be received: the receiver may still be dropped.
    pub fn send(mut self, value: T) -> Result<(), T> {
        let shared = self.shared.take().expect("there until the value is sent");
        shared.leave(CLOSED, &mut self.place);
        shared.update(|slot| {
            slot.is_complete = true;
            if slot.is_closed {
                return Err(value);
            }
            slot.value = Some(value);
            Ok(())
        })
    }

    /// Says whether the receiver was dropped or has closed the channel.
    pub fn is_closed(&self) -> bool {
        self.shared().read(|slot| slot.is_closed)
    }

    fn shared(&self) -> &Way<T> {
        self.shared.as_ref().expect("there until the value is sent")
    }
}

impl<T: 'static> Sender<T> {
    /// Waits until the receiver is dropped or closes the channel: nobody wants the value any more.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line; nothing is lost.
    pub fn closed(&mut self) -> Closed<'_, T> {
        Closed { sender: self }
    }

    /// Is ready when the receiver was dropped or has closed the channel. Otherwise sees to it that the waker of
    /// this poll, and of no other before it, is woken then.
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Sender { shared, place } = self;
        let shared = shared.as_ref().expect("there until the value is sent");
        shared.poll_take(CLOSED, place, cx, |slot| if slot.is_closed { Ok(()) } else { Err(()) })
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.leave(CLOSED, &mut self.place);
            shared.update(|slot| slot.is_complete = true);
        }
    }
}

/// Receives the value of a [`channel`]: a future that is ready with it, or with an error if it will never come.
///
/// # Cancel safety
///
/// It may be awaited by `&mut` and dropped in between, as in a `select`: the value stays in the channel. Dropping
/// the receiver itself drops the value.
///
/// # Panics
///
/// Panics when polled again after it was ready, or after [`try_recv`](Self::try_recv) has told that the value
/// was taken or will not come.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Receiver<T> {
    /// There until the value was received or is known never to come.
    shared: Option<Way<T>>,
    place: Place,
}

impl<T> Receiver<T> {
    /// Gives the channel a name, for reports.
    pub fn named(self, name: impl Into<String>) -> Self {
        if let Some(shared) = &self.shared {
            shared.set_name(name.into());
        }
        self
    }

    /// Takes the value, if it was sent.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] if it was not sent yet; [`TryRecvError::Closed`] if it was received before, or
    /// will never be sent.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let Some(shared) = &self.shared else { return Err(TryRecvError::Closed) };
        let result = shared.update(Slot::take);
        if !matches!(result, Err(TryRecvError::Empty)) {
            self.finish();
        }
        result
    }

    /// Takes no value any more that was not sent by now: sending it fails.
    pub fn close(&mut self) {
        if let Some(shared) = &self.shared {
            shared.update(|slot| slot.is_closed = true);
        }
    }

    /// Says whether the value was received, or the receiver was told that it will never come. Then it must not
    /// be polled any more.
    pub fn is_terminated(&self) -> bool {
        self.shared.is_none()
    }

    /// Says whether no value waits to be received.
    pub fn is_empty(&self) -> bool {
        self.shared.as_ref().is_none_or(|shared| shared.read(|slot| slot.value.is_none()))
    }

    fn finish(&mut self) {
        if let Some(shared) = self.shared.take() {
            shared.leave(VALUE, &mut self.place);
        }
    }
}

impl<T: 'static> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Receiver { shared, place } = self.get_mut();
        let way = shared.as_ref().expect("a oneshot receiver was polled after it had ended");
        let look = |slot: &mut Slot<T>| match slot.take() {
            Ok(value) => Ok(Ok(value)),
            Err(TryRecvError::Closed) => Ok(Err(RecvError(()))),
            Err(TryRecvError::Empty) => Err(()),
        };
        let result = ready!(way.poll_take(VALUE, place, cx, look));
        *shared = None;
        Poll::Ready(result)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.leave(VALUE, &mut self.place);
            let value = shared.update(|slot| {
                slot.is_closed = true;
                slot.value.take()
            });
            discard(value);
        }
    }
}

/// Future of [`Sender::closed`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; nothing is lost.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Closed<'a, T> {
    sender: &'a mut Sender<T>,
}

impl<T: 'static> Future for Closed<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.sender.poll_closed(cx)
    }
}

impl<T> Drop for Closed<'_, T> {
    fn drop(&mut self) {
        let Sender { shared, place } = &mut *self.sender;
        if let Some(shared) = shared {
            shared.leave(CLOSED, place);
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.shared).finish()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.shared).finish()
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Closed").field(&self.sender).finish()
    }
}
