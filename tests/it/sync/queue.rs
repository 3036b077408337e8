//! Queues in their three orders.

mod model;
mod restless;
mod shutdown;

use std::cell::{Cell, RefCell};
use std::cmp::{Ordering, Reverse};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use futures_util::future::{FutureExt, select};
use futures_util::stream::{FusedStream, FuturesUnordered, StreamExt};
use simloop::policy::Random;
use simloop::sync::{LifoQueue, PriorityQueue, Queue, QueueShutDown, TryGetError, TryPutError};
use simloop::{Builder, JoinHandle, now, run, sleep, spawn, timeout, yield_now};

use crate::snapshots::assert_shown;
use crate::{millis, secs};

/// A task that gets one item and writes down who got what.
fn getter(
    queue: &Rc<Queue<u64>>,
    log: &Rc<RefCell<Vec<(u64, u64)>>>,
    number: u64,
) -> JoinHandle<()> {
    let (queue, log) = (Rc::clone(queue), Rc::clone(log));
    spawn(async move {
        let item = queue.get().await.unwrap();
        log.borrow_mut().push((number, item));
    })
}

fn drained<T: 'static>(queue: &Queue<T>) -> Vec<T> {
    std::iter::from_fn(|| queue.try_get().ok()).collect()
}

#[test]
fn s28_getters_are_served_in_order_and_nobody_overtakes_them() {
    run(async {
        let (queue, log) = (Rc::new(Queue::new()), Rc::default());
        for number in 0..3 {
            getter(&queue, &log, number);
        }
        yield_now().await;
        queue.try_put(10).unwrap();
        assert_eq!((queue.len(), queue.is_empty()), (1, false), "promised, and there");
        assert_eq!(queue.try_get(), Err(TryGetError::Empty), "promised to the first");
        queue.try_put(11).unwrap();
        queue.try_put(12).unwrap();
        queue.try_put(13).unwrap();
        assert_eq!(
            queue.try_get(),
            Ok(10),
            "one is promised to nobody, and the oldest goes out first"
        );
        yield_now().await;
        assert_eq!(*log.borrow(), [(0, 11), (1, 12), (2, 13)]);
    });
}

#[test]
fn s28_putters_are_let_in_in_order_and_nobody_overtakes_them() {
    run(async {
        let queue = Rc::new(Queue::bounded(1));
        queue.try_put(0).unwrap();
        for item in 1..4 {
            let queue = Rc::clone(&queue);
            spawn(async move { queue.put(item).await.unwrap() });
        }
        yield_now().await;
        assert_eq!(queue.try_put(9), Err(TryPutError::Full(9)));
        assert_eq!(queue.try_get(), Ok(0));
        assert!(queue.is_full(), "the room is the first one's from that moment on");
        assert_eq!((queue.len(), queue.try_get()), (0, Err(TryGetError::Empty)));
        assert_eq!(queue.try_put(9), Err(TryPutError::Full(9)));
        for item in 1..4 {
            assert_eq!(queue.get().await, Ok(item));
            assert_eq!(queue.is_full(), item < 3);
        }
        assert_eq!((queue.capacity(), Queue::<u8>::new().capacity()), (Some(1), None));
    });
}

#[test]
fn items_leave_in_the_order_of_the_queue_and_equal_ones_in_that_of_coming() {
    let put = |queue: &Queue<(u64, Tag)>| {
        for item in [(2, Tag('a')), (1, Tag('b')), (2, Tag('c')), (1, Tag('d'))] {
            queue.try_put(item).unwrap();
        }
        drained(queue).into_iter().map(|(_, Tag(tag))| tag).collect::<String>()
    };
    assert_eq!(put(&Queue::default()), "abcd");
    assert_eq!(put(&LifoQueue::default()), "dcba");
    assert_eq!(put(&PriorityQueue::default()), "bdac");
    let greatest_first = PriorityQueue::bounded(3).named("greatest");
    for item in [1, 3, 2] {
        greatest_first.try_put(Reverse(item)).unwrap();
    }
    assert!(greatest_first.try_put(Reverse(4)).is_err());
    assert_eq!(drained(&greatest_first), [3, 2, 1].map(Reverse));
}

/// All are equal, so a pair with it is compared by its number alone.
struct Tag(char);

