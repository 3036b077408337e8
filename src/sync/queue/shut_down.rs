//! Why something could not be put into a queue or got from it.

use std::error::Error;
use std::fmt;

/// A queue was shut down. A put has its item back in here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct QueueShutDown<T = ()>(pub T);

/// Why an item could not be put now. The item is inside.
///
/// There is no third reason, so this can be matched exhaustively.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TryPutError<T> {
    /// There is no room, or others wait for it.
    Full(T),
    /// The queue was shut down.
    ShutDown(T),
}

/// Why no item could be got now.
///
/// There is no third reason, so this can be matched exhaustively.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TryGetError {
    /// There is no item, or others were promised all there are.
    Empty,
    /// The queue was shut down and is empty.
    ShutDown,
}

impl<T> TryPutError<T> {
    /// Returns the item.
    pub fn into_inner(self) -> T {
        match self {
            TryPutError::Full(item) | TryPutError::ShutDown(item) => item,
        }
    }
}

const SHUT_DOWN: &str = "the queue was shut down";

impl<T> fmt::Debug for QueueShutDown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueueShutDown(..)")
    }
}

impl<T> fmt::Display for QueueShutDown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHUT_DOWN)
    }
}

impl<T> Error for QueueShutDown<T> {}

impl<T> fmt::Debug for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryPutError::Full(_) => "Full(..)",
            TryPutError::ShutDown(_) => "ShutDown(..)",
        })
    }
}

impl<T> fmt::Display for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryPutError::Full(_) => "the queue is full",
            TryPutError::ShutDown(_) => SHUT_DOWN,
        })
    }
}

impl<T> Error for TryPutError<T> {}

impl fmt::Display for TryGetError {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryGetError::Empty => "the queue is empty",
            TryGetError::ShutDown => SHUT_DOWN,
        })
    }
}

impl Error for TryGetError {}
