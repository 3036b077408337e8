//! `#[simloop::test]` and `#[simloop::main]`: what an annotated function is and does.
//!
//! The messages about code that they do not take are tested beside their source.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use simloop::explore::Explorer;
use simloop::policy::Random;
use simloop::trace::Level;
use simloop::{Builder, Limits, Report, choose, now, rng, sleep, spawn, yield_now};

use crate::snapshots::assert_shown;

/// How often tests have run so far. The runs that audit, shrink or explain count too.
static RUNS: AtomicU64 = AtomicU64::new(0);

#[simloop::test]
async fn a_test_without_arguments_is_a_search() {
    RUNS.fetch_add(1, Ordering::Relaxed);
    yield_now().await;
}

#[test]
fn a_test_without_arguments_makes_a_thousand_runs() {
    let before = RUNS.load(Ordering::Relaxed);
    a_test_without_arguments_is_a_search();
    assert!(RUNS.load(Ordering::Relaxed) >= before + 1_000);
}

#[simloop::test(explore = "exhaustive", seed = 7, time_limit = "2.5s", deny_leftovers)]
async fn a_test_may_return_a_result_and_use_the_question_mark() -> Result<(), simloop::JoinError> {
    let started = now();
    let task = spawn(sleep(Duration::from_secs(3)));
    task.await?;
    assert_eq!(started.elapsed(), Duration::from_secs(3));
    Ok(())
}

#[simloop::test(runs = 10)]
#[should_panic(expected = "the program returned Err(\"torn\")")]
async fn an_error_fails_the_test() -> Result<(), &'static str> {
    yield_now().await;
    Err("torn")
}

#[simloop::test]
#[cfg(any())]
async fn code_that_is_configured_away_is_not_compiled() -> NoSuchType {}