impl Ord for Tag {
    fn cmp(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }
}

impl PartialOrd for Tag {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Tag {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Tag {}

#[test]
fn what_is_put_before_the_getter_runs_may_still_come_first_as_in_asyncio() {
    run(async {
        let queue = Rc::new(PriorityQueue::new());
        let waiter = spawn({
            let queue = Rc::clone(&queue);
            async move { (queue.get().await.unwrap(), queue.get().await.unwrap()) }
        });
        yield_now().await;
        for item in [3, 1, 2] {
            queue.try_put(item).unwrap();
        }
        assert_eq!(waiter.await.unwrap(), (1, 2));
        assert_eq!(drained(&queue), [3]);
    });
}

#[test]
fn s29_an_item_promised_to_a_cancelled_getter_is_promised_to_the_next() {
    run(async {
        let (queue, log) = (Rc::new(Queue::new()), Rc::default());
        let getters: Vec<_> = (0..4).map(|number| getter(&queue, &log, number)).collect();
        yield_now().await;
        queue.try_put(10).unwrap();
        queue.try_put(11).unwrap();
        getters[1].abort();
        getters[0].abort();
        sleep(secs(1)).await;
        assert_eq!(*log.borrow(), [(2, 10), (3, 11)]);
    });
}

#[test]
fn s29_items_that_nobody_takes_are_back_in_their_old_places_whoever_leaves_first() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        run(async move {
            let (queue, log) = (Rc::new(Queue::new()), Rc::default());
            let getters: Vec<_> = (0..3).map(|number| getter(&queue, &log, number)).collect();
            yield_now().await;
            for item in 0..5 {
                queue.try_put(item).unwrap();
            }
            for number in order {
                getters[number].abort();
            }
            yield_now().await;
            assert_eq!(drained(&queue), [0, 1, 2, 3, 4]);
        });
    }
}

#[test]
fn s29_a_put_that_is_cancelled_drops_its_item_whether_it_had_been_given_room_or_not() {
    run(async {
        let queue = Rc::new(Queue::bounded(1));
        let (one, other, third) = (Rc::new(1), Rc::new(2), Rc::new(3));
        drop(queue.put(Rc::clone(&one)));
        assert_eq!(Rc::strong_count(&one), 1, "never polled");
        queue.put(Rc::new(0)).await.unwrap();
        assert!(timeout(secs(1), queue.put(Rc::clone(&one))).await.is_err());
        drop(select(queue.put(Rc::clone(&one)), sleep(secs(1))).await);
        assert_eq!(Rc::strong_count(&one), 1);
        let put = |item: &Rc<i32>| {
            let (queue, item) = (Rc::clone(&queue), Rc::clone(item));
            spawn(async move { queue.put(item).await.unwrap() })
        };
        let (waiting, given_room, next) = (put(&one), put(&other), put(&third));
        yield_now().await;
        waiting.abort();
        yield_now().await;
        assert_eq!(Rc::strong_count(&one), 1);
        assert_eq!(queue.try_get().as_deref(), Ok(&0));
        given_room.abort();
        assert!(given_room.await.unwrap_err().is_cancelled());
        assert_eq!(Rc::strong_count(&other), 1, "it never was in the queue");
        next.await.unwrap();
        assert_eq!(queue.try_get().as_deref(), Ok(&3), "the room went on to the next");
        assert_eq!(queue.len(), 0);
        assert_eq!(now().to_string(), "2s");
    });
}

#[test]
fn s29_in_all_three_orders_a_put_cancelled_at_the_instant_of_its_room_leaves_nothing() {
    fn cancelled(queue: Rc<impl std::ops::Deref<Target = Queue<i32>> + 'static>) -> Vec<i32> {
        run(async move {
            queue.try_put(1).unwrap();
            let putter = spawn({
                let queue = Rc::clone(&queue);
                async move { timeout(secs(1), queue.put(2)).await.is_err() }
            });
            sleep(secs(1)).await;
            // The putter's time is up at this instant, and it is given room before it runs.
            assert_eq!(queue.try_get(), Ok(1));
            putter.abort();
            assert!(putter.await.unwrap_err().is_cancelled());
            assert!(!queue.is_full());
            queue.put(3).await.unwrap();
            drained(&queue)
        })
    }
    assert_eq!(cancelled(Rc::new(Box::new(Queue::bounded(1)))), [3]);
    assert_eq!(cancelled(Rc::new(LifoQueue::bounded(1))), [3]);
    assert_eq!(cancelled(Rc::new(PriorityQueue::bounded(1))), [3]);
}

