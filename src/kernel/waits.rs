//! Who waits for what: read off the tables when a report is made, so that waiting costs nothing before.

use super::instant::Instant;
use super::key::TaskKey;
use super::ordered::Map;
use super::tasks::State;
use super::{Kernel, Target};

/// One thing that a task waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Waiting {
    pub(crate) task: TaskKey,
    pub(crate) since: Instant,
    /// What it waits for as far as this crate's own futures say; empty for a future from elsewhere.
    pub(crate) waits: Vec<Wait>,
    /// Clones of its waker that are held somewhere: those who hold them could wake it.
    pub(crate) wakers: u16,
}

impl Kernel {
    /// All suspended tasks with what they wait for, in the order in which they were spawned.
    pub(crate) fn waiting(&self) -> Vec<Waiting> {
        let mut waits: Map<TaskKey, Vec<Wait>> = Map::new();
        let mut put = |target: Target, wait: Wait| {
            if let Some(owner) = self.owner(target) {
                waits.get_or_default(owner).push(wait);
            }
        };
        // In the order of spawning, so that a wait for many reads like the program.
        let alive = self.alive_in_spawn_order();
        for &key in &alive {
            let task = &self.tasks[key.slot()];
            let group = || self.groups.waiter(task.member()?.group);
            if let Some(joiner) = task.joiner().or_else(group) {
                put(joiner, Wait::Join(key));
            }
            self.ends.watchers(key).for_each(|watcher| put(watcher, Wait::Join(key)));
            if let Some(lingerer) = self.ends.lingerer(key) {
                put(Target::Task(lingerer), Wait::Join(key));
            }
        }
        for (deadline, registration) in self.timers.iter() {
            put(
                registration.target(),
                if deadline.is_never() { Wait::Never } else { Wait::Timer(deadline) },
            );
        }
        for &(_, target) in &self.settlers {
            put(target, Wait::Settle);
        }
        let waits_on = |state| matches!(state, State::Suspended | State::Lingering);
        let suspended = |key: &TaskKey| waits_on(self.tasks[key.slot()].state);
        alive
            .into_iter()
            .filter(suspended)
            .map(|key| {
                let task = &self.tasks[key.slot()];
                let waits = waits.remove(key).unwrap_or_default();
                Waiting { task: key, since: task.since(), waits, wakers: task.wakers }
            })
            .collect()
    }
}
