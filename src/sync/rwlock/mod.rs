//! A fair lock that many can read with at once.

mod guards;

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use super::TryLockError;
use super::gate::{Gate, Shared, Waiter};
use super::holders::{Hold, Holders};
use super::owned::Owned;
use crate::executor::{Party, Wanted};

pub use guards::{
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, Read, ReadOwned, RwLockReadGuard,
    RwLockWriteGuard, Write, WriteOwned,
};

/// A lock around a value, held across awaits by one writer or by any number of readers.
///
/// This is tokio's `RwLock`; asyncio has none. Those who wait are served first-in first-out: a writer that
/// waits stops the readers that come after it, so it is not kept waiting by ever new ones. Hence a task that
/// reads must not read again: with a writer in between it would wait for itself, which is a deadlock and told
/// as such. What is released is handed over, to the writer at the front or to all the readers there (S28).
///
/// A deadlock report names the lock and all who hold it. [`named`](Self::named) gives it a name.
///
/// Readers share the value in an [`Arc`], so the lock can go to another thread if the value is `Send` and
/// `Sync`. A panic while the lock is held releases it; there is no poisoning, as in tokio.
///
/// # Examples
///
/// ```
/// use simloop::{gather, now, run, sleep, sync::RwLock};
/// use std::{sync::Arc, time::Duration};
///
/// run(async {
///     let prices = Arc::new(RwLock::new(vec![3]).named("prices"));
///     let read = || {
///         let prices = Arc::clone(&prices);
///         async move {
///             let seen = prices.read().await;
///             sleep(Duration::from_secs(1)).await;
///             (seen.len(), now().to_string())
///         }
///     };
///     let write = {
///         let prices = Arc::clone(&prices);
///         async move { prices.write().await.push(4) }
///     };
///     let (first, second, (), last) = gather!(read(), read(), write, read()).await;
///     assert_eq!((first, second), ((1, "1s".into()), (1, "1s".into())), "both at once");
///     assert_eq!(last, (2, "2s".into()), "it came after the writer");
/// });
/// ```
pub struct RwLock<T> {
    shared: Arc<Shared<Entry<T>>>,
}

/// Who has the value. It is here unless a writer has it, which has it for itself alone; readers have clones.
struct Entry<T> {
    value: Option<Arc<T>>,
    holders: Holders,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

/// The value as one holder has it.
struct Pass<T> {
    value: Arc<T>,
    hold: Hold,
}

impl<T> Entry<T> {
    /// The last clone of the value is never dropped here: it is in the entry while there are readers.
    fn release(&mut self, Pass { value, hold }: Pass<T>) {
        self.value = Some(value);
        self.holders.leave(hold);
    }

    /// Makes the writer a reader among others.
    fn downgrade(&mut self, pass: &Pass<T>) {
        self.value = Some(Arc::clone(&pass.value));
    }
}

impl<T> Gate for Entry<T> {
    const KIND: &'static str = "rwlock";
    type Need = Access;
    type Grant = Pass<T>;

    fn serve(&mut self, _: usize, access: &mut Access, party: Option<Party>) -> Option<Pass<T>> {
        let value = match access {
            Access::Read => self.value.clone()?,
            Access::Write if self.holders.is_empty() => self.value.take()?,
            Access::Write => return None,
        };
        Some(Pass { value, hold: self.holders.enter(party) })
    }

    fn take_back(&mut self, pass: Pass<T>) -> Option<Pass<T>> {
        self.release(pass);
        None
    }

    fn holders(&self) -> Vec<Party> {
        self.holders.parties()
    }

    fn is_open(&self) -> bool {
        self.holders.has_strangers()
    }

    fn wanted(&self, _: usize, access: &Access) -> Wanted {
        let (before, is_behind_writer) = match access {
            Access::Read => ("read access to ", self.value.is_some()),
            Access::Write => ("write access to ", false),
        };
        let after = if is_behind_writer { " (behind a writer)" } else { "" };
        Wanted { before: before.to_owned(), after: after.to_owned() }
    }
}

impl<T> RwLock<T> {
    /// Creates a lock around `value` that nobody holds. Needs no loop.
    #[track_caller]
    pub fn new(value: T) -> Self {
        let entry = Entry { value: Some(Arc::new(value)), holders: Holders::default() };
        RwLock { shared: Shared::new(entry) }
    }

