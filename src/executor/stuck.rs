//! Who waits for whom: the tables of the kernel and the answers of the resources, put together for a report.

use std::sync::{Arc, Weak};

use super::context;
use super::core::{Core, State};
use super::registry::RunId;
use super::resource::{Description, Holding, Party, Resource, Resources, Wanted};
use super::ring::ring;
use super::unmoved::Stuck;
use crate::kernel::ordered::{Map, Set};
use crate::kernel::{self, Census, Digest, Paths, TaskId, TaskKey};
use crate::report::{Deadlock, Holder, LeftTask, Link, Numbered, ResourceWait, Wait, WaitingTask};

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

/// What is taken for granted where it is asked who can never go on.
#[derive(Clone, Copy, Default)]
struct Premise {
    /// Nobody tears a task away from what it waits for, by a scope or a token around that.
    nobody_tears_away: bool,
    moves: Moves,
}

/// Which guards may be with another task than the one that took them, of those that can be.
#[derive(Clone, Copy, Default, PartialEq)]
enum Moves {
    /// Each of them.
    #[default]
    Any,
    /// Those of which the taker waits for more: it may be one that accepts and lets others serve.
    OfWhoWantsMore,
    /// None.
    None,
}

/// Whether a wait can come to its end, as far as is known.
enum Hope {
    /// It can, or nobody knows.
    Some,
    /// Only if one of these goes on, or is let go of.
    From(Vec<Node>),
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

    /// The nodes that can never go on, whatever the others do.
    ///
    /// A task is given up if it waits only for what has no end, for tasks that are given up, and for what only
    /// such tasks hold: the greatest set of which that is true.
    fn given_up(&self, premise: Premise) -> Vec<bool> {
        let nodes = self.tasks.len() + self.at.resources.len();
        let mut is_given_up = vec![true; nodes];
        let mut dependants = vec![Vec::new(); nodes];
        let mut freed = Vec::new();
        for node in 0..nodes {
            let hope = match node.checked_sub(self.tasks.len()) {
                None => self.hope_of_task(node, premise),
                Some(resource) => self.hope_of_resource(resource, premise),
            };
            match hope {
                Hope::Some => freed.push(node),
                Hope::From(others) => {
                    for &other in &others {
                        dependants[other].push(node);
                    }
                }
            }
        }
        while let Some(node) = freed.pop() {
            if std::mem::replace(&mut is_given_up[node], false) {
                freed.append(&mut dependants[node]);
            }
        }
        is_given_up
    }

    /// Whether somebody may hold a clone of a task's waker of whom nothing is known.
    fn is_waker_elsewhere(&self, waiter: &Waiter) -> bool {
        self.at.is_waker_shared || usize::from(waiter.waiting.wakers) > waiter.wakers_known
    }

    /// What could still wake a task.
    fn hope_of_task(&self, place: usize, premise: Premise) -> Hope {
        let waiter = &self.tasks[place];
        if self.is_waker_elsewhere(waiter) {
            return Hope::Some;
        }
        let Waiter { waiting, resources, .. } = waiter;
        let mut hopes = Vec::new();
        for &(place, _) in resources {
            if premise.moves == Moves::OfWhoWantsMore && self.may_have_given(place, waiting.task) {
                return Hope::Some;
            }
            if !(premise.nobody_tears_away && self.at.resources[place].is_enclosing) {
                hopes.push(self.node_of(place));
            }
        }
        for wait in &waiting.waits {
            match wait {
                kernel::Wait::Never => {}
                kernel::Wait::Timer(_) | kernel::Wait::Settle => return Hope::Some,
                kernel::Wait::Join(other) => match self.place_of_task(*other) {
                    Some(other) => hopes.push(other),
                    None => return Hope::Some,
                },
            }
        }
        Hope::From(hopes)
    }

    /// Who could still let go of a resource.
    fn hope_of_resource(&self, place: usize, premise: Premise) -> Hope {
        let Description { holders, is_open, .. } = &self.at.resources[place];
        // Whoever has a guard that has moved may let go of it.
        let moves = |holder: &Holding| holder.may_have_moved && premise.moves == Moves::Any;
        if holders.is_empty() || *is_open || holders.iter().any(moves) {
            return Hope::Some;
        }
        let mut hopes = Vec::new();
        for holder in holders {
            let Some(place) = self.place_of(&holder.party) else { return Hope::Some };
            hopes.push(place);
        }
        Hope::From(hopes)
    }

