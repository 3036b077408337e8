//! One turn: choose a ready task, poll it, see what became of it. And what happens when none is ready.

use std::cell::RefMut;
#[cfg(feature = "tracing")]
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Context;
use std::time::Duration;

use super::cell::{BoxedCell, Polled};
use super::context::{self, Polling};
use super::core::{Core, State, drop_caught};
use super::describe;
use super::waker::{self, Address};
use crate::kernel::{Ending, Instant, Suspension, TaskKey, Turn};
use crate::report::{Failure, FailureKind, PanicPlace};

/// What a turn came to.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Turned {
    /// No task is ready, so there was none.
    Idle,
    /// The task suspended; or it completed, no other ended with it, and it is not the one that is waited for.
    Passed,
    /// The task ended otherwise: it completed, was cancelled or panicked.
    Ended,
}

/// What a loop does when no task is ready.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Idle {
    /// A task that waited for the others to wait goes on.
    Settled,
    /// The earliest deadline.
    Until(Instant),
    /// There is no timer.
    Nothing,
}

impl Core {
    /// Takes turns as long as tasks are ready and the one that is waited for cannot have ended. The borrow in which one
    /// ends is that in which the next begins.
    #[inline(always)]
    pub(super) fn turns(self: &Rc<Self>, awaited: TaskKey) -> Result<Turned, Failure> {
        let mut state = self.state();
        loop {
            let (after, turned) = self.turn(state, Some(awaited))?;
            if turned != Turned::Passed {
                return Ok(turned);
            }
            state = after;
        }
    }

    /// Takes one turn for whoever steps the loop, who need not have turns inlined.
    pub(super) fn step(self: &Rc<Self>) -> Result<Turned, Failure> {
        self.turn(self.state(), None).map(|(_, turned)| turned)
    }

