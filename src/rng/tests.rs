//! Checks that draws are in range, fair and complete, and that impossible ones panic.

mod pinned;

use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use proptest::prelude::*;

// By name, as the prelude of proptest has a trait `Rng`.
use super::Rng;

/// Returns the message that `act` panics with.
fn panic_message<R>(act: impl FnOnce() -> R) -> String {
    let Err(payload) = catch_unwind(AssertUnwindSafe(act)) else {
        panic!("it should have panicked");
    };
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast_ref::<&str>().unwrap().to_string(),
    }
}

/// Fails if the counts, which should be in proportion to `weights`, are too far off.
///
/// The bound on chi-square is six standard deviations above its mean: a fair generator exceeds it
/// for less than one seed in a million, and the seeds are fixed.
fn assert_fair(counts: &[u32], weights: &[u32]) {
    assert_eq!(counts.len(), weights.len());
    let draws = f64::from(counts.iter().sum::<u32>());
    let total = f64::from(weights.iter().sum::<u32>());
    let chi_square: f64 = counts
        .iter()
        .zip(weights)
        .map(|(count, weight)| {
            let expected = draws * f64::from(*weight) / total;
            (f64::from(*count) - expected).powi(2) / expected
        })
        .sum();
    let freedom = (counts.len() - 1) as f64;
    let bound = freedom + 6.0 * (2.0 * freedom).sqrt();
    assert!(chi_square < bound, "{chi_square} of {bound}: {counts:?}");
}

#[test]
fn the_type_of_a_range_does_not_matter_to_the_draw() {
    for seed in 0..100 {
        let expected = Rng::new(seed).range(0..100_u8);
        assert_eq!(Rng::new(seed).range(0..100_usize), usize::from(expected));
        assert_eq!(Rng::new(seed).range(0..100_u128), u128::from(expected));
        assert_eq!(Rng::new(seed).range(-20..80_i128), i128::from(expected) - 20);
        assert_eq!(Rng::new(seed).range(-20..=79_i8), expected as i8 - 20);
        let nanos = Duration::ZERO..Duration::from_nanos(100);
        assert_eq!(Rng::new(seed).range(nanos).as_nanos(), u128::from(expected));
    }
}

#[test]
fn the_type_of_a_literal_range_is_inferred() {
    let mut rng = Rng::new(1);
    let items = ["a", "b", "c"];
    assert!(items.contains(&items[rng.range(0..3)]));
    let wide: i64 = rng.range(5_000_000_000..=6_000_000_000);
    assert!(wide >= 5_000_000_000);
    assert!(rng.range(0..10) < 10);
}

#[test]
fn a_draw_takes_one_word_even_if_it_is_certain() {
    let mut after_one = Rng::new(3);
    after_one.next_u64();
    let draws: [fn(&mut Rng); 7] = [
        |rng| assert_ne!(rng.fork(), *rng),
        |rng| assert!(!rng.chance(0, 7)),
        |rng| assert!(rng.chance(7, 7)),
        |rng| assert_eq!(rng.range(5..6), 5),
        |rng| assert_eq!(rng.range(u128::MAX..=u128::MAX), u128::MAX),
        |rng| assert_eq!(rng.choose(&[5]), Some(&5)),
        |rng| assert_eq!(rng.sample(1, 1), [0]),
    ];
    for draw in draws {
        let mut rng = Rng::new(3);
        draw(&mut rng);
        assert_eq!(rng, after_one);
    }
}

#[test]
fn nothing_to_choose_from_takes_nothing_from_the_generator() {
    let mut rng = Rng::new(3);
    let mut none: [u8; 0] = [];
    assert_eq!(rng.choose(&none), None);
    assert_eq!(rng.choose_mut(&mut none), None);
    assert_eq!(rng.choose_weighted(&none, |_| 1), None);
    assert_eq!(rng.choose_weighted(&[1, 2], |_| 0), None);
    assert!(rng.sample(0, 0).is_empty());
    assert!(rng.sample(usize::MAX, 0).is_empty());
    rng.shuffle(&mut none);
    rng.shuffle(&mut [1]);
    rng.fill_bytes(&mut none);
    assert_eq!(rng, Rng::new(3));
}

#[test]
fn an_empty_range_panics_and_is_named() {
    let mut rng = Rng::new(0);
    #[expect(clippy::reversed_empty_ranges, reason = "they are the point")]
    let messages = [
        (panic_message(|| rng.clone().range(5..5)), "5..5"),
        (panic_message(|| rng.clone().range(-2..-3_i8)), "-2..-3"),
        (panic_message(|| rng.clone().range(7..=6_u128)), "7..=6"),
        (panic_message(|| rng.clone().range(..0_u128)), "..0"),
        (panic_message(|| rng.clone().range(..i128::MIN)), &format!("..{}", i128::MIN)),
        (
            panic_message(|| rng.clone().range(Duration::MAX..Duration::ZERO)),
            &format!("{:?}..0ns", Duration::MAX),
        ),
        (
            panic_message(|| rng.clone().range((Bound::Excluded(255_u8), Bound::Unbounded))),
            "255 (excluded)..",
        ),
        (
            panic_message(|| rng.range((Bound::Excluded(u128::MAX), Bound::Unbounded))),
            &format!("{} (excluded)..", u128::MAX),
        ),
    ];
    for (message, range) in messages {
        assert_eq!(message, format!("cannot draw from the empty range {range}"));
    }
}

