//! Every schedule exactly once: counted, and compared with an enumeration by hand.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use proptest::prelude::*;
use simloop::explore::{Exploration, Extent};
use simloop::policy::{Choice, Policy};
use simloop::{Builder, Report, choose, note, sleep, spawn, spawn_named, time, timeout, yield_now};

use super::{all, explorer, letters, outcomes};
use crate::{millis, secs};

#[test]
fn n_tasks_of_one_append_each_give_n_factorial_outcomes() {
    let counts = [
        all(|| letters([1])).outcomes.len(),
        all(|| letters([1; 2])).outcomes.len(),
        all(|| letters([1; 3])).outcomes.len(),
        all(|| letters([1; 4])).outcomes.len(),
        all(|| letters([1; 5])).outcomes.len(),
    ];
    assert_eq!(counts, [1, 2, 6, 24, 120]);
}

#[test]
fn two_tasks_of_three_steps_give_all_twenty_orders() {
    let exploration = all(|| letters([3, 3]));
    assert_eq!(exploration.extent, Extent::Complete);
    let orders: BTreeSet<_> = exploration.outcomes.iter().map(|it| it.shown.clone()).collect();
    assert_eq!(orders.len(), 20);
    assert!(orders.contains("\"aaabbb\"") && orders.contains("\"bbbaaa\""));
}

#[test]
fn what_happens_at_different_instants_has_exactly_one_schedule() {
    let alone = all(|| async {
        for seconds in [3, 1, 2] {
            spawn(sleep(secs(seconds))).await.unwrap();
        }
    });
    assert_eq!((alone.runs, alone.extent), (1, Extent::Complete));
    assert_eq!(alone.to_string(), "the only schedule passes, 1 interleaving");
}

#[test]
fn a_timeout_that_ties_with_its_result_gives_both_outcomes() {
    let exploration = all(|| async {
        let (sender, receiver) = futures_channel::oneshot::channel();
        spawn(async move {
            sleep(secs(1)).await;
            let _ = sender.send(7);
        });
        timeout(secs(1), receiver).await.map(Result::unwrap).is_ok()
    });
    let outcomes: BTreeSet<_> = exploration.outcomes.iter().map(|it| it.shown.as_str()).collect();
    assert_eq!(outcomes, BTreeSet::from(["false", "true"]));
}

#[test]
fn values_and_the_order_of_a_race_are_tried_too() {
    let exploration = all(|| async { (choose(3), choose(1), choose(2)) });
    assert_eq!((exploration.runs, exploration.outcomes.len()), (6, 6));
    let exploration =
        all(|| async { simloop::race!(async { 'a' }, async { 'b' }, async { 'c' }).await });
    assert_eq!(outcomes(&exploration), [("'a'", 1), ("'b'", 1), ("'c'", 1)]);
}

#[test]
fn the_fewest_deviations_come_first_and_a_bound_on_them_holds() {
    let program = || letters([3, 3, 2]);
    let whole = all(program);
    let mut runs = Vec::new();
    for deviations in 0..4 {
        let bounded = explorer().exhaustive().max_deviations(deviations).run(program);
        assert_eq!(bounded.extent, Extent::WithinDeviations(deviations));
        runs.push(bounded.runs);
    }
    assert_eq!(runs[0], 1);
    assert!(runs.is_sorted() && runs[3] < whole.runs);
    let bounded = explorer().exhaustive().max_deviations(100).run(program);
    assert_eq!((bounded.runs, bounded.extent), (whole.runs, Extent::Complete));
    let cut = explorer().exhaustive().max_runs(runs[1] + 1).run(program);
    assert_eq!((cut.runs, cut.extent), (runs[1] + 1, Extent::CutOff(Some(1))));
    let exact = explorer().exhaustive().max_runs(whole.runs).run(program);
    assert_eq!((exact.runs, exact.extent), (whole.runs, Extent::Complete));
}

