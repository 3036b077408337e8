//! The timers of one loop: who waits for which instant, and who is next.
//!
//! Promises: timers leave in the order (deadline, registration); a cancelled timer never leaves; a
//! key that outlived its timer finds nothing, for ever; the memory is bounded by the most timers
//! that lived at once, however many were cancelled.
//!
//! Refuses to know: what the time is (callers pass `now`), what a payload means, how the queue is
//! ordered inside (that is `ladder`'s). It hashes nothing and looks at no address, so the same calls
//! always give the same answers.

mod buckets;
mod ladder;
mod parts;
mod run;
#[cfg(test)]
mod tests;

use crate::kernel::Instant;
use ladder::{Entry, Ladder};
use parts::Parts;
use std::fmt;

/// Names one registered timer.
///
/// A key is harmless when stale: every slot counts its tenants, and a key opens the slot for one.
///
/// Slot (low half) and generation (high half) share one integer, so that an entry of the queue is
/// two words and travels in registers. As three fields it was written in pieces and read back as a
/// whole, which made the processor wait: 5 ns for each timer. The lowest bit is always set, so that a
/// [`TimerPlace`] needs no more than the word.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct TimerKey(u64);

/// Where the key of a timer is kept: a key, or none, with one word on why.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct TimerPlace(u64);

impl TimerPlace {
    /// No timer was registered, or it was cancelled.
    pub(crate) const EMPTY: TimerPlace = TimerPlace(0);
    /// No timer any more: what it stood for has come to its end.
    pub(crate) const SPENT: TimerPlace = TimerPlace(2);

    #[inline]
    pub(crate) fn is_registered(self) -> bool {
        self.0 & 1 == 1
    }

    #[inline]
    pub(crate) fn key(self) -> Option<TimerKey> {
        self.is_registered().then_some(TimerKey(self.0))
    }

    /// Empties it.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<TimerKey> {
        std::mem::replace(self, TimerPlace::EMPTY).key()
    }
}

impl From<TimerKey> for TimerPlace {
    #[inline]
    fn from(key: TimerKey) -> Self {
        TimerPlace(key.0)
    }
}

/// Holds the timers of one loop, each with a payload.
///
/// A deadline of [`Instant::NEVER`] is *parked*: it has a key, can be looked up and cancelled, but
/// never fires and is not counted.
pub(crate) struct Timers<P> {
    /// Slots outlive `clear`, because their generations are what keeps old keys stale.
    slots: Vec<Slot<P>>,
    /// How many slots were handed out since `clear`; those behind are free and not in the list.
    /// A loop that takes over the memory of another thus numbers its timers as a new one does.
    used: u32,
    /// Free slots before `used`. The one freed last is used first: it is still in the cache. A list
    /// threaded through the slots would be smaller, but to follow it is to wait for memory at each
    /// step; a fan of a million reused timers took half as long again. In parts it takes memory that the queue has
    /// given back by then.
    free: Parts<u32>,
    ladder: Ladder,
    /// Deadlines that were noted, by slot, each with its timer's key.
    noted: Vec<(TimerKey, Instant)>,
}

struct Slot<P> {
    payload: P,
    /// The tenant. It moves on when a tenant comes and when it leaves: a free slot, whose generation is even, matches no
    /// key.
    generation: u32,
    mark: Mark,
}

impl<P> Slot<P> {
    #[inline]
    fn is_live(&self) -> bool {
        self.generation & 1 == 1
    }
}

/// What is left of a deadline in half of its bits: enough to tell, of a timer that is cancelled, that another one's
/// deadline is not its own. All of it stands in the queue, and would take half as much again here.
#[derive(Clone, Copy, PartialEq)]
struct Mark(u32);

impl Mark {
    /// What no other timer has.
    const PARKED: Mark = Mark(1);

    /// Mixes all bits by a multiplication with the golden ratio (Knuth, "The Art of Computer Programming", volume 3,
    /// section 6.4), because deadlines that lie beside each other are met more often than others.
    #[inline]
    fn new(deadline: Instant) -> Mark {
        let mixed = deadline.as_nanos().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Mark((mixed >> 32) as u32 & !1)
    }
}

/// A slot that reached this generation is never handed out again: one tenant more, and a key of
/// two billion tenants ago would open it.
const RETIRED: u32 = u32::MAX - 1;

/// A slot and the bit that marks a key share the lower half of a word.
const SLOTS_MAX: u32 = u32::MAX >> 1;

impl<P: Copy> Timers<P> {
    /// Makes an empty set, without allocating.
    pub const fn new() -> Self {
        Timers {
            slots: Vec::new(),
            used: 0,
            free: Parts::new(),
            ladder: Ladder::new(),
            noted: Vec::new(),
        }
    }

