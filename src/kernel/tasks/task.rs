//! One task: what the table knows of it, in three quarters of a line of the cache.

use std::panic::Location;

use super::super::instant::Instant;
use super::super::joined::Joined;
use super::UNNAMED;

/// The states of a task, and the state of a slot that holds none.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum State {
    Vacant,
    Ready,
    Running,
    Suspended,
    /// Its future has ended and its heirs have not: alive to whoever joins it, and never polled again.
    Lingering,
    Completed,
    Cancelled,
    Panicked,
}

impl State {
    pub(crate) fn is_alive(self) -> bool {
        matches!(self, State::Ready | State::Running | State::Suspended | State::Lingering)
    }

    /// Whether there is a future to be dropped.
    pub(crate) fn is_abortable(self) -> bool {
        self.is_alive() && self != State::Lingering
    }

    /// Whether the future has ended, told or not.
    pub(crate) fn is_over(self) -> bool {
        self.is_finished() || self == State::Lingering
    }

    pub(crate) fn is_finished(self) -> bool {
        matches!(self, State::Completed | State::Cancelled | State::Panicked)
    }
}

/// One task, or the vacant place of one.
///
/// In the order in which it is written, so that what every turn looks at lies together. It may lie in two lines of the
/// cache; to fetch both, one looks at the first field and at the last.
#[repr(C)]
pub(crate) struct Task {
    pub(super) generation: u32,
    pub(crate) state: State,
    pub(super) flags: Flags,
    /// Clones of its waker that are held somewhere, counted on the loop's own thread. Counting stops for good
    /// at the type's end.
    pub(crate) wakers: u16,
    /// Position in the order of spawning, from 0. Unlike the slot it is never reused, so it may be shown.
    pub(crate) serial: u64,
    /// While it is alive: the instant at which it last suspended. Then: its place in the order of endings.
    pub(super) stamp: u64,
    /// Who is told when it finishes. A join handle cannot be cloned, so one place is enough.
    pub(super) joined: Option<Joined>,
    pub(crate) site: &'static Location<'static>,
    /// The slot of the parent, which stays in the table as long as this task does. Of a vacant place: the one that
    /// is vacant and next in line.
    pub(super) parent: u32,
    /// Position among the siblings of the same name.
    pub(super) index: u32,
}

/// What a task is besides its state, in one byte, by which a task takes no more than it does.
#[derive(Clone, Copy)]
pub(super) struct Flags(pub(super) u8);

impl Flags {
    pub(super) const WOKEN: u8 = 1;
    pub(super) const ABORT: u8 = 2;
    pub(super) const DAEMON: u8 = 4;
    pub(super) const MAIN: u8 = 8;
    pub(super) const HANDLE: u8 = 16;
    pub(super) const NAMED: u8 = 32;
    /// It is in a group, and its place there fits no word.
    pub(super) const FAR: u8 = 64;

    #[inline]
    pub(super) fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    #[inline]
    pub(super) fn with(self, flag: u8, is_set: bool) -> Self {
        Flags(self.0 & !flag | if is_set { flag } else { 0 })
    }
}

#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Task>() == 48);

impl Task {
    /// Woken during its own poll; goes to the back of the ready set when the poll ends (S17).
    #[inline]
    pub(crate) fn is_woken(&self) -> bool {
        self.flags.has(Flags::WOKEN)
    }

    #[inline]
    pub(crate) fn set_woken(&mut self, is_woken: bool) {
        self.flags = self.flags.with(Flags::WOKEN, is_woken);
    }

    /// Its future is dropped at its next turn, or at the end of the poll it is in (S19).
    #[inline]
    pub(crate) fn is_aborted(&self) -> bool {
        self.flags.has(Flags::ABORT)
    }

    pub(crate) fn set_aborted(&mut self) {
        self.flags = self.flags.with(Flags::ABORT, true);
    }

    pub(crate) fn is_daemon(&self) -> bool {
        self.flags.has(Flags::DAEMON)
    }

    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// Its name is in the table's list.
    pub(super) fn is_named(&self) -> bool {
        self.flags.has(Flags::NAMED)
    }

    /// It is called [`MAIN`] and has no parent. Every run has one, so that name is not worth an allocation.
    pub(super) fn is_main(&self) -> bool {
        self.flags.has(Flags::MAIN)
    }

    /// A join handle exists. While it does, a finished task keeps its slot, and its output its place.
    #[inline]
    pub(crate) fn has_handle(&self) -> bool {
        self.flags.has(Flags::HANDLE)
    }

    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// When it last suspended, of a task that is alive.
    pub(crate) fn since(&self) -> Instant {
        Instant::from_nanos(self.stamp)
    }

    #[inline]
    pub(crate) fn set_since(&mut self, now: Instant) {
        self.stamp = now.as_nanos();
    }

    /// Its place in the order of endings, of a task that has finished.
    pub(crate) fn ended(&self) -> u64 {
        self.stamp
    }

    #[inline]
    pub(crate) fn set_ended(&mut self, order: u64) {
        self.stamp = order;
    }
}

/// What is asked of a new task.
#[derive(Clone, Copy)]
pub(crate) struct Spawn<'a> {
    pub(crate) name: Option<&'a str>,
    /// The slot of a task in the table, or [`NO_SLOT`].
    pub(crate) parent: u32,
    pub(crate) daemon: bool,
    pub(crate) has_handle: bool,
    pub(crate) site: &'static Location<'static>,
}

impl<'a> Spawn<'a> {
    /// The name, unless it is the one that the unnamed have: those two kinds of siblings share a name, and
    /// so their indices (S18). Counted apart, two tasks would have one path, and one stream of random numbers.
    pub(crate) fn own_name(&self) -> Option<&'a str> {
        self.name.filter(|&name| name != UNNAMED)
    }
}
