//! The names of tasks, their numbers among siblings, and the paths that come of both (S18).

use std::rc::Rc;

use super::super::key::TaskKey;
use super::super::path::Step;
use super::{MAIN, NO_SLOT, TaskTable, UNNAMED};

impl TaskTable {
    /// Keeps the name of a task that has just been counted under it.
    #[inline(never)]
    pub(super) fn keep_name(&mut self, slot: u32, parent: u32, name: &str) {
        let siblings = self.family(parent).and_then(|family| family.extras.as_ref());
        let shared = siblings.and_then(|siblings| {
            let number = siblings.names.find(name)?;
            Some(Rc::clone(siblings.names.text(number)))
        });
        let place = slot as usize;
        if place >= self.names.len() {
            self.names.resize(place + 1, None);
        }
        self.names[place] = shared;
    }

    /// All steps of a task's path, from the root down, however many.
    pub(crate) fn path(&self, key: TaskKey) -> Vec<Step<'_>> {
        let mut steps = Vec::new();
        let mut slot = if self.get(key).is_some() { key.slot() } else { NO_SLOT };
        while slot != NO_SLOT {
            steps.push(self.step(slot));
            slot = self.slots[slot as usize].parent;
        }
        steps.reverse();
        steps
    }

    /// The last step of a task's path.
    pub(crate) fn step(&self, slot: u32) -> Step<'_> {
        let task = &self.slots[slot as usize];
        if task.is_main() {
            return Step { name: MAIN, index: task.index, is_shared: self.mains > 1 };
        }
        let name = if task.is_named() { self.names[slot as usize].as_deref() } else { None };
        let siblings = self.family(task.parent).map_or(0, |family| family.count(name));
        Step { name: name.unwrap_or(UNNAMED), index: task.index, is_shared: siblings > 1 }
    }
}
