//! What sleeps, timeouts and intervals are made of: one registration in the timer queue, and a wait until
//! everybody else waits.
//!
//! Both hold only numbers, so the futures made of them are `Send` and `Sync` (S30).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::context;
use super::core::{Core, State};
use super::inbox::{self, Dropped};
use super::registry::RunId;
use crate::kernel::{
    Instant, Kernel, SettleKey, StoredTarget, Target, TimerKey, TimerPlace, WakerKey,
};

/// A place in the timer queue of one loop, empty at first. Dropping it removes the timer at once (S8).
pub(crate) struct Timer {
    run: RunId,
    place: TimerPlace,
}

/// The numbers stay out: they depend on what else the process and the loop do (S18).
impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("is_registered", &self.is_registered()).finish()
    }
}

impl Timer {
    /// Creates an empty place in the running loop, and returns the present instant with it.
    #[track_caller]
    #[inline]
    pub(crate) fn new(what: &str) -> (Timer, Instant) {
        let (run, now) = context::run_and_now(what);
        (Timer { run, place: TimerPlace::EMPTY }, now)
    }

    #[inline]
    pub(crate) fn is_registered(&self) -> bool {
        self.place.is_registered()
    }

    /// Remembers that what it stood for has come to its end. Not for one that is registered.
    #[inline]
    pub(crate) fn spend(&mut self) {
        debug_assert!(!self.is_registered(), "a spent timer is never removed");
        self.place = TimerPlace::SPENT;
    }

    #[inline]
    pub(crate) fn is_spent(&self) -> bool {
        self.place == TimerPlace::SPENT
    }

    /// Is ready from `deadline` on; before, sees to it that the context's waker is woken then.
    ///
    /// The timer's place among equals is that of its first registration; being polled again, with the same
    /// waker or another, does not change it (S7).
    ///
    /// # Panics
    ///
    /// Panics outside the loop in which the timer was made: its deadline means nothing elsewhere.
    #[inline]
    pub(crate) fn poll(&mut self, deadline: Instant, cx: &Context<'_>) -> Poll<()> {
        match context::polled_now() {
            // It has fired, or was due before it was registered. No instant is after `NEVER`.
            Some((run, now)) if run == self.run && now >= deadline => {
                self.place = TimerPlace::EMPTY;
                Poll::Ready(())
            }
            Some((run, _)) if run == self.run => {
                self.wait(deadline, cx);
                Poll::Pending
            }
            _ => self.poll_in_loop(deadline, cx),
        }
    }

    /// Waits for a deadline that is known to lie ahead, in the loop whose poll goes on.
    fn wait(&mut self, deadline: Instant, cx: &Context<'_>) {
        if context::try_with(|core| self.wait_own(core, deadline, cx)).flatten().is_none() {
            let _ = self.poll_foreign(&context::current_polled("a timer"), deadline, cx);
        }
    }

    /// Sees to it that the task behind the waker is woken at `deadline`. `None` if another waker than a
    /// task's own is concerned: then foreign code will run.
    #[inline(always)]
    fn wait_own(&mut self, core: &Core, deadline: Instant, cx: &Context<'_>) -> Option<()> {
        let target = core.own_target(cx.waker())?;
        let mut state = core.state();
        if let Some(key) = self.place.key() {
            if let Some(retargeted) = retarget_own(&mut state.kernel, key, target) {
                return retargeted.ok();
            }
        }
        let fires = if state.injects { core.injects_late(&mut state, deadline) } else { deadline };
        self.place = state.kernel.register(fires, target).into();
        Some(())
    }

    /// Polls where no poll is known to go on in this thread's loop, or the clock has moved within it.
    #[cold]
    fn poll_in_loop(&mut self, deadline: Instant, cx: &Context<'_>) -> Poll<()> {
        match context::with_polled("a timer", |core| self.poll_own(core, deadline, cx)) {
            Some(polled) => polled,
            None => self.poll_foreign(&context::current_polled("a timer"), deadline, cx),
        }
    }

    /// Polls where no waker but a task's own is concerned. `None` where one is: then foreign code will run.
    fn poll_own(&mut self, core: &Core, deadline: Instant, cx: &Context<'_>) -> Option<Poll<()>> {
        self.check_loop(core);
        let state = core.state();
        if state.kernel.now() >= deadline && !deadline.is_never() {
            // It has fired, unless the task has blocked the loop past the deadline in this very poll.
            if state.kernel.is_late() {
                return None;
            }
            self.place = TimerPlace::EMPTY;
            return Some(Poll::Ready(()));
        }
        drop(state);
        self.wait_own(core, deadline, cx).map(|()| Poll::Pending)
    }

    #[cold]
    fn poll_foreign(&mut self, core: &Core, deadline: Instant, cx: &Context<'_>) -> Poll<()> {
        if core.state().kernel.now() >= deadline && !deadline.is_never() {
            self.remove(core);
            return Poll::Ready(());
        }
        let target = core.target(cx.waker());
        let mut state = core.state();
        let replaced = match self.place.key().filter(|&key| state.kernel.is_registered(key)) {
            Some(key) => state.kernel.retarget(key, target),
            None => {
                self.register(core, &mut state, deadline, target);
                None
            }
        };
        drop(state);
        core.drop_waker(replaced);
        Poll::Pending
    }

