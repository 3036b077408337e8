//! The tour's programs: their lines, their instants, their traces.

use simloop::trace::Level;
use simloop::{Builder, Report};

use crate::snapshots::assert_shown;

#[path = "../../examples/asyncio_tour/programs.rs"]
pub(crate) mod programs;

#[track_caller]
fn lines<T>(report: &Report<T>) -> Vec<&str> {
    if let Some(failure) = report.failure() {
        panic!("{failure}");
    }
    report.trace.notes().collect()
}

#[test]
fn blocking_takes_three_seconds_and_cooperating_one() {
    let report = crate::traced(programs::blocking_against_cooperative());
    let expected = [
        "[sync] Hello",
        "[sync] Juan",
        "[sync] Hello",
        "[sync] Sebastian",
        "[sync] Hello",
        "[sync] Andres",
        "Sync executed in: 3s",
        "[async] Hello",
        "[async] Hello",
        "[async] Hello",
        "[sync] Juan",
        "[sync] Sebastian",
        "[sync] Andres",
        "Async executed in: 1s",
    ];
    assert_eq!(lines(&report), expected);
    assert_eq!(report.ended_at.to_string(), "4s");
    assert_shown("tour", "blocking_against_cooperative", &report.trace);
}

#[test]
fn chained_coroutines_take_two_seconds_and_one_seed_gives_one_temperature() {
    let run = |seed| Builder::new().seed(seed).trace(Level::Full).run(programs::chaining());
    let report = run(0);
    let temperature = *report.outcome.as_ref().expect("it runs");
    let advice = |temperature| match temperature {
        10..20 => format!("Temperature: {temperature} Wear a jacket!"),
        20..=40 => format!("Temperature: {temperature} Don't wear a jacket!"),
        _ => unreachable!("drawn from 10 to 40"),
    };
    let expected = [
        "[main] Starting program",
        "[get_temperature] Obtaining temperature from our amaizing towers!",
        "[wear_jacket] Calculating if you should wear a jacket!",
        &advice(temperature),
    ];
    assert_eq!(lines(&report), expected);
    assert_eq!(report.ended_at.to_string(), "2s");
    assert_shown("tour", "chaining", &report.trace);

    let mut drawn = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let temperature = run(seed).unwrap();
        assert_eq!(run(seed).unwrap(), temperature);
        assert_eq!(run(seed).trace.notes().last(), Some(&*advice(temperature)));
        drawn.insert(temperature);
    }
    assert_eq!(drawn, (10..=40).collect(), "both ends are drawn, and nothing beyond");
}

#[test]
fn awaited_futures_take_turns_and_spawned_ones_run_together() {
    let report = crate::traced(programs::futures_are_lazy_tasks_run());
    let expected = [
        "Hello",
        "Juan",
        "Hello",
        "Sebastian",
        "[main] finished in 3s",
        "Hello",
        "Hello",
        "Juan",
        "Sebastian",
        "[main_create_task] finished in 2s",
    ];
    assert_eq!(lines(&report), expected);
    assert_eq!(report.ended_at.to_string(), "5s");
    assert_shown("tour", "futures_are_lazy_tasks_run", &report.trace);
}

#[test]
fn streams_yield_on_time_and_guards_are_released_on_every_path() {
    let report = crate::traced(programs::streams_and_guards());
    let released = lines(&report).iter().filter(|line| line.contains("released")).count();
    assert_eq!(released, 3);
    assert_eq!(report.ended_at.to_string(), "8.5s");
    assert_shown("tour", "streams_and_guards", &report.trace);
}
