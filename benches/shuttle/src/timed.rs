//! How long it takes until a bug is found, both searches in this process and in two manners.
//!
//! *In turns* each search comes after the others, of which some take long: it finds caches and predictors that are filled with
//! something else. *In a row* each is made again and again, as most benchmarks do it, and finds its own. In both manners it
//! is made [`ROUNDS`] times, and the shortest counts, because what else the machine does only ever adds.

use std::future::Future;
use std::hint::black_box;
use std::panic::catch_unwind;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use simloop::Limits;
use simloop::explore::{Exploration, Explorer};

use crate::ours::bugs as our_bugs;
use crate::theirs::{bugs as their_bugs, search};
use crate::{RUNS_MAX, hush};

/// How often each search is made.
const ROUNDS: usize = 5;

/// What is timed, in the order of the columns.
const COLUMNS: [&str; 6] = ["found", "told", "shrunk", "random", "pct 2", "pct 3"];

/// A search that took longer once is not made again.
const SLOW: Duration = Duration::from_millis(2);

/// Times one bug, or all.
pub fn table(only: Option<&str>) {
    hush();
    println!("microseconds until the bug is found: median of 100 seeds");
    print!("  {:18} {:8}", "", "");
    COLUMNS.iter().for_each(|name| print!(" {name:>8}"));
    println!("    ratio");
    row(only, "lost update", || our_bugs::lost_update(2), || their_bugs::lost_update(2));
    row(only, "order among ten", our_bugs::order_among_ten, their_bugs::order_among_ten);
    row(only, "crosswise locks", our_bugs::crosswise_locks, their_bugs::crosswise_locks);
    row(only, "lost notification", our_bugs::lost_notification, their_bugs::lost_notification);
    row(only, "bounded buffer", our_bugs::bounded_buffer, their_bugs::bounded_buffer);
    row(only, "Peterson's lock", our_bugs::peterson, their_bugs::peterson);
    row(only, "cache stampede", our_bugs::cache_stampede, their_bugs::cache_stampede);
    row(only, "missed wake-up", our_bugs::missed_wake_up, their_bugs::missed_wake_up);
    row(only, "permit leak", our_bugs::permit_leak, their_bugs::permit_leak);
    row(only, "starved among ten", our_bugs::starved, their_bugs::starved);
    floor();
}

/// What nothing can go below where the bug is a panic: that alone, caught at once.
fn floor() {
    let their =
        || search(RandomScheduler::new_from_seed(0, RUNS_MAX), || their_bugs::lost_update(2));
    let searches: [&dyn Fn() -> Duration; 2] = [&|| time(panic_caught), &|| time(their)];
    println!(
        "a panic that is caught at once, and no search, between two of shuttle's and in a row"
    );
    let [turns, row] =
        [in_turns(searches), in_a_row(searches)].map(|[panic, _]| panic.as_secs_f64() * 1e6);
    println!("  {turns:.1} in turns, {row:.1} in a row");
}

#[inline(never)]
fn panic_caught() {
    let seen = black_box(1);
    assert!(catch_unwind(|| assert_eq!(seen, 2)).is_err());
}

fn row<F, R, G, S>(only: Option<&str>, name: &str, ours: F, theirs: G)
where
    F: Fn() -> R + Sync,
    R: Future<Output = ()> + 'static,
    G: Fn() -> S + Send + Sync + Clone + 'static,
    S: Future<Output = ()> + 'static,
{
    if only.is_some_and(|only| only != name) {
        return;
    }
    // Of each manner and each column, the best of each seed.
    let mut timed = [[(); 6]; 2].map(|columns| columns.map(|()| Vec::new()));
    for seed in 0..100 {
        let unshrunk = explorer(seed).max_shrink_runs(0);
        let failing = failing_call(&unshrunk, &ours);
        let searches: [&dyn Fn() -> Duration; 6] = [
            &|| found(&unshrunk, failing, &ours),
            &|| told(&unshrunk, &ours),
            &|| told(&explorer(seed), &ours),
            &|| time(|| search(RandomScheduler::new_from_seed(seed, RUNS_MAX), theirs.clone())),
            &|| time(|| search(PctScheduler::new_from_seed(seed, 2, RUNS_MAX), theirs.clone())),
            &|| time(|| search(PctScheduler::new_from_seed(seed, 3, RUNS_MAX), theirs.clone())),
        ];
        for (columns, best) in timed.iter_mut().zip([in_turns(searches), in_a_row(searches)]) {
            columns.iter_mut().zip(best).for_each(|(column, best)| column.push(best));
        }
    }
    for (manner, columns) in ["in turns", "in a row"].into_iter().zip(timed) {
        let medians = columns.map(|mut column| {
            column.sort_unstable();
            column[column.len() / 2].as_secs_f64() * 1e6
        });
        print!("  {name:18} {manner}");
        medians.iter().for_each(|median| print!(" {median:8.1}"));
        let theirs = medians[3..].iter().copied().fold(f64::MAX, f64::min);
        println!(" {:8.1}", theirs / medians[0]);
    }
}

