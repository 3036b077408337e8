//! The loop as a value: run a program to its end, or drive it by hand from ordinary code.

mod run;

use std::future::Future;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use super::builder::Builder;
use super::cell::Waiting;
use super::context;
use super::core::Core;
use super::describe;
use super::join::JoinHandle;
use super::picture;
use super::spawn::Builder as TaskBuilder;
use super::turn::{Idle, Turned};
use crate::kernel::{Counters, Digest, Instant};
use crate::policy::{Native, Policy, Schedule};
use crate::report::{Failure, FailureKind, Report};
use run::outcome;

/// Runs a future to its end on a virtual clock and returns its output. This is `asyncio.run`.
///
/// Uses the default [`Builder`](crate::Builder): first-in first-out, seed 0, no trace.
///
/// # Panics
///
/// Panics with the rendered failure if the run fails: a deadlock, a panic, a limit ([`FailureKind`]). Use
/// [`Builder::run`](crate::Builder::run) to get it as a value.
///
/// # Examples
///
/// ```
/// use simloop::{now, run, sleep};
/// use std::time::Duration;
///
/// let woken_at = run(async {
///     sleep(Duration::from_secs(3600)).await;
///     now()
/// });
/// assert_eq!(woken_at.to_string(), "3600s");
/// ```
#[doc(alias = "block_on")]
#[track_caller]
pub fn run<F>(future: F) -> F::Output
where
    F: Future + 'static,
    F::Output: 'static,
{
    let site = Location::caller();
    let outcome = {
        // If the run is refused the future is dropped here: its destructor may panic, which ends the process where another
        // panic is under way. By a block, since to be dropped by a call it would be moved.
        let mut root = Waiting::new(future);
        EventLoop::new().run_to_outcome(&mut root, site)
    };
    match outcome {
        Ok(output) => output,
        Err(failure) => panic!("{failure}"),
    }
}

/// A loop that is driven from outside: spawn, advance, look, go on.
///
/// The clock stands still between calls. What the calls in between do to tasks, such as sending to a
/// channel, takes effect at the next call, in order.
///
/// A call that fails returns the [`Failure`]. A livelock, a limit, a wake from another thread, a replay that
/// does not fit and a fault of the policy end the loop: further calls return the same failure. A deadlock,
/// a panic or an abort of the future given to [`block_on`](Self::block_on) concerns that future alone. A panic of a task does not stop the loop: it is for
/// whoever joins the task, or for the report of [`finish`](Self::finish) (S20).
///
/// Dropping the loop cancels what is alive in it, newest first. If a task has panicked by then and nobody was
/// told, the drop panics with that failure, as [`std::thread::scope`] does, unless the thread is panicking
/// already: a panic is not lost because nobody called [`finish`](Self::finish). No other failure makes it panic.
///
/// # Examples
///
/// ```
/// use futures_channel::mpsc;
/// use futures_util::StreamExt;
/// use simloop::{EventLoop, Failure, sleep};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Failure> {
/// let mut event_loop = EventLoop::new();
/// let (sender, mut receiver) = mpsc::unbounded::<u64>();
/// let worker = event_loop.spawn(async move {
///     while let Some(seconds) = receiver.next().await {
///         sleep(Duration::from_secs(seconds)).await;
///     }
///     "closed"
/// });
/// sender.unbounded_send(3).unwrap();
/// event_loop.advance(Duration::from_secs(5))?;
/// drop(sender);
/// event_loop.run_until_idle()?;
/// assert!(worker.is_finished());
/// assert_eq!(event_loop.block_on(worker)?.unwrap(), "closed");
/// assert_eq!(event_loop.now().to_string(), "5s");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct EventLoop {
    core: Rc<Core>,
}

impl Default for EventLoop {
    #[inline]
    fn default() -> Self {
        EventLoop::new()
    }
}

impl EventLoop {
    /// Creates a loop with the settings of [`Builder::new`](crate::Builder::new).
    pub fn new() -> Self {
        // A loop that is as good as new has the settings of a new builder, but knows nothing of pictures.
        match picture::is_wanted() {
            true => Builder::new().build(),
            false => EventLoop::from_core(context::take_new()),
        }
    }

    pub(super) fn from_core(core: Rc<Core>) -> Self {
        EventLoop { core }
    }

    pub(super) fn core(&self) -> &Rc<Core> {
        &self.core
    }

