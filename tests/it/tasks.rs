//! Rules S16 to S23: spawning, order, paths, aborting, panics, the end of a run, loops in loops, other threads.

#![allow(clippy::async_yields_async, reason = "handles as outputs are what some tests are about")]

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::rc::Rc;
use std::task::Poll;

use simloop::policy::Random;
use simloop::report::{FailureKind, PanicPlace};
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
fn s20_a_panic_goes_to_whoever_joins() {
    let report = Builder::new().run(async {
        let error = spawn_named("worker", async { panic!("out of {}", "fuel") }).await.unwrap_err();
        assert!(error.is_panic() && !error.is_cancelled());
        assert_eq!(error.to_string(), "task `main/worker` panicked: out of fuel");
        let payload = spawn(async { std::panic::panic_any(42) }).await.unwrap_err().into_panic();
        *payload.downcast::<i32>().unwrap()
    });
    assert_eq!(report.unwrap(), 42, "a panic that was taken fails nothing");
}

fn panic_of(report: &simloop::Report<()>) -> (String, PanicPlace) {
    match report.failure().map(simloop::Failure::kind) {
        Some(FailureKind::Panic(panic)) => (panic.path.clone(), panic.place),
        other => panic!("expected a panic, found {other:?}"),
    }
}

#[test]
fn s20_a_panic_that_nobody_takes_fails_the_run_when_it_ends() {
    let detached = Builder::new().run(async {
        drop(spawn_named("detached", async { panic!("lost") }));
        sleep(secs(1)).await;
    });
    assert_eq!(panic_of(&detached), ("main/detached".to_owned(), PanicPlace::Detached));
    assert_eq!(detached.ended_at.to_string(), "1s", "the others went on");
    let failure = detached.unwrap_failure();
    assert_eq!((failure.at(), failure.turn()), (simloop::Instant::ZERO, 2), "where it happened");

    let dropped_later = Builder::new().run(async {
        let handle = spawn_named("later", async { panic!("lost") });
        sleep(secs(1)).await;
        drop(handle);
    });
    assert_eq!(panic_of(&dropped_later).1, PanicPlace::Detached);

    let kept = Rc::new(RefCell::new(None));
    let keep = Rc::clone(&kept);
    let not_joined = Builder::new().run(async move {
        *keep.borrow_mut() = Some(spawn_named("kept", async { panic!("lost") }));
        sleep(secs(1)).await;
    });
    assert_eq!(panic_of(&not_joined), ("main/kept".to_owned(), PanicPlace::NotJoined));
}

#[test]
fn s20_the_first_of_several_panics_is_the_failure() {
    let report = Builder::new().run(async {
        for (name, delay) in [("second", 2), ("first", 1)] {
            spawn_named(name, async move {
                sleep(secs(delay)).await;
                panic!("lost");
            });
        }
        sleep(secs(3)).await;
    });
    assert_eq!(panic_of(&report).0, "main/first");
    let failure = report.unwrap_failure();
    assert_eq!(failure.consequences().len(), 1);
    assert!(
        failure.to_string().contains("\n  then: panic at 2s (turn 5) in main/second: lost\n"),
        "{failure}"
    );
}

#[test]
fn s20_very_many_panics_that_nobody_takes_are_told_in_part() {
    let report = Builder::new().run(async {
        for _ in 0..10_000 {
            spawn(async { std::panic::resume_unwind(Box::new("lost")) });
        }
        sleep(secs(1)).await;
        std::panic::resume_unwind(Box::new("and the root too"));
    });
    let failure = report.unwrap_failure();
    assert_eq!(failure.consequences().len(), 10_000);
    assert!(failure.to_string().contains("\n  then: 9995 more failures\n"));
    assert!(
        failure.consequences().last().unwrap().to_string().contains("in main: and the root too")
    );
}

#[test]
fn s20_a_panic_leaves_the_loop_the_thread_and_later_loops_usable() {
    let mut event_loop = EventLoop::new();
    let panicking = event_loop.spawn(async { panic!("once") });
    event_loop.advance(secs(1)).unwrap();
    let value = event_loop.block_on(async {
        sleep(secs(1)).await;
        7
    });
    assert_eq!(value.unwrap(), 7);
    assert!(event_loop.block_on(panicking).unwrap().unwrap_err().is_panic());
    event_loop.finish().unwrap();
    assert_eq!(run(async { 8 }), 8);
}

/// Panics when it is dropped, and once more when its payload is.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        std::panic::panic_any(PayloadBomb);
    }
}

struct PayloadBomb;

impl Drop for PayloadBomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("a payload's destructor");
        }
    }
}

