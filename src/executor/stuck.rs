//! Who waits for whom: the tables of the kernel and the answers of the resources, put together for a report.

mod hope;
mod told;

use std::sync::{Arc, Weak};

use hope::{Moves, Premise};

use super::context;
use super::core::{Core, State};
use super::registry::RunId;
use super::resource::{Description, Holding, Party, Resource, Resources, Wanted};
use super::unmoved::Stuck;
use crate::kernel::ordered::{Map, Set};
use crate::kernel::{self, Census, Digest, TaskKey};
use crate::report::{Deadlock, Numbered};

/// A run in which somebody cannot go on, as it stands: all that a report may want to know of it later.
pub(super) struct Standstill {
    run: RunId,
    census: Census,
    resources: Vec<Description>,
    /// The tasks of other loops that tasks of this one join, by those and with their paths.
    joined_elsewhere: Vec<(TaskKey, String)>,
    /// Clones of wakers are on other threads, so nobody can say that none is left.
    is_waker_shared: bool,
    has_timers: bool,
}

/// All tasks that wait, and what for.
pub(super) struct WaitGraph<'a> {
    at: &'a Standstill,
    /// In the order in which they were spawned.
    tasks: Vec<Waiter>,
    /// By slot; of a slot without one of them, any place.
    places: Vec<usize>,
}

struct Waiter {
    waiting: kernel::Waiting,
    /// The resources it waits for, by place.
    resources: Vec<(usize, Wanted)>,
    /// How many clones of its waker they hold.
    wakers_known: usize,
}

/// A node of the graph: a task by its place, or a resource by its own behind those. A wait for a resource is an
/// edge to it, and the resource has edges to its holders: so there are as many edges as waits and holders, and
/// not as many as their product.
type Node = usize;

impl Standstill {
    pub(super) fn new(core: &Core, state: &State) -> Self {
        Standstill {
            run: core.run_id(),
            census: state.kernel.census(),
            resources: state.resources.describe(),
            joined_elsewhere: joined_elsewhere(core),
            is_waker_shared: core.is_waker_shared(state),
            has_timers: state.kernel.next_deadline().is_some(),
        }
    }

    /// Of a run in which nobody can go on.
    pub(super) fn deadlock(&self) -> Deadlock {
        WaitGraph::new(self).deadlock()
    }

    /// Those who can never run again, whatever the others do: as far as is known, and if no guard has moved.
    /// Daemons are not told of.
    pub(super) fn partial_deadlock(&self, resources: &Resources) -> Stuck {
        WaitGraph::new(self).partial_deadlock(resources)
    }
}

/// Equal only where the same tasks wait for the same, no matter since when.
impl Numbered for Standstill {
    fn number(&self) -> u64 {
        let mut digests = self.census.digests();
        for resource in &self.resources {
            for waiter in resource.waiters.iter().filter(|waiter| waiter.whom.is_of(self.run)) {
                let Some(digest) = self.census.place_of(waiter.whom.task, &mut digests) else {
                    continue;
                };
                digest.mix_text(resource.kind);
                digest.mix_text(resource.name.as_deref().unwrap_or_default());
                let flags = [resource.name.is_some(), resource.is_enclosing, waiter.has_waker];
                digest.mix(flags.iter().fold(0, |all, &flag| all << 1 | u64::from(flag)));
            }
        }
        for (joiner, path) in &self.joined_elsewhere {
            if let Some(digest) = self.census.place_of(*joiner, &mut digests) {
                digest.mix_text(path);
            }
        }
        let mut number = Digest::default();
        number.mix(u64::from(self.is_waker_shared));
        for digest in &digests {
            number.mix(digest.as_u64());
        }
        number.finished().as_u64()
    }
}

/// The tasks of other loops that tasks of this one join: those hold their wakers.
fn joined_elsewhere(core: &Core) -> Vec<(TaskKey, String)> {
    let mut joined = Vec::new();
    // The state of this loop is borrowed, so it is passed over.
    for other in &context::loops() {
        if let Some(state) = other.try_state() {
            joined.append(&mut state.joined_from(core.id));
        }
    }
    joined
}

