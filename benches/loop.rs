//! What the loop costs, next to tokio's current-thread runtime with its clock paused.
//!
//! Each workload is written once and run by both contestants in this process, in turns, so that a busy
//! machine slows both. A time covers the whole run, from making the loop to dropping it. A run returns a
//! proof of its work, which must be the same for both: the outputs of its tasks, and the virtual time it took.
//! All delays are whole milliseconds, because tokio's timers know no shorter ones.
//!
//!     cargo bench --bench loop                full sizes, under a minute
//!     cargo bench --bench loop -- yield       the workloads with `yield` in their name
//!     cargo bench --bench loop -- --quick     tiny sizes: checks the proofs, measures nothing
//!
//! `cargo test --benches` is quick as well. Times differ between machines; the ratios are what counts.

use std::env;
use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, Instant};

use futures_channel::mpsc;
use futures_util::StreamExt;

/// An event loop on virtual time.
trait Contestant: 'static {
    /// Makes a loop, runs `root` in it, and drops it. Returns the output, and the virtual time at the end.
    fn run<F: Future<Output: 'static> + 'static>(root: F) -> (F::Output, Duration);

    fn spawn<F: Future<Output: Send> + Send + 'static>(
        future: F,
    ) -> impl Future<Output = Result<F::Output, impl Debug>> + Send;

    fn yield_now() -> impl Future<Output = ()> + Send;

    fn sleep(duration: Duration) -> impl Future<Output = ()> + Send;

    fn timeout<F: Future + Send>(
        duration: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, impl Debug>> + Send;
}

struct Simloop;

impl Contestant for Simloop {
    fn run<F: Future<Output: 'static> + 'static>(root: F) -> (F::Output, Duration) {
        simloop::run(async { (root.await, simloop::now().since_start()) })
    }

