//! One run of the program under search: how it is made, and what of it is kept.

use std::any::Any;
use std::cell::{Cell, RefCell, RefMut};
use std::fmt::{self, Write};
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::Outcome;
use crate::executor::{Builder, EventLoop, Injections, panic_message};
use crate::kernel::{Instant, Level, Limits};
use crate::policy::{Choice, Native, Policy, Schedule};
use crate::report::{Failure, FailureKind, Report};
use crate::trace::Trace;

/// What the report of a run that ended well has to meet.
pub(super) type Requirement = Arc<dyn Fn(&Report) -> Result<(), String> + Send + Sync>;

/// What all runs of a search have in common.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) seed: u64,
    pub(super) limits: Limits,
    pub(super) start_time: Option<Duration>,
    pub(super) deny_leftovers: bool,
    pub(super) requirement: Option<Requirement>,
    /// How much of each run the requirement is shown.
    pub(super) trace: Level,
    /// What may be made to go wrong in them.
    pub(super) injections: Injections,
    /// The last instant at which anything but the first alternative is taken.
    pub(super) time_limit: Instant,
}

impl Settings {
    pub(super) fn builder(&self) -> Builder {
        let builder = Builder::new()
            .seed(self.seed)
            .limits(self.limits)
            .deny_leftovers(self.deny_leftovers)
            .injections(self.injections.clone())
            .quiet(true);
        match self.start_time {
            Some(start_time) => builder.start_time(start_time),
            None => builder,
        }
    }

    /// How much is recorded of every run, whatever else is made of it.
    fn level(&self) -> Level {
        if self.requirement.is_some() { self.trace } else { Level::Off }
    }
}

impl fmt::Debug for Settings {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// A program under search, whatever it returns: one copy of the search serves them all.
pub(super) trait Program: Sync {
    /// Runs the program once and writes its output, if it has one. The report's output is whether that is
    /// acceptable.
    fn run(&self, builder: Builder, shown: &mut String) -> Report<Result<(), String>>;

    /// The same on a loop at hand, for whoever needs no report.
    fn run_briefly(
        &self,
        event_loop: &EventLoop,
        shown: &mut String,
    ) -> Result<Result<(), String>, Failure>;
}

/// A program, and where the search was called, from where it is shown as coming.
pub(super) struct Called<'a, F> {
    program: &'a F,
    site: &'static Location<'static>,
}

impl<'a, F> Called<'a, F> {
    #[track_caller]
    pub(super) fn new(program: &'a F) -> Self {
        Called { program, site: Location::caller() }
    }
}

impl<F, R> Program for Called<'_, F>
where
    F: Fn() -> R + Sync,
    R: Future<Output: Outcome + 'static> + 'static,
{
    fn run(&self, builder: Builder, shown: &mut String) -> Report<Result<(), String>> {
        builder.run_at((self.program)(), self.site).map(|output| judge(&output, shown))
    }

    fn run_briefly(
        &self,
        event_loop: &EventLoop,
        shown: &mut String,
    ) -> Result<Result<(), String>, Failure> {
        event_loop.run_briefly((self.program)(), self.site).map(|output| judge(&output, shown))
    }
}

/// Writes an output, and says what is wrong with it.
fn judge(output: &(impl Outcome + 'static), shown: &mut String) -> Result<(), String> {
    match (output as &dyn Any).is::<()>() {
        // What most programs return is not formatted.
        true => shown.push_str("()"),
        false => write!(shown, "{output:?}").expect("a string takes any text"),
    }
    output.refusal().map_or(Ok(()), Err)
}

/// What is kept of a run.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) failure: Option<Failure>,
    /// Of a run that passed it is kept only where somebody asked for a report.
    pub(super) schedule: Schedule,
    pub(super) digest: u64,
    pub(super) turns: u64,
}

/// A run of which more was recorded.
pub(super) type Traced = (Run, Trace);

