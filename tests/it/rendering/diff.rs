//! Two traces beside each other.

use std::rc::Rc;

use simloop::policy::Random;
use simloop::sync::Mutex;
use simloop::trace::{self, Event, Level};
use simloop::{Builder, note, sleep, spawn, spawn_named, yield_now};

use super::programs;
use crate::snapshots::assert_shown;
use crate::{secs, traced};

async fn writers() {
    let write = |name| {
        spawn_named(name, async move {
            for round in 0..3 {
                yield_now().await;
                note!(
                    "{name} writes a line that is much longer than half a terminal, round {round}"
                );
            }
        })
    };
    let writers = [write("first"), write("second")];
    sleep(secs(1)).await;
    for writer in writers {
        writer.await.unwrap();
    }
}

#[test]
fn equal_traces_are_told_to_be_equal() {
    let (one, other) = (traced(writers()).trace, traced(writers()).trace);
    let diff = trace::diff(&one, &other);
    assert!(diff.is_empty());
    assert_eq!(diff.first_difference(), None);
    assert_eq!(diff.to_string(), format!("the traces are the same: {} records\n", one.len()));
}

#[test]
fn the_first_difference_of_two_orders_is_marked() {
    let fifo = traced(writers()).trace;
    let random = Builder::new().trace(Level::Full).policy(Random::new(4)).run(writers()).trace;
    let diff = trace::diff(&fifo, &random);
    let first = diff.first_difference().unwrap();
    let (one, other) = (fifo.records().nth(first).unwrap(), random.records().nth(first).unwrap());
    assert_ne!((one.task, one.event), (other.task, other.event));
    assert!(fifo.records().take(first).eq(random.records().take(first)), "the same before");
    assert_shown("rendering", "diff", diff);
}

/// The first of two siblings is `main/task[0]`, and `main/task` where it stays alone: from its first record on. The same
/// goes for a lock.
#[test]
fn a_sibling_that_comes_later_makes_no_difference_before() {
    let program = |siblings: usize| {
        traced(async move {
            for number in 0..siblings {
                note!("sibling {number}");
                let lock = Rc::new(Mutex::new(()));
                let held = lock.lock().await;
                let waiting = Rc::clone(&lock);
                let task = spawn(async move { drop(waiting.lock().await) });
                yield_now().await;
                drop(held);
                task.await.unwrap();
            }
            note!("the end");
        })
        .trace
    };
    let (one, two) = (program(1), program(2));
    let first = trace::diff(&one, &two).first_difference().unwrap();
    let events = [&one, &two].map(|trace| trace.records().nth(first).unwrap().event);
    assert_eq!(events, [Event::Note("the end"), Event::Note("sibling 1")]);
}

#[test]
fn a_trace_that_only_goes_on_differs_where_the_other_ends() {
    let short = traced(programs::nap()).trace;
    let long = traced(async {
        sleep(secs(1)).await;
        sleep(secs(1)).await;
    })
    .trace;
    assert_shown("rendering", "diff_longer", trace::diff(&short, &long));
    let nothing = Builder::new().run(async {}).trace;
    assert_shown("rendering", "diff_with_nothing", trace::diff(&nothing, &short));
}

#[test]
fn no_line_is_wider_than_a_hundred_columns() {
    for (name, report) in programs::all() {
        for (_, other) in programs::all() {
            let text = trace::diff(&report.trace, &other.trace).to_string();
            let columns = |line: &str| unicode_columns(line);
            assert!(text.lines().all(|line| columns(line) <= 100), "{name}: {text}");
        }
    }
}

/// Wide characters of the programs take two columns.
fn unicode_columns(line: &str) -> usize {
    line.chars().map(|c| if ('\u{3000}'..'\u{a000}').contains(&c) { 2 } else { 1 }).sum()
}
