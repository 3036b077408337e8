//! Two runs beside each other, as text: a column for each task, a row for each turn, on the virtual axis.
//!
//! Knows traces and which turns to mark, nothing of searches; a picture could be made of the same rows.

use std::collections::BTreeSet;

use crate::kernel::{Instant, TaskId};
use crate::trace::{Event, Trace, Waker, columns, elide_end, elide_middle};

/// The width that no line exceeds, in columns of a terminal.
const WIDTH: usize = 100;

/// The width that a task's column has at most, and at least.
const TASK_WIDTH_MAX: usize = 16;
const TASK_WIDTH_MIN: usize = 7;

/// What stands in place of a task that has no column.
const ELSEWHERE: &str = "(another)";

/// Rows that are shown at most.
const ROWS_MAX: usize = 40;

/// A run to show.
#[derive(Debug)]
pub(super) struct Side<'a> {
    pub(super) title: &'a str,
    pub(super) trace: &'a Trace,
    /// The turns whose choice is to be marked.
    pub(super) marked: &'a [u64],
}

/// What a task did in a turn.
struct Row {
    turn: u64,
    at: Instant,
    path: String,
    deed: &'static str,
}

/// The runs as text. `around` are the turns that matter: they are shown with their neighbours, and the
/// end of each run; what is left out is counted.
pub(super) fn columns_of(sides: &[Side<'_>], around: &[u64]) -> String {
    let rows: Vec<Vec<Row>> = sides.iter().map(|side| rows(side.trace)).collect();
    let turns = shown_turns(&rows, around);
    let tasks = Tasks::new(&rows, &turns, around);
    let side_width = tasks.width() + AT_WIDTH;
    let mut text = String::new();
    if TURN_WIDTH + sides.len() * side_width + 3 * (sides.len() - 1) <= WIDTH {
        write_table(&mut text, sides, &rows.iter().collect::<Vec<_>>(), &turns, &tasks);
    } else {
        for (place, (side, rows)) in sides.iter().zip(&rows).enumerate() {
            text.push_str(if place == 0 { "" } else { "\n" });
            write_table(&mut text, std::slice::from_ref(side), &[rows], &turns, &tasks);
        }
    }
    match tasks.left_out {
        0 => {}
        1 => text.push_str("(1 more task has no column)\n"),
        more => text.push_str(&format!("({more} more tasks have no column)\n")),
    }
    text
}

/// Columns for the number of a turn, and for the instant on each side.
const TURN_WIDTH: usize = 7;
const AT_WIDTH: usize = 9;

/// The turns of a run, by what its trace says of them.
fn rows(trace: &Trace) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut current: Option<(u64, TaskId)> = None;
    // Only these are dropped in a turn; the others are dropped when the run has ended.
    let mut aborted: BTreeSet<TaskId> = BTreeSet::new();
    for record in trace.records() {
        let Some(task) = record.task else { continue };
        let is_current = current == Some((record.turn, task));
        let deed = match record.event {
            Event::Polled { .. } => "runs",
            Event::Completed => "ends",
            Event::Panicked(_) => "panics",
            Event::Cancelled if aborted.contains(&task) => "dropped",
            Event::AbortRequested(waker) => {
                if waker != Waker::Outside {
                    aborted.insert(task);
                }
                continue;
            }
            _ => continue,
        };
        if is_current {
            if let Some(row) = rows.last_mut() {
                row.deed = deed;
            }
        } else if rows.last().is_none_or(|row| row.turn < record.turn) {
            let path = trace.path(task).unwrap_or("?").to_owned();
            rows.push(Row { turn: record.turn, at: record.at, path, deed });
            current = Some((record.turn, task));
        }
    }
    rows
}

/// Which turns are shown: those around the ones that matter, the first panic, and the last ones.
fn shown_turns(rows: &[Vec<Row>], around: &[u64]) -> BTreeSet<u64> {
    let ends: Vec<u64> = rows.iter().filter_map(|rows| Some(rows.last()?.turn)).collect();
    let last = ends.iter().copied().max().unwrap_or(0);
    let mut turns = BTreeSet::new();
    for end in ends {
        turns.extend(end.saturating_sub(1).max(1)..=end);
    }
    let panic = |rows: &Vec<Row>| Some(rows.iter().find(|row| row.deed == "panics")?.turn);
    turns.extend(rows.iter().filter_map(panic));
    // The decision comes last; what led to it is shown as far as there is room.
    for (rank, &turn) in around.iter().rev().enumerate() {
        let after = if rank == 0 { 6 } else { 1 };
        let window = turn.saturating_sub(2).max(1)..=(turn + after).min(last);
        let more = window.clone().filter(|turn| !turns.contains(turn)).count();
        if turns.len() + more > ROWS_MAX {
            break;
        }
        turns.extend(window);
    }
    if around.is_empty() {
        turns.extend(last.saturating_sub(9).max(1)..=last);
    }
    // A turn alone takes no more room than the mark for it.
    let is_alone = |turn: &u64| turns.contains(&(turn + 1));
    let alone: Vec<u64> = turns.iter().map(|turn| turn + 1).filter(is_alone).collect();
    turns.extend(alone);
    if turns.contains(&2) {
        turns.insert(1);
    }
    turns
}

