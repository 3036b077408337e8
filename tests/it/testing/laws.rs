//! Policies that keep the laws, and for each law one that breaks it.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use simloop::policy::{Choice, Fifo, Pct, Policy, Pos, Random, Walk};
use simloop::testing::laws::{self, Law, Laws};
use simloop::testing::{Program, Step};

use crate::snapshots::assert_shown;

#[test]
fn the_policies_of_the_crate_keep_the_laws() {
    laws::check(|_| Fifo);
    laws::check(Random::new);
    laws::check(|seed| Pct::new(seed, 3, 30));
    laws::check(|seed| Walk::new(seed, [6, 4, 9, 1]));
    // One turn in a million draws a priority so low that it waits for a million others.
    Laws::new().passes_over_at_most(20_000).check(Pos::new);
    #[cfg(feature = "proptest")]
    laws::check(|seed| simloop::testing::Plan::new([seed as u32, 2, 0, 3]));
}

/// Five tasks and the root are ready at most.
#[test]
fn the_bound_on_waiting_is_as_tight_as_it_is_stated() {
    Laws::new().passes_over_at_most(5).check(|_| Fifo);
    let breach = Laws::new().passes_over_at_most(0).run(|_| Fifo).unwrap_err();
    assert_eq!(breach.law, Law::Fair);
    let breach =
        Laws::new().passes_over_at_most(50).run(|seed| Pct::new(seed, 1, 200)).unwrap_err();
    assert_eq!(breach.law, Law::Fair);
}

/// Runs the task that became ready last.
#[derive(Debug)]
struct Newest;

impl Policy for Newest {
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        choice.len() - 1
    }
}

#[test]
fn a_policy_that_starves_tasks_is_told_with_the_smallest_program() {
    let breach = Laws::new().run(|_| Newest).unwrap_err();
    assert_shown("testing", "unfair", &breach);
    assert_eq!(breach.program, Program::new([vec![], vec![]]));
    Laws::new().may_starve().check(|_| Newest);
}

/// Counts the alternatives from 1.
#[derive(Debug)]
struct OffByOne {
    choices: usize,
}

impl Policy for OffByOne {
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        self.choices += 1;
        if self.choices < 3 { 0 } else { choice.len() }
    }
}

#[test]
fn a_policy_that_picks_what_is_not_ready_is_told_with_the_smallest_program() {
    let breach = Laws::new().run(|_| OffByOne { choices: 0 }).unwrap_err();
    assert_eq!(breach.law, Law::Range);
    assert_shown("testing", "out_of_range", &breach);
}

#[derive(Debug)]
struct Panics;

impl Policy for Panics {
    fn choose(&mut self, _: &Choice<'_>) -> usize {
        panic!("no idea")
    }
}

#[test]
fn a_policy_that_panics_gives_no_answer_in_range() {
    let breach = Laws::new().run(|_| Panics).unwrap_err();
    assert_eq!(breach.law, Law::Range);
    assert!(breach.what.contains("no idea"), "{breach}");
}

#[test]
fn what_a_policy_panics_with_is_told_and_not_printed() {
    let mut child = Command::new(std::env::current_exe().expect("the binary is there"));
    let test = "testing::laws::a_policy_that_panics_gives_no_answer_in_range";
    let output = child.args(["--exact", test, "--nocapture"]).output().expect("it runs");
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(said.contains("1 passed"), "{said}");
    assert_eq!(String::from_utf8(output.stderr).expect("text"), "");
}

/// Goes on from where the last run was.
#[derive(Debug)]
struct Continues;

/// Used by one test only, so that its report is the same every time.
static CHOICES: AtomicUsize = AtomicUsize::new(0);

impl Policy for Continues {
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        CHOICES.fetch_add(1, Ordering::Relaxed) % choice.len()
    }
}

#[test]
fn a_policy_that_keeps_something_from_run_to_run_is_told_with_the_smallest_program() {
    let breach = Laws::new().run(|_| Continues).unwrap_err();
    assert_eq!(breach.law, Law::Deterministic);
    assert_shown("testing", "not_deterministic", &breach);
}

/// Runs the task whose path comes first in the alphabet.
#[derive(Debug)]
struct Alphabetic;

impl Policy for Alphabetic {
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        let paths = (0..choice.len()).map(|index| choice.path(index));
        paths.enumerate().min_by(|one, other| one.1.cmp(&other.1)).map_or(0, |(index, _)| index)
    }
}

#[test]
fn a_policy_that_reads_names_is_told_unless_it_says_so() {
    let breach = Laws::new().may_starve().run(|_| Alphabetic).unwrap_err();
    assert_eq!(breach.law, Law::Names);
    assert_shown("testing", "names", &breach);
    Laws::new().may_starve().reads_names().check(|_| Alphabetic);
}

#[test]
fn the_last_line_of_a_breach_makes_it_again() {
    for breach in [
        Laws::new().run(|_| Newest).unwrap_err(),
        Laws::new().run(|_| OffByOne { choices: 0 }).unwrap_err(),
        Laws::new().may_starve().run(|_| Alphabetic).unwrap_err(),
    ] {
        let seed = breach.to_string().rsplit_once("seed(").unwrap().1.trim_end_matches(')').parse();
        let laws = Laws::new().programs(1).seed(seed.unwrap());
        let again = match breach.law {
            Law::Fair => laws.run(|_| Newest),
            Law::Range => laws.run(|_| OffByOne { choices: 0 }),
            _ => laws.may_starve().run(|_| Alphabetic),
        };
        assert_eq!(again, Err(breach));
    }
}

#[test]
fn a_program_is_read_back_from_its_text() {
    let program = Program::new([
        vec![Step::Yield, Step::Sleep(255), Step::Lock],
        vec![],
        vec![Step::Choose(2)],
    ]);
    assert_eq!(program.to_string(), "yield sleep(255) lock | end | choose(2)");
    assert_eq!(program.to_string().parse(), Ok(program));
    assert_eq!("".parse(), Ok(Program::new([])));
    for wrong in ["yield |", "sleep(256)", "sleep", "lock | jump", "choose(-1)"] {
        let error = wrong.parse::<Program>().map_err(|error| error.to_string());
        assert!(error.is_err(), "`{wrong}` is read as {error:?}");
    }
    assert_eq!(
        "lock | jump".parse::<Program>().unwrap_err().to_string(),
        "`jump` is no step of a program: there are `yield`, `sleep(2)`, `choose(3)` and `lock`, with \
         numbers up to 255; a task without steps is `end`"
    );
}
