//! The ready set: tasks that may run, in the order of their first wake since their last poll (S17).

use super::gaps::Gaps;
use super::tasks::NO_SLOT;

/// Slots of ready tasks, oldest wake first, in a ring.
///
/// A task's slot is in it at most once, and exactly while the task is in the ready state; so a slot needs
/// no generation here. A ring of our own, because its length is a power of two: a place is then found by
/// masking, which saves a tenth of a whole turn over the standard library's deque.
///
/// What is taken from the middle of a short ring is moved over. In a long one it leaves a gap, and gaps go when
/// they come to the front, or when the ring is full.
#[derive(Debug, Default)]
pub(crate) struct ReadySet {
    /// Its length is zero or a power of two.
    ring: Vec<u32>,
    /// How many places were ever left behind at the front, and ever filled at the back. Each modulo the length
    /// is a place, and there is no gap at the front.
    front: usize,
    back: usize,
    gaps: Gaps,
    /// Gaps at places below the front's: those that come after the end of the ring.
    gaps_wrapped: usize,
}

/// The length of the first ring.
const LENGTH_FIRST: usize = 16;

/// The length up to which a gap is closed. Places of a longer ring come in whole words of [`Gaps`].
const LENGTH_SHORT: usize = 64;

/// Stands where there is a gap. No task has this slot.
const GAP: u32 = NO_SLOT;

impl ReadySet {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.back.wrapping_sub(self.front) - self.gaps.len()
    }

    #[inline]
    pub(crate) fn push(&mut self, slot: u32) {
        if self.back.wrapping_sub(self.front) == self.ring.len() {
            self.grow();
        }
        let place = self.place(self.back);
        self.ring[place] = slot;
        self.back = self.back.wrapping_add(1);
    }

    /// The slot at `index` in arrival order.
    pub(crate) fn get(&self, index: usize) -> Option<u32> {
        (index < self.len()).then(|| self.ring[self.find(index)])
    }

    /// The slots in arrival order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        let places = 0..self.back.wrapping_sub(self.front);
        let slots = places.map(|offset| self.ring[self.place(self.front.wrapping_add(offset))]);
        slots.filter(|&slot| slot != GAP)
    }

    /// Removes the slot at `index` in arrival order; the others keep theirs.
    #[inline(always)]
    pub(crate) fn take(&mut self, index: usize) -> Option<u32> {
        if index == 0 && self.front != self.back {
            let slot = self.ring[self.place(self.front)];
            self.front = self.front.wrapping_add(1);
            if self.gaps.len() > 0 {
                self.pass_gaps();
            }
            return Some(slot);
        }
        if index >= self.len() {
            return None;
        }
        let place = self.find(index);
        let slot = self.ring[place];
        if self.ring.len() <= LENGTH_SHORT {
            self.close_gap(index)
        } else {
            self.leave_gap(place)
        }
        Some(slot)
    }

    /// The place of the slot at `index`, which exists.
    #[inline]
    fn find(&self, index: usize) -> usize {
        let front = self.place(self.front);
        if self.gaps.len() == 0 {
            return self.place(front + index);
        }
        // Places are counted from the beginning of the ring, those outside the set with the others.
        let filled = self.ring.len() - self.gaps.len();
        let index = front - self.gaps_wrapped + index;
        self.gaps.nth_filled(if index < filled { index } else { index - filled })
    }

    #[inline]
    fn leave_gap(&mut self, place: usize) {
        if !self.gaps.has_begun(self.ring.len()) {
            self.gaps.begin(self.ring.len());
        }
        self.ring[place] = GAP;
        self.gaps.add(place);
        self.gaps_wrapped += usize::from(place < self.place(self.front));
    }

    /// Lets go of the gaps that have come to the front.
    fn pass_gaps(&mut self) {
        loop {
            let place = self.place(self.front);
            if place == 0 {
                self.gaps_wrapped = 0;
            }
            if self.front == self.back || self.ring[place] != GAP {
                return;
            }
            self.gaps.remove(place);
            self.front = self.front.wrapping_add(1);
        }
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

    /// Forgets all and keeps the memory.
    pub(crate) fn clear(&mut self) {
        (self.front, self.back) = (0, 0);
        self.forget_gaps();
    }

    fn forget_gaps(&mut self) {
        self.gaps.clear();
        self.gaps_wrapped = 0;
    }

    #[inline]
    fn place(&self, position: usize) -> usize {
        position & (self.ring.len().wrapping_sub(1))
    }

    /// Makes room in a full ring: without its gaps, and with half of its places free.
    #[cold]
    fn grow(&mut self) {
        let mut ring = vec![0; (self.len() * 2).next_power_of_two().max(LENGTH_FIRST)];
        let mut back = 0;
        for offset in 0..self.back.wrapping_sub(self.front) {
            let slot = self.ring[self.place(self.front.wrapping_add(offset))];
            // Without a branch: where gaps are is as good as random.
            ring[back] = slot;
            back += usize::from(slot != GAP);
        }
        (self.front, self.back) = (0, back);
        self.ring = ring;
        self.forget_gaps();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    proptest::proptest! {
        #[test]
        fn the_ring_agrees_with_a_deque(
            script in proptest::collection::vec((0_u8..4, 0_usize..40), 0..400),
            before in 0_u32..5_000,
        ) {
            let (mut ready, mut model) = (ReadySet::default(), VecDeque::new());
            (0..before).for_each(|slot| {
                ready.push(slot);
                model.push_back(slot);
            });
            for (number, (kind, index)) in (50_u32..).zip(script) {
                let index = if kind == 1 { index * model.len() / 40 } else { index };
                match kind {
                    0 | 1 => assert_eq!(ready.take(index), model.remove(index)),
                    2 => assert_eq!(ready.take(0), model.pop_front()),
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

    #[test]
    fn a_long_run_of_choices_takes_what_a_deque_gives_and_no_more_room() {
        for tasks in [33_u32, 64, 65, 1_000, 5_000] {
            let mut ready = ReadySet::default();
            (0..tasks).for_each(|slot| ready.push(slot));
            let mut model: VecDeque<u32> = (0..tasks).collect();
            let mut random = 1_u64;
            for _ in 0..20_000 {
                random = random.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1);
                let index = (random >> 32) as usize % model.len();
                let slot = ready.take(index).unwrap();
                assert_eq!(Some(slot), model.remove(index));
                ready.push(slot);
                model.push_back(slot);
            }
            assert!(ready.ring.len() < 4 * tasks as usize);
            while let Some(slot) = model.pop_front() {
                assert_eq!(ready.take(0), Some(slot));
            }
            assert_eq!((ready.len(), ready.take(0), ready.gaps.len()), (0, None, 0));
        }
    }
}
