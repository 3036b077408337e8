//! `JoinSet`, by itself and beside tokio's.

use std::panic::AssertUnwindSafe;
use std::task::Poll;

use futures_util::FutureExt;
use proptest::prelude::*;
use simloop::{Builder, EventLoop, JoinSet, now, run, sleep, timeout, yield_now};

use super::{Log, cancelled_everywhere, left, logged, panicking, sleeper};
use crate::snapshots::assert_shown;
use crate::{millis, secs};

#[test]
fn results_come_in_the_order_of_completion_also_when_nobody_waited() {
    run(async {
        let mut set: JoinSet<_> = [3, 1, 2].map(sleeper).into_iter().collect();
        assert_eq!(set.join_next().await.unwrap().unwrap(), 1);
        set.spawn(sleeper(1));
        sleep(secs(5)).await;
        assert_eq!(set.len(), 3, "those that have finished are in the set");
        let rest: Vec<_> = std::iter::from_fn(|| set.try_join_next()).map(Result::unwrap).collect();
        assert_eq!(rest, [2, 1, 3]);
        assert!(set.is_empty() && set.join_next().await.is_none());
    });
}

#[test]
fn ids_and_names_are_those_of_the_tasks() {
    run(async {
        let mut set = JoinSet::new();
        let fast = set.spawn_named("fast", sleeper(1));
        let lost = set.spawn_named("lost", panicking(2));
        assert_eq!(fast.path(), "main/fast");
        assert_eq!(set.join_next_with_id().await.unwrap().unwrap(), (fast.id(), 1));
        let error = set.join_next_with_id().await.unwrap().unwrap_err();
        assert_eq!((error.id(), error.path()), (lost.id(), "main/lost"));
        assert!(set.try_join_next_with_id().is_none());
        fast.abort();
    });
}

#[test]
fn dropping_a_set_aborts_its_tasks_and_detaching_them_does_not() {
    let report = Builder::new().run(async {
        let log = Log::default();
        let mut set: JoinSet<_> = [5, 6, 1].map(|s| logged(&log, s)).into_iter().collect();
        sleep(secs(2)).await;
        set.detach_all();
        assert!(set.is_empty());
        set.spawn(logged(&log, 9));
        set.spawn(logged(&log, 8));
        yield_now().await;
        drop(set);
        yield_now().await;
        let expected = [(1, "1s"), (9, "2s"), (8, "2s")];
        assert_eq!(*log.borrow(), expected.map(|(s, at)| (s, at.to_owned())));
        sleep(secs(9)).await;
        assert_eq!(log.borrow()[3..], [(5, "5s".to_owned()), (6, "6s".to_owned())]);
    });
    assert!(report.leftovers.is_empty());
    report.unwrap();
}

#[test]
fn shutting_down_aborts_and_waits() {
    run(async {
        let log = Log::default();
        let mut set: JoinSet<_> = [5, 6].map(|s| logged(&log, s)).into_iter().collect();
        set.spawn(panicking(1));
        sleep(secs(1)).await;
        yield_now().await;
        set.shutdown().await;
        assert!(set.is_empty());
        assert_eq!(log.borrow().len(), 2);
        assert_eq!(now().to_string(), "1s");
    });
}

#[test]
fn joining_all_returns_the_outputs_as_they_came_and_panics_with_the_first_panic() {
    run(async {
        let set: JoinSet<_> = [3, 1, 2].map(sleeper).into_iter().collect();
        assert_eq!(set.join_all().await, [1, 2, 3]);
        let log = Log::default();
        let mut set: JoinSet<_> = [panicking(1)].into_iter().collect();
        set.spawn(logged(&log, 9));
        let payload = AssertUnwindSafe(set.join_all()).catch_unwind().await.unwrap_err();
        assert_eq!(payload.downcast_ref::<String>().unwrap(), "lost after 1 s");
        yield_now().await;
        assert_eq!(*log.borrow(), [(9, "4s".to_owned())], "the others are aborted");
        let mut set = JoinSet::new();
        set.spawn(sleeper(1)).abort();
        assert!(AssertUnwindSafe(set.join_all()).catch_unwind().await.is_err());
    });
}

