//! Schedules a second of both searches at random: three tasks of four steps, one thread.
//!
//! The two are timed in turns, and each is the first in every other round; the median of the rounds counts. Rounds are
//! short and many, so that whatever else the machine does slows both. All searches make equally many schedules, ours
//! several times in a round. The program itself notes in what order the steps of a run were made: from that, once the
//! clock is stopped, the checksum is taken, the same for both, and how many orders there were.
//!
//!     cargo bench --bench rate                full sizes, six seconds
//!     cargo bench --bench rate -- --quick     tiny sizes: checks the proofs, measures nothing
//!
//! In this directory. `cargo test --benches` is quick as well. This is a program of its own because ours was a tenth slower
//! in one with those that have bugs, among whose code its own lay scattered.

mod ours;
mod theirs;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::env;
use std::time::{Duration, Instant};

use shuttle::scheduler::RandomScheduler;
use simloop::explore::Explorer;

use ours::bugs as our_bugs;
use theirs::{bugs as their_bugs, search};

/// How often both are timed.
const ROUNDS: u64 = 71;

/// The schedules of a search.
const SCHEDULES: usize = 10_000;

/// How many times shuttle's rate is promised.
const RATIO: f64 = 9.0;

/// The share of the limit's rate that is promised.
const SHARE: f64 = 0.8;

/// How many times shuttle's rate the *limit* makes: a minimum that was written by hand, and checks and records nothing.
/// Both were measured once, in millions, so that it can be compared with on any machine by shuttle's rate there.
const LIMIT: f64 = 2.44 / 0.22;

/// All orders of the steps.
const ORDERS: usize = 34_650;

thread_local! {
    /// The order of the steps in each run of a search.
    static NOTED: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

fn main() {
    let has = |flag: &str| env::args().any(|argument| argument == flag);
    // Cargo says `--bench` for a benchmark and nothing for a test.
    let is_full = has("--bench") && !has("--quick");
    let (rounds, schedules) = if is_full { (ROUNDS, SCHEDULES) } else { (1, 1_000) };
    // So many searches that a round takes both about as long.
    let mut contestants = [Contestant::new(ours, 10), Contestant::new(theirs, 1)];
    for round in 0..rounds {
        for place in 0..2 {
            contestants[(round + place) as usize % 2].time(round, schedules);
        }
    }
    let [ours, theirs] = contestants.each_mut().map(Contestant::rate);
    let [our_orders, their_orders] = contestants.map(|it| it.reached());
    let (ratio, share) = (ours / theirs, ours / (theirs * LIMIT));
    let promise = |is_kept, what: String| match (is_full, is_kept) {
        (false, _) => what,
        (true, true) => format!("{what} holds"),
        (true, false) => format!("{what} MISSED"),
    };
    println!("three tasks of four steps at random, on one thread: million schedules a second");
    println!("  simloop  shuttle  ratio  of the limit  checksum  promises");
    println!(
        "  {ours:7.3}  {theirs:7.3}  {ratio:5.2}  {share:12.2}  ok        {}, {}",
        promise(ratio >= RATIO, format!("ratio {RATIO}")),
        promise(share >= SHARE, format!("{SHARE} of the limit")),
    );
    println!("  of {ORDERS} orders simloop reached {our_orders}, shuttle {their_orders}");
}

struct Contestant {
    /// Makes so many schedules at random, of this seed.
    search: fn(usize, u64),
    /// How many of them are a round.
    searches: u64,
    /// Millions of schedules a second, by rounds.
    rates: Vec<f64>,
    /// The schedules of all rounds.
    schedules: usize,
    /// Their orders.
    orders: BTreeSet<u32>,
}

impl Contestant {
    fn new(search: fn(usize, u64), searches: u64) -> Self {
        Contestant { search, searches, rates: Vec::new(), schedules: 0, orders: BTreeSet::new() }
    }

    /// Makes a round of searches of so many schedules.
    fn time(&mut self, round: u64, schedules: usize) {
        let mut elapsed = Duration::ZERO;
        for number in 0..self.searches {
            NOTED.with_borrow_mut(Vec::clear);
            let started = Instant::now();
            (self.search)(schedules, round * self.searches + number);
            elapsed += started.elapsed();
            NOTED.with_borrow(|noted| {
                // Ours makes a run more, to see that there are more.
                let noted = &noted[..schedules];
                assert_eq!(checksum(noted), 12 * schedules as u64, "all steps of all runs");
                self.orders.extend(noted);
            });
        }
        let made = self.searches as usize * schedules;
        self.schedules += made;
        self.rates.push(made as f64 / elapsed.as_secs_f64() / 1e6);
    }

    /// The median of the rounds.
    fn rate(&mut self) -> f64 {
        self.rates.sort_by(f64::total_cmp);
        self.rates[self.rates.len() / 2]
    }

    /// How many orders there were: as some are rare, at least half of what is possible.
    fn reached(&self) -> usize {
        let (reached, most) = (self.orders.len(), self.schedules.min(ORDERS));
        assert!(reached > most / 2, "{reached} orders of {most}");
        assert!(reached <= most, "{reached} orders of {most}");
        reached
    }
}

/// The steps of these runs, of which each must have four of each task.
fn checksum(noted: &[u32]) -> u64 {
    let steps = noted.iter().map(|&order| {
        let (mut order, mut steps) = (order, [0; 3]);
        while order > 1 {
            steps[order as usize % 3] += 1;
            order /= 3;
        }
        assert_eq!((order, steps), (1, [4; 3]), "four steps of each task");
        steps.iter().sum::<u64>()
    });
    steps.sum()
}

fn note(order: u32) {
    NOTED.with_borrow_mut(|noted| noted.push(order));
}

fn ours(schedules: usize, seed: u64) {
    let explorer = Explorer::new().ignore_environment(true).audit(0).random(schedules as u64);
    let exploration = explorer.seed(seed).run(|| our_bugs::three_tasks(note));
    assert_eq!((exploration.runs, exploration.findings.len()), (schedules as u64, 0));
}

fn theirs(schedules: usize, seed: u64) {
    let scheduler = RandomScheduler::new_from_seed(seed, schedules);
    assert_eq!(search(scheduler, || their_bugs::three_tasks(note)), schedules as u64);
}
