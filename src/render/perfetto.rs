//! A trace as trace events, the JSON that Perfetto and Chrome's tracing page open.
//!
//! A poll takes no time, and a slice without length cannot be seen. So a turn takes a nanosecond here, and the
//! turns of an instant stand one after the other; the instant itself is told in the arguments of each slice.

use std::fmt;

use serde::Serialize;

use super::layout::{Lane, Layout, Mark, MarkKind, Span, State, WaitKind, Wake};
use crate::trace::{Event, Level, Trace};

/// A trace as trace events; see [`Trace::perfetto`].
#[derive(Clone, Debug)]
#[must_use = "trace events are written by their `Display`"]
pub struct Perfetto<'a> {
    trace: &'a Trace,
}

impl Trace {
    /// Writes the trace in the JSON format of Chrome's trace events, which <https://ui.perfetto.dev> opens.
    ///
    /// Each task is a track, with a slice for each stretch in which it is ready, polled, blocks the loop or
    /// waits, which says what for; wakes are flows from slice to slice; notes and ends are instant events; the numbers of ready
    /// tasks and of timers are counters, in traces of [`Level::Full`].
    ///
    /// A turn takes a nanosecond, and the turns of an instant stand one after the other from that instant on.
    /// Where they reach beyond the next instant, that begins later.
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
    /// let json: serde_json::Value =
    ///     serde_json::from_str(&report.trace.perfetto().to_string()).unwrap();
    /// let events = json["traceEvents"].as_array().unwrap();
    /// let wait = events.iter().find(|event| event["name"] == "sleeps").unwrap();
    /// assert_eq!(wait["ts"], 0.002, "in microseconds: after the unit before the first turn, and the turn");
    /// assert_eq!(wait["args"]["wait"], "sleeps until 1s");
    /// assert_eq!(wait["args"]["until"], "1s");
    /// ```
    #[doc(alias("chrome", "trace_events"))]
    pub fn perfetto(&self) -> Perfetto<'_> {
        Perfetto { trace: self }
    }
}

impl fmt::Display for Perfetto<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layout = Layout::exact(self.trace);
        let mut list = List { f, is_empty: true };
        list.f.write_str("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[")?;
        list.push(&Item::named("process_name", 0, "simulated loop".to_owned()))?;
        for (place, lane) in layout.lanes.iter().enumerate() {
            let track = track(place);
            list.push(&Item::named("thread_name", track, lane.path.to_owned()))?;
            list.push(&Item {
                args: Some(Args { sort_index: Some(place), ..Args::default() }),
                ..Item::new("M", "thread_sort_index", track, 0)
            })?;
            lane.spans
                .iter()
                .try_for_each(|span| list.push(&Item::slice(track, span, layout.wait(span))))?;
            lane.marks
                .iter()
                .filter_map(|mark| Item::mark(track, mark, &layout, lane))
                .try_for_each(|item| list.push(&item))?;
        }
        for (number, wake) in layout.wakes.iter().enumerate() {
            Item::flow(number, wake).iter().try_for_each(|item| list.push(item))?;
        }
        if self.trace.level() == Level::Full {
            // Without polls and timers a task would count as ready from its spawn to its end.
            write_counters(&mut list, self.trace, &layout)?;
        }
        list.f.write_str("\n]}\n")
    }
}

/// The number of a task's track: 0 is the loop's.
fn track(place: usize) -> usize {
    place + 1
}

/// A JSON array that is written item by item.
struct List<'a, 'b> {
    f: &'a mut fmt::Formatter<'b>,
    is_empty: bool,
}

impl List<'_, '_> {
    fn push(&mut self, item: &Item) -> fmt::Result {
        let text = serde_json::to_string(item).map_err(|_| fmt::Error)?;
        let comma = if std::mem::take(&mut self.is_empty) { "" } else { "," };
        write!(self.f, "{comma}\n{text}")
    }
}

/// One trace event. The names of its fields are those of the format.
#[derive(Serialize)]
struct Item {
    ph: &'static str,
    name: String,
    pid: u32,
    tid: usize,
    /// In microseconds.
    ts: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cat: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    /// What a flow ends at: the slice around it.
    #[serde(skip_serializing_if = "Option::is_none")]
    bp: Option<&'static str>,
    /// How far an instant event reaches: its track.
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Args>,
}

#[derive(Serialize, Default)]
struct Args {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sort_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    turn: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wait: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    served_by: Option<String>,
}

