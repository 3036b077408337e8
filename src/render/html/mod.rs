//! A run as one HTML page, to look around in: pan, zoom, filter, step through the turns, follow the wakes.
//!
//! The page needs nothing from outside and opens from disk. It holds the records as [`data`] writes them, the
//! scripts and styles in the files beside this one, and the picture as SVG for whoever has no scripts. No text
//! of the program ever becomes markup or code: all of it passes through one function, `escaped`.

mod cycle;
mod data;
mod digits;

use std::fmt::{self, Write};

use super::layout::Layout;
use super::svg::{self, escaped, headline};
use crate::report::{Deadlock, Failure, FailureKind, Report};
use crate::trace::{self, Trace, split_at_first};
use cycle::Cycle;
use data::Data;

/// The page around its parts, which stand in it as `{{part}}`.
const PAGE: &str = include_str!("page.html");

const STYLES: [&str; 3] =
    [include_str!("colors.css"), include_str!("page.css"), include_str!("panels.css")];

/// One after the other they are one module.
const SCRIPTS: [&str; 18] = [
    include_str!("digits.js"),
    include_str!("times.js"),
    include_str!("run.js"),
    include_str!("ready.js"),
    include_str!("words.js"),
    include_str!("rows.js"),
    include_str!("viewport.js"),
    include_str!("colors.js"),
    include_str!("lanes.js"),
    include_str!("marks.js"),
    include_str!("axis.js"),
    include_str!("minimap.js"),
    include_str!("panel.js"),
    include_str!("tables.js"),
    include_str!("state.js"),
    include_str!("page.js"),
    include_str!("keys.js"),
    include_str!("start.js"),
];

/// The width of the picture for whoever has no scripts.
const PICTURE_WIDTH: u32 = 1_100;

/// A page of a run, or of several to switch between; see [`Report::html`].
#[derive(Clone, Debug)]
#[must_use = "a page is written by its `Display`"]
pub struct Html<'a> {
    title: String,
    runs: Vec<Run<'a>>,
}

#[derive(Clone, Debug)]
struct Run<'a> {
    name: String,
    trace: &'a Trace,
    failure: Option<&'a Failure>,
    about: String,
}

impl Trace {
    /// Makes a page of the trace, without what a report knows beside it; see [`Report::html`].
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{Builder, sleep, trace::Level};
    /// use std::time::Duration;
    ///
    /// let report = Builder::new().trace(Level::Full).run(async {
    ///     sleep(Duration::from_secs(1)).await;
    /// });
    /// let page = report.trace.html().title("A nap").to_string();
    /// assert!(page.starts_with("<!doctype html>") && page.contains("<title>A nap</title>"));
    /// ```
    pub fn html(&self) -> Html<'_> {
        Html { title: "A run on a simulated clock".to_owned(), runs: vec![Run::new("run", self)] }
    }
}

impl<T> Report<T> {
    /// Makes a page of the run, one HTML file that needs nothing from outside: its lanes to zoom and pan, with
    /// search, records and wakes of each stretch, the ready set and the choice of each turn, statistics, and
    /// the failure with the cycle of a deadlock.
    ///
    /// The page is a function of trace and failure, the same bytes every time. Without scripts it shows the
    /// [SVG picture](Trace::svg). It is made for traces of [`Level::Full`](crate::trace::Level::Full); below
    /// that it shows only when tasks lived.
    ///
    /// A record takes about ten bytes of the file, and never more than 160 beside its texts; all else is
    /// bounded.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{Builder, spawn_named, trace::Level};
    ///
    /// let stuck = async { spawn_named("<b>", std::future::pending::<()>()).await.unwrap() };
    /// let report = Builder::new().trace(Level::Full).run(stuck);
    /// let page = report.html().to_string();
    /// assert!(page.contains("deadlock at 0s"));
    /// assert!(page.contains("main/&lt;b&gt;") && !page.contains("main/<b>"));
    /// ```
    pub fn html(&self) -> Html<'_> {
        let page = self.trace.html();
        match self.failure() {
            Some(failure) => page.failure(failure),
            None => page,
        }
    }
}

impl<'a> Html<'a> {
    /// Sets the title.
    pub fn title(self, title: &str) -> Self {
        Html { title: title.to_owned(), ..self }
    }

    /// Names the run that was added last, as the switch between runs shows it: `fails`.
    pub fn named(self, name: &str) -> Self {
        self.changed(|run| run.name = name.to_owned())
    }

