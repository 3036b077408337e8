//! Task groups: tasks that end before the block that spawned them does (S25).
//!
//! The rules are those of asyncio's `TaskGroup` as of Python 3.13 and of trio's nurseries. Here is the handle
//! that is given out to spawn into a group. It shares a table of join handles with the group's future, which
//! does the rest, and that table is behind a latch, under which no foreign code runs.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::group_error::GroupFailure;
use super::group_handle::{GroupHandle, Place};
use super::group_scope::GroupScope;
use super::numbered::Numbered;
use super::{AbortHandle, JoinHandle, current};
use crate::executor::access::Tracked;
use crate::executor::{Enclosing, QueueKey, bequeath, spawn_as};
use crate::kernel::Instant;
use crate::latch::{Inside, Latch};

/// A group of tasks that all end before [`scope`](Self::scope) returns; and the handle to spawn into it.
///
/// The body of the scope is given the group, and whoever has the group can spawn into it: the body, and
/// through a clone its children. Nothing that is spawned can be forgotten:
///
/// - *Leaving* waits. When the body has returned, the scope waits for every task, also for those that are
///   spawned meanwhile, and then returns what the body has returned.
/// - *The first failure*, an `Err` or a panic of a task or of the body, cancels the others: the tasks are
///   aborted in the order of spawning, and the body's future is dropped. The scope waits until all have ended
///   and returns all failures together, in the order in which they happened. A task that fails while it is
///   cancelled, or panics in a destructor, is among them. The scope looks at its tasks' ends in its own turn,
///   as asyncio's group does, so what is ready before it still runs.
/// - *A task that is aborted* on its own is no failure.
/// - *Cancelling the scope*, by dropping its future, drops the body and aborts the tasks in the order of
///   spawning. They end at their next turn. A drop cannot wait, but what is around does: the scope of another
///   group, a [`CancelScope`](super::CancelScope), and the end of the task in which it happened. Whoever joins
///   that task is told once the last task of the dropped group has ended as well, so aborting a task and
///   joining it leaves nothing behind. Code that goes on in the task after a plain timeout has dropped a scope
///   runs alongside tasks that are aborted and not polled again.
///   Failures that a dropped scope had found are not returned: an `Err` is dropped, and a panic fails the run
///   as one that nobody took (S20). At the end of a run everything that is alive is cancelled, newest first
///   (S21).
///
/// Where children and body fail in a way that is no `Err`, they panic, and the group collects that too. Where
/// nothing can fail, name some type for `E`, such as [`Infallible`](std::convert::Infallible).
///
/// # Examples
///
/// ```
/// use simloop::{now, run, sleep, task::TaskGroup};
/// use std::time::Duration;
///
/// async fn fetch(seconds: u64) -> Result<u64, String> {
///     sleep(Duration::from_secs(seconds)).await;
///     Ok(seconds * 10)
/// }
///
/// run(async {
///     let (one, two) = TaskGroup::scope(async |group| {
///         let one = group.spawn(fetch(1));
///         let two = group.spawn(fetch(2));
///         Ok((one, two))
///     })
///     .await
///     .unwrap();
///     assert_eq!(now().to_string(), "2s", "leaving waits for both");
///     assert_eq!((one.into_output(), two.into_output()), (Some(10), Some(20)));
/// });
/// ```
///
/// A failure, and what becomes of the others:
///
/// ```
/// use simloop::{now, run, sleep, task::TaskGroup};
/// use std::time::Duration;
///
/// run(async {
///     let error = TaskGroup::scope(async |group| {
///         group.spawn_named("slow", async {
///             sleep(Duration::from_secs(60)).await;
///             Ok(())
///         });
///         group.spawn_named("printer", async {
///             sleep(Duration::from_secs(2)).await;
///             Err::<(), _>("out of paper")
///         });
///         Ok(())
///     })
///     .await
///     .unwrap_err();
///     assert_eq!(
///         error.to_string(),
///         "a task group failed\n  main/printer failed at 2s: out of paper",
///     );
///     assert_eq!(now().to_string(), "2s");
/// });
/// ```
#[doc(alias = "Nursery")]
#[doc(alias = "open_nursery")]
pub struct TaskGroup<E: 'static> {
    shared: Arc<Latch<Shared<E>>>,
    tracked: Tracked,
}

