#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod executor;
pub mod explore;
mod kernel;
mod latch;
pub mod policy;
pub mod render;
pub mod report;
pub mod rng;
pub mod sim;
pub mod stream;
pub mod sync;
pub mod task;
pub mod testing;
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

/// Makes a test of an `async fn`: a search for an order of events that breaks it.
///
/// The function becomes an ordinary `#[test]`. Its body is run again and again, each time under another
/// schedule, as an [`Explorer`](explore::Explorer) does; without arguments as [`explore()`](explore::explore())
/// does, 1,000 times in several ways. It may return `()`, a `Result` (an `Err` is a failure), or any other
/// [`Outcome`](explore::Outcome). Other attributes stay: `#[ignore]`, `#[should_panic(expected = "...")]`,
/// `#[cfg(...)]`. A test that fails prints the report of the search, which ends in the line that replays it.
///
/// | argument | means |
/// |---|---|
/// | `explore = "portfolio"` | how schedules are chosen: `"portfolio"`, `"random"`, `"pct"`, `"walk"`, `"chase"`, `"dash"`, `"relay"`, `"pos"`, `"exhaustive"`, `"reduced"`, or `"fifo"` for the first-in first-out schedule alone |
/// | `runs = 1_000` | the number of runs, or the limit on them ([`max_runs`](explore::Explorer::max_runs)) |
/// | `depth = 3` | the depth of `"pct"` |
/// | `max_deviations = 2` | the bound of a search of every schedule, which it asks for |
/// | `seed = 7` | of the draws of the search and of the program's random numbers |
/// | `seeds = 100` | shares the runs out over so many seeds, from that one on ([`seeds`](explore::Explorer::seeds)) |
/// | `time_limit = "2.5s"` | leaves later choices to first-in first-out ([`time_limit`](explore::Explorer::time_limit)); also an expression of type `Duration` |
/// | `limits = Limits::new().turns(500)` | ends a run that goes on for longer ([`Limits`]) |
/// | `deny_leftovers` | makes tasks that are alive at the end a failure |
/// | `require = check` | what has to hold of each [`Report`] ([`require`](explore::Explorer::require)) |
/// | `trace = Level::Tasks` | how much of each run that is shown ([`trace`](explore::Explorer::trace)) |
/// | `threads = 4` | spreads the runs over threads of the machine |
/// | `start_time`, `max_failures`, `max_shrink_runs`, `audit` | as the methods of [`Explorer`](explore::Explorer) |
/// | `explorer = ours()` | the explorer to start from, for settings that many tests share |
/// | `crate = "path"` | the path of this crate, where it has another name |
///
/// Values are expressions, so constants and calls will do. The variables `SIMLOOP_SEED`, `SIMLOOP_RUNS`,
/// `SIMLOOP_REPLAY` and `SIMLOOP_SHARD` override them ([`Explorer`](explore::Explorer)), and `SIMLOOP_TRACE`
/// draws a run that fails ([`render`]). Needs the feature `macros`, which is on unless turned off.
///
/// # Examples
///
/// ```test_harness
/// # mod tests {
/// use simloop::{sleep, spawn, sync::Queue};
/// use std::{sync::Arc, time::Duration};
///
/// #[simloop::test(explore = "exhaustive", deny_leftovers)]
/// async fn items_arrive_in_order() -> Result<(), Box<dyn std::error::Error>> {
///     let queue = Arc::new(Queue::bounded(1));
///     let producer = spawn({
///         let queue = Arc::clone(&queue);
///         async move {
///             for item in 0..3 {
///                 queue.put(item).await.unwrap();
///                 sleep(Duration::from_secs(1)).await;
///             }
///         }
///     });
///     for expected in 0..3 {
///         assert_eq!(queue.get().await, Ok(expected));
///     }
///     producer.await?;
///     Ok(())
/// }
/// # }
/// ```
#[cfg(feature = "macros")]
#[cfg_attr(docsrs, doc(cfg(feature = "macros")))]
pub use simloop_macros::test;

/// Makes a program of an `async fn main`: its body runs on a virtual clock.
///
/// A run that fails, by a deadlock for instance, panics with the rendered failure, whose last line is the one
/// that brings it back. What the function returns is what `main` returns.
///
/// | argument | means |
/// |---|---|
/// | `seed = 7` | of the program's random numbers |
/// | `policy = Random::new(7)` | who runs next |
/// | `replay = "v1:4=1/2"` | the schedule to replay |
/// | `trace = Level::Full` | how much is recorded |
/// | `echo` | prints the lines of [`note!`] |
/// | `limits`, `deny_leftovers`, `start_time`, `blocking_workers`, `cores` | as the methods of [`Builder`] |
/// | `builder = ours()` | the builder to start from |
/// | `crate = "path"` | the path of this crate, where it has another name |
///
/// The variables `SIMLOOP_SEED` and `SIMLOOP_REPLAY` override them ([`Builder::environment`]). Any `async fn`
/// without arguments will do, not only `main`. Needs the feature `macros`, which is on unless turned off.
///
/// # Examples
///
/// ```
/// use simloop::{gather, now, sleep};
/// use std::time::Duration;
///
/// #[simloop::main(echo)]
/// async fn main() {
///     let second = Duration::from_secs(1);
///     gather!(sleep(second), sleep(second), sleep(second)).await;
///     simloop::note!("ended at {}", now());
///     assert_eq!(now().to_string(), "1s");
/// }
/// ```
#[cfg(feature = "macros")]
#[cfg_attr(docsrs, doc(cfg(feature = "macros")))]
pub use simloop_macros::main;

/// How to do what asyncio's documentation does, topic by topic, each program with its virtual time.
pub mod guide {
    #[doc = include_str!("../docs/guide/asyncio.md")]
    pub mod asyncio {}

    #[doc = include_str!("../docs/guide/blocking.md")]
    pub mod blocking {}

    #[doc = include_str!("../docs/guide/groups.md")]
    pub mod groups {}

    /// Logs with virtual instants, for programs that use the crate `tracing`.
    #[cfg(all(feature = "tracing", feature = "tracing-subscriber"))]
    #[doc = include_str!("../docs/guide/logging.md")]
    pub mod logging {}

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

    #[doc = include_str!("../docs/guide/testing.md")]
    pub mod testing {}

    #[doc = include_str!("../docs/guide/timeouts.md")]
    pub mod timeouts {}

    #[doc = include_str!("../docs/guide/tokio.md")]
    pub mod tokio {}
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
