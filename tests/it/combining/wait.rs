//! `wait`, `wait_until`, `as_completed`, `shield`.

use futures_util::{FutureExt, Stream, StreamExt};
use simloop::policy::Random;
use simloop::task::{Shield, Waited};
use simloop::{
    Builder, Instant, JoinHandle, WaitFor, as_completed, now, run, shield, sleep, spawn,
    spawn_named, timeout, wait, wait_until, yield_now,
};

use super::{Log, cancelled_everywhere, failing, left, logged, panicking, sleeper};
use crate::secs;
use crate::snapshots::assert_shown;

async fn outputs(handles: Vec<JoinHandle<u64>>) -> Vec<u64> {
    let mut outputs = Vec::new();
    for handle in handles {
        outputs.push(handle.await.unwrap());
    }
    outputs
}

#[test]
fn s26_wait_for_the_first_returns_when_any_task_has_finished() {
    run(async {
        let tasks = [3, 1, 2].map(|seconds| spawn(sleeper(seconds)));
        let Waited { done, pending } = wait(tasks, WaitFor::FirstCompleted).await;
        assert_eq!(now().to_string(), "1s");
        assert_eq!(outputs(done).await, [1]);
        assert_eq!(now().to_string(), "1s", "a handle that is done gives its result at once");
        assert_eq!(pending.len(), 2);
        assert_eq!(outputs(pending).await, [3, 2], "in input order");
        assert_eq!(now().to_string(), "3s");
    });
}

#[test]
fn s26_tasks_that_finish_at_the_same_instant_are_done_together() {
    run(async {
        let tasks = [1, 2, 1].map(|seconds| spawn(sleeper(seconds)));
        let Waited { mut done, pending } = wait(tasks, WaitFor::FirstCompleted).await;
        assert_eq!((done.len(), pending.len()), (2, 1));
        assert!(done.iter_mut().all(|handle| handle.try_take().unwrap().unwrap() == 1));
    });
}

#[test]
fn s26_wait_for_the_first_failure_returns_at_a_panic_a_cancellation_or_the_end() {
    run(async {
        let tasks = [spawn(sleeper(1)), spawn(panicking(2)), spawn(sleeper(3))];
        let mut waited = wait(tasks, WaitFor::FirstFailure).await;
        assert_eq!(now().to_string(), "2s");
        assert_eq!((waited.done.len(), waited.pending.len()), (2, 1));
        let error = waited.done.pop().unwrap().await.unwrap_err();
        assert!(error.is_panic());

        let cancelled = spawn(sleeper(9));
        cancelled.abort();
        let waited = wait([spawn(sleeper(5)), cancelled], WaitFor::FirstFailure).await;
        assert_eq!(now().to_string(), "2s");
        assert!(waited.done.into_iter().next().unwrap().await.unwrap_err().is_cancelled());

        let errors = [1, 2].map(|seconds| spawn(failing(seconds)));
        let waited = wait(errors, WaitFor::FirstFailure).await;
        assert_eq!(now().to_string(), "4s", "an `Err` is an output");
        assert_eq!(waited.pending.len(), 0);
    });
}

#[test]
fn s26_wait_for_all_returns_when_the_last_has_finished_however_it_did() {
    run(async {
        let tasks = [spawn(sleeper(1)), spawn(panicking(2)), spawn(sleeper(3))];
        let waited = wait(tasks, WaitFor::All).await;
        assert_eq!(now().to_string(), "3s");
        assert_eq!((waited.done.len(), waited.pending.len()), (3, 0));
        let failed: Vec<_> =
            waited.done.into_iter().map(|mut handle| handle.try_take().unwrap().is_err()).collect();
        assert_eq!(failed, [false, true, false]);
    });
}

#[test]
fn s26_a_wait_ends_at_its_timeout_and_cancels_nothing() {
    let report = Builder::new().run(async {
        let log = Log::default();
        let tasks = [3, 1].map(|seconds| spawn(logged(&log, seconds)));
        let waited = wait(tasks, WaitFor::All).timeout(secs(2)).await;
        assert_eq!(now().to_string(), "2s");
        assert_eq!((waited.done.len(), waited.pending.len()), (1, 1));
        let at = Instant::ZERO + secs(5);
        let waited = wait(waited.pending, WaitFor::All).deadline(at).await;
        assert_eq!(now().to_string(), "3s", "no timer holds it up");
        assert_eq!(log.borrow().len(), 2);
        drop(waited);
    });
    assert_eq!(report.counters.timers_cancelled, 1);
    assert_eq!(report.ended_at.to_string(), "3s");
    report.unwrap();
}