impl<'a> WaitGraph<'a> {
    fn new(at: &'a Standstill) -> Self {
        let mut waits: Map<TaskKey, (Vec<(usize, Wanted)>, usize)> = Map::new();
        for (place, resource) in at.resources.iter().enumerate() {
            for waiter in resource.waiters.iter().filter(|waiter| waiter.whom.is_of(at.run)) {
                let (resources, wakers_known) = waits.get_or_default(waiter.whom.task);
                resources.push((place, waiter.wanted.clone()));
                *wakers_known += usize::from(waiter.has_waker);
            }
        }
        let (mut tasks, mut places) = (Vec::new(), Vec::new());
        for waiting in at.census.waiting() {
            let slot = waiting.task.slot() as usize;
            if places.len() <= slot {
                places.resize(slot + 1, 0);
            }
            places[slot] = tasks.len();
            let (resources, wakers_known) = waits.remove(waiting.task).unwrap_or_default();
            tasks.push(Waiter { waiting, resources, wakers_known });
        }
        WaitGraph { at, tasks, places }
    }

    /// All of them, for a run in which nobody can go on.
    fn deadlock(&self) -> Deadlock {
        self.told(&vec![true; self.tasks.len()])
    }

    fn partial_deadlock(&self, resources: &Resources) -> Stuck {
        let is_stuck = |moves| self.stuck_if(Premise { moves, ..Premise::default() });
        let (certain, if_unmoved) = (is_stuck(Moves::Any), is_stuck(Moves::OfWhoWantsMore));
        if certain == if_unmoved {
            return Stuck { certain: self.partial(&certain), ..Stuck::default() };
        }
        Stuck {
            certain: self.partial(&certain),
            taken: self.taken_by(&if_unmoved, resources),
            if_unmoved: self.partial(&if_unmoved),
            has_moved: false,
        }
    }

    fn stuck_if(&self, premise: Premise) -> Vec<bool> {
        let mut is_stuck = self.given_up(premise);
        is_stuck.truncate(self.tasks.len());
        for (place, waiter) in self.tasks.iter().enumerate() {
            let task = self.at.census.task(waiter.waiting.task);
            is_stuck[place] &= !task.is_some_and(|task| task.is_daemon);
        }
        is_stuck
    }

    fn partial(&self, is_stuck: &[bool]) -> Option<Deadlock> {
        let told = || Deadlock { has_daemon_timers: false, ..self.told(is_stuck) };
        is_stuck.contains(&true).then(told)
    }

    /// What these have taken of what they wait for, and could be with others by now.
    fn taken_by(
        &self,
        is_stuck: &[bool],
        resources: &Resources,
    ) -> Vec<(Weak<dyn Resource>, Party)> {
        let is_theirs = |holding: &Holding| {
            let place = self.place_of(&holding.party);
            holding.may_have_moved && place.is_some_and(|place| is_stuck[place])
        };
        let mut awaited = Set::new();
        for (place, waiter) in self.tasks.iter().enumerate() {
            for &(resource, _) in waiter.resources.iter().filter(|_| is_stuck[place]) {
                awaited.insert(resource);
            }
        }
        // In the order in which they were described.
        let alive = resources.alive();
        let mut taken = Vec::new();
        for place in awaited.iter() {
            for holding in &self.at.resources[place].holders {
                if is_theirs(holding) {
                    taken.push((Arc::downgrade(&alive[place]), holding.party));
                }
            }
        }
        taken
    }

    /// The node of a resource, by its place.
    fn node_of(&self, resource: usize) -> Node {
        self.tasks.len() + resource
    }

    fn place_of_task(&self, task: TaskKey) -> Option<usize> {
        let &place = self.places.get(task.slot() as usize)?;
        self.tasks.get(place).filter(|waiter| waiter.waiting.task == task).map(|_| place)
    }

    fn place_of(&self, party: &Party) -> Option<usize> {
        self.place_of_task(party.task).filter(|_| party.run == self.at.run)
    }
}
