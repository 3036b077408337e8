//! Where everything of a trace stands in a picture: one layout, from which all printers draw.
//!
//! Coordinates are integers, and a function of the trace alone. A trace of the level
//! [`Tasks`](crate::trace::Level::Tasks) has no polls; its lanes show only from when to when a task lived.

use std::collections::BTreeMap;

use super::axis::Axis;
use crate::kernel::{Instant, TaskId};
use crate::trace::{Event, Level, Record, Trace, Waker};

/// What a task does from one place on the axis to another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum State {
    /// It lives, and the trace does not say more: it has no polls.
    Alive,
    /// It waits: for its earliest timer with this deadline, or for what the trace does not say.
    Waiting(Option<Instant>),
    Ready,
    /// It is polled.
    Running,
    /// It is polled and moves the clock itself (S9).
    Blocking,
}

/// A stretch of a lane, from `from` to before `to`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Span {
    pub(super) state: State,
    pub(super) from: u64,
    pub(super) to: u64,
    /// The turn in which it began.
    pub(super) turn: u64,
    pub(super) since: Instant,
    pub(super) until: Instant,
}

/// Something that happened at one place of a lane.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Mark<'a> {
    pub(super) x: u64,
    pub(super) at: Instant,
    pub(super) turn: u64,
    pub(super) kind: MarkKind<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MarkKind<'a> {
    Completed,
    Cancelled,
    Panicked(&'a str),
    AbortRequested,
    Note(&'a str),
    /// A timer of it, with this deadline, fell due.
    TimerFired(Instant),
    /// It was taken although others had been ready before it: a choice of the policy.
    Chosen {
        index: u32,
        ready: u32,
    },
}

/// One task woke another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Wake {
    /// The lane of the one that did it.
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) x: u64,
    pub(super) at: Instant,
    pub(super) turn: u64,
}

/// A task's row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Lane<'a> {
    pub(super) task: TaskId,
    pub(super) path: &'a str,
    /// How many of its ancestors have lanes.
    pub(super) depth: usize,
    pub(super) spans: Vec<Span>,
    pub(super) marks: Vec<Mark<'a>>,
}

impl<'a> Lane<'a> {
    /// The last step of the path, where the lane stands below its parent's.
    pub(super) fn name(&self) -> &'a str {
        if self.depth == 0 { self.path } else { last_step(self.path) }
    }
}

/// The part after the last slash that is not part of a name: those are escaped.
fn last_step(path: &str) -> &str {
    let backslashes =
        |place: usize| path[..place].bytes().rev().take_while(|&b| b == b'\\').count();
    let mut slashes = path.rmatch_indices('/').map(|(place, _)| place);
    slashes.find(|&place| backslashes(place) % 2 == 0).map_or(path, |place| &path[place + 1..])
}

/// A picture before it is drawn.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Layout<'a> {
    pub(super) axis: Axis,
    /// Parents before their children, children in the order in which they were spawned.
    pub(super) lanes: Vec<Lane<'a>>,
    pub(super) wakes: Vec<Wake>,
}

impl<'a> Layout<'a> {
    /// Lays out a trace to be looked at: long stretches are cut.
    pub(super) fn new(trace: &'a Trace) -> Self {
        Layout::on(trace, Axis::new(moments(trace)))
    }

    /// Lays out a trace on an axis of nanoseconds, for tools that have an axis of their own.
    #[cfg(feature = "serde")]
    pub(super) fn exact(trace: &'a Trace) -> Self {
        Layout::on(trace, Axis::exact(moments(trace)))
    }