    /// Registers a timer. Among equal deadlines, the one registered first fires first.
    ///
    /// The deadline may lie in the past, even before timers that have fired.
    #[inline(always)]
    pub fn insert(&mut self, deadline: Instant, payload: P) -> TimerKey {
        if deadline.is_never() {
            return self.park(payload);
        }
        let key = self.claim(Mark::new(deadline), payload);
        self.ladder.insert(Entry { deadline, key });
        key
    }

    #[inline(never)]
    fn park(&mut self, payload: P) -> TimerKey {
        self.claim(Mark::PARKED, payload)
    }

    #[inline]
    fn slot(&self, key: TimerKey) -> Option<&Slot<P>> {
        self.slots.get(key.slot() as usize).filter(|slot| slot.generation == key.generation())
    }

    /// Looks a payload up; `None` if the timer has fired or was cancelled.
    #[inline]
    pub fn get(&self, key: TimerKey) -> Option<P> {
        self.slot(key).map(|slot| slot.payload)
    }

    /// Looks a payload up for change; `None` if the timer has fired or was cancelled.
    #[inline]
    pub fn get_mut(&mut self, key: TimerKey) -> Option<&mut P> {
        let slot = self.slots.get_mut(key.slot() as usize)?;
        (slot.generation == key.generation()).then_some(&mut slot.payload)
    }

    /// Says whether a timer is parked.
    pub fn is_parked(&self, key: TimerKey) -> bool {
        self.slot(key).is_some_and(|slot| slot.mark == Mark::PARKED)
    }

    /// Keeps the deadline of a timer for [`deadline`](Self::deadline).
    pub fn note(&mut self, key: TimerKey, deadline: Instant) {
        let place = key.slot() as usize;
        while self.noted.len() <= place {
            self.noted.push((key, deadline));
        }
        self.noted[place] = (key, deadline);
    }

    /// The deadline of a timer, if it was noted, also when that has fired or was cancelled.
    pub fn deadline(&self, key: TimerKey) -> Option<Instant> {
        let &(noted, deadline) = self.noted.get(key.slot() as usize)?;
        (noted == key).then_some(deadline)
    }

    /// Forgets a timer at once and returns its payload; `None` if it has fired or was cancelled.
    #[inline]
    pub fn cancel(&mut self, key: TimerKey) -> Option<P> {
        let &Slot { payload, mark, .. } = self.slot(key)?;
        self.release(key.slot());
        if mark != Mark::PARKED {
            self.ladder.cancel(key, mark, alive(&self.slots));
        }
        Some(payload)
    }

