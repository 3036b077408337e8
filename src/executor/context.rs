//! The loop that runs on this thread, found by the API and by wakers: the crate's thread-local state, but for
//! the deadlines in `enclosing` and the notes in `access`.

mod polled;

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::rc::{Rc, Weak};
use std::time::Duration;

pub(super) use polled::{
    HiddenPoll, Polling, forget_now, know_now, polled_now, polled_task, run_of_polled, wake_own,
};

use super::core::Core;
use super::inbox;
use super::registry::{LoopId, RunId};
use super::waker::Address;
use crate::kernel::{Instant, Kernel, TaskKey};

thread_local! {
    /// The loop that is running. Its end is up to [`Entered`], so that the place needs no destructor: looking
    /// into one that has a destructor means to ask each time whether that has run.
    static CURRENT: Place = const { RefCell::new(None) };
    /// All loops of this thread, for handles and wakers that are used between turns. Without a destructor as well:
    /// a loop may be used in that of another thread-local, and must not pass for one of another thread then. The
    /// last loop to go frees it, see [`forget_gone`].
    static LOOPS: RefCell<ManuallyDrop<Vec<Weak<Core>>>> =
        const { RefCell::new(ManuallyDrop::new(Vec::new())) };
    /// Loops that have come to their end, to be used again.
    static RECYCLED: RefCell<Vec<Rc<Core>>> = const { RefCell::new(Vec::new()) };
}

/// The running loop, if there is one.
pub(super) type Running = Option<ManuallyDrop<Rc<Core>>>;

/// The place of the running loop. Who calls nothing that looks there borrows it alone, which is not counted.
pub(super) type Place = RefCell<Running>;

/// Calls `f` with the running loop, or returns `None` outside one.
///
/// The loop stays borrowed meanwhile, so `f` must not run foreign code, nor drop foreign data: either may
/// start or end a loop. Where it has to, [`current`] gives the loop away.
#[inline]
pub(super) fn try_with<R>(f: impl FnOnce(&Core) -> R) -> Option<R> {
    // `try_with` rather than `with`, here and below, because only that is always inlined. It cannot fail.
    CURRENT.try_with(|current| current.borrow().as_ref().map(|core| f(core))).ok().flatten()
}

/// Calls `f` with the place of the running loop, for what is short and done all the time.
///
/// Where this is inlined into a program it is one instruction, in a library a call as far as the compiler knows, for which
/// registers are saved. So the place is handed on from there.
#[inline]
pub(super) fn with_place<R>(f: impl FnOnce(&Place) -> R) -> R {
    CURRENT.try_with(f).unwrap_or_else(|_| unreachable!("it has no destructor"))
}

/// Calls `f` with the running loop.
///
/// # Panics
///
/// Panics outside a loop, with advice (S22).
#[inline]
#[track_caller]
pub(super) fn with<R>(what: &str, f: impl FnOnce(&Core) -> R) -> R {
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
    match try_current() {
        Some(core) => core,
        None => outside(what),
    }
}

/// Returns the running loop; `None` outside one.
///
/// It costs a clone more than [`try_with`], and is compiled once, where that is anew for each use. So it is the way
/// of all that is done but now and then.
#[inline]
pub(super) fn try_current() -> Option<Rc<Core>> {
    CURRENT.try_with(|current| current.borrow().as_deref().map(Rc::clone)).ok().flatten()
}

/// Returns a loop of this thread, running or not; `None` if it is gone or on another thread.
#[inline]
pub(super) fn find(id: LoopId) -> Option<Rc<Core>> {
    try_current().filter(|core| core.id == id).or_else(|| idle(id))
}

#[cold]
#[track_caller]
pub(super) fn outside(what: &str) -> ! {
    // Only what makes a future can wait until that is polled.
    let makes_future = matches!(
        what,
        "sleep"
            | "sleep_until"
            | "timeout"
            | "timeout_at"
            | "settle"
            | "sleep_then_settle"
            | "advance"
    );
    let lazily = match makes_future {
        true => format!(", or build it lazily with `async {{ {what}(..).await }}`"),
        false => String::new(),
    };
    panic!(
        "`{what}` was called outside a running loop\n  \
         call it inside the future given to `run`{lazily}"
    )
}

