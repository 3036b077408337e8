//! What a clock adds to streams.

use std::time::Duration;

use futures_core::Stream;

use super::{ChunksTimeout, Throttle, Timeout};

/// Timeouts, rates and batches for every [`Stream`].
///
/// Names and meanings are those of `tokio-stream`; `futures-util` has no clock and none of them, so its
/// `StreamExt` can be in scope as well.
pub trait TimedStream: Stream {
    /// Gives an error wherever the next item takes longer than `duration`.
    ///
    /// The time for an item starts when the item before was given, and for the first one here (S4), whether
    /// or not anybody asks meanwhile. The stream is asked first: an item that is there at the deadline, or
    /// after it, is given (S12). When the deadline passes first, there is one [`Elapsed`]; the stream is kept
    /// and may be asked again, without limit for that item.
    ///
    /// [`Elapsed`]: crate::time::Elapsed
    ///
    /// # Panics
    ///
    /// Panics outside a loop.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_util::StreamExt;
    /// use simloop::{run, sleep, stream::{self, TimedStream}};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let slow_second = stream::generator(async |mut yielder| {
    ///         yielder.yield_("first").await;
    ///         sleep(Duration::from_secs(10)).await;
    ///         yielder.yield_("second").await;
    ///     });
    ///     let items = slow_second.timeout(Duration::from_secs(4));
    ///     let lines = items.map(|item| match item {
    ///         Ok(item) => format!("{item} at {}", simloop::now()),
    ///         Err(error) => error.to_string(),
    ///     });
    ///     let lines: Vec<_> = lines.collect().await;
    ///     assert_eq!(lines, ["first at 0s", "timed out at 4s", "second at 10s"]);
    /// });
    /// ```
    #[track_caller]
    fn timeout(self, duration: Duration) -> Timeout<Self>
    where
        Self: Sized,
    {
        Timeout::new(self, duration)
    }

    /// Lets at least `period` pass between an item and the next one. The first comes as soon as it can.
    ///
    /// The stream is not asked before the time is up, so nothing piles up here. A period of zero changes
    /// nothing.
    ///
    /// # Panics
    ///
    /// Panics outside a loop.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_util::{StreamExt, stream};
    /// use simloop::{now, run, stream::TimedStream};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let slowly = stream::iter(1..=3).throttle(Duration::from_secs(2));
    ///     let given_at: Vec<_> = slowly.map(|_| now().to_string()).collect().await;
    ///     assert_eq!(given_at, ["0s", "2s", "4s"]);
    /// });
    /// ```
    #[track_caller]
    fn throttle(self, period: Duration) -> Throttle<Self>
    where
        Self: Sized,
    {
        Throttle::new(self, period)
    }

    /// Gathers items into vectors of `len_max`, or of fewer when `duration` has passed since the first.
    ///
    /// What has been gathered when the stream ends comes at once. No vector is empty.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future of `next()` keeps what has been gathered for the next one. Dropping the stream
    /// drops it.
    ///
    /// # Panics
    ///
    /// Panics outside a loop, and for a `len_max` of zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_util::StreamExt;
    /// use simloop::{now, run, stream::TimedStream, time::interval};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let ticks = interval(Duration::from_secs(1)).map(|tick| tick.to_string());
    ///     let batches = ticks.take(5).chunks_timeout(10, Duration::from_millis(1500));
    ///     let batches: Vec<_> = batches.map(|batch| (now().to_string(), batch.len())).collect().await;
    ///     let expected = [("1.5s", 2), ("3.5s", 2), ("4s", 1)];
    ///     assert_eq!(batches, expected.map(|(at, len)| (at.to_owned(), len)));
    /// });
    /// ```
    #[track_caller]
    fn chunks_timeout(self, len_max: usize, duration: Duration) -> ChunksTimeout<Self>
    where
        Self: Sized,
    {
        ChunksTimeout::new(self, len_max, duration)
    }
}

impl<S: Stream + ?Sized> TimedStream for S {}
