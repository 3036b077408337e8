//! Every schedule, those with the fewest deviations first.
//!
//! This is delay bounding (Emmi, Qadeer and Rakamarić, "Delay-Bounded Scheduling", 2011), with the bound
//! raised one by one. There, running the third of three ready tasks costs two delays; here it is one
//! deviation, as in the line of a schedule.
//!
//! The schedules of one depth are kept until their children have been run, each in a few words. When they
//! come to more than a bound, the rest is walked depth first, which needs no such memory: still every schedule
//! once, but no longer in the order of deviations.

use std::ops::ControlFlow;

use super::engine::Engine;
use super::pool::{self, Done, Work};
use super::tally::Tally;
use super::tree::{Node, Walker};

/// Words that the waiting schedules may take: 128 MiB.
pub(super) const WORDS_MAX: usize = 1 << 25;

/// Runs that a job is made of, more or less.
const JOB_RUNS: u64 = 256;

/// Jobs after which is looked at what there is. The same for any number of threads.
const WAVE: usize = 16;

/// How far a walk came.
#[derive(Clone, Copy, Default)]
pub(super) struct Reach {
    /// All schedules with up to this number of deviations have been run.
    pub(super) deviations: Option<u32>,
    /// Schedules were left out that have more deviations than allowed.
    pub(super) is_cut_in_depth: bool,
    /// Choices after the limit on time were left alone.
    pub(super) is_cut_in_time: bool,
    /// The walk did not come to its end.
    pub(super) is_cut_short: bool,
    /// Not everything was run in the order of deviations: what waited had become too much to be kept.
    pub(super) is_deep: bool,
}

impl Reach {
    /// How far this walk and another one came, each through a tree of its own.
    pub(super) fn and(self, other: Reach) -> Reach {
        let deviations = match (self.is_cut_short, other.is_cut_short) {
            (true, true) => self.deviations.min(other.deviations),
            (true, false) => self.deviations,
            (false, _) => other.deviations,
        };
        Reach {
            deviations,
            is_cut_in_depth: self.is_cut_in_depth || other.is_cut_in_depth,
            is_cut_in_time: self.is_cut_in_time || other.is_cut_in_time,
            is_cut_short: self.is_cut_short || other.is_cut_short,
            is_deep: self.is_deep || other.is_deep,
        }
    }
}

/// Some schedules of a depth, and the number of the first of their children among those of that depth.
struct Job<'a> {
    nodes: &'a [Node],
    first_child: u64,
}

pub(super) struct Exhaustive<'a> {
    engine: &'a Engine<'a>,
    tally: &'a mut Tally,
    deviations_max: u32,
    words_max: usize,
    reach: Reach,
}

impl<'a> Exhaustive<'a> {
    pub(super) fn new(
        engine: &'a Engine<'a>,
        tally: &'a mut Tally,
        deviations_max: u32,
        words_max: usize,
    ) -> Self {
        let reach = Reach::default();
        Exhaustive { engine, tally, deviations_max, words_max, reach }
    }

    /// Runs all schedules with at most so many deviations, and says how far that went.
    pub(super) fn search(mut self) -> Reach {
        self.reach.is_cut_short = self.walk().is_break();
        self.reach
    }

    fn walk(&mut self) -> ControlFlow<()> {
        let mut level = self.root()?;
        for depth in 1.. {
            self.reach.deviations = Some(depth - 1);
            if level.is_empty() {
                break;
            }
            if depth > self.deviations_max {
                self.reach.is_cut_in_depth = true;
                break;
            }
            level = self.level(&level, depth)?;
        }
        ControlFlow::Continue(())
    }

    /// Runs the first-in first-out schedule.
    fn root(&mut self) -> ControlFlow<(), Vec<Node>> {
        let mut walker = self.engine.walker();
        let mut done = Done::default();
        let (run, node) = walker.root();
        if self.engine.shard.index == 0 {
            done.batch.add(run, &walker.runner.shown);
        }
        if node.children() > 0 {
            done.nodes.push(node);
        }
        done.is_cut_in_time = walker.is_cut();
        let mut level = Vec::new();
        self.merge(done, &mut level, &mut 0)?;
        ControlFlow::Continue(level)
    }

