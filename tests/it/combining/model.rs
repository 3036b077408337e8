//! `wait`, `as_completed` and `JoinSet` under random policies, against what really happened.
//!
//! Each task writes down its own end as it happens, whatever the end. That list is the model: what the
//! combinators tell must be a function of it.

use std::cell::RefCell;
use std::rc::Rc;

use proptest::prelude::*;
use simloop::policy::Random;
use simloop::{
    Builder, Instant, JoinError, JoinSet, WaitFor, as_completed, now, sleep, spawn, wait, yield_now,
};

use crate::millis;

/// A task: how long it sleeps, whether it then panics, and when it is aborted.
#[derive(Clone, Debug)]
struct Plan {
    delay: u64,
    panics: bool,
    aborted_after: Option<u64>,
}

fn plan() -> impl Strategy<Value = Plan> {
    (0..5_u64, prop::bool::weighted(0.2), prop::option::weighted(0.3, 0..6_u64))
        .prop_map(|(delay, panics, aborted_after)| Plan { delay, panics, aborted_after })
}

/// One end: which task, when, and whether it returned its output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct End {
    number: usize,
    at: Instant,
    is_completed: bool,
}

type Ends = Rc<RefCell<Vec<End>>>;

/// Writes down the end of the task that holds it.
struct Witness {
    ends: Ends,
    number: usize,
    is_completed: bool,
}

impl Drop for Witness {
    fn drop(&mut self) {
        let Witness { number, is_completed, .. } = *self;
        self.ends.borrow_mut().push(End { number, at: now(), is_completed });
    }
}

fn work(plan: &Plan, number: usize, ends: &Ends) -> impl Future<Output = usize> + use<> {
    let mut witness = Witness { ends: Rc::clone(ends), number, is_completed: false };
    let Plan { delay, panics, .. } = *plan;
    async move {
        sleep(millis(delay)).await;
        if panics {
            std::panic::resume_unwind(Box::new(number));
        }
        witness.is_completed = true;
        drop(witness);
        number
    }
}

/// Aborts as planned, each in a task of its own.
fn abort_as_planned(plan: &Plan, abort: simloop::task::AbortHandle) {
    if let Some(after) = plan.aborted_after {
        spawn(async move {
            sleep(millis(after)).await;
            abort.abort();
        });
    }
}

/// Whether a result is what a task so planned can come to.
fn fits(plan: &Plan, number: usize, result: &Result<usize, JoinError>) -> bool {
    let may_be_aborted = plan.aborted_after.is_some_and(|after| after <= plan.delay);
    let must_be_aborted = plan.aborted_after.is_some_and(|after| after < plan.delay);
    match result {
        Ok(output) => *output == number && !plan.panics && !must_be_aborted,
        Err(error) if error.is_cancelled() => may_be_aborted,
        Err(_) => plan.panics && !must_be_aborted,
    }
}

async fn check_join_set(plans: Vec<Plan>, joined_early: usize) {
    let ends = Ends::default();
    let mut set = JoinSet::new();
    let mut numbers = std::collections::BTreeMap::new();
    for (number, plan) in plans.iter().enumerate() {
        let abort = set.spawn(work(plan, number, &ends));
        numbers.insert(abort.id(), number);
        abort_as_planned(plan, abort);
    }
    let mut told = Vec::new();
    for round in 0.. {
        if round == joined_early {
            sleep(millis(2)).await;
        }
        let Some(result) = set.join_next_with_id().await else { break };
        let (id, result) = match result {
            Ok((id, output)) => (id, Ok(output)),
            Err(error) => (error.id(), Err(error)),
        };
        let number = numbers[&id];
        assert!(fits(&plans[number], number, &result), "{:?}: {result:?}", plans[number]);
        told.push(number);
        assert_eq!(set.len(), plans.len() - told.len());
    }
    let ends: Vec<_> = ends.borrow().iter().map(|end| end.number).collect();
    assert_eq!(told, ends, "in the order in which they ended");
}

async fn check_as_completed(plans: Vec<Plan>, late: bool) {
    let ends = Ends::default();
    let mut handles = Vec::new();
    for (number, plan) in plans.iter().enumerate() {
        let handle = spawn(work(plan, number, &ends));
        abort_as_planned(plan, handle.abort_handle());
        handles.push(handle);
    }
    if late {
        sleep(millis(2)).await;
    }
    let mut completed = as_completed(handles);
    let mut told = Vec::new();
    while let Some((number, result)) = completed.next().await {
        assert!(fits(&plans[number], number, &result), "{:?}: {result:?}", plans[number]);
        told.push(number);
    }
    let ends: Vec<_> = ends.borrow().iter().map(|end| end.number).collect();
    assert_eq!(told, ends, "in the order in which they ended");
}

