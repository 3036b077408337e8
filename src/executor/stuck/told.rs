//! What a report tells of those who wait.

use std::sync::Arc;

use super::hope::{Moves, Premise};
use super::{Node, WaitGraph, Waiter};
use crate::executor::resource::{Description, Holding, Party, Wanted};
use crate::executor::ring::ring;
use crate::kernel::{self, Paths, TaskId};
use crate::report::{Deadlock, Holder, LeftTask, Link, ResourceWait, Wait, WaitingTask};

impl WaitGraph<'_> {
    pub(super) fn told(&self, is_told: &[bool]) -> Deadlock {
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
