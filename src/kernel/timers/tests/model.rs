//! Random scripts, run by the timers and by a model that scans a vector; both must agree.

use super::super::{Instant, TimerKey, Timers};
use super::Random;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// What the timers promise, written down as simply as can be.
#[derive(Default)]
struct Model {
    /// In order of registration.
    live: Vec<(Instant, TimerKey, u64)>,
    registered: u64,
}

impl Model {
    fn first(&self) -> Option<usize> {
        let can_fire = |i: &usize| self.live[*i].0 != Instant::NEVER;
        // `min_by_key` keeps the first of equals, which is the one registered first.
        (0..self.live.len()).filter(can_fire).min_by_key(|&i| self.live[i].0)
    }

    fn position(&self, key: TimerKey) -> Option<usize> {
        self.live.iter().position(|timer| timer.1 == key)
    }
}

#[derive(Clone, Debug)]
enum Deadline {
    Tiny(u64),
    Geometric(u32, u64),
    AfterNow(u64),
    Huge(u64),
    /// Those of which half is the same.
    Alike(u64),
    Never,
    BeforeNow(u64),
    Again,
}

#[derive(Clone, Debug)]
enum Step {
    Insert(Deadline),
    Burst(usize, Vec<Deadline>),
    Cancel(prop::sample::Index),
    CancelMany(usize, prop::sample::Index),
    CancelEvery(usize),
    Get(prop::sample::Index),
    PopDue(u64),
    PopAtNext(usize),
    Drain,
    NextDeadline,
    Clear,
}

fn deadline() -> impl Strategy<Value = Deadline> {
    prop_oneof![
        4 => (0u64..8).prop_map(Deadline::Tiny),
        4 => (0u32..63, any::<u64>()).prop_map(|(bits, noise)| Deadline::Geometric(bits, noise)),
        6 => (0u64..5_000).prop_map(Deadline::AfterNow),
        1 => (0u64..200).prop_map(Deadline::Huge),
        2 => (1u64..5).prop_map(Deadline::Alike),
        1 => Just(Deadline::Never),
        2 => (0u64..300).prop_map(Deadline::BeforeNow),
        4 => Just(Deadline::Again),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        40 => deadline().prop_map(Step::Insert),
        3 => (20usize..150, prop::collection::vec(deadline(), 1..8)).prop_map(|(n, d)| Step::Burst(n, d)),
        15 => index().prop_map(Step::Cancel),
        2 => (1usize..100, index()).prop_map(|(n, i)| Step::CancelMany(n, i)),
        1 => (2usize..5).prop_map(Step::CancelEvery),
        5 => index().prop_map(Step::Get),
        20 => prop_oneof![0u64..3, 0u64..2_000, 0u64..1 << 40].prop_map(Step::PopDue),
        6 => (1usize..80).prop_map(Step::PopAtNext),
        1 => Just(Step::Drain),
        10 => Just(Step::NextDeadline),
        1 => Just(Step::Clear),
    ]
}

/// Runs both side by side.
struct Pair {
    timers: Timers<u64>,
    model: Model,
    /// The latest thousands of keys, most of them stale.
    keys: Vec<TimerKey>,
    seen: BTreeSet<u64>,
    now: Instant,
    last: Instant,
}

impl Pair {
    fn new() -> Self {
        Pair {
            timers: Timers::new(),
            model: Model::default(),
            keys: Vec::new(),
            seen: BTreeSet::new(),
            now: Instant::ZERO,
            last: Instant::ZERO,
        }
    }

