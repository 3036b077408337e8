//! Who waits for whom: the tables of the kernel and the answers of the resources, put together for a report.

use std::collections::BTreeMap;

use super::core::State;
use super::describe::left;
use super::registry::RunId;
use super::resource::{Description, Party, Wanted};
use super::ring::ring;
use crate::kernel::{self, TaskKey};
use crate::report::{Deadlock, Holder, Link, ResourceWait, Wait, WaitingTask};

/// All tasks that wait, and what for.
pub(super) struct WaitGraph<'a> {
    state: &'a State,
    run: RunId,
    /// In the order in which they were spawned.
    tasks: Vec<Node>,
    places: BTreeMap<TaskKey, usize>,
    resources: Vec<Description>,
    /// Clones of wakers are on other threads, so nobody can say that none is left.
    is_waker_shared: bool,
}

struct Node {
    waiting: kernel::Waiting,
    /// The resources it waits for, by place.
    resources: Vec<(usize, Wanted)>,
}

/// Whether a wait can come to its end, as far as is known.
enum Hope {
    /// It can, or nobody knows.
    Some,
    /// Only if one of these tasks goes on.
    From(Vec<usize>),
}

impl<'a> WaitGraph<'a> {
    pub(super) fn new(state: &'a State, run: RunId, is_waker_shared: bool) -> Self {
        let resources = state.resources.describe();
        let mut waits: BTreeMap<TaskKey, Vec<(usize, Wanted)>> = BTreeMap::new();
        for (place, resource) in resources.iter().enumerate() {
            for (party, wanted) in resource.waiters.iter().filter(|(party, _)| party.run == run) {
                waits.entry(party.task).or_default().push((place, wanted.clone()));
            }
        }
        let tasks: Vec<_> = state
            .kernel
            .waiting()
            .into_iter()
            .map(|waiting| Node {
                resources: waits.remove(&waiting.task).unwrap_or_default(),
                waiting,
            })
            .collect();
        let places = tasks.iter().enumerate();
        let places = places.map(|(place, node)| (node.waiting.task, place)).collect();
        WaitGraph { state, run, tasks, places, resources, is_waker_shared }
    }

    /// All of them, for a run in which nobody can go on.
    pub(super) fn deadlock(&self) -> Deadlock {
        self.told(&vec![true; self.tasks.len()])
    }

    /// Those who can never run again, whatever the others do; daemons are not told of.
    ///
    /// A task is given up if it waits only for what has no end, for tasks that are given up, and for what only
    /// such tasks hold: the greatest set of which that is true.
    pub(super) fn partial_deadlock(&self) -> Option<Deadlock> {
        let mut is_stuck = vec![true; self.tasks.len()];
        let mut dependants = vec![Vec::new(); self.tasks.len()];
        let mut freed = Vec::new();
        for place in 0..self.tasks.len() {
            match self.hope(place) {
                Hope::Some => freed.push(place),
                Hope::From(tasks) => {
                    tasks.into_iter().for_each(|other| dependants[other].push(place))
                }
            }
        }
        while let Some(place) = freed.pop() {
            if std::mem::replace(&mut is_stuck[place], false) {
                freed.append(&mut dependants[place]);
            }
        }
        let is_daemon = |node: &Node| {
            let task = self.state.kernel.task(node.waiting.task);
            task.is_some_and(|task| task.daemon)
        };
        for (is_stuck, node) in is_stuck.iter_mut().zip(&self.tasks) {
            *is_stuck &= !is_daemon(node);
        }
        is_stuck.contains(&true).then(|| self.told(&is_stuck))
    }

    /// What could still wake a task.
    fn hope(&self, place: usize) -> Hope {
        let Node { waiting, resources } = &self.tasks[place];
        // Each resource it waits for holds one clone of its waker; more are in foreign hands.
        if self.is_waker_shared || usize::from(waiting.wakers) > resources.len() {
            return Hope::Some;
        }
        let mut hopes = Vec::new();
        for wait in &waiting.waits {
            match wait {
                kernel::Wait::Never => {}
                kernel::Wait::Timer(_) | kernel::Wait::Settle => return Hope::Some,
                kernel::Wait::Join(other) => match self.places.get(other) {
                    Some(&other) => hopes.push(other),
                    None => return Hope::Some,
                },
            }
        }
        for (resource, _) in resources {
            let Description { holders, is_open, .. } = &self.resources[*resource];
            if holders.is_empty() || *is_open {
                return Hope::Some;
            }
            for holder in holders {
                match self.place_of(holder) {
                    Some(holder) => hopes.push(holder),
                    None => return Hope::Some,
                }
            }
        }
        Hope::From(hopes)
    }

