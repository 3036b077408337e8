//! A semaphore that knows how many permits there can be.

use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::permits::{Permits, Share, Take, available, try_acquire};
use super::{TryAcquireError, assert_fits};
use crate::sync::gate::{Gate, Shared, Waiter};
use crate::sync::owned::Owned;

/// A semaphore whose permits can never become more than they were. This is asyncio's `BoundedSemaphore`.
///
/// A guard gives its permit back when it is dropped, so it cannot give back too much. Where taking and giving
/// back are in different places, as they often are in asyncio, a permit is [detached](BoundedPermit::detach)
/// from its guard and given back by [`release`](Self::release). To release a permit that nobody has detached
/// is an error, and the semaphore stays as it is. asyncio, which knows no guards, sees the mistake only when
/// all permits are back.
///
/// Those who wait are served first-in first-out, and a permit is handed over at release (S28).
///
/// # Examples
///
/// ```
/// use simloop::{run, sync::BoundedSemaphore};
///
/// run(async {
///     let tables = BoundedSemaphore::new(2).named("tables");
///     let guard = tables.acquire().await;
///     tables.acquire().await.detach();
///     assert!(tables.is_locked());
///
///     assert_eq!(tables.release(), Ok(()));
///     let error = tables.release().unwrap_err();
///     assert_eq!((error.bound, error.available), (2, 1), "the other one is in the guard");
///     drop(guard);
///     assert_eq!(tables.available_permits(), tables.bound());
/// });
/// ```
pub struct BoundedSemaphore {
    shared: Arc<Shared<Permits>>,
}

impl BoundedSemaphore {
    /// Creates a semaphore with so many permits, all of them free. Needs no loop.
    ///
    /// # Panics
    ///
    /// Panics if `bound` is more than [`Semaphore::MAX_PERMITS`](super::Semaphore::MAX_PERMITS).
    #[track_caller]
    #[inline]
    pub fn new(bound: usize) -> Self {
        assert_fits(bound);
        BoundedSemaphore { shared: Shared::new(Permits::new("bounded semaphore", bound)) }
    }

    /// Gives it a name, for reports.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.shared.set_name(name.into());
        self
    }

    /// Returns how many permits there are, free and taken.
    #[inline]
    pub fn bound(&self) -> usize {
        self.shared.read(|permits| permits.total)
    }

    /// Returns how many permits could be taken now: none while somebody waits.
    #[inline]
    pub fn available_permits(&self) -> usize {
        available(&self.shared)
    }

    /// Says whether no permit could be taken now.
    #[doc(alias = "locked")]
    #[inline]
    pub fn is_locked(&self) -> bool {
        self.available_permits() == 0
    }

    /// Waits for a permit.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line. A permit that was handed to it goes to the next one (S29).
    #[inline]
    pub fn acquire(&self) -> BoundedAcquire<'_> {
        BoundedAcquire { waiter: Waiter::new(&self.shared, 0, 1) }
    }

    /// Does as [`acquire`](Self::acquire), for a guard that borrows nothing: it can be moved into another task.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    #[inline]
    pub fn acquire_owned(self: Arc<Self>) -> BoundedAcquireOwned {
        BoundedAcquireOwned { waiter: Waiter::new(Owned(self), 0, 1) }
    }

    /// Takes a permit now, if one is free and nobody waits.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError::NoPermits`] otherwise; a bounded semaphore is never closed.
    #[inline]
    pub fn try_acquire(&self) -> Result<BoundedPermit<'_>, TryAcquireError> {
        let share = try_acquire(&self.shared, 1, Gate::collect)?;
        Ok(BoundedPermit { way: &self.shared, share })
    }

    /// Does as [`try_acquire`](Self::try_acquire) and returns a guard that borrows nothing.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError::NoPermits`] if no permit is free or somebody waits.
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedBoundedPermit, TryAcquireError> {
        let share = try_acquire(&self.shared, 1, Permits::let_move)?;
        Ok(OwnedBoundedPermit { way: Owned(self), share })
    }

    /// Gives a permit back that was detached from its guard, by whomever. It is handed to the first who waits.
    ///
    /// # Errors
    ///
    /// [`ReleaseError`] if every permit is free or in a guard: then more would be given back than was taken.
    #[inline]
    pub fn release(&self) -> Result<(), ReleaseError> {
        self.shared.update(|permits| {
            let Some(detached) = permits.detached.checked_sub(1) else {
                return Err(ReleaseError { bound: permits.total, available: permits.free });
            };
            permits.detached = detached;
            permits.free += 1;
            Ok(())
        })
    }
}

