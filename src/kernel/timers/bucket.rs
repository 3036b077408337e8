//! One bucket of the ladder: entries in the order of arrival.
//!
//! Up to 2,048 stand in a vector, and more in several of that length: a vector that grows without end leaves a third of
//! its memory unused, and what it grew out of besides.

use std::mem;

use super::ladder::{Entry, RUN_MAX};
use super::run::give_back;

/// How many entries a part has that is full. What is few enough for a run is never in parts.
const FULL: usize = 32 * RUN_MAX;

#[derive(Default)]
pub(super) struct Bucket {
    full: Vec<Vec<Entry>>,
    /// Behind those that are full. Not empty, if there are some.
    last: Vec<Entry>,
}

impl Bucket {
    #[inline]
    pub fn len(&self) -> usize {
        self.full.len() * FULL + self.last.len()
    }

    #[inline]
    pub fn push(&mut self, entry: Entry) {
        if self.last.len() == FULL {
            self.begin_part();
        }
        self.last.push(entry);
    }

    #[inline(never)]
    fn begin_part(&mut self) {
        self.full.push(mem::replace(&mut self.last, Vec::with_capacity(FULL)));
    }

    /// All entries, if they are few enough for a run.
    #[inline]
    pub fn few(&self) -> &[Entry] {
        debug_assert!(self.full.is_empty(), "these are not few");
        &self.last
    }

    /// All entries, in parts.
    #[inline]
    pub fn parts(&self) -> impl Iterator<Item = &Vec<Entry>> {
        self.full.iter().chain([&self.last])
    }

    /// Tells all entries, and frees the memory of each part once it is told.
    #[inline]
    pub fn drain(self, mut tell: impl FnMut(Entry)) {
        for part in self.full.into_iter().chain([self.last]) {
            for entry in part {
                tell(entry);
            }
        }
    }

    /// Drops the entries that fail the test, and memory that is then far too much.
    pub fn retain(&mut self, test: impl Fn(&Entry) -> bool) {
        if self.full.is_empty() {
            self.last.retain(test);
            return give_back(&mut self.last);
        }
        mem::take(self).drain(|entry| {
            if test(&entry) {
                self.push(entry);
            }
        });
    }

    /// Forgets all, and keeps the memory, if that is little.
    pub fn clear(&mut self) {
        if self.last.capacity() > RUN_MAX {
            *self = Bucket::default();
        }
        self.last.clear();
    }

    #[cfg(test)]
    pub fn memory_bytes(&self) -> usize {
        let entries = self.full.len() * FULL + self.last.capacity();
        entries * size_of::<Entry>() + self.full.capacity() * size_of::<Vec<Entry>>()
    }
}
