//! Strategies for `proptest`: schedules, seeds, times, programs. Each shrinks to what is simplest to read.

use std::fmt;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::strategy::{NewTree, ValueTree};
use proptest::test_runner::TestRunner;

use super::program::{Program, Step};
use crate::policy::{Choice, Policy};
use crate::rng::Rng;

/// Choices to be made one after the other, whatever the program: each index is taken modulo the number of
/// alternatives that there are, and beyond the last index 0 is.
///
/// So every plan fits every program. What it comes to in a run is that run's
/// [`Schedule`](crate::policy::Schedule), and that is what to replay.
///
/// # Examples
///
/// ```
/// use simloop::{Builder, choose, testing::Plan};
///
/// let program = || async { (choose(3), choose(3), choose(3)) };
/// let report = Builder::new().policy(Plan::new([1, 5])).run(program());
/// assert_eq!(report.schedule.to_string(), "v1:1.1=1/3,1.2=2/3");
/// assert_eq!(report.unwrap(), (1, 2, 0));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Plan {
    /// Without zeros at the end: plans that are equal choose alike.
    indexes: Vec<u32>,
    made: usize,
}

impl Plan {
    /// Makes the plan of these indexes.
    pub fn new(indexes: impl Into<Vec<u32>>) -> Self {
        let mut indexes = indexes.into();
        let len = indexes.iter().rposition(|&index| index > 0).map_or(0, |last| last + 1);
        indexes.truncate(len);
        Plan { indexes, made: 0 }
    }

    /// Draws a plan for up to `len_max` choices.
    pub(super) fn drawn(rng: &mut Rng, len_max: usize) -> Self {
        let density = DENSITIES[rng.range(0..DENSITIES.len())];
        let len = rng.range(0..=len_max);
        let index = |_| match rng.range(0..16_u32) < density {
            true => rng.range(1..=u32::from(u16::MAX)),
            false => 0,
        };
        Plan::new((0..len).map(index).collect::<Vec<_>>())
    }

    /// Returns the indexes up to the last that is not 0.
    pub fn indexes(&self) -> &[u32] {
        &self.indexes
    }
}

/// Of 16 choices, so many deviate in a plan.
const DENSITIES: [u32; 3] = [1, 4, 14];

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plan::new({:?})", self.indexes)
    }
}

impl Policy for Plan {
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        let index = self.indexes.get(self.made).copied().unwrap_or(0);
        self.made += 1;
        index as usize % choice.len()
    }
}

/// The strategy of [`choices`].
#[derive(Clone, Debug)]
pub struct Choices {
    len_max: usize,
}

/// Draws the first `len_max` choices of a run, as a [`Plan`]; those after them take index 0.
///
/// Some plans deviate from first-in first-out at almost every choice, some here and there. They shrink to
/// fewer deviations, then to smaller ones, so the simplest is first-in first-out.
///
/// # Examples
///
/// ```
/// use proptest::prelude::*;
/// use simloop::{Builder, choose, testing::choices};
///
/// proptest!(|(plan in choices(10))| {
///     let report = Builder::new().policy(plan).run(async { choose(3) });
///     let again = Builder::new().replay_schedule(report.schedule.clone()).run(async { choose(3) });
///     prop_assert_eq!(again.unwrap(), report.unwrap());
/// });
/// ```
#[doc(alias = "schedules")]
pub fn choices(len_max: usize) -> Choices {
    Choices { len_max }
}

impl Strategy for Choices {
    type Tree = ChoicesTree;
    type Value = Plan;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let seed = any::<u64>().new_tree(runner)?.current();
        Ok(ChoicesTree::new(Plan::drawn(&mut Rng::new(seed), self.len_max)))
    }
}

/// A plan on its way to a simpler one.
#[derive(Clone, Debug)]
pub struct ChoicesTree {
    /// The simplest that is known to fail.
    kept: Plan,
    tried: Plan,
    next: Next,
}

/// What is tried next.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// To leave out so many deviations from this one on.
    LeaveOut { size: usize, start: usize },
    /// To take a smaller index at a deviation.
    Lessen { deviation: usize, index: u32 },
}

/// The largest index that is tried in place of a larger one.
const LESSENED_MAX: u32 = 8;

impl ValueTree for ChoicesTree {
    type Value = Plan;

    fn current(&self) -> Plan {
        self.tried.clone()
    }

    fn simplify(&mut self) -> bool {
        self.kept = self.tried.clone();
        self.advance()
    }

    /// Goes back to the simplest plan that is known to fail, and on to the next one.
    fn complicate(&mut self) -> bool {
        if self.tried == self.kept {
            return false;
        }
        match self.next {
            Next::LeaveOut { size, start } => {
                self.next = Next::LeaveOut { size, start: start.saturating_add(size) };
            }
            Next::Lessen { deviation, index } => {
                self.next = Next::Lessen { deviation, index: index + 1 };
            }
        }
        self.tried = self.kept.clone();
        self.advance();
        // Even if there is nothing more to try: a `false` would end the shrinking of the other inputs too.
        true
    }
}

