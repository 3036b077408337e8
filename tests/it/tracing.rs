//! Rule S42 and the trace: what is recorded, at which level, and how it reads.

use simloop::trace::{Event, Level, Waker};
use simloop::{Builder, note, sleep, spawn, spawn_named, time, timeout, yield_now};

use unicode_width::UnicodeWidthStr;

use crate::snapshots::assert_shown;
use crate::{secs, traced};

/// A program in which everything happens that a trace can show.
async fn everything() {
    let nap = spawn_named("nap", sleep(secs(5)));
    let impatient = spawn_named("impatient", timeout(secs(1), std::future::pending::<()>()));
    let unlucky = spawn_named("unlucky", async {
        sleep(secs(1)).await;
        panic!("bad luck");
    });
    note!("three tasks, one line\nand another");
    assert!(impatient.await.unwrap().is_err());
    assert!(unlucky.await.is_err());
    nap.abort();
    assert!(nap.await.is_err());
    time::settle().await;
    time::block_for(secs(2));
    yield_now().await;
    spawn(std::future::pending::<()>());
}

#[test]
fn a_trace_shows_all_that_happened_in_order() {
    assert_shown("trace", "everything", traced(everything()).trace);
}

#[test]
fn at_level_tasks_a_trace_shows_lives_jumps_and_notes() {
    let report = Builder::new().trace(Level::Tasks).run(everything());
    assert_shown("trace", "everything_tasks", &report.trace);
    let full = traced(everything());
    assert!(report.trace.len() < full.trace.len());
    assert!(Builder::new().run(everything()).trace.is_empty());
}

#[test]
fn s42_tracing_never_changes_a_run_nor_a_failure() {
    let run = |level| {
        let report = Builder::new().trace(level).run(async {
            everything().await;
            std::future::pending::<()>().await;
        });
        (report.digest, report.counters, report.ended_at, report.unwrap_failure().to_string())
    };
    assert_eq!(run(Level::Off), run(Level::Tasks));
    assert_eq!(run(Level::Off), run(Level::Full));
}

#[test]
fn no_line_of_a_trace_is_wider_than_100_columns() {
    let report = traced(async {
        spawn_named(&"深さ".repeat(40), async {
            note!("{}", "深さ \u{263a}\u{fe0f} ".repeat(20));
        });
        let mut handle = None;
        for depth in 0..20 {
            let inner = handle.take();
            let name = format!("a task with a very long name at depth {depth} 深さ");
            handle = Some(spawn_named(&name, async move {
                if let Some(inner) = inner {
                    let _: Result<(), _> = inner.await;
                }
                note!("{}", "a long line of the program ".repeat(10));
                spawn_named(&"child ".repeat(20), sleep(secs(1))).await.unwrap();
            }));
        }
        handle.unwrap().await.unwrap();
    });
    let text = report.trace.to_string();
    let widest = text.lines().map(UnicodeWidthStr::width).max();
    assert_eq!(widest, Some(100), "long notes are cut there");
    let events = text.lines().filter_map(|line| {
        let event = line.find("  spawned").or_else(|| line.find("  polled"))?;
        Some(line[..event].width())
    });
    let columns: std::collections::BTreeSet<_> = events.collect();
    assert_eq!(columns.len(), 1, "the events stand in one column");
    assert_eq!(text.lines().count(), report.trace.len() + 1, "one line a record, and a header");
    report.unwrap();
}

#[test]
fn s21_as_a_run_fails_its_root_is_cancelled_with_the_others_and_nobody_has_asked_for_it() {
    let stuck = || async { spawn_named("stuck", std::future::pending::<()>()).await.unwrap() };
    let trace = traced(stuck()).trace;
    let events: Vec<_> = trace.records().map(|record| record.event).collect();
    assert!(!events.iter().any(|event| matches!(event, Event::AbortRequested(_))), "{trace}");
    assert_eq!(events[events.len() - 2..], [Event::Cancelled, Event::Cancelled], "{trace}");

    // A loop that goes on is rid of the root in a turn of its own.
    let mut event_loop = Builder::new().trace(Level::Full).build();
    event_loop.block_on(stuck()).unwrap_err();
    event_loop.run_until_idle().unwrap();
    let trace = event_loop.finish().trace;
    let text = trace.to_string();
    let ends = ["main        aborted by code outside the loop", "main        cancelled"];
    let places = ends.map(|end| text.find(end));
    assert!(places.is_sorted() && places[0].is_some(), "{text}");
}

#[test]
fn records_can_be_read_as_data() {
    let report = traced(async {
        let child = spawn_named("child", async { sleep(secs(1)).await });
        child.await.unwrap();
    });
    let trace = &report.trace;
    let child = trace.tasks().nth(1).unwrap();
    assert_eq!(trace.path(child), Some("main/child"));
    assert_eq!(trace.parent(child), trace.tasks().next());
    assert!(trace.spawn_site(child).unwrap().file().ends_with("tracing.rs"));
    assert!(!trace.is_daemon(child));
    let woken: Vec<_> = trace
        .records()
        .filter_map(|record| match record.event {
            Event::Woken { by, .. } => Some((record.task.unwrap().as_u64(), by)),
            _ => None,
        })
        .collect();
    assert_eq!(woken, [(1, Waker::Timer), (0, Waker::Task(child))]);
    assert!(trace.records().all(|record| record.turn <= report.counters.turns));
}

#[test]
fn an_empty_trace_says_so_whatever_shows_it() {
    let trace = Builder::new().run(async {}).trace;
    let says_so = "nothing was recorded\n";
    assert_eq!(trace.to_string(), says_so);
    assert_eq!(trace.lanes().to_string(), says_so);
    assert_eq!(trace.statistics().to_string(), says_so);
    let diff = simloop::trace::diff(&trace, &trace).to_string();
    assert_eq!(diff, "the traces are the same: 0 records\n");
    for text in [trace.svg().to_string(), trace.mermaid().to_string(), trace.html().to_string()] {
        assert!(text.contains("nothing was recorded"), "{text}");
    }
}
