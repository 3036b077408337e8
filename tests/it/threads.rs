//! What belongs to a loop in the hands of other threads: dropped there, reset, asked for.
//!
//! Each thread is joined in the poll that starts it, so that the runs are the same every time.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use simloop::report::FailureKind;
use simloop::task::{AbortHandle, all};
use simloop::time::block_for;
use simloop::{
    Builder, EventLoop, JoinSet, gather_settled, now, settle, sleep, spawn, spawn_named,
    try_gather_all, yield_now,
};

use crate::{secs, traced};

/// Drops a value on another thread.
fn drop_elsewhere<T: Send + 'static>(value: T) {
    std::thread::spawn(move || drop(value)).join().unwrap();
}

/// Polls a future once, in the running task.
async fn polled_once<F: Future + Unpin>(mut future: F) -> F {
    std::future::poll_fn(|cx| {
        assert!(Pin::new(&mut future).poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    future
}

#[test]
fn s08_a_sleep_dropped_on_another_thread_moves_no_clock_and_hides_no_deadlock() {
    let report = traced(async {
        drop_elsewhere(polled_once(sleep(secs(60))).await);
        pending::<()>().await;
    });
    let failure = report.failure().expect("nothing can happen any more");
    assert!(matches!(failure.kind(), FailureKind::Deadlock(_)), "{failure}");
    assert_eq!(report.ended_at.to_string(), "0s");
    let counters = report.counters;
    assert_eq!((counters.timers_cancelled, counters.timers_fired, counters.jumps), (1, 0, 0));
    let text = report.trace.to_string();
    assert!(text.contains("  main  timer for 60s cancelled\n"), "{text}");
    let mut event_loop = EventLoop::new();
    let shared = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&shared);
    event_loop.spawn(async move {
        *keep.lock().unwrap() = Some(polled_once(sleep(secs(60))).await);
        pending::<()>().await;
    });
    event_loop.advance(secs(1)).unwrap();
    let kept = shared.lock().unwrap().take().unwrap();
    drop_elsewhere(kept);
    assert_eq!(event_loop.advance_to_next().unwrap(), None, "dropped between two turns");
}

#[test]
fn s08_a_sleep_dropped_on_another_thread_wakes_nobody_where_timers_fire_late() {
    let report = Builder::new().run(async {
        drop_elsewhere(polled_once(sleep(secs(1))).await);
        block_for(secs(2));
        pending::<()>().await;
    });
    assert_eq!(report.counters.polls, 1);
    assert_eq!((report.counters.timers_fired, report.counters.timers_cancelled), (0, 1));
}

#[test]
fn s08_a_waker_of_a_combinator_goes_with_its_sleep_wherever_that_is_dropped() {
    struct Counts;
    impl std::task::Wake for Counts {
        fn wake(self: Arc<Self>) {}
    }
    let counts = Arc::new(Counts);
    let waker = Waker::from(Arc::clone(&counts));
    Builder::new()
        .run(async move {
            let mut nap = sleep(secs(1));
            assert!(Pin::new(&mut nap).poll(&mut Context::from_waker(&waker)).is_pending());
            drop((nap, waker).0);
            yield_now().await;
        })
        .unwrap();
    assert_eq!(Arc::strong_count(&counts), 1);
    let waker = Waker::from(Arc::clone(&counts));
    let kept = Arc::clone(&counts);
    Builder::new()
        .run(async move {
            let mut nap = sleep(secs(1));
            assert!(Pin::new(&mut nap).poll(&mut Context::from_waker(&waker)).is_pending());
            drop(waker);
            drop_elsewhere(nap);
            assert_eq!(Arc::strong_count(&kept), 3, "the loop holds a clone until it looks");
            yield_now().await;
            assert_eq!(Arc::strong_count(&kept), 2);
        })
        .unwrap();
}

#[test]
fn s08_a_sleep_of_an_earlier_run_dropped_on_another_thread_touches_no_timer_of_the_next() {
    let kept = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&kept);
    Builder::new()
        .run(async move { *keep.lock().unwrap() = Some(polled_once(sleep(secs(1))).await) })
        .unwrap();
    let report = Builder::new().run(async move {
        let nap = polled_once(sleep(secs(1))).await;
        let earlier = kept.lock().unwrap().take();
        drop_elsewhere(earlier);
        nap.await;
        now()
    });
    assert_eq!(report.counters.timers_cancelled, 0);
    assert_eq!(report.unwrap().to_string(), "1s");
}

#[test]
fn s08_a_sleep_reset_on_another_thread_says_so() {
    Builder::new()
        .run(async {
            let mut nap = polled_once(sleep(secs(1))).await;
            let message = std::thread::spawn(move || {
                let reset = || nap.reset(simloop::Instant::from_nanos(5));
                let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(reset));
                panic.unwrap_err().downcast_ref::<String>().cloned()
            });
            assert_eq!(
                message.join().unwrap().as_deref(),
                Some(
                    "a sleep was reset on another thread than its loop's\n  \
                     it may be dropped anywhere, but is polled and reset on the thread of its loop"
                )
            );
        })
        .unwrap();
}

