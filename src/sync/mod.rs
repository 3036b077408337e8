//! Locks, events and queues between tasks, all on one fair wait queue.
//!
//! Who waits is served first-in first-out, and what is released is handed over to the first in line at that
//! moment (S28); a waiter that goes away loses nothing, for what it had been given goes to the next (S29).
//! Primitives can be made anywhere, also outside a loop. Each takes a name by which a deadlock report calls it.
//!
//! Types with tokio's names have tokio's meanings, so that most code moves over by changing `use`. What tokio has
//! and this module has not: the `blocking_*` functions, with which a loop on one thread would wait for itself;
//! `const_new_with`, since a cell of the standard library is not filled in a constant; guards of a part of a value and
//! locks of values without a known size, since a guard has the value itself; and messages that borrow: to wait in a
//! channel asks for `'static` messages, since a report may ask the channel who waits after the code that made it is
//! gone.

mod away;
mod barrier;
pub mod broadcast;
mod condition;
mod discard;
mod event;
pub(crate) mod gate;
mod guard;
mod guarded;
mod holders;
mod line;
pub mod mpsc;
mod mutex;
mod notify;
mod once_cell;
pub mod oneshot;
mod owned;
mod queue;
mod rwlock;
mod semaphore;
mod set_once;
pub(crate) mod wakes;
pub mod watch;

use std::fmt;

pub use barrier::{Barrier, BarrierWait, BarrierWaitOrBroken, BarrierWaitResult, BrokenBarrier};
pub use condition::{Condition, ConditionWait, ConditionWaitFor};
pub use event::{Event, EventWait};
pub use mutex::{HeldMutex, Lock, LockOwned, Mutex, MutexGuard, OwnedMutexGuard};
pub use notify::{Notified, Notify, OwnedNotified};
pub use once_cell::{OnceCell, SetError};
pub use queue::{
    LifoQueue, PriorityQueue, Queue, QueueGet, QueueItems, QueueJoin, QueuePut, QueueShutDown,
    TryGetError, TryPutError,
};
pub use rwlock::{
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, Read, ReadOwned, RwLock, RwLockReadGuard,
    RwLockWriteGuard, Write, WriteOwned,
};
pub use semaphore::{
    Acquire, AcquireError, AcquireOwned, BoundedAcquire, BoundedAcquireOwned, BoundedPermit,
    BoundedSemaphore, OwnedBoundedPermit, OwnedSemaphorePermit, ReleaseError, Semaphore,
    SemaphorePermit, TryAcquireError,
};
pub use set_once::{SetOnce, SetOnceError};

/// A lock could not be taken now: somebody has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TryLockError;

impl fmt::Display for TryLockError {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lock is held")
    }
}

impl std::error::Error for TryLockError {}