#[test]
fn dropping_a_join_takes_no_result_and_withdraws_the_wait() {
    let report = Builder::new().run(async {
        let mut set: JoinSet<_> = [2].map(sleeper).into_iter().collect();
        assert!(timeout(secs(1), set.join_next()).await.is_err());
        sleep(secs(5)).await;
        assert_eq!(set.join_next().now_or_never().unwrap().unwrap().unwrap(), 2);
    });
    // Three turns of the root, two of the sleeper: it woke nobody who waits for something else.
    assert_eq!(report.counters.turns, 5);
    report.unwrap();
}

#[test]
fn cancelling_the_owner_at_any_turn_leaves_no_task() {
    let reports = cancelled_everywhere(|| async {
        let mut set: JoinSet<_> = [3, 1, 2].map(sleeper).into_iter().collect();
        set.join_next().await;
        set.spawn(sleeper(1));
        set.join_next().await;
        set.shutdown().await;
        [1, 2].map(sleeper).into_iter().collect::<JoinSet<_>>().join_all().await;
    });
    for report in reports {
        assert_eq!(left(&report), [""; 0]);
        report.unwrap();
    }
}

#[test]
fn polling_by_hand_wakes_the_last_waker() {
    run(async {
        let mut set: JoinSet<_> = [1].map(sleeper).into_iter().collect();
        let joined = std::future::poll_fn(|cx| set.poll_join_next(cx)).await;
        assert_eq!(joined.unwrap().unwrap(), 1);
        let empty = std::future::poll_fn(|cx| Poll::Ready(set.poll_join_next(cx))).await;
        assert!(matches!(empty, Poll::Ready(None)));
    });
}

#[test]
fn a_set_of_ten_thousand_costs_two_turns_a_task() {
    let report = Builder::new().run(async {
        let mut set: JoinSet<_> = (0..10_000).map(|n| sleeper(1 + n % 7)).collect();
        let mut last = 0;
        while let Some(result) = set.join_next().await {
            let seconds = result.unwrap();
            assert!(seconds >= last);
            last = seconds;
        }
    });
    assert_eq!(report.counters.turns, 20_000 + 1 + 7);
    report.unwrap();
}

#[test]
fn a_set_may_be_made_outside_a_loop_and_outlive_several() {
    let mut set = JoinSet::new();
    for round in 0..3 {
        let report = Builder::new().run(async move {
            assert_eq!(set.len(), if round == 0 { 0 } else { 1 });
            set.spawn(sleeper(9));
            set.spawn(sleeper(1));
            if round > 0 {
                let left = set.join_next().await.unwrap().unwrap_err();
                assert!(left.is_cancelled(), "what the last run left was cancelled");
            }
            assert_eq!(set.join_next().await.unwrap().unwrap(), 1);
            set
        });
        set = report.unwrap();
    }
    let only = run(async move { set.join_next().await.unwrap().unwrap_err() });
    assert!(only.is_cancelled());
}

#[test]
#[should_panic(expected = "tasks of two loops were joined together")]
fn a_set_holds_the_tasks_of_one_loop() {
    let other = EventLoop::new();
    let foreign = other.spawn(sleeper(1));
    run(async move {
        simloop::wait([simloop::spawn(sleeper(1)), foreign], simloop::WaitFor::All).await;
    });
}

#[test]
fn s37_a_set_that_waits_for_itself_is_a_deadlock_with_its_tasks() {
    let failure = Builder::new()
        .run(async {
            let mut set = JoinSet::new();
            let (sender, receiver) = futures_channel::oneshot::channel::<()>();
            set.spawn_named("listener", async move {
                let _ = receiver.await;
            });
            set.spawn_named("sleeper", async {
                sleep(secs(1)).await;
            });
            while set.join_next().await.is_some() {}
            drop(sender);
        })
        .unwrap_failure();
    assert_shown("combining", "deadlock_join_set", failure);
}

/// A step of a script for both sets.
#[derive(Clone, Debug)]
enum Step {
    /// Spawns a task that sleeps so long and returns its number.
    Spawn(u64),
    SpawnPanicking(u64),
    Abort(usize),
    AbortAll,
    DetachAll,
    JoinNext,
    TryJoinNext,
    /// Joins for so long at most.
    JoinWithin(u64),
    Sleep(u64),
    Yield,
    Shutdown,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1_u64..20).prop_map(Step::Spawn),
        1 => (1_u64..20).prop_map(Step::SpawnPanicking),
        2 => (0_usize..12).prop_map(Step::Abort),
        1 => Just(Step::AbortAll),
        1 => Just(Step::DetachAll),
        4 => Just(Step::JoinNext),
        3 => Just(Step::TryJoinNext),
        2 => (1_u64..10).prop_map(Step::JoinWithin),
        3 => (1_u64..10).prop_map(Step::Sleep),
        1 => Just(Step::Yield),
        1 => Just(Step::Shutdown),
    ]
}