    /// Returns the deadline of the timer that fires next.
    ///
    /// Usually takes a few nanoseconds. It reads the first bucket of the queue when the sorted run
    /// is empty and the earliest of the others is not known: that is remembered until the timer
    /// fires or is cancelled.
    #[inline]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.ladder.next_deadline(alive(&self.slots))
    }

    /// Removes and returns the timer that fires first, if its deadline is not after `now`.
    #[inline]
    pub fn pop_due(&mut self, now: Instant) -> Option<(Instant, P)> {
        let entry = self.ladder.pop_due(now, alive(&self.slots))?;
        let payload = self.release(entry.key.slot());
        Some((entry.deadline, payload))
    }

    /// Visits those that fire next, once after each time that the queue has sorted out some more of them.
    #[inline]
    pub fn take_upcoming(&mut self) -> Option<impl Iterator<Item = P>> {
        let slots = &self.slots;
        let upcoming = self.ladder.take_refilled()?.iter();
        Some(upcoming.map(|entry| slots[entry.key.slot() as usize].payload))
    }

    /// Counts the timers that can fire; parked ones are not among them.
    #[inline]
    pub fn len(&self) -> usize {
        self.ladder.len()
    }

    /// Tells what all timers stand for, parked ones too.
    pub fn for_each_payload(&self, mut tell: impl FnMut(P)) {
        for slot in &self.slots[..self.used as usize] {
            if slot.is_live() {
                tell(slot.payload);
            }
        }
    }

    /// Tells all timers, parked ones too, in an order that depends only on the calls since the set was made or cleared.
    /// It goes through all of the queue.
    pub fn all(&self) -> Vec<(Instant, P)> {
        let slots = &self.slots[..self.used as usize];
        let mut deadlines = Vec::with_capacity(slots.len());
        slots.iter().for_each(|_| deadlines.push(Instant::NEVER));
        let is_alive = alive(slots);
        self.ladder.for_each(&mut |entry| {
            if is_alive(entry) {
                deadlines[entry.key.slot() as usize] = entry.deadline;
            }
        });
        let mut all = Vec::new();
        for (number, slot) in slots.iter().enumerate() {
            if slot.is_live() {
                all.push((deadlines[number], slot.payload));
            }
        }
        all
    }

    /// Forgets all timers and keeps the memory for the next loop. Old keys stay stale.
    #[inline]
    pub fn clear(&mut self) {
        // Where all are free none is live, and there is nothing to go through.
        if self.free.len() != self.used as usize {
            self.end_live();
        }
        self.used = 0;
        self.free.clear();
        self.ladder.clear();
        self.noted.clear();
    }

    fn end_live(&mut self) {
        for slot in &mut self.slots[..self.used as usize] {
            slot.generation += u32::from(slot.is_live());
        }
    }

    /// Always in line: left to itself, the compiler changes its mind with every change elsewhere, for 17 instructions.
    #[inline(always)]
    fn claim(&mut self, mark: Mark, payload: P) -> TimerKey {
        match self.free.pop() {
            Some(number) => self.occupy(number, mark, payload),
            None => self.claim_far(mark, payload),
        }
    }

    #[inline(always)]
    fn occupy(&mut self, number: u32, mark: Mark, payload: P) -> TimerKey {
        let slot = &mut self.slots[number as usize];
        slot.generation += 1;
        (slot.payload, slot.mark) = (payload, mark);
        TimerKey::new(number, slot.generation)
    }

    /// Hands out one of the slots that have been free for long, or one behind `used`: left by an earlier loop, or new.
    #[inline(never)]
    fn claim_far(&mut self, mark: Mark, payload: P) -> TimerKey {
        if self.free.len() > 0 {
            return self.claim_early(mark, payload);
        }
        while let Some(slot) = self.slots.get_mut(self.used as usize) {
            let number = self.used;
            self.used += 1;
            if slot.generation == RETIRED {
                continue;
            }
            let generation = slot.generation + 1;
            *slot = Slot { payload, generation, mark };
            return TimerKey::new(number, generation);
        }
        self.add(mark, payload)
    }

    #[cold]
    #[inline(never)]
    fn claim_early(&mut self, mark: Mark, payload: P) -> TimerKey {
        let number = self.free.pop_full().expect("some are free");
        self.occupy(number, mark, payload)
    }

    /// Makes a slot. Out of line, so that to take one that is there saves no registers for this.
    #[cold]
    #[inline(never)]
    fn add(&mut self, mark: Mark, payload: P) -> TimerKey {
        let number = self.used;
        assert!(number < SLOTS_MAX, "more than {number} timers live at once");
        self.slots.push(Slot { payload, generation: 1, mark });
        self.used += 1;
        TimerKey::new(number, 1)
    }

    #[inline]
    fn release(&mut self, number: u32) -> P {
        let slot = &mut self.slots[number as usize];
        let payload = slot.payload;
        slot.generation += 1;
        if slot.generation != RETIRED {
            self.free.push(number);
        }
        payload
    }

    /// Panics if an invariant is broken. It visits everything: for tests and debug builds.
    pub fn check(&self) {
        self.free.for_each(|&number| {
            assert!(number < self.used, "an unused slot is listed as free");
            let slot = &self.slots[number as usize];
            assert!(!slot.is_live(), "a live slot is listed as free");
            assert_ne!(slot.generation, RETIRED, "a retired slot is listed as free");
        });
        let (used, unused) = self.slots.split_at(self.used as usize);
        for slot in unused {
            assert!(!slot.is_live(), "a live slot is behind those in use");
        }
        let (mut accounted, mut can_fire) = (self.free.len(), 0);
        for slot in used {
            accounted += usize::from(slot.generation == RETIRED || slot.is_live());
            can_fire += usize::from(slot.is_live() && slot.mark != Mark::PARKED);
        }
        assert!(accounted == used.len(), "a slot is lost");
        assert!(can_fire == self.ladder.len(), "a timer is lost");
        let is_alive = alive(&self.slots);
        self.ladder.for_each(&mut |entry| {
            let slot = &self.slots[entry.key.slot() as usize];
            let agrees = slot.mark == Mark::new(entry.deadline);
            assert!(!is_alive(entry) || agrees, "slot and queue disagree");
        });
        self.ladder.check(is_alive);
    }

    /// The bytes held on the heap.
    #[cfg(test)]
    fn memory_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot<P>>()
            + self.free.memory_bytes()
            + self.ladder.memory_bytes()
    }
}

impl TimerKey {
    #[inline]
    fn new(slot: u32, generation: u32) -> Self {
        TimerKey(u64::from(generation) << 32 | u64::from(slot) << 1 | 1)
    }

    #[inline]
    fn slot(self) -> u32 {
        self.0 as u32 >> 1
    }

    #[inline]
    fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

impl<P> fmt::Debug for Timers<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timers").field("len", &self.ladder.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for TimerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TimerKey({}, generation {})", self.slot(), self.generation())
    }
}

/// Says of an entry whether it is alive: it is dead when its slot has a later tenant, or none.
#[inline]
fn alive<P>(slots: &[Slot<P>]) -> impl Fn(&Entry) -> bool + Copy {
    |entry| slots[entry.key.slot() as usize].generation == entry.key.generation()
}
