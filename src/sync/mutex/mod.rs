//! A fair lock around a value.

mod guards;

use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

pub use guards::{HeldMutex, MutexGuard, OwnedMutexGuard};

use self::guards::relock::Relock;
use super::TryLockError;
use super::gate::{Gate, OnDemand, Shared, Taking, Waiter};
use super::guarded::Guarded;
use super::owned::Owned;
use crate::executor::{Holding, Party};

/// A lock around a value, held across awaits, in which those who wait are served first-in first-out.
///
/// It is asyncio's `Lock` with tokio's `Mutex` for a face: the value is reached through a guard, and dropping
/// the guard releases the lock. The lock is handed over: from the moment of release it belongs to the first
/// who waits, and nobody who asks later can take it before (S28). To lock a free mutex suspends nobody.
///
/// A deadlock report names the mutex, who holds it and since when. [`named`](Self::named) gives it a name.
///
/// A panic while the lock is held releases it; there is no poisoning, as in asyncio and tokio.
///
/// # Examples
///
/// ```
/// use simloop::{gather_all, now, run, sleep, sync::Mutex};
/// use std::{sync::Arc, time::Duration};
///
/// run(async {
///     let account = Arc::new(Mutex::new(10).named("account"));
///     let withdrawals = (1..=3).map(|amount| {
///         let account = Arc::clone(&account);
///         async move {
///             let mut balance = account.lock().await;
///             let seen = *balance;
///             sleep(Duration::from_secs(1)).await;
///             *balance = seen - amount;
///         }
///     });
///     gather_all(withdrawals).await;
///     assert_eq!(*account.lock().await, 4);
///     assert_eq!(now().to_string(), "3s", "one after another");
/// });
/// ```
#[doc(alias = "Lock")]
pub struct Mutex<T> {
    /// Knows nothing of the value, so that a condition can wait for the lock without knowing its type.
    shared: OnDemand<Key>,
    value: Guarded<T>,
}

/// Whoever has it may reach the value.
#[derive(Default)]
pub(super) struct Key {
    is_taken: bool,
    holder: Option<Party>,
    /// Whether the guard can have gone to another task than the holder.
    may_have_moved: bool,
    /// Whether it stands in a static, so that all its guards can.
    is_static: bool,
}

/// What the gate gives to one at a time: the lock.
#[derive(Debug)]
pub struct Locked(());

impl Gate for Key {
    const TAKING: Taking = Taking::Nobody;
    const HAS_HOLDERS: bool = true;
    type Need = ();
    type Grant = Locked;

    fn kind(&self) -> &'static str {
        "mutex"
    }

    fn serve(&mut self, _: usize, (): &mut (), party: Option<Party>) -> Option<Locked> {
        if self.is_taken {
            return None;
        }
        (self.is_taken, self.holder) = (true, party);
        self.may_have_moved = self.is_static;
        Some(Locked(()))
    }

    fn is_spent(&self) -> bool {
        self.is_taken
    }

    fn take_back(&mut self, Locked(()): Locked) -> Option<Locked> {
        self.release();
        None
    }

    fn holders(&self) -> Vec<Holding> {
        let Key { holder, may_have_moved, .. } = *self;
        match holder {
            Some(party) => vec![Holding { party, may_have_moved }],
            None => Vec::new(),
        }
    }
}

impl Key {
    #[inline]
    fn of_static() -> Self {
        Key { is_static: true, ..Key::default() }
    }

    #[inline]
    fn release(&mut self) {
        (self.is_taken, self.holder) = (false, None);
    }

    /// The lock is for a guard that borrows nothing.
    #[inline]
    pub(super) fn let_move(&mut self, locked: Locked) -> Locked {
        self.may_have_moved = true;
        locked
    }
}

impl<T> Mutex<T> {
    /// Creates a lock around `value` that nobody holds. Needs no loop.
    #[track_caller]
    pub fn new(value: T) -> Self {
        let shared = OnDemand::new((), |()| Key::default());
        Mutex { shared, value: Guarded::new(value) }
    }

    /// Does as [`new`](Self::new), for statics: it is made when it is first used.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, sync::Mutex};
    ///
    /// static COUNT: Mutex<u32> = Mutex::const_new(0);
    ///
    /// run(async {
    ///     *COUNT.lock().await += 1;
    ///     assert_eq!(*COUNT.lock().await, 1);
    /// });
    /// ```
    #[track_caller]
    pub const fn const_new(value: T) -> Self {
        let shared = OnDemand::const_new((), |()| Key::of_static());
        Mutex { shared, value: Guarded::new(value) }
    }

