//! What happened in a run: records in order, each with turn, instant and task.
//!
//! A trace is read after the run. It is the same on every platform and in every process for the same
//! program, policy and seed (S34), and making it never changes a schedule (S42).

mod diff;
mod statistics;
pub(crate) mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::sync::OnceLock;

use crate::kernel::{
    self, Cause, Entry, Family, Instant, Log, NO_TASK, Paths, Step, TaskEntry, TaskId, UNNAMED,
};
pub use crate::kernel::{Digest, Level};
pub use diff::{Diff, diff};
pub use statistics::{BlockingStretch, BusyInstant, Statistics, TaskStatistics};
pub(crate) use text::{columns, elide_end, elide_middle};

/// The records of a run.
///
/// Shown as text, one line a record, at most 100 columns wide.
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
///      \u{20}  1  1s  -     the clock jumps from 0s\n\
///      \u{20}  1  1s  main  timer for 1s fires\n\
///      \u{20}  1  1s  main  woken by its timer\n\
///      \u{20}  2  1s  main  polled\n\
///      \u{20}  2  1s  main  completed\n"
/// );
/// ```
#[derive(Clone, Default)]
pub struct Trace {
    log: Log,
    /// Written when first asked for: most traces are kept only in case a run fails.
    paths: OnceLock<Vec<Box<str>>>,
}

/// One thing that happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Record<'a> {
    /// The turn under way, or the last one before; 0 before the first.
    pub turn: u64,
    /// The instant.
    pub at: Instant,
    /// The task it happened to; none where it concerns the clock, or code outside the loop.
    pub task: Option<TaskId>,
    /// What happened.
    pub event: Event<'a>,
}

/// What happened to a task or to the clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The task was spawned and is ready.
    Spawned,
    /// The task is polled: it was number `index`, from 0, of `ready` ready tasks.
    #[non_exhaustive]
    Polled {
        /// Its position in the ready set, from 0.
        index: u32,
        /// How many tasks were ready.
        ready: u32,
    },
    /// The task was woken, for the first time since its last poll.
    Woken(Waker),
    /// Somebody asked for the task's cancellation.
    AbortRequested(Waker),
    /// A timer was registered for the task.
    TimerRegistered(Instant),
    /// A timer of the task, with this deadline, fell due.
    TimerFired(Instant),
    /// A timer of the task, with this deadline, was removed.
    TimerCancelled(Instant),
    /// The clock moved on, from this instant.
    Jumped(Instant),
    /// The task blocked the loop, from this instant on.
    Blocked(Instant),
    /// The task's future ended.
    Completed,
    /// The task's future was dropped before its end.
    Cancelled,
    /// The task's future panicked, with this message.
    Panicked(&'a str),
    /// The program wrote a line.
    Note(&'a str),
}

/// Who woke a task, or asked for its cancellation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Waker {
    /// A task, in its poll.
    Task(TaskId),
    /// A timer that fell due.
    Timer,
    /// The loop, because every other task waited.
    Settled,
    /// Code outside the loop.
    Outside,
}

impl Trace {
    pub(crate) fn new(log: Log) -> Self {
        Trace { log, paths: OnceLock::new() }
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
        self.log.entries.iter().map(|entry| self.record(entry))
    }

    /// Returns the lines that the program wrote with [`note!`](crate::note!).
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
        self.paths().get(usize::try_from(task.as_u64()).ok()?).map(|path| &**path)
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

    fn paths(&self) -> &[Box<str>] {
        self.paths.get_or_init(|| paths(&self.log.tasks))
    }

    fn record(&self, entry: &Entry) -> Record<'_> {
        let text = |number: u32| &*self.log.texts[number as usize];
        let event = match entry.event {
            kernel::Event::Spawned => Event::Spawned,
            kernel::Event::Polled { index, ready } => Event::Polled { index, ready },
            kernel::Event::Woken(cause) => Event::Woken(waker(cause)),
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
            && ours.tasks.iter().map(path).eq(theirs.tasks.iter().map(path))
    }
}

impl Eq for Trace {}

/// The same text as `Display`: a difference of two traces is meant to be read.
impl fmt::Debug for Trace {
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

/// Writes the paths of all tasks.
fn paths(tasks: &[TaskEntry]) -> Vec<Box<str>> {
    let mut siblings = BTreeMap::new();
    for task in tasks {
        *siblings.entry(parent_and_name(task)).or_default() += 1;
    }
    let family = Tasks { tasks, siblings };
    let mut paths = Paths::new(&family);
    (0..tasks.len()).map(|serial| paths.shown(serial as u32).into()).collect()
}

/// The tasks of a log, by serial.
struct Tasks<'a> {
    tasks: &'a [TaskEntry],
    /// How many tasks of each name a parent has.
    siblings: BTreeMap<(u32, Option<&'a str>), u32>,
}

fn parent_and_name(task: &TaskEntry) -> (u32, Option<&str>) {
    (task.parent, task.name.as_deref())
}

impl Family for Tasks<'_> {
    fn step(&self, task: u32) -> Step<'_> {
        let task = &self.tasks[task as usize];
        let is_shared = self.siblings[&parent_and_name(task)] > 1;
        Step { name: task.name.as_deref().unwrap_or(UNNAMED), index: task.index, is_shared }
    }

    fn parent(&self, task: u32) -> Option<u32> {
        Some(self.tasks[task as usize].parent).filter(|&parent| parent != NO_TASK)
    }
}
