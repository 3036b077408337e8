//! Spawning: from inside the loop and from outside, with a name or without.

use std::future::Future;
use std::panic::Location;

use super::cell::{BoxedCell, Incoming, Waiting};
use super::context;
use super::core::Core;
use super::event_loop::EventLoop;
use super::join::{AbortHandle, JoinHandle};
use crate::kernel::{Spawn, TaskId, TaskKey};

/// Spawns a task at the back of the ready queue (S16).
///
/// The future is first polled later, never inside `spawn`; it need not be `Send`. The task is a child of
/// the one that spawns it, and shown under its path (S18). This is asyncio's `create_task`.
///
/// # Panics
///
/// Panics outside a loop.
///
/// # Examples
///
/// ```
/// use simloop::{now, run, sleep, spawn};
/// use std::time::Duration;
///
/// run(async {
///     let both = [1, 2].map(|seconds| spawn(sleep(Duration::from_secs(seconds))));
///     for handle in both {
///         handle.await.unwrap();
///     }
///     assert_eq!(now().to_string(), "2s");
/// });
/// ```
#[doc(alias = "create_task")]
#[doc(alias = "ensure_future")]
#[inline]
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let site = Location::caller();
    JoinHandle::new(spawn_here(&mut Waiting::new(future), None, false, site))
}

/// Spawns a task under a name, as [`spawn`] does.
///
/// # Panics
///
/// Panics outside a loop.
///
/// # Examples
///
/// ```
/// use simloop::{run, spawn_named};
///
/// run(async {
///     let handle = spawn_named("worker", async {});
///     assert_eq!(handle.path(), "main/worker");
///     handle.await.unwrap();
/// });
/// ```
#[track_caller]
pub fn spawn_named<F>(name: &str, future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let site = Location::caller();
    JoinHandle::new(spawn_here(&mut Waiting::new(future), Some(name), false, site))
}

/// Spawns a task with or without a name, on behalf of code that spawns for others.
#[inline]
#[track_caller]
pub(crate) fn spawn_as<F>(name: Option<&str>, future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let site = Location::caller();
    JoinHandle::new(spawn_here(&mut Waiting::new(future), name, false, site))
}

/// Spawns a task with more to say about it than [`spawn`] takes.
///
/// # Examples
///
/// ```
/// use simloop::{run, sleep, task, time::Instant};
/// use std::time::Duration;
///
/// run(async {
///     let heartbeat = task::Builder::new().name("heartbeat").daemon(true).spawn(async {
///         loop {
///             sleep(Duration::from_secs(1)).await;
///         }
///     });
///     sleep(Duration::from_secs(3)).await;
///     assert_eq!(heartbeat.path(), "main/heartbeat");
/// });
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a task builder does nothing until `spawn` is called"]
pub struct Builder {
    name: Option<String>,
    is_daemon: bool,
}

impl Builder {
    /// Starts with no name and no daemon.
    pub fn new() -> Self {
        Builder::default()
    }

    /// Names the task. Siblings may share a name; paths then carry an index.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Says whether the task is a daemon: one that does not keep a run alive. When only daemons have
    /// timers and the root is blocked, that is a deadlock (S37). A daemon is never a leftover task.
    #[doc(alias = "backgroundScope")]
    #[inline]
    pub fn daemon(mut self, is_daemon: bool) -> Self {
        self.is_daemon = is_daemon;
        self
    }

    /// Spawns the task in the running loop; see [`spawn`].
    ///
    /// # Panics
    ///
    /// Panics outside a loop.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.spawn_at(Location::caller(), future)
    }

    /// Does the same on behalf of the code at `site`.
    #[track_caller]
    pub(crate) fn spawn_at<F>(
        self,
        site: &'static Location<'static>,
        future: F,
    ) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let name = self.name.as_deref();
        JoinHandle::new(spawn_here(&mut Waiting::new(future), name, self.is_daemon, site))
    }

    /// Spawns the task in a loop from outside; see [`EventLoop::spawn`].
    #[track_caller]
    pub fn spawn_on<F>(self, event_loop: &EventLoop, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let (site, core) = (Location::caller(), event_loop.core());
        let name = self.name.as_deref();
        JoinHandle::new(core.spawn_child(&mut Waiting::new(future), name, self.is_daemon, site))
    }
}

/// Spawns in the running loop. One function for futures of all types.
#[track_caller]
fn spawn_here(
    future: &mut dyn Incoming,
    name: Option<&str>,
    is_daemon: bool,
    site: &'static Location<'static>,
) -> AbortHandle {
    match context::try_with(|core| core.add_child(future, name, is_daemon, site)) {
        Some(Ok(handle)) => handle,
        Some(Err(late)) => late.drop_in(&context::current("spawn")),
        None => spawn_outside(future),
    }
}