    /// Spawns a task from outside. It is first polled by a later call that runs the loop.
    ///
    /// Its path starts at its own name: it has no parent.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        TaskBuilder::new().spawn_on(self, future)
    }

    /// Spawns a task from outside under a name.
    #[track_caller]
    pub fn spawn_named<F>(&self, name: &str, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let (site, mut future) = (Location::caller(), Waiting::new(future));
        JoinHandle::new(self.core.spawn_child(&mut future, Some(name), false, site))
    }

    /// Runs `future` as the root task `main` to its end, cancels what is still alive, and reports (S21).
    ///
    /// The outcome is the root's output, or a failure; nothing panics.
    #[track_caller]
    pub fn run<F>(self, future: F) -> Report<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.run_at(future, Location::caller())
    }

    /// Takes the policy, once the run has ended, for another run.
    pub(crate) fn take_policy(&self) -> Option<Box<dyn Policy>> {
        self.core.take_policy()
    }

    /// The same with a policy that the loop knows.
    pub(crate) fn take_native(&self) -> Option<Native> {
        self.core.take_native()
    }

    /// Gets ready for another run of the same settings; `None` if that takes another loop.
    #[inline]
    pub(crate) fn again(self) -> Option<EventLoop> {
        let is_kept = !self.core.state().has_settings_for_one()
            && Rc::strong_count(&self.core) == 1
            && self.core.restart();
        is_kept.then_some(self)
    }

    /// Takes the choices that were made.
    pub(crate) fn take_schedule(&self) -> Schedule {
        self.core.state().schedule.take()
    }

    /// Runs `future` as a task `main` to its end and returns its output. Other tasks stay as they are.
    ///
    /// # Errors
    ///
    /// Returns the failure of the run. After a deadlock the future is cancelled, at the next turn, and the loop
    /// can be used further.
    #[doc(alias = "run_until_complete")]
    #[track_caller]
    pub fn block_on<F>(&mut self, future: F) -> Result<F::Output, Failure>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let site = Location::caller();
        self.check_usable()?;
        let mut output = None;
        let (ended, root) = self.run_root(&mut Waiting::new(future), site, &mut output);
        if ended.is_err() {
            // The loop may go on without it. As a run ends its root is dropped with all others instead.
            let mut state = self.core.state();
            // A loop has far fewer tasks than 2^32.
            let key = state.kernel.task_of_serial(root.as_u64() as u32);
            if let Some(key) = key {
                state.kernel.request_abort(key);
            }
        }
        outcome(ended, output)
    }

    /// Takes one turn: polls the next ready task. Returns `false`, and does nothing, when none is ready.
    ///
    /// # Errors
    ///
    /// Returns the failure that ends the loop.
    pub fn step(&mut self) -> Result<bool, Failure> {
        self.check_usable()?;
        let _entered = context::enter(&self.core);
        loop {
            if self.core.step()? != Turned::Idle {
                return Ok(true);
            }
            if self.core.idle() != Idle::Settled {
                return Ok(false);
            }
        }
    }

    /// Runs all that is ready, and all that becomes ready thereby, without moving the clock.
    ///
    /// What sleeps goes on sleeping. To go on until nothing more can happen, as Kotlin's `advanceUntilIdle` does, is
    /// [`run_until`](Self::run_until) with [`Instant::NEVER`].
    ///
    /// # Errors
    ///
    /// Returns the failure that ends the loop.
    #[doc(alias = "runCurrent")]
    pub fn run_until_idle(&mut self) -> Result<(), Failure> {
        self.check_usable()?;
        let _entered = context::enter(&self.core);
        self.drain().map(|_| ())
    }

    /// Runs all that is ready; returns the earliest deadline.
    fn drain(&self) -> Result<Option<Instant>, Failure> {
        loop {
            while self.core.step()? != Turned::Idle {}
            match self.core.idle() {
                Idle::Settled => {}
                Idle::Until(deadline) => return Ok(Some(deadline)),
                Idle::Nothing => return Ok(None),
            }
        }
    }

    /// Goes on until `until`, deadline by deadline, running all that is ready at each. Ends with the clock
    /// at exactly `until` and nothing ready (S10). An instant that has passed only runs what is ready.
    ///
    /// [`Instant::NEVER`] does not come: until then all happens that ever will, and the clock stays at the last
    /// deadline. As in a run, timers of daemons alone are no reason to go on. Other tasks that sleep again and
    /// again are, and only a limit ends that ([`Limits::virtual_time`]).
    ///
    /// # Errors
    ///
    /// Returns the failure that ends the loop.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{EventLoop, Instant, sleep};
    /// use std::time::Duration;
    ///
    /// let mut event_loop = EventLoop::new();
    /// event_loop.spawn(async { sleep(Duration::from_secs(7)).await });
    /// event_loop.run_until(Instant::NEVER).unwrap();
    /// assert_eq!(event_loop.now().to_string(), "7s");
    /// ```
    ///
    /// [`Limits::virtual_time`]: crate::Limits::virtual_time
    #[doc(alias = "advanceUntilIdle")]
    #[doc(alias = "run_forever")]
    #[doc(alias = "step_until")]
    pub fn run_until(&mut self, until: Instant) -> Result<(), Failure> {
        self.check_usable()?;
        let _entered = context::enter(&self.core);
        loop {
            match self.drain()? {
                _ if until.is_never() => match self.core.pass_time() {
                    Some(passed) => passed?,
                    None => return Ok(()),
                },
                Some(deadline) if deadline <= until => self.core.jump(deadline)?,
                _ if until > self.now() => self.core.jump(until)?,
                _ => return Ok(()),
            }
        }
    }

    /// Moves on by `duration`, as [`run_until`](Self::run_until) does (S10). One that goes beyond the last instant
    /// of the clock, such as [`Duration::MAX`], is an advance until [`Instant::NEVER`].
    ///
    /// # Errors
    ///
    /// Returns the failure that ends the loop.
    #[doc(alias = "advanceTimeBy")]
    #[inline]
    pub fn advance(&mut self, duration: Duration) -> Result<(), Failure> {
        self.run_until(self.now() + duration)
    }

    /// Moves on to the earliest deadline and runs all that is ready there; returns the new instant, or
    /// `None` when no timer exists.
    ///
    /// What is ready now runs first, and may register an earlier timer.
    ///
    /// # Errors
    ///
    /// Returns the failure that ends the loop.
    pub fn advance_to_next(&mut self) -> Result<Option<Instant>, Failure> {
        self.check_usable()?;
        let _entered = context::enter(&self.core);
        let Some(deadline) = self.drain()? else { return Ok(None) };
        self.core.jump(deadline)?;
        self.drain()?;
        Ok(Some(deadline))
    }

    /// Returns the present instant.
    pub fn now(&self) -> Instant {
        self.core.state().kernel.now()
    }

    /// Returns the number of tasks that are ready to run.
    #[inline]
    pub fn ready_len(&self) -> usize {
        self.core.state().kernel.ready_len()
    }

    /// Returns what has happened so far, in numbers.
    pub fn counters(&self) -> Counters {
        self.core.state().kernel.counters()
    }

    /// Returns the fingerprint of the turns taken so far.
    pub fn digest(&self) -> Digest {
        self.core.state().kernel.digest()
    }

    /// Ends the loop: cancels what is still alive, newest first, and reports.
    ///
    /// The outcome is a failure if the loop had failed, if a task panicked and nobody took the panic, or if
    /// tasks are left over and that was denied. Outputs that nobody has taken are dropped: a handle that outlives
    /// its loop says cancelled, whatever its task did.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::EventLoop;
    ///
    /// let mut event_loop = EventLoop::new();
    /// let (mut taken, mut late) = (event_loop.spawn(async { 1 }), event_loop.spawn(async { 2 }));
    /// event_loop.run_until_idle().unwrap();
    /// assert_eq!(taken.try_take().unwrap().unwrap(), 1);
    /// event_loop.finish().unwrap();
    /// assert!(late.try_take().unwrap().unwrap_err().is_cancelled());
    /// ```
    #[inline]
    pub fn finish(self) -> Report<()> {
        self.core.conclude(self.check_failed(), None)
    }

    /// Checks that the loop may run: none runs on this thread, and this one has not failed.
    fn check_usable(&self) -> Result<(), Failure> {
        if let Some(outer) = context::try_current() {
            return Err(nested(&outer));
        }
        self.check_failed()
    }

    /// Returns the failure that has ended the loop, or keeps it from starting.
    fn check_failed(&self) -> Result<(), Failure> {
        let state = self.core.state();
        match (&state.failure, &state.replay_error) {
            (Some(failure), _) => Err(failure.clone()),
            (None, Some(error)) => {
                Err(describe::failure(&state, FailureKind::InvalidReplay(error.clone())))
            }
            (None, None) => Ok(()),
        }
    }
}

/// The failure of a loop that is started inside the running loop `outer`.
fn nested(outer: &Core) -> Failure {
    let state = outer.state();
    let task = state.kernel.running().map(|key| state.path(key));
    describe::failure(&state, FailureKind::NestedLoop { task })
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        let untold = self.core.abandon();
        context::recycle(&self.core);
        if let Some(failure) = untold.filter(|_| !std::thread::panicking()) {
            panic!("{failure}");
        }
    }
}
