//! The same schedule again, in this thread and in another: is the program deterministic at all?

use std::sync::Mutex;

use super::identity::Identity;
use super::pool::in_threads;
use super::program::{Program, Run, Runner, Settings};
use crate::kernel::{Level, shortened};
use crate::trace::{Trace, columns, diff, elide_end, split_at_last};

/// Turns up to which a run is compared record by record. Of a longer one the records would fill the memory;
/// its fingerprint and its outcome are compared.
pub(super) const TRACED_TURNS_MAX: u64 = 100_000;

/// The columns that a record is given, so that with its indentation it is at most 100 wide.
const WIDTH: usize = 96;

/// The characters of an output that are shown.
const SHOWN_MAX: usize = 70;

/// A run, and what its output looked like.
struct Seen {
    run: Run,
    trace: Trace,
    shown: String,
}

/// Runs the schedule of `first` twice more and compares.
///
/// # Errors
///
/// Returns the first difference, in lines.
pub(super) fn audit(
    program: &dyn Program,
    settings: &Settings,
    first: &Run,
    shown: &str,
) -> Result<(), String> {
    let level = if first.turns <= TRACED_TURNS_MAX { Level::Full } else { Level::Off };
    let again = || {
        let mut runner = Runner::new(program, settings);
        let (run, trace) = runner.replay(&first.schedule, level);
        Seen { run, trace, shown: runner.shown }
    };
    let here = again();
    // The traces hold shared numbers only, so they may be sent back.
    let there = Mutex::new(None);
    in_threads(1, &|| *there.lock().expect("nobody else has it") = Some(again()));
    let there = there.into_inner().expect("nobody panicked").expect("it ran");
    if first.digest != here.run.digest {
        // The first run has no trace; two more may differ in the same way.
        let more = again();
        compare("the run before", &here, "this one", &more)?;
        compare("a run in this thread", &here, "one in another", &there)?;
        return Err(told(
            "the first run took other turns than those after it, which are all alike",
            &[],
        ));
    }
    compare_outcomes("the first run", first, shown, "the second", &here.run, &here.shown)?;
    compare("a run in this thread", &here, "one in another", &there)
}

fn compare(one: &str, this: &Seen, other: &str, that: &Seen) -> Result<(), String> {
    if this.trace != that.trace {
        return Err(difference(one, &this.trace, other, &that.trace));
    }
    if this.run.digest != that.run.digest {
        return Err(told(&format!("{one} and {other} took different turns"), &[]));
    }
    compare_outcomes(one, &this.run, &this.shown, other, &that.run, &that.shown)
}

fn compare_outcomes(
    one: &str,
    this: &Run,
    this_shown: &str,
    other: &str,
    that: &Run,
    that_shown: &str,
) -> Result<(), String> {
    let (this_failure, that_failure) =
        (this.failure.as_ref().map(Identity::of), that.failure.as_ref().map(Identity::of));
    let is_alike = match (&this_failure, &that_failure) {
        (None, None) => this_shown == that_shown,
        (Some(one), Some(other)) => one.is(other),
        _ => false,
    };
    if is_alike {
        return Ok(());
    }
    let outcome = |failure: &Option<Identity>, shown: &str| match failure {
        Some(identity) => identity.shown(),
        None => shown.to_owned(),
    };
    let (this, that) = (outcome(&this_failure, this_shown), outcome(&that_failure, that_shown));
    let line = |name: &str, outcome: &str| format!("{name}: {}", shortened(outcome, SHOWN_MAX));
    Err(told(
        "they take the same turns and end differently",
        &[line(one, &this), line(other, &that)],
    ))
}

/// Tells the first record in which two traces differ, with the two before it.
fn difference(one: &str, this: &Trace, other: &str, that: &Trace) -> String {
    let Some(place) = diff(this, that).first_difference() else {
        return told("their tasks have different names", &[]);
    };
    let before = place.saturating_sub(2)..place;
    let shared = before.len();
    let mut rows = Vec::new();
    for place in before {
        rows.push(row(this, place));
    }
    rows.push(row(this, place));
    rows.push(row(that, place));
    let mut lines = aligned(&rows);
    let mut short = lines.clone();
    for line in &mut short {
        *line = elide_end(line, WIDTH);
    }
    let kept = |line: &str| split_at_last(line, "...+").map_or(line, |(kept, _)| kept).to_owned();
    // What is left out may be all that they differ in.
    if kept(&short[shared]) != kept(&short[shared + 1]) {
        lines = short;
    }
    let mut shown = lines[..shared].to_vec();
    for (name, line) in &[(one, shared), (other, shared + 1)] {
        shown.push(format!("{name}:"));
        shown.push(lines[*line].clone());
    }
    told(&format!("they part at record {}", place + 1), &shown)
}

/// Turn, instant, path and event of a record; of none, only the last.
type Row = [String; 4];

fn row(trace: &Trace, place: usize) -> Row {
    let Some(record) = trace.record_at(place) else {
        let none = String::new;
        return [none(), none(), none(), "(the run has ended)".to_owned()];
    };
    let path = record.task.map_or("-", |task| trace.path(task).unwrap_or("?"));
    let event = trace.sentence(record.task, record.event);
    [record.turn.to_string(), record.at.to_string(), path.to_owned(), event]
}

/// The rows as lines. The columns are as wide as these few rows need: what else is in the two traces says nothing
/// about where they part.
fn aligned(rows: &[Row]) -> Vec<String> {
    let (mut turn_width, mut at_width, mut path_width) = (0, 0, 0);
    for [turn, at, path, _] in rows {
        turn_width = turn_width.max(turn.len());
        at_width = at_width.max(at.len());
        path_width = path_width.max(columns(path));
    }
    let mut lines = Vec::new();
    for [turn, at, path, event] in rows {
        let gap = " ".repeat(path_width - columns(path));
        lines.push(match turn.is_empty() {
            true => format!("  {event}"),
            false => format!("  {turn:>turn_width$}  {at:>at_width$}  {path}{gap}  {event}"),
        });
    }
    lines
}

fn told(what: &str, lines: &[String]) -> String {
    let mut text = format!("{what}\n");
    for line in lines {
        text.push_str(&format!("  {line}\n"));
    }
    text.push_str(
        "usual suspects: the order of a HashMap or HashSet, `tokio::select!` without `biased`, the real\n\
         clock, another thread, a static or thread-local that keeps its value from run to run",
    );
    text
}
