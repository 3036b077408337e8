//! What other threads do to a loop: they wake its tasks, and they drop what has a place in its tables.
//!
//! A thread that is not the loop's own leaves a word in the inbox. The loop reads it before its next turn: a wake
//! fails the run, since its moment cannot be reproduced (S23); what was dropped goes from the tables, before it can
//! wake anybody, and so before timers are fired late too (S8).

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::context;
use super::core::{Core, State};
use super::registry::{self, LoopId, RunId, lock};
use crate::kernel::ordered::Map;
use crate::kernel::{GroupKey, SettleKey, Target, TaskKey, TimerKey, WatcherKey};
use crate::report::{Failure, FailureKind};

/// Something that was dropped on another thread than its loop's.
#[derive(Clone, Copy, Debug)]
pub(super) enum Dropped {
    Handle(TaskKey),
    /// What aborts the task when it is dropped.
    Owner(TaskKey),
    Timer(RunId, TimerKey),
    Settle(RunId, SettleKey),
    Watch(RunId, WatcherKey),
    Group(RunId, GroupKey),
}

/// What other threads have done to a loop.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// Read before every turn, so it stands outside the locks.
    has_post: AtomicBool,
    /// One more than the latest generation of a task a waker of which was cloned or dropped elsewhere, so that
    /// its clones are no longer counted rightly. Those of an earlier run lie below the generations of this one.
    shared_below: AtomicU32,
    /// The tasks that were woken, each with the first thread that did. Some may have ended before; the run
    /// fails by the first that has not.
    wakes: Mutex<Map<TaskKey, Option<String>>>,
    /// As many at most as there were places in the tables.
    dropped: Mutex<Vec<Dropped>>,
}

impl Inbox {
    #[inline]
    pub(super) fn has_post(&self) -> bool {
        self.has_post.load(Ordering::Acquire)
    }

    /// Takes the tasks that were woken, with the names of the threads, and what was dropped.
    fn take(&self) -> (Map<TaskKey, Option<String>>, Vec<Dropped>) {
        let (mut wakes, mut dropped) = (lock(&self.wakes), lock(&self.dropped));
        // Under the locks: what comes later sets the flag again.
        self.has_post.store(false, Ordering::Release);
        (std::mem::take(&mut wakes), std::mem::take(&mut dropped))
    }

    /// Takes what was dropped alone.
    fn take_dropped(&self) -> Vec<Dropped> {
        std::mem::take(&mut *lock(&self.dropped))
    }

    pub(super) fn clear(&self) {
        if self.has_post() {
            self.take();
        }
    }
}

/// Delivers a wake from a thread that is not the loop's own.
pub(super) fn wake_from_elsewhere(id: LoopId, task: TaskKey) {
    let Some(inbox) = registry::inbox(id) else { return };
    let thread = std::thread::current().name().map(str::to_owned);
    let mut wakes = lock(&inbox.wakes);
    wakes.get_or_insert_with(task, || thread);
    inbox.has_post.store(true, Ordering::Release);
}

/// Notes that a waker was cloned or dropped on a thread that is not the loop's own.
pub(super) fn share_waker(id: LoopId, task: TaskKey) {
    if let Some(inbox) = registry::inbox(id) {
        inbox.shared_below.fetch_max(task.generation() + 1, Ordering::AcqRel);
    }
}

/// Tells a loop what was dropped, if it is one of another thread. One of this thread that is asked in vain has
/// forgotten it: its run is over.
#[cold]
pub(super) fn drop_elsewhere(id: LoopId, what: Dropped) {
    if context::find(id).is_some() {
        return;
    }
    if let Some(inbox) = registry::inbox(id) {
        let mut dropped = lock(&inbox.dropped);
        dropped.push(what);
        inbox.has_post.store(true, Ordering::Release);
    }
}

/// Panics if a loop that is not found on this thread exists on another, with what was done to it from here.
#[cold]
#[track_caller]
pub(super) fn check_thread(id: LoopId, what: &str, advice: &str) {
    let is_elsewhere = context::find(id).is_none() && registry::inbox(id).is_some();
    assert!(!is_elsewhere, "{what} on another thread than its loop's\n  {advice}");
}

impl Core {
    /// Says whether a waker of one of the run's tasks was cloned or dropped on another thread.
    pub(super) fn is_waker_shared(&self, state: &State) -> bool {
        self.inbox.shared_below.load(Ordering::Acquire) > state.kernel.generation_first()
    }

    /// Removes what other threads have dropped, before timers are fired late. The wakes stay: whoever knows which
    /// task has just ended reads them before the next turn.
    pub(super) fn remove_dropped(&self) {
        for &what in &self.inbox.take_dropped() {
            self.remove(what);
        }
    }

    /// Removes what other threads have dropped, and fails the run if one has woken a task that is still there, or
    /// the one that has `just_ended`.
    #[cold]
    pub(super) fn read_inbox(&self, just_ended: Option<TaskKey>) -> Result<(), Failure> {
        let (wakes, dropped) = self.inbox.take();
        for &what in &dropped {
            self.remove(what);
        }
        let state = self.state();
        let is_alive = |task| state.kernel.task(task).is_some_and(|task| task.state.is_alive());
        let is_told = |task| is_alive(task) || Some(task) == just_ended;
        let Some((task, thread)) = wakes.into_entries().find(|(task, _)| is_told(*task)) else {
            return Ok(());
        };
        drop(state);
        Err(self.fail(|state| FailureKind::ForeignWake { task: state.path(task), thread }))
    }

    /// Removes from the tables what was dropped. What is of an earlier run went with that.
    fn remove(&self, what: Dropped) {
        let is_now = |run: RunId| run == self.run_id();
        let mut state = self.state();
        let target = match what {
            Dropped::Handle(key) => {
                drop(state);
                return self.detach(key);
            }
            Dropped::Owner(key) => {
                state.kernel.request_abort(key);
                None
            }
            Dropped::Timer(run, key) if is_now(run) => state.kernel.cancel(key),
            Dropped::Settle(run, key) if is_now(run) => state.kernel.unsettle(key),
            Dropped::Watch(run, key) if is_now(run) => {
                state.kernel.unwatch_end(key).map(Target::Waker)
            }
            Dropped::Group(run, key) if is_now(run) => {
                state.kernel.close_group(key).map(Target::Waker)
            }
            _ => None,
        };
        drop(state);
        if let Some(Target::Waker(waker)) = target {
            self.drop_waker(Some(waker));
        }
    }
}