    /// Calls a waker at `deadline`, which lies ahead, on behalf of no task: none is told to wait for it.
    ///
    /// # Panics
    ///
    /// Panics outside the loop in which the timer was made.
    pub(crate) fn set_for_nobody(&mut self, deadline: Instant, waker: &Waker) {
        let core = context::current_polled("a timer");
        self.check_loop(&core);
        self.remove(&core);
        let waker = waker.clone();
        let mut state = core.state();
        let target = Target::Waker(state.keep_for_nobody(waker));
        self.register(&core, &mut state, deadline, target);
    }

    /// Registers anew, out of line.
    #[cold]
    fn register(&mut self, core: &Core, state: &mut State, deadline: Instant, target: Target) {
        let fires = if state.injects { core.injects_late(state, deadline) } else { deadline };
        self.place = state.kernel.register(fires, target).into();
    }

    #[inline]
    fn check_loop(&self, core: &Core) {
        assert!(
            core.run_id() == self.run,
            "a sleep was polled in another loop than the one it was made in"
        );
    }

    /// A place for a timer that is registered already.
    pub(super) fn registered(core: &Core, key: TimerKey) -> Timer {
        Timer { run: core.run_id(), place: key.into() }
    }

    /// Moves a registered timer to `deadline`, as a new registration (S7). One that is due then fires now.
    ///
    /// # Panics
    ///
    /// Panics on another thread than the loop's, whose queue cannot be changed from there.
    #[track_caller]
    pub(crate) fn reset(&mut self, deadline: Instant) {
        let Some(key) = self.place.take() else { return };
        let reset = |core: &Core| {
            let mut state = core.state();
            let target = state.kernel.cancel(key)?;
            if state.kernel.now() < deadline {
                return Some(state.kernel.register(deadline, target));
            }
            drop(state);
            match target {
                Target::Task(task) => core.state().kernel.wake(task),
                Target::Waker(waker) => core.call_waker(Some(waker)),
            }
            None
        };
        let core = context::find_run(self.run);
        if core.is_none() {
            let advice =
                "it may be dropped anywhere, but is polled and reset on the thread of its loop";
            inbox::check_thread(self.run.loop_id(), "a sleep was reset", advice);
        }
        let key = core.and_then(|core| reset(&core));
        self.place = key.map_or(TimerPlace::EMPTY, TimerPlace::from);
    }

    /// Removes the timer.
    #[inline]
    pub(crate) fn cancel(&mut self) {
        if self.is_registered() {
            self.cancel_registered();
        }
    }

    fn cancel_registered(&mut self) {
        let Some(key) = self.place.take() else { return };
        let waker = context::with_run(self.run, |core| {
            // As one word, since most are a task's own and of no further use.
            core.state().kernel.cancel_stored(key).filter(|target| target.is_waker())
        });
        if waker.is_none() {
            inbox::drop_elsewhere(self.run.loop_id(), Dropped::Timer(self.run, key));
        }
        if let Some(Target::Waker(waker)) = waker.flatten().map(StoredTarget::get) {
            self.drop_waker(waker);
        }
    }

    /// Drops a waker that is not a task's own: foreign code, so nothing is borrowed.
    #[cold]
    fn drop_waker(&self, waker: WakerKey) {
        if let Some(core) = context::find_run(self.run) {
            core.drop_waker(Some(waker));
        }
    }

    fn remove(&mut self, core: &Core) {
        let Some(key) = self.place.take() else { return };
        let target = core.state().kernel.cancel(key);
        if let Some(Target::Waker(waker)) = target {
            core.drop_waker(Some(waker));
        }
    }
}

impl Drop for Timer {
    #[inline]
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Makes a timer wake a task; `None` if it is not registered any more. Out of line: most are polled only once
/// before they fire.
#[inline(never)]
fn retarget_own(kernel: &mut Kernel, key: TimerKey, target: Target) -> Option<Result<(), ()>> {
    // Replacing a waker that is not a task's own would drop it.
    kernel.is_registered(key).then(|| kernel.retarget_own(key, target))
}

/// Future of [`settle`](crate::settle).
///
/// # Cancel safety
///
/// Dropping it withdraws the wait; nothing is lost.
///
/// # Panics
///
/// Panics when polled outside a loop, or in another one than that in which it was made.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Settle {
    run: RunId,
    key: Option<SettleKey>,
    is_done: bool,
}

impl fmt::Debug for Settle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settle").field("is_done", &self.is_done).finish()
    }
}

impl Settle {
    #[track_caller]
    pub(crate) fn new() -> Settle {
        Settle { run: context::current("settle").run_id(), key: None, is_done: false }
    }
}

impl Future for Settle {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_done {
            return Poll::Ready(());
        }
        let core = context::current_polled("`settle`");
        assert!(
            core.run_id() == self.run,
            "`settle` was polled in another loop than the one it was made in"
        );
        let target = core.target(cx.waker());
        let mut state = core.state();
        let Some(key) = self.key else {
            self.key = Some(state.kernel.settle(target));
            return Poll::Pending;
        };
        let resettled = state.kernel.resettle(key, target);
        drop(state);
        match resettled {
            Some(replaced) => {
                core.drop_waker(replaced);
                Poll::Pending
            }
            None => {
                if let Target::Waker(unused) = target {
                    core.drop_waker(Some(unused));
                }
                (self.key, self.is_done) = (None, true);
                Poll::Ready(())
            }
        }
    }
}

impl Drop for Settle {
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        let Some(core) = context::find_run(self.run) else {
            return inbox::drop_elsewhere(self.run.loop_id(), Dropped::Settle(self.run, key));
        };
        let target = core.state().kernel.unsettle(key);
        if let Some(Target::Waker(waker)) = target {
            core.drop_waker(Some(waker));
        }
    }
}