#[test]
fn impossible_chances_and_samples_panic() {
    let mut rng = Rng::new(0);
    assert_eq!(panic_message(|| rng.chance(1, 0)), "a chance of 1 in 0 has no meaning");
    assert_eq!(panic_message(|| rng.chance(3, 2)), "a chance of 3 in 2 is more than certain");
    assert_eq!(panic_message(|| rng.sample(2, 3)), "cannot sample 3 distinct indices out of 2");
}

#[test]
fn full_ranges_give_the_words_themselves() {
    let mut words = Rng::new(9);
    let (low, high) = (words.next_u64(), words.next_u64());
    let wide = u128::from(high) << 64 | u128::from(low);
    assert_eq!(Rng::new(9).range(u64::MIN..=u64::MAX), low);
    assert_eq!(Rng::new(9).range(u128::MIN..=u128::MAX), wide);
    let signed = Rng::new(9).range(i128::MIN..=i128::MAX);
    assert_eq!(signed, i128::MIN.wrapping_add(wide as i128));
    assert_eq!(Rng::new(9).range::<u8>(..), (low >> 56) as u8);
}

#[test]
fn every_value_of_a_small_range_is_drawn() {
    let mut rng = Rng::new(9);
    let mut seen = [false; 256];
    for _ in 0..10_000 {
        let value: i8 = rng.range(..);
        seen[usize::from(value as u8)] = true;
    }
    assert!(seen.iter().all(|seen| *seen));
}

#[test]
fn durations_reach_past_a_u64_of_nanoseconds() {
    let mut rng = Rng::new(9);
    let draws: Vec<Duration> =
        (0..100).map(|_| rng.range(Duration::ZERO..=Duration::MAX)).collect();
    // The upper half of all durations, which each draw meets with a probability of one half.
    let long = draws.iter().filter(|draw| **draw > Duration::MAX / 2);
    assert!((30..70).contains(&long.count()));
    assert_eq!(rng.range(Duration::MAX..), Duration::MAX);
    assert!(rng.range(Duration::MAX - Duration::from_nanos(1)..Duration::MAX) < Duration::MAX);
}

#[test]
fn ranges_are_fair() {
    for size in [2, 3, 7, 10, 100, 256] {
        let mut counts = vec![0; size];
        let mut rng = Rng::new(size as u64);
        for _ in 0..size * 1000 {
            counts[rng.range(0..size)] += 1;
        }
        assert_fair(&counts, &vec![1; size]);
    }
}

#[test]
fn a_range_that_rejects_often_is_fair() {
    // Three quarters of all words: a plain product would favour every third value, which the
    // count of remainders by three shows. With the first end, the lower half of a surplus product
    // is always 0, with the second end it is any number.
    for end in [3_u64 << 62, (3 << 62) + 1] {
        let mut rng = Rng::new(4);
        let mut counts = [0; 3];
        let mut wide_counts = [0; 3];
        for _ in 0..30_000 {
            counts[(rng.range(0..end) % 3) as usize] += 1;
            let wide = rng.range(0..u128::from(3 * (end / 3)) << 64);
            wide_counts[(wide >> 126) as usize] += 1;
        }
        assert_fair(&counts, &[1; 3]);
        assert_fair(&wide_counts, &[1; 3]);
    }
}

#[test]
fn every_bit_of_a_word_is_fair() {
    let mut rng = Rng::new(2);
    let words: Vec<u64> = (0..10_000).map(|_| rng.next_u64()).collect();
    for bit in 0..64 {
        let ones = words.iter().filter(|word| *word >> bit & 1 == 1).count() as u32;
        assert_fair(&[ones, 10_000 - ones], &[1, 1]);
    }
}

#[test]
fn neighbouring_parts_give_unrelated_generators() {
    // The first draw over a grid of neighbours must look like draws of one generator.
    let mut counts = [0; 16];
    for seed in 0..20 {
        for stream in 0..20 {
            for draw in 0..100 {
                counts[Rng::from_parts(seed, stream, draw).range(0..16)] += 1;
            }
        }
    }
    assert_fair(&counts, &[1; 16]);
}

#[test]
fn bools_chances_and_floats_are_fair() {
    let mut rng = Rng::new(5);
    let (mut coins, mut chances, mut floats) = ([0; 2], [0; 2], [0; 10]);
    for _ in 0..30_000 {
        coins[usize::from(rng.bool())] += 1;
        chances[usize::from(rng.chance(2, 7))] += 1;
        let float = rng.f64();
        assert!((0.0..1.0).contains(&float));
        floats[(float * 10.0) as usize] += 1;
    }
    assert_fair(&coins, &[1, 1]);
    assert_fair(&chances, &[5, 2]);
    assert_fair(&floats, &[1; 10]);
}

