//! A lock for what one thread uses again and again and others hardly ever: the state of a primitive, or of a group.
//!
//! A primitive is `Send` and `Sync` (S30), yet nearly all are used on the thread of one loop. A lock of the
//! standard library costs two atomic exchanges whether anybody else comes or not, and an operation of a primitive
//! costs hardly more than those two. So a latch is *biased*: the first thread that uses it becomes its owner, and
//! enters with plain loads and stores. When another thread comes, the latch is an ordinary lock from then on.
//!
//! It is a known design (Dice, Moir and Scherer, "Quickly reacquirable locks", 2003), on an asymmetric fence
//! (C++ proposal P1202): light for the owner, and paid for by the other thread. Where the system has no such
//! fence there is no owner, and a latch is a lock of the standard library.
//!
//! Nothing foreign may run under a latch. Whoever enters one twice panics or waits for itself, as with any lock.
#![expect(unsafe_code, reason = "the value is reached without the lock's own proof of exclusion")]

mod fence;

use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::RefUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

pub(crate) struct Latch<T> {
    door: Door,
    value: UnsafeCell<T>,
}

/// What lets one thread in at a time, whatever is behind it: so it is compiled once.
struct Door {
    /// The thread that enters without the lock, or [`NOBODY`], or [`NO_MORE`]. From nobody it goes to its owner or
    /// to no more, once; an owner's it stays until somebody who holds the lock takes it away for good.
    owner: AtomicUsize,
    /// The owner's number, and one more while it is inside without the lock. Written by the owner alone, so that one look
    /// tells it whether it may go in.
    mark: AtomicUsize,
    lock: Mutex<()>,
}

/// The lock that is held while somebody is inside. Not there for the owner.
type Held<'a> = Option<MutexGuard<'a, ()>>;

/// No thread has used it yet.
const NOBODY: usize = 0;
/// Several threads use it, or no thread may own one, so it is a lock like any other.
const NO_MORE: usize = usize::MAX;
/// The number of a thread that has none, so that it owns nothing.
const UNNUMBERED: usize = usize::MAX - 1;

// SAFETY: a latch gives out the value to one thread at a time, as a `Mutex` does, and for the same bound.
unsafe impl<T: Send> Sync for Latch<T> {}

/// Nothing foreign runs under a latch, so a panic leaves what is in it as whole as before.
impl<T> RefUnwindSafe for Latch<T> {}

thread_local! {
    /// The number of this thread, never given to another one.
    static NUMBER: Cell<usize> = const { Cell::new(UNNUMBERED) };
    /// The same for who would enter at once, or [`NO_MORE`] while this thread does [not](set_careful).
    static AT_ONCE: Cell<usize> = const { Cell::new(UNNUMBERED) };
}

/// The numbers of threads. They are even: what is one more is no other thread's.
static NUMBERS: AtomicUsize = AtomicUsize::new(2);

impl<T> Latch<T> {
    pub(crate) const fn new(value: T) -> Self {
        Latch { door: Door::of(NOBODY), value: UnsafeCell::new(value) }
    }

    /// One that its maker's thread is the owner of from the start, if it has entered another one before: for what is
    /// made where it is used, and used twice or so.
    #[inline]
    pub(crate) fn owned(value: T) -> Self {
        let owner = match NUMBER.get() {
            UNNUMBERED => NOBODY,
            number => number,
        };
        Latch { door: Door::of(owner), value: UnsafeCell::new(value) }
    }

    /// The value, without entering: nobody else can have the latch meanwhile.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    pub(crate) fn into_inner(self) -> T {
        self.value.into_inner()
    }

    /// Enters, and waits for another thread that is inside.
    #[inline]
    pub(crate) fn enter(&self) -> Inside<'_, T> {
        let lock = match self.door.is_entered_as(NUMBER.with(Cell::get)) {
            true => None,
            false => self.door.enter_slowly(),
        };
        Inside { latch: self, lock }
    }

    /// Enters if this thread is the owner, and not [careful](set_careful). It is seen where this is inlined that there
    /// is no lock to let go of, which spares whoever comes by it the code for that, and its registers.
    #[inline]
    pub(crate) fn enter_at_once(&self) -> Option<Inside<'_, T>> {
        let is_entered = self.door.is_entered_as(AT_ONCE.with(Cell::get));
        // Made only then: its end would let others in.
        is_entered.then(|| Inside { latch: self, lock: None })
    }
}

/// While this thread is careful it enters no latch at once: for then there is something to do before each use. So nobody
/// need ask for that apart.
pub(crate) fn set_careful(is_careful: bool) {
    AT_ONCE.set(if is_careful { NO_MORE } else { NUMBER.get() });
}

impl Door {
    const fn of(owner: usize) -> Self {
        Door { owner: AtomicUsize::new(owner), mark: AtomicUsize::new(owner), lock: Mutex::new(()) }
    }

    /// Enters without the lock, if the owner is the thread of this number, which is the one that asks.
    #[inline]
    fn is_entered_as(&self, number: usize) -> bool {
        if self.mark.load(Ordering::Relaxed) != number {
            return false;
        }
        self.mark.store(number + 1, Ordering::Relaxed);
        // Whoever takes the ownership away sees that the owner is inside, or is seen here.
        fence::light();
        let is_owner = self.owner.load(Ordering::Relaxed) == number;
        if !is_owner {
            self.leave();
        }
        is_owner
    }

