//! A fair lock around a value.

use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::{self, Arc, PoisonError};
use std::task::{Context, Poll};

use super::TryLockError;
use super::gate::{Gate, Shared, Waiter};
use crate::executor::Party;

/// A lock around a value, held across awaits, in which those who wait are served first-in first-out.
///
/// It is asyncio's `Lock` with tokio's `Mutex` for a face: the value is reached through a guard, and dropping
/// the guard releases the lock. The lock is handed over: from the moment of release it belongs to the first
/// who waits, and nobody who asks later can take it before (S28). To lock a free mutex suspends nobody.
///
/// A deadlock report names the mutex, who holds it and since when. [`named`](Self::named) gives it a name.
///
/// A panic while the lock is held releases it; there is no poisoning, as in asyncio and tokio.
///
/// # Examples
///
/// ```
/// use simloop::{gather_all, now, run, sleep, sync::Mutex};
/// use std::{sync::Arc, time::Duration};
///
/// run(async {
///     let account = Arc::new(Mutex::new(10).named("account"));
///     let withdrawals = (1..=3).map(|amount| {
///         let account = Arc::clone(&account);
///         async move {
///             let mut balance = account.lock().await;
///             let seen = *balance;
///             sleep(Duration::from_secs(1)).await;
///             *balance = seen - amount;
///         }
///     });
///     gather_all(withdrawals).await;
///     assert_eq!(*account.lock().await, 4);
///     assert_eq!(now().to_string(), "3s", "one after another");
/// });
/// ```
#[doc(alias = "Lock")]
pub struct Mutex<T> {
    /// Knows nothing of the value, so that a condition can wait for the lock without knowing its type.
    shared: Arc<Shared<Key>>,
    /// The value, while nobody holds the lock.
    value: sync::Mutex<Option<Box<T>>>,
}

/// Whoever has it may take the value.
#[derive(Default)]
pub(super) struct Key {
    is_taken: bool,
    holder: Option<Party>,
}

impl Gate for Key {
    const KIND: &'static str = "mutex";
    type Need = ();
    type Grant = ();

    fn serve(&mut self, _: usize, (): &mut (), party: Option<Party>) -> Option<()> {
        if self.is_taken {
            return None;
        }
        *self = Key { is_taken: true, holder: party };
        Some(())
    }

    fn take_back(&mut self, (): ()) -> Option<()> {
        *self = Key::default();
        None
    }

    fn holders(&self) -> Vec<Party> {
        self.holder.into_iter().collect()
    }
}

impl<T> Mutex<T> {
    /// Creates a lock around `value` that nobody holds. Needs no loop.
    #[track_caller]
    pub fn new(value: T) -> Self {
        let value = sync::Mutex::new(Some(Box::new(value)));
        Mutex { shared: Shared::new(Key::default()), value }
    }

    /// Gives it a name, for reports.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.shared.set_name(name.into());
        self
    }

    /// Locks the mutex now, if nobody holds it or waits for it.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if it is locked.
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        self.shared.try_now(0, ()).map_err(|()| TryLockError)?;
        Ok(MutexGuard::locked(self))
    }

    /// Does as [`try_lock`](Self::try_lock) and returns a guard that borrows nothing.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if it is locked.
    pub fn try_lock_owned(self: Arc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        self.shared.try_now(0, ()).map_err(|()| TryLockError)?;
        Ok(OwnedMutexGuard::locked(self))
    }

    /// Says whether somebody holds the lock.
    #[doc(alias = "locked")]
    pub fn is_locked(&self) -> bool {
        self.shared.read(|key| key.is_taken)
    }

    /// Returns the value. Nobody can hold a lock that is given away.
    ///
    /// # Panics
    ///
    /// Panics if a guard was leaked (`std::mem::forget`), since the value went with it.
    pub fn into_inner(self) -> T {
        let value = self.value.into_inner().unwrap_or_else(PoisonError::into_inner);
        *value.expect("a guard of the mutex was leaked, and the value with it")
    }

    /// Waits for the lock.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line. A lock that was handed to it goes to the next one (S29).
    pub fn lock(&self) -> Lock<'_, T> {
        Lock { waiter: Waiter::new(&self.shared, 0, ()), mutex: self }
    }

    /// Does as [`lock`](Self::lock), for a guard that borrows nothing: it can be moved into another task.
    ///
    /// # Cancel safety
    ///
    /// As [`lock`](Self::lock).
    pub fn lock_owned(self: Arc<Self>) -> LockOwned<T> {
        LockOwned { waiter: Waiter::new(Arc::clone(&self.shared), 0, ()), mutex: self }
    }

    /// Where the value is while nobody holds the lock. This inner lock is held for a moment only.
    fn slot(&self) -> sync::MutexGuard<'_, Option<Box<T>>> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Mutex::new(value)
    }
}

/// Shows whether it is locked and how many wait. The value is not shown: that would run foreign code with the lock held.
impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Mutex");
        shown.field("is_locked", &self.is_locked()).field("waiting", &self.shared.waiting(0));
        shown.finish_non_exhaustive()
    }
}