#[test]
fn choices_follow_their_weights() {
    let mut rng = Rng::new(6);
    let weights = [1, 5, 0, 2, 2];
    let mut counts = [0; 5];
    for _ in 0..10_000 {
        let place = rng.choose_weighted(&[0, 1, 2, 3, 4], |i| weights[*i]);
        counts[*place.unwrap()] += 1;
    }
    assert_eq!(counts[2], 0);
    assert_fair(&[counts[0], counts[1], counts[3], counts[4]], &[1, 5, 2, 2]);
    let heaviest = rng.choose_weighted(&[7, 8, 9], |_| u32::MAX);
    assert!(heaviest.is_some());
}

#[test]
fn every_order_is_equally_likely() {
    let mut rng = Rng::new(8);
    let (mut shuffles, mut samples) = ([0; 64], [0; 64]);
    for _ in 0..24_000 {
        let mut items = [0, 1, 2, 3];
        rng.shuffle(&mut items);
        shuffles[items[0] * 16 + items[1] * 4 + items[2]] += 1;
        let indices = rng.sample(4, 3);
        samples[indices[0] * 16 + indices[1] * 4 + indices[2]] += 1;
    }
    for counts in [shuffles, samples] {
        let orders: Vec<u32> = counts.into_iter().filter(|count| *count > 0).collect();
        assert_fair(&orders, &[1; 24]);
    }
}

#[test]
fn a_sample_is_the_start_of_a_shuffle() {
    // The sparse bookkeeping must agree with the plain algorithm on a full array.
    for seed in 0..200 {
        let (mut sparse, mut plain) = (Rng::new(seed), Rng::new(seed));
        let mut indices: Vec<usize> = (0..12).collect();
        for next in 0..9 {
            indices.swap(next, plain.range(next..12));
        }
        assert_eq!(sparse.sample(12, 9), indices[..9]);
        assert_eq!(sparse, plain);
    }
}

#[test]
fn a_sample_of_a_huge_total_is_cheap() {
    let indices = Rng::new(1).sample(usize::MAX, 3);
    assert_eq!(indices.len(), 3);
}

proptest! {
    #[test]
    fn ranges_of_integers_stay_in_range(seed: u64, a: i64, b: i64, wide_a: u128, wide_b: u128) {
        let mut rng = Rng::new(seed);
        let (low, high) = (a.min(b), a.max(b));
        prop_assert!((low..=high).contains(&rng.range(low..=high)));
        prop_assert!((low..).contains(&rng.range(low..)));
        prop_assert!((..=high).contains(&rng.range(..=high)));
        let (low, high) = (wide_a.min(wide_b), wide_a.max(wide_b));
        prop_assert!((low..=high).contains(&rng.range(low..=high)));
        if low < high {
            prop_assert!((low..high).contains(&rng.range(low..high)));
            let after_low = (Bound::Excluded(low), Bound::Included(high));
            prop_assert!(rng.range(after_low) > low);
        }
    }

    #[test]
    fn ranges_of_small_integers_stay_in_range(seed: u64, a: i8, b: i8) {
        let mut rng = Rng::new(seed);
        let (low, high) = (a.min(b), a.max(b));
        prop_assert!((low..=high).contains(&rng.range(low..=high)));
        if low < high {
            prop_assert!((low..high).contains(&rng.range(low..high)));
        }
    }

    #[test]
    fn ranges_of_durations_stay_in_range(seed: u64, a: Duration, b: Duration) {
        let (low, high) = (a.min(b), a.max(b));
        let drawn = Rng::new(seed).range(low..=high);
        prop_assert!((low..=high).contains(&drawn));
    }

    #[test]
    fn a_shuffle_is_a_permutation(seed: u64, items in prop::collection::vec(0..50_u8, 0..80)) {
        let mut shuffled = items.clone();
        Rng::new(seed).shuffle(&mut shuffled);
        let mut expected = items;
        expected.sort_unstable();
        shuffled.sort_unstable();
        prop_assert_eq!(shuffled, expected);
    }

    #[test]
    fn a_sample_is_distinct_and_below_its_total(seed: u64, total in 0..200_usize, part in 0..=200_usize) {
        let amount = part.min(total);
        let mut indices = Rng::new(seed).sample(total, amount);
        prop_assert_eq!(indices.len(), amount);
        prop_assert!(indices.iter().all(|index| *index < total));
        indices.sort_unstable();
        indices.dedup();
        prop_assert_eq!(indices.len(), amount);
    }

    #[test]
    fn bytes_are_a_prefix_of_longer_bytes(seed: u64, length in 0..40_usize) {
        let (mut long, mut short) = ([0; 40], vec![0; length]);
        Rng::new(seed).fill_bytes(&mut long);
        Rng::new(seed).fill_bytes(&mut short);
        prop_assert_eq!(&long[..length], short);
    }
}