    /// Gives it a name, for reports.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.shared.get().set_name(name.into());
        self
    }

    /// Returns the value. Nobody can hold a lock that is given away.
    ///
    /// # Panics
    ///
    /// Panics if a guard was leaked (`std::mem::forget`), since the value went with it.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }

    /// Locks the mutex now, if nobody holds it or waits for it.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if it is locked.
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        let locked = self.shared.get().try_now(0, ()).map_err(|()| TryLockError)?;
        Ok(MutexGuard::locked(self, locked))
    }

    /// Does as [`try_lock`](Self::try_lock) and returns a guard that borrows nothing.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if it is locked.
    pub fn try_lock_owned(self: Arc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        let locked = self.shared.get().try_with(0, (), Key::let_move);
        Ok(OwnedMutexGuard::locked(self, locked.map_err(|()| TryLockError)?))
    }

    /// Says whether somebody holds the lock.
    #[doc(alias = "locked")]
    pub fn is_locked(&self) -> bool {
        self.shared.get().read(|key| key.is_taken)
    }

    /// Returns the value, without a lock: nobody else can have the mutex meanwhile.
    ///
    /// # Panics
    ///
    /// As [`into_inner`](Self::into_inner).
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Waits for the lock.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line. A lock that was handed to it goes to the next one (S29).
    #[inline]
    pub fn lock(&self) -> Lock<'_, T> {
        Lock { waiter: Waiter::new(self.shared.get(), 0, ()), mutex: self }
    }

    /// Does as [`lock`](Self::lock), for a guard that borrows nothing: it can be moved into another task.
    ///
    /// # Cancel safety
    ///
    /// As [`lock`](Self::lock).
    pub fn lock_owned(self: Arc<Self>) -> LockOwned<T> {
        LockOwned { waiter: Waiter::new(Owned(self), 0, ()) }
    }

    /// Takes the value back, and then hands the lock over.
    #[inline]
    fn unlock(&self, value: Box<T>) {
        self.value.put(value);
        self.shared.get().update(Key::release);
    }
}

impl<T> Borrow<Arc<Shared<Key>>> for Owned<Mutex<T>> {
    fn borrow(&self) -> &Arc<Shared<Key>> {
        self.0.shared.get()
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Mutex::new(value)
    }
}

/// Shows whether it is locked and how many wait. The value is not shown: that would run foreign code with the lock held.
impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Mutex");
        shown.field("is_locked", &self.is_locked());
        shown.field("waiting", &self.shared.get().waiting(0)).finish_non_exhaustive()
    }
}

/// Future of [`Mutex::lock`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; a lock that was handed to it goes to the next one.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Lock<'a, T> {
    waiter: Waiter<&'a Arc<Shared<Key>>, Key>,
    mutex: &'a Mutex<T>,
}

impl<'a, T> Future for Lock<'a, T> {
    type Output = MutexGuard<'a, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.waiter.poll(cx).map(|locked| MutexGuard::locked(self.mutex, locked))
    }
}

/// Future of [`Mutex::lock_owned`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; a lock that was handed to it goes to the next one.
#[must_use = "a future does nothing unless it is awaited"]
pub struct LockOwned<T> {
    waiter: Waiter<Owned<Mutex<T>>, Key>,
}

impl<T> Future for LockOwned<T> {
    type Output = OwnedMutexGuard<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let locked = ready!(self.waiter.poll_with(cx, Key::let_move));
        Poll::Ready(OwnedMutexGuard::locked(self.waiter.way().0, locked))
    }
}

/// The line of a mutex, without its value.
#[derive(Debug)]
pub struct MutexLine(Arc<Shared<Key>>);

impl MutexLine {
    /// Stands in line for `party` from now on; as [`Waiter::stand`].
    pub(super) fn enter(&self, party: Option<Party>) -> Waiter<Arc<Shared<Key>>, Key> {
        let mut waiter = Waiter::new(Arc::clone(&self.0), 0, ());
        waiter.stand(party);
        waiter
    }
}

impl<T> fmt::Debug for Lock<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lock").field(&self.waiter).finish()
    }
}

impl<T> fmt::Debug for LockOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LockOwned").field(&self.waiter).finish()
    }
}
