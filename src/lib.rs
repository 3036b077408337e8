#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod executor;
pub mod explore;
mod kernel;
pub mod policy;
pub mod render;
pub mod report;
pub mod rng;
pub mod sim;
pub mod stream;
pub mod sync;
pub mod task;
pub mod time;
pub mod trace;

#[doc(hidden)]
pub use executor::write_note;
pub use executor::{Builder, EventLoop, choose, rng, run};
pub use kernel::{Counters, Limits};
pub use report::{Failure, Report};
pub use sim::spawn_blocking;
pub use task::{
    CancelScope, CancellationToken, JoinError, JoinHandle, JoinSet, TaskGroup, WaitFor,
    as_completed, call_at, call_later, call_soon, fail_after, gather_all, gather_settled,
    move_on_after, on_cancel, race, shield, spawn, spawn_named, try_gather_all, wait, wait_until,
    yield_now,
};
pub use time::{Instant, now, settle, sleep, timeout};

/// How to do what asyncio's documentation does, topic by topic, each program with its virtual time.
pub mod guide {
    #[doc = include_str!("../docs/guide/asyncio.md")]
    pub mod asyncio {}

    #[doc = include_str!("../docs/guide/blocking.md")]
    pub mod blocking {}

    #[doc = include_str!("../docs/guide/groups.md")]
    pub mod groups {}

    #[doc = include_str!("../docs/guide/queues.md")]
    pub mod queues {}

    #[doc = include_str!("../docs/guide/searching.md")]
    pub mod searching {}

    #[doc = include_str!("../docs/guide/simulation.md")]
    pub mod simulation {}

    #[doc = include_str!("../docs/guide/streams.md")]
    pub mod streams {}

    #[doc = include_str!("../docs/guide/synchronisation.md")]
    pub mod synchronisation {}

    #[doc = include_str!("../docs/guide/tasks.md")]
    pub mod tasks {}

    #[doc = include_str!("../docs/guide/timeouts.md")]
    pub mod timeouts {}
}

/// How the parts fit together: the kernel, the shell, the layers.
#[doc = include_str!("../docs/design/architecture.md")]
pub mod architecture {}

/// The schema of a trace in JSON Lines.
#[cfg(feature = "serde")]
#[doc = include_str!("../docs/design/json_lines.md")]
pub mod json_lines {}

/// The rules that every run obeys.
#[doc = include_str!("../docs/design/semantics.md")]
pub mod semantics {}

/// What other crates do behind the loop's back, and what to use instead.
#[doc = include_str!("../docs/design/foreign.md")]
pub mod foreign {}
