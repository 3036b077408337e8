//! Rule S29 at each await point: a task that holds and waits for a primitive together with others is cancelled at
//! every one of its suspensions, and between any two turns. The others come to their ends all the same.

use std::future::Future;
use std::rc::Rc;

use simloop::sync::{BoundedSemaphore, Mutex, OnceCell, RwLock, Semaphore};
use simloop::{spawn, yield_now};

use crate::combining::cancelled_everywhere;

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
