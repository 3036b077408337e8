//! What a requirement is shown of each run.

use simloop::explore::Explorer;
use simloop::trace::Level;
use simloop::{Builder, Limits, choose, note};

use super::{explorer, letters};

/// A search that refuses each run of which another level is shown than this one, or another number of notes.
fn shown(explorer: Explorer, level: Level, notes: usize) -> Explorer {
    explorer.require(move |report| match (report.trace.level(), report.trace.notes().count()) {
        seen if seen == (level, notes) => Ok(()),
        seen => Err(format!("a trace of {seen:?}")),
    })
}

async fn two_notes() {
    note!("{}", letters([2, 1]).await);
    note!("{}", choose(2));
}

#[test]
fn a_requirement_sees_no_trace_in_any_run_of_a_search() {
    let exploration = shown(explorer().exhaustive(), Level::Off, 0).run(two_notes);
    assert_eq!(exploration.to_string(), "all 8 schedules pass, 4 interleavings");
}

#[test]
fn a_requirement_sees_the_trace_that_was_asked_for_in_every_run_of_a_search() {
    for level in [Level::Tasks, Level::Full] {
        let drawn = shown(explorer().random(40).trace(level), level, 2);
        for search in [
            drawn.clone(),
            drawn.clone().threads(2).audit(2),
            drawn.clone().late_timers(crate::secs(1)).spurious_polls(true),
            drawn.clone().exhaustive(),
            drawn.clone().exhaustive().threads(2),
            drawn.clone().exhaustive().max_deviations(0),
            drawn.clone().reduced(),
        ] {
            let exploration = search.run(two_notes);
            assert!(exploration.findings.is_empty(), "{level:?}: {exploration}");
        }
    }
}

/// Shrinking and explaining makes runs with other traces, and asks again of those that end well.
#[test]
fn a_requirement_sees_the_same_where_a_failure_is_explained() {
    for (level, notes) in [(Level::Off, 0), (Level::Tasks, 2), (Level::Full, 2)] {
        let failing = || async {
            two_notes().await;
            assert!(choose(2) == 0, "planted");
        };
        let finding = shown(explorer().trace(level), level, notes).run(failing).unwrap_finding();
        assert!(finding.failure.to_string().contains("in main: planted"), "{}", finding.failure);
        assert!(finding.sentence.ends_with("with 0 it passes"), "{}", finding.sentence);
        assert_eq!(finding.trace().level(), Level::Full);
    }
}

#[test]
fn a_requirement_sees_what_a_plain_run_would_record() {
    let plain = Builder::new().trace(Level::Tasks).run(two_notes()).trace.to_string();
    let search = explorer().exhaustive().max_deviations(0).trace(Level::Tasks);
    let search = search.limits(Limits::new().turns(100)).require(move |report| {
        match report.trace.to_string() == plain {
            true => Ok(()),
            false => Err(report.trace.to_string()),
        }
    });
    search.check(two_notes);
}

#[test]
fn a_run_is_refused_for_its_trace() {
    let search = explorer().exhaustive().trace(Level::Tasks).require(|report| {
        match report.trace.notes().next() {
            Some("\"aba\"") => Err("b is between".to_owned()),
            _ => Ok(()),
        }
    });
    let finding = search.run(|| async { note!("{:?}", letters([2, 1]).await) }).unwrap_finding();
    let text = finding.failure.to_string();
    assert!(text.starts_with("refused at 0s (turn 5): b is between"), "{text}");
    assert!(text.ends_with("replay: Builder::new()"), "{text}");
}

#[test]
fn s42_what_a_requirement_is_shown_changes_no_run() {
    let counts = |explorer: Explorer| {
        let exploration = explorer.require(|_| Ok(())).run(two_notes);
        (exploration.runs, exploration.interleavings, exploration.to_string())
    };
    for search in [explorer(), explorer().exhaustive(), explorer().reduced()] {
        let plain = counts(search.clone());
        assert_eq!(counts(search.clone().trace(Level::Tasks)), plain);
        assert_eq!(counts(search.clone().trace(Level::Full)), plain);
    }
}
