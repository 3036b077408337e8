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
//! | `sleep(0)` | [`yield_now`] |
//!
//! Beyond asyncio: [`race`] and [`race!`](crate::race!), and tokio's [`JoinSet`].
//!
//! What combines tasks differs in who owns them. A gather and a join set own their tasks, and dropping them
//! aborts the tasks. [`wait`], [`as_completed`] and [`shield`] hold handles, and dropping a handle detaches
//! its task (S19).

mod as_completed;
mod gather;
mod handles;
mod join_set;
mod members;
mod race;
mod settled;
mod shield;
mod wait;
mod yield_now;

pub use crate::executor::TaskBuilder as Builder;
pub use crate::executor::{
    AbortHandle, CallHandle, Current, JoinError, JoinHandle, all, call_at, call_later, call_soon,
    current, spawn, spawn_named, try_current,
};
pub use crate::kernel::TaskId;
pub use as_completed::{AsCompleted, NextCompleted, as_completed};
pub use gather::{Gather, TryGather, gather_all, try_gather_all};
#[doc(hidden)]
pub use gather::{gather_tuple, try_gather_tuple};
pub use handles::Joinable;
pub use join_set::{JoinNext, JoinNextWithId, JoinSet};
#[doc(hidden)]
pub use members::Unfailing;
#[doc(hidden)]
pub use race::race_tuple;
pub use race::{Race, race};
pub use settled::{GatherSettled, gather_settled};
pub use shield::{Shield, shield};
pub use wait::{Wait, WaitFor, WaitUntil, Waited, WaitedUntil, wait, wait_until};
pub use yield_now::{YieldNow, yield_now};
