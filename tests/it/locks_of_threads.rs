//! Locks that several threads try (S30), also one that a single thread had for long, and channels and queues in which
//! threads meet.
//!
//! As with `wakers`, `tests/stress` has these tests too, for AddressSanitizer and valgrind.

use std::ops::DerefMut;
use std::sync::Arc;
use std::thread;

use simloop::sync::mpsc::error::TryRecvError;
use simloop::sync::{Mutex, PriorityQueue, Queue, RwLock, Semaphore, broadcast, mpsc, watch};
use simloop::{run, spawn, yield_now};

/// Counts up both numbers, if the lock is free. Whoever else was inside would leave them unequal.
fn count(guard: Option<impl DerefMut<Target = [u64; 2]>>) -> bool {
    let Some(mut guard) = guard else { return false };
    let [first, second] = *guard;
    assert_eq!(first, second, "somebody else was inside");
    guard[0] += 1;
    std::hint::black_box(&mut *guard);
    guard[1] += 1;
    true
}

/// Locks, one after the other: a lock passes from one thread to all only once.
const LOCKS: u64 = 100;
/// The thread that uses a lock first owns it at once.
const ALONE: u64 = 10;
const EACH: u64 = 50;

fn compete(count: &(impl Fn() -> bool + Sync)) {
    (0..ALONE).for_each(|_| assert!(count(), "nobody else is there"));
    let repeat = || {
        for _ in 0..EACH {
            while !count() {
                thread::yield_now();
            }
        }
    };
    thread::scope(|scope| {
        (0..3).for_each(|_| _ = scope.spawn(repeat));
        repeat();
    });
}

#[test]
fn s30_a_mutex_of_one_thread_is_everybodys_once_another_comes() {
    for _ in 0..LOCKS {
        let mutex = Arc::new(Mutex::new([0_u64; 2]));
        compete(&|| count(mutex.try_lock().ok()));
        assert_eq!(*mutex.try_lock().unwrap(), [ALONE + 4 * EACH; 2]);
    }
}

#[test]
fn s30_a_reader_and_writer_lock_of_one_thread_is_everybodys_once_another_comes() {
    for _ in 0..LOCKS {
        let lock = Arc::new(RwLock::new([0_u64; 2]));
        compete(&|| count(lock.try_write().ok()));
        let [first, second] = *lock.try_read().unwrap();
        assert_eq!((first, second), (ALONE + 4 * EACH, ALONE + 4 * EACH));
    }
}

const THREADS: u64 = 4;

/// Runs the same thing on several threads at once.
fn on_threads(repeat: &(impl Fn() + Sync)) {
    thread::scope(|scope| (0..THREADS).for_each(|_| _ = scope.spawn(repeat)));
}

/// Gives other threads time to come while foreign code runs.
fn linger() {
    (0..3).for_each(|_| thread::yield_now());
}

#[test]
fn s30_threads_that_change_the_value_of_a_watch_wait_for_each_other() {
    let (tx, rx) = watch::channel(0_u64);
    on_threads(&|| {
        for _ in 0..EACH {
            tx.send_modify(|count| {
                linger();
                *count += 1;
            });
        }
    });
    assert_eq!(*rx.borrow(), THREADS * EACH);
    tx.send(1).unwrap();
    on_threads(&|| {
        for _ in 0..EACH {
            assert!(tx.send_replace(1) <= 2);
            tx.send_if_modified(|count| {
                linger();
                *count = 2;
                false
            });
            tx.send(1).unwrap();
        }
    });
    assert!(*rx.borrow() <= 2);
}

#[test]
fn s30_a_thread_that_changes_a_watch_in_place_waits_for_those_that_look() {
    let (tx, rx) = watch::channel([0_u64; 2]);
    let other = Arc::new(rx.clone());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let rx = Arc::clone(&other);
            scope.spawn(move || {
                for _ in 0..EACH {
                    let seen = rx.borrow();
                    let before = *seen;
                    linger();
                    assert_eq!((*seen, before[0]), (before, before[1]), "it was changed meanwhile");
                }
            });
        }
        for _ in 0..EACH {
            tx.send_modify(|[one, other]| {
                *one += 1;
                linger();
                *other += 1;
            });
            let [one, other] = tx.borrow().to_owned();
            assert_eq!(tx.send_replace([one, other]), [one, other]);
        }
    });
    assert_eq!(*rx.borrow(), [EACH; 2]);
    // On one thread that would be for ever.
    let kept = rx.borrow();
    let change = std::panic::AssertUnwindSafe(|| tx.send_modify(|pair| pair[0] = 0));
    assert!(std::panic::catch_unwind(change).is_err());
    assert_eq!(*kept, [EACH; 2]);
}

