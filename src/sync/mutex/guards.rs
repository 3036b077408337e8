//! The guards of a [`Mutex`]: one that borrows and one that owns.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::{Locked, Mutex, MutexLine};
use crate::sync::guard::{IS_HELD, guard, writer};

/// Access to the value of a locked [`Mutex`]. Dropping it releases the lock.
///
/// A guard that is leaked keeps the lock and the value.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct MutexGuard<'a, T> {
    /// There until the guard is dropped.
    value: Option<Box<T>>,
    mutex: &'a Mutex<T>,
}

/// Access to the value of a locked [`Mutex`], without borrowing that. Dropping it releases the lock.
///
/// It is a [`MutexGuard`] in all else.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct OwnedMutexGuard<T> {
    /// There until the guard is dropped.
    value: Option<Box<T>>,
    mutex: Arc<Mutex<T>>,
}

impl<'a, T> MutexGuard<'a, T> {
    /// Returns the mutex. Called as a function, since the guard stands for the value.
    pub fn mutex(this: &Self) -> &'a Mutex<T> {
        this.mutex
    }
}

impl<T> OwnedMutexGuard<T> {
    /// Returns the mutex. Called as a function, since the guard stands for the value.
    pub fn mutex(this: &Self) -> &Arc<Mutex<T>> {
        &this.mutex
    }
}

/// A guard of a [`Mutex`], borrowed or owned: what a [`Condition`](crate::sync::Condition) waits with.
///
/// It is sealed, since only who holds a lock may give it up.
pub trait HeldMutex: DerefMut + Unpin + Sized + relock::Relock {}

pub(super) mod relock {
    /// How a condition gives up a lock and gets it again.
    pub trait Relock {
        /// Whether the guard borrows nothing, so that it can go to another task.
        const IS_OWNED: bool;

        /// The way to the mutex.
        type Mutex: Clone + Unpin;

        /// The mutex that is held.
        fn mutex(&self) -> Self::Mutex;

        /// Where one asks for the lock.
        fn line(mutex: &Self::Mutex) -> super::MutexLine;

        /// For whoever has been given the lock, by this mutex.
        #[doc(hidden)]
        fn locked(mutex: Self::Mutex, locked: super::Locked) -> Self;
    }
}

/// What both guards do.
macro_rules! held {
    ([$($lifetime:lifetime)?] $Guard:ident, $Mutex:ty, $is_owned:literal) => {
        impl<$($lifetime,)? T> HeldMutex for $Guard<$($lifetime,)? T> {}

        impl<$($lifetime,)? T> relock::Relock for $Guard<$($lifetime,)? T> {
            const IS_OWNED: bool = $is_owned;
            type Mutex = $Mutex;

            fn mutex(&self) -> $Mutex {
                self.mutex.clone()
            }

            fn line(mutex: &$Mutex) -> MutexLine {
                MutexLine(Arc::clone(mutex.shared.get()))
            }

            #[inline]
            fn locked(mutex: $Mutex, Locked(()): Locked) -> Self {
                $Guard { value: Some(mutex.value.take()), mutex }
            }
        }

        impl<$($lifetime,)? T> Drop for $Guard<$($lifetime,)? T> {
            #[inline]
            fn drop(&mut self) {
                if let Some(value) = self.value.take() {
                    self.mutex.unlock(value);
                }
            }
        }
    };
}

held!(['a] MutexGuard, &'a Mutex<T>, false);
held!([] OwnedMutexGuard, Arc<Mutex<T>>, true);

guard!(MutexGuard<'_, T>, "MutexGuard", |guard| guard.value.as_deref().expect(IS_HELD));
guard!(OwnedMutexGuard<T>, "OwnedMutexGuard", |guard| guard.value.as_deref().expect(IS_HELD));

writer!(MutexGuard<'_, T>, |guard| guard.value.as_deref_mut().expect(IS_HELD));
writer!(OwnedMutexGuard<T>, |guard| guard.value.as_deref_mut().expect(IS_HELD));