/// Times each search after the others.
fn in_turns<const N: usize>(searches: [&dyn Fn() -> Duration; N]) -> [Duration; N] {
    let mut best = [Duration::MAX; N];
    for round in 0..ROUNDS {
        best.iter_mut().zip(searches).for_each(|(best, search)| again(round, best, search));
    }
    best
}

/// Times each search after itself.
fn in_a_row<const N: usize>(searches: [&dyn Fn() -> Duration; N]) -> [Duration; N] {
    searches.map(|search| {
        let mut best = Duration::MAX;
        (0..ROUNDS).for_each(|round| again(round, &mut best, search));
        best
    })
}

fn again(round: usize, best: &mut Duration, search: &dyn Fn() -> Duration) {
    if round == 0 || *best < SLOW {
        *best = search().min(*best);
    }
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

/// Runs after which a search that draws checks whether the program is deterministic, and those that it makes for this.
const AUDITED_AFTER: u64 = 16;
const AUDIT_RUNS: u64 = 2;

/// How often the program is called until a run fails.
fn failing_call<F, R>(explorer: &Explorer, program: &F) -> u64
where
    F: Fn() -> R + Sync,
    R: Future<Output = ()> + 'static,
{
    let first = explorer.run(program).unwrap_finding().first_run;
    if first > AUDITED_AFTER { first + AUDIT_RUNS } else { first }
}

/// The time from the call until something else is done than to search: the program is asked for again after the run
/// that fails.
fn found<F, R>(explorer: &Explorer, failing: u64, program: &F) -> Duration
where
    F: Fn() -> R + Sync,
    R: Future<Output = ()> + 'static,
{
    let found = OnceLock::new();
    let started = Instant::now();
    let exploration = until(explorer, failing, program, &|| {
        found.get_or_init(|| started.elapsed());
    });
    assert_eq!(exploration.findings.len(), 1);
    found.into_inner().expect("a failure is explained by more runs")
}

/// Searches, and calls `then` between the failing run and the next.
#[inline(never)]
fn until<F, R>(
    explorer: &Explorer,
    failing: u64,
    program: &F,
    then: &(dyn Fn() + Sync),
) -> Exploration
where
    F: Fn() -> R + Sync,
    R: Future<Output = ()> + 'static,
{
    let calls = AtomicU64::new(0);
    explorer.run(|| {
        if calls.fetch_add(1, Ordering::Relaxed) == failing {
            then();
        }
        program()
    })
}

/// Searches a few times, and once more up to the failing run, to be counted by an emulator. One bug after the other
/// has to be named: what is counted are the instructions between the two functions told below. The program is the one
/// that `cargo bench --bench bugs --no-run` tells.
///
/// ```text
/// valgrind --tool=callgrind --toggle-collect='*counted*' --toggle-collect='*stop_counting*' \
///     PROGRAM count 'lost update' 7
/// ```
pub fn count(name: &str, seed: u64) {
    hush();
    match name {
        "panics" => (0..seed).for_each(|_| panic_caught()),
        "lost update" => warm(seed, || our_bugs::lost_update(2)),
        "order among ten" => warm(seed, our_bugs::order_among_ten),
        "crosswise locks" => warm(seed, our_bugs::crosswise_locks),
        "lost notification" => warm(seed, our_bugs::lost_notification),
        "bounded buffer" => warm(seed, our_bugs::bounded_buffer),
        "Peterson's lock" => warm(seed, our_bugs::peterson),
        "cache stampede" => warm(seed, our_bugs::cache_stampede),
        "missed wake-up" => warm(seed, our_bugs::missed_wake_up),
        "permit leak" => warm(seed, our_bugs::permit_leak),
        "starved among ten" => warm(seed, our_bugs::starved),
        _ => panic!("no bug is called `{name}`"),
    }
}

fn warm<F, R>(seed: u64, program: F)
where
    F: Fn() -> R + Sync,
    R: Future<Output = ()> + 'static,
{
    let explorer = explorer(seed).max_shrink_runs(0);
    let failing = failing_call(&explorer, &program);
    for _ in 0..3 {
        found(&explorer, failing, &program);
    }
    counted(&explorer, failing, &program);
}

#[inline(never)]
fn counted<F, R>(explorer: &Explorer, failing: u64, program: &F)
where
    F: Fn() -> R + Sync,
    R: Future<Output = ()> + 'static,
{
    let _ = until(explorer, failing, program, &stop_counting);
}

#[inline(never)]
fn stop_counting() {
    std::process::exit(0)
}