/// Future of [`Mutex::lock`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; a lock that was handed to it goes to the next one.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Lock<'a, T> {
    waiter: Waiter<&'a Arc<Shared<Key>>, Key>,
    mutex: &'a Mutex<T>,
}

impl<'a, T> Future for Lock<'a, T> {
    type Output = MutexGuard<'a, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.waiter.poll(cx).map(|()| MutexGuard::locked(self.mutex))
    }
}

/// Future of [`Mutex::lock_owned`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; a lock that was handed to it goes to the next one.
#[must_use = "a future does nothing unless it is awaited"]
pub struct LockOwned<T> {
    waiter: Waiter<Arc<Shared<Key>>, Key>,
    mutex: Arc<Mutex<T>>,
}

impl<T> Future for LockOwned<T> {
    type Output = OwnedMutexGuard<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.waiter.poll(cx).map(|()| OwnedMutexGuard::locked(Arc::clone(&self.mutex)))
    }
}

/// Access to the value of a locked [`Mutex`]. Dropping it releases the lock.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    /// There until the guard is dropped.
    value: Option<Box<T>>,
}

/// Access to the value of a locked [`Mutex`], without borrowing that. Dropping it releases the lock.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct OwnedMutexGuard<T> {
    mutex: Arc<Mutex<T>>,
    /// There until the guard is dropped.
    value: Option<Box<T>>,
}

impl<T> OwnedMutexGuard<T> {
    /// Returns the mutex. Called as a function, since the guard stands for the value.
    pub fn mutex(this: &Self) -> &Arc<Mutex<T>> {
        &this.mutex
    }
}

/// A guard of a [`Mutex`], borrowed or owned: what a [`Condition`](super::Condition) waits with.
///
/// It is sealed, since only who holds a lock may give it up.
pub trait HeldMutex: DerefMut + Unpin + Sized + relock::Relock {}

/// The line of a mutex, without its value.
#[derive(Debug)]
pub struct MutexLine(Arc<Shared<Key>>);

impl MutexLine {
    /// Stands in line for `party` from now on; as [`Waiter::stand`].
    pub(super) fn enter(&self, party: Option<Party>) -> Waiter<Arc<Shared<Key>>, Key> {
        let mut waiter = Waiter::new(Arc::clone(&self.0), 0, ());
        waiter.stand(party);
        waiter
    }
}

mod relock {
    /// How a condition gives up a lock and gets it again.
    pub trait Relock {
        /// The way to the mutex.
        type Mutex: Clone + Unpin;

        /// The mutex that is held.
        fn mutex(&self) -> Self::Mutex;

        /// Where one asks for the lock.
        fn line(mutex: &Self::Mutex) -> super::MutexLine;

        /// For whoever has been given the lock.
        fn locked(mutex: Self::Mutex) -> Self;
    }
}

use relock::Relock;

/// What the two guards have in common.
macro_rules! guard {
    ([$($lifetime:lifetime)?] $guard:ident, $name:literal, $mutex:ty) => {
        impl<$($lifetime,)? T> HeldMutex for $guard<$($lifetime,)? T> {}

        impl<$($lifetime,)? T> Relock for $guard<$($lifetime,)? T> {
            type Mutex = $mutex;

            fn mutex(&self) -> $mutex {
                self.mutex.clone()
            }

            fn line(mutex: &$mutex) -> MutexLine {
                MutexLine(Arc::clone(&mutex.shared))
            }

            fn locked(mutex: $mutex) -> Self {
                let value = mutex.slot().take();
                $guard { mutex, value }
            }
        }

        impl<$($lifetime,)? T> Deref for $guard<$($lifetime,)? T> {
            type Target = T;

            fn deref(&self) -> &T {
                self.value.as_deref().expect("there until the guard is dropped")
            }
        }

        impl<$($lifetime,)? T> DerefMut for $guard<$($lifetime,)? T> {
            fn deref_mut(&mut self) -> &mut T {
                self.value.as_deref_mut().expect("there until the guard is dropped")
            }
        }

        impl<$($lifetime,)? T> Drop for $guard<$($lifetime,)? T> {
            fn drop(&mut self) {
                *self.mutex.slot() = self.value.take();
                self.mutex.shared.update(|key| key.take_back(()));
            }
        }

        impl<$($lifetime,)? T: fmt::Debug> fmt::Debug for $guard<$($lifetime,)? T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple($name).field(&**self).finish()
            }
        }

        impl<$($lifetime,)? T: fmt::Display> fmt::Display for $guard<$($lifetime,)? T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    };
}

guard!(['a] MutexGuard, "MutexGuard", &'a Mutex<T>);
guard!([] OwnedMutexGuard, "OwnedMutexGuard", Arc<Mutex<T>>);

impl<T> fmt::Debug for Lock<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lock").field(&self.waiter).finish()
    }
}

impl<T> fmt::Debug for LockOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LockOwned").field(&self.waiter).finish()
    }
}
