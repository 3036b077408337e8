//! What tasks wait for besides timers and each other: locks, queues and the like, as reports see them.
//!
//! A primitive keeps its own waiters. It is listed here when the first of them waits, and asked when a report
//! is made; so waiting costs next to nothing, and what is told cannot differ from what is.

use std::panic::Location;
use std::sync::Weak;

use super::context;
use super::core::State;
use super::registry::RunId;
use crate::kernel::{Instant, TaskKey};
use crate::report::resource_label;

/// A task that waits for a resource or holds it, and since when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Party {
    pub(super) run: RunId,
    pub(super) task: TaskKey,
    pub(super) since: Instant,
}

impl Party {
    /// The running task, as of now; `None` outside a task.
    #[inline]
    pub(crate) fn running() -> Option<Party> {
        let mut running = None;
        context::try_with(|core| {
            let kernel = &core.state().kernel;
            if let Some(task) = kernel.running() {
                running = Some(Party { run: core.run_id(), task, since: kernel.now() });
            }
        });
        running
    }

    /// Whether it is a task of this run.
    #[inline]
    pub(crate) fn is_of(self, run: Option<RunId>) -> bool {
        run == Some(self.run)
    }

    /// The same task as of now, for one that is given what it has waited for.
    #[inline]
    pub(crate) fn now(self) -> Party {
        let now = context::try_with(|core| core.state().kernel.now());
        Party { since: now.unwrap_or(self.since), ..self }
    }
}

/// The run that goes on now, and its present instant; `None` outside a loop.
#[inline]
pub(crate) fn moment() -> Option<(RunId, Instant)> {
    context::try_with(|core| (core.run_id(), core.state().kernel.now()))
}

/// The same, for what belongs to a run from the start.
///
/// # Panics
///
/// Panics outside a loop, with advice (S22).
#[track_caller]
pub(crate) fn own_moment(what: &str) -> (RunId, Instant) {
    context::with(what, |core| (core.run_id(), core.state().kernel.now()))
}

/// What tasks can wait for, as a report asks it.
///
/// Asked while the loop is borrowed, so an answer must not run foreign code.
pub(crate) trait Resource {
    fn describe(&self) -> Description;
}

/// A resource at the moment of a report.
#[derive(Debug)]
pub(crate) struct Description {
    /// What it is: `mutex`.
    pub(crate) kind: &'static str,
    pub(crate) name: Option<String>,
    pub(crate) made_at: &'static Location<'static>,
    /// Those who have what the waiters want. Empty when anybody might bring it.
    pub(crate) holders: Vec<Party>,
    /// Whether somebody else than the holders might bring it as well.
    pub(crate) is_open: bool,
    /// Whether those who wait for it may wait for something else at the same time, from which it would tear
    /// them away.
    pub(crate) is_enclosing: bool,
    /// Who waits, in order of service.
    pub(crate) waiters: Vec<(Party, Wanted)>,
}

impl Description {
    /// The resource in words: kind and name.
    pub(super) fn label(&self) -> String {
        resource_label(self.kind, self.name.as_deref())
    }
}

/// What exactly a waiter wants, in words that stand before and after the name of the resource.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Wanted {
    /// For instance `an item of `.
    pub(crate) before: String,
    /// For instance ` (empty)`.
    pub(crate) after: String,
}

/// The resources in which somebody has waited, in the order in which that first happened.
#[derive(Default)]
pub(crate) struct Resources {
    list: Vec<Weak<dyn Resource>>,
    /// The length at which those that are gone are swept out.
    full: usize,
}

impl Resources {
    fn add(&mut self, resource: Weak<dyn Resource>) {
        if self.list.len() >= self.full {
            self.list.retain(|resource| resource.strong_count() > 0);
            self.full = (2 * self.list.len()).max(64);
        }
        self.list.push(resource);
    }

    pub(super) fn clear(&mut self) {
        self.list.clear();
    }

    /// Asks those that exist.
    pub(super) fn describe(&self) -> Vec<Description> {
        self.list.iter().filter_map(Weak::upgrade).map(|resource| resource.describe()).collect()
    }
}

/// The run of the loop in which a resource has to be listed, if it is not `listed`.
#[inline]
pub(crate) fn unlisted_run(listed: Option<RunId>) -> Option<RunId> {
    context::try_with(|core| core.run_id()).filter(|&run| Some(run) != listed)
}

/// Lists a resource in the running loop, so that reports of this run ask it.
pub(crate) fn list(resource: Weak<dyn Resource>) {
    context::try_with(|core| {
        let State { resources, .. } = &mut *core.state();
        resources.add(resource);
    });
}