    fn on(trace: &'a Trace, axis: Axis) -> Self {
        let (order, depths) = family_order(trace);
        let places: BTreeMap<TaskId, usize> =
            order.iter().enumerate().map(|(place, &task)| (task, place)).collect();
        let at_first = if trace.level() < Level::Full { State::Alive } else { State::Ready };
        let lane = |(&task, &depth): (&TaskId, &usize)| Drawing {
            lane: Lane {
                task,
                path: trace.path(task).unwrap_or("?"),
                depth,
                spans: Vec::new(),
                marks: Vec::new(),
            },
            at_first,
            open: None,
            timers: BTreeMap::new(),
        };
        let mut drawings: Vec<Drawing<'a>> = order.iter().zip(&depths).map(lane).collect();
        let (mut wakes, mut polled) = (Vec::new(), None);
        for record in trace.records() {
            let Some(place) = record.task.and_then(|task| places.get(&task).copied()) else {
                continue;
            };
            let mut x = axis.x(record.turn, record.at);
            if let Event::Polled { .. } = record.event {
                polled = Some((record.turn, place));
            }
            // What is dropped after the poll of another, at the end of the run, stands after it.
            let is_after =
                polled.is_some_and(|(turn, other)| turn == record.turn && other != place);
            x += u64::from(is_after && record.event == Event::Cancelled);
            if let Event::Woken(Waker::Task(waker)) = record.event {
                let from = places.get(&waker).copied().filter(|&from| from != place);
                wakes.extend(from.map(|from| Wake {
                    from,
                    to: place,
                    x,
                    at: record.at,
                    turn: record.turn,
                }));
            }
            drawings[place].draw(record, x, &axis);
        }
        let end = trace.records().next_back().map_or(Instant::ZERO, |last| last.at);
        let lanes = drawings.into_iter().map(|drawing| drawing.finish(axis.width(), end)).collect();
        Layout { axis, lanes, wakes }
    }
}

/// The tasks with parents before their children, and how deep each stands.
fn family_order(trace: &Trace) -> (Vec<TaskId>, Vec<usize>) {
    let mut children: BTreeMap<Option<TaskId>, Vec<TaskId>> = BTreeMap::new();
    for task in trace.tasks() {
        children.entry(trace.parent(task)).or_default().push(task);
    }
    let (mut order, mut depths) = (Vec::new(), Vec::new());
    let top = children.remove(&None).unwrap_or_default();
    // A stack of its own, because a task may have as many ancestors as there are tasks.
    let mut stack: Vec<(TaskId, usize)> = top.into_iter().rev().map(|task| (task, 0)).collect();
    while let Some((task, depth)) = stack.pop() {
        order.push(task);
        depths.push(depth);
        let below = children.remove(&Some(task)).unwrap_or_default();
        stack.extend(below.into_iter().rev().map(|child| (child, depth + 1)));
    }
    (order, depths)
}

/// Turn and instant of each record, and of the beginning of what took time.
fn moments(trace: &Trace) -> impl Iterator<Item = (u64, Instant)> {
    trace.records().flat_map(|Record { turn, at, event, .. }| {
        let from = match event {
            Event::Blocked(from) => Some((turn, from)),
            _ => None,
        };
        from.into_iter().chain([(turn, at)])
    })
}

/// A lane under way.
struct Drawing<'a> {
    lane: Lane<'a>,
    at_first: State,
    /// The span that goes on.
    open: Option<Open>,
    /// The deadlines of the task's timers, and how many timers have each.
    timers: BTreeMap<Instant, u32>,
}

/// The beginning of a span.
#[derive(Clone, Copy)]
struct Open {
    state: State,
    from: u64,
    turn: u64,
    since: Instant,
}

