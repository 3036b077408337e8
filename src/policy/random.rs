//! Every alternative equally likely.

use super::{Choice, Policy};
use crate::rng::{self, Rng};

/// Takes each alternative with the same probability, as a seed decides.
///
/// Its draws have nothing to do with those of the program ([`rng`](crate::rng())), so a program that draws
/// more does not shift its schedule (S32).
///
/// # Examples
///
/// ```
/// use simloop::{Builder, policy::Random, spawn, yield_now};
///
/// let run = |seed| {
///     Builder::new().policy(Random::new(seed)).run(async {
///         for _ in 0..8 {
///             spawn(yield_now());
///         }
///         yield_now().await;
///     })
/// };
/// assert_eq!(run(1).digest, run(1).digest);
/// assert_ne!(run(1).digest, run(2).digest);
/// ```
#[derive(Clone, Debug)]
pub struct Random {
    seed: u64,
    rng: Rng,
    /// The words that are drawn next, for what they give is made use of before.
    words: [u64; 2],
}

impl Random {
    /// Creates the policy of a seed; every seed is as good as another.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let words = [rng.next_u64(), rng.next_u64()];
        Random { seed, rng, words }
    }

    /// Draws one of so many alternatives.
    #[inline]
    pub(crate) fn draw(&mut self, alternatives: u64) -> u64 {
        loop {
            let word = self.words[0];
            self.words = [self.words[1], self.rng.next_u64()];
            if let Some(drawn) = rng::below(word, alternatives) {
                return drawn;
            }
        }
    }

    /// What the next draw would be of so many alternatives, or nearly always.
    #[inline]
    pub(crate) fn foresee(&self, alternatives: u64) -> u64 {
        ((u128::from(self.words[0]) * u128::from(alternatives)) >> 64) as u64
    }

    pub(crate) fn restart(&mut self, seed: u64) {
        *self = Random::new(seed);
    }
}

impl Policy for Random {
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        self.draw(choice.len() as u64) as usize
    }

    fn source(&self) -> Option<String> {
        Some(format!("Random::new({})", self.seed))
    }
}
