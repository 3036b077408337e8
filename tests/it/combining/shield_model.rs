//! Shields under random policies, against a model that compares instants.
//!
//! What happens at all happens at one of four places of a grid of four milliseconds, each kind at its own, so
//! that no two things tie and the policy must not matter.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use proptest::prelude::*;
use simloop::policy::Random;
use simloop::task::Shield;
use simloop::{Builder, Instant, JoinError, now, shield, sleep, spawn, timeout};

use crate::millis;

#[derive(Clone, Debug)]
struct Plan {
    begins_at: u64,
    /// How long the task inside takes, and whether it panics then.
    delay: u64,
    panics: bool,
    /// It was a task before it was shielded.
    is_task: bool,
    /// When the waiter gives up, when it is aborted, and when the task inside is.
    patience: Option<u64>,
    waiter_aborted: Option<u64>,
    inner_aborted: Option<u64>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let grid = |places: u64| (0..8_u64).prop_map(move |n| 4 * n + places);
    let times = (0..3_u64, grid(0), [grid(1), grid(2), grid(3)].map(prop::option::of));
    (times, prop::bool::weighted(0.2), any::<bool>()).prop_map(
        |((begins, delay, [patience, waiter_aborted, inner_aborted]), panics, is_task)| Plan {
            begins_at: 4 * begins,
            delay,
            panics,
            is_task,
            patience,
            waiter_aborted,
            inner_aborted,
        },
    )
}

/// How something has ended, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Completed(Instant),
    Cancelled(Instant),
    Panicked(Instant),
    GaveUp(Instant),
}

impl Plan {
    fn at(&self, after: u64) -> Instant {
        Instant::ZERO + millis(self.begins_at + after)
    }

    fn inner(&self) -> End {
        match self.inner_aborted {
            Some(abort) if abort < self.delay => End::Cancelled(self.at(abort)),
            _ if self.panics => End::Panicked(self.at(self.delay)),
            _ => End::Completed(self.at(self.delay)),
        }
    }

    /// What the waiter comes to, whom nothing but its own end keeps from the result.
    fn waiter(&self) -> End {
        let ended = self.inner_aborted.map_or(self.delay, |abort| abort.min(self.delay));
        let left = [self.patience, self.waiter_aborted].into_iter().flatten().min();
        match left.filter(|&left| left < ended) {
            Some(left) if Some(left) == self.patience => End::GaveUp(self.at(left)),
            Some(left) => End::Cancelled(self.at(left)),
            None => self.inner(),
        }
    }
}

type Ends = Rc<RefCell<BTreeMap<usize, (Instant, bool)>>>;

/// Writes down the end of a task inside, and whether it had come to its end.
struct Witness(Ends, usize, bool);

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.borrow_mut().insert(self.1, (now(), self.2));
    }
}

async fn work(plan: Plan, mut witness: Witness) -> usize {
    sleep(millis(plan.delay)).await;
    witness.2 = true;
    if plan.panics {
        std::panic::resume_unwind(Box::new(witness.1));
    }
    witness.1
}

fn end_of(number: usize, result: Result<usize, JoinError>) -> End {
    match result {
        Ok(output) => {
            assert_eq!(output, number);
            End::Completed(now())
        }
        Err(error) if error.is_cancelled() => End::Cancelled(now()),
        Err(error) => {
            assert_eq!(*error.into_panic().downcast::<usize>().unwrap(), number);
            End::Panicked(now())
        }
    }
}

async fn wait(plan: Plan, number: usize, ends: Ends) -> End {
    sleep(millis(plan.begins_at)).await;
    let inner = work(plan.clone(), Witness(ends, number, false));
    let shielded = if plan.is_task { Shield::from(spawn(inner)) } else { shield(inner) };
    if let Some(after) = plan.inner_aborted {
        let abort = shielded.get_ref().abort_handle();
        spawn(async move {
            sleep(millis(after)).await;
            abort.abort();
        });
    }
    match plan.patience {
        None => end_of(number, shielded.await),
        Some(patience) => match timeout(millis(patience), shielded).await {
            Ok(result) => end_of(number, result),
            Err(_) => End::GaveUp(now()),
        },
    }
}

async fn scenario(plans: Vec<Plan>) {
    let ends = Ends::default();
    let mut waiters = Vec::new();
    for (number, plan) in plans.iter().cloned().enumerate() {
        let aborted = plan.waiter_aborted.map(|after| millis(plan.begins_at + after));
        let waiter = spawn(wait(plan, number, Rc::clone(&ends)));
        if let Some(after) = aborted {
            let abort = waiter.abort_handle();
            spawn(async move {
                sleep(after).await;
                abort.abort();
            });
        }
        waiters.push(waiter);
    }
    // By now all has happened.
    sleep(millis(100)).await;
    for (number, (plan, mut waiter)) in plans.iter().zip(waiters).enumerate() {
        let expected = plan.waiter();
        match waiter.try_take().expect("nobody waits longer than the work takes") {
            Ok(end) => assert_eq!(end, expected, "{plan:?}"),
            Err(error) => {
                assert!(error.is_cancelled());
                assert!(matches!(expected, End::Cancelled(_)), "{plan:?}");
            }
        }
        let (at, is_over) = ends.borrow()[&number];
        let inner = match (is_over, plan.panics) {
            (false, _) => End::Cancelled(at),
            (true, true) => End::Panicked(at),
            (true, false) => End::Completed(at),
        };
        assert_eq!(inner, plan.inner(), "whatever becomes of the waiter: {plan:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn s26_shields_keep_their_tasks_from_their_waiters_and_from_nothing_else(
        plans in prop::collection::vec(plan(), 1..6),
        seed: Option<u64>,
    ) {
        let builder = match seed {
            Some(seed) => Builder::new().policy(Random::new(seed)),
            None => Builder::new(),
        };
        // A panic that comes after the waiter has gone is nobody's, and fails the run (S20).
        let is_detached = |plan: &&Plan| {
            matches!(plan.inner(), End::Panicked(_)) && plan.waiter() != plan.inner()
        };
        let detached = plans.iter().filter(is_detached).count();
        let report = builder.run(scenario(plans));
        match report.failure() {
            None => prop_assert_eq!(detached, 0),
            Some(failure) => {
                let text = failure.to_string();
                prop_assert!(text.contains("its handle was dropped"), "{}", text);
                prop_assert_eq!(text.matches("panic at").count(), detached, "{}", text);
            }
        }
    }
}
