//! The rows of the table: which program, who runs it, and what is promised.

use crate::contestants::{AsyncExecutor, Own, Plain, Pool, Shuffled, Simloop, Traced};
use crate::primitives::{bounded, crowd, mutex, queue, unbounded};
use crate::programs::{self, Proof};

pub struct Row {
    pub name: &'static str,
    /// Operations in a quick run and in a full one.
    pub ops: [u64; 2],
    /// How many times faster than the fastest of the others we promise to be.
    pub ratio: f64,
    /// How many floors we promise to take at most, and the floor as a share of what tokio takes.
    pub floor: Option<(f64, f64)>,
    /// We are the first. Where there is a floor, tokio with its own yield is the last.
    pub contestants: &'static [Entrant],
}

pub struct Entrant {
    pub name: &'static str,
    pub run: fn(u64) -> Proof,
}

/// The program as each of the contestants runs it.
macro_rules! entrants {
    ($program:ident: $($name:literal $contestant:ty),+ $(,)?) => {
        &[$(Entrant { name: $name, run: programs::$program::<$contestant> }),+]
    };
}

macro_rules! twins {
    ($ours:expr, $tokios:expr) => {
        &[Entrant { name: "simloop", run: $ours }, Entrant { name: "tokio", run: $tokios }]
    };
}

