//! The ready set: tasks that may run, in the order of their first wake since their last poll (S17).

use super::ranked::Ranked;

/// Slots of ready tasks, oldest wake first.
///
/// A task's slot is in it at most once, and exactly while the task is in the ready state; so a slot needs
/// no generation here. As long as the first is taken each time, they are in a ring. From the first that is taken
/// from behind it until all is forgotten, they are [`Ranked`], where any is as near as another.
#[derive(Debug, Default)]
pub(crate) struct ReadySet {
    /// Its length is zero or a power of two: a place is then found by masking, which saves a tenth of a whole
    /// turn over the standard library's deque.
    ring: Vec<u32>,
    ranked: Ranked,
    is_ranked: bool,
    /// How many were ever taken, and ever came. In the ring, each modulo the length is a place; of those that are
    /// ranked, it is since they were packed.
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
        if self.is_ranked {
            return self.push_ranked(slot);
        }
        if self.len() == self.ring.len() {
            self.grow();
        }
        let place = self.place(self.back);
        self.ring[place] = slot;
        self.back = self.back.wrapping_add(1);
    }

    /// Out of line, so that a wake is short enough to be inlined.
    #[inline(never)]
    fn push_ranked(&mut self, slot: u32) {
        if self.back == self.ranked.room() {
            self.pack();
        }
        self.ranked.put(self.back, slot);
        self.back += 1;
    }

    /// The slot at `index` in arrival order.
    pub(crate) fn get(&self, index: usize) -> Option<u32> {
        (index < self.len()).then(|| match self.is_ranked {
            true => self.ranked.get(index, self.front),
            false => self.ring[self.place(self.front.wrapping_add(index))],
        })
    }

    /// The slots in arrival order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        let (in_ring, in_blocks) = if self.is_ranked { (0, self.back) } else { (self.len(), 0) };
        let ring = (0..in_ring).map(|index| self.ring[self.place(self.front.wrapping_add(index))]);
        ring.chain(self.ranked.iter(self.front.min(in_blocks), in_blocks))
    }

    /// Removes the slot at `index` in arrival order; the others keep theirs.
    #[inline(always)]
    pub(crate) fn take(&mut self, index: usize) -> Option<u32> {
        if index >= self.len() {
            return None;
        }
        if index > 0 || self.is_ranked {
            return Some(self.take_from_behind(index));
        }
        let slot = self.ring[self.place(self.front)];
        self.front = self.front.wrapping_add(1);
        Some(slot)
    }

    /// The same, out of line, so that the first is taken in few instructions.
    #[inline(never)]
    fn take_from_behind(&mut self, index: usize) -> u32 {
        self.take_chosen(index)
    }

    /// Removes the slot at `index`, which exists, where any may be chosen.
    #[inline(always)]
    pub(crate) fn take_chosen(&mut self, index: usize) -> u32 {
        if !self.is_ranked {
            self.rank();
        }
        let slot = self.ranked.take(index, self.front);
        self.front += 1;
        slot
    }

    /// Moves all from the ring to where any can be taken.
    #[cold]
    fn rank(&mut self) {
        let len = self.len();
        self.ranked.begin(len);
        for index in 0..len {
            self.ranked.put(index, self.ring[self.place(self.front.wrapping_add(index))]);
        }
        (self.front, self.back, self.is_ranked) = (0, len, true);
    }

    #[cold]
    fn pack(&mut self) {
        self.ranked.pack(self.front, self.back);
        (self.front, self.back) = (0, self.len());
    }

    /// Forgets all and keeps the memory.
    pub(crate) fn clear(&mut self) {
        (self.front, self.back, self.is_ranked) = (0, 0, false);
    }

    #[inline]
    fn place(&self, position: usize) -> usize {
        position & (self.ring.len().wrapping_sub(1))
    }

    /// Makes room in a full ring.
    #[cold]
    fn grow(&mut self) {
        let mut ring = vec![0; (self.len() * 2).max(LENGTH_FIRST)];
        for (index, place) in ring.iter_mut().enumerate().take(self.len()) {
            *place = self.ring[self.place(self.front.wrapping_add(index))];
        }
        (self.front, self.back) = (0, self.len());
        self.ring = ring;
    }

    /// Panics if it contradicts itself.
    pub(super) fn check(&self) {
        if self.is_ranked {
            self.ranked.check(self.front, self.back);
        } else {
            assert!(self.len() <= self.ring.len(), "more came than the ring has places");
        }
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
                ready.check();
                assert_eq!(ready.len(), model.len());
                assert!(ready.iter().eq(model.iter().copied()));
                assert_eq!(ready.get(index), model.get(index).copied());
            }
        }
    }

    #[test]
    fn a_set_that_runs_dry_at_any_place_is_empty_and_takes_more() {
        for tasks in 2_u32..140 {
            let mut ready = ReadySet::default();
            (0..tasks).for_each(|slot| ready.push(slot));
            (1..tasks).for_each(|slot| assert_eq!(ready.take(1), Some(slot)));
            assert_eq!(ready.take(0), Some(0));
            ready.check();
            assert_eq!((ready.len(), ready.get(0), ready.iter().count()), (0, None, 0));
            ready.push(7);
            assert_eq!(ready.iter().collect::<Vec<_>>(), [7]);
            assert_eq!((ready.take(0), ready.take(0)), (Some(7), None));
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
            assert!(ready.ranked.room() <= 4 * tasks.max(16) as usize);
            ready.check();
            while let Some(slot) = model.pop_front() {
                assert_eq!(ready.take(0), Some(slot));
            }
            assert_eq!((ready.len(), ready.take(0)), (0, None));
        }
    }
}
