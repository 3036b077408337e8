//! Tasks of a set that have more to say about themselves than a future.

use std::future::Future;

use super::JoinSet;
use crate::task::{AbortHandle, Builder};

/// A task that is about to be spawned into a [`JoinSet`]; made by [`JoinSet::build_task`].
#[derive(Debug)]
#[must_use = "nothing is spawned before `spawn`"]
pub struct JoinSetBuilder<'a, T: 'static> {
    set: &'a mut JoinSet<T>,
    builder: Builder,
}

impl<'a, T> JoinSetBuilder<'a, T> {
    pub(super) fn new(set: &'a mut JoinSet<T>) -> Self {
        JoinSetBuilder { set, builder: Builder::new() }
    }

    /// Names the task; see [`Builder::name`].
    pub fn name(self, name: impl Into<String>) -> Self {
        JoinSetBuilder { builder: self.builder.name(name), ..self }
    }

    /// Says whether it is a daemon; see [`Builder::daemon`].
    pub fn daemon(self, is_daemon: bool) -> Self {
        JoinSetBuilder { builder: self.builder.daemon(is_daemon), ..self }
    }

    /// Spawns it; see [`JoinSet::spawn`].
    ///
    /// # Panics
    ///
    /// As [`JoinSet::spawn`].
    #[doc(alias = "spawn_local")]
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.set.add(self.builder.spawn(future))
    }
}
