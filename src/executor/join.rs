//! Handles to tasks: await one, abort it, ask for it.

mod error;

use std::any::Any;
use std::cell::RefMut;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Mutex;
use std::task::{Context, Poll};

use super::access;
use super::context::{self, Place, Running};
use super::core::{Core, JoinPoll};
use super::inbox::{self, Dropped};
use super::registry::LoopId;
use super::waker::{self, Address, PackedAddress};
use crate::kernel::{Access, Object, State as TaskState, Target, TaskId, TaskKey, WakerKey};
pub use error::JoinError;

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
        AbortHandle { serial: self.task.serial & !GIVEN, ..self.task }
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
            self.task.serial |= GIVEN;
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
        self.task.serial |= GIVEN;
        Some(result)
    }
}

impl JoinHandle<()> {
    /// Moves the output of a task of `core` that has completed into `place`, whatever it is.
    pub(super) fn give_output(mut self, core: &Core, place: &mut dyn Any) {
        let joined = self.task.key().map(|key| core.try_join(key, place));
        if joined == Some(JoinPoll::Completed) {
            self.task.serial |= GIVEN;
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

/// A handle that can abort a task, and ask for it, and no more.
///
/// # Examples
///
/// ```
/// use simloop::{run, spawn};
///
/// run(async {
///     let handle = spawn(std::future::pending::<()>());
///     let abort = handle.abort_handle();
///     drop(handle);
///     abort.abort();
///     simloop::yield_now().await;
///     assert!(abort.is_finished());
/// });
/// ```
#[derive(Clone)]
pub struct AbortHandle {
    /// Nobody's for a task that never was: spawned as the run ended.
    address: PackedAddress,
    /// The task's, beside [`GIVEN`].
    serial: u64,
}

const GIVEN_BEFORE: &str = "a join handle was polled after it had given its result";

/// The mark of a join handle that has given its result: in the highest bit of a serial, where it takes no room.
const GIVEN: u64 = 1 << 63;

impl AbortHandle {
    #[inline]
    pub(super) fn new(loop_id: LoopId, key: Option<TaskKey>, id: TaskId) -> Self {
        let pack = |task| Address { loop_id, task }.pack();
        AbortHandle { address: key.map_or(PackedAddress::NOBODY, pack), serial: id.as_u64() }
    }

    #[inline]
    fn is_given(&self) -> bool {
        self.serial & GIVEN != 0
    }

    /// Its number in the order of spawning.
    pub(super) fn number(&self) -> u32 {
        self.id().as_u64() as u32
    }

    /// Notes that the running task touches this one.
    #[inline]
    fn note(&self, object: impl FnOnce(u32) -> Object, access: impl FnOnce(Object) -> Access) {
        access::note(access(object(self.number())));
    }

    #[inline]
    pub(super) fn loop_id(&self) -> LoopId {
        self.address.unpack().loop_id
    }

    #[inline]
    pub(super) fn key(&self) -> Option<TaskKey> {
        (self.address != PackedAddress::NOBODY).then(|| self.address.unpack().task)
    }

    /// The task's loop and its key there; none if the task's run is over.
    ///
    /// # Panics
    ///
    /// Panics on another thread than the loop's, which cannot be asked from there.
    #[track_caller]
    pub(super) fn found(&self) -> Option<(Rc<Core>, TaskKey)> {
        let key = self.key()?;
        let core = context::find(self.loop_id());
        if core.is_none() {
            self.check_thread("a handle of a task was used");
        }
        Some((core?, key))
    }

    #[cold]
    #[track_caller]
    fn check_thread(&self, what: &str) {
        let advice = "handles may be sent, but a task is joined, asked and aborted on the thread of its loop";
        inbox::check_thread(self.loop_id(), what, advice);
    }

    /// Waits for the task to finish, and moves its output into `place`.
    ///
    /// Calls nothing but as its last deed: a task that has to wait saves no register for what follows its end.
    fn poll_join(&self, running: &Place, place: &mut dyn Any, cx: &Context<'_>) -> JoinPoll {
        if let Ok(running) = running.try_borrow_mut() {
            match self.join_at_once(&running, cx) {
                Some(false) => return JoinPoll::Pending,
                Some(true) => return take_output(running, self.address, place),
                None => {}
            }
        }
        self.poll_join_rare(place, cx)
    }

    #[inline(always)]
    fn join_at_once(&self, running: &Running, cx: &Context<'_>) -> Option<bool> {
        let core = running.as_deref()?;
        let own = waker::address(cx.waker())?.unpack();
        let task = self.address.unpack();
        if own.loop_id != task.loop_id || own.loop_id != core.id {
            return None;
        }
        core.try_state()?.kernel.join_at_once(task.task, own.task)
    }

    /// Does so whatever the task has come to, and whoever asks.
    #[inline(never)]
    fn poll_join_rare(&self, place: &mut dyn Any, cx: &Context<'_>) -> JoinPoll {
        let polled = context::try_with(|core| {
            let target = core.own_target(cx.waker()).filter(|_| core.id == self.loop_id())?;
            // Of nobody's address there is no task in any loop.
            Some(core.poll_join(self.address.unpack().task, target, place))
        });
        match polled.flatten() {
            Some((joined, replaced)) => {
                if access::is_on() {
                    self.note_join(joined, replaced);
                }
                self.drop_waker(replaced);
                joined
            }
            None => self.poll_join_foreign(place, cx),
        }
    }

    #[cold]
    #[inline(never)]
    fn note_join(&self, joined: JoinPoll, replaced: Option<WakerKey>) {
        match joined {
            JoinPoll::Pending if replaced.is_some() => self.note(Object::End, Access::Write),
            JoinPoll::Pending => access::note_wait(Access::Joins(self.number())),
            JoinPoll::Gone if self.key().is_none() => {}
            _ => access::note_wait(Access::Joined(self.number())),
        }
    }

    /// Moves the output of the task into `place` if it has finished.
    fn try_join(&self, place: &mut dyn Any) -> JoinPoll {
        self.note(Object::End, Access::Read);
        let Some(key) = self.key() else { return JoinPoll::Gone };
        let joined = match context::find(self.loop_id()) {
            Some(core) => core.try_join(key, place),
            None => {
                self.check_thread("a handle of a task was used");
                JoinPoll::Gone
            }
        };
        if joined != JoinPoll::Pending {
            self.note(Object::End, Access::Write);
        }
        joined
    }

    /// Does the same as a poll in a loop that is not the running one, and with a waker that is not a task's own: that is
    /// foreign code, so nothing is borrowed.
    #[cold]
    #[inline(never)]
    fn poll_join_foreign(&self, place: &mut dyn Any, cx: &Context<'_>) -> JoinPoll {
        self.note(Object::End, Access::Write);
        let Some((core, key)) = self.found() else { return JoinPoll::Gone };
        let target = core.target(cx.waker());
        let (joined, replaced) = core.poll_join(key, target, place);
        let unused = match target {
            Target::Waker(waker) if joined != JoinPoll::Pending => Some(waker),
            _ => replaced,
        };
        core.drop_waker(unused);
        joined
    }

    /// Drops the waker of an earlier poll, which is not a task's own.
    fn drop_waker(&self, replaced: Option<WakerKey>) {
        if let Some((core, _)) = replaced.and_then(|_| self.found()) {
            core.drop_waker(replaced);
        }
    }

    /// Lets go of the task, whose result nobody will take.
    #[inline(never)]
    fn detach(&self) {
        self.note(Object::End, Access::Write);
        let Some(key) = self.key() else { return };
        match context::find(self.loop_id()) {
            Some(core) => core.detach(key),
            None => inbox::drop_elsewhere(self.loop_id(), Dropped::Handle(key)),
        }
    }

    /// Says why the task gave no output. What a lost loop held was cancelled.
    #[cold]
    fn take_error(&self) -> JoinError {
        let core = context::find(self.loop_id());
        let error = core.zip(self.key()).and_then(|(core, key)| core.take_join_error(key));
        error.unwrap_or_else(|| JoinError::cancelled(self.id(), self.id().to_string()))
    }

    /// Asks for the task's cancellation; see [`JoinHandle::abort`].
    pub fn abort(&self) {
        self.note(Object::Task, Access::Read);
        if let Some((core, key)) = self.found() {
            core.state().kernel.request_abort(key);
        }
    }

    /// Does so where what owns the task is dropped: on any thread, and on another than the loop's before the loop's
    /// next turn.
    pub(crate) fn abort_dropped(&self) {
        match self.key().filter(|_| context::find(self.loop_id()).is_none()) {
            Some(key) => inbox::drop_elsewhere(self.loop_id(), Dropped::Owner(key)),
            None => self.abort(),
        }
    }

    /// Says whether the task has completed, was cancelled, or panicked.
    pub fn is_finished(&self) -> bool {
        self.note(Object::End, Access::Read);
        self.found().is_none_or(|(core, key)| {
            !core.state().kernel.task(key).is_some_and(|task| task.state.is_alive())
        })
    }

    /// Returns the task's id.
    pub fn id(&self) -> TaskId {
        TaskId::new(self.serial & !GIVEN)
    }

    /// Returns the task's path, or its id once its loop has forgotten it.
    ///
    /// # Panics
    ///
    /// Panics on another thread than the loop's, which cannot be asked from there; the
    /// [`id`](Self::id) can.
    #[track_caller]
    pub fn path(&self) -> String {
        self.known_path().unwrap_or_else(|| {
            self.check_thread("the path of a task was asked for");
            self.id().to_string()
        })
    }

    /// Its path or its id, wherever it is asked: what is shown may be shown anywhere.
    fn shown(&self) -> String {
        self.known_path().unwrap_or_else(|| self.id().to_string())
    }

    /// Its path, where its loop is at hand and remembers it.
    fn known_path(&self) -> Option<String> {
        let path = context::find(self.loop_id())?.state().path(self.key()?);
        Some(path).filter(|path| !path.is_empty())
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle").field("task", &self.shown()).finish()
    }
}

/// Moves the output of a task that has completed into `place`, and lets go of the task. Nothing in it panics.
#[inline(never)]
fn take_output(
    running: RefMut<'_, Running>,
    address: PackedAddress,
    place: &mut dyn Any,
) -> JoinPoll {
    let Some(core) = running.as_deref() else { return JoinPoll::Gone };
    core.state().take_output(address.unpack().task.slot(), place)
}