    fn spawn<F: Future<Output: Send> + Send + 'static>(
        future: F,
    ) -> impl Future<Output = Result<F::Output, impl Debug>> + Send {
        simloop::spawn(future)
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        simloop::yield_now()
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> + Send {
        simloop::sleep(duration)
    }

    fn timeout<F: Future + Send>(
        duration: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, impl Debug>> + Send {
        simloop::timeout(duration, future)
    }
}

/// tokio. With `PLAIN`, its tasks yield by waking themselves; tokio's own `yield_now` defers the wake until
/// the runtime has looked after its timers, which costs more.
struct Tokio<const PLAIN: bool>;

impl<const PLAIN: bool> Contestant for Tokio<PLAIN> {
    fn run<F: Future<Output: 'static> + 'static>(root: F) -> (F::Output, Duration) {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().expect("a runtime is made");
        runtime.block_on(async {
            let start = tokio::time::Instant::now();
            (root.await, start.elapsed())
        })
    }

    fn spawn<F: Future<Output: Send> + Send + 'static>(
        future: F,
    ) -> impl Future<Output = Result<F::Output, impl Debug>> + Send {
        tokio::spawn(future)
    }

    async fn yield_now() {
        // Ours wakes its own task and no more, under any runtime.
        if PLAIN { simloop::yield_now().await } else { tokio::task::yield_now().await }
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(duration)
    }

    fn timeout<F: Future + Send>(
        duration: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, impl Debug>> + Send {
        tokio::time::timeout(duration, future)
    }
}

/// What a run has done: the sum of its tasks' outputs, and the virtual time it took.
type Proof = (u64, Duration);

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// `TASKS` tasks yield `ops` times in all.
fn yields<C: Contestant, const TASKS: u64>(ops: u64) -> Proof {
    C::run(async move {
        let yields = move |_| async move {
            let mut count = 0;
            while count < ops / TASKS {
                C::yield_now().await;
                count += 1;
            }
            count
        };
        join_all((0..TASKS).map(|task| C::spawn(yields(task))).collect()).await
    })
}

/// Spawns `ops` tasks, then joins them.
fn spawn_all<C: Contestant>(ops: u64) -> Proof {
    C::run(
        async move { join_all((0..ops).map(|task| C::spawn(async move { task })).collect()).await },
    )
}

/// Spawns a task and joins it before the next.
fn spawn_each<C: Contestant>(ops: u64) -> Proof {
    C::run(async move {
        let mut sum = 0;
        for task in 0..ops {
            sum += C::spawn(async move { task }).await.unwrap();
        }
        sum
    })
}

/// One task sleeps for 1 ms, `ops` times.
fn sleep_chain<C: Contestant>(ops: u64) -> Proof {
    run_task::<C, _>(async move {
        for _ in 0..ops {
            C::sleep(MILLISECOND).await;
        }
        ops
    })
}

/// `ops` tasks sleep once each, for up to an hour.
fn sleep_fan<C: Contestant>(ops: u64) -> Proof {
    C::run(async move {
        let sleep = |delay: u64| async move {
            C::sleep(Duration::from_millis(delay)).await;
            delay
        };
        join_all((0..ops).map(|task| C::spawn(sleep(1 + random(task) % 3_600_000))).collect()).await
    })
}

/// A timeout is armed, and cancelled because what it guards is ready at its second poll.
fn timeout_cancelled<C: Contestant>(ops: u64) -> Proof {
    run_task::<C, _>(async move {
        let mut count = 0;
        for _ in 0..ops {
            count += u64::from(C::timeout(SECOND, C::yield_now()).await.is_ok());
        }
        count
    })
}

/// A timeout around what is ready at once.
fn timeout_ready<C: Contestant>(ops: u64) -> Proof {
    run_task::<C, _>(async move {
        let mut sum = 0;
        for number in 0..ops {
            sum += C::timeout(SECOND, async move { number }).await.unwrap();
        }
        sum
    })
}

/// Two tasks send a number back and forth, `ops` times there and `ops` times back.
fn ping_pong<C: Contestant>(ops: u64) -> Proof {
    C::run(async move {
        let (ping, mut pings) = mpsc::unbounded::<u64>();
        let (pong, mut pongs) = mpsc::unbounded::<u64>();
        let server = C::spawn(async move {
            let mut sum = 0;
            while let Some(number) = pings.next().await {
                sum += number;
                pong.unbounded_send(number + 1).unwrap();
            }
            sum
        });
        let client = C::spawn(async move {
            let mut number = 0;
            for _ in 0..ops {
                ping.unbounded_send(number).unwrap();
                number = pongs.next().await.unwrap();
            }
            number
        });
        client.await.unwrap() + server.await.unwrap()
    })
}

/// A new loop in which three tasks sleep for 1 s, `ops` times.
fn tiny_run<C: Contestant>(ops: u64) -> Proof {
    let run = |op: u64| {
        C::run(async move {
            let tasks = [1, 2, 3].map(|task| {
                C::spawn(async move {
                    C::sleep(SECOND).await;
                    op * task
                })
            });
            join_all(tasks.into()).await
        })
    };
    (0..ops).map(run).fold((0, Duration::ZERO), |sum, run| (sum.0 + run.0, sum.1 + run.1))
}

/// Runs one task besides the root: in tokio the root is no task, and costs more or less than one.
fn run_task<C: Contestant, F: Future<Output = u64> + Send + 'static>(task: F) -> Proof {
    C::run(async move { C::spawn(task).await.unwrap() })
}

async fn join_all<E: Debug>(tasks: Vec<impl Future<Output = Result<u64, E>>>) -> u64 {
    let mut sum = 0;
    for task in tasks {
        sum += task.await.unwrap();
    }
    sum
}