    fn at(&self, deadline: &Deadline, salt: u64) -> Instant {
        let now = self.now.as_nanos();
        let latest = u64::MAX - 1;
        Instant::from_nanos(
            match *deadline {
                Deadline::Tiny(n) => n,
                Deadline::Geometric(bits, noise) => {
                    now.saturating_add((noise ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> bits)
                }
                Deadline::AfterNow(n) => now.saturating_add(n.wrapping_add(salt * 31) % 5_000),
                Deadline::Huge(n) => latest - n,
                Deadline::Alike(n) => now.saturating_add(n << 32),
                Deadline::Never => return Instant::NEVER,
                Deadline::BeforeNow(n) => now.saturating_sub(n + salt % 7),
                Deadline::Again => return self.last,
            }
            .min(latest),
        )
    }

    fn insert(&mut self, deadline: Instant) {
        let payload = self.model.registered;
        let key = self.timers.insert(deadline, payload);
        assert!(self.seen.insert(key.0), "a key was handed out twice");
        self.model.registered += 1;
        self.model.live.push((deadline, key, payload));
        self.keys.push(key);
        if self.keys.len() > 10_000 {
            self.keys.drain(..5_000);
        }
        self.last = deadline;
    }

    fn cancel(&mut self, key: TimerKey) {
        let expected = self.model.position(key).map(|i| self.model.live.remove(i).2);
        assert_eq!(self.timers.cancel(key), expected);
        assert_eq!(self.timers.cancel(key), None);
        assert_eq!(self.timers.get(key), None);
    }

    fn pop_due(&mut self) -> bool {
        let due = self.model.first().filter(|&i| self.model.live[i].0 <= self.now);
        let expected = due.map(|i| self.model.live.remove(i));
        let found = self.timers.pop_due(self.now);
        assert_eq!(found, expected.map(|(deadline, _, payload)| (deadline, payload)));
        if let Some((_, key, _)) = expected {
            assert_eq!(self.timers.get(key), None);
        }
        found.is_some()
    }

    fn next_deadline(&self) -> Option<Instant> {
        let expected = self.model.first().map(|i| self.model.live[i].0);
        assert_eq!(self.timers.next_deadline(), expected);
        expected
    }

    fn pop_at_next(&mut self, times: usize) {
        for _ in 0..times {
            let Some(next) = self.next_deadline() else {
                return;
            };
            self.now = self.now.max(next);
            assert!(self.pop_due());
        }
    }

    fn get(&mut self, key: TimerKey) {
        let expected = self.model.position(key).map(|i| self.model.live[i]);
        assert_eq!(self.timers.get(key), expected.map(|timer| timer.2));
        let is_parked = expected.is_some_and(|timer| timer.0 == Instant::NEVER);
        assert_eq!(self.timers.is_parked(key), is_parked);
        let payload = self.timers.get_mut(key).map(|payload| *payload);
        assert_eq!(payload, expected.map(|timer| timer.2));
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Insert(deadline) => self.insert(self.at(deadline, 0)),
            Step::Burst(count, deadlines) => {
                for (i, deadline) in deadlines.iter().cycle().take(*count).enumerate() {
                    self.insert(self.at(deadline, (i / deadlines.len()) as u64));
                }
            }
            Step::Cancel(index) if !self.keys.is_empty() => {
                self.cancel(*index.get(&self.keys));
            }
            Step::CancelMany(count, index) if !self.keys.is_empty() => {
                let start = index.index(self.keys.len());
                for key in self.keys[start..].iter().take(*count).copied().collect::<Vec<_>>() {
                    self.cancel(key);
                    self.next_deadline();
                }
            }
            Step::CancelEvery(stride) => {
                let live: Vec<_> = self.model.live.iter().map(|timer| timer.1).collect();
                for key in live.into_iter().step_by(*stride) {
                    self.cancel(key);
                }
            }
            Step::Get(index) if !self.keys.is_empty() => self.get(*index.get(&self.keys)),
            Step::PopDue(ahead) => {
                self.now = Instant::from_nanos(self.now.as_nanos().saturating_add(*ahead));
                self.pop_due();
            }
            Step::PopAtNext(times) => self.pop_at_next(*times),
            Step::Drain => while self.pop_due() {},
            Step::NextDeadline => {
                self.next_deadline();
            }
            Step::Clear => {
                self.timers.clear();
                self.model.live.clear();
                self.now = Instant::ZERO;
            }
            Step::Cancel(_) | Step::CancelMany(..) | Step::Get(_) => {}
        }
    }

    fn check(&self) {
        self.timers.check();
        let can_fire = self.model.live.iter().filter(|t| t.0 != Instant::NEVER);
        assert_eq!(self.timers.len(), can_fire.count());
    }

    fn finish(mut self) {
        let mut seen: Vec<_> = self.timers.all().into_iter().map(|(d, p)| (p, d)).collect();
        seen.sort_unstable();
        let expected: Vec<_> = self.model.live.iter().map(|t| (t.2, t.0)).collect();
        assert_eq!(seen, expected);
        self.pop_at_next(usize::MAX);
        self.check();
        for (_, key, payload) in std::mem::take(&mut self.model.live) {
            assert_eq!(self.timers.cancel(key), Some(payload));
        }
        self.check();
        assert_eq!(self.timers.all(), []);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        // The model is slow without optimisation; continuous integration runs both builds.
        cases: if cfg!(debug_assertions) { 200 } else { 2_000 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn timers_agree_with_a_model_that_scans_a_vector(
        steps in prop::collection::vec(step(), 1..400)
    ) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.step(step);
            pair.check();
        }
        pair.finish();
    }
}

#[test]
fn thousands_of_timers_agree_with_the_model() {
    for seed in 0..4 {
        let mut random = Random(seed);
        let mut pair = Pair::new();
        for round in 0..8 {
            let shift = random.below(64);
            for _ in 0..random.below(3_000) {
                let deadline = match (seed + round) % 4 {
                    0 => Deadline::Geometric(shift as u32, random.next()),
                    1 => Deadline::AfterNow(random.below(20)),
                    2 => Deadline::Geometric(random.below(64) as u32, random.next()),
                    _ => Deadline::Again,
                };
                let at = pair.at(&deadline, 0);
                pair.insert(at);
            }
            pair.check();
            for _ in 0..random.below(1_500) {
                let victim = random.below(pair.keys.len() as u64) as usize;
                pair.cancel(pair.keys[victim]);
            }
            pair.check();
            for _ in 0..random.below(40) {
                pair.pop_at_next(random.below(40) as usize);
                pair.insert(pair.at(&Deadline::AfterNow(random.below(5_000)), 0));
                pair.insert(pair.at(&Deadline::BeforeNow(random.below(5_000)), 0));
                pair.check();
            }
        }
        pair.finish();
    }
}
