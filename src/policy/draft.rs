//! The schedule of a run that goes on. Choices are noted as they are, and packed into it later, or never: most runs of
//! a search pass, and then nobody asks for it.

use std::mem::take;

use super::schedule::{Deviation, Schedule};

/// Choices of which task ran, as they were made. What they have in common stands side by side, for many are packed at
/// once. The first place of each is for the choice before them.
#[derive(Clone)]
pub(super) struct Noted {
    pub(super) turns: [u64; 1 + NOTED_MAX],
    pub(super) alternatives: [u32; 1 + NOTED_MAX],
    pub(super) indices: [u32; 1 + NOTED_MAX],
    pub(super) len: usize,
}

impl Default for Noted {
    fn default() -> Self {
        let numbers = [0; 1 + NOTED_MAX];
        Noted { turns: [0; 1 + NOTED_MAX], alternatives: numbers, indices: numbers, len: 0 }
    }
}

/// Choices that are noted before they are packed.
pub(super) const NOTED_MAX: usize = 64;

/// A schedule to which choices are added.
#[derive(Default)]
pub(crate) struct Draft {
    schedule: Schedule,
    /// What comes behind it: fewer than there is room for.
    noted: Noted,
}

impl Draft {
    /// Notes which task runs. What takes the first is written like all else, and then written over: a branch on a
    /// choice at random would be foreseen wrongly.
    #[inline(always)]
    pub(crate) fn note(&mut self, turn: u64, alternatives: u32, index: u32) {
        let noted = &mut self.noted;
        // The remainder changes nothing, but that bounds are known.
        let place = 1 + noted.len % NOTED_MAX;
        noted.turns[place] = turn;
        noted.alternatives[place] = alternatives;
        noted.indices[place] = index;
        noted.len += usize::from(index > 0);
        if noted.len == NOTED_MAX {
            self.pack();
        }
    }

    /// Adds a choice of any kind that does not take the first.
    pub(crate) fn push(&mut self, deviation: Deviation) {
        self.pack();
        self.schedule.push(deviation);
    }

    /// Puts what is noted into the schedule, so that it is not done anew for each copy.
    #[inline(never)]
    pub(crate) fn pack(&mut self) {
        self.schedule.extend(&mut self.noted);
    }

    /// The choices so far.
    pub(crate) fn so_far(&self) -> Schedule {
        let mut schedule = self.schedule.clone();
        schedule.extend(&mut self.noted.clone());
        schedule
    }

    pub(crate) fn take(&mut self) -> Schedule {
        self.pack();
        take(&mut self.schedule)
    }

    /// Forgets all choices, and keeps the memory for those of another run, if it is not too much.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.noted.len = 0;
        if !self.schedule.is_empty() {
            self.schedule.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Turns since the choice before, alternatives, the index, what else is done, and how often in turns on end.
    type Step = (u64, u32, u32, u32, u32);

    /// Of few alternatives, and of many: then most choices fit one unit, and are packed together.
    fn script() -> impl Strategy<Value = Vec<Step>> {
        let times = || prop_oneof![40 => Just(1_u32), 1 => 2_u32..40];
        let few = (1_u64..6, 2_u32..7, 0_u32..7, 0_u32..50, times());
        let turns = prop_oneof![300 => 1_u64..4, 1 => Just(4), 1 => Just((1 << 32) + 1)];
        let index = prop_oneof![300 => 0_u32..901, 1 => Just(4_096)];
        let many = (turns, 4_998_u32..5_000, index, 0_u32..300, times());
        prop_oneof![prop::collection::vec(few, 0..300), prop::collection::vec(many, 0..300)]
    }

    proptest! {
        #[test]
        fn a_draft_is_the_schedule_of_its_choices_whenever_it_is_asked_for(script in script()) {
            let (mut draft, mut schedule, mut turn) = (Draft::default(), Schedule::default(), 0);
            for (turns, alternatives, index, kind, times) in script {
                let index = index % alternatives;
                for turns in std::iter::once(turns).chain((1..times).map(|_| 1)) {
                    turn += turns;
                    let choice = Deviation { turn, place: u32::from(kind == 0), alternatives, index };
                    match kind {
                        0 if index > 0 => draft.push(choice),
                        _ => draft.note(turn, alternatives, index),
                    }
                    if index > 0 {
                        schedule.push(choice);
                    }
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

    #[test]
    fn equal_choices_are_one_run_wherever_they_are_packed() {
        for before in 0..NOTED_MAX as u32 {
            for equal in 30..36 {
                let (mut draft, mut schedule) = (Draft::default(), Schedule::default());
                for turn in 1..=before + equal + 2 * NOTED_MAX as u32 {
                    let is_equal = turn > before && turn <= before + equal;
                    let index = if is_equal { 7 } else { 100 + turn };
                    draft.note(turn.into(), 500, index);
                    let (turn, place, alternatives) = (turn.into(), 0, 500);
                    schedule.push(Deviation { turn, place, alternatives, index });
                }
                assert_eq!(draft.so_far(), schedule, "{equal} behind {before}");
            }
        }
    }
}
