use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use simloop::report::{Deadlock, Failure, FailureKind};
use simloop::sync::{Mutex, OwnedMutexGuard};
use simloop::{Builder, EventLoop, Limits, run, sleep, spawn, spawn_named, task, yield_now};

use super::panic_of;
use crate::snapshots::assert_shown;
use crate::{millis, secs};

#[test]
fn s28_a_mutex_is_handed_over_in_order_and_nobody_barges_in() {
    run(async {
        let mutex = Arc::new(Mutex::new(Vec::new()));
        let first = Arc::clone(&mutex).lock_owned().await;
        for number in 0..3 {
            let mutex = Arc::clone(&mutex);
            spawn(async move { mutex.lock().await.push(number) });
        }
        yield_now().await;
        drop(first);
        assert!(mutex.is_locked(), "it belongs to the first who waits from the release on");
        assert!(mutex.try_lock().is_err());
        mutex.lock().await.push(9);
        assert_eq!(*mutex.lock().await, [0, 1, 2, 9]);
    });
}

#[test]
fn s29_a_lock_handed_to_a_cancelled_waiter_goes_to_the_next() {
    run(async {
        let mutex = Arc::new(Mutex::new(()));
        let order = Rc::new(RefCell::new(Vec::new()));
        let guard = mutex.lock().await;
        let waiters: Vec<_> = (0..3)
            .map(|number| {
                let (mutex, order) = (Arc::clone(&mutex), Rc::clone(&order));
                spawn(async move {
                    let _guard = mutex.lock().await;
                    order.borrow_mut().push(number);
                })
            })
            .collect();
        yield_now().await;
        drop(guard);
        // The first has it by now, and has not been polled.
        waiters[0].abort();
        waiters[1].abort();
        for waiter in waiters {
            let _ = waiter.await;
        }
        assert_eq!(*order.borrow(), [2]);
        assert!(!mutex.is_locked());
    });
}

#[test]
fn an_owned_guard_keeps_its_mutex() {
    let mutex = Arc::new(Mutex::new(1));
    let mut guard = Arc::clone(&mutex).try_lock_owned().unwrap();
    assert!(Arc::ptr_eq(OwnedMutexGuard::mutex(&guard), &mutex));
    *guard += 1;
    let mutex = Arc::try_unwrap(mutex).unwrap_err();
    drop(guard);
    assert_eq!(Arc::try_unwrap(mutex).unwrap().into_inner(), 2);
}

#[test]
fn s37_two_locks_taken_crosswise_are_a_deadlock_with_its_cycle() {
    let report = Builder::new().run(async {
        let ledger = Arc::new(Mutex::new(0).named("ledger"));
        let audit = Arc::new(Mutex::new(0).named("audit"));
        let worker = |one: &Arc<Mutex<i32>>, other: &Arc<Mutex<i32>>| {
            let (one, other) = (Arc::clone(one), Arc::clone(other));
            spawn_named("worker", async move {
                let _one = one.lock().await;
                sleep(secs(1)).await;
                let _other = other.lock().await;
            })
        };
        let first = worker(&ledger, &audit);
        sleep(millis(500)).await;
        worker(&audit, &ledger);
        first.await.unwrap();
    });
    assert_shown("sync", "deadlock_two_mutexes", report.unwrap_failure());
}

#[test]
fn s37_philosophers_who_all_take_their_left_fork_first_starve() {
    let report = Builder::new().run(async {
        let forks: Vec<_> =
            (1..=5).map(|n| Arc::new(Mutex::new(()).named(format!("fork {n}")))).collect();
        let philosophers = (0..5).map(|n| {
            let (left, right) = (Arc::clone(&forks[n]), Arc::clone(&forks[(n + 1) % 5]));
            spawn_named("philosopher", async move {
                let _left = left.lock().await;
                yield_now().await;
                let _right = right.lock().await;
                sleep(secs(1)).await;
            })
        });
        let philosophers: Vec<_> = philosophers.collect();
        for philosopher in philosophers {
            philosopher.await.unwrap();
        }
    });
    assert_shown("sync", "deadlock_philosophers", report.unwrap_failure());
}