/// What the group's future and the handles to it have in common.
struct Shared<E: 'static> {
    queue: QueueKey,
    phase: Phase,
    /// Tasks that were not joined yet, in the order of spawning.
    children: Numbered<JoinHandle<ChildResult<E>>>,
    /// What encloses the scope, and so its tasks.
    enclosing: Enclosing,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Phase {
    Open,
    /// After a failure: the scope waits for those that are aborted.
    Cancelling,
    /// The scope has returned: no task is left.
    Ended,
    /// The scope's future was dropped: its tasks are aborted and nobody takes their results.
    Dropped,
}

/// What a task of a group returns: how it failed, in a box, for it is moved about although most fail not. The output
/// itself goes to its handle.
pub(super) type ChildResult<E> = Result<(), Box<GroupFailure<E>>>;

impl<E> TaskGroup<E> {
    /// Runs `body` with a new group, and returns when it and all tasks of the group have ended.
    ///
    /// `body` is an async closure, or a closure that returns a future; it is called when the scope is first
    /// polled.
    ///
    /// # Errors
    ///
    /// [`GroupError`](super::GroupError) with every failure, if there was one.
    ///
    /// # Panics
    ///
    /// The scope panics when polled outside a task.
    ///
    /// # Cancel safety
    ///
    /// Dropping the scope drops the body and aborts the tasks, in the order of spawning; see [`TaskGroup`] for
    /// who waits for them.
    #[doc(alias = "group")]
    pub fn scope<B, F, T>(body: B) -> GroupScope<B, F, T, E>
    where
        B: FnOnce(TaskGroup<E>) -> F,
        F: Future<Output = Result<T, E>>,
    {
        GroupScope::new(body)
    }

    /// Spawns a task into the group. It is a child of the task that spawns it, as with
    /// [`spawn`](super::spawn).
    ///
    /// Dropping the handle does nothing: the group keeps the task. In a group that is being cancelled, the new
    /// task is aborted at once and never polled.
    ///
    /// # Panics
    ///
    /// Panics if the group has ended, outside a loop, and in another loop than the group's.
    #[doc(alias = "create_task")]
    #[doc(alias = "start_soon")]
    #[track_caller]
    pub fn spawn<F, T>(&self, future: F) -> GroupHandle<T>
    where
        F: Future<Output = Result<T, E>> + 'static,
        T: 'static,
    {
        self.spawn_as(None, future)
    }

    /// Spawns a task into the group under a name; see [`spawn`](Self::spawn).
    ///
    /// # Panics
    ///
    /// As [`spawn`](Self::spawn) does.
    #[track_caller]
    pub fn spawn_named<F, T>(&self, name: &str, future: F) -> GroupHandle<T>
    where
        F: Future<Output = Result<T, E>> + 'static,
        T: 'static,
    {
        self.spawn_as(Some(name), future)
    }

    #[track_caller]
    fn spawn_as<F, T>(&self, name: Option<&str>, future: F) -> GroupHandle<T>
    where
        F: Future<Output = Result<T, E>> + 'static,
        T: 'static,
    {
        let (phase, enclosing) = {
            let shared = self.enter();
            (shared.phase, shared.enclosing.clone())
        };
        assert!(
            phase != Phase::Ended,
            "a task was spawned into a group that has ended\n  \
             spawn it before the group's body and its last task end, or into a group of its own"
        );
        let place = Place::default();
        let handle = spawn_as(name, Child { future, place: place.clone(), enclosing });
        let task = handle.abort_handle();
        if phase != Phase::Open {
            task.abort();
        }
        if phase == Phase::Dropped {
            bequeath([&task]);
        } else {
            let late = self.enter().add(handle);
            drop(late);
        }
        GroupHandle::new(task, place)
    }

