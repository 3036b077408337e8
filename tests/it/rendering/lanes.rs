//! Lanes of text.

use std::future::pending;

use proptest::prelude::*;
use simloop::trace::Level;
use simloop::{Builder, Report, sleep, spawn_named, time, yield_now};

use super::programs;
use crate::snapshots::assert_shown;
use crate::{millis, secs};

/// Workers that take turns, one that blocks, one that is aborted, one that is left over, and a long wait.
fn program() -> Report {
    Builder::new().trace(Level::Full).run(async {
        let long = spawn_named("long", sleep(secs(3600)));
        let worker = |seconds: u64| {
            spawn_named("worker", async move {
                for _ in 0..seconds {
                    sleep(secs(1)).await;
                    yield_now().await;
                }
                if seconds == 3 {
                    time::block_for(millis(500));
                }
            })
        };
        for worker in [worker(1), worker(2), worker(3)] {
            worker.await.unwrap();
        }
        long.abort();
        assert!(long.await.unwrap_err().is_cancelled());
        spawn_named("left", pending::<()>());
        yield_now().await;
        sleep(secs(7200)).await;
    })
}

#[test]
fn lanes_show_who_ran_waited_and_ended_and_when() {
    assert_shown("rendering", "lanes", program().trace.lanes());
    assert_shown("rendering", "lanes_narrow", program().trace.lanes().width(60));
}

#[test]
fn lanes_of_a_trace_without_polls_show_when_tasks_lived() {
    let report = Builder::new().trace(Level::Tasks).run(async {
        let child = spawn_named("child", sleep(secs(2)));
        child.await.unwrap();
        spawn_named("second", sleep(secs(1))).await.unwrap();
    });
    assert_shown("rendering", "lanes_tasks", report.trace.lanes());
}

#[test]
fn lanes_of_a_thousand_tasks_show_sixty_and_count_the_others() {
    let lanes = programs::thousand().trace.lanes().to_string();
    assert_eq!(lanes.lines().count(), 2 + 60 + 1, "an axis, lanes, and what is left out: {lanes}");
    assert_eq!(lanes.lines().last(), Some("and 941 more tasks"));
}

#[test]
fn colours_change_no_sign_and_none_are_there_unless_asked_for() {
    for (name, report) in programs::all() {
        let plain = report.trace.lanes().to_string();
        assert!(!plain.contains('\u{1b}'), "{name}: {plain}");
        let colored = report.trace.lanes().colored(true).to_string();
        let is_drawn = plain.contains('#');
        assert_eq!(colored.contains("\u{1b}[34m"), is_drawn, "{name}: polls are blue");
        let pieces = colored.split('\u{1b}').enumerate().map(|(place, piece)| match place {
            0 => piece,
            _ => piece.split_once('m').expect("a sequence ends").1,
        });
        assert_eq!(pieces.collect::<String>(), plain, "{name}");
    }
}

proptest! {
    /// Whatever the program: no line is wider than asked for, and the same trace gives the same text.
    #[test]
    fn lanes_keep_to_their_width(
        tasks in prop::collection::vec(prop::collection::vec(0..5_000_u64, 0..6), 0..12),
        width in 20..140_usize,
    ) {
        let program = move |tasks: Vec<Vec<u64>>| async move {
            for delays in tasks {
                spawn_named("深さ", async move {
                    for delay in delays {
                        sleep(millis(delay * delay)).await;
                    }
                });
            }
            sleep(secs(20_000)).await;
        };
        let report = Builder::new().trace(Level::Full).run(program(tasks.clone()));
        let lanes = report.trace.lanes().width(width).to_string();
        for line in lanes.lines() {
            // Each of the two wide characters takes two columns.
            let columns = line.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<usize>();
            prop_assert!(columns <= width, "{columns} > {width}: {line}");
        }
        let again = Builder::new().trace(Level::Full).run(program(tasks));
        prop_assert_eq!(again.trace.lanes().width(width).to_string(), lanes);
    }
}
