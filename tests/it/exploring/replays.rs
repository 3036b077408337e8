//! Lines that bring a run back, and lines that are damaged, made up, or of another program.

use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use simloop::policy::{Choice, Policy};
use simloop::report::FailureKind;
use simloop::{Builder, choose};

use super::{explorer, letters};

async fn program() {
    let order = letters([3, 3, 3]).await;
    let chosen = choose(3);
    assert!(!order.contains("cba") || chosen != 1, "planted");
}

/// What was wanted of a line: as it is, cut, or with some characters replaced, left out or put in.
fn damaged(line: &str, edits: &[(u8, usize, char)]) -> String {
    let mut text: Vec<char> = line.chars().collect();
    for &(kind, place, character) in edits {
        let place = place % (text.len() + 1);
        match kind {
            0 => text.truncate(place),
            1 if place < text.len() => text[place] = character,
            2 if place < text.len() => drop(text.remove(place)),
            _ => text.insert(place, character),
        }
    }
    text.into_iter().collect()
}

proptest! {
    #[test]
    fn s35_any_line_is_replayed_or_refused_with_a_reason(
        edits in prop::collection::vec(
            (0_u8..4, any::<usize>(), prop_oneof![4 => "[0-9=/x.,v:]", 1 => "\\PC"]),
            0..6,
        ),
        foreign in "\\PC{0,80}",
        is_foreign in prop::bool::weighted(0.2),
    ) {
        let edits: Vec<(u8, usize, char)> = edits
            .into_iter()
            .map(|(kind, place, text)| (kind, place, text.chars().next().unwrap()))
            .collect();
        // A schedule of several choices, found once and pinned.
        let line = match is_foreign {
            true => foreign,
            false => damaged("v1:2=2/4,4=1/3,6=1/3x2,11.1=1/3", &edits),
        };
        let report = Builder::new().replay(&line).run(program());
        let Some(failure) = report.failure() else { return Ok(()) };
        let text = failure.to_string();
        let reason = match failure.kind() {
            FailureKind::InvalidReplay(_) => "is not a schedule: ",
            FailureKind::ReplayDiverged(_) => "replay diverged at turn ",
            FailureKind::Panic(_) => "planted",
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        };
        prop_assert!(text.contains(reason), "{text}");
        prop_assert!(text.lines().all(|line| line.chars().count() < 400), "{text}");
    }
}

#[test]
fn a_bug_at_the_end_of_a_long_run_is_shrunk_to_what_it_needs() {
    // Each round takes more turns or fewer, as its tasks are ordered, so what is left out moves the rest.
    let long = || async {
        for _ in 0..10 {
            letters([2, 2, 2]).await;
        }
        program().await;
    };
    let finding = explorer().walk(5_000).max_shrink_runs(1_000).run(long).unwrap_finding();
    let line = finding.schedule.to_string();
    assert!(finding.first_schedule.deviations().count() > 25, "{}", finding.first_schedule);
    assert!(finding.schedule.deviations().count() < 8, "{line}");
    assert!(Builder::new().replay(&line).run(long()).failure().is_some());
}

/// Always the task that became ready last.
#[derive(Debug)]
struct Newest;

impl Policy for Newest {
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        choice.len() - 1
    }
}

#[test]
fn s32_a_schedule_of_a_long_run_is_short_where_choices_repeat() {
    let report = Builder::new().policy(Newest).run(letters([500, 500]));
    let line = report.schedule.to_string();
    assert!(report.schedule.deviations().count() >= 499, "{line}");
    assert!(line.len() < 40, "{line}");
    let again = Builder::new().replay(&line).run(letters([500, 500]));
    assert_eq!(again.digest, report.digest);
}

#[test]
fn shrinking_takes_no_more_runs_than_it_may() {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let counted = || async {
        MADE.fetch_add(1, Ordering::Relaxed);
        for _ in 0..5 {
            letters([2, 2, 2]).await;
        }
        assert!(!letters([2, 2, 2]).await.starts_with("ccbb"), "planted");
    };
    let most = 40;
    let exploration = explorer().random(5_000).max_shrink_runs(most).run(counted);
    let others = MADE.load(Ordering::Relaxed) - exploration.runs;
    // Three steps of shrinking; the audit, and what is explained.
    assert!(others <= 3 * most + 8, "{others}");
    let finding = exploration.unwrap_finding();
    assert!(!finding.is_simplest, "it takes more than that to know: {}", finding.schedule);
}
