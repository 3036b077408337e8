//! The texts of the picture, and how any text gets into it.

use super::NAME_MAX;
use crate::kernel::{Instant, shown_duration};
use crate::render::layout::{Lane, Layout, Mark, MarkKind, Span, State};
use crate::trace::Trace;
use crate::trace::text::{counted, elide_end, elide_middle, one_line};

/// Columns that a path takes in a title at most, and a text of the program.
const PATH_MAX: usize = 60;
const TEXT_MAX: usize = 160;

/// Writes a text so that it is text wherever it stands in XML, in an attribute too.
pub(in crate::render) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in one_line(text).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // No characters of XML.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            character => out.push(character),
        }
    }
    out
}

pub(in crate::render) fn headline(trace: &Trace, layout: &Layout<'_>) -> String {
    let Some(last) = trace.records().next_back() else { return "nothing was recorded".to_owned() };
    let tasks = counted(layout.lanes.len(), "task", "tasks");
    let turns = counted(last.turn as usize, "turn", "turns");
    let records = counted(trace.len(), "record", "records");
    format!("{tasks}, {turns}, 0s to {}, {records}", last.at)
}

/// The name beside a lane.
pub(super) fn name(lane: &Lane<'_>) -> String {
    elide_middle(lane.name(), NAME_MAX)
}

/// How far a name is set in, in pixels.
pub(super) fn indent(lane: &Lane<'_>) -> usize {
    lane.depth.min(6) * 12
}

pub(super) fn path(lane: &Lane<'_>) -> String {
    elide_middle(lane.path, PATH_MAX)
}

pub(super) fn span(layout: &Layout<'_>, lane: &Lane<'_>, span: &Span) -> String {
    let path = path(lane);
    let Span { since, turn, .. } = *span;
    let when = stretch(since, span.until);
    match span.state {
        State::Running => format!("{path}: polled at {since}, turn {turn}"),
        State::Blocking => format!("{path}: blocks the loop {when}, turn {turn}"),
        State::Ready => {
            let units = counted((span.to - span.from) as usize, "turn", "turns");
            format!("{path}: ready {when}, for {units}")
        }
        State::Waiting(_) => {
            let wait = layout.wait(span).unwrap_or_else(|| "waits".to_owned());
            format!("{path}: {}, {when}", text(&wait))
        }
        State::Alive => format!("{path}: lives {when}"),
    }
}

/// From when to when, and how long that is.
pub(super) fn stretch(since: Instant, until: Instant) -> String {
    if since == until {
        return format!("at {since}");
    }
    let length = until.checked_duration_since(since).map(shown_duration).unwrap_or_default();
    format!("from {since} to {until} ({length})")
}

pub(super) fn mark(layout: &Layout<'_>, lane: &Lane<'_>, mark: &Mark<'_>) -> String {
    let what = match mark.kind {
        MarkKind::Completed => "completed".to_owned(),
        MarkKind::Cancelled => "cancelled".to_owned(),
        MarkKind::Panicked(message) => format!("panicked: {}", text(message)),
        MarkKind::AbortRequested(by) => {
            format!("cancellation asked for by {}", layout.waker(lane, by))
        }
        MarkKind::Woken(by) => format!("woken by {}", layout.waker(lane, by)),
        MarkKind::Note(line) => format!("note: {}", text(line)),
        MarkKind::TimerFired(deadline) => format!("timer for {deadline} fires"),
        MarkKind::Chosen { index, ready } => {
            format!("chosen as number {} of {ready} ready", index + 1)
        }
    };
    format!("{}: {what}, at {}, turn {}", path(lane), mark.at, mark.turn)
}

fn text(text: &str) -> String {
    elide_end(&one_line(text), TEXT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(
            escaped("</text><a b='\"&'>"),
            "&lt;/text&gt;&lt;a b=&apos;&quot;&amp;&apos;&gt;"
        );
        assert_eq!(escaped("one\ntwo\u{0}\u{202e}\u{ffff}"), "one\\ntwo\\u{0}\\u{202e}\u{fffd}");
    }
}
