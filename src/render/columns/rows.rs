//! What a trace says of each turn, and what happens to other tasks in it.

use crate::kernel::ordered::Map;
use crate::kernel::{Instant, TaskId};
use crate::trace::{Event, Level, Trace, Waker};

/// What a task did in a turn.
pub(super) struct Row<'a> {
    pub(super) turn: u64,
    pub(super) at: Instant,
    pub(super) path: &'a str,
    pub(super) deed: &'static str,
    /// What happened to other tasks, before it since the last turn or in it, each in a word.
    pub(super) others: Vec<(&'a str, &'static str)>,
    /// What was said in it, each with a word before it.
    pub(super) said: Vec<(&'static str, &'a str)>,
    /// It is no turn: tasks that are left are dropped when the run has ended.
    pub(super) is_end: bool,
}

/// The turns of a run, and nothing of other tasks.
pub(super) fn rows(trace: &Trace) -> Vec<Row<'_>> {
    let mut rows = marked(trace);
    rows.retain(|row| !row.is_end);
    for row in &mut rows {
        (row.others, row.said) = (Vec::new(), Vec::new());
    }
    rows
}

/// The turns of a run, with all that happens to other tasks.
pub(super) fn marked(trace: &Trace) -> Vec<Row<'_>> {
    let mut reader = Reader {
        rows: Vec::new(),
        before: Vec::new(),
        aborted: Map::new(),
        has_polls: trace.level() == Level::Full,
    };
    let mut current: Option<(u64, TaskId)> = None;
    for record in trace.records() {
        let Some(task) = record.task else { continue };
        let is_current = current == Some((record.turn, task));
        let is_in_turn = current.is_some_and(|(turn, _)| turn == record.turn);
        let path = trace.path(task).unwrap_or("?");
        let deed = match record.event {
            Event::Polled { .. } => "runs",
            Event::Completed => "ends",
            Event::Panicked(_) => "panics",
            Event::Cancelled => "dropped",
            Event::AbortRequested(by) => {
                reader.aborted.insert(task, by);
                reader.mark(path, "aborted", is_in_turn && matches!(by, Waker::Task(_)));
                continue;
            }
            Event::Woken { by, .. } => {
                reader.mark(path, word(by), is_in_turn && matches!(by, Waker::Task(_)));
                continue;
            }
            Event::Note(text) if is_current => {
                reader.say("note", text);
                continue;
            }
            _ => continue,
        };
        let is_left = deed == "dropped" && reader.is_left(record.turn, task);
        if is_current && !is_left {
            reader.rename(deed);
        } else if !is_left && reader.is_next(record.turn) {
            let others = std::mem::take(&mut reader.before);
            let (turn, at, said, is_end) = (record.turn, record.at, Vec::new(), false);
            reader.rows.push(Row { turn, at, path, deed, others, said, is_end });
            current = Some((turn, task));
        } else if deed == "dropped" {
            reader.drop_at_end(record.turn, record.at, path);
            current = None;
        }
        if let Event::Panicked(message) = record.event {
            reader.say("panic", message);
        }
    }
    reader.rows
}

fn word(by: Waker) -> &'static str {
    match by {
        Waker::Task(_) => "woken",
        Waker::Timer => "timer",
        Waker::Settled => "settled",
        Waker::Outside => "outside",
    }
}

struct Reader<'a> {
    rows: Vec<Row<'a>>,
    /// What happened since the last turn, for the row of the next.
    before: Vec<(&'a str, &'static str)>,
    /// Only these are dropped in a turn; the others are dropped when the run has ended.
    aborted: Map<TaskId, Waker>,
    /// Without, a turn is not seen to be one.
    has_polls: bool,
}

impl<'a> Reader<'a> {
    /// Whether a task that is dropped is dropped because the run has ended. One that is aborted from outside has a
    /// turn for it only if the loop goes on.
    fn is_left(&self, turn: u64, task: TaskId) -> bool {
        match self.aborted.get(task) {
            None => true,
            Some(Waker::Outside) => !(self.has_polls && self.is_next(turn)),
            Some(_) => false,
        }
    }

    /// Whether a turn has no row yet.
    fn is_next(&self, turn: u64) -> bool {
        self.rows.last().is_none_or(|row| row.turn < turn)
    }

    fn mark(&mut self, path: &'a str, word: &'static str, is_in_turn: bool) {
        match self.rows.last_mut().filter(|_| is_in_turn) {
            Some(row) => row.others.push((path, word)),
            None => self.before.push((path, word)),
        }
    }

    fn rename(&mut self, deed: &'static str) {
        if let Some(row) = self.rows.last_mut() {
            row.deed = deed;
        }
    }

    fn say(&mut self, word: &'static str, text: &'a str) {
        if let Some(row) = self.rows.last_mut() {
            row.said.push((word, text));
        }
    }

    /// Puts a task that is left into the row after the last turn.
    fn drop_at_end(&mut self, turn: u64, at: Instant, path: &'a str) {
        let deed = "dropped";
        self.before.clear();
        match self.rows.last_mut().filter(|row| row.is_end) {
            Some(row) => row.others.push((path, deed)),
            None => {
                let (others, said, is_end) = (Vec::new(), Vec::new(), true);
                let turn = turn.max(self.rows.last().map_or(0, |row| row.turn)) + 1;
                self.rows.push(Row { turn, at, path, deed, others, said, is_end });
            }
        }
    }
}
