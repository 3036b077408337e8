//! Generators and timed streams under random policies, against the same streams as lists of numbers.
//!
//! A body sleeps and yields; whoever reads asks with more or less patience and pauses in between. So bodies are
//! left in the middle, and go on from there when they are asked again.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use futures_util::StreamExt;
use futures_util::stream::LocalBoxStream;
use proptest::prelude::*;
use simloop::policy::Random;
use simloop::stream::{TimedStream, generator};
use simloop::{Builder, Instant, now, sleep, spawn, timeout, yield_now};

use crate::millis;

/// What the body of a generator does.
#[derive(Clone, Copy, Debug)]
enum Step {
    Yield,
    /// For zero it suspends once.
    Sleep(u64),
}

/// What is put around a stream.
#[derive(Clone, Copy, Debug)]
enum Layer {
    /// A generator that passes all items on.
    Generator,
    Timeout(u64),
    Throttle(u64),
    Chunks(usize, u64),
}

/// How long somebody waits for an item, and how long he then does something else.
type Ask = (Option<u64>, u64);

#[derive(Clone, Debug)]
struct Plan {
    steps: Vec<Step>,
    layers: Vec<Layer>,
    asks: Vec<Ask>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let step = prop_oneof![Just(Step::Yield), (0..5_u64).prop_map(Step::Sleep)];
    let layer = prop_oneof![
        Just(Layer::Generator),
        (0..6_u64).prop_map(Layer::Timeout),
        (0..6_u64).prop_map(Layer::Throttle),
        (1..4_usize, 0..6_u64).prop_map(|(len, after)| Layer::Chunks(len, after)),
    ];
    let ask = (prop::option::weighted(0.7, 0..6_u64), 0..4_u64);
    let lists = (
        prop::collection::vec(step, 0..14),
        prop::collection::vec(layer, 0..3),
        prop::collection::vec(ask, 1..16),
    );
    lists.prop_map(|(steps, layers, asks)| Plan { steps, layers, asks })
}

/// What a stream of the model says: something, or when it is to be asked again.
enum Polled {
    Ready(Option<String>),
    Pending(Instant),
}

trait Model {
    fn poll(&mut self, now: Instant) -> Polled;
}

#[derive(Default)]
struct Body {
    left: VecDeque<Step>,
    yielded: usize,
    waits: Option<Instant>,
}

impl Model for Body {
    fn poll(&mut self, now: Instant) -> Polled {
        if let Some(until) = self.waits.take_if(|until| *until > now) {
            self.waits = Some(until);
            return Polled::Pending(until);
        }
        self.waits = None;
        match self.left.pop_front() {
            None => Polled::Ready(None),
            Some(Step::Yield) => {
                self.yielded += 1;
                Polled::Ready(Some((self.yielded - 1).to_string()))
            }
            Some(Step::Sleep(takes)) => {
                let until = now + millis(takes);
                self.waits = Some(until);
                Polled::Pending(until)
            }
        }
    }
}

struct Timeout {
    inner: Box<dyn Model>,
    takes: u64,
    deadline: Option<Instant>,
}

impl Model for Timeout {
    fn poll(&mut self, now: Instant) -> Polled {
        match (self.inner.poll(now), self.deadline) {
            (Polled::Ready(item), _) => {
                self.deadline = Some(now + millis(self.takes));
                Polled::Ready(item.map(|item| format!("ok {item}")))
            }
            (Polled::Pending(_), Some(deadline)) if deadline <= now => {
                self.deadline = None;
                Polled::Ready(Some(format!("timed out at {deadline}")))
            }
            (Polled::Pending(at), deadline) => {
                Polled::Pending(deadline.map_or(at, |deadline| deadline.min(at)))
            }
        }
    }
}

struct Throttle {
    inner: Box<dyn Model>,
    period: u64,
    next: Instant,
}

impl Model for Throttle {
    fn poll(&mut self, now: Instant) -> Polled {
        if now < self.next {
            return Polled::Pending(self.next);
        }
        let polled = self.inner.poll(now);
        if let Polled::Ready(Some(_)) = polled {
            self.next = now + millis(self.period);
        }
        polled
    }
}

struct Chunks {
    inner: Box<dyn Model>,
    len: usize,
    after: u64,
    gathered: Vec<String>,
    since: Instant,
}

impl Model for Chunks {
    fn poll(&mut self, now: Instant) -> Polled {
        let is_full = loop {
            match self.inner.poll(now) {
                Polled::Ready(Some(item)) => {
                    self.gathered.push(item);
                    if self.gathered.len() == 1 {
                        self.since = now;
                    }
                    if self.gathered.len() == self.len {
                        break true;
                    }
                }
                Polled::Ready(None) => break !self.gathered.is_empty(),
                Polled::Pending(at) if self.gathered.is_empty() => return Polled::Pending(at),
                Polled::Pending(at) => {
                    let deadline = self.since + millis(self.after);
                    if deadline > now {
                        return Polled::Pending(deadline.min(at));
                    }
                    break true;
                }
            }
        };
        let chunk = std::mem::take(&mut self.gathered).join(" ");
        Polled::Ready(is_full.then(|| format!("[{chunk}]")))
    }
}

