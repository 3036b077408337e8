//! What a policy is shown.

use super::Injection;
use crate::kernel::{Accesses, Instant, Kernel, TaskId, shown_path};
use crate::rng::Rng;

/// What is to be chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ChoiceKind {
    /// Which ready task runs in the coming turn.
    Task,
    /// A value, for a call of [`choose`](crate::choose) in the running task.
    Value,
    /// Whether something is to go wrong in the turn under way: 0 for no. Only a
    /// [search that asks for it](crate::explore::Explorer::cancellations) makes such choices.
    Injection(Injection),
}

/// A choice to make: two or more alternatives, numbered from 0 in the order of arrival.
#[derive(Clone, Copy)]
pub struct Choice<'a> {
    kernel: &'a Kernel,
    kind: ChoiceKind,
    len: usize,
}

impl<'a> Choice<'a> {
    pub(crate) fn of_task(kernel: &'a Kernel) -> Self {
        Choice { kernel, kind: ChoiceKind::Task, len: kernel.ready_len() }
    }

    pub(crate) fn of_injection(kernel: &'a Kernel, injection: Injection) -> Self {
        Choice { kernel, kind: ChoiceKind::Injection(injection), len: 2 }
    }

    pub(crate) fn of_value(kernel: &'a Kernel, len: usize) -> Self {
        Choice { kernel, kind: ChoiceKind::Value, len }
    }

    /// Returns what is to be chosen.
    #[inline]
    pub fn kind(&self) -> ChoiceKind {
        self.kind
    }

    /// Returns the number of alternatives, 2 or more.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "a choice is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns the turn that the choice belongs to, from 1: the coming one, or the one under way.
    pub fn turn(&self) -> u64 {
        match self.kind {
            ChoiceKind::Task => self.kernel.turn() + 1,
            ChoiceKind::Value | ChoiceKind::Injection(_) => self.kernel.turn(),
        }
    }

    /// Returns the present instant.
    pub fn now(&self) -> Instant {
        self.kernel.now()
    }

    /// Returns the task behind an alternative of kind [`ChoiceKind::Task`].
    pub fn task(&self, index: usize) -> Option<TaskId> {
        if self.kind != ChoiceKind::Task {
            return None;
        }
        let key = self.kernel.ready_task(index)?;
        self.kernel.task(key).map(|task| TaskId::new(task.serial))
    }

    /// The number of the task behind an alternative, in the order of spawning. For policies that keep tables.
    #[inline]
    pub(crate) fn number(&self, index: usize) -> usize {
        self.kernel.ready_serial(index).unwrap_or(0) as usize
    }

    /// An alternative as `rng` draws it, all equally likely.
    #[inline]
    pub(crate) fn draw(&self, rng: &mut Rng) -> usize {
        rng.below(self.len as u64) as usize
    }

    /// The path of the task whose turn is under way.
    pub(crate) fn running_path(&self) -> Option<(TaskId, String)> {
        let key = self.kernel.running()?;
        let id = TaskId::new(self.kernel.task(key)?.serial);
        Some((id, shown_path(&self.kernel.path(key))))
    }

    /// What turns have touched so far, where a search asked for that.
    pub(crate) fn accesses(&self) -> Option<&'a Accesses> {
        self.kernel.accesses()
    }

    /// Returns the path of the task behind an alternative, such as `main/worker[1]`.
    pub fn path(&self, index: usize) -> Option<String> {
        if self.kind != ChoiceKind::Task {
            return None;
        }
        let key = self.kernel.ready_task(index)?;
        Some(shown_path(&self.kernel.path(key)))
    }
}

impl std::fmt::Debug for Choice<'_> {
    #[inline]
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Choice")
            .field("kind", &self.kind)
            .field("turn", &self.turn())
            .field("len", &self.len)
            .finish()
    }
}
