//! Whether guards that could have gone to another task were, when the run ended, with the task that took them.
//!
//! No loop sees a value move. But as a run is closed its tasks are dropped one by one, and what a task has goes
//! with it: a guard that leaves in the drop of another task, or in none, had moved. A guard in something that
//! several tasks share goes with the last of them, and tells nothing about the others.

use std::sync::Weak;

use super::resource::{Party, Resource};
use crate::kernel::TaskKey;
use crate::report::Deadlock;

/// Tasks that can never run again, for the report of a run that is about to be closed.
#[derive(Default)]
pub(super) struct Stuck {
    /// Those of whom that is known.
    pub(super) certain: Option<Deadlock>,
    /// Those and more, if no guard has moved.
    pub(super) if_unmoved: Option<Deadlock>,
    /// The guards that this is about, by who has taken them of what.
    pub(super) taken: Vec<(Weak<dyn Resource>, Party)>,
    pub(super) has_moved: bool,
}

impl Stuck {
    /// Drops a task, and looks what it had.
    pub(super) fn watch(&mut self, task: TaskKey, drop: impl FnOnce()) {
        self.expect(task, true);
        drop();
        self.expect(task, false);
    }

    /// Whether what a task has taken is held or not, as it should be.
    fn expect(&mut self, task: TaskKey, is_held: bool) {
        let mut own = self.taken.iter().filter(|(_, party)| party.task == task);
        self.has_moved |= own.any(|(resource, party)| holds(resource, party) != is_held);
    }

    /// What the report tells, once the run has been closed.
    pub(super) fn told(self) -> Option<Deadlock> {
        if self.has_moved { self.certain } else { self.if_unmoved.or(self.certain) }
    }
}

fn holds(resource: &Weak<dyn Resource>, party: &Party) -> bool {
    let Some(resource) = resource.upgrade() else { return false };
    resource.holders().iter().any(|holding| holding.party == *party)
}
