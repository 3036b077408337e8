//! A property of an async program: inputs and schedule are drawn together, and shrink together.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use super::strategies::{ChoicesTree, Plan, choices};
use crate::executor::{Builder, watch_panics};
use crate::explore::Outcome;
use crate::policy::Schedule;
use crate::report::{Failure, FailureKind, Report};
use crate::rng::Rng;

/// Choices of a run that are drawn, unless another number is asked for.
const CHOICES_MAX: usize = 200;

/// Other schedules that are tried for a smaller input which passes under the one at hand, and in all.
const OTHERS_MAX: u64 = 50;
const OTHERS_MAX_IN_ALL: u64 = 20_000;

/// Runs that the schedule of the smallest input may take to shrink.
const SHRINK_RUNS: u64 = 5_000;

/// A check of a property with `proptest`, whose cases are inputs and a schedule.
///
/// The property is an `async` closure's worth: a function from the inputs to a future. It fails by a panic, an
/// `Err`, or any other [`Failure`] of the run, a deadlock for instance. `prop_assert!` and `prop_assume!` work
/// in it. What fails is shrunk, inputs and schedule as one, towards small inputs and first-in first-out; failing
/// cases persist in `proptest-regressions`, as usual.
///
/// [`property!`](crate::property!) is the short form for tests.
///
/// # Examples
///
/// ```
/// use proptest::prelude::*;
/// use simloop::{spawn, testing::Property, yield_now};
/// use std::{cell::Cell, rc::Rc};
///
/// // So many tasks read a counter, wait a turn if the schedule says so, and write it back.
/// let count_up = |tasks: usize| async move {
///     let count = Rc::new(Cell::new(0));
///     let handles: Vec<_> = (0..tasks)
///         .map(|_| {
///             let count = Rc::clone(&count);
///             spawn(async move {
///                 let read = count.get();
///                 if simloop::choose(2) == 1 {
///                     yield_now().await;
///                 }
///                 count.set(read + 1);
///             })
///         })
///         .collect();
///     for handle in handles {
///         handle.await.unwrap();
///     }
///     assert_eq!(count.get(), tasks, "an update is lost");
/// };
/// let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
/// let found = Property::new().config(config).run(0..10_usize, count_up).unwrap_err();
/// assert_eq!(found.input, "2");
/// assert!(found.to_string().contains("an update is lost"));
/// assert_eq!(found.schedule.to_string(), "v1:2.1=1/2");
/// ```
#[derive(Clone)]
#[must_use = "a property is checked when `run` or `check` is called"]
pub struct Property {
    config: Config,
    choices_max: usize,
    builder: Arc<dyn Fn() -> Builder + Send + Sync>,
}

impl Default for Property {
    fn default() -> Self {
        Property::new()
    }
}

impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Property").field("choices_max", &self.choices_max).finish_non_exhaustive()
    }
}

impl Property {
    /// Starts with `proptest`'s default configuration, 200 choices that are drawn, and runs as
    /// [`Builder::new`] makes them.
    pub fn new() -> Self {
        Property {
            config: Config::default(),
            choices_max: CHOICES_MAX,
            builder: Arc::new(Builder::new),
        }
    }

    /// Sets the configuration: the number of cases, where failing ones persist.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Names the source file of the test, `file!()`, next to which failing cases persist.
    pub fn source_file(mut self, file: &'static str) -> Self {
        self.config.source_file = Some(file);
        self
    }

    /// Sets how many choices of a run are drawn, 0 for none; all later ones take index 0.
    pub fn choices(mut self, choices_max: usize) -> Self {
        self.choices_max = choices_max;
        self
    }

    /// Sets how runs are built: their limits, their seed, their wall clock. The policy is replaced.
    pub fn builder(mut self, builder: impl Fn() -> Builder + Send + Sync + 'static) -> Self {
        self.builder = Arc::new(builder);
        self
    }

