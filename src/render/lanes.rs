//! A trace as lanes of text: a row for each task, time from left to right.

use std::fmt;

use super::grid::Grid;
use super::layout::{Lane, Layout, Mark, MarkKind, State, WaitKind};
use crate::kernel::ordered::sort_by_key;
use crate::kernel::shown_duration;
use crate::trace::Trace;
use crate::trace::text::{columns, elide_end, elide_middle, one_line};

/// The width in columns unless another is asked for.
const WIDTH: usize = 100;

/// Columns that names take at most.
const NAME_WIDTH: usize = 28;

/// Lanes that are shown at most.
const LANES_MAX: usize = 60;

/// Waits for resources that are told below the lanes at most, and notes, choices, and cancellations.
const TOLD_MAX: usize = 20;

/// Columns that a unit of the axis takes at most.
const UNIT_MAX: u64 = 4;

/// A picture of a trace in text; see [`Trace::lanes`].
#[derive(Clone, Debug)]
#[must_use = "lanes are shown by their `Display`"]
pub struct Lanes<'a> {
    trace: &'a Trace,
    width: usize,
    is_colored: bool,
}

impl Trace {
    /// Draws the trace as lanes: a row for each task, grouped under its parent, with time from left to right.
    ///
    /// An instant takes a column for each of its turns, and the time between two instants takes columns by a
    /// scale that is the same for the whole picture; where `~` stands in the axis, a long stretch was cut.
    ///
    /// | sign | the task |
    /// |---|---|
    /// | `#` | is polled |
    /// | `B` | blocks the loop |
    /// | `w` | is woken, and ready from then on |
    /// | `=` | is ready |
    /// | `:` | waits for a resource: a lock, a queue, and the like |
    /// | `_` | joins another task |
    /// | `-` | sleeps, waits for something else, or lives, where the trace has no polls |
    /// | `.` | has completed |
    /// | `a` | is asked to cancel: somebody aborts it |
    /// | `x` | was cancelled |
    /// | `!` | panicked |
    ///
    /// Where the program wrote notes, or the policy took another task than the first, a row below the axis has
    /// `n`, `c`, or `&` for both, and they are told below the lanes; so are waits for resources, and cancellations.
    /// Where turns share a column, the sign is the one of what the task does most: `w` never takes the place of a
    /// poll. A line that is too long ends in `...+24`, where 24 columns more would have been.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{Builder, sleep, spawn, trace::Level};
    /// use std::time::Duration;
    ///
    /// let report = Builder::new().trace(Level::Full).run(async {
    ///     let child = spawn(sleep(Duration::from_secs(1)));
    ///     child.await.unwrap();
    /// });
    /// let lanes = report.trace.lanes().width(40).to_string();
    /// assert!(lanes.lines().all(|line| line.len() <= 40), "{lanes}");
    /// assert!(lanes.contains("main"));
    /// ```
    pub fn lanes(&self) -> Lanes<'_> {
        Lanes { trace: self, width: WIDTH, is_colored: false }
    }
}

impl Lanes<'_> {
    /// Sets the width that no line exceeds, in columns of a terminal. At least 20 are taken.
    #[inline]
    pub fn width(self, columns: usize) -> Self {
        Lanes { width: columns.max(20), ..self }
    }

    /// Sets whether signs have colours, by the escape sequences of terminals. They say nothing that the signs
    /// do not say.
    ///
    /// Give it [`is_terminal`](std::io::IsTerminal::is_terminal) of where the text goes. Without a call there
    /// are none.
    #[inline]
    pub fn colored(self, is_colored: bool) -> Self {
        Lanes { is_colored, ..self }
    }
}

impl fmt::Display for Lanes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layout = Layout::new(self.trace);
        if layout.lanes.is_empty() {
            return writeln!(f, "nothing was recorded");
        }
        let shown = &layout.lanes[..layout.lanes.len().min(LANES_MAX)];
        let (mut names, mut margin) = (Vec::new(), 0);
        for lane in shown {
            let name = name(lane, self.width / 3);
            margin = margin.max(columns(&name));
            names.push(name);
        }
        let room = (self.width - margin - 2) as u64;
        let grid = Grid::new(layout.axis.width(), room, UNIT_MAX);
        let mut rows = axis(&grid, &layout);
        if let Some(row) = events(&grid, &layout) {
            rows.push(row);
        }
        for row in &rows {
            writeln!(f, "{}", format!("{:margin$}  {row}", "").trim_end())?;
        }
        for (place, lane) in shown.iter().enumerate() {
            let name = &names[place];
            let gap = " ".repeat(margin - columns(name));
            self.write_row(f, &format!("{name}{gap}  "), &signs(&grid, lane))?;
        }
        if layout.lanes.len() > shown.len() {
            writeln!(f, "and {} more tasks", layout.lanes.len() - shown.len())?;
        }
        self.write_waits(f, &layout)?;
        self.write_told(f, &layout)
    }
}

