//! A run in numbers: where its time went, for each task and for the loop.

use std::time::Duration;

use super::{Awaited, Event, Level, Record, Resource, Trace};
use crate::kernel::ordered::Map;
use crate::kernel::{Instant, TaskId};

/// Instants and stretches that are listed at most.
pub(super) const LISTED_MAX: usize = 5;

/// What the records of a trace add up to; see [`Trace::statistics`].
///
/// Its `Display` is a table of the tasks, those with most polls first, one of the resources that they waited for,
/// the longest waits first, and lines for the loop. Of each table 40 rows are shown, and the others counted.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Statistics {
    /// The tasks, in the order in which they were spawned.
    pub tasks: Vec<TaskStatistics>,
    /// Turns of the loop.
    pub turns: u64,
    /// How often the clock jumped.
    pub jumps: usize,
    /// How far it jumped in all.
    pub jumped: Duration,
    /// How long tasks blocked the loop in all.
    pub blocked: Duration,
    /// The five longest stretches at most in which a task blocked the loop, longest first; of equal ones the
    /// earlier first.
    pub blocking: Vec<BlockingStretch>,
    /// The five instants at most with most turns, most first; of equal ones the earlier first.
    pub busiest: Vec<BusyInstant>,
    /// The resources for which tasks waited, in the order in which one first did.
    pub resources: Vec<ResourceStatistics>,
}

/// What the records of one task add up to.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct TaskStatistics {
    /// Its id.
    pub task: TaskId,
    /// Its path.
    pub path: String,
    /// How often it was polled.
    pub polls: u64,
    /// Turns of other tasks for which it stood in the ready set.
    pub turns_ready: u64,
    /// How long it was ready: time passes then only while another task blocks the loop.
    pub ready: Duration,
    /// How long it waited.
    pub waiting: Duration,
    /// The longest of its waits.
    pub longest_wait: Duration,
    /// When that began; the first of several.
    pub longest_wait_since: Instant,
    /// How long it blocked the loop.
    pub blocked: Duration,
    /// Of its waits, those for resources, in the order in which tasks first waited for these.
    pub resources: Vec<ResourceStatistics>,
}

/// The waits for one resource, of one task or of all.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ResourceStatistics {
    /// The resource in words: ``mutex `ledger` ``.
    pub resource: String,
    /// How often a task was suspended to wait for it.
    pub waits: u64,
    /// How long tasks waited for it, each counted for itself.
    pub waiting: Duration,
    /// The longest of the waits.
    pub longest_wait: Duration,
}

/// A stretch of time in which a task blocked the loop.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct BlockingStretch {
    /// The path of the task.
    pub path: String,
    /// From when.
    pub from: Instant,
    /// How long.
    pub length: Duration,
}

/// An instant, and how many turns it had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct BusyInstant {
    /// The instant.
    pub at: Instant,
    /// Its turns.
    pub turns: u64,
}

impl Trace {
    /// Adds up the records: polls and waits of each task, jumps and busy instants of the loop.
    ///
    /// Polls and waits are known at [`Level::Full`] only; below it they are 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{Builder, sleep, time::block_for, trace::Level};
    /// use std::time::Duration;
    ///
    /// let report = Builder::new().trace(Level::Full).run(async {
    ///     sleep(Duration::from_secs(3)).await;
    ///     block_for(Duration::from_secs(1));
    /// });
    /// let statistics = report.trace.statistics();
    /// let main = &statistics.tasks[0];
    /// assert_eq!((main.polls, main.waiting), (2, Duration::from_secs(3)));
    /// assert_eq!((statistics.jumps, statistics.blocked), (1, Duration::from_secs(1)));
    /// ```
    pub fn statistics(&self) -> Statistics {
        let mut sums = Sums::new(self);
        for record in self.records() {
            sums.add(record);
        }
        sums.finish()
    }
}

/// What a task has done since when.
#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Ready {
        turn: u64,
        since: Instant,
    },
    /// For the resource with this number, if for one.
    Waiting {
        since: Instant,
        resource: Option<usize>,
    },
    Ended,
}

struct Sums {
    statistics: Statistics,
    /// Only then is it known what a task does.
    has_polls: bool,
    phases: Vec<Phase>,
    /// Turns of the instant under way, and the last turn before it.
    instant: (Instant, u64),
    last_turn: u64,
    end: Instant,
    /// Of each task and resource, by numbers, and of all tasks.
    resources: Map<(Option<usize>, usize), ResourceStatistics>,
}

impl Sums {
    fn new(trace: &Trace) -> Self {
        let mut tasks = Vec::new();
        for task in trace.tasks() {
            tasks.push(TaskStatistics {
                task,
                path: trace.path(task).unwrap_or("?").to_owned(),
                polls: 0,
                turns_ready: 0,
                ready: Duration::ZERO,
                waiting: Duration::ZERO,
                longest_wait: Duration::ZERO,
                longest_wait_since: Instant::ZERO,
                blocked: Duration::ZERO,
                resources: Vec::new(),
            });
        }
        let statistics = Statistics {
            tasks,
            turns: 0,
            jumps: 0,
            jumped: Duration::ZERO,
            blocked: Duration::ZERO,
            blocking: Vec::new(),
            busiest: Vec::new(),
            resources: Vec::new(),
        };
        let phases = vec![Phase::Ended; statistics.tasks.len()];
        let has_polls = trace.level() == Level::Full;
        let (instant, end) = ((Instant::ZERO, 0), Instant::ZERO);
        Sums { statistics, has_polls, phases, instant, last_turn: 0, end, resources: Map::new() }
    }

