//! Arrows from the task that woke to the one that was woken.

use std::cmp::Reverse;
use std::fmt::{self, Write};

use super::words::{self, escaped};
use super::{Picture, ROW, merged};
use crate::kernel::ordered::{Map, sort_by_key};
use crate::render::layout::Wake;

/// Arrows at most; where there are more, those between the same rows that stand close together are one.
const ARROWS_MAX: usize = 160;

/// What the arrows show, for the legend.
#[derive(Default)]
pub(super) struct Drawn {
    pub(super) arrows: usize,
    /// Wakes between rows.
    pub(super) wakes: usize,
    /// Wakes of arrows that had no room.
    pub(super) left_out: usize,
}

struct Arrow<'a> {
    first: &'a Wake<'a>,
    count: usize,
}

pub(super) fn draw(out: &mut String, picture: &Picture<'_>) -> Result<Drawn, fmt::Error> {
    let mut arrows: Map<(usize, usize, usize), Arrow<'_>> = Map::new();
    let mut drawn = Drawn::default();
    for wake in &picture.layout.wakes {
        let (from, to) = (picture.row(wake.from), picture.row(wake.to));
        // Inside the last row, nobody sees who is who.
        if from != to {
            let x = place(picture, wake);
            let arrow =
                arrows.get_or_insert_with((x, from, to), || Arrow { first: wake, count: 0 });
            arrow.count += 1;
            drawn.wakes += 1;
        }
    }
    let coarser = |(x, from, to)| (x / 2, from, to);
    let join = |arrow: &mut Arrow<'_>, other: Arrow<'_>| arrow.count += other.count;
    let entries = merged(arrows, ARROWS_MAX, coarser, join).into_entries();
    let mut arrows = Vec::new();
    for arrow in entries {
        arrows.push(arrow);
    }
    if arrows.len() > ARROWS_MAX {
        sort_by_key(&mut arrows, |(_, arrow)| Reverse(arrow.count));
        for (_, arrow) in &arrows[ARROWS_MAX..] {
            drawn.left_out += arrow.count;
        }
        arrows.truncate(ARROWS_MAX);
    }
    drawn.arrows = arrows.len();
    for &((_, from, to), Arrow { first, count }) in &arrows {
        let x = place(picture, first);
        let from = picture.y(from) + ROW / 2;
        // The point touches the bar of the one that is woken, from the side it comes from.
        let (to, head) = match picture.y(to) + ROW / 2 {
            to if to > from => (to - 4, "l-3 -6h6z"),
            to => (to + 4, "l-3 6h6z"),
        };
        let lanes = &picture.layout.lanes;
        let (waker, woken) = (words::path(&lanes[first.from]), words::path(&lanes[first.to]));
        let mut title = format!("{waker} wakes {woken}, at {}, turn {}", first.at, first.turn);
        if let Some(resource) = first.resource {
            write!(title, ", served by {resource}")?;
        }
        if count > 1 {
            write!(title, ", and {} more wakes like it", count - 1)?;
        }
        let title = escaped(&title);
        writeln!(
            out,
            "<g class=\"wake\"><title>{title}</title><path d=\"M{x} {from}V{to}\"/>\
             <path class=\"head\" d=\"M{x} {to}{head}\"/></g>"
        )?;
    }
    Ok(drawn)
}

/// Right of the middle of the waker's poll, where marks stand.
fn place(picture: &Picture<'_>, wake: &Wake<'_>) -> usize {
    (picture.x(wake.x) + 3 * picture.x(wake.x + 1)) / 4
}
