//! The search as a value: what it tries, and its beginning. What else it is told is in `settings`.

use std::borrow::Cow;
use std::future::Future;

use super::draw::{Draw, Rota};
use super::environment::Environment;
use super::exploration::{Exploration, REDUCED};
use super::outcome::Outcome;
use super::program::{Called, Program, Settings};
use super::search::search;
use super::tally::Shard;
use crate::executor::{Injections, watch_panics};
use crate::kernel::{Instant, Level, Limits};
use crate::policy::{Gait, Schedule};

/// The runs of a relay, in turn.
const RELAY: [Draw; 2] = [Draw::Walk(Gait::Relay), Draw::Mirrored(Gait::Relay)];

/// The runs of the portfolio, in turn.
const PORTFOLIO: [Draw; 12] = {
    let (chase, walk) = (Draw::Walk(Gait::Chase), Draw::Walk(Gait::Uniform));
    let (sprint, dash) = (Draw::Walk(Gait::Sprint), Draw::Walk(Gait::Dash));
    let (pos, pct) = (Draw::Pos, Draw::Pct { depth: 3 });
    let hunt = Draw::Mirrored(Gait::Hunt);
    [RELAY[0], hunt, chase, sprint, pos, pct, dash, pos, pct, walk, pos, pct]
};

/// What a search is called that runs the schedule without deviations alone.
const FIFO: &str = "first-in first-out";

/// Runs that draw, unless another number is asked for.
const DRAWN_RUNS: u64 = 1_000;

/// Runs of an exhaustive search, unless another number is asked for.
const EXHAUSTIVE_RUNS: u64 = 1_000_000;

/// Runs that each step of shrinking may take, unless another number is asked for.
const SHRINK_RUNS: u64 = 20_000;

/// A search through the schedules of a program.
///
/// The first run is always first-in first-out, so a program that fails without any deviation is told at once.
/// It is made three times, one of them in another thread, to see whether the program is deterministic at all
/// ([`audit`](Self::audit)).
///
/// Four variables of the environment override what is set here: `SIMLOOP_SEED` (that one alone, where there are
/// [several](Self::seeds)), `SIMLOOP_RUNS` (the number of runs, or the limit on them), `SIMLOOP_REPLAY` (a line to replay instead of searching) and `SIMLOOP_SHARD`
/// ([`shard`](Self::shard)), as `2/8` for the second of eight parts. With `SIMLOOP_SHARD=auto` the part is
/// read from the variables of Slurm arrays, GitLab, CircleCI, Buildkite, Kubernetes' indexed jobs and the stress
/// runs of `cargo nextest`; for Kubernetes, write `auto/8`, because only the index is known there.
///
/// # Examples
///
/// Two tasks read a counter, wait a turn, and write it back:
///
/// ```
/// use simloop::{explore::Explorer, spawn, yield_now};
/// use std::{cell::Cell, rc::Rc};
///
/// let lost_update = || async {
///     let count = Rc::new(Cell::new(0));
///     let tasks = [(); 2].map(|()| {
///         let count = Rc::clone(&count);
///         spawn(async move {
///             let read = count.get();
///             yield_now().await;
///             count.set(read + 1);
///         })
///     });
///     for task in tasks {
///         task.await.unwrap();
///     }
///     count.get()
/// };
/// let exploration = Explorer::new().exhaustive().run(lost_update);
/// let shown: Vec<_> = exploration.outcomes.iter().map(|outcome| &outcome.shown).collect();
/// assert_eq!(shown, ["1", "2"]);
/// ```
#[doc(alias = "Runner")]
#[doc(alias = "Model")]
#[derive(Clone, Debug)]
#[must_use = "an explorer does nothing until `run` or `check` is called"]
pub struct Explorer {
    pub(super) strategy: Strategy,
    /// The limit on runs, where the strategy's own does not hold.
    pub(super) runs: Option<u64>,
    pub(super) deviations_max: Option<u32>,
    pub(super) failures_max: usize,
    pub(super) seeds: u64,
    pub(super) threads: usize,
    pub(super) audits: u64,
    pub(super) shrink_runs: u64,
    pub(super) shard: Shard,
    pub(super) settings: Settings,
    /// A schedule to run instead of searching.
    pub(super) replay: Option<Schedule>,
    /// What cannot be done as it was asked for.
    pub(super) refused: Option<String>,
    pub(super) is_environment_read: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Strategy {
    /// Nothing of it is copied when a search begins.
    Drawn {
        name: Cow<'static, str>,
        runs: u64,
        rota: Rota,
    },
    Exhaustive,
    Reduced,
}

impl Default for Explorer {
    #[inline]
    fn default() -> Self {
        Explorer::new()
    }
}

impl Explorer {
    /// Starts with a portfolio of 1,000 runs, seed 0, one thread, and the default [`Limits`].
    pub fn new() -> Self {
        Explorer {
            strategy: Strategy::Exhaustive,
            runs: None,
            deviations_max: None,
            failures_max: 1,
            seeds: 1,
            threads: 1,
            audits: 1,
            shrink_runs: SHRINK_RUNS,
            shard: Shard::WHOLE,
            settings: Settings {
                seed: 0,
                limits: Limits::new(),
                start_time: None,
                deny_leftovers: false,
                requirement: None,
                trace: Level::Off,
                injections: Injections { most: 1, ..Injections::default() },
                time_limit: Instant::NEVER,
            },
            replay: None,
            refused: None,
            is_environment_read: true,
        }
        .portfolio(DRAWN_RUNS)
    }

