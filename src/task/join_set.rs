//! A set of tasks that are joined as they finish, under tokio's names.

mod builder;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{AbortHandle, Builder, JoinError, JoinHandle, TaskId};
use crate::executor::{EventLoop, JoinQueue};

pub use builder::JoinSetBuilder;

/// Tasks with one type of output, joined in the order in which they finish. This is tokio's `JoinSet`.
///
/// The order is that of the tasks' turns, also among tasks that finish at the same instant or while nobody
/// waits. Dropping the set aborts its tasks in the order in which they were spawned. Spawning and joining cost
/// the same however many tasks there are, but for a logarithm.
///
/// # Examples
///
/// ```
/// use simloop::{now, run, sleep, task::JoinSet};
/// use std::time::Duration;
///
/// run(async {
///     let mut set = JoinSet::new();
///     for n in [3, 1, 2] {
///         set.spawn(async move {
///             sleep(Duration::from_secs(n)).await;
///             n
///         });
///     }
///     let mut seen = Vec::new();
///     while let Some(result) = set.join_next().await {
///         seen.push((result.unwrap(), now().to_string()));
///     }
///     let expected = [(1, "1s"), (2, "2s"), (3, "3s")];
///     assert_eq!(seen, expected.map(|(n, at)| (n, at.to_owned())));
/// });
/// ```
pub struct JoinSet<T: 'static> {
    queue: JoinQueue,
    /// By the number under which the queue knows them, which is the order of spawning.
    handles: BTreeMap<usize, JoinHandle<T>>,
    next: usize,
}

impl<T> JoinSet<T> {
    /// Creates an empty set. Needs no loop.
    pub fn new() -> Self {
        JoinSet { queue: JoinQueue::default(), handles: BTreeMap::new(), next: 0 }
    }

    /// Returns how many tasks are in the set: those that run, and those that have finished and were not joined.
    pub fn len(&self) -> usize {
        self.handles.len()
    }

    /// Says whether no task is in the set.
    pub fn is_empty(&self) -> bool {
        self.handles.is_empty()
    }

