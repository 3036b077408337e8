//! A list that grows by parts.
//!
//! Up to 2,048 stand in a vector, and more in several of that length: a vector that grows without end leaves a third of
//! its memory unused, and what it grew out of besides.

use std::mem;

use super::ladder::RUN_MAX;
use super::run::give_back;

/// How many a part has that is full. What is few enough for a run is never in parts.
const FULL: usize = 32 * RUN_MAX;

pub(super) struct Parts<T> {
    full: Vec<Vec<T>>,
    /// Behind those that are full.
    last: Vec<T>,
}

impl<T: Copy> Parts<T> {
    pub const fn new() -> Self {
        Parts { full: Vec::new(), last: Vec::new() }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.full.len() * FULL + self.last.len()
    }

    #[inline]
    pub fn push(&mut self, item: T) {
        if self.last.len() == self.last.capacity() {
            self.grow();
        }
        self.last.push(item);
    }

    #[inline(never)]
    fn grow(&mut self) {
        match self.last.len() {
            FULL => self.full.push(mem::replace(&mut self.last, Vec::with_capacity(FULL))),
            // Not by itself, which may grow it past that.
            len => self.last.reserve_exact((2 * len).clamp(4, FULL).saturating_sub(len)),
        }
    }

    /// Takes out the last, unless it is the last of a full part.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        self.last.pop()
    }

    /// Takes out the last, where [`pop`](Self::pop) has found none.
    pub fn pop_full(&mut self) -> Option<T> {
        self.last = self.full.pop()?;
        self.last.pop()
    }

    /// All of them, if they are few enough for a run.
    #[inline]
    pub fn few(&self) -> &[T] {
        debug_assert!(self.full.is_empty(), "these are not few");
        &self.last
    }

    /// Tells all.
    #[inline]
    pub fn for_each(&self, mut tell: impl FnMut(&T)) {
        for number in 0..=self.full.len() {
            for item in self.full.get(number).unwrap_or(&self.last) {
                tell(item);
            }
        }
    }

    /// Tells all, and frees the memory of each part once it is told.
    #[inline]
    pub fn drain(mut self, mut tell: impl FnMut(T)) {
        self.full.push(self.last);
        for part in self.full {
            for &item in &part {
                tell(item);
            }
        }
    }

    /// Drops those that fail the test, and memory that is then far too much.
    pub fn retain(&mut self, test: impl Fn(&T) -> bool) {
        if self.full.is_empty() {
            self.last.retain(test);
            return self.give_back();
        }
        mem::replace(self, Parts::new()).drain(|item| {
            if test(&item) {
                self.push(item);
            }
        });
    }

    /// Forgets all, and keeps the memory of one part.
    #[inline]
    pub fn clear(&mut self) {
        if !self.full.is_empty() {
            self.full.clear();
        }
        self.last.clear();
    }

    /// Gives memory back if most of it is not used, and if it is worth the trouble.
    pub fn give_back(&mut self) {
        give_back(&mut self.last);
    }

    #[cfg(test)]
    pub fn memory_bytes(&self) -> usize {
        let items = self.full.len() * FULL + self.last.capacity();
        items * size_of::<T>() + self.full.capacity() * size_of::<Vec<T>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_same(parts: &Parts<usize>, model: &[usize]) {
        assert_eq!(parts.len(), model.len());
        let mut told = Vec::new();
        parts.for_each(|&item| told.push(item));
        assert_eq!(told, model);
        let allocated = size_of::<usize>() * (model.len() + FULL).max(2 * model.len().min(FULL));
        assert!(parts.memory_bytes() <= allocated + 1_024, "more than a part is unused");
    }

    #[test]
    fn what_is_pushed_comes_out_again_as_of_a_vector() {
        let (mut parts, mut model) = (Parts::new(), Vec::new());
        for (pushed, popped) in [(3, 1), (FULL, 2), (3 * FULL, 2 * FULL), (FULL - 2, 3 * FULL)] {
            for item in 0..pushed {
                parts.push(item);
                model.push(item);
            }
            assert_same(&parts, &model);
            for _ in 0..popped {
                assert_eq!(parts.pop().or_else(|| parts.pop_full()), model.pop());
            }
            assert_same(&parts, &model);
        }
    }

    #[test]
    fn what_is_retained_is_in_order_and_what_is_few_in_one_part() {
        for kept in [1, 2, 100, 5_000] {
            let mut parts = Parts::new();
            (0..10_000).for_each(|item| parts.push(item));
            parts.retain(|item| item % kept == 0);
            let mut model: Vec<_> = (0..10_000).step_by(kept).collect();
            assert_same(&parts, &model);
            if model.len() <= RUN_MAX {
                assert_eq!(parts.few(), model);
            }
            (0..3_000).for_each(|item| parts.push(item));
            model.extend(0..3_000);
            assert_same(&parts, &model);
            let mut told = Vec::new();
            parts.drain(|item| told.push(item));
            assert_eq!(told, model);
        }
    }
}
