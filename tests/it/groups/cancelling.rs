//! Who is cancelled in which order, and who waits for whom when nobody can: dropped groups, and deadlocks.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::pending;
use std::rc::Rc;

use futures_util::future::join;
use simloop::policy::Random;
use simloop::task::GroupError;
use simloop::{
    Builder, EventLoop, JoinHandle, TaskGroup, note, now, run, sleep, spawn, spawn_named, timeout,
    yield_now,
};

use super::{Log, OnDrop, PanicsOnDrop, aborted_at, failing, left, sleeper, stuck};
use crate::snapshots::assert_shown;
use crate::{notes, secs, traced};

/// A group with a body and three tasks that only end when they are cancelled.
async fn three(log: Log, failure: Option<&'static str>) -> Result<(), GroupError<&'static str>> {
    TaskGroup::scope(async move |group| {
        for name in ["one", "two", "three"] {
            group.spawn_named(name, stuck::<(), _>(&log, name));
        }
        if let Some(failure) = failure {
            group.spawn(async move {
                sleep(secs(1)).await;
                Err::<(), _>(failure)
            });
        }
        stuck(&log, "body").await
    })
    .await
}

#[test]
fn s25_the_first_failure_cancels_the_siblings_in_spawn_order() {
    let log = Log::default();
    let inner = Rc::clone(&log);
    let error = run(async move { three(inner, Some("reason")).await.unwrap_err() });
    assert_eq!(error.to_string(), "a task group failed\n  main/task failed at 1s: reason");
    // The body goes in the turn in which the siblings are asked to, and they at theirs.
    assert_eq!(*log.borrow(), ["1s body", "1s one", "1s two", "1s three"]);
}

#[test]
fn s25_aborts_are_requested_in_spawn_order() {
    let report = traced(async { three(Log::default(), Some("reason")).await.unwrap_err() });
    let lines = report.trace.to_string();
    let aborts = lines.lines().filter(|line| line.contains("abort"));
    assert_shown("groups", "aborts_in_spawn_order", aborts.collect::<Vec<_>>().join("\n"));
}

#[test]
fn s25_the_group_waits_until_those_it_cancels_have_ended() {
    run(async {
        let error = TaskGroup::<&str>::scope(async |group| {
            group.spawn(async {
                let _guard = simloop::on_cancel(secs(9), (), |()| sleep(secs(3)));
                pending::<Result<(), _>>().await
            });
            group.spawn(async {
                sleep(secs(1)).await;
                Err::<(), _>("reason")
            });
            Ok::<(), _>(())
        })
        .await
        .unwrap_err();
        assert_eq!(error.first().at().to_string(), "1s");
        assert_eq!(now().to_string(), "4s", "it has tidied up");
    });
}

#[test]
fn s25_a_task_that_fails_while_it_is_cancelled_is_told_too() {
    run(async {
        let error = TaskGroup::scope(async |group| {
            group.spawn_named("first", failing(1));
            // Ready before the group has seen the failure, so it still runs.
            group.spawn_named("second", failing(1));
            group.spawn_named("third", async {
                let _panics = PanicsOnDrop("torn");
                sleeper(60).await
            });
            Ok(())
        })
        .await
        .unwrap_err();
        let paths: Vec<_> = error.failures().iter().map(|failure| failure.path()).collect();
        assert_eq!(paths, ["main/first", "main/second", "main/third"]);
    });
}

#[test]
fn s25_aborting_the_waiter_cancels_the_tasks_in_spawn_order_and_its_end_waits_for_them() {
    let log = Log::default();
    let inner = Rc::clone(&log);
    run(async move {
        let tidying = Rc::clone(&inner);
        let waiter = spawn_named("waiter", async move {
            let nested = TaskGroup::<Infallible>::scope(async |group| {
                group.spawn(stuck::<(), _>(&inner, "first"));
                group.spawn(async move {
                    let _guard = simloop::on_cancel(secs(9), tidying, async |log: Log| {
                        sleep(secs(2)).await;
                        drop(OnDrop(log, "tidied up".to_owned()));
                    });
                    pending::<Result<(), _>>().await
                });
                group.spawn(stuck::<(), _>(&inner, "last"));
                stuck::<(), _>(&inner, "body").await
            });
            nested.await
        });
        sleep(secs(1)).await;
        waiter.abort();
        assert!(waiter.await.unwrap_err().is_cancelled());
        assert_eq!(now().to_string(), "3s");
    });
    assert_eq!(*log.borrow(), ["1s body", "1s first", "1s last", "3s tidied up"]);
}

#[test]
fn s25_a_waiter_lingers_in_the_trace_and_ends_with_its_last_task() {
    let report = traced(async {
        let waiter = spawn_named("waiter", three(Log::default(), None));
        sleep(secs(1)).await;
        waiter.abort();
        let _ = waiter.await;
    });
    let lines = report.trace.to_string();
    let ends = lines.lines().filter(|line| line.contains("cancelled") || line.contains("joined"));
    assert_shown("groups", "waiter_ends_last", ends.collect::<Vec<_>>().join("\n"));
}

#[test]
fn s25_a_group_that_a_timeout_drops_is_ended_before_its_task_is() {
    let log = Log::default();
    let inner = Rc::clone(&log);
    run(async move {
        let in_task = Rc::clone(&inner);
        let worker = spawn_named("worker", async move {
            assert!(timeout(secs(1), three(in_task, None)).await.is_err());
            "gave up"
        });
        assert_eq!(worker.await.unwrap(), "gave up");
        assert_eq!(inner.borrow().len(), 4, "nobody is left when the task is joined");
    });
    assert_eq!(*log.borrow(), ["1s body", "1s one", "1s two", "1s three"]);
}

#[test]
fn s25_a_group_waits_for_what_its_body_leaves_behind() {
    run(async {
        // A cleanup, started as the body is dropped, and one that it starts on its way.
        let error = TaskGroup::scope(async |group| {
            let _guard = simloop::on_cancel(secs(9), (), |()| sleep(secs(3)));
            group.spawn(failing(1));
            pending::<Result<(), _>>().await
        })
        .await
        .unwrap_err();
        assert_eq!(
            (error.first().at().to_string().as_str(), now().to_string().as_str()),
            ("1s", "4s")
        );
        TaskGroup::<Infallible>::scope(async |_| {
            drop(simloop::on_cancel(secs(9), (), |()| sleep(secs(3))));
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(now().to_string(), "7s");
        // The tasks of a group that is dropped in the body, by a failure or by a timeout.
        let log = Log::default();
        let inner = Rc::clone(&log);
        let outer = TaskGroup::<GroupError<&str>>::scope(async |group| {
            assert!(timeout(secs(1), three(Rc::clone(&inner), None)).await.is_err());
            let log = Rc::clone(&inner);
            group.spawn(async move { three(log, Some("failed")).await });
            three(inner, None).await
        });
        assert!(outer.await.is_err());
        assert_eq!(log.borrow().len(), 12, "nobody is left");
    });
}

#[test]
fn s20_panics_that_a_dropped_group_has_found_fail_the_run() {
    let report = Builder::new().run(async {
        let scope = TaskGroup::<String>::scope(async |group| {
            group.spawn_named("tidies", async {
                let _guard = simloop::on_cancel(secs(9), (), |()| sleep(secs(3)));
                pending::<Result<(), _>>().await
            });
            group.spawn_named("worker", super::panicking(1));
            let _panics = PanicsOnDrop("the body");
            pending::<Result<(), _>>().await
        });
        // The group has both panics by then, and waits for the task that tidies up.
        assert!(timeout(secs(2), scope).await.is_err());
    });
    assert_shown("groups", "panics_of_a_dropped_group", report.unwrap_failure());
}

#[test]
fn s25_a_root_whose_group_was_dropped_leaves_nobody_over() {
    let report = Builder::new().deny_leftovers(true).run(async {
        let _ = timeout(secs(1), three(Log::default(), None)).await;
        7
    });
    assert_eq!(report.ended_at.to_string(), "1s");
    assert!(report.leftovers.is_empty());
    assert_eq!(report.unwrap(), 7);
}

#[test]
fn s25_the_output_of_a_lingering_task_is_dropped_with_its_handle() {
    run(async {
        let log = Log::default();
        let output = OnDrop(Rc::clone(&log), "output".to_owned());
        let worker = spawn(async move {
            drop(simloop::on_cancel(secs(9), (), |()| sleep(secs(3))));
            output
        });
        yield_now().await;
        assert!(!worker.is_finished(), "it lingers");
        worker.abort();
        drop(worker);
        assert_eq!(*log.borrow(), ["0s output"]);
        sleep(secs(5)).await;
    });
}

#[test]
fn s25_a_panic_of_a_lingering_task_is_told_to_its_joiner_when_it_ends() {
    run(async {
        let worker = spawn(async {
            let _guard = simloop::on_cancel(secs(9), (), |()| sleep(secs(3)));
            std::panic::resume_unwind(Box::new("broken"));
        });
        assert!(worker.await.unwrap_err().is_panic());
        assert_eq!(now().to_string(), "3s");
    });
}

#[test]
fn s25_what_lingers_as_the_loop_ends_is_dropped_with_the_rest() {
    let mut event_loop = EventLoop::new();
    let worker = event_loop.spawn(async {
        let _guard = simloop::on_cancel(secs(9), (), |()| pending());
        std::panic::resume_unwind(Box::new("broken"));
    });
    let other = event_loop.spawn(async {
        drop(simloop::on_cancel(secs(9), (), |()| pending()));
        "output"
    });
    event_loop.run_until_idle().unwrap();
    assert!(!worker.is_finished() && !other.is_finished());
    let report = event_loop.finish();
    assert_eq!(left(&report).len(), 4, "both, and what they wait for: {:?}", left(&report));
    let failure = report.unwrap_failure();
    assert!(failure.to_string().contains("broken"), "{failure}");
    assert!(other.is_finished());
}

#[test]
fn s25_long_chains_of_lingering_tasks_end_without_recursion() {
    // Each drops a group whose only task does the same, down to one that takes a second.
    fn nest(depth: u32) -> std::pin::Pin<Box<dyn Future<Output = Result<(), Infallible>>>> {
        Box::pin(async move {
            if depth == 0 {
                let _guard = simloop::on_cancel(secs(9), (), |()| sleep(secs(1)));
                pending::<()>().await;
            }
            TaskGroup::scope(async |group| {
                group.spawn(nest(depth - 1));
                Ok(())
            })
            .await
            .map_err(|_| unreachable!())
        })
    }
    run(async {
        let depth = 20_000;
        let top = spawn(nest(depth));
        for _ in 0..=depth {
            yield_now().await;
        }
        top.abort();
        assert!(top.await.unwrap_err().is_cancelled());
        assert_eq!(now().to_string(), "1s");
    });
}

/// A group, aborted at every suspension of its owner in turn, leaves nobody behind.
#[test]
fn s25_no_task_outlives_its_group_wherever_the_waiter_is_cancelled() {
    for suspension in 1..12 {
        for seed in 0..200 {
            let alive = Rc::new(RefCell::new(0_i32));
            let program = program(Rc::clone(&alive));
            let counter = Rc::clone(&alive);
            let report =
                Builder::new().deny_leftovers(true).policy(Random::new(seed)).run(async move {
                    let waiter = spawn_named("waiter", aborted_at(suspension, program));
                    let end = waiter.await;
                    if let Err(error) = end {
                        assert!(
                            error.is_cancelled(),
                            "suspension {suspension}, seed {seed}: {error}"
                        );
                    }
                    assert_eq!(*counter.borrow(), 0, "suspension {suspension}, seed {seed}");
                });
            report.unwrap();
        }
    }
}

/// Counts who is alive, in nested groups that fail at times.
async fn program(alive: Rc<RefCell<i32>>) {
    struct Alive(Rc<RefCell<i32>>);
    impl Alive {
        fn new(count: &Rc<RefCell<i32>>) -> Alive {
            *count.borrow_mut() += 1;
            Alive(Rc::clone(count))
        }
    }
    impl Drop for Alive {
        fn drop(&mut self) {
            *self.0.borrow_mut() -= 1;
        }
    }
    let task = |seconds: u64, ok: bool| {
        let alive = Alive::new(&alive);
        async move {
            let _alive = alive;
            yield_now().await;
            sleep(secs(seconds)).await;
            if ok { Ok(seconds) } else { Err(format!("{seconds}")) }
        }
    };
    for failing in [9, 1, 2] {
        let scope = TaskGroup::scope(async |group| {
            let _body = Alive::new(&alive);
            group.spawn(task(1, failing != 1));
            let inner = TaskGroup::scope(async |inner| {
                inner.spawn(task(2, failing != 2));
                inner.spawn(task(3, true));
                yield_now().await;
                Ok(())
            });
            let slow = group.spawn(task(2, true));
            inner.await.map_err(|error| error.to_string())?;
            Ok(slow.await)
        });
        let is_ok = scope.await.is_ok();
        assert_eq!(is_ok, failing == 9);
        assert_eq!(*alive.borrow(), 0, "when a group is left");
    }
}

#[test]
fn s25_a_dropped_group_takes_more_tasks_only_to_abort_them() {
    let written = notes(async {
        let mut scope = Box::pin(TaskGroup::<Infallible>::scope(async |group| {
            spawn(async move {
                sleep(secs(2)).await;
                let late = group.spawn(async {
                    note!("polled");
                    Ok(())
                });
                note!("cancelled: {}, {} tasks", group.is_cancelled(), group.len());
                assert_eq!(late.await, None);
            });
            pending::<Result<(), _>>().await
        }));
        let _ = join(timeout(secs(1), scope.as_mut()), async {}).await;
        drop(scope);
        sleep(secs(3)).await;
    });
    assert_eq!(written, ["cancelled: true, 0 tasks"]);
}

#[test]
fn s25_a_group_that_waits_for_itself_is_a_deadlock_with_its_ring() {
    let failure = Builder::new()
        .run(async {
            let shared: Rc<RefCell<Option<JoinHandle<_>>>> = Rc::default();
            let own = Rc::clone(&shared);
            let boss = spawn_named("boss", async move {
                TaskGroup::<Infallible>::scope(async |group| {
                    group.spawn_named("worker", async move {
                        let boss = own.borrow_mut().take().expect("it was put there");
                        let _: Result<Result<(), GroupError<Infallible>>, _> = boss.await;
                        Ok(())
                    });
                    Ok(())
                })
                .await
            });
            *shared.borrow_mut() = Some(boss);
            pending::<()>().await
        })
        .unwrap_failure();
    assert_shown("groups", "deadlock_group", &failure);
}

#[test]
fn s25_siblings_that_await_each_other_are_a_deadlock_with_its_ring() {
    let failure = Builder::new()
        .run(async {
            TaskGroup::<Infallible>::scope(async |group| {
                let (sender, receiver) = futures_channel::oneshot::channel();
                let one = group.spawn_named("one", async move {
                    let two: simloop::task::GroupHandle<()> = receiver.await.unwrap();
                    Ok(two.await)
                });
                let two = group.spawn_named("two", async move {
                    one.await;
                    Ok(())
                });
                let _ = sender.send(two);
                Ok(())
            })
            .await
            .map(|_| ())
        })
        .unwrap_failure();
    assert_shown("groups", "deadlock_siblings", &failure);
}

#[test]
fn s25_a_lingering_task_is_shown_as_one_that_joins_what_it_left() {
    let failure = Builder::new()
        .run(async {
            let worker = spawn_named("worker", async {
                drop(simloop::on_cancel(std::time::Duration::MAX, (), |()| pending()));
            });
            worker.await
        })
        .unwrap_failure();
    assert_shown("groups", "deadlock_lingering", &failure);
}