    /// Whether a task has taken of a resource what can be with another one by now.
    fn may_have_given(&self, resource: usize, task: TaskKey) -> bool {
        self.at.resources[resource].holders.iter().any(|&Holding { party, may_have_moved }| {
            may_have_moved && party.run == self.at.run && party.task == task
        })
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

    fn told(&self, is_told: &[bool]) -> Deadlock {
        let census = &self.at.census;
        let mut paths = Paths::new(census);
        let (mut holders, mut waiting) = (Vec::new(), Vec::new());
        for resource in &self.at.resources {
            holders.push(self.holders(resource, &mut paths));
        }
        for (place, node) in self.tasks.iter().enumerate() {
            if !is_told[place] {
                continue;
            }
            let task = census.task(node.waiting.task).expect("a waiting task was counted");
            let waits = self.waits(node, &holders, &mut paths);
            let path = paths.shown(node.waiting.task.slot());
            let left = LeftTask::new(TaskId::new(task.serial), path, task.site);
            waiting.push(WaitingTask::new(left, node.waiting.since, waits, task.is_daemon));
        }
        let (cycle, is_cycle_certain) = self.cycle(is_told);
        Deadlock { waiting, cycle, is_cycle_certain, has_daemon_timers: self.at.has_timers }
    }

    /// Who has a resource. All who wait for it share the list.
    fn holders(&self, resource: &Description, paths: &mut Paths<'_>) -> Arc<[Holder]> {
        let is_there = |holder: &Party| {
            holder.run == self.at.run && self.at.census.task(holder.task).is_some()
        };
        let mut holders = Vec::new();
        for &Holding { party, may_have_moved } in &resource.holders {
            let path = is_there(&party).then(|| paths.shown(party.task.slot()));
            holders.push(Holder { path, since: party.since, may_have_moved });
        }
        holders.into()
    }

    fn waits(&self, node: &Waiter, holders: &[Arc<[Holder]>], paths: &mut Paths<'_>) -> Vec<Wait> {
        let mut waits = Vec::new();
        for wait in &node.waiting.waits {
            waits.push(match *wait {
                kernel::Wait::Join(other) => Wait::Join(paths.shown(other.slot())),
                kernel::Wait::Timer(deadline) => Wait::Timer(deadline),
                kernel::Wait::Never => Wait::Never,
                kernel::Wait::Settle => Wait::Settle,
            });
        }
        let is_enclosing = |&(place, _): &(usize, Wanted)| self.at.resources[place].is_enclosing;
        let is_elsewhere = self.is_waker_elsewhere(node);
        let is_known = !waits.is_empty() || !node.resources.iter().all(is_enclosing);
        if !is_known && is_elsewhere {
            for (joiner, path) in &self.at.joined_elsewhere {
                if *joiner == node.waiting.task {
                    waits.push(Wait::JoinElsewhere(path.clone()));
                }
            }
            if waits.is_empty() {
                waits.push(Wait::Foreign);
            }
        } else if !is_known && node.resources.is_empty() {
            waits.push(Wait::Nothing);
        }
        // What would tear it away comes after what it waits for.
        for &tears_away in &[false, true] {
            for wanted in &node.resources {
                if is_enclosing(wanted) != tears_away {
                    continue;
                }
                let (place, Wanted { before, after }) = wanted.clone();
                let resource = &self.at.resources[place];
                let holders = Arc::clone(&holders[place]);
                waits.push(Wait::Resource(ResourceWait {
                    kind: resource.kind,
                    name: resource.name.clone(),
                    made_at: resource.made_at,
                    before,
                    after,
                    holders,
                }));
            }
        }
        if is_known && is_elsewhere {
            waits.push(Wait::PerhapsForeign);
        }
        waits
    }

    /// A ring of those who are given up, and whether it is certain: otherwise it is one if nothing has moved.
    fn cycle(&self, is_told: &[bool]) -> (Vec<Link>, bool) {
        let nobody_tears_away = true;
        let certain = self.cycle_if(is_told, Premise { nobody_tears_away, moves: Moves::Any });
        if !certain.is_empty() {
            return (certain, true);
        }
        let cycle = self.cycle_if(is_told, Premise { nobody_tears_away, moves: Moves::None });
        let is_certain = cycle.is_empty();
        (cycle, is_certain)
    }

    fn cycle_if(&self, is_told: &[bool], premise: Premise) -> Vec<Link> {
        let is_given_up = self.given_up(premise);
        let mut edges = Vec::new();
        for (place, waiter) in self.tasks.iter().enumerate() {
            let mut awaited = Vec::new();
            if is_told[place] && is_given_up[place] {
                for &node in &self.awaited(waiter) {
                    if is_given_up[node] {
                        awaited.push(node);
                    }
                }
            }
            edges.push(awaited);
        }
        for resource in &self.at.resources {
            let mut holders = Vec::new();
            for holder in &resource.holders {
                if let Some(place) = self.place_of(&holder.party) {
                    if is_told[place] && is_given_up[place] {
                        holders.push(place);
                    }
                }
            }
            edges.push(holders);
        }
        let ring = ring(&edges);
        let mut paths = Paths::new(&self.at.census);
        let mut links = Vec::new();
        for (place, &node) in ring.iter().enumerate() {
            // The earliest node is a task, since those come first; a resource is told with who waits for it.
            let Some(waiter) = self.tasks.get(node) else { continue };
            let next = ring[(place + 1) % ring.len()];
            let resource = next.checked_sub(self.tasks.len());
            links.push(Link {
                path: paths.shown(waiter.waiting.task.slot()),
                resource: resource.map(|resource| self.at.resources[resource].label()),
            });
        }
        links
    }

    /// The tasks and resources that a task waits for.
    fn awaited(&self, waiter: &Waiter) -> Vec<Node> {
        let mut awaited = Vec::new();
        for wait in &waiter.waiting.waits {
            let kernel::Wait::Join(other) = wait else { continue };
            if let Some(place) = self.place_of_task(*other) {
                awaited.push(place);
            }
        }
        for &(place, _) in &waiter.resources {
            awaited.push(self.node_of(place));
        }
        awaited
    }
}
