//! Two traces beside each other, and where they part.

use std::fmt;

use super::text::{columns, counted, elide_end, elide_middle};
use super::{Awaited, Event, Record, Resource, Trace, Wait, Waker};
use crate::kernel::{Instant, TaskId};

/// The width that no line exceeds, in columns of a terminal.
const WIDTH: usize = 100;

/// Columns of each side: two spaces and a sign stand before the sides and between them.
const SIDE: usize = (WIDTH - 5) / 2;

/// Columns that a path takes at most.
const PATH_WIDTH: usize = 20;

/// Records that are shown before the first difference at most, and from it on.
const BEFORE_MAX: usize = 6;
const AFTER_MAX: usize = 24;

/// Compares two traces, record by record.
///
/// Tasks are compared by their paths, so two runs compare equal also where they gave a path to another task.
/// Where in the source a task was spawned does not count, nor whether a path or a resource shows its place among those
/// of its name, which hangs on what comes later.
///
/// # Examples
///
/// ```
/// use simloop::{Builder, policy::Random, spawn, trace, trace::Level};
///
/// let program = || async {
///     spawn(async {});
///     spawn(async {}).await.unwrap();
/// };
/// let first = Builder::new().trace(Level::Full).run(program()).trace;
/// let second = Builder::new().trace(Level::Full).policy(Random::new(1)).run(program()).trace;
/// let diff = trace::diff(&first, &second);
/// assert_eq!(diff.first_difference(), Some(5));
/// assert!(diff.to_string().contains("x 2  0s  main/task[0]  polled, 1 of 2 ready"), "{diff}");
/// assert!(trace::diff(&first, &first).is_empty());
/// ```
pub fn diff<'a>(left: &'a Trace, right: &'a Trace) -> Diff<'a> {
    let (mut ones, mut others, mut same) = (left.records(), right.records(), 0);
    while let (Some(one), Some(other)) = (ones.next(), others.next()) {
        if !is_same(left, one, right, other) {
            break;
        }
        same += 1;
    }
    let first = (same < left.len().max(right.len())).then_some(same);
    Diff { left, right, first }
}

/// Two traces beside each other; see [`diff`].
///
/// Its `Display` shows the records around the first difference, at most 100 columns wide. A line starts with
/// `=` where both sides are the same and with `x` where they are not. After the first difference the sides
/// are two runs, each with turns of its own: the tenth line after it is the tenth record of either.
#[derive(Clone, Copy)]
#[must_use = "a comparison is shown by its `Display`"]
pub struct Diff<'a> {
    left: &'a Trace,
    right: &'a Trace,
    first: Option<usize>,
}

impl Diff<'_> {
    /// Says whether the traces have the same records.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Returns how many records the traces have in common before they part; `None` if they never do.
    pub fn first_difference(&self) -> Option<usize> {
        self.first
    }
}

impl fmt::Display for Diff<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, right) = (self.left.len(), self.right.len());
        let Some(first) = self.first else {
            let records = counted(left, "record", "records");
            return writeln!(f, "the traces are the same: {records}");
        };
        if self.left.level() != self.right.level() {
            let (left, right) = (self.left.level(), self.right.level());
            writeln!(f, "the traces have different levels, {left:?} and {right:?}")?;
        }
        let place = self.left.record_at(first).or_else(|| self.right.record_at(first));
        let (turn, at) = place.map_or((0, Instant::ZERO), |record| (record.turn, record.at));
        let same = counted(first, "record is", "records are");
        writeln!(
            f,
            "{same} the same; then, at {at} in turn {turn}, they part (of {left} and {right})"
        )?;
        let (start, end) = (first.saturating_sub(BEFORE_MAX), first + AFTER_MAX);
        if start > 0 {
            writeln!(f, "... {}, the same", counted(start, "record", "records"))?;
        }
        let side = |trace| Side::new(trace, start..end);
        let (left_side, right_side) = (side(self.left), side(self.right));
        for number in start..end.min(left.max(right)) {
            let (one, other) = (left_side.line(number), right_side.line(number));
            let sign = if number < first { '=' } else { 'x' };
            let gap = " ".repeat(SIDE.saturating_sub(columns(&one)));
            writeln!(f, "{}", format!("{sign} {one}{gap} | {other}").trim_end())?;
        }
        let more = |count: usize| count.saturating_sub(end);
        if more(left.max(right)) > 0 {
            writeln!(f, "... {} more on the left and {} on the right", more(left), more(right))?;
        }
        Ok(())
    }
}

