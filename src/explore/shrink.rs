//! From a failing schedule to the simplest that fails in the same way.
//!
//! First deviations are left out, halves, quarters, single ones, as long as what is left fails in the same way
//! (delta debugging, Zeller and Hildebrandt 2002). A run in which an earlier choice is missing takes another
//! course, so what remains is followed as well as it goes, a turn or two earlier or later if need be, and the
//! run says what its schedule really was.
//!
//! Then the tree of schedules is searched from its root for a failure of the same kind and place, up to the
//! number of deviations that are left. What that finds is the simplest there is: the fewest deviations, and
//! among those the earliest and least.

use std::ops::Range;

use super::identity::Identity;
use super::program::{Run, Runner, Shared};
use super::tally::Failed;
use super::tree::{Node, Walker};
use crate::policy::{Choice, ChoiceKind, Deviation, Injection, Policy, Schedule};

/// Turns that leaving out may take, and the search in the tree once more: a run of a livelock takes millions.
const TURNS_MAX: u64 = 20_000_000;

/// A schedule that fails, as simple as could be found.
pub(super) struct Shrunk {
    pub(super) schedule: Schedule,
    /// No schedule with fewer deviations fails in this way, nor an earlier one with as many.
    pub(super) is_simplest: bool,
}

/// Shrinks the schedule of a failure. Each step takes so many runs at most.
pub(super) fn shrink(runner: Runner<'_>, failed: &Failed, runs_max: u64) -> Shrunk {
    if runs_max == 0 {
        return Shrunk { schedule: failed.schedule.clone(), is_simplest: false };
    }
    let mut shrinker = Shrinker {
        policy: Shared::new(Lenient::default(), &runner.settings),
        walker: Walker::new(runner),
        identity: failed.identity(),
        effort: Effort::new(runs_max),
    };
    let deviations = failed.schedule.first_deviations(DEVIATIONS_MAX);
    let shorter = shrinker.leave_out(deviations);
    shrinker.effort = Effort::new(runs_max);
    match shrinker.search(shorter.len()) {
        Searched::Found(schedule) => {
            // What was left alone for its time may hold a simpler one.
            Shrunk { schedule, is_simplest: !shrinker.walker.is_cut() }
        }
        Searched::Exhausted => {
            shrinker.effort = Effort::new(runs_max);
            let schedule = shrinker.lessen(shorter);
            Shrunk { schedule, is_simplest: false }
        }
    }
}

/// By how many turns the rest of a schedule is moved where a part of it is left out.
const SHIFTS: [i64; 5] = [0, -1, 1, -2, 2];

/// Deviations of a schedule that are looked at; one with more is that of a run of millions of turns.
const DEVIATIONS_MAX: usize = 1 << 20;

enum Searched {
    Found(Schedule),
    Exhausted,
}

/// What is left to be spent.
struct Effort {
    runs: u64,
    turns: u64,
}

impl Effort {
    fn new(runs: u64) -> Self {
        Effort { runs, turns: TURNS_MAX }
    }

    fn spend(&mut self, run: &Run) {
        self.runs = self.runs.saturating_sub(1);
        self.turns = self.turns.saturating_sub(run.turns);
    }

    fn is_spent(&self) -> bool {
        self.runs == 0 || self.turns == 0
    }
}

struct Shrinker<'a> {
    walker: Walker<'a>,
    policy: Shared<Lenient>,
    identity: &'a Identity,
    effort: Effort,
}

