//! The schedule of a run: its choices, and their form on one line.
//!
//! Only choices that deviate from index 0 are kept, so the schedule of a first-in first-out run is empty
//! and that of a shrunk failure has as many entries as it needs. The line is
//!
//! ```text
//! v1:4=1/2,9=2/4x3,12.1=1/3
//! ```
//!
//! in turn 4, number 1 of 2 ready tasks (counted from 0); in turns 9, 10 and 11, number 2 of 4; in turn 12,
//! for the first call of `choose`, number 1 of 3. What a search has made to go wrong stands there as a word,
//! as in `7!cancel`; see `injection`.

use std::fmt;
use std::str::FromStr;

use super::draft::Noted;
use super::injection::Injection;
use super::runs::{Run, Runs};
use crate::kernel;

/// A choice that did not take index 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Deviation {
    /// The turn it belongs to, from 1.
    pub turn: u64,
    /// Which choice of that turn: 0 for the task that runs, 1 for the first call of
    /// [`choose`](crate::choose) in its poll, and so on.
    pub place: u32,
    /// How many alternatives there were, 2 or more; fewer say that this is an [`injection`](Self::injection).
    pub alternatives: u32,
    /// The index taken, from 1 to `alternatives` - 1; of an injection, more about it.
    pub index: u32,
}

impl Deviation {
    /// What was made to go wrong, if this is no choice of the run but an injection of a search.
    pub fn injection(&self) -> Option<Injection> {
        Injection::of(self)
    }
}

/// The choices of a run, from which it can be replayed (S32).
///
/// Shown as one line to paste into [`Builder::replay`](crate::Builder::replay), and parsed from it.
///
/// # Examples
///
/// ```
/// use simloop::policy::Schedule;
///
/// let schedule: Schedule = "v1:4=1/2,9=2/4x3".parse()?;
/// assert_eq!(schedule.deviations().count(), 4);
/// assert_eq!(schedule.to_string(), "v1:4=1/2,9=2/4x3");
/// # Ok::<(), simloop::policy::ScheduleError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Schedule {
    /// Ascending by (turn, place), each as long as it can be: equal schedules have equal runs.
    runs: Runs,
}

impl Schedule {
    /// Returns the choices that did not take index 0, in order.
    ///
    /// A line of a few characters may stand for more of them than anybody can wait for.
    pub fn deviations(&self) -> impl Iterator<Item = Deviation> + '_ {
        let (mut runs, mut run, mut offset) = (self.runs.iter(), None::<Run>, 0);
        std::iter::from_fn(move || {
            if run.is_none_or(|run| offset == run.count) {
                (run, offset) = (Some(runs.next()?), 0);
            }
            offset += 1;
            run?.get(offset - 1)
        })
    }

    /// The first so many of them as a list: all of them fit into memory where a run has made them.
    pub(crate) fn first_deviations(&self, most: usize) -> Vec<Deviation> {
        let mut deviations = Vec::new();
        for deviation in self.deviations() {
            if deviations.len() == most {
                break;
            }
            deviations.push(deviation);
        }
        deviations
    }

    /// Says whether every choice took index 0, as in a first-in first-out run.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Forgets all choices, and keeps the memory for those of another run, if it is not too much.
    pub(super) fn clear(&mut self) {
        self.runs.clear();
    }

    pub(super) fn runs(&self) -> &Runs {
        &self.runs
    }

    /// Takes choices of which task runs, and leaves none.
    pub(super) fn extend(&mut self, noted: &mut Noted) {
        self.runs.extend(noted);
    }

    pub(crate) fn push(&mut self, deviation: Deviation) {
        debug_assert!(
            deviation.injection().is_some()
                || (deviation.index > 0 && deviation.index < deviation.alternatives)
        );
        self.runs.push(deviation);
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("v1:")?;
        let mut separator = "";
        for Run { first, count } in self.runs.iter() {
            write!(f, "{separator}{}", first.turn)?;
            let injection = first.injection();
            if first.place > u32::from(injection.is_some()) {
                write!(f, ".{}", first.place)?;
            }
            match injection {
                Some(injection) => write!(f, "!{injection}")?,
                None => write!(f, "={}/{}", first.index, first.alternatives)?,
            }
            if count > 1 {
                write!(f, "x{count}")?;
            }
            separator = ",";
        }
        Ok(())
    }
}

