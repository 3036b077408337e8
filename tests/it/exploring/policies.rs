//! The policies that searches draw from.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use simloop::explore::Explorer;
use simloop::policy::{Pct, Policy, Pos, Random, Walk};
use simloop::trace::Level;
use simloop::{Builder, Limits, choose, sleep, spawn, yield_now};

use super::{explorer, letters};

fn policies(seed: u64) -> [Box<dyn FnOnce(Builder) -> Builder>; 4] {
    fn with(policy: impl Policy) -> Box<dyn FnOnce(Builder) -> Builder> {
        Box::new(|builder| builder.policy(policy))
    }
    [
        with(Random::new(seed)),
        with(Pct::new(seed, 3, 20)),
        with(Walk::new(seed, [4, 3, 3, 2])),
        with(Pos::new(seed)),
    ]
}

#[test]
fn s34_every_policy_is_deterministic_and_its_runs_replay() {
    let program = || async { (letters([3, 3, 2]).await, choose(5)) };
    for seed in 0..50 {
        for (first, again) in policies(seed).into_iter().zip(policies(seed)) {
            let builder = || Builder::new().trace(Level::Full);
            let found = first(builder()).run(program());
            assert_eq!(again(builder()).run(program()).trace, found.trace);
            let replayed = builder().replay(&found.schedule.to_string()).run(program());
            assert_eq!(replayed.trace, found.trace);
        }
    }
}

#[test]
fn different_seeds_give_different_runs_and_values_are_drawn_too() {
    let program = || async { (letters([3, 3, 2]).await, choose(5)) };
    for place in 0..4 {
        let run = |seed| {
            let policy = policies(seed).into_iter().nth(place).unwrap();
            policy(Builder::new()).run(program()).unwrap()
        };
        let outcomes: BTreeSet<_> = (0..200).map(run).collect();
        assert!(outcomes.len() > 20, "{}", outcomes.len());
        assert_eq!(outcomes.iter().map(|(_, chosen)| chosen).collect::<BTreeSet<_>>().len(), 5);
    }
}

#[test]
fn a_depth_that_no_bug_has_costs_no_more_than_a_great_one() {
    assert_eq!(Pct::new(7, 0, 20).source().as_deref(), Some("Pct::new(7, 1, 20)"));
    assert_eq!(Pct::new(7, u32::MAX, 20).source().as_deref(), Some("Pct::new(7, 1000, 20)"));
    Explorer::new().pct(u32::MAX, 3).check(|| letters([3, 3, 2]));
}

/// With a bound on time the search asks its policies at each choice anew; without one the loop knows them, and what
/// was ready at a choice is kept to the next.
#[test]
fn a_policy_that_the_loop_knows_chooses_as_one_that_is_asked() {
    let program = || async {
        let tasks = [5_u64, 1, 3, 2].map(|turns| {
            spawn(async move {
                for turn in 0..turns {
                    yield_now().await;
                    // Alone for a while, so that there are turns without a choice, and others at the same instant.
                    sleep(Duration::from_secs((turn + turns) % 3)).await;
                    spawn(yield_now());
                }
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
        choose(3)
    };
    type Strategy = fn(Explorer) -> Explorer;
    let strategies: [Strategy; 6] = [
        |it| it.walk(200),
        |it| it.chase(200),
        |it| it.dash(200),
        |it| it.relay(200),
        |it| it.pos(200),
        |it| it.pct(3, 200),
    ];
    for strategy in strategies {
        let known = strategy(explorer()).run(program);
        let asked = strategy(explorer()).time_limit(Duration::from_secs(1_000)).run(program);
        assert!(known.interleavings > 50, "{}", known.interleavings);
        assert_eq!(known.interleavings, asked.interleavings);
        assert_eq!(known.to_string(), asked.to_string());
        // Digests are not shown; the failure that is drawn last is.
        let late = || {
            let run = program();
            async move { assert!(run.await != 2) }
        };
        let schedule = |explorer: Explorer| explorer.run(late).unwrap_finding().first_schedule;
        assert_eq!(
            schedule(strategy(explorer())),
            schedule(strategy(explorer()).time_limit(Duration::from_secs(1_000)))
        );
    }
}

/// Where both have begun alike, each task has as many turns left as the other, and one draw decides. The first run
/// begins with the other task.
#[test]
fn the_run_after_a_relay_draws_from_the_other_end() {
    type Strategy = fn(Explorer) -> Explorer;
    let strategies: [Strategy; 2] = [|it| it.portfolio(3), |it| it.relay(3)];
    for strategy in strategies {
        let (mut comparable, mut alike) = (0, 0);
        for seed in 0..500 {
            let exploration = strategy(explorer()).seed(seed).run(|| letters([8, 8]));
            let runs = |begun: &str| {
                let outcomes = exploration.outcomes.iter();
                let begun = outcomes.filter(|outcome| outcome.shown[1..].starts_with(begun));
                begun.map(|outcome| outcome.runs).sum::<u64>()
            };
            comparable += u32::from(runs("ba") == 2);
            alike += u32::from(runs("baa") == 2 || runs("bab") == 2);
        }
        assert!(comparable > 20, "{comparable}");
        assert_eq!(alike, 0);
    }
}

/// Of ten tasks one of two turns ends last, though the others have four each.
#[test]
fn the_portfolio_lets_a_task_stand_still_for_long_among_its_first_runs() {
    let program = || async {
        let order = letters([2, 4, 4, 4, 4, 4, 4, 4, 4, 4]).await;
        assert!(!order.ends_with('a'));
    };
    let found = |seed| {
        let exploration =
            explorer().portfolio(5).seed(seed).audit(0).max_shrink_runs(0).run(program);
        !exploration.findings.is_empty()
    };
    let seeds = (0..100).filter(|&seed| found(seed)).count();
    assert!(seeds >= 50, "{seeds} of 100");
}

#[test]
fn priorities_do_not_starve_a_program_that_yields_until_another_task_has_acted() {
    for seed in 0..50 {
        let limits = Limits::new().turns_per_instant(1_000);
        let report = Builder::new().limits(limits).policy(Pct::new(seed, 1, 10)).run(async {
            let is_done = Rc::new(Cell::new(false));
            let flag = Rc::clone(&is_done);
            spawn(async move { flag.set(true) });
            while !is_done.get() {
                yield_now().await;
            }
        });
        report.unwrap();
    }
}

#[test]
fn a_walk_takes_all_interleavings_about_equally_often() {
    // Twelve turns of one task beside a single one of another: thirteen places for it.
    let exploration = explorer().walk(13_000).run(|| letters([12, 1]));
    assert_eq!(exploration.outcomes.len(), 13);
    let runs: Vec<u64> = exploration.outcomes.iter().map(|outcome| outcome.runs).collect();
    assert!(runs.iter().all(|runs| (700..1_400).contains(runs)), "{runs:?}");
    // Random choices take the late places hardly ever.
    let random = explorer().random(13_000).run(|| letters([12, 1]));
    assert!(random.outcomes[0].runs > 5_000);
}

#[test]
fn without_deviations_left_a_priority_decides_for_whole_tasks() {
    let exploration = explorer().pct(1, 2_000).run(|| letters([4, 4]));
    let shown: BTreeSet<_> = exploration.outcomes.iter().map(|it| it.shown.as_str()).collect();
    // The first run is first-in first-out.
    assert_eq!(shown, BTreeSet::from(["\"aaaabbbb\"", "\"abababab\"", "\"bbbbaaaa\""]));
}
