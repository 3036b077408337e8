//! Nested cancel scopes under random policies, against a list of deadlines.
//!
//! Deadlines lie on even milliseconds, and so do the steps of what runs inside, so these tie. What is done from
//! outside is done on odd ones, and has the instant to itself.

use std::cell::RefCell;
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use proptest::prelude::*;
use simloop::policy::Random;
use simloop::task::{Cancelled, current_effective_deadline};
use simloop::{Builder, CancelScope, Instant, now, sleep, spawn, yield_now};

use crate::millis;

/// What is done to a scope. Scopes are numbered from the outermost.
#[derive(Clone, Copy, Debug)]
enum Change {
    SetDeadline(usize, Option<u64>),
    Extend(usize, u64),
    Cancel(usize),
}

#[derive(Clone, Debug)]
struct Plan {
    /// The deadline of each scope.
    scopes: Vec<Option<u64>>,
    /// What runs in all of them: how long each step takes, and what it does then.
    steps: Vec<(u64, Vec<Change>)>,
    /// When something is done from outside.
    outside: Vec<(u64, Change)>,
    aborted_at: Option<u64>,
}

fn even() -> impl Strategy<Value = u64> {
    (0..12_u64).prop_map(|n| 2 * n)
}

fn change() -> impl Strategy<Value = Change> {
    let scope = || 0..4_usize;
    prop_oneof![
        4 => (scope(), prop::option::weighted(0.8, even()))
            .prop_map(|(scope, deadline)| Change::SetDeadline(scope, deadline)),
        3 => (scope(), even()).prop_map(|(scope, by)| Change::Extend(scope, by)),
        2 => scope().prop_map(Change::Cancel),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    let odd = (0..12_u64).prop_map(|n| 4 * n + 1);
    let step = (even(), prop::collection::vec(change(), 0..3));
    let scopes = prop::collection::vec(prop::option::weighted(0.7, even()), 1..5);
    let outside = prop::collection::btree_map(odd, change(), 0..5);
    let aborted_at = prop::option::weighted(0.2, (0..8_u64).prop_map(|n| 4 * n + 3));
    (scopes, prop::collection::vec(step, 0..5), outside, aborted_at).prop_map(
        |(scopes, steps, outside, aborted_at)| Plan {
            scopes,
            steps,
            outside: outside.into_iter().collect(),
            aborted_at,
        },
    )
}

const NEVER: u64 = u64::MAX;

/// A scope, as a number and a mark.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Scope {
    deadline: u64,
    is_called: bool,
    is_caught: bool,
}

/// How the program ended, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Done(u64),
    Cut { by: usize, at: u64, is_deadline: bool },
    Aborted,
}

#[derive(Debug)]
struct Model {
    scopes: Vec<Scope>,
    /// The effective deadline that was seen before and after each step.
    seen: Vec<u64>,
}

impl Model {
    fn new(plan: &Plan) -> Model {
        let scope = |deadline: &Option<u64>| Scope {
            deadline: deadline.unwrap_or(NEVER),
            is_called: false,
            is_caught: false,
        };
        Model { scopes: plan.scopes.iter().map(scope).collect(), seen: Vec::new() }
    }

    fn change(&mut self, change: Change) {
        let (Change::SetDeadline(scope, _) | Change::Extend(scope, _) | Change::Cancel(scope)) =
            change;
        let count = self.scopes.len();
        let scope = &mut self.scopes[scope % count];
        if scope.is_called {
            return;
        }
        match change {
            Change::SetDeadline(_, deadline) => scope.deadline = deadline.unwrap_or(NEVER),
            Change::Extend(_, by) => scope.deadline = scope.deadline.saturating_add(by),
            Change::Cancel(_) => scope.is_called = true,
        }
    }

    fn see(&mut self) {
        let effective = |scope: &Scope| if scope.is_called { 0 } else { scope.deadline };
        self.seen.push(self.scopes.iter().map(effective).min().expect("there is a scope"));
    }

    /// The innermost scope that cuts short what is suspended at `now`.
    fn cut(&mut self, now: u64) -> Option<End> {
        let due = |scope: &Scope| scope.is_called || scope.deadline <= now;
        let by = self.scopes.iter().rposition(due)?;
        let scope = &mut self.scopes[by];
        let is_deadline = !scope.is_called;
        (scope.is_called, scope.is_caught) = (true, true);
        Some(End::Cut { by, at: now, is_deadline })
    }

    fn run(&mut self, plan: &Plan) -> End {
        let mut body = Body { left: plan.steps.iter(), waits: None };
        let mut outside = plan.outside.iter().peekable();
        let mut now = 0;
        let end = loop {
            if let Some((_, change)) = outside.next_if(|(at, _)| *at == now) {
                self.change(*change);
            }
            if body.poll(now, self) {
                break End::Done(now);
            }
            if let Some(cut) = self.cut(now) {
                break cut;
            }
            let deadlines = self.scopes.iter().map(|scope| scope.deadline);
            let step = body.waits.map(|(until, _)| until);
            let change = outside.peek().map(|(at, _)| *at);
            let next = deadlines.chain(step).chain(change).min().expect("there is a scope");
            if plan.aborted_at.is_some_and(|at| at < next) {
                break End::Aborted;
            }
            now = next;
        };
        // The rest happens to scopes in which nothing runs any more.
        outside.for_each(|(_, change)| self.change(*change));
        end
    }
}