#[test]
fn s37_a_mutex_taken_twice_and_one_whose_holder_has_ended_are_told_as_such() {
    let report = Builder::new().run(async {
        let twice = Arc::new(Mutex::new(()).named("twice"));
        let leaked = Arc::new(Mutex::new(()));
        let other = Arc::clone(&leaked);
        let leaker = spawn(async move { std::mem::forget(other.lock().await) });
        leaker.await.unwrap();
        spawn_named("late", async move {
            let _ = futures_util::future::select(leaked.lock(), std::future::pending::<()>()).await;
        });
        let _once = twice.lock().await;
        let _again = twice.lock().await;
    });
    assert_shown("sync", "deadlock_twice_and_leaked", report.unwrap_failure());
}

#[test]
fn s37_a_partial_deadlock_is_reported_although_the_root_ends_well() {
    let report = Builder::new().run(async {
        let one = Arc::new(Mutex::new(()).named("one"));
        let other = Arc::new(Mutex::new(()).named("other"));
        let crosswise = [(&one, &other), (&other, &one)].map(|(first, second)| {
            let (first, second) = (Arc::clone(first), Arc::clone(second));
            spawn_named("crosswise", async move {
                let _first = first.lock().await;
                sleep(secs(1)).await;
                let _second = second.lock().await;
            })
        });
        let [first, _second] = crosswise;
        spawn_named("joiner", first);
        spawn_named("behind", async move { drop(one.lock().await) });
        spawn_named("lost", std::future::pending::<()>());
        spawn_named("sleeper", sleep(secs(60)));
        // Somebody may still send, for all that is known.
        let (sender, receiver) = futures_channel::oneshot::channel::<()>();
        spawn_named("reader", receiver);
        task::Builder::new().name("daemon").daemon(true).spawn(std::future::pending::<()>());
        sleep(secs(5)).await;
        drop(sender);
        "well"
    });
    assert_shown("sync", "partial_deadlock", report.partial_deadlock.as_ref().unwrap());
    assert_eq!(report.leftovers.len(), 7);
    assert_eq!(report.unwrap(), "well");
}

#[test]
fn s37_a_partial_deadlock_is_reported_of_a_root_that_goes_on_and_of_a_loop_without_one() {
    async fn lock_twice(mutex: Mutex<()>) {
        let _held = mutex.lock().await;
        drop(mutex.lock().await);
    }
    let limited = Builder::new().limits(Limits::new().virtual_time(secs(10)));
    let report = limited.run(async {
        spawn_named("twice", lock_twice(Mutex::new(())));
        loop {
            sleep(secs(1)).await;
        }
    });
    let kind = report.failure().map(Failure::kind);
    assert!(matches!(kind, Some(FailureKind::TimeLimit { .. })), "{kind:?}");
    let stuck = |report: Option<Deadlock>| -> Vec<_> {
        report.into_iter().flat_map(|deadlock| deadlock.waiting).map(|task| task.path).collect()
    };
    assert_eq!(stuck(report.partial_deadlock), ["main/twice"]);

    let mut event_loop = EventLoop::new();
    event_loop.spawn_named("twice", lock_twice(Mutex::new(())));
    event_loop.spawn_named("sleeper", async { sleep(secs(60)).await });
    event_loop.advance(secs(1)).unwrap();
    assert_eq!(stuck(event_loop.finish().partial_deadlock), ["twice"]);
}

#[test]
fn s37_a_run_whose_leftovers_could_go_on_has_no_partial_deadlock() {
    let report = Builder::new().run(async {
        let mutex = Arc::new(Mutex::new(()));
        let held = Arc::clone(&mutex).lock_owned().await;
        spawn(async move { drop(mutex.lock().await) });
        spawn(async move {
            sleep(secs(60)).await;
            drop(held);
        });
        sleep(secs(1)).await;
    });
    assert_eq!(report.partial_deadlock, None);
    assert_eq!(report.leftovers.len(), 2);
}

#[test]
fn a_mutex_is_made_outside_a_loop_and_used_in_several_one_after_the_other() {
    let mutex = Arc::new(Mutex::new(0));
    for _ in 0..2 {
        let mutex = Arc::clone(&mutex);
        run(async move {
            let held = Arc::clone(&mutex).lock_owned().await;
            let waiter = spawn(async move { *mutex.lock().await += 1 });
            yield_now().await;
            drop(held);
            waiter.await.unwrap();
        });
    }
    let mut event_loop = EventLoop::new();
    let held = mutex.try_lock().expect("nobody holds it");
    let inside = Arc::clone(&mutex);
    let mut waiter = event_loop.spawn(async move { *inside.lock().await });
    event_loop.run_until_idle().unwrap();
    assert!(!waiter.is_finished());
    drop(held);
    event_loop.run_until_idle().unwrap();
    assert_eq!(waiter.try_take().unwrap().unwrap(), 2);
}

