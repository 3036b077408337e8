//! What a loop is made of: the kernel, the futures, and what else the API needs in one call.
//!
//! The state is borrowed for one short call at a time and never while foreign code runs: a future, a waker, a
//! callback, a destructor. Whatever is foreign is moved out first.

mod panics;

use std::any::Any;
use std::cell::{Cell, RefCell, RefMut};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::cell::{BoxedCell, Incoming};
use super::context;
use super::hook::{Raised, watch_panics};
use super::inbox::Inbox;
use super::injecting::Injecting;
use super::join::{AbortHandle, JoinError};
use super::locals::Locals;
use super::registry::{self, LoopId, RunId};
use super::resource::Resources;
use super::turn::forget_panic;
use super::waker;
use super::workers::Workers;
use crate::kernel::ordered::Map;
use crate::kernel::{
    Ending, Instant, Join, Kernel, Level, Spawn, State as TaskState, Target, TaskId, TaskKey,
    WakerKey,
};
use crate::policy::{Draft, Native, Policy, Replay};
use crate::report::{Failure, PanicPlace};
use crate::rng::{Rng, stream_child};
pub(crate) use panics::message;
pub(super) use panics::{Panicked, Payload, drop_caught};

/// How deep [`Core::drop_unspawned`] drops within itself. More than any destructor has reason for, and no more
/// than the stack of a thread bears where futures take some kilobytes each.
const UNSPAWNED_DEPTH_MAX: u32 = 32;

/// A loop, reachable from handles, wakers and the API.
pub(crate) struct Core {
    pub(super) id: LoopId,
    pub(super) inbox: Arc<Inbox>,
    /// Which of the runs of this loop it is in.
    run: Cell<RunId>,
    state: RefCell<State>,
    /// Apart from the state, because a policy is foreign code that reads the kernel while it chooses.
    pub(super) picker: RefCell<Picker>,
    /// Apart from the state, because what is in it is the program's.
    pub(super) locals: Locals,
    /// Tasks that were left to the running one, as long as somebody collects them.
    pub(super) left_behind: RefCell<Option<Vec<AbortHandle>>>,
    /// Futures of tasks spawned as the run ends that are being dropped, each by the destructor of the one before.
    unspawned_depth: Cell<u32>,
    /// Outputs whose handles were dropped by the destructor of an output whose handle was dropped, while that runs.
    detached: RefCell<Option<VecDeque<BoxedCell>>>,
    /// The last panic that the hook has seen. Apart from the state, which may be borrowed then.
    pub(super) raised: RefCell<Option<Raised>>,
    /// Panics of this run are not for standard error. Asked in the middle of one, so it stands beside the state, too.
    pub(super) is_quiet: Cell<bool>,
    /// What collectors of `tracing` have been told.
    #[cfg(feature = "tracing")]
    pub(super) logging: super::logging::Logging,
}

/// Who makes the choices.
#[derive(Debug)]
pub(super) enum Picker {
    /// Not behind a virtual call: this is what most runs do at every turn.
    Fifo,
    /// And this is what most others do.
    Native(Native),
    /// In a box, for it is large, and a picker is moved into each run.
    Replay(Box<Replay>),
    Policy(Box<dyn Policy>),
}

/// Whether the loop takes new work.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Phase {
    Open,
    /// The run has ended and its tasks are being dropped.
    Closing,
}

