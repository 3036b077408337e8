//! `on_cancel`: tidying up asynchronously, shielded, bounded, and waited for.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;

use simloop::policy::Random;
use simloop::task::OnCancel;
use simloop::trace::Level;
use simloop::{
    Builder, EventLoop, TaskGroup, now, on_cancel, run, sleep, spawn, spawn_named, timeout,
    yield_now,
};

use super::{Log, OnDrop, aborted_at, exhaust, left};
use crate::secs;

/// Takes two seconds and writes when it is done.
async fn tidy(log: Log) {
    sleep(secs(2)).await;
    drop(OnDrop(log, "tidied up".to_owned()));
}

#[test]
fn a_guard_that_is_dropped_tidies_up_in_a_task_that_its_owners_end_waits_for() {
    let log = Log::default();
    let inner = Rc::clone(&log);
    let report = Builder::new().deny_leftovers(true).run(async move {
        let worker = spawn_named("worker", async move {
            let _guard = on_cancel(secs(5), inner, tidy);
            pending::<()>().await;
        });
        sleep(secs(1)).await;
        worker.abort();
        let cancelled = worker.await.unwrap_err();
        assert!(cancelled.is_cancelled());
        assert_eq!(now().to_string(), "3s");
    });
    report.unwrap();
    assert_eq!(*log.borrow(), ["3s tidied up"]);
}

#[test]
fn a_guard_lends_its_value_and_gives_it_back_when_it_is_disarmed() {
    run(async {
        let mut guard = on_cancel(secs(1), vec![1], async |_| unreachable!("it was disarmed"));
        guard.push(2);
        assert_eq!(guard.len(), 2);
        assert_eq!(format!("{guard:?}"), "OnCancel { value: Some([1, 2]), limit: 1s, .. }");
        assert_eq!(guard.disarm(), [1, 2]);
        sleep(secs(5)).await;
    });
}

#[test]
fn the_regular_end_tidies_up_in_the_same_way_and_waits() {
    let log = Log::default();
    let inner = Rc::clone(&log);
    run(async move {
        on_cancel(secs(5), Rc::clone(&inner), tidy).run_now().await.unwrap();
        assert_eq!(*inner.borrow(), ["2s tidied up"]);
        let late = on_cancel(secs(1), inner, tidy).run_now().await.unwrap_err();
        assert_eq!(late.to_string(), "scope `cleanup` reached its deadline at 3s");
        let broken = on_cancel(secs(1), (), async |()| std::panic::resume_unwind(Box::new("torn")));
        let broken = std::panic::AssertUnwindSafe(broken.run_now());
        let payload = futures_util::FutureExt::catch_unwind(broken).await.unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"torn"));
    });
    assert_eq!(*log.borrow(), ["2s tidied up"]);
}

#[test]
fn a_cleanup_ends_at_its_limit_with_a_line_in_the_trace() {
    let report = Builder::new().trace(Level::Tasks).run(async {
        let worker = spawn_named("worker", async {
            let _guard = on_cancel(secs(3), (), |()| pending());
            pending::<()>().await;
        });
        yield_now().await;
        worker.abort();
        let _ = worker.await;
        assert_eq!(now().to_string(), "3s");
    });
    let notes: Vec<_> = report.trace.notes().collect();
    assert_eq!(notes, ["main/worker/cleanup was dropped at its limit of 3s"]);
}

#[test]
fn a_cleanup_is_shielded_from_whatever_cancels_its_owner() {
    let log = Log::default();
    let inner = Rc::clone(&log);
    run(async move {
        // A timeout drops the guard; the abort of the task does not reach the cleanup either.
        let worker = spawn(async move {
            let guarded = async {
                let _guard = on_cancel(secs(5), inner, tidy);
                pending::<()>().await;
            };
            let _ = timeout(secs(1), guarded).await;
            pending::<()>().await;
        });
        sleep(secs(2)).await;
        worker.abort();
        worker.abort();
        assert!(worker.await.unwrap_err().is_cancelled());
        assert_eq!(now().to_string(), "3s");
    });
    assert_eq!(*log.borrow(), ["3s tidied up"]);
}

