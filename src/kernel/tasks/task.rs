//! One task: what the table knows of it, in a line of the cache.

use std::panic::Location;

use super::super::groups::Member;
use super::super::instant::Instant;
use super::super::joined::Joined;
use super::super::key::Target;
use super::super::ordered::Texts;
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
/// In the order in which it is written, so that what every turn looks at lies together.
#[repr(C)]
pub(crate) struct Task {
    /// Position in the order of spawning, from 0. Unlike the slot it is never reused, so it may be shown.
    pub(crate) serial: u64,
    /// While it is alive: the instant at which it last suspended. Then: its place in the order of endings.
    pub(super) stamp: u64,
    pub(super) generation: u32,
    pub(crate) state: State,
    pub(super) flags: Flags,
    /// Clones of its waker that are held somewhere, counted on the loop's own thread. Counting stops for good
    /// at the type's end.
    pub(crate) wakers: u16,
    /// Who is told when it finishes. A join handle cannot be cloned, so one place is enough.
    pub(super) joined: Option<Joined>,
    /// What few tasks have.
    pub(super) extras: Option<Box<Extras>>,
    /// The slot of the parent, which stays in the table as long as this task does. Of a vacant place: the one that
    /// is vacant and next in line.
    pub(super) parent: u32,
    /// Children that still have a slot.
    pub(super) children_kept: u32,
    /// Children spawned without a name.
    pub(super) unnamed_children: u32,
    /// Position among the siblings of the same name.
    pub(super) index: u32,
    pub(crate) site: &'static Location<'static>,
}

/// What a task is besides its state, in one byte, by which a task fits a line of the cache.
#[derive(Clone, Copy)]
pub(super) struct Flags(pub(super) u8);

impl Flags {
    pub(super) const WOKEN: u8 = 1;
    pub(super) const ABORT: u8 = 2;
    pub(super) const DAEMON: u8 = 4;
    pub(super) const MAIN: u8 = 8;
    pub(super) const HANDLE: u8 = 16;
    pub(super) const NAMED: u8 = 32;

    #[inline]
    pub(super) fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    #[inline]
    pub(super) fn with(self, flag: u8, is_set: bool) -> Self {
        Flags(self.0 & !flag | if is_set { flag } else { 0 })
    }
}

/// A line of the cache on most machines.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Task>() == 64);

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

    /// Says whether the slot has to be kept: for the task, for its result, or as its children's parent.
    #[inline]
    pub(super) fn is_needed(&self) -> bool {
        !self.state.is_finished() || self.has_handle() || self.children_kept > 0
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

    /// Who is to be woken when it finishes, where it is joined alone. It is so or is in a group, never both.
    #[inline]
    pub(crate) fn joiner(&self) -> Option<Target> {
        self.joined?.get().ok()
    }

    /// The group in which it is joined with others.
    pub(crate) fn member(&self) -> Option<Member> {
        match self.joined {
            Some(joined) => joined.get().err(),
            None => self.extras.as_ref()?.member,
        }
    }

    /// Must be told of nobody else.
    #[inline]
    pub(crate) fn set_joiner(&mut self, target: Target) {
        self.joined = Some(Joined::alone(target));
    }

    /// Must be told of nobody else.
    #[inline]
    pub(crate) fn set_member(&mut self, member: Member) {
        self.joined = Joined::member(member);
        if self.joined.is_none() {
            self.extras.get_or_insert_default().member = Some(member);
        }
    }

    /// Says whether anybody is told when it finishes.
    #[inline]
    pub(crate) fn is_told_of(&self) -> bool {
        // What else is rare may look like it.
        self.joined.is_some() | self.extras.is_some()
    }

    #[inline]
    pub(crate) fn take_joined(&mut self) -> (Option<Target>, Option<Member>) {
        match self.joined.take().map(Joined::get) {
            Some(Ok(joiner)) => (Some(joiner), None),
            Some(Err(member)) => (None, Some(member)),
            None => (None, self.extras.as_mut().and_then(|extras| extras.member.take())),
        }
    }

    #[inline]
    pub(super) fn forget_extras(&mut self) {
        if self.extras.is_some() {
            self.drop_extras();
        }
    }

    #[inline(never)]
    fn drop_extras(&mut self) {
        self.extras = None;
    }
}

/// What few tasks have, out of the table, which is mostly of tasks that have none of it: children with names, a
/// place in a group that fits no word.
#[derive(Default)]
pub(super) struct Extras {
    /// The names of the children it has spawned, which share the texts.
    pub(super) names: Texts,
    /// How many of each name there were, by its number: the source of the indices in paths.
    pub(super) named: Vec<u32>,
    pub(super) member: Option<Member>,
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
