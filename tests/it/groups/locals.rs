//! Task-local values: inherited by copy at spawn, overridden in scopes.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use futures_util::future::join;
use futures_util::stream::FuturesUnordered;
use simloop::policy::Random;
use simloop::{
    Builder, EventLoop, call_later, call_soon, now, run, sleep, spawn, spawn_named, task_local,
    yield_now,
};

use crate::secs;

task_local! {
    static NUMBER: u32;
    static TEXT: String = "default".to_owned();
    /// Not `Send`, and seen by all who inherit it.
    static SHARED: Rc<Cell<u32>>;
}

#[test]
fn a_child_starts_with_a_copy_and_neither_side_sees_later_changes() {
    run(async {
        NUMBER.set(1);
        let child = spawn(async {
            assert_eq!(NUMBER.get(), 1, "as it was at the spawn, not at the first poll");
            NUMBER.set(10);
            let grandchild = spawn(async { NUMBER.get() });
            sleep(secs(1)).await;
            (NUMBER.get(), grandchild.await.unwrap())
        });
        NUMBER.set(2);
        yield_now().await;
        assert_eq!(NUMBER.get(), 2);
        NUMBER.unset();
        assert_eq!(child.await.unwrap(), (10, 10));
        assert!(NUMBER.try_get().is_err());
    });
}

#[test]
fn a_value_is_there_across_suspensions_and_gone_with_its_task() {
    run(async {
        let value = Rc::new(Cell::new(5));
        let inner = Rc::clone(&value);
        let task = spawn(async move {
            SHARED.set(inner);
            sleep(secs(1)).await;
            SHARED.with(|shared| shared.set(6));
        });
        yield_now().await;
        assert_eq!(Rc::strong_count(&value), 2);
        assert!(SHARED.try_get().is_err(), "the parent has none of it");
        task.await.unwrap();
        assert_eq!((value.get(), Rc::strong_count(&value)), (6, 1));
    });
}

#[test]
fn callbacks_inherit_like_tasks() {
    run(async {
        let seen = Rc::new(RefCell::new(Vec::new()));
        NUMBER.set(1);
        let (soon, later) = (Rc::clone(&seen), Rc::clone(&seen));
        call_soon(move || soon.borrow_mut().push(NUMBER.get()));
        call_later(secs(1), move || later.borrow_mut().push(NUMBER.get()));
        NUMBER.set(2);
        sleep(secs(2)).await;
        assert_eq!(*seen.borrow(), [1, 1]);
    });
}

#[test]
fn a_default_is_seen_where_nothing_is_set_even_outside_a_loop() {
    assert_eq!(TEXT.get(), "default");
    assert_eq!(
        NUMBER.try_get().unwrap_err().to_string(),
        "task-local `NUMBER` has no value outside a task"
    );
    run(async {
        assert_eq!(TEXT.replace("one".to_owned()), None);
        assert_eq!(TEXT.replace("two".to_owned()).as_deref(), Some("one"));
        let child = spawn_named("child", async { TEXT.replace("three".to_owned()) });
        assert_eq!(child.await.unwrap().as_deref(), Some("two"), "a copy of what is shared");
        TEXT.unset();
        assert_eq!(TEXT.with(String::len), 7);
        let error = spawn_named("child", async { NUMBER.try_get().unwrap_err() }).await.unwrap();
        assert_eq!(error.to_string(), "task-local `NUMBER` has no value in `main/child[1]`");
        assert_eq!(error.name(), "NUMBER");
    });
}

#[test]
fn what_is_missing_panics_with_its_name() {
    let failure = Builder::new().run(async { NUMBER.get() }).unwrap_failure().to_string();
    assert!(failure.contains("task-local `NUMBER` has no value in `main`"), "{failure}");
    let payload = std::panic::catch_unwind(|| NUMBER.set(1)).unwrap_err();
    let text = payload.downcast_ref::<String>().unwrap();
    assert!(text.starts_with("task-local `NUMBER` was set outside a task\n"), "{text}");
}

