//! Uniform draws from ranges.
//!
//! Every type that can be drawn from a range numbers its values in order, from below; the number
//! is a `u128` and called the rank. A draw then works on ranks alone: one path of code serves all
//! types, which is why equal ranges of different types give equal draws. The file does not know
//! where the random words come from.

use std::fmt::{Debug, Write};
use std::ops::Bound;
use std::time::Duration;

use super::Rng;
use sealed::Ranked;

/// The types that [`Rng::range`] can draw: all integers, and [`Duration`].
///
/// Sealed: the crate decides which types these are, so that adding a way to draw breaks nobody.
pub trait Drawable: Ranked {}

mod sealed {
    /// Values that are numbered in their order.
    pub trait Ranked: Copy + std::fmt::Debug {
        const MIN: Self;
        const MAX: Self;

        /// Returns the number of the value; higher values have higher numbers, without gaps.
        fn rank(self) -> u128;

        /// Returns the value of a number, which must be the rank of one.
        fn from_rank(rank: u128) -> Self;
    }
}

macro_rules! drawable_integers {
    (sign bit $sign:literal: $($int:ty)*) => {$(
        impl Ranked for $int {
            const MIN: Self = <$int>::MIN;
            const MAX: Self = <$int>::MAX;

            #[inline]
            fn rank(self) -> u128 {
                // The cast extends the sign, and the flipped sign bit puts negatives below zero.
                (self as u128) ^ ($sign << 127)
            }

            #[inline]
            fn from_rank(rank: u128) -> Self {
                (rank ^ ($sign << 127)) as $int
            }
        }

        impl Drawable for $int {}
    )*};
}

drawable_integers!(sign bit 0: u8 u16 u32 u64 u128 usize);
drawable_integers!(sign bit 1: i8 i16 i32 i64 i128 isize);

impl Ranked for Duration {
    const MIN: Self = Duration::ZERO;
    const MAX: Self = Duration::MAX;

    fn rank(self) -> u128 {
        self.as_nanos()
    }

    fn from_rank(rank: u128) -> Self {
        const NANOS_PER_SEC: u128 = 1_000_000_000;
        // `Duration::from_nanos` takes a `u64` and would stop at 584 years.
        Duration::new((rank / NANOS_PER_SEC) as u64, (rank % NANOS_PER_SEC) as u32)
    }
}

impl Drawable for Duration {}

/// Draws a value between two bounds; panics if there is none.
#[track_caller]
pub(super) fn draw<T: Drawable>(rng: &mut Rng, start: Bound<&T>, end: Bound<&T>) -> T {
    let lowest = match start {
        Bound::Included(value) => Some(value.rank()),
        Bound::Excluded(value) => value.rank().checked_add(1),
        Bound::Unbounded => Some(T::MIN.rank()),
    };
    let highest = match end {
        Bound::Included(value) => Some(value.rank()),
        Bound::Excluded(value) => value.rank().checked_sub(1),
        Bound::Unbounded => Some(T::MAX.rank()),
    };
    match (lowest, highest) {
        (Some(lowest), Some(highest)) if lowest <= highest => {
            T::from_rank(lowest + rng.up_to(highest - lowest))
        }
        _ => refuse(start.map(|value| value as &dyn Debug), end.map(|value| value as &dyn Debug)),
    }
}

#[cold]
#[track_caller]
fn refuse(start: Bound<&dyn Debug>, end: Bound<&dyn Debug>) -> ! {
    panic!("cannot draw from the empty range {}", notation(start, end))
}

impl Rng {
    /// Draws from `0..=max`.
    fn up_to(&mut self, max: u128) -> u128 {
        match u64::try_from(max) {
            Ok(u64::MAX) => self.next_u64().into(),
            Ok(max) => self.below(max + 1).into(),
            Err(_) => self.up_to_wide(max),
        }
    }

    /// Draws from `0..count`, where `count` is not 0.
    #[inline]
    pub(crate) fn below(&mut self, count: u64) -> u64 {
        // No fixed bound, but fewer than half of all words are surplus, and a generator that
        // visits all words cannot stay among them.
        loop {
            if let Some(drawn) = below(self.next_u64(), count) {
                return drawn;
            }
        }
    }

    /// Draws from `0..=max` for a `max` of more than 64 bits, the lower word first.
    ///
    /// Lemire's method would need a product of 256 bits here. Draws of as many bits as `max` has
    /// fall inside more often than not, so drawing until one does is cheap and just as fair.
    fn up_to_wide(&mut self, max: u128) -> u128 {
        let mask = u128::MAX >> max.leading_zeros();
        loop {
            let low = u128::from(self.next_u64());
            let high = u128::from(self.next_u64());
            let candidate = (high << 64 | low) & mask;
            if candidate <= max {
                return candidate;
            }
        }
    }
}

/// What a random word gives of `0..count`, where `count` is not 0, by Lemire's method.
///
/// The upper half of `word * count` is below `count`, but some results come from one word
/// more than others. Words whose product has a lower half below `2^64 mod count` are the
/// surplus, and give nothing. To know that number takes a division, which is needed only
/// if the lower half is below `count`, so it is put off until then.
#[inline]
pub(crate) fn below(word: u64, count: u64) -> Option<u64> {
    debug_assert!(count != 0, "there is no number below zero");
    let product = u128::from(word) * u128::from(count);
    let lower = product as u64;
    let is_surplus = lower < count && lower < count.wrapping_neg() % count;
    (!is_surplus).then_some((product >> 64) as u64)
}

/// What it gives if it is none of the surplus.
#[inline]
pub(crate) fn scaled(word: u64, count: u64) -> u64 {
    ((u128::from(word) * u128::from(count)) >> 64) as u64
}

/// Writes a range as its author did, as far as the bounds still tell.
fn notation(start: Bound<&dyn Debug>, end: Bound<&dyn Debug>) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail, so the results carry no news.
    let _ = match start {
        Bound::Included(value) => write!(text, "{value:?}"),
        // Rust has no notation for this one; it comes only from a pair of bounds.
        Bound::Excluded(value) => write!(text, "{value:?} (excluded)"),
        Bound::Unbounded => Ok(()),
    };
    let _ = match end {
        Bound::Included(value) => write!(text, "..={value:?}"),
        Bound::Excluded(value) => write!(text, "..{value:?}"),
        Bound::Unbounded => write!(text, ".."),
    };
    text
}