/// A line that is no schedule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScheduleError {
    line: String,
    reason: String,
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a schedule: {}", self.line, self.reason)
    }
}

impl std::error::Error for ScheduleError {}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(line: &str) -> Result<Self, ScheduleError> {
        parse(line.trim()).map_err(|reason| ScheduleError { line: shortened(line), reason })
    }
}

fn shortened(text: &str) -> String {
    const SHOWN_MAX: usize = 60;
    kernel::shortened(text, SHOWN_MAX)
}

fn parse(line: &str) -> Result<Schedule, String> {
    let is_version = |text: &str| {
        text.strip_prefix(['v', 'V'])
            .is_some_and(|number| number.bytes().all(|it| it.is_ascii_digit()))
    };
    let Some((version, entries)) = line.split_once(':').filter(|(version, _)| is_version(version))
    else {
        return Err("it does not start with a version, as `v1:` does".to_owned());
    };
    if version != "v1" {
        return Err(format!("this release reads version `v1`, not `{}`", shortened(version)));
    }
    let mut schedule = Schedule::default();
    if entries.is_empty() {
        return Ok(schedule);
    }
    for (number, entry) in entries.split(',').enumerate() {
        parse_entry(entry, &mut schedule)
            .map_err(|reason| format!("entry {} (`{}`) {reason}", number + 1, shortened(entry)))?;
    }
    Ok(schedule)
}

fn parse_entry(entry: &str, schedule: &mut Schedule) -> Result<(), String> {
    let run = match entry.split_once('!') {
        Some((position, word)) => parse_injection(position, word)?,
        None => parse_choice(entry)?,
    };
    let Run { first, count } = run;
    if count == 0 {
        return Err("must stand for 1 choice or more".to_owned());
    }
    if first.turn.checked_add(count - 1).is_none() {
        return Err("runs past the last turn there can be".to_owned());
    }
    let before = schedule.runs.last().map(|run| run.last());
    if before.is_some_and(|last| (last.turn, last.place) >= (first.turn, first.place)) {
        return Err("comes at or before the choice ahead of it".to_owned());
    }
    schedule.runs.push_run(run);
    Ok(())
}

/// A choice: `turn=index/alternatives`, with the place behind the turn and the length at the end.
fn parse_choice(entry: &str) -> Result<Run, String> {
    let form = || "does not have the form `turn=index/alternatives`".to_owned();
    let (position, choice) = entry.split_once('=').ok_or_else(form)?;
    let (index, rest) = choice.split_once('/').ok_or_else(form)?;
    let (turn, place) = position.split_once('.').unwrap_or((position, "0"));
    let (alternatives, count) = rest.split_once('x').unwrap_or((rest, "1"));
    let first = Deviation {
        turn: number(turn)?,
        place: narrow(number(place)?)?,
        alternatives: narrow(number(alternatives)?)?,
        index: narrow(number(index)?)?,
    };
    let count = number(count)?;
    check_turn(first.turn)?;
    if first.alternatives < 2 {
        return Err("must have 2 alternatives or more".to_owned());
    }
    if first.index == 0 || first.index >= first.alternatives {
        return Err(format!("must take an index from 1 to {}", first.alternatives - 1));
    }
    Ok(Run { first, count })
}

/// An injection: `turn!word`, behind choices of the same turn `turn.place!word`.
fn parse_injection(position: &str, word: &str) -> Result<Run, String> {
    let (turn, place) = position.split_once('.').unwrap_or((position, "1"));
    let (word, count) = word.split_once('x').unwrap_or((word, "1"));
    let (turn, place) = (number(turn)?, narrow(number(place)?)?);
    let injection = Injection::parse(word).ok_or_else(|| {
        format!("has `{}` where `cancel`, `abort`, `poll` or `late+1us` belongs", shortened(word))
    })?;
    check_turn(turn)?;
    if place == 0 {
        return Err("has an injection at place 0, where a task is chosen".to_owned());
    }
    Ok(Run { first: injection.at(turn, place), count: number(count)? })
}

fn check_turn(turn: u64) -> Result<(), String> {
    if turn == 0 { Err("names turn 0, but turns count from 1".to_owned()) } else { Ok(()) }
}

