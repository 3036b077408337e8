//! The futures and the guards of an [`RwLock`], each in two forms: one that borrows and one that owns.

use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::{Entry, Pass, RwLock};
use crate::sync::gate::{Shared, Waiter};
use crate::sync::owned::Owned;

type Lent<'a, T> = &'a Arc<Shared<Entry<T>>>;

/// Future of [`RwLock::read`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; what was handed to it is given back.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Read<'a, T> {
    waiter: Waiter<Lent<'a, T>, Entry<T>>,
}

/// Future of [`RwLock::write`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; a lock that was handed to it goes to the next one.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Write<'a, T> {
    waiter: Waiter<Lent<'a, T>, Entry<T>>,
}

/// Future of [`RwLock::read_owned`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; what was handed to it is given back.
#[must_use = "a future does nothing unless it is awaited"]
pub struct ReadOwned<T> {
    waiter: Waiter<Owned<RwLock<T>>, Entry<T>>,
}

/// Future of [`RwLock::write_owned`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; a lock that was handed to it goes to the next one.
#[must_use = "a future does nothing unless it is awaited"]
pub struct WriteOwned<T> {
    waiter: Waiter<Owned<RwLock<T>>, Entry<T>>,
}

/// Shared access to the value of an [`RwLock`]. Dropping it ends the reading.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct RwLockReadGuard<'a, T> {
    way: Lent<'a, T>,
    /// There until the guard is dropped.
    pass: Option<Pass<T>>,
}

/// Exclusive access to the value of an [`RwLock`]. Dropping it releases the lock.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct RwLockWriteGuard<'a, T> {
    way: Lent<'a, T>,
    /// There until the guard is dropped.
    pass: Option<Pass<T>>,
}

/// Shared access to the value of an [`RwLock`], without borrowing that. Dropping it ends the reading.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct OwnedRwLockReadGuard<T> {
    way: Owned<RwLock<T>>,
    /// There until the guard is dropped.
    pass: Option<Pass<T>>,
}

/// Exclusive access to the value of an [`RwLock`], without borrowing that. Dropping it releases the lock.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct OwnedRwLockWriteGuard<T> {
    way: Owned<RwLock<T>>,
    /// There until the guard is dropped.
    pass: Option<Pass<T>>,
}

impl<T> OwnedRwLockReadGuard<T> {
    /// Returns the lock. Called as a function, since the guard stands for the value.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.way.0
    }
}

impl<T> OwnedRwLockWriteGuard<T> {
    /// Returns the lock. Called as a function, since the guard stands for the value.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.way.0
    }
}

/// What all four futures, and all four guards, have in common.
macro_rules! common {
    ([$($lifetime:lifetime)?] $future:ident, $guard:ident, $way:ty) => {
        impl<$($lifetime,)? T> $future<$($lifetime,)? T> {
            pub(super) fn new(waiter: Waiter<$way, Entry<T>>) -> Self {
                $future { waiter }
            }
        }

        impl<$($lifetime,)? T: 'static> Future for $future<$($lifetime,)? T> {
            type Output = $guard<$($lifetime,)? T>;

            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                let pass = ready!(self.waiter.poll(cx));
                Poll::Ready($guard::new(self.waiter.way(), pass))
            }
        }

        impl<$($lifetime,)? T> fmt::Debug for $future<$($lifetime,)? T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($future)).field(&self.waiter).finish()
            }
        }

        impl<$($lifetime,)? T> $guard<$($lifetime,)? T> {
            pub(super) fn new(way: $way, pass: Pass<T>) -> Self {
                $guard { way, pass: Some(pass) }
            }

            fn shared(&self) -> &Arc<Shared<Entry<T>>> {
                self.way.borrow()
            }
        }

        impl<$($lifetime,)? T> Deref for $guard<$($lifetime,)? T> {
            type Target = T;

            fn deref(&self) -> &T {
                &self.pass.as_ref().expect("there until the guard is dropped").value
            }
        }

        impl<$($lifetime,)? T> Drop for $guard<$($lifetime,)? T> {
            fn drop(&mut self) {
                if let Some(pass) = self.pass.take() {
                    self.shared().update(|entry| entry.release(pass));
                }
            }
        }

        impl<$($lifetime,)? T: fmt::Debug> fmt::Debug for $guard<$($lifetime,)? T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($guard)).field(&**self).finish()
            }
        }

        impl<$($lifetime,)? T: fmt::Display> fmt::Display for $guard<$($lifetime,)? T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    };
}

common!(['a] Read, RwLockReadGuard, Lent<'a, T>);
common!(['a] Write, RwLockWriteGuard, Lent<'a, T>);
common!([] ReadOwned, OwnedRwLockReadGuard, Owned<RwLock<T>>);
common!([] WriteOwned, OwnedRwLockWriteGuard, Owned<RwLock<T>>);

/// What only writers can do.
macro_rules! writer {
    ([$($lifetime:lifetime)?] $writer:ident, $reader:ident, $way:ty) => {
        impl<$($lifetime,)? T> $writer<$($lifetime,)? T> {
            /// Ends the writing and goes on reading, with no other writer in between.
            ///
            /// Readers at the front of the line read from now on; a writer there waits for all of them.
            pub fn downgrade(mut self) -> $reader<$($lifetime,)? T> {
                let pass = self.pass.take().expect("there until the guard is dropped");
                let reader = $reader::new(<$way>::clone(&self.way), pass);
                let pass = reader.pass.as_ref().expect("it was put there");
                self.shared().update(|entry| entry.downgrade(pass));
                reader
            }
        }

        impl<$($lifetime,)? T> DerefMut for $writer<$($lifetime,)? T> {
            fn deref_mut(&mut self) -> &mut T {
                let pass = self.pass.as_mut().expect("there until the guard is dropped");
                Arc::get_mut(&mut pass.value).expect("a writer has the value for itself")
            }
        }
    };
}

writer!(['a] RwLockWriteGuard, RwLockReadGuard, Lent<'a, T>);
writer!([] OwnedRwLockWriteGuard, OwnedRwLockReadGuard, Owned<RwLock<T>>);
