//! The errors of `broadcast` channels, with tokio's names.

use std::error::Error;
use std::fmt;

/// There is no receiver. Returns the message.
#[derive(Debug)]
pub struct SendError<T>(pub T);

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("channel closed")
    }
}

impl<T: fmt::Debug> Error for SendError<T> {}

/// No message could be received.
///
/// It has tokio's two cases, and there is no third one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RecvError {
    /// No message is left, and all senders are gone.
    Closed,
    /// The receiver was too slow, and so many messages went by. The next one is the oldest that is there.
    Lagged(u64),
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecvError::Closed => f.write_str("channel closed"),
            RecvError::Lagged(missed) => write!(f, "channel lagged by {missed}"),
        }
    }
}

impl Error for RecvError {}

/// No message could be received now.
///
/// It has tokio's three cases, and there is no fourth one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TryRecvError {
    /// No message is left, and one may come.
    Empty,
    /// No message is left, and all senders are gone.
    Closed,
    /// The receiver was too slow, and so many messages went by. The next one is the oldest that is there.
    Lagged(u64),
}

impl From<RecvError> for TryRecvError {
    #[inline]
    fn from(error: RecvError) -> Self {
        match error {
            RecvError::Closed => TryRecvError::Closed,
            RecvError::Lagged(missed) => TryRecvError::Lagged(missed),
        }
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryRecvError::Empty => f.write_str("channel empty"),
            TryRecvError::Closed => f.write_str("channel closed"),
            TryRecvError::Lagged(missed) => write!(f, "channel lagged by {missed}"),
        }
    }
}

impl Error for TryRecvError {}
