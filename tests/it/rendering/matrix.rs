//! Every printer, and every program: a snapshot of each pair.

use std::cell::Cell;
use std::rc::Rc;

use simloop::explore::Explorer;
use simloop::report::FailureKind;
use simloop::trace::Trace;
use simloop::{Report, spawn_named, yield_now};

use super::html::data;
use super::programs;
use crate::snapshots::assert_shown;
use crate::traced;

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
    programs.chain([("explained", explained()), ("thousand", programs::thousand().trace)]).collect()
}

type Printer = fn(&Trace) -> String;

/// All printers, each with its name. Of a format that nobody reads to the end, the ends of a long text are kept.
const PRINTERS: &[(&str, Printer)] = &[
    ("columns", |trace| trace.columns().to_string()),
    ("html", |trace| data(&trace.html().to_string())),
    #[cfg(feature = "serde")]
    ("json_lines", |trace| ends(trace.json_lines().to_string())),
    ("lanes", |trace| trace.lanes().to_string()),
    ("mermaid", |trace| trace.mermaid().to_string()),
    #[cfg(feature = "serde")]
    ("perfetto", |trace| ends(trace.perfetto().to_string())),
    ("statistics", |trace| trace.statistics().to_string()),
    ("svg", |trace| trace.svg().to_string()),
    ("trace", |trace| ends(trace.to_string())),
];

/// The first and the last lines of a long text, and how many are between.
fn ends(text: String) -> String {
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() < 1_000 {
        return text;
    }
    let (start, end) = (&lines[..30], &lines[lines.len() - 15..]);
    let between = lines.len() - start.len() - end.len();
    format!("{}\n... {between} lines ...\n{}", start.join("\n"), end.join("\n"))
}

#[test]
fn every_printer_shows_every_program() {
    let programs = all();
    for (printer, shown) in PRINTERS {
        for (program, trace) in &programs {
            let text = shown(trace);
            assert_shown("rendering", &format!("{printer}_of_{program}"), text);
        }
    }
}

#[test]
fn the_graph_of_each_program_that_is_stuck_is_drawn() {
    let stuck = programs::all().into_iter().chain([("all_names", all_names())]);
    let mut drawn = Vec::new();
    for (name, report) in stuck {
        let Err(failure) = report.outcome else { continue };
        if let FailureKind::Deadlock(deadlock) = failure.kind() {
            assert_shown("rendering", &format!("dot_of_{name}"), deadlock.dot());
            drawn.push(name);
        }
    }
    assert_eq!(drawn, ["deadlock", "all_names"]);
}

/// Tasks with names of all kinds, each of which waits for ever.
fn all_names() -> Report {
    traced(async {
        let stuck = |name| spawn_named(name, std::future::pending::<()>());
        for handle in programs::HOSTILE.map(stuck) {
            handle.await.unwrap();
        }
    })
}

/// A snapshot that no test compares with would be read as if it held.
#[test]
fn no_snapshot_of_a_picture_is_left_over() {
    let mut known: Vec<String> = ["dot_of_deadlock", "dot_of_all_names"].map(str::to_owned).into();
    known.extend(["html_of_finding", "lanes_of_strange"].map(str::to_owned));
    let printers = PRINTERS.iter().map(|(printer, _)| *printer).chain(["json_lines", "perfetto"]);
    let programs = all();
    for printer in printers {
        known.extend(programs.iter().map(|(program, _)| format!("{printer}_of_{program}")));
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/rendering");
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        let name = file.split('.').next().unwrap().to_owned();
        assert!(!name.contains("_of_") || known.contains(&name), "{file} belongs to no test");
    }
}

#[test]
fn columns_keep_to_their_width_and_count_who_has_none() {
    for (name, trace) in all() {
        for width in [40, 60, 100] {
            let text = trace.columns().width(width).to_string();
            let columns = unicode_width::UnicodeWidthStr::width;
            assert!(text.lines().all(|line| columns(line) <= width), "{name}, {width}: {text}");
        }
    }
    let narrow = programs::thousand().trace.columns().width(40).to_string();
    assert!(narrow.contains(" more tasks have no column)"), "{narrow}");
}