#[test]
fn choices_after_the_limit_on_time_are_left_alone() {
    let program = || async {
        let early = letters([1, 1]).await;
        sleep(secs(1)).await;
        early + &letters([1, 1]).await
    };
    let limited = explorer().exhaustive().time_limit(millis(999)).run(program);
    assert_eq!(limited.extent, Extent::WithinTime);
    let shown: BTreeSet<_> = limited.outcomes.iter().map(|it| it.shown.as_str()).collect();
    assert_eq!(shown, BTreeSet::from(["\"abab\"", "\"baab\""]));
    assert_eq!(all(program).outcomes.len(), 4);
    // What deviates later might fail more simply, so nothing is claimed of what is found.
    let failing = || async move { assert_ne!(program().await, "baab", "planted") };
    let limited = explorer().exhaustive().time_limit(millis(999));
    assert!(!limited.run(failing).unwrap_finding().is_simplest);
    assert!(explorer().exhaustive().run(failing).unwrap_finding().is_simplest);
}

#[test]
fn any_number_of_threads_gives_the_same_exploration() {
    let program = || async {
        let order = letters([2, 2, 2]).await;
        assert_ne!(order, "ccbaab", "planted");
        order
    };
    let strategies = [
        explorer().exhaustive(),
        explorer().exhaustive().max_failures(usize::MAX),
        explorer().exhaustive().max_runs(700),
        explorer().random(3_000),
        explorer().portfolio(500).max_failures(usize::MAX),
    ];
    for strategy in strategies {
        let shown = |exploration: Exploration| {
            format!("{exploration:?}").replace(&exploration.strategy, "")
        };
        let one = shown(strategy.clone().threads(1).run(program));
        for threads in [2, 3] {
            assert_eq!(shown(strategy.clone().threads(threads).run(program)), one);
        }
    }
}

#[test]
fn shards_share_the_runs_out_exactly() {
    let program = || letters([2, 2, 2]);
    for strategy in [explorer().exhaustive(), explorer().random(1_000), explorer().walk(999)] {
        let whole = strategy.run(program);
        for count in [1, 2, 3, 7] {
            let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
            let mut runs = 0;
            for index in 1..=count {
                let part = strategy.clone().shard(index, count).run(program);
                assert_eq!((part.shard, part.extent), ((index, count), whole.extent));
                runs += part.runs;
                for outcome in part.outcomes {
                    *outcomes.entry(outcome.shown).or_default() += outcome.runs;
                }
            }
            assert_eq!(runs, whole.runs);
            let whole = whole.outcomes.iter().map(|it| (it.shown.clone(), it.runs)).collect();
            assert_eq!(outcomes, whole);
        }
    }
}

#[test]
fn shards_tell_a_failure_as_the_whole_search_does() {
    let program = || async {
        let order = letters([2, 2, 2]).await;
        assert!(!order.ends_with("ab"), "planted");
    };
    for strategy in [explorer().exhaustive(), explorer().random(1_000)] {
        let whole = strategy.run(program).unwrap_finding();
        for count in [2, 3, 7] {
            let part = |index| strategy.clone().shard(index, count).run(program);
            let found: Vec<_> = (1..=count).flat_map(|index| part(index).findings).collect();
            assert!(found.iter().all(|it| it.is_simplest && it.schedule == whole.schedule));
            if strategy.run(program).strategy == "random" {
                let first = found.iter().map(|it| it.first_run).min();
                assert_eq!(first, Some(whole.first_run), "runs are numbered through all shards");
            }
        }
    }
}

// A random program's schedules, enumerated by hand with nothing but the trait `Policy`.

/// One step of a task.
#[derive(Clone, Debug)]
enum Step {
    Yield,
    Sleep(u64),
    Write,
    Choose(usize),
    Spawn(Vec<Step>),
    Timeout(u64, u64),
}

fn steps(depth: u32) -> BoxedStrategy<Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Yield),
        2 => Just(Step::Write),
        1 => (0_u64..3).prop_map(Step::Sleep),
        1 => (1_usize..4).prop_map(Step::Choose),
        1 => ((0_u64..3), (0_u64..3)).prop_map(|(limit, length)| Step::Timeout(limit, length)),
    ];
    let step = match depth {
        0 => step.boxed(),
        _ => prop_oneof![4 => step, 2 => steps(depth - 1).prop_map(Step::Spawn)].boxed(),
    };
    prop::collection::vec(step, 0..4).boxed()
}

