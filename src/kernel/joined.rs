//! Who is told of a task's end, in one word of the table.

use std::num::NonZeroU64;

use super::groups::{GroupKey, Member};
use super::key::{StoredTarget, Target, TaskKey, WAKER};

/// Whoever joins a task alone, or the group in which it is joined with others; never both, so one word is enough.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Joined(NonZeroU64);

/// Marks a place in a group, in a bit that no target has.
const MEMBER: u64 = 1 << 60;

/// A group's number is above that of its member.
const GROUP_SHIFT: u32 = 32;
const GROUP_BITS: u32 = 28;

impl Joined {
    #[inline]
    pub(super) fn alone(target: Target) -> Joined {
        Joined(StoredTarget::new(target).word())
    }

    /// `None` where it does not fit: there were a quarter of a billion groups before, or four billion members.
    #[inline]
    pub(super) fn member(Member { group: GroupKey(group), number }: Member) -> Option<Joined> {
        let number = u32::try_from(number).ok()?;
        let fits = group < 1 << GROUP_BITS;
        let word = MEMBER | group << GROUP_SHIFT | u64::from(number);
        fits.then(|| Joined(NonZeroU64::new(word).expect("a mark is set")))
    }

    /// The task that alone is told.
    #[inline]
    pub(super) fn task(self) -> Option<TaskKey> {
        let is_task = self.0.get() & (MEMBER | WAKER) == 0;
        is_task.then(|| TaskKey::from_bits(self.0.get()))
    }

    #[inline]
    pub(super) fn get(self) -> Result<Target, Member> {
        let word = self.0.get();
        if word & MEMBER == 0 {
            return Ok(StoredTarget::from_word(self.0).get());
        }
        let group = GroupKey((word & !MEMBER) >> GROUP_SHIFT);
        Err(Member { group, number: word as u32 as usize })
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::WakerKey;
    use super::*;

    #[test]
    fn what_is_put_into_a_word_comes_out_of_it_or_does_not_fit() {
        for target in [
            Target::Task(TaskKey::new(0, 0)),
            Target::Task(TaskKey::new((1 << 24) - 1, (1 << 24) - 1)),
            Target::Waker(WakerKey(u64::from(u32::MAX))),
        ] {
            assert_eq!(Joined::alone(target).get(), Ok(target));
            let task = Joined::alone(target).task();
            assert_eq!(task.map(Target::Task), matches!(target, Target::Task(_)).then_some(target));
        }
        let last = ((1 << GROUP_BITS) - 1, u32::MAX as usize);
        for (group, number) in [(0, 0), (1, 7), last] {
            let member = Member { group: GroupKey(group), number };
            assert_eq!(Joined::member(member).map(Joined::get), Some(Err(member)));
            assert_eq!(Joined::member(member).and_then(Joined::task), None);
        }
        for (group, number) in [(last.0 + 1, 0), (0, last.1 + 1)] {
            assert_eq!(Joined::member(Member { group: GroupKey(group), number }), None);
        }
    }
}
