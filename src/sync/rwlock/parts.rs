//! Guards of a part of the value: what `map` and its kin make.

use std::marker::PhantomData;

use super::{
    OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard,
    RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard,
};
use crate::sync::guard::parts;

parts!(
    ['a, T: ?Sized] RwLockReadGuard<'a, T>, [] T => RwLockReadGuard<'a, V>,
    |value, held| RwLockReadGuard { value, held, lock: PhantomData };
    /// Goes on with a part of the value, under the same lock; see [`RwLockWriteGuard::map`].
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, sync::{RwLock, RwLockReadGuard}};
    ///
    /// run(async {
    ///     let pair = RwLock::new((1, "one"));
    ///     let number = RwLockReadGuard::map(pair.read().await, |pair| &pair.0);
    ///     assert_eq!((*number, pair.read().await.1), (1, "one"), "others may read");
    ///     assert!(pair.try_write().is_err());
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
    /// use simloop::{run, sync::{RwLock, RwLockReadGuard}};
    ///
    /// run(async {
    ///     let list = RwLock::new(vec![1, 2]);
    ///     let guard = RwLockReadGuard::try_map(list.read().await, |list| list.get(7)).unwrap_err();
    ///     let first = RwLockReadGuard::try_map(guard, |list| list.first()).unwrap();
    ///     assert_eq!(*first, 1);
    /// });
    /// ```
    try_map
);

parts!(
    ['a, T: ?Sized] RwLockWriteGuard<'a, T>, [mut] T => RwLockMappedWriteGuard<'a, V>,
    |value, held| RwLockMappedWriteGuard { value, held, lock: PhantomData };
    /// Goes on with a part of the value, under the same lock.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, sync::{RwLock, RwLockWriteGuard}};
    ///
    /// run(async {
    ///     let pair = RwLock::new((1, "one"));
    ///     let mut number = RwLockWriteGuard::map(pair.write().await, |pair| &mut pair.0);
    ///     *number += 1;
    ///     assert!(pair.try_read().is_err());
    ///     drop(number);
    ///     assert_eq!(*pair.read().await, (2, "one"));
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
    /// use simloop::{run, sync::{RwLock, RwLockWriteGuard}};
    ///
    /// run(async {
    ///     let list = RwLock::new(vec![1, 2]);
    ///     let guard = RwLockWriteGuard::try_map(list.write().await, |list| list.get_mut(7)).unwrap_err();
    ///     *RwLockWriteGuard::try_map(guard, |list| list.last_mut()).unwrap() = 3;
    ///     assert_eq!(*list.read().await, [1, 3]);
    /// });
    /// ```
    try_map
);

parts!(
    ['a, T: ?Sized] RwLockMappedWriteGuard<'a, T>, [mut] T => RwLockMappedWriteGuard<'a, V>,
    |value, held| RwLockMappedWriteGuard { value, held, lock: PhantomData };
    /// Goes on with a part of the part; see [`RwLockWriteGuard::map`].
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, sync::{RwLock, RwLockMappedWriteGuard, RwLockWriteGuard}};
    ///
    /// run(async {
    ///     let nested = RwLock::new((1, (2, 3)));
    ///     let inner = RwLockWriteGuard::map(nested.write().await, |outer| &mut outer.1);
    ///     *RwLockMappedWriteGuard::map(inner, |inner| &mut inner.0) = 7;
    ///     assert_eq!(*nested.read().await, (1, (7, 3)));
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
    /// use simloop::{run, sync::{RwLock, RwLockMappedWriteGuard, RwLockWriteGuard}};
    ///
    /// run(async {
    ///     let named = RwLock::new(("sizes", vec![1, 2]));
    ///     let list = RwLockWriteGuard::map(named.write().await, |named| &mut named.1);
    ///     let list = RwLockMappedWriteGuard::try_map(list, |list| list.get_mut(7)).unwrap_err();
    ///     assert_eq!(*RwLockMappedWriteGuard::try_map(list, |list| list.first_mut()).unwrap(), 1);
    /// });
    /// ```
    try_map
);

parts!(
    [T: ?Sized, U: ?Sized] OwnedRwLockReadGuard<T, U>, [] U => OwnedRwLockReadGuard<T, V>,
    |value, held| OwnedRwLockReadGuard { value, held };
    /// Goes on with a part of the value, under the same lock; see [`RwLockWriteGuard::map`].
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, sync::{OwnedRwLockReadGuard, RwLock}};
    /// use std::sync::Arc;
    ///
    /// run(async {
    ///     let pair = Arc::new(RwLock::new((1, "one")));
    ///     let guard = Arc::clone(&pair).read_owned().await;
    ///     let number = OwnedRwLockReadGuard::map(guard, |pair| &pair.0);
    ///     assert_eq!((*number, pair.try_write().is_err()), (1, true));
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
    /// use simloop::{run, sync::{OwnedRwLockReadGuard, RwLock}};
    /// use std::sync::Arc;
    ///
    /// run(async {
    ///     let list = Arc::new(RwLock::new(vec![1, 2]));
    ///     let guard = Arc::clone(&list).read_owned().await;
    ///     let guard = OwnedRwLockReadGuard::try_map(guard, |list| list.get(7)).unwrap_err();
    ///     assert_eq!(*OwnedRwLockReadGuard::try_map(guard, |list| list.first()).unwrap(), 1);
    /// });
    /// ```
    try_map
);

