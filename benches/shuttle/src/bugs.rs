//! How soon shuttle finds planted bugs, in runs, and how soon both find them, in time.
//!
//!     cargo bench --bench bugs                        shuttle's runs until a bug shows; simloop's: `benches/search.rs`
//!     cargo bench --bench bugs -- time 2>/dev/null    the time until a bug shows, both in turns, a few minutes
//!     cargo bench --bench bugs -- time 'lost update'          of one bug
//!     cargo bench --bench bugs -- count 'lost update' 7       one search until it has found, for callgrind; see `timed`
//!     cargo bench --bench bugs -- count panics 1000           so many panics, caught at once
//!     cargo bench --bench bugs -- --quick             tiny sizes: checks that it works, measures nothing
//!
//! In this directory. `cargo test --benches` is quick as well.

mod ours;
mod theirs;
mod timed;

use std::env;
use std::future::Future;

use shuttle::scheduler::{PctScheduler, RandomScheduler};

use theirs::{bugs, search};

/// Fewer than for simloop: a search that finds nothing takes long.
const RUNS_MAX: usize = 2_000;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|it| it == flag);
    // Cargo says `--bench` for a benchmark and nothing for a test.
    let is_full = has("--bench") && !has("--quick");
    let parts = arguments.iter().map(String::as_str).filter(|it| !it.starts_with("--"));
    match parts.collect::<Vec<_>>()[..] {
        [] => find(is_full),
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
