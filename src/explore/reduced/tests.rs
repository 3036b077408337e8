//! The reduced search against brute force: the same outcomes, and never more schedules.

use std::collections::BTreeSet;

use proptest::prelude::*;

use self::drawn::{Look, Plan, Root, Step, plans, program};
use super::super::engine::Engine;
use super::super::exhaustive::{Exhaustive, WORDS_MAX};
use super::super::explorer::Explorer;
use super::super::program::{Called, Program};
use super::super::seeds::Seeds;
use super::super::tally::{Bounds, Shard, Tally};
use super::Reduced;
use crate::kernel::Limits;

mod drawn;

/// Runs of a brute-force search; larger programs are passed over.
const RUNS_MAX: u64 = 4_000;

fn engine<'a>(program: &'a dyn Program, explorer: &'a Explorer) -> Engine<'a> {
    Engine {
        program,
        settings: &explorer.settings,
        seeds: Seeds::one(0),
        threads: 1,
        shard: Shard::WHOLE,
    }
}

/// What a search came to: outputs and failures.
fn came_to(tally: &Tally) -> BTreeSet<String> {
    let outputs = tally.outputs().map(|(output, _)| output.to_owned());
    outputs.chain(tally.found.iter().map(|found| found.first.identity().shown())).collect()
}

fn tally() -> Tally {
    Tally::new(Bounds { runs: RUNS_MAX, failures: usize::MAX }, Shard::WHOLE, Seeds::one(0))
}

/// Compares the two searches. None if the program has too many schedules.
fn compare(program: &dyn Program) -> Option<(u64, u64)> {
    let explorer = Explorer::new().limits(Limits::new());
    let engine = engine(program, &explorer);
    let mut brute = tally();
    let reach = Exhaustive::new(&engine, &mut brute, u32::MAX, WORDS_MAX).search();
    if reach.is_cut_short {
        return None;
    }
    let mut reduced = Reduced::new(&engine, u32::MAX);
    let (runs, reach) = reduced.search(tally);
    assert!(!reach.is_cut_short);
    let (found, there) = (came_to(&runs), came_to(&brute));
    let missed: Vec<_> = there.difference(&found).collect();
    assert!(
        found == there,
        "missed {missed:#?}\nof {} outcomes, in {} of {} runs",
        there.len(),
        runs.runs,
        brute.runs
    );
    let made = runs.runs + reduced.broken_off;
    assert!(made <= brute.runs, "{made} runs instead of {}", brute.runs);
    Some((made, brute.runs))
}

/// Compares the two for a program that is small enough.
fn check(root: Root, tasks: &[&[Step]]) {
    let plan: Plan = (root, tasks.iter().map(|steps| steps.to_vec()).collect());
    assert!(compare(&Called::new(&|| program(plan.clone()))).is_some());
}

/// A sleeper's turn is another one behind the turn that it races with, and something has to come before it.
#[test]
fn a_sleeper_that_races_is_no_reason_to_leave_it_at_that() {
    let acquire = |held| Step::Acquire { held };
    let (twice, late) = ([acquire(true), acquire(false)], [Step::Read(0), acquire(false)]);
    check(Root::TakesInOrder, &[&twice, &late, &[Step::Spawn]]);
}

/// An abort is reason enough for a turn that others gave reason for before.
#[test]
fn a_task_that_was_woken_when_it_is_aborted_might_have_been_so_without_that() {
    let (parent, late) = ([Step::Write(0), Step::Spawn], [Step::Yield, Step::Abort(0)]);
    check(Root::JoinsInTurn, &[&parent, &[Step::Ask(0)], &late]);
    check(Root::JoinsInTurn, &[&parent, &[Step::Abort(0)], &late]);
}

/// To await an end is free, to do something else where it has not come is not.
#[test]
fn an_end_races_with_whoever_can_tell_that_it_has_not_come() {
    let sleeps = [Step::Write(0), Step::Sleep(1)];
    for look in [Look::Select, Look::Race, Look::Poll, Look::InTime, Look::Awaits] {
        for root in [Root::Then(look), Root::Hands(look)] {
            check(root, &[&[Step::Write(0)], &[Step::Yield], &[Step::Write(0)]]);
            check(root, &[&[Step::Sleep(1)], &sleeps, &sleeps]);
        }
    }
}

/// What is no cell and no primitive is shared as well.
#[test]
fn turns_race_over_what_the_loop_itself_keeps() {
    let settles = [Step::Settle, Step::Write(0)];
    check(Root::JoinsInTurn, &[&settles, &settles]);
    let panics = [[Step::Write(0), Step::PanicIfOdd(0)], [Step::Write(1), Step::PanicIfOdd(1)]];
    check(Root::Leaves, &[&panics[0], &[Step::Yield], &panics[1]]);
    check(Root::JoinsInTurn, &[&[Step::SetWall], &[Step::SetWall], &[Step::ReadWall]]);
    check(Root::TakesLater, &[&[Step::Read(0)], &[Step::Read(1)], &[Step::Yield]]);
}

/// How many are broken off tells whether turns are put in order that cannot change places, and none that can.
#[test]
fn runs_that_are_broken_off_are_no_more_than_they_were() {
    let made = |tasks: &[&[Step]]| {
        let plan: Plan = (Root::Awaits, tasks.iter().map(|steps| steps.to_vec()).collect());
        compare(&Called::new(&|| program(plan.clone()))).expect("it is small").0
    };
    let yields = [Step::Yield, Step::Yield];
    let made = [
        made(&[&[], &yields, &[Step::Yield]]),
        made(&[&yields, &[], &[Step::Yield]]),
        made(&[&[], &[Step::Write(0)]]),
        made(&[&[Step::Spawn], &[Step::Write(1), Step::Yield], &[Step::Write(0)]]),
    ];
    assert_eq!(made, [1, 1, 1, 2]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn the_outcomes_are_those_of_brute_force_and_the_schedules_never_more(plan in plans()) {
        let program = || program(plan.clone());
        prop_assume!(compare(&Called::new(&program)).is_some());
    }
}
