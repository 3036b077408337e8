//! Groups: many tasks joined at once, told in the order in which they finish.
//!
//! Each ending costs the group one entry and wakes its waiter once, however many members there are. Asking
//! every handle in turn instead would make a set of ten thousand quadratic, and would lose the order.

use std::collections::VecDeque;

use super::access::{Access, Object};
use super::key::{Target, TaskKey, WakerKey};
use super::ordered::{Map, number_keys};
use super::{Kernel, OpenWait, handed_back, serial};

/// Names a group. Never used again, not by a later run either, so one that outlives its group is harmless.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct GroupKey(pub(super) u64);

number_keys!(GroupKey);

/// A task's place in a group: the number that the group's owner gave it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Member {
    pub(crate) group: GroupKey,
    pub(crate) number: usize,
}

/// What a group says to whoever asks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum GroupPoll {
    /// Of the members that have finished and were not told yet, the one that finished first.
    Finished(usize),
    /// Registered; the waker that was registered before, if it was not a task's own, is handed back.
    Waits { replaced: Option<WakerKey> },
}

#[derive(Default)]
struct Group {
    /// Members that have finished and were not told yet, by their number in the order of all endings: those that
    /// came in that order, which are nearly all, and those that were enrolled after their end.
    finished: VecDeque<(u64, usize)>,
    late: Map<u64, usize>,
    waiter: Option<Target>,
}

impl Group {
    #[inline]
    fn finish(&mut self, order: u64, number: usize) {
        if self.finished.back().is_none_or(|&(last, _)| last < order) {
            self.finished.push_back((order, number));
        } else {
            self.finish_late(order, number);
        }
    }

    /// Files a member that was enrolled after its end. One that was a member before is told under its new number.
    #[cold]
    fn finish_late(&mut self, order: u64, number: usize) {
        match self.finished.binary_search_by_key(&order, |&(order, _)| order) {
            Ok(place) => self.finished[place].1 = number,
            Err(_) => _ = self.late.insert(order, number),
        }
    }

    #[inline]
    fn next_finished(&mut self) -> Option<usize> {
        if !self.late.is_empty() {
            let first = self.finished.front().map_or(u64::MAX, |&(order, _)| order);
            if let Some((late, _)) = self.late.first().filter(|&(late, _)| late < first) {
                return self.late.remove(late);
            }
        }
        self.finished.pop_front().map(|(_, number)| number)
    }
}

/// All groups of a run.
#[derive(Default)]
pub(super) struct Groups {
    open: Map<GroupKey, Group>,
    /// The group that was asked for last, and its place: it is mostly asked for again.
    latest: Option<(GroupKey, usize)>,
    made: u64,
    /// Those of the runs before.
    made_before: u64,
}

impl Groups {
    /// Notes that a member has finished, and returns whom to wake.
    pub(super) fn finish(&mut self, member: Member, order: u64) -> Option<Target> {
        let group = self.get_mut(member.group)?;
        group.finish(order, member.number);
        group.waiter.take()
    }

    #[inline]
    fn get_mut(&mut self, key: GroupKey) -> Option<&mut Group> {
        match self.latest {
            Some((latest, place)) if latest == key => self.open.at(place),
            _ => self.look_up(key),
        }
    }

    #[cold]
    #[inline(never)]
    fn look_up(&mut self, key: GroupKey) -> Option<&mut Group> {
        let place = self.open.locate(key)?;
        self.latest = Some((key, place));
        self.open.at(place)
    }

    /// Forgets a group.
    fn close(&mut self, key: GroupKey) {
        self.open.remove(key);
        self.latest = None;
    }

    pub(super) fn waiter(&self, key: GroupKey) -> Option<Target> {
        self.open.get(key)?.waiter
    }

    /// What two turns touch that have to do with this group. A search compares turns of different runs, so it is
    /// named by how many the run had opened before.
    pub(super) fn object(&self, key: GroupKey) -> Object {
        Object::Group(key.0.wrapping_sub(self.made_before))
    }

    /// Forgets the groups of a run, and goes on counting.
    pub(super) fn clear(&mut self) {
        self.made_before = self.made;
        self.latest = None;
        // Emptying an empty map is not free.
        if !self.open.is_empty() {
            self.open.clear();
        }
    }
}