#[cold]
#[track_caller]
fn spawn_outside(future: &mut dyn Incoming) -> ! {
    // Its destructor may panic, which ends the process where another panic is under way.
    drop(future.boxed());
    context::outside("spawn")
}

/// A future that comes too late for its loop to take it.
struct Late {
    cell: BoxedCell,
    id: TaskId,
}

impl Late {
    /// Drops it, which is foreign code, so nothing may be borrowed. Returns the handle of a task that never was.
    #[cold]
    fn drop_in(self, core: &Core) -> AbortHandle {
        core.drop_unspawned(self.cell);
        AbortHandle::new(core.id, None, self.id)
    }
}

impl Core {
    /// Adds a task with a handle, as a child of the running one; drops its future if it comes too late.
    pub(super) fn spawn_child(
        &self,
        future: &mut dyn Incoming,
        name: Option<&str>,
        daemon: bool,
        site: &'static Location<'static>,
    ) -> AbortHandle {
        self.add_child(future, name, daemon, site).unwrap_or_else(|late| late.drop_in(self))
    }

    /// The same in one borrow, for whoever drops what comes too late.
    #[inline(always)]
    fn add_child(
        &self,
        future: &mut dyn Incoming,
        name: Option<&str>,
        daemon: bool,
        site: &'static Location<'static>,
    ) -> Result<AbortHandle, Late> {
        let mut state = self.state();
        let id = TaskId::new(state.kernel.tasks_spawned());
        let parent = state.kernel.running_slot();
        let spawn = Spawn { name, parent, daemon, has_handle: true, site };
        let key = match state.add_task(future, &spawn) {
            Ok(key) => key,
            Err(cell) => return Err(Late { cell, id }),
        };
        if self.locals.are_used() {
            self.inherit_locals(state.kernel.running(), key);
        }
        Ok(AbortHandle::new(self.id, Some(key), id))
    }
}

/// The task that is running.
///
/// # Examples
///
/// ```
/// use simloop::{run, spawn_named, task};
///
/// run(async {
///     assert_eq!(task::current().path(), "main");
///     spawn_named("child", async { assert_eq!(task::current().path(), "main/child") }).await.unwrap();
/// });
/// ```
#[derive(Clone, Debug)]
pub struct Current {
    handle: AbortHandle,
}

/// Returns the running task.
///
/// # Panics
///
/// Panics outside a task.
#[doc(alias = "current_task")]
#[track_caller]
#[inline]
pub fn current() -> Current {
    match try_current() {
        Some(current) => current,
        None => panic!(
            "`task::current` was called outside a task\n  call it inside the future given to `run` or `spawn`"
        ),
    }
}

/// Returns the running task, or `None` outside one and while a policy chooses.
pub fn try_current() -> Option<Current> {
    let core = context::try_current()?;
    let state = core.try_state()?;
    let key = state.kernel.running()?;
    let id = TaskId::new(state.kernel.task(key)?.serial);
    Some(Current { handle: AbortHandle::new(core.id, Some(key), id) })
}

/// Returns handles to all tasks of the running loop that have not ended, in the order in which they were
/// spawned, the running one and the root included.
///
/// # Panics
///
/// Panics outside a loop.
///
/// # Examples
///
/// ```
/// use simloop::{run, spawn_named, task};
/// use std::future::pending;
///
/// run(async {
///     spawn_named("listener", pending::<()>());
///     let paths: Vec<_> = task::all().iter().map(|task| task.path()).collect();
///     assert_eq!(paths, ["main", "main/listener"]);
/// });
/// ```
#[doc(alias = "all_tasks")]
#[track_caller]
pub fn all() -> Vec<AbortHandle> {
    let core = context::current("task::all");
    let kernel = &mut core.state().kernel;
    kernel.note_order_seen();
    let mut all = Vec::new();
    for &key in &kernel.alive_in_spawn_order() {
        let serial = kernel.task(key).expect("it is alive").serial;
        all.push(AbortHandle::new(core.id, Some(key), TaskId::new(serial)));
    }
    all
}

impl Current {
    /// Returns the task's id.
    #[inline]
    pub fn id(&self) -> TaskId {
        self.handle.id()
    }

    /// Returns the task's path, such as `main/worker[1]`.
    pub fn path(&self) -> String {
        self.handle.path()
    }

    /// Returns a handle that can abort the task. A task that aborts itself ends at its next suspension.
    #[inline]
    pub fn abort_handle(&self) -> AbortHandle {
        self.handle.clone()
    }
}

/// Spawns the root of a run, whatever its output is.
pub(super) fn root(
    core: &Core,
    future: &mut dyn Incoming,
    site: &'static Location<'static>,
) -> (TaskKey, JoinHandle<()>) {
    let task = core.spawn_child(future, Some("main"), false, site);
    let key = task.key().expect("a loop that runs takes tasks");
    (key, JoinHandle::new(task))
}
