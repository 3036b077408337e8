//! The front part of the ladder: one sorted run of entries.
//!
//! Promises: the first entry is at hand, taking it moves nothing, and an entry no earlier than all
//! others is added at the end. Anything else moves entries, which is meant for short runs.
//!
//! A `VecDeque` would do; a vector with a gap in front took 3 ns less for a timer that lives alone,
//! since an empty run starts over at the beginning and nothing ever wraps around.

use super::TimerKey;
use super::ladder::{Entry, RUN_MAX};
use crate::kernel::Instant;

/// Entries sorted by deadline, equals in order of arrival.
pub(super) struct Run {
    /// Behind `taken`: the entries. Before it: what is left of those taken out.
    entries: Vec<Entry>,
    /// Less than the length, or both are zero.
    taken: usize,
}

impl Run {
    pub const fn new() -> Self {
        Run { entries: Vec::new(), taken: 0 }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.entries.len() - self.taken
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    #[inline]
    pub fn first(&self) -> Option<&Entry> {
        self.entries.get(self.taken)
    }

    #[inline]
    pub fn last(&self) -> Option<&Entry> {
        self.entries.last()
    }

    pub fn as_slice(&self) -> &[Entry] {
        &self.entries[self.taken..]
    }

    #[inline]
    pub fn pop_first(&mut self) -> Option<Entry> {
        self.pop_until(Instant::NEVER)
    }

    /// Takes out the first entry unless it is later than an instant.
    #[inline]
    pub fn pop_until(&mut self, last: Instant) -> Option<Entry> {
        let entry = *self.entries.get(self.taken)?;
        if entry.deadline > last {
            return None;
        }
        self.taken += 1;
        self.start_over_if_empty();
        Some(entry)
    }

    /// Adds an entry behind those that are earlier or equal.
    #[inline]
    pub fn insert(&mut self, entry: Entry) {
        match self.entries.last() {
            Some(last) if last.deadline > entry.deadline => self.insert_before_last(entry),
            _ => self.push(entry),
        }
    }

    /// Adds an entry that is not earlier than any other.
    #[inline]
    pub fn push(&mut self, entry: Entry) {
        // A gap of at least half: what is moved is then paid by those taken out since.
        if self.entries.len() == self.entries.capacity() && self.taken > self.len() {
            self.close_gap();
        }
        self.entries.push(entry);
    }

    #[inline(never)]
    fn insert_before_last(&mut self, entry: Entry) {
        let place = self.taken + self.count_until(entry.deadline);
        if self.taken > 0 && place - self.taken < self.entries.len() - place {
            self.entries.copy_within(self.taken..place, self.taken - 1);
            self.entries[place - 1] = entry;
            self.taken -= 1;
        } else {
            self.entries.insert(place, entry);
        }
    }

    /// Takes out one entry if it is the last, and says whether it was.
    #[inline]
    pub fn pop_if_last(&mut self, key: TimerKey) -> bool {
        let is_last = self.entries.last().is_some_and(|last| last.key == key);
        if is_last {
            self.entries.pop();
            self.start_over_if_empty();
        }
        is_last
    }

    /// Takes out one entry, wherever it is, and says whether there was such a one.
    pub fn remove(&mut self, key: TimerKey) -> bool {
        let Some(place) = self.as_slice().iter().position(|e| e.key == key) else {
            return false;
        };
        if place == 0 {
            self.taken += 1;
        } else {
            self.entries.remove(self.taken + place);
        }
        self.start_over_if_empty();
        true
    }

    /// Takes out all entries later than an instant.
    pub fn drain_after(&mut self, instant: Instant) -> impl Iterator<Item = Entry> {
        let kept = self.taken + self.count_until(instant);
        if kept == self.taken {
            self.close_gap();
            return self.entries.drain(..);
        }
        self.entries.drain(kept..)
    }

    /// Adds entries in any order, all of them later than those in the run, and few: what is not in order is moved
    /// down one place at a time.
    pub fn append(&mut self, entries: &[Entry]) {
        let before = self.entries.len();
        self.entries.extend_from_slice(entries);
        let added = &mut self.entries[before..];
        for next in 1..added.len() {
            let (entry, mut place) = (added[next], next);
            while place > 0 && added[place - 1].deadline > entry.deadline {
                added[place] = added[place - 1];
                place -= 1;
            }
            added[place] = entry;
        }
    }

    /// Drops the entries that fail the test, and memory that is then far too much.
    pub fn retain(&mut self, test: impl Fn(&Entry) -> bool) {
        self.close_gap();
        self.entries.retain(test);
        give_back(&mut self.entries);
    }

    #[inline]
    pub fn clear(&mut self) {
        self.entries.clear();
        self.taken = 0;
    }

    #[cfg(test)]
    pub fn capacity(&self) -> usize {
        self.entries.capacity()
    }

    /// Counts the entries up to an instant.
    fn count_until(&self, instant: Instant) -> usize {
        self.as_slice().partition_point(|e| e.deadline <= instant)
    }

    #[inline(never)]
    fn close_gap(&mut self) {
        self.entries.drain(..self.taken);
        self.taken = 0;
    }

    #[inline]
    fn start_over_if_empty(&mut self) {
        if self.taken == self.entries.len() {
            self.clear();
        }
    }
}

/// Gives memory back if most of it is not used, and if it is worth the trouble.
pub(super) fn give_back<T>(entries: &mut Vec<T>) {
    if entries.capacity() > RUN_MAX && entries.len() < entries.capacity() / 4 {
        entries.shrink_to(entries.len() * 2);
    }
}
