//! What a group returns: values, and every failure in the order in which they happened.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use simloop::policy::Random;
use simloop::task::GroupError;
use simloop::{Builder, TaskGroup, note, now, run, sleep, spawn_named, time, yield_now};

use super::{Log, PanicsOnDrop, failing, panicking, sleeper, stuck};
use crate::snapshots::assert_shown;
use crate::{notes, secs};

#[test]
fn s25_leaving_waits_for_all_tasks_and_gives_the_bodys_value() {
    run(async {
        let scope = TaskGroup::scope(async |group| {
            group.spawn(sleeper(3));
            group.spawn(sleeper(1));
            Ok("the body's")
        });
        assert_eq!(scope.await.unwrap(), "the body's");
        assert_eq!(now().to_string(), "3s");
    });
}

#[test]
fn s25_leaving_waits_for_tasks_that_tasks_have_spawned_meanwhile() {
    run(async {
        let scope = TaskGroup::scope(async |group| {
            let siblings = group.clone();
            group.spawn(async move {
                sleep(secs(1)).await;
                let grandchild = siblings.clone();
                siblings.spawn(async move {
                    sleep(secs(1)).await;
                    grandchild.spawn(sleeper(5));
                    Ok(())
                });
                Ok(())
            });
            Ok::<_, String>(())
        });
        scope.await.unwrap();
        assert_eq!(now().to_string(), "7s");
    });
}

#[test]
fn s25_a_group_without_tasks_is_its_body() {
    run(async {
        let scope = TaskGroup::<Infallible>::scope(|_| async {
            sleep(secs(1)).await;
            Ok(5)
        });
        assert_eq!(scope.await.unwrap(), 5);
        let failed = TaskGroup::scope(async |_| Err::<(), _>("no reason")).await.unwrap_err();
        assert_eq!(failed.to_string(), "a task group failed\n  main failed at 1s: no reason");
        assert!(failed.first().is_body());
        let mut never_polled = TaskGroup::<Infallible>::scope(async |_| Ok(()));
        let _ = &mut never_polled;
    });
    drop(TaskGroup::<Infallible>::scope(async |_| Ok(())));
}

#[test]
fn s25_a_task_spawned_from_outside_while_only_the_body_waits_is_waited_for() {
    run(async {
        let shared = Rc::new(RefCell::new(None));
        let leaked = Rc::clone(&shared);
        let owner = spawn_named("owner", async move {
            TaskGroup::scope(async |group| {
                *leaked.borrow_mut() = Some(group);
                sleep(secs(2)).await;
                Ok(())
            })
            .await
        });
        sleep(secs(1)).await;
        let group: TaskGroup<String> = shared.borrow_mut().take().unwrap();
        let handle = group.spawn_named("late", failing(3));
        assert_eq!(handle.path(), "main/late", "a child of who spawns it");
        let error = owner.await.unwrap().unwrap_err();
        assert_eq!(
            error.to_string(),
            "a task group failed\n  main/late failed at 4s: failed after 3"
        );
    });
}

#[test]
fn s25_all_failures_are_told_in_the_order_in_which_they_happened() {
    let error = run(async {
        TaskGroup::scope(async |group| {
            group.spawn_named("late", failing(2));
            group.spawn_named("first", failing(1));
            group.spawn_named("same-instant", panicking(1));
            group.spawn_named("fine", sleeper(1));
            group.spawn_named("destructor", async {
                let _panics = PanicsOnDrop("not closed");
                sleeper(60).await
            });
            let _panics = PanicsOnDrop("the body was not done");
            sleep(secs(60)).await;
            Ok(())
        })
        .await
        .unwrap_err()
    });
    assert_shown("groups", "all_failures", &error);
    let failures = error.failures();
    assert!(failures.iter().all(|failure| failure.at().to_string() == "1s"));
    assert_eq!((error.errors().count(), failures.len()), (1, 4));
    assert_eq!(failures.iter().map(|failure| failure.is_body()).filter(|is| *is).count(), 1);
}

