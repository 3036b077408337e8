//! The futures and the guards of a semaphore, each in two forms: one that borrows and one that owns.

use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::permits::{Permits, Share, Take};
use super::{AcquireError, Semaphore};
use crate::sync::gate::{Gate, Shared, Waiter};
use crate::sync::owned::Owned;

type Lent<'a> = &'a Arc<Shared<Permits>>;

/// Future of [`Semaphore::acquire`] and [`Semaphore::acquire_many`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; permits that were handed to it go to the next one.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Acquire<'a> {
    waiter: Waiter<Lent<'a>, Permits>,
}

/// Future of [`Semaphore::acquire_owned`] and [`Semaphore::acquire_many_owned`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; permits that were handed to it go to the next one.
#[must_use = "a future does nothing unless it is awaited"]
pub struct AcquireOwned {
    waiter: Waiter<Owned<Semaphore>, Permits>,
}

/// Permits of a [`Semaphore`]. Dropping it gives them back.
#[must_use = "the permits are given back at once if the guard is dropped"]
pub struct SemaphorePermit<'a> {
    way: Lent<'a>,
    share: Share,
}

/// Permits of a [`Semaphore`], without borrowing that. Dropping it gives them back.
#[must_use = "the permits are given back at once if the guard is dropped"]
pub struct OwnedSemaphorePermit {
    way: Owned<Semaphore>,
    share: Share,
}

impl OwnedSemaphorePermit {
    /// Returns the semaphore.
    #[inline]
    pub fn semaphore(&self) -> &Arc<Semaphore> {
        &self.way.0
    }
}

/// What the two forms have in common.
macro_rules! forms {
    ([$($lifetime:lifetime)?] $future:ident, $guard:ident, $way:ty, $take:expr) => {
        impl<$($lifetime)?> $future<$($lifetime)?> {
            #[inline]
            pub(super) fn new(waiter: Waiter<$way, Permits>) -> Self {
                $future { waiter }
            }
        }

        impl<$($lifetime)?> Future for $future<$($lifetime)?> {
            type Output = Result<$guard<$($lifetime)?>, AcquireError>;

            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                let is_first_poll = self.waiter.is_new();
                let share = std::task::ready!(self.waiter.poll_with(cx, $take as Take))?;
                let permit = $guard::new(self.waiter.way(), share);
                // It may have been closed between handing over and this poll.
                if !is_first_poll && permit.shared().read(|permits| permits.is_closed) {
                    return Poll::Ready(Err(AcquireError(())));
                }
                Poll::Ready(Ok(permit))
            }
        }

        impl<$($lifetime)?> fmt::Debug for $future<$($lifetime)?> {
            #[inline]
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($future)).field(&self.waiter).finish()
            }
        }

        impl<$($lifetime)?> $guard<$($lifetime)?> {
            #[inline]
            pub(super) fn new(way: $way, share: Share) -> Self {
                $guard { way, share }
            }

            #[inline]
            fn shared(&self) -> &Arc<Shared<Permits>> {
                self.way.borrow()
            }

            /// Returns how many permits it stands for.
            #[inline]
            pub fn num_permits(&self) -> usize {
                self.share.count
            }

            /// Takes the permits away for good: they are not given back, and the semaphore has so many less.
            #[inline]
            pub fn forget(mut self) {
                self.share.forget(self.way.borrow());
            }

            /// Takes over the permits of another guard. A report goes on naming the holder of this one.
            ///
            /// # Panics
            ///
            /// Panics if the other is of another semaphore.
            #[track_caller]
            #[inline]
            pub fn merge(&mut self, mut other: Self) {
                assert!(
                    Arc::ptr_eq(self.shared(), other.shared()),
                    "permits of two semaphores cannot be merged"
                );
                self.share.merge(self.way.borrow(), &mut other.share);
            }

            /// Moves `n` of the permits into a guard of their own, or returns `None` if there are fewer.
            #[inline]
            pub fn split(&mut self, n: usize) -> Option<Self> {
                let share = self.share.split(self.way.borrow(), n)?;
                Some($guard { way: <$way>::clone(&self.way), share })
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
                f.debug_struct(stringify!($guard))
                    .field("num_permits", &self.num_permits())
                    .finish_non_exhaustive()
            }
        }
    };
}

forms!(['a] Acquire, SemaphorePermit, Lent<'a>, Gate::collect);
forms!([] AcquireOwned, OwnedSemaphorePermit, Owned<Semaphore>, Permits::let_move);
