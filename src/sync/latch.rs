//! A lock for what one thread uses again and again and others hardly ever: the state of a primitive.
//!
//! A primitive is `Send` and `Sync` (S30), yet nearly all are used on the thread of one loop. A lock of the
//! standard library costs two atomic exchanges whether anybody else comes or not, and an operation of a primitive
//! costs hardly more than those two. So a latch is *biased*: the first thread that uses it becomes its owner, and
//! enters with plain loads and stores. When another thread comes, the latch is an ordinary lock from then on.
//!
//! It is a known design (Dice, Moir and Scherer, "Quickly reacquirable locks", 2003), on an asymmetric fence
//! (C++ proposal P1202): light for the owner, and paid for by the other thread. Where the system has no such
//! fence, and until it pays to set it up, there is no owner and a latch is a lock of the standard library.
//!
//! Nothing foreign may run under a latch. Whoever enters one twice panics or waits for itself, as with any lock.
#![expect(unsafe_code, reason = "the value is reached without the lock's own proof of exclusion")]

mod fence;

use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

pub(super) struct Latch<T> {
    /// The thread that enters without the lock, or [`NOBODY`], or [`NO_MORE`]. Written under the lock, by the
    /// owner-to-be or by whoever takes the ownership away.
    owner: AtomicUsize,
    /// Whether the owner is inside without the lock. Written by the owner alone.
    is_inside: AtomicBool,
    lock: Mutex<()>,
    value: UnsafeCell<T>,
}

/// No thread has it yet.
const NOBODY: usize = 0;
/// Several threads use it, so it is a lock like any other.
const NO_MORE: usize = usize::MAX;

// SAFETY: a latch gives out the value to one thread at a time, as a `Mutex` does, and for the same bound.
unsafe impl<T: Send> Sync for Latch<T> {}

thread_local! {
    static OWN: Own = const { Own { number: Cell::new(NO_MORE), entered_slowly: Cell::new(0) } };
}

/// What a thread knows of itself.
struct Own {
    /// Its number, never given to another thread. [`NO_MORE`] until it has one, so that it owns nothing.
    number: Cell<usize>,
    entered_slowly: Cell<u32>,
}

/// The numbers of threads, from 1.
static NUMBERS: AtomicUsize = AtomicUsize::new(1);

impl<T> Latch<T> {
    pub(super) const fn new(value: T) -> Self {
        Latch {
            owner: AtomicUsize::new(NOBODY),
            is_inside: AtomicBool::new(false),
            lock: Mutex::new(()),
            value: UnsafeCell::new(value),
        }
    }

    /// Enters, and waits for another thread that is inside.
    #[inline]
    pub(super) fn enter(&self) -> Inside<'_, T> {
        let number = OWN.with(|own| own.number.get());
        if self.owner.load(Ordering::Relaxed) == number && number != NO_MORE {
            assert!(!self.is_inside.load(Ordering::Relaxed), "a latch was entered twice");
            self.is_inside.store(true, Ordering::Relaxed);
            // Whoever takes the ownership away sees that the owner is inside, or is seen here.
            fence::light();
            if self.owner.load(Ordering::Relaxed) == number {
                return Inside { latch: self, lock: None };
            }
            self.is_inside.store(false, Ordering::Release);
        }
        self.enter_slowly()
    }

    #[cold]
    #[inline(never)]
    fn enter_slowly(&self) -> Inside<'_, T> {
        // Nothing foreign runs under it, so a poisoned one is as good as any.
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        match self.owner.load(Ordering::Relaxed) {
            NO_MORE => {}
            NOBODY => {
                if let Some(number) = own_number() {
                    self.owner.store(number, Ordering::Relaxed);
                    drop(lock);
                    return self.enter();
                }
            }
            _another => {
                self.owner.store(NO_MORE, Ordering::Relaxed);
                fence::heavy();
                while self.is_inside.load(Ordering::Acquire) {
                    thread::yield_now();
                }
            }
        }
        Inside { latch: self, lock: Some(lock) }
    }
}

/// How often a thread takes the lock before it sets up the fence for the process: a few milliseconds' worth, as
/// setting it up may take ten. A process that does little never does so.
const PATIENCE: u32 = 1 << 18;

/// The number of this thread, if threads may own latches.
fn own_number() -> Option<usize> {
    OWN.with(|own| {
        if !fence::is_set_up() {
            own.entered_slowly.set(own.entered_slowly.get().saturating_add(1));
            if own.entered_slowly.get() != PATIENCE || !fence::set_up() {
                return None;
            }
        }
        if own.number.get() == NO_MORE {
            let given = NUMBERS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| {
                next.checked_add(1).filter(|&after| after < NO_MORE)
            });
            own.number.set(given.ok()?);
        }
        Some(own.number.get())
    })
}

/// The value, while nobody else has it. Dropping it leaves the latch.
pub(super) struct Inside<'a, T> {
    latch: &'a Latch<T>,
    /// Not there for the owner. It also keeps this on the thread that entered.
    lock: Option<MutexGuard<'a, ()>>,
}

// Why the value is this thread's alone while an `Inside` exists:
//
// - Those who hold the lock exclude each other.
// - The owner enters without it only if, after it has said that it is inside, it still is the owner. There is one
//   owner at most, and it enters once at most: it is a number that one thread has, and `enter` asserts the rest.
// - Whoever holds the lock and finds an owner takes the ownership away and puts the heavy fence between that and
//   its look whether the owner is inside. The fence stands at some point between two instructions of the owner. If
//   the owner had said before that point that it is inside, that is seen, and waited for. Otherwise the owner looks
//   at the ownership after that point, finds it gone, and takes the lock.
// - Nobody becomes the owner without the lock, nor after the ownership was taken away once.
//
// And why it sees what others did to the value: the owner's last store of `is_inside` is a release, and whoever
// takes the ownership away acquires it. All else goes through the lock, the first entry of a new owner too.

impl<T> Deref for Inside<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the value is this thread's alone, see above.
        unsafe { &*self.latch.value.get() }
    }
}

impl<T> DerefMut for Inside<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the value is this thread's alone, see above.
        unsafe { &mut *self.latch.value.get() }
    }
}

impl<T> Drop for Inside<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.lock.is_none() {
            self.latch.is_inside.store(false, Ordering::Release);
        }
    }
}

impl<T> fmt::Debug for Latch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latch").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Threads come and go, and each owns the latches that it meets first.
    #[test]
    fn no_two_threads_are_inside_a_latch_at_once() {
        let has_owners = fence::set_up();
        assert_eq!(has_owners, cfg!(target_os = "linux") && fence::is_set_up());
        for _ in 0..200 {
            let latch = Latch::new([0_u64; 2]);
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        for _ in 0..200 {
                            let mut inside = latch.enter();
                            let [first, second] = *inside;
                            assert_eq!(first, second, "somebody else was inside");
                            inside[0] += 1;
                            std::hint::black_box(&mut inside);
                            inside[1] += 1;
                        }
                    });
                }
            });
            assert_eq!(*latch.enter(), [600; 2]);
        }
    }

    #[test]
    fn a_panic_inside_a_latch_leaves_it() {
        fence::set_up();
        let latch = Latch::new(0);
        *latch.enter() += 1;
        let panicked = thread::scope(|scope| {
            let enter = || {
                let _inside = latch.enter();
                panic!("expected");
            };
            scope.spawn(enter).join()
        });
        assert!(panicked.is_err());
        assert_eq!(*latch.enter(), 1);
    }
}
