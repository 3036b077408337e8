//! How the cost of an operation grows with the number of tasks or timers.
//!
//! A large program takes memory that a small one does not, and what the system asks for a page of it is no cost of
//! the loop's. So all is measured in two processes: in one the allocator keeps what it once had, which is judged,
//! and in one it does as it likes, which is told. Where the allocator is not glibc's, both are the same.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use crate::contestants::{Own, Simloop};
use crate::programs::{self, Proof};
use crate::{median, promise, time};

/// Tells a process which of the two it is.
const MEMORY: &str = "SIMLOOP_BENCH_MEMORY";
const KEPT: &str = "kept";
const FRESH: &str = "fresh";

/// What glibc's allocator is told, so that it gives nothing back to the system: the most that it takes.
const KEEPING: [(&str, &str); 2] = [
    ("MALLOC_TRIM_THRESHOLD_", "9223372036854775807"),
    ("MALLOC_MMAP_THRESHOLD_", "9223372036854775807"),
];

/// A program of growing size, which is its number of tasks or timers.
struct Growth {
    name: &'static str,
    sizes: &'static [u64],
    run: fn(u64) -> Proof,
    /// What a floor takes, where it grows itself. Otherwise an operation is to cost the same everywhere.
    floor: Option<Floor>,
}

/// A floor, measured once beside tokio at one size.
struct Floor {
    /// Nanoseconds an operation, by size.
    nanos: &'static [(u64, f64)],
    tokio: fn(u64) -> Proof,
    tokio_size: u64,
    tokio_nanos: f64,
}

/// By how much an operation may cost more than in the smallest program: in nanoseconds, or in floors where they
/// are known.
const MOST: f64 = 1.5;

const SIZES: &[u64] = &[10, 100, 1_000, 10_000, 100_000, 1_000_000];

const GROWTH: &[Growth] = &[
    Growth {
        name: "spawn, then join all",
        sizes: SIZES,
        run: programs::spawn_all::<Simloop>,
        floor: None,
    },
    Growth {
        name: "ten yields each",
        sizes: SIZES,
        run: programs::ten_yields_each::<Simloop>,
        floor: None,
    },
    Growth {
        name: "timeouts of one instant",
        sizes: SIZES,
        run: programs::timeouts_of_one_instant::<Simloop>,
        floor: None,
    },
    // Each timer is in a line of the cache that nobody has seen for long.
    Growth {
        name: "sleep fan",
        sizes: &[10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000],
        run: programs::sleep_fan::<Simloop>,
        floor: Some(Floor {
            nanos: &[(10_000, 177.0), (100_000, 202.0), (1_000_000, 386.0), (10_000_000, 607.0)],
            tokio: programs::sleep_fan::<Own>,
            tokio_size: 1_000_000,
            tokio_nanos: 1_940.0,
        }),
    },
];

impl Growth {
    fn is_wanted(&self, is_wanted: &impl Fn(&str) -> bool) -> bool {
        is_wanted(&format!("growth: {}", self.name))
    }

    /// Prints what an operation costs as the program grows, and the most of it beside the smallest program's.
    fn print(&self, is_full: bool, memory: &str) {
        let sizes = if is_full { self.sizes } else { &self.sizes[..1] };
        let mut costs: Vec<f64> = sizes.iter().map(|&size| cost(self.run, size, is_full)).collect();
        let mut line = format!("growth: {:<24} memory {memory:<5}", self.name);
        for (size, cost) in sizes.iter().zip(&costs) {
            line += &format!(" {size}: {cost:.1}");
        }
        line += " ns/op";
        if let (Some(floor), true) = (&self.floor, is_full) {
            costs = floor.compare(sizes, &costs);
            line += ", floors";
            costs.iter().for_each(|floors| line += &format!(" {floors:.2}"));
        }
        let growth = costs.iter().copied().fold(0.0, f64::max) / costs[0];
        line += &format!(", times {growth:.2}");
        if memory == KEPT {
            line += &format!(" {}", promise(growth <= MOST, is_full, MOST.to_string()));
        }
        println!("{line}");
    }
}

impl Floor {
    /// How many floors an operation takes, at each size of which the floor is known.
    fn compare(&self, sizes: &[u64], costs: &[f64]) -> Vec<f64> {
        let scale = cost(self.tokio, self.tokio_size, true) / self.tokio_nanos;
        let in_floors = |&(known, floor): &(u64, f64)| {
            let place = sizes.iter().position(|&size| size == known);
            costs[place.expect("a size that is measured")] / (floor * scale)
        };
        self.nanos.iter().map(in_floors).collect()
    }
}

/// Nanoseconds an operation: the median of a few rounds, in each of which a small program is run many times.
fn cost(run: fn(u64) -> Proof, size: u64, is_full: bool) -> f64 {
    let (rounds, runs) = if is_full { (3, (1_000_000 / size).max(1)) } else { (1, 1) };
    let repeat = |_: u64| {
        let proof = run(size);
        (1..runs).for_each(|_| assert_eq!(run(size), proof));
        proof
    };
    median((0..rounds).map(|_| time(&repeat, size * runs).0).collect())
}

/// Prints the rows that are wanted; of a full run from two processes with the same arguments.
pub fn print(is_full: bool, is_wanted: &impl Fn(&str) -> bool) {
    let wanted: Vec<_> = GROWTH.iter().filter(|row| row.is_wanted(is_wanted)).collect();
    if !is_full {
        wanted.iter().for_each(|row| row.print(is_full, KEPT));
    } else if !wanted.is_empty() {
        start(Command::new(program()).env(MEMORY, KEPT).envs(KEEPING));
        start(Command::new(program()).env(MEMORY, FRESH));
    }
}

/// Prints the rows that are wanted if this process is one of the two, and tells whether it is.
pub fn is_printed_here(is_wanted: &impl Fn(&str) -> bool) -> bool {
    let Ok(memory) = env::var(MEMORY) else { return false };
    let wanted = GROWTH.iter().filter(|row| row.is_wanted(is_wanted));
    wanted.for_each(|row| row.print(true, &memory));
    true
}

fn program() -> PathBuf {
    env::current_exe().expect("a program that runs has a path")
}

fn start(command: &mut Command) {
    let status = command.args(env::args().skip(1)).status().expect("a program can start itself");
    assert!(status.success(), "{command:?}: {status}");
}
