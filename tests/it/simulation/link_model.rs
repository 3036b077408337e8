//! The link against a few lines that go through a script once, from its first transfer to its last.
//!
//! All instants of a script differ but where it does not matter: whatever comes has a remainder of its own
//! modulo a thousand, whoever gives up another one, and whatever lasts, lasts whole thousands.

use std::time::Duration;

use proptest::prelude::*;
use simloop::policy::Random;
use simloop::sim::{Delay, Link, LinkStatistics};
use simloop::time::{Instant, sleep_until};
use simloop::{Builder, gather_all, now, spawn, timeout};

/// One byte takes so long.
const BYTE_NS: u64 = 1000;

#[derive(Clone, Debug)]
struct Step {
    comes: u64,
    bytes: u64,
    latency: u64,
    /// After how long the sender of a transfer gives it up. A message has none, and is never given up.
    patience: Option<u64>,
}

impl Step {
    fn gives_up(&self) -> Option<u64> {
        Some(self.comes + self.patience?)
    }
}

fn script() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..30u64, 0..8u64, 0..10u64, prop::option::of(0..30u64));
    prop::collection::vec(step, 0..40).prop_map(|mut steps| {
        steps.sort_by_key(|step| step.0);
        let step =
            |(n, (comes, bytes, latency, patience)): (usize, (u64, u64, u64, Option<u64>))| Step {
                comes: comes * 1000 + n as u64,
                bytes,
                latency: latency * 1000,
                patience: patience.map(|patience| patience * 1000 + 500),
            };
        steps.into_iter().enumerate().map(step).collect()
    })
}

#[derive(Default, PartialEq, Eq, Debug)]
struct Outcome {
    /// When each arrives; `None` if it was given up.
    arrivals: Vec<Option<u64>>,
    bytes: u64,
    served: u64,
    abandoned: u64,
    busy_ns: u64,
    waited_ns: u64,
    queue_ns: u64,
}

fn simulate(steps: &[Step], is_in_order: bool) -> Outcome {
    let mut outcome = Outcome::default();
    let (mut free, mut latest) = (0, 0);
    for step in steps {
        let starts = step.comes.max(free);
        let departs = starts + step.bytes * BYTE_NS;
        let gives_up = step.gives_up().unwrap_or(u64::MAX);
        outcome.queue_ns += starts.min(gives_up) - step.comes;
        if gives_up < starts {
            outcome.abandoned += 1;
            outcome.arrivals.push(None);
            continue;
        }
        outcome.served += 1;
        outcome.waited_ns += starts - step.comes;
        free = departs.min(gives_up);
        outcome.busy_ns += free - starts;
        if gives_up < departs {
            outcome.arrivals.push(None);
            continue;
        }
        outcome.bytes += step.bytes;
        let arrives = departs + step.latency;
        latest = if is_in_order { latest.max(arrives) } else { arrives };
        outcome.arrivals.push(Some(latest).filter(|&arrives| arrives < gives_up));
    }
    outcome
}

fn outcome(mut arrivals: Vec<(usize, Option<u64>)>, seen: &LinkStatistics) -> Outcome {
    arrivals.sort();
    let ns = |duration: Duration| duration.as_nanos() as u64;
    Outcome {
        arrivals: arrivals.into_iter().map(|(_, arrives)| arrives).collect(),
        bytes: seen.bytes,
        served: seen.line.served,
        abandoned: seen.line.abandoned,
        busy_ns: ns(seen.line.busy_time),
        waited_ns: ns(seen.line.waited_total),
        queue_ns: ns(seen.line.queue_time),
    }
}

fn carry(steps: Vec<Step>, is_in_order: bool, policy: Option<u64>) -> Outcome {
    let builder = match policy {
        Some(seed) => Builder::new().policy(Random::new(seed)),
        None => Builder::new(),
    };
    let report = builder.run(async move {
        // Which latency a step has is known by the instant at which it comes.
        let latencies: Vec<_> = steps.iter().map(|step| step.latency).collect();
        let latency = Delay::from_fn(move |_| {
            Duration::from_nanos(latencies[(now().as_nanos() % 1000) as usize])
        });
        let link = Link::new(latency, 1_000_000_000 / BYTE_NS).in_order(is_in_order);
        let (sender, mut receiver) = link.channel();
        let reader = spawn(async move {
            let mut arrivals = Vec::new();
            while let Some(n) = receiver.recv().await {
                arrivals.push((n, Some(now().as_nanos())));
            }
            arrivals
        });
        let carried = steps.into_iter().enumerate().map(|(n, step)| {
            let (link, sender) = (link.clone(), sender.clone());
            async move {
                sleep_until(Instant::from_nanos(step.comes)).await;
                let Some(patience) = step.patience else {
                    sender.send(n, step.bytes);
                    return None;
                };
                let patience = Duration::from_nanos(patience);
                let arrived = timeout(patience, link.transfer(step.bytes)).await;
                Some((n, arrived.ok().map(|_| now().as_nanos())))
            }
        });
        let carried = gather_all(carried).await;
        drop(sender);
        let mut arrivals: Vec<_> = carried.into_iter().flatten().collect();
        arrivals.extend(reader.await.unwrap());
        outcome(arrivals, &link.statistics())
    });
    report.unwrap()
}

proptest! {
    #[test]
    fn a_link_does_what_a_naive_recomputation_does(
        steps in script(),
        is_in_order: bool,
        policy: Option<u64>,
    ) {
        let expected = simulate(&steps, is_in_order);
        prop_assert_eq!(carry(steps, is_in_order, policy), expected);
    }
}
