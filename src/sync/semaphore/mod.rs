//! Permits that tasks take and give back.

mod bounded;
mod guards;
mod permits;

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use super::gate::{Gate, OnDemand, Shared, Waiter};
use super::owned::Owned;
use permits::{Permits, available, try_acquire};

pub use bounded::{
    BoundedAcquire, BoundedAcquireOwned, BoundedPermit, BoundedSemaphore, OwnedBoundedPermit,
    ReleaseError,
};
pub use guards::{Acquire, AcquireOwned, OwnedSemaphorePermit, SemaphorePermit};

/// What reports call it.
const KIND: &str = "semaphore";

/// A number of permits. Who needs some waits until they are there; dropping the guard gives them back.
///
/// This is tokio's `Semaphore`. Those who wait are served first-in first-out, also when the first wants many
/// permits and those behind it few. Permits are handed over: from the moment of release they belong to the
/// first who waits (S28). To take permits that are free suspends nobody.
///
/// [`BoundedSemaphore`] is asyncio's, which knows how many permits there can be.
///
/// A deadlock report says how many permits are free and who holds the others. [`named`](Self::named) gives
/// the semaphore a name.
///
/// # Examples
///
/// ```
/// use simloop::{gather_all, now, run, sleep, sync::Semaphore};
/// use std::{sync::Arc, time::Duration};
///
/// run(async {
///     let connections = Arc::new(Semaphore::new(2).named("connections"));
///     let requests = (0..6).map(|_| {
///         let connections = Arc::clone(&connections);
///         async move {
///             let _permit = connections.acquire().await.unwrap();
///             sleep(Duration::from_secs(1)).await;
///         }
///     });
///     gather_all(requests).await;
///     assert_eq!(now().to_string(), "3s", "two at a time");
///     assert_eq!(connections.available_permits(), 2);
/// });
/// ```
pub struct Semaphore {
    shared: OnDemand<Permits, usize>,
}

impl Semaphore {
    /// The most permits that a semaphore can have.
    pub const MAX_PERMITS: usize = usize::MAX >> 3;

    /// Creates a semaphore with so many permits, all of them free. Needs no loop.
    ///
    /// # Panics
    ///
    /// Panics if `permits` is more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    #[track_caller]
    #[inline]
    pub fn new(permits: usize) -> Self {
        assert_fits(permits);
        Semaphore { shared: OnDemand::new(permits, |&permits| Permits::new(KIND, permits)) }
    }

    /// Does as [`new`](Self::new), for statics: it is made when it is first used.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, sync::Semaphore};
    ///
    /// static CONNECTIONS: Semaphore = Semaphore::const_new(2);
    ///
    /// run(async {
    ///     let _one = CONNECTIONS.acquire().await.unwrap();
    ///     assert_eq!(CONNECTIONS.available_permits(), 1);
    /// });
    /// ```
    #[track_caller]
    #[inline]
    pub const fn const_new(permits: usize) -> Self {
        assert!(permits <= Self::MAX_PERMITS, "a semaphore has `MAX_PERMITS` permits at most");
        Semaphore {
            shared: OnDemand::const_new(permits, |&permits| Permits::of_static(KIND, permits)),
        }
    }

