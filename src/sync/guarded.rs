//! The values of locks, which are in their places or in the hands of those who have been given the lock.
//!
//! A guard has the value itself, or a share in it where several may read, and brings it back. So who may reach it is
//! known to the compiler, and if a gate ever gave a lock to two, the second would be told. The latch in which a value
//! lies is entered for as long as it takes to move it.

use std::mem;
use std::sync::Arc;

use crate::latch::Latch;

/// Why there is a value where one looks for it.
const IS_THERE: &str = "the gate gives the value to one at a time";
/// Where one was leaked (`std::mem::forget`), the value is gone with it.
const WAS_LEAKED: &str = "a guard of this lock was leaked, and the value with it";

/// A value that one has at a time.
pub(super) struct Guarded<T>(Latch<Option<T>>);

impl<T> Guarded<T> {
    pub(super) const fn new(value: T) -> Self {
        Guarded(Latch::new(Some(value)))
    }

    /// For whoever has been given the lock.
    #[inline]
    pub(super) fn take(&self) -> T {
        self.0.enter().take().expect(IS_THERE)
    }

    /// From whoever gives the lock back.
    #[inline]
    pub(super) fn put(&self, value: T) {
        let before = self.0.enter().replace(value);
        debug_assert!(before.is_none(), "it was away");
    }

    pub(super) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().as_mut().expect(WAS_LEAKED)
    }

    pub(super) fn into_inner(self) -> T {
        self.0.into_inner().expect(WAS_LEAKED)
    }
}

/// A value that several share, or that one has at a time: then it is the only one that shares it.
pub(super) struct Shareable<T>(Latch<Place<T>>);

enum Place<T> {
    /// As it was made, since for a static nothing can be allocated. From its first use on it is shared.
    Unshared(T),
    Shared(Arc<T>),
    Away,
}

impl<T> Shareable<T> {
    pub(super) const fn new(value: T) -> Self {
        Shareable(Latch::new(Place::Unshared(value)))
    }

    /// For one who reads.
    pub(super) fn share(&self) -> Arc<T> {
        let place = &mut *self.0.enter();
        let shared = mem::replace(place, Place::Away).into_shared().expect(IS_THERE);
        *place = Place::Shared(Arc::clone(&shared));
        shared
    }

    /// For whoever has been given the lock alone.
    pub(super) fn take(&self) -> Arc<T> {
        mem::replace(&mut *self.0.enter(), Place::Away).into_shared().expect(IS_THERE)
    }

    /// From whoever had it alone.
    pub(super) fn put(&self, value: Arc<T>) {
        *self.0.enter() = Place::Shared(value);
    }

    pub(super) fn get_mut(&mut self) -> &mut T {
        let value = match self.0.get_mut() {
            Place::Unshared(value) => Some(value),
            Place::Shared(shared) => Arc::get_mut(shared),
            Place::Away => None,
        };
        value.expect(WAS_LEAKED)
    }

    pub(super) fn into_inner(self) -> T {
        let value = match self.0.into_inner() {
            Place::Unshared(value) => Some(value),
            Place::Shared(shared) => Arc::into_inner(shared),
            Place::Away => None,
        };
        value.expect(WAS_LEAKED)
    }
}

impl<T> Place<T> {
    fn into_shared(self) -> Option<Arc<T>> {
        match self {
            Place::Unshared(value) => Some(Arc::new(value)),
            Place::Shared(shared) => Some(shared),
            Place::Away => None,
        }
    }
}
