//! What a turn touched, and whether two turns may change places.
//!
//! Two turns commute when they touch no object in common that one of them writes, and neither wakes the
//! other's task. One case is more than that: a turn that did nothing but look at the ends of tasks that it
//! awaits one after the other. Had such a task ended earlier, the turn would have gone on where now the next
//! one goes on; nobody can tell, so waiting for an end commutes with that end.

use crate::kernel::{Access, Accesses, Object};

/// The root's number in the order of spawning.
const ROOT: u32 = 0;

/// What a turn touched.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Footprint {
    pub(super) task: u32,
    /// Ascending, each object once, with whether it was written.
    touched: Vec<(Object, bool)>,
    /// Tasks that ended.
    ended: Vec<u32>,
    /// Tasks that it found ended before it did anything else.
    joined: Vec<u32>,
    /// The task for whose end it waits, if it did nothing else.
    awaits: Option<u32>,
    /// Tasks that it woke, with the end that did.
    woken: Vec<(u32, Option<u32>)>,
}

/// How two turns stand to each other that come one after the other.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Relation {
    /// The order makes no difference.
    Independent,
    /// There is no other order.
    Ordered,
    /// The other order may be another run, if it is possible at all.
    Race,
}

impl Footprint {
    /// That of a turn of a run, counted from 0.
    pub(super) fn of(accesses: &Accesses, turn: usize) -> Option<Footprint> {
        let (task, facts) = accesses.turn(turn)?;
        let mut print = Footprint::of_task(task);
        let mut has_only_joined = !accesses.are_waits_tracked;
        for &fact in facts {
            if matches!(fact, Access::WokenOutside(_) | Access::Barrier) {
                // No longer the turn.
                continue;
            }
            if let Some(awaited) = print.awaits.take() {
                print.touch(Object::End(awaited), false);
            }
            match fact {
                Access::Joined(other) if has_only_joined && accesses.has_waited(task, other) => {
                    print.joined.push(other);
                    continue;
                }
                Access::Joins(other) if has_only_joined => print.awaits = Some(other),
                fact => print.add(fact),
            }
            has_only_joined = false;
        }
        Some(print)
    }

    /// That of a turn of which no more is known.
    pub(super) fn of_task(task: u32) -> Footprint {
        let touched = vec![(Object::Loop, false), (Object::Task(task), true)];
        Footprint { task, touched, ..Footprint::default() }
    }

    fn add(&mut self, fact: Access) {
        match fact {
            Access::Read(object) => self.touch(object, false),
            Access::Write(object) => self.touch(object, true),
            Access::Joined(other) | Access::Joins(other) => self.touch(Object::End(other), false),
            Access::Ended(task) => {
                self.ended.push(task);
                self.touch(Object::End(task), true);
                if task == ROOT {
                    // The run ends, and no other turn is taken.
                    self.touch(Object::Loop, true);
                }
            }
            Access::Woke { task, by_end } => {
                if let Err(place) = self.woken.binary_search(&(task, by_end)) {
                    self.woken.insert(place, (task, by_end));
                }
            }
            Access::Beside | Access::Chose | Access::WokenOutside(_) | Access::Barrier => {}
        }
    }

    fn touch(&mut self, object: Object, is_written: bool) {
        match self.touched.binary_search_by_key(&object, |&(object, _)| object) {
            Ok(place) => self.touched[place].1 |= is_written,
            Err(place) => self.touched.insert(place, (object, is_written)),
        }
    }

    /// How a turn stands to one that comes after it.
    pub(super) fn before(&self, later: &Footprint) -> Relation {
        if self.task == later.task || later.joined.iter().any(|task| self.ended.contains(task)) {
            return Relation::Ordered;
        }
        let is_race = self.wakes(later) || later.wakes(self) || self.conflicts(later);
        if is_race { Relation::Race } else { Relation::Independent }
    }

    /// Says whether the order of two turns of different tasks makes no difference.
    pub(super) fn commutes(&self, other: &Footprint) -> bool {
        !(self.wakes(other) || other.wakes(self) || self.conflicts(other))
    }

    /// Says whether it wakes the other's task, but by the end that is all that the other waits for.
    fn wakes(&self, other: &Footprint) -> bool {
        let is_awaited = |by_end: Option<u32>| by_end.is_some() && by_end == other.awaits;
        self.woken.iter().any(|&(task, by_end)| task == other.task && !is_awaited(by_end))
    }

    /// Says whether there is an object that both touch and one writes.
    fn conflicts(&self, other: &Footprint) -> bool {
        let (mut own, mut others) =
            (self.touched.iter().peekable(), other.touched.iter().peekable());
        while let (Some((left, left_written)), Some((right, right_written))) =
            (own.peek(), others.peek())
        {
            match left.cmp(right) {
                std::cmp::Ordering::Less => own.next(),
                std::cmp::Ordering::Greater => others.next(),
                std::cmp::Ordering::Equal if *left_written || *right_written => return true,
                std::cmp::Ordering::Equal => {
                    own.next();
                    others.next()
                }
            };
        }
        false
    }
}
