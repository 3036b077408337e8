//! Why a schedule fails, in a sentence, and beside the nearest run that does not.

use std::time::Duration;

use super::audit::TRACED_TURNS_MAX;
use super::environment::wants_backtraces;
use super::exploration::Pair;
use super::identity::is_same;
use super::program::{Run, Runner, Shared, Traced};
use super::shrink::Lenient;
use super::tree::Walker;
use crate::kernel::{Instant, Level, TaskId, shown_duration};
use crate::policy::{Choice, ChoiceKind, Deviation, Injection, Policy, Schedule};
use crate::render::{Side, columns_of};
use crate::report::named;
use crate::trace::{Event, Trace, columns, joined, split_at_first};

/// Deviations that a sentence tells at most.
const TOLD_MAX: usize = 6;

/// The width of a line, less the indentation that it will have.
const WIDTH: usize = 98;

/// Tasks that a sentence names at most as those that another runs before.
const PASSED_MAX: usize = 2;

/// What can be said of a failing run.
#[derive(Default)]
pub(super) struct Explanation {
    pub(super) sentence: String,
    pub(super) columns: String,
    pub(super) pair: Pair,
}

/// Runs a failing schedule and explains it. Returns the run, too.
///
/// Its panics are printed as they would be without a search if backtraces are asked for: all else that the panic
/// hook says is in the report.
pub(super) fn explain(
    runner: &mut Runner<'_>,
    schedule: &Schedule,
    turns: u64,
) -> (Run, Explanation) {
    let level = if turns <= TRACED_TURNS_MAX { Level::Full } else { Level::Off };
    let deviations = schedule.first_deviations(usize::MAX);
    let (failing, told) = witnessed(runner, &deviations, level, true);
    if deviations.is_empty() {
        let explanation = explain_fifo(runner, &failing, level);
        return (failing.0, explanation);
    }
    let mut explanation = Explanation::default();
    let nearest = without_last(&deviations).map(|shorter| runner.replay(&shorter, level));
    explanation.sentence = sentence(&told, &deviations, &failing, nearest.as_ref());
    if level == Level::Full {
        let (_, before) = deviations.split_last().expect("there is one");
        explanation.columns =
            beside((&failing, &deviations), nearest.as_ref().map(|run| (run, before)));
        explanation.pair = pair(&failing, nearest.as_ref());
    }
    (failing.0, explanation)
}

/// Explains a failure that needs no deviation, by one with which the program passes.
fn explain_fifo(runner: &mut Runner<'_>, failing: &Traced, level: Level) -> Explanation {
    let other = first_passing(runner).unwrap_or_default();
    let other = other.first_deviations(usize::MAX);
    let passing = (!other.is_empty()).then(|| witnessed(runner, &other, level, false));
    let sentence = sentence_of_fifo(passing.as_ref().map_or(&[], |(_, told)| told));
    let passing = passing.as_ref().map(|(run, _)| (run, &other[..]));
    match level {
        Level::Full => {
            let pair = pair(failing, passing.map(|(run, _)| run));
            Explanation { sentence, columns: beside((failing, &[]), passing), pair }
        }
        _ => Explanation { sentence, ..Explanation::default() },
    }
}

/// What is kept of the two runs.
fn pair(failing: &Traced, nearest: Option<&Traced>) -> Pair {
    let nearest = nearest.map(|(run, trace)| (trace.clone(), run.failure.clone()));
    Pair { failing: failing.1.clone(), nearest }
}

/// Runs a schedule, and tells each of its deviations.
fn witnessed(
    runner: &mut Runner<'_>,
    deviations: &[Deviation],
    level: Level,
    is_failing: bool,
) -> (Traced, Vec<String>) {
    let witness = Witness { lenient: Lenient::default(), seen: Vec::new() };
    let policy = Shared::new(witness, &runner.settings);
    policy.policy().lenient.start(deviations);
    let builder = runner.settings.builder().boxed_policy(Box::new(policy.lent.clone()));
    let builder = builder.quiet(!is_failing || !wants_backtraces());
    let run = runner.run_with(builder, level);
    // Where first-in first-out fails, the turn says which of its choices is meant.
    let is_alone = is_failing && deviations.len() == 1;
    let mut told = Vec::new();
    for seen in &policy.policy().seen {
        told.push(seen.told(&run.1, is_alone));
    }
    (run, told)
}

