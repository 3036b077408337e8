//! A trace as lanes of text: a row for each task, time from left to right.

use std::fmt;

use super::layout::{Lane, Layout, MarkKind, State};
use crate::trace::Trace;
use crate::trace::text::{columns, elide_middle};

/// The width in columns unless another is asked for.
const WIDTH: usize = 100;

/// Columns that names take at most.
const NAME_WIDTH: usize = 28;

/// Lanes that are shown at most.
const LANES_MAX: usize = 60;

/// A picture of a trace in text; see [`Trace::lanes`].
#[derive(Clone, Debug)]
#[must_use = "lanes are shown by their `Display`"]
pub struct Lanes<'a> {
    trace: &'a Trace,
    width: usize,
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
    /// | `=` | is ready |
    /// | `-` | waits, or lives where the trace has no polls |
    /// | `.` | has completed |
    /// | `x` | was cancelled |
    /// | `!` | panicked |
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
        Lanes { trace: self, width: WIDTH }
    }
}

impl Lanes<'_> {
    /// Sets the width that no line exceeds, in columns of a terminal. At least 20 are taken.
    pub fn width(self, columns: usize) -> Self {
        Lanes { width: columns.max(20), ..self }
    }
}

impl fmt::Display for Lanes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layout = Layout::new(self.trace);
        if layout.lanes.is_empty() {
            return writeln!(f, "nothing was recorded");
        }
        let shown = &layout.lanes[..layout.lanes.len().min(LANES_MAX)];
        let names: Vec<String> = shown.iter().map(|lane| name(lane, self.width / 3)).collect();
        let margin = names.iter().map(|name| columns(name)).max().unwrap_or(0);
        let grid = Grid::new(layout.axis.width(), (self.width - margin - 2) as u64);
        for row in grid.axis(&layout) {
            writeln!(f, "{:margin$}  {row}", "")?;
        }
        for (name, lane) in names.iter().zip(shown) {
            let gap = " ".repeat(margin - columns(name));
            let row: String = grid.row(lane).into_iter().collect();
            writeln!(f, "{}", format!("{name}{gap}  {row}").trim_end())?;
        }
        if layout.lanes.len() > shown.len() {
            writeln!(f, "and {} more tasks", layout.lanes.len() - shown.len())?;
        }
        Ok(())
    }
}

/// The last step of the path, set in by its depth.
fn name(lane: &Lane<'_>, width: usize) -> String {
    let step =
        if lane.depth == 0 { lane.path } else { lane.path.rsplit('/').next().unwrap_or("?") };
    let indent = "  ".repeat(lane.depth.min(6));
    elide_middle(&format!("{indent}{step}"), width.min(NAME_WIDTH))
}

/// How the units of the axis fall into columns.
struct Grid {
    units: u64,
    columns: u64,
}

impl Grid {
    /// A unit takes several columns only if all do.
    fn new(units: u64, columns: u64) -> Grid {
        let units = units.max(1);
        let scale = columns / units;
        Grid { units, columns: if scale > 0 { units * scale.min(4) } else { columns } }
    }

    fn column(&self, x: u64) -> usize {
        (u128::from(x) * u128::from(self.columns) / u128::from(self.units)) as usize
    }

    /// A row of instants above a row of ticks. An instant whose text would touch the one before has only a tick.
    fn axis(&self, layout: &Layout<'_>) -> [String; 2] {
        let mut ticks = vec!['-'; self.columns as usize];
        let mut labels = String::new();
        let stops = layout.axis.stops();
        for (place, stop) in stops.iter().enumerate() {
            let column = self.column(stop.x);
            if stop.is_cut {
                let before = place.checked_sub(1).map_or(0, |before| self.column(stops[before].x));
                ticks[(before + column).div_ceil(2)] = '~';
            }
            ticks[column] = '|';
            let label = stop.at.to_string();
            let is_free = labels.is_empty() || columns(&labels) < column;
            if is_free && column + columns(&label) <= self.columns as usize {
                labels.extend(std::iter::repeat_n(' ', column - columns(&labels)));
                labels.push_str(&label);
            }
        }
        [labels, ticks.into_iter().collect()]
    }

    fn row(&self, lane: &Lane<'_>) -> Vec<char> {
        let mut row = vec![(None, ' '); self.columns as usize];
        for span in &lane.spans {
            let sign = match span.state {
                State::Waiting(_) | State::Alive => '-',
                State::Ready => '=',
                State::Running => '#',
                State::Blocking => 'B',
            };
            let (from, to) = (self.column(span.from), self.column(span.to));
            // Several spans may fall into one column: the one in which most is done is shown.
            for cell in &mut row[from..to.max(from + 1).min(self.columns as usize)] {
                if cell.0 < Some(span.state) {
                    *cell = (Some(span.state), sign);
                }
            }
        }
        for mark in &lane.marks {
            let sign = match mark.kind {
                MarkKind::Completed => '.',
                MarkKind::Cancelled => 'x',
                MarkKind::Panicked(_) => '!',
                _ => continue,
            };
            // After the poll in which it happened, where there was one.
            let (first, next) = (self.column(mark.x), self.column(mark.x + 1));
            let is_polled = row[first].0 >= Some(State::Running);
            let column = if is_polled { first.max(next.saturating_sub(1)) } else { first };
            row[column].1 = sign;
        }
        row.into_iter().map(|(_, sign)| sign).collect()
    }
}
