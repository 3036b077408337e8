//! One schedule of each kind: dynamic partial-order reduction.
//!
//! Schedules that differ only in the order of turns that commute come to the same, so one of them is enough.
//! This is source-set reduction with sleep sets (Abdulla, Aronis, Jonsson and Sagonas, "Optimal Dynamic Partial
//! Order Reduction", 2014, algorithm 1), which goes back to Flanagan and Godefroid, "Dynamic Partial-Order
//! Reduction for Model Checking Software", 2005. A run is made, its races are looked for, and where a race can
//! be turned round, another task is put down to be tried in that place. A task that was tried *sleeps* in what
//! is tried after it, until a turn comes with which it does not commute: before that it would lead to what
//! was seen. A run in which all that is ready sleeps is broken off.
//!
//! What turns touch is told by the loop ([`access`]); what that means is said in `footprint` and `races`. Values
//! that the program asks for are all tried, in every such run.

use std::rc::Rc;

use super::engine::Engine;
use super::exhaustive::Reach;
use super::footprint::Footprint;
use super::program::{Run, Runner, Shared};
use super::races::Order;
use super::tally::Tally;
use crate::executor::access;
use crate::kernel::{Accesses, Learnt, Level};
use crate::policy::{Choice, ChoiceKind, Policy};

/// A task whose next turn was tried here, in whatever ways it went.
#[derive(Debug)]
struct Sleeper {
    task: u32,
    prints: Vec<Footprint>,
}

/// A choice on the way to the present run.
#[derive(Debug)]
struct Node {
    kind: Kind,
    /// The turn that it belongs to, from 0.
    turn: usize,
    taken: u32,
    /// Deviations before it.
    deviations: u32,
    /// Who sleeps as it is made.
    sleep: Vec<Rc<Sleeper>>,
}

#[derive(Debug)]
enum Kind {
    Value {
        alternatives: u32,
    },
    Task {
        /// In the order of arrival.
        ready: Vec<u32>,
        /// To be tried, or tried already.
        planned: Vec<u32>,
        /// The ways that the turn went which is tried now.
        prints: Vec<Footprint>,
    },
}

/// Takes the choices of a run: first those that are laid down, then the first task that does not sleep.
#[derive(Debug, Default)]
struct Guide {
    laid_down: Vec<u32>,
    made: usize,
    /// Who sleeps at the last choice laid down, or at the start.
    sleep: Vec<Rc<Sleeper>>,
    /// Turns that those were compared with.
    compared: usize,
    deviations: u32,
    deviations_max: u32,
    /// The choices after those laid down.
    new: Vec<Node>,
    /// It leads to what was seen.
    is_redundant: bool,
    /// It could not go on with so few deviations.
    is_cut: bool,
}

/// Runs after which it is too late to start again for no more than to make fewer.
const EARLY_RUNS: u64 = 100;

/// No index: the loop ends the run.
const BREAK_OFF: usize = usize::MAX;

impl Policy for Guide {
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        let Some(accesses) = choice.accesses() else { return 0 };
        let place = self.made;
        self.made += 1;
        // A value is asked for within a turn that is not over.
        let is_of_task = choice.kind() == ChoiceKind::Task;
        let turn = accesses.turns() - usize::from(!is_of_task);
        if let Some(&taken) = self.laid_down.get(place) {
            self.deviations += u32::from(taken > 0);
            self.compared = turn;
            return taken as usize;
        }
        self.compare(accesses, turn);
        if self.is_redundant {
            return if is_of_task { BREAK_OFF } else { 0 };
        }
        let (taken, kind) = match is_of_task {
            false => (0, Kind::Value { alternatives: choice.len() as u32 }),
            true => match self.pick(choice) {
                Some(picked) => picked,
                None => return BREAK_OFF,
            },
        };
        let (deviations, sleep) = (self.deviations, self.sleep.clone());
        self.new.push(Node { kind, turn, taken, deviations, sleep });
        self.deviations += u32::from(taken > 0);
        taken as usize
    }
}

impl Guide {
    fn start(&mut self, laid_down: Vec<u32>, sleep: Vec<Rc<Sleeper>>) {
        *self = Guide { laid_down, sleep, deviations_max: self.deviations_max, ..Guide::default() };
    }

