//! The cycle of a deadlock as a picture: tasks to the left, to the right what each wants and the next one has.

use std::fmt::{self, Write};

use crate::render::svg::escaped;
use crate::report::{Deadlock, Link};
use crate::trace::Trace;
use crate::trace::text::{columns, elide_middle};

/// Links that are drawn at most.
const LINKS_MAX: usize = 12;

/// Columns of a name at most.
const NAME_MAX: usize = 40;

/// Pixels: of a character, around a name, from link to link, of a box.
const CHARACTER: usize = 8;
const PADDING: usize = 28;
const PITCH: usize = 84;
const HEIGHT: usize = 36;

/// Where the boxes of the tasks begin, and what lies between them and the resources.
const LEFT: usize = 56;
const BETWEEN: usize = 130;

/// A cycle before it is drawn.
pub(super) struct Cycle<'a> {
    links: &'a [Link],
    trace: &'a Trace,
}

impl<'a> Cycle<'a> {
    pub(super) fn new(deadlock: &'a Deadlock, trace: &'a Trace) -> Self {
        // A picture has no place for a premise, so what is not certain is told in words alone.
        let links: &[Link] = if deadlock.is_cycle_certain { &deadlock.cycle } else { &[] };
        Cycle { links, trace }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// The numbers of the tasks, in the order of the cycle.
    pub(super) fn tasks(&self) -> String {
        let mut numbers = String::new();
        for link in self.links {
            for task in self.trace.tasks() {
                if self.trace.path(task) == Some(&link.path) {
                    let gap = if numbers.is_empty() { "" } else { " " };
                    numbers.push_str(&format!("{gap}{}", task.as_u64()));
                    break;
                }
            }
        }
        numbers
    }

    pub(super) fn draw(&self, out: &mut String) -> fmt::Result {
        let shown = &self.links[..self.links.len().min(LINKS_MAX)];
        let width = |name: &str| columns(&elide_middle(name, NAME_MAX)) * CHARACTER + PADDING;
        let (mut tasks, mut resources) = (120, 120);
        for link in shown {
            tasks = tasks.max(width(&link.path));
            resources = resources.max(link.resource.as_deref().map_or(0, width));
        }
        let right = LEFT + tasks + BETWEEN;
        let (total, height) = (right + resources + 16, shown.len() * PITCH + 30);
        writeln!(
            out,
            "<svg class=\"cycle\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {total} {height}\" \
             width=\"{total}\" height=\"{height}\" role=\"img\" aria-label=\"{}\">",
            escaped(&self.told())
        )?;
        for (place, link) in shown.iter().enumerate() {
            let y = 8 + place * PITCH;
            let is_last = place + 1 == shown.len();
            node(out, "cycle-task", LEFT, y, tasks, &link.path)?;
            if let Some(resource) = &link.resource {
                node(out, "cycle-resource", right, y, resources, resource)?;
                let (from, to) = (LEFT + tasks, right - 2);
                arrow(
                    out,
                    &format!("M{from} {}H{to}", y + HEIGHT / 2),
                    "wants",
                    (from + 16, y + 12),
                )?;
            }
            self.draw_to_next(out, link, y, (tasks, right, resources), is_last)?;
        }
        if self.links.len() > shown.len() {
            let more = self.links.len() - shown.len();
            let y = height - 4;
            writeln!(
                out,
                "<text class=\"cycle-more\" x=\"{LEFT}\" y=\"{y}\">and {more} more</text>"
            )?;
        }
        out.push_str("</svg>\n");
        Ok(())
    }

    /// Draws the arrow to the task of the next link, or back to the first.
    fn draw_to_next(
        &self,
        out: &mut String,
        link: &Link,
        y: usize,
        (tasks, right, resources): (usize, usize, usize),
        is_last: bool,
    ) -> fmt::Result {
        let label = if link.resource.is_some() { "held by" } else { "joins" };
        let below = y + HEIGHT;
        let start = match link.resource {
            Some(_) => right + resources / 2,
            None => LEFT + tasks / 2,
        };
        if is_last {
            let (turn, end) = (below + 22, 8 + HEIGHT / 2);
            let path = format!("M{start} {below}V{turn}H24V{end}H{}", LEFT - 2);
            return arrow(out, &path, label, (start.saturating_sub(72), turn - 6));
        }
        let (middle, end) = (y + (PITCH + HEIGHT) / 2, LEFT + tasks / 2);
        let path = match link.resource {
            Some(_) => format!("M{start} {below}V{middle}H{end}V{}", y + PITCH - 2),
            None => format!("M{start} {below}V{}", y + PITCH - 2),
        };
        let label_x = if link.resource.is_some() { start.saturating_sub(72) } else { start + 8 };
        arrow(out, &path, label, (label_x, middle - 6))
    }

    fn told(&self) -> String {
        let mut text = "a cycle: ".to_owned();
        for Link { path, resource } in self.links.iter().take(LINKS_MAX) {
            match resource {
                Some(resource) => text.push_str(&format!("{path} waits for {resource}, held by ")),
                None => text.push_str(&format!("{path} joins ")),
            }
        }
        text + self.links.first().map_or("", |first| &first.path)
    }
}

fn node(
    out: &mut String,
    class: &str,
    x: usize,
    y: usize,
    width: usize,
    name: &str,
) -> fmt::Result {
    let round = if class == "cycle-task" { 6 } else { HEIGHT / 2 };
    let (name, title) = (escaped(&elide_middle(name, NAME_MAX)), escaped(name));
    let (middle, baseline) = (x + width / 2, y + HEIGHT / 2 + 5);
    writeln!(
        out,
        "<g class=\"{class}\"><title>{title}</title>\
         <rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HEIGHT}\" rx=\"{round}\"/>\
         <text x=\"{middle}\" y=\"{baseline}\" text-anchor=\"middle\">{name}</text></g>"
    )
}

fn arrow(out: &mut String, path: &str, label: &str, (x, y): (usize, usize)) -> fmt::Result {
    // The head points the way the last stroke goes.
    let is_down = path.rfind('V') > path.rfind('H');
    let head = if is_down { "m-5 -8l5 8l5 -8" } else { "m-8 -5l8 5l-8 5" };
    writeln!(
        out,
        "<path class=\"cycle-arrow\" d=\"{path}{head}\"/>\
         <text class=\"cycle-label\" x=\"{x}\" y=\"{y}\">{label}</text>"
    )
}
