//! Searches whose runs are shared out over several seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use simloop::explore::{Exploration, Explorer, Extent, Shared};
use simloop::report::FailureKind;
use simloop::{Builder, choose, rng, sleep, spawn_named, yield_now};

use super::{explorer, letters, outcomes};
use crate::secs;

async fn drawn() -> u64 {
    rng().next_u64() % 1_000
}

/// What the program draws with each of so many seeds from one on.
fn expected(first: u64, seeds: u64) -> Vec<u64> {
    (first..first + seeds).map(|seed| Builder::new().seed(seed).run(drawn()).unwrap()).collect()
}

/// Fails with one seed of ten, in one order of several.
async fn by_chance_and_order() {
    let order = Shared::new(String::new());
    let tasks = ["a", "b"].map(|name| {
        let order = order.clone();
        spawn_named(name, async move {
            order.update(|order| order.push_str(name));
            yield_now().await;
            order.update(|order| order.push_str(name));
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
    assert!(!(rng().next_u64() % 10 == 7 && order.get().starts_with("ba")), "planted");
}

/// Every strategy that there is, of some hundred runs at most.
fn strategies() -> [Explorer; 6] {
    let explorer = explorer();
    [
        explorer.clone().portfolio(300),
        explorer.clone().random(300).require(|_| Ok(())),
        explorer.clone().walk(300).late_timers(crate::secs(1)),
        explorer.clone().exhaustive(),
        explorer.clone().exhaustive().time_limit(crate::secs(1)),
        explorer.reduced(),
    ]
}

#[test]
fn runs_with_one_seed_draw_the_same_and_with_several_as_many_for_each() {
    let search = explorer().random(100).seed(5);
    assert_eq!(search.run(drawn).outcomes.len(), 1);
    let exploration = search.seeds(20).run(drawn);
    let shown: Vec<u64> =
        exploration.outcomes.iter().map(|outcome| outcome.shown.parse().unwrap()).collect();
    assert_eq!(shown, expected(5, 20));
    assert!(exploration.outcomes.iter().all(|outcome| outcome.runs == 5));
    assert_eq!((exploration.seed, exploration.seeds, exploration.runs), (5, 20, 100));
    let text = exploration.to_string();
    assert_eq!(text.lines().next(), Some("100 runs pass (random, seeds 5 to 24), 1 interleaving"));
}

#[test]
fn of_more_seeds_than_runs_the_first_are_tried_and_told() {
    let exploration = explorer().random(3).seeds(1_000).run(drawn);
    assert_eq!((exploration.runs, exploration.seeds, exploration.outcomes.len()), (3, 3, 3));
    assert!(exploration.to_string().starts_with("3 runs pass (random, seeds 0 to 2), 1 interlea"));
}

#[test]
fn one_seed_is_what_there_is_without() {
    for search in strategies() {
        let shown = |search: Explorer| format!("{:?}", search.run(by_chance_and_order));
        assert_eq!(shown(search.clone().seeds(1)), shown(search));
    }
}

#[test]
fn every_tree_is_walked_with_each_seed_in_turn() {
    let program = || async { (letters([2, 1]).await, drawn().await) };
    for search in [explorer().exhaustive(), explorer().reduced()] {
        let (mut runs, mut counts) = (0, BTreeMap::new());
        for seed in 3..8 {
            let own = search.clone().seed(seed).run(program);
            runs += own.runs;
            counts.extend(own.outcomes.into_iter().map(|outcome| (outcome.shown, outcome.runs)));
        }
        let whole = search.seed(3).seeds(5).run(program);
        assert_eq!((whole.runs, whole.extent, whole.seeds), (runs, Extent::Complete, 5));
        let shown: BTreeMap<_, _> =
            whole.outcomes.iter().map(|outcome| (outcome.shown.clone(), outcome.runs)).collect();
        assert_eq!(shown, counts);
        let text = whole.to_string();
        assert!(text.lines().next().unwrap().ends_with(", seeds 3 to 7"), "{text}");
    }
}

#[test]
fn the_first_in_first_out_run_is_made_with_each_seed() {
    let fifo = explorer().exhaustive().max_deviations(0).seeds(50);
    let exploration = fifo.run(|| async { (letters([1, 1]).await, drawn().await) });
    assert_eq!((exploration.runs, exploration.extent), (50, Extent::WithinDeviations(0)));
    assert!(exploration.outcomes.iter().all(|outcome| outcome.shown.starts_with("(\"ab\"")));
    let text = exploration.to_string();
    let first =
        "all 50 schedules without deviations pass; there are more, 1 interleaving, seeds 0 to 49";
    assert_eq!(text.lines().next(), Some(first));
}

#[test]
fn the_limit_on_runs_is_for_all_seeds_and_what_one_leaves_is_for_those_after_it() {
    // With an odd seed there is one schedule, with an even one there are 64.
    let program = || async {
        let count = if drawn().await % 2 == 0 { 64 } else { 1 };
        choose(count)
    };
    let sizes: Vec<u64> =
        expected(0, 6).iter().map(|drawn| if drawn % 2 == 0 { 64 } else { 1 }).collect();
    for search in [explorer().exhaustive(), explorer().reduced()] {
        let (mut left, mut runs) = (100, 0);
        for (place, size) in sizes.iter().enumerate() {
            let made = (left / (6 - place as u64)).min(*size);
            (left, runs) = (left - made, runs + made);
        }
        let exploration = search.clone().seeds(6).max_runs(100).run(program);
        assert_eq!(exploration.runs, runs, "{sizes:?}");
        assert!(matches!(exploration.extent, Extent::CutOff(_)));
        let exploration = search.seeds(6).max_runs(6 * 64).run(program);
        let all: u64 = sizes.iter().sum();
        assert_eq!((exploration.runs, exploration.extent), (all, Extent::Complete));
    }
}

#[test]
fn a_failure_is_shrunk_and_explained_and_its_line_is_of_its_own_seed() {
    for search in strategies() {
        let finding = search.seed(2).seeds(60).run(by_chance_and_order).unwrap_finding();
        let (seed, schedule) = (finding.seed, finding.schedule.to_string());
        assert_eq!(Builder::new().seed(seed).run(async { rng().next_u64() % 10 }).unwrap(), 7);
        assert!(seed > 2 && finding.sentence.contains("`main/b` runs before"), "{finding:?}");
        assert_eq!(finding.schedule.deviations().count(), 1);
        assert!(!finding.trace().is_empty());
        let line = format!("replay: Builder::new().seed({seed}).replay(\"{schedule}\")");
        assert!(finding.failure.to_string().ends_with(&line), "{}", finding.failure);
        let report = Builder::new().seed(seed).replay(&schedule).run(by_chance_and_order());
        assert!(report.failure().unwrap().to_string().contains("planted"));
    }
}

#[test]
fn the_report_tells_the_seed_of_each_failure() {
    let program = || async {
        let drawn = drawn().await;
        assert!(drawn % 3 != 0, "three");
        assert!(drawn % 5 != 0, "five");
    };
    let (mut three, mut five) = (None, None);
    for (seed, drawn) in (0..).zip(expected(0, 40)) {
        if drawn % 3 == 0 {
            three = three.or(Some(seed));
        } else if drawn % 5 == 0 {
            five = five.or(Some(seed));
        }
    }
    for search in [explorer().random(40), explorer().exhaustive(), explorer().reduced()] {
        let strategy = search.run(|| async {}).strategy;
        let alone = search.clone().seeds(40).run(program);
        let first = three.min(five).unwrap();
        assert_eq!((alone.extent, alone.findings[0].seed), (Extent::Failed, first));
        let found =
            format!("  found in run {} ({strategy}, seed {first}): no deviation", first + 1);
        assert!(alone.to_string().contains(&found), "{alone}");
        let both = search.clone().seeds(40).max_failures(3).run(program);
        let seeds: BTreeSet<_> = both.findings.iter().map(|finding| finding.seed).collect();
        assert_eq!(seeds, [three.unwrap(), five.unwrap()].into());
        let (passed, failed) = (
            both.outcomes.iter().map(|outcome| outcome.runs).sum::<u64>(),
            both.findings.iter().map(|finding| finding.runs).sum::<u64>(),
        );
        assert_eq!(passed + failed, 40);
        let told = format!(
            "runs ({strategy}, seeds 0 to 39), first in run {} with seed {first}",
            first + 1
        );
        assert!(both.to_string().contains(&told), "{both}");
        assert_eq!(search.seeds(40).max_failures(2).run(program).findings.len(), 2);
    }
}

fn shown(exploration: &Exploration) -> String {
    format!("{exploration:?}")
}

#[test]
fn any_number_of_threads_gives_the_same_exploration_with_several_seeds() {
    for search in strategies() {
        let search = search.seeds(17).max_failures(3);
        let one = shown(&search.run(by_chance_and_order));
        for threads in [2, 3] {
            assert_eq!(shown(&search.clone().threads(threads).run(by_chance_and_order)), one);
        }
    }
}

#[test]
fn shards_share_out_the_runs_of_all_seeds() {
    let program = || async {
        let (order, drawn) = (letters([2, 2]).await, drawn().await);
        assert!(drawn % 10 != 3 || order != "bbaa", "planted");
        (order, drawn)
    };
    for search in strategies() {
        let search = search.seeds(13).max_failures(usize::MAX);
        let whole = search.run(program);
        let (mut runs, mut failed, mut counts) = (0, 0, BTreeMap::new());
        for index in 1..=4 {
            let part = search.clone().shard(index, 4).run(program);
            runs += part.runs;
            for (shown, runs) in outcomes(&part) {
                *counts.entry(shown.to_owned()).or_default() += runs;
            }
            failed += part.findings.iter().map(|finding| finding.runs).sum::<u64>();
        }
        let whole_counts =
            outcomes(&whole).into_iter().map(|(shown, runs)| (shown.to_owned(), runs));
        assert_eq!((runs, counts), (whole.runs, whole_counts.collect::<BTreeMap<String, u64>>()));
        assert_eq!(failed, whole.findings.iter().map(|finding| finding.runs).sum::<u64>());
    }
}

#[test]
fn a_seed_in_which_something_was_found_is_audited_before_that_is_told() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let guilty = (1..).find(|&seed| expected(seed, 1)[0] % 5 == 0).unwrap();
    let program = || async {
        if drawn().await % 5 == 0 {
            // Another instant each time.
            let times = RUNS.fetch_add(1, Ordering::Relaxed);
            simloop::sleep(crate::millis(times)).await;
            panic!("planted");
        }
    };
    assert!(expected(0, 1)[0] % 5 != 0);
    for search in [explorer().random(100), explorer().exhaustive(), explorer().reduced()] {
        let finding = search.seeds(guilty + 1).run(program).unwrap_finding();
        let is_refused = matches!(finding.failure.kind(), FailureKind::NotDeterministic { .. });
        assert!(is_refused, "{}", finding.failure);
        assert!(finding.failure.to_string().contains(&format!("seed({guilty})")));
        assert_eq!(finding.seed, guilty);
    }
}

/// The first seeds with which a program is short, and long.
fn first_short_and_long() -> [u64; 2] {
    let is_long = |seed| Builder::new().seed(seed).run(is_long()).unwrap();
    [false, true].map(|wanted| (0..).find(|&seed| is_long(seed) == wanted).unwrap())
}

async fn is_long() -> bool {
    rng().next_u64() % 2 == 1
}

/// Only where it is long there is somebody to cancel.
async fn cancelled_late() {
    if is_long().await {
        let at = Shared::new(0);
        let seen = at.clone();
        let task = spawn_named("steps", async move {
            for place in 1..=3 {
                seen.set(place);
                sleep(secs(1)).await;
            }
        });
        assert!(task.await.is_ok() || at.get() != 3, "cancelled at its third step");
    }
}

/// Only where it is long can one stand still in the middle of its way for as long as another takes for all of it.
async fn stands_still() {
    if is_long().await {
        let at = Shared::new(0);
        let (walks, looks) = (at.clone(), at);
        let walker = spawn_named("walker", async move {
            for place in 1..=40 {
                walks.set(place);
                yield_now().await;
            }
        });
        let other = spawn_named("other", async move {
            let before = looks.get();
            for _ in 0..40 {
                yield_now().await;
            }
            looks.get() == before && (20..30).contains(&before)
        });
        assert!(!other.await.unwrap(), "it stood still");
        walker.await.unwrap();
    }
}

#[test]
fn each_seed_is_searched_as_long_as_it_is_whatever_the_first_is_like() {
    for first in first_short_and_long() {
        let search = explorer().seed(first).seeds(50);
        for search in [search.clone().random(1_000), search.clone().portfolio(1_000)] {
            let finding = search.cancellations(true).run(cancelled_late).unwrap_finding();
            assert!(finding.failure.to_string().contains("cancelled at its third step"));
        }
        for threads in [1, 2] {
            let finding = search.clone().pct(2, 1_000).threads(threads).run(stands_still);
            let finding = finding.unwrap_finding();
            assert!(finding.failure.to_string().contains("it stood still"), "{finding}");
        }
    }
}