    /// Says whether a failure, or the end of the scope, has cancelled the group.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.enter().phase, Phase::Cancelling | Phase::Dropped)
    }

    /// Returns how many tasks of the group the scope has not seen end.
    pub fn len(&self) -> usize {
        self.enter().children.len()
    }

    /// Says whether the scope has seen all tasks of the group end.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn enter(&self) -> Inside<'_, Shared<E>> {
        self.tracked.write();
        self.shared.enter()
    }
}

impl<E> Clone for TaskGroup<E> {
    fn clone(&self) -> Self {
        TaskGroup { shared: Arc::clone(&self.shared), tracked: self.tracked }
    }
}

impl<E> fmt::Debug for TaskGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.enter();
        f.debug_struct("TaskGroup")
            .field("phase", &shared.phase)
            .field("tasks", &shared.children.len())
            .finish()
    }
}

/// What the group's future does.
impl<E> TaskGroup<E> {
    /// Makes a group whose tasks are joined by a queue, within what encloses the code that runs.
    pub(super) fn open(queue: QueueKey) -> Self {
        let shared = Shared {
            queue,
            phase: Phase::Open,
            children: Numbered::default(),
            enclosing: Enclosing::current(),
        };
        TaskGroup { shared: Arc::new(Latch::new(shared)), tracked: Tracked::new() }
    }

    /// The number of a task that was not joined yet.
    pub(super) fn first(&self) -> Option<usize> {
        self.enter().children.first()
    }

    /// Gives up the handle of a task that is joined.
    pub(super) fn remove(&self, number: usize) -> JoinHandle<ChildResult<E>> {
        let child = self.enter().children.remove(number);
        child.expect("the queue knows the group's tasks")
    }

    /// Aborts all tasks, in the order of spawning, once.
    pub(super) fn cancel(&self) {
        let tasks = {
            let mut shared = self.enter();
            if shared.phase == Phase::Cancelling {
                return;
            }
            shared.phase = Phase::Cancelling;
            shared.abort_handles()
        };
        tasks.iter().for_each(AbortHandle::abort);
    }

    /// Closes the group, all of whose tasks have ended.
    pub(super) fn end(&self) {
        self.enter().phase = Phase::Ended;
    }

    /// Aborts all tasks, in the order of spawning, and makes the end of the running task wait for theirs.
    ///
    /// Returns the handles, to be dropped when all else is done.
    pub(super) fn abandon(&self) -> Numbered<JoinHandle<ChildResult<E>>> {
        let (tasks, children) = {
            let mut shared = self.enter();
            shared.phase = Phase::Dropped;
            (shared.abort_handles(), std::mem::take(&mut shared.children))
        };
        tasks.iter().for_each(AbortHandle::abort_dropped);
        bequeath(&tasks);
        children
    }
}

impl<E> Shared<E> {
    /// Adds a task. One that was spawned as the run ends is cancelled already, nobody waits for it, and its handle
    /// comes back.
    #[track_caller]
    fn add(&mut self, handle: JoinHandle<ChildResult<E>>) -> Option<JoinHandle<ChildResult<E>>> {
        if !self.queue.enroll(&handle, self.children.next()) {
            return Some(handle);
        }
        self.children.push(handle);
        None
    }

    fn abort_handles(&self) -> Vec<AbortHandle> {
        self.children.values().map(JoinHandle::abort_handle).collect()
    }
}

pin_project! {
    /// A task of a group: runs within what encloses the group, and puts its output where its handle is.
    struct Child<F, T> {
        #[pin]
        future: F,
        place: Place<T>,
        enclosing: Enclosing,
    }
}

impl<F, T, E> Future for Child<F, T>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = ChildResult<E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<ChildResult<E>> {
        let this = self.project();
        let _within = this.enclosing.enter();
        Poll::Ready(match ready!(this.future.poll(cx)) {
            Ok(output) => {
                this.place.put(output);
                Ok(())
            }
            Err(error) => {
                Err(Box::new(GroupFailure::error(current().path(), Instant::now(), error)))
            }
        })
    }
}
