//! The loop that runs on this thread, found by the API and by wakers: the crate's thread-local state, but for
//! the deadlines in `enclosing`.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use super::core::Core;
use super::registry::{self, LoopId, RunId};
use super::waker::Address;
use crate::kernel::TaskKey;

thread_local! {
    /// The loop that is running.
    static CURRENT: RefCell<Option<Rc<Core>>> = const { RefCell::new(None) };
    /// All loops of this thread, for handles and wakers that are used between turns.
    static LOOPS: RefCell<Vec<Weak<Core>>> = const { RefCell::new(Vec::new()) };
    /// Loops that have come to their end, to be used again.
    static RECYCLED: RefCell<Vec<Rc<Core>>> = const { RefCell::new(Vec::new()) };
}

/// Calls `f` with the running loop, or returns `None` outside one.
///
/// The loop stays borrowed meanwhile, so `f` must not run foreign code, nor drop foreign data: either may
/// start or end a loop. Where it has to, [`current`] gives the loop away.
#[inline]
pub(crate) fn try_with<R>(f: impl FnOnce(&Core) -> R) -> Option<R> {
    // On a thread that is going away there is no loop any more; that is no reason to panic.
    let inner = |current: &RefCell<Option<Rc<Core>>>| current.borrow().as_deref().map(f);
    CURRENT.try_with(inner).ok().flatten()
}

/// Calls `f` with the running loop.
///
/// # Panics
///
/// Panics outside a loop, with advice (S22).
#[inline]
#[track_caller]
pub(crate) fn with<R>(what: &str, f: impl FnOnce(&Core) -> R) -> R {
    match try_with(f) {
        Some(result) => result,
        None => outside(what),
    }
}

/// Returns the running loop, for calls in which foreign code runs.
///
/// # Panics
///
/// Panics outside a loop, with advice (S22).
#[inline]
#[track_caller]
pub(super) fn current(what: &str) -> Rc<Core> {
    let current = CURRENT.try_with(|current| current.borrow().clone());
    match current.ok().flatten() {
        Some(core) => core,
        None => outside(what),
    }
}

/// Returns a loop of this thread, running or not; `None` if it is gone or on another thread.
#[inline]
pub(super) fn find(id: LoopId) -> Option<Rc<Core>> {
    let current = CURRENT.try_with(|current| current.borrow().clone());
    current.ok().flatten().filter(|core| core.id == id).or_else(|| idle(id))
}

#[cold]
#[track_caller]
fn outside(what: &str) -> ! {
    // Only what makes a future can wait until that is polled.
    let makes_future = matches!(what, "sleep" | "sleep_until" | "timeout" | "timeout_at");
    let lazily = match makes_future {
        true => format!(", or build it lazily with `async {{ {what}(..).await }}`"),
        false => String::new(),
    };
    panic!(
        "`{what}` was called outside a running loop\n  \
         call it inside the future given to `run`{lazily}"
    )
}

/// Calls `f` with the running loop, for a future that is polled.
///
/// # Panics
///
/// Panics outside a loop, with advice (S22).
#[inline]
pub(super) fn with_polled<R>(what: &str, f: impl FnOnce(&Core) -> R) -> R {
    match try_with(f) {
        Some(result) => result,
        None => polled_outside(what),
    }
}

/// Returns the running loop, for a poll in which foreign code runs; see [`with_polled`].
pub(super) fn current_polled(what: &str) -> Rc<Core> {
    match CURRENT.try_with(|current| current.borrow().clone()).ok().flatten() {
        Some(core) => core,
        None => polled_outside(what),
    }
}

#[cold]
fn polled_outside(what: &str) -> ! {
    panic!(
        "{what} was polled outside a running loop\n  \
         await it inside the future given to `run`"
    )
}

