//! The same programs as in `benches/search.rs`, as far as they need no clock, searched by shuttle and by simloop.
//!
//!     cargo bench                       rates, and shuttle's runs until a bug shows
//!     cargo bench -- rate               one part: `rate` or `bugs`
//!     cargo bench -- time 2>/dev/null   the time until a bug shows, both in turns, a few minutes
//!     cargo bench -- time 'lost update'                    of one bug
//!     cargo bench -- count 'lost update' 7                 one search until it has found, for callgrind; see `timed`
//!     cargo bench -- count panics 1000                     so many panics, caught at once
//!     cargo bench -- --quick            tiny sizes: checks that it works, measures nothing
//!
//! In this directory, or with `--manifest-path benches/shuttle/Cargo.toml`. `cargo test --benches` is quick as well.

#[path = "../../search/bugs.rs"]
mod bugs;
mod ours;
mod rate;
mod timed;

use std::env;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use shuttle::future::{block_on, spawn_local as spawn, yield_now};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::sync::{Mutex, MutexGuard};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

/// Fewer than for simloop: a search that finds nothing takes long.
const RUNS_MAX: usize = 2_000;

/// Waits for a lock.
async fn lock(mutex: &Mutex<()>) -> MutexGuard<'_, ()> {
    mutex.lock().unwrap()
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|it| it == flag);
    // Cargo says `--bench` for a benchmark and nothing for a test.
    let is_full = has("--bench") && !has("--quick");
    let parts = arguments.iter().map(String::as_str).filter(|it| !it.starts_with("--"));
    match parts.collect::<Vec<_>>()[..] {
        [] => {
            rate::print(is_full);
            find(is_full);
        }
        ["rate"] => rate::print(is_full),
        ["bugs"] => find(is_full),
        ["time"] => timed::table(None),
        ["time", bug] => timed::table(Some(bug)),
        ["count", bug, number] => timed::count(bug, number.parse().expect("a number")),
        _ => panic!("no such part: {arguments:?}"),
    }
}

/// Prints no panics from now on: those of bugs are hundreds.
fn hush() {
    std::panic::set_hook(Box::new(|_| {}));
}

fn find(is_full: bool) {
    hush();
    let seeds = if is_full { 100 } else { 2 };
    println!("runs until the bug shows: median of {seeds} seeds, and its bounds at 95 %");
    row("lost update", seeds, || bugs::lost_update(2));
    row("order among ten", seeds, bugs::order_among_ten);
    row("crosswise locks", seeds, bugs::crosswise_locks);
    row("lost notification", seeds, bugs::lost_notification);
    row("bounded buffer", seeds, bugs::bounded_buffer);
    row("Peterson's lock", seeds, bugs::peterson);
    row("cache stampede", seeds, bugs::cache_stampede);
    row("missed wake-up", seeds, bugs::missed_wake_up);
    row("permit leak", seeds, bugs::permit_leak);
    row("starved among ten", seeds, bugs::starved);
}

fn row<F, R>(name: &str, seeds: u64, program: F)
where
    F: Fn() -> R + Send + Sync + Clone + 'static,
    R: Future<Output = ()> + 'static,
{
    let random = spread(seeds, |seed| {
        search(RandomScheduler::new_from_seed(seed, RUNS_MAX), program.clone())
    });
    let pct = |depth| {
        spread(seeds, |seed| {
            search(PctScheduler::new_from_seed(seed, depth, RUNS_MAX), program.clone())
        })
    };
    println!("  {name:18} random {random:>14}  pct 2 {:>14}  pct 3 {:>14}", pct(2), pct(3));
}

fn spread(seeds: u64, first: impl Fn(u64) -> u64) -> String {
    let mut firsts: Vec<u64> = (0..seeds).map(first).collect();
    firsts.sort_unstable();
    let shown = |part: usize| match firsts[firsts.len() * part / 100] {
        runs if runs >= RUNS_MAX as u64 => "-".to_owned(),
        runs => runs.to_string(),
    };
    format!("{} ({}-{})", shown(50), shown(39), shown(60))
}

/// Searches until a run fails, and returns how many it took.
fn search<S, F, R>(scheduler: S, program: F) -> u64
where
    S: Scheduler + 'static,
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = ()> + 'static,
{
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    config.max_steps = MaxSteps::FailAfter(10_000);
    let runs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&runs);
    let _ = catch_unwind(AssertUnwindSafe(|| {
        Runner::new(scheduler, config).run(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            block_on(program());
        });
    }));
    runs.load(Ordering::Relaxed)
}