/// Runs the program again and again, on one thread.
pub(super) struct Runner<'a> {
    program: &'a dyn Program,
    pub(super) settings: Settings,
    builder: Builder,
    /// The loop of the run before, for the next.
    used: Option<EventLoop>,
    /// The output of the last run, as text; empty if it had none.
    pub(super) shown: String,
}

impl<'a> Runner<'a> {
    pub(super) fn new(program: &'a dyn Program, settings: &Settings) -> Self {
        let (builder, used, shown) = (settings.builder(), None, String::new());
        Runner { program, settings: settings.clone(), builder, used, shown }
    }

    /// Another for the same program.
    pub(super) fn another(&self) -> Self {
        Runner::new(self.program, &self.settings)
    }

    /// Makes further runs with this seed.
    pub(super) fn set_seed(&mut self, seed: u64) {
        if seed != self.settings.seed {
            self.settings.seed = seed;
            self.builder = self.settings.builder();
            // It has the seed before.
            self.used = None;
        }
    }

    /// Makes one of many runs: no report, no trace, and a schedule only of what fails.
    pub(super) fn run(&mut self, policy: &Lent) -> Run {
        if self.settings.requirement.is_some() {
            let policy = Box::new(policy.clone());
            return self.run_with(self.settings.builder().boxed_policy(policy), Level::Off).0;
        }
        let event_loop = self.used.take().and_then(EventLoop::again);
        let run = self.run_on(self.builder.build_with(policy.lend(), event_loop));
        policy.take_back(self.used.as_ref().and_then(EventLoop::take_policy));
        run
    }

    /// The same with a policy that the loop knows, where [`are_choices_all`](Self::are_choices_all).
    pub(super) fn run_native(&mut self, native: Native) -> Run {
        let event_loop = self.used.take().and_then(EventLoop::again);
        self.run_on(self.builder.build_native(native, event_loop))
    }

    /// Takes the policy of the last run back. Not with the run, which is large and returned as it was made.
    #[inline]
    pub(super) fn take_native(&self) -> Option<Native> {
        self.used.as_ref()?.take_native()
    }

    /// Says whether a run is known by the choices of a policy that is asked to its end.
    pub(super) fn are_choices_all(&self) -> bool {
        let Settings { requirement, injections, time_limit, .. } = &self.settings;
        requirement.is_none() && !injections.are_any() && time_limit.is_never()
    }

    fn run_on(&mut self, event_loop: EventLoop) -> Run {
        self.shown.clear();
        let outcome = self.program.run_briefly(&event_loop, &mut self.shown);
        let (digest, turns) = (event_loop.digest().as_u64(), event_loop.counters().turns);
        if matches!(outcome, Ok(Ok(()))) {
            self.used = Some(event_loop);
            return Run { failure: None, schedule: Schedule::default(), digest, turns };
        }
        let (at, schedule) = (event_loop.now(), event_loop.take_schedule());
        self.used = Some(event_loop);
        let failure = match outcome {
            Err(failure) => failure,
            Ok(outcome) => self.refused(outcome.err().unwrap_or_default(), at, turns, &schedule),
        };
        Run { failure: Some(failure), schedule, digest, turns }
    }

    pub(super) fn replay(&mut self, schedule: &Schedule, level: Level) -> Traced {
        self.run_with(self.settings.builder().replay_schedule(schedule.clone()), level)
    }