    /// For the owner that is inside without the lock.
    #[inline]
    fn leave(&self) {
        self.mark.store(self.mark.load(Ordering::Relaxed) - 1, Ordering::Release);
    }

    /// Enters as the first or with the lock, which comes back by itself: it fits registers, an `Inside` does not.
    #[cold]
    #[inline(never)]
    fn enter_slowly(&self) -> Held<'_> {
        let is_inside = self.mark.load(Ordering::Relaxed) == NUMBER.get() + 1;
        assert!(!is_inside, "a latch was entered twice");
        if self.owner.load(Ordering::Relaxed) == NOBODY {
            let (number, is_first) = match own_number() {
                Some(number) => (number, self.claim(number)),
                None => (NO_MORE, self.claim(NO_MORE)),
            };
            if is_first && number != NO_MORE {
                self.mark.store(number, Ordering::Relaxed);
                if self.is_entered_as(number) {
                    return None;
                }
            }
        }
        // Nothing foreign runs under it, so a poisoned one is as good as any.
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if self.owner.load(Ordering::Relaxed) != NO_MORE {
            self.owner.store(NO_MORE, Ordering::Relaxed);
            fence::heavy();
            while self.mark.load(Ordering::Acquire) % 2 == 1 {
                thread::yield_now();
            }
        }
        Some(lock)
    }

    /// Decides what becomes of a latch that nobody has used. `false` if another thread has done so before.
    fn claim(&self, owner: usize) -> bool {
        let claimed =
            self.owner.compare_exchange(NOBODY, owner, Ordering::Relaxed, Ordering::Relaxed);
        claimed.is_ok()
    }
}

/// The number of this thread, if threads may own latches.
fn own_number() -> Option<usize> {
    if NUMBER.get() == UNNUMBERED && fence::exists() {
        let given = NUMBERS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| {
            next.checked_add(2).filter(|&after| after < UNNUMBERED)
        });
        NUMBER.set(given.unwrap_or(UNNUMBERED));
        set_careful(AT_ONCE.get() == NO_MORE);
    }
    Some(NUMBER.get()).filter(|&number| number != UNNUMBERED)
}

/// The value, while nobody else has it. Dropping it leaves the latch.
pub(crate) struct Inside<'a, T> {
    latch: &'a Latch<T>,
    /// It also keeps this on the thread that entered.
    lock: Held<'a>,
}

// Why the value is this thread's alone while an `Inside` exists:
//
// - Those who hold the lock exclude each other.
// - The owner enters without it only if, after it has said that it is inside, it still is the owner. There is one
//   owner at most, and it enters once at most: it is a number that one thread has, and the mark is that number
//   only while the owner is not inside. Nobody else's number it ever is: only an owner writes it.
// - Whoever holds the lock and finds an owner takes the ownership away and puts the heavy fence between that and
//   its look whether the owner is inside. The fence stands at some point between two instructions of the owner. If
//   the owner had said before that point that it is inside, that is seen, and waited for. Otherwise the owner looks
//   at the ownership after that point, finds it gone, and takes the lock.
// - A latch is made with an owner before anybody else can know it, or with none.
// - Whoever comes to a latch that has none and has never been used decides in one exchange who its owner is. Nobody becomes the
//   owner later, and nobody gets the value before: whoever takes the lock finds an owner to take away, or none for
//   good.
//
// And why it sees what others did to the value: the owner's last store of the mark is a release, and whoever
// takes the ownership away acquires it. All else goes through the lock. The first to enter sees the value as it was
// made, by whatever has brought it the latch.

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
        match self.lock.take() {
            None => self.latch.door.leave(),
            Some(lock) => unlock(lock),
        }
    }
}

/// By value, so that where nothing is locked the guard need not be in memory.
#[cold]
#[inline(never)]
fn unlock(lock: MutexGuard<'_, ()>) {
    drop(lock);
}

impl<T> fmt::Debug for Latch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latch").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts, and finds both halves equal, as long as nobody else is inside.
    fn count(latch: &Latch<[u64; 2]>) {
        let mut inside = latch.enter_at_once().unwrap_or_else(|| latch.enter());
        let [first, second] = *inside;
        assert_eq!(first, second, "somebody else was inside");
        inside[0] += 1;
        for _ in 0..20 {
            std::hint::black_box(&mut inside);
        }
        inside[1] += 1;
    }

    /// The owner of each latch is nearly always inside, so others often find it there.
    #[test]
    fn no_two_threads_are_inside_a_latch_at_once() {
        assert!(fence::exists() || !cfg!(target_os = "linux"), "tested with owners");
        for _ in 0..300 {
            let latch = Latch::new([0_u64; 2]);
            let mut counted = 0;
            thread::scope(|scope| {
                let others = [(); 2].map(|()| scope.spawn(|| (0..50).for_each(|_| count(&latch))));
                while !others.iter().all(|other| other.is_finished()) {
                    (0..100).for_each(|_| count(&latch));
                    counted += 100;
                }
            });
            assert_eq!(*latch.enter(), [counted + 100; 2]);
        }
    }

    #[test]
    fn a_panic_inside_a_latch_leaves_it() {
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
