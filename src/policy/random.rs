//! Every alternative equally likely.

use super::{Choice, Policy};
use crate::rng::Rng;

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
}

impl Random {
    /// Creates the policy of a seed; every seed is as good as another.
    pub fn new(seed: u64) -> Self {
        Random { seed, rng: Rng::new(seed) }
    }

    /// Draws one of so many alternatives.
    #[inline]
    pub(crate) fn draw(&mut self, alternatives: u64) -> u64 {
        self.rng.below(alternatives)
    }

    /// What the next draw would be of so many alternatives, or nearly always.
    #[inline]
    pub(crate) fn foresee(&self, alternatives: u64) -> u64 {
        self.rng.foresee_below(alternatives)
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
