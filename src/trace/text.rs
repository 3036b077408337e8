//! The text of a trace: one record a line, in columns, at most 100 characters wide.

use std::fmt;

use super::{Event, Trace, Waker};
use crate::kernel::TaskId;

/// The width that no line exceeds, in characters.
const WIDTH: usize = 100;

/// The width that the column of paths is given at most. What is longer loses its middle.
const PATH_WIDTH: usize = 32;

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = |shown: &mut dyn Iterator<Item = usize>, header: &str| {
            shown.fold(header.len(), usize::max)
        };
        let turn = widest(
            &mut self.records().next_back().map(|last| last.turn.to_string().len()).into_iter(),
            "turn",
        );
        let at = widest(&mut self.records().map(|record| record.at.to_string().len()), "at");
        let paths = self.paths().iter().map(|path| path.chars().count().min(PATH_WIDTH));
        let task = widest(&mut { paths }, "task");
        writeln!(f, "{:>turn$}  {:>at$}  {:task$}  event", "turn", "at", "task")?;
        for record in self.records() {
            let path = match record.task {
                Some(task) => elide_middle(self.path(task).unwrap_or("?"), PATH_WIDTH),
                None => "-".to_owned(),
            };
            let event = self.sentence(record.task, record.event);
            let line = format!("{:>turn$}  {:>at$}  {path:task$}  {event}", record.turn, record.at);
            writeln!(f, "{}", elide_end(&line, WIDTH))?;
        }
        Ok(())
    }
}

impl Trace {
    fn sentence(&self, task: Option<TaskId>, event: Event<'_>) -> String {
        match event {
            Event::Spawned => "spawned".to_owned(),
            Event::Polled { ready: ..=1, .. } => "polled".to_owned(),
            Event::Polled { index, ready } => format!("polled, {} of {ready} ready", index + 1),
            Event::Woken(Waker::Timer) => "woken by its timer".to_owned(),
            Event::Woken(waker) => format!("woken by {}", self.waker(task, waker)),
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

    fn waker(&self, woken: Option<TaskId>, waker: Waker) -> String {
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
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

fn elide_middle(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let (head, tail) = ((width - 3) / 2, width - 3 - (width - 3) / 2);
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(length - tail).collect();
    format!("{start}...{end}")
}

fn elide_end(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let start: String = text.chars().take(width - 3).collect();
    format!("{start}...")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_lose_their_middle_and_long_lines_their_end() {
        assert_eq!(elide_middle("main/worker", 11), "main/worker");
        assert_eq!(elide_middle("main/a/b/worker[12]", 15), "main/a...er[12]");
        assert_eq!(elide_end("a note that goes on", 10), "a note ...");
    }

    #[test]
    fn a_note_of_several_lines_takes_one() {
        assert_eq!(one_line("one\ntwo\ttab"), "one\\ntwo\\ttab");
    }
}
