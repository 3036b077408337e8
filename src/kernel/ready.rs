//! The ready set: tasks that may run, in the order of their first wake since their last poll (S17).

use super::few::{FEW, Few};
use super::ranked::Ranked;

/// Slots of ready tasks, oldest wake first.
///
/// A task's slot is in it at most once, and exactly while the task is in the ready state; so a slot needs
/// no generation here.
#[derive(Default)]
pub(crate) struct ReadySet {
    order: Order,
    /// Its length is zero or a power of two: a place is then found by masking, which saves a tenth of a whole
    /// turn over the standard library's deque.
    ring: Vec<u32>,
    few: Few,
    ranked: Ranked,
    /// How many were ever taken, and ever came. In the ring, each modulo the length is a place; of those that are
    /// ranked, it is since they were packed; of a few, none was taken, and so many came as there are.
    front: usize,
    back: usize,
}

/// How the slots are kept: in a ring as long as the first is taken each time. From the first that is taken from
/// behind it until all is forgotten, so that any is as near as another.
#[derive(Clone, Copy, PartialEq, Default)]
enum Order {
    #[default]
    Ring,
    Few,
    Ranked,
}

/// A task taken from the ready set, to be started next: its slot, and which of them it was, in one word.
#[derive(Clone, Copy)]
pub(crate) struct Taken(u64);

impl Taken {
    #[inline(always)]
    pub(super) fn new(slot: u32, index: u32) -> Taken {
        Taken(u64::from(index) << 32 | u64::from(slot))
    }

    #[inline(always)]
    pub(super) fn slot(self) -> u32 {
        self.0 as u32
    }

    #[inline(always)]
    pub(super) fn index(self) -> usize {
        (self.0 >> 32) as usize
    }
}

/// The length of the first ring.
const LENGTH_FIRST: usize = 16;

/// Not more are moved among the few. What is left to [`FEW`] is what may come before they are moved back.
const FEW_BEGIN: usize = FEW / 4 * 3;

