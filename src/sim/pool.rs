//! Worker threads, simulated: blocking calls that occupy a worker, and a core while they compute.

use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;

use super::Cost;
use super::job::Job;
use super::machine::{JobId, Machine, Stage};
use crate::executor::access::Tracked;
use crate::executor::{
    self, Description, Holding, JoinHandle, Resource, RunId, Timer, Told, Waits, Wanted, Whom,
};
use crate::kernel::Instant;
use crate::kernel::ordered::Map;

/// Runs a blocking call on the loop's simulated worker threads. This is `asyncio.to_thread`.
///
/// The call takes a worker as soon as one is free, first come, first served, and occupies it for `cost`; while
/// it computes it occupies a core as well. A [`Duration`](std::time::Duration) computes; a call that waits is
/// a [`Cost::waiting`]. The loop goes on meanwhile, and the workers go on where the loop is blocked
/// ([`block_for`](crate::time::block_for)).
///
/// `work` is called at the instant at which the cost has been spent, on the loop's thread, in a turn of its
/// own: it is what the call does and returns, and takes no virtual time by itself. The call is a task named
/// `blocking`, with the handle of a task: join it, gather it, give up on it.
///
/// # Workers and cores
///
/// [`Builder::blocking_workers`](crate::Builder::blocking_workers) and
/// [`Builder::cores`](crate::Builder::cores) set how many there are. Without, there are 32 workers, each with
/// a core; with only the number of cores, there are 4 workers more than cores and 32 at most, which is the
/// rule of asyncio's default executor; with only the number of workers, each has a core. The machine on which
/// the program really runs is not asked.
///
/// Both queues are first-in first-out: that for workers in the order of the calls, that for cores in the order
/// in which cores were needed. A call that has a core keeps it to its end. At one instant what began first ends
/// first, and what ends does so before calls that are made or aborted then. None of this depends on the
/// policy or on how late the loop is.
///
/// # Cancel safety
///
/// Aborting the task of a call that has not begun takes the call out of the queue. One that has begun cannot
/// be interrupted, as in asyncio: its result is lost, but it goes on, as a child task named `abandoned`, keeps
/// its worker and its core, and `work` is called at its end. Dropping the handle changes nothing. Calls that
/// have not ended when the run does are left-over tasks (S21), and their `work` is not called.
///
/// # Errors
///
/// The handle gives a [`JoinError`](crate::JoinError) if `work` panicked or the task was aborted.
///
/// # Panics
///
/// Panics outside a loop.
///
/// # Examples
///
/// Three computations of a second take three on one core, and one on three:
///
/// ```
/// use simloop::{Builder, gather_all, spawn_blocking};
/// use std::time::Duration;
///
/// let computations = || async {
///     let calls = (1..=3).map(|n| spawn_blocking(Duration::from_secs(1), move || n * n));
///     gather_all(calls).await.into_iter().map(Result::unwrap).sum::<u32>()
/// };
/// let one = Builder::new().cores(1).run(computations());
/// assert_eq!((one.ended_at.to_string(), one.unwrap()), ("3s".to_owned(), 14));
/// let three = Builder::new().cores(3).run(computations());
/// assert_eq!((three.ended_at.to_string(), three.unwrap()), ("1s".to_owned(), 14));
/// ```
///
/// Waiting needs no core:
///
/// ```
/// use simloop::{Builder, gather_all, sim::Cost, spawn_blocking};
/// use std::time::Duration;
///
/// let report = Builder::new().cores(1).run(async {
///     let requests = (1..=3).map(|_| spawn_blocking(Cost::waiting(Duration::from_secs(1)), || ()));
///     gather_all(requests).await;
/// });
/// assert_eq!(report.ended_at.to_string(), "1s");
/// ```
#[doc(alias = "to_thread")]
#[doc(alias = "run_in_executor")]
#[track_caller]
pub fn spawn_blocking<R: 'static>(
    cost: impl Into<Cost>,
    work: impl FnOnce() -> R + 'static,
) -> JoinHandle<R> {
    Pool::of_loop("spawn_blocking").submit(cost.into(), Box::new(work))
}