#[test]
fn joining_waits_until_each_item_is_done_with() {
    run(async {
        let queue = Rc::new(Queue::new());
        queue.join().await;
        for item in 1..=3 {
            queue.put(item).await.unwrap();
        }
        for _ in 0..2 {
            let queue = Rc::clone(&queue);
            spawn(async move {
                while let Ok(seconds) = queue.get().await {
                    sleep(secs(seconds)).await;
                    queue.task_done();
                }
            });
        }
        let dropped = timeout(millis(500), queue.join()).await;
        assert!(dropped.is_err());
        queue.join().await;
        assert_eq!(now().to_string(), "4s");
        queue.put(1).await.unwrap();
        futures_util::join!(queue.join(), queue.join());
        assert_eq!(now().to_string(), "5s");
    });
}

#[test]
fn one_done_too_many_panics() {
    let queue = Queue::new();
    queue.try_put(()).unwrap();
    queue.task_done();
    let panic = catch_unwind(AssertUnwindSafe(|| queue.task_done())).unwrap_err();
    assert_eq!(
        *panic.downcast::<&str>().unwrap(),
        "`task_done` was called more often than items were put into the queue"
    );
    assert_eq!(queue.len(), 1, "to be done with and to be got are two things, as in asyncio");
}

#[test]
fn a_queue_for_no_items_is_refused() {
    for make in [|| drop(Queue::<u8>::bounded(0)), || drop(PriorityQueue::<u8>::bounded(0))] {
        let panic = catch_unwind(make).unwrap_err();
        assert_eq!(
            *panic.downcast::<&str>().unwrap(),
            "a queue for 0 items would never let one in\n  `new` makes one without a bound"
        );
    }
}

#[test]
fn a_stream_of_items_ends_when_the_queue_is_shut_down_and_empty() {
    run(async {
        let queue = Queue::bounded(1);
        let mut items = queue.items();
        assert!(items.next().now_or_never().is_none());
        let filled = async {
            for item in 0..3 {
                sleep(secs(1)).await;
                queue.put(item).await.unwrap();
            }
            queue.shutdown();
        };
        let (got, ()) = futures_util::join!(items.by_ref().collect::<Vec<_>>(), filled);
        assert_eq!(got, [0, 1, 2]);
        assert_eq!(now().to_string(), "3s");
        assert!(items.is_terminated());
        assert_eq!(items.next().await, None);
        let mut dropped = Queue::<u8>::new().items();
        assert!(dropped.next().now_or_never().is_none());
        assert_eq!(format!("{dropped:?}").split('(').next(), Some("QueueItems"));
    });
}

#[test]
fn s29_a_stream_that_is_dropped_leaves_its_place_in_line() {
    run(async {
        let (queue, log) = (Rc::new(Queue::new()), Rc::default());
        let mut items = queue.items();
        assert!(items.next().now_or_never().is_none());
        getter(&queue, &log, 1);
        yield_now().await;
        queue.try_put(10).unwrap();
        drop(items);
        yield_now().await;
        assert_eq!(*log.borrow(), [(1, 10)]);
    });
}

#[test]
fn a_queue_works_below_foreign_combinators() {
    run(async {
        let queue = Queue::bounded(1);
        let mut gets: FuturesUnordered<_> = (0..3).map(|_| queue.get()).collect();
        assert!(gets.next().now_or_never().is_none());
        let puts = futures_util::future::join_all((0..3).map(|item| queue.put(item)));
        let (puts, got) = futures_util::join!(puts, gets.collect::<Vec<_>>());
        assert!(puts.into_iter().all(|put| put.is_ok()));
        assert_eq!(got, [0, 1, 2].map(Ok));
        drop(select(queue.get(), sleep(secs(1))).await);
        queue.put(3).await.unwrap();
        assert_eq!(queue.try_get(), Ok(3), "the loser of the race has left the line");
    });
}

