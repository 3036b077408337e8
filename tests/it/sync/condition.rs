mod model;

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::select;
use futures_util::stream::{FuturesUnordered, StreamExt};
use simloop::policy::Random;
use simloop::sync::{Condition, Mutex};
use simloop::{Builder, JoinHandle, now, run, sleep, spawn, timeout, yield_now};

use crate::snapshots::assert_shown;
use crate::{millis, secs};

/// A value, its condition, and the numbers of those who came through a wait.
#[derive(Clone)]
struct Place {
    mutex: Arc<Mutex<u64>>,
    condition: Rc<Condition>,
    order: Rc<RefCell<Vec<u64>>>,
}

impl Place {
    fn new() -> Self {
        Place {
            mutex: Arc::new(Mutex::new(0)),
            condition: Rc::new(Condition::new()),
            order: Rc::default(),
        }
    }

    /// A task that waits for a notification.
    fn waiter(&self, number: u64) -> JoinHandle<()> {
        let place = self.clone();
        spawn(async move {
            let guard = place.condition.wait(place.mutex.lock().await).await;
            place.order.borrow_mut().push(number);
            drop(guard);
        })
    }

    fn order(&self) -> Vec<u64> {
        self.order.borrow().clone()
    }
}

#[test]
fn s28_waiters_are_notified_in_the_order_in_which_they_came() {
    run(async {
        let place = Place::new();
        for number in 0..5 {
            place.waiter(number);
        }
        yield_now().await;
        place.condition.notify_one();
        yield_now().await;
        assert_eq!(place.order(), [0]);
        place.condition.notify(0);
        place.condition.notify(2);
        yield_now().await;
        assert_eq!(place.order(), [0, 1, 2]);
        place.condition.notify_all();
        yield_now().await;
        assert_eq!(place.order(), [0, 1, 2, 3, 4]);
        assert_eq!(format!("{:?}", place.condition), "Condition { waiting: 0, .. }");
    });
}

#[test]
fn s28_those_notified_lock_in_that_order_and_before_all_who_ask_later() {
    for seed in 0..100 {
        let report = Builder::new().policy(Random::new(seed)).run(async {
            let place = Place::new();
            let mut guard = Arc::clone(&place.mutex).lock_owned().await;
            for number in 0..4 {
                place.waiter(number);
                drop(guard);
                while !format!("{:?}", place.condition)
                    .contains(&format!("waiting: {}", number + 1))
                {
                    yield_now().await;
                }
                guard = Arc::clone(&place.mutex).lock_owned().await;
            }
            place.condition.notify(3);
            let late = spawn({
                let place = place.clone();
                async move {
                    let _guard = place.mutex.lock().await;
                    place.order.borrow_mut().push(9);
                }
            });
            drop(guard);
            assert!(place.mutex.try_lock().is_err(), "it belongs to the first that was notified");
            late.await.unwrap();
            assert_eq!(place.order(), [0, 1, 2, 9]);
        });
        report.unwrap();
    }
}

#[test]
fn a_notification_while_nobody_waits_is_gone_and_so_is_what_is_too_much() {
    run(async {
        let place = Place::new();
        place.condition.notify_one();
        place.condition.notify_all();
        place.waiter(0);
        yield_now().await;
        place.condition.notify(5);
        place.waiter(1);
        sleep(secs(1)).await;
        assert_eq!(place.order(), [0]);
    });
}

#[test]
fn to_notify_needs_no_lock_and_with_the_lock_held_the_waiter_goes_on_after_its_release() {
    run(async {
        let place = Place::new();
        place.waiter(0);
        place.waiter(1);
        yield_now().await;
        place.condition.notify_one();
        yield_now().await;
        assert_eq!(place.order(), [0]);
        let guard = place.mutex.lock().await;
        place.condition.notify_one();
        sleep(secs(1)).await;
        assert_eq!(place.order(), [0]);
        drop(guard);
        yield_now().await;
        assert_eq!(place.order(), [0, 1]);
    });
}

