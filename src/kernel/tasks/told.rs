//! Who is told of a task's end: whoever joins it alone, or a group.

use super::super::groups::Member;
use super::super::joined::Joined;
use super::super::key::Target;
use super::TaskTable;
use super::task::{Flags, Task};

impl Task {
    /// Who is to be woken when it finishes, where it is joined alone. It is so or is in a group, never both.
    #[inline]
    pub(crate) fn joiner(&self) -> Option<Target> {
        self.joined?.get().ok()
    }

    /// Must be told of nobody else.
    #[inline]
    pub(crate) fn set_joiner(&mut self, target: Target) {
        self.joined = Some(Joined::alone(target));
    }

    /// Says whether anybody is told when it finishes.
    #[inline]
    pub(crate) fn is_told_of(&self) -> bool {
        self.joined.is_some() | self.flags.has(Flags::FAR)
    }
}

impl TaskTable {
    /// The group in which a task is joined with others.
    pub(crate) fn member(&self, slot: u32) -> Option<Member> {
        match self.slots[slot as usize].joined {
            Some(joined) => joined.get().err(),
            None => self.family(slot)?.extras.as_ref()?.member,
        }
    }

    /// Must be told of nobody else.
    #[inline]
    pub(crate) fn set_member(&mut self, slot: u32, member: Member) {
        let task = &mut self.slots[slot as usize];
        task.joined = Joined::member(member);
        if task.joined.is_none() {
            task.flags = task.flags.with(Flags::FAR, true);
            self.family_mut(slot).extras.get_or_insert_default().member = Some(member);
        }
    }

    #[inline]
    pub(crate) fn take_joined(&mut self, slot: u32) -> (Option<Target>, Option<Member>) {
        let task = &mut self.slots[slot as usize];
        match task.joined.take().map(Joined::get) {
            Some(Ok(joiner)) => (Some(joiner), None),
            Some(Err(member)) => (None, Some(member)),
            None if task.flags.has(Flags::FAR) => (None, self.take_far(slot)),
            None => (None, None),
        }
    }

    #[cold]
    fn take_far(&mut self, slot: u32) -> Option<Member> {
        let task = &mut self.slots[slot as usize];
        task.flags = task.flags.with(Flags::FAR, false);
        self.family_mut(slot).extras.as_mut()?.member.take()
    }
}