    /// Wakes the sleepers with which a turn before `end` does not commute.
    fn compare(&mut self, accesses: &Accesses, end: usize) {
        while self.compared < end {
            let turn = Footprint::of(accesses, self.compared).expect("the turn is over");
            self.compared += 1;
            self.is_redundant |= !is_awake(&self.sleep, turn.task);
            let commutes = |sleeper: &Rc<Sleeper>| {
                sleeper.prints.iter().all(|print| print.task != turn.task && print.commutes(&turn))
            };
            self.sleep.retain(commutes);
        }
    }

    fn pick(&mut self, choice: &Choice<'_>) -> Option<(u32, Kind)> {
        let mut ready = Vec::with_capacity(choice.len());
        for index in 0..choice.len() {
            ready.push(choice.number(index) as u32);
        }
        let mut taken = 0;
        while taken < ready.len() && !is_awake(&self.sleep, ready[taken]) {
            taken += 1;
        }
        if taken == ready.len() {
            self.is_redundant = true;
            return None;
        }
        if taken > 0 && self.deviations >= self.deviations_max {
            self.is_cut = true;
            return None;
        }
        let planned = vec![ready[taken]];
        Some((taken as u32, Kind::Task { ready, planned, prints: Vec::new() }))
    }
}

/// The search for one schedule of each kind.
pub(super) struct Reduced<'a> {
    runner: Runner<'a>,
    guide: Shared<Guide>,
    accesses: Box<Accesses>,
    /// The choices of the present run.
    path: Vec<Node>,
    /// What its turns touched.
    prints: Vec<Footprint>,
    deviations_max: u32,
    reach: Reach,
    /// Runs that were not made to their end.
    broken_off: u64,
}

impl<'a> Reduced<'a> {
    pub(super) fn new(engine: &Engine<'a>, deviations_max: u32) -> Self {
        let guide = Guide { deviations_max, ..Guide::default() };
        Reduced {
            runner: engine.runner(),
            guide: Shared::new(guide, engine.settings),
            accesses: Box::default(),
            path: Vec::new(),
            prints: Vec::new(),
            deviations_max,
            // The first failure need not be the simplest.
            reach: Reach { is_deep: true, ..Reach::default() },
            broken_off: 0,
        }
    }

    /// Makes the runs, those that were broken off not counted among them; `tally` makes an empty one.
    pub(super) fn search(&mut self, tally: impl Fn() -> Tally) -> (Tally, Reach) {
        let mut runs = tally();
        let limit = runs.runs_wanted();
        let mut next = Some((0, Vec::new()));
        while let Some((first, sleep)) = next {
            let run = self.run(sleep);
            if self.starts_again(runs.runs + self.broken_off) {
                self.path.clear();
                (runs, self.broken_off) = (tally(), 0);
                next = Some((0, Vec::new()));
                continue;
            }
            let is_whole = run.is_some();
            match run {
                Some(run) => {
                    if runs.add_run(run, &self.runner.shown).is_break() {
                        self.reach.is_cut_short = true;
                        break;
                    }
                    runs.show();
                }
                None => self.broken_off += 1,
            }
            self.plan(first, is_whole);
            next = self.next();
            if next.is_some()
                && runs.runs + self.broken_off >= limit.saturating_sub(1).saturating_mul(8)
            {
                // Bounds the runs that show nothing, too.
                self.reach.is_cut_short = true;
                break;
            }
        }
        self.reach.is_cut_in_time = self.guide.lent.is_cut.get();
        (runs, self.reach)
    }

    /// Says whether the present run has shown that turns were taken for independent that are not in this program,
    /// or the other way round, so that it is all over again.
    fn starts_again(&mut self, runs_before: u64) -> bool {
        match self.accesses.learn() {
            Learnt::Dependence => true,
            // Without it more runs are made than are needed, and none is missed.
            Learnt::Independence => (1..EARLY_RUNS).contains(&runs_before),
            Learnt::Nothing => false,
        }
    }

