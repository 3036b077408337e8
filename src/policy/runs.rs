//! The choices of a schedule as they are kept: runs of equal ones, most of them in a single word.
//!
//! A run of the loop under a random policy notes a choice nearly every turn. What that costs is fresh memory, so
//! a choice that lies shortly behind the last one, and is one of not too many, takes eight bytes.

use std::fmt;

use super::schedule::Deviation;

/// One choice and those in the turns after it that are the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Run {
    pub(super) first: Deviation,
    /// From 1; the last turn, `first.turn + (count - 1)`, is a `u64`.
    pub(super) count: u64,
}

impl Run {
    pub(super) fn get(&self, offset: u64) -> Option<Deviation> {
        let turn = || self.first.turn + offset;
        (offset < self.count).then(|| Deviation { turn: turn(), ..self.first })
    }

    pub(super) fn last(&self) -> Deviation {
        Deviation { turn: self.first.turn + (self.count - 1), ..self.first }
    }

    /// Says whether it goes on with a choice.
    #[inline]
    fn goes_on_with(&self, next: Deviation) -> bool {
        let (turn, first) = (self.first.turn.checked_add(self.count), self.first);
        turn == Some(next.turn)
            && (first.index, first.alternatives, first.place)
                == (next.index, next.alternatives, next.place)
    }
}

/// Runs in their order. Each begins after the last turn of the one before, or at a later place in it.
///
/// The same runs are always packed in the same way, so they are equal when what is kept is.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Runs {
    /// All but the last: a word for each, which counts turns from the last one of the run before.
    packed: Vec<u64>,
    /// Those that do not fit a word, for which [`WIDE`] stands.
    wide: Vec<Run>,
    /// The last turn of what is packed.
    packed_until: u64,
    last: Option<Run>,
}

impl fmt::Debug for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Stands for a run that does not fit a word.
const WIDE: u64 = u64::MAX;

/// Bits for the number of alternatives, and for the index taken.
const NUMBER_BITS: u32 = 24;

const NUMBER_MAX: u32 = (1 << NUMBER_BITS) - 1;

/// The turns that a packed run may lie behind the one before. One more makes room for [`WIDE`].
const TURNS_MAX: u64 = (1 << (64 - 2 * NUMBER_BITS)) - 2;

/// A single choice of which task runs, in one word.
#[inline]
fn pack(run: &Run, after: u64) -> Option<u64> {
    let Deviation { turn, place, alternatives, index } = run.first;
    let turns = turn - after;
    let fits = turns <= TURNS_MAX && alternatives <= NUMBER_MAX && place == 0 && run.count == 1;
    fits.then(|| {
        turns << (2 * NUMBER_BITS) | u64::from(alternatives) << NUMBER_BITS | u64::from(index)
    })
}

fn unpack(word: u64, after: u64) -> Run {
    let number = |bits: u64| bits as u32 & NUMBER_MAX;
    let (alternatives, index) = (number(word >> NUMBER_BITS), number(word));
    let turn = after + (word >> (2 * NUMBER_BITS));
    Run { first: Deviation { turn, place: 0, alternatives, index }, count: 1 }
}

/// Runs for which the memory is kept.
const KEPT_MAX: usize = 1 << 12;

impl Runs {
    /// Forgets all, and keeps the memory if it is not too much.
    #[inline]
    pub(super) fn clear(&mut self) {
        if self.packed.capacity() > KEPT_MAX || self.wide.capacity() > KEPT_MAX {
            *self = Runs::default();
        }
        self.packed.clear();
        self.wide.clear();
        (self.packed_until, self.last) = (0, None);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    pub(super) fn last(&self) -> Option<&Run> {
        self.last.as_ref()
    }

    /// Adds a run, which may go on with the last one.
    #[inline]
    pub(super) fn push(&mut self, run: Run) {
        if let Some(last) = &mut self.last {
            if last.goes_on_with(run.first) {
                // Turns count from 1, so no run is longer than `u64::MAX`.
                last.count += run.count;
                return;
            }
            let last = *last;
            self.keep(last);
        }
        self.last = Some(run);
    }

    #[inline]
    fn keep(&mut self, run: Run) {
        let word = pack(&run, self.packed_until).unwrap_or_else(|| {
            self.wide.push(run);
            WIDE
        });
        self.packed.push(word);
        self.packed_until = run.last().turn;
    }

    /// The run at a place, or none behind the last.
    pub(super) fn get(&self, place: Place) -> Option<Run> {
        match self.packed.get(place.packed) {
            Some(&WIDE) => Some(self.wide[place.wide]),
            Some(&word) => Some(unpack(word, place.after)),
            None => self.last.filter(|_| place.packed == self.packed.len()),
        }
    }

    /// The place behind that of a run.
    pub(super) fn place_behind(&self, place: Place, run: &Run) -> Place {
        let is_wide = self.packed.get(place.packed) == Some(&WIDE);
        Place {
            packed: place.packed + 1,
            wide: place.wide + usize::from(is_wide),
            after: run.last().turn,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Run> + '_ {
        let mut place = Place::default();
        std::iter::from_fn(move || {
            let run = self.get(place)?;
            place = self.place_behind(place, &run);
            Some(run)
        })
    }
}

/// Where a run is kept: by default, the first one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    packed: usize,
    wide: usize,
    /// The last turn of the run before.
    after: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Numbers around each bound of what fits a word.
    fn number() -> impl Strategy<Value = u32> {
        prop_oneof![2_u32..5, NUMBER_MAX - 1..=NUMBER_MAX + 1, Just(u32::MAX)]
    }

    fn turns() -> impl Strategy<Value = u64> {
        prop_oneof![1_u64..3, TURNS_MAX - 1..TURNS_MAX + 3, Just(1 << 40)]
    }

    proptest! {
        #[test]
        fn runs_are_read_as_they_were_written(
            script in prop::collection::vec((turns(), 0_u32..2, number(), number(), 1_u64..3), 0..40),
        ) {
            let (mut runs, mut written, mut turn) = (Runs::default(), Vec::<Run>::new(), 0);
            for (turns, place, alternatives, index, count) in script {
                let index = index.min(alternatives - 1);
                let first = Deviation { turn: turn + turns, place, alternatives, index };
                let run = Run { first, count };
                turn = run.last().turn;
                runs.push(run);
                match written.last_mut() {
                    Some(last) if last.get(last.count - 1).map(|it| Deviation { turn: it.turn + 1, ..it }) == Some(first) => {
                        last.count += count;
                    }
                    _ => written.push(run),
                }
                prop_assert_eq!(runs.last(), written.last());
            }
            prop_assert_eq!(runs.iter().collect::<Vec<_>>(), written);
        }
    }

    #[test]
    fn a_choice_in_every_turn_takes_a_word() {
        let mut runs = Runs::default();
        for turn in 1..=1_000 {
            let index = 1 + turn as u32 % 7;
            runs.push(Run {
                first: Deviation { turn, place: 0, alternatives: 9, index },
                count: 1,
            });
        }
        assert_eq!((runs.packed.len(), runs.wide.len(), runs.iter().count()), (999, 0, 1_000));
    }
}
