//! A run as the page's scripts read it: numbers in one text, and the texts in another.
//!
//! The numbers are, in this order: instants, stops of the axis, tasks, lanes, spans, records, statistics. An
//! instant is told once and then by its place in the list, so that a record takes a few bytes however late it
//! happens: at most 160 for itself, its instants and its spans, and about ten as a rule.

use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use super::digits::Digits;
use crate::kernel::ordered::{Set, Texts};
use crate::kernel::{Instant, TaskId};
use crate::render::layout::{Layout, State, WaitKind};
use crate::render::svg::escaped;
use crate::report::line_of;
use crate::trace::{Event, Level, Record, ResourceStatistics, Statistics, Trace, Waker};

/// The version of this format, for the scripts of the same page alone.
const VERSION: u64 = 1;

/// A run before it is written.
pub(super) struct Data<'a> {
    trace: &'a Trace,
    layout: &'a Layout<'a>,
    /// All instants that anything speaks of, in order.
    instants: Vec<Instant>,
    /// The places in the source at which tasks were spawned, each once and in order.
    sites: Vec<Site>,
    /// What tasks wait for and the resources that served them, in words, each once and in order.
    words: Vec<Rc<str>>,
    statistics: Statistics,
}

type Site = (&'static str, u32);

impl<'a> Data<'a> {
    pub(super) fn new(trace: &'a Trace, layout: &'a Layout<'a>) -> Self {
        let mut instants = Set::new();
        for record in trace.records() {
            instants.insert(record.at);
            if let Some(other) = other(record.event) {
                instants.insert(other);
            }
        }
        let mut sites = Vec::new();
        for task in trace.tasks() {
            if let Some(place) = trace.spawn_site(task).map(site) {
                if let Err(before) = sites.binary_search(&place) {
                    sites.insert(before, place);
                }
            }
        }
        let mut words = Texts::default();
        for record in trace.records() {
            match record.event {
                Event::Woken { resource: Some(resource), .. } => {
                    words.insert(&resource.to_string());
                }
                Event::Waits(wait) => _ = words.insert(&trace.wait(wait)),
                _ => {}
            }
        }
        let statistics = trace.statistics();
        for ResourceStatistics { resource, .. } in &statistics.resources {
            words.insert(resource);
        }
        let mut data =
            Data { trace, layout, instants: Vec::new(), sites, words: Vec::new(), statistics };
        for at in instants.iter() {
            data.instants.push(at);
        }
        for &number in &words.in_order() {
            data.words.push(Rc::clone(words.text(number)));
        }
        data
    }

    /// The number of what is told in words.
    fn number_of(&self, words: &str) -> usize {
        let place = self.words.binary_search_by(|known| (**known).cmp(words));
        place.expect("all that the trace tells of are numbered")
    }

    /// Writes the texts, one a line: places in the source, names of tasks, waits, and what the records say.
    pub(super) fn write_texts(&self, f: &mut impl fmt::Write) -> fmt::Result {
        for &(file, line) in &self.sites {
            writeln!(f, "{}", escaped(&line_of(file, line)))?;
        }
        for task in self.trace.tasks() {
            writeln!(f, "{}", escaped(self.name(task).0))?;
        }
        for words in &self.words {
            writeln!(f, "{}", escaped(words))?;
        }
        for record in self.trace.records() {
            if let Some(text) = text(record.event) {
                writeln!(f, "{}", escaped(text))?;
            }
        }
        Ok(())
    }

    pub(super) fn write_numbers(&self, f: &mut impl fmt::Write) -> fmt::Result {
        let digits = &mut Digits::new(f);
        digits.put(VERSION)?;
        digits.put(match self.trace.level() {
            Level::Off => 0,
            Level::Tasks => 1,
            Level::Full => 2,
        })?;
        self.write_axis(digits)?;
        self.write_tasks(digits)?;
        self.write_spans(digits)?;
        self.write_records(digits)?;
        self.write_statistics(digits)?;
        digits.flush()
    }

    fn write_axis<W: fmt::Write>(&self, digits: &mut Digits<'_, W>) -> fmt::Result {
        digits.put_len(self.instants.len())?;
        let mut before = 0;
        for at in &self.instants {
            digits.put(at.as_nanos() - before)?;
            before = at.as_nanos();
        }
        let axis = &self.layout.axis;
        digits.put(axis.width())?;
        digits.put_len(axis.stops().len())?;
        let (mut place, mut x, mut turns) = (0, 0, 0);
        for stop in axis.stops() {
            let here = self.place(stop.at);
            digits.put_len(here - place)?;
            digits.put((stop.x - x) * 2 + u64::from(stop.is_cut))?;
            digits.put(stop.turns_before - turns)?;
            (place, x, turns) = (here, stop.x, stop.turns_before);
        }
        Ok(())
    }

    fn write_tasks<W: fmt::Write>(&self, digits: &mut Digits<'_, W>) -> fmt::Result {
        digits.put_len(self.sites.len())?;
        digits.put_len(self.trace.tasks().len())?;
        digits.put_len(self.words.len())?;
        for task in self.trace.tasks() {
            // How far back the parent was spawned; 0 for a task without one.
            let parent =
                self.trace.parent(task).map_or(0, |parent| task.as_u64() - parent.as_u64());
            digits.put(parent)?;
            let (_, is_below_parent) = self.name(task);
            digits.put(u64::from(self.trace.is_daemon(task)) * 2 + u64::from(is_below_parent))?;
            let place = self.trace.spawn_site(task).map(site);
            let number = place.map(|place| self.sites.binary_search(&place));
            digits.put_len(number.map_or(0, |number| number.expect("all sites are numbered")))?;
        }
        let mut next = 0;
        for lane in &self.layout.lanes {
            digits.put_signed(lane.task.as_u64() as i64 - next)?;
            next = lane.task.as_u64() as i64 + 1;
        }
        Ok(())
    }

    fn write_spans<W: fmt::Write>(&self, digits: &mut Digits<'_, W>) -> fmt::Result {
        let mut spans = 0;
        for lane in &self.layout.lanes {
            spans += lane.spans.len();
        }
        digits.put_len(spans)?;
        for lane in &self.layout.lanes {
            digits.put_len(lane.spans.len())?;
            let mut end = 0;
            for span in &lane.spans {
                let state = match span.state {
                    State::Alive => 0,
                    State::Waiting(WaitKind::Other) => 1,
                    State::Waiting(WaitKind::Timer) => 2,
                    State::Waiting(WaitKind::Join) => 3,
                    State::Waiting(WaitKind::Resource) => 4,
                    State::Ready => 5,
                    State::Running => 6,
                    State::Blocking => 7,
                };
                // Most spans begin where the one before ends.
                let gap = span.from - end;
                digits.put(state + if gap > 0 { 8 } else { 0 })?;
                if gap > 0 {
                    digits.put(gap)?;
                }
                digits.put(span.to - span.from)?;
                end = span.to;
            }
        }
        Ok(())
    }

    fn write_records<W: fmt::Write>(&self, digits: &mut Digits<'_, W>) -> fmt::Result {
        digits.put_len(self.trace.len())?;
        let (mut turn, mut place, mut task) = (0, 0, 0);
        for record in self.trace.records() {
            // A poll is of the next turn, and all else of the same; what differs is told.
            let expected = turn + u64::from(matches!(record.event, Event::Polled { .. }));
            let here = self.place(record.at);
            let is_expected = record.turn == expected && here == place;
            digits.put(kind(record.event) * 2 + u64::from(!is_expected))?;
            if !is_expected {
                digits.put_signed(record.turn as i64 - expected as i64)?;
                digits.put_signed(here as i64 - place as i64)?;
            }
            // The clock's records have no task: one before the first.
            let number = record.task.map_or(-1, |task| task.as_u64() as i64);
            digits.put_signed(number - task)?;
            (turn, place, task) = (record.turn, here, number);
            self.write_event(digits, &record, here)?;
        }
        Ok(())
    }

    fn write_event<W: fmt::Write>(
        &self,
        digits: &mut Digits<'_, W>,
        record: &Record<'_>,
        here: usize,
    ) -> fmt::Result {
        if let Some(other) = other(record.event) {
            return digits.put_signed(self.place(other) as i64 - here as i64);
        }
        match record.event {
            Event::Polled { index, ready } => {
                digits.put(index.into())?;
                digits.put(ready.into())
            }
            Event::Woken { by, resource } => {
                digits.put(waker(by))?;
                let resource = resource.map(|resource| self.number_of(&resource.to_string()));
                digits.put_len(resource.map_or(0, |word| word + 1))
            }
            Event::AbortRequested(by) => digits.put(waker(by)),
            Event::Waits(wait) => digits.put_len(self.number_of(&self.trace.wait(wait))),
            _ => Ok(()),
        }
    }

    fn write_statistics<W: fmt::Write>(&self, digits: &mut Digits<'_, W>) -> fmt::Result {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        for task in &self.statistics.tasks {
            digits.put(task.polls)?;
            digits.put(task.turns_ready)?;
            digits.put(nanos(task.ready))?;
            digits.put(nanos(task.waiting))?;
            digits.put(nanos(task.longest_wait))?;
            digits.put(nanos(task.blocked))?;
            digits.put_len(task.resources.len())?;
            for ResourceStatistics { resource, waits, waiting, longest_wait } in &task.resources {
                digits.put_len(self.number_of(resource))?;
                digits.put(*waits)?;
                digits.put(nanos(*waiting))?;
                digits.put(nanos(*longest_wait))?;
            }
        }
        Ok(())
    }

    fn place(&self, at: Instant) -> usize {
        self.instants.partition_point(|other| *other < at)
    }

    /// What a task's path has after that of its parent, and whether it is that.
    fn name(&self, task: TaskId) -> (&'a str, bool) {
        let path = self.trace.path(task).unwrap_or("?");
        let parent = self.trace.parent(task).and_then(|parent| self.trace.path(parent));
        let step = parent.and_then(|parent| path.strip_prefix(parent)?.strip_prefix('/'));
        (step.unwrap_or(path), step.is_some())
    }
}

