//! A policy under the eyes of a check: how often in a row each ready task was passed over.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use crate::policy::{Choice, ChoiceKind, Policy};

/// Counts, and leaves the choices to a policy until that has starved a task. From then on the task that has been
/// ready longest runs, so that the run ends.
pub(super) struct Watch<P> {
    policy: P,
    passed_max: u64,
    /// How often each task was passed over since its last turn, by its number.
    passed: Vec<u64>,
    /// The path of the task that was passed over once too often.
    starved: Rc<RefCell<Option<String>>>,
}

impl<P> Watch<P> {
    /// Returns the policy, and where the path of a starved task will be.
    pub(super) fn new(policy: P, passed_max: u64) -> (Self, Rc<RefCell<Option<String>>>) {
        let starved = Rc::default();
        let watch = Watch { policy, passed_max, passed: Vec::new(), starved: Rc::clone(&starved) };
        (watch, starved)
    }

    /// Counts a choice of a task; returns the index of one that was passed over too often.
    fn count(&mut self, choice: &Choice<'_>, chosen: usize) -> Option<usize> {
        let mut starved = None;
        for index in 0..choice.len() {
            let task = choice.number(index);
            if task >= self.passed.len() {
                self.passed.resize(task + 1, 0);
            }
            self.passed[task] = if index == chosen { 0 } else { self.passed[task] + 1 };
            if self.passed[task] > self.passed_max {
                starved = starved.or(Some(index));
            }
        }
        starved
    }
}

impl<P: fmt::Debug> fmt::Debug for Watch<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.policy.fmt(f)
    }
}

impl<P: Policy> Policy for Watch<P> {
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        if self.starved.borrow().is_some() {
            return 0;
        }
        let chosen = self.policy.choose(choice);
        if choice.kind() == ChoiceKind::Task {
            if let Some(index) = self.count(choice, chosen) {
                *self.starved.borrow_mut() = choice.path(index);
            }
        }
        chosen
    }
}
