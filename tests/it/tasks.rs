//! Rules S16 to S22: spawning, order, paths, aborting, panics, the end of a run, loops in loops.

#![allow(clippy::async_yields_async, reason = "handles as outputs are what some tests are about")]

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Poll;

use simloop::report::FailureKind;
use simloop::{
    Builder, EventLoop, JoinHandle, note, now, run, sleep, spawn, spawn_named, task, time,
    yield_now,
};

use crate::{notes, secs, traced};

/// Notes a line when it is dropped.
struct Guard(&'static str);

impl Drop for Guard {
    fn drop(&mut self) {
        note!("{} dropped at {}", self.0, now());
    }
}

#[test]
fn s16_a_spawned_task_is_polled_later_and_after_those_that_are_ready() {
    let lines = notes(async {
        let first = spawn(async { note!("first") });
        let second = spawn(async { note!("second") });
        note!("main goes on");
        first.await.unwrap();
        second.await.unwrap();
    });
    assert_eq!(lines, ["main goes on", "first", "second"]);
}

#[test]
fn s16_the_root_is_an_ordinary_task() {
    run(async {
        assert_eq!(task::current().path(), "main");
        assert_eq!(task::current().id().as_u64(), 0);
        let root = task::current().abort_handle();
        assert!(!root.is_finished());
    });
}

#[test]
fn s17_ready_tasks_run_in_the_order_of_their_first_wake() {
    let lines = notes(async {
        let wakers = Rc::new(RefCell::new(Vec::new()));
        let handles = ["a", "b", "c"].map(|name| {
            let wakers = Rc::clone(&wakers);
            spawn(async move {
                let mut is_registered = false;
                poll_fn(|cx| {
                    if std::mem::replace(&mut is_registered, true) {
                        return Poll::Ready(());
                    }
                    wakers.borrow_mut().push(cx.waker().clone());
                    Poll::Pending
                })
                .await;
                note!("{name}");
            })
        });
        yield_now().await;
        for index in [2, 0, 2, 1, 0] {
            wakers.borrow()[index].wake_by_ref();
        }
        for handle in handles {
            handle.await.unwrap();
        }
    });
    assert_eq!(lines, ["c", "a", "b"], "further wakes change nothing");
}

#[test]
fn s17_a_wake_during_a_tasks_own_poll_puts_it_at_the_back_once() {
    let lines = notes(async {
        let polls = Rc::new(RefCell::new(0));
        let counter = Rc::clone(&polls);
        let task = spawn(async move {
            poll_fn(move |cx| {
                *counter.borrow_mut() += 1;
                if *counter.borrow() == 1 {
                    cx.waker().wake_by_ref();
                    spawn(async { note!("spawned after the wake") });
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(())
            })
            .await;
            note!("woken by itself");
        });
        task.await.unwrap();
        assert_eq!(*polls.borrow(), 2, "no spurious poll");
    });
    assert_eq!(
        lines,
        ["spawned after the wake", "woken by itself"],
        "the back, when the poll has ended"
    );
}

#[test]
fn s18_a_task_is_shown_by_its_path() {
    run(async {
        let only = spawn_named("only", async { task::current().path() });
        assert_eq!(only.path(), "main/only");
        let first = spawn_named("worker", pending::<()>());
        assert_eq!(first.path(), "main/worker", "alone so far");
        let second = spawn_named("worker", async {
            let child = spawn(async { task::current().path() });
            (task::current().path(), child.await.unwrap())
        });
        assert_eq!(first.path(), "main/worker[0]");
        assert_eq!(
            second.await.unwrap(),
            ("main/worker[1]".to_owned(), "main/worker[1]/task".to_owned())
        );
        assert_eq!(only.await.unwrap(), "main/only");
        assert_eq!(
            spawn_named("worker", async {}).path(),
            "main/worker[2]",
            "indices are not used again"
        );
    });
}

#[test]
fn s18_a_path_keeps_the_names_of_parents_that_have_ended() {
    run(async {
        let child = async {
            sleep(secs(1)).await;
            task::current().path()
        };
        let parent = poll_fn(move |_| Poll::Ready(spawn_named("child", sleep(secs(1)))));
        let orphan: JoinHandle<()> = spawn_named("parent", parent).await.unwrap();
        let elder: JoinHandle<String> =
            spawn_named("elder", async { spawn_named("child", child).await.unwrap() });
        for _ in 0..10 {
            spawn(async {}).await.unwrap();
        }
        assert_eq!(orphan.path(), "main/parent/child", "its parent has ended");
        assert_eq!(elder.await.unwrap(), "main/elder/child");
        orphan.await.unwrap();
    });
}

#[test]
fn s18_a_name_with_control_characters_stays_on_one_line() {
    run(async {
        assert_eq!(spawn_named("two\nlines", async {}).path(), "main/two\\nlines");
    });
}

#[test]
fn s19_dropping_a_handle_detaches_the_task() {
    let lines = notes(async {
        drop(spawn(async {
            sleep(secs(1)).await;
            note!("still ran");
        }));
        sleep(secs(2)).await;
    });
    assert_eq!(lines, ["still ran"]);
}

#[test]
fn s19_an_aborted_task_is_dropped_at_its_turn() {
    let lines = notes(async {
        let guard = Guard("future");
        let task = spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        yield_now().await;
        spawn(async { note!("ready before") });
        task.abort();
        note!("abort returns");
        assert!(!task.is_finished());
        assert!(task.await.unwrap_err().is_cancelled());
    });
    assert_eq!(lines, ["abort returns", "ready before", "future dropped at 0s"]);
}

#[test]
fn s19_a_task_aborted_before_its_first_poll_never_runs() {
    let report = traced(async {
        let task = spawn(async { note!("never") });
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    });
    assert_eq!(report.trace.notes().count(), 0);
    assert_eq!((report.counters.turns, report.counters.polls), (3, 2), "its turn was no poll");
}

#[test]
fn s19_aborting_a_finished_task_does_nothing() {
    run(async {
        let task = spawn(async { 7 });
        yield_now().await;
        task.abort();
        assert_eq!(task.await.unwrap(), 7);
    });
}

#[test]
fn s19_a_task_that_aborts_itself_ends_at_its_next_suspension() {
    let lines = notes(async {
        let task = spawn(async {
            task::current().abort_handle().abort();
            note!("goes on");
            yield_now().await;
            note!("never");
        });
        assert!(task.await.unwrap_err().is_cancelled());
        let task = spawn(async {
            task::current().abort_handle().abort();
            "completed before it suspended"
        });
        assert_eq!(task.await.unwrap(), "completed before it suspended");
    });
    assert_eq!(lines, ["goes on"]);
}

#[test]
fn s21_the_run_ends_with_its_root_and_the_rest_is_cancelled_newest_first() {
    let report = traced(async {
        for name in ["oldest", "middle", "newest"] {
            let guard = Guard(name);
            spawn_named(name, async move {
                let _guard = guard;
                pending::<()>().await;
            });
        }
        sleep(secs(1)).await;
    });
    let lines: Vec<_> = report.trace.notes().collect();
    assert_eq!(lines, ["newest dropped at 1s", "middle dropped at 1s", "oldest dropped at 1s"]);
    let left: Vec<_> = report.leftovers.iter().map(|task| task.path.as_str()).collect();
    assert_eq!(left, ["main/oldest", "main/middle", "main/newest"]);
    let cancelled =
        report.trace.records().filter(|record| record.event == simloop::trace::Event::Cancelled);
    let cancelled: Vec<_> =
        cancelled.map(|record| report.trace.path(record.task.unwrap()).unwrap()).collect();
    assert_eq!(cancelled, ["main/newest", "main/middle", "main/oldest"]);
    report.unwrap();
}

#[test]
fn s21_while_a_run_ends_spawning_gives_a_cancelled_handle_and_wakes_are_ignored() {
    struct Spawner(std::task::Waker);
    impl Drop for Spawner {
        fn drop(&mut self) {
            self.0.wake_by_ref();
            let handle = spawn(async { note!("never") });
            assert!(handle.is_finished());
            note!("spawned in vain at {}", now());
            std::mem::forget(handle);
        }
    }
    let report = traced(async {
        let spawner = Spawner(poll_fn(|cx| Poll::Ready(cx.waker().clone())).await);
        spawn(async move {
            let _spawner = spawner;
            pending::<()>().await;
        });
        yield_now().await;
    });
    assert_eq!(report.trace.notes().collect::<Vec<_>>(), ["spawned in vain at 0s"]);
    assert_eq!(report.counters.tasks_spawned, 2);
    report.unwrap();
}

#[test]
fn s21_leftovers_can_be_denied_and_daemons_never_are_any() {
    let program = || async {
        task::Builder::new().name("heartbeat").daemon(true).spawn(pending::<()>());
        spawn_named("forgotten", pending::<()>());
        yield_now().await;
    };
    let allowed = Builder::new().run(program());
    assert_eq!(allowed.leftovers.len(), 1);
    allowed.unwrap();
    let denied = Builder::new().deny_leftovers(true).run(program()).unwrap_failure();
    assert!(
        matches!(denied.kind(), FailureKind::Leftovers { tasks, .. } if tasks[0].path == "main/forgotten")
    );
}

#[test]
fn s21_dropping_a_loop_cancels_what_is_alive_in_it() {
    let dropped = Rc::new(RefCell::new(Vec::new()));
    struct Tell(&'static str, Rc<RefCell<Vec<&'static str>>>);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.1.borrow_mut().push(self.0);
        }
    }
    let event_loop = EventLoop::new();
    let first = event_loop.spawn(hold(Tell("first", Rc::clone(&dropped))));
    event_loop.spawn(hold(Tell("second", Rc::clone(&dropped))));
    drop(event_loop);
    assert_eq!(*dropped.borrow(), ["second", "first"]);
    assert!(first.is_finished());
    assert!(run(first).unwrap_err().is_cancelled(), "a handle may outlive its loop");
}

