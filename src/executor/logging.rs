//! A run for whoever collects the events of the crate `tracing` (feature `tracing`).
//!
//! A collector is foreign code: it may ask for the time, as a formatter of log lines does. So it is only called
//! while the loop is not borrowed, and it is told of records once the turn has ended in which they were made.
//! It changes nothing: neither a schedule nor a trace (S42).

use std::cell::RefCell;

use tracing::span::EnteredSpan;
use tracing::{Level, Span, debug, enabled, info, info_span};

use super::core::Core;
use crate::kernel::ordered::Map;
use crate::kernel::{
    Cause, Entry, Event, Family, Instant, Log, NO_TASK, Paths, Place, Step, TaskEntry, TaskKey,
    UNNAMED, Waited,
};
use crate::report::resource_label;
use crate::trace::one_line;

/// The target of all spans and events.
const TARGET: &str = "simloop";

/// What has been told.
#[derive(Default)]
pub(super) struct Logging {
    told: RefCell<Told>,
}

#[derive(Default)]
struct Told {
    /// The spans of tasks that have not ended.
    spans: Map<TaskKey, Span>,
    /// Records that have been told, or passed over.
    records: usize,
    /// Of each task, by serial, whether siblings shared its name when it was first told of.
    shared: Vec<bool>,
    /// Where it stands below the root. No path is kept: those of a long chain would take the square of its length.
    places: Vec<Place>,
}

/// The tasks of a log, as they were told of.
struct Known<'a> {
    log: &'a Log,
    shared: &'a [bool],
}

impl Family for Known<'_> {
    fn step(&self, task: u32) -> Step<'_> {
        let TaskEntry { name, index, .. } = &self.log.tasks[task as usize];
        let is_shared = self.shared[task as usize];
        Step { name: name.as_deref().unwrap_or(UNNAMED), index: *index, is_shared }
    }

    fn parent(&self, task: u32) -> Option<u32> {
        Some(self.log.tasks[task as usize].parent).filter(|&parent| parent != NO_TASK)
    }
}

impl Core {
    /// Enters the span of a task, for its poll or its drop. No borrow is held.
    pub(super) fn enter_span(&self, task: TaskKey) -> EnteredSpan {
        let known = self.logging.told.borrow().spans.get(task).cloned();
        let span = known.unwrap_or_else(|| {
            let span = info_span!(target: TARGET, "task", path = self.state().path(task));
            if !span.is_disabled() {
                self.logging.told.borrow_mut().spans.insert(task, span.clone());
            }
            span
        });
        span.entered()
    }

    /// Lets go of the span of a task that has ended.
    pub(super) fn close_span(&self, task: TaskKey) {
        let span = self.logging.told.borrow_mut().spans.remove(task);
        drop(span);
    }

    /// Tells a line that the program has written, after the records before it.
    pub(super) fn log_note(&self, line: &str) {
        self.log_records();
        let (turn, at) = self.turn_and_now();
        info!(target: TARGET, turn, %at, "note: {}", one_line(line));
    }

    pub(super) fn wants_notes() -> bool {
        enabled!(target: TARGET, Level::INFO)
    }

    fn turn_and_now(&self) -> (u64, Instant) {
        let kernel = &self.state().kernel;
        (kernel.turn(), kernel.now())
    }

    /// Tells the records that were made since the last call. No borrow is held.
    pub(super) fn log_records(&self) {
        if !enabled!(target: TARGET, Level::DEBUG) {
            return;
        }
        let mut lines = Vec::new();
        {
            let state = self.state();
            let (log, told) = (state.kernel.log(), &mut *self.logging.told.borrow_mut());
            told.see_tasks(log);
            let known = Known { log, shared: &told.shared };
            let mut teller =
                Teller { log, paths: Paths::resumed(&known, std::mem::take(&mut told.places)) };
            let first = told.records.min(log.entries.len());
            told.records = log.entries.len();
            let is_note = |entry: &Entry| matches!(entry.event, Event::Note { .. });
            let entries = log.entries.iter_from(first).filter(|entry| !is_note(entry));
            lines.extend(entries.map(|entry| {
                let task = (entry.task != NO_TASK).then(|| teller.paths.shown(entry.task));
                (entry.turn, entry.at, task, teller.sentence(&entry))
            }));
            told.places = teller.paths.into_places();
        }
        for (turn, at, task, sentence) in lines {
            debug!(target: TARGET, turn, %at, task = task.as_deref(), "{sentence}");
        }
    }

