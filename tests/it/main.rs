//! The integration tests, one module an area, linked once.
//!
//! A test of a rule of `docs/design/semantics.md` starts with the rule's number.

#[cfg(feature = "macros")]
mod attributes;
mod autotraits;
mod backtraces;
mod blocking;
mod choice;
mod combining;
mod driving;
mod exploring;
mod failing;
mod foreign;
mod groups;
mod layers;
mod locks_of_threads;
#[cfg(all(feature = "tracing", feature = "tracing-subscriber"))]
mod logging;
mod panics;
mod programs;
mod proofs;
mod rendering;
mod rules;
mod simulation;
mod snapshots;
mod streams;
mod sync;
mod tasks;
mod teardown;
mod testing;
mod threads;
mod time;
mod timeouts;
mod tour;
mod tracing;
mod waiting;
mod wakers;

use std::future::Future;
use std::time::Duration;

use simloop::trace::Level;
use simloop::{Builder, Report};

/// Seconds, as they are needed all over.
fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Milliseconds.
fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Runs a program with everything recorded.
fn traced<T: 'static>(program: impl Future<Output = T> + 'static) -> Report<T> {
    Builder::new().trace(Level::Full).run(program)
}

/// Runs a program that must end well and returns the lines it wrote.
#[track_caller]
fn notes(program: impl Future<Output = ()> + 'static) -> Vec<String> {
    let report = traced(program);
    if let Some(failure) = report.failure() {
        panic!("{failure}");
    }
    report.trace.notes().map(str::to_owned).collect()
}
