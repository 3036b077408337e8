//! The rows: a name, and bars for what the task does.

use std::fmt::{self, Write};

use super::words::{self, escaped};
use super::{Picture, ROW};
use crate::kernel::Instant;
use crate::render::layout::{Lane, State, WaitKind};
use crate::trace::text::counted;

/// Bars at most, where those that share a pixel are drawn as one.
const BARS_MAX: usize = 6_000;

/// Pixels of a cell in which bars are drawn as one, at least.
const CELL: usize = 4;

/// What the rows show, for the legend.
#[derive(Default)]
pub(super) struct Drawn {
    pub(super) states: Vec<State>,
    /// Lanes in the last row, where it is of several.
    pub(super) rest: usize,
    /// Whether a bar may stand for several spans.
    pub(super) is_merged: bool,
}

/// Draws the ground of each row, which everything else lies on.
pub(super) fn draw_stripes(out: &mut String, picture: &Picture<'_>) -> fmt::Result {
    for row in (0..picture.rows()).step_by(2) {
        let (y, width) = (picture.y(row), picture.width - 16);
        writeln!(
            out,
            "<rect class=\"stripe\" x=\"8\" y=\"{y}\" width=\"{width}\" height=\"{ROW}\" rx=\"4\"/>"
        )?;
    }
    Ok(())
}

pub(super) fn draw(out: &mut String, picture: &Picture<'_>) -> Result<Drawn, fmt::Error> {
    let mut drawn = Drawn { is_merged: picture.grid.scale() < 2, ..Drawn::default() };
    let (shown, rest) = picture.layout.lanes.split_at(picture.shown);
    for (row, lane) in shown.iter().enumerate() {
        let (x, y) = (12 + words::indent(lane), picture.y(row) + 17);
        let (name, path) = (escaped(&words::name(lane)), escaped(&words::path(lane)));
        writeln!(
            out,
            "<text class=\"name\" x=\"{x}\" y=\"{y}\">{name}<title>{path}</title></text>"
        )?;
        if drawn.is_merged {
            let cells = Cells::of(picture, std::slice::from_ref(lane));
            let path = words::path(lane);
            cells.draw(out, picture, row, &mut drawn, &|cell| {
                let polls = counted(cell.polls, "poll", "polls");
                format!("{path}: {polls} {}", words::stretch(cell.since, cell.until))
            })?;
        } else {
            for span in &lane.spans {
                let (from, to) = (picture.x(span.from), picture.x(span.to));
                let title = words::span(picture.layout, lane, span);
                bar(out, picture, row, span.state, from..to, &title)?;
                drawn.saw(span.state);
            }
        }
    }
    if picture.has_rest() {
        drawn.rest = rest.len();
        let (row, y) = (picture.shown, picture.y(picture.shown) + 17);
        let name = format!("and {} more", rest.len());
        writeln!(out, "<text class=\"name rest\" x=\"12\" y=\"{y}\">{name}</text>")?;
        Cells::of(picture, rest).draw(out, picture, row, &mut drawn, &|cell| {
            let polls = counted(cell.polls, "poll", "polls");
            let tasks = counted(cell.tasks, "task", "tasks");
            format!("up to {tasks}, {polls} {}", words::stretch(cell.since, cell.until))
        })?;
    }
    Ok(drawn)
}

impl Drawn {
    fn saw(&mut self, state: State) {
        if !self.states.contains(&state) {
            self.states.push(state);
        }
    }
}

/// Draws a bar; its height tells states apart as its colour does.
fn bar(
    out: &mut String,
    picture: &Picture<'_>,
    row: usize,
    state: State,
    x: std::ops::Range<usize>,
    title: &str,
) -> fmt::Result {
    // Polls that follow each other stay apart, where there is room.
    let gap = usize::from(state == State::Running && picture.grid.scale() >= 4);
    let (width, title) = (x.len().saturating_sub(gap).max(1), escaped(title));
    let (class, height) = looks(state);
    let y = picture.y(row) + (ROW - height) / 2;
    let x = x.start;
    writeln!(
        out,
        "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\">\
         <title>{title}</title></rect>"
    )
}

/// The class and the height of a bar.
pub(super) fn looks(state: State) -> (&'static str, usize) {
    match state {
        State::Alive => ("alive", 6),
        State::Waiting(WaitKind::Other) => ("waits", 2),
        State::Waiting(WaitKind::Timer) => ("timed", 2),
        State::Waiting(WaitKind::Join) => ("joins", 4),
        State::Waiting(WaitKind::Resource) => ("queued", 6),
        State::Ready => ("ready", 8),
        State::Running => ("runs", 14),
        State::Blocking => ("blocks", 14),
    }
}

/// Lanes cut into cells of the same width, each of which shows the most that is done in it.
struct Cells {
    /// Pixels of a cell.
    size: usize,
    cells: Vec<Cell>,
}

#[derive(Clone, Copy)]
struct Cell {
    state: Option<State>,
    polls: usize,
    /// Lanes with anything in it; in several cells, the most at once.
    tasks: usize,
    since: Instant,
    until: Instant,
    /// The lane that was seen last.
    last: usize,
}

impl Cells {
    fn of(picture: &Picture<'_>, lanes: &[Lane<'_>]) -> Cells {
        let size = CELL.max((picture.grid.columns() * picture.rows()).div_ceil(BARS_MAX));
        let empty = Cell {
            state: None,
            polls: 0,
            tasks: 0,
            since: Instant::from_nanos(u64::MAX),
            until: Instant::ZERO,
            last: usize::MAX,
        };
        let count = picture.grid.columns().div_ceil(size);
        let mut cells = vec![empty; count];
        for (number, lane) in lanes.iter().enumerate() {
            for span in &lane.spans {
                let from = picture.grid.column(span.from) / size;
                let to = picture.grid.column(span.to).div_ceil(size).max(from + 1).min(count);
                // In one cell only, where it reaches into two.
                cells[from].polls += usize::from(span.state == State::Running);
                for cell in &mut cells[from..to] {
                    cell.tasks += usize::from(cell.last != number);
                    cell.last = number;
                    cell.state = cell.state.max(Some(span.state));
                    cell.since = cell.since.min(span.since);
                    cell.until = cell.until.max(span.until);
                }
            }
        }
        Cells { size, cells }
    }

    /// Draws cells that follow each other and look the same as one bar.
    fn draw(
        &self,
        out: &mut String,
        picture: &Picture<'_>,
        row: usize,
        drawn: &mut Drawn,
        title: &dyn Fn(&Cell) -> String,
    ) -> fmt::Result {
        let class = |cell: Cell| cell.state.map(|state| looks(state).0);
        let edge = |cell: usize| picture.left + (cell * self.size).min(picture.grid.columns());
        let mut end = 0;
        while let Some(&first) = self.cells.get(end) {
            let (start, mut all) = (end, first);
            end += 1;
            while end < self.cells.len() && class(self.cells[end]) == class(first) {
                all = all.with(self.cells[end]);
                end += 1;
            }
            if let Some(state) = first.state {
                bar(out, picture, row, state, edge(start)..edge(end), &title(&all))?;
                drawn.saw(state);
            }
        }
        Ok(())
    }
}

impl Cell {
    /// This cell and a later one.
    fn with(self, later: Cell) -> Cell {
        Cell {
            polls: self.polls + later.polls,
            tasks: self.tasks.max(later.tasks),
            since: self.since.min(later.since),
            until: self.until.max(later.until),
            ..self
        }
    }
}
