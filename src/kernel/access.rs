//! What each turn touches, for a search that tries no order of turns that have nothing to do with each other.
//!
//! Off in all other runs, where it costs what the log costs that is off: nothing, for both hang on one branch.
//! What is noted is the order of the facts, nothing more; what they mean for the order of turns is for the
//! search to say.

use super::event::{Cause, NO_TASK};
use super::groups::GroupKey;
use super::key::TaskKey;
use super::ordered::Set;
use super::{Kernel, serial};

/// Something that tasks share, made outside the kernel: a primitive, a cell of the program's.
///
/// Its number is that of the task that made it and how many that task had made before. So it is the same
/// in every run up to the making, whatever comes after; and hardly ever another's when the order differs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct ObjectId(u64);

impl ObjectId {
    /// All that were made when nobody asked: one object, as far as is known.
    pub(crate) const UNKNOWN: ObjectId = ObjectId(0);

    fn new(maker: u32, number: u32) -> ObjectId {
        ObjectId(u64::from(maker) << 32 | u64::from(number))
    }

    /// The id of what is made before the run, as so many-th.
    pub(crate) fn before_run(number: u32) -> ObjectId {
        ObjectId::new(NO_TASK, number)
    }
}

/// What two turns may both touch. Tasks go by their numbers in the order of spawning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Object {
    /// What every turn reads: that the run goes on, and what time it is.
    Loop,
    Made(ObjectId),
    /// A task as what may be woken or aborted. Its turns write it.
    Task(u32),
    /// Whether a task has ended, and its output.
    End(u32),
    /// Who has finished in a group of tasks: the one that was opened in the run as so many-th, from 0.
    Group(u64),
    /// The line of those who wait until everybody waits.
    Settlers,
    /// Panics, of which the first is told.
    Panics,
    WallClock,
    /// Which tasks there are and which have ended, in what order, in a program that asks for it.
    Population,
}

/// A fact of a turn, in the order in which they happen.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Access {
    Read(Object),
    Write(Object),
    /// A task has ended: a write of its [`Object::End`].
    Ended(u32),
    /// Found that a task had ended, awaiting its handle.
    Joined(u32),
    /// Found that it had not, and waits for it.
    Joins(u32),
    /// Polls something beside ends of tasks: a timer that has not fired, one of several futures. Who does
    /// may tell that a task had not ended yet, for it goes on without.
    Beside,
    /// Asked for a value, or a branch, that the schedule chooses.
    Chose,
    /// Woke a task, or made it. By its own end, if it is the end that was waited for.
    Woke {
        task: u32,
        by_end: Option<u32>,
    },
    /// A task was woken by no turn: by a timer, or because all others wait.
    WokenOutside(u32),
    /// All waited, and the clock moved or somebody went on who had waited for that.
    Barrier,
}

/// A turn, or what came before the first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noted {
    pub(crate) task: u32,
    /// Where its facts start.
    start: usize,
}

/// What a run has shown of the program.
#[derive(Clone, Copy)]
pub(crate) enum Learnt {
    Nothing,
    /// Turns may be independent that were taken for dependent.
    Independence,
    /// Turns that were taken for independent are not in this program.
    Dependence,
}

/// The facts of a run.
#[derive(Debug, Default)]
pub(crate) struct Accesses {
    turns: Vec<Noted>,
    facts: Vec<Access>,
    /// How many objects each task has made.
    made: Vec<u32>,
    /// The program has asked for what all spawns and ends have in common.
    pub(crate) is_population_seen: bool,
    /// Spawns and ends touch that.
    pub(crate) is_population_tracked: bool,
    /// To wait for an end is to read whether it has come, for the program polls handles by hand.
    pub(crate) are_waits_tracked: bool,
    /// Who was seen to wait for whom, in this run or one before.
    waited: Set<(u32, u32)>,
    /// The task that ends right now.
    ending: Option<u32>,
}

impl Accesses {
    /// The number of turns that have begun.
    pub(crate) fn turns(&self) -> usize {
        self.turns.len()
    }

    /// Whose turn it was, counted from 0, and what is noted of it.
    pub(crate) fn turn(&self, index: usize) -> Option<(u32, &[Access])> {
        let Noted { task, start } = *self.turns.get(index)?;
        let end = self.turns.get(index + 1).map_or(self.facts.len(), |next| next.start);
        Some((task, &self.facts[start..end]))
    }

    /// What is noted before the first turn.
    pub(crate) fn before(&self) -> &[Access] {
        &self.facts[..self.turns.first().map_or(self.facts.len(), |first| first.start)]
    }