    /// Shows this failure with the run that was added last.
    pub fn failure(self, failure: &'a Failure) -> Self {
        self.changed(|run| run.failure = Some(failure))
    }

    /// Shows this text with the run that was added last: what to see in it.
    pub fn about(self, text: &str) -> Self {
        self.changed(|run| run.about = text.to_owned())
    }

    /// Adds another run, to switch to: the nearest one that passes, say.
    pub fn beside(mut self, name: &str, trace: &'a Trace) -> Self {
        self.runs.push(Run::new(name, trace));
        self
    }

    fn changed(mut self, change: impl FnOnce(&mut Run<'a>)) -> Self {
        if let Some(last) = self.runs.last_mut() {
            change(last);
        }
        self
    }

    fn write_part(&self, f: &mut fmt::Formatter<'_>, part: &str) -> fmt::Result {
        match part {
            "title" => f.write_str(&escaped(&self.title))?,
            "styles" => {
                for style in &STYLES {
                    f.write_str(style)?;
                }
            }
            "scripts" => {
                for script in &SCRIPTS {
                    f.write_str(script)?;
                }
            }
            "runs" => {
                for run in &self.runs {
                    run.write(f, &self.runs[0])?;
                }
            }
            _ => return Err(fmt::Error),
        }
        Ok(())
    }
}

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = PAGE;
        while let Some((text, rest)) = split_at_first(left, "{{") {
            f.write_str(text)?;
            let (part, behind) = split_at_first(rest, "}}").ok_or(fmt::Error)?;
            self.write_part(f, part)?;
            left = behind;
        }
        f.write_str(left)
    }
}

impl<'a> Run<'a> {
    fn new(name: &str, trace: &'a Trace) -> Self {
        Run { name: name.to_owned(), trace, failure: None, about: String::new() }
    }

    fn deadlock(&self) -> Option<&'a Deadlock> {
        match self.failure?.kind() {
            FailureKind::Deadlock(deadlock) => Some(deadlock),
            _ => None,
        }
    }

    /// Writes what is to be read, the picture, and what the scripts read.
    fn write(&self, f: &mut fmt::Formatter<'_>, first: &Run<'_>) -> fmt::Result {
        let layout = Layout::new(self.trace);
        let (name, head) = (escaped(&self.name), escaped(&headline(self.trace, &layout)));
        let ring = self.deadlock().map(|deadlock| Cycle::new(deadlock, self.trace));
        let tasks = ring.as_ref().map(Cycle::tasks).unwrap_or_default();
        let parting = trace::diff(first.trace, self.trace).first_difference();
        let parting = parting.map(|record| record.to_string()).unwrap_or_default();
        writeln!(
            f,
            "<section class=\"run\" data-name=\"{name}\" data-head=\"{head}\" data-cycle=\"{tasks}\" \
             data-parting=\"{parting}\">\n<h2>{name}</h2>\n<p class=\"summary\">{head}</p>"
        )?;
        self.write_story(f, ring.as_ref())?;
        f.write_str("<div class=\"picture\">\n")?;
        svg::write(f, self.trace, &layout, PICTURE_WIDTH as usize)?;
        let statistics = lines(&self.trace.statistics().to_string());
        writeln!(f, "</div>\n<pre class=\"statistics\">{statistics}</pre>")?;
        let data = Data::new(self.trace, &layout);
        f.write_str("<div class=\"texts\" hidden>")?;
        data.write_texts(f)?;
        f.write_str("</div>\n<script type=\"text/plain\" class=\"numbers\">")?;
        data.write_numbers(f)?;
        f.write_str("</script>\n</section>\n")
    }

    fn write_story(&self, f: &mut fmt::Formatter<'_>, ring: Option<&Cycle<'_>>) -> fmt::Result {
        f.write_str("<div class=\"story\">\n")?;
        if !self.about.is_empty() {
            writeln!(f, "<pre class=\"about\">{}</pre>", lines(&self.about))?;
        }
        if let Some(failure) = self.failure {
            writeln!(f, "<pre class=\"failure\">{}</pre>", lines(&failure.to_string()))?;
        }
        if let Some(ring) = ring.filter(|ring| !ring.is_empty()) {
            let mut drawn = String::new();
            ring.draw(&mut drawn)?;
            f.write_str(&drawn)?;
        }
        f.write_str("</div>\n")
    }
}

/// Escapes a text of several lines, each for itself.
fn lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.trim_end().lines() {
        // A string takes all text.
        let _ = writeln!(out, "{}", escaped(line));
    }
    out
}
