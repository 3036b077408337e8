//! Programs that nobody wrote: a few tasks of a few steps, drawn from a seed, each with an outcome that few kinds of
//! schedules have. How soon a strategy shows that outcome says whether it is good at more than the bugs by which
//! it was chosen.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use simloop::explore::{Explorer, Extent, Shared};
use simloop::rng::Rng;
use simloop::sync::{Event, Mutex, Notify, Semaphore};
use simloop::{sleep, spawn, timeout, yield_now};

/// Kinds of schedules up to which all are looked at; a program that has more is not taken.
const KINDS_MAX: u64 = 20_000;

/// What a task does at a step.
#[derive(Clone, Copy, Debug)]
enum Step {
    Yield,
    /// Tasks at different instants do not race.
    Sleep(u64),
    /// Reads a cell, gives turns away, and writes what it read and one more.
    Update {
        cell: usize,
        turns: u32,
    },
    /// Writes what tells in which order it came.
    Append(usize),
    /// Doubles a cell if it is as large as that.
    Double {
        cell: usize,
        from: u32,
    },
    Lock {
        lock: usize,
        turns: u32,
    },
    /// Holds one lock while it waits for the other.
    LockBoth {
        first: usize,
    },
    Acquire {
        turns: u32,
    },
    Notify,
    AwaitNotified,
    Set,
    AwaitSet,
}

/// A program: what its tasks do.
#[derive(Clone, Debug)]
pub struct Plan(Vec<Vec<Step>>);

/// A program and the outcome of it that is rare.
pub struct Rarity {
    pub plan: Plan,
    pub outcome: String,
}

impl Plan {
    fn draw(rng: &mut Rng) -> Plan {
        let tasks = rng.range(2..=5);
        // Few words, so that tasks have something to do with each other.
        let words: Vec<Step> = (0..rng.range(2..=5)).map(|_| Plan::step(rng)).collect();
        let task = |rng: &mut Rng| {
            let steps = rng.range(1..=6);
            (0..steps)
                .map(|_| if rng.chance(1, 3) { Step::Yield } else { *rng.choose(&words).unwrap() })
                .collect()
        };
        Plan((0..tasks).map(|_| task(rng)).collect())
    }

    fn step(rng: &mut Rng) -> Step {
        let (which, turns) = (rng.range(0..2), rng.range(0..3));
        match rng.range(0..14) {
            0..4 => Step::Update { cell: which, turns: turns + 1 },
            4 => Step::Append(which),
            5 => Step::Double { cell: which, from: turns + 1 },
            6 => Step::Lock { lock: which, turns },
            7 => Step::LockBoth { first: which },
            8 => Step::Acquire { turns },
            9 => Step::Notify,
            10 => Step::AwaitNotified,
            11 => Step::Set,
            12 => Step::AwaitSet,
            _ => Step::Sleep(rng.range(1..=2)),
        }
    }
}

/// What the tasks share.
struct World {
    cells: [Shared<u32>; 2],
    locks: [Arc<Mutex<()>>; 2],
    permits: Arc<Semaphore>,
    notify: Notify,
    event: Event,
}

impl World {
    async fn step(&self, step: Step, own: u32) {
        match step {
            Step::Yield => yield_now().await,
            Step::Sleep(seconds) => sleep(Duration::from_secs(seconds)).await,
            Step::Update { cell, turns } => {
                let read = self.cells[cell].get();
                give(turns).await;
                self.cells[cell].set(read.wrapping_add(1));
            }
            Step::Append(cell) => {
                self.cells[cell].update(|value| *value = value.wrapping_mul(3).wrapping_add(own));
            }
            Step::Double { cell, from } => self.cells[cell].update(|value| {
                if *value >= from {
                    *value = value.wrapping_mul(2);
                }
            }),
            Step::Lock { lock, turns } => {
                let _guard = self.locks[lock].lock().await;
                give(turns).await;
            }
            Step::LockBoth { first } => {
                let _first = self.locks[first].lock().await;
                yield_now().await;
                let _second = self.locks[1 - first].lock().await;
            }
            Step::Acquire { turns } => {
                let _permit = self.permits.acquire().await;
                give(turns).await;
            }
            Step::Notify => self.notify.notify_waiters(),
            Step::AwaitNotified => self.notify.notified().await,
            Step::Set => self.event.set(),
            Step::AwaitSet => self.event.wait().await,
        }
    }
}

async fn give(turns: u32) {
    for _ in 0..turns {
        yield_now().await;
    }
}

/// Runs a program. Its outcome is which tasks are stuck after a while, and what is in the cells.
async fn run(plan: Plan) -> String {
    let world = Rc::new(World {
        cells: [Shared::new(0), Shared::new(0)],
        locks: [Arc::new(Mutex::new(())), Arc::new(Mutex::new(()))],
        permits: Arc::new(Semaphore::new(1)),
        notify: Notify::new(),
        event: Event::new(),
    });
    let task = |(number, steps): (usize, Vec<Step>)| {
        let world = Rc::clone(&world);
        spawn(async move {
            for step in steps {
                world.step(step, number as u32 + 1).await;
            }
        })
    };
    let tasks: Vec<_> = plan.0.into_iter().enumerate().map(task).collect();
    let mut told = String::new();
    for task in tasks {
        let is_stuck = timeout(Duration::from_secs(100), task).await.is_err();
        told.push(if is_stuck { '-' } else { '+' });
    }
    format!("{told} {} {}", world.cells[0].get(), world.cells[1].get())
}

/// The first `count` programs of a seed that have a rare outcome: one that a tenth of all kinds of schedules has at
/// most, and that first-in first-out does not have.
pub fn rarities(seed: u64, count: usize) -> Vec<Rarity> {
    let mut rng = Rng::new(seed);
    let mut found = Vec::new();
    while found.len() < count {
        let plan = Plan::draw(&mut rng);
        let explorer = Explorer::new().ignore_environment(true).audit(0);
        let all = explorer.clone().reduced().max_runs(KINDS_MAX).run(|| run(plan.clone()));
        let first = explorer.random(1).run(|| run(plan.clone()));
        if all.extent != Extent::Complete {
            continue;
        }
        let rarest = all.outcomes.iter().filter(|outcome| outcome.shown != first.outcomes[0].shown);
        let rarest = rarest.min_by_key(|outcome| (outcome.runs, outcome.shown.clone()));
        if let Some(rarest) = rarest.filter(|rarest| rarest.runs * 10 <= all.runs) {
            // Shown as a string is, in quotes.
            found.push(Rarity { plan, outcome: rarest.shown.trim_matches('"').to_owned() });
        }
    }
    found
}

impl Rarity {
    /// The number of runs until the outcome shows, or none within those that the search makes.
    pub fn first_run(&self, explorer: &Explorer) -> Option<u64> {
        let exploration = explorer.run(|| {
            let (plan, outcome) = (self.plan.clone(), self.outcome.clone());
            async move { if run(plan).await == outcome { Err("rare") } else { Ok(()) } }
        });
        exploration.findings.first().map(|finding| finding.first_run)
    }
}
