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

/// A picture before it is drawn.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Layout<'a> {
    pub(super) axis: Axis,
    /// Parents before their children, children in the order in which they were spawned.
    pub(super) lanes: Vec<Lane<'a>>,
    pub(super) wakes: Vec<Wake>,
}

impl<'a> Layout<'a> {
    pub(super) fn new(trace: &'a Trace) -> Self {
        let axis = Axis::new(trace.records().map(|record| (record.turn, record.at)));
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
        };
        let mut drawings: Vec<Drawing<'a>> = order.iter().zip(&depths).map(lane).collect();
        let mut wakes = Vec::new();
        for record in trace.records() {
            let Some(place) = record.task.and_then(|task| places.get(&task).copied()) else {
                continue;
            };
            let x = axis.x(record.turn, record.at);
            if let Event::Woken(Waker::Task(waker)) = record.event {
                let from = places.get(&waker).copied().filter(|&from| from != place);
                wakes.extend(from.map(|from| Wake { from, to: place, x }));
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

/// A lane under way.
struct Drawing<'a> {
    lane: Lane<'a>,
    at_first: State,
    /// The span that goes on: what it is, from where, since when.
    open: Option<(State, u64, Instant)>,
}

impl<'a> Drawing<'a> {
    fn draw(&mut self, record: Record<'a>, x: u64, axis: &Axis) {
        let Record { turn, at, event, .. } = record;
        let mut mark = |kind| self.lane.marks.push(Mark { x, at, turn, kind });
        match event {
            Event::Spawned => self.open = Some((self.at_first, x, at)),
            Event::Polled { index, ready } => {
                if index > 0 {
                    mark(MarkKind::Chosen { index, ready });
                }
                self.change(State::Running, x, at);
                // What comes after the poll is known by what happens in it; to wait is the rule.
                self.change(State::Waiting(None), x + 1, at);
            }
            Event::Woken(_) => self.wake(x, at),
            Event::TimerRegistered(deadline) => {
                if let Some((State::Waiting(until), ..)) = &mut self.open {
                    *until = Some(until.map_or(deadline, |other| other.min(deadline)));
                }
            }
            Event::Blocked(from) => {
                self.open = None;
                let from_x = self.lane.spans.pop().map_or(axis.x(turn, from), |span| span.from);
                self.push(State::Blocking, from_x, x + 1, from, at);
                self.open = Some((State::Waiting(None), x + 1, at));
            }
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
            Event::TimerFired(_) | Event::TimerCancelled(_) | Event::Jumped(_) => {}
        }
    }

    /// Woken in its own poll, it is ready from the poll's end on.
    fn wake(&mut self, x: u64, at: Instant) {
        match &mut self.open {
            Some((state @ State::Waiting(_), from, _)) if *from > x => *state = State::Ready,
            _ => self.change(State::Ready, x, at),
        }
    }

    fn change(&mut self, state: State, x: u64, at: Instant) {
        self.close(x, at);
        self.open = Some((state, x, at));
    }

    fn close(&mut self, x: u64, at: Instant) {
        if let Some((state, from, since)) = self.open.take() {
            self.push(state, from, x, since, at);
        }
    }

    fn push(&mut self, state: State, from: u64, to: u64, since: Instant, until: Instant) {
        if from < to {
            self.lane.spans.push(Span { state, from, to, since, until });
        }
    }

    fn finish(mut self, width: u64, end: Instant) -> Lane<'a> {
        self.close(width, end);
        self.lane
    }
}
