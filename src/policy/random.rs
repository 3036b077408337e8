//! Every alternative equally likely.

use std::mem::replace;

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
    /// The word that is drawn next, for what it gives is made use of before.
    word: u64,
}

impl Random {
    /// Creates the policy of a seed; every seed is as good as another.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let word = rng.next_u64();
        Random { seed, rng, word }
    }

    /// Draws one of so many alternatives.
    #[inline]
    pub(crate) fn draw(&mut self, alternatives: u64) -> u64 {
        self.draw_ahead(alternatives).0
    }

    /// The same, and what the next draw of as many would be, or nearly always.
    #[inline]
    pub(crate) fn draw_ahead(&mut self, alternatives: u64) -> (u64, u64) {
        let word = replace(&mut self.word, self.rng.next_u64());
        match rng::below(word, alternatives) {
            Some(drawn) => (drawn, rng::scaled(self.word, alternatives)),
            None => self.draw_again(alternatives),
        }
    }

    #[cold]
    fn draw_again(&mut self, alternatives: u64) -> (u64, u64) {
        self.draw_ahead(alternatives)
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
