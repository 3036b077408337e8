//! Joining many tasks at once, of one type or of several: whose task finished first, and whose next.
//!
//! This is what gathering, waiting and join sets stand on. It knows tasks by the numbers that its owner gives
//! them; the handles, and with them the outputs, stay with the owner.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use super::access;
use super::context;
use super::core::Core;
use super::inbox::{self, Dropped};
use super::join::JoinHandle;
use super::registry::{LoopId, RunId};
use crate::kernel::{Access, GroupKey, GroupPoll, Member, Object, Target, WakerKey};

/// Tells which of the enrolled tasks have finished, in the order in which they did, one at a time.
///
/// It holds only numbers, so what is made of it is `Send` and `Sync` (S30). Dropping it forgets the tasks and
/// does nothing to them.
#[derive(Default)]
pub(crate) struct JoinQueue {
    /// Opened by the first task that is enrolled: a queue can be made outside a loop.
    group: Option<(RunId, GroupKey)>,
    /// Enrolled too late: their loop is gone, or never took them.
    over: VecDeque<usize>,
}

/// The key of a queue in the loop's tables, with which others than the queue's owner add to it.
#[derive(Clone, Copy)]
pub(crate) struct QueueKey {
    run: RunId,
    group: GroupKey,
}

impl QueueKey {
    /// Adds a task under a number, and says whether that was done: a task that has ended is not added, nor
    /// one of a loop that is gone.
    ///
    /// # Panics
    ///
    /// Panics if the queue is one of another loop.
    #[track_caller]
    pub(crate) fn enroll<T>(self, handle: &JoinHandle<T>, number: usize) -> bool {
        let Some(key) = handle.task.key() else { return false };
        access::note(Access::Read(Object::End(handle.task.number())));
        let member = Member { group: self.group, number };
        let enroll = |core: &Core| {
            let mut state = core.state();
            if core.run_id() == self.run {
                return Some((true, state.kernel.enroll_alive(key, member)?));
            }
            state.kernel.task(key).filter(|task| task.state.is_alive())?;
            Some((false, None))
        };
        let loop_id = handle.task.loop_id();
        let Some((is_own, replaced)) = context::with_loop(loop_id, enroll).flatten() else {
            return false;
        };
        assert!(is_own, "tasks of two loops were joined together");
        drop_replaced(loop_id, replaced);
        true
    }
}

/// Panics if a run is not found because its loop is on another thread.
#[track_caller]
fn check_thread(run: RunId) {
    let advice = "what joins them may be dropped anywhere, but is asked on the thread of the loop";
    inbox::check_thread(run.loop_id(), "tasks were joined", advice);
}

/// Drops the waker of a join that a group has taken the place of: foreign code, so nothing is borrowed.
#[inline]
fn drop_replaced(loop_id: LoopId, replaced: Option<WakerKey>) {
    if replaced.is_some() {
        context::find(loop_id).into_iter().for_each(|core| core.drop_waker(replaced));
    }
}

impl JoinQueue {
    /// Makes a queue in the running loop that tasks can be added to by its key.
    #[track_caller]
    pub(crate) fn open(what: &str) -> (JoinQueue, QueueKey) {
        let core = context::current(what);
        let (run, group) = (core.run_id(), core.state().kernel.open_group());
        let queue = JoinQueue { group: Some((run, group)), over: VecDeque::new() };
        (queue, QueueKey { run, group })
    }

    /// Adds a task under a number. It is told at once if it has finished.
    ///
    /// # Panics
    ///
    /// Panics if the queue holds tasks of another loop, and that loop lives.
    #[track_caller]
    pub(crate) fn enroll<T>(&mut self, handle: &JoinHandle<T>, number: usize) {
        struct TwoLoops;
        let mut enroll = |core: &Core| {
            let key = handle.task.key()?;
            let run = core.run_id();
            let mut state = core.state();
            state.kernel.task(key)?;
            let group = match self.group {
                Some((own, group)) if own == run => group,
                Some(_) => return Some(Err(TwoLoops)),
                None => state.kernel.open_group(),
            };
            self.group = Some((run, group));
            Some(Ok(state.kernel.enroll(key, Member { group, number })))
        };
        let loop_id = handle.task.loop_id();
        match context::with_loop(loop_id, &mut enroll).flatten() {
            Some(Ok(replaced)) => drop_replaced(loop_id, replaced),
            Some(Err(TwoLoops)) => panic!("tasks of two loops were joined together"),
            None => self.over.push_back(number),
        }
    }

    /// Says whether the run of its tasks is over, so that nothing more will be told in order.
    ///
    /// # Panics
    ///
    /// Panics on another thread than the loop's.
    #[track_caller]
    pub(crate) fn is_over(&self) -> bool {
        let is_over = |&(run, _): &(RunId, GroupKey)| context::find_run(run).is_none();
        let over = self.group.filter(is_over);
        over.inspect(|&(run, _)| check_thread(run)).is_some()
    }

    /// The number of the next task that has finished, if one has.
    ///
    /// `left` gives the number of any task that was not told yet. When the run is over, they all have finished.
    ///
    /// # Panics
    ///
    /// Panics on another thread than the loop's, where nobody knows.
    #[track_caller]
    pub(crate) fn try_next(&mut self, left: impl FnOnce() -> Option<usize>) -> Option<usize> {
        if let Some(number) = self.over.pop_front() {
            return Some(number);
        }
        let Some((run, group)) = self.group else { return left() };
        match context::with_run(run, |core| core.state().kernel.next_finished(group)) {
            Some(number) => number,
            None => {
                check_thread(run);
                left()
            }
        }
    }

    /// The number of the next task that has finished, or a wake when there is one.
    ///
    /// Must not be called when no task is left.
    #[inline]
    pub(crate) fn poll_next(
        &mut self,
        cx: &Context<'_>,
        left: impl FnOnce() -> Option<usize>,
    ) -> Poll<usize> {
        if let Some(number) = self.try_next(left) {
            return Poll::Ready(number);
        }
        let (run, group) = self.group.expect("a queue without a group has told of all its tasks");
        let poll = |core: &Core| {
            let target = core.target(cx.waker());
            let polled = core.state().kernel.poll_group(group, target);
            match polled {
                GroupPoll::Waits { replaced } => {
                    core.drop_waker(replaced);
                    Poll::Pending
                }
                GroupPoll::Finished(number) => {
                    if let Target::Waker(unused) = target {
                        core.drop_waker(Some(unused));
                    }
                    Poll::Ready(number)
                }
            }
        };
        poll(&context::find_run(run).expect("the run was there a moment ago"))
    }

    /// Withdraws the wait: nobody is woken, and no report says that somebody joins.
    pub(crate) fn stop_waiting(&mut self) {
        let Some((run, group)) = self.group else { return };
        if let Some(core) = context::find_run(run) {
            let waker = core.state().kernel.leave_group(group);
            core.drop_waker(waker);
        }
    }
}

impl Drop for JoinQueue {
    fn drop(&mut self) {
        let Some((run, group)) = self.group else { return };
        match context::find_run(run) {
            Some(core) => {
                let waker = core.state().kernel.close_group(group);
                core.drop_waker(waker);
            }
            None => inbox::drop_elsewhere(run.loop_id(), Dropped::Group(run, group)),
        }
    }
}
