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
mod tests {
    use super::super::{NO_SLOT, Spawn, Turn};
    use super::*;

    fn kernel(limits: Limits, tasks: u32) -> Kernel {
        let mut kernel = Kernel::default();
        kernel.configure(limits, super::super::Level::Off);
        spawn(&mut kernel, tasks);
        kernel
    }

    #[track_caller]
    fn spawn(kernel: &mut Kernel, tasks: u32) {
        let site = std::panic::Location::caller();
        for _ in 0..tasks {
            kernel.spawn(&Spawn {
                name: None,
                parent: NO_SLOT,
                daemon: false,
                has_handle: false,
                site,
            });
        }
    }

    /// Takes turns of tasks that do nothing but wake themselves, until a limit is reached.
    fn turns_until_breach(kernel: &mut Kernel) -> (u64, Breach) {
        for turns in 0..1_000_000 {
            if let Err(breach) = yield_once(kernel) {
                return (turns, breach);
            }
        }
        panic!("no limit is reached in a million turns");
    }

    fn yield_once(kernel: &mut Kernel) -> Result<(), Breach> {
        turn(kernel, |kernel, task| kernel.wake(task))
    }

    fn turn(kernel: &mut Kernel, poll: impl FnOnce(&mut Kernel, TaskKey)) -> Result<(), Breach> {
        if kernel.is_limit_near() {
            kernel.check_limits()?;
        }
        let Turn { task, .. } = kernel.start(0).expect("a task is ready");
        poll(kernel, task);
        kernel.suspend(false);
        Ok(())
    }

    fn turns_allowed(turns_per_instant: u64, tasks: u32) -> u64 {
        let limits = Limits::new().turns_per_instant(turns_per_instant);
        let (turns, breach) = turns_until_breach(&mut kernel(limits, tasks));
        assert!(matches!(breach, Breach::Livelock { turns: told, .. } if told == turns));
        turns
    }

    #[test]
    fn s38_a_livelock_is_called_after_exactly_the_turns_allowed() {
        for turns in [1, 2, 5, 999, 1_000, 1_001, 2_500] {
            assert_eq!(turns_allowed(turns, 3), turns);
        }
        assert_eq!(turns_allowed(0, 1), 1, "a limit of zero would refuse every program");
    }

    #[test]
    fn s38_the_allowance_grows_in_proportion_beyond_a_thousand_tasks() {
        assert_eq!(turns_allowed(3_000, 1_000), 3_000);
        assert_eq!(turns_allowed(3_000, 1_001), 3_003);
        assert_eq!(turns_allowed(3_000, 2_500), 7_500);
    }

    #[test]
    fn s38_tasks_spawned_meanwhile_raise_the_allowance() {
        let mut kernel = kernel(Limits::new().turns_per_instant(2_000), 1);
        for _ in 0..1_999 {
            yield_once(&mut kernel).unwrap();
        }
        spawn(&mut kernel, 1_999);
        assert_eq!(turns_until_breach(&mut kernel).0, 4_000 - 1_999);
    }

    #[test]
    fn s38_a_thousand_tasks_that_yield_a_thousand_times_each_are_no_livelock() {
        let mut kernel = kernel(Limits::new(), 1_000);
        for _ in 0..1_000 * 1_000 {
            yield_once(&mut kernel).unwrap();
        }
    }

    #[test]
    fn s38_spinners_name_who_woke_them() {
        let mut kernel = kernel(Limits::new().turns_per_instant(3_000), 3);
        let tasks: Vec<TaskKey> = (0..3).filter_map(|index| kernel.ready_task(index)).collect();
        let [ping, pong, bystander] = tasks[..] else { panic!("three tasks are ready") };
        let mut pong_polls = 0;
        let breach = loop {
            let poll = |kernel: &mut Kernel, task| {
                if task == ping {
                    kernel.wake(pong);
                } else if task == pong {
                    // Every third time it yields rather than pass on.
                    pong_polls += 1;
                    kernel.wake(if pong_polls % 3 == 0 { pong } else { ping });
                }
            };
            if let Err(breach) = turn(&mut kernel, poll) {
                break breach;
            }
        };
        let Breach::Livelock { turns: 3_000, watched: 1_000, polled: 2, spinners } = breach else {
            panic!("a livelock after 3000 turns, of which the last 1000 are watched: {breach:?}");
        };
        assert!(
            spinners.iter().all(|spinner| spinner.task != bystander),
            "it ran once, long before"
        );
        let [first, second] = &spinners[..] else { panic!("ping and pong: {spinners:?}") };
        assert_eq!((first.task, second.task), (pong, ping), "the busiest comes first");
        assert_eq!((first.polls, second.polls), (600, 400));
        // Each poll has its wake, and the most frequent cause comes first.
        assert_eq!(first.woken_by, [(Cause::Task(0), 400), (Cause::Task(1), 200)]);
        assert_eq!(second.woken_by, [(Cause::Task(1), 400)]);
    }

    #[test]
    fn s38_equally_busy_spinners_stand_in_the_order_of_spawning() {
        let (_, breach) =
            turns_until_breach(&mut kernel(Limits::new().turns_per_instant(3_000), 4));
        let Breach::Livelock { spinners, .. } = breach else { panic!("no livelock: {breach:?}") };
        let told: Vec<_> =
            spinners.iter().map(|spinner| (spinner.task.slot(), spinner.polls)).collect();
        assert_eq!(told, [(0, 250), (1, 250), (2, 250), (3, 250)]);
    }

