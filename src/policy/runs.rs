//! The choices of a schedule as they are kept: runs of equal ones, most of them in two bytes.
//!
//! A run of the loop under a random policy notes a choice nearly every turn. What that costs is fresh memory, so
//! a choice shortly behind the last one, of as many alternatives or nearly so, takes one unit of 16 bits.

use std::fmt;
use std::ops::Range;

use super::draft::{NOTED_MAX, Noted};
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
    fn goes_on_with(&self, next: Deviation) -> bool {
        let (turn, first) = (self.first.turn.checked_add(self.count), self.first);
        turn == Some(next.turn)
            && (first.index, first.alternatives, first.place)
                == (next.index, next.alternatives, next.place)
    }
}

/// Runs in their order. Each begins after the last turn of the one before, or at a later place in it.
///
/// A single choice of which task runs takes one unit or four. In one, 2 bits say how many turns it lies behind the
/// choice before, from 1 to 3; 2 bits how many alternatives it has more, from one less to two more; and 12 bits the
/// index. Of four, 2 bits are zero, 14 are for the turns, 24 for the alternatives and 24 for the index. Fewer than
/// [`REPEATED_MAX`] equal choices in turns on end are told one by one: where few tasks are ready they are frequent,
/// and cannot be foreseen.
///
/// The same runs are always kept in the same way, so they are equal when what is kept is.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Runs {
    units: Vec<u16>,
    /// Those that do not fit, for which [`WIDE`] stands.
    wide: Vec<Run>,
    /// Where the units of the last choice begin that took four units or stands in `wide`, and where they end.
    long: Range<usize>,
    /// How often the choice of the last run was told again; the most there can be for one that stands in `wide`.
    repeated: u32,
    /// Its last choice: the turn, how many alternatives. Zero before the first.
    turn: u64,
    alternatives: u32,
    /// The unit that would tell that choice again, or zero if none does.
    again: u16,
}

