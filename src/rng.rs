//! Seeded random numbers that are the same on every platform.
//!
//! [`Rng`] turns a seed into a sequence of draws. It promises *value stability*: one seed and one
//! series of calls give the same values on every operating system, word size and byte order, and
//! in every release that does not announce a change of its outputs. Tests pin them.
//!
//! It knows nothing of tasks, time or the loop, and has no source of entropy: what is not in the
//! seed does not reach the output. It is not fit for cryptography, because a few outputs are
//! enough to predict all others.
//!
//! The generator is xoshiro256++ (Blackman and Vigna, "Scrambled Linear Pseudorandom Number
//! Generators", 2019), whose state is filled by SplitMix64 (Steele, Lea and Flood, "Fast
//! Splittable Pseudorandom Number Generators", 2014).

mod range;
mod seed;

#[cfg(feature = "rand")]
mod rand_traits;
#[cfg(test)]
mod tests;

use std::ops::RangeBounds;

pub use range::Drawable;
pub(crate) use range::{below, scaled};
pub(crate) use seed::{digest_draw, digest_stream, stream_child};

/// Draws random values in an order that only its seed decides.
///
/// Two generators are equal if all their future draws are. A clone repeats the draws of its
/// original; [`fork`](Rng::fork) gives a generator that does not.
///
/// The state takes 32 bytes, and the sequence repeats after 2<sup>256</sup> − 1 words of 64 bits.
///
/// # Examples
///
/// ```
/// use simloop::rng::Rng;
///
/// let mut rng = Rng::new(7);
/// let mut replay = rng.clone();
/// let die = rng.range(1..=6);
/// assert!((1..=6).contains(&die));
/// assert_eq!(replay.range(1..=6), die);
/// assert_eq!(rng, replay);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng {
    /// Never all zero: xoshiro would then return zero for ever.
    state: [u64; 4],
}

impl Rng {
    /// Creates the generator of a seed.
    ///
    /// Every seed is as good as any other, 0 included: neighbouring seeds give unrelated draws.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::rng::Rng;
    ///
    /// assert_eq!(Rng::new(7), Rng::new(7));
    /// assert_ne!(Rng::new(7).next_u64(), Rng::new(8).next_u64());
    /// ```
    pub fn new(seed: u64) -> Rng {
        Rng { state: seed::expand(seed) }
    }

    /// Creates the generator for call number `draw` on the stream `stream` of the run `seed`.
    ///
    /// With two of the numbers fixed, different values of the third always give different
    /// generators; otherwise two triples share one with a probability of about 2<sup>-64</sup>.
    pub(crate) fn from_parts(seed: u64, stream: u64, draw: u64) -> Rng {
        Rng::new(seed::digest_parts(seed, stream, draw))
    }

    /// Splits off a generator whose draws are unrelated to those of `self`.
    ///
    /// Takes one word from `self`, so that a second fork differs from the first, and later draws
    /// of `self` do not depend on how much the child is used.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::rng::Rng;
    ///
    /// let mut rng = Rng::new(7);
    /// let (mut network, mut disk) = (rng.fork(), rng.fork());
    /// assert_ne!(network.next_u64(), disk.next_u64());
    /// ```
    pub fn fork(&mut self) -> Rng {
        Rng::new(seed::digest_fork(self.next_u64()))
    }

