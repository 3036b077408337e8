//! All tasks at one moment, and what they wait for: a copy, of which a report can be made when somebody asks.
//!
//! Taking it is one walk over the tables. Sorting, and writing paths, is for whoever reads it.

use std::panic::Location;

use super::digest::Digest;
use super::instant::Instant;
use super::key::TaskKey;
use super::ordered::{Map, sort_by_key};
use super::path::{Family, Step};
use super::tasks::State;
use super::waits::{Wait, Waiting};
use super::{Kernel, Target};

/// Bytes for which there is room for each name at first.
const NAME_USUAL: usize = 8;

/// The tasks of a kernel at one moment.
pub(crate) struct Census {
    /// By slot.
    tasks: Vec<Counted>,
    /// The names of all, one after the other.
    names: String,
    /// Who waits for what. The ends of tasks come first.
    waits: Vec<(TaskKey, Wait)>,
}

/// A task, or the vacant place of one.
pub(crate) struct Counted {
    pub(crate) key: TaskKey,
    pub(crate) serial: u64,
    pub(crate) site: &'static Location<'static>,
    pub(crate) is_daemon: bool,
    state: State,
    since: Instant,
    wakers: u16,
    parent: Option<u32>,
    index: u32,
    is_shared: bool,
    /// Where its name ends; it begins where that of the slot before ends.
    name_end: usize,
}

impl Counted {
    fn waits(&self) -> bool {
        matches!(self.state, State::Suspended | State::Lingering)
    }
}

impl Kernel {
    pub(crate) fn census(&self) -> Census {
        let mut census = Census {
            tasks: Vec::with_capacity(self.tasks.slots()),
            names: String::with_capacity(NAME_USUAL * self.tasks.slots()),
            waits: self.joins(),
        };
        for (slot, task) in (0..).zip(self.tasks.used()) {
            let step = (task.state != State::Vacant).then(|| self.tasks.step(slot));
            census.names.push_str(step.map_or("", |step| step.name));
            census.tasks.push(Counted {
                key: TaskKey::new(slot, task.generation()),
                serial: task.serial,
                site: task.site,
                is_daemon: task.is_daemon(),
                state: task.state,
                since: task.since(),
                wakers: task.wakers,
                parent: step.and_then(|_| self.tasks.parent(task)).map(|parent| parent.slot()),
                index: task.index(),
                is_shared: step.is_some_and(|step| step.is_shared),
                name_end: census.names.len(),
            });
        }
        for (deadline, registration) in self.timers.all() {
            let wait = if deadline.is_never() { Wait::Never } else { Wait::Timer(deadline) };
            self.put(&mut census.waits, registration.target(), wait);
        }
        for &target in self.settlers.values() {
            self.put(&mut census.waits, target, Wait::Settle);
        }
        census
    }

    /// Who waits for the ends of which tasks.
    fn joins(&self) -> Vec<(TaskKey, Wait)> {
        let mut joins = Vec::with_capacity(self.tasks.slots());
        for (key, task) in self.tasks.iter() {
            if !task.state.is_alive() {
                continue;
            }
            let wait = Wait::Join(key);
            let group = || self.groups.waiter(self.tasks.member(key.slot())?.group);
            if let Some(joiner) = task.joiner().or_else(group) {
                self.put(&mut joins, joiner, wait);
            }
            for watcher in self.ends.watchers(key) {
                self.put(&mut joins, watcher, wait);
            }
            if let Some(lingerer) = self.ends.lingerer(key) {
                self.put(&mut joins, Target::Task(lingerer), wait);
            }
        }
        joins
    }

    fn put(&self, waits: &mut Vec<(TaskKey, Wait)>, target: Target, wait: Wait) {
        if let Some(owner) = self.owner(target) {
            waits.push((owner, wait));
        }
    }

    /// All suspended tasks with what they wait for, in the order in which they were spawned.
    pub(crate) fn waiting(&self) -> Vec<Waiting> {
        self.census().waiting()
    }
}

impl Census {
    pub(crate) fn task(&self, key: TaskKey) -> Option<&Counted> {
        let task = self.tasks.get(key.slot() as usize)?;
        (task.key == key && task.state != State::Vacant).then_some(task)
    }

    /// Of each slot what a report tells of its task, instants apart: where all of these are equal, so are the paths of
    /// those that wait, their order, and what they wait for.
    pub(crate) fn digests(&self) -> Vec<Digest> {
        let mut digests = Vec::with_capacity(self.tasks.len());
        for task in &self.tasks {
            let Counted { serial, wakers, parent, index, is_shared, .. } = *task;
            let mut digest = Digest::default();
            digest.mix_text(self.step(digests.len() as u32).name);
            digest.mix(serial << 1 | u64::from(is_shared));
            digest.mix(u64::from(index) << 32 | u64::from(parent.unwrap_or(u32::MAX)));
            digest.mix(u64::from(wakers) << 1 | u64::from(task.waits()));
            digests.push(digest);
        }
        for &(task, wait) in &self.waits {
            let Some(digest) = self.place_of(task, &mut digests) else { continue };
            digest.mix(match wait {
                Wait::Join(joined) => u64::from(joined.slot()),
                Wait::Timer(_) => u64::MAX,
                Wait::Never => u64::MAX - 1,
                Wait::Settle => u64::MAX - 2,
            });
        }
        digests
    }

    /// What there is of a task among what there is of each slot. None of one that is gone, and may have left a wait
    /// behind: another task may have its slot.
    pub(crate) fn place_of<'a, T>(&self, task: TaskKey, places: &'a mut [T]) -> Option<&'a mut T> {
        self.task(task)?;
        places.get_mut(task.slot() as usize)
    }

    /// All that wait, in the order in which they were spawned, with what they wait for.
    pub(crate) fn waiting(&self) -> Vec<Waiting> {
        let serial = |wait: &Wait| match wait {
            Wait::Join(joined) => self.tasks[joined.slot() as usize].serial,
            _ => u64::MAX,
        };
        let mut ordered = self.waits.clone();
        // In the order of spawning, so that a wait for many reads like the program.
        sort_by_key(&mut ordered, |(_, wait)| serial(wait));
        let mut waits: Map<TaskKey, Vec<Wait>> = Map::new();
        for &(task, wait) in &ordered {
            waits.get_or_default(task).push(wait);
        }
        let mut waiting = Vec::new();
        for task in &self.tasks {
            if task.waits() {
                let waits = waits.remove(task.key).unwrap_or_default();
                let (task, since, wakers) = (task.key, task.since, task.wakers);
                waiting.push(Waiting { task, since, waits, wakers });
            }
        }
        sort_by_key(&mut waiting, |waiting| self.tasks[waiting.task.slot() as usize].serial);
        waiting
    }
}

/// By slot.
impl Family for Census {
    fn step(&self, task: u32) -> Step<'_> {
        let place = task as usize;
        let Counted { index, is_shared, name_end, .. } = self.tasks[place];
        let name_start = place.checked_sub(1).map_or(0, |before| self.tasks[before].name_end);
        Step { name: &self.names[name_start..name_end], index, is_shared }
    }

    fn parent(&self, task: u32) -> Option<u32> {
        self.tasks[task as usize].parent
    }
}
