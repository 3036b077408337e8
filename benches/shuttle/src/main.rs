//! The same programs as in `benches/search.rs`, as far as they need no clock, searched by shuttle.
//!
//!     cargo run --release                       its rate, and runs until a bug shows
//!     cargo run --release -- time 2>/dev/null   the time until a bug shows, beside simloop, a few minutes
//!     cargo run --release -- count 'lost update' 7   one search until it has found, for callgrind; see `timed`
//!     cargo run --release -- count panics 1000       so many panics, caught at once
//!     cargo run --release -- 200000             so many runs alone, for comparisons by processor time

#[path = "../../search/bugs.rs"]
mod bugs;
mod ours;
mod timed;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

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
    std::panic::set_hook(Box::new(|_| {}));
    // Alone, and so often, for comparisons by processor time.
    let alone = std::env::args().nth(1);
    if alone.as_deref() == Some("time") {
        return timed::table(std::env::args().nth(2).as_deref());
    }
    if alone.as_deref() == Some("count") {
        let [bug, number] =
            [2, 3].map(|place| std::env::args().nth(place).expect("a bug and a seed"));
        let number = number.parse().expect("a number");
        return match &*bug {
            "panics" => (0..number).for_each(|_| timed::panic_caught()),
            _ => timed::count(&bug, number),
        };
    }
    let runs = alone.as_ref().map_or(100_000, |runs| runs.parse().expect("a number of runs"));
    let started = Instant::now();
    let made =
        search(RandomScheduler::new_from_seed(0, runs), || bugs::three_tasks(Default::default()));
    let rate = made as f64 / started.elapsed().as_secs_f64() / 1e6;
    println!("three tasks of four steps: {rate:.2} million schedules a second");
    if alone.is_some() {
        return;
    }
    println!("runs until the bug shows: median of 100 seeds, and its bounds at 95 %");
    row("lost update", || bugs::lost_update(2));
    row("order among ten", bugs::order_among_ten);
    row("crosswise locks", bugs::crosswise_locks);
    row("lost notification", bugs::lost_notification);
    row("bounded buffer", bugs::bounded_buffer);
    row("Peterson's lock", bugs::peterson);
    row("cache stampede", bugs::cache_stampede);
    row("missed wake-up", bugs::missed_wake_up);
    row("permit leak", bugs::permit_leak);
    row("starved among ten", bugs::starved);
}

fn row<F, R>(name: &str, program: F)
where
    F: Fn() -> R + Send + Sync + Clone + 'static,
    R: Future<Output = ()> + 'static,
{
    let random =
        spread(|seed| search(RandomScheduler::new_from_seed(seed, RUNS_MAX), program.clone()));
    let pct = |depth| {
        spread(|seed| search(PctScheduler::new_from_seed(seed, depth, RUNS_MAX), program.clone()))
    };
    println!("  {name:18} random {random:>14}  pct 2 {:>14}  pct 3 {:>14}", pct(2), pct(3));
}

fn spread(first: impl Fn(u64) -> u64) -> String {
    let mut firsts: Vec<u64> = (0..100).map(first).collect();
    firsts.sort_unstable();
    let shown = |runs: u64| if runs >= RUNS_MAX as u64 { "-".to_owned() } else { runs.to_string() };
    format!("{} ({}-{})", shown(firsts[50]), shown(firsts[39]), shown(firsts[60]))
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