    /// Spawns a task into the set, as [`spawn`](super::spawn) does.
    ///
    /// # Panics
    ///
    /// Panics outside a loop, and in another loop than that of the tasks in the set.
    #[track_caller]
    pub fn spawn<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.add(Builder::new().spawn(future))
    }

    /// Does as [`spawn`](Self::spawn), which takes futures that are not `Send` as well; tokio has two methods.
    ///
    /// # Panics
    ///
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn spawn_local<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.spawn(future)
    }

    /// Spawns a task into the set on a loop that need not be running, as [`Builder::spawn_on`] does.
    ///
    /// # Panics
    ///
    /// Panics if the tasks in the set are of another loop.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{EventLoop, task::JoinSet};
    ///
    /// let mut event_loop = EventLoop::new();
    /// let mut set = JoinSet::new();
    /// set.spawn_on(async { 7 }, &event_loop);
    /// event_loop.run_until_idle().unwrap();
    /// assert_eq!(set.try_join_next().unwrap().unwrap(), 7);
    /// ```
    #[doc(alias = "spawn_local_on")]
    #[track_caller]
    pub fn spawn_on<F>(&mut self, future: F, event_loop: &EventLoop) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.add(Builder::new().spawn_on(event_loop, future))
    }

    /// Takes a task that runs already into the set, wherever it comes from. A task that has finished is told
    /// with those that finish from now on.
    ///
    /// tokio's `spawn_blocking` of a set is to take in what [`spawn_blocking`](crate::spawn_blocking) gives,
    /// since a blocking call has a cost here.
    ///
    /// # Panics
    ///
    /// Panics if the tasks in the set are of another loop.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{now, run, spawn_blocking, task::JoinSet};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let mut set = JoinSet::new();
    ///     set.insert(spawn_blocking(Duration::from_secs(2), || "computed"));
    ///     assert_eq!(set.join_next().await.unwrap().unwrap(), "computed");
    ///     assert_eq!(now().to_string(), "2s");
    /// });
    /// ```
    #[doc(alias = "spawn_blocking")]
    #[doc(alias = "spawn_blocking_on")]
    #[track_caller]
    pub fn insert(&mut self, handle: JoinHandle<T>) -> AbortHandle {
        self.add(handle)
    }

    /// Begins to spawn a task into the set that has a name, or is a daemon.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, task::JoinSet};
    ///
    /// run(async {
    ///     let mut set = JoinSet::new();
    ///     set.build_task().name("answer").spawn(async { simloop::task::current().path() });
    ///     assert_eq!(set.join_next().await.unwrap().unwrap(), "main/answer");
    /// });
    /// ```
    pub fn build_task(&mut self) -> JoinSetBuilder<'_, T> {
        JoinSetBuilder::new(self)
    }

    /// Spawns a task into the set under a name, as [`spawn_named`](super::spawn_named) does.
    ///
    /// # Panics
    ///
    /// Panics outside a loop, and in another loop than that of the tasks in the set.
    #[track_caller]
    pub fn spawn_named<F>(&mut self, name: &str, future: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.add(Builder::new().name(name).spawn(future))
    }

    #[track_caller]
    fn add(&mut self, handle: JoinHandle<T>) -> AbortHandle {
        if self.queue.is_over() {
            // The set has outlived a run. What is left of it was cancelled, and is told before the new.
            self.queue = JoinQueue::default();
            for (&number, left) in &self.handles {
                self.queue.enroll(left, number);
            }
        }
        let abort = handle.abort_handle();
        self.queue.enroll(&handle, self.next);
        self.handles.insert(self.next, handle);
        self.next += 1;
        abort
    }

    /// Waits for the next task to finish and returns its result; `None` if the set is empty.
    ///
    /// # Errors
    ///
    /// The result is a [`JoinError`] if the task was cancelled or panicked.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes no result.
    pub fn join_next(&mut self) -> JoinNext<'_, T> {
        JoinNext { next: self.join_next_with_id() }
    }

    /// Does as [`join_next`](Self::join_next) and returns the task's id as well. An error has it itself.
    ///
    /// # Errors
    ///
    /// The result is a [`JoinError`] if the task was cancelled or panicked.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes no result.
    pub fn join_next_with_id(&mut self) -> JoinNextWithId<'_, T> {
        JoinNextWithId { set: self }
    }

    /// Returns the result of the next task if one has finished; `None` if none has, or the set is empty.
    ///
    /// # Errors
    ///
    /// The result is a [`JoinError`] if the task was cancelled or panicked.
    ///
    /// # Panics
    ///
    /// Panics on another thread than that of the tasks' loop.
    #[track_caller]
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        self.try_join_next_with_id().map(without_id)
    }

    /// Does as [`try_join_next`](Self::try_join_next) and returns the task's id as well, with its errors and panics.
    #[track_caller]
    pub fn try_join_next_with_id(&mut self) -> Option<Result<(TaskId, T), JoinError>> {
        if self.handles.is_empty() {
            return None;
        }
        let number = self.queue.try_next(|| self.handles.keys().next().copied())?;
        Some(self.take(number))
    }

    /// Polls for the result of the next task that finishes; ready with `None` if the set is empty.
    ///
    /// Only the waker of the last call is woken.
    pub fn poll_join_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        self.poll_join_next_with_id(cx).map(|next| next.map(without_id))
    }

    /// Does as [`poll_join_next`](Self::poll_join_next) and returns the task's id as well.
    pub fn poll_join_next_with_id(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<(TaskId, T), JoinError>>> {
        if self.handles.is_empty() {
            return Poll::Ready(None);
        }
        let next = self.queue.poll_next(cx, || self.handles.keys().next().copied());
        next.map(|number| Some(self.take(number)))
    }

    fn take(&mut self, number: usize) -> Result<(TaskId, T), JoinError> {
        let mut handle = self.handles.remove(&number).expect("the queue knows the set's tasks");
        let result = handle.try_take().expect("the queue tells of tasks that have finished");
        result.map(|output| (handle.id(), output))
    }

    /// Asks for the cancellation of every task, in the order of spawning. They stay in the set until they are
    /// joined.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, task::JoinSet};
    ///
    /// run(async {
    ///     let mut set = JoinSet::new();
    ///     set.spawn(std::future::pending::<()>());
    ///     set.abort_all();
    ///     assert!(set.join_next().await.unwrap().unwrap_err().is_cancelled());
    ///     assert!(set.join_next().await.is_none());
    /// });
    /// ```
    pub fn abort_all(&mut self) {
        self.handles.values().for_each(JoinHandle::abort);
    }

    /// Aborts every task and waits until all have ended. Their results are dropped, panics included.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the tasks aborted and those not waited for in the set.
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while self.join_next().await.is_some() {}
    }

    /// Lets go of every task: they go on, detached, and the set is empty.
    pub fn detach_all(&mut self) {
        // The queue goes too, for it may have tasks to tell of that have finished.
        self.queue = JoinQueue::default();
        self.handles.clear();
    }

    /// Waits for every task and returns the outputs in the order in which the tasks finished.
    ///
    /// # Panics
    ///
    /// Awaiting it panics at once if a task panicked, with the same payload, or was cancelled. The other tasks
    /// are then aborted, as the set is dropped.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the set, and so aborts its tasks.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{now, run, sleep, task::JoinSet};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let set: JoinSet<_> = [2, 1].map(|n| async move {
    ///         sleep(Duration::from_secs(n)).await;
    ///         n
    ///     }).into_iter().collect();
    ///     assert_eq!(set.join_all().await, [1, 2]);
    ///     assert_eq!(now().to_string(), "2s");
    /// });
    /// ```
    pub async fn join_all(mut self) -> Vec<T> {
        let mut outputs = Vec::with_capacity(self.len());
        while let Some(result) = self.join_next().await {
            match result.map_err(JoinError::try_into_panic) {
                Ok(output) => outputs.push(output),
                Err(Ok(payload)) => resume_unwind(payload),
                Err(Err(error)) => panic!("{error}, so `join_all` has no output of it"),
            }
        }
        outputs
    }
}

