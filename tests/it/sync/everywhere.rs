//! Rule S29 at each await point: a task that holds and waits for a primitive together with others is cancelled at
//! every one of its suspensions, and between any two turns. The others come to their ends all the same.

use std::cell::Cell;
use std::future::Future;
use std::ops::Deref;
use std::rc::Rc;

use simloop::sync::{
    Barrier, BoundedSemaphore, Condition, Event, LifoQueue, Mutex, Notify, OnceCell, PriorityQueue,
    Queue, RwLock, Semaphore, SetOnce, broadcast, mpsc, oneshot, watch,
};
use simloop::{spawn, timeout, yield_now};

use crate::combining::cancelled_everywhere;
use crate::secs;

/// Runs a program that is cancelled everywhere; nobody whom it has spawned may be left.
#[track_caller]
fn check<F: Future<Output = ()> + 'static>(program: impl Fn() -> F) {
    for report in cancelled_everywhere(program) {
        assert!(report.leftovers.is_empty(), "{:?}", report.leftovers);
        report.unwrap();
    }
}

/// Does the same thing in a task before this one, here, and in two tasks behind.
async fn crowd<F: Future<Output = ()> + 'static>(make: impl Fn() -> F) {
    spawn(make());
    yield_now().await;
    let own = make();
    spawn(make());
    spawn(make());
    own.await;
}

/// Comes back when a crowd has come to where it waits, without a timer.
async fn when_all_wait() {
    for _ in 0..8 {
        yield_now().await;
    }
}

#[test]
fn s29_locks_and_permits_go_on_wherever_one_who_waits_is_cancelled() {
    check(|| {
        let lock = Rc::new(Mutex::new(0));
        crowd(move || {
            let lock = Rc::clone(&lock);
            async move {
                for _ in 0..2 {
                    let mut guard = lock.lock().await;
                    yield_now().await;
                    *guard += 1;
                }
            }
        })
    });
    check(|| {
        let lock = Rc::new(RwLock::new(0));
        crowd(move || {
            let lock = Rc::clone(&lock);
            async move {
                let seen = lock.read().await;
                yield_now().await;
                drop(seen);
                let mut guard = lock.write().await;
                yield_now().await;
                *guard += 1;
            }
        })
    });
    check(|| {
        let permits = Rc::new(Semaphore::new(3));
        crowd(move || {
            let permits = Rc::clone(&permits);
            async move {
                let two = permits.acquire_many(2).await.unwrap();
                yield_now().await;
                drop(two);
                let _one = permits.acquire().await.unwrap();
                yield_now().await;
            }
        })
    });
    check(|| {
        let permits = Rc::new(BoundedSemaphore::new(1));
        crowd(move || {
            let permits = Rc::clone(&permits);
            async move {
                let _permit = permits.acquire().await;
                yield_now().await;
            }
        })
    });
    check(|| {
        let cell = Rc::new(OnceCell::new());
        crowd(move || {
            let cell = Rc::clone(&cell);
            async move {
                let init = || async {
                    yield_now().await;
                    7
                };
                assert_eq!(*cell.get_or_init(init).await, 7);
            }
        })
    });
}