#[test]
fn a_scope_overrides_for_its_future_only_and_keeps_what_that_sets() {
    run(async {
        NUMBER.set(1);
        let scope = NUMBER.scope(2, async {
            assert_eq!(NUMBER.get(), 2);
            TEXT.set("set inside".to_owned());
            NUMBER.set(3);
            yield_now().await;
            assert_eq!(NUMBER.get(), 3, "its own, over a suspension");
            let inner = NUMBER.scope(4, async {
                yield_now().await;
                spawn(async { NUMBER.get() }).await.unwrap()
            });
            assert_eq!(inner.await, 4);
            NUMBER.unset();
            yield_now().await;
            NUMBER.try_get().is_err()
        });
        let (is_unset, outer) = join(scope, async {
            yield_now().await;
            NUMBER.get()
        })
        .await;
        assert!(is_unset);
        assert_eq!(outer, 1, "its neighbour in the same task");
        assert_eq!(NUMBER.get(), 1);
        assert_eq!(TEXT.get(), "set inside", "another key is the task's");
    });
}

#[test]
fn scopes_work_under_foreign_combinators_and_every_policy() {
    for seed in 0..200 {
        let program = async {
            let echo = |number: u32| {
                NUMBER.scope(number, async move {
                    sleep(secs(u64::from(number % 3))).await;
                    let child = spawn(async {
                        yield_now().await;
                        NUMBER.get()
                    });
                    assert_eq!(NUMBER.get(), number);
                    child.await.unwrap()
                })
            };
            let mut all: FuturesUnordered<_> = (0..9).map(echo).collect();
            let mut seen = Vec::new();
            while let Some(number) = all.next().await {
                assert!(NUMBER.try_get().is_err());
                seen.push(number);
            }
            seen.sort_unstable();
            assert_eq!(seen, Vec::from_iter(0..9));
        };
        Builder::new().policy(Random::new(seed)).run(program).unwrap();
    }
}

#[test]
fn a_scope_may_move_from_one_task_to_another_between_its_polls() {
    run(async {
        let mut scope = Box::pin(NUMBER.scope(1, async {
            let first = NUMBER.get();
            NUMBER.set(first + 1);
            yield_now().await;
            NUMBER.get()
        }));
        assert!(futures_util::poll!(scope.as_mut()).is_pending());
        assert!(NUMBER.try_get().is_err());
        assert_eq!(spawn(scope).await.unwrap(), 2);
    });
}

#[test]
fn a_synchronous_scope_puts_the_outer_value_back_even_after_a_panic() {
    run(async {
        NUMBER.set(1);
        let inside = NUMBER.sync_scope(2, || {
            NUMBER.set(3);
            NUMBER.get()
        });
        assert_eq!((inside, NUMBER.get()), (3, 1));
        let broken = || NUMBER.sync_scope(4, || std::panic::resume_unwind(Box::new("broken")));
        assert!(std::panic::catch_unwind(broken).is_err());
        assert_eq!(NUMBER.get(), 1);
    });
}

/// Notes what the key shows when it is dropped.
struct Looks(Rc<RefCell<Vec<Option<u32>>>>);

impl Drop for Looks {
    fn drop(&mut self) {
        self.0.borrow_mut().push(NUMBER.try_get().ok());
    }
}

#[test]
fn destructors_see_the_values_of_their_task_and_scope() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    run({
        let seen = Rc::clone(&seen);
        async move {
            NUMBER.set(1);
            let looks = Looks(Rc::clone(&seen));
            let aborted = spawn(NUMBER.scope(2, async move {
                let _looks = looks;
                pending::<()>().await;
            }));
            yield_now().await;
            aborted.abort();
            let _ = aborted.await;
            drop(NUMBER.scope(3, {
                let looks = Looks(Rc::clone(&seen));
                async move { drop(looks) }
            }));
            // The destructor has run when the result is given, even if the scope itself stays.
            let looks = Looks(Rc::clone(&seen));
            let mut stays = Box::pin(NUMBER.scope(4, {
                poll_fn(move |_| {
                    let _looks = &looks;
                    Poll::Ready(())
                })
            }));
            stays.as_mut().await;
            assert_eq!(seen.borrow().last(), Some(&Some(4)));
            // A task that is never joined is dropped as the run ends.
            let looks = Looks(seen);
            spawn(async move {
                let _looks = looks;
                NUMBER.set(5);
                pending::<()>().await;
            });
            yield_now().await;
        }
    });
    assert_eq!(*seen.borrow(), [Some(2), Some(3), Some(4), Some(5)]);
}