parts!(
    [T: ?Sized] OwnedRwLockWriteGuard<T>, [mut] T => OwnedRwLockMappedWriteGuard<T, V>,
    |value, held| OwnedRwLockMappedWriteGuard { value, held };
    /// Goes on with a part of the value, under the same lock; see [`RwLockWriteGuard::map`].
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, sync::{OwnedRwLockWriteGuard, RwLock}};
    /// use std::sync::Arc;
    ///
    /// run(async {
    ///     let pair = Arc::new(RwLock::new((1, "one")));
    ///     let guard = Arc::clone(&pair).write_owned().await;
    ///     *OwnedRwLockWriteGuard::map(guard, |pair| &mut pair.0) = 7;
    ///     assert_eq!(*pair.read().await, (7, "one"));
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
    /// use simloop::{run, sync::{OwnedRwLockWriteGuard, RwLock}};
    /// use std::sync::Arc;
    ///
    /// run(async {
    ///     let list = Arc::new(RwLock::new(vec![1, 2]));
    ///     let guard = Arc::clone(&list).write_owned().await;
    ///     let guard = OwnedRwLockWriteGuard::try_map(guard, |list| list.get_mut(7)).unwrap_err();
    ///     *OwnedRwLockWriteGuard::try_map(guard, |list| list.last_mut()).unwrap() = 3;
    ///     assert_eq!(*list.read().await, [1, 3]);
    /// });
    /// ```
    try_map
);