impl Lanes<'_> {
    fn write_row(&self, f: &mut fmt::Formatter<'_>, start: &str, signs: &str) -> fmt::Result {
        if !self.is_colored {
            return writeln!(f, "{}", format!("{start}{signs}").trim_end());
        }
        f.write_str(start)?;
        let mut rest = signs.trim_end();
        while let Some(sign) = rest.chars().next() {
            let (run, after) =
                rest.split_at(rest.find(|other| other != sign).unwrap_or(rest.len()));
            match color(sign) {
                Some(color) => write!(f, "\x1b[{color}m{run}\x1b[0m")?,
                None => f.write_str(run)?,
            }
            rest = after;
        }
        writeln!(f)
    }

    /// Tells the waits for resources, in the order in which they begin, each with how long it took.
    fn write_waits(&self, f: &mut fmt::Formatter<'_>, layout: &Layout<'_>) -> fmt::Result {
        let mut told = Vec::new();
        for lane in &layout.lanes {
            for span in &lane.spans {
                if span.state == State::Waiting(WaitKind::Resource) {
                    told.push((lane.path, span));
                }
            }
        }
        sort_by_key(&mut told, |(_, span)| (span.turn, span.from));
        if !told.is_empty() {
            writeln!(f, "waits for resources")?;
        }
        for (path, span) in told.iter().take(TOLD_MAX) {
            let path = elide_middle(path, NAME_WIDTH);
            let wait = layout.wait(span).unwrap_or_default();
            let length = span.until.checked_duration_since(span.since).unwrap_or_default();
            let length = shown_duration(length);
            let line = format!("  {}  {path}, {length}: {}", span.since, one_line(&wait));
            writeln!(f, "{}", elide_end(&line, self.width))?;
        }
        if told.len() > TOLD_MAX {
            writeln!(f, "  and {} more", told.len() - TOLD_MAX)?;
        }
        Ok(())
    }

    /// Tells the notes and the choices that the row below the axis points to, and cancellations.
    fn write_told(&self, f: &mut fmt::Formatter<'_>, layout: &Layout<'_>) -> fmt::Result {
        for (title, is_told) in &TOLD {
            let mut told = Vec::new();
            for lane in &layout.lanes {
                for mark in &lane.marks {
                    if is_told(mark.kind) {
                        told.push((lane, mark));
                    }
                }
            }
            if told.is_empty() {
                continue;
            }
            // Marks of one task are in order already, and the sort is stable.
            sort_by_key(&mut told, |(_, mark)| (mark.turn, mark.x));
            writeln!(f, "{title}")?;
            for (lane, mark) in told.iter().take(TOLD_MAX) {
                let line = format!("  {}  {}", mark.at, sentence(layout, lane, mark));
                writeln!(f, "{}", elide_end(&line, self.width))?;
            }
            if told.len() > TOLD_MAX {
                writeln!(f, "  and {} more", told.len() - TOLD_MAX)?;
            }
        }
        Ok(())
    }
}

