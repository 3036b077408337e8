//! Where everything of a trace stands in a picture: one layout, from which all printers draw.
//!
//! Coordinates are integers, and a function of the trace alone. A trace of the level
//! [`Tasks`](crate::trace::Level::Tasks) has no polls; its lanes show only from when to when a task lived.

use super::axis::Axis;
use super::family::{family_order, last_step};
use crate::kernel::{Instant, TaskId};
use crate::trace::{Awaited, Event, Level, Record, Resource, Trace, Waker};

/// What a task does from one place on the axis to another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum State {
    /// It lives, and the trace does not say more: it has no polls.
    Alive,
    /// It waits. For what exactly, the record says; see [`Layout::wait`].
    Waiting(WaitKind),
    Ready,
    /// It is polled.
    Running,
    /// It is polled and moves the clock itself (S9).
    Blocking,
}

/// For what kind of thing a task waits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum WaitKind {
    /// A future of its own, or all others to settle.
    Other,
    /// A deadline, and nothing else.
    Timer,
    /// The end of a task.
    Join,
    /// A lock, a queue, and the like.
    Resource,
}

impl WaitKind {
    fn of(what: Awaited<'_>) -> WaitKind {
        match what {
            Awaited::Resource { .. } => WaitKind::Resource,
            Awaited::Join(_) => WaitKind::Join,
            Awaited::Timer => WaitKind::Timer,
            Awaited::Settle | Awaited::Foreign => WaitKind::Other,
        }
    }
}

/// A stretch of a lane, from `from` to before `to`.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) state: State,
    pub(super) from: u64,
    pub(super) to: u64,
    /// The turn in which it began.
    pub(super) turn: u64,
    pub(super) since: Instant,
    pub(super) until: Instant,
    /// The place among the records of the one that says what is waited for.
    pub(super) record: Option<u32>,
}

/// Something that happened at one place of a lane.
#[derive(Clone, Copy)]
pub(super) struct Mark<'a> {
    pub(super) x: u64,
    pub(super) at: Instant,
    pub(super) turn: u64,
    pub(super) kind: MarkKind<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum MarkKind<'a> {
    Completed,
    Cancelled,
    Panicked(&'a str),
    AbortRequested(Waker),
    /// It stands where it is ready from then on: after its poll, where it was woken in that.
    Woken(Waker),
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
#[derive(Clone, Copy)]
pub(super) struct Wake<'a> {
    /// The lane of the one that did it.
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) x: u64,
    pub(super) at: Instant,
    pub(super) turn: u64,
    /// The resource that had served the one that is woken.
    pub(super) resource: Option<Resource<'a>>,
}

/// A task's row.
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

    /// Whether nothing but a mark shows who woke it: no timer that fires, and no arrow from another task.
    pub(super) fn is_woken_unseen(&self, by: Waker) -> bool {
        match by {
            Waker::Timer => false,
            Waker::Task(waker) => waker == self.task,
            Waker::Settled | Waker::Outside => true,
        }
    }
}

/// A picture before it is drawn.
pub(super) struct Layout<'a> {
    pub(super) axis: Axis,
    /// Parents before their children, children in the order in which they were spawned.
    pub(super) lanes: Vec<Lane<'a>>,
    pub(super) wakes: Vec<Wake<'a>>,
    trace: &'a Trace,
}

impl<'a> Layout<'a> {
    /// Lays out a trace to be looked at: long stretches are cut.
    pub(super) fn new(trace: &'a Trace) -> Self {
        Layout::on(trace, Axis::new(&moments(trace)))
    }

    /// Lays out a trace on an axis of nanoseconds, for tools that have an axis of their own.
    #[cfg(feature = "serde")]
    pub(super) fn exact(trace: &'a Trace) -> Self {
        Layout::on(trace, Axis::exact(&moments(trace)))
    }

    fn on(trace: &'a Trace, mut axis: Axis) -> Self {
        let (order, depths) = family_order(trace);
        let at_first = if trace.level() < Level::Full { State::Alive } else { State::Ready };
        let mut places = vec![None; trace.tasks().len()];
        let mut drawings = Vec::with_capacity(order.len());
        for (place, &task) in order.iter().enumerate() {
            places[task.as_u64() as usize] = Some(place);
            let (path, depth) = (trace.path(task).unwrap_or("?"), depths[place]);
            let lane = Lane { task, path, depth, spans: Vec::new(), marks: Vec::new() };
            drawings.push(Drawing { lane, at_first, open: None });
        }
        let place_of = |task: TaskId| *places.get(task.as_u64() as usize)?;
        let (mut wakes, mut polled, mut width) = (Vec::new(), None, axis.width());
        for (number, record) in trace.records().enumerate() {
            let Some(place) = record.task.and_then(place_of) else {
                continue;
            };
            let mut x = axis.x(record.turn, record.at);
            if let Event::Polled { .. } = record.event {
                polled =
                    Some(Polled { turn: record.turn, at: record.at, place, has_waited: false });
            }
            if let Some(polled) = polled.as_mut().filter(|polled| polled.is_at(record)) {
                match record.event {
                    Event::Waits(_) => polled.has_waited |= polled.place == place,
                    // What is dropped after a poll, at the end of the run, stands after it, and after the wait
                    // that began with it, so that a deadlock shows the last wait too.
                    Event::Cancelled if polled.has_waited => x += 2,
                    Event::Cancelled => x += u64::from(polled.place != place),
                    _ => {}
                }
                width = width.max(x);
            }
            if let Event::Woken { by: Waker::Task(waker), resource } = record.event {
                if let Some(from) = place_of(waker).filter(|&from| from != place) {
                    let Record { at, turn, .. } = record;
                    wakes.push(Wake { from, to: place, x, at, turn, resource });
                }
            }
            drawings[place].draw(record, number, x, &axis);
        }
        let end = trace.records().next_back().map_or(Instant::ZERO, |last| last.at);
        axis.widen(width);
        let mut lanes = Vec::with_capacity(drawings.len());
        for drawing in drawings {
            lanes.push(drawing.finish(width, end));
        }
        Layout { axis, lanes, wakes, trace }
    }

