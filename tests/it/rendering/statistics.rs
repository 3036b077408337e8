//! What the records add up to.

use std::time::Duration;

use simloop::trace::Level;
use simloop::{Builder, sleep, spawn_named, time, yield_now};

use super::programs;
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
    let table = programs::thousand().trace.statistics().to_string();
    let polls = |line: &str| line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap();
    let polls: Vec<_> = table.lines().skip(1).take(40).map(polls).collect();
    assert!(polls.is_sorted_by(|one, other| one >= other), "{table}");
    assert!(table.contains("\nand 961 more tasks\n"), "{table}");
}

#[test]
fn each_task_is_told_with_what_it_waited_for_the_longest_first() {
    let (_, report) =
        programs::all().into_iter().find(|(name, _)| *name == "resources").expect("it is there");
    let statistics = report.trace.statistics();
    for task in &statistics.tasks {
        let waited: Duration = task.resources.iter().map(|resource| resource.waiting).sum();
        assert!(waited <= task.waiting, "{}: {statistics}", task.path);
    }
    for resource in &statistics.resources {
        let of_tasks = statistics.tasks.iter().flat_map(|task| &task.resources);
        let waiting: Duration = of_tasks
            .filter(|other| other.resource == resource.resource)
            .map(|other| other.waiting)
            .sum();
        assert_eq!(waiting, resource.waiting, "{statistics}");
    }
    let table = statistics.to_string();
    let lines = table.lines().skip_while(|line| !line.contains("waits for")).skip(1);
    let told: Vec<_> = lines.take_while(|line| line.starts_with("main")).collect();
    let count: usize = statistics.tasks.iter().map(|task| task.resources.len()).sum();
    assert_eq!(told.len(), count, "{table}");
}

#[test]
fn tables_keep_to_100_columns_and_count_the_waits_that_are_not_told() {
    let report = traced(async {
        for number in 0..50 {
            let name = format!("a lock with a name that is far too long for a table, {number}");
            let lock = std::sync::Arc::new(simloop::sync::Mutex::new(()).named(name));
            let _guard = lock.lock().await;
            let other = std::sync::Arc::clone(&lock);
            let waiter = "a task with a name that is far too long for a table";
            let waiter = spawn_named(waiter, async move { drop(other.lock().await) });
            simloop::sleep(Duration::from_nanos(1_000_000_000_001)).await;
            drop(_guard);
            waiter.await.unwrap();
        }
    });
    let table = report.trace.statistics().to_string();
    let columns = unicode_width::UnicodeWidthStr::width;
    assert!(table.lines().all(|line| columns(line) <= 100), "{table}");
    assert!(table.contains("\nand 10 more of a task for a resource\n"), "{table}");
}
