//! How many instructions an operation takes, counted by valgrind, beside the numbers that were recorded.
//!
//! Seconds differ from run to run; instructions do not, so a change of a few percent shows, on a busy machine
//! too. Each program runs under `valgrind --tool=callgrind` twice, with *n* operations and with *3n*; the
//! difference, divided by *2n*, is the cost of one without that of starting. An operation that takes over 5 %
//! more than `benches/instructions.txt` says is an error; one that takes less is worth recording.
//!
//!     cargo bench --bench instructions               compares
//!     cargo bench --bench instructions -- --record   writes the numbers anew, to be committed with what
//!                                                    explains them
//!     cargo bench --bench instructions -- --quick    runs each program once, without valgrind
//!
//! The numbers belong to one compiler, which the file names. Under another they are shown and not judged.
//!
//! A crate such as gungraun counts too. It compares totals, which contain the start, with files that it keeps
//! in `target`, and needs a program installed that fits its version; what is wanted here is a dozen numbers
//! that a reader can review in a commit.

#[path = "loop/contestants.rs"]
#[allow(dead_code)] // Each benchmark takes what it needs.
mod contestants;
#[path = "loop/primitives.rs"]
#[allow(dead_code)]
mod primitives;
#[path = "loop/programs.rs"]
#[allow(dead_code)]
mod programs;

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::process::{Command, ExitCode};

use contestants::{Shuffled, Simloop, Traced};
use primitives::{bounded, crowd, mutex, queue, unbounded};
use programs::Proof;

const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.txt");
/// By how much a count may grow unexplained.
const TOLERANCE: f64 = 0.05;

/// Name, operations, and what does them.
type Program = (&'static str, u64, fn(u64) -> Proof);

const PROGRAMS: &[Program] = &[
    ("yield", 20_000, programs::one_yields::<Simloop>),
    ("yield-thousand", 50_000, programs::thousand_yield::<Simloop>),
    ("yield-random", 50_000, programs::thousand_yield::<Shuffled>),
    ("yield-traced", 20_000, programs::one_yields::<Traced>),
    ("spawn-join-all", 10_000, programs::spawn_all::<Simloop>),
    ("spawn-join-each", 10_000, programs::spawn_each::<Simloop>),
    ("sleep-chain", 10_000, programs::sleep_chain::<Simloop>),
    ("sleep-fan", 10_000, programs::sleep_fan::<Simloop>),
    ("timeout-ready", 20_000, programs::timeout_ready::<Simloop>),
    ("timeout-cancelled", 10_000, programs::timeout_cancelled::<Simloop>),
    ("timeout-around-sleep", 10_000, programs::timeout_around_sleep::<Simloop>),
    ("ping-pong-foreign", 5_000, programs::ping_pong::<Simloop>),
    ("ping-pong-unbounded", 5_000, unbounded::ours),
    ("ping-pong-bounded", 5_000, bounded::ours),
    ("mutex", 10_000, mutex::ours),
    ("gather", 10_000, crowd::gathered),
    ("task-group", 10_000, crowd::grouped),
    ("queue", 10_000, queue::ours),
    ("tiny-run", 2_000, programs::tiny_run::<Simloop>),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        // What valgrind runs.
        ["--run", name, ops] => run(name, ops.parse().expect("a number of operations")),
        _ if !arguments.contains(&"--bench") || arguments.contains(&"--quick") => {
            PROGRAMS
                .iter()
                .for_each(|&(name, _, program)| println!("{name}: {:?}", program(1_000)));
            ExitCode::SUCCESS
        }
        _ => compare(arguments.contains(&"--record")),
    }
}

fn run(name: &str, ops: u64) -> ExitCode {
    let program = PROGRAMS.iter().find(|(program, ..)| *program == name);
    let (.., program) = program.expect("a program of the table");
    println!("{:?}", program(ops));
    ExitCode::SUCCESS
}

/// Counts all and compares with what is recorded, or records it.
fn compare(is_recording: bool) -> ExitCode {
    let compiler = compiler();
    let recorded = fs::read_to_string(RECORDED).unwrap_or_default();
    let is_same_compiler = recorded.lines().any(|line| line == format!("# {compiler}"));
    let recorded: BTreeMap<&str, f64> = recorded.lines().filter_map(parse).collect();
    let mut found = format!(
        "# Instructions an operation, by `cargo bench --bench instructions`.\n# {compiler}\n"
    );
    let mut has_grown = false;
    println!("{:<22} {:>12} {:>9} {:>8}", "program", "instructions", "recorded", "change");
    for &(name, ops, _) in PROGRAMS {
        let count =
            (instructions(name, 3 * ops) - instructions(name, ops)) as f64 / (2 * ops) as f64;
        writeln!(found, "{name} {count:.1}").expect("a string takes all");
        let change = recorded.get(name).map(|recorded| count / recorded - 1.0);
        let verdict = match change {
            None => "  NEW",
            Some(change) if change > TOLERANCE => "  GROWN",
            Some(change) if change < -TOLERANCE => "  to be recorded",
            Some(_) => "",
        };
        has_grown |= change.is_none_or(|change| change > TOLERANCE);
        println!(
            "{name:<22} {count:>12.1} {:>9} {:>8}{verdict}",
            recorded.get(name).map(f64::to_string).unwrap_or_default(),
            change.map(|change| format!("{:+.1} %", change * 100.0)).unwrap_or_default(),
        );
    }
    if is_recording {
        fs::write(RECORDED, found).expect("the file can be written");
        println!("written: benches/instructions.txt");
    } else if recorded.is_empty() {
        println!("benches/instructions.txt holds no counts: record them with `-- --record`");
        return ExitCode::FAILURE;
    } else if !is_same_compiler {
        println!("not judged: the recorded numbers belong to another compiler than {compiler}");
    } else if has_grown {
        println!("a count has grown by over 5 %: explain it, and record it with `-- --record`");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn parse(line: &str) -> Option<(&str, f64)> {
    let (name, count) = line.split_once(' ').filter(|_| !line.starts_with('#'))?;
    Some((name, count.parse().ok()?))
}

/// The instructions that a program takes with so many operations, from the process's first to its last.
fn instructions(name: &str, ops: u64) -> i64 {
    let program = env::current_exe().expect("the path of this program");
    let counted = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--run", name, &ops.to_string()])
        // The size of the environment moves the stack, and alignment a count or two.
        .env_clear()
        .output()
        .unwrap_or_else(|error| panic!("cannot run valgrind, which has to be installed: {error}"));
    let told = String::from_utf8_lossy(&counted.stderr);
    assert!(counted.status.success(), "{name} failed under valgrind:\n{told}");
    let line = told.lines().find_map(|line| line.split_once("Collected :"));
    let (_, count) = line.unwrap_or_else(|| panic!("valgrind tells no count:\n{told}"));
    count.trim().parse().expect("a count")
}

/// What the numbers belong to: another compiler makes other instructions.
fn compiler() -> String {
    let told = Command::new("rustc").arg("--version").output().expect("rustc tells its version");
    let version = String::from_utf8_lossy(&told.stdout);
    let version = version.split(" (").next().expect("a split has a first part").trim();
    format!("{version}, {}", env::consts::ARCH)
}
