//! What a run is told before it starts.

use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use super::context;
use super::core::{Core, Picker};
use super::event_loop::EventLoop;
use super::injecting::Injections;
use super::picture;
use super::state::{YEAR_2000, wall_at};
use super::workers::WorkerCounts;
use crate::kernel::{Accesses, Level, Limits};
use crate::policy::{Native, Policy, Replay, Schedule};
use crate::report::{Later, Report, Reproduction};

/// Settings of a loop.
///
/// # Examples
///
/// ```
/// use simloop::{Builder, policy::Random, rng};
///
/// let report = Builder::new().seed(7).policy(Random::new(1)).run(async { rng().range(1..=6) });
/// assert_eq!(report.seed, 7);
/// assert!((1..=6).contains(&report.unwrap()));
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `run` or `build` is called"]
pub struct Builder {
    seed: u64,
    picker: Picker,
    policy_source: Option<String>,
    /// The line that is replayed, if it was given as one.
    replayed: Option<String>,
    replay_error: Option<crate::policy::ScheduleError>,
    level: Level,
    limits: Limits,
    start_time: Option<Duration>,
    deny_leftovers: bool,
    worker_counts: WorkerCounts,
    echo: bool,
    is_quiet: bool,
    accesses: Option<Box<Accesses>>,
    injections: Injections,
}

impl Default for Builder {
    #[inline]
    fn default() -> Self {
        Builder::new()
    }
}

impl Builder {
    /// Starts with seed 0, first-in first-out order, no trace, and the default [`Limits`].
    pub fn new() -> Self {
        Builder {
            seed: 0,
            picker: Picker::Fifo,
            policy_source: None,
            replayed: None,
            replay_error: None,
            level: Level::Off,
            limits: Limits::new(),
            start_time: None,
            deny_leftovers: false,
            worker_counts: WorkerCounts::default(),
            echo: false,
            is_quiet: false,
            accesses: None,
            injections: Injections::default(),
        }
    }

    /// Sets the seed of the program's random numbers, [`rng`](crate::rng()) (S33). The policy has its own.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets who decides which ready task runs next.
    pub fn policy(self, policy: impl Policy) -> Self {
        self.picker(policy.source(), Picker::new(policy))
    }

    /// Sets a policy that no loop knows, for a search.
    pub(crate) fn boxed_policy(self, policy: Box<dyn Policy>) -> Self {
        self.picker(policy.source(), Picker::Policy(policy))
    }

    fn picker(mut self, source: Option<String>, picker: Picker) -> Self {
        (self.replayed, self.replay_error) = (None, None);
        (self.policy_source, self.picker) = (source, picker);
        self
    }

    /// Replays a schedule, given as the line that a failure printed.
    ///
    /// A line that is no schedule fails the run. So does a schedule that does not fit the program, at the
    /// first turn at which that shows (S35).
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{Builder, policy::Random, spawn, yield_now};
    ///
    /// let program = || async {
    ///     for _ in 0..5 {
    ///         spawn(yield_now());
    ///     }
    ///     yield_now().await;
    /// };
    /// let found = Builder::new().policy(Random::new(3)).run(program());
    /// let again = Builder::new().replay(&found.schedule.to_string()).run(program());
    /// assert_eq!(again.digest, found.digest);
    /// ```
    pub fn replay(mut self, line: &str) -> Self {
        match line.parse() {
            Ok(schedule) => self = self.replay_schedule(schedule),
            Err(error) => self.replay_error = Some(error),
        }
        self.replayed = Some(line.to_owned());
        self
    }

    /// Replays a schedule that is at hand as a value; see [`replay`](Self::replay).
    pub fn replay_schedule(mut self, schedule: Schedule) -> Self {
        self.replay_error = None;
        (self.policy_source, self.replayed) = (None, None);
        self.picker = Picker::Replay(Box::new(Replay::new(schedule)));
        self
    }