impl Shrinker<'_> {
    fn is_same(&self, run: &Run) -> bool {
        run.failure.as_ref().is_some_and(|failure| Identity::of(failure).is(self.identity))
    }

    /// The deviations that a run really has which follows `wanted`, if it fails in the same way.
    fn attempt(&mut self, wanted: &[Deviation]) -> Option<Vec<Deviation>> {
        self.policy.policy().start(wanted);
        let run = self.walker.runner.run(&self.policy.lent);
        self.effort.spend(&run);
        self.is_same(&run).then(|| run.schedule.first_deviations(usize::MAX))
    }

    fn leave_out(&mut self, mut kept: Vec<Deviation>) -> Vec<Deviation> {
        let mut size = kept.len().div_ceil(2);
        while size > 0 && !kept.is_empty() {
            let mut start = 0;
            let mut is_shorter = false;
            while start < kept.len() && !self.effort.is_spent() {
                let end = (start + size).min(kept.len());
                match self.without(&kept, start..end) {
                    Some(shorter) => {
                        kept = shorter;
                        is_shorter = true;
                    }
                    None => start = end,
                }
            }
            // What one removal has made possible may be of any size below.
            if !(is_shorter && size == 1) {
                size = if size == 1 { 0 } else { size.div_ceil(2) };
            }
        }
        kept
    }

    /// Leaves out a part, and lets what comes after it come a turn or two earlier or later, if need be: without
    /// the part, tasks may take more turns to get there, or fewer.
    fn without(&mut self, kept: &[Deviation], part: Range<usize>) -> Option<Vec<Deviation>> {
        let (before, after) = (&kept[..part.start], &kept[part.end..]);
        let shifts: &[i64] = if after.is_empty() { &[0] } else { &SHIFTS };
        for &shift in shifts {
            let Some(candidate) = shifted(before, after, shift) else { continue };
            if self.effort.is_spent() {
                continue;
            }
            if let Some(shorter) = self.attempt(&candidate).filter(|it| it.len() < kept.len()) {
                return Some(shorter);
            }
        }
        None
    }

    /// Takes the first alternatives that do, where the tree is too large to be searched.
    fn lessen(&mut self, mut kept: Vec<Deviation>) -> Schedule {
        for place in 0..kept.len() {
            for index in 1..kept.get(place).map_or(0, |deviation| deviation.index) {
                if self.effort.is_spent() {
                    break;
                }
                let mut candidate = kept.clone();
                candidate[place].index = index;
                match self.attempt(&candidate) {
                    Some(less) if less.len() <= kept.len() && less < kept => {
                        kept = less;
                        break;
                    }
                    _ => {}
                }
            }
        }
        let mut schedule = Schedule::default();
        for &deviation in &kept {
            schedule.push(deviation);
        }
        schedule
    }

    /// Looks for the simplest schedule that fails in this way, with at most so many deviations.
    fn search(&mut self, deviations_max: usize) -> Searched {
        let (run, root) = self.walker.root();
        if self.is_same(&run) {
            return Searched::Found(run.schedule);
        }
        let mut level = vec![root];
        for _ in 0..deviations_max {
            let mut next: Vec<Node> = Vec::new();
            for node in &level {
                for turnoff in node.turnoffs() {
                    let (run, child) = self.walker.child(node, turnoff);
                    self.effort.spend(&run);
                    if self.is_same(&run) {
                        return Searched::Found(run.schedule);
                    }
                    if self.effort.is_spent() {
                        return Searched::Exhausted;
                    }
                    next.push(child);
                }
            }
            level = next;
        }
        Searched::Exhausted
    }
}

/// The deviations of both parts, the latter so many turns later; none if they are not in order then.
fn shifted(before: &[Deviation], after: &[Deviation], shift: i64) -> Option<Vec<Deviation>> {
    let mut shifted = before.to_vec();
    for deviation in after {
        let turn = deviation.turn.checked_add_signed(shift)?;
        if shifted.last().is_some_and(|it| (it.turn, it.place) >= (turn, deviation.place)) {
            return None;
        }
        shifted.push(Deviation { turn, ..*deviation });
    }
    Some(shifted)
}

/// Follows a schedule as well as it goes: what does not fit is left out, or taken as near as can be.
#[derive(Debug, Default)]
pub(super) struct Lenient {
    wanted: Vec<Deviation>,
    passed: usize,
    /// The turn of the last value chosen, and how many were chosen in it.
    values: (u64, u32),
}

impl Lenient {
    /// The place in its turn of the value that was chosen last.
    pub(super) fn place(&self) -> u32 {
        self.values.1
    }

    pub(super) fn start(&mut self, wanted: &[Deviation]) {
        self.wanted.clear();
        self.wanted.extend_from_slice(wanted);
        (self.passed, self.values) = (0, (0, 0));
    }
}

impl Lenient {
    /// Injects what is wanted here. Where it is not taken, the place is that of what comes next in the turn.
    fn inject(&mut self, turn: u64, place: u32, kind: Injection) -> usize {
        while let Some(wanted) = self.wanted.get(self.passed) {
            if (wanted.turn, wanted.place) < (turn, place) {
                self.passed += 1;
                continue;
            }
            let is_here = (wanted.turn, wanted.place) == (turn, place);
            if is_here && wanted.injection().is_some_and(|own| own.is_like(kind)) {
                self.passed += 1;
                self.values = (turn, place);
                return 1;
            }
            break;
        }
        0
    }
}

impl Policy for Lenient {
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        let turn = choice.turn();
        let before = if self.values.0 == turn { self.values.1 } else { 0 };
        let place = match choice.kind() {
            ChoiceKind::Task => 0,
            ChoiceKind::Value => {
                self.values = (turn, before + 1);
                before + 1
            }
            ChoiceKind::Injection(injection) => return self.inject(turn, before + 1, injection),
        };
        while let Some(wanted) = self.wanted.get(self.passed) {
            if (wanted.turn, wanted.place) > (turn, place) {
                break;
            }
            self.passed += 1;
            if (wanted.turn, wanted.place) == (turn, place) && wanted.injection().is_none() {
                return (wanted.index as usize).min(choice.len() - 1);
            }
        }
        0
    }
}