#[test]
fn s29_a_waiter_dropped_at_any_point_leaves_the_mutex_to_the_others() {
    // How far the victim gets: it waits, it has been handed the lock, it holds the lock.
    for turns in 0..8 {
        let report = Builder::new().run(async move {
            let mutex = Arc::new(Mutex::new(0));
            let client = |mutex: &Arc<Mutex<i32>>| {
                let mutex = Arc::clone(mutex);
                spawn(async move {
                    let mut value = mutex.lock().await;
                    yield_now().await;
                    *value += 1;
                })
            };
            let clients = [client(&mutex), client(&mutex), client(&mutex)];
            for _ in 0..turns {
                yield_now().await;
            }
            clients[1].abort();
            let mut ended_well = 0;
            for client in clients {
                ended_well += i32::from(client.await.is_ok());
            }
            assert_eq!(*mutex.lock().await, ended_well);
            ended_well
        });
        let ended_well = report.unwrap();
        assert_eq!(ended_well, if turns < 4 { 2 } else { 3 }, "after {turns} turns");
    }
}

#[test]
fn s17_a_lock_is_taken_inside_foreign_combinators() {
    use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
    run(async {
        let mutex = Arc::new(Mutex::new(Vec::new()));
        let lockers = (0..4).map(|number| {
            let mutex = Arc::clone(&mutex);
            async move {
                let mut guard = mutex.lock().await;
                yield_now().await;
                guard.push(number);
            }
        });
        let lockers: FuturesUnordered<_> = lockers.collect();
        lockers.collect::<Vec<()>>().await;
        assert_eq!(mutex.lock().await.len(), 4);
        // The loser of a race stands in line no longer.
        let held = mutex.lock().await;
        let lock = mutex.lock().fuse();
        futures_util::pin_mut!(lock);
        futures_util::select_biased! {
            _ = lock => unreachable!("it is held"),
            () = sleep(secs(1)).fuse() => {}
        }
        drop(held);
        assert!(mutex.is_locked(), "the future still has the place it was handed");
    });
}

#[test]
fn a_panic_with_the_lock_held_releases_it() {
    run(async {
        let mutex = Arc::new(Mutex::new(1));
        let other = Arc::clone(&mutex);
        let panicking = spawn(async move {
            let _guard = other.lock().await;
            std::panic::resume_unwind(Box::new("lost"));
        });
        assert!(panicking.await.unwrap_err().is_panic());
        assert_eq!(*mutex.try_lock().unwrap(), 1);
        assert_eq!(format!("{mutex:?}"), "Mutex { is_locked: false, waiting: 0, .. }");
        assert_eq!(Arc::into_inner(mutex).unwrap().into_inner(), 1);
    });
}

#[test]
fn a_guard_that_is_leaked_keeps_the_lock_and_the_value() {
    let mut mutex = Mutex::new(1);
    std::mem::forget(mutex.try_lock().unwrap());
    assert!(mutex.is_locked() && mutex.try_lock().is_err());
    let told = [panic_of(|| *mutex.get_mut()), panic_of(|| mutex.into_inner())];
    assert_eq!(told, ["a guard of this lock was leaked, and the value with it"; 2]);
}

/// It runs while the value is in the guard, so under no latch.
#[test]
fn a_value_whose_destructor_looks_at_its_mutex_does_not_hang() {
    struct Nosy(Arc<Mutex<Option<Nosy>>>);
    impl Drop for Nosy {
        fn drop(&mut self) {
            assert!(self.0.is_locked(), "the lock is held while the value is replaced");
        }
    }
    let mutex = Arc::new(Mutex::new(None));
    *mutex.try_lock().unwrap() = Some(Nosy(Arc::clone(&mutex)));
    *mutex.try_lock().unwrap() = None;
    assert!(mutex.try_lock().unwrap().is_none());
}
