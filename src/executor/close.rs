//! The end of a run: what is still alive is cancelled, newest first, and the report is made (S21).

use std::rc::Rc;

use super::access;
use super::context;
use super::core::{Core, Payload, Phase, Picker, State, drop_caught};
use super::describe;
use super::stuck::Standstill;
use super::turn::forget_panic;
use super::unmoved::Stuck;
use crate::kernel::ordered::sort_by_key;
use crate::kernel::{Ending, TaskId, TaskKey};
use crate::report::{Failure, FailureKind, LeftTask, PanicPlace, Report};
use crate::trace::Trace;

/// How often what the loop keeps is dropped while its destructors leave more of it. What is left then is leaked.
const KEPT_ROUNDS_MAX: u32 = 32;

impl State {
    /// Says whether all tasks have ended and nothing foreign is kept, as after most small runs.
    fn has_nothing_left(&self) -> bool {
        // No task, no output: what cells there are have been emptied.
        self.kernel.has_no_tasks()
            && self.wakers.is_empty()
            && self.panics.is_empty()
            && self.unjoined.is_empty()
    }
}

impl Core {
    /// Ends the run and makes its report. `outcome` is what the root came to.
    pub(super) fn conclude<T>(
        self: &Rc<Self>,
        outcome: Result<T, Failure>,
        root: Option<TaskId>,
    ) -> Report<T> {
        if let Some(accesses) = self.state().kernel.take_accesses() {
            access::hand_over(accesses);
        }
        let mut stuck = self.stuck(outcome.as_ref().err());
        let (outcome, leftovers) = self.end(outcome, root, Some(&mut stuck));
        let mut state = self.state();
        let mut trace = Trace::new(state.kernel.take_log());
        trace.reduce(state.level);
        Report {
            outcome,
            trace,
            schedule: state.schedule.take(),
            seed: state.seed,
            ended_at: state.kernel.now(),
            counters: state.kernel.counters(),
            digest: state.kernel.digest(),
            leftovers,
            partial_deadlock: stuck.told(),
        }
    }

    /// The tasks that are left and could not have gone on. A whole deadlock has been told already.
    fn stuck(&self, failure: Option<&Failure>) -> Stuck {
        let state = self.state();
        let is_told = failure.is_some_and(|it| matches!(it.kind(), FailureKind::Deadlock(_)));
        if is_told || state.kernel.has_ended() {
            return Stuck::default();
        }
        Standstill::new(self, &state).partial_deadlock(&state.resources)
    }

    /// Ends the run. Returns what it came to, and for a report, which tells of the `stuck`, the tasks that were alive.
    pub(super) fn end<T>(
        self: &Rc<Self>,
        outcome: Result<T, Failure>,
        root: Option<TaskId>,
        stuck: Option<&mut Stuck>,
    ) -> (Result<T, Failure>, Vec<LeftTask>) {
        let ended = self.check_end();
        let left = self.close(root, stuck);
        #[cfg(feature = "tracing")]
        {
            let _entered = super::context::enter(self);
            self.log_records();
            self.forget_logging();
        }
        let (output, ended_badly) = match (outcome, ended) {
            (Ok(output), Ok(())) => (Some(output), None),
            (Ok(output), Err(failure)) => (Some(output), Some(failure)),
            (Err(failure), _) => (None, Some(failure)),
        };
        let mut outcome = self.judge(output, ended_badly, &left, root);
        if let Err(failure) = &mut outcome {
            self.draw_failure(failure);
        }
        (outcome, left)
    }

    /// Ends a run whose root has completed, if there is nothing else to see to and to tell of, as in most small runs.
    /// Else does nothing and returns `false`.
    pub(super) fn ends_plainly(&self) -> bool {
        let is_replayed = matches!(*self.picker.borrow(), Picker::Replay(_));
        if cfg!(feature = "tracing") || is_replayed || self.inbox.has_post() {
            return false;
        }
        let mut state = self.state();
        let is_plain = state.is_open() && state.failure.is_none() && state.has_nothing_left();
        if is_plain {
            state.phase = Phase::Closing;
            state.kernel.close_empty();
        }
        is_plain
    }