    /// Draws 64 random bits: any `u64`, all equally likely.
    ///
    /// This is one step of xoshiro256++; every other draw is made of such words.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::rng::Rng;
    ///
    /// assert_eq!(Rng::new(0).next_u64(), 0x53175d61490b23df);
    /// ```
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        let [s0, s1, s2, s3] = &mut self.state;
        let word = s0.wrapping_add(*s3).rotate_left(23).wrapping_add(*s0);
        let shifted = *s1 << 17;
        *s2 ^= *s0;
        *s3 ^= *s1;
        *s1 ^= *s2;
        *s0 ^= *s3;
        *s2 ^= shifted;
        *s3 = s3.rotate_left(45);
        word
    }

    /// Draws 32 random bits: any `u32`, all equally likely.
    ///
    /// Takes the upper half of one word and drops the lower.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::rng::Rng;
    ///
    /// assert_eq!(Rng::new(0).next_u32(), 0x53175d61);
    /// ```
    pub fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    /// Overwrites all of `bytes` with random ones.
    ///
    /// Words are laid down with their lowest byte first, on every platform. If the length is no
    /// multiple of eight, the rest of the last word is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::rng::Rng;
    ///
    /// let mut id = [0; 4];
    /// Rng::new(0).fill_bytes(&mut id);
    /// assert_eq!(id, [0xdf, 0x23, 0x0b, 0x49]);
    /// ```
    pub fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }

    /// Tosses a fair coin.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::rng::Rng;
    ///
    /// let mut rng = Rng::new(7);
    /// let heads = (0..1000).filter(|_| rng.bool()).count();
    /// assert!((400..600).contains(&heads));
    /// ```
    pub fn bool(&mut self) -> bool {
        self.next_u64() >> 63 == 1
    }

    /// Returns true with a probability of exactly `numerator / denominator`.
    ///
    /// Draws even if the answer is certain, so that a fault turned off by `chance(0, 100)` takes
    /// from the generator just as one that is on.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::rng::Rng;
    ///
    /// let mut rng = Rng::new(7);
    /// let lost = (0..1000).filter(|_| rng.chance(1, 10)).count();
    /// assert!((50..150).contains(&lost));
    /// assert!(!rng.chance(0, 10));
    /// assert!(rng.chance(10, 10));
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if `denominator` is 0, or if `numerator` is above `denominator`.
    #[track_caller]
    pub fn chance(&mut self, numerator: u32, denominator: u32) -> bool {
        assert!(denominator != 0, "a chance of {numerator} in 0 has no meaning");
        assert!(
            numerator <= denominator,
            "a chance of {numerator} in {denominator} is more than certain"
        );
        self.below(denominator.into()) < numerator.into()
    }

    /// Draws a number from 0 (included) to 1 (excluded).
    ///
    /// The result is one of the 2<sup>53</sup> multiples of 2<sup>-53</sup> in that interval, all
    /// equally likely. The arithmetic is exact, and thus the same on every platform.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::rng::Rng;
    ///
    /// let mut rng = Rng::new(7);
    /// assert!((0.0..1.0).contains(&rng.f64()));
    /// ```
    pub fn f64(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.next_u64() >> 11) as f64 * STEP
    }

    /// Draws a value from a range, without bias.
    ///
    /// Accepts every kind of range over the integers and over [`Duration`](std::time::Duration),
    /// the latter in steps of one nanosecond. A side left open reaches to the lowest or highest
    /// value of the type. For `usize` and `isize` that value depends on the platform, so a draw
    /// from a range of those is the same everywhere only if both ends are given.
    ///
    /// The type does not matter to the draw: `0..10_u8` and `0..10_i64` give equal numbers. A
    /// range of up to 2<sup>64</sup> values, even of one, takes a word, and another with a
    /// probability below its size over 2<sup>64</sup>; a wider range takes words in pairs.
    ///
    /// The method is Lemire's ("Fast Random Integer Generation in an Interval", 2019); ranges too
    /// wide for it repeat draws of just enough bits until one falls inside.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::rng::Rng;
    /// use std::time::Duration;
    ///
    /// let mut rng = Rng::new(7);
    /// let delay = rng.range(Duration::from_millis(1)..Duration::from_millis(5));
    /// assert!(delay >= Duration::from_millis(1) && delay < Duration::from_millis(5));
    /// assert!((-3..=3).contains(&rng.range(-3..=3)));
    /// let _any: u8 = rng.range(..);
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the range is empty, and names it.
    #[track_caller]
    pub fn range<T: Drawable>(&mut self, range: impl RangeBounds<T>) -> T {
        range::draw(self, range.start_bound(), range.end_bound())
    }

    /// Puts the items into a random order, all orders equally likely.
    ///
    /// Orders are equally likely as far as the state can tell: of more than 57 items there are
    /// more orders than states. The algorithm is Fisher and Yates', in Durstenfeld's form (1964).
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::rng::Rng;
    ///
    /// let mut hands = [1, 2, 3, 4, 5];
    /// Rng::new(7).shuffle(&mut hands);
    /// assert_ne!(hands, [1, 2, 3, 4, 5]);
    /// hands.sort();
    /// assert_eq!(hands, [1, 2, 3, 4, 5]);
    /// ```
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.range(0..=last));
        }
    }

    /// Picks one item, all equally likely, or `None` if there are none.
    ///
    /// An empty slice takes nothing from the generator.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::rng::Rng;
    ///
    /// let mut rng = Rng::new(7);
    /// assert!(rng.choose(&["a", "b"]).is_some());
    /// assert_eq!(rng.choose::<u8>(&[]), None);
    /// ```
    pub fn choose<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() {
            return None;
        }
        Some(&items[self.range(0..items.len())])
    }

    /// Picks one item to change, all equally likely, or `None` if there are none.
    ///
    /// Picks the item that [`choose`](Rng::choose) would.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::rng::Rng;
    ///
    /// let mut replicas = [true, true, true];
    /// *Rng::new(7).choose_mut(&mut replicas).unwrap() = false;
    /// assert_eq!(replicas.iter().filter(|up| **up).count(), 2);
    /// ```
    pub fn choose_mut<'a, T>(&mut self, items: &'a mut [T]) -> Option<&'a mut T> {
        if items.is_empty() {
            return None;
        }
        Some(&mut items[self.range(0..items.len())])
    }

    /// Picks one item with a probability of its weight over the sum of all weights.
    ///
    /// An item of weight 0 is never picked. Returns `None`, and takes nothing from the generator,
    /// if the slice is empty or all weights are 0. `weight` is asked up to twice for each item.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::rng::Rng;
    ///
    /// let faults = [("drop", 0), ("delay", 3), ("reorder", 1)];
    /// let (name, _) = Rng::new(7).choose_weighted(&faults, |fault| fault.1).unwrap();
    /// assert!(["delay", "reorder"].contains(name));
    /// ```
    ///
    /// # Panics
    ///
    /// May panic if `weight` gives an item another answer the second time.
    #[track_caller]
    pub fn choose_weighted<'a, T>(
        &mut self,
        items: &'a [T],
        weight: impl Fn(&T) -> u32,
    ) -> Option<&'a T> {
        // The sum cannot overflow: that would take more than 2^32 items of the highest weight.
        let total: u64 = items.iter().map(|item| u64::from(weight(item))).sum();
        if total == 0 {
            return None;
        }
        let mut ticket = self.below(total);
        for item in items {
            let share = weight(item).into();
            if ticket < share {
                return Some(item);
            }
            ticket -= share;
        }
        panic!("the weight of an item changed while one was chosen");
    }

    /// Draws `amount` distinct indices below `total`, in random order.
    ///
    /// Every ordered selection is equally likely. Time and memory grow with `amount`, not with
    /// `total`.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::rng::Rng;
    ///
    /// let quorum = Rng::new(7).sample(5, 3);
    /// assert_eq!(quorum.len(), 3);
    /// assert!(quorum.iter().all(|&replica| replica < 5));
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if `amount` is above `total`.
    #[track_caller]
    pub fn sample(&mut self, total: usize, amount: usize) -> Vec<usize> {
        assert!(amount <= total, "cannot sample {amount} distinct indices out of {total}");
        // The first `amount` steps of a shuffle of `0..total`.
        let mut shuffled = Shuffled::new(amount);
        let mut picked = Vec::with_capacity(amount);
        for next in 0..amount {
            let place = self.range(next..total);
            // What stands at `next`, which is not looked at again, stands there from now on.
            let displaced = shuffled.at(next);
            picked.push(shuffled.replace(place, displaced));
        }
        picked
    }
}

/// The numbers from 0 on as they are shuffled, of which only those are stored that have moved: a hash table in which a
/// place is its own hash, for places are drawn evenly.
struct Shuffled {
    /// [`FREE`] where there is none.
    places: Vec<usize>,
    numbers: Vec<usize>,
}

const FREE: usize = usize::MAX;

impl Shuffled {
    /// For so many steps. At least half of the table stays free.
    fn new(steps: usize) -> Self {
        let size = (2 * steps).next_power_of_two();
        Shuffled { places: vec![FREE; size], numbers: vec![0; size] }
    }

    /// Where in the table a place is, or would be.
    fn slot(&self, place: usize) -> usize {
        let mask = self.places.len() - 1;
        let mut slot = place & mask;
        while self.places[slot] != place && self.places[slot] != FREE {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn at(&self, place: usize) -> usize {
        let slot = self.slot(place);
        if self.places[slot] == FREE { place } else { self.numbers[slot] }
    }

    fn replace(&mut self, place: usize, number: usize) -> usize {
        let (slot, before) = (self.slot(place), self.at(place));
        (self.places[slot], self.numbers[slot]) = (place, number);
        before
    }
}