    /// Checks the property for inputs of a strategy.
    ///
    /// A smaller input takes another course, in which the schedule that broke the larger one may mean nothing. So
    /// where a smaller input passes, some other schedules are tried for it; and the schedule of the smallest
    /// input shrinks by itself in the end.
    ///
    /// Panics of the program are kept off standard error, but for that of the last run, which shows the simplest
    /// case.
    ///
    /// # Errors
    ///
    /// Returns the simplest case that was found to fail.
    ///
    /// # Panics
    ///
    /// Panics if `proptest` gives up, because it rejects too many inputs for instance.
    #[track_caller]
    pub fn run<S, F, R>(&self, inputs: S, property: F) -> Result<(), Box<Counterexample>>
    where
        S: Strategy<Value: Clone>,
        F: Fn(S::Value) -> R,
        R: Future<Output: Outcome + 'static> + 'static,
    {
        watch_panics();
        let site = Location::caller();
        let attempt = |input: &S::Value, plan: &Plan| {
            self.run_once((self.builder)().quiet(true), plan, property(input.clone()), site)
        };
        // That of the simplest case so far: what is tried after it passes.
        let broken_by: RefCell<Option<Plan>> = RefCell::default();
        let others_left = Cell::new(OTHERS_MAX_IN_ALL);
        let case = (inputs, choices(self.choices_max));
        let case = case.prop_map(|(input, plan)| Case { input, plan });
        let result = TestRunner::new(self.config.clone()).run(&case, |Case { input, plan }| {
            let mut run = attempt(&input, &plan);
            let mut taken = plan;
            let others = if broken_by.borrow().is_some() { OTHERS_MAX } else { 0 };
            for number in 0..others.min(others_left.get()) {
                if !matches!(run, Run::Passed) {
                    break;
                }
                others_left.set(others_left.get() - 1);
                taken = Plan::drawn(&mut Rng::new(number), self.choices_max);
                run = attempt(&input, &taken);
            }
            match run {
                Run::Passed => Ok(()),
                Run::Rejected(reason) => Err(TestCaseError::reject(reason)),
                Run::Failed(failure, _) => {
                    broken_by.replace(Some(taken));
                    Err(TestCaseError::fail(failure.to_string()))
                }
            }
        });
        let input = match result {
            Ok(()) => return Ok(()),
            Err(TestError::Abort(reason)) => panic!("no answer from proptest: {reason}"),
            Err(TestError::Fail(_, case)) => case.input,
        };
        let plan = broken_by.take().expect("`proptest` says that a case has failed");
        let fails = |plan: &Plan| matches!(attempt(&input, plan), Run::Failed(..));
        let plan = shrunk(plan, fails);
        let shown = format!("{input:?}");
        // Once more, aloud.
        match self.run_once((self.builder)(), &plan, property(input), site) {
            Run::Failed(failure, schedule) => {
                let failure = *failure;
                Err(Box::new(Counterexample { input: shown, failure, schedule }))
            }
            _ => panic!(
                "the property fails for {shown}, and not again with the same choices: it reads something \
                 outside the loop (hash order, real clock, another thread, a static)"
            ),
        }
    }

    /// As [`run`](Self::run), for a test.
    ///
    /// # Panics
    ///
    /// Panics with the rendered counterexample if there is one, and as [`run`](Self::run) does.
    #[track_caller]
    pub fn check<S, F, R>(&self, inputs: S, property: F)
    where
        S: Strategy<Value: Clone>,
        F: Fn(S::Value) -> R,
        R: Future<Output: Outcome + 'static> + 'static,
    {
        if let Err(found) = self.run(inputs, property) {
            panic!("{found}");
        }
    }

    fn run_once<R>(
        &self,
        builder: Builder,
        plan: &Plan,
        program: R,
        site: &'static Location<'static>,
    ) -> Run
    where
        R: Future<Output: Outcome + 'static> + 'static,
    {
        let report = builder.policy(plan.clone()).run_at(program, site);
        let Report { outcome, schedule, ended_at, counters, .. } = report;
        let reason = match outcome {
            Err(failure) => return Run::Failed(Box::new(failure), schedule),
            Ok(output) => match verdict(&output) {
                Verdict::Passed => return Run::Passed,
                Verdict::Rejected(reason) => return Run::Rejected(reason),
                Verdict::Failed(reason) => reason,
            },
        };
        let reproduction = (self.builder)().reproduction(&schedule);
        let kind = FailureKind::Refused { reason };
        Run::Failed(Box::new(Failure::new(kind, ended_at, counters.turns, reproduction)), schedule)
    }
}

/// Shrinks a plan as long as it fails, by itself.
fn shrunk(plan: Plan, fails: impl Fn(&Plan) -> bool) -> Plan {
    let mut tree = ChoicesTree::new(plan.clone());
    let mut simplest = plan;
    let mut goes_on = tree.simplify();
    for _ in 0..SHRINK_RUNS {
        if !goes_on {
            break;
        }
        goes_on = match fails(&tree.current()) {
            true => {
                simplest = tree.current();
                tree.simplify()
            }
            false => tree.complicate(),
        };
    }
    simplest
}

