//! A trace as one SVG file: a lane for each task, wakes as arrows, a legend.
//!
//! The picture needs nothing from outside, is readable in light and dark, says in a title what each part is,
//! and tells everything by shape as well as by colour. Its size is bounded, however long the trace: what does
//! not fit is drawn together, and the last lines say so.

mod legend;
mod marks;
mod rows;
mod style;
mod wakes;
mod words;

use std::fmt;

use super::grid::Grid;
use super::layout::Layout;
use crate::kernel::ordered::{Key, Map};
use crate::trace::Trace;
use crate::trace::text::columns;
pub(super) use words::{escaped, headline};

/// The width in pixels unless another is asked for.
const WIDTH: u32 = 960;

/// Lanes that are drawn each for itself at most; the others share one.
const LANES_MAX: usize = 48;

/// The height of a lane.
const ROW: usize = 26;

/// The height of the title and of the axis above the lanes.
const HEAD: usize = 62;

/// The width of a character of the font, in tenths of a pixel, with some room to spare.
const CHARACTER: usize = 73;

/// Columns of text that a name takes at most.
const NAME_MAX: usize = 28;

/// Pixels between the lines of two instants at least, unless both have a text.
const LINES_APART: usize = 20;

/// Pixels that a unit of the axis takes at most.
const UNIT_MAX: u64 = 26;

/// A picture of a trace as SVG; see [`Trace::svg`].
#[derive(Clone, Debug)]
#[must_use = "a picture is shown by its `Display`"]
pub struct Svg<'a> {
    trace: &'a Trace,
    width: u32,
}

impl Trace {
    /// Draws the trace as an SVG file: a lane for each task, grouped under its parent, with time from left to
    /// right.
    ///
    /// An instant takes room for each of its turns, and the time between two instants takes room by one scale;
    /// a hatched band marks where a long stretch was cut. Bars show what a task does, arrows who woke whom,
    /// and a legend explains each mark. Pointing at a part shows its title: instant, turn and text.
    ///
    /// The file is self-contained and has colours for light and dark. Of more than 48 tasks the others share
    /// the last lane, and where turns have too little room, those that share a pixel are drawn as one; the
    /// picture then says so. So its size is bounded, however long the trace: that of a million records takes less
    /// than 1 MB.
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
    /// let svg = report.trace.svg().to_string();
    /// assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    /// assert!(svg.contains("<title>main/nap: sleeps until 1s, from 0s to 1s (1s)</title>"));
    /// ```
    pub fn svg(&self) -> Svg<'_> {
        Svg { trace: self, width: WIDTH }
    }
}

impl Svg<'_> {
    /// Sets the width in pixels, of 400 to 10,000. A picture that needs less room is narrower.
    #[inline]
    pub fn width(self, pixels: u32) -> Self {
        Svg { width: pixels.clamp(400, 10_000), ..self }
    }
}

impl fmt::Display for Svg<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.trace, &Layout::new(self.trace), self.width as usize)
    }
}

/// Writes the picture of a trace that is laid out already.
pub(super) fn write(
    f: &mut fmt::Formatter<'_>,
    trace: &Trace,
    layout: &Layout<'_>,
    width: usize,
) -> fmt::Result {
    let picture = Picture::new(layout, width);
    let mut body = String::new();
    let head = headline(trace, layout);
    let drawn = picture.draw(&mut body, &head)?;
    let foot = legend::draw(&mut body, &picture, &drawn, picture.bottom() + 12)?;
    let (width, height) = (picture.width, foot + 12);
    let head = escaped(&head);
    writeln!(
        f,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-label=\"{head}\">"
    )?;
    f.write_str(style::STYLE)?;
    writeln!(f, "<rect class=\"page\" width=\"{width}\" height=\"{height}\"/>")?;
    f.write_str(&body)?;
    f.write_str("</svg>\n")
}

/// Where things stand, in pixels.
struct Picture<'a> {
    layout: &'a Layout<'a>,
    grid: Grid,
    /// Where the lanes begin, right of the names.
    left: usize,
    width: usize,
    /// Lanes that are drawn each for itself.
    shown: usize,
}

/// What is in the picture, for the legend.
#[derive(Default)]
struct Drawn {
    rows: rows::Drawn,
    marks: marks::Drawn,
    wakes: wakes::Drawn,
    has_cut: bool,
}

