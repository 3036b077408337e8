//! Tasks: spawn them, join them, abort them, let others run.

mod yield_now;

pub use crate::executor::TaskBuilder as Builder;
pub use crate::executor::{
    AbortHandle, CallHandle, Current, JoinError, JoinHandle, call_at, call_later, call_soon,
    current, spawn, spawn_named, try_current,
};
pub use crate::kernel::TaskId;
pub use yield_now::{YieldNow, yield_now};
