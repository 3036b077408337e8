//! A value that is looked at, and on which threads.
//!
//! Who wants it alone waits until nobody looks. On a thread that looks itself that would be for ever, so
//! it is noted who does.

use std::sync::Arc;

use crate::latch::Latch;
use crate::sync::away::Away;

pub(super) struct Shown<T> {
    pub(super) value: T,
    /// The threads on which it was borrowed, once for each `Ref` of it.
    borrowed_on: Latch<Vec<Away>>,
}

/// One look at a value.
pub(super) struct Seen<T> {
    pub(super) shown: Arc<Shown<T>>,
    borrowed_on: Away,
}

impl<T> Shown<T> {
    pub(super) fn new(value: T) -> Arc<Self> {
        Arc::new(Shown { value, borrowed_on: Latch::owned(Vec::new()) })
    }

    /// One of those threads, this one if it is among them; `None` if somebody is about to look, or has just done so.
    pub(super) fn borrowed_on(&self) -> Option<Away> {
        let threads = self.borrowed_on.enter();
        let here = Away::here();
        threads.iter().copied().find(|&thread| thread == here).or(threads.first().copied())
    }
}

impl<T> Seen<T> {
    pub(super) fn new(shown: Arc<Shown<T>>) -> Self {
        let borrowed_on = Away::here();
        shown.borrowed_on.enter().push(borrowed_on);
        Seen { shown, borrowed_on }
    }
}

impl<T> Drop for Seen<T> {
    fn drop(&mut self) {
        let mut threads = self.shown.borrowed_on.enter();
        let own = threads.iter().position(|&thread| thread == self.borrowed_on);
        threads.swap_remove(own.expect("it was noted when it was made"));
    }
}
