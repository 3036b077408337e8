//! Wakers of those who wait for one thing, woken in the order in which they began to wait.
//!
//! Kept behind a lock by what is waited for. So nothing here runs foreign code: wakers are cloned before they
//! come here, and those that leave are handed out to be called or dropped once the lock is free.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::{Context, Waker};

/// Names somebody who waits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct WaiterKey(u64);

#[derive(Debug, Default)]
pub(super) struct Wakers {
    waiting: BTreeMap<WaiterKey, Waker>,
    registered: u64,
}

impl Wakers {
    /// Whether the context's waker is the one registered under `key`, so that there is nothing to do.
    pub(super) fn will_wake(&self, key: Option<WaiterKey>, cx: &Context<'_>) -> bool {
        let waker = key.and_then(|key| self.waiting.get(&key));
        waker.is_some_and(|waker| waker.will_wake(cx.waker()))
    }

    /// Registers a waker under `key`, or under a new one, and hands back the waker before.
    pub(super) fn register(&mut self, key: &mut Option<WaiterKey>, waker: Waker) -> Option<Waker> {
        let key = *key.get_or_insert_with(|| {
            self.registered += 1;
            WaiterKey(self.registered)
        });
        self.waiting.insert(key, waker)
    }

    /// Withdraws a waiter and hands back its waker.
    #[must_use]
    pub(super) fn withdraw(&mut self, key: &mut Option<WaiterKey>) -> Option<Waker> {
        self.waiting.remove(&key.take()?)
    }

    /// Hands out all wakers, but for that of `own`, to be woken with [`wake_all`]. Their keys stay good for
    /// another registration.
    pub(super) fn take_others(
        &mut self,
        own: Option<WaiterKey>,
    ) -> impl Iterator<Item = Waker> + use<> {
        let kept = own.and_then(|own| Some((own, self.waiting.remove(&own)?)));
        std::mem::replace(&mut self.waiting, BTreeMap::from_iter(kept)).into_values()
    }

    /// Hands out all wakers.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Waker> + use<> {
        std::mem::take(&mut self.waiting).into_values()
    }
}

/// Wakes all, in order. A panic in one keeps none of the others from being woken, and goes on after them.
pub(super) fn wake_all(wakers: impl IntoIterator<Item = Waker>) {
    let mut first = None;
    for waker in wakers {
        let woken = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        first = first.or(woken.err());
    }
    // Within a panic another one would abort the process: the one that is under way is told.
    if let Some(payload) = first.filter(|_| !std::thread::panicking()) {
        resume_unwind(payload);
    }
}