#[test]
fn s26_a_timeout_of_zero_looks_and_does_not_wait() {
    run(async {
        let mut tasks = [spawn(async { 0 }), spawn(sleeper(1))];
        let looked = wait(&mut tasks, WaitFor::All).timeout(secs(0)).now_or_never().unwrap();
        assert_eq!((looked.done.len(), looked.pending.len()), (0, 2));
        yield_now().await;
        let looked = wait(&mut tasks, WaitFor::All).timeout(secs(0)).now_or_never().unwrap();
        assert_eq!((looked.done.len(), looked.pending.len()), (1, 1));
        assert_eq!(now(), Instant::ZERO);
    });
}

#[test]
fn s14_a_task_that_finishes_at_the_deadline_is_done_if_its_turn_came_first() {
    run(async {
        let early = spawn(sleeper(2));
        yield_now().await;
        let waited = wait([early], WaitFor::All).timeout(secs(2)).await;
        assert_eq!((waited.done.len(), now().to_string().as_str()), (1, "2s"));
        let mut late = spawn(async {
            yield_now().await;
            sleeper(2).await
        });
        let waited = wait([&mut late], WaitFor::All).timeout(secs(2)).await;
        assert_eq!((waited.done.len(), now().to_string().as_str()), (0, "4s"));
    });
}

#[test]
fn s26_a_wait_on_nothing_or_on_what_has_finished_is_ready_at_once() {
    run(async {
        for condition in [WaitFor::FirstCompleted, WaitFor::FirstFailure, WaitFor::All] {
            let waited = wait(Vec::<JoinHandle<()>>::new(), condition).now_or_never().unwrap();
            assert!(waited.done.is_empty() && waited.pending.is_empty());
        }
        let tasks = [spawn(async {}), spawn(async {})];
        yield_now().await;
        assert_eq!(wait(tasks, WaitFor::All).now_or_never().unwrap().done.len(), 2);
        assert!(as_completed(Vec::<JoinHandle<()>>::new()).next().await.is_none());
    });
}

#[test]
fn s26_a_dropped_wait_loses_nothing_of_lent_handles_and_detaches_owned_ones() {
    run(async {
        let log = Log::default();
        let mut tasks = [3, 2].map(|seconds| spawn(logged(&log, seconds)));
        assert!(timeout(secs(1), wait(&mut tasks, WaitFor::All)).await.is_err());
        let [first, second] = tasks;
        assert!(timeout(secs(1), wait([first], WaitFor::All)).await.is_err());
        assert_eq!(second.await.unwrap(), 2);
        sleep(secs(2)).await;
        assert_eq!(log.borrow().len(), 2);
        assert_eq!(log.borrow()[1], (3, "3s".to_owned()));
    });
}

#[test]
fn s17_a_task_whose_wait_is_over_is_not_woken_by_what_it_waited_for() {
    let report = Builder::new().run(async {
        let mut tasks = [2, 3].map(|seconds| spawn(sleeper(seconds)));
        wait(&mut tasks, WaitFor::All).timeout(secs(1)).await;
        let mut completed = as_completed(&mut tasks);
        assert!(timeout(secs(0), completed.next()).await.is_err());
        sleep(secs(9)).await;
    });
    // Its start, the timeout, the end; and two turns each of the others.
    assert_eq!(report.counters.turns, 3 + 4);
}