/// Turns that are spent at most on a run that passes where first-in first-out fails.
const PASSING_TURNS_MAX: u64 = 1_000_000;

/// The earliest and least single deviation with which the program passes.
fn first_passing(runner: &Runner<'_>) -> Option<Schedule> {
    let mut walker = Walker::new(runner.another());
    let (run, root) = walker.root();
    let mut spent = run.turns;
    for turnoff in root.turnoffs() {
        if spent > PASSING_TURNS_MAX {
            break;
        }
        let (run, _) = walker.child(&root, turnoff);
        if run.failure.is_none() {
            return Some(walker.schedule(&root, turnoff));
        }
        spent += run.turns;
    }
    None
}

/// What can be said of a failure that needs no deviation, and of the one with which the program passes.
fn sentence_of_fifo(told: &[String]) -> String {
    let fails = "fails first-in first-out, without any deviation";
    match told {
        [only] => in_line(format!("{fails}; passes when, {only}")),
        _ => fails.to_owned(),
    }
}

/// A sentence that does not fit into a line takes two.
fn in_line(sentence: String) -> String {
    match split_at_first(&sentence, "; ") {
        Some((first, second)) if columns(&sentence) > WIDTH => format!("{first};\n{second}"),
        _ => sentence,
    }
}

/// The schedule without its last deviation.
fn without_last(deviations: &[Deviation]) -> Option<Schedule> {
    let (_, kept) = deviations.split_last()?;
    let mut schedule = Schedule::default();
    kept.iter().for_each(|deviation| schedule.push(*deviation));
    Some(schedule)
}

fn sentence(
    told: &[String],
    deviations: &[Deviation],
    (failing, _): &Traced,
    nearest: Option<&Traced>,
) -> String {
    let (Some((nearest, _)), Some(last)) = (nearest, deviations.last()) else {
        return sentence_of_fifo(&[]);
    };
    let is_alone = deviations.len() == 1;
    let otherwise = match (is_alone, last.place) {
        (true, _) if last.injection().is_some() => "without that",
        (true, 0) => "in the other order",
        (true, _) => "with 0",
        (false, _) => "without the last of these",
    };
    let ends = match (&nearest.failure, &failing.failure) {
        (None, _) => "passes".to_owned(),
        (Some(one), Some(other)) if is_same(one, other) => "fails all the same".to_owned(),
        (Some(other), _) => {
            let text = other.to_string();
            format!("fails in another way, with a {}", text.lines().next().unwrap_or(""))
        }
    };
    match told {
        [only] => in_line(format!("fails when, {only}; {otherwise} it {ends}")),
        _ => {
            // The first, and then the last ones.
            let left_out = if told.len() > TOLD_MAX { told.len() - TOLD_MAX + 1 } else { 0 };
            let mut lines = String::new();
            for (place, what) in told.iter().enumerate() {
                if place == 0 || place > left_out {
                    lines.push_str(&format!("  {what}\n"));
                } else if place == 1 {
                    lines.push_str(&format!("  ... {left_out} more ...\n"));
                }
            }
            format!("fails when\n{lines}{otherwise} it {ends}")
        }
    }
}

/// A run, and its deviations.
type Marked<'a> = (&'a Traced, &'a [Deviation]);

