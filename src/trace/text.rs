//! The text of a trace: one record a line, in columns, at most 100 columns of a terminal wide. A line that is too
//! long ends in `...+24`, where 24 columns more would have been; a path has `..+24..` in place of its middle.

use std::fmt::{self, Write};

use unicode_width::UnicodeWidthChar;

use super::{Awaited, Event, Trace, Wait, Waker};
use crate::kernel::{TaskId, is_unseen};

/// The width that no line exceeds, in columns of a terminal.
const WIDTH: usize = 100;

/// The width that the column of paths is given at most. What is longer loses its middle.
const PATH_WIDTH: usize = 32;

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return writeln!(f, "nothing was recorded");
        }
        let (mut turn, mut at, mut task) = ("turn".len(), "at".len(), "task".len());
        for record in self.records() {
            turn = turn.max(record.turn.to_string().len());
            at = at.max(record.at.to_string().len());
        }
        for path in &self.names().paths {
            task = task.max(columns(path).min(PATH_WIDTH));
        }
        writeln!(f, "{:>turn$}  {:>at$}  {:task$}  event", "turn", "at", "task")?;
        for record in self.records() {
            let path = match record.task {
                Some(task) => elide_middle(self.path(task).unwrap_or("?"), PATH_WIDTH),
                None => "-".to_owned(),
            };
            let event = self.sentence(record.task, record.event);
            let gap = " ".repeat(task.saturating_sub(columns(&path)));
            let line = format!("{:>turn$}  {:>at$}  {path}{gap}  {event}", record.turn, record.at);
            writeln!(f, "{}", elide_end(&line, WIDTH))?;
        }
        Ok(())
    }
}

impl Trace {
    pub(crate) fn sentence(&self, task: Option<TaskId>, event: Event<'_>) -> String {
        match event {
            Event::Spawned => "spawned".to_owned(),
            Event::Polled { ready: ..=1, .. } => "polled".to_owned(),
            Event::Polled { index, ready } => format!("polled, {} of {ready} ready", index + 1),
            Event::Woken { by: Waker::Timer, .. } => "woken by its timer".to_owned(),
            Event::Woken { by, resource: None } => format!("woken by {}", self.waker(task, by)),
            Event::Woken { by, resource: Some(resource) } => {
                format!("woken by {}, served by {resource}", self.waker(task, by))
            }
            Event::Waits(wait) => self.wait(wait),
            Event::AbortRequested(waker) => format!("aborted by {}", self.waker(task, waker)),
            Event::TimerRegistered(deadline) => format!("registers a timer for {deadline}"),
            Event::TimerFired(deadline) => format!("timer for {deadline} fires"),
            Event::TimerCancelled(deadline) => format!("timer for {deadline} cancelled"),
            Event::Jumped(from) => format!("the clock jumps from {from}"),
            Event::Blocked(from) => format!("blocks the loop from {from}"),
            Event::Completed => "completed".to_owned(),
            Event::Cancelled => "cancelled".to_owned(),
            Event::Panicked(message) => format!("panicked: {}", one_line(message)),
            Event::Note(line) => format!("note: {}", one_line(line)),
        }
    }

    /// What a task waits for, as a report of a deadlock says it.
    pub(crate) fn wait(&self, wait: Wait<'_>) -> String {
        let Wait { what, deadline, others } = wait;
        let path = |task| elide_middle(self.path(task).unwrap_or("?"), PATH_WIDTH);
        let mut text = match what {
            Awaited::Resource { resource, before, after, holder, holders_more } => {
                let wanted = format!("waits for {before}{resource}{after}");
                match (holder, holders_more) {
                    (None, _) => wanted,
                    (Some(holder), 0) => format!("{wanted}, held by {}", path(holder)),
                    (Some(holder), more) => {
                        format!("{wanted}, held by {} and {more} more", path(holder))
                    }
                }
            }
            Awaited::Join(task) => format!("joins {}", path(task)),
            Awaited::Settle => "waits for the others to settle".to_owned(),
            Awaited::Foreign => "waits for a future of its own".to_owned(),
            Awaited::Timer => match deadline {
                Some(deadline) => format!("sleeps until {deadline}"),
                None => "sleeps for ever".to_owned(),
            },
        };
        match what {
            _ if others == 0 => {}
            Awaited::Timer => {
                let timers = counted(others, "more timer", "more timers");
                text.push_str(&format!(", with {timers}"));
            }
            Awaited::Resource { holder: Some(_), .. } => {
                text.push_str(&format!(", and {others} more"));
            }
            _ => text.push_str(&format!(" and {others} more")),
        }
        if let Some(deadline) = deadline.filter(|_| what != Awaited::Timer) {
            text.push_str(&format!(", or until {deadline}"));
        }
        text
    }

    /// Who woke a task, or asked for its cancellation.
    pub(crate) fn waker(&self, woken: Option<TaskId>, waker: Waker) -> String {
        match waker {
            Waker::Task(task) if Some(task) == woken => "itself".to_owned(),
            Waker::Task(task) => elide_middle(self.path(task).unwrap_or("?"), PATH_WIDTH),
            Waker::Timer => "a timer".to_owned(),
            Waker::Settled => "the loop, as all others wait".to_owned(),
            Waker::Outside => "code outside the loop".to_owned(),
        }
    }
}

