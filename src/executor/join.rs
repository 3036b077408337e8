//! Handles to tasks: await one, abort it, ask for it.

mod abort_handle;
mod error;

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use super::context;
use super::core::{Core, JoinPoll};
use crate::kernel::{Access, Object, State as TaskState, TaskId};
pub use abort_handle::AbortHandle;
pub use error::JoinError;

const GIVEN_BEFORE: &str = "a join handle was polled after it had given its result";

/// A task's handle: a future of its result.
///
/// Dropping it detaches the task, which goes on (S19). If a detached task panics, the run fails with that
/// panic when it ends (S20). The output is kept until it is taken, or the loop ends: from then on the result is
/// cancelled.
///
/// # Cancel safety
///
/// Dropping the future of `(&mut handle).await` loses nothing: the handle can be awaited again.
///
/// # Panics
///
/// Awaiting it again after it has given its result panics, and so does awaiting it, aborting it and asking
/// for its end on another thread than the loop's.
///
/// # Examples
///
/// ```
/// use simloop::{run, sleep, spawn, time::Instant};
/// use std::time::Duration;
///
/// run(async {
///     let handle = spawn(async {
///         sleep(Duration::from_secs(2)).await;
///         "done"
///     });
///     assert!(!handle.is_finished());
///     assert_eq!(handle.await.unwrap(), "done");
///     assert_eq!(Instant::now().to_string(), "2s");
/// });
/// ```
pub struct JoinHandle<T> {
    /// Marked once the handle has given its result.
    pub(super) task: AbortHandle,
    /// A handle may be sent and shared when the output may be sent, as a mutex around it could.
    output: PhantomData<Mutex<Option<T>>>,
}

impl<T> JoinHandle<T> {
    pub(super) fn new(task: AbortHandle) -> Self {
        JoinHandle { task, output: PhantomData }
    }

    /// Asks for the task's cancellation: it is queued, and its future is dropped at its turn (S19).
    ///
    /// The result is then [`JoinError`] with [`is_cancelled`](JoinError::is_cancelled), unless the task was
    /// finished already. A task that aborts itself ends at its next suspension. What it leaves behind, the tasks
    /// of a [`TaskGroup`](crate::TaskGroup) and the cleanups of [`on_cancel`](crate::on_cancel), ends before the
    /// result is there (S25).
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, spawn};
    ///
    /// run(async {
    ///     let handle = spawn(std::future::pending::<()>());
    ///     handle.abort();
    ///     assert!(handle.await.unwrap_err().is_cancelled());
    /// });
    /// ```
    #[doc(alias = "cancel")]
    pub fn abort(&self) {
        self.task.abort();
    }

    /// See [`AbortHandle::abort_dropped`].
    pub(crate) fn abort_dropped(&self) {
        self.task.abort_dropped();
    }

    /// Returns a handle that can only abort the task and may be kept after this one.
    pub fn abort_handle(&self) -> AbortHandle {
        self.task.unmarked()
    }

    /// Says whether the task has completed, was cancelled, or panicked.
    #[doc(alias = "done")]
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Says whether the task was cancelled or panicked. What a lost loop held was cancelled.
    pub(crate) fn has_failed(&self) -> bool {
        self.task.note(Object::End, Access::Read);
        let Some(key) = self.task.key() else { return true };
        context::find(self.task.loop_id()).is_none_or(|core| {
            core.state()
                .kernel
                .task(key)
                .is_none_or(|task| matches!(task.state, TaskState::Cancelled | TaskState::Panicked))
        })
    }

    /// Returns the task's id.
    pub fn id(&self) -> TaskId {
        self.task.id()
    }

    /// Returns the task's path, such as `main/worker[1]`, or its id once its loop has forgotten it.
    ///
    /// The index is part of it from when a second sibling of the name exists (S18).
    ///
    /// # Panics
    ///
    /// Panics on another thread than the loop's.
    #[doc(alias = "name")]
    #[track_caller]
    pub fn path(&self) -> String {
        self.task.path()
    }
}

impl<T: 'static> JoinHandle<T> {
    /// Takes the result if the task has finished, without waiting.
    ///
    /// # Panics
    ///
    /// Panics if the handle has given its result before.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, spawn, yield_now};
    ///
    /// run(async {
    ///     let mut handle = spawn(async { 7 });
    ///     assert!(handle.try_take().is_none(), "it was not polled yet");
    ///     yield_now().await;
    ///     assert_eq!(handle.try_take().unwrap().unwrap(), 7);
    /// });
    /// ```
    #[doc(alias = "result")]
    pub fn try_take(&mut self) -> Option<Result<T, JoinError>> {
        assert!(!self.task.is_given(), "{GIVEN_BEFORE}");
        let mut output: Option<T> = None;
        let joined = self.task.try_join(&mut output);
        self.given(joined, output)
    }

    /// Takes the output of a task that has completed. Of one that has not, nothing is noted and nothing taken.
    pub(crate) fn try_output(&mut self) -> Option<T> {
        debug_assert!(!self.task.is_given(), "{GIVEN_BEFORE}");
        let (key, mut output) = (self.task.key()?, None);
        let joined =
            context::with_loop(self.task.loop_id(), |core| core.try_join(key, &mut output));
        if joined == Some(JoinPoll::Completed) {
            self.task.note(Object::End, Access::Read);
            self.task.note(Object::End, Access::Write);
            self.task.mark_given();
        }
        output
    }

    /// What a join came to, if it has come to anything.
    #[inline]
    fn given(&mut self, joined: JoinPoll, output: Option<T>) -> Option<Result<T, JoinError>> {
        let result = match joined {
            JoinPoll::Completed => Ok(output.expect("a completed task leaves an output")),
            JoinPoll::Failed | JoinPoll::Gone => Err(self.task.take_error()),
            JoinPoll::Pending => return None,
        };
        self.task.mark_given();
        Some(result)
    }
}

impl JoinHandle<()> {
    /// Moves the output of a task of `core` that has completed into `place`, whatever it is.
    pub(super) fn give_output(mut self, core: &Core, place: &mut dyn Any) {
        let joined = self.task.key().map(|key| core.try_join(key, place));
        if joined == Some(JoinPoll::Completed) {
            self.task.mark_given();
        }
    }
}

/// A handle polled under another executor than the loop's finds its task as well, on the loop's thread.
impl<T: 'static> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(!self.task.is_given(), "{GIVEN_BEFORE}");
        let mut output: Option<T> = None;
        let joined = context::with_place(|running| self.task.poll_join(running, &mut output, cx));
        self.given(joined, output).map_or(Poll::Pending, Poll::Ready)
    }
}

impl<T> Unpin for JoinHandle<T> {}

impl<T> Drop for JoinHandle<T> {
    #[inline]
    fn drop(&mut self) {
        if !self.task.is_given() {
            self.task.detach();
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("task", &self.task.shown()).finish()
    }
}
