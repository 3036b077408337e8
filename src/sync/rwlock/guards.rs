//! The futures and the guards of an [`RwLock`], each in two forms: one that borrows and one that owns.
#![expect(unsafe_code, reason = "whoever is given the lock may reach the value")]

use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::{Entry, Pass, RwLock};
use crate::sync::gate::{Gate, Shared, Waiter};
use crate::sync::guard::{guard, writer};
use crate::sync::guarded::{Common, Exclusive};
use crate::sync::owned::Owned;

type Lent<'a> = &'a Arc<Shared<Entry>>;

/// Future of [`RwLock::read`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; what was handed to it is given back.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Read<'a, T: ?Sized> {
    pub(super) waiter: Waiter<Lent<'a>, Entry>,
    pub(super) lock: &'a RwLock<T>,
}

/// Future of [`RwLock::write`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; a lock that was handed to it goes to the next one.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Write<'a, T: ?Sized> {
    pub(super) waiter: Waiter<Lent<'a>, Entry>,
    pub(super) lock: &'a RwLock<T>,
}

/// Future of [`RwLock::read_owned`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; what was handed to it is given back.
#[must_use = "a future does nothing unless it is awaited"]
pub struct ReadOwned<T: ?Sized> {
    pub(super) waiter: Waiter<Owned<RwLock<T>>, Entry>,
}

/// Future of [`RwLock::write_owned`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; a lock that was handed to it goes to the next one.
#[must_use = "a future does nothing unless it is awaited"]
pub struct WriteOwned<T: ?Sized> {
    pub(super) waiter: Waiter<Owned<RwLock<T>>, Entry>,
}

/// Shared access to the value of an [`RwLock`], or to a part of it. Dropping it ends the reading.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    pub(super) value: Common<T>,
    pub(super) held: Held<Lent<'a>>,
    pub(super) lock: PhantomData<&'a T>,
}

/// Exclusive access to the value of an [`RwLock`]. Dropping it releases the lock.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    pub(super) value: Exclusive<T>,
    pub(super) held: Held<Lent<'a>>,
    /// Where the guard may go, the lock may be shared: it may become a reader there, beside readers elsewhere.
    pub(super) lock: PhantomData<&'a RwLock<T>>,
}

/// Exclusive access to a part of the value of an [`RwLock`], from [`RwLockWriteGuard::map`]. Dropping it releases
/// the lock.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct RwLockMappedWriteGuard<'a, T: ?Sized> {
    pub(super) value: Exclusive<T>,
    pub(super) held: Held<Lent<'a>>,
    pub(super) lock: PhantomData<&'a mut T>,
}

/// Shared access to the value of an [`RwLock`], or to a part of it, without borrowing the lock. Dropping it ends
/// the reading.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct OwnedRwLockReadGuard<T: ?Sized, U: ?Sized = T> {
    pub(super) value: Common<U>,
    pub(super) held: Held<Owned<RwLock<T>>>,
}

/// Exclusive access to the value of an [`RwLock`], without borrowing that. Dropping it releases the lock.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct OwnedRwLockWriteGuard<T: ?Sized> {
    pub(super) value: Exclusive<T>,
    pub(super) held: Held<Owned<RwLock<T>>>,
}

/// Exclusive access to a part of the value of an [`RwLock`], without borrowing the lock; from
/// [`OwnedRwLockWriteGuard::map`]. Dropping it releases the lock.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct OwnedRwLockMappedWriteGuard<T: ?Sized, U: ?Sized = T> {
    pub(super) value: Exclusive<U>,
    pub(super) held: Held<Owned<RwLock<T>>>,
}

/// A lock that is held. Dropping it hands the lock over. Guards have it behind their way to the value, which is of
/// no more use then.
pub(super) struct Held<P: Borrow<Arc<Shared<Entry>>>> {
    way: P,
    /// There until the lock is given up.
    pass: Option<Pass>,
}

impl<P: Borrow<Arc<Shared<Entry>>>> Held<P> {
    fn new(way: P, pass: Pass) -> Self {
        Held { way, pass: Some(pass) }
    }

    pub(super) fn downgrade(&self) {
        self.way.borrow().update(Entry::downgrade);
    }
}

impl<P: Borrow<Arc<Shared<Entry>>>> Drop for Held<P> {
    fn drop(&mut self) {
        if let Some(pass) = self.pass.take() {
            self.way.borrow().update(|entry| entry.release(pass));
        }
    }
}

