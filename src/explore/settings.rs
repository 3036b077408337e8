//! What a search is told besides its strategy: how far it goes, what its runs have in common, what may go wrong in them.

use std::sync::Arc;
use std::time::Duration;

use super::environment::SHARDS_MAX;
use super::explorer::Explorer;
use super::tally::Shard;
use crate::kernel::{Instant, Level, Limits};
use crate::report::Report;

impl Explorer {
    /// Ends an exhaustive search before the first schedule with more deviations than `deviations`.
    #[doc(alias = "preemption_bound")]
    #[inline]
    pub fn max_deviations(mut self, deviations: u32) -> Self {
        self.deviations_max = Some(deviations);
        self
    }

    /// Ends the search after `runs` runs, 1 or more.
    #[doc(alias = "max_permutations")]
    #[doc(alias = "iterations")]
    #[inline]
    pub fn max_runs(mut self, runs: u64) -> Self {
        self.runs = Some(runs.max(1));
        self
    }

    /// Leaves all choices after this much virtual time to first-in first-out. A run itself goes on to its end;
    /// to bound that is for [`limits`](Self::limits).
    #[inline]
    pub fn time_limit(mut self, since_start: Duration) -> Self {
        self.settings.time_limit = Instant::ZERO + since_start;
        self
    }

    /// Ends the search once `failures` different failures were found, 1 or more; 1 unless set.
    #[doc(alias = "keep_going")]
    #[inline]
    pub fn max_failures(mut self, failures: usize) -> Self {
        self.failures_max = failures.max(1);
        self
    }

    /// Sets the seed: of the draws of the search, and of the program's random numbers, which are the same in
    /// all runs, unless there are [several seeds](Self::seeds).
    #[inline]
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Shares the runs out over so many seeds of the program's random numbers, 1 or more: that which is
    /// [set](Self::seed), and those that follow it. 1 unless set.
    ///
    /// With one, all runs draw the same from [`rng`](crate::rng()), and so do losses and delays of [`sim`](crate::sim):
    /// what fails by chance alone is never found. Searches that draw give each seed as many runs as another, the first
    /// seed first, and the very first run is first-in first-out; of 10 runs and 100 seeds, 10 seeds are tried. With
    /// [`exhaustive`](Self::exhaustive) and [`reduced`](Self::reduced) every schedule is run with the first seed, then
    /// with the next, and what one leaves of the limit on runs is for those after it. So `exhaustive().max_deviations(0)`
    /// is the first-in first-out run with each seed.
    ///
    /// A failure is audited, shrunk and explained with the [seed](super::Finding::seed) of the run that showed it, and
    /// its line has that. With `SIMLOOP_SEED` there is that one seed, as there is in a replay: set both where the line
    /// has both.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{explore::Explorer, sim::Link};
    /// use std::time::Duration;
    ///
    /// let program = || async {
    ///     let link = Link::new(Duration::from_millis(20), 1_000).loss(1, 10);
    ///     link.transfer(100).await.expect("nothing is ever lost");
    /// };
    /// assert!(Explorer::new().run(program).findings.is_empty(), "a thousand equal runs");
    /// let finding = Explorer::new().seeds(100).run(program).unwrap_finding();
    /// let line = format!("replay: Builder::new().seed({})", finding.seed);
    /// assert!(finding.seed > 0 && finding.failure.to_string().ends_with(&line));
    /// ```
    #[inline]
    pub fn seeds(mut self, count: u64) -> Self {
        self.seeds = count.max(1);
        self
    }

    /// Sets the bounds of each run.
    #[inline]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Sets what the wall clock shows at the start of each run, as time since 1970-01-01T00:00:00Z.
    #[inline]
    pub fn start_time(mut self, since_epoch: Duration) -> Self {
        self.settings.start_time = Some(since_epoch);
        self
    }

    /// Makes tasks that are alive when a run ends a failure (S21).
    #[inline]
    pub fn deny_leftovers(mut self, deny: bool) -> Self {
        self.settings.deny_leftovers = deny;
        self
    }

    /// Lets the search cancel tasks: one where it suspends, or when it was woken and before it goes on, so at each of
    /// its await points. Off unless set. The root is excepted, and so are tasks to which no program has a handle: those
    /// of a gather, which end with it, and cleanups of [`on_cancel`](crate::on_cancel).
    ///
    /// This is an abort that nobody in the program asked for: whoever joins the task is told
    /// [`Cancelled`](crate::JoinError::is_cancelled). In a search of every schedule each point is tried; otherwise
    /// points are drawn. Like a choice of the run, an injection is part of the schedule, as in `v1:7!cancel`, so
    /// it is shrunk, explained and replayed with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::explore::Explorer;
    /// use simloop::{Builder, sleep, spawn_named};
    /// use std::time::Duration;
    ///
    /// let program = || async {
    ///     let worker = spawn_named("worker", async { sleep(Duration::from_secs(1)).await });
    ///     worker.await.expect("the worker is never cancelled");
    /// };
    /// assert!(Explorer::new().exhaustive().run(program).findings.is_empty());
    /// let found = Explorer::new().exhaustive().cancellations(true).run(program).unwrap_finding();
    /// assert_eq!(found.schedule.to_string(), "v1:2!abort");
    /// assert_eq!(found.sentence, "fails when, at 0s, `main/worker` is cancelled where it waits; without that it passes");
    /// assert!(Builder::new().replay("v1:2!abort").run(program()).outcome.is_err());
    /// ```
    #[inline]
    pub fn cancellations(mut self, cancel: bool) -> Self {
        self.settings.injections.cancels = cancel;
        self
    }

