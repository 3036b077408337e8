//! Programs with planted bugs that need no clock, for whoever has tasks, a turn to give away, and a lock.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::{Mutex, lock, spawn, yield_now};

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

/// Who waits in line, first come, first served. Whoever gives its place up takes a call that it has been given
/// along, and that is the bug.
#[derive(Default)]
struct Line {
    places: RefCell<VecDeque<Rc<Place>>>,
}

#[derive(Default)]
struct Place {
    is_called: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Place {
    fn call(&self) {
        self.is_called.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        if self.is_called.get() {
            return Poll::Ready(());
        }
        *self.waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Line {
    /// Waits for a call; `false` if `end` comes first, or at the same time.
    async fn wait(&self, end: &Place) -> bool {
        let place = Rc::<Place>::default();
        self.places.borrow_mut().push_back(Rc::clone(&place));
        let has_ended = poll_fn(|cx| match end.poll(cx) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending => place.poll(cx).map(|()| false),
        });
        let has_ended = has_ended.await;
        self.places.borrow_mut().retain(|other| !Rc::ptr_eq(other, &place));
        !has_ended
    }

    /// Calls the next in line, if there is one.
    fn call_next(&self) -> bool {
        let next = self.places.borrow_mut().pop_front();
        next.inspect(|place| place.call()).is_some()
    }
}

/// A notification reaches a task that is cancelled before it has seen it, and the next in line never hears.
pub async fn lost_notification() {
    let (line, end) = (Rc::<Line>::default(), Rc::<Place>::default());
    let (ours, ended) = (Rc::clone(&line), Rc::clone(&end));
    let cancelled = spawn(async move {
        if ours.wait(&ended).await {
            ours.call_next();
        }
    });
    let ours = Rc::clone(&line);
    let patient = spawn(async move { ours.wait(&Place::default()).await });
    let canceller = spawn(async move {
        yield_now().await;
        end.call();
    });
    let notifier = spawn(async move {
        for _ in 0..4 {
            yield_now().await;
        }
        line.call_next();
    });
    canceller.await.unwrap();
    notifier.await.unwrap();
    cancelled.await.unwrap();
    patient.await.unwrap();
}

/// A permit is handed to a waiter that is cancelled before it has seen it.
pub async fn permit_leak() {
    let (line, end, permits) =
        (Rc::<Line>::default(), Rc::<Place>::default(), Rc::new(Cell::new(1)));
    let release = |line: &Line, permits: &Cell<u32>| {
        if !line.call_next() {
            permits.set(permits.get() + 1);
        }
    };
    let users = [false, true].map(|is_cancelled| {
        let (line, end, permits) = (Rc::clone(&line), Rc::clone(&end), Rc::clone(&permits));
        spawn(async move {
            let never = Place::default();
            if permits.get() > 0 {
                permits.set(permits.get() - 1);
            } else if !line.wait(if is_cancelled { &end } else { &never }).await {
                return;
            }
            for _ in 0..5 {
                yield_now().await;
            }
            release(&line, &permits);
        })
    });
    let canceller = spawn(async move {
        yield_now().await;
        end.call();
    });
    canceller.await.unwrap();
    for user in users {
        user.await.unwrap();
    }
    assert_eq!(permits.get(), 1, "a permit has leaked");
}

/// A buffer of one place whose producers and consumers wait in one line, and call only one of it.
pub async fn bounded_buffer() {
    let (line, items) = (Rc::<Line>::default(), Rc::new(Cell::new(0)));
    let tasks = [true, true, false, false].map(|is_producer| {
        let (line, items) = (Rc::clone(&line), Rc::clone(&items));
        spawn(async move {
            for _ in 0..2 {
                while items.get() == u32::from(is_producer) {
                    line.wait(&Place::default()).await;
                }
                items.set(u32::from(is_producer));
                line.call_next();
                yield_now().await;
            }
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
}

/// Three tasks of four steps: 12! / (4! 4! 4!) = 34,650 orders. In the end `tell` is given the one of this run: the
/// digits to the base 3 behind a leading one are the tasks that made the steps.
pub async fn three_tasks(tell: impl FnOnce(u32)) {
    let order = Rc::new(Cell::new(1));
    let tasks = [0, 1, 2].map(|name| {
        let order = Rc::clone(&order);
        spawn(async move {
            for step in 0..4 {
                if step > 0 {
                    yield_now().await;
                }
                order.set(order.get() * 3 + name);
            }
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
    tell(order.get());
}
