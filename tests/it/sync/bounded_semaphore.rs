//! `BoundedSemaphore`: as a semaphore, and never more permits than there were.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use proptest::prelude::*;
use simloop::sync::{BoundedSemaphore, OwnedBoundedPermit, Semaphore, TryAcquireError};
use simloop::{Builder, run, spawn, spawn_named, yield_now};

use super::line::{self, Model, Shared, assert_that_leaving_loses_nothing};
use crate::snapshots::assert_shown;

#[test]
fn releasing_more_than_was_detached_is_an_error_and_changes_nothing() {
    let semaphore = Arc::new(BoundedSemaphore::new(3));
    let guard = semaphore.try_acquire().unwrap();
    semaphore.try_acquire().unwrap().detach();
    Arc::clone(&semaphore).try_acquire_owned().unwrap().detach();
    assert!(semaphore.is_locked());
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    assert_eq!((semaphore.release(), semaphore.release()), (Ok(()), Ok(())));
    let error = semaphore.release().unwrap_err();
    assert_eq!((error.bound, error.available), (3, 2));
    assert_eq!(
        error.to_string(),
        "a bounded semaphore was released too often: of 3 permits, 2 are free and the others in guards"
    );
    assert_eq!(semaphore.available_permits(), 2);
    drop(guard);
    assert!(semaphore.release().is_err());
    assert_eq!((semaphore.available_permits(), semaphore.bound()), (3, 3));
}

#[test]
fn s28_a_released_permit_is_handed_to_the_first_who_waits() {
    run(async {
        let semaphore = Arc::new(BoundedSemaphore::new(1));
        semaphore.acquire().await.detach();
        let order = Rc::new(RefCell::new(Vec::new()));
        for number in 0..3 {
            let (semaphore, order) = (Arc::clone(&semaphore), Rc::clone(&order));
            spawn(async move {
                let permit = semaphore.acquire().await;
                order.borrow_mut().push(number);
                drop(permit);
            });
        }
        yield_now().await;
        semaphore.release().unwrap();
        assert!(semaphore.try_acquire().is_err(), "it belongs to the first");
        assert!(semaphore.release().is_err(), "what was handed over is taken");
        semaphore.acquire().await.detach();
        assert_eq!(*order.borrow(), [0, 1, 2]);
    });
}

#[test]
fn s29_a_permit_of_a_waiter_that_goes_away_goes_to_the_next() {
    assert_that_leaving_loses_nothing(|| {
        let semaphore = Arc::new(BoundedSemaphore::new(1));
        let held = Arc::clone(&semaphore).try_acquire_owned().unwrap();
        (held, move || Arc::clone(&semaphore).acquire_owned())
    });
}

#[test]
fn an_owned_permit_keeps_its_semaphore() {
    let semaphore = Arc::new(BoundedSemaphore::new(1));
    let permit = Arc::clone(&semaphore).try_acquire_owned().unwrap();
    let semaphore = Arc::try_unwrap(semaphore).unwrap_err();
    drop(permit);
    assert_eq!(Arc::try_unwrap(semaphore).unwrap().available_permits(), 1);
}

#[test]
#[should_panic = "permits at most, not"]
fn a_bound_that_does_not_fit_is_refused() {
    let _ = BoundedSemaphore::new(Semaphore::MAX_PERMITS + 1);
}

#[test]
fn permits_are_acquired_in_foreign_combinators() {
    run(async {
        let semaphore = BoundedSemaphore::new(2);
        let (one, other) = futures_util::join!(semaphore.acquire(), semaphore.acquire());
        let (first, second, third) = futures_util::join!(
            async { drop(semaphore.acquire().await) },
            async { semaphore.acquire().await.detach() },
            async { drop((one, other)) },
        );
        assert_eq!(((), (), ()), (first, second, third));
        assert_eq!(semaphore.available_permits(), 1);
        semaphore.release().unwrap();
    });
}

