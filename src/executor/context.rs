//! The loop that runs on this thread, found by the API and by wakers: the crate's only thread-local state.

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

#[cold]
#[track_caller]
fn outside(what: &str) -> ! {
    panic!(
        "`{what}` was called outside a running loop\n  \
         call it inside the future given to `run`, or build it lazily with `async {{ {what}(..).await }}`"
    )
}

/// Calls `f` with a loop of this thread, running or not; `None` if it is gone or on another thread.
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

/// Calls `f` with the loop of a run; `None` if that run is over.
#[inline]
pub(super) fn with_run<R>(id: RunId, f: impl FnOnce(&Core) -> R) -> Option<R> {
    with_loop(id.loop_id, |core| (core.run_id() == id).then(|| f(core))).flatten()
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
    LOOPS.with(|loops| {
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
    Entered { before: CURRENT.replace(Some(Rc::clone(core))) }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // What was current is dropped outside the cell; a loop's end may run code that looks here.
        let _ = CURRENT.try_with(|current| current.replace(self.before.take()));
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
    let Address { loop_id, task } = address;
    if with_loop(loop_id, |core| core.state().kernel.count_waker(task, is_clone)).is_none() {
        registry::share_waker(loop_id);
    }
}
