//! Prints the digest of a few programs under a few policies, one a line.
//!
//! The lines are the same in every process, on every platform and in every build profile (S34); continuous
//! integration runs this twice and compares.

use std::future::Future;

use futures_util::stream::{FuturesUnordered, StreamExt};
use simloop::policy::Random;
use simloop::{Builder, choose, rng, sleep, spawn, spawn_named, timeout, yield_now};
use std::time::Duration;

#[path = "asyncio_tour/programs.rs"]
mod programs;

fn main() {
    print("blocking_against_cooperative", programs::blocking_against_cooperative);
    print("chaining", programs::chaining);
    print("futures_are_lazy_tasks_run", programs::futures_are_lazy_tasks_run);
    print("streams_and_guards", programs::streams_and_guards);
    print("contention", contention);
    print("drawn_delays", drawn_delays);
}

/// Prints a program's digest first-in first-out and under some random schedules.
fn print<T: 'static, F: Future<Output = T> + 'static>(name: &str, program: fn() -> F) {
    let fifo = Builder::new().run(program());
    println!("{name} fifo {} at {}", fifo.digest, fifo.ended_at);
    for seed in 0..8 {
        let report = Builder::new().seed(seed).policy(Random::new(seed)).run(program());
        println!("{name} random({seed}) {} at {}", report.digest, report.ended_at);
        if let Err(failure) = report.outcome {
            println!("{failure}");
        }
    }
}

/// Fifty tasks that yield, abort each other and give up on each other, as choices say.
async fn contention() {
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
    while tasks.next().await.is_some() {}
}

/// A hundred tasks that sleep for as long as they draw.
async fn drawn_delays() {
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            spawn(async {
                let mut rng = rng();
                for _ in 0..3 {
                    sleep(rng.range(Duration::ZERO..Duration::from_secs(10))).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no task panics");
    }
}
