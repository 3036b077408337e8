//! Dropping many values of a user's, one by one.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

/// Drops all items, with no lock held.
///
/// A destructor is foreign code and may panic; the other items are dropped first. While the thread panics
/// already, a second panic would end the process and is let go.
pub(super) fn discard<T>(items: impl IntoIterator<Item = T>) {
    if !mem::needs_drop::<T>() {
        return;
    }
    let mut panicked = None;
    for item in items {
        let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(item))) else { continue };
        match panicked {
            None => panicked = Some(payload),
            Some(_) => mem::forget(payload),
        }
    }
    match panicked {
        Some(payload) if thread::panicking() => mem::forget(payload),
        Some(payload) => resume_unwind(payload),
        None => {}
    }
}