/// Whether a loop runs on this thread.
pub(crate) fn is_running() -> bool {
    try_current().is_some()
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
    match try_current() {
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
pub(super) fn with_loop<R>(id: LoopId, f: impl FnOnce(&Core) -> R) -> Option<R> {
    let in_running = CURRENT.try_with(|current| match current.borrow().as_ref() {
        Some(core) if core.id == id => Ok(f(core)),
        _ => Err(f),
    });
    match in_running {
        Ok(Ok(result)) => Some(result),
        Ok(Err(f)) => with_idle(id, f),
        Err(_) => None,
    }
}

/// The same with the loop of a run; `None` as well if that run is over.
#[inline]
pub(super) fn with_run<R>(id: RunId, f: impl FnOnce(&Core) -> R) -> Option<R> {
    let in_running = CURRENT.try_with(|current| match current.borrow().as_ref() {
        Some(core) if core.run_id() == id => Ok(f(core)),
        _ => Err(f),
    });
    match in_running {
        Ok(Ok(result)) => Some(result),
        Ok(Err(f)) => with_idle_run(id, f),
        Err(_) => None,
    }
}

#[cold]
#[inline(never)]
fn with_idle_run<R>(id: RunId, f: impl FnOnce(&Core) -> R) -> Option<R> {
    find_run(id).map(|core| f(&core))
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
    LOOPS.with(|loops| {
        loops.borrow().iter().find_map(|core| core.upgrade().filter(|core| core.id == id))
    })
}

/// All loops of this thread.
pub(super) fn loops() -> Vec<Rc<Core>> {
    let mut alive = Vec::new();
    LOOPS.with(|loops| {
        for core in loops.borrow().iter() {
            if let Some(core) = core.upgrade() {
                alive.push(core);
            }
        }
    });
    alive
}

/// Loops that have come to their end are kept up to this number, for their memory.
const RECYCLED_MAX: usize = 4;

/// Takes a loop that is new, or as good as new, with the settings that a [`Builder`](super::Builder) starts with.
pub(super) fn take_new() -> Rc<Core> {
    let recycled = RECYCLED.try_with(|recycled| recycled.borrow_mut().pop());
    recycled.ok().flatten().unwrap_or_else(make_new)
}

#[cold]
fn make_new() -> Rc<Core> {
    let core = Core::new(Kernel::default());
    add(&core);
    core
}

/// Keeps a closed loop for the next run on this thread: a search makes millions of small ones.
pub(super) fn recycle(core: &Rc<Core>) {
    let has_room = || RECYCLED.try_with(|recycled| recycled.borrow().len() < RECYCLED_MAX);
    // Reset outside the borrow: a policy is dropped, whose destructor may run a loop and have that kept.
    if has_room() == Ok(true) && Rc::strong_count(core) == 1 && core.reset() {
        let _ = RECYCLED.try_with(|recycled| {
            let mut recycled = recycled.borrow_mut();
            if recycled.len() < RECYCLED_MAX {
                recycled.push(Rc::clone(core));
            }
        });
    }
}

/// Makes a loop known to this thread.
fn add(core: &Rc<Core>) {
    LOOPS.with(|loops| loops.borrow_mut().push(Rc::downgrade(core)));
}

/// Makes this thread forget a loop that goes, and with the last one the memory of the list.
pub(super) fn forget_gone() {
    LOOPS.with(|loops| {
        let mut loops = loops.borrow_mut();
        loops.retain(|other| other.strong_count() > 0);
        if loops.is_empty() {
            loops.shrink_to_fit();
        }
    });
}

/// While it lives, a loop is the running one of this thread; then the one before is again.
pub(super) struct Entered {
    before: Option<ManuallyDrop<Rc<Core>>>,
    _hidden: HiddenPoll,
}

pub(super) fn enter(core: &Rc<Core>) -> Entered {
    let hidden = HiddenPoll::begin();
    know_now(core.run_id(), core.state().kernel.now());
    let core = ManuallyDrop::new(Rc::clone(core));
    let before = CURRENT.with(|current| current.replace(Some(core)));
    Entered { before, _hidden: hidden }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // What was current is dropped outside the cell; a loop's end may run code that looks here.
        let left = CURRENT.with(|current| current.replace(self.before.take()));
        forget_now();
        drop(left.map(ManuallyDrop::into_inner));
    }
}

/// The running loop's run and present instant.
///
/// # Panics
///
/// Panics outside a loop, with advice (S22).
#[inline]
#[track_caller]
pub(super) fn run_and_now(what: &str) -> (RunId, Instant) {
    match polled_now() {
        Some(known) => known,
        None => with(what, |core| (core.run_id(), core.state().kernel.now())),
    }
}

/// The running loop's present instant; see [`run_and_now`].
#[inline]
#[track_caller]
pub(crate) fn now(what: &str) -> Instant {
    run_and_now(what).1
}

/// What the running loop's wall clock shows, in nanoseconds since 1970.
///
/// # Panics
///
/// Panics outside a loop, with advice (S22).
#[track_caller]
pub(crate) fn wall_clock(what: &str) -> i128 {
    let core = current(what);
    let state = core.state();
    state.wall_at_start + i128::from(state.kernel.now().as_nanos())
}

/// Sets it.
///
/// # Panics
///
/// Panics outside a loop, with advice (S22).
#[track_caller]
pub(crate) fn set_wall_clock(what: &str, nanos: i128) {
    let core = current(what);
    let mut state = core.state();
    state.wall_at_start = nanos - i128::from(state.kernel.now().as_nanos());
}

/// Lets the clock of the running loop go on within a poll; see [`block_for`](crate::time::block_for).
#[track_caller]
pub(crate) fn block_for(duration: Duration) {
    current("block_for").block_for(duration);
}

/// Wakes a task, most likely one of the running loop that waits.
#[inline]
pub(super) fn wake_waiting(address: Address) {
    with_place(|place| wake_in(place, address));
}

/// As long as nothing else is to be done this calls nothing.
#[inline(never)]
fn wake_in(place: &Place, address: Address) {
    let is_done = match place.try_borrow_mut().as_deref() {
        Ok(Some(core)) if core.id == address.loop_id => {
            core.try_state().is_some_and(|mut state| state.kernel.wake_at_once(address.task))
        }
        _ => false,
    };
    if !is_done {
        wake(address);
    }
}

/// Wakes a task of any loop, from anywhere. Out of line, so that whoever wakes somebody saves no registers for this.
#[inline(never)]
pub(super) fn wake(address: Address) {
    let Address { loop_id, task } = address;
    let is_done = CURRENT.try_with(|current| match current.borrow().as_ref() {
        Some(core) if core.id == loop_id => {
            core.state().kernel.wake(task);
            true
        }
        _ => false,
    });
    if is_done != Ok(true) {
        wake_in_idle(loop_id, task);
    }
}

/// The same for a task of a loop that is not the running one.
#[cold]
#[inline(never)]
fn wake_in_idle(loop_id: LoopId, task: TaskKey) {
    if with_idle(loop_id, |core| core.state().kernel.wake(task)).is_none() {
        inbox::wake_from_elsewhere(loop_id, task);
    }
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
        inbox::share_waker(loop_id, task);
    }
}
