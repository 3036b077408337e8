//! Joins and wakers: who is to be woken when a task ends, and which wakers the shell keeps for the kernel.

use super::key::{StoredTarget, Target, TaskKey, WakerKey};
use super::{Join, Kernel, handed_back};

impl Kernel {
    /// Looks whether a task has finished, and registers who is to be woken when it does.
    #[inline]
    pub(crate) fn join(&mut self, key: TaskKey, target: Target) -> Option<Join> {
        let task = self.tasks.get_mut(key)?;
        if task.state.is_finished() {
            return Some(Join::Finished(task.state));
        }
        task.take_member();
        let replaced = task.joiner.replace(StoredTarget::new(target)).map(StoredTarget::get);
        Some(Join::Waits { replaced: handed_back(replaced, target) })
    }

    /// Withdraws a join that was registered, or a membership in a group; a waker that is not a task's own is
    /// handed back.
    pub(crate) fn leave_join(&mut self, key: TaskKey) -> Option<WakerKey> {
        let task = self.tasks.get_mut(key)?;
        task.take_member();
        match task.joiner.take()?.get() {
            Target::Waker(waker) => Some(waker),
            Target::Task(_) => None,
        }
    }

    /// Notes that a task's join handle is gone or has had its answer.
    #[inline]
    pub(crate) fn release_handle(&mut self, key: TaskKey) {
        self.tasks.release_handle(key);
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
        self.wakers.add(self.running())
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