    fn add(&mut self, record: Record<'_>) {
        let Record { turn, at, task, event } = record;
        if at != self.instant.0 {
            self.close_instant();
            self.instant = (at, self.last_turn);
        }
        (self.last_turn, self.end) = (turn, at);
        if let Event::Jumped(from) = event {
            self.statistics.jumps += 1;
            self.statistics.jumped += length(from, at);
        }
        let Some(place) = task.and_then(|task| usize::try_from(task.as_u64()).ok()) else { return };
        match event {
            Event::Spawned if self.has_polls => {
                self.phases[place] = Phase::Ready { turn, since: at };
            }
            Event::Woken { .. } => self.change(place, Phase::Ready { turn, since: at }, turn, at),
            Event::Polled { .. } => {
                self.statistics.tasks[place].polls += 1;
                self.change(place, Phase::Waiting { since: at, resource: None }, turn, at);
            }
            Event::Waits(wait) => {
                let resource = match wait.what {
                    Awaited::Resource { resource, .. } => Some(resource),
                    _ => None,
                };
                if let Some(resource) = resource {
                    self.begin_wait(place, resource);
                }
                let number = resource.map(|resource| resource.number);
                let since = at;
                self.change(place, Phase::Waiting { since, resource: number }, turn, at);
            }
            Event::Blocked(from) => self.block(place, from, at),
            Event::Completed | Event::Cancelled | Event::Panicked(_) => {
                self.change(place, Phase::Ended, turn, at);
            }
            _ => {}
        }
    }

    fn change(&mut self, place: usize, phase: Phase, turn: u64, at: Instant) {
        let task = &mut self.statistics.tasks[place];
        match std::mem::replace(&mut self.phases[place], phase) {
            Phase::Ready { turn: from, since } => {
                task.turns_ready += (turn - from).saturating_sub(1);
                task.ready += length(since, at);
            }
            Phase::Waiting { since, resource } => {
                let waited = length(since, at);
                task.waiting += waited;
                if waited > task.longest_wait {
                    (task.longest_wait, task.longest_wait_since) = (waited, since);
                }
                let Some(number) = resource else { return };
                for key in both(place, number) {
                    if let Some(sums) = self.resources.get_mut(key) {
                        sums.waiting += waited;
                        sums.longest_wait = sums.longest_wait.max(waited);
                    }
                }
            }
            Phase::Ended => {}
        }
    }

    fn begin_wait(&mut self, place: usize, resource: Resource<'_>) {
        for key in both(place, resource.number) {
            let sums = self.resources.get_or_insert_with(key, || ResourceStatistics {
                resource: resource.to_string(),
                waits: 0,
                waiting: Duration::ZERO,
                longest_wait: Duration::ZERO,
            });
            sums.waits += 1;
        }
    }

    fn block(&mut self, place: usize, from: Instant, at: Instant) {
        let length = length(from, at);
        let task = &mut self.statistics.tasks[place];
        task.blocked += length;
        self.statistics.blocked += length;
        let list = &mut self.statistics.blocking;
        // A path is copied only for what will be listed.
        if list.len() < LISTED_MAX || list.last().is_some_and(|last| last.length < length) {
            let stretch = BlockingStretch { path: task.path.clone(), from, length };
            insert(list, stretch, |one, other| one.length >= other.length);
        }
        // What it does after its poll begins only now.
        match &mut self.phases[place] {
            Phase::Ready { since, .. } | Phase::Waiting { since, .. } => *since = at,
            Phase::Ended => {}
        }
    }

    fn close_instant(&mut self) {
        let (at, before) = self.instant;
        let turns = self.last_turn - before;
        self.statistics.turns += turns;
        if turns > 0 {
            let list = &mut self.statistics.busiest;
            insert(list, BusyInstant { at, turns }, |one, other| one.turns >= other.turns);
        }
    }

    fn finish(mut self) -> Statistics {
        self.close_instant();
        for place in 0..self.phases.len() {
            self.change(place, Phase::Ended, self.last_turn, self.end);
        }
        for ((task, _), sums) in self.resources.into_entries() {
            match task {
                Some(task) => self.statistics.tasks[task].resources.push(sums),
                None => self.statistics.resources.push(sums),
            }
        }
        self.statistics
    }
}

/// The keys of the sums of a task, and of all.
fn both(task: usize, resource: usize) -> [(Option<usize>, usize); 2] {
    [(Some(task), resource), (None, resource)]
}

fn length(from: Instant, to: Instant) -> Duration {
    to.checked_duration_since(from).unwrap_or_default()
}

/// Keeps the first few of a list that is in order.
fn insert<T>(list: &mut Vec<T>, new: T, stays_before: impl Fn(&T, &T) -> bool) {
    let mut place = list.len();
    while place > 0 && !stays_before(&list[place - 1], &new) {
        place -= 1;
    }
    if place < LISTED_MAX {
        list.truncate(LISTED_MAX - 1);
        list.insert(place, new);
    }
}
