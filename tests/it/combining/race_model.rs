//! Races under random policies, against a model that polls lists of numbers.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;
use simloop::policy::Random;
use simloop::{Builder, Instant, now, race, sleep, spawn, yield_now};

use crate::millis;

/// What a racer waits for, one after the other, in milliseconds. Zero is a `yield_now`.
type Steps = Vec<u64>;

/// What a racer sees, or the one who raced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Event {
    Polled(usize),
    Dropped(usize),
    Won(usize),
}

type Log = Rc<RefCell<Vec<(Instant, Event)>>>;

struct Entry(Log, usize);

impl Drop for Entry {
    fn drop(&mut self) {
        self.0.borrow_mut().push((now(), Event::Dropped(self.1)));
    }
}

fn racer(number: usize, steps: Steps, log: &Log) -> impl Future<Output = usize> + use<> {
    let entry = Entry(Rc::clone(log), number);
    let mut running = Box::pin(async move {
        for step in steps {
            match step {
                0 => yield_now().await,
                _ => sleep(millis(step)).await,
            }
        }
        number
    });
    poll_fn(move |cx| {
        entry.0.borrow_mut().push((now(), Event::Polled(number)));
        running.as_mut().poll(cx)
    })
}

/// A racer in the model: what is left to it, and what it waits for.
struct Racer {
    left: VecDeque<u64>,
    waits: Option<Wait>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    Poll,
    Until(Instant),
}

impl Racer {
    /// Says whether it is ready.
    fn poll(&mut self, now: Instant) -> bool {
        if self.waits.is_some_and(|wait| matches!(wait, Wait::Until(at) if at > now)) {
            return false;
        }
        self.waits = self.left.pop_front().map(|step| match step {
            0 => Wait::Poll,
            _ => Wait::Until(now + millis(step)),
        });
        self.waits.is_none()
    }
}

/// All that happens in a race that polls `first` first, from now on and up to its end or `aborted_at`.
fn expected(
    race: &[Steps],
    first: usize,
    mut now: Instant,
    aborted_at: Instant,
) -> Vec<(Instant, Event)> {
    let left = |steps: &Steps| Racer { left: steps.iter().copied().collect(), waits: None };
    let mut racers: Vec<_> = race.iter().map(left).collect();
    let mut events = Vec::new();
    let dropped = |at| (0..race.len()).map(move |number| (at, Event::Dropped(number)));
    loop {
        for number in (first..race.len()).chain(0..first) {
            events.push((now, Event::Polled(number)));
            if racers[number].poll(now) {
                events.extend(dropped(now));
                events.push((now, Event::Won(number)));
                return events;
            }
        }
        let next = racers.iter().filter_map(|racer| racer.waits).map(|wait| match wait {
            Wait::Poll => now,
            Wait::Until(at) => at,
        });
        now = next.min().expect("each of them waits for something");
        if now > aborted_at {
            events.extend(dropped(aborted_at));
            return events;
        }
    }
}

async fn run_races(races: Vec<Vec<Steps>>, log: Log) {
    for steps in races {
        let three = <[Steps; 3]>::try_from(steps);
        let winner = match three {
            Ok([one, two, three]) => {
                race!(racer(0, one, &log), racer(1, two, &log), racer(2, three, &log)).await
            }
            Err(steps) => {
                let racers = steps.into_iter().enumerate();
                race(racers.map(|(number, steps)| racer(number, steps, &log))).await
            }
        };
        log.borrow_mut().push((now(), Event::Won(winner)));
        // A loser that has yielded has woken the task, which is to be over with before the next race.
        yield_now().await;
    }
}

/// Goes through what has happened race by race.
fn check(races: &[Vec<Steps>], aborted_at: Instant, seen: &[(Instant, Event)], is_fifo: bool) {
    let mut left = seen;
    let mut now = Instant::ZERO;
    for race in races {
        // The first one to be polled was chosen; the rest follows from it.
        let Some(&(at, Event::Polled(first))) = left.first() else {
            panic!("a race polls first of all, and not {left:?}");
        };
        assert_eq!(at, now, "a race begins when the last one ends");
        assert!(!is_fifo || first == 0);
        let expected = expected(race, first, now, aborted_at);
        let (here, rest) = left.split_at(expected.len().min(left.len()));
        assert_eq!(here, expected, "{race:?}, {first} first, aborted at {aborted_at}");
        left = rest;
        match expected.last() {
            Some(&(at, Event::Won(_))) => now = at,
            _ => break,
        }
    }
    assert_eq!(left, [], "and nothing else happens");
}

fn races() -> impl Strategy<Value = Vec<Vec<Steps>>> {
    let steps = prop::collection::vec(0..4_u64, 0..4);
    prop::collection::vec(prop::collection::vec(steps, 1..5), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn s31_races_are_run_as_lists_of_numbers_are(
        tasks in prop::collection::vec((races(), prop::option::weighted(0.3, 0..12_u64)), 1..4),
        seed: Option<u64>,
    ) {
        let builder = match seed {
            Some(seed) => Builder::new().policy(Random::new(seed)),
            None => Builder::new(),
        };
        let report = builder.run(async move {
            let mut running = Vec::new();
            for (races, aborted_at) in &tasks {
                let log = Log::default();
                let task = spawn(run_races(races.clone(), Rc::clone(&log)));
                let abort = task.abort_handle();
                // Between two milliseconds, so that nothing else happens then.
                let after = aborted_at.map(|at| millis(at) + Duration::from_micros(500));
                if let Some(after) = after {
                    spawn(async move {
                        sleep(after).await;
                        abort.abort();
                    });
                }
                let aborted_at = after.map_or(Instant::NEVER, |after| Instant::ZERO + after);
                running.push((task, log, aborted_at));
            }
            for ((races, _), (task, log, aborted_at)) in tasks.iter().zip(running) {
                let result = task.await;
                assert!(result.is_ok() || aborted_at < Instant::NEVER);
                check(races, aborted_at, &log.borrow(), seed.is_none());
            }
        });
        report.unwrap();
    }
}
