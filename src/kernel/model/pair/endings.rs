//! Ends of tasks and who waits for them, in kernel and model side by side.

use super::super::super::{
    Ending, GroupKey, GroupPoll, Join, Kernel, Member, State, TaskKey, WakerKey,
};
use super::super::{End, Op, Whom};
use super::{Pair, pick};

impl Pair {
    pub(super) fn finish(&mut self, end: End) {
        let Some(place) = self.model.running else { return self.go_on() };
        let ending = match end {
            End::Completed if !self.is_dropping => Ending::Completed,
            End::Panicked => Ending::Panicked("at the disco"),
            _ => Ending::Cancelled,
        };
        self.finish_task(self.model.tasks[place].key, ending);
        self.is_dropping = false;
        self.fire_late();
    }

    pub(super) fn finish_task(&mut self, key: TaskKey, ending: Ending<'_>) {
        // As the loop does it: the short way where it leads.
        let is_completed = ending == Ending::Completed;
        let completed = is_completed.then(|| self.kernel.complete(false)).flatten();
        let mut waker = completed.unwrap_or_else(|| self.kernel.finish(key, ending));
        assert_eq!(waker, self.model.finish(key, ending), "the first waker of an ending");
        while waker.is_some() {
            self.wake_owner(waker);
            waker = self.kernel.next_due();
            assert_eq!(waker, self.model.next_due(), "the next waker of an ending");
        }
        self.kernel.end_hand_back();
        self.model.end_hand_back();
        if self.kernel.task(key).is_none_or(|task| task.state != State::Lingering) {
            assert_eq!(self.kernel.finish(key, ending), None, "a task finishes once");
        }
    }

    pub(super) fn join(&mut self, number: usize, whom: Whom) {
        let Some(key) = self.task(number) else { return };
        let Some(target) = self.target(whom) else { return };
        let join = self.kernel.join(key, target);
        assert_eq!(join, self.model.join(key, target), "what a join finds");
        match join {
            Some(Join::Waits { replaced }) => self.drop_waker(replaced),
            _ => self.drop_target(target),
        }
    }

    /// Does what concerns groups, watchers and heirs.
    pub(super) fn apply_to_ends(&mut self, op: &Op) {
        match *op {
            Op::OpenGroup => {
                let key = self.kernel.open_group();
                assert!(!self.groups.contains(&key), "{key:?} was handed out twice");
                self.model.open_group(key);
                self.groups.push(key);
            }
            Op::Enroll(task, group, number) => {
                let member = |&group: &GroupKey| Member { group, number };
                let member = pick(&self.groups, group).map(member);
                let Some((key, member)) = self.task(task).zip(member) else { return };
                let waker = self.kernel.enroll(key, member);
                assert_eq!(waker, self.model.enroll(key, member), "the waker of a join before");
                self.drop_waker(waker);
            }
            Op::NextFinished(group) => {
                let Some(&group) = pick(&self.groups, group) else { return };
                let told = self.kernel.next_finished(group);
                assert_eq!(told, self.model.next_finished(group), "who ended first");
            }
            Op::PollGroup(group, whom) => self.poll_group(group, whom),
            Op::LeaveGroup(group) => {
                self.leave_group(group, Kernel::leave_group, |model, key| model.leave_group(key));
            }
            Op::CloseGroup(group) => {
                self.leave_group(group, Kernel::close_group, |model, key| model.close_group(key));
            }
            Op::Watch(task, whom) => self.watch(task, whom),
            Op::Rewatch(number, whom) => self.rewatch(number, whom),
            Op::Unwatch(number) => {
                if let Some(&key) = pick(&self.watchers, number) {
                    let waker = self.kernel.unwatch_end(key);
                    assert_eq!(waker, self.model.unwatch_end(key), "the waker of a watcher");
                    self.drop_waker(waker);
                }
            }
            Op::Bequeath(owner, heir) => {
                if let Some((owner, heir)) = self.task(owner).zip(self.task(heir)) {
                    self.kernel.bequeath(owner, heir);
                    self.model.bequeath(owner, heir);
                }
            }
            _ => unreachable!("the others do not concern ends"),
        }
    }

    fn poll_group(&mut self, group: usize, whom: Whom) {
        let Some(&group) = pick(&self.groups, group) else { return };
        let Some(target) = self.target(whom) else { return };
        let polled = self.kernel.poll_group(group, target);
        let expected = match self.model.next_finished(group) {
            Some(number) => GroupPoll::Finished(number),
            None => GroupPoll::Waits { replaced: self.model.wait_for_group(group, target) },
        };
        assert_eq!(polled, expected, "what a group says");
        match polled {
            GroupPoll::Waits { replaced } if self.model.is_open(group) => self.drop_waker(replaced),
            _ => self.drop_target(target),
        }
    }

    fn leave_group(
        &mut self,
        group: usize,
        real: impl FnOnce(&mut Kernel, GroupKey) -> Option<WakerKey>,
        model: impl FnOnce(&mut super::Machine, GroupKey) -> Option<WakerKey>,
    ) {
        let Some(&group) = pick(&self.groups, group) else { return };
        let waker = real(&mut self.kernel, group);
        assert_eq!(waker, model(&mut self.model, group), "the waker of a wait for a group");
        self.drop_waker(waker);
    }

    fn watch(&mut self, task: usize, whom: Whom) {
        let Some(task) = self.task(task) else { return };
        let Some(target) = self.target(whom) else { return };
        let is_alive = self.model.alive_in_spawn_order().contains(&task);
        let key = self.kernel.watch_end(task, target);
        assert_eq!(key.is_some(), is_alive, "only the end of what is alive is to come");
        let Some(key) = key else { return self.drop_target(target) };
        assert!(!self.watchers.contains(&key), "{key:?} was handed out twice");
        self.model.watchers.push((key, task, target));
        self.watchers.push(key);
    }

    fn rewatch(&mut self, number: usize, whom: Whom) {
        let Some(&key) = pick(&self.watchers, number) else { return };
        let Some(target) = self.target(whom) else { return };
        let replaced = self.kernel.rewatch_end(key, target);
        assert_eq!(replaced, self.model.rewatch_end(key, target), "whether an end is to come");
        match replaced {
            Some(replaced) => self.drop_waker(replaced),
            None => self.drop_target(target),
        }
    }
}
