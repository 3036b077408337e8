//! Prints what a few programs come to under a few policies: the digest, a checksum of the trace, and the outcome.
//!
//! The lines are the same in every process, on every platform and in every build profile (S34); continuous
//! integration runs this twice and compares.

use std::fmt::Debug;
use std::future::Future;
use std::io::{self, Write};
use std::rc::Rc;

use futures_util::stream::{FuturesUnordered, StreamExt};
use simloop::policy::Random;
use simloop::sync::Mutex;
use simloop::trace::Level;
use simloop::{Builder, Report, choose, rng, sleep, spawn, spawn_named, timeout, yield_now};
use std::time::Duration;

mod printing;
#[path = "asyncio_tour/programs.rs"]
mod programs;

fn main() -> io::Result<()> {
    printing::to_stdout(|out| {
        print(out, "blocking_against_cooperative", programs::blocking_against_cooperative)?;
        print(out, "chaining", programs::chaining)?;
        print(out, "futures_are_lazy_tasks_run", programs::futures_are_lazy_tasks_run)?;
        print(out, "streams_and_guards", programs::streams_and_guards)?;
        print(out, "contention", contention)?;
        print(out, "drawn_delays", drawn_delays)?;
        print(out, "crosswise", crosswise)
    })
}

/// Prints what a program comes to first-in first-out and under some random schedules.
fn print<T: Debug + 'static, F: Future<Output = T> + 'static>(
    out: &mut dyn Write,
    name: &str,
    program: fn() -> F,
) -> io::Result<()> {
    let builder = || Builder::new().trace(Level::Full);
    print_report(out, &format!("{name} fifo"), &builder().run(program()))?;
    (0..8).try_for_each(|seed| {
        let report = builder().seed(seed).policy(Random::new(seed)).run(program());
        print_report(out, &format!("{name} random({seed})"), &report)
    })
}

fn print_report<T: Debug>(out: &mut dyn Write, name: &str, report: &Report<T>) -> io::Result<()> {
    let (digest, trace, at) = (report.digest, checksum(&report.trace.to_string()), report.ended_at);
    match &report.outcome {
        Ok(output) => writeln!(out, "{name} {digest} {trace:016x} at {at}: {output:?}"),
        Err(failure) => writeln!(out, "{name} {digest} {trace:016x} at {at}\n{failure}"),
    }
}

/// The checksum of a text by the FNV-1a method, which is the same everywhere.
fn checksum(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Two tasks that lock crosswise, and one that does not like large numbers: some runs end well, some do not.
async fn crosswise() -> u32 {
    let locks = ["left", "right"].map(|name| Rc::new(Mutex::new(0_u32).named(name)));
    let drawn = rng().range(0..100_u32);
    spawn_named("critic", async move {
        yield_now().await;
        assert!(drawn < 70, "{drawn} is too large");
    });
    let lock_both = |first: &Rc<Mutex<u32>>, second: &Rc<Mutex<u32>>| {
        let (first, second) = (Rc::clone(first), Rc::clone(second));
        async move {
            let mut first = first.lock().await;
            yield_now().await;
            *first += drawn;
            *second.lock().await += *first;
        }
    };
    let tasks = [
        spawn_named("one", lock_both(&locks[0], &locks[1])),
        spawn_named("two", lock_both(&locks[1], &locks[0])),
    ];
    for task in tasks {
        task.await.expect("no task that locks panics");
    }
    let [left, right] = &locks;
    *left.lock().await + *right.lock().await
}

/// Fifty tasks that yield, abort each other and give up on each other, as choices say. Returns how each
/// ended, in the order in which they did.
async fn contention() -> String {
    let mut tasks = FuturesUnordered::new();
    let mut aborts = Vec::new();
    for number in 0..50_u64 {
        let task = spawn_named(if number % 2 == 0 { "even" } else { "odd" }, async move {
            for _ in 0..number % 7 {
                yield_now().await;
            }
            let limit = Duration::from_millis(choose(5) as u64);
            timeout(limit, sleep(Duration::from_millis(number % 4))).await.is_ok()
        });
        aborts.push(task.abort_handle());
        tasks.push(task);
    }
    aborts[choose(50)].abort();
    let mut ended = String::new();
    while let Some(task) = tasks.next().await {
        ended.push(task.map_or('x', |is_in_time| if is_in_time { '+' } else { '-' }));
    }
    ended
}

/// A hundred tasks that sleep for as long as they draw. Returns how long that was, all together.
async fn drawn_delays() -> Duration {
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            spawn(async {
                let mut rng = rng();
                let mut slept = Duration::ZERO;
                for _ in 0..3 {
                    let delay = rng.range(Duration::ZERO..Duration::from_secs(10));
                    sleep(delay).await;
                    slept += delay;
                }
                slept
            })
        })
        .collect();
    let mut slept = Duration::ZERO;
    for task in tasks {
        slept += task.await.expect("no task panics");
    }
    slept
}