    fn drawn(
        mut self,
        name: impl Into<Cow<'static, str>>,
        runs: u64,
        rota: impl Into<Rota>,
    ) -> Self {
        self.strategy = Strategy::Drawn { name: name.into(), runs: runs.max(1), rota: rota.into() };
        self
    }

    /// Makes `runs` runs, 1 or more, in turn by [`relay`](Self::relay), twice by [`chase`](Self::chase) and then by a
    /// [`dash`](Self::dash), [`pos`](Self::pos) and [`pct`](Self::pct) of depth 3, by these once more, and by
    /// [`walk`](Self::walk), `pos` and `pct`. No strategy is best for every bug, and each of these is for some: the first
    /// three runs and the walk where tasks must meet within a turn, the others where one must stand still for long.
    ///
    /// The first chase goes by cubes, and draws as the relay before did, from the other end; in the first dash the task
    /// goes on that became ready last four times of five.
    pub fn portfolio(self, runs: u64) -> Self {
        self.drawn("portfolio", runs, &PORTFOLIO[..])
    }

    /// Makes `runs` runs, 1 or more, in which each ready task is as likely as another
    /// ([`Random`](crate::policy::Random)).
    #[doc(alias = "check_random")]
    #[inline]
    pub fn random(self, runs: u64) -> Self {
        self.drawn("random", runs, &[Draw::Random][..])
    }

    /// Makes `runs` runs, 1 or more, by priorities that change at `depth` - 1 points, 999 at most
    /// ([`Pct`](crate::policy::Pct)).
    #[doc(alias = "check_pct")]
    pub fn pct(self, depth: u32, runs: u64) -> Self {
        self.drawn(format!("pct of depth {depth}"), runs, vec![Draw::Pct { depth }])
    }

    /// Makes `runs` runs, 1 or more, in which each interleaving is about as likely as another
    /// ([`Walk`](crate::policy::Walk)). How long each task is comes from the first run.
    #[doc(alias = "urw")]
    #[inline]
    pub fn walk(self, runs: u64) -> Self {
        self.drawn("walk", runs, &[Draw::Walk(Gait::Uniform)][..])
    }

    /// Makes `runs` runs, 1 or more, in which a ready task is the more likely, by the square, the more turns
    /// it has left. So who comes late catches up, and tasks of unequal length end together, which first-in
    /// first-out keeps apart. How long each task is comes from the first run.
    #[inline]
    pub fn chase(self, runs: u64) -> Self {
        self.drawn("chase", runs, &[Draw::Walk(Gait::Chase)][..])
    }

