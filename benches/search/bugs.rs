//! Programs with planted bugs that need no clock, for whoever has tasks, a turn to give away, and a lock.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

use crate::{Mutex, lock, spawn, yield_now};

/// Two tasks read, wait a turn and write; the first task starts late, so that first in first out is right.
pub async fn lost_update(tasks: usize) {
    let count = Rc::new(Cell::new(0));
    let tasks: Vec<_> = (0..tasks)
        .map(|number| {
            let count = Rc::clone(&count);
            spawn(async move {
                for _ in 0..3 * number {
                    yield_now().await;
                }
                let read = count.get();
                yield_now().await;
                count.set(read + 1);
            })
        })
        .collect();
    let expected = tasks.len();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(count.get(), expected);
}

/// The last of ten tasks uses what the first prepares.
pub async fn order_among_ten() {
    let is_prepared = Rc::new(Cell::new(false));
    let tasks: Vec<_> = (0..10)
        .map(|number| {
            let is_prepared = Rc::clone(&is_prepared);
            spawn(async move {
                for _ in 0..3 {
                    yield_now().await;
                }
                match number {
                    0 => is_prepared.set(true),
                    9 => assert!(is_prepared.get()),
                    _ => {}
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Two tasks take two locks, each in its own order; the second comes later.
pub async fn crosswise_locks() {
    let locks = [(); 2].map(|()| Arc::new(Mutex::new(())));
    let tasks = [0, 1].map(|own| {
        let (first, second) = (Arc::clone(&locks[own]), Arc::clone(&locks[1 - own]));
        spawn(async move {
            for _ in 0..3 * own {
                yield_now().await;
            }
            let _first = lock(&first).await;
            yield_now().await;
            let _second = lock(&second).await;
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
}

/// Peterson's lock with two lines swapped.
pub async fn peterson() {
    let flags = Rc::new(RefCell::new([false; 2]));
    let (turn, inside) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let tasks = [0, 1].map(|own| {
        let (flags, turn, inside) = (Rc::clone(&flags), Rc::clone(&turn), Rc::clone(&inside));
        spawn(async move {
            for _ in 0..2 {
                turn.set(1 - own);
                yield_now().await;
                flags.borrow_mut()[own] = true;
                while flags.borrow()[1 - own] && turn.get() == 1 - own {
                    yield_now().await;
                }
                inside.set(inside.get() + 1);
                assert_eq!(inside.get(), 1);
                yield_now().await;
                inside.set(inside.get() - 1);
                flags.borrow_mut()[own] = false;
                yield_now().await;
            }
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
}

/// Eight clients, each a little later than the one before, look a value up; fetching it takes two turns.
pub async fn cache_stampede() {
    let (entry, fetches) = (Rc::new(Cell::new(None)), Rc::new(Cell::new(0)));
    let clients: Vec<_> = (0..8)
        .map(|number| {
            let (entry, fetches) = (Rc::clone(&entry), Rc::clone(&fetches));
            spawn(async move {
                for _ in 0..4 * number {
                    yield_now().await;
                }
                if entry.get().is_none() {
                    fetches.set(fetches.get() + 1);
                    yield_now().await;
                    yield_now().await;
                    entry.set(Some(7));
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    assert!(fetches.get() < 3, "a stampede");
}

/// A hand-written future that looks, and leaves its waker a turn later.
pub async fn missed_wake_up() {
    let is_set = Rc::new(Cell::new(false));
    let waker: Rc<RefCell<Option<Waker>>> = Rc::default();
    let (flag, place) = (Rc::clone(&is_set), Rc::clone(&waker));
    let waiter = spawn(async move {
        if flag.get() {
            return;
        }
        yield_now().await;
        let mut is_first = true;
        poll_fn(move |cx| {
            *place.borrow_mut() = Some(cx.waker().clone());
            if std::mem::take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    });
    let setter = spawn(async move {
        for _ in 0..6 {
            yield_now().await;
        }
        is_set.set(true);
        if let Some(waker) = waker.borrow_mut().take() {
            waker.wake();
        }
    });
    setter.await.unwrap();
    waiter.await.unwrap();
}

/// One task of two turns must not end after nine of four turns each.
pub async fn starved() {
    let finished = Rc::new(Cell::new(0));
    let patient = Rc::clone(&finished);
    let watched = spawn(async move {
        yield_now().await;
        assert!(patient.get() < 9);
    });
    let others = [(); 9].map(|()| {
        let finished = Rc::clone(&finished);
        spawn(async move {
            for _ in 0..3 {
                yield_now().await;
            }
            finished.set(finished.get() + 1);
        })
    });
    for task in others {
        task.await.unwrap();
    }
    watched.await.unwrap();
}

/// Three tasks of four steps: 12! / (4! 4! 4!) = 34,650 orders.
pub async fn three_tasks(order: Rc<RefCell<Vec<u8>>>) {
    let tasks = [0, 1, 2].map(|name| {
        let order = Rc::clone(&order);
        spawn(async move {
            for step in 0..4 {
                if step > 0 {
                    yield_now().await;
                }
                order.borrow_mut().push(name);
            }
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
}
