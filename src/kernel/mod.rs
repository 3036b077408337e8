//! The machine that decides everything: clock, timer queue, ready set, task table, limits, events.
//!
//! It is a plain value. It holds no futures and no wakers and runs no foreign code, so every transition is
//! one short call that cannot re-enter it, and tests drive it with nothing but integers. What is foreign is
//! handed back to the shell by key: a due waker to call, a replaced one to drop.
//!
//! A task moves ready -> running -> suspended -> ready ..., and ends completed, cancelled or panicked. The
//! transitions of a turn are in `turn`, time is in `clock`, bounds in `limits`.

mod access;
mod census;
mod check;
mod clock;
mod digest;
mod ends;
mod entries;
mod event;
mod few;
#[cfg(feature = "backtrace")]
mod freeze;
mod groups;
mod instant;
mod joined;
mod joins;
mod key;
mod limits;
#[cfg(test)]
mod model;
mod open;
pub(crate) mod ordered;
mod path;
mod ranked;
mod ready;
mod record;
mod reset;
mod tasks;
mod timers;
mod turn;
mod waits;
mod wakes;

use std::mem;

pub(crate) use access::{Access, Accesses, Learnt, Object, ObjectId};
pub(crate) use census::Census;
pub(crate) use clock::SettleKey;
pub use digest::Digest;
pub(crate) use ends::WatcherKey;
pub use event::Level;
pub(crate) use event::{
    Cause, Entry, Event, Log, NO_RESOURCE, NO_TASK, ResourceEntry, TaskEntry, Waited, WantedEntry,
};
pub(crate) use groups::{GroupKey, GroupPoll, Member};
pub use instant::Instant;
pub(crate) use instant::shown_duration;
pub(crate) use joins::Join;
pub use key::TaskId;
pub(crate) use key::{
    GENERATION_MAX, SLOT_BITS, SLOTS_MAX, StoredTarget, Target, TaskKey, WakerKey,
};
pub(crate) use limits::Breach;
pub use limits::Limits;
pub(crate) use open::OpenWait;
use ordered::Map;
#[cfg(feature = "tracing")]
pub(crate) use path::Place;
pub(crate) use path::{Family, Paths, Step, is_unseen, shortened, shown_path};
pub(crate) use ready::Taken;
pub(crate) use tasks::{NO_SLOT, Spawn, State, Task, UNNAMED};
pub(crate) use timers::{TimerKey, TimerPlace};
pub(crate) use turn::{Ending, Suspension, Turn};
pub(crate) use waits::{Wait, Waiting};

use ends::Ends;
use groups::Groups;
use joins::handed_back;
use key::WakerOwners;
use limits::Watch;
use open::OpenWaits;
use ready::ReadySet;
use tasks::TaskTable;
use timers::Timers;

/// What happened in a run, in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Turns: times a task was taken from the ready set.
    pub turns: u64,
    /// Polls: turns less those in which an aborted task was dropped unpolled.
    pub polls: u64,
    /// Wakes that had an effect: the first of each task since its last poll (S17).
    pub wakes: u64,
    /// Timers that fell due.
    pub timers_fired: u64,
    /// Timers that were removed before they fell due.
    pub timers_cancelled: u64,
    /// Tasks spawned, the root included.
    pub tasks_spawned: u64,
    /// Times the clock moved to a later instant.
    pub jumps: u64,
}

/// What a registered timer stands for, in one word: whom it wakes, and whether it keeps a blocked run alive.
///
/// A daemon's timer does not (S37). That is kept here, because the task may be gone when the timer goes.
#[derive(Clone, Copy)]
struct Registration(StoredTarget);

impl Registration {
    #[inline]
    fn new(target: Target, holds: bool) -> Self {
        Registration(StoredTarget::new(target).flagged(holds))
    }

    #[inline]
    fn target(self) -> Target {
        self.0.get()
    }

    #[inline]
    fn holds(self) -> bool {
        self.0.is_flagged()
    }
}

/// The machine.
pub(crate) struct Kernel {
    now: Instant,
    turn: u64,
    tasks: TaskTable,
    ready: ReadySet,
    timers: Timers<Registration>,
    /// Timers that keep a blocked run alive.
    timers_holding: usize,
    settlers: Map<SettleKey, Target>,
    settles: u64,
    groups: Groups,
    ends: Ends,
    /// Tasks that have finished: the order of endings, in which groups tell their members.
    endings: u64,
    wakers: WakerOwners,
    /// The slot of the task whose turn it is, or [`NO_SLOT`].
    running: u32,
    /// To whom a wake is put down while no task runs.
    ambient: Cause,
    /// The clock moved during the current poll (S9), so timers may be overdue.
    is_late: bool,
    /// The run has ended and its tasks are being dropped (S21): wakes are ignored.
    is_closing: bool,
    limits: Limits,
    /// The last instant that the limits allow: compared at every jump, and cheaper so than in seconds.
    latest: Instant,
    /// The turn from which on the limits have to be looked at. One comparison a turn serves them all.
    checkpoint: u64,
    /// The last turn before the present instant began.
    turns_before_instant: u64,
    watch: Option<Box<Watch>>,
    /// What tasks wait for, where the trace is to tell it.
    open: Option<Box<OpenWaits>>,
    /// What each turn touches, where a search asks for it.
    accesses: Option<Box<Accesses>>,
    /// Turns, wakes and ends are to be noted one by one, in the log, by the watch or among the accesses: one
    /// branch for all.
    is_observed: bool,
    /// Turns in which an aborted task was dropped.
    unpolled_turns: u64,
    counters: Counters,
    digest: Digest,
    log: Log,
}

