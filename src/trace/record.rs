//! What a trace tells: one thing that happened, and what that speaks of.

use std::fmt;

use super::one_line;
use crate::kernel::{Instant, TaskId};

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
