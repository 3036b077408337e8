//! A fair lock that many can read with at once.

mod guards;

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use super::TryLockError;
use super::gate::{Gate, OnDemand, Shared, Taking, Waiter};
use super::guarded::Shareable;
use super::holders::{Hold, Holders};
use super::owned::Owned;
use crate::executor::{Holding, Party, Wanted};

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
/// A panic while the lock is held releases it; there is no poisoning, as in tokio.
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
    shared: OnDemand<Entry, usize>,
    value: Shareable<T>,
}

/// Who has the value: a writer alone, or readers.
struct Entry {
    holders: Holders,
    is_written: bool,
    readers_max: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Access {
    Read,
    Write,
}

/// What one holder has been given: to read, or alone to write.
struct Pass {
    hold: Hold,
}

impl Entry {
    fn new(&readers_max: &usize) -> Self {
        Entry { holders: Holders::default(), is_written: false, readers_max }
    }

    fn of_static(readers_max: &usize) -> Self {
        Entry { holders: Holders::of_static(), ..Entry::new(readers_max) }
    }

    /// The pass is for a guard that borrows nothing.
    #[inline]
    fn let_move(&mut self, pass: Pass) -> Pass {
        self.holders.let_move(&pass.hold);
        pass
    }

    /// A writer is the only holder, so when anybody leaves nobody writes.
    #[inline]
    fn release(&mut self, Pass { hold }: Pass) {
        self.is_written = false;
        self.holders.leave(hold);
    }

    /// Makes the writer a reader among others.
    #[inline]
    fn downgrade(&mut self) {
        self.is_written = false;
    }
}

impl Gate for Entry {
    const TAKING: Taking = Taking::Nobody;
    const HAS_HOLDERS: bool = true;
    type Need = Access;
    type Grant = Pass;

    #[inline]
    fn kind(&self) -> &'static str {
        "rwlock"
    }

    fn serve(&mut self, _: usize, access: &mut Access, party: Option<Party>) -> Option<Pass> {
        let is_free = match access {
            Access::Read => !self.is_written && self.holders.len() < self.readers_max,
            Access::Write => self.holders.is_empty(),
        };
        if !is_free {
            return None;
        }
        self.is_written = *access == Access::Write;
        Some(Pass { hold: self.holders.enter(party) })
    }

    #[inline]
    fn is_spent(&self) -> bool {
        self.is_written
    }

    #[inline]
    fn take_back(&mut self, pass: Pass) -> Option<Pass> {
        self.release(pass);
        None
    }

    #[inline]
    fn holders(&self) -> Vec<Holding> {
        self.holders.holdings()
    }

    #[inline]
    fn is_open(&self) -> bool {
        self.holders.has_strangers()
    }

    fn wanted(&self, _: usize, access: &Access) -> Wanted {
        let is_read = !self.is_written;
        let (before, after) = match access {
            Access::Read if is_read && self.holders.len() >= self.readers_max => {
                ("read access to ", format!(" ({0} of {0} readers)", self.readers_max))
            }
            Access::Read if is_read => ("read access to ", " (behind a writer)".to_owned()),
            Access::Read => ("read access to ", String::new()),
            Access::Write => ("write access to ", String::new()),
        };
        Wanted { before: before.to_owned(), after }
    }
}

impl<T> RwLock<T> {
    /// Creates a lock around `value` that nobody holds. Needs no loop.
    #[track_caller]
    pub fn new(value: T) -> Self {
        RwLock { shared: OnDemand::new(usize::MAX, Entry::new), value: Shareable::new(value) }
    }

    /// Does as [`new`](Self::new), for statics: it is made when it is first used.
    #[track_caller]
    pub const fn const_new(value: T) -> Self {
        let shared = OnDemand::const_new(usize::MAX, Entry::of_static);
        RwLock { shared, value: Shareable::new(value) }
    }

    /// Creates a lock that so many can read with at once. Others wait, as they would for a writer.
    ///
    /// # Panics
    ///
    /// Panics if `max_reads` is 0, with which nobody could ever read.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::sync::RwLock;
    ///
    /// let lock = RwLock::with_max_readers("value", 1);
    /// let reading = lock.try_read().unwrap();
    /// assert!(lock.try_read().is_err());
    /// drop(reading);
    /// assert!(lock.try_read().is_ok());
    /// ```
    #[track_caller]
    pub fn with_max_readers(value: T, max_reads: u32) -> Self {
        let shared = OnDemand::new(readers(max_reads), Entry::new);
        RwLock { shared, value: Shareable::new(value) }
    }

