//! Bounds on a run, and what is known of a run that goes on without getting anywhere.

use std::cmp::Reverse;
use std::time::Duration;

use super::event::Cause;
use super::instant::Instant;
use super::ordered::{Map, sort_by_key};
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
    #[inline]
    fn default() -> Self {
        Limits::new()
    }
}

impl Limits {
    /// No limit on turns and on virtual time; [`turns_per_instant`](Self::turns_per_instant) at 10,000,000.
    pub const fn new() -> Self {
        Limits { turns: u64::MAX, virtual_time: Duration::MAX, turns_per_instant: 10_000_000 }
    }

    /// Ends the run as a failure after this many turns (S39).
    #[must_use]
    #[inline]
    pub const fn turns(mut self, turns: u64) -> Self {
        self.turns = turns;
        self
    }

    /// Ends the run as a failure before the clock would pass this much virtual time since the start (S39).
    #[must_use]
    #[inline]
    pub const fn virtual_time(mut self, virtual_time: Duration) -> Self {
        self.virtual_time = virtual_time;
        self
    }

    /// Ends the run as a livelock after this many turns at one instant (S38).
    ///
    /// The number holds for up to 1,000 live tasks and grows in proportion beyond, so that honest load does
    /// not look like a livelock. That fewer are alive than before is noticed after this many more turns at
    /// most.
    #[must_use]
    #[inline]
    pub const fn turns_per_instant(mut self, turns: u64) -> Self {
        self.turns_per_instant = turns;
        self
    }

    /// Rust source that makes these limits, or `None` for the default ones.
    pub(crate) fn source(&self, duration_source: fn(Duration) -> String) -> Option<String> {
        let default = Limits::new();
        let mut source = "Limits::new()".to_owned();
        if self.turns != default.turns {
            source.push_str(&format!(".turns({})", self.turns));
        }
        if self.virtual_time != default.virtual_time {
            source.push_str(&format!(".virtual_time({})", duration_source(self.virtual_time)));
        }
        if self.turns_per_instant != default.turns_per_instant {
            source.push_str(&format!(".turns_per_instant({})", self.turns_per_instant));
        }
        (*self != default).then_some(source)
    }

    /// The last instant to which the clock may move. A limit beyond the end of the clock is none.
    pub(super) fn latest(&self) -> Instant {
        Instant::ZERO + self.virtual_time
    }

    /// The first turn before which one of them may have been reached, or a watch has to begin, however few tasks
    /// are alive.
    pub(super) fn first_look(&self) -> u64 {
        self.turns_allowed(1).saturating_sub(WATCHED_TURNS).min(self.turns)
    }

    /// The turns that `alive` tasks may take at one instant.
    #[inline]
    fn turns_allowed(&self, alive: u32) -> u64 {
        if alive <= 1_000 {
            // What the proportion comes to, without a division of 128 bits in every run.
            return self.turns_per_instant.max(1);
        }
        let proportion = u128::from(self.turns_per_instant) * u128::from(alive) / 1_000;
        u64::try_from(proportion).unwrap_or(u64::MAX).max(1)
    }
}

/// A limit that a run has reached. Of the `polled` tasks of a livelock the busiest are told.
#[derive(PartialEq, Debug)]
pub(crate) enum Breach {
    Turns { limit: u64 },
    VirtualTime { limit: Duration },
    Livelock { turns: u64, watched: u64, polled: usize, spinners: Vec<Spinner> },
}

/// A task that was polled in the turns watched before a livelock was called.
#[derive(PartialEq, Debug)]
pub(crate) struct Spinner {
    pub(crate) task: TaskKey,
    pub(crate) polls: u64,
    /// Who woke it most, and how often, most frequent first.
    pub(crate) woken_by: Vec<(Cause, u64)>,
}

/// Turns that are watched closely before a livelock is called.
const WATCHED_TURNS: u64 = 1_000;

/// Spinners that are told at most, and causes of each: the watched turns may each be another task's.
const TOLD_MAX: usize = 10;

/// Polls and wakes of the last turns before a livelock is called, by task serial.
///
/// Counting only then keeps the ordinary turn free of it; what a livelock does, it does to the end.
#[derive(Default)]
pub(crate) struct Watch {
    /// Turns at this instant before the watch began.
    turns_before: u64,
    turns: u64,
    polls: Map<u32, u64>,
    wakes: Map<u32, Vec<(Cause, u64)>>,
}

