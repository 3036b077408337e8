//! What a search says in a line: how far it went, and what else failed.

use simloop::explore::{Exploration, Explorer};
use simloop::{choose, sleep};

use super::{all, explorer, letters};
use crate::{millis, secs};

#[track_caller]
fn assert_starts(exploration: &Exploration, expected: &str) {
    let shown = exploration.to_string();
    assert_eq!(shown.lines().next(), Some(expected));
}

#[test]
fn where_a_search_ended_is_told_by_number() {
    let orders = || letters([1; 3]);
    let first = |explorer: Explorer, expected| assert_starts(&explorer.run(orders), expected);
    let exhaustive = || explorer().exhaustive();
    first(exhaustive(), "all 13 schedules pass, 13 interleavings");
    first(
        exhaustive().max_deviations(1),
        "all 6 schedules with up to 1 deviation pass; there are more, 6 interleavings",
    );
    first(
        exhaustive().max_deviations(0),
        "the only schedule without deviations passes; there are more, 1 interleaving",
    );
    first(
        exhaustive().max_runs(7),
        "7 schedules pass, then the limit on runs ended the search; all with up to 1 deviation were run, 7 interleavings",
    );
    first(
        exhaustive().max_runs(1),
        "1 schedule passes, then the limit on runs ended the search; all without deviations were run, 1 interleaving",
    );
    first(explorer().random(1), "1 run passes (random, seed 0), 1 interleaving");
    first(exhaustive().shard(1, 7), "all 3 schedules pass in shard 1 of 7, 3 interleavings");
    first(exhaustive().shard(13, 13), "nothing to run in shard 13 of 13");
    first(explorer().random(2).shard(3, 4), "nothing to run in shard 3 of 4");
    first(
        explorer().reduced().shard(2, 2),
        "nothing to run in shard 2 of 2: a reduced search is made by the first",
    );
}

#[test]
fn a_search_of_one_schedule_does_not_call_itself_exhaustive() {
    let one = || explorer().exhaustive().max_deviations(0);
    assert_eq!(one().run(|| letters([1; 3])).strategy, "first-in first-out");
    let failing = || async { assert_eq!(letters([1; 3]).await, "cba") };
    let found = one().run(failing).to_string();
    assert!(found.contains("found in run 1 (first-in first-out, seed 0): no deviation"), "{found}");
    assert_starts(
        &explorer().reduced().max_deviations(0).run(|| letters([1; 3])),
        "the only kind of schedule without deviations passes; there are more, 1 interleaving",
    );
}

#[test]
fn a_limit_on_time_is_told_where_it_left_something_alone() {
    let late = || async {
        sleep(secs(1)).await;
        letters([1, 1]).await
    };
    let limited = |limit| explorer().exhaustive().time_limit(limit).run(late);
    assert_starts(
        &limited(millis(999)),
        "the only schedule passes, with nothing tried after the limit on time, 1 interleaving",
    );
    assert_starts(&limited(secs(1)), "all 3 schedules pass, 3 interleavings");
}

#[test]
fn failures_that_are_not_told_in_full_are_told_in_a_line_each() {
    let exploration = |alternatives: usize| {
        all(move || async move {
            let name = ["one", "two", "three", "four", "five"][choose(alternatives)];
            Err::<(), _>(name)
        })
    };
    let shown = exploration(4).to_string();
    assert!(shown.ends_with(
        "\n\nand 1 more failure\n  refused at 0s (turn 1): the program returned Err(\"four\")"
    ));
    let shown = exploration(5).to_string();
    assert!(shown.contains("\n\nand 2 more failures\n  refused at 0s"), "{shown}");
    assert!(shown.contains("found in 1 of all 5 runs (exhaustive, seed 0), first in run 2"));
}

#[test]
fn more_shards_than_runs_can_be_numbered_through_are_refused() {
    let most = u64::from(u32::MAX);
    let exploration = explorer().shard(5, most).run(|| async {});
    assert_eq!((exploration.runs, exploration.shard), (1, (5, most)));
    let refused = std::panic::catch_unwind(|| explorer().shard(5, most + 1));
    let refused = refused.unwrap_err();
    let expected = "4294967296 shards are more than 4294967295";
    assert_eq!(refused.downcast_ref::<String>().unwrap(), expected);
}

#[test]
fn choices_of_one_turn_are_told_apart() {
    let finding = all(|| async { assert_ne!((choose(2), choose(3)), (1, 2), "planted") });
    assert_eq!(
        finding.unwrap_finding().sentence,
        "fails when\n  at 0s (turn 1), `main` chooses 1 instead of 0\n  \
         at 0s (turn 1), `main` chooses 2 instead of 0 (choice 2 of the turn)\nwithout the last of these it \
         passes"
    );
}

#[test]
fn outputs_beyond_the_first_thousand_are_counted_together() {
    let exploration = all(|| async { choose(1_100) });
    assert_eq!((exploration.outcomes.len(), exploration.other_outcomes), (1_000, 100));
    let shown = exploration.to_string();
    assert!(shown.ends_with("\n  1,088  at least 989 other outcomes"), "{shown}");
}