#[test]
fn a_values_destructor_may_use_the_loop_and_its_panic_is_told() {
    struct Spawns(Rc<Cell<bool>>);
    impl Drop for Spawns {
        fn drop(&mut self) {
            let done = Rc::clone(&self.0);
            NUMBER.set(7);
            spawn(async move { done.set(true) });
        }
    }
    task_local! { static SPAWNS: Spawns }
    task_local! { static PANICS: super::PanicsOnDrop }
    let done = Rc::new(Cell::new(false));
    let flag = Rc::clone(&done);
    run(async move {
        spawn(async move { SPAWNS.set(Spawns(flag)) }).await.unwrap();
        yield_now().await;
        for _ in 0..3 {
            let is_unset = spawn(async { NUMBER.try_get().is_err() }).await.unwrap();
            assert!(is_unset, "what the destructor set is not left to the next task of the slot");
        }
    });
    assert!(done.get());

    /// Sets itself anew whenever it is dropped.
    struct Restless;
    impl Drop for Restless {
        fn drop(&mut self) {
            RESTLESS.set(Restless);
        }
    }
    task_local! { static RESTLESS: Restless }
    run(async {
        spawn(async { RESTLESS.set(Restless) }).await.unwrap();
        let is_unset = spawn(async { RESTLESS.try_with(|_| ()).is_err() }).await.unwrap();
        assert!(is_unset);
    });
    let report = Builder::new().run(async {
        spawn_named("worker", async { PANICS.set(super::PanicsOnDrop("torn")) }).await.unwrap();
        now()
    });
    let failure = report.unwrap_failure().to_string();
    assert!(failure.contains("in a task-local value, as main/worker ran: torn"), "{failure}");
}

#[test]
fn a_scope_outside_a_task_says_so_and_can_be_dropped() {
    let mut scope = Box::pin(NUMBER.scope(1, async {}));
    let poll = || scope.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop()));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(poll)).is_err());
    drop(NUMBER.scope(1, async {}));
}

#[test]
fn loops_keep_their_values_apart_and_a_recycled_loop_starts_without() {
    let (mut one, mut two) = (EventLoop::new(), EventLoop::new());
    let show = || async {
        yield_now().await;
        NUMBER.try_get().ok()
    };
    let in_one = one.spawn(NUMBER.scope(1, show()));
    let in_two = two.spawn(show());
    one.step().unwrap();
    two.run_until_idle().unwrap();
    one.run_until_idle().unwrap();
    let mut results = [in_one, in_two].map(|mut handle| handle.try_take().unwrap().unwrap());
    assert_eq!(results, [Some(1), None]);
    drop((one, two));
    for _ in 0..4 {
        results = run(async { [NUMBER.try_get().ok(), None] });
        assert_eq!(results, [None, None]);
        run(async {
            NUMBER.set(1);
            let unfinished: Pin<Box<dyn Future<Output = ()>>> = Box::pin(pending());
            spawn(unfinished);
        });
    }
}

#[test]
fn a_scope_that_was_awaited_to_its_end_is_not_polled_again() {
    run(async {
        let mut scope = Box::pin(NUMBER.scope(1, std::future::ready(5)));
        assert_eq!(scope.as_mut().await, 5);
        assert_eq!(format!("{scope:?}"), "LocalScope { key: \"NUMBER\", value: Some(1), .. }");
        let again = std::panic::AssertUnwindSafe(async { scope.as_mut().await });
        assert!(futures_util::FutureExt::catch_unwind(again).await.is_err());
        let _: Poll<()> = Poll::Ready(());
    });
}