#[test]
fn s37_a_deadlock_names_the_queues_that_nobody_fills_empties_or_works_off() {
    let report = Builder::new().run(async {
        let queue = Rc::new(Queue::<u8>::new().named("jobs"));
        let full = Rc::new(LifoQueue::bounded(1).named("results"));
        full.put(1).await.unwrap();
        spawn(async move { queue.get().await.map(drop) });
        spawn({
            let full = Rc::clone(&full);
            async move { full.put(2).await.is_ok() }
        });
        sleep(secs(1)).await;
        full.join().await;
    });
    assert_shown("sync", "deadlock_queue", report.unwrap_failure());
}

/// Producers and consumers that give up now and then.
async fn traffic(queue: Rc<Queue<u64>>) {
    let (put, got) = (Rc::new(RefCell::new(BTreeSet::new())), Rc::new(RefCell::new(Vec::new())));
    for _ in 0..3 {
        let (queue, got) = (Rc::clone(&queue), Rc::clone(&got));
        spawn(async move {
            loop {
                let patience = millis(simloop::rng().range(0..3));
                match timeout(patience, queue.get()).await {
                    Ok(Ok(item)) => {
                        got.borrow_mut().push(item);
                        queue.task_done();
                    }
                    Ok(Err(QueueShutDown(()))) => return,
                    Err(_) => {}
                }
                sleep(millis(simloop::rng().range(0..2))).await;
            }
        });
    }
    let producers: Vec<_> = (0..3)
        .map(|producer| {
            let (queue, put) = (Rc::clone(&queue), Rc::clone(&put));
            spawn(async move {
                for number in 0..20 {
                    let item = producer * 100 + number;
                    let patience = millis(simloop::rng().range(0..3));
                    if timeout(patience, queue.put(item)).await.is_ok() {
                        put.borrow_mut().insert(item);
                    }
                }
            })
        })
        .collect();
    for producer in producers {
        producer.await.unwrap();
    }
    queue.join().await;
    queue.shutdown();
    sleep(secs(1)).await;
    let mut got = std::mem::take(&mut *got.borrow_mut());
    let count = got.len();
    got.sort_unstable();
    got.dedup();
    assert_eq!(got.len(), count, "nothing comes twice");
    let got: BTreeSet<_> = got.into_iter().collect();
    assert_eq!(*put.borrow(), got, "nothing is lost, and what was given up was not put");
}

#[test]
fn under_random_policies_nothing_is_lost_and_nothing_comes_twice() {
    for seed in 0..100 {
        for bound in [1, 4] {
            let report = Builder::new().seed(seed).policy(Random::new(seed)).run(async move {
                traffic(Rc::new(Queue::bounded(bound))).await;
            });
            report.unwrap();
        }
    }
}

#[test]
fn under_random_policies_items_leave_in_the_order_of_the_queue() {
    for seed in 0..100 {
        let report = Builder::new().seed(seed).policy(Random::new(seed)).run(async {
            let (queue, log) = (Rc::new(Queue::new()), Rc::default());
            for number in 0..5 {
                getter(&queue, &log, number);
            }
            sleep(secs(1)).await;
            for item in 0..5 {
                queue.put(item).await.unwrap();
            }
            sleep(secs(1)).await;
            let items: Vec<_> = log.borrow().iter().map(|&(_, item)| item).collect();
            assert_eq!(items, [0, 1, 2, 3, 4]);
        });
        report.unwrap();
    }
}

#[test]
fn s20_items_whose_destructors_panic_end_neither_the_process_nor_each_other() {
    struct Spiteful(Rc<Cell<u32>>);
    impl Drop for Spiteful {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            std::panic::resume_unwind(Box::new("dropped"));
        }
    }
    let dropped = Rc::new(Cell::new(0));
    let filled = || {
        let queue = Queue::new();
        for _ in 0..3 {
            assert!(queue.try_put(Spiteful(Rc::clone(&dropped))).is_ok());
        }
        queue
    };
    let queue = filled();
    let shut = catch_unwind(AssertUnwindSafe(|| queue.shutdown_now()));
    assert!(shut.is_err() && dropped.get() == 3);
    let queue = filled();
    let gone = catch_unwind(AssertUnwindSafe(|| drop(queue)));
    assert!(gone.is_err() && dropped.get() == 6);
}
