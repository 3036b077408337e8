//! Who can never go on, whatever the others do.

use super::{Node, WaitGraph, Waiter};
use crate::executor::resource::{Description, Holding};
use crate::kernel::{self, TaskKey};

/// What is taken for granted where it is asked who can never go on.
#[derive(Clone, Copy, Default)]
pub(super) struct Premise {
    /// Nobody tears a task away from what it waits for, by a scope or a token around that.
    pub(super) nobody_tears_away: bool,
    pub(super) moves: Moves,
}

/// Which guards may be with another task than the one that took them, of those that can be.
#[derive(Clone, Copy, Default, PartialEq)]
pub(super) enum Moves {
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

impl WaitGraph<'_> {
    /// The nodes that can never go on, whatever the others do.
    ///
    /// A task is given up if it waits only for what has no end, for tasks that are given up, and for what only
    /// such tasks hold: the greatest set of which that is true.
    pub(super) fn given_up(&self, premise: Premise) -> Vec<bool> {
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
    pub(super) fn is_waker_elsewhere(&self, waiter: &Waiter) -> bool {
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
}