#[test]
fn s20_panics_in_destructors_are_caught_wherever_they_happen() {
    // At the end of the run, in a future and in an output that nobody fetched.
    let report = Builder::new().run(async {
        let bomb = Bomb;
        spawn(async move {
            let _bomb = bomb;
            pending::<()>().await;
        });
        let kept = spawn(async { Bomb });
        yield_now().await;
        std::mem::forget(kept);
    });
    assert_eq!(panic_of(&report).1, PanicPlace::Drop);
    // In an aborted task: its joiner is told.
    run(async {
        let bomb = Bomb;
        let task = spawn(async move {
            let _bomb = bomb;
            pending::<()>().await;
        });
        yield_now().await;
        task.abort();
        std::mem::forget(task.await.unwrap_err().into_panic());
    });
    // In the output of a detached task.
    let report = Builder::new().run(async {
        drop(spawn(async { Bomb }));
        yield_now().await;
    });
    assert_eq!(panic_of(&report).1, PanicPlace::Drop);
    assert_eq!(run(async { 9 }), 9, "the next loop is none the worse");
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

async fn hold<T>(_value: T) {
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
fn s23_a_wake_from_another_thread_fails_the_run_and_names_the_task() {
    let report = Builder::new().run(async {
        spawn_named("victim", async {
            let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
            std::thread::Builder::new()
                .name("meddler".to_owned())
                .spawn(move || waker.wake())
                .unwrap()
                .join()
                .unwrap();
            pending::<()>().await;
        });
        sleep(secs(1)).await;
    });
    match report.unwrap_failure().kind() {
        FailureKind::ForeignWake { task, thread, .. } => {
            assert_eq!((task.as_str(), thread.as_deref()), ("main/victim", Some("meddler")));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(run(async { 1 }), 1);
}

#[test]
fn s23_a_wake_from_another_thread_after_the_task_or_the_loop_is_gone_does_nothing() {
    let (sender, receiver) = std::sync::mpsc::channel();
    run(async move {
        spawn(async move {
            let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
            sender.send(waker).unwrap();
        })
        .await
        .unwrap();
    });
    let waker = receiver.recv().unwrap();
    let elsewhere = waker.clone();
    std::thread::spawn(move || elsewhere.wake()).join().unwrap();
    waker.wake_by_ref();
    // The next run takes over the loop's memory, and the old waker does not fit its tasks.
    let report = Builder::new().run(async move {
        waker.wake_by_ref();
        std::thread::spawn(move || waker.wake()).join().unwrap();
        yield_now().await;
    });
    assert_eq!(report.counters.wakes, 1);
    report.unwrap();
}

fn put(shelf: &std::sync::Mutex<Vec<std::task::Waker>>, waker: std::task::Waker) {
    let mut shelf = shelf.lock().unwrap();
    shelf.push(waker);
    shelf.truncate(64);
}

#[test]
fn s23_wakers_are_shared_with_threads_while_loops_come_and_go() {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex};
    let shelf: Arc<Mutex<Vec<std::task::Waker>>> = Arc::default();
    let is_over = Arc::new(AtomicBool::new(false));
    let meddlers: Vec<_> = (0..3)
        .map(|_| {
            let (shelf, is_over) = (Arc::clone(&shelf), Arc::clone(&is_over));
            std::thread::spawn(move || {
                let mut wakes = 0_u64;
                while !is_over.load(Ordering::Relaxed) {
                    let taken = shelf.lock().unwrap().pop();
                    let Some(waker) = taken else {
                        std::thread::yield_now();
                        continue;
                    };
                    let clone = waker.clone();
                    clone.wake_by_ref();
                    waker.wake();
                    wakes += 1;
                }
                wakes
            })
        })
        .collect();
    let mut ended_well = 0;
    for round in 0..2_000 {
        let shelf = Arc::clone(&shelf);
        let report = Builder::new().policy(Random::new(round)).run(async move {
            for _ in 0..3 {
                spawn(poll_fn(move |cx| {
                    cx.waker().wake_by_ref();
                    Poll::<()>::Pending
                }));
            }
            for _ in 0..20 {
                let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
                put(&shelf, waker);
                yield_now().await;
            }
        });
        match report.failure().map(simloop::Failure::kind) {
            None => ended_well += 1,
            Some(FailureKind::ForeignWake { .. }) => {}
            Some(other) => panic!("{other:?}"),
        }
    }
    is_over.store(true, Ordering::Relaxed);
    let wakes: u64 = meddlers.into_iter().map(|meddler| meddler.join().unwrap()).sum();
    assert!(wakes + ended_well > 0, "either the others woke, or the runs ended well");
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
fn s20_foreign_data_may_run_end_and_own_loops_wherever_it_is_dropped() {
    /// Runs a loop when it is dropped.
    struct Runs;
    impl Drop for Runs {
        fn drop(&mut self) {
            assert!(matches!(
                Builder::new().run(async {}).unwrap_failure().kind(),
                FailureKind::NestedLoop { .. }
            ));
        }
    }
    // The output of a detached task, of a joined one, of one whose handle is dropped when it has ended.
    run(async {
        drop(spawn(async { Runs }));
        drop(spawn(async { Runs }).await.unwrap());
        let owner = spawn(async { EventLoop::new() });
        let runner = spawn(async { Runs });
        yield_now().await;
        drop((owner, runner));
    });
    // A future that is spawned as the run ends, and dropped at once.
    struct Spawns;
    impl Drop for Spawns {
        fn drop(&mut self) {
            let runs = Runs;
            spawn(async move { drop(runs) });
        }
    }
    run(async {
        spawn(hold(Spawns));
        yield_now().await;
    });
}

#[test]
fn s20_an_output_that_holds_handles_is_dropped_in_peace() {
    let report = Builder::new().run(async {
        let outer = spawn(async {
            let inner = spawn(async { 5 });
            yield_now().await;
            yield_now().await;
            inner
        });
        for _ in 0..5 {
            yield_now().await;
        }
        outer
    });
    drop(report.unwrap());
    let denied = Builder::new().deny_leftovers(true).run(async { spawn(pending::<()>()) });
    assert!(matches!(denied.unwrap_failure().kind(), FailureKind::Leftovers { .. }));
    let panicked = Builder::new().run(async {
        drop(spawn(async { std::panic::resume_unwind(Box::new("lost")) }));
        let kept = spawn(pending::<()>());
        yield_now().await;
        kept
    });
    assert_eq!(panic_of(&panicked.map(drop)).1, PanicPlace::Detached);
}

#[test]
fn s20_a_handle_dropped_in_a_panic_does_not_abort_the_process() {
    let report = Builder::new().run(async {
        let bombs = [spawn(async { Bomb }), spawn(async { Bomb })];
        yield_now().await;
        let holder = spawn(async move {
            let _bombs = bombs;
            panic!("while it holds two outputs that panic");
        });
        assert!(holder.await.unwrap_err().is_panic());
    });
    let failure = report.unwrap_failure();
    assert_eq!(failure.consequences().len(), 1, "both are told: {failure}");
}

#[test]
fn a_loop_in_a_thread_local_ends_with_its_thread() {
    thread_local! {
        static KEPT: RefCell<Option<EventLoop>> = const { RefCell::new(None) };
    }
    std::thread::spawn(|| {
        let event_loop = EventLoop::new();
        event_loop.spawn(hold(vec![1, 2, 3]));
        KEPT.with(|kept| *kept.borrow_mut() = Some(event_loop));
        run(async { yield_now().await });
    })
    .join()
    .unwrap();
}

#[test]
fn s23_a_wake_of_a_task_that_has_ended_hides_none_of_a_task_that_lives() {
    let report = Builder::new().run(async {
        let dead = spawn(poll_fn(|cx| Poll::Ready(cx.waker().clone()))).await.unwrap();
        let alive = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        std::thread::spawn(move || {
            dead.wake();
            alive.wake();
        })
        .join()
        .unwrap();
        pending::<()>().await;
    });
    assert!(
        matches!(report.unwrap_failure().kind(), FailureKind::ForeignWake { task, .. } if task == "main")
    );
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
            asked.unwrap_err().downcast_ref::<&str>().map(|text| text.to_string()).unwrap()
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
fn s20_a_policy_that_panics_when_it_is_shown_or_dropped_is_caught() {
    use simloop::policy::{Choice, Policy};
    struct Rude;
    impl std::fmt::Debug for Rude {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("not to be shown")
        }
    }
    impl Drop for Rude {
        fn drop(&mut self) {
            panic!("not to be dropped")
        }
    }
    impl Policy for Rude {
        fn choose(&mut self, choice: &Choice<'_>) -> usize {
            choice.len()
        }
    }
    let report = Builder::new().policy(Rude).run(async {
        spawn(async {});
        spawn(async {});
        yield_now().await;
    });
    assert!(matches!(report.unwrap_failure().kind(), FailureKind::PolicyFault { .. }));
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

#[test]
fn s20_a_panic_in_a_waker_that_the_loop_calls_is_told_as_that() {
    struct Panics;
    impl std::task::Wake for Panics {
        fn wake(self: std::sync::Arc<Self>) {
            std::panic::resume_unwind(Box::new("a rude waker"));
        }
    }
    let report = Builder::new().run(async {
        let mut nap = Box::pin(sleep(secs(1)));
        let rude = std::task::Waker::from(std::sync::Arc::new(Panics));
        assert!(nap.as_mut().poll(&mut std::task::Context::from_waker(&rude)).is_pending());
        sleep(secs(2)).await;
    });
    let text = report.unwrap_failure().to_string();
    let told = "panic at 1s (turn 1) in a waker: a rude waker\n  \
                it happened outside any task, in code that the loop called\n";
    assert!(text.starts_with(told), "{text}");
}