fn waker(waker: Waker) -> u64 {
    match waker {
        Waker::Timer => 0,
        Waker::Settled => 1,
        Waker::Outside => 2,
        Waker::Task(task) => 3 + task.as_u64(),
    }
}

fn site(location: &'static Location<'static>) -> Site {
    (location.file(), location.line())
}

fn kind(event: Event<'_>) -> u64 {
    match event {
        Event::Spawned => 0,
        Event::Polled { .. } => 1,
        Event::Woken { .. } => 2,
        Event::AbortRequested(_) => 3,
        Event::TimerRegistered(_) => 4,
        Event::TimerFired(_) => 5,
        Event::TimerCancelled(_) => 6,
        Event::Jumped(_) => 7,
        Event::Blocked(_) => 8,
        Event::Completed => 9,
        Event::Cancelled => 10,
        Event::Panicked(_) => 11,
        Event::Note(_) => 12,
        Event::Waits(_) => 13,
    }
}

/// The instant that an event speaks of, beside its own.
fn other(event: Event<'_>) -> Option<Instant> {
    match event {
        Event::TimerRegistered(at)
        | Event::TimerFired(at)
        | Event::TimerCancelled(at)
        | Event::Jumped(at)
        | Event::Blocked(at) => Some(at),
        _ => None,
    }
}

fn text(event: Event<'_>) -> Option<&str> {
    match event {
        Event::Panicked(text) | Event::Note(text) => Some(text),
        _ => None,
    }
}