/// The same text as `Display`.
impl fmt::Debug for Diff<'_> {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The lines of one trace, from record `start` on.
struct Side {
    start: usize,
    lines: Vec<String>,
}

impl Side {
    fn new(trace: &Trace, range: std::ops::Range<usize>) -> Side {
        let path = |record: &Record<'_>| match record.task {
            Some(task) => elide_middle(trace.path(task).unwrap_or("?"), PATH_WIDTH),
            None => "-".to_owned(),
        };
        let (mut records, mut turn, mut at, mut task) = (Vec::new(), 0, 0, 0);
        for record in trace.records().skip(range.start).take(range.len()) {
            turn = turn.max(record.turn.to_string().len());
            at = at.max(record.at.to_string().len());
            task = task.max(columns(&path(&record)));
            records.push(record);
        }
        let mut lines = Vec::new();
        for record in &records {
            let path = path(record);
            let gap = " ".repeat(task - columns(&path));
            let event = trace.sentence(record.task, record.event);
            let line = format!("{:>turn$}  {:>at$}  {path}{gap}  {event}", record.turn, record.at);
            lines.push(elide_end(&line, SIDE));
        }
        Side { start: range.start, lines }
    }

    fn line(&self, number: usize) -> String {
        self.lines.get(number - self.start).cloned().unwrap_or_default()
    }
}

fn is_same(left: &Trace, one: Record<'_>, right: &Trace, other: Record<'_>) -> bool {
    one.turn == other.turn
        && one.at == other.at
        && is_same_task(left, one.task, right, other.task)
        && match (one.event, other.event) {
            (Event::Woken { by: a, resource: one }, Event::Woken { by: b, resource: other }) => {
                is_same_waker(left, a, right, b) && one.map(position) == other.map(position)
            }
            (Event::AbortRequested(a), Event::AbortRequested(b)) => {
                is_same_waker(left, a, right, b)
            }
            (Event::Waits(one), Event::Waits(other)) => is_same_wait(left, one, right, other),
            (a, b) => a == b,
        }
}

/// Says whether two tasks have the same path. A path shows a place among siblings once there are two, so that place
/// is asked for itself: a sibling that one of the runs has later is no difference before.
fn is_same_task(
    left: &Trace,
    mut one: Option<TaskId>,
    right: &Trace,
    mut other: Option<TaskId>,
) -> bool {
    while let (Some(here), Some(there)) = (one, other) {
        // So it is nearly always, and the way up may be long.
        if left.path(here) == right.path(there) {
            return true;
        }
        if step(left, here) != step(right, there) {
            return false;
        }
        (one, other) = (left.parent(here), right.parent(there));
    }
    one == other
}

/// What the last step of a path is made of.
fn step(trace: &Trace, task: TaskId) -> Option<(Option<&str>, u32)> {
    let task = trace.task_entry(task)?;
    Some((task.name.as_deref(), task.index))
}

fn is_same_waker(left: &Trace, one: Waker, right: &Trace, other: Waker) -> bool {
    match (one, other) {
        (Waker::Task(a), Waker::Task(b)) => is_same_task(left, Some(a), right, Some(b)),
        (a, b) => a == b,
    }
}

fn is_same_wait(left: &Trace, one: Wait<'_>, right: &Trace, other: Wait<'_>) -> bool {
    let beside = |wait: &Wait<'_>| (wait.deadline, wait.others);
    let is_same_awaited = match (one.what, other.what) {
        (Awaited::Join(a), Awaited::Join(b)) => is_same_task(left, Some(a), right, Some(b)),
        (
            Awaited::Resource { resource, before, after, holder, holders_more },
            Awaited::Resource {
                resource: other_resource,
                before: other_before,
                after: other_after,
                holder: other_holder,
                holders_more: other_more,
            },
        ) => {
            let others = (position(other_resource), other_before, other_after, other_more);
            (position(resource), before, after, holders_more) == others
                && is_same_task(left, holder, right, other_holder)
        }
        (a, b) => a == b,
    };
    is_same_awaited && beside(&one) == beside(&other)
}

/// What a resource is called, and its place among those that are called so, whether or not that is shown.
fn position<'a>(resource: Resource<'a>) -> (&'static str, Option<&'a str>, usize) {
    (resource.kind, resource.name, resource.index.unwrap_or(0))
}
