//! What every run relies on in a [`Policy`], checked with small programs that are made up at random.
//!
//! | law | a policy |
//! |---|---|
//! | [`Range`](Law::Range) | answers each choice with one of its alternatives, and does not panic |
//! | [`Deterministic`](Law::Deterministic) | makes the same choices again from the same seed |
//! | [`Replay`](Law::Replay) | makes choices that the recorded schedule brings back, record by record |
//! | [`Fair`](Law::Fair) | passes over a ready task at most so many times in a row |
//! | [`Names`](Law::Names) | chooses alike whatever the tasks are called |
//!
//! A breach is told by the smallest program that was found to show it, and by the lines that run it again.

mod breach;
mod shrink;
mod watch;

use crate::executor::Builder;
use crate::kernel::Level;
use crate::policy::Policy;
use crate::report::{FailureKind, Report};
use crate::rng::Rng;

use super::program::{Program, Step};
pub use breach::{Breach, Law};
use watch::Watch;

/// Programs that are made up, unless another number is asked for.
const PROGRAMS: u64 = 200;

/// How often in a row a ready task may be passed over, unless another number is asked for.
const PASSED_MAX: u64 = 1_000;

/// The largest program that is made up.
const TASKS_MAX: usize = 5;
const STEPS_MAX: usize = 5;

/// Keeps the programs apart from the draws of policies that have the same seed.
const STREAM: u64 = 0x6c_61_77_73;

/// A check of a policy: how many programs, from which seed on, and what is not asked of it.
///
/// # Examples
///
/// A policy that runs the newest ready task never gets to the oldest:
///
/// ```
/// use simloop::policy::{Choice, Policy, Random};
/// use simloop::testing::laws::{Law, Laws};
///
/// #[derive(Debug)]
/// struct Newest;
///
/// impl Policy for Newest {
///     fn choose(&mut self, choice: &Choice<'_>) -> usize {
///         choice.len() - 1
///     }
/// }
///
/// assert!(Laws::new().run(Random::new).is_ok());
/// let breach = Laws::new().run(|_| Newest).unwrap_err();
/// assert_eq!(breach.law, Law::Fair);
/// assert_eq!(breach.program.to_string(), "end | end");
/// ```
#[derive(Clone, Debug)]
#[must_use = "laws are checked when `run` or `check` is called"]
pub struct Laws {
    programs: u64,
    seed: u64,
    passed_max: Option<u64>,
    reads_names: bool,
}

impl Default for Laws {
    #[inline]
    fn default() -> Self {
        Laws::new()
    }
}

impl Laws {
    /// Starts with 200 programs from seed 0 on, and a ready task that is passed over 1,000 times in a row at
    /// most.
    #[inline]
    pub fn new() -> Self {
        Laws { programs: PROGRAMS, seed: 0, passed_max: Some(PASSED_MAX), reads_names: false }
    }

    /// Sets the number of programs, each with a seed of its own.
    #[inline]
    pub fn programs(mut self, programs: u64) -> Self {
        self.programs = programs;
        self
    }

    /// Sets the seed of the first program and its policy; those after it count on.
    #[inline]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// States how often in a row the policy may pass over a ready task.
    ///
    /// A policy that draws passes over a task as often as chance wants, so leave some room: a ready task among
    /// six that is as likely as the others is passed over 100 times once in 80 million times.
    #[inline]
    pub fn passes_over_at_most(mut self, times: u64) -> Self {
        self.passed_max = Some(times);
        self
    }

    /// Allows the policy to starve tasks.
    #[inline]
    pub fn may_starve(mut self) -> Self {
        self.passed_max = None;
        self
    }

    /// Allows the policy to look at the names of tasks.
    #[inline]
    pub fn reads_names(mut self) -> Self {
        self.reads_names = true;
        self
    }

    /// Checks the policy that `make` makes from a seed, each time anew.
    ///
    /// # Errors
    ///
    /// Returns the first breach, with the smallest program that was found to show it.
    pub fn run<P: Policy>(&self, make: impl Fn(u64) -> P) -> Result<(), Box<Breach>> {
        for number in 0..self.programs {
            let seed = self.seed.wrapping_add(number);
            let trial = Trial { laws: self, make: &make, seed };
            let program = made_up(&mut Rng::from_parts(seed, STREAM, 0));
            if let Err(breach) = trial.check(&program) {
                return Err(shrink::shrink(breach, |smaller| trial.check(smaller).err()));
            }
        }
        Ok(())
    }

    /// As [`run`](Self::run), for a test.
    ///
    /// # Panics
    ///
    /// Panics with the rendered breach if there is one.
    #[track_caller]
    pub fn check<P: Policy>(&self, make: impl Fn(u64) -> P) {
        if let Err(breach) = self.run(make) {
            panic!("{breach}");
        }
    }
}

/// Checks a policy with the default [`Laws`].
///
/// # Panics
///
/// Panics with the rendered breach if there is one.
///
/// # Examples
///
/// ```
/// use simloop::{policy::Pct, testing::laws};
///
/// laws::check(|seed| Pct::new(seed, 3, 20));
/// ```
#[track_caller]
pub fn check<P: Policy>(make: impl Fn(u64) -> P) {
    Laws::new().check(make);
}

