//! What the marks of the picture mean, and what is not in it.

use std::fmt::{self, Write};

use super::marks::Shape;
use super::{CHARACTER, Drawn, Picture, rows};
use crate::render::layout::{State, WaitKind};
use crate::trace::text::{columns, counted};

/// The height of a line of the legend.
const LINE: usize = 20;

/// Draws a legend of all that the picture shows, below `top`, and returns where it ends.
pub(super) fn draw(
    out: &mut String,
    picture: &Picture<'_>,
    drawn: &Drawn,
    top: usize,
) -> Result<usize, fmt::Error> {
    let mut flow = Flow { x: 12, y: top, width: picture.width };
    for &(state, meaning) in &STATES {
        if drawn.rows.states.contains(&state) {
            let (x, y) = flow.place(meaning);
            let (class, height) = rows::looks(state);
            let top = y - height / 2;
            write!(
                out,
                "<rect class=\"{class}\" x=\"{x}\" y=\"{top}\" width=\"20\" height=\"{height}\"/>"
            )?;
            text(out, x + 26, y, meaning)?;
        }
    }
    if drawn.wakes.arrows > 0 {
        let meaning = "wakes the other task";
        let (x, y) = flow.place(meaning);
        let (x_middle, top, end) = (x + 10, y - 8, y + 8);
        write!(
            out,
            "<g class=\"wake\"><path d=\"M{x_middle} {top}V{end}\"/>\
             <path class=\"head\" d=\"M{x_middle} {end}l-3 -6h6z\"/></g>"
        )?;
        text(out, x + 26, y, meaning)?;
    }
    for shape in drawn.marks.shapes.iter() {
        let meaning = meaning(shape);
        let (x, y) = flow.place(meaning);
        // Those that stand above or below a bar stand in the middle here.
        let y_mark = match shape {
            Shape::Note | Shape::AbortRequested => y + 9,
            Shape::Chosen => y - 9,
            _ => y,
        };
        let (class, outline) = shape.looks();
        write!(out, "<path class=\"{class}\" d=\"M{} {y_mark}{outline}\"/>", x + 10)?;
        text(out, x + 26, y, meaning)?;
    }
    if drawn.has_cut {
        let meaning = "time cut short";
        let (x, y) = flow.place(meaning);
        let top = y - 7;
        write!(out, "<rect class=\"cut\" x=\"{x}\" y=\"{top}\" width=\"20\" height=\"14\"/>")?;
        text(out, x + 26, y, meaning)?;
    }
    for line in &left_out(drawn) {
        flow.new_line();
        text(out, 12, flow.y + LINE / 2, line)?;
    }
    Ok(flow.y + LINE)
}

const STATES: [(State, &str); 8] = [
    (State::Running, "is polled"),
    (State::Blocking, "blocks the loop"),
    (State::Ready, "is ready"),
    (State::Waiting(WaitKind::Resource), "waits for a resource"),
    (State::Waiting(WaitKind::Join), "joins a task"),
    (State::Waiting(WaitKind::Timer), "sleeps"),
    (State::Waiting(WaitKind::Other), "waits for another thing"),
    (State::Alive, "lives"),
];

fn meaning(shape: Shape) -> &'static str {
    match shape {
        Shape::Woken => "woken by itself or the loop",
        Shape::TimerFired => "its timer fires",
        Shape::Note => "note",
        Shape::Chosen => "chosen before others",
        Shape::AbortRequested => "cancellation asked for",
        Shape::Completed => "completed",
        Shape::Cancelled => "cancelled",
        Shape::Panicked => "panicked",
    }
}

fn left_out(drawn: &Drawn) -> Vec<String> {
    let mut lines = Vec::new();
    if drawn.rows.rest > 0 {
        let tasks = counted(drawn.rows.rest, "task", "tasks");
        lines.push(format!("the last row is of {tasks} together, without timers and completions"));
    }
    if drawn.rows.is_merged {
        lines.push("turns share pixels: a bar shows the most that a task does there".to_owned());
    }
    if drawn.marks.merged > 0 {
        let marks = counted(drawn.marks.merged, "mark lies", "marks lie");
        lines.push(format!("{marks} under others of the same kind; titles tell the first of them"));
    }
    let wakes = drawn.wakes.wakes - drawn.wakes.left_out;
    if wakes > drawn.wakes.arrows {
        lines.push(format!("{} arrows stand for {wakes} wakes", drawn.wakes.arrows));
    }
    if drawn.wakes.left_out > 0 {
        let left = counted(drawn.wakes.left_out, "more wake has", "more wakes have");
        lines.push(format!("{left} no arrow"));
    }
    lines
}

fn text(out: &mut String, x: usize, y: usize, text: &str) -> fmt::Result {
    let y = y + 4;
    writeln!(out, "<text class=\"key\" x=\"{x}\" y=\"{y}\">{text}</text>")
}

/// Places one item after the other, in as many lines as they need.
struct Flow {
    x: usize,
    y: usize,
    width: usize,
}

impl Flow {
    /// Returns the left edge and the middle of the height of an item's place.
    fn place(&mut self, meaning: &str) -> (usize, usize) {
        let width = 26 + columns(meaning) * CHARACTER / 10 + 14;
        if self.x + width > self.width && self.x > 12 {
            self.new_line();
        }
        let place = (self.x, self.y + LINE / 2);
        self.x += width;
        place
    }

    fn new_line(&mut self) {
        (self.x, self.y) = (12, self.y + LINE);
    }
}