    /// Lets the search poll a task once more that suspends, though nobody has woken it (S17). A future has to
    /// take that, and one written by hand may not. Off unless set.
    #[inline]
    pub fn spurious_polls(mut self, poll: bool) -> Self {
        self.settings.injections.polls = poll;
        self
    }

    /// Lets the search fire a timer so much after its deadline, in whole microseconds, from 1 to 2^32 - 1. Off
    /// unless set; zero is off.
    ///
    /// Real timers are late under load. Timers at different instants never race without this, so it shows
    /// what relies on one second being shorter than two.
    ///
    /// # Panics
    ///
    /// Panics for more than 2^32 - 1 microseconds, which is 71 minutes.
    #[track_caller]
    pub fn late_timers(mut self, by: Duration) -> Self {
        let micros = u32::try_from(by.as_micros()).expect("a timer is 71 minutes late at most");
        self.settings.injections.late_micros = (micros > 0).then_some(micros);
        self
    }

    /// Bounds how often anything is made to go wrong in a run: once unless set.
    #[inline]
    pub fn max_injections(mut self, injections: u32) -> Self {
        self.settings.injections.most = injections;
        self
    }

    /// Sets what has to hold of the report of each run that ended well. An `Err` makes that run a failure, with
    /// this reason. The reports have no output, which the program itself can check, and no trace unless
    /// [`trace`](Self::trace) is set.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{explore::Explorer, sleep};
    /// use std::time::Duration;
    ///
    /// let in_time = Explorer::new().require(|report| match report.ended_at.since_start() {
    ///     late if late > Duration::from_secs(1) => Err(format!("took {late:?}")),
    ///     _ => Ok(()),
    /// });
    /// let late = || async { sleep(Duration::from_secs(2)).await };
    /// let finding = in_time.run(late).unwrap_finding();
    /// assert!(finding.failure.to_string().starts_with("refused at 2s (turn 2): took 2s"));
    /// ```
    pub fn require<C>(mut self, check: C) -> Self
    where
        C: Fn(&Report) -> Result<(), String> + Send + Sync + 'static,
    {
        self.settings.requirement = Some(Arc::new(check));
        self
    }

    /// Sets how much of each run is recorded, for what is [required](Self::require) to look at: nothing unless set. It
    /// is the same in all runs, and makes them slower, the fuller the more.
    ///
    /// # Examples
    ///
    /// Of each order of two tasks, a property of all that they note:
    ///
    /// ```
    /// use simloop::{explore::Explorer, note, spawn, trace::Level, yield_now};
    ///
    /// let is_in_turn = Explorer::new().exhaustive().trace(Level::Tasks).require(|report| {
    ///     let notes: Vec<&str> = report.trace.notes().collect();
    ///     match notes.chunks(2).all(|pair| pair == ["enters", "leaves"]) {
    ///         true => Ok(()),
    ///         false => Err(format!("two are inside: {notes:?}")),
    ///     }
    /// });
    /// let program = || async {
    ///     let tasks = [(); 2].map(|()| {
    ///         spawn(async {
    ///             note!("enters");
    ///             yield_now().await;
    ///             note!("leaves");
    ///         })
    ///     });
    ///     for task in tasks {
    ///         task.await.unwrap();
    ///     }
    /// };
    /// let finding = is_in_turn.run(program).unwrap_finding();
    /// assert!(finding.failure.to_string().contains("two are inside"));
    /// ```
    #[inline]
    pub fn trace(mut self, level: Level) -> Self {
        self.settings.trace = level;
        self
    }

    /// Spreads the runs over so many threads of the machine, 1 or more. Each run stays on one; what the search
    /// returns is the same for any number.
    #[inline]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Makes only part `index`, from 1, of the `count` parts of the search. Each run is in exactly one part,
    /// so that several machines can share one search. `SIMLOOP_SHARD` does the same from outside.
    ///
    /// Searches that draw are split evenly. An exhaustive one is split at its second deviation, as evenly as
    /// the program makes it; the limit on runs is each part's own.
    ///
    /// # Panics
    ///
    /// Panics if `index` is not from 1 to `count`, or `count` is more than 2^32 - 1.
    #[track_caller]
    pub fn shard(mut self, index: u64, count: u64) -> Self {
        assert!(index > 0 && index <= count, "shard {index} is not one of 1 to {count}");
        assert!(count <= SHARDS_MAX, "{count} shards are more than {SHARDS_MAX}");
        self.shard = Shard { index: index - 1, count };
        self
    }

    /// Checks with `runs` runs that the program is deterministic: each is made again with the same schedule, in
    /// the same and in another thread, and compared, record by record up to 100,000 turns. 1 unless set; 0 does
    /// without. The first is first-in first-out, the others are random, whatever the strategy. A search that draws
    /// checks after sixteen runs, or once those have failed, and tells of nothing before.
    #[doc(alias = "check_determinism")]
    #[doc(alias = "check_uncontrolled_nondeterminism")]
    #[inline]
    pub fn audit(mut self, runs: u64) -> Self {
        self.audits = runs;
        self
    }

    /// Bounds the runs that each of three steps may take to shrink a failing schedule: leaving deviations out,
    /// looking for the simplest, taking smaller ones. 20,000 unless set, within 20,000,000 turns; with 0 a
    /// schedule is told as it was found.
    #[inline]
    pub fn max_shrink_runs(mut self, runs: u64) -> Self {
        self.shrink_runs = runs;
        self
    }

    /// Ignores the environment of the process, or not; it is read unless set.
    #[inline]
    pub fn ignore_environment(mut self, ignore: bool) -> Self {
        self.is_environment_read = !ignore;
        self
    }
}
