//! Wakers of those who wait for one thing, woken in the order in which they began to wait.
//!
//! Kept behind a lock by what is waited for. So nothing here runs foreign code: wakers are cloned before they
//! come here, and those that leave are handed out to be called or dropped once the lock is free.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Weak};
use std::task::{Context, Waker};

use crate::executor::{self, Resource, RunId, Told, Waits, Wanted, Whom};
use crate::kernel::ordered::{Map, number_keys};

/// Names somebody who waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct WaiterKey(u64);

number_keys!(WaiterKey);

#[derive(Debug)]
pub(super) struct Wakers {
    waiting: Map<WaiterKey, Waiting>,
    registered: u64,
    /// The run whose reports know of what is waited for.
    listed: RunId,
    /// Its number in the trace of that run, if that tells who waits for what.
    traced: Option<u32>,
}

#[derive(Debug)]
struct Waiting {
    waker: Waker,
    /// The task in which it waits, if it is one.
    whom: Whom,
    /// Its place in the trace, for as long as it waits.
    _told: Told,
}

impl Default for Wakers {
    fn default() -> Self {
        let waiting = Map::new();
        Wakers { waiting, registered: 0, listed: RunId::NONE, traced: None }
    }
}

/// What is waited for, as a trace tells it.
pub(super) struct Awaited<'a> {
    pub(super) kind: &'static str,
    pub(super) name: Option<&'a str>,
    pub(super) wanted: Wanted,
}

impl Wakers {
    /// Whether the context's waker is the one registered under `key`, so that there is nothing to do.
    pub(super) fn will_wake(&self, key: Option<WaiterKey>, cx: &Context<'_>) -> bool {
        let waker = key.and_then(|key| self.waiting.get(key));
        waker.is_some_and(|waiting| waiting.waker.will_wake(cx.waker()))
    }

    /// Registers a waker of the running task under `key`, or under a new one, and hands back the waker before.
    /// Reports of the run ask `awaited` from then on.
    pub(super) fn register<R: Resource + 'static>(
        &mut self,
        key: &mut Option<WaiterKey>,
        waker: Waker,
        awaited: &Arc<R>,
        told: Awaited<'_>,
    ) -> Option<Waker> {
        let key = *key.get_or_insert_with(|| {
            self.registered += 1;
            WaiterKey(self.registered)
        });
        if let Some(run) = executor::unlisted_run(self.listed) {
            self.listed = run;
            let awaited: Weak<R> = Arc::downgrade(awaited);
            self.traced = executor::list(awaited, told.kind, told.name);
        }
        let whom = Whom::running();
        let tell = |traced| Told::enclosing(traced, whom, told.wanted);
        let told = self.traced.map(tell).unwrap_or_default();
        let replaced = self.waiting.insert(key, Waiting { waker, whom, _told: told })?;
        Some(replaced.waker)
    }

    /// The tasks that wait, in the order in which they began, each for what is `wanted`.
    pub(super) fn waits(&self, wanted: &Wanted) -> Vec<Waits> {
        let mut waits = Vec::new();
        for &Waiting { whom, ref waker, .. } in self.waiting.values() {
            if whom != Whom::NOBODY {
                let has_waker = whom.is_behind(waker);
                waits.push(Waits { whom, has_waker, wanted: wanted.clone() });
            }
        }
        waits
    }

    /// Withdraws a waiter and hands back its waker.
    #[must_use]
    pub(super) fn withdraw(&mut self, key: &mut Option<WaiterKey>) -> Option<Waker> {
        let waiting = self.waiting.remove(key.take()?)?;
        Some(waiting.waker)
    }

    /// Hands out all wakers, but for that of `own`, to be woken with [`wake_all`]. Their keys stay good for
    /// another registration.
    pub(super) fn take_others(
        &mut self,
        own: Option<WaiterKey>,
    ) -> impl Iterator<Item = Waker> + use<> {
        let kept = own.and_then(|own| Some((own, self.waiting.remove(own)?)));
        let others = std::mem::take(&mut self.waiting);
        if let Some((own, waiting)) = kept {
            self.waiting.insert(own, waiting);
        }
        others.into_entries().map(|(_, waiting)| waiting.waker)
    }

    /// Hands out all wakers.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Waker> + use<> {
        self.take_others(None)
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