impl Kernel {
    pub(crate) fn open_group(&mut self) -> GroupKey {
        let key = GroupKey(self.groups.made);
        self.groups.made += 1;
        self.groups.open.insert(key, Group::default());
        key
    }

    /// Puts a task into a group, under a number. It leaves the group or the join that it was in before; a
    /// waker of that join that is not a task's own is handed back.
    pub(crate) fn enroll(&mut self, key: TaskKey, member: Member) -> Option<WakerKey> {
        self.note_access(Access::Write(self.groups.object(member.group)));
        let task = self.tasks.get(key)?;
        let end = Access::Read(Object::End(serial(task)));
        if task.state.is_finished() {
            let order = task.ended();
            self.note_order_seen();
            // Whoever waits for the group now is the one who enrolls, or is told when it asks again.
            if let Some(group) = self.groups.get_mut(member.group) {
                group.finish(order, member.number);
            }
            return None;
        }
        let number = serial(task);
        let (joiner, before) = self.tasks.take_joined(key.slot());
        self.tasks.set_member(key.slot(), member);
        self.note_access(end);
        if self.is_observed {
            self.change_member(number, before, Some(member));
            if let Some(joiner) = joiner {
                self.close_wait(joiner, OpenWait::Join(number));
            }
        }
        match joiner? {
            Target::Waker(waker) => Some(waker),
            Target::Task(_) => None,
        }
    }

    /// The same for a task that is alive. Of another there is nothing to do, and `None` is returned.
    pub(crate) fn enroll_alive(
        &mut self,
        key: TaskKey,
        member: Member,
    ) -> Option<Option<WakerKey>> {
        self.tasks.get(key).filter(|task| task.state.is_alive())?;
        Some(self.enroll(key, member))
    }

    /// Takes the member that finished first of those that were not told yet.
    pub(crate) fn next_finished(&mut self, key: GroupKey) -> Option<usize> {
        self.note_access(Access::Write(self.groups.object(key)));
        self.groups.get_mut(key)?.next_finished()
    }

    /// Does the same, or registers who is to be woken when the next member finishes.
    pub(crate) fn poll_group(&mut self, key: GroupKey, target: Target) -> GroupPoll {
        if let Some(number) = self.next_finished(key) {
            return GroupPoll::Finished(number);
        }
        let group = self.groups.get_mut(key);
        let replaced = group.and_then(|group| group.waiter.replace(target));
        if self.is_observed {
            self.move_wait(replaced, target, OpenWait::Group(key));
        }
        GroupPoll::Waits { replaced: handed_back(replaced, target) }
    }

    /// Withdraws the wait for a group; a waker that is not a task's own is handed back.
    pub(crate) fn leave_group(&mut self, key: GroupKey) -> Option<WakerKey> {
        self.note_access(Access::Write(self.groups.object(key)));
        let waiter = self.groups.get_mut(key)?.waiter.take()?;
        if self.is_observed {
            self.close_wait(waiter, OpenWait::Group(key));
        }
        match waiter {
            Target::Waker(waker) => Some(waker),
            Target::Task(_) => None,
        }
    }

    /// Ends a group. Its members go on, in no group.
    pub(crate) fn close_group(&mut self, key: GroupKey) -> Option<WakerKey> {
        let waker = self.leave_group(key);
        self.groups.close(key);
        if self.is_observed {
            self.forget_members(key);
        }
        waker
    }
}

#[cfg(test)]
mod tests {
    use std::panic::Location;

    use super::super::{Ending, NO_SLOT, Spawn, Wait};
    use super::*;

    fn spawn(kernel: &mut Kernel) -> TaskKey {
        let site = Location::caller();
        kernel.spawn(&Spawn { name: None, parent: NO_SLOT, daemon: false, has_handle: true, site })
    }

    fn finish(kernel: &mut Kernel, index: usize) -> Option<WakerKey> {
        let turn = kernel.start(index).unwrap();
        kernel.finish(turn.task, Ending::Completed)
    }

    #[test]
    fn members_are_told_in_the_order_in_which_they_finish_also_before_they_were_enrolled() {
        let mut kernel = Kernel::default();
        let tasks: Vec<_> = (0..4).map(|_| spawn(&mut kernel)).collect();
        finish(&mut kernel, 2);
        finish(&mut kernel, 0);
        let group = kernel.open_group();
        for (number, &task) in tasks.iter().enumerate() {
            kernel.enroll(task, Member { group, number });
        }
        finish(&mut kernel, 1);
        let told: Vec<_> = std::iter::from_fn(|| kernel.next_finished(group)).collect();
        assert_eq!(told, [2, 0, 3]);
        kernel.check();
    }