#[test]
fn a_wait_releases_the_lock_and_is_in_line_before_anybody_else_has_it() {
    run(async {
        let place = Place::new();
        let guard = place.mutex.lock().await;
        let changer = spawn({
            let place = place.clone();
            async move {
                *place.mutex.lock().await = 1;
                place.condition.notify_one();
            }
        });
        yield_now().await;
        assert_eq!(*place.condition.wait(guard).await, 1);
        changer.await.unwrap();
    });
}

#[test]
fn wait_for_and_wait_while_look_before_they_wait_and_after_each_notification() {
    run(async {
        let place = Place::new();
        *place.mutex.lock().await = 3;
        let guard = place.condition.wait_for(place.mutex.lock().await, |value| *value == 3).await;
        drop(guard);
        let guard = place.condition.wait_while(place.mutex.lock().await, |value| *value != 3).await;
        drop(guard);
        let looks = Rc::new(RefCell::new(0));
        let waiter = spawn({
            let (place, looks) = (place.clone(), Rc::clone(&looks));
            async move {
                let enough = |value: &mut u64| {
                    *looks.borrow_mut() += 1;
                    *value >= 5
                };
                let owned = Arc::clone(&place.mutex).lock_owned().await;
                *place.condition.wait_for(owned, enough).await = 0;
                now().to_string()
            }
        });
        for value in [4, 5, 6] {
            sleep(secs(1)).await;
            *place.mutex.lock().await = value;
            place.condition.notify_all();
        }
        assert_eq!(waiter.await.unwrap(), "2s");
        assert_eq!(*looks.borrow(), 3);
        assert_eq!(*place.mutex.lock().await, 6);
    });
}

#[test]
fn a_panic_of_the_question_releases_the_lock() {
    run(async {
        let place = Place::new();
        let asks = |_: &mut u64| std::panic::resume_unwind(Box::new("asked too much"));
        let wait = place.condition.wait_for(place.mutex.lock().await, asks);
        assert!(AssertUnwindSafe(wait).catch_unwind().await.is_err());
        assert!(!place.mutex.is_locked());
    });
}

#[test]
fn s29_a_notified_waiter_that_is_cancelled_before_its_turn_hands_its_notification_on() {
    run(async {
        let place = Place::new();
        let waiters: Vec<_> = (0..4).map(|number| place.waiter(number)).collect();
        yield_now().await;
        // The lock is free, so it was handed over together with the notification.
        place.condition.notify_one();
        waiters[0].abort();
        waiters[1].abort();
        sleep(secs(1)).await;
        assert_eq!(place.order(), [2]);
        assert!(!place.mutex.is_locked());
        waiters[3].abort();
    });
}

#[test]
fn s29_a_notified_waiter_that_is_cancelled_while_it_locks_hands_its_notification_on() {
    run(async {
        let place = Place::new();
        let waiters: Vec<_> = (0..4).map(|number| place.waiter(number)).collect();
        yield_now().await;
        let guard = place.mutex.lock().await;
        place.condition.notify_one();
        yield_now().await;
        // It has run since, and waits for the lock.
        waiters[0].abort();
        yield_now().await;
        drop(guard);
        // The second has the lock by now, and has not run since.
        waiters[1].abort();
        sleep(secs(1)).await;
        assert_eq!(place.order(), [2]);
        assert!(!place.mutex.is_locked());
        waiters[3].abort();
    });
}

#[test]
fn s29_what_was_meant_for_all_goes_to_nobody_who_came_later() {
    run(async {
        let place = Place::new();
        let first = place.waiter(0);
        yield_now().await;
        let guard = place.mutex.lock().await;
        place.condition.notify_all();
        first.abort();
        // In line from now on, when the first has been notified and not cancelled yet.
        let later = timeout(secs(1), place.condition.wait(guard)).await;
        assert!(later.is_err());
        assert!(first.await.unwrap_err().is_cancelled());
        assert!(!place.mutex.is_locked());
    });
}

