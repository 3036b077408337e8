//! Keys: how the kernel names a task, and whom an event is to wake.
//!
//! A key is a place in a table with a generation, so a key that outlives what it named is harmless.

use std::num::NonZeroU64;

use super::ordered::number_keys;

/// How many bits of a key name the slot. Slot and generation share 48 bits, because the other 16 of a
/// waker's 64 name the loop.
pub(crate) const SLOT_BITS: u32 = 24;

/// Tasks that may be alive at once in one loop: 16,777,215.
pub(crate) const SLOTS_MAX: u32 = (1 << SLOT_BITS) - 1;

/// The last generation of a slot; a slot that has had it is retired rather than reused.
pub(crate) const GENERATION_MAX: u32 = (1 << 24) - 1;

/// Names a task of this kernel.
///
/// Slot and generation share one word, as in a waker: a key travels in a register. As two fields it was
/// written in pieces and read back as a whole, which makes the processor wait.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TaskKey(u64);

impl TaskKey {
    /// The bits that a key may have.
    const BITS: u64 = (1 << (2 * SLOT_BITS)) - 1;

    #[inline]
    pub(crate) const fn new(slot: u32, generation: u32) -> Self {
        debug_assert!(
            slot < 1 << SLOT_BITS && generation <= GENERATION_MAX,
            "a key fits its 48 bits"
        );
        TaskKey((slot as u64) << SLOT_BITS | generation as u64)
    }

    #[inline]
    pub(crate) fn slot(self) -> u32 {
        (self.0 >> SLOT_BITS) as u32
    }

    #[inline]
    pub(crate) fn generation(self) -> u32 {
        self.0 as u32 & GENERATION_MAX
    }

    /// The key in the low 48 bits of a word.
    #[inline]
    pub(crate) fn from_bits(word: u64) -> Self {
        TaskKey(word & TaskKey::BITS)
    }

    #[inline]
    pub(crate) fn bits(self) -> u64 {
        self.0
    }
}

number_keys!(TaskKey, TaskId);

impl std::fmt::Debug for TaskKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TaskKey({}, generation {})", self.slot(), self.generation())
    }
}

/// Names a waker that is not a task's own, kept by the shell on the kernel's behalf.
///
/// The kernel never holds a `Waker`: cloning, waking and dropping one are foreign code.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct WakerKey(pub(crate) u64);

/// Whom an event is to wake.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Target {
    /// A task of this kernel, which the kernel makes ready itself.
    Task(TaskKey),
    /// A waker that the shell keeps, and that the kernel hands back when it is due.
    Waker(WakerKey),
}

/// A target in one word, as the tables keep it.
#[derive(Clone, Copy)]
pub(crate) struct StoredTarget(NonZeroU64);

/// Marks a waker's key, in the highest bit.
pub(super) const WAKER: u64 = 1 << 63;

/// A bit for whoever stores the word.
const FLAG: u64 = 1 << 61;

/// Marks a task's key. One of the marks is always there, so that the word is never zero.
const TASK: u64 = 1 << 62;

impl StoredTarget {
    #[inline]
    pub(crate) fn new(target: Target) -> Self {
        let word = match target {
            Target::Task(task) => TASK | task.bits(),
            Target::Waker(WakerKey(place)) => WAKER | place,
        };
        StoredTarget(NonZeroU64::new(word).expect("a mark is set"))
    }

    /// The word, for whoever stores it beside others.
    #[inline]
    pub(super) fn word(self) -> NonZeroU64 {
        self.0
    }

    /// What [`word`](Self::word) gave.
    #[inline]
    pub(super) fn from_word(word: NonZeroU64) -> Self {
        StoredTarget(word)
    }

    #[inline]
    pub(crate) fn get(self) -> Target {
        let word = self.0.get();
        if self.is_waker() {
            return Target::Waker(WakerKey(word & !(WAKER | FLAG)));
        }
        Target::Task(TaskKey::from_bits(word))
    }

    #[inline]
    pub(crate) fn is_waker(self) -> bool {
        self.0.get() & WAKER != 0
    }

    /// Carries a bit along with the target.
    #[inline]
    pub(crate) fn flagged(self, is_flagged: bool) -> Self {
        if is_flagged { StoredTarget(self.0 | FLAG) } else { self }
    }

    #[inline]
    pub(crate) fn is_flagged(self) -> bool {
        self.0.get() & FLAG != 0
    }
}

impl std::fmt::Debug for StoredTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.get().fmt(f)
    }
}

/// For each waker that the shell keeps: the task that registered it.
///
/// Inside a combinator a future is polled with a waker of the combinator's making. Whom it wakes in the
/// end cannot be known, but who waits is the task that was running.
#[derive(Default)]
pub(crate) struct WakerOwners {
    owners: Vec<Option<TaskKey>>,
    free: Vec<u32>,
}

impl WakerOwners {
    pub(crate) fn add(&mut self, owner: Option<TaskKey>) -> WakerKey {
        match self.free.pop() {
            Some(place) => {
                self.owners[place as usize] = owner;
                WakerKey(u64::from(place))
            }
            None => {
                self.owners.push(owner);
                WakerKey((self.owners.len() - 1) as u64)
            }
        }
    }

    pub(crate) fn remove(&mut self, key: WakerKey) {
        self.free.push(key.0 as u32);
    }

    pub(crate) fn clear(&mut self) {
        self.owners.clear();
        self.free.clear();
    }

    pub(crate) fn owner(&self, key: WakerKey) -> Option<TaskKey> {
        self.owners[key.0 as usize]
    }
}

/// Names a task of a run: its position in the order of spawning, from 0.
///
/// Never reused within a run, the same in every run of the same schedule, and shown as `#3`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(u64);

impl TaskId {
    pub(crate) fn new(serial: u64) -> Self {
        TaskId(serial)
    }

    /// Returns the position in the order of spawning, from 0.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl std::fmt::Display for TaskId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl std::fmt::Debug for TaskId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