impl Watch {
    pub(crate) fn count_poll(&mut self, task: u32) {
        self.turns += 1;
        *self.polls.get_or_default(task) += 1;
    }

    pub(crate) fn count_wake(&mut self, task: u32, cause: Cause) {
        let causes = self.wakes.get_or_default(task);
        match causes.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, count)) => *count += 1,
            None => causes.push((cause, 1)),
        }
    }
}

impl Kernel {
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Says whether [`check_limits`](Self::check_limits) has anything to look at before the next turn.
    #[inline]
    pub(crate) fn is_limit_near(&self) -> bool {
        self.turn >= self.checkpoint
    }

    /// Looks at the limits; to be called before each turn that may reach one.
    #[cold]
    pub(crate) fn check_limits(&mut self) -> Result<(), Breach> {
        if self.turn >= self.limits.turns {
            return Err(Breach::Turns { limit: self.limits.turns });
        }
        let turns_here = self.turn - self.turns_before_instant;
        let allowed = self.limits.turns_allowed(self.tasks.alive());
        let to_watch = allowed.min(WATCHED_TURNS);
        let unwatched = allowed - to_watch;
        let next = if turns_here < unwatched {
            // Tasks were spawned since the watch began, if it has.
            self.end_watch();
            // Tasks may end before, and then less is allowed: without another look in between, the few that
            // are left would go on for as long as the many might have.
            unwatched.min(turns_here.saturating_add(self.limits.turns_per_instant.max(1)))
        } else {
            let watch = Watch { turns_before: turns_here, ..Watch::default() };
            // Where the allowance shrank below what was taken already, the watch begins late, and yet it
            // is kept up for its whole length: a livelock that names nobody is of no use.
            let watch = self.watch.get_or_insert_with(|| Box::new(watch));
            let watched_until = watch.turns_before + to_watch;
            self.is_observed = true;
            allowed.max(watched_until)
        };
        if turns_here >= next {
            return Err(self.livelock(turns_here));
        }
        self.checkpoint = next.saturating_add(self.turns_before_instant).min(self.limits.turns);
        Ok(())
    }

    #[cold]
    fn end_watch(&mut self) {
        if self.watch.take().is_some() {
            self.is_observed = self.is_noted();
        }
    }

    fn livelock(&mut self, turns: u64) -> Breach {
        let watch = self.watch.take().unwrap_or_default();
        self.is_observed = self.is_noted();
        let mut spinners = Vec::new();
        for (task, known) in self.tasks.iter() {
            let number = super::serial(known);
            let Some(&polls) = watch.polls.get(number) else { continue };
            let mut woken_by = watch.wakes.get(number).cloned().unwrap_or_default();
            sort_by_key(&mut woken_by, |&(_, count)| Reverse(count));
            woken_by.truncate(TOLD_MAX);
            spinners.push(Spinner { task, polls, woken_by });
        }
        // Equals in the order of spawning.
        let spawned = |task: TaskKey| self.tasks[task.slot()].serial;
        sort_by_key(&mut spinners, |spinner| spawned(spinner.task));
        sort_by_key(&mut spinners, |spinner| Reverse(spinner.polls));
        spinners.truncate(TOLD_MAX);
        Breach::Livelock { turns, watched: watch.turns, polled: watch.polls.len(), spinners }
    }

    /// Says whether the clock may move to `to`.
    #[inline]
    pub(crate) fn check_virtual_time(&self, to: Instant) -> Result<(), Breach> {
        if to > self.latest {
            Err(Breach::VirtualTime { limit: self.limits.virtual_time })
        } else {
            Ok(())
        }
    }

    /// A new instant has begun: what was counted for the old one is void.
    #[inline]
    pub(super) fn begin_instant(&mut self) {
        self.turns_before_instant = self.turn;
        self.digest.mix_instant(self.now.as_nanos());
        if self.watch.is_some() {
            self.end_watch();
        }
    }

    /// The key of the task with this serial, for reports; looks at every task.
    pub(crate) fn task_of_serial(&self, number: u32) -> Option<TaskKey> {
        for (key, task) in self.tasks.iter() {
            if super::serial(task) == number {
                return Some(key);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
