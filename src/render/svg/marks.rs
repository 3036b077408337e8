//! Marks on the rows: how a task ended, its notes, its timers, choices that made it run.

use std::fmt::{self, Write};

use super::words::{self, escaped};
use super::{Picture, ROW, merged};
use crate::kernel::ordered::{self, Map, Set};
use crate::render::layout::{Lane, Mark, MarkKind};

/// Marks at most; where there are more, those of a kind that stand close together are drawn as one.
const MARKS_MAX: usize = 1_500;

/// Titles that a mark has at most, where it stands for several.
const TITLES_MAX: usize = 4;

/// The shape of a mark.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Shape {
    Woken,
    TimerFired,
    Note,
    Chosen,
    AbortRequested,
    Completed,
    Cancelled,
    Panicked,
}

impl ordered::Key for Shape {
    fn number(self) -> u128 {
        self as u128
    }

    fn from_number(number: u128) -> Self {
        Shape::ALL[number as usize]
    }
}

/// What the marks show, for the legend.
#[derive(Default)]
pub(super) struct Drawn {
    pub(super) shapes: Set<Shape>,
    /// Marks that share a shape with another.
    pub(super) merged: usize,
}

impl Shape {
    const ALL: [Shape; 8] = [
        Shape::Woken,
        Shape::TimerFired,
        Shape::Note,
        Shape::Chosen,
        Shape::AbortRequested,
        Shape::Completed,
        Shape::Cancelled,
        Shape::Panicked,
    ];

    /// None for what another part of the picture shows: a wake by a timer or by another task.
    fn of(lane: &Lane<'_>, kind: MarkKind<'_>) -> Option<Shape> {
        Some(match kind {
            MarkKind::Woken(by) if lane.is_woken_unseen(by) => Shape::Woken,
            MarkKind::Woken(_) => return None,
            MarkKind::Completed => Shape::Completed,
            MarkKind::Cancelled => Shape::Cancelled,
            MarkKind::Panicked(_) => Shape::Panicked,
            MarkKind::AbortRequested(_) => Shape::AbortRequested,
            MarkKind::Note(_) => Shape::Note,
            MarkKind::TimerFired(_) => Shape::TimerFired,
            MarkKind::Chosen { .. } => Shape::Chosen,
        })
    }

    /// Its class, and its outline around a point in the middle of a row.
    pub(super) fn looks(self) -> (&'static str, &'static str) {
        match self {
            Shape::Woken => ("woken", "m-2 -5l6 5l-6 5z"),
            Shape::TimerFired => ("fired", "m-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0z"),
            Shape::Note => ("note", "m0 -6l-4 -6h8z"),
            Shape::Chosen => ("chosen", "m0 5l4 4l-4 4l-4 -4z"),
            Shape::AbortRequested => ("abort", "m0 -13l4 4l-4 4l-4 -4z"),
            Shape::Completed => ("completed", "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z"),
            Shape::Cancelled => ("cancelled", "m-4 -4l8 8m0 -8l-8 8"),
            Shape::Panicked => {
                ("panicked", "m0 -8l2 5l5 -2l-2 5l3 3l-5 1l-3 5l-3 -5l-5 -1l3 -3l-2 -5l5 2z")
            }
        }
    }

    /// Whether most tasks have it: where many share a row, there is no room for it.
    fn is_common(self) -> bool {
        matches!(self, Shape::Woken | Shape::TimerFired | Shape::Completed)
    }

    fn is_end(self) -> bool {
        matches!(self, Shape::Completed | Shape::Cancelled | Shape::Panicked)
    }
}

/// Marks of one shape at one place of a row.
struct Group<'a> {
    x: usize,
    /// The first of them, each with the lane that it is of.
    marks: Vec<(&'a Lane<'a>, &'a Mark<'a>)>,
    count: usize,
}

/// Row, place in the row, shape.
type Key = (usize, usize, Shape);

pub(super) fn draw(out: &mut String, picture: &Picture<'_>) -> Result<Drawn, fmt::Error> {
    let coarser = |(row, cell, shape): Key| (row, cell / 2, shape);
    let groups = merged(groups(picture), MARKS_MAX, coarser, Group::join);
    let mut drawn = Drawn::default();
    for ((row, _, shape), group) in groups.into_entries() {
        let (x, y) = (group.x, picture.y(row) + ROW / 2);
        let (class, outline) = shape.looks();
        write!(out, "<path class=\"{class}\" d=\"M{x} {y}{outline}\"><title>")?;
        for (number, (lane, mark)) in group.marks.iter().enumerate() {
            let line_break = if number > 0 { "\n" } else { "" };
            write!(out, "{line_break}{}", escaped(&words::mark(picture.layout, lane, mark)))?;
        }
        if group.count > group.marks.len() {
            write!(out, "\nand {} more", group.count - group.marks.len())?;
        }
        out.push_str("</title></path>\n");
        drawn.merged += group.count - 1;
        drawn.shapes.insert(shape);
    }
    Ok(drawn)
}

/// All marks, those of one shape and pixel together.
fn groups<'a>(picture: &Picture<'a>) -> Map<Key, Group<'a>> {
    let mut groups: Map<Key, Group<'a>> = Map::new();
    for (number, lane) in picture.layout.lanes.iter().enumerate() {
        for mark in &lane.marks {
            let Some(shape) = Shape::of(lane, mark.kind) else { continue };
            let row = picture.row(number);
            if row == picture.shown && shape.is_common() {
                continue;
            }
            // What ends a task stands where its last span ends: after the poll, where it was in one.
            let x = match lane.spans.last() {
                Some(last) if shape.is_end() => picture.x(last.to),
                // At the beginning of what comes after it.
                _ if shape == Shape::Woken => picture.x(mark.x) + 2,
                _ => picture.middle(mark.x),
            };
            let group = groups.get_or_insert_with((row, x, shape), || Group {
                x,
                marks: Vec::new(),
                count: 0,
            });
            group.join(Group { x, marks: vec![(lane, mark)], count: 1 });
        }
    }
    groups
}

impl<'a> Group<'a> {
    fn join(&mut self, other: Group<'a>) {
        self.count += other.count;
        for &mark in &other.marks {
            if self.marks.len() < TITLES_MAX {
                self.marks.push(mark);
            }
        }
    }
}
