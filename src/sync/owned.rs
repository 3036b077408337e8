//! The way to a primitive for futures and guards that borrow nothing.

use std::sync::Arc;

/// A primitive, kept alive. It lends the wait queue inside, as a borrowed primitive does.
///
/// To keep the queue alive would be enough to release what is held. But then `Arc::into_inner` would give a
/// lock away that is held, and a permit could not name its semaphore.
pub(super) struct Owned<T>(pub(super) Arc<T>);

impl<T> Clone for Owned<T> {
    fn clone(&self) -> Self {
        Owned(Arc::clone(&self.0))
    }
}