impl ChoicesTree {
    pub(super) fn new(plan: Plan) -> Self {
        let next = Next::LeaveOut { size: usize::MAX, start: 0 };
        ChoicesTree { kept: plan.clone(), tried: plan, next }
    }

    /// Makes the next plan from the one that is kept; says whether there is one.
    fn advance(&mut self) -> bool {
        let indexes = &self.kept.indexes;
        let deviations: Vec<usize> =
            (0..indexes.len()).filter(|&place| indexes[place] > 0).collect();
        loop {
            let mut smaller = indexes.clone();
            match self.next {
                Next::LeaveOut { size, .. } if size > deviations.len() && size > 1 => {
                    let size = deviations.len().clamp(1, size / 2);
                    self.next = Next::LeaveOut { size, start: 0 };
                    continue;
                }
                Next::LeaveOut { size, start } if start < deviations.len() => {
                    let end = start.saturating_add(size).min(deviations.len());
                    deviations[start..end].iter().for_each(|&place| smaller[place] = 0);
                }
                Next::LeaveOut { size: 0 | 1, .. } => {
                    self.next = Next::Lessen { deviation: 0, index: 1 };
                    continue;
                }
                Next::LeaveOut { size, .. } => {
                    self.next = Next::LeaveOut { size: size / 2, start: 0 };
                    continue;
                }
                Next::Lessen { deviation, index } => {
                    let Some(&place) = deviations.get(deviation) else { return false };
                    if index > LESSENED_MAX || index >= indexes[place] {
                        self.next = Next::Lessen { deviation: deviation + 1, index: 1 };
                        continue;
                    }
                    smaller[place] = index;
                }
            }
            self.tried = Plan::new(smaller);
            return true;
        }
    }
}

/// Draws seeds; they shrink to 0.
pub fn seeds() -> impl Strategy<Value = u64> + Clone {
    any::<u64>()
}

/// Draws durations from zero to `max`, in whole seconds, milliseconds or nanoseconds alike; they shrink to zero,
/// and to the larger unit.
///
/// # Panics
///
/// Panics if `max` is longer than 584 years.
///
/// # Examples
///
/// ```
/// use proptest::prelude::*;
/// use simloop::{now, run, sleep, testing::durations};
/// use std::time::Duration;
///
/// proptest!(|(length in durations(Duration::from_secs(60)))| {
///     let ended_at = run(async move {
///         sleep(length).await;
///         now()
///     });
///     prop_assert_eq!(ended_at.since_start(), length);
/// });
/// ```
#[track_caller]
pub fn durations(max: Duration) -> impl Strategy<Value = Duration> + Clone {
    let max = u64::try_from(max.as_nanos()).expect("a duration of at most 584 years");
    let in_units =
        move |unit: u64| (0..=max / unit).prop_map(move |count| Duration::from_nanos(count * unit));
    prop_oneof![in_units(1_000_000_000), in_units(1_000_000), in_units(1)]
}

/// Draws delays as those of a network: mostly some milliseconds, sometimes none, and one in ten much longer, up
/// to a minute. They shrink to none.
pub fn latencies() -> impl Strategy<Value = Duration> + Clone {
    prop_oneof![
        1 => Just(Duration::ZERO),
        8 => (1_u64..50).prop_map(Duration::from_millis),
        1 => (50_u64..60_000).prop_map(Duration::from_millis),
    ]
}

/// Draws [`Program`]s of up to `tasks_max` tasks with up to `steps_max` steps each. They shrink to fewer tasks,
/// fewer steps, simpler steps.
///
/// # Examples
///
/// ```
/// use proptest::prelude::*;
/// use simloop::{Builder, policy::Random, testing::{programs, seeds}};
///
/// proptest!(|(program in programs(4, 4), seed in seeds())| {
///     let report = Builder::new().policy(Random::new(seed)).run(program.run());
///     let steps: usize = program.tasks().iter().map(Vec::len).sum();
///     prop_assert_eq!(report.unwrap().len(), steps);
/// });
/// ```
pub fn programs(tasks_max: usize, steps_max: usize) -> impl Strategy<Value = Program> + Clone {
    let step = prop_oneof![
        2 => Just(Step::Yield),
        2 => (0_u8..4).prop_map(Step::Sleep),
        1 => (2_u8..5).prop_map(Step::Choose),
        1 => Just(Step::Lock),
    ];
    vec(vec(step, 0..=steps_max), 0..=tasks_max).prop_map(Program::new)
}
