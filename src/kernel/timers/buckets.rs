//! The far part of the ladder: 704 buckets, chosen by how a deadline differs from the *base*.
//!
//! Read deadline and base as numbers of eleven digits in base 64. The highest digit in which they
//! differ names the *level*, the deadline's digit there the bucket in that level. So a bucket covers
//! a span of deadlines, spans do not overlap, and the order of buckets is the order of their spans.
//!
//! Promises: a bucket keeps the order of arrival; a bucket emptied gives large memory back, because
//! time passes through all the buckets of a level and each would keep what the fullest once needed.
//!
//! Refuses to know: which entries are alive, and when to move what.

use super::ladder::Entry;
use super::parts::Parts;
use crate::kernel::Instant;

const DIGIT_BITS: u32 = 6;
const DIGITS: usize = 1 << DIGIT_BITS;
const LEVELS: usize = u64::BITS.div_ceil(DIGIT_BITS) as usize;

/// Entries later than a base, sorted roughly.
pub(super) struct Buckets {
    /// Level by level; not made before the first entry comes.
    table: Vec<Parts<Entry>>,
    /// For each level, one bit for each bucket that is not empty.
    occupied: [u64; LEVELS],
    base: u64,
    len: usize,
}

impl Buckets {
    pub const fn new() -> Self {
        Buckets { table: Vec::new(), occupied: [0; LEVELS], base: 0, len: 0 }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn base(&self) -> Instant {
        Instant::from_nanos(self.base)
    }

    /// Moves the base. To be called before the first `push`.
    ///
    /// A base may move up as long as it enters no occupied span: each entry then still differs from
    /// it first at the same level. Without entries, it may move anywhere.
    pub fn rebase(&mut self, base: Instant) {
        self.base = base.as_nanos();
        if self.table.is_empty() {
            self.table.resize_with(LEVELS * DIGITS, Parts::new);
        }
    }

    /// Adds an entry, whose deadline must be after the base.
    #[inline]
    pub fn push(&mut self, entry: Entry) {
        let bucket = self.bucket_of(entry.deadline);
        self.table[bucket].push(entry);
        self.occupied[bucket / DIGITS] |= 1 << (bucket % DIGITS);
        self.len += 1;
    }

    /// Names the first bucket that is not empty.
    #[inline]
    pub fn first(&self) -> Option<usize> {
        self.occupied().next()
    }

    /// Names the first bucket that is not empty, if it is of the same level as another.
    pub fn first_in_level_of(&self, bucket: usize) -> Option<usize> {
        self.first().filter(|first| first / DIGITS == bucket / DIGITS)
    }

    /// Names the buckets that are not empty, in the order of their spans.
    #[inline]
    pub fn occupied(&self) -> impl Iterator<Item = usize> {
        let levels = self.occupied.iter().enumerate();
        levels.flat_map(|(level, &mask)| Bits(mask).map(move |digit| level * DIGITS + digit))
    }

    #[inline]
    pub fn get(&self, bucket: usize) -> &Parts<Entry> {
        &self.table[bucket]
    }

    /// Visits all entries.
    pub fn for_each(&self, visit: &mut dyn FnMut(&Entry)) {
        for bucket in self.occupied() {
            self.get(bucket).for_each(&mut *visit);
        }
    }

    /// Returns the last instant that belongs to a bucket, which must have few entries, and some.
    pub fn span_end(&self, bucket: usize) -> Instant {
        let below = (1 << (DIGIT_BITS * (bucket / DIGITS) as u32)) - 1;
        Instant::from_nanos(self.table[bucket].few()[0].deadline.as_nanos() | below)
    }

    /// Takes a whole bucket out, memory and all.
    pub fn remove(&mut self, bucket: usize) -> Parts<Entry> {
        self.forget(bucket);
        std::mem::replace(&mut self.table[bucket], Parts::new())
    }

    /// Empties a bucket and keeps its memory, if that is little.
    pub fn empty(&mut self, bucket: usize) {
        self.forget(bucket);
        self.table[bucket].clear();
        self.table[bucket].give_back();
    }

    fn forget(&mut self, bucket: usize) {
        self.len -= self.table[bucket].len();
        self.occupied[bucket / DIGITS] &= !(1 << (bucket % DIGITS));
    }

    pub fn clear(&mut self) {
        if self.is_empty() {
            return;
        }
        while let Some(first) = self.first() {
            self.empty(first);
        }
    }

    /// Drops the entries of one bucket that fail the test, and returns how many.
    pub fn retain_in(&mut self, bucket: usize, test: impl Fn(&Entry) -> bool) -> usize {
        let entries = &mut self.table[bucket];
        let before = entries.len();
        entries.retain(test);
        let (left, dropped) = (entries.len(), before - entries.len());
        self.len -= dropped;
        if left == 0 {
            self.empty(bucket);
        }
        dropped
    }

    /// Drops all entries that fail the test.
    pub fn retain(&mut self, test: impl Fn(&Entry) -> bool) {
        for level in 0..LEVELS {
            for digit in Bits(self.occupied[level]) {
                self.retain_in(level * DIGITS + digit, &test);
            }
        }
    }

    #[inline]
    fn bucket_of(&self, deadline: Instant) -> usize {
        let deadline = deadline.as_nanos();
        let level = (deadline ^ self.base).ilog2() / DIGIT_BITS;
        let digit = (deadline >> (level * DIGIT_BITS)) as usize % DIGITS;
        level as usize * DIGITS + digit
    }

    /// Panics if an invariant is broken.
    pub fn check(&self) {
        let mut len = 0;
        for bucket in 0..self.table.len() {
            let entries = self.get(bucket);
            let bit = self.occupied[bucket / DIGITS] >> (bucket % DIGITS) & 1;
            assert!((bit == 1) == (entries.len() > 0), "a mark is wrong");
            entries.for_each(|entry| {
                assert!(entry.deadline.as_nanos() > self.base, "before the base");
                assert!(bucket == self.bucket_of(entry.deadline), "in a wrong bucket");
            });
            len += entries.len();
        }
        assert!(len == self.len, "entries are miscounted");
    }

    #[cfg(test)]
    pub fn memory_bytes(&self) -> usize {
        let buckets: usize = self.table.iter().map(Parts::memory_bytes).sum();
        buckets + self.table.capacity() * size_of::<Parts<Entry>>()
    }
}

/// Counts up through the bits that are set.
struct Bits(u64);

impl Iterator for Bits {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let lowest = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(lowest)
    }
}
