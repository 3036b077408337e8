//! Properties whose inputs and schedules come from one case.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngSeed};
use simloop::report::FailureKind;
use simloop::sync::Mutex;
use simloop::testing::{Property, durations, latencies};
use simloop::{Builder, now, sleep, spawn, spawn_named, yield_now};

use crate::snapshots::assert_shown;
use crate::{millis, secs};

/// Without files, with so many cases that the planted bugs are met, and with the same cases each time: there may be
/// several simplest ones, such as `[0, 1]` and `[1, 0]`.
fn property() -> Property {
    let config = ProptestConfig {
        failure_persistence: None,
        cases: 500,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    };
    Property::new().config(config)
}

/// Accounts that are paid into by several tasks, each of which reads, waits a turn and writes.
async fn deposits(amounts: Vec<u32>) {
    let balance = Rc::new(Cell::new(0));
    let pay = |(number, amount): (usize, &u32)| {
        let (balance, amount) = (Rc::clone(&balance), *amount);
        spawn_named(&format!("clerk{number}"), async move {
            // Clerks come one after the other, unless the schedule holds one up.
            for _ in 0..4 * number {
                yield_now().await;
            }
            let read = balance.get();
            yield_now().await;
            balance.set(read + amount);
        })
    };
    let clerks: Vec<_> = amounts.iter().enumerate().map(pay).collect();
    for clerk in clerks {
        clerk.await.unwrap();
    }
    assert_eq!(balance.get(), amounts.iter().sum::<u32>(), "the balance is wrong");
}

#[test]
fn inputs_and_schedule_shrink_together_and_the_report_ends_in_both() {
    let amounts = prop::collection::vec(0_u32..1_000, 0..5);
    let found = property().run(amounts, deposits).unwrap_err();
    assert_shown("testing", "property", &found);
    // Two tasks are needed, the first of which pays anything, and first-in first-out does not show it.
    let amounts: Vec<u32> = found
        .input
        .trim_matches(['[', ']'])
        .split(", ")
        .map(|shown| shown.parse().unwrap())
        .collect();
    assert_eq!(amounts, [1, 0]);
    let replay = |schedule: &str| Builder::new().replay(schedule).run(deposits(amounts.clone()));
    let again = replay(&found.schedule.to_string()).unwrap_failure();
    assert_eq!(again.to_string(), found.failure.to_string());
    assert!(replay("v1:").failure().is_none(), "it takes a deviation");
}

#[test]
fn a_failure_of_any_kind_is_found() {
    let stuck = property().run(0..10_u32, |number| async move {
        if number > 3 {
            std::future::pending::<()>().await;
        }
    });
    let stuck = stuck.unwrap_err();
    assert_eq!(stuck.input, "4");
    assert!(matches!(stuck.failure.kind(), FailureKind::Deadlock(_)));
    let refused = property().run(0..10_u32, |number| async move {
        if number > 3 { Err("too many") } else { Ok(number) }
    });
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("the program returned Err(\"too many\")\n  input: 4\n"), "{refused}");
    let left = property().builder(|| Builder::new().deny_leftovers(true));
    let left = left.run(Just(()), |()| async { drop(spawn(sleep(secs(1)))) }).unwrap_err();
    assert!(left.to_string().ends_with("replay: Builder::new().deny_leftovers(true)"), "{left}");
}

#[test]
fn without_choices_that_are_drawn_every_run_is_first_in_first_out() {
    property().choices(0).check(prop::collection::vec(0_u32..1_000, 0..5), deposits);
}

#[test]
fn what_proptest_asserts_and_assumes_counts_in_its_own_way() {
    let kept = RefCell::new(0);
    let result = property().run(0..100_u32, |number| {
        *kept.borrow_mut() += u32::from(number % 2 == 0);
        async move {
            prop_assume!(number % 2 == 0);
            prop_assert!(number < 50, "{number} is too large");
            Ok(())
        }
    });
    let found = result.unwrap_err();
    let input: u32 = found.input.parse().unwrap();
    assert!(input >= 50 && input % 2 == 0, "{found}");
    assert!(found.to_string().contains(&format!("{input} is too large")), "{found}");
}