#[test]
fn s25_a_body_that_fails_first_keeps_tasks_of_the_same_instant_from_running() {
    let error = run(async {
        TaskGroup::scope(async |group| {
            // The body's timer is the older one, so the body is woken first, and aborts the task.
            let failed = sleep(secs(1));
            group.spawn(failing(1));
            failed.await;
            Err::<(), _>("the body".to_owned())
        })
        .await
        .unwrap_err()
    });
    assert_eq!(error.to_string(), "a task group failed\n  main failed at 1s: the body");
}

#[test]
fn s25_payloads_of_panics_are_kept_with_the_instants_of_the_panics() {
    run(async {
        let error = TaskGroup::<String>::scope(async |group| {
            group.spawn(panicking(1));
            // Holds the loop up, so that the group looks at the panic late.
            group.spawn(async {
                sleep(secs(1)).await;
                time::block_for(secs(5));
                Ok(0)
            });
            Ok(())
        })
        .await
        .unwrap_err();
        assert_eq!(now().to_string(), "6s");
        let [failure] = &error.failures() else { panic!("{error}") };
        assert!(failure.is_panic() && !failure.is_body() && failure.as_error().is_none());
        assert_eq!((failure.path(), failure.at().to_string().as_str()), ("main/task[0]", "1s"));
        let payload = error.into_failures().pop().unwrap().into_error().unwrap_err();
        assert_eq!(payload.downcast_ref::<String>().unwrap(), "lost after 1");
    });
}

#[test]
fn s25_a_panic_of_the_body_is_a_failure_that_cancels_the_tasks() {
    let log = Log::default();
    run({
        let log = Rc::clone(&log);
        async move {
            let inner = Rc::clone(&log);
            let error = TaskGroup::<String>::scope(async move |group| {
                group.spawn(stuck::<(), _>(&inner, "task"));
                yield_now().await;
                panicking(1).await.map(|_| ())
            })
            .await
            .unwrap_err();
            assert_eq!(
                error.to_string(),
                "a task group failed\n  main panicked at 1s: lost after 1"
            );
            assert_eq!(*log.borrow(), ["1s task"]);
            // Even before there is a body.
            let broken = |_group| -> std::future::Ready<Result<(), String>> {
                std::panic::resume_unwind(Box::new("no body"))
            };
            let error = TaskGroup::scope(broken).await.unwrap_err();
            assert_eq!(error.to_string(), "a task group failed\n  main panicked at 1s: no body");
        }
    });
}

#[test]
fn s25_a_value_of_the_body_is_dropped_when_a_task_fails_after_it() {
    run(async {
        let error = TaskGroup::scope(async |group| {
            group.spawn(failing(1));
            Ok(PanicsOnDrop("the value"))
        })
        .await
        .map(std::mem::forget)
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "a task group failed, 2 times\n  main/task failed at 1s: failed after 1\n  \
             main panicked at 1s: the value"
        );
    });
}

#[test]
fn s25_a_task_that_is_aborted_alone_is_no_failure_and_has_no_output() {
    run(async {
        let (aborted, fine) = TaskGroup::scope(async |group| {
            let aborted = group.spawn(sleeper(60));
            let fine = group.spawn(sleeper(1));
            aborted.abort_handle().abort();
            Ok((aborted, fine))
        })
        .await
        .unwrap();
        assert!(aborted.is_finished() && fine.is_finished());
        assert_eq!(now().to_string(), "1s");
        assert_eq!((aborted.await, fine.await), (None, Some(1)));
    });
}

#[test]
fn s25_outputs_can_be_awaited_by_the_body_and_by_siblings() {
    run(async {
        let product = TaskGroup::scope(async |group| {
            let two = group.spawn(sleeper(2));
            let tripled = group.spawn(async move { Ok(3 * two.await.unwrap()) });
            let mut four = group.spawn(sleeper(4));
            let tripled = tripled.await.unwrap();
            assert_eq!(now().to_string(), "2s");
            assert!(four.take().is_none());
            Ok(tripled * (&mut four).await.unwrap())
        });
        assert_eq!(product.await.unwrap(), 24);
        assert_eq!(now().to_string(), "4s");
    });
}

