//! The futures and the guards of an [`RwLock`], each in two forms: one that borrows and one that owns.

use std::borrow::Borrow;
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
///
/// A guard that is leaked keeps the lock, and its share in the value.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct RwLockReadGuard<'a, T> {
    held: Option<Held<T>>,
    way: Lent<'a>,
}

/// Exclusive access to the value of an [`RwLock`]. Dropping it releases the lock.
///
/// A guard that is leaked keeps the lock and the value.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct RwLockWriteGuard<'a, T> {
    held: Option<Held<T>>,
    lock: &'a RwLock<T>,
}

/// Shared access to the value of an [`RwLock`], without borrowing that. Dropping it ends the reading.
///
/// It is an [`RwLockReadGuard`] in all else.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct OwnedRwLockReadGuard<T> {
    held: Option<Held<T>>,
    way: Owned<RwLock<T>>,
}

/// Exclusive access to the value of an [`RwLock`], without borrowing that. Dropping it releases the lock.
///
/// It is an [`RwLockWriteGuard`] in all else.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct OwnedRwLockWriteGuard<T> {
    held: Option<Held<T>>,
    lock: Arc<RwLock<T>>,
}

/// What a guard has until it is dropped: a share in the value, which of who writes is the only one, and the right to
/// it.
struct Held<T> {
    value: Arc<T>,
    pass: Pass,
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
        &this.lock
    }
}

/// What the two forms have in common.
macro_rules! guards {
    ([$($lifetime:lifetime)?] $Reader:ident, $Writer:ident, $Lock:ty, |$lock:ident| $way:expr) => {
        impl<$($lifetime,)? T> $Reader<$($lifetime,)? T> {
            pub(super) fn new($lock: $Lock, pass: Pass) -> Self {
                let value = $lock.value.share();
                $Reader { held: Some(Held { value, pass }), way: $way }
            }
        }

        impl<$($lifetime,)? T> $Writer<$($lifetime,)? T> {
            pub(super) fn new(lock: $Lock, pass: Pass) -> Self {
                let value = lock.value.take();
                $Writer { held: Some(Held { value, pass }), lock }
            }

            /// Ends the writing and goes on reading, with no other writer in between.
            ///
            /// Readers at the front of the line read from now on; a writer there waits for all of them.
            pub fn downgrade(mut self) -> $Reader<$($lifetime,)? T> {
                let Held { value, pass } = self.held.take().expect(IS_HELD);
                self.lock.value.put(value);
                let reader = $Reader::new(self.lock.clone(), pass);
                self.lock.shared.get().update(Entry::downgrade);
                reader
            }
        }

        impl<$($lifetime,)? T> Drop for $Reader<$($lifetime,)? T> {
            fn drop(&mut self) {
                if let Some(Held { value, pass }) = self.held.take() {
                    // It must be gone when a writer comes.
                    drop(value);
                    let shared: &Arc<Shared<Entry>> = self.way.borrow();
                    shared.update(|entry| entry.release(pass));
                }
            }
        }

        impl<$($lifetime,)? T> Drop for $Writer<$($lifetime,)? T> {
            fn drop(&mut self) {
                if let Some(Held { value, pass }) = self.held.take() {
                    self.lock.value.put(value);
                    self.lock.shared.get().update(|entry| entry.release(pass));
                }
            }
        }
    };
}

guards!(['a] RwLockReadGuard, RwLockWriteGuard, &'a RwLock<T>, |lock| lock.shared.get());
guards!([] OwnedRwLockReadGuard, OwnedRwLockWriteGuard, Arc<RwLock<T>>, |lock| Owned(lock));

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

guard!(RwLockReadGuard<'_, T>, "RwLockReadGuard", |guard| shared(&guard.held));
guard!(RwLockWriteGuard<'_, T>, "RwLockWriteGuard", |guard| shared(&guard.held));
guard!(OwnedRwLockReadGuard<T>, "OwnedRwLockReadGuard", |guard| shared(&guard.held));
guard!(OwnedRwLockWriteGuard<T>, "OwnedRwLockWriteGuard", |guard| shared(&guard.held));

writer!(RwLockWriteGuard<'_, T>, |guard| alone(&mut guard.held));
writer!(OwnedRwLockWriteGuard<T>, |guard| alone(&mut guard.held));

#[inline]
fn shared<T>(held: &Option<Held<T>>) -> &T {
    &held.as_ref().expect(IS_HELD).value
}

#[inline]
fn alone<T>(held: &mut Option<Held<T>>) -> &mut T {
    let value = &mut held.as_mut().expect(IS_HELD).value;
    Arc::get_mut(value).expect("nobody has a share while one writes")
}