    /// Makes `runs` runs, 1 or more, as [`chase`](Self::chase) does, but every other time, as a coin falls,
    /// the task goes on that became ready last: one that yields goes on alone, one that was woken goes first.
    #[inline]
    pub fn dash(self, runs: u64) -> Self {
        self.drawn("dash", runs, &[Draw::Walk(Gait::Dash)][..])
    }

    /// Makes `runs` runs, 1 or more, as [`chase`](Self::chase) does, but a task that another has just woken goes
    /// first: nine times of ten, and every other time in the next run. That draws as the one before did, from the
    /// other end: where that let one task go first, it is now another (antithetic variates, Hammersley and
    /// Morton 1956).
    #[inline]
    pub fn relay(self, runs: u64) -> Self {
        self.drawn("relay", runs, &RELAY[..])
    }

    /// Makes `runs` runs, 1 or more, in which each turn has a priority of its own
    /// ([`Pos`](crate::policy::Pos)).
    #[inline]
    pub fn pos(self, runs: u64) -> Self {
        self.drawn("pos", runs, &[Draw::Pos][..])
    }

    /// Runs every schedule, those with the fewest deviations from first-in first-out first, until all are run
    /// or 1,000,000 are ([`max_runs`](Self::max_runs)).
    ///
    /// The first failure found is one with the fewest deviations. Each schedule is run once. A program that
    /// never ends in some order has infinitely many schedules; bound it by
    /// [`max_deviations`](Self::max_deviations), [`time_limit`](Self::time_limit) or [`limits`](Self::limits).
    #[doc(alias = "check_dfs")]
    #[doc(alias = "dfs")]
    #[inline]
    pub fn exhaustive(mut self) -> Self {
        self.strategy = Strategy::Exhaustive;
        self
    }

    /// Runs one schedule of each kind, until all are or 1,000,000 runs were made ([`max_runs`](Self::max_runs)):
    /// schedules are of one kind that differ only in the order of turns that have nothing to do with each
    /// other.
    ///
    /// This is [`exhaustive`](Self::exhaustive) with dynamic partial-order reduction: all results, deadlocks and
    /// panics that it finds are found, by as many runs at most and mostly by far fewer. It is so for programs
    /// whose tasks share state **only** through what this crate tracks: its locks, queues, channels and other
    /// primitives, handles of tasks, groups, scopes and tokens, [`choose`](crate::choose), timers, and
    /// [`Shared`](super::Shared) for all else. What tasks share in an `Rc<Cell<_>>`, an `Arc<Mutex<_>>` of the
    /// standard library or a channel of another crate is not seen, and schedules in which only that differs may
    /// be left out; `exhaustive` assumes nothing. Nor may the program go by what a change of order shows
    /// that is no state: how often a future was polled while it waited, a task's [`id`](crate::task::JoinHandle::id),
    /// the order in which tasks are dropped that are left at the end. And where a task awaits the handle of
    /// another in one schedule, it must not poll the same one by hand in the next.
    ///
    /// Two turns have to do with each other if they touch the same tracked object and one may change it, or one
    /// wakes the other's task. Only turns of the same instant are ever tried in another order. All values of
    /// [`choose`](crate::choose), and with them the orders of a race, are tried in each kind of schedule.
    ///
    /// Tasks that are joined as a group, by [`gather_all`](crate::gather_all), a `JoinSet` or a `TaskGroup`, end in
    /// every order, and whoever is told of it looks after each or after several: three independent ones have 24 kinds
    /// of schedules, four 192, and any number one kind where their handles are awaited in turn.
    ///
    /// The runs are made one after the other, on one thread, whatever [`threads`](Self::threads) says; of several
    /// shards the first makes them all. The first failure found need not be the simplest, but is shrunk to that.
    /// With [`max_deviations`](Self::max_deviations) no run has more deviations, and kinds are left out whose
    /// only schedules that are looked at do: it bounds the work, and promises no outcome. After the
    /// [`time_limit`](Self::time_limit) turns come in the order that the schedule before it happens to leave.
    ///
    /// The method is that of source sets and sleep sets (Abdulla et al., "Optimal Dynamic Partial Order
    /// Reduction", 2014), after Flanagan and Godefroid (2005).
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::explore::{Explorer, Extent, Shared};
    /// use simloop::{spawn, yield_now};
    ///
    /// let independent = || async {
    ///     let tasks: Vec<_> = (0..5).map(|n| spawn(async move {
    ///         let own = Shared::new(n);
    ///         yield_now().await;
    ///         own.get()
    ///     })).collect();
    ///     let mut sum = 0;
    ///     for task in tasks {
    ///         sum += task.await.unwrap();
    ///     }
    ///     sum
    /// };
    /// let exploration = Explorer::new().reduced().run(independent);
    /// assert_eq!((exploration.runs, exploration.extent), (1, Extent::Complete));
    /// ```
    #[doc(alias = "dpor")]
    #[doc(alias = "partial_order_reduction")]
    #[inline]
    pub fn reduced(mut self) -> Self {
        self.strategy = Strategy::Reduced;
        self
    }

