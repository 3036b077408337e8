//! Where the API says what a turn touches, for a search that leaves out orders of turns that commute.
//!
//! Whatever tasks share holds a [`Tracked`] and tells it of each use. In all runs but those of such a search
//! that looks at one flag of the thread. Nothing is noted outside a task.

use std::cell::{Cell, RefCell};
use std::fmt;

use super::{context, enclosing};
use crate::kernel::{Access, Accesses, Object, ObjectId};
use crate::latch;

thread_local! {
    /// Runs of this thread note what their turns touch.
    static IS_ON: Cell<bool> = const { Cell::new(false) };
    /// Objects made since then outside a task.
    static MADE_OUTSIDE: Cell<u32> = const { Cell::new(0) };
    /// What the last run has noted.
    static NOTED: RefCell<Option<Box<Accesses>>> = const { RefCell::new(None) };
}

/// The number of something that tasks share, and the way to say that it is used.
#[derive(Clone, Copy)]
pub(crate) struct Tracked(ObjectId);

impl Tracked {
    /// Of what is made when it is first used, by whichever task that is, or lives longer than a run.
    pub(crate) const UNKNOWN: Tracked = Tracked(ObjectId::UNKNOWN);

    #[inline]
    pub(crate) fn new() -> Self {
        if is_on() { Tracked::numbered() } else { Tracked(ObjectId::UNKNOWN) }
    }

    #[cold]
    fn numbered() -> Self {
        let Some(core) = context::try_current() else {
            let number = MADE_OUTSIDE.get() + 1;
            MADE_OUTSIDE.set(number);
            return Tracked(ObjectId::before_run(number));
        };
        Tracked(match core.try_state() {
            Some(mut state) => state.kernel.make_object(),
            // Made in one call with the loop's own tables: the pool of the loop.
            None => ObjectId::UNKNOWN,
        })
    }

    /// The running task looks at it.
    #[inline]
    pub(crate) fn read(self) {
        if is_on() {
            self.note(Access::Read);
        }
    }

    /// The running task may change it.
    #[inline]
    pub(crate) fn write(self) {
        if is_on() {
            self.note(Access::Write);
        }
    }

    /// What is noted is made here, so that nothing is where nothing is noted.
    #[cold]
    #[inline(never)]
    fn note(self, access: fn(Object) -> Access) {
        note_in_loop(access(Object::Made(self.0)));
    }
}

impl Default for Tracked {
    #[inline]
    fn default() -> Self {
        Tracked::new()
    }
}

/// Nothing in it is for a reader.
impl fmt::Debug for Tracked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tracked")
    }
}

#[inline]
pub(crate) fn is_on() -> bool {
    // `try_with` rather than `with`, because only that is always inlined. It cannot fail.
    IS_ON.try_with(Cell::get).unwrap_or(false)
}

/// Notes what the running task does.
#[inline]
pub(crate) fn note(access: Access) {
    if is_on() {
        note_in_loop(access);
    }
}

/// Notes that the running task polls one of several things.
#[inline]
pub(crate) fn note_beside() {
    note(Access::Beside);
}

/// Notes that the running task waits for an end, or has found it.
#[inline]
pub(super) fn note_wait(access: Access) {
    if is_on() {
        if enclosing::is_timed() {
            note_in_loop(Access::Beside);
        }
        note_in_loop(access);
    }
}

#[cold]
#[inline(never)]
fn note_in_loop(access: Access) {
    context::try_with(|core| {
        // Nothing of the program runs while it is borrowed: the loop itself looks, to describe what waits.
        let Some(mut state) = core.try_state() else { return };
        if state.kernel.running().is_some() {
            state.kernel.note_access(access);
        }
    });
}

/// Runs `f` with notes of accesses taken on this thread: in the loop that is built with the tables to note
/// them in, and in the making of what tasks share. Returns those of the run.
pub(crate) fn noted<R>(f: impl FnOnce() -> R) -> (R, Option<Box<Accesses>>) {
    let _on = On::begin();
    let result = f();
    (result, NOTED.with(RefCell::take))
}

/// Keeps what a run has noted until [`noted`] returns.
pub(super) fn hand_over(accesses: Box<Accesses>) {
    NOTED.set(Some(accesses));
}

struct On;

impl On {
    fn begin() -> On {
        IS_ON.set(true);
        latch::set_careful(true);
        MADE_OUTSIDE.set(0);
        NOTED.set(None);
        On
    }
}

impl Drop for On {
    fn drop(&mut self) {
        IS_ON.set(false);
        latch::set_careful(false);
    }
}