    /// Gives it a name, for reports.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.shared.get().set_name(name.into());
        self
    }

    /// Returns how many permits could be taken now: none while somebody waits, for those that are free then
    /// are spoken for.
    #[inline]
    pub fn available_permits(&self) -> usize {
        available(self.shared.get())
    }

    /// Adds new permits, first of all for those who wait.
    ///
    /// # Panics
    ///
    /// Panics if there would be more than [`MAX_PERMITS`](Self::MAX_PERMITS), counting those that are taken.
    #[track_caller]
    #[inline]
    pub fn add_permits(&self, n: usize) {
        let total = self.shared.get().update(|permits| permits.add(n, Self::MAX_PERMITS));
        assert_fits(total);
    }

    /// Takes up to `n` of the [available](Self::available_permits) permits away for good, and returns how many
    /// those were.
    #[inline]
    pub fn forget_permits(&self, n: usize) -> usize {
        if self.shared.get().waiting(0) > 0 {
            return 0;
        }
        self.shared.get().update(|permits| permits.forget_free(n))
    }

    /// Waits for a permit.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if the semaphore is or gets [closed](Self::close).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line. A permit that was handed to it goes to the next one (S29).
    #[inline]
    pub fn acquire(&self) -> Acquire<'_> {
        self.acquire_many(1)
    }

    /// Waits until `n` permits are there at once. Nobody behind overtakes, however few it wants.
    ///
    /// Who asks for none waits for nobody. Who asks for more than there are waits until some are added.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if the semaphore is or gets [closed](Self::close).
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{gather, now, run, sleep, sync::Semaphore};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let memory = std::sync::Arc::new(Semaphore::new(3));
    ///     let job = |megabytes| {
    ///         let memory = std::sync::Arc::clone(&memory);
    ///         async move {
    ///             let _permit = memory.acquire_many(megabytes).await.unwrap();
    ///             let started = now();
    ///             sleep(Duration::from_secs(1)).await;
    ///             started.to_string()
    ///         }
    ///     };
    ///     // The third would fit beside the first, and does not overtake the second.
    ///     let started = gather!(job(2), job(3), job(1)).await;
    ///     assert_eq!(started, ("0s".into(), "1s".into(), "2s".into()));
    /// });
    /// ```
    #[inline]
    pub fn acquire_many(&self, n: u32) -> Acquire<'_> {
        Acquire::new(Waiter::new(self.shared.get(), 0, n as usize))
    }

    /// Does as [`acquire`](Self::acquire), for a guard that borrows nothing: it can be moved into another task.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if the semaphore is or gets [closed](Self::close).
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    #[inline]
    pub fn acquire_owned(self: Arc<Self>) -> AcquireOwned {
        self.acquire_many_owned(1)
    }

    /// Does as [`acquire_many`](Self::acquire_many), for a guard that borrows nothing.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if the semaphore is or gets [closed](Self::close).
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    #[inline]
    pub fn acquire_many_owned(self: Arc<Self>, n: u32) -> AcquireOwned {
        AcquireOwned::new(Waiter::new(Owned(self), 0, n as usize))
    }

    /// Takes a permit now, if one is free and nobody waits.
    ///
    /// # Errors
    ///
    /// Says whether the semaphore is closed or has no permit to give.
    #[inline]
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes `n` permits now, if they are free and nobody waits.
    ///
    /// # Errors
    ///
    /// Says whether the semaphore is closed or has too few permits to give.
    #[inline]
    pub fn try_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        let share = try_acquire(self.shared.get(), n as usize, Gate::collect)?;
        Ok(SemaphorePermit::new(self.shared.get(), share))
    }

    /// Does as [`try_acquire`](Self::try_acquire) and returns a guard that borrows nothing.
    ///
    /// # Errors
    ///
    /// Says whether the semaphore is closed or has no permit to give.
    #[inline]
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// Does as [`try_acquire_many`](Self::try_acquire_many) and returns a guard that borrows nothing.
    ///
    /// # Errors
    ///
    /// Says whether the semaphore is closed or has too few permits to give.
    pub fn try_acquire_many_owned(
        self: Arc<Self>,
        n: u32,
    ) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        let share = try_acquire(self.shared.get(), n as usize, Permits::let_move)?;
        Ok(OwnedSemaphorePermit::new(Owned(self), share))
    }

    /// Closes the semaphore: whoever waits, and whoever asks from now on, is refused.
    ///
    /// As in tokio, that goes also for who has been handed a permit and has not run since.
    #[inline]
    pub fn close(&self) {
        self.shared.get().update(|permits| permits.is_closed = true);
    }

    /// Says whether the semaphore is closed.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.shared.get().read(|permits| permits.is_closed)
    }
}

#[track_caller]
fn assert_fits(permits: usize) {
    let most = Semaphore::MAX_PERMITS;
    assert!(permits <= most, "a semaphore has {most} permits at most, not {permits}");
}

impl Borrow<Arc<Shared<Permits>>> for Owned<Semaphore> {
    fn borrow(&self) -> &Arc<Shared<Permits>> {
        self.0.shared.get()
    }
}

impl fmt::Debug for Semaphore {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available_permits", &self.available_permits())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// A semaphore was closed, so no permit comes any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AcquireError(());

impl fmt::Display for AcquireError {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the semaphore is closed")
    }
}

impl std::error::Error for AcquireError {}

/// Why permits could not be taken now. There is no third reason, as in tokio.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TryAcquireError {
    /// The semaphore is closed.
    Closed,
    /// Too few permits are free, or somebody waits for them.
    NoPermits,
}

impl fmt::Display for TryAcquireError {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryAcquireError::Closed => "the semaphore is closed",
            TryAcquireError::NoPermits => "the semaphore has too few permits to give",
        })
    }
}

impl std::error::Error for TryAcquireError {}
