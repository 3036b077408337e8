//! The order of timers: a *radix ladder*.
//!
//! In front stands one sorted *run*; behind it, in [`Buckets`], everything later than the *horizon*.
//! As long as a few timers live, the run is all there is, and cancelling removes for good. A run that
//! grows too long spills into buckets. When the run is dry, the first bucket becomes the run if it is
//! small, and is scattered over the buckets of lower levels otherwise, so that a timer is moved a few
//! times at most (eleven levels) and sorted only among few.
//!
//! Promises: entries leave by deadline, equals in order of arrival. Equal deadlines are always in the
//! same place (all in the run, or all in one bucket) and every place keeps the order of arrival, hence
//! no sequence number. Buckets are rearranged only when a timer is about to fire.
//!
//! Refuses to know: what a slot holds. Whether an entry is still alive, it asks its caller.

use super::buckets::Buckets;
use super::run::Run;
use super::{Mark, TimerKey};
use crate::kernel::Instant;
use std::cell::Cell;

/// One timer in the queue.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Entry {
    pub deadline: Instant,
    pub key: TimerKey,
}

/// The longest run in which any place may be opened or closed by moving the entries behind it.
/// Only timers of one instant, and timers registered for the past, can make a run longer.
pub(super) const RUN_MAX: usize = 64;

/// How many entries small buckets may fill the run with. Half: the rest is for timers that are
/// registered soon, which would otherwise make it spill at once.
const RUN_FILL: usize = RUN_MAX / 2;

/// A queue of entries, those cancelled lazily among them.
pub(super) struct Ladder {
    /// Sorted. The first is alive, so that it answers `next_deadline` alone.
    run: Run,
    /// Deadlines up to this one belong in the run, later ones in buckets. It is `NEVER` exactly when
    /// no entry is in a bucket.
    horizon: Instant,
    /// Its base never passes `last_fired`: a base in the future would send everything that is
    /// registered before it into the run.
    buckets: Buckets,
    /// The latest deadline that has fired. Well-behaved callers register only at or after it.
    last_fired: Instant,
    /// The run was filled from buckets, and nobody has asked for it since.
    is_refilled: bool,
    /// How many entries, in the run and in buckets, are dead. At most half of all.
    dead: usize,
    /// The first deadline in buckets, where known. Filled in by questions, which change nothing else.
    earliest: Cell<Option<Earliest>>,
}

/// The first deadline of living entries in buckets, and how many have it. Without the count, each
/// cancellation among many equals would mean to search again.
#[derive(Clone, Copy, PartialEq)]
struct Earliest {
    deadline: Instant,
    /// At most how many there are.
    count: usize,
}

impl Ladder {
    pub const fn new() -> Self {
        Ladder {
            run: Run::new(),
            horizon: Instant::NEVER,
            buckets: Buckets::new(),
            last_fired: Instant::ZERO,
            is_refilled: false,
            dead: 0,
            earliest: Cell::new(None),
        }
    }

