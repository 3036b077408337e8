//! The errors of `oneshot` channels, with tokio's names.

use std::error::Error;
use std::fmt;

/// The sender was dropped without sending, or the receiver has closed the channel before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecvError(pub(super) ());

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("channel closed")
    }
}

impl Error for RecvError {}

/// The value could not be received now.
///
/// It has tokio's two cases, and there is no third one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TryRecvError {
    /// It was not sent yet.
    Empty,
    /// It was received already, or it will never be sent.
    Closed,
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryRecvError::Empty => "channel empty",
            TryRecvError::Closed => "channel closed",
        })
    }
}

impl Error for TryRecvError {}