    /// Searches, and returns what was found. No failure of a run panics here.
    ///
    /// Panics of the program are kept off standard error: what they said is in the report. With `RUST_BACKTRACE=1`
    /// one of each failure is printed, with its backtrace, when the run is explained.
    ///
    /// The closure makes the program anew for each run, before the loop runs. It is called on the threads of
    /// the search, so what it captures must be shared between threads, such as nothing at all, or an `Arc` of
    /// constants. What one run leaves behind for the next, in a static for instance, makes the program another
    /// one.
    ///
    /// # Panics
    ///
    /// Panics if the closure itself does, the `Debug` or the destructor of an output, or a requirement.
    #[must_use = "an exploration may hold failures; `unwrap` it, or look at `findings`"]
    #[track_caller]
    pub fn run<F, R>(&self, program: F) -> Exploration
    where
        F: Fn() -> R + Sync,
        R: Future<Output: Outcome + 'static> + 'static,
    {
        self.search(&Called::new(&program))
    }

    /// Searches, and returns what was found if no run failed.
    ///
    /// # Panics
    ///
    /// Panics with the rendered report if a run fails, and as [`run`](Self::run) does.
    #[doc(alias = "model")]
    #[track_caller]
    pub fn check<F, R>(&self, program: F) -> Exploration
    where
        F: Fn() -> R + Sync,
        R: Future<Output: Outcome + 'static> + 'static,
    {
        self.search(&Called::new(&program)).unwrap()
    }

    fn search(&self, program: &dyn Program) -> Exploration {
        watch_panics();
        match self.is_environment_read && Environment::is_set() {
            true => search(&self.in_environment(), program),
            false => search(self, program),
        }
    }

    /// What is left to do once the environment has had its say.
    #[cold]
    fn in_environment(&self) -> Self {
        let mut explorer = self.clone();
        match Environment::of_process() {
            Ok(Environment { seed, runs, replay, shard }) => {
                if seed.is_some() || replay.is_some() {
                    explorer.seeds = 1;
                }
                explorer.settings.seed = seed.unwrap_or(explorer.settings.seed);
                explorer.runs = runs.or(explorer.runs);
                explorer.shard = shard.unwrap_or(explorer.shard);
                explorer.replay = replay;
            }
            Err(reason) => explorer.refused = Some(reason),
        }
        explorer
    }

    pub(super) fn name(&self) -> String {
        match &self.strategy {
            Strategy::Drawn { name, .. } => name.clone().into_owned(),
            // One schedule is no search of every one.
            Strategy::Exhaustive if self.deviations_max == Some(0) => FIFO.to_owned(),
            Strategy::Exhaustive => "exhaustive".to_owned(),
            Strategy::Reduced => REDUCED.to_owned(),
        }
    }

    pub(super) fn runs_max(&self) -> u64 {
        self.runs.unwrap_or(match &self.strategy {
            Strategy::Drawn { runs, .. } => *runs,
            Strategy::Exhaustive | Strategy::Reduced => EXHAUSTIVE_RUNS,
        })
    }
}
