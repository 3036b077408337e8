//! Priorities at random, changed at a few random turns.

use super::arrivals::Arrivals;
use super::pos::drawn;
use super::{Choice, ChoiceKind, Policy};
use crate::rng::Rng;

/// Runs the ready task of the highest priority; priorities are random, and fall at a few random turns.
///
/// This is probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi and Nagarakatte, "A Randomized
/// Scheduler with Probabilistic Guarantees of Finding Bugs", 2010). A bug of *depth* d is one that shows
/// whenever d points of the program come in a certain order. In a run of at most k turns with at most n
/// tasks, this policy shows such a bug with a probability of at least 1 / (n · k<sup>d-1</sup>), which random
/// choices do not reach where one task has to stand still for long.
///
/// Each task has a priority from the moment at which it is first ready; the `depth` - 1 turns of change lie
/// anywhere in the first `turns`. At each of them the task that would run falls below all others. Values
/// ([`choose`](crate::choose)) are drawn at random. Priorities starve whoever is low, so a program that yields
/// until another task has done something would go on for ever: after twice the expected number of turns, and
/// a hundred more, every choice is random.
///
/// # Examples
///
/// ```
/// use simloop::{Builder, note, policy::Pct, spawn_named, trace::Level, yield_now};
///
/// let report = Builder::new().trace(Level::Tasks).policy(Pct::new(1, 1, 12)).run(async {
///     let tasks = ["a", "b"].map(|name| {
///         spawn_named(name, async move {
///             for _ in 0..3 {
///                 note!("{name}");
///                 yield_now().await;
///             }
///         })
///     });
///     for task in tasks {
///         task.await.unwrap();
///     }
/// });
/// let notes: Vec<_> = report.trace.notes().collect();
/// assert!(notes == ["a", "a", "a", "b", "b", "b"] || notes == ["b", "b", "b", "a", "a", "a"]);
/// ```
#[derive(Clone, Debug)]
pub struct Pct {
    seed: u64,
    depth: u32,
    turns: u64,
    rng: Rng,
    /// The turns of change that are still to come, the next one last.
    changes: Vec<u64>,
    /// By the task's number; 0 where none is drawn yet. Those that fell have less than [`DRAWN_MIN`].
    priorities: Vec<u64>,
    arrivals: Arrivals,
}

/// Below it are the priorities of tasks that fell, in the order in which they did, the last one lowest.
const DRAWN_MIN: u64 = 1 << 32;

/// More points than that no bug needs; each is drawn anew in every run.
const DEPTH_MAX: u32 = 1_000;

/// Turns beyond twice the expected ones before priorities stop to count.
const SPARE_TURNS: u64 = 100;

impl Pct {
    /// Creates the policy of a seed, for bugs of the given depth (1 to 1,000; what is below or above counts as
    /// that) in a program that takes about `turns` turns.
    pub fn new(seed: u64, depth: u32, turns: u64) -> Self {
        let mut policy = Pct {
            seed,
            depth,
            turns,
            rng: Rng::new(seed),
            changes: Vec::new(),
            priorities: Vec::new(),
            arrivals: Arrivals::default(),
        };
        policy.restart(seed, depth);
        policy
    }

    /// Makes the policy as good as a new one, with the memory it has.
    pub(crate) fn restart(&mut self, seed: u64, depth: u32) {
        (self.seed, self.depth) = (seed, depth.clamp(1, DEPTH_MAX));
        self.rng = Rng::new(seed);
        self.priorities.clear();
        self.arrivals.forget();
        self.changes.clear();
        for _ in 1..self.depth {
            let turn = self.rng.range(1..=self.turns.max(1));
            let place = self.changes.partition_point(|&later| later > turn);
            self.changes.insert(place, turn);
        }
    }

    /// Chooses for somebody who asks wherever two tasks or more are ready, and does as it is told.
    #[inline]
    pub(crate) fn pick(&mut self, choice: &Choice<'_>) -> usize {
        if choice.turn() > self.turns.saturating_mul(2).saturating_add(SPARE_TURNS) {
            return choice.draw(&mut self.rng);
        }
        let Pct { rng, priorities, .. } = self;
        self.arrivals
            .follow(choice, |task| drawn(priorities, task, || rng.next_u64().max(DRAWN_MIN)));
        while self.changes.last().is_some_and(|&turn| turn <= choice.turn()) {
            self.changes.pop();
            let fallen = 1 + self.changes.len() as u64;
            let highest = self.arrivals.highest();
            let highest = &mut self.arrivals.ready[highest];
            highest.weight = fallen;
            self.priorities[highest.task] = fallen;
        }
        let chosen = self.arrivals.highest();
        self.arrivals.take(chosen);
        chosen
    }
}

impl Policy for Pct {
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        if choice.kind() == ChoiceKind::Value {
            return choice.draw(&mut self.rng);
        }
        // Whoever asks may not have done as it was told the last time.
        self.arrivals.forget();
        self.pick(choice)
    }

    fn source(&self) -> Option<String> {
        Some(format!("Pct::new({}, {}, {})", self.seed, self.depth, self.turns))
    }
}