/// Once a stream has ended it is not asked again.
struct Fused(Box<dyn Model>, bool);

impl Model for Fused {
    fn poll(&mut self, now: Instant) -> Polled {
        if self.1 {
            return Polled::Ready(None);
        }
        let polled = self.0.poll(now);
        self.1 = matches!(polled, Polled::Ready(None));
        polled
    }
}

fn model(plan: &Plan, now: Instant) -> Box<dyn Model> {
    let left = plan.steps.iter().copied().collect();
    let body: Box<dyn Model> = Box::new(Fused(Box::new(Body { left, ..Body::default() }), false));
    plan.layers.iter().fold(body, |inner, &layer| match layer {
        Layer::Generator => inner,
        Layer::Timeout(takes) => {
            Box::new(Timeout { inner, takes, deadline: Some(now + millis(takes)) })
        }
        Layer::Throttle(period) => Box::new(Throttle { inner, period, next: now }),
        Layer::Chunks(len, after) => {
            Box::new(Chunks { inner, len, after, gathered: Vec::new(), since: now })
        }
    })
}

/// What an ask comes to, and when: an item, the end, or nothing in time.
type Answer = (Instant, Option<String>);

fn expected(plan: &Plan, mut now: Instant) -> Vec<Answer> {
    let mut stream = model(plan, now);
    let mut heard = Vec::new();
    for (patience, pause) in &plan.asks {
        let deadline = patience.map_or(Instant::NEVER, |patience| now + millis(patience));
        let answer = loop {
            match stream.poll(now) {
                Polled::Ready(item) => break Some(item.unwrap_or_else(|| "the end".to_owned())),
                Polled::Pending(_) if deadline <= now => break None,
                Polled::Pending(at) => now = at.min(deadline),
            }
        };
        heard.push((now, answer));
        now += millis(*pause);
    }
    heard
}

fn stream(plan: &Plan) -> LocalBoxStream<'static, String> {
    let steps = plan.steps.clone();
    let body = generator(async move |mut yielder| {
        let mut yielded = 0;
        for step in steps {
            match step {
                Step::Yield => {
                    yielder.yield_(yielded.to_string()).await;
                    yielded += 1;
                }
                Step::Sleep(0) => yield_now().await,
                Step::Sleep(takes) => sleep(millis(takes)).await,
            }
        }
    });
    plan.layers.iter().fold(body.boxed_local(), |mut inner, &layer| match layer {
        Layer::Generator => generator(async move |mut yielder| {
            while let Some(item) = inner.next().await {
                yielder.yield_(item).await;
            }
        })
        .boxed_local(),
        Layer::Timeout(takes) => {
            let items = TimedStream::timeout(inner, millis(takes));
            let shown = |item| match item {
                Ok(item) => format!("ok {item}"),
                Err(elapsed) => format!("{elapsed}"),
            };
            items.map(shown).boxed_local()
        }
        Layer::Throttle(period) => inner.throttle(millis(period)).boxed_local(),
        Layer::Chunks(len, after) => {
            let chunks = inner.chunks_timeout(len, millis(after));
            chunks.map(|chunk| format!("[{}]", chunk.join(" "))).boxed_local()
        }
    })
}

async fn read(plan: Plan, heard: Rc<RefCell<Vec<Answer>>>) {
    let mut stream = stream(&plan);
    for (patience, pause) in plan.asks {
        let answer = match patience {
            Some(patience) => timeout(millis(patience), stream.next()).await.ok(),
            None => Some(stream.next().await),
        };
        let answer = answer.map(|item| item.unwrap_or_else(|| "the end".to_owned()));
        heard.borrow_mut().push((now(), answer));
        if pause > 0 {
            sleep(millis(pause)).await;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn s29_streams_say_what_lists_of_numbers_do_whoever_asks_and_however_long(
        plans in prop::collection::vec((plan(), prop::option::weighted(0.2, 0..20_u64)), 1..4),
        seed: Option<u64>,
    ) {
        let builder = match seed {
            Some(seed) => Builder::new().policy(Random::new(seed)),
            None => Builder::new(),
        };
        let report = builder.run(async move {
            let mut readers = Vec::new();
            for (plan, aborted_at) in &plans {
                let heard = Rc::default();
                let reader = spawn(read(plan.clone(), Rc::clone(&heard)));
                if let Some(at) = *aborted_at {
                    let abort = reader.abort_handle();
                    spawn(async move {
                        sleep(millis(at) + std::time::Duration::from_micros(500)).await;
                        abort.abort();
                    });
                }
                readers.push((reader, heard));
            }
            for ((plan, aborted_at), (reader, heard)) in plans.iter().zip(readers) {
                let is_aborted = reader.await.is_err();
                let mut expected = expected(plan, Instant::ZERO);
                if is_aborted {
                    let at = Instant::ZERO + millis(aborted_at.expect("somebody has aborted it"));
                    expected.retain(|(answered_at, _)| *answered_at <= at);
                }
                assert_eq!(*heard.borrow(), expected, "{plan:?}");
            }
        });
        report.unwrap();
    }
}