/// One notification goes from hand to hand: whoever gets it gives the next one, as soon as it runs.
#[test]
fn s29_a_notification_goes_on_wherever_one_who_waits_is_cancelled() {
    check(|| async {
        let event = Rc::new(Event::new());
        let setter = Rc::clone(&event);
        spawn(async move {
            when_all_wait().await;
            setter.set();
        });
        crowd(move || {
            let event = Rc::clone(&event);
            async move { event.wait().await }
        })
        .await;
    });
    check(|| async {
        let value = Rc::new(SetOnce::new());
        let setter = Rc::clone(&value);
        spawn(async move {
            when_all_wait().await;
            setter.set(7).unwrap();
        });
        crowd(move || {
            let value = Rc::clone(&value);
            async move { assert_eq!(*value.wait().await, 7) }
        })
        .await;
    });
    check(|| async {
        let notify = Rc::new(Notify::new());
        let first = Rc::clone(&notify);
        spawn(async move {
            when_all_wait().await;
            first.notify_one();
        });
        crowd(move || {
            let notify = Rc::clone(&notify);
            async move {
                notify.notified().await;
                notify.notify_one();
            }
        })
        .await;
    });
    check(|| async {
        let shared = Rc::new((Mutex::new(()), Condition::new()));
        let first = Rc::clone(&shared);
        spawn(async move {
            when_all_wait().await;
            // The one who is chosen has to wait for the lock as well.
            let _guard = first.0.lock().await;
            first.1.notify_one();
            yield_now().await;
        });
        crowd(move || {
            let shared = Rc::clone(&shared);
            async move {
                let guard = shared.0.lock().await;
                let _guard = shared.1.wait(guard).await;
                shared.1.notify_one();
                // So the next one has to wait for the lock once it is chosen.
                yield_now().await;
            }
        })
        .await;
    });
    check(|| async {
        let shared = Rc::new((Mutex::new(false), Condition::new()));
        let first = Rc::clone(&shared);
        spawn(async move {
            when_all_wait().await;
            let mut is_open = first.0.lock().await;
            *is_open = true;
            first.1.notify_one();
            yield_now().await;
        });
        crowd(move || {
            let shared = Rc::clone(&shared);
            async move {
                let guard = shared.0.lock().await;
                let _guard = shared.1.wait_for(guard, |is_open| *is_open).await;
                shared.1.notify_one();
                // So the next one has to wait for the lock once it is chosen.
                yield_now().await;
            }
        })
        .await;
    });
}

/// Waits for a barrier of four, and counts as present until it goes away.
async fn meet(barrier: Rc<Barrier>, present: Rc<Cell<usize>>) {
    struct Leaves(Rc<Cell<usize>>);
    impl Drop for Leaves {
        fn drop(&mut self) {
            self.0.set(self.0.get() - 1);
        }
    }
    present.set(present.get() + 1);
    let here = Leaves(present);
    if barrier.wait().await.is_leader() {
        assert_eq!(here.0.get(), 4, "the leader is the last to come, and all are there");
    }
}

#[test]
fn s29_a_barrier_counts_nobody_who_is_cancelled_before_it_opens() {
    check(|| async {
        let barrier = Rc::new(Barrier::new(4));
        let present = Rc::new(Cell::new(0));
        let (last, absent) = (Rc::clone(&barrier), Rc::clone(&present));
        // Others come for those who are missing, if any has come.
        spawn(async move {
            when_all_wait().await;
            for _ in 0..(4 - absent.get()) % 4 {
                spawn(meet(Rc::clone(&last), Rc::clone(&absent)));
            }
        });
        crowd(move || meet(Rc::clone(&barrier), Rc::clone(&present))).await;
    });
}

/// Four take items out of a queue with room for one; whoever takes one says that it is done with. An item that went
/// with the one who is cancelled would never be done with.
fn items_go_on<Q: Deref<Target = Queue<u8>> + 'static>(make: impl Fn() -> Q) {
    check(|| {
        let queue = Rc::new(make());
        async move {
            let putter = Rc::clone(&queue);
            spawn(async move {
                for item in 0..6 {
                    putter.put(item).await.unwrap();
                }
                putter.join().await;
                putter.shutdown();
            });
            crowd(move || {
                let queue = Rc::clone(&queue);
                async move {
                    while queue.get().await.is_ok() {
                        queue.task_done();
                        yield_now().await;
                    }
                }
            })
            .await;
        }
    });
}