pub(super) fn number(digits: &str) -> Result<u64, String> {
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let value = if is_plain { digits.parse().ok() } else { None };
    value.ok_or_else(|| format!("has `{}` where a number belongs", shortened(digits)))
}

pub(super) fn narrow(value: u64) -> Result<u32, String> {
    u32::try_from(value).map_err(|_| format!("has {value} where a number below 4294967296 belongs"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn reason(line: &str) -> String {
        line.parse::<Schedule>().unwrap_err().to_string()
    }

    #[test]
    fn s32_a_line_that_is_no_schedule_says_why() {
        assert_eq!(
            reason("12"),
            "`12` is not a schedule: it does not start with a version, as `v1:` does"
        );
        assert_eq!(
            reason("v9:1=1/2"),
            "`v9:1=1/2` is not a schedule: this release reads version `v1`, not `v9`"
        );
        assert_eq!(
            reason("Builder::new()"),
            "`Builder::new()` is not a schedule: it does not start with a version, as `v1:` does"
        );
        let entry = |line: &str| reason(line).split_once(": ").unwrap().1.to_owned();
        assert_eq!(
            entry("v1:1=1/2,"),
            "entry 2 (``) does not have the form `turn=index/alternatives`"
        );
        assert_eq!(entry("v1:1=2/2"), "entry 1 (`1=2/2`) must take an index from 1 to 1");
        assert_eq!(entry("v1:0=1/2"), "entry 1 (`0=1/2`) names turn 0, but turns count from 1");
        assert_eq!(entry("v1:+1=1/2"), "entry 1 (`+1=1/2`) has `+1` where a number belongs");
        assert_eq!(
            entry("v1:5=1/2,5=1/2"),
            "entry 2 (`5=1/2`) comes at or before the choice ahead of it"
        );
        assert_eq!(entry("v1:1=1/0"), "entry 1 (`1=1/0`) must have 2 alternatives or more");
        assert_eq!(entry("v1:1=1/2x0"), "entry 1 (`1=1/2x0`) must stand for 1 choice or more");
        assert_eq!(
            entry("v1:1=1/4294967296"),
            "entry 1 (`1=1/4294967296`) has 4294967296 where a number below 4294967296 belongs"
        );
        assert_eq!(
            entry("v1:18446744073709551615=1/2x2"),
            "entry 1 (`18446744073709551615=1/2x2`) runs past the last turn there can be"
        );
    }

    #[test]
    fn s32_an_injection_stands_in_the_line_as_a_word() {
        let line = "v1:4=1/2,7!cancelx2,9.1=1/3,9.2!abort,12!poll,15!late+5000us";
        let schedule: Schedule = line.parse().unwrap();
        assert_eq!(schedule.to_string(), line);
        let injections: Vec<_> =
            schedule.deviations().filter_map(|deviation| deviation.injection()).collect();
        let [cancel, abort, poll] = [Injection::Cancel, Injection::Abort, Injection::Poll];
        assert_eq!(injections, [cancel, cancel, abort, poll, Injection::Late(5_000)]);
        let entry = |line: &str| reason(line).split_once(": ").unwrap().1.to_owned();
        let words = "where `cancel`, `abort`, `poll` or `late+1us` belongs";
        assert_eq!(entry("v1:1!fail"), format!("entry 1 (`1!fail`) has `fail` {words}"));
        assert_eq!(
            entry("v1:1!late+0us"),
            format!("entry 1 (`1!late+0us`) has `late+0us` {words}")
        );
        assert_eq!(
            entry("v1:1.0!poll"),
            "entry 1 (`1.0!poll`) has an injection at place 0, where a task is chosen"
        );
        assert_eq!(entry("v1:0!poll"), "entry 1 (`0!poll`) names turn 0, but turns count from 1");
    }

    #[test]
    fn s32_a_line_at_the_edge_of_the_numbers_is_a_schedule_like_any_other() {
        let lines = [
            "v1:18446744073709551615=1/2",
            "v1:1=1/2,1.1=1/2x18446744073709551615",
            "v1:1=1/2x100000000",
            "v1:1=1/2x18446744073709551615",
            "v1:18446744073709551614.4294967295=4294967294/4294967295x2",
        ];
        for line in lines {
            let schedule: Schedule = line.parse().unwrap();
            assert_eq!(schedule.to_string(), line);
            assert!(schedule.runs.iter().count() <= 2, "a long run costs what a short one does");
            assert_eq!(schedule.deviations().next(), schedule.runs.iter().next().unwrap().get(0));
        }
    }

    #[test]
    fn s32_a_run_is_the_same_schedule_however_it_is_written() {
        let schedule: Schedule = "v1:1=1/2,2=1/2x2,4=1/2,6=1/2".parse().unwrap();
        assert_eq!(schedule.to_string(), "v1:1=1/2x4,6=1/2");
        let turns: Vec<u64> = schedule.deviations().map(|deviation| deviation.turn).collect();
        assert_eq!(turns, [1, 2, 3, 4, 6]);
        let edge: Schedule =
            "v1:1=1/2x18446744073709551614,18446744073709551615=1/2".parse().unwrap();
        assert_eq!(edge.to_string(), "v1:1=1/2x18446744073709551615");
    }

    fn schedules() -> impl Strategy<Value = Schedule> {
        let steps = prop::collection::vec((0_u64..3, 0_u32..3, 0_u32..5, 1_u32..4), 0..40);
        steps.prop_map(|steps| {
            let mut schedule = Schedule::default();
            let mut turn = 0;
            for (skipped, place, alternatives, index) in steps {
                turn += skipped + 1;
                schedule.push(match alternatives {
                    0 => [Injection::Cancel, Injection::Abort, Injection::Poll][index as usize - 1]
                        .at(turn, place + 1),
                    1 => Injection::Late(index).at(turn, place + 1),
                    _ => {
                        let index = index.min(alternatives - 1);
                        Deviation { turn, place, alternatives, index }
                    }
                });
            }
            schedule
        })
    }

    /// Numbers that a damaged line may hold: small ones, the ends of 32 and 64 bits, and beyond.
    fn numbers() -> impl Strategy<Value = String> {
        let edges = [0, u32::MAX.into(), u64::MAX.into(), i64::MAX as u128];
        let edge = (prop::sample::select(edges.to_vec()), 0_u128..4, any::<bool>());
        let edge = edge.prop_map(|(edge, by, is_below)| match is_below {
            true => edge.saturating_sub(by),
            false => edge + by,
        });
        prop_oneof![0_u128..6, edge].prop_map(|number| number.to_string())
    }

    /// Lines of the right form with any numbers in it, and text that has only the right characters.
    fn lines() -> impl Strategy<Value = String> {
        let entry = (numbers(), prop::option::of(numbers()), numbers(), numbers());
        let entry = (entry, prop::option::of(numbers()));
        let entry = entry.prop_map(|((turn, place, index, alternatives), count)| {
            let place = place.map_or(String::new(), |place| format!(".{place}"));
            let count = count.map_or(String::new(), |count| format!("x{count}"));
            format!("{turn}{place}={index}/{alternatives}{count}")
        });
        let valid = (numbers(), prop::option::of(numbers()), numbers());
        let valid = valid.prop_map(|(turn, place, count)| {
            let place = place.map_or(String::new(), |place| format!(".{place}"));
            format!("{turn}{place}=1/2x{count}")
        });
        let entries = prop::collection::vec(prop_oneof![entry, valid], 0..5);
        prop_oneof![
            "(v1:)?[0-9=/x.,v: ]{0,40}",
            "v1:[1-9](\\.[1-3])?!(cancel|abort|poll|late\\+[0-9]{0,12}us)(x[0-9])?",
            entries.prop_map(|entries| format!("v1:{}", entries.join(","))),
        ]
    }

    proptest! {
        #[test]
        fn s32_a_schedule_survives_its_text(schedule in schedules()) {
            let line = schedule.to_string();
            prop_assert_eq!(line.parse::<Schedule>(), Ok(schedule));
            prop_assert!(!line.contains(char::is_whitespace), "one pasteable word");
        }

        #[test]
        fn s32_any_text_is_read_or_refused(line in lines()) {
            if let Ok(schedule) = line.parse::<Schedule>() {
                let shown = schedule.to_string();
                prop_assert_eq!(shown.parse::<Schedule>(), Ok(schedule));
            }
        }
    }
}