    /// Makes the run that the path lays down, and adds its further choices to that. None if it was broken off.
    fn run(&mut self, sleep: Vec<Rc<Sleeper>>) -> Option<Run> {
        let mut laid_down = Vec::with_capacity(self.path.len());
        for node in &self.path {
            laid_down.push(node.taken);
        }
        self.guide.policy().start(laid_down, sleep);
        let mut accesses = std::mem::take(&mut self.accesses);
        accesses.clear();
        let settings = &self.runner.settings;
        let builder = settings.builder().boxed_policy(Box::new(self.guide.lent.clone()));
        let builder = builder.accesses(accesses);
        let ((run, _), accesses) = access::noted(|| self.runner.run_with(builder, Level::Off));
        self.accesses = accesses.unwrap_or_default();
        let mut guide = self.guide.policy();
        if !guide.is_redundant && !guide.is_cut {
            guide.compare(&self.accesses, self.accesses.turns());
        }
        self.path.append(&mut guide.new);
        self.reach.is_cut_in_depth |= guide.is_cut;
        (!guide.is_redundant && !guide.is_cut).then_some(run)
    }

    /// Plans what the races of the run, from a turn on, give reason to try.
    fn plan(&mut self, first: usize, is_whole: bool) {
        self.prints.truncate(first);
        for turn in first..self.accesses.turns() {
            self.prints.push(Footprint::of(&self.accesses, turn).expect("it is one of the run's"));
        }
        for node in self.path.iter_mut().rev() {
            if node.turn < first {
                break;
            }
            if let (Kind::Task { prints, .. }, Some(print)) =
                (&mut node.kind, self.prints.get(node.turn))
            {
                if !prints.contains(print) {
                    prints.push(print.clone());
                }
            }
        }
        let order = Order::new(&self.accesses, &self.prints);
        for race in &order.races(first, is_whole) {
            let place = self.path.partition_point(|node| node.turn < race.turn);
            if let Some(node) = self.path.get_mut(place).filter(|node| node.turn == race.turn) {
                node.plan(&race.instead);
            }
        }
    }

    /// Goes to the next run that is planned: the path is laid down, and the first turn that is new is returned
    /// with those who sleep before it.
    fn next(&mut self) -> Option<(usize, Vec<Rc<Sleeper>>)> {
        while let Some(node) = self.path.last_mut() {
            if node.advance() {
                if node.deviations < self.deviations_max || node.taken == 0 {
                    return Some((node.turn, node.sleep.clone()));
                }
                self.reach.is_cut_in_depth = true;
            } else {
                self.path.pop();
            }
        }
        None
    }
}

impl Node {
    /// Sees to it that one of these tasks is tried, unless one of them is planned.
    ///
    /// One that sleeps is no reason to leave it at that: what it would do here is known, but not what it does behind
    /// the turn that it races with, and it may be another thing that has to come before it.
    fn plan(&mut self, instead: &[u32]) {
        let Kind::Task { ready, planned, .. } = &mut self.kind else { return };
        for task in instead {
            if planned.contains(task) {
                return;
            }
        }
        for &task in ready.iter() {
            if is_awake(&self.sleep, task) && instead.contains(&task) {
                planned.push(task);
                return;
            }
        }
        // None of them can be first by itself, so all are tried.
        for &task in ready.iter() {
            if is_awake(&self.sleep, task) && !planned.contains(&task) {
                planned.push(task);
            }
        }
    }

    /// Takes the next alternative that is planned; `false` if there is none.
    fn advance(&mut self) -> bool {
        match &mut self.kind {
            Kind::Value { alternatives } => {
                self.taken += 1;
                self.taken < *alternatives
            }
            Kind::Task { ready, planned, prints } => {
                let task = ready[self.taken as usize];
                let prints = std::mem::take(prints);
                self.sleep.push(Rc::new(Sleeper { task, prints }));
                for &next in planned.iter() {
                    if is_awake(&self.sleep, next) {
                        let place = ready.iter().position(|&task| task == next);
                        self.taken = place.expect("what is planned is ready") as u32;
                        return true;
                    }
                }
                false
            }
        }
    }
}

fn is_awake(sleep: &[Rc<Sleeper>], task: u32) -> bool {
    sleep.iter().all(|sleeper| sleeper.task != task)
}

#[cfg(test)]
mod tests;
