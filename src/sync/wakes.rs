//! Wakers that are due, taken out from under a lock to be called.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Waker;

/// Mostly none or one, so those need no memory.
#[derive(Debug, Default)]
#[must_use = "whoever was served has to be woken"]
pub(crate) struct Wakes {
    first: Option<Waker>,
    rest: Vec<Waker>,
}

impl Wakes {
    pub(crate) fn push(&mut self, waker: Waker) {
        match self.first {
            None => self.first = Some(waker),
            Some(_) => self.rest.push(waker),
        }
    }

    /// Calls them, in order, with no lock held.
    ///
    /// A waker is foreign code and may panic; the others are called first. While the thread panics already,
    /// which is when a guard is dropped by a panic, a second panic would end the process and is let go.
    #[inline]
    pub(crate) fn wake(self) {
        let Some(first) = self.first else { return };
        let mut panicked = call(first);
        for waker in self.rest {
            panicked = panicked.or(call(waker));
        }
        if let Some(payload) = panicked {
            if std::thread::panicking() {
                std::mem::forget(payload);
            } else {
                resume_unwind(payload);
            }
        }
    }
}

#[inline]
fn call(waker: Waker) -> Option<Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(|| waker.wake())).err()
}
