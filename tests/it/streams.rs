//! Generators, and what a clock adds to streams.

mod generator;
mod model;
mod timed;
mod yielder;

use std::cell::RefCell;
use std::rc::Rc;

use simloop::now;

/// What happened so far, and when, in order.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn add(&self, what: &str) {
        self.0.borrow_mut().push(format!("{what} at {}", now()));
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }

    /// Writes `what` when it is dropped.
    fn at_drop(&self, what: &'static str) -> AtDrop {
        AtDrop(self.clone(), what)
    }
}

struct AtDrop(Log, &'static str);

impl Drop for AtDrop {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
}