#[test]
fn s29_a_wait_that_is_cancelled_leaves_the_line_and_does_not_hold_the_lock() {
    run(async {
        let place = Place::new();
        drop(place.condition.wait(place.mutex.lock().await));
        assert!(!place.mutex.is_locked(), "never polled");
        let wait = place.condition.wait(place.mutex.lock().await);
        assert!(timeout(secs(1), wait).await.is_err());
        let wait = place.condition.wait_while(place.mutex.lock().await, |_| true);
        drop(select(wait, sleep(secs(1))).await);
        assert!(!place.mutex.is_locked());
        place.waiter(0);
        yield_now().await;
        place.condition.notify_one();
        yield_now().await;
        assert_eq!(place.order(), [0], "those who left take no notification");
        assert_eq!(now().to_string(), "2s");
    });
}

#[test]
fn several_conditions_share_a_mutex_and_one_serves_several() {
    run(async {
        let (one, other) = (Mutex::new("one"), Mutex::new("other"));
        let (first, second) = (Condition::new(), Condition::new());
        let notifier = async {
            yield_now().await;
            first.notify(2);
            yield_now().await;
            second.notify_one();
            now()
        };
        let told = futures_util::join!(
            async { *first.wait(one.lock().await).await },
            async { *first.wait(other.lock().await).await },
            async { *second.wait(one.lock().await).await },
            notifier,
        );
        assert_eq!((told.0, told.1, told.2), ("one", "other", "one"));
    });
}

#[test]
fn a_condition_works_below_foreign_combinators() {
    run(async {
        let (mutex, condition) = (Mutex::new(0), Condition::new());
        let mut waits = FuturesUnordered::new();
        for number in 0..3 {
            let (mutex, condition) = (&mutex, &condition);
            waits.push(async move {
                let mut value = condition.wait(mutex.lock().await).await;
                *value += 1;
                (number, *value)
            });
        }
        assert!(waits.next().now_or_never().is_none());
        condition.notify_all();
        assert_eq!(waits.collect::<Vec<_>>().await, [(0, 1), (1, 2), (2, 3)]);
    });
}

#[test]
fn s37_a_deadlock_names_the_condition_and_after_a_notification_the_lock() {
    let report = Builder::new().run(async {
        let mutex = Arc::new(Mutex::new(0).named("stock"));
        let condition = Rc::new(Condition::new().named("restocked"));
        let customer = || {
            let (mutex, condition) = (Arc::clone(&mutex), Rc::clone(&condition));
            spawn(async move { drop(condition.wait(mutex.lock().await).await) })
        };
        let (first, _second) = (customer(), customer());
        sleep(secs(1)).await;
        let _guard = mutex.lock().await;
        condition.notify_one();
        sleep(secs(1)).await;
        first.await.unwrap();
    });
    assert_shown("sync", "deadlock_condition", report.unwrap_failure());
}

#[test]
fn under_random_policies_a_bounded_buffer_of_two_conditions_loses_nothing() {
    for seed in 0..100 {
        let report = Builder::new().seed(seed).policy(Random::new(seed)).run(async {
            let buffer = Arc::new(Mutex::new(Vec::<u64>::new()));
            let (filled, emptied) = (Rc::new(Condition::new()), Rc::new(Condition::new()));
            let taken = Rc::new(RefCell::new(Vec::new()));
            for _ in 0..3 {
                let (buffer, filled) = (Arc::clone(&buffer), Rc::clone(&filled));
                let (emptied, taken) = (Rc::clone(&emptied), Rc::clone(&taken));
                spawn(async move {
                    loop {
                        let patience = millis(simloop::rng().range(0..4));
                        let take = async {
                            let guard = buffer.lock().await;
                            let mut items =
                                filled.wait_while(guard, |items| items.is_empty()).await;
                            taken.borrow_mut().push(items.remove(0));
                            emptied.notify_one();
                        };
                        let _ = timeout(patience, take).await;
                    }
                });
            }
            for item in 0..30 {
                let guard = buffer.lock().await;
                let mut items = emptied.wait_for(guard, |items| items.len() < 2).await;
                items.push(item);
                filled.notify_one();
                drop(items);
                sleep(millis(simloop::rng().range(0..2))).await;
            }
            sleep(millis(100)).await;
            assert_eq!(*taken.borrow(), (0..30).collect::<Vec<_>>());
        });
        report.unwrap();
    }
}
