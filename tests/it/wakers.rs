//! Wakers in the hands of other threads (S23), also while loops come and go.
//!
//! These tests run twice more: `tests/stress` has them in a package of their own, which builds in seconds, for
//! AddressSanitizer and valgrind.

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use simloop::policy::Random;
use simloop::report::FailureKind;
use simloop::{Builder, run, sleep, spawn, spawn_named, yield_now};

/// A program whose task `victim` is woken by a thread called `meddler`.
pub(crate) async fn woken_from_elsewhere() {
    spawn_named("victim", async {
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let meddler = std::thread::Builder::new().name("meddler".to_owned());
        meddler.spawn(move || waker.wake()).unwrap().join().unwrap();
        pending::<()>().await;
    });
    sleep(Duration::from_secs(1)).await;
}

#[test]
fn s23_a_wake_from_another_thread_fails_the_run_and_names_the_task() {
    let report = Builder::new().run(woken_from_elsewhere());
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

fn put(shelf: &Mutex<Vec<Waker>>, waker: Waker) {
    let mut shelf = shelf.lock().unwrap();
    shelf.push(waker);
    shelf.truncate(64);
}

#[test]
fn s23_wakers_are_shared_with_threads_while_loops_come_and_go() {
    let shelf: Arc<Mutex<Vec<Waker>>> = Arc::default();
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
fn s40_of_a_task_whose_waker_was_shared_with_a_thread_nothing_is_claimed() {
    /// How a run ends whose root waits for nothing, after it has given its waker away.
    fn deadlock(give: impl FnOnce(Waker) + 'static) -> String {
        let report = Builder::new().run(async move {
            give(poll_fn(|cx| Poll::Ready(cx.waker().clone())).await);
            pending::<()>().await;
        });
        report.unwrap_failure().to_string()
    }
    let drop_elsewhere = |waker: Waker| std::thread::spawn(move || drop(waker)).join().unwrap();
    assert!(deadlock(drop).contains("nobody holds its waker"));
    let dropped = deadlock(drop_elsewhere);
    assert!(dropped.contains("main  waits for a future of its own since 0s"), "{dropped}");
    let cloned = deadlock(|waker| {
        let clone = std::thread::scope(|scope| scope.spawn(|| waker.clone()).join().unwrap());
        drop((waker, clone));
    });
    assert!(!cloned.contains("nobody holds"), "{cloned}");
    // A waker of an earlier run says nothing of this one, whatever becomes of it.
    let (sender, receiver) = std::sync::mpsc::channel();
    deadlock(move |waker| sender.send(waker).unwrap());
    let old = receiver.recv().unwrap();
    let next = deadlock(move |waker| {
        drop(waker);
        drop_elsewhere(old);
    });
    assert!(next.contains("nobody holds its waker"), "{next}");
}