    /// Takes one turn, if a task is ready.
    #[inline(always)]
    fn turn<'a>(
        self: &'a Rc<Self>,
        mut state: RefMut<'a, State>,
        awaited: Option<TaskKey>,
    ) -> Result<(RefMut<'a, State>, Turned), Failure> {
        if self.inbox.has_post() {
            drop(state);
            self.read_inbox(None)?;
            state = self.state();
        }
        if state.kernel.is_limit_near() && state.kernel.ready_len() > 0 {
            if let Err(breach) = state.kernel.check_limits() {
                drop(state);
                return Err(self.fail(|state| describe::breach(state, breach)));
            }
        }
        let ready = state.kernel.ready_len();
        let taken = if ready < state.asked_from {
            let Some(taken) = state.kernel.take_first() else { return Ok((state, Turned::Idle)) };
            taken
        } else if let Some(taken) = self.pick_at_random(&mut state) {
            taken
        } else {
            match self.pick_asked(&mut state) {
                Ok(taken) => taken,
                Err(misfit) => {
                    drop(state);
                    return Err(self.fail_choice(*misfit));
                }
            }
        };
        let turn = state.kernel.start_taken(taken, ready);
        // Not from the key, for which the task has to be looked at: its future is fetched beside it.
        let slot = state.kernel.running_slot() as usize;
        let cell = state.cells[slot].take().expect("a task that is alive has a future");
        let is_observed = state.kernel.is_observed();
        let present = (self.run_id(), state.kernel.now());
        debug_assert!(context::polled_now().is_none_or(|known| known == present));
        let is_cancelled = (turn.is_aborted | state.injects) && self.cancels(&mut state, &turn);
        drop(state);
        #[cfg(feature = "tracing")]
        if is_observed {
            self.log_records();
        }
        let (mut state, turned) = if is_cancelled {
            self.cancel(turn.task, cell);
            (self.state(), Turned::Ended)
        } else {
            self.poll(turn.task, awaited, cell, is_observed)
        };
        #[cfg(feature = "tracing")]
        if state.kernel.task(turn.task).is_none_or(|task| task.state.is_over()) {
            drop(state);
            self.close_span(turn.task);
            state = self.state();
        }
        // One branch for all that is rare.
        if state.is_interrupted | state.kernel.is_observed() {
            self.end_interrupted(state, turn.task)?;
            state = self.state();
        }
        Ok((state, turned))
    }

    /// Says whether a task is dropped in place of the poll that was to begin.
    #[cold]
    fn cancels(&self, state: &mut State, turn: &Turn) -> bool {
        if turn.is_aborted {
            state.kernel.skip_poll();
        }
        turn.is_aborted || self.injects_cancel(state, turn.task)
    }

    /// Ends a turn in whose poll the clock moved, or the loop failed: `choose` met a schedule that no longer
    /// fits, or `block_for` a limit. And one of which the trace is to say what its task waits for now.
    #[cold]
    fn end_interrupted(&self, mut state: RefMut<'_, State>, task: TaskKey) -> Result<(), Failure> {
        if std::mem::take(&mut state.is_interrupted) {
            context::know_now(self.run_id(), state.kernel.now());
        }
        if state.kernel.tells_waits() {
            state.tell_waits(task, self.run_id());
        }
        #[cfg(feature = "tracing")]
        let mut state = {
            drop(state);
            self.log_records();
            self.state()
        };
        if let Some(failure) = &state.failure {
            return Err(failure.clone());
        }
        if state.kernel.take_late() {
            drop(state);
            if self.inbox.has_post() {
                self.remove_dropped();
            }
            self.fire_due();
        }
        Ok(())
    }

    /// Polls a task and ends its turn. The borrow in which it ended goes on to the caller.
    #[inline(always)]
    fn poll(
        &self,
        task: TaskKey,
        awaited: Option<TaskKey>,
        mut cell: BoxedCell,
        is_observed: bool,
    ) -> (RefMut<'_, State>, Turned) {
        let address = Address { loop_id: self.id, task };
        let waker = waker::waker(address);
        let mut cx = Context::from_waker(&waker);
        let polling = Polling::begin(address, is_observed);
        #[cfg(not(feature = "tracing"))]
        let polled = cell.as_mut().poll(&mut cx);
        #[cfg(feature = "tracing")]
        let polled = self.poll_in_span(task, cell.as_mut(), &mut cx);
        match polled {
            Polled::Pending => {
                let mut state = self.state();
                let is_woken = polling.end();
                if state.injects && !is_woken {
                    self.inject_at_suspension(&mut state, task);
                }
                let slot = state.kernel.running_slot();
                match state.kernel.suspend(is_woken) {
                    Suspension::Kept => {
                        state.put_back(slot, cell);
                        return (state, Turned::Passed);
                    }
                    Suspension::Aborted => {
                        drop(state);
                        self.cancel(task, cell);
                    }
                }
            }
            Polled::Ready => {
                let mut state = self.state();
                let is_woken = polling.end();
                let completed = match self.has_to_forget(&state) {
                    true => None,
                    false => state.kernel.complete(is_woken),
                };
                if let Some(waker) = completed {
                    state.put_back(task.slot(), cell);
                    if waker.is_some() {
                        drop(state);
                        self.call_handed_back(waker);
                        state = self.state();
                    }
                    let is_awaited = awaited == Some(task);
                    return (state, if is_awaited { Turned::Ended } else { Turned::Passed });
                }
                if is_woken {
                    state.kernel.wake_running();
                }
                if state.kernel.task(task).is_some_and(|task| task.has_handle()) {
                    state.put_back(task.slot(), cell);
                    drop(state);
                    self.finish(task, Ending::Completed);
                } else {
                    drop(state);
                    match drop_caught(cell) {
                        None => self.finish(task, Ending::Completed),
                        Some(payload) => self.finish_panicked(task, payload, PanicPlace::Drop),
                    }
                }
            }
            Polled::Panicked(payload) => {
                if polling.end() {
                    self.state().kernel.wake_running();
                }
                // What the unwinding left of the future may panic once more; the first panic is the one told.
                drop_caught(cell).into_iter().for_each(forget_panic);
                self.finish_panicked(task, *payload, PanicPlace::Detached);
            }
        }
        (self.state(), Turned::Ended)
    }

    /// Polls inside the task's span. What collects spans is foreign, and may panic as well.
    #[cfg(feature = "tracing")]
    fn poll_in_span(
        &self,
        task: TaskKey,
        cell: std::pin::Pin<&mut dyn super::cell::TaskCell>,
        cx: &mut Context<'_>,
    ) -> Polled {
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let _entered = self.enter_span(task);
            cell.poll(cx)
        }));
        polled.unwrap_or_else(|payload| Polled::Panicked(Box::new(payload)))
    }

    /// Drops a task's future before its end.
    pub(super) fn cancel(&self, task: TaskKey, cell: BoxedCell) {
        #[cfg(feature = "tracing")]
        let entered = self.enter_span(task);
        let dropped = drop_caught(cell);
        #[cfg(feature = "tracing")]
        drop(entered);
        match dropped {
            None => self.finish(task, Ending::Cancelled),
            Some(payload) => self.finish_panicked(task, payload, PanicPlace::Drop),
        }
    }

    /// Moves the clock in the middle of a poll (S9). What falls due thereby fires when the poll has ended.
    pub(crate) fn block_for(&self, duration: Duration) {
        let mut state = self.state();
        context::forget_now();
        state.is_interrupted = true;
        state.kernel.block_for(duration);
        let now = state.kernel.now();
        if let Err(breach) = state.kernel.check_virtual_time(now) {
            let blocker = state.kernel.running();
            drop(state);
            // Kept by the loop; the run ends when the poll does.
            self.fail(|state| describe::time_limit(state, breach, now, blocker));
        }
    }

    fn fire_due(&self) {
        loop {
            let due = self.state().kernel.fire_due();
            if due.is_none() {
                return;
            }
            self.call_waker(due);
        }
    }

    /// Goes on when no task is ready: lets a settling task go on, or else moves the clock to the earliest
    /// deadline. `None` if there is nothing to go on with; timers of daemons alone do not count (S37).
    #[inline]
    pub(super) fn pass_time(&self) -> Option<Result<(), Failure>> {
        let state = self.state();
        if state.kernel.has_settler() {
            self.settle(state);
            return Some(Ok(()));
        }
        let deadline = state.kernel.next_deadline()?;
        state.kernel.has_holding_timer().then(|| self.jump_in(state, deadline))
    }

    /// Says what there is to do when no task is ready, and does what needs no time.
    pub(super) fn idle(&self) -> Idle {
        let state = self.state();
        if state.kernel.has_settler() {
            self.settle(state);
            return Idle::Settled;
        }
        match state.kernel.next_deadline() {
            Some(deadline) => Idle::Until(deadline),
            None => Idle::Nothing,
        }
    }

    fn settle(&self, mut state: RefMut<'_, State>) {
        let waker = state.kernel.wake_settler();
        drop(state);
        self.call_waker(waker);
        self.state().kernel.end_hand_back();
        self.fire_late();
    }

    /// Fires what fell due because a waker that the loop called has blocked the loop (S9).
    fn fire_late(&self) {
        if self.state().kernel.take_late() {
            self.fire_due();
        }
    }

    /// Moves the clock to `to` and fires what is due then (S3).
    pub(super) fn jump(&self, to: Instant) -> Result<(), Failure> {
        self.jump_in(self.state(), to)
    }

    #[inline]
    fn jump_in(&self, mut state: RefMut<'_, State>, to: Instant) -> Result<(), Failure> {
        if let Err(breach) = state.kernel.check_virtual_time(to) {
            drop(state);
            return Err(self.fail(|state| describe::time_limit(state, breach, to, None)));
        }
        state.kernel.jump(to);
        context::know_now(self.run_id(), to);
        state.kernel.debug_check();
        let due = state.kernel.fire_due();
        state.fetch_upcoming();
        drop(state);
        if due.is_some() {
            self.call_waker(due);
            self.fire_due();
            self.fire_late();
        }
        Ok(())
    }

    /// Makes a failure of the run, at this instant, and keeps it: the loop goes no further.
    pub(super) fn fail(&self, kind: impl FnOnce(&super::core::State) -> FailureKind) -> Failure {
        let mut state = self.state();
        let failure = describe::failure(&state, kind(&state));
        state.is_interrupted = true;
        state.failure.get_or_insert(failure).clone()
    }
}

/// Lets a panic go that has been told already. Its payload may panic when dropped, so that is caught too.
pub(super) fn forget_panic(payload: super::core::Payload) {
    let mut payload = Some(payload);
    // A payload's destructor may panic with a payload whose destructor panics; a bound ends that.
    for _ in 0..8 {
        let Some(next) = payload.take() else { return };
        payload = drop_caught(next);
    }
    std::mem::forget(payload);
}
