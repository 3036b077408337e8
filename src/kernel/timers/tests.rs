//! What the timers promise beyond order: bounded memory, no slow corner, keys that stay stale.
//! Order itself is tested against a model, in `model`.

mod model;

use super::{Instant, TimerKey, Timers};

/// A generator of its own, so that scripts stay the same for ever.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

const INSTANT: Instant = Instant::from_nanos(1_000_000_000);

#[test]
fn memory_stays_bounded_when_one_timer_after_another_is_cancelled() {
    let mut timers = Timers::new();
    let mut random = Random(1);
    for _ in 0..1_000_000 {
        let key = timers.insert(INSTANT, 0u64);
        assert_eq!(timers.cancel(key), Some(0));
    }
    assert!(timers.memory_bytes() <= 1_024);
    for _ in 0..1_000_000 {
        let key = timers.insert(Instant::from_nanos(random.next() >> 1), 0);
        timers.cancel(key);
    }
    assert!(timers.memory_bytes() <= 1_024);
    timers.check();
}

#[test]
fn memory_stays_bounded_when_one_of_a_thousand_timers_after_another_is_cancelled() {
    for spread in [1, 1_000, 1 << 40] {
        let mut random = Random(2);
        let mut timers = Timers::new();
        let mut keys = std::collections::VecDeque::new();
        for round in 0..1_000_000u64 {
            let deadline = INSTANT.as_nanos() + random.below(spread);
            keys.push_back(timers.insert(Instant::from_nanos(deadline), round));
            if keys.len() > 1_000 {
                assert!(timers.cancel(keys.pop_front().unwrap()).is_some());
            }
        }
        timers.check();
        let bytes = timers.memory_bytes();
        assert!(bytes <= 256 * 1_024, "{bytes} bytes with spread {spread}");
    }
}

#[test]
fn memory_stays_bounded_when_ten_thousand_timers_at_a_time_are_cancelled() {
    let mut timers = Timers::new();
    let mut keys = Vec::new();
    for _ in 0..100 {
        keys.extend((0..10_000).map(|i| timers.insert(INSTANT, i)));
        for key in keys.drain(..) {
            assert!(timers.cancel(key).is_some());
        }
        assert_eq!(timers.len(), 0);
    }
    timers.check();
    let bytes = timers.memory_bytes();
    assert!(bytes <= 1_024 * 1_024, "{bytes} bytes");
}

#[test]
fn memory_stays_bounded_when_a_crowd_moves_through_time() {
    let mut timers = Timers::new();
    for i in 0..10_000u64 {
        timers.insert(Instant::from_nanos(1), i);
    }
    for tick in 1..=200 {
        let now = Instant::from_nanos(tick * 1_000_003);
        for _ in 0..10_000 {
            let (_, payload) = timers.pop_due(now).unwrap();
            timers.insert(Instant::from_nanos((tick + 1) * 1_000_003), payload);
        }
        assert_eq!(timers.pop_due(now), None);
    }
    timers.check();
    let bytes = timers.memory_bytes();
    assert!(bytes <= 1_536 * 1_024, "{bytes} bytes");
}

#[test]
fn a_million_equal_deadlines_leave_in_order_of_registration() {
    let mut timers = Timers::new();
    for i in 0..1_000_000u64 {
        timers.insert(INSTANT, i);
    }
    assert_eq!(timers.next_deadline(), Some(INSTANT));
    for i in 0..1_000_000 {
        assert_eq!(timers.pop_due(INSTANT), Some((INSTANT, i)));
        // Registered for the instant that is being served: waits its turn behind all others.
        if i % 1_000 == 0 {
            timers.insert(INSTANT, 1_000_000 + i / 1_000);
        }
    }
    for i in 1_000_000..1_001_000 {
        assert_eq!(timers.pop_due(INSTANT), Some((INSTANT, i)));
    }
    assert_eq!(timers.pop_due(INSTANT), None);
    timers.check();
}

