//! The sender of a channel without a bound.

use std::fmt;
use std::sync::Arc;

use super::chan::{self, Tx, WeakTx};
use super::error::SendError;
use super::{Closed, UnboundedReceiver};

/// Creates a channel without a bound: sending never waits. Needs no loop.
///
/// What is sent and not received takes memory, as long as there is any.
///
/// # Examples
///
/// ```
/// use simloop::{run, sync::mpsc};
///
/// run(async {
///     let (tx, mut rx) = mpsc::unbounded_channel();
///     tx.send("hello").unwrap();
///     drop(tx);
///     assert_eq!(rx.recv().await, Some("hello"));
///     assert_eq!(rx.recv().await, None);
/// });
/// ```
#[track_caller]
pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let (tx, rx) = chan::channel(usize::MAX);
    (UnboundedSender::new(tx), UnboundedReceiver::new(rx))
}

/// A sender of an [`unbounded_channel`]. Cloning it makes another one; the channel ends with the last.
///
/// With the feature `sink` it is a `Sink` that is always ready.
pub struct UnboundedSender<T> {
    pub(super) tx: Tx<T>,
}

/// A sender that does not keep the channel alive. Made by [`UnboundedSender::downgrade`].
pub struct WeakUnboundedSender<T> {
    tx: WeakTx<T>,
}

sender!(UnboundedSender, WeakUnboundedSender, "UnboundedSender", "WeakUnboundedSender");

impl<T> UnboundedSender<T> {
    fn new(tx: Tx<T>) -> Self {
        UnboundedSender { tx }
    }

    /// Sends a message, without waiting.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message, if the receiver was dropped or has closed the channel.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.tx.send(message)
    }
}
