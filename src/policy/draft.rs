//! The schedule of a run that goes on. Choices are noted as they are, and packed into it later, or never: most runs of
//! a search pass, and then nobody asks for it.

use std::mem::take;

use super::schedule::{Deviation, Schedule};

/// A choice of which task ran, as it was made.
#[derive(Clone, Copy, Default)]
pub(super) struct Picked {
    pub(super) turn: u64,
    pub(super) alternatives: u32,
    pub(super) index: u32,
}

/// Choices that are noted before they are packed.
pub(super) const NOTED_MAX: usize = 64;

/// A schedule to which choices are added.
#[derive(Default)]
pub(crate) struct Draft {
    schedule: Schedule,
    /// What comes behind it, in as many places as it takes to note them; in none before the first.
    noted: Box<[Picked]>,
    len: usize,
}

impl Draft {
    /// Notes which task runs. What takes the first is written like all else, and then written over: a branch on a
    /// choice at random would be foreseen wrongly.
    #[inline(always)]
    pub(crate) fn note(&mut self, turn: u64, alternatives: u32, index: u32) {
        if self.len >= self.noted.len() {
            self.make_room();
        }
        self.noted[self.len] = Picked { turn, alternatives, index };
        self.len += usize::from(index > 0);
    }

    /// Adds a choice of any kind that does not take the first.
    pub(crate) fn push(&mut self, deviation: Deviation) {
        self.pack();
        self.schedule.push(deviation);
    }

    #[cold]
    fn make_room(&mut self) {
        self.pack();
        if self.noted.is_empty() {
            self.noted = [Picked::default(); NOTED_MAX].into();
        }
    }

    /// Puts what is noted into the schedule, so that it is not done anew for each copy.
    #[inline(never)]
    pub(crate) fn pack(&mut self) {
        self.schedule.extend(&self.noted[..self.len]);
        self.len = 0;
    }

    /// The choices so far.
    pub(crate) fn so_far(&self) -> Schedule {
        let mut schedule = self.schedule.clone();
        schedule.extend(&self.noted[..self.len]);
        schedule
    }

    pub(crate) fn take(&mut self) -> Schedule {
        self.pack();
        take(&mut self.schedule)
    }

    /// Forgets all choices, and keeps the memory for those of another run, if it is not too much.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.len = 0;
        if !self.schedule.is_empty() {
            self.schedule.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_draft_is_the_schedule_of_its_choices_whenever_it_is_asked_for(
            script in prop::collection::vec((1_u64..6, 2_u32..7, 0_u32..7, 0_u8..50), 0..400),
        ) {
            let (mut draft, mut schedule, mut turn) = (Draft::default(), Schedule::default(), 0);
            for (turns, alternatives, index, kind) in script {
                turn += turns;
                let index = index % alternatives;
                let choice = Deviation { turn, place: u32::from(kind == 0), alternatives, index };
                match kind {
                    0 if index > 0 => draft.push(choice),
                    _ => draft.note(turn, alternatives, index),
                }
                if index > 0 {
                    schedule.push(choice);
                }
                if kind == 1 {
                    prop_assert_eq!(&draft.so_far(), &schedule);
                }
            }
            prop_assert_eq!(&draft.so_far(), &schedule);
            prop_assert_eq!(draft.take(), schedule);
            prop_assert!(draft.so_far().is_empty());
        }
    }
}