fn made_up(rng: &mut Rng) -> Program {
    let step = |rng: &mut Rng| match rng.range(0..6) {
        0 | 1 => Step::Yield,
        2 | 3 => Step::Sleep(rng.range(0..3)),
        4 => Step::Choose(rng.range(2..=4)),
        _ => Step::Lock,
    };
    let task = |rng: &mut Rng| {
        let mut steps = Vec::new();
        for _ in 0..rng.range(0..=STEPS_MAX) {
            steps.push(step(rng));
        }
        steps
    };
    let mut tasks = Vec::new();
    for _ in 0..rng.range(2..=TASKS_MAX) {
        tasks.push(task(rng));
    }
    Program::new(tasks)
}

/// One seed of a policy, to be tried with a program and with smaller ones.
struct Trial<'a, M> {
    laws: &'a Laws,
    make: &'a M,
    seed: u64,
}

impl<P: Policy, M: Fn(u64) -> P> Trial<'_, M> {
    /// Checks the laws one after the other, each of which may count on those before it.
    fn check(&self, program: &Program) -> Result<(), Box<Breach>> {
        let first = self.range(program)?;
        self.deterministic(program, &first)?;
        self.replay(program, &first)?;
        if let Some(passed_max) = self.laws.passed_max {
            self.fair(program, passed_max)?;
        }
        if !self.laws.reads_names {
            self.names(program, &first)?;
        }
        Ok(())
    }

    fn traced(&self, program: &Program) -> Report<Vec<usize>> {
        let builder = builder().policy((self.make)(self.seed)).trace(Level::Full);
        builder.run(program.start(plain, false))
    }

    fn breach(
        &self,
        law: Law,
        program: &Program,
        what: String,
        run: &Report<Vec<usize>>,
    ) -> Box<Breach> {
        let policy = (self.make)(self.seed);
        Box::new(Breach {
            law,
            program: program.clone(),
            policy: policy.source().unwrap_or_else(|| format!("{policy:?}")),
            seed: self.seed,
            what,
            schedule: run.schedule.clone(),
        })
    }

    fn range(&self, program: &Program) -> Result<Report<Vec<usize>>, Box<Breach>> {
        let run = self.traced(program);
        let fault = run.failure().map(|failure| match failure.kind() {
            FailureKind::PolicyFault { fault, .. } => {
                format!("at {} (turn {}) it {fault}", failure.at(), failure.turn())
            }
            _ => failure.to_string(),
        });
        match fault {
            Some(fault) => Err(self.breach(Law::Range, program, fault, &run)),
            None => Ok(run),
        }
    }

    fn deterministic(
        &self,
        program: &Program,
        first: &Report<Vec<usize>>,
    ) -> Result<(), Box<Breach>> {
        let again = self.traced(program);
        if again.trace == first.trace && again.schedule == first.schedule {
            return Ok(());
        }
        let what = format!("one run took {}, the next {}", first.schedule, again.schedule);
        Err(self.breach(Law::Deterministic, program, what, first))
    }

    fn replay(&self, program: &Program, first: &Report<Vec<usize>>) -> Result<(), Box<Breach>> {
        let builder = builder().replay(&first.schedule.to_string()).trace(Level::Full);
        let again = builder.run(program.start(plain, false));
        if again.trace == first.trace && again.outcome == first.outcome {
            return Ok(());
        }
        let what = match again.failure() {
            Some(failure) => failure.to_string(),
            None => "the replay has another trace".to_owned(),
        };
        Err(self.breach(Law::Replay, program, what, first))
    }

    fn fair(&self, program: &Program, passed_max: u64) -> Result<(), Box<Breach>> {
        let (watch, starved) = Watch::new((self.make)(self.seed), passed_max);
        let run = builder().policy(watch).run(program.start(plain, true));
        match starved.take() {
            None => Ok(()),
            Some(path) => {
                let what = format!(
                    "`{path}` was ready and passed over {} times in a row, while the tasks that are done yield \
                     until all are",
                    passed_max + 1
                );
                Err(self.breach(Law::Fair, program, what, &run))
            }
        }
    }

    fn names(&self, program: &Program, first: &Report<Vec<usize>>) -> Result<(), Box<Breach>> {
        for (called, name) in NAMINGS {
            let builder = builder().policy((self.make)(self.seed));
            let other = builder.run(program.start(name, false));
            if other.schedule != first.schedule {
                let what = format!(
                    "where the tasks are called t0, t1, ... it took {}, where they are called {called} it took {}",
                    first.schedule, other.schedule
                );
                return Err(self.breach(Law::Names, program, what, first));
            }
        }
        Ok(())
    }
}

fn builder() -> Builder {
    Builder::new().quiet(true)
}

fn plain(number: usize) -> String {
    format!("t{number}")
}

/// Names the tasks of a program, by their numbers.
type Naming = fn(usize) -> String;

/// Other names for the tasks of a program: in another order, all the same, and longer.
const NAMINGS: [(&str, Naming); 3] = [
    ("t9, t8, ...", |number| format!("t{}", 9 - number % 10)),
    ("alike", |_| "task".to_owned()),
    ("worker-0, worker-10, ...", |number| format!("worker-{}", number * 10)),
];