/// Waits again and again with the conditions given, until nothing is pending.
async fn check_wait(plans: Vec<Plan>, waits: Vec<(WaitFor, Option<u64>)>) {
    let ends = Ends::default();
    let mut pending = Vec::new();
    for (number, plan) in plans.iter().enumerate() {
        let handle = spawn(work(plan, number, &ends));
        abort_as_planned(plan, handle.abort_handle());
        pending.push((number, handle));
    }
    let last = (WaitFor::All, None);
    for (condition, timeout) in waits.into_iter().chain([last]) {
        let (numbers, handles): (Vec<_>, Vec<_>) = pending.into_iter().unzip();
        let since = now();
        let ids: Vec<_> = handles.iter().map(simloop::JoinHandle::id).collect();
        let waiting = wait(handles, condition);
        let waited = match timeout {
            Some(timeout) => waiting.timeout(millis(timeout)).await,
            None => waiting.await,
        };
        let ends = ends.borrow().clone();
        let number = |handle: &simloop::JoinHandle<usize>| {
            numbers[ids.iter().position(|id| *id == handle.id()).unwrap()]
        };
        let has_ended = |number: &usize| ends.iter().find(|end| end.number == *number).copied();
        let done: Vec<_> = waited.done.iter().map(number).collect();
        let (expected, left): (Vec<_>, Vec<_>) =
            numbers.iter().partition(|number| has_ended(number).is_some());
        assert_eq!(done, expected, "all that have ended, in input order");
        assert_eq!(waited.pending.iter().map(number).collect::<Vec<_>>(), left);

        // The condition became true now, or was true from the start, or the time is up.
        let ended: Vec<End> = done.iter().filter_map(has_ended).collect();
        let met_at = match condition {
            WaitFor::FirstCompleted => ended.iter().map(|end| end.at).min(),
            WaitFor::FirstFailure => {
                ended.iter().filter(|end| !end.is_completed).map(|end| end.at).min()
            }
            _ => None,
        };
        let all_at = ended.iter().map(|end| end.at).max().filter(|_| left.is_empty());
        let deadline = timeout.map(|timeout| since + millis(timeout));
        let at = [met_at, all_at, deadline].into_iter().flatten().min();
        let at = if numbers.is_empty() { since } else { at.expect("a wait ends for a reason") };
        assert_eq!(now(), at.max(since), "{condition:?} {timeout:?}");

        for mut handle in waited.done {
            let number = number(&handle);
            let result = handle.try_take().expect("it is done");
            assert!(fits(&plans[number], number, &result), "{:?}: {result:?}", plans[number]);
        }
        pending = left.into_iter().zip(waited.pending).collect();
        yield_now().await;
    }
    assert!(pending.is_empty());
}

fn wait_for() -> impl Strategy<Value = WaitFor> {
    prop_oneof![Just(WaitFor::FirstCompleted), Just(WaitFor::FirstFailure), Just(WaitFor::All)]
}

#[track_caller]
fn check(seed: Option<u64>, program: impl Future<Output = ()> + 'static) {
    let builder = Builder::new().deny_leftovers(false);
    let report = match seed {
        Some(seed) => builder.policy(Random::new(seed)).run(program),
        None => builder.run(program),
    };
    report.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn a_join_set_tells_every_end_once_and_in_order(
        plans in prop::collection::vec(plan(), 0..8),
        joined_early in 0..8_usize,
        seed: Option<u64>,
    ) {
        check(seed, check_join_set(plans, joined_early));
    }

    #[test]
    fn s26_as_completed_tells_every_end_once_and_in_order(
        plans in prop::collection::vec(plan(), 0..8),
        late: bool,
        seed: Option<u64>,
    ) {
        check(seed, check_as_completed(plans, late));
    }

    #[test]
    fn s26_a_wait_returns_when_its_condition_holds_and_tells_what_has_ended(
        plans in prop::collection::vec(plan(), 0..8),
        waits in prop::collection::vec((wait_for(), prop::option::of(0..4_u64)), 0..6),
        seed: Option<u64>,
    ) {
        check(seed, check_wait(plans, waits));
    }
}