    /// Makes a run with all that a report has, and records at least so much of it.
    pub(super) fn run_with(&mut self, builder: Builder, level: Level) -> Traced {
        self.shown.clear();
        let shown_level = self.settings.level();
        let report = self.program.run(builder.trace(level.max(shown_level)), &mut self.shown);
        let (at, turns) = (report.ended_at, report.counters.turns);
        let mut refused = match &report.outcome {
            Ok(Err(reason)) => Some(reason.clone()),
            _ => None,
        };
        let mut report = report.map(|_| ());
        let mut whole = None;
        if let Some(requirement) = &self.settings.requirement {
            if refused.is_none() && report.outcome.is_ok() {
                // Of some runs of a search more is recorded. A requirement that could tell them apart would pass one
                // and refuse the other, and the program would be blamed.
                if level > shown_level {
                    whole = Some(report.trace.clone());
                    report.trace.reduce(shown_level);
                }
                let verdict = catch_unwind(AssertUnwindSafe(|| requirement(&report)));
                refused = verdict.unwrap_or_else(|payload| self.give_up(&*payload, &report)).err();
            }
        }
        let Report { outcome, schedule, trace, digest, .. } = report;
        let failure = match refused {
            None => outcome.err(),
            Some(reason) => Some(self.refused(reason, at, turns, &schedule)),
        };
        (Run { failure, schedule, digest: digest.as_u64(), turns }, whole.unwrap_or(trace))
    }

    /// A search cannot go on without its requirement; whoever wrote it is told which run it was asked about.
    #[cold]
    fn give_up(&self, payload: &(dyn Any + Send), report: &Report) -> ! {
        let line = self.settings.builder().reproduction(&report.schedule);
        let message = panic_message(payload);
        panic!(
            "the requirement panicked: {message}\n  what it returns as an `Err` is a failure of the run\n  replay: {}",
            line.get()
        );
    }

    fn refused(&self, reason: String, at: Instant, turns: u64, schedule: &Schedule) -> Failure {
        let reproduction = self.settings.builder().reproduction(schedule);
        Failure::new(FailureKind::Refused { reason }, at, turns, reproduction)
    }
}

/// A policy that the search keeps in its hands while a run uses it.
pub(super) struct Shared<P> {
    policy: Rc<RefCell<P>>,
    pub(super) lent: Lent,
}

impl<P: Policy> Shared<P> {
    pub(super) fn new(policy: P, settings: &Settings) -> Self {
        let policy = Rc::new(RefCell::new(policy));
        let lent = Lent {
            policy: Rc::clone(&policy) as _,
            returned: Cell::default(),
            until: settings.time_limit,
            is_cut: Rc::default(),
        };
        Shared { policy, lent }
    }

    /// Looks at the policy between runs.
    pub(super) fn policy(&self) -> RefMut<'_, P> {
        self.policy.borrow_mut()
    }
}

/// All that is asked of a policy here: a pointer to the whole trait would bring in how each is shown.
trait Chooser {
    fn pick(&mut self, choice: &Choice<'_>) -> usize;
}

impl<P: Policy> Chooser for P {
    #[inline]
    fn pick(&mut self, choice: &Choice<'_>) -> usize {
        self.choose(choice)
    }
}

/// The same as a run uses it: of one type for all policies.
pub(super) struct Lent {
    policy: Rc<RefCell<dyn Chooser>>,
    /// What the last run was lent, for the next one.
    returned: Cell<Option<Box<dyn Policy>>>,
    /// The last instant at which it is asked.
    until: Instant,
    /// A choice was not put to it, because it came later.
    pub(super) is_cut: Rc<Cell<bool>>,
}

impl Lent {
    /// The policy in the form in which a loop takes it.
    fn lend(&self) -> Box<dyn Policy> {
        self.returned.take().unwrap_or_else(|| Box::new(self.clone()))
    }

    fn take_back(&self, lent: Option<Box<dyn Policy>>) {
        self.returned.set(lent);
    }
}

impl Clone for Lent {
    fn clone(&self) -> Self {
        let (policy, is_cut) = (Rc::clone(&self.policy), Rc::clone(&self.is_cut));
        Lent { policy, returned: Cell::default(), until: self.until, is_cut }
    }
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a policy of a search")
    }
}

impl Policy for Lent {
    #[inline]
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        if choice.now() > self.until {
            self.is_cut.set(true);
            return 0;
        }
        self.policy.borrow_mut().pick(choice)
    }
}