/// What runs in the scopes.
struct Body<'a> {
    left: std::slice::Iter<'a, (u64, Vec<Change>)>,
    /// Until when it waits, and what it does then. At its own instant it waits for the next poll.
    waits: Option<(u64, &'a [Change])>,
}

impl Body<'_> {
    /// Says whether it is ready.
    fn poll(&mut self, now: u64, model: &mut Model) -> bool {
        match self.waits {
            Some((until, _)) if until > now => return false,
            Some((_, changes)) => {
                model.see();
                changes.iter().for_each(|&change| model.change(change));
                model.see();
            }
            None => {}
        }
        self.waits = self.left.next().map(|(takes, changes)| (now + takes, &changes[..]));
        self.waits.is_none()
    }
}

fn instant(at: u64) -> Instant {
    if at == NEVER { Instant::NEVER } else { Instant::ZERO + millis(at) }
}

fn apply(scopes: &[CancelScope], change: Change) {
    let deadline = |at: Option<u64>| at.map_or(Instant::NEVER, instant);
    match change {
        Change::SetDeadline(scope, at) => scopes[scope % scopes.len()].set_deadline(deadline(at)),
        Change::Extend(scope, by) => scopes[scope % scopes.len()].extend(millis(by)),
        Change::Cancel(scope) => scopes[scope % scopes.len()].cancel(),
    }
}

type Seen = Rc<RefCell<Vec<Instant>>>;

async fn body(scopes: Vec<CancelScope>, steps: Vec<(u64, Vec<Change>)>, seen: Seen) {
    for (takes, changes) in steps {
        sleep(millis(takes)).await;
        seen.borrow_mut().push(current_effective_deadline());
        changes.into_iter().for_each(|change| apply(&scopes, change));
        seen.borrow_mut().push(current_effective_deadline());
    }
}

/// Runs a future in all scopes, and says which one has cut it short.
fn nest<'a>(
    scopes: &'a [CancelScope],
    future: LocalBoxFuture<'a, ()>,
) -> LocalBoxFuture<'a, Option<Cancelled>> {
    let future = future.map(|()| None).boxed_local();
    scopes.iter().rev().fold(future, |inner, scope| {
        scope.run(inner).map(|result| result.unwrap_or_else(Some)).boxed_local()
    })
}

async fn scenario(plan: Plan) {
    let scope = |deadline: &Option<u64>| match deadline {
        Some(at) => CancelScope::at(instant(*at)),
        None => CancelScope::new(),
    };
    let scopes: Vec<_> = plan.scopes.iter().map(scope).collect();
    let seen = Seen::default();
    let (inside, log, steps) = (scopes.clone(), Rc::clone(&seen), plan.steps.clone());
    let runner = spawn(async move {
        let body = body(inside.clone(), steps, log).boxed_local();
        match nest(&inside, body).await {
            None => (None, now()),
            Some(error) => {
                assert_eq!(error.at(), now());
                let by = inside.iter().position(|scope| error.is_of(scope));
                (Some((by.expect("it is one of them"), error.is_deadline())), now())
            }
        }
    });
    for (at, change) in plan.outside.clone() {
        let scopes = scopes.clone();
        spawn(async move {
            sleep(millis(at)).await;
            apply(&scopes, change);
        });
    }
    if let Some(at) = plan.aborted_at {
        let abort = runner.abort_handle();
        spawn(async move {
            sleep(millis(at)).await;
            abort.abort();
        });
    }
    let mut model = Model::new(&plan);
    let expected = model.run(&plan);
    let end = match runner.await {
        Ok((None, at)) => End::Done(millis_of(at)),
        Ok((Some((by, is_deadline)), at)) => End::Cut { by, at: millis_of(at), is_deadline },
        Err(error) => {
            assert!(error.is_cancelled());
            End::Aborted
        }
    };
    assert_eq!(end, expected, "{plan:?}");
    let expected: Vec<_> = model.seen.iter().map(|&at| instant(at)).collect();
    assert_eq!(*seen.borrow(), expected, "the effective deadlines: {plan:?}");
    assert!(current_effective_deadline().is_never());

    // At the end the scopes are as they should be, and cut short what is run in them now.
    sleep(millis(1_000)).await;
    for (scope, expected) in scopes.iter().zip(&model.scopes) {
        assert_eq!(scope.deadline(), instant(expected.deadline));
        let is_over = expected.is_called || expected.deadline < 1_000;
        assert_eq!(
            (scope.cancel_called(), scope.cancelled_caught()),
            (is_over, expected.is_caught)
        );
        assert_eq!(scope.run(yield_now()).await.is_err(), is_over);
    }
}

fn millis_of(at: Instant) -> u64 {
    at.as_nanos() / 1_000_000
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn s27_nested_scopes_do_what_a_list_of_deadlines_says(plan in plan(), seed: Option<u64>) {
        let builder = match seed {
            Some(seed) => Builder::new().policy(Random::new(seed)),
            None => Builder::new(),
        };
        builder.run(scenario(plan)).unwrap();
    }
}
