//! Random calls against models of what should become of them, which know no tasks and no heaps.

use std::cell::RefCell;
use std::rc::Rc;

use proptest::prelude::*;
use simloop::policy::Random;
use simloop::sim::Cost;
use simloop::time::{Instant, block_for, sleep_until};
use simloop::{Builder, gather_all, now, spawn_blocking};

use crate::secs;

/// A call: when it is made, how long it waits and how long it computes, in seconds.
type Call = (u64, u64, u64);

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let call = (0..4_u64, 0..4_u64, 0..4_u64);
    prop::collection::vec(call, 0..10).prop_map(|mut calls| {
        let mut made_at = 0;
        for call in &mut calls {
            made_at += call.0;
            call.0 = made_at;
        }
        calls
    })
}

/// Makes the calls on a loop; returns when the work of each was done.
///
/// In a blocked run the task that makes the calls never lets go of the loop before the last one is made.
fn really(
    calls: &[Call],
    workers: usize,
    cores: usize,
    seed: Option<u64>,
    is_blocked: bool,
) -> Vec<u64> {
    let builder = Builder::new().blocking_workers(workers).cores(cores).deny_leftovers(true);
    let builder = match seed {
        Some(seed) => builder.policy(Random::new(seed)),
        None => builder,
    };
    let calls = calls.to_vec();
    let program = async move {
        let done_at = Rc::new(RefCell::new(vec![None; calls.len()]));
        let mut handles = Vec::new();
        for (number, &(made_at, waiting, computing)) in calls.iter().enumerate() {
            let made_at = Instant::ZERO + secs(made_at);
            if is_blocked {
                block_for(made_at.duration_since(now()));
            } else if made_at > now() {
                sleep_until(made_at).await;
            }
            let done_at = Rc::clone(&done_at);
            let cost = Cost::waiting(secs(waiting)).then_computing(secs(computing));
            handles.push(spawn_blocking(cost, move || {
                let seconds = now().since_start().as_secs();
                assert_eq!(done_at.borrow_mut()[number].replace(seconds), None, "done once");
            }));
        }
        for result in gather_all(handles).await {
            result.unwrap();
        }
        let done_at = done_at.borrow();
        done_at.iter().map(|at| at.expect("each is done")).collect::<Vec<_>>()
    };
    builder.run(program).unwrap()
}

/// The recurrence of a queue with servers that are all alike: the earliest free one serves the next call.
fn served(calls: impl Iterator<Item = (u64, u64)>, servers: usize) -> Vec<u64> {
    let mut free_at = vec![0_u64; servers];
    calls
        .map(|(made_at, cost)| {
            let server = free_at.iter_mut().min().expect("there is a server");
            *server = made_at.max(*server) + cost;
            *server
        })
        .collect()
}

/// Goes through the seconds one by one. At each, what ends does so in the order of its beginning, then calls
/// are made; after each of these, whoever can go on does, cores before workers.
fn second_by_second(calls: &[Call], workers: usize, cores: usize) -> Vec<u64> {
    let mut done_at = vec![None; calls.len()];
    let (mut workers_free, mut cores_free) = (workers, cores);
    let (mut queued, mut need_core) = (Vec::new(), Vec::new());
    // Call, end, and whether it computes; in the order of beginning.
    let mut running: Vec<(usize, u64, bool)> = Vec::new();
    let mut made = 0;
    let mut second = 0;
    while done_at.contains(&None) {
        let ended = running.iter().position(|&(_, until, _)| until == second);
        if let Some((call, _, computed)) = ended.map(|place| running.remove(place)) {
            if !computed && calls[call].2 > 0 {
                need_core.push(call);
            } else {
                cores_free += usize::from(computed);
                workers_free += 1;
                done_at[call] = Some(second);
            }
        } else if made < calls.len() && calls[made].0 == second {
            queued.push(made);
            made += 1;
        } else {
            second += 1;
        }
        loop {
            if cores_free > 0 && !need_core.is_empty() {
                cores_free -= 1;
                let call: usize = need_core.remove(0);
                running.push((call, second + calls[call].2, true));
            } else if workers_free > 0 && !queued.is_empty() {
                let call: usize = queued.remove(0);
                match calls[call] {
                    (_, 0, 0) => done_at[call] = Some(second),
                    (_, 0, _) => {
                        workers_free -= 1;
                        need_core.push(call);
                    }
                    (_, waiting, _) => {
                        workers_free -= 1;
                        running.push((call, second + waiting, false));
                    }
                }
            } else {
                break;
            }
        }
    }
    done_at.into_iter().flatten().collect()
}

#[test]
fn the_models_agree_on_an_example() {
    let calls = [(0, 0, 2), (0, 0, 1), (1, 0, 3)];
    assert_eq!(second_by_second(&calls, 2, 2), [2, 1, 4]);
    assert_eq!(served([(0, 2), (0, 1), (1, 3)].into_iter(), 2), [2, 1, 4]);
    assert_eq!(second_by_second(&calls, 2, 1), [2, 3, 6]);
    assert_eq!(second_by_second(&[(0, 1, 1), (0, 1, 1), (0, 0, 2)], 3, 1), [3, 4, 2]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn calls_are_done_when_a_naive_simulation_says(
        calls in calls(), workers in 1..5_usize, cores in 1..4_usize, seed: Option<u64>,
    ) {
        let expected = second_by_second(&calls, workers, cores);
        prop_assert_eq!(really(&calls, workers, cores, seed, false), expected);
    }

    #[test]
    fn calls_of_one_kind_are_done_when_the_recurrence_of_a_queue_says(
        calls in calls(), workers in 1..5_usize, cores in 1..4_usize, seed: Option<u64>,
    ) {
        let waiting: Vec<Call> = calls.iter().map(|&(at, waiting, _)| (at, waiting, 0)).collect();
        let expected = served(calls.iter().map(|&(at, waiting, _)| (at, waiting)), workers);
        prop_assert_eq!(really(&waiting, workers, cores, seed, false), expected);

        let computing: Vec<Call> = calls.iter().map(|&(at, _, computing)| (at, 0, computing)).collect();
        let servers = workers.min(cores);
        let costly = calls.iter().filter(|call| call.2 > 0);
        let expected = served(costly.map(|&(at, _, computing)| (at, computing)), servers);
        let done_at = really(&computing, workers, cores, seed, false);
        let costly = done_at.iter().zip(&calls).filter(|(_, call)| call.2 > 0);
        prop_assert_eq!(costly.map(|(&at, _)| at).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn s09_a_blocked_loop_learns_late_what_its_workers_did_on_time(
        calls in calls(), workers in 1..5_usize, cores in 1..4_usize, seed: Option<u64>,
    ) {
        let blocked_until = calls.last().map_or(0, |call| call.0);
        let on_time = second_by_second(&calls, workers, cores);
        let expected: Vec<_> = on_time.iter().map(|&at| at.max(blocked_until)).collect();
        prop_assert_eq!(really(&calls, workers, cores, seed, true), expected);
    }
}