// Why the value may be reached: the gate gives out a pass to write only while there is no other, and passes to read
// only while there is none to write. `release` takes a pass back when the guard lets go of it.

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    pub(super) fn new(lock: &'a RwLock<T>, way: Lent<'a>, pass: Pass) -> Self {
        // SAFETY: there is a pass to read, so none to write. The guard borrows the lock.
        let value = unsafe { lock.value.common() };
        RwLockReadGuard { value, held: Held::new(way, pass), lock: PhantomData }
    }
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    pub(super) fn new(lock: &'a RwLock<T>, way: Lent<'a>, pass: Pass) -> Self {
        // SAFETY: there is a pass to write, so no other. The guard borrows the lock.
        let value = unsafe { lock.value.exclusive() };
        RwLockWriteGuard { value, held: Held::new(way, pass), lock: PhantomData }
    }
}

impl<T: ?Sized> OwnedRwLockReadGuard<T> {
    pub(super) fn given(lock: Owned<RwLock<T>>, pass: Pass) -> Self {
        // SAFETY: there is a pass to read, so none to write. The guard keeps the lock alive where it is.
        let value = unsafe { lock.0.value.common() };
        OwnedRwLockReadGuard { value, held: Held::new(lock, pass) }
    }
}

impl<T: ?Sized, U: ?Sized> OwnedRwLockReadGuard<T, U> {
    /// Returns the lock. Called as a function, since the guard stands for the value.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.held.way.0
    }
}

impl<T: ?Sized> OwnedRwLockWriteGuard<T> {
    pub(super) fn given(lock: Owned<RwLock<T>>, pass: Pass) -> Self {
        // SAFETY: there is a pass to write, so no other. The guard keeps the lock alive where it is.
        let value = unsafe { lock.0.value.exclusive() };
        OwnedRwLockWriteGuard { value, held: Held::new(lock, pass) }
    }

    /// Returns the lock. Called as a function, since the guard stands for the value.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.held.way.0
    }
}

impl<T: ?Sized, U: ?Sized> OwnedRwLockMappedWriteGuard<T, U> {
    /// Returns the lock. Called as a function, since the guard stands for the value.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.held.way.0
    }
}

/// A future, and what it gives.
macro_rules! future {
    ([$($generics:tt)*] $Future:ty, $name:literal, $Guard:ty, $take:expr, |$self:ident, $pass:ident| $given:expr) => {
        impl<$($generics)*> Future for $Future {
            type Output = $Guard;

            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<$Guard> {
                let $pass = ready!(self.waiter.poll_with(cx, $take));
                let $self = self;
                Poll::Ready($given)
            }
        }

        impl<$($generics)*> fmt::Debug for $Future {
            #[inline]
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple($name).field(&self.waiter).finish()
            }
        }
    };
}

future!(['a, T: ?Sized] Read<'a, T>, "Read", RwLockReadGuard<'a, T>, Gate::collect,
    |this, pass| RwLockReadGuard::new(this.lock, this.waiter.way(), pass));
future!(['a, T: ?Sized] Write<'a, T>, "Write", RwLockWriteGuard<'a, T>, Gate::collect,
    |this, pass| RwLockWriteGuard::new(this.lock, this.waiter.way(), pass));
future!([T: ?Sized] ReadOwned<T>, "ReadOwned", OwnedRwLockReadGuard<T>, Entry::let_move,
    |this, pass| OwnedRwLockReadGuard::given(this.waiter.way(), pass));
future!([T: ?Sized] WriteOwned<T>, "WriteOwned", OwnedRwLockWriteGuard<T>, Entry::let_move,
    |this, pass| OwnedRwLockWriteGuard::given(this.waiter.way(), pass));

guard!([T: ?Sized] RwLockReadGuard<'_, T>, "RwLockReadGuard", T);
guard!([T: ?Sized] RwLockWriteGuard<'_, T>, "RwLockWriteGuard", T);
guard!([T: ?Sized] RwLockMappedWriteGuard<'_, T>, "RwLockMappedWriteGuard", T);
guard!([T: ?Sized, U: ?Sized] OwnedRwLockReadGuard<T, U>, "OwnedRwLockReadGuard", U);
guard!([T: ?Sized] OwnedRwLockWriteGuard<T>, "OwnedRwLockWriteGuard", T);
guard!([T: ?Sized, U: ?Sized] OwnedRwLockMappedWriteGuard<T, U>, "OwnedRwLockMappedWriteGuard", U);

writer!([T: ?Sized] RwLockWriteGuard<'_, T>, T);
writer!([T: ?Sized] RwLockMappedWriteGuard<'_, T>, T);
writer!([T: ?Sized] OwnedRwLockWriteGuard<T>, T);
writer!([T: ?Sized, U: ?Sized] OwnedRwLockMappedWriteGuard<T, U>, U);
