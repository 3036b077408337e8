//! The names of tasks, their numbers among siblings, and the paths that come of both (S18).

use std::rc::Rc;

use super::super::key::TaskKey;
use super::super::path::Step;
use super::{Extras, MAIN, NO_SLOT, TaskTable, UNNAMED};

/// Counts one more child, and returns how many there were of its name before.
#[inline]
pub(super) fn number_child(
    unnamed: &mut u32,
    extras: &mut Option<Box<Extras>>,
    name: Option<&str>,
) -> u32 {
    count_one(match name {
        None => unnamed,
        Some(name) => count_of(extras, name),
    })
}

#[inline]
pub(super) fn count_one(count: &mut u32) -> u32 {
    *count += 1;
    *count - 1
}

#[inline(never)]
fn count_of<'a>(extras: &'a mut Option<Box<Extras>>, name: &str) -> &'a mut u32 {
    let Extras { names, named, .. } = &mut **extras.get_or_insert_default();
    let number = names.number(name) as usize;
    if number == named.len() {
        named.push(0);
    }
    &mut named[number]
}

impl Extras {
    /// How many children of this name there were.
    fn count(&self, name: &str) -> u32 {
        self.names.find(name).map_or(0, |number| self.named[number as usize])
    }
}

impl TaskTable {
    /// Keeps the name of a task that has just been counted under it.
    #[inline(never)]
    pub(super) fn keep_name(&mut self, slot: u32, parent: u32, name: &str) {
        let (_, extras) = self.siblings(parent);
        let shared = extras.as_ref().and_then(|own| {
            let number = own.names.find(name)?;
            Some(Rc::clone(own.names.text(number)))
        });
        let place = slot as usize;
        if place >= self.names.len() {
            self.names.resize(place + 1, None);
        }
        self.names[place] = shared;
    }

    /// The children of a task, or of none: how many have no name, and who knows of the others.
    fn siblings(&self, parent: u32) -> (u32, &Option<Box<Extras>>) {
        match parent {
            NO_SLOT => (self.top_unnamed, &self.top_extras),
            parent => {
                let parent = &self.slots[parent as usize];
                (parent.unnamed_children, &parent.extras)
            }
        }
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
            return Step { name: MAIN, index: task.index, is_shared: self.top_mains > 1 };
        }
        let (unnamed, extras) = self.siblings(task.parent);
        let name = if task.is_named() { self.names[slot as usize].as_deref() } else { None };
        let siblings = match name {
            None => unnamed,
            Some(name) => extras.as_ref().map_or(0, |own| own.count(name)),
        };
        Step { name: name.unwrap_or(UNNAMED), index: task.index, is_shared: siblings > 1 }
    }
}
