//! A line to replay that was damaged on its way, whatever it is now: refused with a clear error, or run.

use proptest::prelude::*;
use simloop::report::FailureKind;
use simloop::testing::{choices, programs};
use simloop::{Builder, Report};

/// What can happen to a letter of a line, by its number: it is lost, doubled, or another.
fn damaged(line: &str, damages: &[(prop::sample::Index, u8, char)]) -> String {
    let mut letters: Vec<char> = line.chars().collect();
    for &(place, kind, letter) in damages {
        if letters.is_empty() {
            break;
        }
        let place = place.index(letters.len());
        match kind {
            0 => drop(letters.remove(place)),
            1 => letters.insert(place, letters[place]),
            2 => letters.truncate(place),
            _ => letters[place] = letter,
        }
    }
    letters.into_iter().collect()
}

/// The run ended well, or says in one of three ways why the line is not that of such a run.
fn is_clear(line: &str, report: &Report<Vec<usize>>) -> Result<(), TestCaseError> {
    let Some(failure) = report.failure() else { return Ok(()) };
    let shown = failure.to_string();
    match failure.kind() {
        FailureKind::InvalidReplay(_) => {
            prop_assert!(shown.contains("is not a schedule: "), "{line}: {shown}");
            prop_assert!(line.parse::<simloop::policy::Schedule>().is_err());
        }
        FailureKind::ReplayDiverged(_) => {
            prop_assert!(shown.starts_with("replay diverged at turn "), "{line}: {shown}");
        }
        _ => prop_assert!(false, "{line}: {shown}"),
    }
    // Nothing in it upsets a terminal.
    prop_assert!(shown.lines().all(|line| !line.contains(char::is_control)), "{shown:?}");
    Ok(())
}

fn letter() -> impl Strategy<Value = char> {
    prop_oneof![
        prop::sample::select("0123456789=/x.,v: ".chars().collect::<Vec<_>>()),
        any::<char>(),
    ]
}

proptest! {
    #[test]
    fn s35_a_damaged_line_is_refused_or_runs(
        program in programs(4, 4),
        plan in choices(30),
        damages in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..6, letter()), 1..4),
    ) {
        let schedule = Builder::new().policy(plan).run(program.run()).schedule;
        let line = damaged(&schedule.to_string(), &damages);
        is_clear(&line, &Builder::new().replay(&line).run(program.run()))?;
    }

    #[test]
    fn s35_any_text_is_refused_or_runs(line in any::<String>(), program in programs(3, 3)) {
        let line = format!("v1:{line}");
        is_clear(&line, &Builder::new().replay(&line).run(program.run()))?;
        let line = &line[3..];
        is_clear(line, &Builder::new().replay(line).run(program.run()))?;
    }

    /// A foreign line is that of another program.
    #[test]
    fn s35_a_foreign_line_is_refused_or_runs(
        program in programs(4, 4),
        other in programs(4, 4),
        plan in choices(30),
    ) {
        let line = Builder::new().policy(plan).run(other.run()).schedule.to_string();
        is_clear(&line, &Builder::new().replay(&line).run(program.run()))?;
    }
}