    /// Forgets the run. Spans are foreign, so no borrow is held when they are dropped.
    pub(super) fn forget_logging(&self) {
        let told = self.logging.told.take();
        drop(told);
    }
}

impl Told {
    fn see_tasks(&mut self, log: &Log) {
        for task in &log.tasks[self.shared.len().min(log.tasks.len())..] {
            let sibling = |other: &&TaskEntry| {
                (other.parent, &other.name) == (task.parent, &task.name) && other.index == 1
            };
            // The second of the name comes soon after the first, if at all: the list is short by then.
            let is_shared = task.index > 0
                || log.tasks[self.shared.len()..].iter().any(|other| sibling(&other));
            self.shared.push(is_shared);
        }
    }
}

/// Writes records in words.
struct Teller<'a> {
    log: &'a Log,
    paths: Paths<'a>,
}

impl Teller<'_> {
    fn waker(&mut self, cause: Cause) -> String {
        match cause {
            Cause::Task(task) => self.paths.shown(task),
            Cause::Timer => "a timer".to_owned(),
            Cause::Settled => "the loop, as all others wait".to_owned(),
            Cause::Outside => "code outside the loop".to_owned(),
        }
    }

    /// A record in words, shorter than those of a trace.
    fn sentence(&mut self, entry: &Entry) -> String {
        let log = self.log;
        match entry.event {
            Event::Spawned => "spawned".to_owned(),
            Event::Polled { index, ready } => format!("polled, {} of {ready} ready", index + 1),
            Event::Woken { cause, .. } => format!("woken by {}", self.waker(cause)),
            Event::Waits { what, deadline, .. } => self.wait(what, deadline),
            Event::AbortRequested(cause) => format!("aborted by {}", self.waker(cause)),
            Event::TimerRegistered { deadline } => format!("registers a timer for {deadline}"),
            Event::TimerFired { deadline } => format!("timer for {deadline} fires"),
            Event::TimerCancelled { deadline } => format!("timer for {deadline} cancelled"),
            Event::Jumped { from } => format!("the clock jumps from {from}"),
            Event::Blocked { from } => format!("blocks the loop from {from}"),
            Event::Completed => "completed".to_owned(),
            Event::Cancelled => "cancelled".to_owned(),
            Event::Panicked { text } => {
                format!("panicked: {}", one_line(&log.texts[text as usize]))
            }
            Event::Note { text } => format!("note: {}", one_line(&log.texts[text as usize])),
        }
    }

    fn wait(&mut self, what: Waited, deadline: Instant) -> String {
        let log = self.log;
        match what {
            Waited::Resource { wanted, holder, .. } => {
                let wanted = &log.wanted[wanted as usize];
                let resource = &log.resources[wanted.resource as usize];
                let label = resource_label(resource.kind, resource.name.as_deref());
                let wanted = format!("waits for {}{label}{}", wanted.before, wanted.after);
                match holder {
                    NO_TASK => wanted,
                    holder => format!("{wanted}, held by {}", self.paths.shown(holder)),
                }
            }
            Waited::Join { task } => format!("joins {}", self.paths.shown(task)),
            Waited::Settle => "waits for the others to settle".to_owned(),
            Waited::Timer if deadline.is_never() => "sleeps for ever".to_owned(),
            Waited::Timer => format!("sleeps until {deadline}"),
            Waited::Foreign => "waits for a future of its own".to_owned(),
        }
    }
}
