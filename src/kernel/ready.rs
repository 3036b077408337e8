//! The ready set: tasks that may run, in the order of their first wake since their last poll (S17).

/// Slots of ready tasks, oldest wake first, in a ring.
///
/// A task's slot is in it at most once, and exactly while the task is in the ready state; so a slot needs
/// no generation here. A ring of our own, because its length is a power of two: a place is then found by
/// masking, which saves a tenth of a whole turn over the standard library's deque.
#[derive(Debug, Default)]
pub(crate) struct ReadySet {
    /// Its length is zero or a power of two.
    ring: Vec<u32>,
    /// How many were ever taken from the front, and ever added at the back. Their difference is the number
    /// of ready tasks, and each modulo the length is a place.
    front: usize,
    back: usize,
}

/// The length of the first ring.
const LENGTH_FIRST: usize = 16;

impl ReadySet {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.back.wrapping_sub(self.front)
    }

    #[inline]
    pub(crate) fn push(&mut self, slot: u32) {
        if self.len() == self.ring.len() {
            self.grow();
        }
        let place = self.place(self.back);
        self.ring[place] = slot;
        self.back = self.back.wrapping_add(1);
    }

    /// The slot at `index` in arrival order.
    pub(crate) fn get(&self, index: usize) -> Option<u32> {
        (index < self.len()).then(|| self.ring[self.place(self.front.wrapping_add(index))])
    }

    /// Removes the slot at `index` in arrival order; the others keep theirs.
    #[inline(always)]
    pub(crate) fn take(&mut self, index: usize) -> Option<u32> {
        if index >= self.len() {
            return None;
        }
        let position = self.front.wrapping_add(index);
        let slot = self.ring[self.place(position)];
        if index == 0 {
            self.front = self.front.wrapping_add(1);
        } else {
            self.close_gap(index);
        }
        Some(slot)
    }

    /// Moves the shorter side over the place at `index`.
    fn close_gap(&mut self, index: usize) {
        let behind = self.len() - index - 1;
        if index <= behind {
            for distance in (0..index).rev() {
                let from = self.place(self.front.wrapping_add(distance));
                let to = self.place(self.front.wrapping_add(distance + 1));
                self.ring[to] = self.ring[from];
            }
            self.front = self.front.wrapping_add(1);
        } else {
            for distance in index..index + behind {
                let from = self.place(self.front.wrapping_add(distance + 1));
                let to = self.place(self.front.wrapping_add(distance));
                self.ring[to] = self.ring[from];
            }
            self.back = self.back.wrapping_sub(1);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// Forgets all and keeps the memory.
    pub(crate) fn clear(&mut self) {
        (self.front, self.back) = (0, 0);
    }

    #[inline]
    fn place(&self, position: usize) -> usize {
        position & (self.ring.len().wrapping_sub(1))
    }

    #[cold]
    fn grow(&mut self) {
        let mut ring: Vec<u32> = self.iter().collect();
        (self.front, self.back) = (0, ring.len());
        ring.resize((ring.len() * 2).max(LENGTH_FIRST), 0);
        self.ring = ring;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    proptest::proptest! {
        #[test]
        fn the_ring_agrees_with_a_deque(script in proptest::collection::vec((0_u8..3, 0_usize..40), 0..400)) {
            let (mut ready, mut model) = (ReadySet::default(), VecDeque::new());
            for (number, (kind, index)) in (0_u32..).zip(script) {
                match kind {
                    0 => assert_eq!(ready.take(index), model.remove(index)),
                    1 => assert_eq!(ready.take(0), model.pop_front()),
                    _ => (0..=index as u32).for_each(|offset| {
                        ready.push(number * 100 + offset);
                        model.push_back(number * 100 + offset);
                    }),
                }
                assert_eq!(ready.len(), model.len());
                assert!(ready.iter().eq(model.iter().copied()));
                assert_eq!(ready.get(index), model.get(index).copied());
            }
        }
    }
}
