//! Who waits for what: read off the tables when a report is made, so that waiting costs nothing before.

use super::instant::Instant;
use super::key::TaskKey;

/// One thing that a task waits for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Wait {
    /// The end of another task.
    Join(TaskKey),
    /// A timer with this deadline.
    Timer(Instant),
    /// A sleep without end.
    Never,
    /// Everybody else to wait.
    Settle,
}

/// A task that waits.
#[derive(PartialEq, Debug)]
pub(crate) struct Waiting {
    pub(crate) task: TaskKey,
    pub(crate) since: Instant,
    /// What it waits for as far as this crate's own futures say; empty for a future from elsewhere.
    pub(crate) waits: Vec<Wait>,
    /// Clones of its waker that are held somewhere: those who hold them could wake it.
    pub(crate) wakers: u16,
}
