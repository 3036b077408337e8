//! Failures as data. Their text is written in `text`.

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use super::deadlock::Deadlock;
use super::later::Later;
use crate::kernel::{Instant, TaskId};
use crate::policy::{Injection, ScheduleError};

/// Why a run failed, when, and how to see it again.
///
/// Its `Display` is the message that a reader is meant to see, of several lines; `Debug` gives the same, so
/// that an `unwrap` is readable.
///
/// # Examples
///
/// ```
/// use simloop::{Builder, report::FailureKind};
///
/// let failure = Builder::new().run(std::future::pending::<()>()).unwrap_failure();
/// assert!(matches!(failure.kind(), FailureKind::Deadlock(_)));
/// assert!(failure.to_string().starts_with("deadlock at 0s (turn 1): 1 task waits"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Failure {
    /// Behind a pointer, so that a `Result` with it stays small.
    inner: Arc<Inner>,
}

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    kind: Later<FailureKind>,
    place: Place,
    at: Instant,
    turn: u64,
    reproduction: Later<String>,
    /// Where a picture of the run is, or why there is none; only where one was asked for.
    picture: Option<String>,
    consequences: Vec<Failure>,
}

/// What tells the kind and place of a failure before [`kind`](Failure::kind) is asked for.
pub(crate) trait Numbered: Send + Sync + UnwindSafe + RefUnwindSafe {
    /// Equal for two only if they are of one kind and place.
    fn number(&self) -> u64;
}

#[derive(Clone, Default)]
struct Place(Option<Arc<dyn Numbered>>);

/// Of two failures that are equal it may differ, and that says nothing.
impl PartialEq for Place {
    #[inline]
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Place {}

impl Failure {
    pub(crate) fn new(
        kind: impl Into<Later<FailureKind>>,
        at: Instant,
        turn: u64,
        reproduction: Later<String>,
    ) -> Self {
        let inner = Inner {
            kind: kind.into(),
            place: Place::default(),
            at,
            turn,
            reproduction,
            picture: None,
            consequences: Vec::new(),
        };
        Failure { inner: Arc::new(inner) }
    }

    pub(crate) fn at_place(mut self, place: Arc<dyn Numbered>) -> Self {
        Arc::make_mut(&mut self.inner).place = Place(Some(place));
        self
    }

    /// Adds what happened later, probably because of this one.
    pub(crate) fn followed_by(mut self, consequences: Vec<Failure>) -> Self {
        if !consequences.is_empty() {
            Arc::make_mut(&mut self.inner).consequences = consequences;
        }
        self
    }

    pub(crate) fn set_picture(&mut self, picture: String) {
        Arc::make_mut(&mut self.inner).picture = Some(picture);
    }

    /// The first line of the message.
    pub(crate) fn title(&self) -> String {
        let text = self.to_string();
        text.lines().next().unwrap_or_default().trim_end_matches(':').to_owned()
    }

    pub(super) fn picture(&self) -> Option<&str> {
        self.inner.picture.as_deref()
    }

    #[cfg(feature = "backtrace")]
    pub(crate) fn deadlock_mut(&mut self) -> Option<&mut Deadlock> {
        match Arc::make_mut(&mut self.inner).kind.get_mut() {
            FailureKind::Deadlock(deadlock) => Some(deadlock),
            _ => None,
        }
    }

    /// A number that tells what happened and where, if there is one.
    pub(crate) fn place(&self) -> Option<u64> {
        self.inner.place.0.as_ref().map(|place| place.number())
    }

    /// Returns what happened.
    pub fn kind(&self) -> &FailureKind {
        self.inner.kind.get()
    }

    /// Returns the instant at which it happened.
    pub fn at(&self) -> Instant {
        self.inner.at
    }

    /// Returns the turn in which it happened, or the last one before.
    pub fn turn(&self) -> u64 {
        self.inner.turn
    }

    /// Returns the Rust expression that makes a builder whose run fails in the same way.
    pub fn reproduction(&self) -> &str {
        self.inner.reproduction.get()
    }

