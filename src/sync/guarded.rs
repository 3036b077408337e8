//! The values of locks, which are in their places or in the hands of those who have been given the lock.
//!
//! A guard has the value itself, or a share in it where several may read, and brings it back. So who may reach it is
//! known to the compiler, and a gate that gave a lock to two would be found out. The latch in which a value lies is
//! entered for as long as it takes to move a pointer.

use std::marker::PhantomData;
use std::mem;
use std::panic::UnwindSafe;
use std::sync::Arc;

use crate::latch::Latch;

/// Why there is a value where one looks for it.
const IS_THERE: &str = "the gate gives the value to one at a time";
/// Where one was leaked (`std::mem::forget`), the value is gone with it, or a share.
const WAS_LEAKED: &str = "a guard of this lock was leaked, and the value with it";

/// A value that one has at a time. In a box, so that a guard is small and the value stays where it is.
pub(super) type Guarded<T> = Kept<T, Box<T>>;

/// A value that several share, or that one has at a time: then it has the only share.
pub(super) type Shareable<T> = Kept<T, Arc<T>>;

/// A value behind a pointer `P`, which is handed out.
pub(super) struct Kept<T, P> {
    value: Latch<Value<T, P>>,
    /// A panic may leave the value half changed, though not the latch: so whoever goes on with it after one has to say
    /// that this is meant.
    not_ref_unwind_safe: PhantomData<dyn UnwindSafe + Send + Sync + Unpin>,
}

enum Value<T, P> {
    /// As it was made, since for a static nothing can be allocated. From its first use on it is behind its pointer.
    New(T),
    Used(P),
    Away,
}

impl<T, P: From<T>> Kept<T, P> {
    pub(super) const fn new(value: T) -> Self {
        Kept { value: Latch::new(Value::New(value)), not_ref_unwind_safe: PhantomData }
    }

    /// For whoever has been given the lock alone.
    #[inline]
    pub(super) fn take(&self) -> P {
        mem::replace(&mut *self.value.enter(), Value::Away).into_used()
    }

    /// From whoever had it alone.
    #[inline]
    pub(super) fn put(&self, value: P) {
        let before = mem::replace(&mut *self.value.enter(), Value::Used(value));
        debug_assert!(matches!(before, Value::Away), "it was away");
        // So that there is no code to drop what is not there.
        mem::forget(before);
    }
}

impl<T> Guarded<T> {
    pub(super) fn get_mut(&mut self) -> &mut T {
        match self.value.get_mut() {
            Value::New(value) => value,
            Value::Used(value) => value,
            Value::Away => panic!("{WAS_LEAKED}"),
        }
    }

    pub(super) fn into_inner(self) -> T {
        match self.value.into_inner() {
            Value::New(value) => value,
            Value::Used(value) => *value,
            Value::Away => panic!("{WAS_LEAKED}"),
        }
    }
}

impl<T> Shareable<T> {
    /// For one who reads.
    pub(super) fn share(&self) -> Arc<T> {
        let value = &mut *self.value.enter();
        let shared = mem::replace(value, Value::Away).into_used();
        *value = Value::Used(Arc::clone(&shared));
        shared
    }

    pub(super) fn get_mut(&mut self) -> &mut T {
        let value = match self.value.get_mut() {
            Value::New(value) => Some(value),
            Value::Used(shared) => Arc::get_mut(shared),
            Value::Away => None,
        };
        value.expect(WAS_LEAKED)
    }

    pub(super) fn into_inner(self) -> T {
        let value = match self.value.into_inner() {
            Value::New(value) => Some(value),
            Value::Used(shared) => Arc::into_inner(shared),
            Value::Away => None,
        };
        value.expect(WAS_LEAKED)
    }
}

impl<T, P: From<T>> Value<T, P> {
    #[inline]
    fn into_used(self) -> P {
        match self {
            Value::Used(value) => value,
            Value::New(value) => P::from(value),
            Value::Away => panic!("{IS_THERE}"),
        }
    }
}
