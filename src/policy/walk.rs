//! Each interleaving about equally likely, rather than each choice.

use super::{Choice, ChoiceKind, Policy};
use crate::rng::Rng;

/// Takes a ready task with a probability in proportion to the turns that it has left.
///
/// Where every ready task is as likely as another, some interleavings are a millionfold more likely than
/// others: a task of twenty turns has hardly begun when one of two turns is over. Weighted by the turns that
/// each has left, a walk reaches all interleavings alike (Zhao, Wolff, Mathur and Roychoudhury, "Selectively
/// Uniform Concurrency Testing", 2025). How many turns a task takes is an estimate, taken from another run; a
/// task that was not in it, or takes more, counts as having one turn left.
///
/// Values ([`choose`](crate::choose)) are drawn at random.
///
/// # Examples
///
/// ```
/// use simloop::{Builder, policy::Walk, spawn, yield_now};
///
/// let program = || async {
///     let long = spawn(async {
///         for _ in 0..20 {
///             yield_now().await;
///         }
///     });
///     spawn(async {}).await.unwrap();
///     long.await.unwrap();
/// };
/// // The root, the long task, and the short one, in the order in which they are spawned.
/// let walk = |seed| Walk::new(seed, [3, 21, 1]);
/// let report = Builder::new().policy(walk(1)).run(program());
/// assert_eq!(report.digest, Builder::new().policy(walk(1)).run(program()).digest);
/// ```
#[derive(Clone, Debug)]
pub struct Walk {
    seed: u64,
    rng: Rng,
    /// The turns that each task is expected to take, by its number.
    expected: Vec<u64>,
    /// The turns that each has left.
    left: Vec<u64>,
}

impl Walk {
    /// Creates the policy of a seed, with the turns that each task is expected to take, in the order in which
    /// they are spawned.
    pub fn new(seed: u64, expected: impl Into<Vec<u64>>) -> Self {
        let expected = expected.into();
        Walk { seed, rng: Rng::new(seed), left: expected.clone(), expected }
    }

    /// Makes the policy as good as a new one, with the memory it has.
    pub(crate) fn restart(&mut self, seed: u64) {
        self.seed = seed;
        self.rng = Rng::new(seed);
        self.left.clone_from(&self.expected);
    }
}

fn weight(left: &[u64], task: usize) -> u64 {
    left.get(task).copied().unwrap_or(1).max(1)
}

impl Policy for Walk {
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        if choice.kind() == ChoiceKind::Value {
            return choice.draw(&mut self.rng);
        }
        let weights = || choice.numbers().map(|task| weight(&self.left, task));
        let total = weights().fold(0, u64::saturating_add);
        let mut rest = self.rng.below(total);
        let is_hit = |weight: u64| {
            let is_hit = rest < weight;
            rest = rest.saturating_sub(weight);
            is_hit
        };
        let chosen = weights().position(is_hit).unwrap_or(0);
        if let Some(left) = self.left.get_mut(choice.number(chosen)) {
            *left = left.saturating_sub(1);
        }
        chosen
    }

    fn source(&self) -> Option<String> {
        Some(format!("Walk::new({}, {:?})", self.seed, self.expected))
    }
}