impl Default for Kernel {
    fn default() -> Self {
        Kernel {
            now: Instant::ZERO,
            turn: 0,
            tasks: TaskTable::default(),
            ready: ReadySet::default(),
            timers: Timers::new(),
            timers_holding: 0,
            settlers: Map::new(),
            settles: 0,
            groups: Groups::default(),
            ends: Ends::default(),
            endings: 0,
            wakers: WakerOwners::default(),
            running: NO_SLOT,
            ambient: Cause::Outside,
            is_late: false,
            is_closing: false,
            limits: Limits::new(),
            latest: Instant::NEVER,
            checkpoint: Limits::new().first_look(),
            turns_before_instant: 0,
            watch: None,
            open: None,
            accesses: None,
            is_observed: false,
            unpolled_turns: 0,
            counters: Counters::default(),
            digest: Digest::default(),
            log: Log::default(),
        }
    }
}

impl Kernel {
    /// Sets the bounds and how much is recorded, before the first turn.
    pub(crate) fn configure(&mut self, limits: Limits, level: Level) {
        self.limits = limits;
        self.latest = limits.latest();
        self.checkpoint = limits.first_look();
        self.log.level = level;
        self.open = (level == Level::Full).then(Box::default);
        self.is_observed = self.is_noted();
    }

    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    /// The number of the latest turn; 0 before the first.
    pub(crate) fn turn(&self) -> u64 {
        self.turn
    }

    pub(crate) fn running(&self) -> Option<TaskKey> {
        (self.running != NO_SLOT).then(|| self.tasks.key(self.running))
    }

    /// The slot of the running task, or [`NO_SLOT`].
    #[inline]
    pub(crate) fn running_slot(&self) -> u32 {
        self.running
    }

    /// The serial of the running task, or [`NO_TASK`].
    fn running_serial(&self) -> u32 {
        if self.running == NO_SLOT { NO_TASK } else { serial(&self.tasks[self.running]) }
    }

    /// To whom a wake is put down right now.
    fn cause(&self) -> Cause {
        if self.running == NO_SLOT { self.ambient } else { Cause::Task(self.running_serial()) }
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters {
            turns: self.turn,
            polls: self.turn - self.unpolled_turns,
            tasks_spawned: self.tasks.spawned(),
            ..self.counters
        }
    }

    pub(crate) fn digest(&self) -> Digest {
        self.digest.finished()
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) fn take_log(&mut self) -> Log {
        let level = self.log.level;
        mem::replace(&mut self.log, Log { level, ..Log::default() })
    }

    /// The number of tasks spawned so far, which is the serial of the next.
    pub(crate) fn tasks_spawned(&self) -> u64 {
        self.tasks.spawned()
    }

    pub(crate) fn task(&self, key: TaskKey) -> Option<&Task> {
        self.tasks.get(key)
    }

    pub(crate) fn path(&self, key: TaskKey) -> Vec<Step<'_>> {
        self.tasks.path(key)
    }

    /// Says whether no task is alive.
    pub(crate) fn has_ended(&self) -> bool {
        self.tasks.alive() == 0
    }

    /// Says whether no task is in the table, not even one that has ended and is asked for.
    pub(crate) fn has_no_tasks(&self) -> bool {
        self.tasks.is_empty()
    }

    pub(crate) fn alive_in_spawn_order(&self) -> Vec<TaskKey> {
        self.tasks.alive_in_spawn_order()
    }

    pub(crate) fn ready_len(&self) -> usize {
        self.ready.len()
    }

    /// The key of the ready task at `index` in arrival order.
    pub(crate) fn ready_task(&self, index: usize) -> Option<TaskKey> {
        self.ready.get(index).map(|slot| self.tasks.key(slot))
    }

    /// Its number, in the order of spawning.
    #[inline]
    pub(crate) fn ready_serial(&self, index: usize) -> Option<u64> {
        self.ready.get(index).map(|slot| self.tasks[slot].serial)
    }

    /// Says whether wakes are noted one by one, each at its place among the events.
    #[inline]
    pub(crate) fn is_observed(&self) -> bool {
        self.is_observed
    }
}

/// A task's number in the log. Beyond 32 bits of tasks a log could not be kept anyway.
fn serial(task: &Task) -> u32 {
    task.serial as u32
}
