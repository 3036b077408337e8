//! The guards of a [`Mutex`], for the whole value or a part of it, each in two forms: one that borrows and one that
//! owns.
#![expect(unsafe_code, reason = "whoever is given the lock may reach the value")]

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::{Key, Locked, Mutex, MutexLine};
use crate::sync::gate::{Gate, Shared};
use crate::sync::guard::{guard, parts, writer};
use crate::sync::guarded::Exclusive;
use crate::sync::owned::Owned;

/// Access to the value of a locked [`Mutex`]. Dropping it releases the lock.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct MutexGuard<'a, T: ?Sized> {
    value: Exclusive<T>,
    held: Held<&'a Arc<Shared<Key>>>,
    mutex: &'a Mutex<T>,
}

/// Access to the value of a locked [`Mutex`], without borrowing that. Dropping it releases the lock.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct OwnedMutexGuard<T: ?Sized> {
    value: Exclusive<T>,
    held: Held<Owned<Mutex<T>>>,
}

/// Access to a part of the value of a locked [`Mutex`], from [`MutexGuard::map`]. Dropping it releases the lock.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct MappedMutexGuard<'a, U: ?Sized> {
    value: Exclusive<U>,
    held: Held<&'a Arc<Shared<Key>>>,
    part: PhantomData<&'a mut U>,
}

/// Access to a part of the value of a locked [`Mutex`], without borrowing that; from [`OwnedMutexGuard::map`].
/// Dropping it releases the lock.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct OwnedMappedMutexGuard<T: ?Sized, U: ?Sized = T> {
    value: Exclusive<U>,
    held: Held<Owned<Mutex<T>>>,
}

/// A lock that is held. Dropping it hands the lock over. Guards have it behind their way to the value, which is of
/// no more use then.
struct Held<P: Borrow<Arc<Shared<Key>>>> {
    way: P,
    locked: Option<Locked>,
}

impl<P: Borrow<Arc<Shared<Key>>>> Held<P> {
    #[inline]
    fn new(way: P, locked: Locked) -> Self {
        Held { way, locked: Some(locked) }
    }
}

impl<P: Borrow<Arc<Shared<Key>>>> Drop for Held<P> {
    #[inline]
    fn drop(&mut self) {
        if let Some(locked) = self.locked.take() {
            self.way.borrow().update(|key| key.take_back(locked));
        }
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// Returns the mutex. Called as a function, since the guard stands for the value.
    pub fn mutex(this: &Self) -> &'a Mutex<T> {
        this.mutex
    }
}

parts!(
    ['a, T: ?Sized] MutexGuard<'a, T>, [mut] T => MappedMutexGuard<'a, V>,
    |value, held| MappedMutexGuard { value, held, part: PhantomData };
    /// Goes on with a part of the value, under the same lock.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, sync::{Mutex, MutexGuard}};
    ///
    /// run(async {
    ///     let pair = Mutex::new((1, "one"));
    ///     let mut number = MutexGuard::map(pair.lock().await, |pair| &mut pair.0);
    ///     *number += 1;
    ///     assert!(pair.is_locked());
    ///     drop(number);
    ///     assert_eq!(*pair.lock().await, (2, "one"));
    /// });
    /// ```
    map;
    /// Does as [`map`](Self::map), if `f` finds the part.
    ///
    /// # Errors
    ///
    /// The guard itself if `f` returns `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, sync::{Mutex, MutexGuard}};
    ///
    /// run(async {
    ///     let list = Mutex::new(vec![1, 2]);
    ///     *MutexGuard::try_map(list.lock().await, |list| list.last_mut()).unwrap() = 3;
    ///     let guard = MutexGuard::try_map(list.lock().await, |list| list.get_mut(7)).unwrap_err();
    ///     assert_eq!(*guard, [1, 3], "still locked");
    /// });
    /// ```
    try_map
);

impl<T: ?Sized> OwnedMutexGuard<T> {
    /// Returns the mutex. Called as a function, since the guard stands for the value.
    pub fn mutex(this: &Self) -> &Arc<Mutex<T>> {
        &this.held.way.0
    }
}

parts!(
    [T: ?Sized] OwnedMutexGuard<T>, [mut] T => OwnedMappedMutexGuard<T, V>,
    |value, held| OwnedMappedMutexGuard { value, held };
    /// Goes on with a part of the value, under the same lock; see [`MutexGuard::map`].
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, sync::{Mutex, OwnedMutexGuard}};
    /// use std::sync::Arc;
    ///
    /// run(async {
    ///     let pair = Arc::new(Mutex::new((1, "one")));
    ///     let guard = Arc::clone(&pair).lock_owned().await;
    ///     let number = OwnedMutexGuard::map(guard, |pair| &mut pair.0);
    ///     assert_eq!((*number, pair.is_locked()), (1, true));
    /// });
    /// ```
    map;
    /// Does as [`map`](Self::map), if `f` finds the part.
    ///
    /// # Errors
    ///
    /// The guard itself if `f` returns `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, sync::{Mutex, OwnedMutexGuard}};
    /// use std::sync::Arc;
    ///
    /// run(async {
    ///     let list = Arc::new(Mutex::new(vec![1, 2]));
    ///     let guard = Arc::clone(&list).lock_owned().await;
    ///     let guard = OwnedMutexGuard::try_map(guard, |list| list.get_mut(7)).unwrap_err();
    ///     *OwnedMutexGuard::try_map(guard, |list| list.last_mut()).unwrap() = 3;
    ///     assert_eq!(*list.lock().await, [1, 3]);
    /// });
    /// ```
    try_map
);