fn without_id<T>(result: Result<(TaskId, T), JoinError>) -> Result<T, JoinError> {
    result.map(|(_, output)| output)
}

impl<T> Default for JoinSet<T> {
    fn default() -> Self {
        JoinSet::new()
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        self.handles.values().for_each(JoinHandle::abort_dropped);
    }
}

/// Spawns each future into a new set.
impl<F> FromIterator<F> for JoinSet<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    #[track_caller]
    fn from_iter<I: IntoIterator<Item = F>>(futures: I) -> Self {
        let mut set = JoinSet::new();
        for future in futures {
            set.spawn(future);
        }
        set
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Future of [`JoinSet::join_next`].
///
/// # Cancel safety
///
/// Dropping it takes no result.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct JoinNext<'a, T: 'static> {
    next: JoinNextWithId<'a, T>,
}

impl<T> Future for JoinNext<'_, T> {
    type Output = Option<Result<T, JoinError>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.next.set.poll_join_next(cx)
    }
}

/// Future of [`JoinSet::join_next_with_id`].
///
/// # Cancel safety
///
/// Dropping it takes no result.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct JoinNextWithId<'a, T: 'static> {
    set: &'a mut JoinSet<T>,
}

impl<T> Future for JoinNextWithId<'_, T> {
    type Output = Option<Result<(TaskId, T), JoinError>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.set.poll_join_next_with_id(cx)
    }
}

impl<T> Drop for JoinNextWithId<'_, T> {
    fn drop(&mut self) {
        // Somebody who waits for something else by now is not to be woken, nor said to join.
        self.set.queue.stop_waiting();
    }
}
