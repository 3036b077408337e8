//! A heap that stays whole when a comparison panics.

use std::mem;

/// A binary heap with the smallest item on top; of equal ones that which came first.
///
/// The standard library's heap has the item in hand while it compares, and would lose it to a panic. This one
/// compares first and moves afterwards.
pub(super) struct Heap<T> {
    /// Items with the numbers of their coming. The first `ordered` are a heap: no entry is before its parent.
    entries: Vec<(u64, T)>,
    ordered: usize,
    numbers: u64,
}

impl<T> Default for Heap<T> {
    fn default() -> Self {
        Heap { entries: Vec::new(), ordered: 0, numbers: 0 }
    }
}

impl<T> Heap<T> {
    /// Adds items without comparing them.
    pub(super) fn extend(&mut self, items: impl IntoIterator<Item = T>) {
        for item in items {
            self.entries.push((self.numbers, item));
            self.numbers += 1;
        }
    }
}

impl<T> Heap<T> {
    /// Gives up the order.
    pub(super) fn into_items(self) -> impl Iterator<Item = T> {
        self.entries.into_iter().map(|(_, item)| item)
    }
}

impl<T: Ord> Heap<T> {
    /// Takes out the smallest.
    pub(super) fn pop(&mut self) -> Option<T> {
        while self.ordered < self.entries.len() {
            self.lift(self.ordered);
            self.ordered += 1;
        }
        let end = self.end_of_path();
        // The last goes to the end of the path, each on the path up by one, and the top out.
        let mut in_hand = self.entries.pop()?;
        self.ordered -= 1;
        let mut at = end;
        while at < self.ordered {
            mem::swap(&mut in_hand, &mut self.entries[at]);
            let Some(below) = at.checked_sub(1) else { break };
            at = below / 2;
        }
        Some(in_hand.1)
    }

    /// Moves an entry up to its place above.
    fn lift(&mut self, from: usize) {
        let mut place = from;
        while place > 0 && self.is_before(from, (place - 1) / 2) {
            place = (place - 1) / 2;
        }
        let mut at = from;
        while at > place {
            self.entries.swap(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
    }

    /// Where the last entry fits in if the top is taken out and each on the path from there moves up.
    fn end_of_path(&self) -> usize {
        let last = self.entries.len().saturating_sub(1);
        let mut end = 0;
        loop {
            let (left, right) = (2 * end + 1, 2 * end + 2);
            if left >= last {
                return end;
            }
            let child = if right < last && self.is_before(right, left) { right } else { left };
            if !self.is_before(child, last) {
                return end;
            }
            end = child;
        }
    }

    fn is_before(&self, one: usize, other: usize) -> bool {
        let ((one, item), (other, than)) = (&self.entries[one], &self.entries[other]);
        item.cmp(than).then(one.cmp(other)).is_lt()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::cmp::Ordering;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use proptest::prelude::*;

    use super::*;

    thread_local! {
        /// Comparisons left until one panics.
        static LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
    }

    /// Ordered by the first number only.
    #[derive(Clone, Copy, Debug)]
    struct Item(u8, usize);

    impl Ord for Item {
        fn cmp(&self, other: &Self) -> Ordering {
            let left = LEFT.get();
            LEFT.set(left.checked_sub(1).unwrap_or(usize::MAX));
            if left == 0 {
                std::panic::resume_unwind(Box::new(()));
            }
            self.0.cmp(&other.0)
        }
    }

    impl PartialOrd for Item {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }

    impl PartialEq for Item {
        fn eq(&self, other: &Self) -> bool {
            self.cmp(other).is_eq()
        }
    }

    impl Eq for Item {}

    proptest! {
        /// Against a list that is searched. A pop whose comparison panics changes nothing.
        #[test]
        fn a_heap_gives_the_smallest_first_and_loses_nothing_to_a_panic(
            script in prop::collection::vec((0..6u8, 0..12u8, prop::option::weighted(0.3, 0..12usize)), 0..80),
        ) {
            let mut heap = Heap::default();
            let mut model = Vec::new();
            for (number, (what, priority, panics_after)) in script.into_iter().enumerate() {
                if what < 3 {
                    heap.extend([Item(priority, number)]);
                    model.push((priority, number));
                    continue;
                }
                LEFT.set(panics_after.unwrap_or(usize::MAX));
                let popped = catch_unwind(AssertUnwindSafe(|| heap.pop()));
                LEFT.set(usize::MAX);
                if let Ok(item) = popped {
                    let smallest = model.iter().min().copied();
                    prop_assert_eq!(item.map(|Item(priority, number)| (priority, number)), smallest);
                    model.retain(|entry| Some(*entry) != smallest);
                }
                prop_assert_eq!(heap.entries.len(), model.len());
            }
        }
    }
}