    fn place_of(&self, party: &Party) -> Option<usize> {
        self.places.get(&party.task).copied().filter(|_| party.run == self.run)
    }

    fn told(&self, is_told: &[bool]) -> Deadlock {
        let kernel = &self.state.kernel;
        let mut paths = kernel::Paths::new(kernel);
        let told = |&(place, _): &(usize, &Node)| is_told[place];
        let waiting = self.tasks.iter().enumerate().filter(told).map(|(_, node)| {
            let task = kernel.task(node.waiting.task).expect("a waiting task is in the table");
            let waits = self.waits(node, &mut paths);
            let left = left(self.state, &mut paths, node.waiting.task);
            WaitingTask::new(left, node.waiting.since, waits, task.daemon)
        });
        Deadlock {
            waiting: waiting.collect(),
            cycle: self.cycle(is_told),
            has_daemon_timers: kernel.next_deadline().is_some(),
        }
    }

    fn waits(&self, node: &Node, paths: &mut kernel::Paths<'_, kernel::Kernel>) -> Vec<Wait> {
        let mut waits: Vec<Wait> = node
            .waiting
            .waits
            .iter()
            .map(|wait| match *wait {
                kernel::Wait::Join(other) => Wait::Join(paths.shown(other.slot())),
                kernel::Wait::Timer(deadline) => Wait::Timer(deadline),
                kernel::Wait::Never => Wait::Never,
                kernel::Wait::Settle => Wait::Settle,
            })
            .collect();
        for (place, wanted) in &node.resources {
            let resource = &self.resources[*place];
            let holders = resource.holders.iter().map(|holder| Holder {
                path: (holder.run == self.run && self.state.kernel.task(holder.task).is_some())
                    .then(|| paths.shown(holder.task.slot())),
                since: holder.since,
            });
            let Wanted { before, after } = wanted.clone();
            let holders = holders.collect();
            waits.push(Wait::Resource(ResourceWait {
                kind: resource.kind,
                name: resource.name.clone(),
                made_at: resource.made_at,
                before,
                after,
                holders,
            }));
        }
        if waits.is_empty() {
            let is_lost = node.waiting.wakers == 0 && !self.is_waker_shared;
            waits.push(if is_lost { Wait::Nothing } else { Wait::Foreign });
        }
        waits
    }

    fn cycle(&self, is_told: &[bool]) -> Vec<Link> {
        let edges: Vec<Vec<usize>> = (0..self.tasks.len())
            .map(|place| if is_told[place] { self.blockers(place).collect() } else { Vec::new() })
            .collect();
        let ring = ring(&edges);
        let mut paths = kernel::Paths::new(&self.state.kernel);
        let nexts = ring.iter().cycle().skip(1);
        ring.iter()
            .zip(nexts)
            .map(|(&place, next)| Link {
                path: paths.shown(self.tasks[place].waiting.task.slot()),
                resource: self.between(place, *next),
            })
            .collect()
    }

    /// The waiting tasks that a task waits for.
    fn blockers(&self, place: usize) -> impl Iterator<Item = usize> {
        let Node { waiting, resources } = &self.tasks[place];
        let joined = waiting.waits.iter().filter_map(|wait| match wait {
            kernel::Wait::Join(other) => self.places.get(other).copied(),
            _ => None,
        });
        let holders = resources.iter().flat_map(|(resource, _)| &self.resources[*resource].holders);
        joined.chain(holders.filter_map(|holder| self.place_of(holder)))
    }

    /// What one task wants that the other has; `None` if it joins the other.
    fn between(&self, place: usize, other: usize) -> Option<String> {
        let Node { waiting, resources } = &self.tasks[place];
        if waiting.waits.contains(&kernel::Wait::Join(self.tasks[other].waiting.task)) {
            return None;
        }
        let has = |resource: &Description| {
            resource.holders.iter().any(|holder| self.place_of(holder) == Some(other))
        };
        let mut wanted = resources.iter().map(|(resource, _)| &self.resources[*resource]);
        wanted.find(|resource| has(resource)).map(Description::label)
    }
}