/// An input and the choices of its run. Shown as the input: the choices may not be those that broke it.
struct Case<T> {
    input: T,
    plan: Plan,
}

impl<T: fmt::Debug> fmt::Debug for Case<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.input.fmt(f)
    }
}

enum Run {
    Passed,
    Rejected(String),
    Failed(Box<Failure>, Schedule),
}

enum Verdict {
    Passed,
    Rejected(String),
    Failed(String),
}

/// What an output says: that of `prop_assert!` and `prop_assume!` in their own way, any other as in a search.
fn verdict<T: Outcome + 'static>(output: &T) -> Verdict {
    match (output as &dyn Any).downcast_ref::<Result<(), TestCaseError>>() {
        Some(Ok(())) => Verdict::Passed,
        Some(Err(TestCaseError::Reject(reason))) => Verdict::Rejected(reason.to_string()),
        Some(Err(TestCaseError::Fail(reason))) => Verdict::Failed(reason.to_string()),
        None => output.refusal().map_or(Verdict::Passed, Verdict::Failed),
    }
}

/// The simplest case of a [`Property`] that was found to fail.
///
/// Its `Display` is what a reader is meant to see: the failure, the input, and the line that replays it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Counterexample {
    /// The `Debug` text of the input.
    pub input: String,
    /// How the run failed.
    pub failure: Failure,
    /// The choices of the run.
    pub schedule: Schedule,
}

impl std::error::Error for Counterexample {}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failure = self.failure.to_string();
        let (what, replay) = failure.rsplit_once("  replay: ").unwrap_or((&failure, ""));
        write!(f, "{what}  input: {}\n  replay: {replay}", self.input)
    }
}

/// Tells a property's future what it returns, as an `async fn` does: where a body ends early by `?`, or never, its
/// own code does not say.
#[doc(hidden)]
pub fn returning<T, F: Future<Output = T>>(future: F) -> F {
    future
}

/// Makes tests of async properties, as `proptest!` does of others: each case is inputs and a schedule.
///
/// The functions are `async`, and take what their strategies draw. A configuration may stand before them, as in
/// `proptest!`. Each is checked as [`Property`](crate::testing::Property) does.
///
/// # Examples
///
/// ```test_harness
/// # mod tests {
/// use proptest::prelude::*;
/// use simloop::{now, sleep, spawn, testing::durations};
/// use std::time::Duration;
///
/// simloop::property! {
///     #![proptest_config(ProptestConfig::with_cases(50))]
///
///     #[test]
///     async fn the_longest_sleep_decides(lengths in prop::collection::vec(durations(Duration::from_secs(9)), 1..5)) {
///         let longest = lengths.iter().copied().max();
///         let tasks: Vec<_> = lengths.into_iter().map(|length| spawn(sleep(length))).collect();
///         for task in tasks {
///             task.await.unwrap();
///         }
///         assert_eq!(Some(now().since_start()), longest);
///     }
/// }
/// # }
/// ```
#[macro_export]
macro_rules! property {
    (#![proptest_config($config:expr)] $($tests:tt)*) => {
        $crate::__properties! { ($config) $($tests)* }
    };
    ($($tests:tt)*) => {
        $crate::__properties! {
            ($crate::testing::__proptest::test_runner::Config::default())
            $($tests)*
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __properties {
    (@output) => { () };
    (@output $output:ty) => { $output };
    (($config:expr)) => {};
    (($config:expr)
        $(#[$attribute:meta])*
        async fn $name:ident($($input:pat in $strategy:expr),+ $(,)?) $(-> $output:ty)? $body:block
        $($rest:tt)*
    ) => {
        $(#[$attribute])*
        fn $name() {
            let config = $crate::testing::__proptest::test_runner::Config {
                test_name: ::core::option::Option::Some(::core::concat!(
                    ::core::module_path!(), "::", ::core::stringify!($name)
                )),
                ..$config
            };
            $crate::testing::Property::new().config(config).source_file(::core::file!()).check(
                ($($strategy),+),
                |($($input),+)| $crate::testing::__returning::<$crate::__properties!(@output $($output)?), _>(
                    async move $body
                ),
            );
        }
        $crate::__properties! { ($config) $($rest)* }
    };
}
