//! Each interleaving about equally likely, rather than each choice.

use super::arrivals::{Arrivals, Ready};
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
    gait: Gait,
    /// For each draw the one that is as likely, from the other end.
    is_mirrored: bool,
    /// Whether the newest goes on, drawn apart so that a mirrored run comes to the same.
    coin: Rng,
    /// The task that was chosen last.
    previous: Option<usize>,
    arrivals: Arrivals,
}

/// The most turns left that make a difference, so that no sum of weights, nor of their cubes, overflows.
const LEFT_MAX: u64 = 1 << 16;

/// Keeps the coin apart from the draws.
const COIN_STREAM: u64 = 0x63_6f_69_6e;

/// How the turns that tasks have left weigh. The others than the first are for searches.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Gait {
    /// As they are.
    Uniform,
    /// By their squares: whoever is behind catches up, so that tasks of unequal length end together.
    Chase,
    /// By their cubes.
    Hunt,
    /// As in a chase, but every other time, as a coin falls, the task goes on that became ready last.
    Dash,
    /// The same four times of five.
    Sprint,
    /// As in a chase, but that task goes on nine times of ten, unless it has just yielded; every other time in a
    /// mirrored run.
    Relay,
}

impl Walk {
    /// Creates the policy of a seed, with the turns that each task is expected to take, in the order in which
    /// they are spawned.
    pub fn new(seed: u64, expected: impl Into<Vec<u64>>) -> Self {
        let expected = expected.into();
        Walk {
            seed,
            rng: Rng::new(seed),
            left: expected.clone(),
            expected,
            gait: Gait::Uniform,
            is_mirrored: false,
            coin: Rng::from_parts(seed, COIN_STREAM, 0),
            previous: None,
            arrivals: Arrivals::default(),
        }
    }

    /// Makes the policy as good as a new one, with the memory it has.
    pub(crate) fn restart(&mut self, seed: u64, gait: Gait, is_mirrored: bool) {
        (self.seed, self.gait, self.is_mirrored) = (seed, gait, is_mirrored);
        self.rng = Rng::new(seed);
        if gait == Gait::Relay {
            self.coin = Rng::from_parts(seed, COIN_STREAM, 0);
        }
        self.previous = None;
        self.left.clone_from(&self.expected);
        self.arrivals.forget();
    }
}

impl Policy for Walk {
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        if choice.kind() == ChoiceKind::Value {
            return choice.draw(&mut self.rng);
        }
        // Whoever asks may not have done as it was told the last time.
        self.arrivals.forget();
        self.pick(choice)
    }

    fn source(&self) -> Option<String> {
        let is_public = self.gait == Gait::Uniform;
        is_public.then(|| format!("Walk::new({}, {:?})", self.seed, self.expected))
    }
}

impl Walk {
    /// Chooses for somebody who asks wherever two tasks or more are ready, and does as it is told.
    #[inline]
    pub(crate) fn pick(&mut self, choice: &Choice<'_>) -> usize {
        let (left, gait) = (&self.left, self.gait);
        self.arrivals.follow(choice, |task| {
            let left = left.get(task).map_or(1, |&left| left.clamp(1, LEFT_MAX));
            match gait {
                Gait::Uniform => left,
                Gait::Hunt => left * left * left,
                _ => left * left,
            }
        });
        let last = choice.len() - 1;
        let is_newest = match self.gait {
            Gait::Uniform | Gait::Chase | Gait::Hunt => false,
            Gait::Dash => self.rng.bool(),
            Gait::Sprint => self.rng.below(5) < 4,
            Gait::Relay if self.previous == Some(self.arrivals.ready[last].task) => false,
            Gait::Relay => self.coin.below(10) < if self.is_mirrored { 5 } else { 9 },
        };
        let chosen = match self.gait {
            // Draws nonetheless, so that a run from the other end stays in step, whatever its gait.
            Gait::Relay if is_newest => {
                self.rng.next_u64();
                last
            }
            _ if is_newest => last,
            _ => self.draw(),
        };
        let task = self.arrivals.take(chosen);
        self.previous = Some(task);
        if let Some(left) = self.left.get_mut(task) {
            *left = left.saturating_sub(1);
        }
        chosen
    }

    /// Draws a ready task by the turns that it has left.
    #[inline]
    fn draw(&mut self) -> usize {
        let ready = &self.arrivals.ready;
        let total: u64 = ready.iter().map(|ready| ready.weight).sum();
        let drawn = self.rng.below(total);
        let mut rest = if self.is_mirrored { total - 1 - drawn } else { drawn };
        let is_hit = |ready: &Ready| {
            let is_hit = rest < ready.weight;
            rest = rest.wrapping_sub(ready.weight);
            is_hit
        };
        ready.iter().position(is_hit).unwrap_or(0)
    }
}
