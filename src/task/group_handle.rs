//! The handle to a task of a group: its output, and a way to abort it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::{AbortHandle, TaskId};
use crate::executor::EndWatch;
use crate::executor::access::Tracked;
use crate::latch::Latch;

/// Where a task of a group puts its output, and its handle finds it.
pub(super) struct Place<T> {
    output: Arc<Latch<Option<T>>>,
    tracked: Tracked,
}

impl<T> Place<T> {
    pub(super) fn put(&self, output: T) {
        self.tracked.write();
        let before = self.output.enter().replace(output);
        debug_assert!(before.is_none(), "a task has one output");
    }

    fn take(&self) -> Option<T> {
        self.tracked.write();
        self.output.enter().take()
    }
}

impl<T> Default for Place<T> {
    fn default() -> Self {
        Place { output: Arc::new(Latch::owned(None)), tracked: Tracked::new() }
    }
}

impl<T> Clone for Place<T> {
    fn clone(&self) -> Self {
        Place { output: Arc::clone(&self.output), tracked: self.tracked }
    }
}

/// A handle to a task of a [`TaskGroup`](super::TaskGroup), and a future of its output.
///
/// The output can be awaited inside the group, or taken after it with [`into_output`](Self::into_output). It
/// is `None` where there is none: because the task was aborted, or because it failed or panicked, which the
/// group tells. Dropping the handle does nothing, for the group keeps the task.
///
/// # Cancel safety
///
/// Dropping the future of `(&mut handle).await` loses nothing: the handle can be awaited again.
///
/// # Panics
///
/// Awaiting it, aborting the task and asking for its end panic on another thread than the loop's.
///
/// # Examples
///
/// ```
/// use simloop::{now, run, sleep, task::TaskGroup};
/// use std::{convert::Infallible, time::Duration};
///
/// run(async {
///     let sum = TaskGroup::<Infallible>::scope(async |group| {
///         let numbers = [1, 2].map(|n| {
///             group.spawn(async move {
///                 sleep(Duration::from_secs(n)).await;
///                 Ok(n)
///             })
///         });
///         let mut sum = 0;
///         for number in numbers {
///             sum += number.await.unwrap();
///         }
///         Ok(sum)
///     });
///     assert_eq!(sum.await.unwrap(), 3);
///     assert_eq!(now().to_string(), "2s");
/// });
/// ```
pub struct GroupHandle<T> {
    task: AbortHandle,
    place: Place<T>,
    watch: EndWatch,
}

impl<T> GroupHandle<T> {
    pub(super) fn new(task: AbortHandle, place: Place<T>) -> Self {
        GroupHandle { task, place, watch: EndWatch::default() }
    }

    /// Takes the output if it is there: the task has completed, and the output was not taken before.
    #[doc(alias = "result")]
    pub fn into_output(self) -> Option<T> {
        self.place.take()
    }

    /// Takes the output if it is there, and keeps the handle.
    pub fn take(&mut self) -> Option<T> {
        self.place.take()
    }

    /// Asks for the task's cancellation, which is no failure of the group; see
    /// [`JoinHandle::abort`](super::JoinHandle::abort).
    #[doc(alias = "cancel")]
    pub fn abort(&self) {
        self.task.abort();
    }

    /// Returns a handle that can only abort the task.
    pub fn abort_handle(&self) -> AbortHandle {
        self.task.clone()
    }

    /// Says whether the task has completed, failed, panicked or was cancelled.
    #[doc(alias = "done")]
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Returns the task's id.
    pub fn id(&self) -> TaskId {
        self.task.id()
    }

    /// Returns the task's path, such as `main/worker[1]`, or its id once its loop has forgotten it.
    #[doc(alias = "name")]
    pub fn path(&self) -> String {
        self.task.path()
    }
}

impl<T> Future for GroupHandle<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        ready!(this.watch.poll(&this.task, cx));
        Poll::Ready(this.place.take())
    }
}

impl<T> Unpin for GroupHandle<T> {}

impl<T> fmt::Debug for GroupHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupHandle").field("task", &self.path()).finish()
    }
}