/// Cancels a million equals in the given order, before the instant and in the middle of it, and
/// asks for the next deadline each time: a search at each question would take hours.
fn cancel_a_million(order: impl Fn(Vec<TimerKey>) -> Vec<TimerKey>) {
    for is_instant_served in [false, true] {
        let mut timers = Timers::new();
        let keys: Vec<_> = (0..1_000_000).map(|i| timers.insert(INSTANT, i)).collect();
        let last = *keys.last().unwrap();
        if is_instant_served {
            assert_eq!(timers.pop_due(INSTANT), Some((INSTANT, 0)));
        }
        for key in order(keys) {
            timers.cancel(key);
            let is_empty = timers.len() == 0;
            assert_eq!(timers.next_deadline(), (!is_empty).then_some(INSTANT));
        }
        assert_eq!(timers.get(last), None);
        assert_eq!(timers.pop_due(Instant::NEVER), None);
        timers.check();
    }
}

#[test]
fn a_million_equal_deadlines_are_cancelled_forward_quickly() {
    cancel_a_million(|keys| keys);
}

#[test]
fn a_million_equal_deadlines_are_cancelled_backward_quickly() {
    cancel_a_million(|keys| keys.into_iter().rev().collect());
}

#[test]
fn a_million_equal_deadlines_are_cancelled_in_random_order_quickly() {
    cancel_a_million(|mut keys| {
        let mut random = Random(3);
        for i in (1..keys.len()).rev() {
            keys.swap(i, random.below(i as u64 + 1) as usize);
        }
        keys
    });
}

#[test]
fn a_million_deadlines_beside_the_first_are_cancelled_quickly() {
    for apart in [1, 2, 1 << 32] {
        let mut timers = Timers::new();
        timers.insert(INSTANT, 0);
        let beside = Instant::from_nanos(INSTANT.as_nanos() + apart);
        let keys: Vec<_> = (1..=1_000_000).map(|i| timers.insert(beside, i)).collect();
        for key in keys {
            timers.cancel(key);
            assert_eq!(timers.next_deadline(), Some(INSTANT));
        }
        timers.check();
    }
}

#[test]
fn no_table_is_made_for_sixty_four_timers() {
    let mut timers = Timers::new();
    assert_eq!(timers.memory_bytes(), 0);
    for i in 0..64 {
        timers.insert(Instant::from_nanos(i * i * i), i);
    }
    assert!(timers.memory_bytes() < 64 * 48 + 1);
    timers.insert(INSTANT, 64);
    assert!(timers.memory_bytes() > 16 * 1_024);
}

#[test]
fn a_cleared_set_hands_out_the_same_slots_and_no_old_key() {
    let mut timers = Timers::new();
    let before: Vec<_> = (0..100).map(|i| timers.insert(INSTANT, i)).collect();
    timers.cancel(before[50]);
    timers.clear();
    timers.check();
    let after: Vec<_> = (0..100).map(|i| timers.insert(INSTANT, i)).collect();
    for (old, new) in before.iter().zip(&after) {
        assert_eq!(old.slot(), new.slot());
        assert_eq!(timers.get(*old), None);
        assert!(timers.get(*new).is_some());
    }
    assert!(timers.all().into_iter().map(|(_, i)| i).eq(0..100));
}

#[test]
fn a_slot_is_retired_when_its_generations_are_used_up() {
    let mut timers = Timers::new();
    timers.insert(INSTANT, 'a');
    timers.clear();
    timers.slots[0].generation = super::RETIRED - 2;
    let last = timers.insert(INSTANT, 'b');
    assert_eq!(last.slot(), 0);
    assert_eq!(timers.cancel(last), Some('b'));
    timers.check();
    assert_eq!(timers.insert(INSTANT, 'c').slot(), 1);
    timers.clear();
    timers.check();
    assert_eq!(timers.insert(INSTANT, 'd').slot(), 1);
    assert_eq!(timers.get(last), None);
    timers.check();
}

#[test]
fn a_key_takes_eight_bytes_and_a_timer_thirty_two() {
    assert_eq!(size_of::<TimerKey>(), 8);
    assert_eq!(size_of::<super::Entry>(), 16);
    assert_eq!(size_of::<super::Slot<u64>>(), 16);
}