parts!(
    [T: ?Sized, U: ?Sized] OwnedRwLockMappedWriteGuard<T, U>, [mut] U => OwnedRwLockMappedWriteGuard<T, V>,
    |value, held| OwnedRwLockMappedWriteGuard { value, held };
    /// Goes on with a part of the part; see [`RwLockWriteGuard::map`].
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, sync::{OwnedRwLockMappedWriteGuard, OwnedRwLockWriteGuard, RwLock}};
    /// use std::sync::Arc;
    ///
    /// run(async {
    ///     let nested = Arc::new(RwLock::new((1, (2, 3))));
    ///     let guard = Arc::clone(&nested).write_owned().await;
    ///     let inner = OwnedRwLockWriteGuard::map(guard, |outer| &mut outer.1);
    ///     *OwnedRwLockMappedWriteGuard::map(inner, |inner| &mut inner.0) = 7;
    ///     assert_eq!(*nested.read().await, (1, (7, 3)));
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
    /// use simloop::{run, sync::{OwnedRwLockMappedWriteGuard, OwnedRwLockWriteGuard, RwLock}};
    /// use std::sync::Arc;
    ///
    /// run(async {
    ///     let named = Arc::new(RwLock::new(("sizes", vec![1, 2])));
    ///     let guard = Arc::clone(&named).write_owned().await;
    ///     let list = OwnedRwLockWriteGuard::map(guard, |named| &mut named.1);
    ///     let list = OwnedRwLockMappedWriteGuard::try_map(list, |list| list.get_mut(7)).unwrap_err();
    ///     assert_eq!(*OwnedRwLockMappedWriteGuard::try_map(list, |list| list.first_mut()).unwrap(), 1);
    /// });
    /// ```
    try_map
);

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Ends the writing and goes on reading, with no other writer in between.
    ///
    /// Readers at the front of the line read from now on; a writer there waits for all of them.
    pub fn downgrade(self) -> RwLockReadGuard<'a, T> {
        self.held.downgrade();
        RwLockReadGuard { value: self.value.downgrade(), held: self.held, lock: PhantomData }
    }

    /// Does as [`downgrade`](Self::downgrade), and goes on with a part of the value.
    pub fn downgrade_map<V: ?Sized, F>(this: Self, f: F) -> RwLockReadGuard<'a, V>
    where
        F: FnOnce(&T) -> &V,
    {
        RwLockReadGuard::map(this.downgrade(), f)
    }

    /// Does as [`downgrade_map`](Self::downgrade_map), if `f` finds the part.
    ///
    /// # Errors
    ///
    /// The guard itself, which still writes, if `f` returns `None`.
    pub fn try_downgrade_map<V: ?Sized, F>(this: Self, f: F) -> Result<RwLockReadGuard<'a, V>, Self>
    where
        F: FnOnce(&T) -> Option<&V>,
    {
        // It is looked for while nobody else can read, for the guard may have to go on writing.
        match this.value.common_part(f) {
            Some(value) => {
                this.held.downgrade();
                Ok(RwLockReadGuard { value, held: this.held, lock: PhantomData })
            }
            None => Err(this),
        }
    }

    /// Makes it a guard of the kind that [`map`](Self::map) gives, for the whole value.
    pub fn into_mapped(this: Self) -> RwLockMappedWriteGuard<'a, T> {
        RwLockMappedWriteGuard { value: this.value, held: this.held, lock: PhantomData }
    }
}

impl<T: ?Sized> OwnedRwLockWriteGuard<T> {
    /// Ends the writing and goes on reading, with no other writer in between.
    ///
    /// Readers at the front of the line read from now on; a writer there waits for all of them.
    pub fn downgrade(self) -> OwnedRwLockReadGuard<T> {
        self.held.downgrade();
        OwnedRwLockReadGuard { value: self.value.downgrade(), held: self.held }
    }

    /// Does as [`downgrade`](Self::downgrade), and goes on with a part of the value.
    pub fn downgrade_map<V: ?Sized, F>(this: Self, f: F) -> OwnedRwLockReadGuard<T, V>
    where
        F: FnOnce(&T) -> &V,
    {
        OwnedRwLockReadGuard::map(this.downgrade(), f)
    }

    /// Does as [`downgrade_map`](Self::downgrade_map), if `f` finds the part.
    ///
    /// # Errors
    ///
    /// The guard itself, which still writes, if `f` returns `None`.
    pub fn try_downgrade_map<V: ?Sized, F>(
        this: Self,
        f: F,
    ) -> Result<OwnedRwLockReadGuard<T, V>, Self>
    where
        F: FnOnce(&T) -> Option<&V>,
    {
        // It is looked for while nobody else can read, for the guard may have to go on writing.
        match this.value.common_part(f) {
            Some(value) => {
                this.held.downgrade();
                Ok(OwnedRwLockReadGuard { value, held: this.held })
            }
            None => Err(this),
        }
    }

    /// Makes it a guard of the kind that [`map`](Self::map) gives, for the whole value.
    pub fn into_mapped(this: Self) -> OwnedRwLockMappedWriteGuard<T> {
        OwnedRwLockMappedWriteGuard { value: this.value, held: this.held }
    }
}
