//! Locks that several threads try (S30), also one that a single thread had for long.
//!
//! As with `wakers`, `tests/stress` has these tests too, for AddressSanitizer and valgrind.

use std::ops::DerefMut;
use std::sync::Arc;
use std::thread;

use simloop::sync::{Mutex, RwLock};

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