    /// Counts the living entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.run.len() + self.buckets.len() - self.dead
    }

    #[inline]
    pub fn insert(&mut self, entry: Entry) {
        if entry.deadline > self.horizon {
            self.insert_in_bucket(entry);
            return;
        }
        self.run.insert(entry);
        if self.run.len() > RUN_MAX {
            self.spill();
        }
    }

    #[inline(never)]
    fn insert_in_bucket(&mut self, entry: Entry) {
        self.note_bucketed(entry.deadline);
        self.buckets.push(entry);
    }

    /// Takes back the entry of a timer that its caller has just declared dead.
    #[inline]
    pub fn cancel(&mut self, key: TimerKey, mark: Mark, is_alive: impl Fn(&Entry) -> bool + Copy) {
        // The one added last is often the first to go: a timeout that was not needed.
        if self.dead > 0 || !self.run.pop_if_last(key) {
            self.cancel_anywhere(key, mark, is_alive);
        }
    }

    /// What is in no short run is in a bucket, or far down a long run, and stays there dead.
    #[inline(never)]
    fn cancel_anywhere(
        &mut self,
        key: TimerKey,
        mark: Mark,
        is_alive: impl Fn(&Entry) -> bool + Copy,
    ) {
        if self.run.len() > RUN_MAX || !self.run.remove(key) {
            self.dead += 1;
            self.note_cancelled(mark);
        }
        if self.dead > 0 {
            self.tidy(is_alive);
        }
    }

    /// Returns the first deadline of a living entry.
    #[inline]
    pub fn next_deadline(&self, is_alive: impl Fn(&Entry) -> bool + Copy) -> Option<Instant> {
        match self.run.first() {
            Some(first) => Some(first.deadline),
            None if self.buckets.is_empty() => None,
            None => self.earliest_in_buckets(is_alive),
        }
    }

    /// Takes out the first living entry, if it is due at `now`.
    #[inline]
    pub fn pop_due(
        &mut self,
        now: Instant,
        is_alive: impl Fn(&Entry) -> bool + Copy,
    ) -> Option<Entry> {
        if self.run.is_empty() {
            if self.buckets.is_empty() || self.earliest_in_buckets(is_alive)? > now {
                return None;
            }
            self.refill(is_alive);
        }
        let entry = self.run.pop_until(now)?;
        self.last_fired = self.last_fired.max(entry.deadline);
        if self.dead > 0 {
            self.tidy(is_alive);
        }
        Some(entry)
    }

    /// Forgets everything, the past included: the next loop starts at zero.
    #[inline]
    pub fn clear(&mut self) {
        self.run.clear();
        self.horizon = Instant::NEVER;
        self.buckets.clear();
        self.last_fired = Instant::ZERO;
        self.is_refilled = false;
        self.dead = 0;
        self.earliest.set(None);
    }

    /// Returns what fires next, once after each time that it came from buckets.
    #[inline]
    pub fn take_refilled(&mut self) -> Option<&[Entry]> {
        std::mem::take(&mut self.is_refilled).then(|| self.run.as_slice())
    }

    /// Visits all entries, the dead ones too.
    pub fn for_each(&self, visit: &mut dyn FnMut(&Entry)) {
        self.run.as_slice().iter().for_each(&mut *visit);
        self.buckets.for_each(visit);
    }

    /// Moves what lies in the future from a long run into buckets.
    ///
    /// The base becomes the last deadline fired, not the first of the run: timers that are
    /// registered next may well come before that one.
    #[cold]
    fn spill(&mut self) {
        if self.run.last().is_none_or(|e| e.deadline <= self.last_fired) {
            return;
        }
        let last_fired = self.last_fired;
        self.buckets.rebase(last_fired);
        for entry in self.run.drain_after(last_fired) {
            self.buckets.push(entry);
        }
        self.horizon = last_fired;
        self.earliest.set(None);
    }

    /// Fills an empty run from the first bucket in which something lives.
    fn refill(&mut self, is_alive: impl Fn(&Entry) -> bool + Copy) {
        self.is_refilled = true;
        while self.run.is_empty() {
            let Some(first) = self.buckets.first() else {
                break;
            };
            if self.buckets.get(first).len() <= RUN_MAX {
                self.take_from(first, is_alive);
                continue;
            }
            if self.dead > 0 {
                self.dead -= self.buckets.retain_in(first, is_alive);
            }
            if self.buckets.get(first).len() > RUN_MAX {
                self.scatter(first);
            }
        }
        if self.buckets.is_empty() {
            self.horizon = Instant::NEVER;
        }
        self.earliest.set(None);
    }

    /// Makes a small bucket the run, and the next ones of its level while all together are few.
    ///
    /// Short runs are dear: a fan of a million timers ends in buckets of four, and takes a quarter
    /// longer if each of them is a run of its own.
    fn take_from(&mut self, bucket: usize, is_alive: impl Fn(&Entry) -> bool + Copy) {
        self.take(bucket, is_alive);
        while let Some(next) = self.buckets.first_in_level_of(bucket) {
            if self.run.len() + self.buckets.get(next).len() > RUN_FILL {
                break;
            }
            self.take(next, is_alive);
        }
    }

    /// Appends a small bucket to the run.
    ///
    /// The run then covers all that the bucket covers. If the horizon were the last deadline in it,
    /// the rest of the span would fall to a bucket again, and to the wrong one once the base moves
    /// into the span.
    fn take(&mut self, bucket: usize, is_alive: impl Fn(&Entry) -> bool + Copy) {
        // Asked even if none is dead: it brings the slots of all that will fire next into the
        // cache, many at once instead of one after another.
        self.dead -= self.buckets.retain_in(bucket, is_alive);
        if self.buckets.get(bucket).len() == 0 {
            return;
        }
        self.horizon = self.buckets.span_end(bucket);
        self.run.append(self.buckets.get(bucket).few());
        self.buckets.empty(bucket);
    }

    /// Spreads a large bucket over lower levels, around its first deadline, which fires at once.
    fn scatter(&mut self, bucket: usize) {
        let entries = self.buckets.remove(bucket);
        let mut first = Instant::NEVER;
        entries.for_each(|entry| first = first.min(entry.deadline));
        self.buckets.rebase(first);
        entries.drain(|entry| {
            if entry.deadline == first {
                self.run.push(entry);
            } else {
                self.buckets.push(entry);
            }
        });
        self.horizon = first;
    }

    /// Drops dead entries at the front of the run, and all of them once they are more than the
    /// living: what they cost is then paid by those who died.
    fn tidy(&mut self, is_alive: impl Fn(&Entry) -> bool + Copy) {
        if self.dead > self.len() {
            self.run.retain(is_alive);
            self.buckets.retain(is_alive);
            self.dead = 0;
            if self.buckets.is_empty() {
                self.horizon = Instant::NEVER;
                self.earliest.set(None);
            }
            return;
        }
        while self.run.first().is_some_and(|e| !is_alive(e)) {
            self.run.pop_first();
            self.dead -= 1;
        }
    }

    #[inline]
    fn note_bucketed(&mut self, deadline: Instant) {
        if let Some(earliest) = self.earliest.get_mut() {
            if deadline < earliest.deadline {
                *earliest = Earliest { deadline, count: 1 };
            } else if deadline == earliest.deadline {
                earliest.count += 1;
            }
        }
    }

    /// Two deadlines may have one mark, by a rare chance. Then one too many is taken off the count, and the first deadline
    /// is searched for once more.
    #[inline]
    fn note_cancelled(&mut self, mark: Mark) {
        if let Some(earliest) = self.earliest.get_mut() {
            if mark == Mark::new(earliest.deadline) {
                earliest.count -= 1;
                if earliest.count == 0 {
                    self.earliest.set(None);
                }
            }
        }
    }

    fn earliest_in_buckets(&self, is_alive: impl Fn(&Entry) -> bool + Copy) -> Option<Instant> {
        if self.earliest.get().is_none() {
            self.earliest.set(self.search_buckets(is_alive));
        }
        Some(self.earliest.get()?.deadline)
    }

    /// Finds the first living deadline: in the first bucket, unless all there is dead.
    ///
    /// Out of line, so that whoever asks for a deadline that stands in the run saves no registers for this.
    #[inline(never)]
    fn search_buckets(&self, is_alive: impl Fn(&Entry) -> bool + Copy) -> Option<Earliest> {
        let all_alive = self.dead == 0;
        self.buckets.occupied().find_map(|bucket| {
            let mut found: Option<Earliest> = None;
            self.buckets.get(bucket).for_each(|entry| {
                let deadline = entry.deadline;
                // Compare before asking: the answer may not be in the cache.
                if found.is_some_and(|e| e.deadline < deadline) || !(all_alive || is_alive(entry)) {
                    return;
                }
                found = match found {
                    Some(Earliest { deadline: d, count }) if d == deadline => {
                        Some(Earliest { deadline, count: count + 1 })
                    }
                    _ => Some(Earliest { deadline, count: 1 }),
                };
            });
            found
        })
    }

    /// Panics if an invariant is broken.
    pub fn check(&self, is_alive: impl Fn(&Entry) -> bool + Copy) {
        let (mut dead, mut before) = (0, Instant::ZERO);
        self.for_each(&mut |entry| dead += usize::from(!is_alive(entry)));
        assert!(dead == self.dead, "the dead are miscounted");
        assert!(dead <= self.len(), "most of the queue is dead");
        for entry in self.run.as_slice() {
            assert!(before <= entry.deadline, "the run is not sorted");
            before = entry.deadline;
        }
        assert!(before <= self.horizon || self.run.is_empty(), "the run passes the horizon");
        assert!(self.run.first().is_none_or(is_alive), "the first entry is dead");
        assert!(
            self.run.len() <= RUN_MAX || self.run.as_slice()[RUN_MAX].deadline <= self.last_fired,
            "a run of future timers is too long"
        );
        self.buckets.for_each(&mut |entry| {
            assert!(entry.deadline > self.horizon, "a bucket holds what belongs in the run");
        });
        assert_eq!(self.buckets.is_empty(), self.horizon == Instant::NEVER);
        if !self.buckets.is_empty() {
            assert!(self.buckets.base() <= self.last_fired, "the base ran ahead");
            assert!(self.last_fired <= self.horizon, "fired beyond the horizon");
        }
        self.buckets.check();
        if let Some(known) = self.earliest.get() {
            let found = self.search_buckets(is_alive).expect("something lives");
            assert!(known.deadline == found.deadline, "the first deadline is stale");
            assert!((1..=found.count).contains(&known.count), "the first are miscounted");
        }
    }

    #[cfg(test)]
    pub fn memory_bytes(&self) -> usize {
        self.run.capacity() * size_of::<Entry>() + self.buckets.memory_bytes()
    }
}