pub(crate) async fn hold<T>(_value: T) {
    pending::<()>().await;
}

#[test]
fn s22_a_loop_inside_a_loop_is_refused() {
    let report = Builder::new().run(async {
        let inner = Builder::new().run(async { unreachable!("never polled") });
        let failure = inner.unwrap_failure();
        assert!(matches!(failure.kind(), FailureKind::NestedLoop { .. }));
        let mut inner = EventLoop::new();
        assert!(inner.step().is_err() && inner.advance(secs(1)).is_err());
        drop(inner);
        sleep(secs(1)).await;
        failure.to_string()
    });
    assert!(
        report
            .unwrap()
            .starts_with("a loop was started inside a running loop at 0s (turn 1) in main")
    );
}

/// Dropped while the refusal's own panic passes, the future would end the process.
#[test]
fn s22_a_future_that_is_refused_may_panic_when_dropped() {
    struct Broken;
    impl Drop for Broken {
        fn drop(&mut self) {
            panic!("broken destructor");
        }
    }
    let told = |refused: &dyn Fn(Broken)| {
        let payload = catch_unwind(AssertUnwindSafe(|| refused(Broken))).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"broken destructor"));
    };
    run(async move { told(&|broken| run(async move { drop(broken) })) });
    told(&|broken| drop(spawn(async move { drop(broken) })));
}