#[test]
fn a_guard_tidies_up_after_a_panic_and_the_panic_is_told_after_it() {
    let log = Log::default();
    let inner = Rc::clone(&log);
    let error = run(async move {
        let failing = TaskGroup::<String>::scope(async |group| {
            group.spawn(async move {
                let _guard = on_cancel(secs(5), inner, tidy);
                super::panicking(0).await
            });
            Ok::<(), _>(())
        });
        let error = failing.await.unwrap_err();
        assert_eq!(now().to_string(), "2s");
        error
    });
    assert_eq!(error.to_string(), "a task group failed\n  main/task panicked at 0s: lost after 0");
    assert_eq!(*log.borrow(), ["2s tidied up"]);
}

#[test]
fn s20_a_panic_of_a_cleanup_fails_the_run() {
    let report = Builder::new().run(async {
        drop(on_cancel(secs(1), (), async |()| std::panic::resume_unwind(Box::new("torn"))));
        sleep(secs(1)).await;
    });
    let failure = report.unwrap_failure().to_string();
    assert!(failure.starts_with("panic at 0s (turn 2) in main/cleanup: torn\n"), "{failure}");
    assert!(failure.contains("groups/tidying.rs"), "spawned where the guard was made: {failure}");
}

#[test]
fn s21_the_end_of_the_run_waits_for_what_its_root_leaves_to_be_tidied_up() {
    let log = Log::default();
    let inner = Rc::clone(&log);
    let report = Builder::new().deny_leftovers(true).run(async move {
        let _guard = on_cancel(secs(5), inner, tidy);
        sleep(secs(1)).await;
        "output"
    });
    assert_eq!((report.ended_at.to_string().as_str(), report.outcome), ("3s", Ok("output")));
    assert_eq!(*log.borrow(), ["3s tidied up"]);
}

#[test]
fn s21_what_is_alive_as_the_run_ends_is_dropped_with_its_value_and_not_tidied_up() {
    let log = Log::default();
    let inner = Rc::clone(&log);
    let report = Builder::new().run(async move {
        let value = OnDrop(Rc::clone(&inner), "value".to_owned());
        spawn(async move {
            let _guard = on_cancel(secs(5), value, async |_| unreachable!("the run is over"));
            pending::<()>().await;
        });
        yield_now().await;
    });
    assert_eq!(left(&report), ["main/task"]);
    report.unwrap();
    assert_eq!(*log.borrow(), ["0s value"]);
}

#[test]
fn a_guard_that_is_dropped_outside_a_loop_drops_its_value() {
    let dropped = Rc::new(Cell::new(false));
    struct Sets(Rc<Cell<bool>>);
    impl Drop for Sets {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let sets = Sets(Rc::clone(&dropped));
    let guard: OnCancel<_, _, _> = on_cancel(secs(1), sets, async |_| unreachable!("no loop"));
    drop(guard);
    assert!(dropped.get());
}

#[test]
fn a_guard_between_two_turns_of_a_loop_waits_for_the_next() {
    let mut event_loop = EventLoop::new();
    let log = Log::default();
    let inner = Rc::clone(&log);
    let worker = event_loop.spawn(async move {
        let _guard = on_cancel(secs(5), inner, tidy);
        pending::<()>().await;
    });
    event_loop.run_until_idle().unwrap();
    worker.abort();
    event_loop.run_until_idle().unwrap();
    assert!(!worker.is_finished());
    exhaust(&mut event_loop);
    assert!(worker.is_finished());
    assert_eq!(*log.borrow(), ["2s tidied up"]);
}

#[test]
fn everything_that_was_opened_is_closed_wherever_its_owner_is_cancelled() {
    for suspension in 1..9 {
        for seed in 0..200 {
            let open = Rc::new(Cell::new(0));
            let counter = Rc::clone(&open);
            let program = async move {
                for _ in 0..3 {
                    counter.set(counter.get() + 1);
                    let guard =
                        on_cancel(secs(9), Rc::clone(&counter), async |open: Rc<Cell<i32>>| {
                            yield_now().await;
                            sleep(secs(1)).await;
                            open.set(open.get() - 1);
                        });
                    yield_now().await;
                    sleep(secs(1)).await;
                    guard.run_now().await.unwrap();
                }
            };
            let builder = Builder::new().deny_leftovers(true).policy(Random::new(seed));
            let report = builder.run(async move {
                let end = spawn(aborted_at(suspension, program)).await;
                if let Err(error) = end {
                    assert!(error.is_cancelled(), "suspension {suspension}, seed {seed}: {error}");
                }
                assert_eq!(open.get(), 0, "suspension {suspension}, seed {seed}");
            });
            report.unwrap();
        }
    }
}
