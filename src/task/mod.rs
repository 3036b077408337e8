//! Tasks: spawn them, join them one by one or together, abort them, let others run.
//!
//! | asyncio | here |
//! |---|---|
//! | `create_task` | [`spawn`], [`spawn_named`], [`Builder`] |
//! | `gather` | [`gather!`](crate::gather!), [`gather_all`]; where inputs may fail [`try_gather!`](crate::try_gather!), [`try_gather_all`] |
//! | `gather(return_exceptions=True)` | [`gather_settled`] |
//! | `wait` | [`wait`], [`wait_until`] |
//! | `as_completed` | [`as_completed`] |
//! | `shield` | [`shield`] |
//! | `TaskGroup`, `ExceptionGroup` | [`TaskGroup`], [`GroupError`] |
//! | `timeout`, `Timeout.reschedule` | [`CancelScope`], [`CancelScope::set_deadline`] |
//! | `try: .. finally: await ..` | [`on_cancel`] |
//! | `ContextVar` | [`task_local!`](crate::task_local!), [`LocalKey`] |
//! | `sleep(0)` | [`yield_now`] |
//!
//! Beyond asyncio: [`race`] and [`race!`](crate::race!), tokio's [`JoinSet`] and [`CancellationToken`], and
//! trio's [`move_on_after`], [`fail_after`] and [`current_effective_deadline`].
//!
//! What combines tasks differs in who owns them. A group owns its tasks and waits for them, come what may. A
//! gather and a join set own theirs, and dropping them aborts the tasks. [`wait`], [`as_completed`] and
//! [`shield`] hold handles, and dropping a handle detaches its task (S19).

mod as_completed;
mod cancellation;
mod gather;
mod group;
mod group_error;
mod group_handle;
mod group_scope;
mod handles;
mod join_set;
mod limits;
mod local;
mod members;
mod numbered;
mod on_cancel;
mod race;
mod scope;
mod settled;
mod shield;
mod wait;
mod wakers;
mod yield_now;

pub use crate::executor::TaskBuilder as Builder;
pub use crate::executor::{
    AbortHandle, CallHandle, Current, JoinError, JoinHandle, all, call_at, call_later, call_soon,
    current, spawn, spawn_named, try_current,
};
pub use crate::kernel::TaskId;
pub use as_completed::{AsCompleted, NextCompleted, as_completed};
pub use cancellation::{
    CancellationToken, DropGuard, RunUntilCancelled, WaitForCancellationFuture,
    WaitForCancellationFutureOwned,
};
pub use gather::{Gather, TryGather, gather_all, try_gather_all};
#[doc(hidden)]
pub use gather::{gather_tuple, try_gather_tuple};
pub use group::TaskGroup;
pub use group_error::{GroupError, GroupFailure};
pub use group_handle::GroupHandle;
pub use group_scope::GroupScope;
pub use handles::Joinable;
pub use join_set::{JoinNext, JoinNextWithId, JoinSet, JoinSetBuilder};
pub use limits::{
    MoveOn, current_effective_deadline, fail_after, fail_at, move_on_after, move_on_at,
};
pub use local::{LocalError, LocalKey, LocalScope};
#[doc(hidden)]
pub use members::Unfailing;
pub use on_cancel::{OnCancel, on_cancel};
#[doc(hidden)]
pub use race::race_tuple;
pub use race::{Race, race};
pub use scope::{CancelScope, Cancelled, ScopeRun};
pub use settled::{GatherSettled, gather_settled};
pub use shield::{Shield, shield};
pub use wait::{Wait, WaitFor, WaitUntil, Waited, WaitedUntil, wait, wait_until};
pub use yield_now::{YieldNow, yield_now};
