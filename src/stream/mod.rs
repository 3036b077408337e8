//! Streams: written as a body that yields, and held to a clock.
//!
//! | Python | here |
//! |---|---|
//! | `async def` with `yield` | [`generator`], [`try_generator`] |
//! | `yield item` | `yielder.yield_(item).await` |
//! | `async for item in stream` | `while let Some(item) = stream.next().await` |
//! | `await stream.aclose()` | `drop(stream)` |
//!
//! What a stream can do besides is in `futures-util`, whose combinators take these streams and give theirs.
//! Here is what that crate leaves out because it has no clock: [`TimedStream`].

mod body;
mod chunks_timeout;
mod generator;
mod throttle;
mod timed;
mod timeout;

pub use body::{Yield, Yielder};
pub use chunks_timeout::ChunksTimeout;
pub use generator::{Generator, TryGenerator, generator, try_generator};
pub use throttle::Throttle;
pub use timed::TimedStream;
pub use timeout::Timeout;
