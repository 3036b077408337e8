//! How long it takes until a bug is found, both searches in this process and in turns.

use std::future::Future;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use simloop::Limits;
use simloop::explore::Explorer;

use crate::ours::bugs as our_bugs;
use crate::{RUNS_MAX, bugs as their_bugs, search};

/// How often each search is made. The quickest counts, because what else the machine does only ever adds.
const ROUNDS: usize = 5;

/// What is timed, in the order of the columns.
const COLUMNS: [&str; 6] = ["found", "told", "shrunk", "random", "pct 2", "pct 3"];

/// A search that took longer once is not made again.
const SLOW: Duration = Duration::from_millis(2);

pub fn table() {
    println!("microseconds until the bug is found: median of 100 seeds");
    print!("  {:18}", "");
    COLUMNS.iter().for_each(|name| print!(" {name:>8}"));
    println!("    ratio");
    row("lost update", || our_bugs::lost_update(2), || their_bugs::lost_update(2));
    row("order among ten", our_bugs::order_among_ten, their_bugs::order_among_ten);
    row("crosswise locks", our_bugs::crosswise_locks, their_bugs::crosswise_locks);
    row("lost notification", our_bugs::lost_notification, their_bugs::lost_notification);
    row("bounded buffer", our_bugs::bounded_buffer, their_bugs::bounded_buffer);
    row("Peterson's lock", our_bugs::peterson, their_bugs::peterson);
    row("cache stampede", our_bugs::cache_stampede, their_bugs::cache_stampede);
    row("missed wake-up", our_bugs::missed_wake_up, their_bugs::missed_wake_up);
    row("permit leak", our_bugs::permit_leak, their_bugs::permit_leak);
    row("starved among ten", our_bugs::starved, their_bugs::starved);
}

fn row<F, R, G, S>(name: &str, ours: F, theirs: G)
where
    F: Fn() -> R + Sync,
    R: Future<Output = ()> + 'static,
    G: Fn() -> S + Send + Sync + Clone + 'static,
    S: Future<Output = ()> + 'static,
{
    let mut columns: [Vec<Duration>; 6] = Default::default();
    for seed in 0..100 {
        let searches: [&dyn Fn() -> Duration; 6] = [
            &|| found(&explorer(seed).max_shrink_runs(0), &ours),
            &|| told(&explorer(seed).max_shrink_runs(0), &ours),
            &|| told(&explorer(seed), &ours),
            &|| time(|| search(RandomScheduler::new_from_seed(seed, RUNS_MAX), theirs.clone())),
            &|| time(|| search(PctScheduler::new_from_seed(seed, 2, RUNS_MAX), theirs.clone())),
            &|| time(|| search(PctScheduler::new_from_seed(seed, 3, RUNS_MAX), theirs.clone())),
        ];
        let mut best = [Duration::MAX; 6];
        for round in 0..ROUNDS {
            for (best, search) in best.iter_mut().zip(searches) {
                if round == 0 || *best < SLOW {
                    *best = search().min(*best);
                }
            }
        }
        for (column, best) in columns.iter_mut().zip(best) {
            column.push(best);
        }
    }
    let medians = columns.map(|mut column| {
        column.sort_unstable();
        column[column.len() / 2].as_secs_f64() * 1e6
    });
    print!("  {name:18}");
    medians.iter().for_each(|median| print!(" {median:8.0}"));
    let theirs = medians[3..].iter().copied().fold(f64::MAX, f64::min);
    println!(" {:8.1}", theirs / medians[0]);
}

fn explorer(seed: u64) -> Explorer {
    let limits = Limits::new().turns_per_instant(10_000);
    Explorer::new().seed(seed).limits(limits)
}

fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

/// The time of the whole call, with the failure explained.
fn told<F, R>(explorer: &Explorer, program: &F) -> Duration
where
    F: Fn() -> R + Sync,
    R: Future<Output = ()> + 'static,
{
    time(|| explorer.run(program).unwrap_finding())
}

/// A run that is dropped before it has come to its end has failed.
struct Watch {
    has_ended: bool,
}

static HAS_FAILED: AtomicBool = AtomicBool::new(false);

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.has_ended {
            HAS_FAILED.store(true, Ordering::Relaxed);
        }
    }
}

/// The time from the call until something else is done than to search: the program is asked for again after a run
/// that has failed.
fn found<F, R>(explorer: &Explorer, program: &F) -> Duration
where
    F: Fn() -> R + Sync,
    R: Future<Output = ()> + 'static,
{
    HAS_FAILED.store(false, Ordering::Relaxed);
    let found = OnceLock::new();
    let started = Instant::now();
    let exploration = explorer.run(|| {
        if HAS_FAILED.load(Ordering::Relaxed) {
            found.get_or_init(|| started.elapsed());
        }
        let run = program();
        async move {
            let mut watch = Watch { has_ended: false };
            run.await;
            watch.has_ended = true;
        }
    });
    assert_eq!(exploration.findings.len(), 1);
    found.into_inner().expect("a failure is explained by more runs")
}
