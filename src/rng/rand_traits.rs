//! Lets the `rand` crate draw from [`Rng`]: the traits of `rand_core` 0.10.
//!
//! Present with the feature `rand` only. It adds ways in and changes no output: every method is
//! the inherent one of the same meaning. What `rand`'s own distributions make of the words is
//! `rand`'s promise, not this crate's, and may change between its versions.

use std::convert::Infallible;

use rand_core::{SeedableRng, TryRng};

use super::Rng;

/// `rand_core` derives its own trait `Rng` from this one, as the error cannot occur.
impl TryRng for Rng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl SeedableRng for Rng {
    type Seed = [u8; 32];

    /// Takes the seed as the state, four words with their lowest byte first.
    ///
    /// An all-zero seed is no state of xoshiro and stands for `Rng::new(0)`.
    fn from_seed(seed: [u8; 32]) -> Rng {
        if seed == [0; 32] {
            return Rng::new(0);
        }
        let mut state = [0; 4];
        for (word, bytes) in state.iter_mut().zip(seed.chunks_exact(8)) {
            *word = bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        }
        Rng { state }
    }

    /// Is [`Rng::new`].
    fn seed_from_u64(seed: u64) -> Rng {
        Rng::new(seed)
    }

    /// Is [`Rng::fork`]: generic code must not get another child than code that knows the type.
    fn fork(&mut self) -> Rng {
        Rng::fork(self)
    }

    /// Is [`Rng::fork`], which cannot fail.
    fn try_fork(&mut self) -> Result<Rng, Infallible> {
        Ok(Rng::fork(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;
    use rand::distr::{Bernoulli, Distribution, Uniform};
    use rand::seq::SliceRandom;

    #[test]
    fn generic_code_draws_the_same_words() {
        fn words(rng: &mut impl rand_core::Rng) -> (u64, u32, [u8; 11]) {
            let mut bytes = [0; 11];
            let words = (rng.next_u64(), rng.next_u32());
            rng.fill_bytes(&mut bytes);
            (words.0, words.1, bytes)
        }
        let mut rng = Rng::new(7);
        let mut bytes = [0; 11];
        let expected = (rng.next_u64(), rng.next_u32());
        rng.fill_bytes(&mut bytes);
        let mut generic = Rng::new(7);
        assert_eq!(words(&mut generic), (expected.0, expected.1, bytes));
        assert_eq!(generic, rng);
    }

    #[test]
    fn distributions_of_rand_accept_it() {
        let mut rng = Rng::new(7);
        let die = Uniform::new_inclusive(1, 6).unwrap();
        let fault = Bernoulli::from_ratio(1, 3).unwrap();
        let mut faults = 0;
        for _ in 0..3000 {
            assert!((1..=6).contains(&die.sample(&mut rng)));
            assert!((10..20).contains(&rng.random_range(10..20)));
            faults += u32::from(fault.sample(&mut rng));
        }
        assert!((800..1200).contains(&faults));
        let mut items: Vec<u8> = (0..50).collect();
        items.as_mut_slice().shuffle(&mut rng);
        assert!(!items.is_sorted());
    }

    #[test]
    fn seeding_by_trait_matches_the_inherent_constructors() {
        let mut seed = [0; 32];
        for word in 0..4_u8 {
            seed[usize::from(word) * 8] = word + 1;
        }
        assert_eq!(Rng::from_seed(seed), Rng { state: [1, 2, 3, 4] });
        assert_eq!(Rng::from_seed([0; 32]), Rng::new(0));
        assert_eq!(Rng::seed_from_u64(7), Rng::new(7));
        assert_eq!(SeedableRng::fork(&mut Rng::new(7)), Rng::new(7).fork());
        assert_eq!(Rng::new(7).try_fork(), Ok(Rng::new(7).fork()));
    }
}
