//! Futures and primitives from other crates run as they are, and our timers honour their wakers.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{Either, FutureExt, join_all, select, select_all, try_join_all};
use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::{SinkExt, pin_mut};
use simloop::{Builder, now, run, sleep, spawn, timeout, yield_now};

use crate::{millis, secs};

#[test]
fn join_all_of_sleeps_takes_the_longest() {
    run(async {
        join_all([3, 1, 2].map(|seconds| sleep(secs(seconds)))).await;
        assert_eq!(now().to_string(), "3s");
        // More than 30 go into a `FuturesOrdered`, which polls with wakers of its own.
        join_all((0..100).map(|n| sleep(millis(n)))).await;
        assert_eq!(now().to_string(), "3.099s");
        let failed = try_join_all([1, 2, 3].map(|seconds| async move {
            sleep(secs(seconds)).await;
            if seconds == 2 { Err(seconds) } else { Ok(()) }
        }));
        assert_eq!(failed.await, Err(2));
        assert_eq!(now().to_string(), "5.099s");
    });
}

#[test]
fn futures_unordered_yields_sleeps_in_the_order_of_their_ends_and_polls_only_those_woken() {
    let report = Builder::new().run(async {
        let polls = Rc::new(Cell::new(0));
        let mut sleeps: FuturesUnordered<_> = [5, 1, 3, 1]
            .into_iter()
            .enumerate()
            .map(|(index, seconds)| {
                let polls = Rc::clone(&polls);
                let mut nap = Box::pin(sleep(secs(seconds)));
                std::future::poll_fn(move |cx| {
                    polls.set(polls.get() + 1);
                    nap.poll_unpin(cx)
                })
                .map(move |()| (index, now().to_string()))
            })
            .collect();
        let mut order = Vec::new();
        while let Some(ended) = sleeps.next().await {
            order.push(ended);
        }
        let expected = [(1, "1s"), (3, "1s"), (2, "3s"), (0, "5s")];
        assert_eq!(order, expected.map(|(index, at)| (index, at.to_owned())));
        polls.get()
    });
    assert_eq!(report.unwrap(), 8, "each future twice: the others' timers do not wake it");
}

#[test]
fn select_and_select_all_give_the_first_and_keep_the_rest() {
    run(async {
        let (fast, slow) = (sleep(secs(1)), sleep(secs(2)));
        match select(slow, fast).await {
            Either::Left(_) => unreachable!("the slow one"),
            Either::Right(((), slow)) => slow.await,
        }
        assert_eq!(now().to_string(), "2s");
        let ((), index, rest) = select_all([3, 1, 2].map(|seconds| sleep(secs(seconds)))).await;
        assert_eq!((index, rest.len(), now().to_string().as_str()), (1, 2, "3s"));
        futures_util::select_biased! {
            () = sleep(secs(2)).fuse() => unreachable!(),
            () = sleep(secs(1)).fuse() => {}
        }
        assert_eq!(now().to_string(), "4s");
    });
}

#[test]
fn a_shared_sleep_wakes_everybody_who_waits_for_it() {
    run(async {
        let shared = sleep(secs(1)).shared();
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let shared = shared.clone();
                spawn(async move {
                    shared.await;
                    now()
                })
            })
            .collect();
        for waiter in waiters {
            assert_eq!(waiter.await.unwrap().to_string(), "1s");
        }
    });
}

#[test]
fn a_sleep_that_moves_between_wakers_wakes_the_last_one() {
    run(async {
        let nap = sleep(secs(1));
        let mut set = FuturesUnordered::from_iter([nap]);
        assert!(set.next().now_or_never().is_none());
        let mut nap = set.into_iter().next().unwrap();
        assert!((&mut nap).now_or_never().is_none(), "polled with a waker that wakes nobody");
        spawn(nap).await.unwrap();
        assert_eq!(now().to_string(), "1s");
    });
}

#[test]
fn channels_of_futures_util_work() {
    run(async {
        let (mut sender, receiver) = futures_channel::mpsc::channel::<u32>(1);
        let producer = spawn(async move {
            for number in 0..10 {
                sender.send(number).await.unwrap();
                sleep(millis(10)).await;
            }
        });
        let numbers: Vec<u32> = receiver.collect().await;
        producer.await.unwrap();
        assert_eq!(numbers, Vec::from_iter(0..10));
    });
}

