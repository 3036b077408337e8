//! Joins and wakers: who is to be woken when a task ends, and which wakers the shell keeps for the kernel.

use super::key::{Target, TaskKey, WakerKey};
use super::{Kernel, OpenWait, State, serial};

/// What a join finds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Join {
    Finished(State),
    /// Registered; the waker that was registered before, if it was not a task's own, is handed back.
    Waits {
        replaced: Option<WakerKey>,
    },
}

impl Kernel {
    /// The tasks that are joined by a waker that is not a task's own, each with its key.
    pub(crate) fn joined_by_wakers(&self) -> impl Iterator<Item = (TaskKey, WakerKey)> {
        self.tasks.iter().filter_map(|(task, entry)| match entry.joiner()? {
            Target::Waker(waker) => Some((task, waker)),
            Target::Task(_) => None,
        })
    }

    /// Looks whether a task has finished, and registers who is to be woken when it does, in place of whoever was before.
    pub(crate) fn join(&mut self, key: TaskKey, target: Target) -> Option<Join> {
        let task = self.tasks.get(key)?;
        if task.state.is_finished() {
            return Some(Join::Finished(task.state));
        }
        let (replaced, member) = self.tasks.take_joined(key.slot());
        let task = &mut self.tasks[key.slot()];
        task.set_joiner(target);
        if self.is_observed {
            let number = serial(task);
            self.change_member(number, member, None);
            self.move_wait(replaced, target, OpenWait::Join(number));
        }
        Some(Join::Waits { replaced: handed_back(replaced, target) })
    }

    /// Does so where hardly anything is to be done: says whether the task has completed, and registers the joiner if it is
    /// the first of one that is alive. `None` otherwise: then nothing has changed.
    #[inline(always)]
    pub(crate) fn join_at_once(&mut self, key: TaskKey, joiner: TaskKey) -> Option<bool> {
        if self.is_observed {
            return None;
        }
        let task = self.tasks.get_mut(key)?;
        if task.state == State::Completed {
            return Some(true);
        }
        if !task.state.is_alive() || task.is_told_of() {
            return None;
        }
        task.set_joiner(Target::Task(joiner));
        Some(false)
    }

    /// Withdraws a join that was registered, or a membership in a group; a waker that is not a task's own is
    /// handed back.
    pub(crate) fn leave_join(&mut self, key: TaskKey) -> Option<WakerKey> {
        let number = serial(self.tasks.get(key)?);
        let (joiner, member) = self.tasks.take_joined(key.slot());
        if self.is_observed {
            self.change_member(number, member, None);
            if let Some(joiner) = joiner {
                self.close_wait(joiner, OpenWait::Join(number));
            }
        }
        match joiner? {
            Target::Waker(waker) => Some(waker),
            Target::Task(_) => None,
        }
    }

    /// Notes that a task's join handle is gone or has had its answer.
    #[inline(always)]
    pub(crate) fn release_handle(&mut self, key: TaskKey) {
        self.tasks.release_handle(key);
    }

    /// The same for a task that a join has found finished.
    #[inline(always)]
    pub(crate) fn release_finished(&mut self, slot: u32) {
        self.tasks.release_finished(slot);
    }

    /// Counts clones of a task's own waker, so that a report can say that nobody holds one (S40).
    pub(crate) fn count_waker(&mut self, key: TaskKey, is_clone: bool) {
        if let Some(task) = self.tasks.get_mut(key) {
            task.wakers = match task.wakers {
                u16::MAX => u16::MAX,
                wakers if is_clone => wakers + 1,
                wakers => wakers.saturating_sub(1),
            };
        }
    }

    /// Names a waker that the shell is about to keep, for the task that registers it.
    pub(crate) fn add_waker(&mut self) -> WakerKey {
        self.add_waker_of(self.running())
    }

    /// The same for another task, or for none: then what wakes it is nobody's wait.
    pub(crate) fn add_waker_of(&mut self, owner: Option<TaskKey>) -> WakerKey {
        self.wakers.add(owner)
    }

    /// Forgets the name of a waker that the shell no longer keeps.
    pub(crate) fn remove_waker(&mut self, key: WakerKey) {
        self.wakers.remove(key);
    }

    /// The task that waits behind a target.
    pub(super) fn owner(&self, target: Target) -> Option<TaskKey> {
        match target {
            Target::Task(key) => Some(key),
            Target::Waker(key) => self.wakers.owner(key),
        }
    }
}

/// The waker that a registration no longer needs once `target` stands in its place.
pub(super) fn handed_back(replaced: Option<Target>, target: Target) -> Option<WakerKey> {
    match replaced {
        Some(Target::Waker(old)) if Target::Waker(old) != target => Some(old),
        _ => None,
    }
}
