//! A run as text, or two beside each other: a column for each task, a row for each turn.
//!
//! Knows traces and which turns to mark, nothing of searches.

mod rows;

use std::fmt;

use self::rows::Row;
use super::family::last_step;
use crate::kernel::ordered::{Set, Texts, sort_by_key};
use crate::trace::{Event, Record, Trace, columns, elide_end, elide_middle, one_line};

/// The width that no line exceeds unless another is asked for, in columns of a terminal.
const WIDTH: usize = 100;

/// The width that a task's column has at most, and at least.
const TASK_WIDTH_MAX: usize = 16;
const TASK_WIDTH_MIN: usize = 7;

/// What stands in place of a task that has no column.
const ELSEWHERE: &str = "(another)";

/// Rows that are shown at most, of two runs that are compared.
const ROWS_MAX: usize = 40;

/// Notes of a turn that are told at most.
const SAID_MAX: usize = 8;

/// Turns of a run alone that are shown, of its beginning and of its end.
const FIRST_MAX: usize = 60;
const LAST_MAX: usize = 20;

/// A trace in columns; see [`Trace::columns`].
#[derive(Clone, Debug)]
#[must_use = "columns are shown by their `Display`"]
pub struct Columns<'a> {
    trace: &'a Trace,
    width: usize,
}

impl Trace {
    /// Draws the trace in columns: one for each task, and a row for each turn with its instant and what the task
    /// did in it.
    ///
    /// | word | the task |
    /// |---|---|
    /// | `runs` | is polled, and waits again |
    /// | `ends` | completes |
    /// | `panics` | panics |
    /// | `dropped` | is dropped, as somebody has aborted it; in the row `end`, as the run has ended |
    /// | `woken` | is woken by the task of this turn; `timer`: by its own timer; `settled`: by the loop, as all others wait; `outside`: by code outside the loop |
    /// | `aborted` | is asked to cancel by the task of this turn |
    ///
    /// Notes and messages of panics stand below the row of their turn. A line that is too long ends in `...+24`,
    /// where 24 columns more would have been.
    ///
    /// `>` stands where the policy took another task than the first. As many tasks as there is room for have
    /// columns, those that run first; of their turns the first 60 are shown and the last 20. What is left out is
    /// counted.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{Builder, sleep, spawn_named, trace::Level};
    /// use std::time::Duration;
    ///
    /// let report = Builder::new().trace(Level::Full).run(async {
    ///     spawn_named("nap", sleep(Duration::from_secs(1))).await.unwrap();
    /// });
    /// assert_eq!(
    ///     report.trace.columns().to_string(),
    ///     " turn  at       main    nap\n\
    ///      \u{20}   1  0s       runs\n\
    ///      \u{20}   2  0s               runs\n\
    ///      \u{20}   3  1s       woken   ends\n\
    ///      \u{20}   4  1s       ends\n"
    /// );
    /// ```
    pub fn columns(&self) -> Columns<'_> {
        Columns { trace: self, width: WIDTH }
    }
}

impl Columns<'_> {
    /// Sets the width that no line exceeds, in columns of a terminal. At least 40 are taken.
    #[inline]
    pub fn width(self, columns: usize) -> Self {
        Columns { width: columns.max(40), ..self }
    }
}

impl fmt::Display for Columns<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.trace.is_empty() {
            return writeln!(f, "nothing was recorded");
        }
        let mut marked = Vec::new();
        for record in self.trace.records() {
            if let Some(turn) = deviation(record) {
                marked.push(turn);
            }
        }
        let rows = vec![rows::marked(self.trace)];
        let (mut seen, mut firsts) = (Texts::default(), Set::new());
        let mut widths = Widths::LEAST;
        for row in &rows[0] {
            widths.widen(row);
            // No more tasks than that could have room.
            if firsts.len() < self.width / TASK_WIDTH_MIN && seen.insert(row.path) {
                firsts.insert(row.turn);
            }
        }
        let mut tasks = Tasks::new(&rows, &firsts, &[], widths, self.width);
        tasks.left_out = self.trace.tasks().len() - tasks.shown.len();
        let mut shown = Vec::new();
        for row in &rows[0] {
            if tasks.has(row.path) {
                shown.push(row.turn);
            }
        }
        if shown.len() > FIRST_MAX + LAST_MAX {
            shown.drain(FIRST_MAX..shown.len() - LAST_MAX);
        }
        let side = Side { title: "", trace: self.trace, marked: &marked };
        let mut turns = Set::new();
        turns.extend(shown);
        f.write_str(&drawn(&[side], &rows, &turns, &tasks))
    }
}

/// The turn of a record, where it is a choice of another task than the first.
fn deviation(record: Record<'_>) -> Option<u64> {
    matches!(record.event, Event::Polled { index: 1.., .. }).then_some(record.turn)
}