type IsTold = fn(MarkKind<'_>) -> bool;

/// The lists below the lanes, and what is in each.
const TOLD: [(&str, IsTold); 3] = [
    ("notes", |kind| matches!(kind, MarkKind::Note(_))),
    ("choices", |kind| matches!(kind, MarkKind::Chosen { .. })),
    ("cancellations", |kind| matches!(kind, MarkKind::AbortRequested(_) | MarkKind::Cancelled)),
];

fn sentence(layout: &Layout<'_>, lane: &Lane<'_>, mark: &Mark<'_>) -> String {
    let (path, turn) = (elide_middle(lane.path, NAME_WIDTH), mark.turn);
    match mark.kind {
        MarkKind::Note(note) => format!("{path}: {}", one_line(note)),
        MarkKind::Chosen { index, ready } => {
            format!("turn {turn}: {path}, {} of {ready} ready", index + 1)
        }
        MarkKind::AbortRequested(by) => {
            format!("turn {turn}: {path}, aborted by {}", layout.waker(lane, by))
        }
        _ => format!("turn {turn}: {path}, cancelled"),
    }
}

/// The number of the colour in a terminal's escape sequence.
fn color(sign: char) -> Option<u8> {
    match sign {
        '#' => Some(34),
        'B' => Some(35),
        '=' | 'w' => Some(36),
        '-' | '_' => Some(90),
        ':' => Some(95),
        '.' => Some(32),
        'a' | 'x' => Some(33),
        '!' => Some(31),
        _ => None,
    }
}

/// The last step of the path, set in by its depth.
fn name(lane: &Lane<'_>, width: usize) -> String {
    let indent = "  ".repeat(lane.depth.min(6));
    elide_middle(&format!("{indent}{}", lane.name()), width.min(NAME_WIDTH))
}

/// A row of instants above a row of ticks. An instant whose text would touch the one before has only a tick.
fn axis(grid: &Grid, layout: &Layout<'_>) -> Vec<String> {
    let mut ticks = vec!['-'; grid.columns()];
    let mut labels = String::new();
    let stops = layout.axis.stops();
    for (place, stop) in stops.iter().enumerate() {
        let column = grid.column(stop.x);
        if stop.is_cut {
            let before = place.checked_sub(1).map_or(0, |before| grid.column(stops[before].x));
            ticks[(before + column).div_ceil(2)] = '~';
        }
        ticks[column] = '|';
        let label = stop.at.to_string();
        let is_free = labels.is_empty() || columns(&labels) < column;
        if is_free && column + columns(&label) <= grid.columns() {
            labels.push_str(&" ".repeat(column - columns(&labels)));
            labels.push_str(&label);
        }
    }
    vec![labels, text(&ticks)]
}

fn sign_of_event(kind: MarkKind<'_>) -> Option<char> {
    match kind {
        MarkKind::Note(_) => Some('n'),
        MarkKind::Chosen { .. } => Some('c'),
        _ => None,
    }
}

/// A row of signs where notes were written and choices made; none without any.
fn events(grid: &Grid, layout: &Layout<'_>) -> Option<String> {
    let mut row = vec![' '; grid.columns()];
    for lane in &layout.lanes {
        for mark in &lane.marks {
            let Some(sign) = sign_of_event(mark.kind) else { continue };
            let cell = &mut row[grid.column(mark.x)];
            *cell = if *cell == ' ' || *cell == sign { sign } else { '&' };
        }
    }
    let is_empty = row.iter().all(|&sign| sign == ' ');
    (!is_empty).then(|| text(&row))
}

fn signs(grid: &Grid, lane: &Lane<'_>) -> String {
    let states = grid.states(lane);
    let mut row = Vec::with_capacity(states.len());
    for state in &states {
        row.push(match state {
            Some(State::Waiting(WaitKind::Resource)) => ':',
            Some(State::Waiting(WaitKind::Join)) => '_',
            Some(State::Waiting(WaitKind::Timer | WaitKind::Other) | State::Alive) => '-',
            Some(State::Ready) => '=',
            Some(State::Running) => '#',
            Some(State::Blocking) => 'B',
            None => ' ',
        });
    }
    for mark in &lane.marks {
        let column = grid.column(mark.x).min(row.len() - 1);
        // It begins a stretch of being ready, and never hides more than the beginning of one.
        if matches!(mark.kind, MarkKind::Woken(_)) && states[column] == Some(State::Ready) {
            row[column] = 'w';
        }
    }
    for mark in &lane.marks {
        let sign = match mark.kind {
            MarkKind::AbortRequested(_) => 'a',
            MarkKind::Completed => '.',
            MarkKind::Cancelled => 'x',
            MarkKind::Panicked(_) => '!',
            _ => continue,
        };
        // After the poll in which it happened, where there was one.
        let first = grid.column(mark.x).min(row.len() - 1);
        let next = grid.column(mark.x + 1);
        let is_polled = states[first] >= Some(State::Running);
        let column =
            if is_polled { first.max(next.saturating_sub(1).min(row.len() - 1)) } else { first };
        row[column] = sign;
    }
    text(&row)
}

fn text(signs: &[char]) -> String {
    let mut text = String::with_capacity(signs.len());
    for &sign in signs {
        text.push(sign);
    }
    text
}
