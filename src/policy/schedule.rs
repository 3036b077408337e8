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
//! for the first call of `choose`, number 1 of 3.

use std::fmt;
use std::str::FromStr;

/// A choice that did not take index 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Deviation {
    /// The turn it belongs to, from 1.
    pub turn: u64,
    /// Which choice of that turn: 0 for the task that runs, 1 for the first call of
    /// [`choose`](crate::choose) in its poll, and so on.
    pub place: u32,
    /// How many alternatives there were, 2 or more.
    pub alternatives: u32,
    /// The index taken, from 1 to `alternatives` - 1.
    pub index: u32,
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
/// assert_eq!(schedule.deviations().len(), 4);
/// assert_eq!(schedule.to_string(), "v1:4=1/2,9=2/4x3");
/// # Ok::<(), simloop::policy::ScheduleError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Schedule {
    /// Ascending by (turn, place).
    deviations: Vec<Deviation>,
}

/// Deviations that a line may stand for. A line that says more is damaged, or somebody's joke.
const DEVIATIONS_MAX: u64 = 100_000_000;

impl Schedule {
    /// Returns the choices that did not take index 0, in order.
    pub fn deviations(&self) -> &[Deviation] {
        &self.deviations
    }

    /// Says whether every choice took index 0, as in a first-in first-out run.
    pub fn is_empty(&self) -> bool {
        self.deviations.is_empty()
    }

    pub(crate) fn push(&mut self, deviation: Deviation) {
        debug_assert!(deviation.index > 0 && deviation.index < deviation.alternatives);
        self.deviations.push(deviation);
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("v1:")?;
        let mut rest = self.deviations.as_slice();
        let mut separator = "";
        while let Some(first) = rest.first() {
            // Equal choices on consecutive turns go into one entry.
            let follows = |(&next, turn)| next == Deviation { turn, ..*first };
            let run = rest.iter().zip(first.turn..).take_while(|&pair| follows(pair)).count();
            write!(f, "{separator}{}", first.turn)?;
            if first.place > 0 {
                write!(f, ".{}", first.place)?;
            }
            write!(f, "={}/{}", first.index, first.alternatives)?;
            if run > 1 {
                write!(f, "x{run}")?;
            }
            separator = ",";
            rest = &rest[run..];
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

fn shortened(line: &str) -> String {
    const SHOWN_MAX: usize = 60;
    let mut shown: String = line.chars().take(SHOWN_MAX).flat_map(char::escape_debug).collect();
    if line.chars().nth(SHOWN_MAX).is_some() {
        shown.push_str("...");
    }
    shown
}

fn parse(line: &str) -> Result<Schedule, String> {
    let Some((version, entries)) = line.split_once(':') else {
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
        parse_entry(entry, &mut schedule.deviations)
            .map_err(|reason| format!("entry {} (`{}`) {reason}", number + 1, shortened(entry)))?;
    }
    Ok(schedule)
}

fn parse_entry(entry: &str, deviations: &mut Vec<Deviation>) -> Result<(), String> {
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
    if first.turn == 0 {
        return Err("names turn 0, but turns count from 1".to_owned());
    }
    if first.index == 0 || first.index >= first.alternatives {
        return Err(format!("must take an index from 1 to {}", i64::from(first.alternatives) - 1));
    }
    if count == 0 || count + deviations.len() as u64 > DEVIATIONS_MAX {
        return Err(format!("must stand for 1 to {DEVIATIONS_MAX} choices, with those before it"));
    }
    if deviations.last().is_some_and(|last| (last.turn, last.place) >= (first.turn, first.place)) {
        return Err("comes at or before the choice ahead of it".to_owned());
    }
    let last_turn =
        first.turn.checked_add(count - 1).ok_or("runs past the last turn there can be")?;
    deviations.extend((first.turn..=last_turn).map(|turn| Deviation { turn, ..first }));
    Ok(())
}

fn number(digits: &str) -> Result<u64, String> {
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let value = if is_plain { digits.parse().ok() } else { None };
    value.ok_or_else(|| format!("has `{}` where a number belongs", shortened(digits)))
}

fn narrow(value: u64) -> Result<u32, String> {
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
        assert_eq!(
            entry("v1:1=1/2x999999999999"),
            "entry 1 (`1=1/2x999999999999`) must stand for 1 to 100000000 choices, with those before it"
        );
        assert_eq!(
            entry("v1:1=1/4294967296"),
            "entry 1 (`1=1/4294967296`) has 4294967296 where a number below 4294967296 belongs"
        );
        assert_eq!(
            entry("v1:18446744073709551615=1/2x2"),
            "entry 1 (`18446744073709551615=1/2x2`) runs past the last turn there can be"
        );
    }

    fn schedules() -> impl Strategy<Value = Schedule> {
        let steps = prop::collection::vec((0_u64..3, 0_u32..3, 2_u32..5, 1_u32..4), 0..40);
        steps.prop_map(|steps| {
            let mut schedule = Schedule::default();
            let mut turn = 0;
            for (skipped, place, alternatives, index) in steps {
                turn += skipped + 1;
                schedule.push(Deviation {
                    turn,
                    place,
                    alternatives,
                    index: index.min(alternatives - 1),
                });
            }
            schedule
        })
    }

    proptest! {
        #[test]
        fn s32_a_schedule_survives_its_text(schedule in schedules()) {
            let line = schedule.to_string();
            prop_assert_eq!(line.parse::<Schedule>(), Ok(schedule));
            prop_assert!(!line.contains(char::is_whitespace), "one pasteable word");
        }

        #[test]
        fn s32_any_text_is_read_or_refused(line in "(v1:)?[0-9=/x.,v: ]{0,40}") {
            if let Ok(schedule) = line.parse::<Schedule>() {
                let shown = schedule.to_string();
                prop_assert_eq!(shown.parse::<Schedule>(), Ok(schedule));
            }
        }
    }
}