#[test]
fn s10a_a_settle_dropped_on_another_thread_is_forgotten() {
    let report = Builder::new().run(async {
        drop_elsewhere(polled_once(settle()).await);
        sleep(secs(1)).await;
    });
    assert_eq!(report.counters.polls, 2, "nobody was woken by it");
    report.unwrap();
}

#[test]
fn s19_a_handle_dropped_on_another_thread_detaches_the_task() {
    let output = Arc::new(());
    let held = Arc::clone(&output);
    let report = Builder::new().run(async move {
        let (finished, panicked) =
            (spawn(async move { held }), spawn_named("lost", async { panic!("lost") }));
        yield_now().await;
        drop_elsewhere::<(simloop::JoinHandle<Arc<()>>, simloop::JoinHandle<()>)>((
            finished, panicked,
        ));
        yield_now().await;
        Arc::strong_count(&output)
    });
    let failure = report.failure().expect("a panic that nobody can take");
    assert!(
        failure.to_string().contains("its handle was dropped, so nobody could take it"),
        "{failure}"
    );
}

#[test]
fn s24_what_owns_tasks_aborts_them_on_whatever_thread_it_is_dropped() {
    fn endless() -> impl Future<Output = Result<(), ()>> {
        pending()
    }
    async fn is_aborted<T: Send + 'static>(owner: T, tasks: impl Fn() -> Vec<AbortHandle>) {
        yield_now().await;
        let tasks = tasks();
        assert!(tasks.len() > 1 && tasks.iter().all(|task| !task.is_finished()));
        drop_elsewhere(owner);
        settle().await;
        assert!(tasks.iter().skip(1).all(AbortHandle::is_finished), "{tasks:?}");
    }
    let report = Builder::new().run(async {
        is_aborted(JoinSet::from_iter([endless(), endless()]), all).await;
        is_aborted(try_gather_all([endless(), endless()]), all).await;
        is_aborted(gather_settled([endless(), endless()]), all).await;
    });
    assert!(report.leftovers.is_empty(), "{:?}", report.leftovers);
    report.unwrap();
}

#[test]
fn a_set_is_asked_for_its_results_on_the_loops_own_thread() {
    Builder::new()
        .run(async {
            let mut set = JoinSet::from_iter([pending::<()>()]);
            let message = std::thread::spawn(move || {
                let ask = std::panic::AssertUnwindSafe(|| set.try_join_next().is_some());
                std::panic::catch_unwind(ask).unwrap_err().downcast_ref::<String>().cloned()
            });
            assert_eq!(
                message.join().unwrap().as_deref(),
                Some(
                    "tasks were joined on another thread than its loop's\n  \
                     what joins them may be dropped anywhere, but is asked on the thread of the loop"
                )
            );
        })
        .unwrap();
}

#[test]
fn s18_a_path_is_asked_for_on_the_loops_own_thread() {
    Builder::new()
        .run(async {
            let task = spawn_named("worker", pending::<()>());
            assert_eq!((task.path(), task.id().to_string()), ("main/worker".into(), "#1".into()));
            let message = std::thread::spawn(move || {
                assert_eq!(
                    format!("{task:?}"),
                    "JoinHandle { task: \"#1\" }",
                    "shown all the same"
                );
                let ask = std::panic::AssertUnwindSafe(|| task.path());
                std::panic::catch_unwind(ask).unwrap_err().downcast_ref::<String>().cloned()
            });
            let message = message.join().unwrap().unwrap();
            assert!(
                message.starts_with(
                    "the path of a task was asked for on another thread than its loop's\n"
                ),
                "{message}"
            );
        })
        .unwrap();
}

#[test]
fn s23_a_wake_in_the_last_poll_of_the_root_is_told() {
    let wakes_itself = async || {
        let waker = std::future::poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        std::thread::spawn(move || waker.wake()).join().unwrap();
    };
    let report = Builder::new().run(wakes_itself());
    match report.unwrap_failure().kind() {
        FailureKind::ForeignWake { task, .. } => assert_eq!(task, "main"),
        other => panic!("{other:?}"),
    }
    let blocks = Builder::new().run(async move {
        wakes_itself().await;
        block_for(secs(1));
    });
    assert!(matches!(blocks.unwrap_failure().kind(), FailureKind::ForeignWake { .. }));
    let mut event_loop = EventLoop::new();
    assert!(event_loop.block_on(wakes_itself()).is_err());
    // The last poll of another task is followed by nothing that the wake could change.
    Builder::new().run(async move { spawn(wakes_itself()).await.unwrap() }).unwrap();
}