/// Four put items into a queue with room for one and wait until they are done with. A place that went with the one who
/// is cancelled would be missing.
fn places_go_on<Q: Deref<Target = Queue<u8>> + 'static>(make: impl Fn() -> Q) {
    check(|| {
        let queue = Rc::new(make());
        async move {
            let taker = Rc::downgrade(&queue);
            spawn(async move {
                // Goes on for as long as somebody may put something.
                while let Some(queue) = taker.upgrade() {
                    if queue.try_get().is_ok() {
                        queue.task_done();
                    }
                    drop(queue);
                    yield_now().await;
                }
            });
            crowd(move || {
                let queue = Rc::clone(&queue);
                async move {
                    queue.put(1).await.unwrap();
                    queue.put(2).await.unwrap();
                    queue.join().await;
                }
            })
            .await;
        }
    });
}

#[test]
fn s29_items_and_places_of_queues_go_on_wherever_one_who_waits_is_cancelled() {
    items_go_on(|| Box::new(Queue::bounded(1)));
    items_go_on(|| LifoQueue::bounded(1));
    items_go_on(|| PriorityQueue::bounded(1));
    places_go_on(|| Box::new(Queue::bounded(1)));
    places_go_on(|| LifoQueue::bounded(1));
    places_go_on(|| PriorityQueue::bounded(1));
}

#[test]
fn s29_messages_and_permits_go_on_wherever_a_sender_or_a_receiver_is_cancelled() {
    check(|| async {
        let (tx, mut rx) = mpsc::channel(1);
        spawn(async move { while rx.recv().await.is_some() {} });
        crowd(move || {
            let tx = tx.clone();
            async move {
                tx.send(1).await.unwrap();
                let permit = tx.reserve().await.unwrap();
                yield_now().await;
                permit.send(2);
            }
        })
        .await;
    });
    // Four take turns at one receiver; the sender waits until every message has been counted.
    check(|| async {
        let (tx, rx) = mpsc::channel(1);
        let shared = Rc::new((Mutex::new(rx), Semaphore::new(0)));
        let counted = Rc::clone(&shared);
        spawn(async move {
            for message in 0..6 {
                tx.send(message).await.unwrap();
                yield_now().await;
            }
            counted.1.acquire_many(6).await.unwrap().forget();
        });
        crowd(move || {
            let shared = Rc::clone(&shared);
            async move {
                while shared.0.lock().await.recv().await.is_some() {
                    shared.1.add_permits(1);
                    yield_now().await;
                }
            }
        })
        .await;
    });
    check(|| async {
        let (tx, mut rx) = mpsc::channel(1);
        let (mut done, told) = oneshot::channel::<()>();
        spawn(async move {
            while tx.send(1).await.is_ok() {}
            tx.closed().await;
            done.closed().await;
        });
        assert_eq!(rx.recv().await, Some(1));
        assert_eq!(rx.recv().await, Some(1));
        drop(rx);
        assert!(timeout(secs(1), told).await.is_err(), "nobody sends anything");
    });
}

#[test]
fn s29_versions_and_lagging_messages_reach_all_wherever_one_who_waits_is_cancelled() {
    check(|| async {
        let (tx, rx) = watch::channel(0);
        spawn(async move {
            for version in 1..4 {
                yield_now().await;
                yield_now().await;
                let _ = tx.send(version);
            }
            tx.closed().await;
        });
        crowd(move || {
            let mut rx = rx.clone();
            async move {
                rx.changed().await.unwrap();
                assert_eq!(*rx.wait_for(|version| *version == 3).await.unwrap(), 3);
            }
        })
        .await;
    });
    check(|| async {
        let (tx, rx) = broadcast::channel(4);
        spawn(async move {
            for message in 0..3 {
                yield_now().await;
                yield_now().await;
                let _ = tx.send(message);
            }
            tx.closed().await;
        });
        crowd(move || {
            let mut rx = rx.resubscribe();
            async move {
                let mut last = None;
                while last != Some(2) {
                    last = Some(rx.recv().await.unwrap());
                    yield_now().await;
                }
            }
        })
        .await;
    });
}
