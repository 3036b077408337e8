//! Models of what a program waits for outside itself.
//!
//! Nothing here does real work or runs on real threads. A model says when something would be over, in
//! virtual time, to the nanosecond and in the same order every time.
//!
//! | asyncio | here |
//! |---|---|
//! | `asyncio.to_thread(f)`, `loop.run_in_executor(None, f)` | [`spawn_blocking(cost, f)`](spawn_blocking()) |
//! | `loop.run_in_executor(pool, f)` | [`Pool::spawn`] |
//! | `ThreadPoolExecutor(n)` | [`Pool::with_cores(n, 1)`](Pool::with_cores), the one core being the GIL's |
//! | `ProcessPoolExecutor(n)` | [`Pool::new(n)`](Pool::new) |
//! | a blocking call in a coroutine, a mistake | [`time::block_for`](crate::time::block_for) |
//!
//! | SimPy, and what it stands for | here |
//! |---|---|
//! | `Resource`, `PriorityResource`: a printer, cash desks, a database with ten connections | [`Resource`] |
//! | a download, an upload, messages on their way | [`Link`] |
//! | `random.uniform`, `random.expovariate`: how long something takes | [`Delay`] |
//!
//! What a resource or a link has seen is in its [`Statistics`]: how busy it was, how long was waited, how long
//! the line was.

mod alarm;
mod channel;
mod cost;
mod delay;
mod job;
mod link;
mod machine;
mod pool;
mod resource;
mod service;
mod statistics;
mod wire;

pub use channel::{LinkReceiver, LinkSender, Receive};
pub use cost::Cost;
pub use delay::Delay;
pub use link::{Link, Lost, Transfer};
pub use pool::{Pool, spawn_blocking};
pub use resource::Resource;
pub use service::{Acquire, Server, UseFor};
pub use statistics::{LinkStatistics, Statistics};