parts!(
    ['a, U: ?Sized] MappedMutexGuard<'a, U>, [mut] U => MappedMutexGuard<'a, V>,
    |value, held| MappedMutexGuard { value, held, part: PhantomData };
    /// Goes on with a part of the part; see [`MutexGuard::map`].
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, sync::{MappedMutexGuard, Mutex, MutexGuard}};
    ///
    /// run(async {
    ///     let nested = Mutex::new((1, (2, 3)));
    ///     let inner = MutexGuard::map(nested.lock().await, |outer| &mut outer.1);
    ///     *MappedMutexGuard::map(inner, |inner| &mut inner.0) = 7;
    ///     assert_eq!(*nested.lock().await, (1, (7, 3)));
    /// });
    /// ```
    map;
    /// Does as [`map`](Self::map), if `f` finds the part.
    ///
    /// # Errors
    ///
    /// The guard itself if `f` returns `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, sync::{MappedMutexGuard, Mutex, MutexGuard}};
    ///
    /// run(async {
    ///     let named = Mutex::new(("sizes", vec![1, 2]));
    ///     let list = MutexGuard::map(named.lock().await, |named| &mut named.1);
    ///     let list = MappedMutexGuard::try_map(list, |list| list.get_mut(7)).unwrap_err();
    ///     let first = MappedMutexGuard::try_map(list, |list| list.first_mut()).unwrap();
    ///     assert_eq!(*first, 1);
    /// });
    /// ```
    try_map
);

parts!(
    [T: ?Sized, U: ?Sized] OwnedMappedMutexGuard<T, U>, [mut] U => OwnedMappedMutexGuard<T, V>,
    |value, held| OwnedMappedMutexGuard { value, held };
    /// Goes on with a part of the part; see [`MutexGuard::map`].
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard}};
    /// use std::sync::Arc;
    ///
    /// run(async {
    ///     let nested = Arc::new(Mutex::new((1, (2, 3))));
    ///     let inner = OwnedMutexGuard::map(Arc::clone(&nested).lock_owned().await, |outer| &mut outer.1);
    ///     *OwnedMappedMutexGuard::map(inner, |inner| &mut inner.0) = 7;
    ///     assert_eq!(*nested.lock().await, (1, (7, 3)));
    /// });
    /// ```
    map;
    /// Does as [`map`](Self::map), if `f` finds the part.
    ///
    /// # Errors
    ///
    /// The guard itself if `f` returns `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard}};
    /// use std::sync::Arc;
    ///
    /// run(async {
    ///     let named = Arc::new(Mutex::new(("sizes", vec![1, 2])));
    ///     let list = OwnedMutexGuard::map(Arc::clone(&named).lock_owned().await, |named| &mut named.1);
    ///     let list = OwnedMappedMutexGuard::try_map(list, |list| list.get_mut(7)).unwrap_err();
    ///     let first = OwnedMappedMutexGuard::try_map(list, |list| list.first_mut()).unwrap();
    ///     assert_eq!(*first, 1);
    /// });
    /// ```
    try_map
);

/// A guard of a [`Mutex`], borrowed or owned: what a [`Condition`](crate::sync::Condition) waits with.
///
/// It is sealed, since only who holds a lock may give it up.
pub trait HeldMutex: DerefMut + Unpin + Sized + relock::Relock {}

impl<T: ?Sized> HeldMutex for MutexGuard<'_, T> {}

impl<T: ?Sized> HeldMutex for OwnedMutexGuard<T> {}

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

impl<'a, T: ?Sized> relock::Relock for MutexGuard<'a, T> {
    const IS_OWNED: bool = false;
    type Mutex = &'a Mutex<T>;

    fn mutex(&self) -> Self::Mutex {
        self.mutex
    }

    fn line(mutex: &Self::Mutex) -> MutexLine {
        MutexLine(Arc::clone(mutex.shared.get()))
    }

    #[inline]
    fn locked(mutex: Self::Mutex, locked: Locked) -> Self {
        // SAFETY: the gate gives out one `Locked` at a time, and takes it back when the guard lets go of it. The
        // guard borrows the mutex.
        let value = unsafe { mutex.value.exclusive() };
        MutexGuard { value, held: Held::new(mutex.shared.get(), locked), mutex }
    }
}

impl<T: ?Sized> relock::Relock for OwnedMutexGuard<T> {
    const IS_OWNED: bool = true;
    type Mutex = Arc<Mutex<T>>;

    fn mutex(&self) -> Self::Mutex {
        Arc::clone(&self.held.way.0)
    }

    fn line(mutex: &Self::Mutex) -> MutexLine {
        MutexLine(Arc::clone(mutex.shared.get()))
    }

    fn locked(mutex: Self::Mutex, locked: Locked) -> Self {
        // SAFETY: as above, and the guard keeps the mutex alive where it is.
        let value = unsafe { mutex.value.exclusive() };
        OwnedMutexGuard { value, held: Held::new(Owned(mutex), locked) }
    }
}

guard!([T: ?Sized] MutexGuard<'_, T>, "MutexGuard", T);
guard!([T: ?Sized] OwnedMutexGuard<T>, "OwnedMutexGuard", T);
guard!([U: ?Sized] MappedMutexGuard<'_, U>, "MappedMutexGuard", U);
guard!([T: ?Sized, U: ?Sized] OwnedMappedMutexGuard<T, U>, "OwnedMappedMutexGuard", U);

writer!([T: ?Sized] MutexGuard<'_, T>, T);
writer!([T: ?Sized] OwnedMutexGuard<T>, T);
writer!([U: ?Sized] MappedMutexGuard<'_, U>, U);
writer!([T: ?Sized, U: ?Sized] OwnedMappedMutexGuard<T, U>, U);