impl<'a> Picture<'a> {
    fn new(layout: &'a Layout<'a>, width: usize) -> Self {
        let shown = layout.lanes.len().min(LANES_MAX);
        let mut names = 0;
        for lane in &layout.lanes[..shown] {
            names = names.max(columns(&words::name(lane)) * CHARACTER / 10 + words::indent(lane));
        }
        let left = names.max(if shown < layout.lanes.len() { 120 } else { 40 }) + 24;
        let grid = Grid::new(layout.axis.width(), (width - left - 24) as u64, UNIT_MAX);
        // Room for the headline and the legend.
        let width = (left + grid.columns() + 24).max(width.min(640));
        Picture { layout, grid, left, width, shown }
    }

    fn rows(&self) -> usize {
        self.shown + usize::from(self.has_rest())
    }

    /// Whether the last row is of several lanes.
    fn has_rest(&self) -> bool {
        self.shown < self.layout.lanes.len()
    }

    /// The row in which a lane is drawn.
    fn row(&self, lane: usize) -> usize {
        lane.min(self.shown)
    }

    fn x(&self, x: u64) -> usize {
        self.left + self.grid.column(x)
    }

    /// The middle of a unit.
    fn middle(&self, x: u64) -> usize {
        (self.x(x) + self.x(x + 1)) / 2
    }

    /// The upper edge of a row.
    fn y(&self, row: usize) -> usize {
        HEAD + row * ROW
    }

    fn bottom(&self) -> usize {
        self.y(self.rows())
    }

    fn draw(&self, out: &mut String, head: &str) -> Result<Drawn, fmt::Error> {
        use fmt::Write;
        writeln!(out, "<text class=\"head\" x=\"12\" y=\"22\">{}</text>", words::escaped(head))?;
        rows::draw_stripes(out, self)?;
        let has_cut = self.draw_axis(out)?;
        let rows = rows::draw(out, self)?;
        let wakes = wakes::draw(out, self)?;
        let marks = marks::draw(out, self)?;
        Ok(Drawn { rows, marks, wakes, has_cut })
    }

    /// Draws the instants, and bands where time was cut. An instant whose text would touch the one before has
    /// only a line, and no line where there would be hundreds.
    fn draw_axis(&self, out: &mut String) -> Result<bool, fmt::Error> {
        use fmt::Write;
        let (top, bottom) = (HEAD - 6, self.bottom());
        let stops = self.layout.axis.stops();
        let (mut has_cut, mut free, mut free_for_line) = (false, 0, 0);
        for (place, stop) in stops.iter().enumerate() {
            let x = self.x(stop.x);
            let before = place.checked_sub(1).map(|before| &stops[before]);
            if let Some(before) = before.filter(|_| stop.is_cut && x >= free_for_line) {
                let width = (self.grid.column(24) - self.grid.column(0)) / 4;
                let width = width.clamp(6, 40);
                let from = (x - width).saturating_sub(width);
                writeln!(
                    out,
                    "<rect class=\"cut\" x=\"{from}\" y=\"{top}\" width=\"{width}\" height=\"{}\">\
                     <title>cut short: from {} to {} nothing happens</title></rect>",
                    bottom - top,
                    before.at,
                    stop.at
                )?;
                has_cut = true;
            }
            let label = stop.at.to_string();
            let width = columns(&label) * CHARACTER / 10;
            let has_label = x >= free && x + width <= self.width;
            if has_label {
                writeln!(out, "<text class=\"at\" x=\"{x}\" y=\"{}\">{label}</text>", top - 5)?;
                free = x + width + 10;
            }
            if has_label || x >= free_for_line {
                writeln!(out, "<path class=\"tick\" d=\"M{x} {top}V{bottom}\"/>")?;
                free_for_line = x + LINES_APART;
            }
        }
        Ok(has_cut)
    }
}

/// Joins what stands close together, in twice as wide steps each time, until no more than `most` are left.
fn merged<K: Key, V>(
    mut parts: Map<K, V>,
    most: usize,
    coarser: impl Fn(K) -> K,
    join: impl Fn(&mut V, V),
) -> Map<K, V> {
    // A place in a picture has fewer bits than that; then all is in one.
    for _ in 0..16 {
        if parts.len() <= most {
            break;
        }
        let mut fewer = Map::new();
        for (key, part) in parts.into_entries() {
            let key = coarser(key);
            match fewer.get_mut(key) {
                Some(known) => join(known, part),
                None => _ = fewer.insert(key, part),
            }
        }
        parts = fewer;
    }
    parts
}