/// The columns.
struct Tasks<'a> {
    /// Path and header, in the order of the paths' first turns.
    shown: Vec<(&'a str, String)>,
    left_out: usize,
}

impl<'a> Tasks<'a> {
    fn new(rows: &'a [Vec<Row>], turns: &BTreeSet<u64>, around: &[u64]) -> Self {
        // Who takes part in a decision comes before who is seen beside it, and both before the others.
        let all = || rows.iter().flatten();
        let decides = |row: &&Row| {
            row.deed == "panics"
                || around.iter().any(|&turn| row.turn == turn || row.turn == turn + 1)
        };
        let mut paths: Vec<&str> = Vec::new();
        let seen = all().filter(|row| turns.contains(&row.turn));
        for row in all().filter(decides).chain(seen) {
            if !paths.contains(&row.path.as_str()) {
                paths.push(&row.path);
            }
        }
        let mut headers: Vec<(&str, String)> =
            paths.iter().map(|path| (*path, header(path, &paths))).collect();
        let count = headers.len();
        let mut width = TURN_WIDTH + AT_WIDTH;
        headers.retain(|(_, header)| {
            width += column_width(header);
            width <= WIDTH
        });
        let left_out = count - headers.len();
        let first_turn = |path: &str| all().position(|row| row.path == path);
        headers.sort_by_key(|(path, _)| first_turn(path));
        Tasks { shown: headers, left_out }
    }

    fn width(&self) -> usize {
        self.shown.iter().map(|(_, header)| column_width(header)).sum()
    }
}

fn column_width(header: &str) -> usize {
    columns(header).max(TASK_WIDTH_MIN) + 1
}

/// The last step of a path, or all of it where another ends in the same.
fn header(path: &str, paths: &[&str]) -> String {
    let last = |path: &str| path.rsplit('/').next().unwrap_or("").to_owned();
    let is_shared = paths.iter().filter(|other| last(other) == last(path)).count() > 1;
    elide_middle(
        if is_shared { path } else { path.rsplit('/').next().unwrap_or(path) },
        TASK_WIDTH_MAX,
    )
}

fn write_table(
    text: &mut String,
    sides: &[Side<'_>],
    rows: &[&Vec<Row>],
    turns: &BTreeSet<u64>,
    tasks: &Tasks<'_>,
) {
    let mut titles = " ".repeat(TURN_WIDTH);
    let mut headers = format!("{:>width$}  ", "turn", width = TURN_WIDTH - 2);
    for (place, side) in sides.iter().enumerate() {
        let gap = if place == 0 { "" } else { " | " };
        titles.push_str(&padded(
            &format!("{gap}{}", side.title),
            gap.len() + AT_WIDTH + tasks.width(),
        ));
        headers.push_str(&format!("{gap}{}", padded("at", AT_WIDTH)));
        for (_, header) in &tasks.shown {
            headers.push_str(&padded(header, column_width(header)));
        }
    }
    push_line(text, &titles);
    push_line(text, &headers);
    let mut before = 0;
    // Of two runs under each other one may be the longer.
    let last = rows.iter().filter_map(|rows| Some(rows.last()?.turn)).max().unwrap_or(0);
    for &turn in turns.range(..=last) {
        match turn - before - 1 {
            0 => {}
            skipped => push_line(
                text,
                &format!("{:>width$}  {skipped} turns", "...", width = TURN_WIDTH - 2),
            ),
        }
        before = turn;
        let mut line = format!("{turn:>width$}  ", width = TURN_WIDTH - 2);
        for (place, side) in sides.iter().enumerate() {
            line.push_str(if place == 0 { "" } else { " | " });
            line.push_str(&half(side, rows[place], turn, tasks));
        }
        push_line(text, &line);
    }
}

/// What one side did in a turn.
fn half(side: &Side<'_>, rows: &[Row], turn: u64, tasks: &Tasks<'_>) -> String {
    let Ok(place) = rows.binary_search_by_key(&turn, |row| row.turn) else {
        return " ".repeat(AT_WIDTH + tasks.width());
    };
    let row = &rows[place];
    let mut line = padded(&elide_end(&row.at.to_string(), AT_WIDTH - 1), AT_WIDTH);
    let mark = if side.marked.contains(&turn) { ">" } else { "" };
    if !tasks.shown.iter().any(|(path, _)| *path == row.path) {
        line.push_str(&padded(ELSEWHERE, tasks.width()));
        return line;
    }
    for (path, header) in &tasks.shown {
        let cell = if *path == row.path { format!("{mark}{}", row.deed) } else { String::new() };
        line.push_str(&padded(&cell, column_width(header)));
    }
    line
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line.trim_end());
    text.push('\n');
}
