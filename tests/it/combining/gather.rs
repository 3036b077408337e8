//! `gather!`, `gather_all`, their fallible forms, `gather_settled`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use simloop::policy::Random;
use simloop::report::FailureKind;
use simloop::task::{Gather, TryGather};
use simloop::{
    Builder, gather, gather_all, gather_settled, now, run, sleep, spawn_named, task, try_gather,
    try_gather_all, yield_now,
};

use super::{Log, cancelled_everywhere, failing, left, logged, panicking, sleeper};
use crate::secs;
use crate::snapshots::assert_shown;

#[test]
fn s24_outputs_come_in_input_order_whatever_the_order_of_completion() {
    run(async {
        assert_eq!(gather_all([3, 1, 2].map(sleeper)).await, [3, 1, 2]);
        assert_eq!(now().to_string(), "3s");
        assert_eq!(gather!(sleeper(2), async { "two" }, sleeper(1)).await, (2, "two", 1));
        assert_eq!(now().to_string(), "5s");
    });
}

#[test]
fn s24_three_sleeps_of_one_second_take_one_second() {
    run(async {
        gather_all([1, 1, 1].map(sleeper)).await;
        assert_eq!(now().to_string(), "1s");
        gather!(sleeper(1), sleeper(1), sleeper(1)).await;
        assert_eq!(now().to_string(), "2s");
    });
}

#[test]
fn s24_the_inputs_are_tasks_that_are_spawned_at_the_call_as_children_of_the_caller() {
    let report = Builder::new().run(async {
        let path = || async { task::current().path() };
        let line = line!() + 1;
        let gathered = gather!(path(), path());
        spawn_named("later", async {}).await.unwrap();
        assert_eq!(gathered.await, ("main/task[0]".to_owned(), "main/task[1]".to_owned()));
        let pending = gather_all([std::future::pending::<()>()]);
        std::mem::forget(gather!(std::future::pending::<()>()));
        std::mem::forget(pending);
        yield_now().await;
        line
    });
    let sites: Vec<_> = report.leftovers.iter().map(|task| task.spawned_at.line()).collect();
    let files: Vec<_> = report.leftovers.iter().map(|task| task.spawned_at.file()).collect();
    assert!(files.iter().all(|file| file.ends_with("combining/gather.rs")), "{files:?}");
    let line = report.unwrap();
    assert_eq!(sites, [line + 3, line + 4], "where the gather stands");
}

#[test]
fn s24_a_gather_without_inputs_is_ready_at_once() {
    run(async {
        assert_eq!(gather_all(Vec::<std::future::Ready<u8>>::new()).now_or_never(), Some(vec![]));
        let none = try_gather_all(Vec::<std::future::Ready<Result<u8, u8>>>::new());
        assert_eq!(none.now_or_never(), Some(Ok(vec![])));
        let none = gather_settled(Vec::<std::future::Ready<u8>>::new());
        assert!(none.now_or_never().unwrap().is_empty());
        assert_eq!(simloop::task::current().id().as_u64(), 0);
    });
}

#[test]
fn s24_the_first_error_ends_the_gather_at_once_and_the_others_keep_running() {
    let report = Builder::new().run(async {
        let log = Log::default();
        let jobs: Vec<_> = [3, 1].map(|seconds| logged(&log, seconds).map(Ok)).into();
        let jobs: Vec<_> = jobs.into_iter().map(FutureExt::boxed_local).collect();
        let jobs = jobs.into_iter().chain([failing(2).boxed_local()]);
        let gathered = try_gather_all(jobs);
        assert_eq!(gathered.await, Err(2));
        assert_eq!(now().to_string(), "2s");
        assert_eq!(log.borrow().len(), 1);
        sleep(secs(5)).await;
        assert_eq!(log.borrow()[1], (3, "3s".to_owned()), "it was not dropped early");
        let ok = try_gather!(async { Ok::<_, u64>("fine") }, failing(1), async { Ok(2.5) });
        assert_eq!(ok.await, Err(1));
        assert_eq!(try_gather!(async { Ok::<_, u8>(1) }, async { Ok("b") }).await, Ok((1, "b")));
    });
    assert!(report.leftovers.is_empty());
    report.unwrap();
}

