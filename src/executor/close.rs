//! The end of a run: what is still alive is cancelled, newest first, and the report is made (S21).

use std::rc::Rc;

use super::context;
use super::core::{Core, Panicked, Phase, Picker, drop_caught};
use super::describe;
use super::turn::forget_panic;
use crate::kernel::{Ending, TaskId, TaskKey};
use crate::report::{Failure, FailureKind, LeftTask, PanicPlace, Report};
use crate::trace::Trace;

impl Core {
    /// Ends the run and makes its report. `outcome` is what the root came to.
    pub(super) fn conclude<T>(
        self: &Rc<Self>,
        outcome: Result<T, Failure>,
        root: Option<TaskId>,
    ) -> Report<T> {
        let outcome = outcome.and_then(|output| self.check_end().map(|()| output));
        let left = self.close(root);
        let outcome = self.judge(outcome, &left);
        let mut state = self.state();
        Report {
            outcome,
            trace: Trace::new(state.kernel.take_log()),
            schedule: std::mem::take(&mut state.schedule),
            seed: state.seed,
            ended_at: state.kernel.now(),
            counters: state.kernel.counters(),
            digest: state.kernel.digest(),
            leftovers: left,
        }
    }

    /// What can go wrong without anybody noticing until the end: a wake from elsewhere in the last turn, a
    /// schedule with choices to spare.
    fn check_end(&self) -> Result<(), Failure> {
        self.check_foreign_wake()?;
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
    fn judge<T>(&self, outcome: Result<T, Failure>, left: &[LeftTask]) -> Result<T, Failure> {
        let state = self.state();
        let (output, ended_badly) = match outcome {
            Ok(output) => (Some(output), None),
            Err(failure) => (None, Some(failure)),
        };
        let (at_end, before): (Vec<_>, Vec<_>) =
            state.unjoined.iter().partition(|panicked| panicked.is_at_end);
        let told = |panicked: &Panicked| describe::panicked(&state, panicked, false);
        let failures = before.into_iter().map(told).chain(ended_badly);
        let failures: Vec<Failure> = failures.chain(at_end.into_iter().map(told)).collect();
        let mut failures = failures.into_iter();
        match (failures.next(), output) {
            (Some(first), _) => Err(first.followed_by(failures.collect())),
            (None, Some(_)) if state.deny_leftovers && !left.is_empty() => {
                Err(describe::failure(&state, FailureKind::Leftovers { tasks: left.to_vec() }))
            }
            (None, output) => Ok(output.expect("a run without an output has failed")),
        }
    }

    /// Cancels everything that is alive, and drops everything foreign that is left.
    ///
    /// Returns the tasks that were alive, daemons and the root left out.
    pub(super) fn close(self: &Rc<Self>, root: Option<TaskId>) -> Vec<LeftTask> {
        if !self.state().is_open() {
            // A loop that has run to its end is closed again when it is dropped.
            return Vec::new();
        }
        let _entered = context::enter(self);
        let mut state = self.state();
        let mut left = describe::alive(&state);
        left.retain(|task| Some(task.id) != root);
        let mut alive = state.kernel.alive_in_spawn_order();
        state.phase = Phase::Closing;
        state.kernel.close();
        drop(state);
        while let Some(task) = alive.pop() {
            self.drop_task(task);
        }
        self.drop_outputs();
        left
    }

    /// Drops the future of a task that is alive as the run ends.
    fn drop_task(&self, task: TaskKey) {
        let mut state = self.state();
        state.kernel.start_drop(task);
        let cell = state.cells[task.slot as usize].take();
        drop(state);
        match drop_caught(cell) {
            None => self.finish(task, Ending::Cancelled),
            Some(payload) => self.finish_panicked(task, payload, PanicPlace::Drop),
        }
    }

    /// Drops the outputs that nobody fetched, the wakers that nobody called, and the panics' payloads.
    fn drop_outputs(&self) {
        let mut state = self.state();
        let mut cells = std::mem::take(&mut state.cells);
        let mut wakers = std::mem::take(&mut state.wakers);
        drop(state);
        cells.drain(..).for_each(|cell| self.drop_foreign("an output that nobody fetched", cell));
        wakers.drain(..).for_each(|waker| self.drop_foreign("a waker", waker));
        let mut state = self.state();
        // Emptied, they go back for the memory they have.
        (state.cells, state.wakers) = (cells, wakers);
        let panics = std::mem::take(&mut state.panics);
        let not_joined = panics.into_values().map(|mut panicked| {
            if panicked.place != PanicPlace::Drop {
                panicked.place = PanicPlace::NotJoined;
            }
            panicked
        });
        state.unjoined.extend(not_joined);
        // A stable order whatever became of the handles.
        state.unjoined.sort_by_key(|panicked| (panicked.turn, panicked.serial));
        let panics = state.unjoined.iter_mut();
        let payloads: Vec<_> = panics.filter_map(|panicked| panicked.payload.take()).collect();
        drop(state);
        payloads.into_iter().for_each(forget_panic);
    }
}