    /// Runs the children of all schedules of a depth, and returns those that have children themselves.
    fn level(&mut self, level: &[Node], depth: u32) -> ControlFlow<(), Vec<Node>> {
        let (mut next, mut words) = (Vec::new(), 0);
        let jobs = jobs(level);
        for wave in jobs.chunks(WAVE) {
            if self.reach.is_deep {
                for job in wave {
                    self.descend_all(job, depth)?;
                }
                continue;
            }
            let (engine, threads) = (self.engine, self.engine.threads);
            let (runs, failures) = (self.tally.runs_wanted(), self.tally.failures_wanted());
            let worker = || -> Work<'_> {
                Box::new(|job| expand(engine, &wave[job], depth, runs, failures))
            };
            pool::in_order(threads, wave.len(), failures, &worker, &mut |done| {
                self.merge(done, &mut next, &mut words)
            })?;
            self.reach.is_deep = words > self.words_max;
        }
        ControlFlow::Continue(next)
    }

    fn merge(
        &mut self,
        mut done: Done,
        next: &mut Vec<Node>,
        words: &mut usize,
    ) -> ControlFlow<()> {
        self.reach.is_cut_in_time |= done.is_cut_in_time;
        let flow = self.tally.add(done.batch);
        for node in &done.nodes {
            *words += node.words();
        }
        next.append(&mut done.nodes);
        flow
    }

    fn descend_all(&mut self, job: &Job<'_>, depth: u32) -> ControlFlow<()> {
        let mut first_child = job.first_child;
        for node in job.nodes {
            self.descend(node, depth, first_child)?;
            first_child += node.children();
        }
        ControlFlow::Continue(())
    }

    /// Walks everything below a schedule, depth first. `depth` is that of its children.
    fn descend(&mut self, node: &Node, depth: u32, first_child: u64) -> ControlFlow<()> {
        let mut walker = self.engine.walker();
        // For each schedule on the way down: its children that are left, the next one last.
        let left = |node: &Node| {
            let mut turnoffs = Vec::new();
            for turnoff in node.turnoffs() {
                turnoffs.push(turnoff);
            }
            turnoffs.reverse();
            turnoffs
        };
        let mut stack = vec![(node.clone(), left(node))];
        let mut number = first_child;
        let mut done = Done::default();
        while let Some((_, turnoffs)) = stack.last_mut() {
            let Some(turnoff) = turnoffs.pop() else {
                stack.pop();
                continue;
            };
            let child_depth = depth + stack.len() as u32 - 1;
            if child_depth == depth {
                number += 1;
                if !self.engine.is_mine(depth, number - 1) {
                    continue;
                }
            }
            let (node, _) = stack.last().expect("it was there above");
            let (run, child) = walker.child(node, turnoff);
            done.batch.add(run, &walker.runner.shown);
            done.is_cut_in_time |= walker.is_cut();
            if child_depth < self.deviations_max {
                let turnoffs = left(&child);
                stack.push((child, turnoffs));
            } else if child.children() > 0 {
                self.reach.is_cut_in_depth = true;
            }
            let is_full = done.batch.failures() >= self.tally.failures_wanted();
            if is_full || done.batch.len() as u64 >= JOB_RUNS.min(self.tally.runs_wanted()) {
                self.merge(std::mem::take(&mut done), &mut Vec::new(), &mut 0)?;
            }
        }
        self.merge(done, &mut Vec::new(), &mut 0)
    }
}

/// Cuts a level into jobs.
fn jobs(level: &[Node]) -> Vec<Job<'_>> {
    let mut jobs = Vec::new();
    let (mut start, mut first_child, mut children) = (0, 0, 0);
    for (place, node) in level.iter().enumerate() {
        children += node.children();
        if children >= JOB_RUNS || place + 1 == level.len() {
            jobs.push(Job { nodes: &level[start..=place], first_child });
            first_child += children;
            (start, children) = (place + 1, 0);
        }
    }
    jobs
}