impl Borrow<Arc<Shared<Permits>>> for Owned<BoundedSemaphore> {
    fn borrow(&self) -> &Arc<Shared<Permits>> {
        &self.0.shared
    }
}

impl fmt::Debug for BoundedSemaphore {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedSemaphore")
            .field("bound", &self.bound())
            .field("available_permits", &self.available_permits())
            .finish_non_exhaustive()
    }
}

/// A bounded semaphore was asked to take back a permit that nobody has detached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ReleaseError {
    /// How many permits the semaphore has.
    pub bound: usize,
    /// How many of them are free. The others are in guards.
    pub available: usize,
}

impl fmt::Display for ReleaseError {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ReleaseError { bound, available } = self;
        write!(
            f,
            "a bounded semaphore was released too often: of {bound} permits, {available} are free and \
             the others in guards"
        )
    }
}

impl std::error::Error for ReleaseError {}

type Lent<'a> = &'a Arc<Shared<Permits>>;

/// Future of [`BoundedSemaphore::acquire`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; a permit that was handed to it goes to the next one.
#[must_use = "a future does nothing unless it is awaited"]
pub struct BoundedAcquire<'a> {
    waiter: Waiter<Lent<'a>, Permits>,
}

/// Future of [`BoundedSemaphore::acquire_owned`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; a permit that was handed to it goes to the next one.
#[must_use = "a future does nothing unless it is awaited"]
pub struct BoundedAcquireOwned {
    waiter: Waiter<Owned<BoundedSemaphore>, Permits>,
}

/// A permit of a [`BoundedSemaphore`]. Dropping it gives the permit back.
#[must_use = "the permit is given back at once if the guard is dropped"]
pub struct BoundedPermit<'a> {
    way: Lent<'a>,
    share: Share,
}

/// A permit of a [`BoundedSemaphore`], without borrowing that. Dropping it gives the permit back.
#[must_use = "the permit is given back at once if the guard is dropped"]
pub struct OwnedBoundedPermit {
    way: Owned<BoundedSemaphore>,
    share: Share,
}

/// What the two forms have in common.
macro_rules! forms {
    ([$($lifetime:lifetime)?] $future:ident, $guard:ident, $take:expr) => {
        impl<$($lifetime)?> Future for $future<$($lifetime)?> {
            type Output = $guard<$($lifetime)?>;

            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                let granted = std::task::ready!(self.waiter.poll_with(cx, $take as Take));
                let share = granted.expect("a bounded semaphore is never closed");
                Poll::Ready($guard { way: self.waiter.way(), share })
            }
        }

        impl<$($lifetime)?> fmt::Debug for $future<$($lifetime)?> {
            #[inline]
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($future)).field(&self.waiter).finish()
            }
        }

        impl<$($lifetime)?> $guard<$($lifetime)?> {
            /// Ends the guard and keeps the permit taken, until [`BoundedSemaphore::release`] gives it back.
            ///
            /// A report counts the permit as detached, and names nobody as its holder.
            #[inline]
            pub fn detach(mut self) {
                self.share.detach(self.way.borrow());
            }
        }

        impl<$($lifetime)?> Drop for $guard<$($lifetime)?> {
            fn drop(&mut self) {
                self.share.give_back(self.way.borrow());
            }
        }

        impl<$($lifetime)?> fmt::Debug for $guard<$($lifetime)?> {
            #[inline]
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($guard)).finish_non_exhaustive()
            }
        }
    };
}

forms!(['a] BoundedAcquire, BoundedPermit, Gate::collect);
forms!([] BoundedAcquireOwned, OwnedBoundedPermit, Permits::let_move);