/// Two tasks read a counter, wait a turn, and write it back.
async fn lost_update() {
    let count = Rc::new(Cell::new(0));
    let tasks = [(); 2].map(|()| {
        let count = Rc::clone(&count);
        spawn(async move {
            let read = count.get();
            yield_now().await;
            count.set(read + 1);
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(count.get(), 2);
}

/// Each strategy and each argument is taken, and what they are given to is a search that finds the bug.
macro_rules! found {
    ($($name:ident($($argument:tt)*);)+) => {
        $(
            #[simloop::test($($argument)*)]
            #[should_panic(expected = "left: 1")]
            async fn $name() {
                lost_update().await;
            }
        )+
    };
}

/// What a macro is given arrives in groups without delimiters, which are no part of the function.
macro_rules! passed_on {
    ($($(#[$meta:meta])* $visibility:vis $name:ident($($argument:meta),*) -> $output:ty, $body:block;)+) => {
        $(
            #[simloop::test($($argument),*)]
            $(#[$meta])*
            $visibility async fn $name() -> $output $body
        )+
    };
}

passed_on! {
    a_function_may_come_from_a_macro() -> (), { yield_now().await };
    pub(crate) so_may_its_visibility(runs = 5, deny_leftovers) -> Result<(), String>, { Ok(()) };
    #[should_panic(expected = "torn")]
    pub so_may_its_attributes(explore = "random") -> (), { panic!("torn") };
}

const SEED: u64 = 3;

fn ours() -> Explorer {
    Explorer::new().random(50).max_shrink_runs(0)
}

fn any_report(_: &Report) -> Result<(), String> {
    Ok(())
}

found! {
    found_by_portfolio(explore = "portfolio");
    found_by_random(explore = "random", runs = 100, seed = SEED);
    found_by_pct(explore = "pct", depth = 2, seed = SEED + 1);
    found_by_walk(explore = "walk", threads = 2);
    found_by_chase(explore = "chase");
    found_by_dash(explore = "dash", runs = 200);
    found_by_relay(explore = "relay", runs = 200);
    found_by_pos(explore = "pos", max_failures = 2, max_shrink_runs = 5);
    found_by_exhaustive(explore = "exhaustive", audit = 0, require = any_report, trace = Level::Full);
    found_by_reduced(explore = "reduced", max_deviations = 3);
    found_within_deviations(max_deviations = 2, limits = Limits::new().turns(1_000));
    found_fifo(explore = "fifo", start_time = "0s", deny_leftovers = false);
    found_by_ours(explorer = ours(), time_limit = Duration::from_secs(1), require = |_| Ok(()));
    found_under_another_name(crate = "crate::attributes::renamed",);
}

mod renamed {
    pub(super) use simloop::*;
}

mod failing {
    use std::cell::Cell;
    use std::rc::Rc;

    use simloop::{spawn_named, yield_now};

    #[simloop::test(explore = "exhaustive")]
    #[should_panic(expected = "a torn read")]
    async fn reads_both_halves() {
        let halves = Rc::new((Cell::new(0), Cell::new(0)));
        let (read, written) = (Rc::clone(&halves), halves);
        let reader = spawn_named("reader", async move {
            assert_eq!(read.0.get(), read.1.get(), "a torn read");
        });
        let writer = spawn_named("writer", async move {
            written.0.set(1);
            yield_now().await;
            written.1.set(1);
        });
        writer.await.unwrap();
        reader.await.unwrap();
    }

    #[test]
    fn a_failing_test_prints_the_report_and_its_last_line_replays_it() {
        let payload = std::panic::catch_unwind(reads_both_halves).unwrap_err();
        let report = payload.downcast::<String>().expect("a panic with the rendered report");
        super::assert_shown("attributes", "failing_test", &report);
        let replay = report.lines().last().unwrap();
        assert_eq!(replay.trim(), "replay: Builder::new().replay(\"v1:2=1/2\")");
    }
}

/// A process of its own runs one test of this file, with a variable set, and says whether it passed.
fn passes_with(test: &str, variable: (&str, &str)) -> bool {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", &format!("attributes::{test}")]).env(variable.0, variable.1);
    let output = child.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("running 1 test"), "{text}");
    output.status.success()
}

/// Passes with each seed but 7, and with each choice but 2.
#[simloop::test(explore = "fifo", seed = 1)]
async fn dislikes_seven_and_two() {
    assert!(choose(3) < 2);
    let seventh =
        std::thread::spawn(|| Builder::new().seed(7).run(async { rng().next_u64() }).unwrap());
    assert_ne!(rng().next_u64(), seventh.join().unwrap());
}

/// Passes with the seeds from 8 on, and with those before 7.
#[simloop::test(seed = 8, seeds = 5, runs = 10)]
async fn dislikes_seven_among_others() {
    let seventh =
        std::thread::spawn(|| Builder::new().seed(7).run(async { rng().next_u64() }).unwrap());
    assert_ne!(rng().next_u64(), seventh.join().unwrap());
}

#[test]
fn a_seed_from_outside_is_that_one_alone() {
    let passes = |name, value| passes_with("dislikes_seven_among_others", (name, value));
    assert!(!passes("SIMLOOP_SEED", "7"));
    // With those after it the seventh would be among them.
    assert!(passes("SIMLOOP_SEED", "5"));
    assert!(passes("SIMLOOP_RUNS", "20"));
}

#[test]
fn the_environment_overrides_the_arguments() {
    let passes = |name, value| passes_with("dislikes_seven_and_two", (name, value));
    assert!(passes("SIMLOOP_SEED", "8"));
    assert!(!passes("SIMLOOP_SEED", "7"));
    assert!(passes("SIMLOOP_REPLAY", "v1:1.1=1/3"));
    assert!(!passes("SIMLOOP_REPLAY", "v1:1.1=2/3"));
    assert!(!passes("SIMLOOP_RUNS", "many"));
    assert!(!passes("SIMLOOP_SHARD", "3/2"));
}

#[simloop::test(explore = "fifo")]
async fn fifo_is_a_run_without_deviations() {
    RUNS.fetch_add(1, Ordering::Relaxed);
    assert_eq!(choose(5), 0);
}

#[simloop::main]
async fn minutes() -> Result<u64, std::num::ParseIntError> {
    sleep(Duration::from_secs("120".parse()?)).await;
    Ok(now().as_nanos() / 60_000_000_000)
}

#[simloop::main(seed = 7, policy = Random::new(1), deny_leftovers, cores = 2, builder = simloop::Builder::new())]
pub(crate) async fn stuck() {
    std::future::pending().await
}

#[test]
fn main_runs_its_body_to_the_end_and_returns_what_it_returns() {
    assert_eq!(minutes(), Ok(2));
}

#[test]
fn main_panics_with_the_failure_and_the_line_that_brings_it_back() {
    let payload = std::panic::catch_unwind(stuck).unwrap_err();
    let failure = payload.downcast::<String>().expect("a panic with the rendered failure");
    assert!(failure.starts_with("deadlock at 0s (turn 1): 1 task waits"), "{failure}");
    assert_eq!(
        failure.lines().last().unwrap().trim(),
        "replay: Builder::new().seed(7).deny_leftovers(true).cores(2)"
    );
}

#[simloop::test(max_deviations = 2)]
async fn a_function_may_call_itself_by_its_name() {
    if choose(2) == 1 {
        Box::pin(a_function_may_call_itself_by_its_name()).await;
    }
}
