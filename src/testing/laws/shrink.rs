//! From a program that shows a breach to the smallest that shows one of the same law.

use std::ops::Range;

use super::breach::Breach;
use crate::testing::program::{Program, Step};

/// Programs that are tried.
const TRIED_MAX: usize = 1_000;

/// Leaves out tasks, then steps, then takes simpler steps, as long as the same law is broken.
///
/// After each that could be left out it begins again, so in the end there is nothing more to leave out.
pub(super) fn shrink(
    mut breach: Box<Breach>,
    check: impl Fn(&Program) -> Option<Box<Breach>>,
) -> Box<Breach> {
    let mut tried = 0;
    loop {
        let mut untried = candidates(&breach.program).into_iter();
        let smaller = untried.by_ref().take(TRIED_MAX - tried).find_map(|candidate| {
            tried += 1;
            check(&candidate).filter(|found| found.law == breach.law)
        });
        match smaller {
            Some(smaller) => breach = smaller,
            None => return breach,
        }
    }
}

/// Programs that are a little smaller, the smallest first.
fn candidates(program: &Program) -> Vec<Program> {
    let mut candidates = Vec::new();
    let mut add = |change: &dyn Fn(&mut Vec<Vec<Step>>)| {
        let mut tasks = program.tasks().to_vec();
        change(&mut tasks);
        candidates.push(Program::new(tasks));
    };
    let tasks = program.tasks();
    for task in 0..tasks.len() {
        add(&|tasks| {
            tasks.remove(task);
        });
    }
    for task in 0..tasks.len() {
        for step in 0..tasks[task].len() {
            add(&|tasks| {
                tasks[task].remove(step);
            });
        }
    }
    for task in 0..tasks.len() {
        for step in 0..tasks[task].len() {
            for &simpler in &simpler(tasks[task][step]) {
                add(&|tasks| tasks[task][step] = simpler);
            }
        }
    }
    candidates
}

fn yield_or(numbers: Range<u8>, step: fn(u8) -> Step) -> Vec<Step> {
    let mut steps = vec![Step::Yield];
    for number in numbers {
        steps.push(step(number));
    }
    steps
}

/// Steps that are simpler than a step, the simplest first.
fn simpler(step: Step) -> Vec<Step> {
    match step {
        Step::Yield => Vec::new(),
        Step::Lock => vec![Step::Yield],
        Step::Sleep(millis) => yield_or(0..millis, Step::Sleep),
        Step::Choose(count) => yield_or(2..count, Step::Choose),
    }
}
