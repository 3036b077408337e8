//! A well-known asyncio tutorial, on a virtual clock.
//!
//! `cargo run --example asyncio_tour` prints what the programs print; the time it really took goes to
//! standard error, since that is the one thing here that differs from run to run.

use std::future::Future;
use std::time::Instant as RealInstant;

use simloop::Builder;
use simloop::trace::{Level, Trace};

mod programs;

fn main() {
    run("Blocking against cooperative", programs::blocking_against_cooperative());
    run("Chaining", programs::chaining());
    let tasks = run("Futures are lazy; tasks run", programs::futures_are_lazy_tasks_run());
    run("`async for` and `async with`", programs::streams_and_guards());
    eprintln!("# What the loop did in `Futures are lazy; tasks run`");
    print!("{tasks}");
}

/// Runs one program, echoing its lines, and returns what the loop did.
fn run<T: 'static>(title: &str, program: impl Future<Output = T> + 'static) -> Trace {
    eprintln!("# {title}");
    let started = RealInstant::now();
    let report = Builder::new().trace(Level::Full).echo(true).run(program);
    let real = started.elapsed();
    if let Some(failure) = report.failure() {
        eprintln!("{failure}");
        std::process::exit(1);
    }
    let simulated = report.ended_at.since_start();
    let speedup = simulated.as_nanos() / real.as_nanos().max(1);
    eprintln!("# {simulated:?} of virtual time in {real:?}, {speedup} times as fast\n");
    report.trace
}