#[test]
fn s24_of_several_errors_at_one_instant_the_first_is_the_one_whose_task_finished_first() {
    run(async {
        let late_to_sleep = async {
            yield_now().await;
            failing(1).await.map_err(|_| "first input")
        };
        let early = async { failing(1).await.map_err(|_| "second input") };
        assert_eq!(try_gather!(late_to_sleep, early).await.unwrap_err(), "second input");
    });
}

#[test]
fn s24_a_gather_that_keeps_its_errors_holds_on_to_no_task() {
    run(async {
        let log = Log::default();
        let slow = logged(&log, 9).map(Ok::<u64, u64>);
        let mut gathered = try_gather!(failing(1), slow);
        assert_eq!((&mut gathered).await, Err(1));
        drop(gathered);
        assert!(log.borrow().is_empty(), "it is detached, not aborted");
        sleep(secs(10)).await;
        assert_eq!(*log.borrow(), [(9, "9s".to_owned())]);
    });
}

#[test]
fn s24_the_collecting_form_returns_every_result() {
    run(async {
        let aborted = async {
            task::current().abort_handle().abort();
            sleeper(1).await
        };
        let jobs = [sleeper(2).boxed_local(), panicking(1).boxed_local(), aborted.boxed_local()];
        let results = gather_settled(jobs).await;
        assert_eq!(now().to_string(), "2s", "nothing ends it early");
        assert_eq!(*results[0].as_ref().unwrap(), 2);
        assert!(results[1].as_ref().unwrap_err().is_panic());
        assert!(results[2].as_ref().unwrap_err().is_cancelled());
    });
}

#[test]
fn s24_a_panic_goes_on_in_the_awaiter_at_once_and_the_others_keep_running() {
    run(async {
        let log = Log::default();
        let gathered = gather!(logged(&log, 3), panicking(1));
        let payload = AssertUnwindSafe(gathered).catch_unwind().await.unwrap_err();
        assert_eq!(payload.downcast_ref::<String>().unwrap(), "lost after 1 s");
        assert_eq!(now().to_string(), "1s");
        assert!(log.borrow().is_empty());
        sleep(secs(3)).await;
        assert_eq!(*log.borrow(), [(3, "3s".to_owned())]);

        let gathered = try_gather_all([panicking(1).map(Ok::<u64, u64>)]);
        assert!(AssertUnwindSafe(gathered).catch_unwind().await.is_err(), "a panic is no `Err`");
    });
}

#[test]
fn s24_a_task_that_aborts_itself_leaves_nothing_to_gather() {
    run(async {
        let gathered = gather_all([async {
            task::current().abort_handle().abort();
            yield_now().await;
        }]);
        let payload = AssertUnwindSafe(gathered).catch_unwind().await.unwrap_err();
        let message = payload.downcast_ref::<String>().unwrap();
        assert_eq!(
            message,
            "task `main/task` was cancelled, so there is no output of it to gather"
        );
    });
}

