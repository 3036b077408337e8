//! The futures and the guards of an [`RwLock`], each in two forms: one that borrows and one that owns.

use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::{Entry, Pass, RwLock};
use crate::sync::gate::{Gate, Shared, Waiter};
use crate::sync::guard::{IS_HELD, guard, writer};
use crate::sync::owned::Owned;

type Lent<'a> = &'a Arc<Shared<Entry>>;

/// Future of [`RwLock::read`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; what was handed to it is given back.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Read<'a, T> {
    pub(super) waiter: Waiter<Lent<'a>, Entry>,
    pub(super) lock: &'a RwLock<T>,
}

/// Future of [`RwLock::write`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; a lock that was handed to it goes to the next one.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Write<'a, T> {
    pub(super) waiter: Waiter<Lent<'a>, Entry>,
    pub(super) lock: &'a RwLock<T>,
}

/// Future of [`RwLock::read_owned`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; what was handed to it is given back.
#[must_use = "a future does nothing unless it is awaited"]
pub struct ReadOwned<T> {
    pub(super) waiter: Waiter<Owned<RwLock<T>>, Entry>,
}

/// Future of [`RwLock::write_owned`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; a lock that was handed to it goes to the next one.
#[must_use = "a future does nothing unless it is awaited"]
pub struct WriteOwned<T> {
    pub(super) waiter: Waiter<Owned<RwLock<T>>, Entry>,
}

/// Shared access to the value of an [`RwLock`]. Dropping it ends the reading.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct RwLockReadGuard<'a, T> {
    /// There until the guard is dropped.
    value: Option<Arc<T>>,
    pass: Option<Pass>,
    lock: &'a RwLock<T>,
}

/// Exclusive access to the value of an [`RwLock`]. Dropping it releases the lock.
///
/// A guard that is leaked keeps the lock and the value.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct RwLockWriteGuard<'a, T> {
    /// There until the guard is dropped. Nobody else has a share in it.
    value: Option<Arc<T>>,
    pass: Option<Pass>,
    lock: &'a RwLock<T>,
}

/// Shared access to the value of an [`RwLock`], without borrowing that. Dropping it ends the reading.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct OwnedRwLockReadGuard<T> {
    /// There until the guard is dropped.
    value: Option<Arc<T>>,
    pass: Option<Pass>,
    lock: Arc<RwLock<T>>,
}

/// Exclusive access to the value of an [`RwLock`], without borrowing that. Dropping it releases the lock.
///
/// It is an [`RwLockWriteGuard`] in all else.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct OwnedRwLockWriteGuard<T> {
    /// There until the guard is dropped. Nobody else has a share in it.
    value: Option<Arc<T>>,
    pass: Option<Pass>,
    lock: Arc<RwLock<T>>,
}

impl<T> OwnedRwLockReadGuard<T> {
    /// Returns the lock. Called as a function, since the guard stands for the value.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.lock
    }
}

impl<T> OwnedRwLockWriteGuard<T> {
    /// Returns the lock. Called as a function, since the guard stands for the value.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.lock
    }
}

/// What the two forms have in common.
macro_rules! guards {
    ([$($lifetime:lifetime)?] $Reader:ident, $Writer:ident, $Lock:ty) => {
        impl<$($lifetime,)? T> $Reader<$($lifetime,)? T> {
            pub(super) fn new(lock: $Lock, pass: Pass) -> Self {
                $Reader { value: Some(lock.value.share()), pass: Some(pass), lock }
            }
        }

        impl<$($lifetime,)? T> $Writer<$($lifetime,)? T> {
            pub(super) fn new(lock: $Lock, pass: Pass) -> Self {
                $Writer { value: Some(lock.value.take()), pass: Some(pass), lock }
            }

            /// Ends the writing and goes on reading, with no other writer in between.
            ///
            /// Readers at the front of the line read from now on; a writer there waits for all of them.
            pub fn downgrade(mut self) -> $Reader<$($lifetime,)? T> {
                self.lock.value.put(self.value.take().expect(IS_HELD));
                let reader = $Reader::new(self.lock.clone(), self.pass.take().expect(IS_HELD));
                self.lock.shared.get().update(Entry::downgrade);
                reader
            }
        }

        impl<$($lifetime,)? T> Drop for $Reader<$($lifetime,)? T> {
            fn drop(&mut self) {
                // It must be gone when a writer comes.
                drop(self.value.take());
                if let Some(pass) = self.pass.take() {
                    self.lock.shared.get().update(|entry| entry.release(pass));
                }
            }
        }

        impl<$($lifetime,)? T> Drop for $Writer<$($lifetime,)? T> {
            fn drop(&mut self) {
                if let (Some(value), Some(pass)) = (self.value.take(), self.pass.take()) {
                    self.lock.value.put(value);
                    self.lock.shared.get().update(|entry| entry.release(pass));
                }
            }
        }
    };
}

/// The value, of which nobody else has a share.
#[inline]
fn alone<T>(value: &mut Option<Arc<T>>) -> Option<&mut T> {
    value.as_mut().and_then(Arc::get_mut)
}

guards!(['a] RwLockReadGuard, RwLockWriteGuard, &'a RwLock<T>);
guards!([] OwnedRwLockReadGuard, OwnedRwLockWriteGuard, Arc<RwLock<T>>);

/// A future, and what it gives.
macro_rules! future {
    ([$($lifetime:lifetime)?] $Future:ident, $Guard:ident, $take:expr, |$self:ident| $lock:expr) => {
        impl<$($lifetime,)? T> Future for $Future<$($lifetime,)? T> {
            type Output = $Guard<$($lifetime,)? T>;

            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                let pass = ready!(self.waiter.poll_with(cx, $take));
                let $self = self;
                Poll::Ready($Guard::new($lock, pass))
            }
        }

        impl<$($lifetime,)? T> fmt::Debug for $Future<$($lifetime,)? T> {
            #[inline]
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($Future)).field(&self.waiter).finish()
            }
        }
    };
}

future!(['a] Read, RwLockReadGuard, Gate::collect, |this| this.lock);
future!(['a] Write, RwLockWriteGuard, Gate::collect, |this| this.lock);
future!([] ReadOwned, OwnedRwLockReadGuard, Entry::let_move, |this| this.waiter.way().0);
future!([] WriteOwned, OwnedRwLockWriteGuard, Entry::let_move, |this| this.waiter.way().0);

guard!(RwLockReadGuard<'_, T>, "RwLockReadGuard", Option::as_deref);
guard!(RwLockWriteGuard<'_, T>, "RwLockWriteGuard", Option::as_deref);
guard!(OwnedRwLockReadGuard<T>, "OwnedRwLockReadGuard", Option::as_deref);
guard!(OwnedRwLockWriteGuard<T>, "OwnedRwLockWriteGuard", Option::as_deref);

writer!(RwLockWriteGuard<'_, T>, alone);
writer!(OwnedRwLockWriteGuard<T>, alone);