#[test]
fn async_channel_works() {
    run(async {
        let (sender, receiver) = async_channel::bounded::<u32>(2);
        let consumers: Vec<_> = (0..2)
            .map(|_| {
                let receiver = receiver.clone();
                spawn(async move {
                    let mut sum = 0;
                    while let Ok(number) = receiver.recv().await {
                        sleep(millis(u64::from(number))).await;
                        sum += number;
                    }
                    sum
                })
            })
            .collect();
        drop(receiver);
        for number in 1..=10 {
            sender.send(number).await.unwrap();
        }
        drop(sender);
        let mut total = 0;
        for consumer in consumers {
            total += consumer.await.unwrap();
        }
        assert_eq!(total, 55);
    });
}

#[test]
fn async_lock_works() {
    run(async {
        let lock = Arc::new(async_lock::Mutex::new(0));
        let barrier = Arc::new(async_lock::Barrier::new(3));
        let workers: Vec<_> = (0..3)
            .map(|_| {
                let (lock, barrier) = (Arc::clone(&lock), Arc::clone(&barrier));
                spawn(async move {
                    for _ in 0..5 {
                        let mut guard = lock.lock().await;
                        let before = *guard;
                        sleep(millis(1)).await;
                        *guard = before + 1;
                    }
                    barrier.wait().await;
                })
            })
            .collect();
        for worker in workers {
            worker.await.unwrap();
        }
        assert_eq!(*lock.lock().await, 15);
        assert_eq!(now().to_string(), "15ms");
    });
}

#[test]
fn tokios_sync_works() {
    use tokio::sync::{Mutex, Notify, Semaphore, broadcast, mpsc, oneshot, watch};
    run(async {
        let (sender, mut receiver) = mpsc::channel::<u32>(1);
        let (answer, question) = oneshot::channel::<u32>();
        let server = spawn(async move {
            let mut sum = 0;
            while let Some(number) = receiver.recv().await {
                sleep(secs(1)).await;
                sum += number;
            }
            answer.send(sum).unwrap();
        });
        for number in 0..4 {
            sender.send(number).await.unwrap();
        }
        drop(sender);
        assert_eq!(question.await.unwrap(), 6);
        server.await.unwrap();
        assert_eq!(now().to_string(), "4s");

        let permits = Arc::new(Semaphore::new(2));
        let lock = Arc::new(Mutex::new(Vec::new()));
        let start = now();
        let workers: Vec<_> = (0..6)
            .map(|number| {
                let (permits, lock) = (Arc::clone(&permits), Arc::clone(&lock));
                spawn(async move {
                    let _permit = permits.acquire().await.unwrap();
                    sleep(secs(1)).await;
                    lock.lock().await.push(number);
                })
            })
            .collect();
        for worker in workers {
            worker.await.unwrap();
        }
        assert_eq!(start.elapsed(), secs(3));
        assert_eq!(*lock.lock().await, [0, 1, 2, 3, 4, 5]);

        let notify = Arc::new(Notify::new());
        let waiter = spawn({
            let notify = Arc::clone(&notify);
            async move { timeout(secs(1), notify.notified()).await.is_ok() }
        });
        yield_now().await;
        notify.notify_one();
        assert!(waiter.await.unwrap());

        let (changed, mut watcher) = watch::channel(0);
        let (all, mut hears) = broadcast::channel(4);
        changed.send(7).unwrap();
        all.send("news").unwrap();
        watcher.changed().await.unwrap();
        assert_eq!((*watcher.borrow(), hears.recv().await.unwrap()), (7, "news"));
    });
}

#[test]
fn tokios_biased_select_takes_part_in_virtual_time() {
    run(async {
        let nap = sleep(secs(2));
        pin_mut!(nap);
        let mut ticks = 0;
        loop {
            tokio::select! {
                biased;
                () = &mut nap => break,
                () = sleep(millis(600)) => ticks += 1,
            }
        }
        assert_eq!((ticks, now().to_string().as_str()), (3, "2s"));
    });
}
