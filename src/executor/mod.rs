//! The shell around the kernel: it owns the futures and polls the one that the kernel and the policy say.
//!
//! Here are the crate's only thread-locals (`context`, `enclosing`, `access`), its only waker (`waker`), and the only
//! place where panics of tasks are caught (`turn`, `close`).

pub(crate) mod access;
mod builder;
mod calls;
mod cell;
mod choosing;
mod close;
mod context;
mod core;
mod describe;
mod enclosing;
mod ends;
mod event_loop;
mod hook;
mod inbox;
mod injecting;
mod join;
mod join_queue;
mod locals;
#[cfg(feature = "tracing")]
mod logging;
pub(crate) mod picture;
#[cfg(feature = "backtrace")]
mod probe;
mod program;
mod registry;
mod resource;
mod ring;
mod spawn;
mod state;
mod stuck;
mod timer;
mod turn;
mod unmoved;
mod waker;
mod workers;

pub use builder::Builder;
pub use calls::{CallHandle, call_at, call_later, call_soon};
pub(crate) use context::{block_for, is_running, now, set_wall_clock, wall_clock};
pub(crate) use core::message as panic_message;
pub(crate) use core::try_now;
pub(crate) use enclosing::{Deadline, Enclosing, Link, within_deadline, within_scope};
pub(crate) use ends::{EndWatch, Heirs, bequeath, leave_panic, panicked_at};
pub use event_loop::{EventLoop, run};
pub(crate) use hook::watch_panics;
pub(crate) use injecting::{Injections, injects};
pub use join::{AbortHandle, JoinError, JoinHandle};
pub(crate) use join_queue::{JoinQueue, QueueKey};
pub(crate) use locals::{LocalId, LocalValue, local_value, replace_local};
#[doc(hidden)]
pub use program::write_note;
pub use program::{choose, rng};
pub(crate) use registry::RunId;
pub(crate) use resource::{
    Description, Holding, Party, Resource, Told, Waits, Wanted, Whom, instant_of, list, moment,
    own_moment, unlisted_run,
};
pub(crate) use spawn::spawn_as;
pub use spawn::{Builder as TaskBuilder, Current, all, current, spawn, spawn_named, try_current};
pub use timer::Settle;
pub(crate) use timer::Timer;
pub(crate) use workers::{current_run, is_open, loop_pool, spawn_at};
