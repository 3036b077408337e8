//! Policies that are wrong, and schedules too long to be told.

use std::future::pending;

use simloop::policy::{Choice, Policy, Random};
use simloop::report::FailureKind;
use simloop::{Builder, choose, rng, sleep, spawn, timeout, yield_now};

use super::shown;
use crate::secs;

struct Broken(fn(&Choice<'_>) -> usize);

impl std::fmt::Debug for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Broken")
    }
}

impl Policy for Broken {
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        (self.0)(choice)
    }
}

#[test]
fn a_policy_that_is_wrong_panics_or_meddles_fails_the_run() {
    let run = |policy: fn(&Choice<'_>) -> usize| {
        Builder::new().policy(Broken(policy)).run(async {
            spawn(async {});
            spawn(async {});
            sleep(secs(1)).await;
        })
    };
    let fault = |policy| {
        let failure = run(policy).unwrap_failure();
        assert!(failure.reproduction().starts_with("Builder::new().policy(Broken)"), "{failure}");
        if failure.to_string().contains("chose 2") {
            shown("policy_fault", &failure);
        }
        match failure.kind() {
            FailureKind::PolicyFault { fault, .. } => fault.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(fault(|choice| choice.len()), "chose 2, but the 2 alternatives count from 0");
    assert_eq!(fault(|_| panic!("no idea")), "panicked: no idea");
    assert_eq!(
        fault(|_| rng().range(0..2)),
        "panicked: the loop was used from inside a policy, which may only look at the choice it is given"
    );
}

#[test]
fn a_policy_that_meddles_within_the_poll_of_a_task_that_chooses_fails_the_run_too() {
    let meddle = |_: &Choice<'_>| {
        drop(sleep(secs(1)));
        0
    };
    let report = Builder::new().policy(Broken(meddle)).run(async { choose(2) });
    let failure = report.unwrap_failure();
    let fault = "panicked: the loop was used from inside a policy";
    assert!(
        matches!(failure.kind(), FailureKind::PolicyFault { fault: told, .. } if told.starts_with(fault)),
        "{failure}"
    );
}

#[test]
fn a_long_schedule_gives_way_to_the_policy_that_drew_it() {
    let report = Builder::new().policy(Random::new(12)).run(async {
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                spawn(async {
                    for _ in 0..10 {
                        yield_now().await
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        timeout(secs(1), pending::<()>()).await.unwrap();
    });
    let schedule = report.schedule.to_string();
    assert!(schedule.len() > 200);
    assert_eq!(report.unwrap_failure().reproduction(), "Builder::new().policy(Random::new(12))");
}