    /// Returns what else went wrong, in order: after a panic that nobody took, other such panics, and how the
    /// run ended if it did not end well.
    pub fn consequences(&self) -> &[Failure] {
        &self.inner.consequences
    }
}

impl fmt::Debug for Failure {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failure {}

/// What went wrong in a run.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FailureKind {
    /// Nothing is ready, no timer that counts is registered, and the root has not ended (S37).
    Deadlock(Deadlock),
    /// Too many turns at one instant (S38).
    Livelock(Livelock),
    /// A task panicked and nobody took the panic (S20).
    Panic(Panic),
    /// The limit on turns was reached (S39).
    #[non_exhaustive]
    TurnLimit {
        /// The limit.
        limit: u64,
        /// The tasks that were alive.
        alive: Vec<LeftTask>,
    },
    /// The next timer lies beyond the limit on virtual time, or a task blocked past it (S39).
    #[non_exhaustive]
    TimeLimit {
        /// The limit.
        limit: Duration,
        /// The instant that lies beyond it: where the clock would go, or where it is after a task blocked.
        beyond: Instant,
        /// The paths of the tasks that wait for that instant, or of the one that blocked until then.
        tasks: Vec<String>,
    },
    /// Another OS thread woke a task (S23).
    #[non_exhaustive]
    ForeignWake {
        /// The path of the task that was woken.
        task: String,
        /// The name of the other thread, if it has one.
        thread: Option<String>,
    },
    /// A loop was started inside a running one (S22).
    #[non_exhaustive]
    NestedLoop {
        /// The path of the running loop's task that started it, if one was running.
        task: Option<String>,
    },
    /// Tasks were alive when the root ended, and the builder denied that (S21).
    #[non_exhaustive]
    Leftovers {
        /// The tasks.
        tasks: Vec<LeftTask>,
    },
    /// The program is no longer the one whose schedule is replayed (S35).
    ReplayDiverged(ReplayDivergence),
    /// The line given to [`Builder::replay`](crate::Builder::replay) is no schedule.
    InvalidReplay(ScheduleError),
    /// The policy chose an alternative that does not exist, or panicked.
    #[non_exhaustive]
    PolicyFault {
        /// The policy, as its `Debug` shows it.
        policy: String,
        /// What it did.
        fault: String,
    },
    /// The run ended, but not as it should: its output is an error, or a requirement on its report is not met.
    /// Only a search looks at that ([`Explorer`](crate::explore::Explorer)).
    #[non_exhaustive]
    Refused {
        /// What is wrong, in words.
        reason: String,
    },
    /// The same schedule gave two different runs, so the program reads something outside the loop. Only a search
    /// looks at that.
    #[non_exhaustive]
    NotDeterministic {
        /// The first difference, in lines.
        difference: String,
    },
    /// A search was told something that makes no sense, in its environment for instance.
    #[non_exhaustive]
    InvalidSearch {
        /// What is wrong, in words.
        reason: String,
    },
    /// The root task was aborted.
    #[non_exhaustive]
    RootCancelled {
        /// Its path.
        task: String,
    },
}

/// A run that goes on without time advancing.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Livelock {
    /// Turns at this instant.
    pub turns: u64,
    /// How many of the last of them were watched.
    pub watched: u64,
    /// How many tasks were polled in those.
    pub polled: usize,
    /// The ten busiest of them at most, most polled first.
    pub spinners: Vec<Spinner>,
}

/// A task that ran again and again.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Spinner {
    /// Its path.
    pub path: String,
    /// Its polls in the watched turns.
    pub polls: u64,
    /// Who woke it, in words, and how often; the ten most frequent at most, in that order.
    pub woken_by: Vec<(String, u64)>,
}

/// A panic that nobody took.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Panic {
    /// The path of the task.
    pub path: String,
    /// The panic's message.
    pub message: String,
    /// The line of code that raised it, `file:line`, with the path of the file in the program's workspace, or in the
    /// package that it was fetched with: `simloop-0.1.0/src/task/gather.rs:291`. `None` where that is not known: a panic
    /// hook tells it, so it is not if the program has set another since its first loop, nor of a payload that was thrown
    /// by [`resume_unwind`](std::panic::resume_unwind), but for that of a [`JoinError`](crate::JoinError).
    pub raised_at: Option<String>,
    /// Why it failed the run.
    pub place: PanicPlace,
    /// Where the task was spawned.
    pub spawned_at: &'static Location<'static>,
}

/// Why a panic fails a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PanicPlace {
    /// It happened in the root.
    Root,
    /// The task's handle had been dropped or was dropped later, so nobody could receive it.
    Detached,
    /// The task's handle was there when the run ended, and nobody had awaited it.
    NotJoined,
    /// It happened as the task was dropped, cancelled or at the end of the run, or as its output was, which nobody
    /// was to have.
    Drop,
    /// It happened in foreign code that the loop called outside any task's own: a combinator's waker, or the
    /// destructor of an output. The path then says which, and which task ran meanwhile, if one did; the place of
    /// spawning is the run's own.
    Foreign,
}

/// Where a replayed schedule and the program part.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ReplayDivergence {
    /// The turn of the choice that does not fit.
    pub turn: u64,
    /// The index that the schedule takes.
    pub index: u32,
    /// The number of alternatives that the schedule expects.
    pub alternatives: u32,
    /// Whether it is a choice of a value by [`choose`](crate::choose) rather than of a task.
    pub is_value: bool,
    /// What the schedule makes go wrong, if it is no choice.
    pub injection: Option<Injection>,
    /// The number of alternatives that there are; `None` if the run has no such choice at all.
    pub found: Option<u32>,
    /// The paths of the ready tasks.
    pub ready: Vec<String>,
}

/// A task that was alive when a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct LeftTask {
    /// Its id.
    pub id: TaskId,
    /// Its path.
    pub path: String,
    /// Where it was spawned.
    pub spawned_at: &'static Location<'static>,
}

// The record above can be made only here, and by the loop.
impl LeftTask {
    pub(crate) fn new(id: TaskId, path: String, spawned_at: &'static Location<'static>) -> Self {
        LeftTask { id, path, spawned_at }
    }
}