/// Calls `f` with a loop of this thread, running or not; `None` if it is gone or on another thread.
///
/// As in [`try_with`], `f` must not run foreign code.
#[inline]
pub(crate) fn with_loop<R>(id: LoopId, f: impl FnOnce(&Core) -> R) -> Option<R> {
    let running = |current: &RefCell<Option<Rc<Core>>>| match current.borrow().as_deref() {
        Some(core) if core.id == id => Ok(f(core)),
        _ => Err(f),
    };
    match CURRENT.try_with(running) {
        Ok(Ok(result)) => Some(result),
        Ok(Err(f)) => with_idle(id, f),
        Err(_) => None,
    }
}

/// The same for a loop that is not the running one: out of line, because it is the rare case.
#[cold]
#[inline(never)]
fn with_idle<R>(id: LoopId, f: impl FnOnce(&Core) -> R) -> Option<R> {
    idle(id).map(|core| f(&core))
}

/// Returns the loop of a run; `None` if that run is over, or on another thread.
#[inline]
pub(super) fn find_run(id: RunId) -> Option<Rc<Core>> {
    find(id.loop_id()).filter(|core| core.run_id() == id)
}

#[cold]
fn idle(id: LoopId) -> Option<Rc<Core>> {
    let find = |loops: &RefCell<Vec<Weak<Core>>>| {
        loops.borrow().iter().filter_map(Weak::upgrade).find(|core| core.id == id)
    };
    LOOPS.try_with(find).ok().flatten()
}

/// Loops that have come to their end are kept up to this number, for their memory.
const RECYCLED_MAX: usize = 4;

/// Takes a loop that has come to its end and is as good as new.
pub(super) fn take_recycled() -> Option<Rc<Core>> {
    RECYCLED.try_with(|recycled| recycled.borrow_mut().pop()).ok().flatten()
}

/// Keeps a closed loop for the next run on this thread: a search makes millions of small ones.
pub(super) fn recycle(core: &Rc<Core>) {
    let _ = RECYCLED.try_with(|recycled| {
        let mut recycled = recycled.borrow_mut();
        if recycled.len() < RECYCLED_MAX && Rc::strong_count(core) == 1 && core.reset() {
            recycled.push(Rc::clone(core));
        }
    });
}

/// Makes a loop known to this thread.
pub(super) fn add(core: &Rc<Core>) {
    let _ = LOOPS.try_with(|loops| {
        let mut loops = loops.borrow_mut();
        loops.retain(|other| other.strong_count() > 0);
        loops.push(Rc::downgrade(core));
    });
}

/// While it lives, a loop is the running one of this thread; then the one before is again.
pub(super) struct Entered {
    before: Option<Rc<Core>>,
}

pub(super) fn enter(core: &Rc<Core>) -> Entered {
    // On a thread that is going away there is nothing to enter; a loop is then closed without.
    let before = CURRENT.try_with(|current| current.replace(Some(Rc::clone(core))));
    Entered { before: before.ok().flatten() }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // What was current is dropped outside the cell; a loop's end may run code that looks here.
        let left = CURRENT.try_with(|current| current.replace(self.before.take()));
        drop(left);
    }
}

/// Wakes a task of any loop, from anywhere.
#[inline]
pub(super) fn wake(address: Address) {
    let Address { loop_id, task } = address;
    if with_loop(loop_id, |core| core.state().kernel.wake(task)).is_none() {
        wake_from_elsewhere(loop_id, task);
    }
}

#[cold]
#[inline(never)]
fn wake_from_elsewhere(loop_id: LoopId, task: TaskKey) {
    registry::wake_from_elsewhere(loop_id, task);
}

/// Counts a clone of a task's waker, or its end.
#[inline]
pub(super) fn count_waker(address: Address, is_clone: bool) {
    #[cfg(feature = "backtrace")]
    if is_clone {
        super::probe::on_clone(address);
    }
    let Address { loop_id, task } = address;
    if with_loop(loop_id, |core| core.state().kernel.count_waker(task, is_clone)).is_none() {
        registry::share_waker(loop_id);
    }
}
