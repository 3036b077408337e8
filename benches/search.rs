//! What a search costs and how soon it finds: schedules a second, interleavings reached, and the number of
//! runs until a planted bug shows, for each strategy.
//!
//!     cargo bench --bench search                all of it, a minute or two
//!     cargo bench --bench search -- rate        one part: `rate`, `reach`, `bugs` or `drawn`
//!     cargo bench --bench search -- count walk 2000       so many runs of a strategy, for callgrind
//!     cargo bench --bench search -- --quick     tiny sizes: checks that it works, measures nothing
//!
//! `cargo test --benches` is quick as well. Runs and interleavings are the same on every machine; only the
//! rates differ.

#[path = "search/bugs.rs"]
mod bugs;
#[path = "search/drawn.rs"]
mod drawn;

use std::collections::BTreeSet;
use std::env;
use std::sync::{self, Arc};
use std::time::{Duration, Instant};

use simloop::explore::{Exploration, Explorer, Extent};
use simloop::sync::{Mutex, MutexGuard};
use simloop::{Limits, sleep, spawn, timeout, yield_now};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let is_quick =
        arguments.iter().any(|it| it == "--quick") || !arguments.iter().any(|it| it == "--bench");
    // One panic of each bug is printed; here hundreds would be.
    std::panic::set_hook(Box::new(|_| {}));
    let parts: Vec<&String> = arguments.iter().filter(|it| !it.starts_with("--")).collect();
    let has = |part: &str| parts.is_empty() || parts.iter().any(|it| part.contains(it.as_str()));
    if let [command, strategy, runs] = &parts[..] {
        assert_eq!(*command, "count", "the only part that takes arguments");
        return count(strategy, runs.parse().expect("a number of runs"));
    }
    if has("rate") {
        rate(if is_quick { 100 } else { 400_000 });
    }
    if has("reach") {
        reach(if is_quick { 100 } else { 20_000 });
    }
    if has("bugs") {
        find(if is_quick { 2 } else { 100 });
    }
    if has("drawn") {
        find_drawn(if is_quick { 2 } else { 300 }, if is_quick { 1 } else { 3 });
    }
}

/// The strategies, with so many runs at most.
fn strategies(runs: u64) -> Vec<(&'static str, Explorer)> {
    // A task that waits for one that has panicked spins for ever.
    let limits = Limits::new().turns_per_instant(10_000);
    let explorer =
        || Explorer::new().ignore_environment(true).audit(0).max_shrink_runs(0).limits(limits);
    vec![
        ("portfolio", explorer().portfolio(runs)),
        ("random", explorer().random(runs)),
        ("walk", explorer().walk(runs)),
        ("chase", explorer().chase(runs)),
        ("dash", explorer().dash(runs)),
        ("relay", explorer().relay(runs)),
        ("pos", explorer().pos(runs)),
        ("pct 2", explorer().pct(2, runs)),
        ("pct 3", explorer().pct(3, runs)),
        ("exhaustive", explorer().exhaustive().max_runs(runs)),
    ]
}

/// Makes so many runs of three tasks of four steps and nothing else, to be counted by an emulator.
fn count(strategy: &str, runs: u64) {
    let strategies = strategies(runs);
    let found = strategies.into_iter().find(|(name, _)| name.replace(' ', "") == strategy);
    let (_, explorer) = found.expect("the name of a strategy, without a space");
    assert_eq!(explorer.run(|| bugs::three_tasks(|_| ())).runs, runs);
}

fn rate(runs: u64) {
    println!("schedules a second, three tasks of four steps");
    for (name, explorer) in strategies(runs) {
        let time = |threads: usize| {
            let started = Instant::now();
            let exploration = explorer.clone().threads(threads).run(|| bugs::three_tasks(|_| ()));
            assert_eq!(exploration.findings.len(), 0);
            // The schedules come to an end before the runs do.
            started.elapsed().div_f64(exploration.runs as f64 / runs as f64)
        };
        let rate = |elapsed: Duration| runs as f64 / elapsed.as_secs_f64() / 1e6;
        let best = |threads| (0..3).map(|_| time(threads)).min().expect("there are three");
        println!("  {name:12} {:6.2} million, on two threads {:6.2}", rate(best(1)), rate(best(2)));
    }
}

fn reach(runs: u64) {
    println!("of 34,650 orders of three tasks of four steps, reached in {runs} runs");
    for (name, explorer) in strategies(runs) {
        // Shared by all runs, and none of the program's business.
        let seen: Arc<sync::Mutex<BTreeSet<u32>>> = Arc::default();
        let exploration = explorer.run(|| {
            let seen = Arc::clone(&seen);
            bugs::three_tasks(move |order| {
                seen.lock().unwrap().insert(order);
            })
        });
        assert!(exploration.findings.is_empty());
        println!("  {name:12} {:6}", seen.lock().unwrap().len());
    }
}