    /// Sets how much of the run is recorded. The level never changes a schedule (S42).
    ///
    /// Without a call nothing is. To look at a run that fails, the environment variable `SIMLOOP_TRACE` names
    /// a file; see [`render`](crate::render).
    pub fn trace(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Sets the bounds of the run.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets what the wall clock shows at the start, as time since 1970-01-01T00:00:00Z (S11).
    pub fn start_time(mut self, since_epoch: Duration) -> Self {
        self.start_time = (since_epoch != YEAR_2000).then_some(since_epoch);
        self
    }

    /// Makes tasks that are alive when the run ends a failure (S21), callbacks that are still due among
    /// them. Daemons may be alive.
    pub fn deny_leftovers(mut self, deny: bool) -> Self {
        self.deny_leftovers = deny;
        self
    }

    /// Sets the number of simulated worker threads that [`spawn_blocking`](crate::spawn_blocking) has.
    ///
    /// Unless set there are 32, or 4 more than cores, at most 32, where the number of [`cores`](Self::cores)
    /// is set: the rule of asyncio's default executor.
    ///
    /// # Panics
    ///
    /// Panics for no worker.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{Builder, gather_all, sim::Cost, spawn_blocking};
    /// use std::time::Duration;
    ///
    /// let report = Builder::new().blocking_workers(2).run(async {
    ///     let request = Cost::waiting(Duration::from_secs(1));
    ///     gather_all((0..6).map(|_| spawn_blocking(request, || ()))).await;
    /// });
    /// assert_eq!(report.ended_at.to_string(), "3s");
    /// ```
    #[track_caller]
    #[inline]
    pub fn blocking_workers(mut self, workers: usize) -> Self {
        assert!(workers > 0, "a loop needs 1 blocking worker at least, and was given none");
        self.worker_counts.workers = Some(workers);
        self
    }

    /// Sets the number of simulated cores on which the workers of
    /// [`spawn_blocking`](crate::spawn_blocking) compute. Unless set, each worker has one.
    ///
    /// The loop's own thread is not counted: what tasks do takes no time, and
    /// [`block_for`](crate::time::block_for) needs no core.
    ///
    /// # Panics
    ///
    /// Panics for no core.
    #[track_caller]
    #[inline]
    pub fn cores(mut self, cores: usize) -> Self {
        assert!(cores > 0, "a loop needs 1 core at least, and was given none");
        self.worker_counts.cores = Some(cores);
        self
    }

    /// Prints the lines of [`note!`](crate::note!) to standard output as the program writes them.
    #[inline]
    pub fn echo(mut self, echo: bool) -> Self {
        self.echo = echo;
        self
    }

    /// Keeps the run's panics off standard error. A search makes the same one a hundred times.
    pub(crate) fn quiet(mut self, is_quiet: bool) -> Self {
        self.is_quiet = is_quiet;
        self
    }

    /// Notes what each turn touches; see [`access::noted`](super::access::noted).
    pub(crate) fn accesses(mut self, accesses: Box<Accesses>) -> Self {
        self.accesses = Some(accesses);
        self
    }

    /// Lets things go wrong, if the policy says so.
    pub(crate) fn injections(mut self, injections: Injections) -> Self {
        self.injections = injections;
        self
    }

    /// The line that brings back a run of these settings with this schedule.
    pub(crate) fn reproduction(&self, schedule: &Schedule) -> Later<String> {
        let Builder { seed, limits, start_time, deny_leftovers, worker_counts, .. } = self;
        Reproduction {
            seed: *seed,
            limits: *limits,
            start_time: *start_time,
            deny_leftovers: *deny_leftovers,
            blocking_workers: worker_counts.workers,
            cores: worker_counts.cores,
            schedule: schedule.clone(),
            replayed: None,
            policy: None,
        }
        .line()
    }

    /// Makes the loop, to be driven by hand.
    pub fn build(self) -> EventLoop {
        let core = context::take_new();
        self.configure(&core);
        let replayed = match &self.picker {
            Picker::Replay(replay) => self.replayed.or_else(|| Some(replay.line())),
            _ => self.replayed,
        };
        core.set_picker(self.picker);
        let mut state = core.state();
        if let Some(accesses) = self.accesses {
            state.kernel.note_accesses(accesses);
        }
        state.policy_source = self.policy_source;
        state.replayed = replayed;
        state.replay_error = self.replay_error;
        drop(state);
        EventLoop::from_core(core)
    }

    /// Makes a loop of the same settings with another policy, for a search, which makes millions: of one that was made
    /// so before and is ready to be used [again](EventLoop::again), if there is one.
    pub(crate) fn build_with(&self, policy: Box<dyn Policy>, used: Option<EventLoop>) -> EventLoop {
        let event_loop = self.used_or_new(used);
        event_loop.core().set_picker(Picker::Policy(policy));
        event_loop
    }

    /// The same with a policy that the loop knows, whose choices are made in fewer instructions.
    pub(crate) fn build_native(&self, native: Native, used: Option<EventLoop>) -> EventLoop {
        let event_loop = self.used_or_new(used);
        event_loop.core().set_native(native);
        event_loop
    }

    #[inline]
    fn used_or_new(&self, used: Option<EventLoop>) -> EventLoop {
        used.unwrap_or_else(|| {
            let core = context::take_new();
            self.configure(&core);
            EventLoop::from_core(core)
        })
    }

    fn configure(&self, core: &Core) {
        core.is_quiet.set(self.is_quiet);
        let mut state = core.state();
        state.is_configured = true;
        state.kernel.configure(self.limits, picture::level(self.level));
        state.level = self.level;
        state.seed = self.seed;
        state.echo = self.echo;
        state.deny_leftovers = self.deny_leftovers;
        state.workers.counts = self.worker_counts;
        let is_replayed = matches!(&self.picker, Picker::Replay(replay) if replay.has_injections());
        if is_replayed || self.injections.are_any() {
            state.injects = true;
            state.injecting.start(self.injections.clone());
        }
        if let Some(start_time) = self.start_time {
            state.start_time = Some(start_time);
            state.wall_at_start = wall_at(start_time);
        }
    }

    /// Runs `future` as the root task `main` to its end and reports (S36); see [`EventLoop::run`].
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{Builder, report::FailureKind, spawn};
    ///
    /// let report = Builder::new().deny_leftovers(true).run(async {
    ///     spawn(std::future::pending::<()>());
    /// });
    /// assert!(matches!(report.unwrap_failure().kind(), FailureKind::Leftovers { .. }));
    /// ```
    #[track_caller]
    pub fn run<F>(self, future: F) -> Report<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.build().run(future)
    }

    /// As [`run`](Self::run), for a program that is shown as coming from `site`.
    pub(crate) fn run_at<F>(self, future: F, site: &'static Location<'static>) -> Report<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.build().run_at(future, site)
    }
}