#[test]
fn s26_cancelling_a_waiter_at_any_turn_cancels_no_task() {
    let program = || async {
        let mut tasks = [2, 1].map(|seconds| spawn_named("inner", sleeper(seconds)));
        wait(&mut tasks, WaitFor::FirstCompleted).await;
        let mut completed = as_completed(tasks);
        while completed.next().await.is_some() {}
        shield(sleeper(1)).await.unwrap();
        wait([spawn(sleeper(1))], WaitFor::All).timeout(secs(2)).await;
    };
    let mut seen = std::collections::BTreeSet::new();
    for report in cancelled_everywhere(program) {
        seen.insert(left(&report).join(" "));
        report.unwrap();
    }
    let expected =
        ["", "waiter/inner[0]", "waiter/inner[0] waiter/inner[1]", "waiter/task", "waiter/task[1]"];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn s26_a_condition_on_results_ends_a_wait() {
    run(async {
        let tasks = [spawn(failing(3)), spawn(sleeper(1).map(Ok)), spawn(failing(2))];
        let waited = wait_until(tasks, |result| !matches!(result, Ok(Ok(_)))).await;
        assert_eq!(now().to_string(), "2s");
        let done: Vec<_> =
            waited.done.into_iter().map(|(n, result)| (n, result.unwrap())).collect();
        assert_eq!(done, [(1, Ok(1)), (2, Err(2))]);
        let waited = wait_until(waited.pending, |_| false).timeout(secs(5)).await;
        assert_eq!((waited.done.len(), now().to_string().as_str()), (1, "3s"));
        let waited = wait_until([spawn(sleeper(5))], |_| true).deadline(now() + secs(1)).await;
        assert_eq!((waited.pending.len(), now().to_string().as_str()), (1, "4s"));
    });
}

#[test]
fn s26_as_completed_yields_in_the_order_of_completion_with_the_position_in_the_input() {
    run(async {
        let tasks = [3, 1, 2].map(|seconds| spawn(sleeper(seconds)));
        let completed = as_completed(tasks);
        assert_eq!(completed.size_hint(), (3, Some(3)));
        let seen: Vec<_> =
            completed.map(|(n, result)| (n, result.unwrap(), now().to_string())).collect().await;
        assert_eq!(
            seen,
            [(1, 1, "1s".to_owned()), (2, 2, "2s".to_owned()), (0, 3, "3s".to_owned())]
        );
    });
}

#[test]
fn s26_as_completed_keeps_the_order_of_turns_among_ties_and_among_what_had_finished() {
    let program = || async {
        let log = Log::default();
        let tasks: Vec<_> = (0..6).map(|n| spawn(logged(&log, n / 2).map(move |_| n))).collect();
        let finished: Vec<_> = (0..3)
            .map(|n| {
                let log = log.clone();
                spawn(async move { log.borrow_mut().push((n, String::new())) }.map(move |()| n))
            })
            .collect();
        yield_now().await;
        yield_now().await;
        let mut order = Vec::new();
        let mut completed = as_completed(tasks.into_iter().chain(finished));
        while let Some((_, result)) = completed.next().await {
            order.push(result.unwrap());
        }
        (order, log.take().into_iter().map(|(n, _)| n).collect::<Vec<_>>())
    };
    for seed in 0..100 {
        let (order, log) = Builder::new().policy(Random::new(seed)).run(program()).unwrap();
        // The log holds seconds for the sleepers.
        let known = |n: u64| n / 2;
        assert_eq!(order.len(), log.len());
        for (place, (&told, &ended)) in order.iter().zip(&log).enumerate() {
            assert!(told == ended || known(told) == ended, "{place}: {order:?}, {log:?}");
        }
    }
}

#[test]
fn s26_as_completed_gives_panics_and_cancellations_as_results() {
    run(async {
        let aborted = spawn(sleeper(9));
        let abort = aborted.abort_handle();
        let mut completed = as_completed([spawn(panicking(1)), aborted]);
        let (index, result) = completed.next().await.unwrap();
        assert!(index == 0 && result.unwrap_err().is_panic());
        abort.abort();
        let (index, result) = completed.next().await.unwrap();
        assert!(index == 1 && result.unwrap_err().is_cancelled());
        assert!(completed.next().await.is_none() && completed.next().await.is_none());
        assert_eq!(now().to_string(), "1s");
    });
}

#[test]
fn s26_a_shield_protects_its_task_from_the_cancellation_of_the_waiter() {
    run(async {
        let log = Log::default();
        let inner = logged(&log, 2);
        let waiter = spawn(async move { shield(inner).await });
        sleep(secs(1)).await;
        waiter.abort();
        assert!(waiter.await.unwrap_err().is_cancelled());
        assert!(log.borrow().is_empty());
        sleep(secs(2)).await;
        assert_eq!(*log.borrow(), [(2, "2s".to_owned())]);
    });
}

#[test]
fn s26_a_waiter_sees_that_the_shielded_task_was_cancelled_or_panicked() {
    run(async {
        let shielded = shield(sleeper(2));
        shielded.get_ref().abort();
        assert!(shielded.await.unwrap_err().is_cancelled());
        assert!(Shield::from(spawn(panicking(1))).await.unwrap_err().is_panic());
        assert_eq!(shield(sleeper(1)).into_inner().await.unwrap(), 1);
        assert_eq!(now().to_string(), "2s");
    });
}

#[test]
fn ten_thousand_handles_are_waited_for_in_no_more_turns_than_there_are_endings() {
    let report = Builder::new().run(async {
        let spawn_all = || (0..10_000).map(|n| spawn(sleeper(1 + n % 2)));
        assert_eq!(wait(spawn_all(), WaitFor::All).await.done.len(), 10_000);
        let mut completed = as_completed(spawn_all());
        while completed.next().await.is_some() {}
    });
    assert_eq!(report.counters.turns, 40_000 + 1 + 2 + 2);
    report.unwrap();
}

#[test]
fn s37_a_wait_that_can_never_end_names_the_tasks_that_are_left() {
    let failure = Builder::new()
        .run(async {
            let stuck = |name| spawn_named(name, std::future::pending::<u64>());
            let tasks = [stuck("left"), spawn_named("done", sleeper(1)), stuck("also_left")];
            spawn_named("shielding", async { shield(std::future::pending::<()>()).await });
            wait(tasks, WaitFor::All).await;
        })
        .unwrap_failure();
    assert_shown("combining", "deadlock_wait", failure);
}