/// Runs the children of a job's schedules, until there are so many runs or failures.
fn expand(engine: &Engine<'_>, job: &Job<'_>, depth: u32, runs: u64, failures: usize) -> Done {
    let mut walker: Walker<'_> = engine.walker();
    let mut done = Done::default();
    let mut number = job.first_child;
    for node in job.nodes {
        for turnoff in node.turnoffs() {
            number += 1;
            let is_mine = engine.is_mine(depth, number - 1);
            // The schedules of depth 1 are everybody's, because their children are shared out.
            if !is_mine && depth > 1 {
                continue;
            }
            let (run, child) = walker.child(node, turnoff);
            if is_mine {
                done.batch.add(run, &walker.runner.shown);
            }
            if child.children() > 0 {
                done.nodes.push(child);
            }
            let is_full = done.batch.failures() >= failures;
            if is_full || done.batch.len() as u64 >= runs {
                done.is_cut_in_time = walker.is_cut();
                return done;
            }
        }
    }
    done.is_cut_in_time = walker.is_cut();
    done
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::explorer::Explorer;
    use super::super::program::{Called, Program};
    use super::super::seeds::Seeds;
    use super::super::tally::{Bounds, Shard};
    use super::*;
    use crate::executor::{choose, spawn};
    use crate::kernel::Limits;

    /// Tasks that choose, so that there are schedules of up to ten deviations.
    async fn program() -> Vec<usize> {
        let tasks = [2, 3, 2].map(|alternatives| spawn(async move { choose(alternatives) }));
        let mut chosen = Vec::new();
        for task in tasks {
            chosen.push(task.await.unwrap());
        }
        chosen
    }

    fn search(words_max: usize, deviations_max: u32, shard: Shard) -> (Tally, Reach) {
        let settings = Explorer::new().limits(Limits::new()).settings;
        let program: &dyn Program = &Called::new(&program);
        let seeds = Seeds::one(0);
        let engine = Engine { program, settings: &settings, seeds, threads: 1, shard };
        let mut tally = Tally::new(Bounds { runs: u64::MAX, failures: 1 }, Shard::WHOLE, seeds);
        let reach = Exhaustive::new(&engine, &mut tally, deviations_max, words_max).search();
        (tally, reach)
    }

    fn outputs(tally: &Tally) -> BTreeMap<String, u64> {
        tally.outputs().map(|(text, runs)| (text.to_owned(), runs)).collect()
    }

    #[test]
    fn what_does_not_fit_into_memory_is_walked_depth_first_and_counted_the_same() {
        for deviations_max in [0, 1, 2, 3, u32::MAX] {
            let (mut by_level, level_reach) = search(WORDS_MAX, deviations_max, Shard::WHOLE);
            for words_max in [0, 100, 1_000] {
                let (mut deep, reach) = search(words_max, deviations_max, Shard::WHOLE);
                assert_eq!(deep.runs, by_level.runs);
                assert_eq!(outputs(&deep), outputs(&by_level));
                assert_eq!(reach.is_cut_in_depth, level_reach.is_cut_in_depth);
                assert_eq!(deep.interleavings(), by_level.interleavings());
            }
        }
        assert!(search(0, u32::MAX, Shard::WHOLE).1.is_deep);
    }

    #[test]
    fn shards_are_the_same_depth_first() {
        let (whole, _) = search(WORDS_MAX, u32::MAX, Shard::WHOLE);
        let part = |index| search(0, u32::MAX, Shard { index, count: 3 }).0;
        let parts = [part(0), part(1), part(2)];
        assert_eq!(parts.iter().map(|tally| tally.runs).sum::<u64>(), whole.runs);
        let mut sum = BTreeMap::new();
        for (text, runs) in parts.iter().flat_map(outputs) {
            *sum.entry(text).or_default() += runs;
        }
        assert_eq!(sum, outputs(&whole));
    }
}