/// A program with a planted bug.
type Bug = (&'static str, fn(&Explorer) -> Exploration);

fn find(seeds: u64) {
    const RUNS_MAX: u64 = 20_000;
    let planted: [Bug; 11] = [
        ("lost update", |explorer| explorer.run(|| bugs::lost_update(2))),
        ("order among ten", |explorer| explorer.run(bugs::order_among_ten)),
        ("crosswise locks", |explorer| explorer.run(bugs::crosswise_locks)),
        ("lost notification", |explorer| explorer.run(bugs::lost_notification)),
        ("bounded buffer", |explorer| explorer.run(bugs::bounded_buffer)),
        ("Peterson's lock", |explorer| explorer.run(bugs::peterson)),
        ("timeout tie", |explorer| explorer.run(timeout_tie)),
        ("cache stampede", |explorer| explorer.run(bugs::cache_stampede)),
        ("missed wake-up", |explorer| explorer.run(bugs::missed_wake_up)),
        ("permit leak", |explorer| explorer.run(bugs::permit_leak)),
        ("starved among ten", |explorer| explorer.run(bugs::starved)),
    ];
    println!("runs until the bug shows: median of {seeds} seeds, and its bounds at 95 %");
    print!("  {:18}", "");
    for (name, _) in strategies(1) {
        print!("{name:>18}");
    }
    println!();
    for (name, search) in planted {
        print!("  {name:18}");
        for (strategy, explorer) in strategies(RUNS_MAX) {
            // Without draws every seed gives the same.
            let seeds = if strategy == "exhaustive" { 1 } else { seeds };
            let first = |seed| {
                let exploration = search(&explorer.clone().seed(seed));
                let is_found = exploration.extent == Extent::Failed;
                if is_found { exploration.findings[0].first_run } else { u64::MAX }
            };
            let mut firsts: Vec<u64> = (0..seeds).map(first).collect();
            firsts.sort_unstable();
            let shown = |place: usize| match firsts[place] {
                u64::MAX => "-".to_owned(),
                runs => runs.to_string(),
            };
            // Of 100 drawn, the 40th and the 61st enclose the true median with this probability.
            let [low, median, high] = [39, 50, 60].map(|part| shown(firsts.len() * part / 100));
            let bounded = || format!("{median} ({low}-{high})");
            print!("{:>18}", if seeds == 1 { median.clone() } else { bounded() });
        }
        println!();
    }
}

/// Runs after which an outcome counts as not found.
const DRAWN_RUNS_MAX: u64 = 1_000;

fn find_drawn(programs: usize, seeds: u64) {
    let rarities = drawn::rarities(0, programs);
    println!(
        "runs until the rare outcome shows, {programs} programs that were drawn, {seeds} seeds"
    );
    println!(
        "  {:12} {:>7} {:>9} {:>9} {:>9} {:>9}",
        "", "median", "mean", "log mean", "9 of 10", "not found"
    );
    for (name, explorer) in strategies(DRAWN_RUNS_MAX) {
        if name == "exhaustive" {
            continue;
        }
        let first = |number: u64| {
            let explorer = explorer.clone().seed(number % seeds);
            rarities[(number / seeds) as usize].first_run(&explorer).unwrap_or(u64::MAX)
        };
        let mut firsts: Vec<u64> = (0..programs as u64 * seeds).map(first).collect();
        firsts.sort_unstable();
        let bounded = || firsts.iter().map(|&first| first.min(DRAWN_RUNS_MAX) as f64);
        let (count, missed) = (firsts.len(), firsts.iter().filter(|&&first| first == u64::MAX));
        let mean = bounded().sum::<f64>() / count as f64;
        let log_mean = (bounded().map(f64::ln).sum::<f64>() / count as f64).exp();
        let shown = |place: usize| match firsts[place] {
            u64::MAX => "-".to_owned(),
            runs => runs.to_string(),
        };
        let (median, most) = (shown(count / 2), shown(count * 9 / 10));
        println!(
            "  {name:12} {median:>7} {mean:9.1} {log_mean:9.2} {most:>9} {:9}",
            missed.count(),
        );
    }
}

/// Waits for a lock. What the programs with bugs ask for by this name.
async fn lock(mutex: &Mutex<()>) -> MutexGuard<'_, ()> {
    mutex.lock().await
}

/// An answer at the very instant at which the caller gives up; the server's timer is the first.
async fn timeout_tie() -> Result<(), String> {
    let (sender, receiver) = futures_channel::oneshot::channel();
    spawn(async move {
        sleep(Duration::from_secs(1)).await;
        let _ = sender.send(());
    });
    yield_now().await;
    let answer = timeout(Duration::from_secs(1), receiver).await;
    answer.map(|_| ()).map_err(|error| error.to_string())
}
