//! What the records add up to.

use std::time::Duration;

use simloop::trace::Level;
use simloop::{Builder, sleep, spawn_named, time, yield_now};

use super::programs;
use crate::snapshots::assert_shown;
use crate::{secs, traced};

#[test]
fn waits_and_ready_times_add_up_to_the_life_of_a_task() {
    let report = traced(async {
        let late = spawn_named("late", async {
            sleep(secs(1)).await;
            sleep(secs(4)).await;
        });
        time::block_for(secs(2));
        late.await.unwrap();
    });
    let statistics = report.trace.statistics();
    let [main, late] = &statistics.tasks[..] else { panic!("two tasks: {statistics}") };
    assert_eq!((late.polls, late.waiting, late.ready), (3, secs(5), secs(2)));
    assert_eq!(
        (late.longest_wait, late.longest_wait_since.to_string()),
        (secs(4), "3s".to_owned())
    );
    assert_eq!((main.polls, main.blocked, main.waiting), (2, secs(2), secs(5)));
    assert_eq!(statistics.blocked + statistics.jumped, report.ended_at.since_start());
    assert_eq!((statistics.jumps, statistics.turns), (2, report.counters.turns));
}

#[test]
fn the_busiest_instants_and_the_longest_stretches_come_first() {
    let report = traced(async {
        for length in [1, 3, 2, 3, 1, 1] {
            time::block_for(secs(length));
            for _ in 0..length {
                yield_now().await;
            }
        }
    });
    let statistics = report.trace.statistics();
    let blocking =
        statistics.blocking.iter().map(|stretch| (stretch.length, stretch.from.to_string()));
    let expected = [(3, "1s"), (3, "6s"), (2, "4s"), (1, "0s"), (1, "9s")];
    assert!(
        blocking.eq(expected.map(|(length, from)| (secs(length), from.to_owned()))),
        "{statistics}"
    );
    let busiest = statistics.busiest.iter().map(|instant| (instant.turns, instant.at.to_string()));
    let expected = [(3, "4s"), (3, "9s"), (2, "6s"), (1, "0s"), (1, "1s")];
    assert!(busiest.eq(expected.map(|(turns, at)| (turns, at.to_owned()))), "{statistics}");
}

#[test]
fn without_polls_nothing_is_said_of_them() {
    let report = Builder::new().trace(Level::Tasks).run(programs::nap());
    let statistics = report.trace.statistics();
    let main = &statistics.tasks[0];
    assert_eq!((main.polls, main.ready, main.waiting), (0, Duration::ZERO, Duration::ZERO));
    assert_eq!(statistics.jumps, 1);
}

#[test]
fn the_table_is_aligned_and_has_the_busiest_tasks_first() {
    for (name, report) in programs::all() {
        assert_shown("rendering", &format!("statistics_of_{name}"), report.trace.statistics());
    }
    let table = programs::thousand().trace.statistics().to_string();
    assert_shown("rendering", "statistics_of_thousand", &table);
    assert!(table.contains("\nand 961 more tasks\n"), "{table}");
}
