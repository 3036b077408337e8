//! The values of locks, which are in their places or in the hands of those who have been given the lock.
//!
//! A guard has the value itself, and brings it back. So who may reach it is known to the compiler, and if a gate ever
//! gave a lock to two, the second would be told. The latch in which a value lies is entered for as long as it takes to
//! move it.

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

/// A value that one has at a time, or that several share.
pub(super) struct Shareable<T>(Latch<Place<T>>);

enum Place<T> {
    /// As it was made, or as it was brought back by whoever had it alone.
    Here(T),
    /// Shared by readers, or as the last of them left it.
    Shared(Arc<T>),
    Away,
}

impl<T> Shareable<T> {
    pub(super) const fn new(value: T) -> Self {
        Shareable(Latch::new(Place::Here(value)))
    }

    /// For one who reads.
    pub(super) fn share(&self) -> Arc<T> {
        let place = &mut *self.0.enter();
        let shared = match mem::replace(place, Place::Away) {
            Place::Here(value) => Arc::new(value),
            Place::Shared(shared) => shared,
            Place::Away => panic!("{IS_THERE}"),
        };
        *place = Place::Shared(Arc::clone(&shared));
        shared
    }

    /// For whoever has been given the lock alone.
    pub(super) fn take(&self) -> T {
        mem::replace(&mut *self.0.enter(), Place::Away).into_value().expect(IS_THERE)
    }

    /// From whoever had it alone.
    pub(super) fn put(&self, value: T) {
        *self.0.enter() = Place::Here(value);
    }

    pub(super) fn get_mut(&mut self) -> &mut T {
        let place = match self.0.get_mut() {
            Place::Here(value) => Some(value),
            Place::Shared(shared) => Arc::get_mut(shared),
            Place::Away => None,
        };
        place.expect(WAS_LEAKED)
    }

    pub(super) fn into_inner(self) -> T {
        self.0.into_inner().into_value().expect(WAS_LEAKED)
    }
}

impl<T> Place<T> {
    /// The value, if nobody has it or shares it.
    fn into_value(self) -> Option<T> {
        match self {
            Place::Here(value) => Some(value),
            Place::Shared(shared) => Arc::into_inner(shared),
            Place::Away => None,
        }
    }
}