fn beside(failing: Marked<'_>, nearest: Option<Marked<'_>>) -> String {
    let turns = |deviations: &[Deviation]| {
        let mut turns = Vec::new();
        for deviation in deviations {
            turns.push(deviation.turn);
        }
        turns
    };
    let title = |run: &Run| if run.failure.is_some() { "fails" } else { "passes" };
    let (fails, passes) = (turns(failing.1), turns(nearest.map_or(&[], |nearest| nearest.1)));
    let (_, trace) = failing.0;
    let mut sides = vec![Side { title: "fails", trace, marked: &fails }];
    if let Some(((nearest, trace), _)) = nearest {
        sides.push(Side { title: title(nearest), trace, marked: &passes });
    }
    columns_of(&sides, if fails.is_empty() { &passes } else { &fails })
}

/// Follows a schedule and notes who was there at each deviation.
#[derive(Debug)]
struct Witness {
    lenient: Lenient,
    seen: Vec<Seen>,
}

/// A deviation, as the policy saw it.
#[derive(Debug)]
struct Seen {
    turn: u64,
    at: Instant,
    kind: ChoiceKind,
    index: usize,
    /// Of a value: how many the turn has chosen by then.
    place: u32,
    /// The first of the tasks that were passed over, and the one that was taken, last. Ids and paths as far
    /// as known then.
    tasks: Vec<(TaskId, String)>,
}

impl Policy for Witness {
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        let index = self.lenient.choose(choice);
        if index > 0 {
            let mut tasks = Vec::new();
            let passed = index.min(PASSED_MAX);
            for place in 0..=passed {
                let index = if place < passed { place } else { index };
                if let (Some(id), Some(path)) = (choice.task(index), choice.path(index)) {
                    tasks.push((id, path));
                }
            }
            let (turn, at, kind) = (choice.turn(), choice.now(), choice.kind());
            if kind != ChoiceKind::Task {
                if let Some(running) = choice.running_path() {
                    tasks.push(running);
                }
            }
            let place = self.lenient.place();
            self.seen.push(Seen { turn, at, kind, index, place, tasks });
        }
        index
    }
}

impl Seen {
    /// Says what was done instead of what. Where it is one of several, the turn tells them apart.
    fn told(&self, trace: &Trace, is_alone: bool) -> String {
        let Seen { turn, at, index, .. } = self;
        let when = match is_alone {
            true => format!("at {at}"),
            false => format!("at {at} (turn {turn})"),
        };
        let name =
            |(id, path): &(TaskId, String)| format!("`{}`", named(trace.path(*id).unwrap_or(path)));
        if let (ChoiceKind::Injection(injection), Some(who)) = (self.kind, self.tasks.first()) {
            let who = name(who);
            return match injection {
                Injection::Cancel => format!("{when}, {who} is cancelled before it goes on"),
                Injection::Abort => format!("{when}, {who} is cancelled where it waits"),
                Injection::Poll => format!("{when}, {who} is polled though nobody has woken it"),
                Injection::Late(micros) => {
                    let by = shown_duration(Duration::from_micros(u64::from(micros)));
                    format!("{when}, {who} waits for a timer that is {by} late")
                }
            };
        }
        if self.kind == ChoiceKind::Value {
            let mut who = "the task".to_owned();
            for record in trace.records() {
                if record.turn == *turn && matches!(record.event, Event::Polled { .. }) {
                    let path = record.task.and_then(|task| trace.path(task));
                    who = path.map_or(who, |path| format!("`{}`", named(path)));
                    break;
                }
            }
            let which = match self.place {
                ..=1 => String::new(),
                place => format!(" (choice {place} of the turn)"),
            };
            return format!("{when}, {who} chooses {index} instead of 0{which}");
        }
        let Some((taken, passed)) = self.tasks.split_last() else {
            return format!("{when}, ready task {index} runs first");
        };
        let mut names = Vec::new();
        for task in passed {
            names.push(name(task));
        }
        if *index > names.len() {
            names.push(format!("{} more", index - names.len()));
        }
        let last = names.pop().unwrap_or_default();
        let passed = match names.is_empty() {
            true => last,
            false => format!("{} and {last}", joined(&names, ", ")),
        };
        format!("{when}, {} runs before {passed}", name(taken))
    }
}