impl ReadySet {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.back.wrapping_sub(self.front)
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, slot: u32) {
        if !self.push_in_ring(slot) {
            self.push_unordered(slot);
        }
    }

    /// Adds it if nothing need be called for that. `false` if it was not added.
    #[inline(always)]
    pub(crate) fn push_at_once(&mut self, slot: u32) -> bool {
        match self.order {
            Order::Ring => self.push_in_ring(slot),
            Order::Few => {
                let is_in = self.few.push(slot, self.back);
                self.back += usize::from(is_in);
                is_in
            }
            Order::Ranked => false,
        }
    }

    #[inline(always)]
    fn push_in_ring(&mut self, slot: u32) -> bool {
        let has_room = self.order == Order::Ring && self.len() < self.ring.len();
        if has_room {
            let place = self.place(self.back);
            self.ring[place] = slot;
            self.back = self.back.wrapping_add(1);
        }
        has_room
    }

    /// Also into a ring that is full. Out of line, so that a wake is short enough to be inlined. What is rare is done by others to the end, so that
    /// no register need be saved here.
    #[inline(never)]
    fn push_unordered(&mut self, slot: u32) {
        self.push_chosen(slot);
    }

    /// Adds the task whose turn ends. As this is done at one place only, all of it is in line.
    #[inline(always)]
    pub(crate) fn push_back(&mut self, slot: u32) {
        match self.order {
            Order::Ring => self.push(slot),
            _ => self.push_chosen(slot),
        }
    }

    #[inline(always)]
    fn push_chosen(&mut self, slot: u32) {
        let is_in = match self.order {
            Order::Ring => false,
            Order::Few => self.few.push(slot, self.back),
            Order::Ranked => {
                let place = self.ranked.place_mut(self.back);
                place.map(|place| *place = slot).is_some()
            }
        };
        match is_in {
            true => self.back += 1,
            false => self.push_anew(slot),
        }
    }

    /// Puts in a slot for which there is no room.
    #[cold]
    fn push_anew(&mut self, slot: u32) {
        match self.order {
            Order::Ring => self.grow(),
            Order::Few => {
                self.ranked.begin(self.back);
                self.order = Order::Ranked;
                for (index, slot) in self.few.slots(self.back).enumerate() {
                    *self.ranked.place_mut(index).expect("there is room for all") = slot;
                }
            }
            Order::Ranked => {
                self.ranked.pack(self.back);
                (self.front, self.back) = (0, self.len());
            }
        }
        self.push(slot);
    }

    /// The slot at `index` in arrival order.
    pub(crate) fn get(&self, index: usize) -> Option<u32> {
        if index >= self.len() {
            return None;
        }
        match self.order {
            Order::Ring => Some(self.ring[self.place(self.front.wrapping_add(index))]),
            Order::Few => self.few.slots(self.back).nth(index),
            Order::Ranked => self.ranked.get(index, self.back),
        }
    }

    /// Tells the slots in arrival order.
    pub(crate) fn for_each(&self, tell: &mut dyn FnMut(u32)) {
        match self.order {
            Order::Ring => {
                for index in 0..self.len() {
                    tell(self.ring[self.place(self.front.wrapping_add(index))]);
                }
            }
            Order::Few => {
                for slot in self.few.slots(self.len()) {
                    tell(slot);
                }
            }
            Order::Ranked => self.ranked.for_each(self.back, tell),
        }
    }

    /// Removes the slot at `index` in arrival order; the others keep theirs.
    #[inline(always)]
    pub(crate) fn take(&mut self, index: usize) -> Option<u32> {
        if index >= self.len() {
            return None;
        }
        if index > 0 || self.order != Order::Ring {
            return Some(self.take_from_behind(index));
        }
        let slot = self.ring[self.place(self.front)];
        self.front = self.front.wrapping_add(1);
        Some(slot)
    }

    /// The same, out of line, so that the first is taken in few instructions.
    #[inline(never)]
    fn take_from_behind(&mut self, index: usize) -> u32 {
        self.take_chosen(index, None)
    }

    /// Removes the slot at `index`, which exists, where any may be chosen.
    ///
    /// What is taken `next`, if all goes as expected, is looked for at once: it need not be waited for then. It may be
    /// what comes before that.
    #[inline(always)]
    pub(crate) fn take_chosen(&mut self, index: usize, next: Option<usize>) -> u32 {
        match self.order {
            Order::Ring => self.unroll(index),
            Order::Few => {
                let slot = self.few.take(index, self.back);
                self.back -= 1;
                slot
            }
            Order::Ranked => {
                self.front += 1;
                let slot = self.ranked.take(index);
                if let Some(next) = next {
                    self.ranked.look_ahead(next);
                }
                slot
            }
        }
    }

    /// Moves all from the ring to where any can be taken, and takes one.
    #[cold]
    #[inline(never)]
    fn unroll(&mut self, index: usize) -> u32 {
        let len = self.len();
        self.few.clear();
        let (ring, front) = (&self.ring, self.front);
        let slot_at = |index: usize| ring[front.wrapping_add(index) & (ring.len() - 1)];
        let is_few = len <= FEW_BEGIN && (0..len).all(|index| self.few.push(slot_at(index), index));
        if !is_few {
            self.ranked.begin(len);
            for index in 0..len {
                *self.ranked.place_mut(index).expect("there is room for all") = slot_at(index);
            }
        }
        let order = if is_few { Order::Few } else { Order::Ranked };
        (self.front, self.back, self.order) = (0, len, order);
        self.take_chosen(index, None)
    }

    /// Forgets all and keeps the memory.
    pub(crate) fn clear(&mut self) {
        (self.front, self.back, self.order) = (0, 0, Order::Ring);
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
        match self.order {
            Order::Ring => {
                assert!(self.len() <= self.ring.len(), "more came than the ring has places");
            }
            Order::Few => {
                assert!(self.front == 0 && self.back <= FEW, "these are not few");
                self.few.check(self.back);
            }
            Order::Ranked => self.ranked.check(self.front, self.back),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    fn in_order(ready: &ReadySet) -> Vec<u32> {
        let mut slots = Vec::new();
        ready.for_each(&mut |slot| slots.push(slot));
        slots
    }

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
                assert!(in_order(&ready).iter().eq(&model));
                assert_eq!(ready.get(index), model.get(index).copied());
            }
        }
    }

    proptest::proptest! {
        /// Whether what was looked for ahead is taken next or not, and whatever comes in between.
        #[test]
        fn a_look_ahead_changes_nothing(
            script in proptest::collection::vec((0_u8..6, 0_usize..1_000, 0_usize..1_000), 0..300),
            before in proptest::prop_oneof![2_u32..60, 60_u32..6_000],
        ) {
            let (mut ready, mut model) = (ReadySet::default(), VecDeque::new());
            let mut slots = 0..;
            let mut ahead = None;
            for (kind, index, next) in std::iter::once((6, 0, 0)).chain(script) {
                let coming = if kind == 6 { before } else { u32::from(kind == 5) * 40 };
                for slot in slots.by_ref().take(coming as usize) {
                    ready.push(slot);
                    model.push_back(slot);
                }
                if kind < 5 && !model.is_empty() {
                    let expected = ahead.filter(|&ahead| kind > 0 && ahead < model.len());
                    let index = expected.unwrap_or(index * model.len() / 1_000);
                    let left = model.len() - 1;
                    ahead = Some(next * (left + 1) / 1_000).filter(|_| kind > 1);
                    let slot = ready.take_chosen(index, ahead);
                    assert_eq!(Some(slot), model.remove(index));
                    if kind > 3 {
                        ready.push(slot);
                        model.push_back(slot);
                    }
                }
                ready.check();
                assert!(in_order(&ready).iter().eq(&model));
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
            assert_eq!((ready.len(), ready.get(0), in_order(&ready).len()), (0, None, 0));
            ready.push(7);
            assert_eq!(in_order(&ready), [7]);
            assert_eq!((ready.take(0), ready.take(0)), (Some(7), None));
            // Once in a while all is packed, and now there is nothing to pack.
            for slot in 0..3_000 {
                ready.push(slot);
                assert_eq!(ready.take(0), Some(slot));
            }
        }
    }

    #[test]
    fn a_long_run_of_choices_takes_what_a_deque_gives_and_no_more_room() {
        for tasks in [20_u32, 33, 64, 65, 1_000, 5_000] {
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
            assert!(ready.ranked.room() <= 4 * tasks.max(512) as usize);
            ready.check();
            while let Some(slot) = model.pop_front() {
                assert_eq!(ready.take(0), Some(slot));
            }
            assert_eq!((ready.len(), ready.take(0)), (0, None));
        }
    }
}
