//! A run from the spawn of its root to what that comes to.

use std::any::Any;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use super::EventLoop;
use crate::executor::cell::{Incoming, Waiting};
use crate::executor::context;
use crate::executor::core::Core;
use crate::executor::describe;
use crate::executor::spawn;
use crate::executor::stuck::Standstill;
use crate::executor::turn::{Turned, forget_panic};
use crate::kernel::{State as TaskState, TaskId, TaskKey};
use crate::report::{Failure, FailureKind, Later, PanicPlace, Report};

impl EventLoop {
    /// As [`run`](Self::run), called elsewhere.
    pub(in crate::executor) fn run_at<F>(
        self,
        future: F,
        site: &'static Location<'static>,
    ) -> Report<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        if let Err(failure) = self.check_usable() {
            return self.core.conclude(Err(failure), None);
        }
        let mut output = None;
        let (ended, root) = self.run_root(&mut Waiting::new(future), site, &mut output);
        #[cfg(feature = "backtrace")]
        let ended = ended.map_err(|failure| self.core.locate(failure));
        self.core.conclude(outcome(ended, output), Some(root))
    }

    /// Does the same for a search, which takes from the loop afterwards what it needs.
    #[inline(always)]
    pub(crate) fn run_briefly<F>(
        &self,
        future: F,
        site: &'static Location<'static>,
    ) -> Result<F::Output, Failure>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.run_to_outcome(&mut Waiting::new(future), site)
    }

    /// Does the same with a future of output `T`, for whoever needs no more than the outcome.
    pub(super) fn run_to_outcome<T: 'static>(
        &self,
        root: &mut dyn Incoming,
        site: &'static Location<'static>,
    ) -> Result<T, Failure> {
        self.check_usable()?;
        let mut output = None;
        let (ended, root) = self.run_root(root, site, &mut output);
        #[cfg(feature = "backtrace")]
        let ended = ended.map_err(|failure| self.core.locate(failure));
        match (ended, output) {
            (Ok(()), Some(output)) if self.core.ends_plainly() => Ok(output),
            (ended, output) => self.core.end(outcome(ended, output), Some(root), None).0,
        }
    }

    /// Runs a task `main` to its end and moves its output into `place`, an `Option` of that. One function for outputs of all
    /// types.
    pub(super) fn run_root(
        &self,
        root: &mut dyn Incoming,
        site: &'static Location<'static>,
        place: &mut dyn Any,
    ) -> (Result<(), Failure>, TaskId) {
        let _entered = context::enter(&self.core);
        let (root, handle) = spawn::root(&self.core, root, site);
        let id = handle.id();
        let ended = self.drive(root);
        if ended.is_ok() {
            handle.give_output(&self.core, place);
        }
        (ended, id)
    }

    /// Goes on until the task `root` has ended. Apart, so that turns have all registers.
    #[inline(never)]
    fn drive(&self, root: TaskKey) -> Result<(), Failure> {
        loop {
            match self.core.turns(root)? {
                // Looked up rather than compared: the end of another task may be what the root lingered for.
                Turned::Ended if self.core.ending(root).is_some() => {
                    return self.core.end_of_root(root);
                }
                Turned::Ended | Turned::Passed => {}
                Turned::Idle => match self.core.pass_time() {
                    Some(passed) => passed?,
                    None => return Err(self.core.deadlock()),
                },
            }
        }
    }
}

/// What a run came to, by how its root has ended and what that has left.
pub(super) fn outcome<T>(ended: Result<(), Failure>, output: Option<T>) -> Result<T, Failure> {
    ended.map(|()| output.expect("the root has completed"))
}

impl Core {
    /// How a task has ended, if it has.
    fn ending(&self, task: TaskKey) -> Option<TaskState> {
        let state = self.state().kernel.task(task)?.state;
        state.is_finished().then_some(state)
    }

    /// Says how the root ended.
    #[inline(never)]
    fn end_of_root(&self, root: TaskKey) -> Result<(), Failure> {
        match self.ending(root) {
            Some(TaskState::Completed) if !self.inbox.has_post() => Ok(()),
            _ => self.end_of_root_rare(root),
        }
    }

    #[cold]
    fn end_of_root_rare(&self, root: TaskKey) -> Result<(), Failure> {
        if self.inbox.has_post() {
            // Of a wake in the root's last poll nobody would hear later.
            self.read_inbox(Some(root))?;
        }
        let mut state = self.state();
        let task = state.kernel.task(root).expect("the root's handle keeps it in the table");
        match task.state {
            TaskState::Completed => Ok(()),
            TaskState::Panicked => {
                let mut panicked =
                    state.panics.remove(root).expect("a panicked task with a handle has its panic");
                let is_root = panicked.place != PanicPlace::Drop;
                // Once: for the failure, and for whoever takes it.
                state.schedule.pack();
                let failure = describe::panicked(&state, &mut panicked, is_root);
                drop(state);
                panicked.payload.into_iter().for_each(forget_panic);
                Err(failure)
            }
            TaskState::Cancelled => {
                let task = state.path(root);
                Err(describe::failure(&state, FailureKind::RootCancelled { task }))
            }
            state => unreachable!("a root that has ended is {state:?}"),
        }
    }

    /// Makes the failure of a deadlock.
    fn deadlock(&self) -> Failure {
        if let Err(failure) = self.read_inbox(None) {
            return failure;
        }
        let mut state = self.state();
        state.schedule.pack();
        let standstill = Arc::new(Standstill::new(self, &state));
        let told = Arc::clone(&standstill);
        let kind = Later::new(move || FailureKind::Deadlock(told.deadlock()));
        describe::failure_later(&state, kind).at_place(standstill)
    }
}