/// The script on one of the two, as a list of lines.
macro_rules! play {
    ($steps:expr, $error:ty, $set:expr, $sleep:path, $timeout:path, $yield_now:path) => {{
        let mut set = $set;
        let mut aborts = Vec::new();
        let mut lines = Vec::new();
        let show = |result: Option<Result<usize, $error>>| match result {
            None => "none".to_owned(),
            Some(Ok(number)) => format!("{number}"),
            Some(Err(error)) if error.is_panic() => "panicked".to_owned(),
            Some(Err(_)) => "cancelled".to_owned(),
        };
        for step in $steps {
            let line = match step {
                Step::Spawn(delay) => {
                    let number = aborts.len();
                    aborts.push(set.spawn(async move {
                        $sleep(millis(delay)).await;
                        number
                    }));
                    "spawned".to_owned()
                }
                Step::SpawnPanicking(delay) => {
                    aborts.push(set.spawn(async move {
                        $sleep(millis(delay)).await;
                        std::panic::resume_unwind(Box::new("lost"))
                    }));
                    "spawned".to_owned()
                }
                Step::Abort(number) => {
                    aborts.get(number).into_iter().for_each(|abort| abort.abort());
                    "aborted".to_owned()
                }
                Step::AbortAll => {
                    set.abort_all();
                    "aborted all".to_owned()
                }
                Step::DetachAll => {
                    set.detach_all();
                    "detached all".to_owned()
                }
                Step::JoinNext => show(set.join_next().await),
                Step::TryJoinNext => show(set.try_join_next()),
                Step::JoinWithin(delay) => match $timeout(millis(delay), set.join_next()).await {
                    Ok(result) => show(result),
                    Err(_) => "timed out".to_owned(),
                },
                Step::Sleep(delay) => {
                    $sleep(millis(delay)).await;
                    "slept".to_owned()
                }
                Step::Yield => {
                    $yield_now().await;
                    "yielded".to_owned()
                }
                Step::Shutdown => {
                    set.shutdown().await;
                    "shut down".to_owned()
                }
            };
            lines.push(format!("{line}, {} left, empty: {}", set.len(), set.is_empty()));
        }
        let mut rest = Vec::new();
        while let Some(result) = set.join_next().await {
            rest.push(show(Some(result)));
        }
        lines.push(rest.join(" "));
        lines
    }};
}

/// Delays made different from each other, so that no two timers are due at one instant: tokio has its own
/// order for those.
fn without_ties(steps: Vec<Step>) -> Vec<Step> {
    let apart = |(place, step)| {
        let delay = |delay: u64| delay * 100_000 + (1_u64 << place);
        match step {
            Step::Spawn(old) => Step::Spawn(delay(old)),
            Step::SpawnPanicking(old) => Step::SpawnPanicking(delay(old)),
            Step::JoinWithin(old) => Step::JoinWithin(delay(old)),
            Step::Sleep(old) => Step::Sleep(delay(old)),
            other => other,
        }
    };
    steps.into_iter().enumerate().map(apart).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn a_script_gives_the_same_on_tokios_join_set(steps in prop::collection::vec(step(), 1..16)) {
        let steps = without_ties(steps);
        let script = steps.clone();
        let ours = Builder::new().run(async move {
            play!(script, simloop::JoinError, JoinSet::new(), simloop::sleep, simloop::timeout, simloop::yield_now)
        });
        let tokio = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let script = steps.clone();
        let theirs = tokio.block_on(async move {
            let set = tokio::task::JoinSet::new();
            play!(script, tokio::task::JoinError, set, tokio::time::sleep, tokio::time::timeout, tokio::task::yield_now)
        });
        // Panics of detached tasks fail our run, and are lost in tokio.
        if let Ok(ours) = ours.outcome {
            prop_assert_eq!(ours, theirs, "{:?}", steps);
        } else {
            prop_assert!(steps.iter().any(|step| matches!(step, Step::SpawnPanicking(_))));
        }
    }
}