    /// Ends the run if nobody has, and returns its panics if nobody was told of them (S20).
    ///
    /// What else may be wrong with a run at its end, such as leftover tasks, is asked for by
    /// [`finish`](super::EventLoop::finish): told here, it would hide the error that a test returns early with.
    #[inline]
    pub(super) fn abandon(self: &Rc<Self>) -> Option<Failure> {
        if self.state().is_open() { self.abandon_open() } else { None }
    }

    fn abandon_open(self: &Rc<Self>) -> Option<Failure> {
        self.close(None, None);
        if self.state().unjoined.is_empty() {
            return None;
        }
        let mut failure = self.judge_failed(None, &[], None);
        self.draw_failure(&mut failure);
        Some(failure)
    }

    /// What can go wrong without anybody noticing until the end: a wake from elsewhere in the last turn, a
    /// schedule with choices to spare.
    fn check_end(&self) -> Result<(), Failure> {
        if self.inbox.has_post() {
            self.read_inbox(None)?;
        }
        let divergence = match &*self.picker.borrow() {
            Picker::Replay(replay) => replay.check_end().err(),
            _ => None,
        };
        match divergence {
            Some(divergence) => Err(self.fail(|state| describe::divergence(state, divergence))),
            None => Ok(()),
        }
    }

    /// Adds to the outcome what was collected: panics that nobody took, tasks that should not be left.
    ///
    /// The first thing that went wrong is the failure, and what went wrong later is its consequence.
    fn judge<T>(
        self: &Rc<Self>,
        output: Option<T>,
        ended_badly: Option<Failure>,
        left: &[LeftTask],
        root: Option<TaskId>,
    ) -> Result<T, Failure> {
        let state = self.state();
        let is_denied = state.deny_leftovers && !left.is_empty();
        let has_failed = ended_badly.is_some() || !state.unjoined.is_empty() || is_denied;
        drop(state);
        match output {
            Some(output) if !has_failed => return Ok(output),
            // Dropped as a task's output is: what is in it may be foreign, and may panic.
            Some(output) => {
                let _entered = context::enter(self);
                self.drop_foreign("the output of a run that failed", output);
                self.drop_kept();
            }
            None => {}
        }
        Err(self.judge_failed(ended_badly, left, root))
    }

    #[cold]
    fn judge_failed(
        &self,
        ended_badly: Option<Failure>,
        left: &[LeftTask],
        root: Option<TaskId>,
    ) -> Failure {
        let mut state = self.state();
        let ended_badly = match ended_badly {
            Some(failure) if state.unjoined.is_empty() => return failure,
            ended_badly => ended_badly,
        };
        state.schedule.pack();
        let (mut failures, mut at_end) = (Vec::new(), Vec::new());
        for mut panicked in std::mem::take(&mut state.unjoined) {
            // A destructor's panic ends no run, the root's own included.
            let is_roots = root == Some(TaskId::new(panicked.serial));
            let is_root = is_roots && panicked.place != PanicPlace::Drop;
            let told = describe::panicked(&state, &mut panicked, is_root);
            if panicked.is_at_end { &mut at_end } else { &mut failures }.push(told);
        }
        if let Some(failure) = ended_badly {
            // What ends a loop for good does so in the middle of a poll, whatever the poll does then.
            let is_first =
                |panic: &Failure| state.failure.is_some() && panic.turn() >= failure.turn();
            let place = failures.iter().position(is_first).unwrap_or(failures.len());
            failures.insert(place, failure);
        }
        failures.append(&mut at_end);
        if failures.is_empty() {
            let kind = FailureKind::Leftovers { tasks: left.to_vec() };
            failures.push(describe::failure(&state, kind));
        }
        let consequences = failures.split_off(1);
        let first = failures.pop().expect("a failed run has a failure");
        first.followed_by(consequences)
    }

