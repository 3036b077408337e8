//! The records as JSON Lines: one object a line, for scripts.

use std::fmt;

use serde::Serialize;

use crate::trace::{Awaited, Event, Level, Record, Trace, Wait, Waker};

/// The version of the schema that the first line tells.
const VERSION: u32 = 1;

/// The records of a trace as JSON Lines; see [`Trace::json_lines`].
#[derive(Clone, Debug)]
#[must_use = "lines are written by their `Display`"]
pub struct JsonLines<'a> {
    trace: &'a Trace,
}

impl Trace {
    /// Writes the records as JSON Lines: an object on each line, in the order in which they happened, after a
    /// line about the whole.
    ///
    /// The [schema](crate::json_lines) is part of the crate's documentation and has a version.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{Builder, sleep, trace::Level};
    /// use std::time::Duration;
    ///
    /// let report = Builder::new().trace(Level::Tasks).run(async {
    ///     sleep(Duration::from_secs(1)).await;
    /// });
    /// let lines = report.trace.json_lines().to_string();
    /// assert_eq!(
    ///     lines.lines().nth(2),
    ///     Some(r#"{"turn":1,"at":1000000000,"event":"jumped","from":0}"#)
    /// );
    /// ```
    pub fn json_lines(&self) -> JsonLines<'_> {
        JsonLines { trace: self }
    }
}

impl fmt::Display for JsonLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trace = self.trace;
        let level = match trace.level() {
            Level::Off => "off",
            Level::Tasks => "tasks",
            Level::Full => "full",
        };
        let (records, tasks) = (trace.len(), trace.tasks().len());
        line(f, &Head { format: "simloop-trace", version: VERSION, level, records, tasks })?;
        trace.records().try_for_each(|record| line(f, &Line::new(trace, record)))
    }
}

/// Writes a value and ends the line.
fn line(f: &mut fmt::Formatter<'_>, value: &impl Serialize) -> fmt::Result {
    // Maps with keys that are no strings, the one thing that JSON refuses, are in none of our values.
    let text = serde_json::to_string(value).map_err(|_| fmt::Error)?;
    writeln!(f, "{text}")
}

#[derive(Serialize)]
struct Head {
    format: &'static str,
    version: u32,
    level: &'static str,
    records: usize,
    tasks: usize,
}

#[derive(Serialize)]
struct Line<'a> {
    turn: u64,
    at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(flatten)]
    event: What<'a>,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum What<'a> {
    Spawned {
        parent: Option<u64>,
        daemon: bool,
    },
    Polled {
        index: u32,
        ready: u32,
    },
    Woken {
        #[serde(flatten)]
        by: By,
        #[serde(skip_serializing_if = "Option::is_none")]
        resource: Option<String>,
    },
    Waits(For),
    AbortRequested(By),
    TimerRegistered {
        deadline: u64,
    },
    TimerFired {
        deadline: u64,
    },
    TimerCancelled {
        deadline: u64,
    },
    Jumped {
        from: u64,
    },
    Blocked {
        from: u64,
    },
    Completed,
    Cancelled,
    Panicked {
        message: &'a str,
    },
    Note {
        text: &'a str,
    },
}

#[derive(Serialize)]
struct By {
    by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    by_task: Option<u64>,
}

/// What a task waits for.
#[derive(Serialize, Default)]
struct For {
    r#for: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wanted: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holders_more: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    joined: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    others: Option<usize>,
}

impl<'a> Line<'a> {
    fn new(trace: &'a Trace, record: Record<'a>) -> Self {
        let event = match record.event {
            Event::Spawned => What::Spawned {
                parent: record.task.and_then(|task| trace.parent(task)).map(|task| task.as_u64()),
                daemon: record.task.is_some_and(|task| trace.is_daemon(task)),
            },
            Event::Polled { index, ready } => What::Polled { index, ready },
            Event::Woken { by, resource } => What::Woken {
                by: By::new(by),
                resource: resource.map(|resource| resource.to_string()),
            },
            Event::Waits(wait) => What::Waits(For::new(wait)),
            Event::AbortRequested(waker) => What::AbortRequested(By::new(waker)),
            Event::TimerRegistered(at) => What::TimerRegistered { deadline: at.as_nanos() },
            Event::TimerFired(at) => What::TimerFired { deadline: at.as_nanos() },
            Event::TimerCancelled(at) => What::TimerCancelled { deadline: at.as_nanos() },
            Event::Jumped(from) => What::Jumped { from: from.as_nanos() },
            Event::Blocked(from) => What::Blocked { from: from.as_nanos() },
            Event::Completed => What::Completed,
            Event::Cancelled => What::Cancelled,
            Event::Panicked(message) => What::Panicked { message },
            Event::Note(text) => What::Note { text },
        };
        Line {
            turn: record.turn,
            at: record.at.as_nanos(),
            task: record.task.map(|task| task.as_u64()),
            path: record.task.and_then(|task| trace.path(task)),
            event,
        }
    }
}

impl For {
    fn new(wait: Wait<'_>) -> Self {
        let positive = |count: usize| Some(count).filter(|&count| count > 0);
        let told = match wait.what {
            Awaited::Resource { resource, before, after, holder, holders_more } => For {
                r#for: "resource",
                resource: Some(resource.to_string()),
                wanted: Some(format!("{before}{resource}{after}")),
                holder: holder.map(|holder| holder.as_u64()),
                holders_more: positive(holders_more),
                ..For::default()
            },
            Awaited::Join(task) => {
                For { r#for: "join", joined: Some(task.as_u64()), ..For::default() }
            }
            Awaited::Timer => For { r#for: "timer", ..For::default() },
            Awaited::Settle => For { r#for: "settle", ..For::default() },
            Awaited::Foreign => For { r#for: "own", ..For::default() },
        };
        let deadline = wait.deadline.map(|deadline| deadline.as_nanos());
        For { deadline, others: positive(wait.others), ..told }
    }
}

impl By {
    fn new(waker: Waker) -> Self {
        match waker {
            Waker::Task(task) => By { by: "task", by_task: Some(task.as_u64()) },
            Waker::Timer => By { by: "timer", by_task: None },
            Waker::Settled => By { by: "loop", by_task: None },
            Waker::Outside => By { by: "outside", by_task: None },
        }
    }
}