impl<'a> Drawing<'a> {
    fn draw(&mut self, record: Record<'a>, x: u64, axis: &Axis) {
        let Record { turn, at, event, .. } = record;
        let mut mark = |kind| self.lane.marks.push(Mark { x, at, turn, kind });
        match event {
            Event::Spawned => {
                self.open = Some(Open { state: self.at_first, from: x, turn, since: at });
            }
            Event::Polled { index, ready } => {
                if index > 0 {
                    mark(MarkKind::Chosen { index, ready });
                }
                self.change(State::Running, x, turn, at);
                // What comes after the poll is known by what happens in it; to wait is the rule.
                self.change(State::Waiting(self.next_deadline()), x + 1, turn, at);
            }
            Event::Woken(_) => self.wake(x, turn, at),
            Event::TimerRegistered(deadline) => {
                *self.timers.entry(deadline).or_default() += 1;
                self.wait_for_timers();
            }
            Event::TimerCancelled(deadline) => {
                self.forget_timer(deadline);
                self.wait_for_timers();
            }
            // What it waited for stays what it was: the wake comes next.
            Event::TimerFired(deadline) => {
                mark(MarkKind::TimerFired(deadline));
                self.forget_timer(deadline);
            }
            Event::Blocked(from) => self.block(axis.x(turn, from) + 1, from, x, turn, at),
            Event::AbortRequested(_) => mark(MarkKind::AbortRequested),
            Event::Note(line) => mark(MarkKind::Note(line)),
            Event::Completed => {
                mark(MarkKind::Completed);
                self.close(x, at);
            }
            Event::Cancelled => {
                mark(MarkKind::Cancelled);
                self.close(x, at);
            }
            Event::Panicked(message) => {
                mark(MarkKind::Panicked(message));
                self.close(x, at);
            }
            Event::Jumped(_) => {}
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.timers.keys().next().copied()
    }

    fn wait_for_timers(&mut self) {
        let next = self.next_deadline();
        if let Some(Open { state: State::Waiting(until), .. }) = &mut self.open {
            *until = next;
        }
    }

    fn forget_timer(&mut self, deadline: Instant) {
        if let Some(count) = self.timers.get_mut(&deadline) {
            *count -= 1;
            if *count == 0 {
                self.timers.remove(&deadline);
            }
        }
    }

    /// The poll goes on when the loop is free again, and what comes after it stays as it was.
    fn block(&mut self, from_x: u64, from: Instant, x: u64, turn: u64, at: Instant) {
        let after = self.open.take();
        let mut piece = |state, from, since, to, until| {
            self.push(Open { state, from, turn, since }, to, until);
        };
        match after {
            Some(alive @ Open { state: State::Alive, .. }) => {
                piece(State::Alive, alive.from, alive.since, from_x, from);
                piece(State::Blocking, from_x, from, x, at);
                self.open = Some(Open { from: x, turn, since: at, ..alive });
            }
            _ => {
                piece(State::Blocking, from_x, from, x, at);
                piece(State::Running, x, at, x + 1, at);
                let state = after.map_or(State::Waiting(None), |open| open.state);
                self.open = Some(Open { state, from: x + 1, turn, since: at });
            }
        }
    }

    /// Woken in its own poll, it is ready from the poll's end on.
    fn wake(&mut self, x: u64, turn: u64, at: Instant) {
        match &mut self.open {
            Some(Open { state: state @ State::Waiting(_), from, .. }) if *from > x => {
                *state = State::Ready;
            }
            _ => self.change(State::Ready, x, turn, at),
        }
    }

    fn change(&mut self, state: State, x: u64, turn: u64, at: Instant) {
        self.close(x, at);
        self.open = Some(Open { state, from: x, turn, since: at });
    }

    fn close(&mut self, x: u64, at: Instant) {
        if let Some(open) = self.open.take() {
            self.push(open, x, at);
        }
    }

    fn push(&mut self, open: Open, to: u64, until: Instant) {
        let Open { state, from, turn, since } = open;
        if from < to {
            self.lane.spans.push(Span { state, from, to, turn, since, until });
        }
    }

    fn finish(mut self, width: u64, end: Instant) -> Lane<'a> {
        self.close(width, end);
        self.lane
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_step_of_a_path_may_have_slashes_in_it() {
        assert_eq!(last_step("main"), "main");
        assert_eq!(last_step("main/a[1]"), "a[1]");
        assert_eq!(last_step(r"main/a\/b"), r"a\/b");
        assert_eq!(last_step(r"main/a\\/b"), "b");
    }
}