/// A number that looks random: SplitMix64, by Sebastiano Vigna.
fn random(index: u64) -> u64 {
    let mut z = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A row of the table.
struct Workload {
    name: &'static str,
    /// Operations in a quick run and in a full one.
    ops: [u64; 2],
    /// How many times faster than tokio we promise to be; 0 where we promise nothing.
    target: f64,
    /// Ours, tokio's.
    run: [fn(u64) -> Proof; 2],
}

macro_rules! row {
    ($name:literal, $ops:expr, $target:expr, $workload:ident<$tokio:ty $(, $tasks:literal)?>) => {
        Workload {
            name: $name,
            ops: $ops,
            target: $target,
            run: [$workload::<Simloop $(, $tasks)?>, $workload::<$tokio $(, $tasks)?>],
        }
    };
}

type Own = Tokio<false>;
type Plain = Tokio<true>;

const WORKLOADS: [Workload; 15] = [
    row!("yield, 1 task", [1_000, 1_000_000], 0.0, yields<Own, 1>),
    row!("yield, 1 task, tokio plain", [1_000, 1_000_000], 0.0, yields<Plain, 1>),
    row!("yield, 1,000 tasks", [2_000, 2_000_000], 3.0, yields<Own, 1_000>),
    row!("yield, 1,000 tasks, tokio plain", [2_000, 2_000_000], 3.0, yields<Plain, 1_000>),
    row!("spawn, then join all", [100, 100_000], 2.0, spawn_all<Own>),
    row!("spawn, then join all", [1_000, 1_000_000], 2.0, spawn_all<Own>),
    row!("spawn and join, one by one", [1_000, 1_000_000], 2.0, spawn_each<Own>),
    row!("sleep chain", [1_000, 1_000_000], 12.0, sleep_chain<Own>),
    row!("sleep fan", [100, 100_000], 0.0, sleep_fan<Own>),
    row!("sleep fan", [1_000, 1_000_000], 3.0, sleep_fan<Own>),
    row!("timeout cancelled", [1_000, 1_000_000], 8.0, timeout_cancelled<Own>),
    row!("timeout cancelled, tokio plain", [1_000, 1_000_000], 0.0, timeout_cancelled<Plain>),
    row!("timeout, ready at once", [1_000, 2_000_000], 8.0, timeout_ready<Own>),
    row!("ping-pong, there and back", [1_000, 500_000], 0.0, ping_pong<Own>),
    row!("tiny run", [100, 100_000], 7.0, tiny_run<Own>),
];

impl Workload {
    /// Runs both contestants in turns; returns the median nanoseconds per operation of each.
    fn measure(&self, ops: u64, rounds: usize) -> [f64; 2] {
        let mut nanos = [Vec::new(), Vec::new()];
        let mut proof = None;
        for round in 0..rounds {
            // Each is first in every other round: whoever is second finds memory that is mapped already.
            for contestant in [round % 2, 1 - round % 2] {
                let start = Instant::now();
                let found = (self.run[contestant])(ops);
                nanos[contestant].push(start.elapsed().as_nanos() as f64 / ops as f64);
                let expected = *proof.get_or_insert(found);
                assert_eq!(found, expected, "{}: the contestants did different work", self.name);
            }
        }
        nanos.map(median)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    // Cargo says `--bench` for a benchmark and nothing for a test.
    let is_full = has("--bench") && !has("--test") && !has("--quick");
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    let is_wanted = |workload: &&Workload| filter.is_none_or(|part| workload.name.contains(part));
    let rounds = if is_full { 7 } else { 1 };

    println!(
        "{:<32} {:>9} {:>13} {:>11} {:>6}  checksum  target",
        "workload", "ops", "simloop ns/op", "tokio ns/op", "ratio"
    );
    for workload in WORKLOADS.iter().filter(is_wanted) {
        let ops = workload.ops[usize::from(is_full)];
        let [ours, tokio] = workload.measure(ops, rounds);
        let ratio = tokio / ours;
        let target = match workload.target {
            0.0 => String::new(),
            // A single tiny round tells nothing about speed.
            target if !is_full => format!("{target}"),
            target if ratio >= target => format!("{target} holds"),
            target => format!("{target} MISSED"),
        };
        // A row is printed only if all proofs were equal.
        let line =
            format!("{:<32} {ops:>9} {ours:>13.1} {tokio:>11.1} {ratio:>6.1}", workload.name);
        println!("{line}  ok        {target}");
    }
}
