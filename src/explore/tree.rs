//! The tree of all schedules: its root is the first-in first-out run, and a child has one deviation more than
//! its parent, somewhere after the last one of the parent.
//!
//! Every schedule is in it exactly once, at the depth of its number of deviations. A run tells what children
//! it has, so walking the tree costs one run a schedule, and a walk by depth meets those with the fewest
//! deviations first; among these, those that deviate earliest, and least.

use super::program::{Run, Runner, Shared};
use crate::kernel::Level;
use crate::policy::{Choice, Policy, Schedule};

/// A choice that does not take the first alternative.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turnoff {
    /// Which choice of the run, from 0.
    pub(super) at: u32,
    /// Which alternative, from 1.
    pub(super) index: u32,
}

/// A schedule that has been run, with what is needed to make its children.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) path: Vec<Turnoff>,
    /// How many alternatives each choice had that came after the last deviation.
    open: Vec<u32>,
}

impl Node {
    /// The number of its children.
    pub(super) fn children(&self) -> u64 {
        let mut children = 0;
        for &count in &self.open {
            children += u64::from(count) - 1;
        }
        children
    }

    /// The memory it takes, in words of four bytes.
    pub(super) fn words(&self) -> usize {
        8 + 2 * self.path.len() + self.open.len()
    }

    /// The deviations that the children add, earliest first, least first.
    pub(super) fn turnoffs(&self) -> impl Iterator<Item = Turnoff> + '_ {
        let first = self.path.last().map_or(0, |last| last.at + 1);
        let (mut place, mut index) = (0, 0);
        std::iter::from_fn(move || {
            while index + 1 >= *self.open.get(place)? {
                (place, index) = (place + 1, 0);
            }
            index += 1;
            Some(Turnoff { at: first + place as u32, index })
        })
    }
}

/// Takes the deviations of a node, and notes the alternatives of what follows.
#[derive(Debug, Default)]
pub(super) struct Follow {
    path: Vec<Turnoff>,
    /// Deviations taken.
    taken: usize,
    /// Choices made.
    made: u32,
    open: Vec<u32>,
}

impl Policy for Follow {
    #[inline]
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        let at = self.made;
        self.made += 1;
        match self.path.get(self.taken) {
            None => {
                self.open.push(choice.len() as u32);
                0
            }
            Some(turnoff) if turnoff.at == at => {
                self.taken += 1;
                turnoff.index as usize
            }
            Some(_) => 0,
        }
    }
}

impl Follow {
    fn start(&mut self, path: &[Turnoff], last: Option<Turnoff>) {
        self.path.clear();
        self.path.extend_from_slice(path);
        if let Some(last) = last {
            self.path.push(last);
        }
        (self.taken, self.made) = (0, 0);
        self.open.clear();
    }

    fn node(&self) -> Node {
        Node { path: self.path.clone(), open: self.open.clone() }
    }
}

/// Walks the tree, a run at a time.
pub(super) struct Walker<'a> {
    pub(super) runner: Runner<'a>,
    policy: Shared<Follow>,
}

impl<'a> Walker<'a> {
    pub(super) fn new(runner: Runner<'a>) -> Self {
        let policy = Shared::new(Follow::default(), &runner.settings);
        Walker { runner, policy }
    }

    /// Runs the first-in first-out schedule.
    pub(super) fn root(&mut self) -> (Run, Node) {
        self.step(&[], None)
    }

    /// Runs a child.
    pub(super) fn child(&mut self, node: &Node, turnoff: Turnoff) -> (Run, Node) {
        self.step(&node.path, Some(turnoff))
    }

    /// The schedule of a child as it is written: in turns, where the tree counts choices.
    pub(super) fn schedule(&mut self, node: &Node, turnoff: Turnoff) -> Schedule {
        self.policy.policy().start(&node.path, Some(turnoff));
        let policy = Box::new(self.policy.lent.clone());
        let builder = self.runner.settings.builder().boxed_policy(policy);
        self.runner.run_with(builder, Level::Off).0.schedule
    }

    fn step(&mut self, path: &[Turnoff], last: Option<Turnoff>) -> (Run, Node) {
        self.policy.policy().start(path, last);
        let run = self.runner.run(&self.policy.lent);
        (run, self.policy.policy().node())
    }

    /// Says whether a choice came too late to be tried otherwise.
    pub(super) fn is_cut(&self) -> bool {
        self.policy.lent.is_cut.get()
    }
}
