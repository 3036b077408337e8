//! A well-known asyncio tutorial, on a virtual clock.
//!
//! `cargo run --example asyncio_tour` prints what the programs print; the time it really took goes to
//! standard error, since that is the one thing here that differs from run to run.

use std::future::Future;
use std::io::{self, Write};
use std::time::Instant as RealInstant;

use simloop::Builder;
use simloop::trace::{Level, Trace};

#[path = "../printing/mod.rs"]
mod printing;
mod programs;

fn main() -> io::Result<()> {
    printing::to_stdout(|out| {
        run(out, "Blocking against cooperative", programs::blocking_against_cooperative())?;
        run(out, "Chaining", programs::chaining())?;
        let tasks =
            run(out, "Futures are lazy; tasks run", programs::futures_are_lazy_tasks_run())?;
        run(out, "`async for` and `async with`", programs::streams_and_guards())?;
        eprintln!("# What the loop did in `Futures are lazy; tasks run`");
        write!(out, "{tasks}")
    })
}

/// Runs one program, prints its lines, and returns what the loop did.
///
/// `Builder::echo` prints each line as the program writes it, and panics where nobody reads.
fn run<T: 'static>(
    out: &mut dyn Write,
    title: &str,
    program: impl Future<Output = T> + 'static,
) -> io::Result<Trace> {
    eprintln!("# {title}");
    let started = RealInstant::now();
    let report = Builder::new().trace(Level::Full).run(program);
    let real = started.elapsed();
    report.trace.notes().try_for_each(|line| writeln!(out, "{line}"))?;
    if let Some(failure) = report.failure() {
        eprintln!("{failure}");
        std::process::exit(1);
    }
    let simulated = report.ended_at.since_start();
    let speedup = simulated.as_nanos() / real.as_nanos().max(1);
    eprintln!("# {simulated:?} of virtual time in {real:?}, {speedup} times as fast\n");
    Ok(report.trace)
}