    /// Cancels everything that is alive, and drops everything foreign that is left.
    ///
    /// Returns the tasks that were alive, daemons and the root left out, where they are a failure, or a report tells
    /// of them and of the `stuck`.
    pub(super) fn close(
        self: &Rc<Self>,
        root: Option<TaskId>,
        mut stuck: Option<&mut Stuck>,
    ) -> Vec<LeftTask> {
        if !self.state().is_open() {
            // A loop that has run to its end is closed again when it is dropped.
            return Vec::new();
        }
        let mut state = self.state();
        if state.has_nothing_left() {
            state.phase = Phase::Closing;
            state.kernel.close_empty();
            return Vec::new();
        }
        drop(state);
        let _entered = context::enter(self);
        let mut state = self.state();
        state.phase = Phase::Closing;
        let mut alive = state.kernel.close();
        let mut left = Vec::new();
        if !alive.is_empty() && (stuck.is_some() || state.deny_leftovers) {
            left = describe::alive(&state);
            left.retain(|task| Some(task.id) != root);
        }
        drop(state);
        while let Some(task) = alive.pop() {
            match &mut stuck {
                Some(stuck) => stuck.watch(task, || self.drop_task(task)),
                None => self.drop_task(task),
            }
        }
        self.drop_outputs();
        left
    }

    /// Drops the future of a task that is alive as the run ends.
    fn drop_task(&self, task: TaskKey) {
        let mut state = self.state();
        state.kernel.start_drop(task);
        let cell = state.cells[task.slot() as usize].take();
        drop(state);
        match drop_caught(cell) {
            None => self.finish(task, Ending::Cancelled),
            Some(payload) => self.finish_panicked(task, payload, PanicPlace::Drop),
        }
    }

    /// Drops the outputs that nobody fetched, and what else the loop keeps.
    fn drop_outputs(&self) {
        // One by one, because what is dropped may ask for another.
        let mut slot = 0;
        loop {
            let mut state = self.state();
            let rest = state.cells.get_mut(slot..).unwrap_or_default();
            let Some(next) = rest.iter().position(Option::is_some) else { break };
            let cell = rest[next].take();
            drop(state);
            self.drop_foreign("an output that nobody fetched", cell);
            slot += next + 1;
        }
        self.state().cells.clear();
        self.drop_kept();
    }

    /// Drops the wakers and the payloads of panics that the loop keeps, until none is left: their destructors are
    /// foreign, and the loop's memory is used again under a borrow in which none of them may run.
    pub(super) fn drop_kept(&self) {
        // Again, because a waker's destructor may leave a waker, and a payload's a panic; a bound ends that.
        for _ in 0..KEPT_ROUNDS_MAX {
            self.drop_wakers();
            let payloads = self.take_payloads();
            let is_last = payloads.is_empty() && self.state().wakers.is_empty();
            for payload in payloads {
                forget_panic(payload);
            }
            if is_last {
                return;
            }
        }
        let wakers = std::mem::take(&mut self.state().wakers);
        std::mem::forget((wakers, self.take_payloads()));
    }

    /// Drops the wakers that nobody called.
    fn drop_wakers(&self) {
        let mut wakers = std::mem::take(&mut self.state().wakers);
        for waker in wakers.drain(..) {
            self.drop_foreign("a waker", waker);
        }
        let mut state = self.state();
        if state.wakers.is_empty() {
            // Emptied, it goes back for the memory it has.
            state.wakers = wakers;
        }
    }

    /// Makes the panics that nobody took the run's, and takes their payloads.
    fn take_payloads(&self) -> Vec<Payload> {
        let mut state = self.state();
        if state.panics.is_empty() && state.unjoined.is_empty() {
            return Vec::new();
        }
        for (_, mut panicked) in std::mem::take(&mut state.panics).into_entries() {
            if panicked.place != PanicPlace::Drop {
                panicked.place = PanicPlace::NotJoined;
            }
            state.unjoined.push(panicked);
        }
        // As they happened, whenever their handles were dropped.
        sort_by_key(&mut state.unjoined, |panicked| panicked.number);
        let mut payloads = Vec::new();
        for panicked in &mut state.unjoined {
            if let Some(payload) = panicked.payload.take() {
                payloads.push(payload);
            }
        }
        payloads
    }
}