#[test]
fn s37_a_deadlock_tells_of_permits_in_guards_and_of_detached_ones() {
    let report = Builder::new().run(async {
        let semaphore = Arc::new(BoundedSemaphore::new(2).named("tables"));
        semaphore.acquire().await.detach();
        let waiter = Arc::clone(&semaphore);
        let guest = spawn_named("guest", async move {
            let _first = waiter.acquire().await;
            let _second = waiter.acquire().await;
        });
        guest.await
    });
    assert_shown("sync", "deadlock_bounded_semaphore", report.unwrap_failure());
}

#[test]
fn s37_a_detached_permit_leaves_hope_to_those_who_wait() {
    for (is_detached, stuck) in [(false, 2), (true, 0)] {
        let report = Builder::new().run(async move {
            let semaphore = Arc::new(BoundedSemaphore::new(2 + usize::from(is_detached)));
            if is_detached {
                semaphore.acquire().await.detach();
            }
            for _ in 0..2 {
                let semaphore = Arc::clone(&semaphore);
                spawn(async move {
                    let _first = semaphore.acquire().await;
                    yield_now().await;
                    let _second = semaphore.acquire().await;
                });
            }
            simloop::sleep(crate::secs(1)).await;
        });
        assert_eq!(report.partial_deadlock.map_or(0, |deadlock| deadlock.waiting.len()), stuck);
    }
}

// Against a model that has no guards: a number that must not go beyond the bound.

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Tables {
    free: usize,
    bound: usize,
}

/// Whether the permit is detached at once and released in the end.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Use {
    Guarded,
    Detached,
}

impl Model for Tables {
    type Ask = Use;

    fn fits(&self, _: Use) -> bool {
        self.free > 0
    }

    fn take(&mut self, _: Use) {
        self.free -= 1;
    }

    fn give(&mut self, _: Use) {
        self.free += 1;
        assert!(self.free <= self.bound);
    }
}

pub(super) enum Permit {
    Guarded { _guard: OwnedBoundedPermit },
    Detached(Arc<BoundedSemaphore>),
}

impl Permit {
    fn new(permit: OwnedBoundedPermit, semaphore: Arc<BoundedSemaphore>, how: Use) -> Self {
        if how == Use::Guarded {
            return Permit::Guarded { _guard: permit };
        }
        permit.detach();
        Permit::Detached(semaphore)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Permit::Detached(semaphore) = self {
            semaphore.release().expect("it was detached");
        }
    }
}

impl Shared for Arc<BoundedSemaphore> {
    type Model = Tables;
    type Guard = Permit;

    fn wait_for(&self, how: Use) -> impl Future<Output = Permit> + 'static {
        let semaphore = Arc::clone(self);
        async move { Permit::new(Arc::clone(&semaphore).acquire_owned().await, semaphore, how) }
    }

    fn try_for(&self, how: Use) -> Option<Permit> {
        let permit = Arc::clone(self).try_acquire_owned().ok()?;
        Some(Permit::new(permit, Arc::clone(self), how))
    }

    fn assert_like(&self, model: &Tables, waiting: usize) {
        let available = if waiting > 0 { 0 } else { model.free };
        assert_eq!((self.available_permits(), self.bound()), (available, model.bound));
        assert_eq!(self.is_locked(), available == 0);
    }
}

proptest! {
    #[test]
    fn a_bounded_semaphore_serves_as_a_sequential_model_does(
        bound in 1..4_usize,
        plans in line::plans(prop_oneof![Just(Use::Guarded), Just(Use::Detached)]),
        seed in prop::option::of(any::<u64>()),
    ) {
        let semaphore = Arc::new(BoundedSemaphore::new(bound));
        line::check(seed, plans, Tables { free: bound, bound }, Arc::clone(&semaphore));
        prop_assert!(semaphore.release().is_err());
    }
}

#[test]
fn a_bounded_semaphore_serves_a_crowd_in_order_under_a_hundred_schedules() {
    let model = Tables { free: 2, bound: 2 };
    line::check_crowds(&[Use::Guarded, Use::Detached], &model, || {
        Arc::new(BoundedSemaphore::new(2))
    });
}
