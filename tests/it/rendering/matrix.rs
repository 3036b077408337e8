//! Every printer, and every program: the pairs that have no snapshot in the tests of the printer itself.

use std::cell::Cell;
use std::rc::Rc;

use simloop::explore::Explorer;
use simloop::trace::Trace;
use simloop::{spawn_named, yield_now};

use super::programs;
use crate::snapshots::assert_shown;

/// Two tasks add one to a number that they have read before the other has written it.
async fn lost_update() {
    let number = Rc::new(Cell::new(0));
    let add = |name| {
        let number = Rc::clone(&number);
        spawn_named(name, async move {
            let read = number.get();
            if read == 0 && name == "second" {
                yield_now().await;
            }
            number.set(read + 1);
        })
    };
    let tasks = [add("first"), add("second")];
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(number.get(), 2, "an update is lost");
}

/// A race that a search has found and explained, without the explanation.
fn explained() -> Trace {
    Explorer::new().ignore_environment(true).run(lost_update).unwrap_finding().trace().clone()
}

fn all() -> Vec<(&'static str, Trace)> {
    let programs = programs::all().into_iter().map(|(name, report)| (name, report.trace));
    programs.chain([("explained", explained())]).collect()
}

#[test]
fn an_explained_race_is_drawn_by_each_printer() {
    let trace = explained();
    assert_shown("rendering", "lanes_of_explained", trace.lanes());
    assert_shown("rendering", "svg_of_explained", trace.svg());
    assert_shown("rendering", "mermaid_of_explained", trace.mermaid());
    assert_shown("rendering", "statistics_of_explained", trace.statistics());
}

#[test]
fn every_program_is_told_as_text_and_in_columns() {
    for (name, trace) in all() {
        assert_shown("rendering", &format!("trace_of_{name}"), &trace);
        assert_shown("rendering", &format!("columns_of_{name}"), trace.columns());
    }
    assert_shown("rendering", "columns_of_thousand", programs::thousand().trace.columns());
}

#[test]
fn columns_keep_to_their_width_and_count_who_has_none() {
    for (name, trace) in all().into_iter().chain([("thousand", programs::thousand().trace)]) {
        for width in [40, 60, 100] {
            let text = trace.columns().width(width).to_string();
            let columns = unicode_width::UnicodeWidthStr::width;
            assert!(text.lines().all(|line| columns(line) <= width), "{name}, {width}: {text}");
        }
    }
    let narrow = programs::thousand().trace.columns().width(40).to_string();
    assert!(narrow.contains(" more tasks have no column)"), "{narrow}");
}