pub(crate) struct State {
    pub(crate) kernel: Kernel,
    /// The futures of tasks, by slot. The one that is being polled is outside. Where no task is there may be an
    /// emptied cell, kept for its memory over the end of runs.
    pub(super) cells: Vec<Option<BoxedCell>>,
    /// Wakers that timers and joins are to call and that are not a task's own, by key.
    pub(super) wakers: Vec<Option<Waker>>,
    /// Panics of finished tasks whose handles may still ask for them.
    pub(super) panics: Map<TaskKey, Panicked>,
    /// Panics that nobody can ask for any more, in the order in which that came about.
    pub(super) unjoined: Vec<Panicked>,
    /// Panics of this run.
    pub(super) panics_caught: u64,
    /// For each task that has drawn random numbers: its stream, and how often it asked.
    pub(super) draws: Map<Option<TaskKey>, (u64, u64)>,
    pub(super) schedule: Draft,
    /// The last turn in which values were chosen, and how many. So a turn in which none is need not say so.
    pub(super) values_chosen: (u64, u32),
    /// Something may be made to go wrong in this run.
    pub(super) injects: bool,
    pub(super) injecting: Injecting,
    /// A builder has set something since the loop was as good as new.
    pub(super) is_configured: bool,
    /// With so many ready tasks or more, the picker is asked which of them runs.
    pub(super) asked_from: usize,
    pub(super) seed: u64,
    pub(super) echo: bool,
    /// How much of the run the report is to tell; more may be recorded.
    pub(super) level: Level,
    pub(super) deny_leftovers: bool,
    /// What the wall clock was told to show at the start, if it was told, for the line that reproduces.
    pub(super) start_time: Option<Duration>,
    /// What the wall clock shows at the start, in nanoseconds since 1970. Steps move it.
    pub(crate) wall_at_start: i128,
    pub(super) workers: Workers,
    pub(super) phase: Phase,
    /// The clock was moved in the middle of the turn, or the loop has failed, so that its end is to be seen to.
    pub(super) is_interrupted: bool,
    /// The failure that ended the run for good.
    pub(super) failure: Option<Failure>,
    pub(super) policy_source: Option<String>,
    pub(super) replayed: Option<String>,
    pub(super) replay_error: Option<crate::policy::ScheduleError>,
    pub(super) resources: Resources,
    /// Lines of code at which the task that is being probed waits.
    #[cfg(feature = "backtrace")]
    pub(super) probed: Vec<String>,
}

/// Nothing that depends on what else the process does, such as the loop's number (S18).
impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Core");
        if let Ok(state) = self.state.try_borrow() {
            let kernel = &state.kernel;
            shown.field("now", &kernel.now()).field("turn", &kernel.turn());
            shown.field("digest", &kernel.digest());
        }
        shown.finish()
    }
}

/// What a poll of a join came to.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum JoinPoll {
    Pending,
    /// The output was moved.
    Completed,
    /// The task was cancelled or has panicked; see [`Core::take_join_error`].
    Failed,
    /// The loop has forgotten the task.
    Gone,
}

impl Core {
    pub(super) fn new(kernel: Kernel) -> Rc<Core> {
        let claim = registry::claim();
        watch_panics();
        let mut state = State::new(kernel);
        state.kernel.start_generations_at(claim.generation);
        Rc::new(Core {
            id: claim.id,
            inbox: claim.inbox,
            run: Cell::new(RunId::new(claim.id, claim.runs)),
            state: RefCell::new(state),
            picker: RefCell::new(Picker::Fifo),
            locals: Locals::default(),
            left_behind: RefCell::new(None),
            unspawned_depth: Cell::new(0),
            detached: RefCell::new(None),
            raised: RefCell::new(None),
            is_quiet: Cell::new(false),
            #[cfg(feature = "tracing")]
            logging: super::logging::Logging::default(),
        })
    }

    /// Makes a loop that has come to its end as good as new, with the memory it has grown.
    ///
    /// Returns `false` if it has grown too much to be kept, or its keys are used up.
    pub(super) fn reset(&self) -> bool {
        let is_usable = self.restart();
        self.is_quiet.set(false);
        let mut state = self.state();
        if state.is_configured {
            state.reset_settings();
        }
        is_usable
    }

    /// The same for a run of the same settings.
    pub(super) fn restart(&self) -> bool {
        self.inbox.clear();
        // What the hook has seen in one run must not be told of a panic of the next.
        self.raised.take();
        self.run.set(self.run.get().next());
        if !matches!(*self.picker.borrow(), Picker::Fifo) {
            let picker = self.picker.replace(Picker::Fifo);
            // A policy is foreign, and so is its destructor; the run it was for has been reported.
            drop_caught(picker).into_iter().for_each(forget_panic);
        }
        let mut state = self.state();
        if let Some(pool) = state.workers.take_pool() {
            // Moved out of the borrow: it may hold wakers.
            drop(state);
            drop(pool);
            state = self.state();
        }
        if !state.wakers.is_empty() {
            // Since its end, another loop has asked for a task that was left over.
            drop(state);
            self.drop_kept();
            state = self.state();
        }
        state.restart()
    }

    #[inline]
    pub(super) fn run_id(&self) -> RunId {
        self.run.get()
    }

