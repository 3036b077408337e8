//! What the loop takes in memory, next to tokio: bytes for a sleeping task, for timers that are cancelled, and
//! for a fan of ten million.
//!
//! Counted is what the process has resident at its worst moment, the allocator's own overhead included, so
//! each run is a process of its own. Two runs, one of twice the size, tell what an operation takes. Needs
//! Linux, which tells it in `/proc/self/status`; elsewhere nothing is measured.
//!
//!     cargo bench --bench memory              full sizes, half a minute and 2.5 GiB
//!     cargo bench --bench memory -- --quick   small ones, without the largest
//!
//! What takes over half as much again as promised ends it with an error, quick or not; the fan of ten million
//! does with any more.

#[path = "loop/contestants.rs"]
#[allow(dead_code)] // Each benchmark takes what it needs.
mod contestants;
#[path = "loop/programs.rs"]
#[allow(dead_code)]
mod programs;

use std::env;
use std::fs;
use std::process::{Command, ExitCode};

use contestants::{Own, Simloop};
use programs::{Proof, sleep_fan, timeouts_of_one_instant};

type Program = (&'static str, fn(u64) -> Proof);

const PROGRAMS: &[Program] = &[
    ("sleepers", sleep_fan::<Simloop>),
    ("sleepers-tokio", sleep_fan::<Own>),
    ("cancelled", timeouts_of_one_instant::<Simloop>),
    ("cancelled-by-tenths", |ops| {
        (1..10).for_each(|_| _ = timeouts_of_one_instant::<Simloop>(ops / 10));
        timeouts_of_one_instant::<Simloop>(ops / 10)
    }),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["--run", name, ops] = arguments.as_slice() {
        return run(name, ops.parse().expect("a number of operations"));
    }
    if resident_most().is_none() {
        println!("not measured: there is no /proc/self/status here");
        return ExitCode::SUCCESS;
    }
    let is_full = arguments.contains(&"--bench") && !arguments.contains(&"--quick");
    let tasks = if is_full { 1_000_000 } else { 100_000 };
    let mut promises = Promises { are_kept: true };

    let (ours, our_proof) = bytes_each("sleepers", tasks);
    let (tokios, tokios_proof) = bytes_each("sleepers-tokio", tasks);
    assert_eq!(our_proof, tokios_proof, "both let the same tasks sleep");
    println!("{tasks} tasks that sleep: {ours:.0} bytes each, tokio's {tokios:.0}");
    promises.keep("160 bytes a task, with its future and its handle", ours / 160.0);
    promises.keep("a third of tokio's", ours * 3.0 / tokios);

    let (once, _) = bytes_each("cancelled", tasks);
    let (again, _) = bytes_each("cancelled-by-tenths", tasks);
    println!(
        "{tasks} timeouts of one instant, cancelled: {once:.0} bytes each, by tenths {again:.0}"
    );
    promises.keep("memory is that of the timers alive at once", again * 8.0 / once);

    if is_full {
        let fan = 10_000_000;
        let (bytes, _) = resident("sleepers", fan);
        let gibibytes = bytes as f64 / f64::from(1 << 30);
        println!("{fan} tasks that sleep: {gibibytes:.2} GiB");
        promises.keep("2.5 GiB", gibibytes / 2.5);
        // What is more may not fit at all.
        promises.are_kept &= gibibytes <= 2.5;
    }
    if promises.are_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a program in this process, and prints the most bytes it had resident, and the proof of its work.
fn run(name: &str, ops: u64) -> ExitCode {
    let program = PROGRAMS.iter().find(|(program, _)| *program == name);
    let (_, program) = program.expect("a program of the table");
    let (sum, time) = program(ops);
    println!("{} {sum} {time:?}", resident_most().expect("it was there before"));
    ExitCode::SUCCESS
}

/// What the process had resident at its worst moment, in bytes.
fn resident_most() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// What a process of its own had resident at its worst moment, in bytes, and the proof of its work.
fn resident(name: &str, ops: u64) -> (u64, String) {
    let program = env::current_exe().expect("the path of this program");
    let run = Command::new(program).args(["--run", name, &ops.to_string()]).output();
    let told = String::from_utf8(run.expect("this program runs again").stdout).expect("text");
    let (bytes, proof) = told.trim_end().split_once(' ').expect("a number and a proof");
    (bytes.parse().expect("a number of bytes"), proof.to_owned())
}

/// What one more operation takes, and the proof of so many and twice as many.
fn bytes_each(name: &str, ops: u64) -> (f64, [String; 2]) {
    let [(once, proof), (twice, proof_of_twice)] = [ops, 2 * ops].map(|ops| resident(name, ops));
    ((twice - once) as f64 / ops as f64, [proof, proof_of_twice])
}

struct Promises {
    are_kept: bool,
}

impl Promises {
    /// `share` is what is taken of what was promised.
    fn keep(&mut self, what: &str, share: f64) {
        let verdict =
            if share <= 1.0 { "holds".to_owned() } else { format!("MISSED, {share:.2} of it") };
        println!("  {what}: {verdict}");
        self.are_kept &= share <= 1.5;
    }
}