    /// Takes from the run what holds for all runs of the program.
    pub(crate) fn learn(&mut self) -> Learnt {
        let mut is_wait_seen = false;
        let known = self.waited.len();
        let mut awaited = Vec::new();
        for turn in 0..self.turns() {
            let (task, facts) = self.turn(turn).expect("it is one of the run's");
            is_wait_seen |= goes_on(facts);
            for fact in facts {
                if let Access::Joins(other) = fact {
                    awaited.push((task, *other));
                }
            }
        }
        for &pair in &awaited {
            self.waited.insert(pair);
        }
        let is_population_new = self.is_population_seen && !self.is_population_tracked;
        let is_wait_new = is_wait_seen && !self.are_waits_tracked;
        self.is_population_tracked |= is_population_new;
        self.are_waits_tracked |= is_wait_new;
        match self.waited.len() > known {
            _ if is_population_new || is_wait_new => Learnt::Dependence,
            true => Learnt::Independence,
            false => Learnt::Nothing,
        }
    }

    /// Says whether a run has shown what the task does when it finds the other one unfinished.
    pub(crate) fn has_waited(&self, task: u32, other: u32) -> bool {
        self.waited.contains((task, other))
    }

    /// Forgets the run and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.turns.clear();
        self.facts.clear();
        self.made.clear();
        self.ending = None;
    }
}

/// Says whether a turn went on after it had found unfinished what it waits for: a later turn may do one thing or
/// another, by what this one saw. Where that was said beforehand, it is known.
fn goes_on(facts: &[Access]) -> bool {
    let mut waits = false;
    for fact in facts {
        match fact {
            // No longer the turn.
            Access::WokenOutside(_) | Access::Barrier => {}
            _ if waits => return true,
            Access::Joins(_) => waits = true,
            Access::Beside => return false,
            _ => {}
        }
    }
    false
}

impl Kernel {
    /// Whether somebody but the watch wants to know of turns, wakes and ends.
    pub(crate) fn is_noted(&self) -> bool {
        self.log.is_on() || self.accesses.is_some()
    }

    /// Notes from now on what each turn touches.
    pub(crate) fn note_accesses(&mut self, accesses: Box<Accesses>) {
        self.accesses = Some(accesses);
        self.is_observed = true;
    }

    pub(crate) fn accesses(&self) -> Option<&Accesses> {
        self.accesses.as_deref()
    }

    pub(crate) fn take_accesses(&mut self) -> Option<Box<Accesses>> {
        self.accesses.take()
    }

    /// Notes a fact of the running turn, or of what follows it.
    pub(crate) fn note_access(&mut self, access: Access) {
        if let Some(accesses) = self.accesses.as_deref_mut().filter(|_| !self.is_closing) {
            accesses.facts.push(access);
        }
    }

    /// The id of an object that is being made.
    pub(crate) fn make_object(&mut self) -> ObjectId {
        let maker = self.running_serial();
        let Some(accesses) = self.accesses.as_deref_mut().filter(|_| maker != NO_TASK) else {
            return ObjectId::UNKNOWN;
        };
        let place = maker as usize;
        if place >= accesses.made.len() {
            accesses.made.resize(place + 1, 0);
        }
        accesses.made[place] += 1;
        ObjectId::new(maker, accesses.made[place])
    }

    pub(super) fn note_turn_begins(&mut self, task: u32) {
        if let Some(accesses) = self.accesses.as_deref_mut() {
            let start = accesses.facts.len();
            accesses.turns.push(Noted { task, start });
            accesses.ending = None;
        }
    }

    /// Notes a wake, whether or not the task was woken before.
    #[cold]
    #[inline(never)]
    pub(super) fn note_wake_access(&mut self, key: TaskKey) {
        let Some(accesses) = self.accesses.as_deref_mut().filter(|_| !self.is_closing) else {
            return;
        };
        let by_end = accesses.ending;
        let task = serial(&self.tasks[key.slot()]);
        self.note_access(match self.cause() {
            Cause::Task(_) => Access::Woke { task, by_end },
            _ => Access::WokenOutside(task),
        });
    }

    pub(super) fn note_spawn_access(&mut self, key: TaskKey) {
        self.note_wake_access(key);
        if self.accesses.as_deref().is_some_and(|accesses| accesses.is_population_tracked) {
            self.note_access(Access::Write(Object::Population));
        }
    }

    /// Notes that a task ends. Until the next turn, wakes are put down to that.
    #[cold]
    #[inline(never)]
    pub(super) fn note_end(&mut self, task: u32, group: Option<GroupKey>, has_panicked: bool) {
        let Some(accesses) = self.accesses.as_deref_mut().filter(|_| !self.is_closing) else {
            return;
        };
        accesses.ending = group.is_none().then_some(task);
        let facts = &mut accesses.facts;
        facts.push(Access::Ended(task));
        if let Some(group) = group {
            facts.push(Access::Write(self.groups.object(group)));
        }
        if has_panicked {
            facts.push(Access::Write(Object::Panics));
        }
        if accesses.is_population_tracked {
            facts.push(Access::Write(Object::Population));
        }
    }

    /// Notes that it was asked which tasks there are, or in what order they had ended.
    pub(crate) fn note_order_seen(&mut self) {
        if let Some(accesses) = self.accesses.as_deref_mut() {
            accesses.is_population_seen = true;
            accesses.facts.push(Access::Read(Object::Population));
        }
    }
}