#[test]
fn s30_threads_that_receive_a_message_wait_for_the_one_that_clones_it() {
    struct Slow(u64);
    impl Clone for Slow {
        fn clone(&self) -> Self {
            linger();
            Slow(self.0)
        }
    }
    let (tx, rx) = broadcast::channel(64);
    let receivers: Vec<_> = (0..THREADS).map(|_| rx.resubscribe()).collect();
    (0..EACH).for_each(|number| drop(tx.send(Slow(number))));
    let receive = |mut receiver: broadcast::Receiver<Slow>| {
        for number in 0..EACH {
            assert_eq!(receiver.try_recv().map(|Slow(number)| number), Ok(number));
        }
    };
    thread::scope(|scope| {
        for receiver in receivers {
            scope.spawn(move || receive(receiver));
        }
    });
}

#[test]
fn s30_threads_that_get_from_a_priority_queue_wait_for_the_one_that_compares() {
    #[derive(PartialEq, Eq)]
    struct Slow(u64);
    impl PartialOrd for Slow {
        fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Slow {
        fn cmp(&self, other: &Self) -> std::cmp::Ordering {
            linger();
            self.0.cmp(&other.0)
        }
    }
    let queue = PriorityQueue::new();
    (0..THREADS * EACH).for_each(|number| assert!(queue.try_put(Slow(number)).is_ok()));
    on_threads(&|| {
        let mut last = None;
        for _ in 0..EACH {
            let Slow(number) = queue.try_get().expect("there is one for each");
            assert!(last.replace(number) < Some(number), "the smallest comes first");
        }
    });
    assert!(queue.is_empty());
}

#[test]
fn s30_threads_send_into_a_channel_that_a_loop_had_for_itself() {
    for _ in 0..LOCKS / 10 {
        let (tx, mut rx) = mpsc::unbounded_channel::<u64>();
        tx.send(0).unwrap();
        let first = run(async move { (rx.recv().await, rx) });
        assert_eq!(first.0, Some(0));
        let mut rx = first.1;
        let send = |tx: mpsc::UnboundedSender<u64>| (1..=EACH).for_each(|it| tx.send(it).unwrap());
        let threads: Vec<_> = (1..THREADS)
            .map(|_| {
                let tx = tx.clone();
                thread::spawn(move || send(tx))
            })
            .collect();
        let sum = run(async move {
            spawn(async move { send(tx) });
            let (mut sum, mut received) = (0, 0);
            while received < THREADS * EACH {
                match rx.try_recv() {
                    Ok(number) => (sum, received) = (sum + number, received + 1),
                    // To wait for another thread would be a failure.
                    Err(_) => yield_now().await,
                }
            }
            while rx.try_recv() != Err(TryRecvError::Disconnected) {
                yield_now().await;
            }
            sum
        });
        assert_eq!(sum, THREADS * EACH * (EACH + 1) / 2);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

#[test]
fn s30_loops_of_several_threads_have_a_semaphore_and_a_queue_in_common() {
    let permits = THREADS as usize;
    let (semaphore, queue) = (Arc::new(Semaphore::new(permits)), Arc::new(Queue::new()));
    on_threads(&|| {
        let (semaphore, queue) = (Arc::clone(&semaphore), Arc::clone(&queue));
        run(async move {
            for number in 0..10 * EACH {
                // There is room for all, so nobody waits for another thread.
                let _permit = semaphore.acquire().await.unwrap();
                queue.put(number).await.unwrap();
                queue.get().await.unwrap();
            }
        });
    });
    assert_eq!((semaphore.available_permits(), queue.len()), (permits, 0));
}
