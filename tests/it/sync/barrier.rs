use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use futures_util::future::{FutureExt, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use proptest::prelude::*;
use simloop::policy::Random;
use simloop::sync::{Barrier, BarrierWaitResult, BrokenBarrier};
use simloop::{Builder, gather_all, now, run, sleep, spawn, timeout, yield_now};

use super::by_hand::ByHand;
use crate::snapshots::assert_shown;
use crate::{millis, secs};

type Arrival = Result<BarrierWaitResult, BrokenBarrier>;

#[test]
fn s28_a_barrier_releases_in_the_order_of_coming_and_the_last_leads() {
    run(async {
        let barrier = Rc::new(Barrier::new(3));
        let log = Rc::new(RefCell::new(Vec::new()));
        let tasks = (0..3).map(|task| {
            let (barrier, log) = (Rc::clone(&barrier), Rc::clone(&log));
            async move {
                for round in 0..2 {
                    let arrival = barrier.wait().await;
                    log.borrow_mut().push((round, task, arrival.index(), arrival.is_leader()));
                }
            }
        });
        gather_all(tasks).await;
        // The leader does not wait: it comes first to the next round, and the others lead there.
        let expected = [
            (0, 2, 2, true),
            (0, 0, 0, false),
            (0, 1, 1, false),
            (1, 1, 2, true),
            (1, 2, 0, false),
            (1, 0, 1, false),
        ];
        assert_eq!(*log.borrow(), expected);
        assert_eq!((barrier.parties(), barrier.n_waiting()), (3, 0));
    });
}

#[test]
fn a_barrier_for_none_or_one_stops_nobody() {
    for parties in [0, 1] {
        let barrier = Barrier::new(parties);
        let arrival = barrier.wait().now_or_never().expect("nobody else has to come");
        assert_eq!((arrival.index(), arrival.is_leader()), (0, true));
        assert_eq!(barrier.parties(), 1);
    }
}

#[test]
fn s29_who_leaves_before_the_barrier_is_full_does_not_count() {
    run(async {
        let barrier = Rc::new(Barrier::new(3));
        let come = || {
            let barrier = Rc::clone(&barrier);
            spawn(async move { barrier.wait().await.index() })
        };
        let (first, second) = (come(), come());
        yield_now().await;
        assert_eq!(barrier.n_waiting(), 2);
        first.abort();
        yield_now().await;
        assert_eq!(barrier.n_waiting(), 1);
        assert!(timeout(secs(1), barrier.wait()).await.is_err());
        assert_eq!(barrier.n_waiting(), 1, "the one that timed out has left");
        let third = come();
        yield_now().await;
        assert_eq!(barrier.wait().await.index(), 2);
        assert_eq!((second.await.unwrap(), third.await.unwrap()), (0, 1));
        assert_eq!(now().to_string(), "1s");
    });
}

#[test]
fn s29_a_round_that_was_completed_is_final_though_one_of_it_is_cancelled() {
    run(async {
        let barrier = Rc::new(Barrier::new(2));
        let waiter = spawn({
            let barrier = Rc::clone(&barrier);
            async move { barrier.wait().await }
        });
        yield_now().await;
        assert!(barrier.wait().await.is_leader());
        // Chosen, and not polled since.
        waiter.abort();
        barrier.abort();
        barrier.reset();
        assert!(waiter.await.unwrap_err().is_cancelled());
        assert_eq!(barrier.n_waiting(), 0);
    });
}

#[test]
fn aborting_and_resetting_turn_away_those_who_wait() {
    run(async {
        let barrier = Rc::new(Barrier::new(3));
        let come = || {
            let barrier = Rc::clone(&barrier);
            spawn(async move { barrier.wait_or_broken().await })
        };
        let (first, second) = (come(), come());
        yield_now().await;
        barrier.abort();
        assert!(barrier.is_broken());
        assert_eq!(first.await.unwrap(), Err(BrokenBarrier));
        assert_eq!(second.await.unwrap(), Err(BrokenBarrier));
        assert_eq!(barrier.wait_or_broken().await, Err(BrokenBarrier), "until it is reset");
        barrier.reset();
        let waiters = [come(), come()];
        yield_now().await;
        barrier.reset();
        assert!(!barrier.is_broken());
        for waiter in waiters {
            assert_eq!(waiter.await.unwrap(), Err(BrokenBarrier));
        }
        assert_eq!(barrier.n_waiting(), 0);
    });
}

#[test]
fn a_plain_wait_panics_at_a_broken_barrier_and_says_what_to_do() {
    let barrier = Barrier::new(2);
    barrier.abort();
    let panic = AssertUnwindSafe(barrier.wait()).catch_unwind().now_or_never().unwrap();
    let message = *panic.unwrap_err().downcast::<&str>().unwrap();
    assert_eq!(
        message,
        "a barrier was broken while a task waited\n  `wait_or_broken` returns an error"
    );
}

#[test]
fn s37_a_deadlock_tells_how_many_have_come_to_the_barrier() {
    let report = Builder::new().run(async {
        let barrier = Rc::new(Barrier::new(3).named("start"));
        spawn({
            let barrier = Rc::clone(&barrier);
            async move { barrier.wait().await }
        });
        sleep(secs(1)).await;
        barrier.wait().await;
    });
    assert_shown("sync", "deadlock_barrier", report.unwrap_failure());
}

#[test]
fn a_barrier_works_below_foreign_combinators() {
    run(async {
        let barrier = Barrier::new(3);
        let both = futures_util::join!(barrier.wait(), barrier.wait(), barrier.wait());
        assert_eq!((both.0.index(), both.1.index(), both.2.index()), (0, 1, 2));
        let mut all: FuturesUnordered<_> = (0..6).map(|_| barrier.wait()).collect();
        let mut leaders = 0;
        while let Some(arrival) = all.next().await {
            leaders += usize::from(arrival.is_leader());
        }
        assert_eq!(leaders, 2);
        let chosen = select(barrier.wait(), sleep(secs(1))).await;
        drop(chosen);
        assert_eq!(barrier.n_waiting(), 0);
    });
}

/// Three tasks in several rounds, on either crate.
macro_rules! rounds {
    ($barrier:path, $spawn:path, $sleep:path) => {{
        let barrier = Arc::new(<$barrier>::new(3));
        let log = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = (0..3_u64)
            .map(|task| {
                let (barrier, log) = (Arc::clone(&barrier), Arc::clone(&log));
                $spawn(async move {
                    for round in 0..8 {
                        $sleep(millis(1 + (task * 7 + round * round * 5) % 11)).await;
                        let is_leader = barrier.wait().await.is_leader();
                        log.lock().unwrap().push((round, task, is_leader));
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let mut log = std::mem::take(&mut *log.lock().unwrap());
        // Tokio wakes those it releases in an order of its own.
        log.sort_unstable();
        log
    }};
}

#[test]
fn a_script_gives_the_same_on_tokios_barrier() {
    let ours = run(async { rounds!(Barrier, spawn, sleep) });
    let tokio =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let theirs = tokio
        .unwrap()
        .block_on(async { rounds!(tokio::sync::Barrier, tokio::spawn, tokio::time::sleep) });
    assert_eq!(ours, theirs);
    assert_eq!(ours.iter().filter(|(.., is_leader)| *is_leader).count(), 8);
}

#[test]
fn under_random_policies_each_round_has_each_index_once_whoever_leaves() {
    for seed in 0..100 {
        let report = Builder::new().seed(seed).policy(Random::new(seed)).run(async {
            let barrier = Rc::new(Barrier::new(3));
            let seen = Rc::new(RefCell::new(Vec::new()));
            for _ in 0..9 {
                let (barrier, seen) = (Rc::clone(&barrier), Rc::clone(&seen));
                spawn(async move {
                    for _ in 0..4 {
                        let patience = millis(simloop::rng().range(0..3));
                        if let Ok(arrival) = timeout(patience, barrier.wait()).await {
                            seen.borrow_mut().push(arrival);
                        }
                        sleep(millis(simloop::rng().range(0..3))).await;
                    }
                });
            }
            sleep(secs(1)).await;
            let seen = seen.borrow();
            let count = |index| seen.iter().filter(|arrival| arrival.index() == index).count();
            // A round that is complete is so also for one whose time is up in that turn, and who does not tell.
            let leaders = count(2);
            assert!(leaders > 0 && count(0) <= leaders && count(1) <= leaders);
            assert!(seen.iter().all(|arrival| arrival.is_leader() == (arrival.index() == 2)));
            assert_eq!(barrier.n_waiting(), 0);
        });
        report.unwrap();
    }
}

#[derive(Clone, Debug)]
enum Step {
    Come,
    Poll(usize),
    Drop(usize),
    Abort,
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Come),
        6 => (0..8_usize).prop_map(Step::Poll),
        3 => (0..8_usize).prop_map(Step::Drop),
        1 => Just(Step::Abort),
        1 => Just(Step::Reset),
    ]
}

/// What a barrier is, with lists.
struct Model {
    parties: usize,
    line: Vec<usize>,
    is_broken: bool,
    results: BTreeMap<usize, Result<usize, BrokenBarrier>>,
}

impl Model {
    fn come(&mut self, number: usize) {
        if self.is_broken {
            self.results.insert(number, Err(BrokenBarrier));
            return;
        }
        self.line.push(number);
        if self.line.len() == self.parties {
            let line = std::mem::take(&mut self.line);
            self.results.extend(line.into_iter().enumerate().map(|(index, who)| (who, Ok(index))));
        }
    }

    fn turn_away(&mut self, is_broken: bool) {
        self.is_broken = is_broken;
        let line = std::mem::take(&mut self.line);
        self.results.extend(line.into_iter().map(|who| (who, Err(BrokenBarrier))));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn a_barrier_does_what_a_list_of_those_who_came_does(
        parties in 1..5_usize,
        script in prop::collection::vec(step(), 0..60),
    ) {
        let barrier = Barrier::new(parties);
        let mut model =
            Model { parties, line: Vec::new(), is_broken: false, results: BTreeMap::new() };
        let mut waits: BTreeMap<usize, ByHand<'_, Arrival>> = BTreeMap::new();
        for (number, step) in script.into_iter().enumerate() {
            let nth = |n: usize| waits.keys().nth(n % waits.len().max(1)).copied();
            let polled = match step {
                Step::Come => {
                    waits.insert(number, ByHand::new(barrier.wait_or_broken()));
                    model.come(number);
                    Some(number)
                }
                Step::Poll(n) => nth(n),
                Step::Drop(n) => {
                    if let Some(who) = nth(n) {
                        waits.remove(&who);
                        model.line.retain(|&other| other != who);
                        model.results.remove(&who);
                    }
                    None
                }
                Step::Abort => {
                    barrier.abort();
                    model.turn_away(true);
                    None
                }
                Step::Reset => {
                    barrier.reset();
                    model.turn_away(false);
                    None
                }
            };
            if let Some(who) = polled {
                let arrival = waits.get_mut(&who).unwrap().poll();
                if arrival.is_some() {
                    waits.remove(&who);
                }
                let expected = model.results.remove(&who);
                prop_assert_eq!(arrival.map(|arrival| arrival.map(|it| it.index())), expected);
                if let Some(Ok(arrival)) = arrival {
                    prop_assert_eq!(arrival.is_leader(), arrival.index() + 1 == parties);
                }
            }
            for (who, wait) in &waits {
                prop_assert_eq!(wait.wakes(), usize::from(model.results.contains_key(who)));
            }
            prop_assert_eq!(barrier.n_waiting(), model.line.len());
            prop_assert_eq!(barrier.is_broken(), model.is_broken);
        }
    }
}