#[test]
#[should_panic(expected = "no answer from proptest: Too many global rejects")]
fn a_property_that_assumes_what_never_holds_is_no_property() {
    let _ = property().run(0..100_u32, |number| async move {
        prop_assume!(number > 100);
        Ok(())
    });
}

/// The file's lines that hold a case, without the comments.
fn cases(file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().filter(|line| line.starts_with("cc ")).map(str::to_owned).collect()
}

#[test]
fn a_failing_case_persists_and_is_the_first_of_the_next_check() {
    let directory = std::env::temp_dir().join(format!("simloop-{}", std::process::id()));
    let file = directory.join("regressions.txt").to_str().unwrap().to_owned();
    // The configuration wants a name that lives for ever.
    let name: &'static str = file.clone().leak();
    let checked = |cases| {
        let failure_persistence = Some(Box::new(FileFailurePersistence::Direct(name)) as Box<_>);
        Property::new().config(ProptestConfig {
            failure_persistence,
            cases,
            max_shrink_iters: 1_000,
            ..ProptestConfig::default()
        })
    };
    let run = |property: Property, limit: u32| {
        let first = Cell::new(None);
        let result = property.run(0..10_000_u32, |number| {
            first.set(first.get().or(Some(number)));
            async move {
                let taken = simloop::choose(4) as u32;
                assert!(number < limit || taken == 0, "planted");
            }
        });
        (first.get().unwrap(), result)
    };
    let (_, found) = run(checked(1_000), 5_000);
    assert_eq!(found.unwrap_err().input, "5000");
    let saved = cases(&file);
    assert_eq!(saved.len(), 1, "{saved:?}");
    assert!(saved[0].ends_with("# shrinks to 5000"), "{saved:?}");

    // The next check needs no luck: its first case is the one that failed, and it shrinks to the same.
    let (first, again) = run(checked(1), 5_000);
    assert!(first >= 5_000);
    let again = again.unwrap_err();
    assert_eq!((&*again.input, &*again.schedule.to_string()), ("5000", "v1:1.1=1/4"));
    assert_eq!(cases(&file), saved, "a case is saved once");
    std::fs::remove_dir_all(directory).unwrap();
}

simloop::property! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Documentation and attributes stay.
    #[test]
    async fn a_lock_keeps_the_balance_right(
        amounts in prop::collection::vec(0_u32..1_000, 0..5),
        pauses in prop::collection::vec(latencies(), 5),
    ) {
        let balance = Arc::new(Mutex::new(0));
        let pay = |(&amount, pause)| {
            let balance = Arc::clone(&balance);
            spawn(async move {
                let mut balance = balance.lock().await;
                let read = *balance;
                sleep(pause).await;
                *balance = read + amount;
            })
        };
        let clerks: Vec<_> = amounts.iter().zip(pauses).map(pay).collect();
        for clerk in clerks {
            clerk.await.unwrap();
        }
        assert_eq!(*balance.lock().await, amounts.iter().sum::<u32>());
    }

    #[test]
    async fn a_property_may_return_a_result(length in durations(secs(60))) -> Result<(), TestCaseError> {
        prop_assume!(length > millis(1));
        let started = now();
        sleep(length).await;
        prop_assert_eq!(started.elapsed(), length);
        Ok(())
    }

    #[test]
    async fn what_a_property_returns_is_what_it_says(number in 0..10_u32) -> Result<(), Box<dyn std::error::Error>> {
        let read: u32 = number.to_string().parse()?;
        assert_eq!(read, number);
        Ok(())
    }

    #[test]
    #[should_panic(expected = "input: 0\n  replay: Builder::new()")]
    async fn a_property_may_have_no_end(number in 0..10_u32) {
        panic!("{number}")
    }

    #[test]
    #[should_panic(expected = "input: 3\n  replay: Builder::new()")]
    async fn a_property_that_fails_panics_with_the_counterexample(mut number in 0..10_u32) {
        number += 1;
        assert!(number < 4);
    }
}