    /// Borrows the state for one short call.
    #[inline]
    #[track_caller]
    pub(crate) fn state(&self) -> RefMut<'_, State> {
        match self.state.try_borrow_mut() {
            Ok(state) => state,
            Err(_) => in_policy(),
        }
    }

    /// Borrows the state, if nobody does.
    #[inline]
    pub(super) fn try_state(&self) -> Option<RefMut<'_, State>> {
        self.state.try_borrow_mut().ok()
    }

    /// The key under which to register `waker`: the task's, if it is a task's of this loop.
    ///
    /// Clones any other, so it must be called without a borrow; the clone is kept until it is handed back.
    #[inline]
    pub(super) fn target(&self, waker: &Waker) -> Target {
        self.own_target(waker).unwrap_or_else(|| self.foreign_target(waker))
    }

    /// The task behind `waker`, if it is one of this loop. Looks at numbers only, borrowed or not.
    #[inline]
    pub(super) fn own_target(&self, waker: &Waker) -> Option<Target> {
        let address = waker::address(waker)?.unpack();
        (address.loop_id == self.id).then_some(Target::Task(address.task))
    }

    /// Keeps a clone of a waker that is not a task's of this loop.
    #[cold]
    pub(super) fn foreign_target(&self, waker: &Waker) -> Target {
        let clone = waker.clone();
        Target::Waker(self.state().keep(clone))
    }

    /// Takes back a waker that the kernel has no more use for, and drops it.
    pub(super) fn drop_waker(&self, key: Option<WakerKey>) {
        let waker = key.and_then(|key| self.state().take_waker(key));
        drop(waker);
    }

    /// Takes back a waker that is due, and calls it. A panic in it is not the loop's to lose.
    pub(super) fn call_waker(&self, key: Option<WakerKey>) {
        if let Some(waker) = key.and_then(|key| self.state().take_waker(key)) {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                self.collect_panic("a waker", payload);
            }
        }
    }

    /// Adds a task. In a run that has ended there is none, and its future is dropped.
    pub(super) fn spawn(&self, future: &mut dyn Incoming, spawn: &Spawn<'_>) -> Option<TaskKey> {
        let added = self.state().add_task(future, spawn);
        added.map_err(|cell| self.drop_unspawned(cell)).ok()
    }

    /// Drops the future of a task that is spawned as the run ends.
    ///
    /// A destructor in it may spawn the next. That goes only so deep: past the bound the run fails, and what the
    /// outermost of these futures still spawns is leaked, since dropping it would overflow the stack, or not end.
    #[cold]
    pub(super) fn drop_unspawned(&self, cell: BoxedCell) {
        const WHAT: &str = "a task spawned as the run ended";
        let depth = self.unspawned_depth.get();
        if depth > UNSPAWNED_DEPTH_MAX {
            return std::mem::forget(cell);
        }
        if depth == UNSPAWNED_DEPTH_MAX {
            std::mem::forget(cell);
            self.unspawned_depth.set(depth + 1);
            let text = format!(
                "destructors spawn tasks whose destructors spawn tasks, {depth} deep: \
                 the next ones are not dropped"
            );
            return self.collect_panic(WHAT, Box::new(text));
        }
        self.unspawned_depth.set(depth + 1);
        self.drop_foreign(WHAT, cell);
        if depth == 0 || self.unspawned_depth.get() <= UNSPAWNED_DEPTH_MAX {
            self.unspawned_depth.set(depth);
        }
    }

    /// Sees to it that `target` is woken when a task finishes, or moves its output into `place`. Runs no
    /// foreign code: returns the waker of an earlier poll, if it is not a task's own, to be dropped.
    pub(super) fn poll_join(
        &self,
        key: TaskKey,
        target: Target,
        place: &mut dyn Any,
    ) -> (JoinPoll, Option<WakerKey>) {
        let joined = self.try_join(key, place);
        if joined != JoinPoll::Pending {
            return (joined, None);
        }
        match self.state().kernel.join(key, target) {
            Some(Join::Waits { replaced }) => (joined, replaced),
            _ => (joined, None),
        }
    }

    /// Moves the output of a task into `place` if it has finished, and does nothing if it has not.
    pub(super) fn try_join(&self, key: TaskKey, place: &mut dyn Any) -> JoinPoll {
        self.state().try_join(key, place)
    }

    /// Says why a finished task gave no output, and lets go of it.
    pub(super) fn take_join_error(&self, key: TaskKey) -> Option<JoinError> {
        let mut state = self.state();
        let task = state.kernel.task(key)?;
        let (id, has_panicked) = (TaskId::new(task.serial), task.state == TaskState::Panicked);
        let path = state.path(key);
        let error = if has_panicked {
            let panicked = state.panics.remove(key);
            let (payload, raised_at) =
                panicked.map_or((None, None), |it| (it.payload, it.raised_at));
            JoinError::panicked(id, path, payload, raised_at)
        } else {
            JoinError::cancelled(id, path)
        };
        state.kernel.release_handle(key);
        Some(error)
    }

    /// Lets go of a task whose handle is dropped: its output is dropped too, its panic becomes the run's.
    pub(super) fn detach(&self, key: TaskKey) {
        let mut state = self.state();
        let is_finished = state.kernel.task(key).is_some_and(|task| task.state.is_over());
        let waker = state.kernel.leave_join(key);
        let cell = if is_finished { state.take_cell(key.slot()) } else { None };
        if let Some(panicked) = state.panics.remove(key) {
            state.unjoined.push(Panicked { place: PanicPlace::Detached, ..panicked });
        }
        state.kernel.release_handle(key);
        drop(state);
        self.drop_waker(waker);
        if let Some(cell) = cell {
            self.drop_detached(cell);
        }
    }

    /// Drops an output whose handle was dropped.
    ///
    /// In it may be handles of tasks that have finished as well. Their outputs wait until this one is gone: a chain
    /// of them, each dropped within the one before, would overflow the stack.
    fn drop_detached(&self, cell: BoxedCell) {
        if let Some(waiting) = &mut *self.detached.borrow_mut() {
            return waiting.push_back(cell);
        }
        self.detached.replace(Some(VecDeque::new()));
        let mut next = Some(cell);
        while let Some(cell) = next {
            // Caught, because a handle may be dropped while its owner panics.
            self.drop_foreign("an output whose handle was dropped", cell);
            next = self.detached.borrow_mut().as_mut().and_then(VecDeque::pop_front);
        }
        self.detached.replace(None);
    }

    /// Says whether something is kept for tasks that has to go with their ends.
    #[inline]
    pub(super) fn has_to_forget(&self, state: &State) -> bool {
        !state.draws.is_empty() || self.locals.are_used()
    }

    /// Ends a task, and wakes whoever joins it.
    pub(super) fn finish(&self, key: TaskKey, ending: Ending<'_>) {
        let mut state = self.state();
        if !state.draws.is_empty() {
            state.draws.remove(Some(key));
        }
        if self.locals.are_used() {
            drop(state);
            self.forget_locals(key);
            state = self.state();
        }
        let waker = state.kernel.finish(key, ending);
        drop(state);
        if waker.is_some() {
            self.call_handed_back(waker);
        }
    }

    /// Calls the waker that an ending has handed back, and those that are due after it.
    #[cold]
    pub(super) fn call_handed_back(&self, mut waker: Option<WakerKey>) {
        while waker.is_some() {
            self.call_waker(waker);
            waker = self.state().kernel.next_due();
        }
    }

    /// A generator for the running task's next random numbers, from (seed, path, number of the call) (S33).
    pub(super) fn draw(&self) -> Rng {
        let state = &mut *self.state();
        let key = state.kernel.running();
        let stream = || {
            let steps = key.map_or_else(Vec::new, |key| state.kernel.path(key));
            steps
                .iter()
                .fold(0, |parent, step| stream_child(parent, step.name, u64::from(step.index)))
        };
        let (stream, draws) = state.draws.get_or_insert_with(key, || (stream(), 0));
        *draws += 1;
        Rng::from_parts(state.seed, *stream, *draws - 1)
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        let generation = self.state.get_mut().kernel.generation_unused();
        registry::release(self.id, generation, self.run.get().next().run());
        context::forget_gone();
    }
}

#[cold]
#[track_caller]
fn in_policy() -> ! {
    panic!("the loop was used from inside a policy, which may only look at the choice it is given")
}

/// The present instant, whoever asks: none outside a loop, and none while the loop is borrowed, as it is while a
/// policy chooses. A line of a log may be written then, and the hook of a panic may ask.
pub(crate) fn try_now() -> Option<Instant> {
    let core = context::try_current()?;
    let state = core.state.try_borrow().ok()?;
    Some(state.kernel.now())
}