async fn perform(name: u32, steps: Vec<Step>, written: Rc<RefCell<Vec<u32>>>) {
    for (number, step) in (0..).zip(steps) {
        let name = name * 10 + number;
        match step {
            Step::Yield => yield_now().await,
            Step::Sleep(millis) => sleep(std::time::Duration::from_millis(millis)).await,
            Step::Write => written.borrow_mut().push(name),
            Step::Choose(alternatives) => {
                let chosen = choose(alternatives) as u32;
                written.borrow_mut().push(chosen);
            }
            Step::Spawn(steps) => {
                let child = Box::pin(perform(name + 1, steps, Rc::clone(&written)));
                spawn_named("child", child);
            }
            Step::Timeout(limit, length) => {
                let result = timeout(millis(limit), sleep(millis(length))).await;
                written.borrow_mut().push(u32::from(result.is_ok()));
            }
        }
    }
}

async fn program(steps: Vec<Step>) -> Vec<u32> {
    let written = Rc::new(RefCell::new(Vec::new()));
    perform(1, steps, Rc::clone(&written)).await;
    time::sleep_then_settle(millis(10)).await;
    note!("done");
    written.take()
}

/// Takes the choices of a list, then the first alternatives, and keeps the list of what there was.
#[derive(Debug)]
struct Digits(Rc<RefCell<Made>>);

/// For each choice what was taken, and of how many; and how many were made in this run.
type Made = (Vec<(usize, usize)>, usize);

impl Policy for Digits {
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        let (digits, made) = &mut *self.0.borrow_mut();
        if *made == digits.len() {
            digits.push((0, choice.len()));
        }
        let (taken, alternatives) = digits[*made];
        assert_eq!(alternatives, choice.len());
        *made += 1;
        taken
    }
}

/// All runs of a program, as an odometer counts, or `None` if there are too many.
fn enumerated(steps: &[Step], most: usize) -> Option<Vec<Report<Vec<u32>>>> {
    let digits = Rc::new(RefCell::new((Vec::new(), 0)));
    let mut reports = Vec::new();
    loop {
        digits.borrow_mut().1 = 0;
        let policy = Digits(Rc::clone(&digits));
        reports.push(Builder::new().policy(policy).run(program(steps.to_vec())));
        if reports.len() > most {
            return None;
        }
        let (digits, _) = &mut *digits.borrow_mut();
        while digits.last().is_some_and(|(taken, alternatives)| taken + 1 == *alternatives) {
            digits.pop();
        }
        match digits.last_mut() {
            Some((taken, _)) => *taken += 1,
            None => return Some(reports),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn an_exhaustive_search_is_the_enumeration_by_hand(steps in steps(2)) {
        let Some(reports) = enumerated(&steps, 3_000) else { return Ok(()) };
        let exploration = all(|| program(steps.clone()));
        prop_assert_eq!(exploration.extent, Extent::Complete);
        prop_assert_eq!(exploration.runs, reports.len() as u64);
        let digests: BTreeSet<_> = reports.iter().map(|report| report.digest).collect();
        prop_assert_eq!(exploration.interleavings, digests.len() as u64);
        let mut expected = BTreeMap::new();
        let mut deviations = BTreeMap::new();
        for report in reports {
            *deviations.entry(report.schedule.deviations().count()).or_insert(0) += 1;
            *expected.entry(format!("{:?}", report.unwrap())).or_insert(0) += 1;
        }
        let found = exploration.outcomes.iter().map(|it| (it.shown.clone(), it.runs)).collect();
        prop_assert_eq!(&expected, &found);
        // One more deviation allowed, so many schedules more.
        let mut total = 0;
        for (most, count) in deviations {
            total += count;
            let search = explorer().exhaustive().max_deviations(most as u32);
            prop_assert_eq!(search.run(|| program(steps.clone())).runs, total);
        }
    }
}
