//! What the strategies draw, and what it shrinks to.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestError, TestRng, TestRunner};
use simloop::testing::{Plan, Program, choices, durations, latencies, programs, seeds};
use simloop::{Builder, choose};

/// The simplest value of a strategy for which `is_bad` holds. The same values are drawn each time, whatever the number of
/// cases that the environment asks for: of 64 latencies none is a second long once in 800 times.
fn simplest<S: Strategy>(strategy: S, is_bad: impl Fn(&S::Value) -> bool) -> S::Value {
    let config =
        ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::default()));
    let result = runner.run(&strategy, |value| {
        if is_bad(&value) { Err(TestCaseError::fail("bad")) } else { Ok(()) }
    });
    match result {
        Err(TestError::Fail(_, value)) => value,
        other => panic!("nothing bad was drawn: {other:?}"),
    }
}

/// The deviations of a run of three choices among four.
async fn three() -> [usize; 3] {
    [choose(4), choose(4), choose(4)]
}

fn taken(plan: &Plan) -> [usize; 3] {
    Builder::new().policy(plan.clone()).run(three()).unwrap()
}

#[test]
fn a_plan_shrinks_to_fewer_deviations_and_then_to_smaller_ones() {
    assert_eq!(simplest(choices(50), |plan| taken(plan)[1] > 0), Plan::new([0, 1]));
    assert_eq!(simplest(choices(50), |plan| taken(plan)[2] == 3), Plan::new([0, 0, 3]));
    let two = simplest(choices(50), |plan| taken(plan)[0] > 1 && taken(plan)[2] > 0);
    assert_eq!(two, Plan::new([2, 0, 1]));
}

#[test]
fn times_seeds_and_programs_shrink_to_what_is_simplest_to_read() {
    let minute = Duration::from_secs(60);
    assert_eq!(simplest(durations(minute), |_| true), Duration::ZERO);
    assert_eq!(simplest(durations(minute), |length| length.as_secs() > 3), Duration::from_secs(4));
    assert_eq!(simplest(latencies(), |_| true), Duration::ZERO);
    assert_eq!(simplest(latencies(), |latency| latency.as_secs() > 0), Duration::from_secs(1));
    assert_eq!(simplest(seeds(), |_| true), 0);
    let locks = |program: &Program| program.to_string().matches("lock").count() > 1;
    assert!(["lock lock", "lock | lock"].contains(&&*simplest(programs(4, 4), locks).to_string()));
}

proptest! {
    /// Whatever is drawn fits whatever program, and what was taken is a schedule that replays.
    #[test]
    fn every_plan_fits_every_program(plan in choices(40), program in programs(4, 5)) {
        let planned = Builder::new().policy(plan.clone()).run(program.run());
        let again = Builder::new().policy(plan).run(program.run());
        prop_assert_eq!(planned.digest, again.digest);
        let replayed = Builder::new().replay(&planned.schedule.to_string()).run(program.run());
        prop_assert_eq!(replayed.digest, planned.digest);
        prop_assert_eq!(replayed.unwrap(), planned.unwrap());
        prop_assert_eq!(program.to_string().parse(), Ok(program));
    }

    #[test]
    fn times_stay_in_their_range(length in durations(Duration::from_millis(2500)), latency in latencies()) {
        prop_assert!(length <= Duration::from_millis(2500));
        prop_assert!(latency <= Duration::from_secs(60));
    }
}
