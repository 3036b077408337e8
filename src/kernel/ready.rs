//! The ready set: tasks that may run, in the order of their first wake since their last poll (S17).

use std::collections::VecDeque;

/// Slots of ready tasks, oldest wake first.
///
/// A task's slot is in it at most once, and exactly while the task is in the ready state; so a slot needs
/// no generation here.
#[derive(Debug, Default)]
pub(crate) struct ReadySet {
    order: VecDeque<u32>,
}

impl ReadySet {
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    pub(crate) fn push(&mut self, slot: u32) {
        self.order.push_back(slot);
    }

    /// The slot at `index` in arrival order.
    pub(crate) fn get(&self, index: usize) -> Option<u32> {
        self.order.get(index).copied()
    }

    /// Removes the slot at `index` in arrival order; the others keep theirs.
    pub(crate) fn take(&mut self, index: usize) -> Option<u32> {
        if index == 0 { self.order.pop_front() } else { self.order.remove(index) }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.order.iter().copied()
    }

    pub(crate) fn clear(&mut self) {
        self.order.clear();
    }
}
