//! Guards of a part of the value: what `map` and its kin make.

use std::marker::PhantomData;

use super::{
    OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard,
    RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard,
};

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// Goes on with a part of the value, under the same lock; see [`RwLockWriteGuard::map`].
    pub fn map<V: ?Sized, F>(this: Self, f: F) -> RwLockReadGuard<'a, V>
    where
        F: FnOnce(&T) -> &V,
    {
        let value = this.value.part(|value| Some(f(value))).expect("`f` returns a part");
        RwLockReadGuard { value, held: this.held, lock: PhantomData }
    }

    /// Does as [`map`](Self::map), if `f` finds the part.
    ///
    /// # Errors
    ///
    /// The guard itself if `f` returns `None`.
    pub fn try_map<V: ?Sized, F>(this: Self, f: F) -> Result<RwLockReadGuard<'a, V>, Self>
    where
        F: FnOnce(&T) -> Option<&V>,
    {
        match this.value.part(f) {
            Some(value) => Ok(RwLockReadGuard { value, held: this.held, lock: PhantomData }),
            None => Err(this),
        }
    }
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
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
    pub fn map<V: ?Sized, F>(mut this: Self, f: F) -> RwLockMappedWriteGuard<'a, V>
    where
        F: FnOnce(&mut T) -> &mut V,
    {
        let value = this.value.part(|value| Some(f(value))).expect("`f` returns a part");
        RwLockMappedWriteGuard { value, held: this.held, lock: PhantomData }
    }

    /// Does as [`map`](Self::map), if `f` finds the part.
    ///
    /// # Errors
    ///
    /// The guard itself if `f` returns `None`.
    pub fn try_map<V: ?Sized, F>(
        mut this: Self,
        f: F,
    ) -> Result<RwLockMappedWriteGuard<'a, V>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut V>,
    {
        match this.value.part(f) {
            Some(value) => Ok(RwLockMappedWriteGuard { value, held: this.held, lock: PhantomData }),
            None => Err(this),
        }
    }
}

impl<'a, T: ?Sized> RwLockMappedWriteGuard<'a, T> {
    /// Goes on with a part of the part; see [`RwLockWriteGuard::map`].
    pub fn map<V: ?Sized, F>(mut this: Self, f: F) -> RwLockMappedWriteGuard<'a, V>
    where
        F: FnOnce(&mut T) -> &mut V,
    {
        let value = this.value.part(|value| Some(f(value))).expect("`f` returns a part");
        RwLockMappedWriteGuard { value, held: this.held, lock: PhantomData }
    }

    /// Does as [`map`](Self::map), if `f` finds the part.
    ///
    /// # Errors
    ///
    /// The guard itself if `f` returns `None`.
    pub fn try_map<V: ?Sized, F>(
        mut this: Self,
        f: F,
    ) -> Result<RwLockMappedWriteGuard<'a, V>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut V>,
    {
        match this.value.part(f) {
            Some(value) => Ok(RwLockMappedWriteGuard { value, held: this.held, lock: PhantomData }),
            None => Err(this),
        }
    }
}

impl<T: ?Sized, U: ?Sized> OwnedRwLockReadGuard<T, U> {
    /// Goes on with a part of the value, under the same lock; see [`RwLockWriteGuard::map`].
    pub fn map<V: ?Sized, F>(this: Self, f: F) -> OwnedRwLockReadGuard<T, V>
    where
        F: FnOnce(&U) -> &V,
    {
        let value = this.value.part(|value| Some(f(value))).expect("`f` returns a part");
        OwnedRwLockReadGuard { value, held: this.held }
    }

    /// Does as [`map`](Self::map), if `f` finds the part.
    ///
    /// # Errors
    ///
    /// The guard itself if `f` returns `None`.
    pub fn try_map<V: ?Sized, F>(this: Self, f: F) -> Result<OwnedRwLockReadGuard<T, V>, Self>
    where
        F: FnOnce(&U) -> Option<&V>,
    {
        match this.value.part(f) {
            Some(value) => Ok(OwnedRwLockReadGuard { value, held: this.held }),
            None => Err(this),
        }
    }
}

impl<T: ?Sized> OwnedRwLockWriteGuard<T> {
    /// Goes on with a part of the value, under the same lock; see [`RwLockWriteGuard::map`].
    pub fn map<V: ?Sized, F>(mut this: Self, f: F) -> OwnedRwLockMappedWriteGuard<T, V>
    where
        F: FnOnce(&mut T) -> &mut V,
    {
        let value = this.value.part(|value| Some(f(value))).expect("`f` returns a part");
        OwnedRwLockMappedWriteGuard { value, held: this.held }
    }

    /// Does as [`map`](Self::map), if `f` finds the part.
    ///
    /// # Errors
    ///
    /// The guard itself if `f` returns `None`.
    pub fn try_map<V: ?Sized, F>(
        mut this: Self,
        f: F,
    ) -> Result<OwnedRwLockMappedWriteGuard<T, V>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut V>,
    {
        match this.value.part(f) {
            Some(value) => Ok(OwnedRwLockMappedWriteGuard { value, held: this.held }),
            None => Err(this),
        }
    }
}

impl<T: ?Sized, U: ?Sized> OwnedRwLockMappedWriteGuard<T, U> {
    /// Goes on with a part of the part; see [`RwLockWriteGuard::map`].
    pub fn map<V: ?Sized, F>(mut this: Self, f: F) -> OwnedRwLockMappedWriteGuard<T, V>
    where
        F: FnOnce(&mut U) -> &mut V,
    {
        let value = this.value.part(|value| Some(f(value))).expect("`f` returns a part");
        OwnedRwLockMappedWriteGuard { value, held: this.held }
    }

    /// Does as [`map`](Self::map), if `f` finds the part.
    ///
    /// # Errors
    ///
    /// The guard itself if `f` returns `None`.
    pub fn try_map<V: ?Sized, F>(
        mut this: Self,
        f: F,
    ) -> Result<OwnedRwLockMappedWriteGuard<T, V>, Self>
    where
        F: FnOnce(&mut U) -> Option<&mut V>,
    {
        match this.value.part(f) {
            Some(value) => Ok(OwnedRwLockMappedWriteGuard { value, held: this.held }),
            None => Err(this),
        }
    }
}

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
