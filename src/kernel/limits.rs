//! Bounds on a run, and what is known of a run that goes on without getting anywhere.

use std::collections::BTreeMap;
use std::time::Duration;

use super::event::Cause;
use super::instant::Instant;
use super::{Kernel, TaskKey};

/// Bounds on a run. Beyond one of them it ends with a failure (S38, S39).
///
/// # Examples
///
/// ```
/// use simloop::{Builder, Limits, sleep};
/// use std::time::Duration;
///
/// let limits = Limits::new().virtual_time(Duration::from_secs(60));
/// let report = Builder::new().limits(limits).run(async {
///     sleep(Duration::from_secs(3600)).await;
/// });
/// assert!(report.outcome.unwrap_err().to_string().starts_with("virtual time limit of 60s reached"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    turns: u64,
    virtual_time: Duration,
    turns_per_instant: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits::new()
    }
}

impl Limits {
    /// No limit on turns and on virtual time; [`turns_per_instant`](Self::turns_per_instant) at 5,000,000.
    pub const fn new() -> Self {
        Limits { turns: u64::MAX, virtual_time: Duration::MAX, turns_per_instant: 5_000_000 }
    }

    /// Ends the run as a failure after this many turns (S39).
    #[must_use]
    pub const fn turns(mut self, turns: u64) -> Self {
        self.turns = turns;
        self
    }

    /// Ends the run as a failure before the clock would pass this much virtual time since the start (S39).
    #[must_use]
    pub const fn virtual_time(mut self, virtual_time: Duration) -> Self {
        self.virtual_time = virtual_time;
        self
    }

    /// Ends the run as a livelock after this many turns at one instant (S38).
    ///
    /// The number holds for up to 1,000 live tasks and grows in proportion beyond, so that honest load does
    /// not look like a livelock.
    #[must_use]
    pub const fn turns_per_instant(mut self, turns: u64) -> Self {
        self.turns_per_instant = turns;
        self
    }

    /// The turns that `alive` tasks may take at one instant.
    fn turns_allowed(&self, alive: u32) -> u64 {
        let proportion = u128::from(self.turns_per_instant) * u128::from(alive.max(1_000)) / 1_000;
        u64::try_from(proportion).unwrap_or(u64::MAX).max(1)
    }
}

/// A limit that a run has reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Breach {
    Turns { limit: u64 },
    VirtualTime { limit: Duration },
    Livelock { turns: u64, watched: u64, spinners: Vec<Spinner> },
}

/// A task that was polled in the turns watched before a livelock was called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Spinner {
    pub(crate) task: TaskKey,
    pub(crate) polls: u64,
    /// Who woke it, and how often, most frequent first.
    pub(crate) woken_by: Vec<(Cause, u64)>,
}

/// Turns that are watched closely before a livelock is called.
const WATCHED_TURNS: u64 = 1_000;

/// Polls and wakes of the last turns before a livelock is called, by task serial.
///
/// Counting only then keeps the ordinary turn free of it; what a livelock does, it does to the end.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    turns: u64,
    polls: BTreeMap<u32, u64>,
    wakes: BTreeMap<u32, Vec<(Cause, u64)>>,
}

impl Watch {
    pub(crate) fn count_poll(&mut self, task: u32) {
        self.turns += 1;
        *self.polls.entry(task).or_default() += 1;
    }

    pub(crate) fn count_wake(&mut self, task: u32, cause: Cause) {
        let causes = self.wakes.entry(task).or_default();
        match causes.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, count)) => *count += 1,
            None => causes.push((cause, 1)),
        }
    }
}

impl Kernel {
    /// Looks at the limits if it is time to; to be called before each turn.
    #[inline]
    pub(crate) fn check_limits(&mut self) -> Result<(), Breach> {
        if self.turn < self.checkpoint { Ok(()) } else { self.review_limits() }
    }

    #[cold]
    fn review_limits(&mut self) -> Result<(), Breach> {
        if self.turn >= self.limits.turns {
            return Err(Breach::Turns { limit: self.limits.turns });
        }
        let turns_here = self.turn - self.turns_before_instant;
        let allowed = self.limits.turns_allowed(self.tasks.alive());
        let unwatched = allowed.saturating_sub(WATCHED_TURNS);
        let next = if turns_here < unwatched {
            unwatched
        } else if turns_here < allowed {
            self.watch.get_or_insert_default();
            allowed
        } else {
            return Err(self.livelock(turns_here));
        };
        let from_here = next.max(1).saturating_add(self.turns_before_instant);
        self.checkpoint = from_here.min(self.limits.turns);
        Ok(())
    }

    fn livelock(&mut self, turns: u64) -> Breach {
        let watch = self.watch.take().unwrap_or_default();
        let by_serial: BTreeMap<u32, TaskKey> =
            self.tasks.iter().map(|(key, task)| (super::serial(task), key)).collect();
        let mut spinners: Vec<Spinner> = watch
            .polls
            .iter()
            .filter_map(|(number, &polls)| {
                let mut woken_by = watch.wakes.get(number).cloned().unwrap_or_default();
                woken_by.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
                Some(Spinner { task: *by_serial.get(number)?, polls, woken_by })
            })
            .collect();
        // A stable sort: equals stay in the order of spawning.
        spinners.sort_by_key(|spinner| std::cmp::Reverse(spinner.polls));
        Breach::Livelock { turns, watched: watch.turns, spinners }
    }

    /// Says whether the clock may move to `to`.
    pub(crate) fn check_virtual_time(&self, to: Instant) -> Result<(), Breach> {
        let limit = self.limits.virtual_time;
        if to.since_start() > limit { Err(Breach::VirtualTime { limit }) } else { Ok(()) }
    }

    /// A new instant has begun: what was counted for the old one is void.
    pub(super) fn begin_instant(&mut self) {
        self.turns_before_instant = self.turn;
        self.watch = None;
    }

    /// The key of the task with this serial, for reports; looks at every task.
    pub(crate) fn task_of_serial(&self, number: u32) -> Option<TaskKey> {
        self.tasks.iter().find(|(_, task)| super::serial(task) == number).map(|(key, _)| key)
    }
}