pub const ROWS: &[Row] = &[
    Row {
        name: "yield, 1 task",
        ops: [1_000, 1_000_000],
        ratio: 4.0,
        floor: Some((1.8, 5.7 / 171.0)),
        contestants: entrants!(one_yields: "simloop" Simloop, "async-executor" AsyncExecutor,
            "LocalPool" Pool, "tokio plain" Plain, "tokio" Own),
    },
    Row {
        name: "yield, 1 task, tokio's own",
        ops: [1_000, 1_000_000],
        ratio: 15.0,
        floor: None,
        contestants: entrants!(one_yields: "simloop" Simloop, "tokio" Own),
    },
    Row {
        name: "yield, 1,000 tasks",
        ops: [2_000, 2_000_000],
        ratio: 4.0,
        floor: Some((1.8, 5.8 / 53.0)),
        contestants: entrants!(thousand_yield: "simloop" Simloop, "async-executor" AsyncExecutor,
            "LocalPool" Pool, "tokio plain" Plain, "tokio" Own),
    },
    Row {
        name: "yield, 1,000 tasks, Random",
        ops: [2_000, 2_000_000],
        ratio: 3.0,
        floor: Some((2.6, 5.8 / 53.0)),
        contestants: entrants!(thousand_yield: "simloop" Shuffled, "async-executor" AsyncExecutor,
            "LocalPool" Pool, "tokio plain" Plain, "tokio" Own),
    },
    Row {
        name: "spawn 1M, then join all",
        ops: [1_000, 1_000_000],
        ratio: 2.2,
        floor: Some((1.4, 66.0 / 303.0)),
        contestants: entrants!(spawn_all: "simloop" Simloop, "async-executor" AsyncExecutor,
            "LocalPool" Pool, "tokio" Own),
    },
    Row {
        name: "spawn and join, one by one",
        ops: [1_000, 1_000_000],
        ratio: 7.5,
        floor: Some((1.8, 20.0 / 316.0)),
        contestants: entrants!(spawn_each: "simloop" Simloop, "async-executor" AsyncExecutor,
            "LocalPool" Pool, "tokio" Own),
    },
    Row {
        name: "sleep chain",
        ops: [1_000, 1_000_000],
        ratio: 20.0,
        floor: Some((1.7, 13.0 / 495.0)),
        contestants: entrants!(sleep_chain: "simloop" Simloop, "tokio" Own),
    },
    Row {
        name: "sleep fan, 100k",
        ops: [100, 100_000],
        ratio: 7.0,
        floor: Some((1.25, 202.0 / 1_616.0)),
        contestants: entrants!(sleep_fan: "simloop" Simloop, "tokio" Own),
    },
    Row {
        name: "sleep fan, 1M",
        ops: [1_000, 1_000_000],
        ratio: 4.0,
        floor: Some((1.25, 386.0 / 1_940.0)),
        contestants: entrants!(sleep_fan: "simloop" Simloop, "tokio" Own),
    },
    Row {
        name: "timeout, ready at once",
        ops: [1_000, 2_000_000],
        ratio: 12.0,
        floor: Some((2.4, 1.5 / 53.0)),
        contestants: entrants!(timeout_ready: "simloop" Simloop, "tokio" Own),
    },
    Row {
        name: "timeout, armed and cancelled",
        ops: [1_000, 1_000_000],
        ratio: 12.0,
        floor: Some((1.6, 15.0 / 318.0)),
        contestants: entrants!(timeout_cancelled: "simloop" Simloop, "tokio" Own),
    },
    // As much as above, beside a tokio that takes 177 in place of 318 ns since it yields plainly.
    Row {
        name: "timeout, cancelled, tokio plain",
        ops: [1_000, 1_000_000],
        ratio: 6.7,
        floor: None,
        contestants: entrants!(timeout_cancelled: "simloop" Simloop, "tokio plain" Plain),
    },
    Row {
        name: "timeout around 1 ms",
        ops: [1_000, 1_000_000],
        ratio: 14.0,
        floor: Some((1.6, 26.0 / 620.0)),
        contestants: entrants!(timeout_around_sleep: "simloop" Simloop, "tokio" Own),
    },
    Row {
        name: "ping-pong, futures-util",
        ops: [1_000, 500_000],
        ratio: 1.5,
        floor: Some((1.1, 115.0 / 183.0)),
        contestants: entrants!(ping_pong: "simloop" Simloop, "async-executor" AsyncExecutor,
            "LocalPool" Pool, "tokio" Own),
    },
    Row {
        name: "ping-pong, own unbounded",
        ops: [1_000, 500_000],
        ratio: 5.5,
        floor: Some((2.0, 17.0 / 196.0)),
        contestants: twins!(unbounded::ours, unbounded::tokios::<Own>),
    },
    Row {
        name: "ping-pong, own bounded(1)",
        ops: [1_000, 500_000],
        ratio: 5.5,
        floor: None,
        contestants: twins!(bounded::ours, bounded::tokios::<Own>),
    },
    Row {
        name: "own mutex, 100 tasks",
        ops: [1_000, 1_000_000],
        ratio: 5.8,
        floor: Some((2.5, 21.0 / 306.0)),
        contestants: twins!(mutex::ours, mutex::tokios::<Own>),
    },
    // The same here, 180 in place of 306 ns.
    Row {
        name: "own mutex, tokio plain",
        ops: [1_000, 1_000_000],
        ratio: 3.4,
        floor: None,
        contestants: &[
            Entrant { name: "simloop", run: mutex::ours },
            Entrant { name: "tokio plain", run: mutex::tokios::<Plain> },
        ],
    },
    Row {
        name: "gather of 1,000",
        ops: [1_000, 500_000],
        ratio: 3.0,
        floor: None,
        contestants: twins!(crowd::gathered, crowd::tokios),
    },
    Row {
        name: "TaskGroup of 1,000",
        ops: [1_000, 500_000],
        ratio: 3.0,
        floor: None,
        contestants: twins!(crowd::grouped, crowd::tokios),
    },
    Row {
        name: "Queue, 10 put and 10 get",
        ops: [1_000, 1_000_000],
        ratio: 3.0,
        floor: None,
        contestants: twins!(queue::ours, queue::tokios),
    },
    Row {
        name: "tiny run",
        ops: [100, 100_000],
        ratio: 11.0,
        floor: Some((1.5, 176.0 / 3_051.0)),
        contestants: entrants!(tiny_run: "simloop" Simloop, "tokio" Own),
    },
    // Beside ourselves: the whole trace makes a turn three times as dear at most.
    Row {
        name: "yield, 1 task, full trace",
        ops: [1_000, 1_000_000],
        ratio: 1.0 / 3.0,
        floor: None,
        contestants: entrants!(one_yields: "simloop" Traced, "untraced" Simloop),
    },
];