#[test]
fn s22_outside_a_loop_the_api_panics_with_advice_and_the_try_forms_say_none() {
    let message = std::panic::catch_unwind(|| drop(sleep(secs(1)))).unwrap_err();
    let message = message.downcast_ref::<String>().unwrap();
    assert_eq!(
        message,
        "`sleep` was called outside a running loop\n  call it inside the future given to `run`, or build it \
         lazily with `async { sleep(..).await }`"
    );
    assert!(std::panic::catch_unwind(|| drop(spawn(async {}))).is_err());
    assert!(std::panic::catch_unwind(simloop::rng).is_err());
    assert!(task::try_current().is_none());
    assert!(time::try_now().is_none());
    run(async { assert!(task::try_current().is_some() && time::try_now().is_some()) });
}

#[test]
fn a_task_may_be_joined_through_a_combinator_and_awaited_again_after_a_dropped_await() {
    run(async {
        let mut slow = spawn(async {
            sleep(secs(2)).await;
            "slow"
        });
        assert!(simloop::timeout(secs(1), &mut slow).await.is_err());
        assert_eq!(slow.await.unwrap(), "slow");
        assert_eq!(now().to_string(), "2s");
    });
}

#[test]
fn futures_that_are_not_send_can_be_spawned() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    run(async {
        let shared = Rc::new(7);
        let handle = is_send(spawn(async move {
            yield_now().await;
            *shared
        }));
        assert_eq!(handle.await.unwrap(), 7);
    });
}

#[test]
fn spawning_a_boxed_future_of_any_kind_works() {
    let boxed: std::pin::Pin<Box<dyn Future<Output = u8> + Send>> = Box::pin(async {
        sleep(secs(1)).await;
        1
    });
    assert_eq!(run(async { spawn(boxed).await.unwrap() }), 1);
}

#[test]
fn s30_a_handle_used_on_another_thread_says_so_rather_than_lie() {
    run(async {
        let task = spawn(pending::<()>());
        let message = std::thread::spawn(move || {
            let asked =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| task.is_finished()));
            let aborted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| task.abort()));
            assert!(aborted.is_err());
            asked.unwrap_err().downcast_ref::<String>().cloned().unwrap()
        });
        let message = message.join().unwrap();
        assert!(
            message.starts_with("a handle of a task was used on another thread than its loop's"),
            "{message}"
        );
    });
}

#[test]
fn a_handle_that_outlived_its_loop_still_knows_its_id() {
    let event_loop = EventLoop::new();
    event_loop.spawn(async {});
    let handle = event_loop.spawn_named("late", pending::<()>());
    drop(event_loop);
    assert_eq!(run(handle).unwrap_err().to_string(), "task `#1` was cancelled");
}

#[test]
fn s09_a_waker_that_blocks_the_loop_delays_timers_and_breaks_nothing() {
    struct Blocks(std::task::Waker);
    impl std::task::Wake for Blocks {
        fn wake(self: std::sync::Arc<Self>) {
            time::block_for(secs(5));
            self.0.wake_by_ref();
        }
    }
    run(async {
        let sleeper = spawn(async {
            sleep(secs(1)).await;
            now()
        });
        let mut settle = Box::pin(simloop::settle());
        poll_fn(|cx| {
            let blocks = std::task::Waker::from(std::sync::Arc::new(Blocks(cx.waker().clone())));
            settle.as_mut().poll(&mut std::task::Context::from_waker(&blocks))
        })
        .await;
        assert_eq!(sleeper.await.unwrap().to_string(), "5s");
    });
}
