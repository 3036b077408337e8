//! A random priority for every turn.

use super::arrivals::Arrivals;
use super::{Choice, ChoiceKind, Policy};
use crate::rng::Rng;

/// Gives each coming turn of a task a random priority and runs the highest.
///
/// This is the basic form of partial order sampling (Yuan, Yang and Gu, "Partial Order Aware Concurrency
/// Sampling", 2018). A task that drew low stays behind until the others have drawn lower still, so orders in
/// which one turn comes late are more likely than under [`Random`](super::Random). Nobody is held back for the
/// rest of the run, as by [`Pct`](super::Pct), but there is no bound either: beside one other task that is always
/// ready, one turn in about n is passed over n times, and beside several it waits longer. So the
/// [laws](crate::testing::laws) hold with a wide bound, or none, on how often a ready task is passed over.
///
/// Values ([`choose`](crate::choose)) are drawn at random.
///
/// # Examples
///
/// ```
/// use simloop::{Builder, policy::Pos, spawn, yield_now};
///
/// let run = |seed| {
///     Builder::new().policy(Pos::new(seed)).run(async {
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
pub struct Pos {
    seed: u64,
    rng: Rng,
    /// The priority of each task's coming turn, by the task's number; 0 where none is drawn yet.
    priorities: Vec<u64>,
    arrivals: Arrivals,
}

impl Pos {
    /// Creates the policy of a seed; every seed is as good as another.
    pub fn new(seed: u64) -> Self {
        Pos { seed, rng: Rng::new(seed), priorities: Vec::new(), arrivals: Arrivals::default() }
    }

    /// Makes the policy as good as a new one, with the memory it has.
    pub(crate) fn restart(&mut self, seed: u64) {
        self.seed = seed;
        self.rng = Rng::new(seed);
        self.priorities.clear();
        self.arrivals.forget();
    }

    /// Chooses for somebody who asks wherever two tasks or more are ready, and does as it is told.
    #[inline]
    pub(crate) fn pick(&mut self, choice: &Choice<'_>) -> usize {
        let Pos { rng, priorities, .. } = self;
        self.arrivals.follow(choice, |task| drawn(priorities, task, || rng.next_u64().max(1)));
        let chosen = self.arrivals.highest();
        let task = self.arrivals.take(chosen);
        self.priorities[task] = 0;
        chosen
    }
}

/// The priority of a task, drawn if it has none.
#[inline]
pub(super) fn drawn(priorities: &mut Vec<u64>, task: usize, draw: impl FnOnce() -> u64) -> u64 {
    if task >= priorities.len() {
        priorities.resize(task + 1, 0);
    }
    if priorities[task] == 0 {
        priorities[task] = draw();
    }
    priorities[task]
}

impl Policy for Pos {
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        if choice.kind() == ChoiceKind::Value {
            return choice.draw(&mut self.rng);
        }
        // Whoever asks may not have done as it was told the last time.
        self.arrivals.forget();
        self.pick(choice)
    }

    fn source(&self) -> Option<String> {
        Some(format!("Pos::new({})", self.seed))
    }
}