    /// Who woke the task of a lane, or asked for its cancellation, in words.
    pub(super) fn waker(&self, lane: &Lane<'_>, waker: Waker) -> String {
        self.trace.waker(Some(lane.task), waker)
    }

    /// What a task waits for in a span, in words.
    pub(super) fn wait(&self, span: &Span) -> Option<String> {
        let record = self.trace.record_at(span.record? as usize)?;
        match record.event {
            Event::Waits(wait) => Some(self.trace.wait(wait)),
            _ => None,
        }
    }
}

/// The poll that was last.
struct Polled {
    turn: u64,
    at: Instant,
    place: usize,
    /// Its task has suspended.
    has_waited: bool,
}

impl Polled {
    fn is_at(&self, record: Record<'_>) -> bool {
        (self.turn, self.at) == (record.turn, record.at)
    }
}

/// Turn and instant of each record, and of the beginning of what took time.
fn moments(trace: &Trace) -> Vec<(u64, Instant)> {
    let mut moments = Vec::with_capacity(trace.len());
    for Record { turn, at, event, .. } in trace.records() {
        if let Event::Blocked(from) = event {
            moments.push((turn, from));
        }
        moments.push((turn, at));
    }
    moments
}

/// A lane under way.
struct Drawing<'a> {
    lane: Lane<'a>,
    at_first: State,
    /// The span that goes on.
    open: Option<Open>,
}

/// The beginning of a span.
#[derive(Clone, Copy)]
struct Open {
    state: State,
    from: u64,
    turn: u64,
    since: Instant,
    record: Option<u32>,
}

impl<'a> Drawing<'a> {
    fn draw(&mut self, record: Record<'a>, number: usize, x: u64, axis: &Axis) {
        let Record { turn, at, event, .. } = record;
        let mut mark = |kind| self.lane.marks.push(Mark { x, at, turn, kind });
        match event {
            Event::Spawned => {
                self.change(self.at_first, x, turn, at);
            }
            Event::Polled { index, ready } => {
                if index > 0 {
                    mark(MarkKind::Chosen { index, ready });
                }
                self.change(State::Running, x, turn, at);
                // What comes after the poll is known by what happens in it; to wait is the rule.
                self.change(State::Waiting(WaitKind::Other), x + 1, turn, at);
            }
            Event::Woken { by, .. } => self.wake(by, x, turn, at),
            Event::Waits(wait) => self.wait(WaitKind::of(wait.what), number, x, turn, at),
            Event::TimerFired(deadline) => mark(MarkKind::TimerFired(deadline)),
            Event::Blocked(from) => self.block(axis.x(turn, from) + 1, from, x, turn, at),
            Event::AbortRequested(by) => mark(MarkKind::AbortRequested(by)),
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
            Event::Jumped(_) | Event::TimerRegistered(_) | Event::TimerCancelled(_) => {}
        }
    }

    /// What it waits for after its poll is known when that has ended; of one that is suspended, it may change.
    fn wait(&mut self, kind: WaitKind, number: usize, x: u64, turn: u64, at: Instant) {
        match &mut self.open {
            // Also of one that woke itself in it, which is over and lingers: nothing wakes it any more.
            Some(Open { state: State::Waiting(_) | State::Ready, from, .. }) if *from > x => {}
            _ => self.change(State::Waiting(kind), x, turn, at),
        }
        if let Some(open) = &mut self.open {
            (open.state, open.record) = (State::Waiting(kind), u32::try_from(number).ok());
        }
    }

    /// The poll goes on when the loop is free again, and what comes after it stays as it was.
    fn block(&mut self, from_x: u64, from: Instant, x: u64, turn: u64, at: Instant) {
        let after = self.open.take();
        let mut piece = |state, from, since, to, until| {
            self.push(Open { state, from, turn, since, record: None }, to, until);
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
                let state = after.map_or(State::Waiting(WaitKind::Other), |open| open.state);
                self.open = Some(Open { state, from: x + 1, turn, since: at, record: None });
            }
        }
    }

    /// Woken in its own poll, it is ready from the poll's end on.
    fn wake(&mut self, by: Waker, x: u64, turn: u64, at: Instant) {
        let mut from_x = x;
        match &mut self.open {
            Some(Open { state: state @ State::Waiting(_), from, record, .. }) if *from > x => {
                (*state, *record) = (State::Ready, None);
                from_x = *from;
            }
            _ => self.change(State::Ready, x, turn, at),
        }
        self.lane.marks.push(Mark { x: from_x, at, turn, kind: MarkKind::Woken(by) });
    }

    fn change(&mut self, state: State, x: u64, turn: u64, at: Instant) {
        self.close(x, at);
        self.open = Some(Open { state, from: x, turn, since: at, record: None });
    }

    fn close(&mut self, x: u64, at: Instant) {
        if let Some(open) = self.open.take() {
            self.push(open, x, at);
        }
    }

    fn push(&mut self, open: Open, to: u64, until: Instant) {
        let Open { state, from, turn, since, record } = open;
        if from < to {
            self.lane.spans.push(Span { state, from, to, turn, since, until, record });
        }
    }

    fn finish(mut self, width: u64, end: Instant) -> Lane<'a> {
        self.close(width, end);
        self.lane
    }
}