    /// Does as [`with_max_readers`](Self::with_max_readers), for statics: it is made when it is first used.
    ///
    /// # Panics
    ///
    /// As [`with_max_readers`](Self::with_max_readers).
    #[track_caller]
    pub const fn const_with_max_readers(value: T, max_reads: u32) -> Self {
        let shared = OnDemand::const_new(readers(max_reads), Entry::of_static);
        RwLock { shared, value: Shareable::new(value) }
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
    /// Panics if a guard was leaked (`std::mem::forget`), since the value went with it, or a share in it.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }

    /// Returns the value, without a lock: nobody else can have the lock meanwhile.
    ///
    /// # Panics
    ///
    /// As [`into_inner`](Self::into_inner).
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    fn try_access(&self, access: Access) -> Result<Pass, TryLockError> {
        self.shared.get().try_now(0, access).map_err(|_| TryLockError)
    }

    fn try_access_owned(&self, access: Access) -> Result<Pass, TryLockError> {
        self.shared.get().try_with(0, access, Entry::let_move).map_err(|_| TryLockError)
    }

    /// Locks the value for reading now, if nobody writes and nobody waits.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if somebody writes or waits.
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        let pass = self.try_access(Access::Read)?;
        Ok(RwLockReadGuard::new(self, pass))
    }

    /// Locks the value for writing now, if nobody holds the lock or waits for it.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if somebody holds the lock or waits for it.
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        let pass = self.try_access(Access::Write)?;
        Ok(RwLockWriteGuard::new(self, pass))
    }

    /// Does as [`try_read`](Self::try_read) and returns a guard that borrows nothing.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if somebody writes or waits.
    pub fn try_read_owned(self: Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, TryLockError> {
        let pass = self.try_access_owned(Access::Read)?;
        Ok(OwnedRwLockReadGuard::new(self, pass))
    }

    /// Does as [`try_write`](Self::try_write) and returns a guard that borrows nothing.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if somebody holds the lock or waits for it.
    pub fn try_write_owned(self: Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, TryLockError> {
        let pass = self.try_access_owned(Access::Write)?;
        Ok(OwnedRwLockWriteGuard::new(self, pass))
    }

    /// Waits until it can read: nobody writes, and all who came before and wait have been served.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line. What was handed to it is given back (S29).
    pub fn read(&self) -> Read<'_, T> {
        Read { lock: self, waiter: Waiter::new(self.shared.get(), 0, Access::Read) }
    }

    /// Waits until it can write: nobody reads or writes, and all who came before have been served.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line. A lock that was handed to it goes to the next one, and readers
    /// that waited only for this writer read at once (S29).
    pub fn write(&self) -> Write<'_, T> {
        Write { lock: self, waiter: Waiter::new(self.shared.get(), 0, Access::Write) }
    }

    /// Does as [`read`](Self::read), for a guard that borrows nothing: it can be moved into another task.
    ///
    /// # Cancel safety
    ///
    /// As [`read`](Self::read).
    pub fn read_owned(self: Arc<Self>) -> ReadOwned<T> {
        ReadOwned { waiter: Waiter::new(Owned(self), 0, Access::Read) }
    }

    /// Does as [`write`](Self::write), for a guard that borrows nothing: it can be moved into another task.
    ///
    /// # Cancel safety
    ///
    /// As [`write`](Self::write).
    pub fn write_owned(self: Arc<Self>) -> WriteOwned<T> {
        WriteOwned { waiter: Waiter::new(Owned(self), 0, Access::Write) }
    }
}

#[track_caller]
const fn readers(max: u32) -> usize {
    assert!(max > 0, "with no readers at all nobody could ever read");
    max as usize
}

impl<T> Borrow<Arc<Shared<Entry>>> for Owned<RwLock<T>> {
    fn borrow(&self) -> &Arc<Shared<Entry>> {
        self.0.shared.get()
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
            self.shared.get().read(|entry| match (entry.holders.len(), entry.is_written) {
                (readers, false) => (readers, false),
                (_, true) => (0, true),
            });
        f.debug_struct("RwLock")
            .field("readers", &readers)
            .field("is_written", &is_written)
            .finish_non_exhaustive()
    }
}