    #[test]
    fn a_waiter_is_woken_once_and_shown_as_one_who_joins_what_is_left() {
        let mut kernel = Kernel::default();
        let waiter = spawn(&mut kernel);
        let tasks = [spawn(&mut kernel), spawn(&mut kernel)];
        let group = kernel.open_group();
        for (number, task) in tasks.into_iter().enumerate() {
            kernel.enroll(task, Member { group, number });
        }
        kernel.start(0);
        let waits = GroupPoll::Waits { replaced: None };
        assert_eq!(kernel.poll_group(group, Target::Task(waiter)), waits);
        kernel.suspend(false);
        assert_eq!(kernel.waiting()[0].waits, tasks.map(Wait::Join));
        finish(&mut kernel, 0);
        assert_eq!(kernel.ready_len(), 2, "the waiter is ready");
        finish(&mut kernel, 0);
        assert_eq!(kernel.ready_len(), 1, "and was not woken again");
        assert_eq!(kernel.next_finished(group), Some(0));
        kernel.check();
    }

    #[test]
    fn a_foreign_waker_is_handed_back_when_it_is_replaced_due_or_withdrawn() {
        let mut kernel = Kernel::default();
        let task = spawn(&mut kernel);
        let group = kernel.open_group();
        kernel.enroll(task, Member { group, number: 7 });
        let (first, second) = (kernel.add_waker(), kernel.add_waker());
        kernel.poll_group(group, Target::Waker(first));
        let replaced = GroupPoll::Waits { replaced: Some(first) };
        assert_eq!(kernel.poll_group(group, Target::Waker(second)), replaced);
        assert_eq!(kernel.leave_group(group), Some(second));
        kernel.poll_group(group, Target::Waker(first));
        assert_eq!(finish(&mut kernel, 0), Some(first));
        assert_eq!(kernel.poll_group(group, Target::Waker(second)), GroupPoll::Finished(7));
    }

    #[test]
    fn a_task_that_is_joined_alone_leaves_its_group_and_the_other_way_round() {
        let mut kernel = Kernel::default();
        let (alone, together) = (spawn(&mut kernel), spawn(&mut kernel));
        let group = kernel.open_group();
        kernel.enroll(alone, Member { group, number: 0 });
        kernel.join(alone, Target::Task(together));
        let waker = kernel.add_waker();
        kernel.join(together, Target::Waker(waker));
        assert_eq!(kernel.enroll(together, Member { group, number: 1 }), Some(waker));
        finish(&mut kernel, 0);
        assert_eq!(kernel.next_finished(group), None);
        finish(&mut kernel, 0);
        assert_eq!(kernel.next_finished(group), Some(1));
        assert_eq!(kernel.close_group(group), None);
        assert_eq!(kernel.next_finished(group), None, "a closed group says nothing");
    }

    #[cfg(target_pointer_width = "64")]
    #[test]
    fn a_place_that_fits_no_word_is_told_and_left_as_any_other() {
        let mut kernel = Kernel::default();
        let tasks: Vec<_> = (0..3).map(|_| spawn(&mut kernel)).collect();
        let group = kernel.open_group();
        for (number, &task) in (1 << 40..).zip(&tasks) {
            kernel.enroll(task, Member { group, number });
            assert_eq!(kernel.tasks.member(task.slot()), Some(Member { group, number }));
        }
        kernel.join(tasks[0], Target::Task(tasks[1]));
        kernel.start(0);
        assert_eq!(kernel.complete(false), Some(None), "it is joined alone");
        kernel.start(0);
        assert_eq!(kernel.complete(false), None, "what is rare is for others to see to");
        kernel.finish(tasks[1], Ending::Completed);
        finish(&mut kernel, 0);
        let told: Vec<_> = std::iter::from_fn(|| kernel.next_finished(group)).collect();
        assert_eq!(told, [(1 << 40) + 1, (1 << 40) + 2]);
        tasks.iter().for_each(|&task| kernel.release_handle(task));
        kernel.check();
        let next = spawn(&mut kernel);
        assert_eq!(kernel.tasks.member(next.slot()), None);
    }
}
