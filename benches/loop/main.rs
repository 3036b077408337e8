//! What the loop costs, next to the executors that people would pick instead.
//!
//! Each program is written once and run by all contestants in this process, in turns, so that a busy machine
//! slows all of them. A time covers the whole run, from making the loop to dropping it; the median of the
//! rounds counts. All must return the same proof of their work. A ratio is to the fastest of the others.
//!
//! The *floor* is a minimum that was written by hand and measured once, beside tokio: no check, no trace,
//! `unsafe` throughout. What it took in tokio's measure is noted with each row, so that it can be compared
//! with on any machine by tokio's time there.
//!
//!     cargo bench --bench loop                full sizes, some three minutes
//!     cargo bench --bench loop -- yield       the rows with `yield` in their name
//!     cargo bench --bench loop -- growth      how the cost of an operation grows with the number of tasks
//!     cargo bench --bench loop -- --quick     tiny sizes: checks the proofs, measures nothing
//!
//! `cargo test --benches` is quick as well. Times differ between machines; the ratios are what counts.
//!
//! Why this has a harness of its own: those at hand run one contestant after the other, and a machine that
//! slows down in between decides the ratio.

mod contestants;
mod growth;
mod primitives;
mod programs;
mod rows;

use std::env;
use std::time::Instant;

use programs::Proof;
use rows::{ROWS, Row};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    // Cargo says `--bench` for a benchmark and nothing for a test.
    let is_full = has("--bench") && !has("--test") && !has("--quick");
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    let is_wanted = |name: &str| filter.is_none_or(|part| name.contains(part.as_str()));
    if growth::is_printed_here(&is_wanted) {
        return;
    }

    println!(
        "{:<30} {:>9} {:>13} {:>26} {:>6} {:>7}  checksum  promises",
        "program", "ops", "simloop ns/op", "fastest other ns/op", "ratio", "floors"
    );
    ROWS.iter().filter(|row| is_wanted(row.name)).for_each(|row| row.print(is_full));
    growth::print(is_full, &is_wanted);
}

impl Row {
    fn print(&self, is_full: bool) {
        let ops = self.ops[usize::from(is_full)];
        let runs: Vec<_> = self.contestants.iter().map(|contestant| contestant.run).collect();
        let times = measure(self.name, &runs, ops, if is_full { 7 } else { 1 });
        let (ours, others) = times.split_first().expect("we take part");
        let fastest =
            (0..others.len()).min_by(|&one, &other| others[one].total_cmp(&others[other]));
        let fastest = fastest.expect("somebody else takes part");
        let (name, theirs) = (self.contestants[fastest + 1].name, others[fastest]);
        let ratio = theirs / ours;
        // Tokio is the last, wherever a floor is known.
        let floors = self.floor.map(|(_, share)| ours / (others[others.len() - 1] * share));
        let mut promises =
            vec![promise(ratio >= self.ratio, is_full, format!("ratio {}", self.ratio))];
        if let (Some((most, _)), Some(floors)) = (self.floor, floors) {
            promises.push(promise(floors <= most, is_full, format!("{most} floors")));
        }
        let floors = floors.map(|floors| format!("{floors:.2}")).unwrap_or_default();
        println!(
            "{:<30} {ops:>9} {ours:>13.1} {:>26} {ratio:>6.2} {floors:>7}  ok        {}",
            self.name,
            format!("{name} {theirs:.1}"),
            promises.join(", ")
        );
    }
}

/// Says whether a promise is kept. A single tiny round tells nothing about speed.
fn promise(is_kept: bool, is_full: bool, what: String) -> String {
    match (is_full, is_kept) {
        (false, _) => what,
        (true, true) => format!("{what} holds"),
        (true, false) => format!("{what} MISSED"),
    }
}

/// The median time of an operation for each contestant.
fn measure(name: &str, runs: &[fn(u64) -> Proof], ops: u64, rounds: usize) -> Vec<f64> {
    let mut nanos = vec![Vec::new(); runs.len()];
    let mut expected = None;
    for round in 0..rounds {
        // Each is first in turn: who comes later finds memory that is mapped already.
        for place in 0..runs.len() {
            let contestant = (round + place) % runs.len();
            let (time, found) = time(&runs[contestant], ops);
            nanos[contestant].push(time);
            let expected = *expected.get_or_insert(found);
            assert_eq!(found, expected, "{name}: the contestants did different work");
        }
    }
    nanos.into_iter().map(median).collect()
}

/// Nanoseconds an operation, and the proof.
fn time(run: &impl Fn(u64) -> Proof, ops: u64) -> (f64, Proof) {
    let start = Instant::now();
    let proof = run(ops);
    (start.elapsed().as_nanos() as f64 / ops as f64, proof)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