impl Item {
    fn new(ph: &'static str, name: impl Into<String>, tid: usize, x: u64) -> Item {
        Item {
            ph,
            name: name.into(),
            pid: 1,
            tid,
            ts: micros(x),
            dur: None,
            cat: None,
            id: None,
            bp: None,
            s: None,
            args: None,
        }
    }

    /// Gives the process or a track a name.
    fn named(what: &str, tid: usize, name: String) -> Item {
        Item {
            args: Some(Args { name: Some(name), ..Args::default() }),
            ..Item::new("M", what, tid, 0)
        }
    }

    fn slice(tid: usize, span: &Span, waits_for: Option<String>) -> Item {
        let name = match span.state {
            State::Alive => "lives",
            State::Waiting(WaitKind::Resource) => "waits for a resource",
            State::Waiting(WaitKind::Join) => "joins",
            State::Waiting(WaitKind::Timer) => "sleeps",
            State::Waiting(WaitKind::Other) => "waits",
            State::Ready => "ready",
            State::Running => "polled",
            State::Blocking => "blocks",
        };
        let args = Args {
            turn: Some(span.turn),
            from: Some(span.since.to_string()),
            until: Some(span.until.to_string()),
            wait: waits_for,
            ..Args::default()
        };
        Item {
            dur: Some(micros(span.to - span.from)),
            cat: Some("task"),
            args: Some(args),
            ..Item::new("X", name, tid, span.from)
        }
    }

    fn mark(tid: usize, mark: &Mark<'_>, layout: &Layout<'_>, lane: &Lane<'_>) -> Option<Item> {
        let name = match mark.kind {
            MarkKind::Completed => "completed".to_owned(),
            MarkKind::Cancelled => "cancelled".to_owned(),
            MarkKind::Panicked(message) => format!("panicked: {message}"),
            MarkKind::AbortRequested(by) => {
                format!("cancellation asked for by {}", layout.waker(lane, by))
            }
            MarkKind::Note(line) => line.to_owned(),
            MarkKind::Chosen { index, ready } => format!("chosen, {} of {ready} ready", index + 1),
            MarkKind::Woken(by) if lane.is_woken_unseen(by) => {
                format!("woken by {}", layout.waker(lane, by))
            }
            // The end of the wait shows it, and a flow a wake by another task.
            MarkKind::TimerFired(_) | MarkKind::Woken(_) => return None,
        };
        let args =
            Args { turn: Some(mark.turn), from: Some(mark.at.to_string()), ..Args::default() };
        Some(Item { s: Some("t"), args: Some(args), ..Item::new("i", name, tid, mark.x) })
    }

    fn flow(id: usize, wake: &Wake<'_>) -> [Item; 2] {
        let end = |ph, place, bp| Item {
            cat: Some("wake"),
            id: Some(id),
            bp,
            args: wake
                .resource
                .map(|resource| Args { served_by: Some(resource.to_string()), ..Args::default() }),
            ..Item::new(ph, "wakes", track(place), wake.x)
        };
        [end("s", wake.from, None), end("f", wake.to, Some("e"))]
    }
}

/// Beyond 104 days, the last digits are rounded.
fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1_000.0
}

/// Writes how many tasks are ready, and how many timers are registered, wherever that changes.
fn write_counters(list: &mut List<'_, '_>, trace: &Trace, layout: &Layout<'_>) -> fmt::Result {
    let mut is_ready = vec![false; trace.tasks().len()];
    let (mut ready, mut timers) = (0_usize, 0_usize);
    for record in trace.records() {
        let place = record.task.and_then(|task| usize::try_from(task.as_u64()).ok());
        let (ready_before, timers_before) = (ready, timers);
        let becomes = match record.event {
            Event::Spawned | Event::Woken { .. } => Some(true),
            Event::Polled { .. } | Event::Completed | Event::Cancelled | Event::Panicked(_) => {
                Some(false)
            }
            _ => None,
        };
        if let Some((is_ready, becomes)) =
            place.and_then(|place| is_ready.get_mut(place)).zip(becomes)
        {
            ready = ready + usize::from(becomes) - usize::from(*is_ready);
            *is_ready = becomes;
        }
        match record.event {
            Event::TimerRegistered(_) => timers += 1,
            Event::TimerFired(_) | Event::TimerCancelled(_) => timers = timers.saturating_sub(1),
            _ => {}
        }
        let x = layout.axis.x(record.turn, record.at);
        for (name, before, now) in
            [("ready tasks", ready_before, ready), ("timers", timers_before, timers)]
        {
            if before != now {
                let args = Some(Args { count: Some(now), ..Args::default() });
                list.push(&Item { args, ..Item::new("C", name, 0, x) })?;
            }
        }
    }
    Ok(())
}