#[test]
fn s20_a_second_panic_in_a_gather_is_not_lost() {
    let report = Builder::new().run(async {
        let gathered = gather_all([1, 1].map(panicking));
        assert!(AssertUnwindSafe(gathered).catch_unwind().await.is_err());
    });
    let failure = report.unwrap_failure();
    match failure.kind() {
        FailureKind::Panic(panic) => assert_eq!(panic.path, "main/task[1]"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn s24_dropping_a_gather_aborts_its_tasks_in_input_order() {
    let report = Builder::new().run(async {
        let log = Log::default();
        let gathered = simloop::timeout(secs(2), gather_all([9, 1, 8].map(|s| logged(&log, s))));
        assert!(gathered.await.is_err());
        assert_eq!(log.borrow().len(), 1, "they are dropped at their turns");
        sleep(secs(1)).await;
        let expected = [(1, "1s"), (9, "2s"), (8, "2s")];
        assert_eq!(*log.borrow(), expected.map(|(s, at)| (s, at.to_owned())));
        drop(gather_settled([logged(&log, 7)]));
        drop(try_gather!(logged(&log, 6).map(Ok::<_, ()>)));
        yield_now().await;
        assert_eq!(log.borrow().len(), 5, "also before it was awaited");
    });
    assert!(report.leftovers.is_empty());
    report.unwrap();
}

#[test]
fn s24_cancelling_the_waiter_at_any_turn_leaves_no_task() {
    let reports = cancelled_everywhere(|| async {
        gather_all([2, 1].map(sleeper)).await;
        gather!(sleeper(1), sleeper(2)).await;
        try_gather_all([2, 1].map(|s| sleeper(s).map(Ok::<_, ()>))).await.unwrap();
        gather_settled([1, 2].map(sleeper)).await;
    });
    for (turns, report) in reports.into_iter().enumerate() {
        assert_eq!(left(&report), [""; 0], "after {turns} turns");
        report.unwrap();
    }
}

#[test]
fn s24_ten_thousand_inputs_cost_two_turns_each_and_one_for_the_gather() {
    let report = Builder::new().run(async {
        let outputs = gather_all((0..10_000).map(|n| async move {
            sleep(secs(1 + n % 2)).await;
            n
        }));
        assert!(outputs.await.into_iter().eq(0..10_000));
    });
    // The root's first turn, and one at each of the two instants.
    assert_eq!(report.counters.turns, 20_000 + 3);
    report.unwrap();
}

#[test]
fn a_gather_may_be_polled_with_wakers_of_a_combinator() {
    run(async {
        let both = futures_util::future::join(
            gather_all([2, 1].map(sleeper)),
            gather!(sleeper(3), sleeper(1)),
        );
        assert_eq!(both.await, (vec![2, 1], (3, 1)));
        assert_eq!(now().to_string(), "3s");
    });
}

#[test]
fn a_gather_under_any_policy_gives_the_same_outputs_and_replays() {
    let program = || async {
        let gathered = gather!(sleeper(1), async { yield_now().await }, sleeper(1)).await;
        (gathered, try_gather_all([failing(2), failing(2), failing(2)]).await)
    };
    let mut errors = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let report = Builder::new().policy(Random::new(seed)).run(program());
        let again = Builder::new().replay(&report.schedule.to_string()).run(program());
        assert_eq!(again.digest, report.digest);
        let (gathered, error) = report.unwrap();
        assert_eq!(gathered, (1, (), 1));
        errors.insert(error.unwrap_err());
    }
    assert_eq!(errors.len(), 1);
}

#[test]
fn a_gather_has_a_name_to_be_stored_under_and_outlives_its_loop() {
    struct Stored {
        list: Gather<Vec<u64>>,
        tuple: TryGather<(u64, &'static str), String>,
    }
    let kept = Rc::new(std::cell::RefCell::new(None));
    let keep = Rc::clone(&kept);
    run(async move {
        let tuple = try_gather!(sleeper(1).map(Ok), async { Ok("b") });
        let stored = Stored { list: gather_all([1].map(sleeper)), tuple };
        assert_eq!(format!("{:?}", stored.list), "Gather { left: 1, .. }");
        *keep.borrow_mut() = Some(stored);
    });
    let stored = kept.take().unwrap();
    let polled = catch_unwind(AssertUnwindSafe(|| {
        let mut list = stored.list;
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(list.poll_unpin(&mut cx), Poll::Pending, "never: it was cancelled");
    }));
    assert!(polled.unwrap_err().downcast_ref::<String>().unwrap().contains("was cancelled"));
    drop(stored.tuple);
}

#[test]
fn s37_a_gather_that_can_never_end_is_a_deadlock_that_names_its_tasks() {
    let failure = Builder::new()
        .run(async {
            let ready = spawn_named("ready", sleeper(1));
            let stuck = || std::future::pending::<()>();
            spawn_named("waiter", async move { gather!(ready, stuck(), stuck()).await });
            sleep(secs(2)).await;
            gather_all([stuck(), stuck()]).await;
        })
        .unwrap_failure();
    assert_shown("combining", "deadlock_gather", failure);
}