/// Escapes what would break the line.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unseen(character) {
            write!(line, "{}", character.escape_default()).expect("a string takes any text");
        } else {
            line.push(character);
        }
    }
    line
}

pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// What stands before the first such word, and behind it. The standard library's search for texts is another for each
/// way to look for one, and long; this one reads little text.
pub(crate) fn split_at_first<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let mut place = 0;
    while place + word.len() <= text.len() {
        if text.as_bytes()[place..].starts_with(word.as_bytes()) {
            return Some((&text[..place], &text[place + word.len()..]));
        }
        place += 1;
    }
    None
}

/// As above, with the last one.
pub(crate) fn split_at_last<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let mut end = text.len();
    while end >= word.len() {
        if text.as_bytes()[..end].ends_with(word.as_bytes()) {
            return Some((&text[..end - word.len()], &text[end..]));
        }
        end -= 1;
    }
    None
}

pub(crate) fn joined(texts: &[String], between: &str) -> String {
    let mut joined = String::new();
    for (place, text) in texts.iter().enumerate() {
        if place > 0 {
            joined.push_str(between);
        }
        joined.push_str(text);
    }
    joined
}

/// The columns that a text takes on a terminal: two for each character of Chinese, say.
pub(crate) fn columns(text: &str) -> usize {
    let mut columns = 0;
    for character in text.chars() {
        columns += columns_of(character);
    }
    columns
}

fn columns_of(character: char) -> usize {
    match character {
        // They take no column, but may give one more to the character before.
        '\u{fe01}' | '\u{fe0f}' => 1,
        character => character.width().unwrap_or(0),
    }
}

/// Cuts the middle out, and says how many columns that were: `main/..+24..worker[12]`.
pub(crate) fn elide_middle(text: &str, width: usize) -> String {
    let all = columns(text);
    if all <= width {
        return text.to_owned();
    }
    // As below: more digits leave less room, so they are enough sooner or later.
    let mut digits = 1;
    loop {
        let room = width.saturating_sub(5 + digits);
        let start = &text[..fitting(text.chars(), room / 2)];
        let end = &text[text.len() - fitting(text.chars().rev(), room - room / 2)..];
        let cut = (all - columns(start) - columns(end)).to_string();
        if cut.len() <= digits {
            return format!("{start}..+{cut}..{end}");
        }
        digits = cut.len();
    }
}

/// Cuts the end off, and says how many columns that were: `a note that...+24`.
pub(crate) fn elide_end(text: &str, width: usize) -> String {
    let all = columns(text);
    if all <= width {
        return text.to_owned();
    }
    // The more digits the number has, the less room is left, which never makes it smaller.
    let mut digits = 1;
    loop {
        let start = &text[..fitting(text.chars(), width.saturating_sub(4 + digits))];
        let cut = (all - columns(start)).to_string();
        if cut.len() <= digits {
            return format!("{start}...+{cut}");
        }
        digits = cut.len();
    }
}

/// The length in bytes of the first characters that fit into so many columns.
fn fitting(characters: impl Iterator<Item = char>, width: usize) -> usize {
    let (mut taken, mut len) = (0, 0);
    for character in characters {
        taken += columns_of(character);
        if taken > width {
            break;
        }
        len += character.len_utf8();
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_lose_their_middle_and_long_lines_their_end() {
        assert_eq!(elide_middle("main/worker", 11), "main/worker");
        assert_eq!(elide_middle("main/a/b/worker[12]", 15), "main..+11..[12]");
        assert_eq!(elide_middle("main/a/b/c/worker[12]", 17), "main/..+11..r[12]");
        assert_eq!(elide_middle("main/a/b/worker", 14), "main..+7..rker");
        assert_eq!(elide_end("a note that goes on", 14), "a note t...+11");
        assert_eq!(elide_end("a note that goes on", 13), "a note ...+12");
        assert_eq!(elide_end("0123456789 0123456789", 15), "012345678...+12");
    }

    #[test]
    fn a_text_is_split_at_the_first_or_the_last_word() {
        assert_eq!(split_at_first("a::b::ü", "::"), Some(("a", "b::ü")));
        assert_eq!(split_at_last("a::b::ü", "::"), Some(("a::b", "ü")));
        assert_eq!(split_at_first("ü:::", "::"), Some(("ü", ":")));
        assert_eq!(split_at_last(":::ü", "::"), Some((":", "ü")));
        for (text, word) in [("", "::"), (":", "::"), ("a:b:c", "::"), ("ü", "üü")] {
            assert_eq!((split_at_first(text, word), split_at_last(text, word)), (None, None));
        }
    }

    #[test]
    fn wide_characters_count_double() {
        assert_eq!(elide_middle("main/深さ", 9), "main/深さ");
        assert_eq!(elide_middle("main/深さ深さ", 12), "mai..+8..さ");
        assert_eq!(elide_end("深さ深さ深さ", 9), "深さ...+8");
        assert_eq!(elide_end("e\u{301}te\u{301}", 3), "e\u{301}te\u{301}", "marks take no column");
    }

    #[test]
    fn a_note_of_several_lines_takes_one() {
        assert_eq!(one_line("one\ntwo\ttab"), "one\\ntwo\\ttab");
        assert_eq!(one_line("one\u{2028}two\u{202e}"), r"one\u{2028}two\u{202e}");
    }
}