    /// Takes `turns` turns of tasks that yield, then ends each at its turn until `left` are alive.
    fn shrunk(limits: Limits, tasks: u32, turns: u64, left: u32) -> Kernel {
        let mut kernel = kernel(limits, tasks);
        for _ in 0..turns {
            yield_once(&mut kernel).unwrap();
        }
        for _ in left..tasks {
            let Turn { task, .. } = kernel.start(0).expect("a task is ready");
            kernel.finish(task, super::super::Ending::Completed);
        }
        kernel
    }

    #[test]
    fn s38_a_livelock_after_most_tasks_have_ended_is_called_soon_and_names_who_is_left() {
        let limits = Limits::new().turns_per_instant(20_000);
        let mut kernel = shrunk(limits, 2_501, 8 * 2_501, 1);
        let (_, breach) = turns_until_breach(&mut kernel);
        // The first look is at 19,000, the next 20,000 turns later: one task is alive, and the watch begins.
        let Breach::Livelock { turns: 40_000, watched: 1_000, polled: 1, spinners } = breach else {
            panic!("a livelock that was watched: {breach:?}");
        };
        assert_eq!(spinners[0].polls, 1_000);
    }

    #[test]
    fn s38_the_watch_is_kept_up_whole_wherever_the_allowance_shrinks() {
        for turns in
            [18_990, 19_000, 19_001, 19_500, 20_000, 20_001, 39_999, 49_000, 49_100, 50_000]
        {
            let limits = Limits::new().turns_per_instant(20_000);
            let mut kernel = shrunk(limits, 2_501, turns, 2);
            let (_, breach) = turns_until_breach(&mut kernel);
            let Breach::Livelock { turns: told, watched, polled, .. } = breach else {
                panic!("no livelock: {breach:?}");
            };
            assert!((1_000..=1_000 + 2_499).contains(&watched), "{turns}: {watched} watched");
            assert!(told <= turns.max(20_000) + 2_499 + 21_000, "{turns}: called at {told}");
            assert!(polled >= 2, "{turns}: both that are left were polled");
        }
    }

    #[test]
    fn s38_no_livelock_is_called_before_those_who_are_left_have_had_their_turns() {
        let limits = Limits::new().turns_per_instant(3_000);
        for (before, after) in
            [(2_501, 1), (2_501, 1_500), (1, 2_501), (1_500, 2_501), (999, 1_001)]
        {
            for turns in [0, 1, 1_999, 2_000, 2_001, 3_000] {
                let mut kernel = shrunk(limits, before, turns, before.min(after));
                spawn(&mut kernel, after.saturating_sub(before));
                let (_, breach) = turns_until_breach(&mut kernel);
                let Breach::Livelock { turns: told, .. } = breach else { panic!("{breach:?}") };
                let allowed = limits.turns_allowed(after);
                assert!(told >= allowed, "{before} to {after} after {turns}: called at {told}");
            }
        }
    }

    #[test]
    fn s38_of_many_spinners_the_busiest_are_told() {
        let (_, breach) =
            turns_until_breach(&mut kernel(Limits::new().turns_per_instant(3_000), 400));
        let Breach::Livelock { polled, spinners, .. } = breach else { panic!("{breach:?}") };
        assert_eq!((polled, spinners.len()), (400, 10));
        assert!(spinners.iter().all(|spinner| spinner.polls == 3));
    }

    #[test]
    fn s38_a_jump_of_the_clock_begins_the_count_anew() {
        let mut kernel = kernel(Limits::new().turns_per_instant(1_500), 1);
        for second in 1..=3 {
            for _ in 0..1_500 {
                yield_once(&mut kernel).unwrap();
            }
            kernel.jump(Instant::ZERO + Duration::from_secs(second));
        }
        let (turns, breach) = turns_until_breach(&mut kernel);
        assert_eq!(turns, 1_500);
        // What was counted before the jump is void too.
        assert!(matches!(breach, Breach::Livelock { turns: 1_500, watched: 1_000, .. }));
    }

    #[test]
    fn s38_blocking_moves_the_clock_and_begins_the_count_anew() {
        let mut kernel = kernel(Limits::new().turns_per_instant(100), 1);
        for _ in 0..10 {
            for _ in 0..99 {
                yield_once(&mut kernel).unwrap();
            }
            let block = |kernel: &mut Kernel, task| {
                kernel.wake(task);
                kernel.block_for(Duration::from_nanos(1));
            };
            turn(&mut kernel, block).unwrap();
        }
        // The turn that blocked belongs to the instant in which it began.
        assert_eq!(turns_until_breach(&mut kernel).0, 100);
    }

    #[test]
    fn s39_the_limit_on_turns_is_exact() {
        for limit in [0, 1, 2, 1_000, 1_001] {
            let mut kernel = kernel(Limits::new().turns(limit), 2);
            assert_eq!(turns_until_breach(&mut kernel), (limit, Breach::Turns { limit }));
            assert_eq!(kernel.turn(), limit);
        }
    }

    #[test]
    fn s39_the_limit_on_turns_counts_over_all_instants() {
        let mut kernel = kernel(Limits::new().turns(25).turns_per_instant(20), 1);
        for second in 1..=5 {
            for _ in 0..5 {
                yield_once(&mut kernel).unwrap();
            }
            kernel.jump(Instant::ZERO + Duration::from_secs(second));
        }
        assert_eq!(turns_until_breach(&mut kernel), (0, Breach::Turns { limit: 25 }));
    }

    #[test]
    fn s39_the_clock_may_reach_the_limit_on_virtual_time_and_not_pass_it() {
        let limit = Duration::from_secs(60);
        let kernel = kernel(Limits::new().virtual_time(limit), 0);
        let last = Instant::ZERO + limit;
        assert_eq!(kernel.check_virtual_time(last), Ok(()));
        let passed = last + Duration::from_nanos(1);
        assert_eq!(kernel.check_virtual_time(passed), Err(Breach::VirtualTime { limit }));
    }
}