    /// Gives it a name, for reports.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.shared.set_name(name.into());
        self
    }

    fn try_access(&self, access: Access) -> Result<Pass<T>, TryLockError> {
        self.shared.try_now(0, access).map_err(|_| TryLockError)
    }

    /// Locks the value for reading now, if nobody writes and nobody waits.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if somebody writes or waits.
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        Ok(RwLockReadGuard::new(&self.shared, self.try_access(Access::Read)?))
    }

    /// Locks the value for writing now, if nobody holds the lock or waits for it.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if somebody holds the lock or waits for it.
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        Ok(RwLockWriteGuard::new(&self.shared, self.try_access(Access::Write)?))
    }

    /// Does as [`try_read`](Self::try_read) and returns a guard that borrows nothing.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if somebody writes or waits.
    pub fn try_read_owned(self: Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, TryLockError> {
        let pass = self.try_access(Access::Read)?;
        Ok(OwnedRwLockReadGuard::new(Owned(self), pass))
    }

    /// Does as [`try_write`](Self::try_write) and returns a guard that borrows nothing.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if somebody holds the lock or waits for it.
    pub fn try_write_owned(self: Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, TryLockError> {
        let pass = self.try_access(Access::Write)?;
        Ok(OwnedRwLockWriteGuard::new(Owned(self), pass))
    }

    /// Returns the value. Nobody can hold a lock that is given away.
    ///
    /// # Panics
    ///
    /// Panics if a guard was leaked (`std::mem::forget`): the value went with it, or is still shared with it.
    pub fn into_inner(self) -> T {
        let value = self.shared.update(|entry| entry.value.take());
        value
            .and_then(Arc::into_inner)
            .expect("a guard of the rwlock was leaked, so its value is held")
    }
}

impl<T: 'static> RwLock<T> {
    /// Waits until it can read: nobody writes, and all who came before and wait have been served.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line. What was handed to it is given back (S29).
    pub fn read(&self) -> Read<'_, T> {
        Read::new(Waiter::new(&self.shared, 0, Access::Read))
    }

    /// Waits until it can write: nobody reads or writes, and all who came before have been served.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line. A lock that was handed to it goes to the next one, and readers
    /// that waited only for this writer read at once (S29).
    pub fn write(&self) -> Write<'_, T> {
        Write::new(Waiter::new(&self.shared, 0, Access::Write))
    }

    /// Does as [`read`](Self::read), for a guard that borrows nothing: it can be moved into another task.
    ///
    /// # Cancel safety
    ///
    /// As [`read`](Self::read).
    pub fn read_owned(self: Arc<Self>) -> ReadOwned<T> {
        ReadOwned::new(Waiter::new(Owned(self), 0, Access::Read))
    }

    /// Does as [`write`](Self::write), for a guard that borrows nothing: it can be moved into another task.
    ///
    /// # Cancel safety
    ///
    /// As [`write`](Self::write).
    pub fn write_owned(self: Arc<Self>) -> WriteOwned<T> {
        WriteOwned::new(Waiter::new(Owned(self), 0, Access::Write))
    }
}

impl<T> Borrow<Arc<Shared<Entry<T>>>> for Owned<RwLock<T>> {
    fn borrow(&self) -> &Arc<Shared<Entry<T>>> {
        &self.0.shared
    }
}

impl<T: Default> Default for RwLock<T> {
    #[track_caller]
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        RwLock::new(value)
    }
}

/// Shows who holds it. The value is not shown: that would run foreign code with the lock held.
impl<T> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (readers, is_written) =
            self.shared.read(|entry| match (entry.holders.len(), entry.value.is_some()) {
                (readers, true) => (readers, false),
                (_, false) => (0, true),
            });
        f.debug_struct("RwLock")
            .field("readers", &readers)
            .field("is_written", &is_written)
            .finish_non_exhaustive()
    }
}
