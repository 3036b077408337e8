//! What happened in a run: records in order, each with turn, instant and task.
//!
//! A trace is read after the run. It is the same on every platform and in every process for the same
//! program, policy and seed (S34), and making it never changes a schedule (S42).

mod diff;
mod names;
mod record;
mod statistics;
mod table;
pub(crate) mod text;

use std::fmt;
use std::panic::Location;
use std::sync::OnceLock;

use names::Names;

use crate::kernel::{self, Cause, Entry, Log, NO_RESOURCE, NO_TASK, TaskEntry, TaskId, Waited};
pub use crate::kernel::{Digest, Level};
pub use diff::{Diff, diff};
pub use record::{Awaited, Event, Record, Resource, Wait, Waker};
pub use statistics::{
    BlockingStretch, BusyInstant, ResourceStatistics, Statistics, TaskStatistics,
};
pub(crate) use text::{
    columns, elide_end, elide_middle, joined, one_line, split_at_first, split_at_last,
};

/// The records of a run.
///
/// Shown as text, one line a record, at most 100 columns wide: `...+24` ends a line of which 24 columns are cut off.
/// [`Trace::lanes`] draws it with time from left to
/// right, a row for each task, and [`Trace::columns`] with time from top to bottom, a column for each.
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
/// assert_eq!(
///     report.trace.to_string(),
///     "turn  at  task  event\n\
///      \u{20}  0  0s  main  spawned\n\
///      \u{20}  1  0s  main  polled\n\
///      \u{20}  1  0s  main  registers a timer for 1s\n\
///      \u{20}  1  0s  main  sleeps until 1s\n\
///      \u{20}  1  1s  -     the clock jumps from 0s\n\
///      \u{20}  1  1s  main  timer for 1s fires\n\
///      \u{20}  1  1s  main  woken by its timer\n\
///      \u{20}  2  1s  main  polled\n\
///      \u{20}  2  1s  main  completed\n"
/// );
/// ```
#[derive(Default)]
pub struct Trace {
    log: Log,
    /// Written when first asked for: most traces are kept only in case a run fails.
    names: OnceLock<Names>,
}

impl Trace {
    pub(crate) fn new(log: Log) -> Self {
        Trace { log, names: OnceLock::new() }
    }

    /// Forgets what a lower level would not have recorded.
    pub(crate) fn reduce(&mut self, level: Level) {
        if level < self.log.level {
            *self = Trace::new(std::mem::take(&mut self.log).reduced(level));
        }
    }

    /// Returns how much was recorded.
    pub fn level(&self) -> Level {
        self.log.level
    }

    /// Returns the number of records.
    pub fn len(&self) -> usize {
        self.log.entries.len()
    }

