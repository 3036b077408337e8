//! The value of a lock, and the ways to it for those who have been given the lock.
//!
//! A way is a plain pointer, so that a guard can stand for a part of the value, for a value without a known size,
//! and for one that is in a static. Who may have one is for the lock's gate to say: see the two functions that
//! make them.
#![expect(
    unsafe_code,
    reason = "who may reach the value is known to the gate, not to the compiler"
)]

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};

/// A value that is reached only by those who have the lock: one at a time, or `SEVERAL` at once.
pub(super) struct Guarded<T: ?Sized, const SEVERAL: bool>(UnsafeCell<T>);

// SAFETY: to share it is to let other threads have the value in turn, as a `Mutex` does.
unsafe impl<T: ?Sized + Send> Sync for Guarded<T, false> {}
// SAFETY: to share it is to let other threads have the value in turn and at once, as a `RwLock` does.
unsafe impl<T: ?Sized + Send + Sync> Sync for Guarded<T, true> {}

/// The way to a value for one alone.
pub(super) struct Exclusive<T: ?Sized>(*mut T);

/// The way to a value for several.
pub(super) struct Common<T: ?Sized>(*const T);

// SAFETY: they are used as `&mut T` and `&T` are, and have their bounds.
unsafe impl<T: ?Sized + Send> Send for Exclusive<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync> Sync for Exclusive<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync> Send for Common<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync> Sync for Common<T> {}

impl<T, const SEVERAL: bool> Guarded<T, SEVERAL> {
    pub(super) const fn new(value: T) -> Self {
        Guarded(UnsafeCell::new(value))
    }

    pub(super) fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: ?Sized, const SEVERAL: bool> Guarded<T, SEVERAL> {
    pub(super) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }

    /// # Safety
    ///
    /// As long as the way is used, the value must exist, and nobody else may have a way to it.
    #[inline]
    pub(super) unsafe fn exclusive(&self) -> Exclusive<T> {
        Exclusive(self.0.get())
    }
}

impl<T: ?Sized> Guarded<T, true> {
    /// # Safety
    ///
    /// As long as the way is used, the value must exist, and nobody may have an exclusive way to it.
    #[inline]
    pub(super) unsafe fn common(&self) -> Common<T> {
        Common(self.0.get())
    }
}

impl<T: ?Sized> Exclusive<T> {
    /// The way to a part. If `f` finds none, this way stays.
    pub(super) fn part<U: ?Sized>(
        &mut self,
        f: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Option<Exclusive<U>> {
        f(self).map(|part| Exclusive(part))
    }

    /// The way to a part for several. If `f` finds none, this way stays; otherwise it must not be used any more.
    pub(super) fn common_part<U: ?Sized>(
        &self,
        f: impl FnOnce(&T) -> Option<&U>,
    ) -> Option<Common<U>> {
        f(self).map(|part| Common(part))
    }

    /// For one that goes on together with others.
    pub(super) fn downgrade(self) -> Common<T> {
        Common(self.0)
    }
}

impl<T: ?Sized> Common<T> {
    /// The way to a part. If `f` finds none, this way stays.
    pub(super) fn part<U: ?Sized>(&self, f: impl FnOnce(&T) -> Option<&U>) -> Option<Common<U>> {
        f(self).map(|part| Common(part))
    }
}

impl<T: ?Sized> Deref for Exclusive<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: `exclusive` asks that the value exists and that nobody else reaches it; a part belongs to it.
        unsafe { &*self.0 }
    }
}

impl<T: ?Sized> DerefMut for Exclusive<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and this way is borrowed for as long.
        unsafe { &mut *self.0 }
    }
}

impl<T: ?Sized> Deref for Common<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: `common` asks that the value exists and that nobody changes it; a part belongs to it.
        unsafe { &*self.0 }
    }
}
