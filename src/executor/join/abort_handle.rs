//! A handle to a task that has no part in its output, and what a join asks through it.

use std::any::Any;
use std::cell::RefMut;
use std::fmt;
use std::rc::Rc;
use std::task::Context;

use super::JoinError;
use crate::executor::access;
use crate::executor::context::{self, Place, Running};
use crate::executor::core::{Core, JoinPoll};
use crate::executor::inbox::{self, Dropped};
use crate::executor::registry::LoopId;
use crate::executor::waker::{self, Address, PackedAddress};
use crate::kernel::{Access, Object, Target, TaskId, TaskKey, WakerKey};

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

/// The mark of a join handle that has given its result: in the highest bit of a serial, where it takes no room.
const GIVEN: u64 = 1 << 63;

impl AbortHandle {
    #[inline]
    pub(in crate::executor) fn new(loop_id: LoopId, key: Option<TaskKey>, id: TaskId) -> Self {
        let pack = |task| Address { loop_id, task }.pack();
        AbortHandle { address: key.map_or(PackedAddress::NOBODY, pack), serial: id.as_u64() }
    }

    #[inline]
    pub(super) fn is_given(&self) -> bool {
        self.serial & GIVEN != 0
    }

    /// Marks a join handle that has given its result.
    #[inline]
    pub(super) fn mark_given(&mut self) {
        self.serial |= GIVEN;
    }

    /// The same for whoever may only abort the task.
    pub(super) fn unmarked(&self) -> AbortHandle {
        AbortHandle { serial: self.serial & !GIVEN, ..*self }
    }

    /// Its number in the order of spawning.
    pub(in crate::executor) fn number(&self) -> u32 {
        self.id().as_u64() as u32
    }

    /// Notes that the running task touches this one.
    #[inline]
    pub(super) fn note(
        &self,
        object: impl FnOnce(u32) -> Object,
        access: impl FnOnce(Object) -> Access,
    ) {
        access::note(access(object(self.number())));
    }

    #[inline]
    pub(in crate::executor) fn loop_id(&self) -> LoopId {
        self.address.unpack().loop_id
    }

    #[inline]
    pub(in crate::executor) fn key(&self) -> Option<TaskKey> {
        (self.address != PackedAddress::NOBODY).then(|| self.address.unpack().task)
    }

    /// The task's loop and its key there; none if the task's run is over.
    ///
    /// # Panics
    ///
    /// Panics on another thread than the loop's, which cannot be asked from there.
    #[track_caller]
    pub(in crate::executor) fn found(&self) -> Option<(Rc<Core>, TaskKey)> {
        let key = self.key()?;
        let core = context::find(self.loop_id());
        if core.is_none() {
            self.check_thread("a handle of a task was used");
        }
        Some((core?, key))
    }

    #[cold]
    #[track_caller]
    pub(super) fn check_thread(&self, what: &str) {
        let advice = "handles may be sent, but a task is joined, asked and aborted on the thread of its loop";
        inbox::check_thread(self.loop_id(), what, advice);
    }

    /// Waits for the task to finish, and moves its output into `place`.
    ///
    /// Calls nothing but as its last deed: a task that has to wait saves no register for what follows its end.
    pub(super) fn poll_join(
        &self,
        running: &Place,
        place: &mut dyn Any,
        cx: &Context<'_>,
    ) -> JoinPoll {
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
    pub(super) fn try_join(&self, place: &mut dyn Any) -> JoinPoll {
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
    pub(super) fn detach(&self) {
        self.note(Object::End, Access::Write);
        let Some(key) = self.key() else { return };
        match context::find(self.loop_id()) {
            Some(core) => core.detach(key),
            None => inbox::drop_elsewhere(self.loop_id(), Dropped::Handle(key)),
        }
    }

    /// Says why the task gave no output. What a lost loop held was cancelled.
    #[cold]
    pub(super) fn take_error(&self) -> JoinError {
        let core = context::find(self.loop_id());
        let error = core.zip(self.key()).and_then(|(core, key)| core.take_join_error(key));
        error.unwrap_or_else(|| JoinError::cancelled(self.id(), self.id().to_string()))
    }

    /// Asks for the task's cancellation; see [`JoinHandle::abort`](crate::JoinHandle::abort).
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
    pub(super) fn shown(&self) -> String {
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
