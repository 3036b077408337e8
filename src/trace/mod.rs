//! What happened in a run: records in order, each with turn, instant and task.
//!
//! A trace is read after the run. It is the same on every platform and in every process for the same
//! program, policy and seed (S34), and making it never changes a schedule (S42).

mod diff;
mod statistics;
mod table;
pub(crate) mod text;

use std::fmt;
use std::panic::Location;
use std::sync::OnceLock;

use crate::kernel::ordered::{Map, Texts};
use crate::kernel::{
    self, Cause, Entry, Family, Instant, Log, NO_RESOURCE, NO_TASK, Paths, ResourceEntry, Step,
    TaskEntry, TaskId, UNNAMED, Waited,
};
pub use crate::kernel::{Digest, Level};
pub use diff::{Diff, diff};
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

struct Names {
    /// Of the tasks, by serial.
    paths: Vec<Box<str>>,
    /// The place of each resource among those of its kind and name, where there are several.
    indices: Vec<Option<usize>>,
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
    #[non_exhaustive]
    Woken {
        /// Who woke it.
        by: Waker,
        /// The resource that had served it, if one had: a lock that was handed over, a queue with an item.
        resource: Option<Resource<'a>>,
    },
    /// The task is suspended, and waits for this.
    Waits(Wait<'a>),
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

/// What a task waits for when it is suspended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Wait<'a> {
    /// What it waits for; of several things one, resources before ends of tasks.
    pub what: Awaited<'a>,
    /// The earliest of its deadlines: it sleeps until then, or goes on then whatever else it waits for.
    pub deadline: Option<Instant>,
    /// How many things it waits for besides these.
    pub others: usize,
}

/// One thing that a task waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Awaited<'a> {
    /// A lock, a queue, and the like.
    #[non_exhaustive]
    Resource {
        /// Which.
        resource: Resource<'a>,
        /// What it wants of it, in words that stand before the resource, such as `an item of `. May be empty.
        before: &'a str,
        /// The same behind the resource, such as ` (empty)`. May be empty.
        after: &'a str,
        /// The task that has it, where that is known; the first, of several. It is not where the guard can have
        /// gone to another task, see [`Holder::may_have_moved`](crate::report::Holder::may_have_moved).
        holder: Option<TaskId>,
        /// How many more tasks have it.
        holders_more: usize,
    },
    /// The end of a task.
    Join(TaskId),
    /// Its deadline; without one it sleeps for ever.
    Timer,
    /// All other tasks to wait, as in [`settle`](crate::settle).
    Settle,
    /// A future that does not say what it waits for.
    Foreign,
}

/// A resource in which a task has waited. Its `Display` is the kind and the name: ``mutex `ledger` ``.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub struct Resource<'a> {
    /// What it is: `mutex`.
    pub kind: &'static str,
    /// The name that the program gave it.
    pub name: Option<&'a str>,
    /// Its number among all in which tasks have waited, in the order in which that first happened.
    pub number: usize,
    /// Its place among those of the same kind and name, from 0; none if there is only this one.
    pub index: Option<usize>,
}

impl fmt::Display for Resource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)?;
        if let Some(name) = self.name {
            write!(f, " `{}`", one_line(name))?;
        }
        self.index.map_or(Ok(()), |index| write!(f, "[{index}]"))
    }
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
        let Log { tasks, resources, .. } = &self.log;
        self.names.get_or_init(|| Names { paths: paths(tasks), indices: indices(resources) })
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

/// The place of each resource among those of the same kind and name, where there are several.
fn indices(resources: &[ResourceEntry]) -> Vec<Option<usize>> {
    let (mut texts, mut counts) = (Texts::default(), Map::<_, usize>::new());
    let mut places = Vec::with_capacity(resources.len());
    for ResourceEntry { kind, name } in resources {
        let kind = texts.number(kind);
        let called = (kind, name.as_deref().map(|name| texts.number(name)));
        let count = counts.get_or_default(called);
        places.push((called, *count));
        *count += 1;
    }
    let mut indices = Vec::with_capacity(resources.len());
    for &(called, place) in &places {
        let is_shared = counts.get(called).is_some_and(|&count| count > 1);
        indices.push(is_shared.then_some(place));
    }
    indices
}

/// Writes the paths of all tasks.
fn paths(tasks: &[TaskEntry]) -> Vec<Box<str>> {
    let (mut names, mut siblings) = (Texts::default(), Map::<_, u32>::new());
    let mut called = Vec::with_capacity(tasks.len());
    for TaskEntry { parent, name, .. } in tasks {
        let name = name.as_deref().map(|name| names.number(name));
        called.push((*parent, name));
        *siblings.get_or_default((*parent, name)) += 1;
    }
    let mut shared = Vec::with_capacity(tasks.len());
    for &called in &called {
        shared.push(siblings.get(called).is_some_and(|&count| count > 1));
    }
    let family = Tasks { tasks, shared };
    let (mut paths, mut shown) = (Paths::new(&family), Vec::with_capacity(tasks.len()));
    for serial in 0..tasks.len() {
        shown.push(paths.shown(serial as u32).into());
    }
    shown
}

/// The tasks of a log, by serial.
struct Tasks<'a> {
    tasks: &'a [TaskEntry],
    /// Whether a sibling has the same name.
    shared: Vec<bool>,
}

impl Family for Tasks<'_> {
    fn step(&self, task: u32) -> Step<'_> {
        let is_shared = self.shared[task as usize];
        let task = &self.tasks[task as usize];
        Step { name: task.name.as_deref().unwrap_or(UNNAMED), index: task.index, is_shared }
    }

    fn parent(&self, task: u32) -> Option<u32> {
        Some(self.tasks[task as usize].parent).filter(|&parent| parent != NO_TASK)
    }
}