/// A pool of simulated workers besides that of [`spawn_blocking`]: another executor to run blocking calls in.
///
/// It obeys the rules of [`spawn_blocking`]. Its cores are its own. A clone is the same pool, and dropping it
/// leaves the calls that were made as they are.
///
/// # Examples
///
/// Python's threads share the interpreter's lock, so one core; its processes do not:
///
/// ```
/// use simloop::{gather_all, now, run, sim::Pool};
/// use std::time::Duration;
///
/// async fn compute_in(pool: Pool) -> Duration {
///     let start = now();
///     gather_all((0..4).map(|_| pool.spawn(Duration::from_secs(1), || ()))).await;
///     start.elapsed()
/// }
///
/// run(async {
///     assert_eq!(compute_in(Pool::with_cores(4, 1)).await, Duration::from_secs(4), "threads");
///     assert_eq!(compute_in(Pool::new(4)).await, Duration::from_secs(1), "processes");
/// });
/// ```
#[derive(Clone)]
#[must_use = "a pool does nothing until a call is spawned on it"]
pub struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    /// Whose instants the machine has seen.
    run: RunId,
    workers: usize,
    cores: usize,
    /// That of the loop has one.
    name: Option<&'static str>,
    made_at: &'static Location<'static>,
    tracked: Tracked,
    /// Never contended, and never held while anything foreign runs, the wakers of tasks included.
    state: Mutex<State>,
}

struct State {
    machine: Machine,
    /// The tasks of jobs that have been polled and are not done.
    tasks: Map<JobId, Whom>,
    /// Of jobs that are in a queue. A job that is under way knows its end, and has a timer.
    standing: Map<JobId, Standing>,
    /// Whether reports of the run know of the pool.
    is_listed: bool,
    /// Its number in the trace, if that tells who waits for what.
    traced: Option<u32>,
}

/// A job that is in a queue.
struct Standing {
    waker: Waker,
    /// Its place in the trace, for as long as it stands there.
    _told: Told,
}

/// What the pool is called in reports.
const KIND: &str = "pool";

impl Pool {
    /// Creates a pool of so many workers, each with a core.
    ///
    /// # Panics
    ///
    /// Panics outside a loop, and with no worker.
    #[track_caller]
    #[inline]
    pub fn new(workers: usize) -> Pool {
        Pool::with_cores(workers, workers)
    }

    /// Creates a pool of so many workers that share so many cores.
    ///
    /// # Panics
    ///
    /// Panics outside a loop, with no worker and with no core.
    #[track_caller]
    #[inline]
    pub fn with_cores(workers: usize, cores: usize) -> Pool {
        assert!(workers > 0, "a pool needs 1 worker at least, and was given none");
        assert!(cores > 0, "a pool needs 1 core at least, and was given none");
        let run = executor::current_run("Pool::new");
        Pool { shared: Shared::new(run, None, Location::caller(), workers, cores) }
    }

    /// The pool of the running loop, made when it is first needed.
    #[track_caller]
    #[inline]
    fn of_loop(what: &'static str) -> Pool {
        let made_at = Location::caller();
        let make = |run, workers, cores| Shared::new(run, Some(what), made_at, workers, cores);
        Pool { shared: executor::loop_pool(what, make) }
    }