/// A run to show.
pub(crate) struct Side<'a> {
    pub(crate) title: &'a str,
    pub(crate) trace: &'a Trace,
    /// The turns whose choice is to be marked.
    pub(crate) marked: &'a [u64],
}

/// The runs as text. `around` are the turns that matter: they are shown with their neighbours, and the
/// end of each run; what is left out is counted.
pub(crate) fn columns_of(sides: &[Side<'_>], around: &[u64]) -> String {
    let mut rows = Vec::new();
    for side in sides {
        rows.push(rows::rows(side.trace));
    }
    let turns = shown_turns(&rows, around);
    let mut widths = Widths::LEAST;
    for row in rows.iter().flatten() {
        if turns.contains(row.turn) {
            widths.widen(row);
        }
    }
    let tasks = Tasks::new(&rows, &turns, around, widths, WIDTH);
    drawn(sides, &rows, &turns, &tasks)
}

fn drawn(sides: &[Side<'_>], rows: &[Vec<Row<'_>>], turns: &Set<u64>, tasks: &Tasks<'_>) -> String {
    let side_width = tasks.width() + tasks.widths.at;
    let mut text = String::new();
    if tasks.widths.turn + sides.len() * side_width + 3 * (sides.len() - 1) <= tasks.most {
        write_table(&mut text, sides, rows, turns, tasks);
    } else {
        for place in 0..sides.len() {
            text.push_str(if place == 0 { "" } else { "\n" });
            let alone = place..=place;
            write_table(&mut text, &sides[alone.clone()], &rows[alone], turns, tasks);
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
#[derive(Clone, Copy)]
struct Widths {
    turn: usize,
    at: usize,
}

impl Widths {
    const LEAST: Widths = Widths { turn: 7, at: 9 };

    fn widen(&mut self, row: &Row<'_>) {
        self.turn = self.turn.max(row.turn.to_string().len() + 2);
        self.at = self.at.max(row.at.to_string().len() + 1);
    }
}

/// Which turns are shown: those around the ones that matter, the first panic, and the last ones.
fn shown_turns(rows: &[Vec<Row<'_>>], around: &[u64]) -> Set<u64> {
    let (mut turns, mut last) = (Set::new(), 0);
    for rows in rows {
        if let Some(end) = rows.last() {
            turns.extend(end.turn.saturating_sub(1).max(1)..=end.turn);
            last = last.max(end.turn);
        }
        if let Some(row) = rows.iter().find(|row| row.deed == "panics") {
            turns.insert(row.turn);
        }
    }
    // The decision comes last; what led to it is shown as far as there is room.
    for (rank, &turn) in around.iter().rev().enumerate() {
        let after = if rank == 0 { 6 } else { 1 };
        let window = turn.saturating_sub(2).max(1)..=(turn + after).min(last);
        let mut rows = turns.len();
        for turn in window.clone() {
            rows += usize::from(!turns.contains(turn));
        }
        if rows > ROWS_MAX {
            break;
        }
        turns.extend(window);
    }
    if around.is_empty() {
        turns.extend(last.saturating_sub(9).max(1)..=last);
    }
    // A turn alone takes no more room than the mark for it.
    let mut alone = Vec::new();
    for turn in turns.iter() {
        if turns.contains(turn + 2) {
            alone.push(turn + 1);
        }
    }
    turns.extend(alone);
    if turns.contains(2) {
        turns.insert(1);
    }
    turns
}

/// The columns.
struct Tasks<'a> {
    /// Path and header, in the order of the paths' first turns.
    shown: Vec<(&'a str, String)>,
    left_out: usize,
    widths: Widths,
    /// The width that no line exceeds.
    most: usize,
}

impl<'a> Tasks<'a> {
    fn new(
        rows: &'a [Vec<Row<'a>>],
        turns: &Set<u64>,
        around: &[u64],
        widths: Widths,
        most: usize,
    ) -> Self {
        let decides = |row: &Row<'_>| {
            row.deed == "panics"
                || around.iter().any(|&turn| row.turn == turn || row.turn == turn + 1)
        };
        // Who takes part in a decision comes before who is seen beside it, and both before the others.
        let mut paths: Vec<&str> = Vec::new();
        for &is_deciding in &[true, false] {
            for row in rows.iter().flatten() {
                let is_seen = if is_deciding { decides(row) } else { turns.contains(row.turn) };
                if is_seen && !paths.contains(&row.path) {
                    paths.push(row.path);
                }
            }
        }
        let (mut headers, mut width) = (Vec::new(), widths.turn + widths.at);
        for path in &paths {
            let header = header(path, &paths);
            width += column_width(&header);
            if width <= most {
                headers.push((*path, header));
            }
        }
        let left_out = paths.len() - headers.len();
        sort_by_key(&mut headers, |(path, _)| first_row(rows, path));
        Tasks { shown: headers, left_out, widths, most }
    }

    fn has(&self, path: &str) -> bool {
        self.shown.iter().any(|(shown, _)| *shown == path)
    }

    fn width(&self) -> usize {
        let mut width = 0;
        for (_, header) in &self.shown {
            width += column_width(header);
        }
        width
    }
}

/// The place of a task's first row among those of all runs.
fn first_row(rows: &[Vec<Row<'_>>], path: &str) -> usize {
    let mut before = 0;
    for rows in rows {
        for row in rows {
            if row.path == path {
                return before;
            }
            before += 1;
        }
    }
    before
}

fn column_width(header: &str) -> usize {
    columns(header).max(TASK_WIDTH_MIN) + 1
}

/// The last step of a path, or all of it where another ends in the same.
fn header(path: &str, paths: &[&str]) -> String {
    let mut alike = 0;
    for other in paths {
        alike += usize::from(last_step(other) == last_step(path));
    }
    elide_middle(if alike > 1 { path } else { last_step(path) }, TASK_WIDTH_MAX)
}

fn write_table(
    text: &mut String,
    sides: &[Side<'_>],
    rows: &[Vec<Row<'_>>],
    turns: &Set<u64>,
    tasks: &Tasks<'_>,
) {
    let width = tasks.widths.turn - 2;
    let mut titles = format!("{:width$}  ", "");
    let mut headers = format!("{:>width$}  ", "turn");
    for (place, side) in sides.iter().enumerate() {
        let gap = if place == 0 { "" } else { " | " };
        titles.push_str(&padded(
            &format!("{gap}{}", side.title),
            gap.len() + tasks.widths.at + tasks.width(),
        ));
        headers.push_str(&format!("{gap}{}", padded("at", tasks.widths.at)));
        for (_, header) in &tasks.shown {
            headers.push_str(&padded(header, column_width(header)));
        }
    }
    if sides.iter().any(|side| !side.title.is_empty()) {
        push_line(text, &titles);
    }
    push_line(text, &headers);
    let mut before = 0;
    // Of two runs under each other one may be the longer.
    let mut last = 0;
    for rows in rows {
        last = rows.last().map_or(last, |row| row.turn.max(last));
    }
    for turn in turns.iter() {
        if turn > last {
            break;
        }
        match turn - before - 1 {
            0 => {}
            1 => push_line(text, &format!("{:>width$}  1 turn", "...")),
            skipped => push_line(text, &format!("{:>width$}  {skipped} turns", "...")),
        }
        before = turn;
        let is_end = rows.iter().any(|rows| row_of(rows, turn).is_some_and(|row| row.is_end));
        let number = if is_end { "end".to_owned() } else { turn.to_string() };
        let mut line = format!("{number:>width$}  ");
        for (place, side) in sides.iter().enumerate() {
            line.push_str(if place == 0 { "" } else { " | " });
            line.push_str(&half(side, &rows[place], turn, tasks));
        }
        push_line(text, &line);
        for rows in rows {
            if let Some(row) = row_of(rows, turn) {
                push_said(text, row, tasks);
            }
        }
    }
}

/// What was said in a turn, in lines that begin where the tasks' columns do.
fn push_said(text: &mut String, row: &Row<'_>, tasks: &Tasks<'_>) {
    let indent = tasks.widths.turn + tasks.widths.at;
    for (word, said) in row.said.iter().take(SAID_MAX) {
        let line = format!("{:indent$}{word}: {}", "", one_line(said));
        push_line(text, &elide_end(&line, tasks.most));
    }
    if row.said.len() > SAID_MAX {
        let more = row.said.len() - SAID_MAX;
        push_line(text, &format!("{:indent$}and {more} more", ""));
    }
}

fn row_of<'a, 'b>(rows: &'a [Row<'b>], turn: u64) -> Option<&'a Row<'b>> {
    rows.binary_search_by_key(&turn, |row| row.turn).ok().map(|place| &rows[place])
}

/// What one side did in a turn.
fn half(side: &Side<'_>, rows: &[Row<'_>], turn: u64, tasks: &Tasks<'_>) -> String {
    let Some(row) = row_of(rows, turn) else {
        return " ".repeat(tasks.widths.at + tasks.width());
    };
    let mut line = padded(&row.at.to_string(), tasks.widths.at);
    let mark = if side.marked.contains(&turn) { ">" } else { "" };
    if !tasks.has(row.path) {
        line.push_str(&padded(ELSEWHERE, tasks.width()));
        return line;
    }
    for (path, header) in &tasks.shown {
        let mut first = None;
        for (other, word) in &row.others {
            if other == path && first.is_none_or(|first| *word < first) {
                first = Some(*word);
            }
        }
        let cell = match first {
            _ if *path == row.path => format!("{mark}{}", row.deed),
            // The first by alphabet says most: a task that is aborted is woken by that, too.
            Some(word) => word.to_owned(),
            None => String::new(),
        };
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