impl fmt::Debug for Runs {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Stands for a run that does not fit.
const WIDE: u16 = (1 << 14) - 1;

/// The turns that a choice told in four units may lie behind the one before. One more is [`WIDE`].
const TURNS_MAX: u64 = WIDE as u64 - 1;

/// Bits for the number of alternatives, and for the index taken, in four units.
const NUMBER_BITS: u32 = 24;

const NUMBER_MAX: u32 = (1 << NUMBER_BITS) - 1;

/// Bits for the index in a single unit.
const INDEX_BITS: u32 = 12;

const INDEX_MAX: u32 = (1 << INDEX_BITS) - 1;

/// How often a choice is told again in the turns after it. One time more, and the run does not fit.
const REPEATED_MAX: u32 = (1 << REPEATED_BITS) - 1;

const REPEATED_BITS: u32 = 5;

/// A choice in one unit, if it fits: if nothing is above what there is room for.
#[inline(always)]
fn unit(turns: u32, more: u32, index: u32) -> u16 {
    (turns << 14 | more << INDEX_BITS | index) as u16
}

/// The bits of the numbers of a choice for which there is no room in one unit. One test of three bounds.
#[inline(always)]
fn above(turns: u32, more: u32, index: u32) -> u32 {
    (turns | more) >> 2 | index >> INDEX_BITS
}

/// A choice in one unit.
fn short(turns: u64, more: u32, index: u32) -> Option<u16> {
    debug_assert!(turns > 0, "a turn has one choice at most of which task runs");
    let turns = u32::try_from(turns).ok()?;
    (above(turns, more, index) == 0).then(|| unit(turns, more, index))
}

/// The index that a single unit tells.
fn index_of(unit: u16) -> u32 {
    u32::from(unit) & INDEX_MAX
}

/// The units of a single choice that begins with this one.
fn length(unit: u16) -> usize {
    if unit >> 14 == 0 { 4 } else { 1 }
}

/// A choice in four.
fn long(turns: u64, alternatives: u32, index: u32) -> Option<[u16; 4]> {
    let numbers = u64::from(alternatives) << NUMBER_BITS | u64::from(index);
    let fits = turns <= TURNS_MAX && alternatives <= NUMBER_MAX;
    fits.then_some([turns as u16, (numbers >> 32) as u16, (numbers >> 16) as u16, numbers as u16])
}

/// The units behind the first choice of a run, if it can be told in units.
fn again(run: Run) -> Option<Vec<u16>> {
    let repeated = run.count - 1;
    let fits = run.first.place == 0 && repeated <= u64::from(REPEATED_MAX);
    let unit = if repeated > 0 { short(1, 1, run.first.index)? } else { 0 };
    fits.then(|| vec![unit; repeated as usize])
}

fn single(turn: u64, alternatives: u32, index: u32) -> Run {
    Run { first: Deviation { turn, place: 0, alternatives, index }, count: 1 }
}

/// Units for which the memory is kept, and wide runs.
const KEPT_MAX: usize = 1 << 14;

impl Runs {
    /// Forgets all, and keeps the memory if it is not too much.
    #[inline]
    pub(super) fn clear(&mut self) {
        if self.units.capacity() > KEPT_MAX || self.wide.capacity() > KEPT_MAX / 4 {
            *self = Runs::default();
        }
        self.units.clear();
        self.wide.clear();
        (self.long, self.repeated) = (0..0, 0);
        (self.turn, self.alternatives, self.again) = (0, 0, 0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    pub(super) fn last(&self) -> Option<Run> {
        let start = self.last_start();
        match *self.units.get(start)? {
            WIDE => self.wide.last().copied(),
            unit => {
                let index = if length(unit) == 1 { index_of(unit) } else { self.long_at(start).2 };
                let count = u64::from(self.repeated) + 1;
                let first = single(self.turn - (count - 1), self.alternatives, index);
                Some(Run { count, ..first })
            }
        }
    }

    /// Where the units of the last run begin, if there is one.
    fn last_start(&self) -> usize {
        let behind = self.units.len() - self.long.end;
        // What follows a wide run is no part of it.
        match behind.checked_sub(self.repeated as usize) {
            Some(first) if first > 0 => self.long.end + first - 1,
            _ => self.long.start,
        }
    }

    /// What four units tell: the turns, the alternatives and the index.
    fn long_at(&self, start: usize) -> (u64, u32, u32) {
        let of = |offset: usize| u64::from(self.units[start + offset]);
        let numbers = of(1) << 32 | of(2) << 16 | of(3);
        let number = |bits: u64| bits as u32 & NUMBER_MAX;
        (of(0), number(numbers >> NUMBER_BITS), number(numbers))
    }

    /// How many alternatives a choice has more than the last one, counted from one less.
    #[inline]
    fn more(&self, alternatives: u32) -> u32 {
        alternatives.wrapping_sub(self.alternatives).wrapping_add(1)
    }

    /// Adds a choice, which may go on with the last run.
    pub(super) fn push(&mut self, choice: Deviation) {
        let Deviation { turn, place, alternatives, index } = choice;
        match place {
            0 => self.add(turn, alternatives, index),
            _ => self.push_run(Run { first: choice, count: 1 }),
        }
    }

    /// Takes choices of which task runs, and leaves none.
    pub(super) fn extend(&mut self, noted: &mut Noted) {
        if noted.len < NOTED_MAX || !self.extend_short(noted) {
            for place in 1..=noted.len {
                self.add(noted.turns[place], noted.alternatives[place], noted.indices[place]);
            }
        }
        noted.len = 0;
    }

    /// Adds as many as are noted at once, if each fits one unit and has another index than the one before. There is no
    /// branch in these loops, so that the compiler does several choices at a time.
    fn extend_short(&mut self, noted: &mut Noted) -> bool {
        let Noted { turns, alternatives, indices, .. } = noted;
        (turns[0], alternatives[0]) = (self.turn, self.alternatives);
        indices[0] = if self.again == 0 { u32::MAX } else { index_of(self.again) };
        let mut since = [0; NOTED_MAX];
        for (since, turns) in since.iter_mut().zip(turns.windows(2)) {
            *since = (turns[1] - turns[0]) as u32;
        }
        // What was cut off of a number of turns is seen here.
        let mut misfit = u32::from(turns[NOTED_MAX] - turns[0] > u64::from(u32::MAX));
        let mut units = [0; NOTED_MAX];
        for (at, told) in units.iter_mut().enumerate() {
            let more = alternatives[at + 1].wrapping_sub(alternatives[at]).wrapping_add(1);
            let index = indices[at + 1];
            *told = unit(since[at], more, index);
            misfit |= above(since[at], more, index) | u32::from(index == indices[at]);
        }
        if misfit > 0 {
            return false;
        }
        self.units.extend_from_slice(&units);
        (self.turn, self.alternatives) = (turns[NOTED_MAX], alternatives[NOTED_MAX]);
        (self.repeated, self.again) = (0, unit(1, 1, indices[NOTED_MAX]));
        true
    }

    /// Adds a choice of which task runs.
    fn add(&mut self, turn: u64, alternatives: u32, index: u32) {
        let turns = u32::try_from(turn - self.turn).unwrap_or(u32::MAX);
        let more = self.more(alternatives);
        let told = unit(turns, more, index);
        let repeated = if told == self.again { self.repeated + 1 } else { 0 };
        if above(turns, more, index) > 0 || repeated > REPEATED_MAX {
            return self.push_run(single(turn, alternatives, index));
        }
        self.units.push(told);
        (self.turn, self.alternatives) = (turn, alternatives);
        (self.repeated, self.again) = (repeated, unit(1, 1, index));
    }

    /// Adds a run, which may go on with the last one.
    #[inline(never)]
    pub(super) fn push_run(&mut self, run: Run) {
        match self.last().filter(|last| last.goes_on_with(run.first)) {
            Some(last) => self.go_on(last, run.count),
            None => match self.tell(run) {
                Some(repeated) => self.repeated = repeated,
                None => self.push_wide(run),
            },
        }
        let Deviation { turn, alternatives, index, .. } = run.last();
        (self.turn, self.alternatives) = (turn, alternatives);
        self.again = short(1, 1, index).unwrap_or(0);
    }

    /// Makes the last run longer.
    fn go_on(&mut self, last: Run, count: u64) {
        // Turns count from 1, so no run is longer than `u64::MAX`.
        let whole = Run { count: last.count + count, ..last };
        let start = self.last_start();
        if self.units[start] == WIDE {
            self.wide.pop();
        } else if let Some(units) = again(whole) {
            self.repeated = units.len() as u32;
            self.units.extend(&units[last.count as usize - 1..]);
            return;
        }
        self.units.truncate(start);
        self.push_wide(whole);
    }

    fn push_wide(&mut self, run: Run) {
        self.long = self.units.len()..self.units.len() + 1;
        self.units.push(WIDE);
        self.wide.push(run);
        self.repeated = REPEATED_MAX;
    }

    /// Tells of a run in units, if it fits, and returns how often its choice is told again.
    fn tell(&mut self, run: Run) -> Option<u32> {
        let units = again(run)?;
        let Deviation { turn, alternatives, index, .. } = run.first;
        let turns = turn - self.turn;
        match short(turns, self.more(alternatives), index) {
            Some(unit) => self.units.push(unit),
            None => {
                let long = long(turns, alternatives, index)?;
                self.long = self.units.len()..self.units.len() + long.len();
                self.units.extend(long);
            }
        }
        self.units.extend(&units);
        Some(units.len() as u32)
    }

    /// The run at a place, or none behind the last.
    pub(super) fn get(&self, place: Place) -> Option<Run> {
        let Place { units, wide, turn, alternatives } = place;
        let unit = *self.units.get(units)?;
        if unit == WIDE {
            return Some(self.wide[wide]);
        }
        let turns = u64::from(unit >> 14);
        let first = if turns > 0 {
            let more = u32::from(unit >> INDEX_BITS & 3);
            let alternatives = alternatives.wrapping_add(more).wrapping_sub(1);
            single(turn + turns, alternatives, index_of(unit))
        } else {
            let (turns, alternatives, index) = self.long_at(units);
            single(turn + turns, alternatives, index)
        };
        let again = short(1, 1, first.first.index);
        let behind = self.units[units + length(unit)..].iter();
        let repeated = behind.take_while(|&&unit| Some(unit) == again).count();
        Some(Run { count: 1 + repeated as u64, ..first })
    }

    /// The place behind that of a run.
    pub(super) fn place_behind(&self, place: Place, run: &Run) -> Place {
        let Deviation { turn, alternatives, .. } = run.last();
        let (units, wide) = match self.units.get(place.units) {
            Some(&WIDE) => (1, 1),
            Some(&unit) => (length(unit) + (run.count as usize - 1), 0),
            None => (0, 0),
        };
        Place { units: place.units + units, wide: place.wide + wide, turn, alternatives }
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
    units: usize,
    wide: usize,
    /// The last turn of the run before, and how many alternatives it had.
    turn: u64,
    alternatives: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Numbers around each bound of what fits one unit, and four.
    fn number() -> impl Strategy<Value = u32> {
        let edge = prop_oneof![Just(INDEX_MAX), Just(NUMBER_MAX)];
        let around = (edge, 0_u32..3).prop_map(|(edge, more)| edge - 1 + more);
        prop_oneof![4 => 2_u32..6, 2 => around, 1 => Just(u32::MAX)]
    }

    fn turns() -> impl Strategy<Value = u64> {
        let around = TURNS_MAX - 1..TURNS_MAX + 3;
        prop_oneof![3 => Just(1_u64), 2 => 2_u64..6, 1 => around, 1 => Just(1 << 40)]
    }

    /// Around the number of choices that are told one by one, too.
    fn count() -> impl Strategy<Value = u64> {
        let edge = REPEATED_MAX as u64;
        prop_oneof![4 => Just(1_u64), 2 => 2_u64..4, 1 => edge - 1..edge + 4]
    }

    proptest! {
        #[test]
        fn runs_are_read_as_they_were_written(
            script in prop::collection::vec((turns(), 0_u32..2, number(), number(), count()), 0..40),
        ) {
            let (mut runs, mut written, mut turn) = (Runs::default(), Vec::<Run>::new(), 0);
            for (turns, place, alternatives, index, count) in script {
                let index = index.min(alternatives - 1);
                let first = Deviation { turn: turn + turns, place, alternatives, index };
                let run = Run { first, count };
                turn = run.last().turn;
                if run.count == 1 {
                    runs.push(first);
                } else {
                    runs.push_run(run);
                }
                match written.last_mut() {
                    Some(last) if last.get(last.count - 1).map(|it| Deviation { turn: it.turn + 1, ..it }) == Some(first) => {
                        last.count += count;
                    }
                    _ => written.push(run),
                }
                prop_assert_eq!(runs.last(), written.last().copied());
            }
            prop_assert_eq!(runs.iter().collect::<Vec<_>>(), written);
            let mut one_by_one = Runs::default();
            let choices = runs.iter().flat_map(|run| (0..run.count).map_while(move |at| run.get(at)));
            choices.for_each(|choice| one_by_one.push(choice));
            prop_assert!(one_by_one == runs, "equal schedules are kept in the same way");
        }
    }

    #[test]
    fn a_choice_in_every_turn_takes_two_bytes() {
        let mut runs = Runs::default();
        for turn in 1..=1_000 {
            let (alternatives, index) = (900 + turn as u32 % 2, 1 + turn as u32 % 7);
            runs.push(Deviation { turn, place: 0, alternatives, index });
        }
        assert_eq!((runs.units.len(), runs.wide.len(), runs.iter().count()), (1_003, 0, 1_000));
    }
}