#[test]
fn s25_groups_nest_and_an_inner_failure_is_one_failure_of_the_outer_group() {
    let error = run(async {
        TaskGroup::<GroupError<String>>::scope(async |outer| {
            outer.spawn_named("pages", async {
                TaskGroup::scope(async |inner| {
                    inner.spawn_named("one", failing(1));
                    inner.spawn_named("two", failing(1));
                    Ok(())
                })
                .await
            });
            outer.spawn_named("images", async {
                sleep(secs(60)).await;
                Ok(())
            });
            Ok(())
        })
        .await
        .unwrap_err()
    });
    assert_shown("groups", "nested_failures", &error);
}

#[test]
fn s25_a_task_spawned_into_a_cancelled_group_is_never_polled_and_is_waited_for() {
    let written = notes(async {
        let error = TaskGroup::scope(async |group| {
            struct SpawnsOnDrop(TaskGroup<String>);
            impl Drop for SpawnsOnDrop {
                fn drop(&mut self) {
                    assert!(self.0.is_cancelled());
                    self.0.spawn(async {
                        note!("polled");
                        Ok(())
                    });
                    note!("{} spawned one more", self.0.len());
                }
            }
            let spawns = SpawnsOnDrop(group.clone());
            group.spawn(async move {
                let _spawns = spawns;
                sleeper(9).await
            });
            group.spawn(failing(1));
            Ok(())
        })
        .await
        .unwrap_err();
        note!("{error}");
    });
    assert_eq!(
        written,
        ["2 spawned one more", "a task group failed\n  main/task[1] failed at 1s: failed after 1"]
    );
}

#[test]
fn s25_spawning_into_a_group_that_has_ended_is_refused_with_advice() {
    let failure = Builder::new()
        .run(async {
            let group = TaskGroup::<Infallible>::scope(async |group| Ok(group)).await.unwrap();
            assert!(group.is_empty() && !group.is_cancelled());
            group.spawn(async { Ok(()) });
        })
        .unwrap_failure();
    assert_shown("groups", "spawned_too_late", &failure);
}

#[test]
fn s25_groups_and_handles_work_inside_combinators_of_other_crates() {
    for seed in 0..200 {
        Builder::new()
            .policy(Random::new(seed))
            .run(async {
                let scopes: FuturesUnordered<_> = (0..3)
                    .map(|number| {
                        TaskGroup::<String>::scope(async move |group| {
                            let tasks =
                                (1..4).map(|seconds| group.spawn(sleeper(seconds + number)));
                            let mut tasks: FuturesUnordered<_> = tasks.collect();
                            let mut sum = 0;
                            while let Some(output) = tasks.next().await {
                                sum += output.unwrap();
                            }
                            group.spawn(sleeper(number));
                            if number == 2 { failing(1).await } else { Ok(sum) }
                        })
                    })
                    .collect();
                let mut results: Vec<_> = scopes.map(Result::ok).collect().await;
                results.sort_unstable();
                assert_eq!(results, [None, Some(6), Some(9)]);
                // The sums are there at 5 s, and a second later the last body fails.
                assert_eq!(now().to_string(), "6s");
            })
            .unwrap();
    }
}

#[test]
fn s30_the_future_of_a_group_is_send_where_its_body_is() {
    let scope = TaskGroup::scope(async |group: TaskGroup<String>| {
        let siblings = group.clone();
        let one = group.spawn(async move {
            siblings.spawn(sleeper(1));
            sleeper(2).await
        });
        Ok(one.await)
    });
    let boxed: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(scope);
    assert_eq!(run(boxed).unwrap(), Some(2));
}

#[test]
fn a_group_is_shown_by_its_state() {
    run(async {
        let scope = TaskGroup::<Infallible>::scope(async |group| {
            let handle = group.spawn_named("one", async { Ok(()) });
            assert_eq!(format!("{handle:?}"), "GroupHandle { task: \"main/one\" }");
            assert_eq!(format!("{group:?}"), "TaskGroup { phase: Open, tasks: 1 }");
            Ok(())
        });
        assert_eq!(format!("{scope:?}"), "GroupScope { group: None, .. }");
        scope.await.unwrap();
        let error = TaskGroup::scope(async |_| Err::<(), _>(5)).await.unwrap_err();
        let shown = "GroupError { failures: [GroupFailure { path: \"main\", at: 0s, error: 5 }] }";
        assert_eq!(format!("{error:?}"), shown);
    });
}