    /// Runs a blocking call on this pool; see [`spawn_blocking`]. This is `loop.run_in_executor`.
    ///
    /// # Errors
    ///
    /// The handle gives a [`JoinError`](crate::JoinError) if `work` panicked or the task was aborted.
    ///
    /// # Panics
    ///
    /// Panics outside a loop, and in another one than that in which the pool was made.
    #[doc(alias = "submit")]
    #[track_caller]
    pub fn spawn<R: 'static>(
        &self,
        cost: impl Into<Cost>,
        work: impl FnOnce() -> R + 'static,
    ) -> JoinHandle<R> {
        assert!(
            executor::current_run("Pool::spawn") == self.shared.run,
            "a pool was used in another loop than the one it was made in"
        );
        self.submit(cost.into(), Box::new(work))
    }

    /// Returns the number of workers.
    #[inline]
    pub fn workers(&self) -> usize {
        self.shared.workers
    }

    /// Returns the number of cores.
    #[inline]
    pub fn cores(&self) -> usize {
        self.shared.cores
    }

    #[track_caller]
    fn submit<R: 'static>(&self, cost: Cost, work: Box<dyn FnOnce() -> R>) -> JoinHandle<R> {
        let site = Location::caller();
        let (timer, now) = Timer::new("spawn_blocking");
        let id = self.access(|state| state.machine.submit(cost, now));
        let job = Job::new(self.clone(), id, work, timer, site);
        executor::spawn_at(site, "blocking", job)
    }

    /// How far a job has come by `now`. One that is in a queue is woken when it leaves it.
    #[inline]
    pub(super) fn poll_stage(&self, job: JobId, now: Instant, waker: &Waker) -> Stage {
        let task = Whom::running();
        let stage = self.access(|state| {
            state.machine.advance(now);
            state.tasks.insert(job, task);
            state.machine.stage(job)
        });
        if let Some(lacking) = stage.lacking() {
            let waker = waker.clone();
            let replaced = self.access(|state| {
                if !std::mem::replace(&mut state.is_listed, true) {
                    let pool: Weak<Shared> = Arc::downgrade(&self.shared);
                    state.traced = executor::list(pool, KIND, self.shared.name);
                }
                let tell = |pool| Told::new(pool, task, wanted(lacking));
                let told = state.traced.map(tell).unwrap_or_default();
                state.standing.insert(job, Standing { waker, _told: told })
            });
            drop(replaced);
        }
        stage
    }

    /// Forgets a job that is done.
    #[inline]
    pub(super) fn forget(&self, job: JobId) {
        self.access(|state| {
            state.machine.forget(job);
            state.tasks.remove(job);
        });
    }

    /// Takes a job out of the queue, and says whether it had not begun by `now`.
    pub(super) fn withdraw(&self, job: JobId, now: Instant) -> bool {
        let (was_queued, standing) = self.access(|state| {
            // The task ends; one that is to carry the job on comes with its first poll.
            state.tasks.remove(job);
            (state.machine.withdraw(job, now), state.standing.remove(job))
        });
        drop(standing);
        was_queued
    }

    /// Borrows the state for one call, and then wakes the jobs that the call has let out of a queue.
    fn access<A>(&self, call: impl FnOnce(&mut State) -> A) -> A {
        self.shared.tracked.write();
        let mut state = self.shared.look();
        let answer = call(&mut state);
        let_go(state);
        answer
    }
}

/// What a job that lacks something waits for.
fn wanted(lacking: &str) -> Wanted {
    Wanted { before: String::new(), after: format!(" (no {lacking} is free)") }
}

impl Shared {
    fn new(
        run: RunId,
        name: Option<&'static str>,
        made_at: &'static Location<'static>,
        workers: usize,
        cores: usize,
    ) -> Arc<Shared> {
        let (machine, tasks, standing) = (Machine::new(workers, cores), Map::new(), Map::new());
        let state = Mutex::new(State { machine, tasks, standing, is_listed: false, traced: None });
        let tracked = Tracked::new();
        Arc::new(Shared { run, workers, cores, name, made_at, tracked, state })
    }

    fn look(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Those whose jobs are under way. A job that has a worker and lacks a core is in the line for that.
    fn holders(&self) -> Vec<Holding> {
        let mut holders = Vec::new();
        for (job, since) in self.machine.under_way() {
            let task = self.tasks.get(job);
            holders.extend(task.and_then(|task| task.as_of(since)).map(Holding::from));
        }
        holders
    }
}

impl Resource for Shared {
    fn describe(&self) -> Description {
        let state = self.look();
        let mut told = Description::new(KIND, self.name, self.made_at);
        told.holders = state.holders();
        // What nobody has polled yet may end.
        told.is_open = told.holders.len() < state.machine.under_way().count();
        for job in state.machine.in_line() {
            let (Some(&whom), Some(standing)) = (state.tasks.get(job), state.standing.get(job))
            else {
                continue;
            };
            let lacking = state.machine.stage(job).lacking().unwrap_or_default();
            let has_waker = whom.is_behind(&standing.waker);
            told.waiters.push(Waits { whom, has_waker, wanted: wanted(lacking) });
        }
        told
    }

    fn holders(&self) -> Vec<Holding> {
        self.look().holders()
    }
}

/// Wakes the jobs that have left a queue, with nothing borrowed.
fn let_go(mut state: MutexGuard<'_, State>) {
    let mut woken = Vec::new();
    for &job in &state.machine.take_moved() {
        woken.extend(state.standing.remove(job));
    }
    drop(state);
    for Standing { waker, .. } in woken {
        waker.wake();
    }
}

impl fmt::Debug for Pool {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("workers", &self.workers())
            .field("cores", &self.cores())
            .finish_non_exhaustive()
    }
}
