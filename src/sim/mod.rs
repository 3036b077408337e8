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

mod cost;
mod job;
mod machine;
mod pool;

pub use cost::Cost;
pub use pool::{Pool, spawn_blocking};
