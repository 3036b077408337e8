//! Events: what the kernel says has happened, stamped with turn, instant and task.
//!
//! The log keeps them in order when asked to. It decides nothing: a run is the same with it and without
//! (S42).

use std::panic::Location;

use super::entries::Entries;
use super::instant::Instant;

/// How much of a run is recorded.
///
/// The level never changes a schedule (S42), nor the digest, which is always kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
#[non_exhaustive]
pub enum Level {
    /// Nothing.
    #[default]
    Off,
    /// The life of tasks, jumps of the clock, and notes.
    Tasks,
    /// Every poll, wake and timer as well.
    Full,
}

/// The number that stands for no task in an [`Entry`].
pub(crate) const NO_TASK: u32 = u32::MAX;

/// Who woke a task.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Cause {
    /// The task with this serial, by something it did in its poll.
    Task(u32),
    /// A timer that fell due.
    Timer,
    /// The loop itself: everything else was waiting (`settle`).
    Settled,
    /// Code outside the loop, between two turns.
    Outside,
}

/// The number that stands for no resource.
pub(crate) const NO_RESOURCE: u32 = u32::MAX;

/// The first thing that a task waits for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Waited {
    /// What the number of the wanted says, held by the task with this serial, if by anybody, and by others.
    Resource { wanted: u32, holder: u32, holders_more: u16 },
    /// The end of the task with this serial.
    Join { task: u32 },
    /// Everybody else to wait.
    Settle,
    /// Its deadline, or for ever.
    Timer,
    /// A future that does not say what it waits for.
    Foreign,
}

/// What happened. Texts and tasks are numbers here; the trace resolves them.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Event {
    Spawned,
    /// Polled, as number `index` of `ready` ready tasks.
    Polled {
        index: u32,
        ready: u32,
    },
    /// Woken, after a resource had served it or none had.
    Woken {
        cause: Cause,
        resource: u32,
    },
    /// It does not go on before this, or another of its waits, is over.
    Waits {
        what: Waited,
        /// Things that it waits for besides what is told.
        others: u16,
        /// The earliest of its deadlines, or `NEVER`.
        deadline: Instant,
    },
    AbortRequested(Cause),
    TimerRegistered {
        deadline: Instant,
    },
    TimerFired {
        deadline: Instant,
    },
    TimerCancelled {
        deadline: Instant,
    },
    /// The clock stood at `from` before.
    Jumped {
        from: Instant,
    },
    /// The task blocked the loop from `from` on.
    Blocked {
        from: Instant,
    },
    Completed,
    Cancelled,
    Panicked {
        text: u32,
    },
    Note {
        text: u32,
    },
}

impl Event {
    fn level(self) -> Level {
        match self {
            Event::Spawned
            | Event::AbortRequested(_)
            | Event::Jumped { .. }
            | Event::Blocked { .. }
            | Event::Completed
            | Event::Cancelled
            | Event::Panicked { .. }
            | Event::Note { .. } => Level::Tasks,
            Event::Polled { .. }
            | Event::Woken { .. }
            | Event::Waits { .. }
            | Event::TimerRegistered { .. }
            | Event::TimerFired { .. }
            | Event::TimerCancelled { .. } => Level::Full,
        }
    }
}

/// An event with its stamp.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Entry {
    pub(crate) turn: u64,
    pub(crate) at: Instant,
    /// The serial of the task it happened to, or [`NO_TASK`].
    pub(crate) task: u32,
    pub(crate) event: Event,
}

/// What the log knows of a task, by its serial: enough to write its path after it is gone.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TaskEntry {
    /// The parent's serial, or [`NO_TASK`].
    pub(crate) parent: u32,
    pub(crate) name: Option<Box<str>>,
    pub(crate) index: u32,
    pub(crate) is_daemon: bool,
    pub(crate) site: &'static Location<'static>,
}

/// A resource in which somebody has waited.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct ResourceEntry {
    pub(crate) kind: &'static str,
    pub(crate) name: Option<Box<str>>,
}

/// What somebody has wanted of a resource, in words that stand before and after its name.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct WantedEntry {
    pub(crate) resource: u32,
    pub(crate) before: Box<str>,
    pub(crate) after: Box<str>,
}

/// A record takes no more, however much it tells.
const _: () = assert!(size_of::<Entry>() <= 48);

/// The list of what happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Log {
    pub(crate) level: Level,
    pub(crate) entries: Entries,
    pub(crate) tasks: Vec<TaskEntry>,
    pub(crate) texts: Vec<Box<str>>,
    pub(crate) resources: Vec<ResourceEntry>,
    pub(crate) wanted: Vec<WantedEntry>,
}

impl Log {
    pub(crate) fn is_on(&self) -> bool {
        self.level != Level::Off
    }

    pub(crate) fn wants(&self, level: Level) -> bool {
        self.level >= level
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, entry: Entry) {
        if self.wants(entry.event.level()) {
            self.entries.push(entry);
        }
    }

    /// The log that a lower level would have made.
    pub(crate) fn reduced(mut self, level: Level) -> Log {
        if level == Level::Off {
            return Log::default();
        }
        self.entries.retain(|entry| entry.event.level() <= level);
        Log { level, resources: Vec::new(), wanted: Vec::new(), ..self }
    }

    /// Keeps a text and returns its number.
    pub(crate) fn text(&mut self, text: &str) -> u32 {
        self.texts.push(text.into());
        (self.texts.len() - 1) as u32
    }
}