    /// Says whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.log.entries.is_empty()
    }

    /// Returns the records in the order in which they happened.
    pub fn records(&self) -> impl DoubleEndedIterator<Item = Record<'_>> + ExactSizeIterator {
        self.log.entries.iter().map(|entry| self.record(&entry))
    }

    /// The record at an index, without reading all that come before.
    pub(crate) fn record_at(&self, index: usize) -> Option<Record<'_>> {
        self.log.entries.get(index).map(|entry| self.record(&entry))
    }

    /// Returns the lines that the program wrote with [`note!`](crate::note!).
    #[inline]
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.records().filter_map(|record| match record.event {
            Event::Note(line) => Some(line),
            _ => None,
        })
    }

    /// Returns the ids of all tasks, in the order in which they were spawned.
    pub fn tasks(&self) -> impl ExactSizeIterator<Item = TaskId> + use<> {
        (0..self.log.tasks.len()).map(|serial| TaskId::new(serial as u64))
    }

    /// Returns a task's path, such as `main/worker[1]`; `None` for a task that is not in this trace.
    ///
    /// A path of more than 16 steps has lost its middle (S18).
    pub fn path(&self, task: TaskId) -> Option<&str> {
        self.names().paths.get(usize::try_from(task.as_u64()).ok()?).map(|path| &**path)
    }

    /// Returns the task that spawned a task; `None` for one that was spawned from outside.
    pub fn parent(&self, task: TaskId) -> Option<TaskId> {
        id(self.task_entry(task)?.parent)
    }

    /// Returns where in the source a task was spawned.
    pub fn spawn_site(&self, task: TaskId) -> Option<&'static Location<'static>> {
        self.task_entry(task).map(|task| task.site)
    }

    /// Says whether a task was spawned as a daemon.
    pub fn is_daemon(&self, task: TaskId) -> bool {
        self.task_entry(task).is_some_and(|task| task.is_daemon)
    }

    fn task_entry(&self, task: TaskId) -> Option<&TaskEntry> {
        self.log.tasks.get(usize::try_from(task.as_u64()).ok()?)
    }

    fn names(&self) -> &Names {
        self.names.get_or_init(|| Names::new(&self.log))
    }

    fn awaited(&self, what: Waited) -> Awaited<'_> {
        match what {
            Waited::Resource { wanted, holder, holders_more } => {
                let wanted = &self.log.wanted[wanted as usize];
                Awaited::Resource {
                    resource: self.resource(wanted.resource),
                    before: &wanted.before,
                    after: &wanted.after,
                    holder: id(holder),
                    holders_more: holders_more.into(),
                }
            }
            Waited::Join { task } => Awaited::Join(TaskId::new(task.into())),
            Waited::Timer => Awaited::Timer,
            Waited::Settle => Awaited::Settle,
            Waited::Foreign => Awaited::Foreign,
        }
    }

    fn resource(&self, number: u32) -> Resource<'_> {
        let number = number as usize;
        let entry = &self.log.resources[number];
        let index = self.names().indices[number];
        Resource { kind: entry.kind, name: entry.name.as_deref(), number, index }
    }

    fn record(&self, entry: &Entry) -> Record<'_> {
        let text = |number: u32| &*self.log.texts[number as usize];
        let event = match entry.event {
            kernel::Event::Spawned => Event::Spawned,
            kernel::Event::Polled { index, ready } => Event::Polled { index, ready },
            kernel::Event::Woken { cause, resource } => Event::Woken {
                by: waker(cause),
                resource: (resource != NO_RESOURCE).then(|| self.resource(resource)),
            },
            kernel::Event::Waits { what, others, deadline } => Event::Waits(Wait {
                what: self.awaited(what),
                deadline: Some(deadline).filter(|deadline| !deadline.is_never()),
                others: others.into(),
            }),
            kernel::Event::AbortRequested(cause) => Event::AbortRequested(waker(cause)),
            kernel::Event::TimerRegistered { deadline } => Event::TimerRegistered(deadline),
            kernel::Event::TimerFired { deadline } => Event::TimerFired(deadline),
            kernel::Event::TimerCancelled { deadline } => Event::TimerCancelled(deadline),
            kernel::Event::Jumped { from } => Event::Jumped(from),
            kernel::Event::Blocked { from } => Event::Blocked(from),
            kernel::Event::Completed => Event::Completed,
            kernel::Event::Cancelled => Event::Cancelled,
            kernel::Event::Panicked { text: number } => Event::Panicked(text(number)),
            kernel::Event::Note { text: number } => Event::Note(text(number)),
        };
        Record { turn: entry.turn, at: entry.at, task: id(entry.task), event }
    }
}

/// Names are written anew when they are asked for.
impl Clone for Trace {
    fn clone(&self) -> Self {
        Trace::new(self.log.clone())
    }
}

/// Two traces are equal when their records are, and the paths of the tasks that the records speak of. Where
/// in the source a task was spawned does not count.
impl PartialEq for Trace {
    fn eq(&self, other: &Self) -> bool {
        // The whole path, of which a shown one may have lost the middle.
        fn path(task: &TaskEntry) -> (u32, Option<&str>, u32) {
            (task.parent, task.name.as_deref(), task.index)
        }
        let (ours, theirs) = (&self.log, &other.log);
        ours.entries == theirs.entries
            && ours.texts == theirs.texts
            && ours.resources == theirs.resources
            && ours.wanted == theirs.wanted
            && ours.tasks.len() == theirs.tasks.len()
            && (0..ours.tasks.len())
                .all(|task| path(&ours.tasks[task]) == path(&theirs.tasks[task]))
    }
}

impl Eq for Trace {}

/// The same text as `Display`: a difference of two traces is meant to be read.
impl fmt::Debug for Trace {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn id(number: u32) -> Option<TaskId> {
    (number != NO_TASK).then(|| TaskId::new(number.into()))
}

fn waker(cause: Cause) -> Waker {
    match cause {
        Cause::Task(number) => Waker::Task(TaskId::new(number.into())),
        Cause::Timer => Waker::Timer,
        Cause::Settled => Waker::Settled,
        Cause::Outside => Waker::Outside,
    }
}
