//! Which turns of a run happened before which, and which only came before.
//!
//! A turn happens before another if it is the same task's, or the two do not commute, or by way of a third.
//! Everything before the clock moves happens before everything after, so each instant is looked at alone. Two
//! turns race if they do not commute, nothing stands between them, and the later could have been taken first.

use super::footprint::{Footprint, Relation};
use crate::kernel::ordered::Map;
use crate::kernel::{Access, Accesses};

/// Turns of a run as a set, by their numbers from that of the first one of the instant.
#[derive(Default)]
struct Turns(Vec<u64>);

impl Turns {
    fn has(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    fn insert(&mut self, number: usize) {
        if self.0.len() <= number / 64 {
            self.0.resize(number / 64 + 1, 0);
        }
        self.0[number / 64] |= 1 << (number % 64);
    }

    fn extend(&mut self, other: &Turns) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (place, word) in other.0.iter().enumerate() {
            self.0[place] |= word;
        }
    }
}

/// Who woke a task for its turn.
#[derive(Clone, Copy, PartialEq)]
enum Waker {
    Turn(usize),
    /// A timer, or the start of the run.
    Outside,
}

/// A turn that should also be tried later than another one, and the tasks with which to begin instead.
pub(super) struct Race {
    /// The earlier turn, from 0.
    pub(super) turn: usize,
    /// Tasks one of which has to be run in its place.
    pub(super) instead: Vec<u32>,
}

/// The order of a run's turns.
pub(super) struct Order<'a> {
    prints: &'a [Footprint],
    /// For each turn who woke it: all who did, for each would have been enough.
    wakers: Vec<Vec<Waker>>,
    /// Tasks that were ready when the run ended, with who woke them.
    ready: Map<u32, Vec<Waker>>,
    /// Where instants begin.
    starts: Vec<usize>,
}

impl<'a> Order<'a> {
    pub(super) fn new(accesses: &Accesses, prints: &'a [Footprint]) -> Self {
        let mut ready: Map<u32, Vec<Waker>> = Map::new();
        let mut starts = vec![0];
        for fact in accesses.before() {
            if let Access::WokenOutside(task) = fact {
                ready.get_or_default(*task).push(Waker::Outside);
            }
        }
        let mut wakers = Vec::new();
        for (turn, print) in prints.iter().enumerate() {
            wakers.push(ready.remove(print.task).unwrap_or_default());
            let (_, facts) = accesses.turn(turn).expect("it has left a footprint");
            let mut by = Waker::Turn(turn);
            for fact in facts {
                match *fact {
                    Access::Woke { task, .. } => ready.get_or_default(task).push(by),
                    // In the middle of an instant it is the turn that has moved the clock.
                    Access::WokenOutside(task) => ready.get_or_default(task).push(by),
                    Access::Barrier => {
                        by = Waker::Outside;
                        ready.clear();
                        if starts.last() != Some(&(turn + 1)) {
                            starts.push(turn + 1);
                        }
                    }
                    _ => {}
                }
            }
        }
        Order { prints, wakers, ready, starts }
    }

    /// The races whose later turn is `first` or comes after it.
    ///
    /// A turn that was never taken because the run had `ended` races with the last one.
    pub(super) fn races(&self, first: usize, ended: bool) -> Vec<Race> {
        let mut races = Vec::new();
        let len = self.prints.len();
        for (place, &start) in self.starts.iter().enumerate() {
            let end = self.starts.get(place + 1).map_or(len, |&next| next);
            if end > first {
                self.races_of_instant(start, end, first, &mut races);
            }
        }
        if let Some(last) = len.checked_sub(1).filter(|_| ended) {
            for (task, wakers) in self.ready.iter() {
                // It could run without the last turn.
                if wakers.iter().any(|&by| by != Waker::Turn(last)) {
                    races.push(Race { turn: last, instead: vec![task] });
                }
            }
        }
        races
    }

    fn races_of_instant(&self, start: usize, end: usize, first: usize, races: &mut Vec<Race>) {
        let mut before: Vec<Turns> = Vec::with_capacity(end - start);
        for later in start..end {
            let mut own = Turns::default();
            for earlier in (start..later).rev() {
                if own.has(earlier - start) {
                    continue;
                }
                match self.prints[earlier].before(&self.prints[later]) {
                    Relation::Independent => continue,
                    Relation::Ordered => {}
                    Relation::Race => {
                        if later >= first && self.is_possible(start, &before, earlier, later) {
                            let instead = self.initials(start, &before, earlier, later);
                            races.push(Race { turn: earlier, instead });
                        }
                    }
                }
                own.insert(earlier - start);
                own.extend(&before[earlier - start]);
            }
            before.push(own);
        }
    }

    /// Says whether the later turn was possible without the earlier one.
    fn is_possible(&self, start: usize, before: &[Turns], earlier: usize, later: usize) -> bool {
        self.wakers[later].iter().any(|waker| match *waker {
            Waker::Outside => true,
            Waker::Turn(turn) if turn < start => true,
            Waker::Turn(turn) => turn != earlier && !before[turn - start].has(earlier - start),
        })
    }

    /// The tasks that may come first where the later turn is taken without the earlier one.
    fn initials(&self, start: usize, before: &[Turns], earlier: usize, later: usize) -> Vec<u32> {
        let mut taken = Vec::new();
        for turn in earlier + 1..later {
            if !before[turn - start].has(earlier - start) {
                taken.push(turn);
            }
        }
        // Of the later turn what happened before it is not complete; so it is compared with each.
        let is_after = |turn: usize, other: usize| match before.get(turn - start) {
            Some(before) => before.has(other - start),
            None => self.prints[other].before(&self.prints[turn]) != Relation::Independent,
        };
        taken.push(later);
        let mut tasks = Vec::new();
        for (place, &turn) in taken.iter().enumerate() {
            let task = self.prints[turn].task;
            let is_initial = taken[..place].iter().all(|&other| !is_after(turn, other));
            if is_initial && !tasks.contains(&task) {
                tasks.push(task);
            }
        }
        tasks
    }
}
