//! Rules S28 and S29: locks, events, queues. Who waits is served in order, and who goes away loses nothing.

mod barrier;
mod bounded_semaphore;
mod by_hand;
mod channels;
mod condition;
mod event;
mod everywhere;
mod hands;
mod line;
mod mutex;
mod mutex_model;
mod names;
mod notify;
mod once_cell;
mod queue;
mod rwlock;
mod semaphore;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// The message of a panic that is expected.
fn panic_of<R: std::fmt::Debug>(action: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(action)).expect_err("it panics");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast_ref::<&str>().expect("a text").to_string(),
    }
}
