//! A trace as a sequence diagram of Mermaid, for a README or a pull request.

use std::fmt;

use crate::kernel::TaskId;
use crate::trace::text::{counted, elide_end, elide_middle, one_line};
use crate::trace::{Awaited, Event, Record, Trace, Waker};

/// Tasks that are drawn at most, in the order in which they were spawned.
const TASKS_MAX: usize = 16;

/// Arrows and notes that are drawn at most.
const LINES_MAX: usize = 250;

/// Bytes that they take at most. Mermaid refuses texts of 50,000 characters.
const SIZE_MAX: usize = 30_000;

/// Columns of a text at most.
const TEXT_MAX: usize = 60;

/// A sequence diagram of a trace; see [`Trace::mermaid`].
#[derive(Clone, Debug)]
#[must_use = "a diagram is written by its `Display`"]
pub struct Mermaid<'a> {
    trace: &'a Trace,
}

impl Trace {
    /// Writes a sequence diagram of Mermaid: who spawns, wakes and aborts whom, waits for resources, notes and
    /// ends, under a line for each instant at which any of that happens.
    ///
    /// Of more than 16 tasks only the first are drawn, and of more than 250 arrows and notes, or 30,000 bytes of
    /// them; the last line says how many are not.
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
    /// assert_eq!(
    ///     report.trace.mermaid().to_string(),
    ///     "sequenceDiagram\n\
    ///      \u{20}   participant t0 as main\n\
    ///      \u{20}   participant t1 as main/nap\n\
    ///      \u{20}   note over t0,t1: 0s\n\
    ///      \u{20}   t0->>t1: spawns\n\
    ///      \u{20}   note over t0,t1: 1s\n\
    ///      \u{20}   note over t1: completed\n\
    ///      \u{20}   t1-->>t0: wakes\n\
    ///      \u{20}   note over t0: completed\n"
    /// );
    /// ```
    pub fn mermaid(&self) -> Mermaid<'_> {
        Mermaid { trace: self }
    }
}

impl fmt::Display for Mermaid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trace = self.trace;
        writeln!(f, "sequenceDiagram")?;
        let shown = trace.tasks().len().min(TASKS_MAX);
        if shown == 0 {
            return writeln!(f, "    participant t0 as nothing was recorded");
        }
        for task in trace.tasks().take(shown) {
            let path = elide_middle(trace.path(task).unwrap_or("?"), TEXT_MAX);
            writeln!(f, "    participant t{} as {}", task.as_u64(), escaped(&path))?;
        }
        let all = if shown == 1 { "t0".to_owned() } else { format!("t0,t{}", shown - 1) };
        let (mut told_at, mut lines, mut size, mut left_out) = (None, 0, 0, 0);
        for record in trace.records() {
            let Some(line) = line(trace, record) else { continue };
            let has_lanes = line.last_task().as_u64() < shown as u64;
            let text = line.to_string();
            if !has_lanes || lines == LINES_MAX || size + text.len() > SIZE_MAX {
                left_out += 1;
                continue;
            }
            if told_at.replace(record.at) != Some(record.at) {
                writeln!(f, "    note over {all}: {}", record.at)?;
            }
            writeln!(f, "    {text}")?;
            lines += 1;
            size += text.len();
        }
        if left_out > 0 {
            let tasks = trace.tasks().len() - shown;
            let tasks = counted(tasks, "task", "tasks");
            writeln!(f, "    note over {all}: {left_out} more, {tasks} not shown")?;
        }
        Ok(())
    }
}

/// A line of the diagram.
enum Line {
    Arrow { from: TaskId, to: TaskId, arrow: &'static str, text: String },
    Note { task: TaskId, text: String },
}

impl Line {
    fn last_task(&self) -> TaskId {
        match *self {
            Line::Arrow { from, to, .. } => from.max(to),
            Line::Note { task, .. } => task,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Line::Arrow { from, to, arrow, text } => {
                write!(f, "t{}{arrow}t{}: {}", from.as_u64(), to.as_u64(), escaped(text))
            }
            Line::Note { task, text } => {
                write!(f, "note over t{}: {}", task.as_u64(), escaped(text))
            }
        }
    }
}

/// What a record shows. Wakes by timers are told by the instant.
fn line(trace: &Trace, record: Record<'_>) -> Option<Line> {
    let task = record.task?;
    let arrow = |from, arrow, text: &str| {
        let text = elide_end(&one_line(text), TEXT_MAX);
        Some(Line::Arrow { from, to: task, arrow, text })
    };
    let note = |text: &str| Some(Line::Note { task, text: elide_end(&one_line(text), TEXT_MAX) });
    match record.event {
        Event::Spawned => arrow(trace.parent(task)?, "->>", "spawns"),
        Event::Woken { by: Waker::Task(waker), resource } if waker != task => {
            let resource = resource.map(|resource| format!("wakes, served by {resource}"));
            arrow(waker, "-->>", resource.as_deref().unwrap_or("wakes"))
        }
        Event::Waits(wait) if matches!(wait.what, Awaited::Resource { .. }) => {
            note(&trace.wait(wait))
        }
        Event::AbortRequested(Waker::Task(other)) => arrow(other, "-x", "aborts"),
        Event::Blocked(from) => note(&format!("blocks the loop from {from}")),
        Event::Completed => note("completed"),
        Event::Cancelled => note("cancelled"),
        Event::Panicked(message) => note(&format!("panicked: {message}")),
        Event::Note(text) => note(text),
        _ => None,
    }
}

/// Writes all that could mean something to Mermaid, or to the page, as the code of a character.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in one_line(text).chars() {
        match character {
            ' ' | '.' | ',' | '_' | '/' | '[' | ']' => out.push(character),
            character if character.is_alphanumeric() => out.push(character),
            character => out.push_str(&format!("#{};", u32::from(character))),
        }
    }
    // A text of nothing is none to Mermaid.
    if out.trim().is_empty() {
        return "#34;#34;".to_owned();
    }
    // The word that closes a block of the language.
    if matches!(out.as_bytes(), [b'e' | b'E', b'n' | b'N', b'd' | b'D']) {
        out = format!("#{};{}", out.as_bytes()[0], &out[1..]);
    }
    out
}
