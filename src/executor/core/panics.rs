//! Panics of foreign code: caught, told to whoever asks for the task, or kept for the run's end.

use std::any::Any;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

use super::Core;
use crate::kernel::{Ending, Instant, TaskKey, shown_path};
use crate::report::PanicPlace;

/// The payload of a panic.
pub(in crate::executor) type Payload = Box<dyn Any + Send>;

/// A panic that was caught.
pub(in crate::executor) struct Panicked {
    /// Its place in the order in which the panics of the run happened.
    pub(in crate::executor) number: u64,
    pub(in crate::executor) serial: u64,
    pub(in crate::executor) path: String,
    pub(in crate::executor) message: String,
    /// The line of code that raised it, `file:line`, where that is known.
    pub(in crate::executor) raised_at: Option<String>,
    pub(in crate::executor) at: Instant,
    pub(in crate::executor) turn: u64,
    pub(in crate::executor) site: &'static Location<'static>,
    pub(in crate::executor) place: PanicPlace,
    pub(in crate::executor) payload: Option<Payload>,
    /// It happened as the ended run was dropped.
    pub(in crate::executor) is_at_end: bool,
}

impl Core {
    /// Ends a task with a panic. It is kept for whoever joins, or becomes the run's.
    pub(in crate::executor) fn finish_panicked(
        &self,
        key: TaskKey,
        payload: Payload,
        place: PanicPlace,
    ) {
        let (message, raised_at) = self.take_raised(&payload);
        let mut state = self.state();
        if let Some(task) = state.kernel.task(key) {
            let (serial, site, has_handle) = (task.serial, task.site, task.has_handle());
            let path = shown_path(&state.kernel.path(key));
            let (at, turn) = (state.kernel.now(), state.kernel.turn());
            let panicked = Panicked {
                number: state.number_panic(),
                serial,
                path,
                message: message.clone(),
                raised_at,
                at,
                turn,
                site,
                place,
                payload: Some(payload),
                is_at_end: !state.is_open(),
            };
            if has_handle {
                state.panics.insert(key, panicked);
            } else {
                state.unjoined.push(panicked);
            }
        }
        drop(state);
        self.finish(key, Ending::Panicked(&message));
    }

    /// Keeps a panic of foreign code that was not a task's poll; it fails the run when that ends.
    pub(in crate::executor) fn collect_panic(&self, what: &str, payload: Payload) {
        let (message, raised_at) = self.take_raised(&payload);
        let mut state = self.state();
        let (at, turn) = (state.kernel.now(), state.kernel.turn());
        let is_at_end = !state.is_open();
        let running = state.kernel.running();
        let (path, blamed) = match running.map(|key| shown_path(&state.kernel.path(key))) {
            // What runs then is a task that is dropped.
            Some(path) if is_at_end => (path, running.and_then(|key| state.kernel.task(key))),
            Some(path) => (format!("{what}, as {path} ran"), None),
            None => (what.to_owned(), None),
        };
        let (serial, site, place) = match blamed {
            Some(task) => (task.serial, task.site, PanicPlace::Drop),
            // No task is to blame, so its site is not shown.
            None => (u64::MAX, Location::caller(), PanicPlace::Foreign),
        };
        let number = state.number_panic();
        state.unjoined.push(Panicked {
            number,
            serial,
            path,
            message,
            raised_at,
            at,
            turn,
            site,
            place,
            payload: Some(payload),
            is_at_end,
        });
    }

    /// Drops foreign data outside a task's turn. A panic in its destructor fails the run when that ends.
    pub(in crate::executor) fn drop_foreign<T>(&self, what: &str, value: T) {
        if let Some(payload) = drop_caught(value) {
            self.collect_panic(what, payload);
        }
    }
}

/// The text of a panic, where it has one.
pub(crate) fn message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "a payload that is no text"
    }
}

/// Drops foreign data and returns the panic of its destructor, if there was one.
pub(in crate::executor) fn drop_caught<T>(value: T) -> Option<Payload> {
    catch_unwind(AssertUnwindSafe(|| drop(value))).err()
}
