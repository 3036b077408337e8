//! Generators: a stream written as a body that yields.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use super::body::{Body, Resumed, Yielder};

/// Makes a stream of what `body` yields. This is Python's asynchronous generator.
///
/// The body runs when an item is asked for, and no further than to the yield that gives it: nothing of it
/// has run before the stream is first polled, and after a yield it goes on when the next item is asked for.
/// What it awaits in between takes the time that it takes, on the consumer's task. When the body returns, the
/// stream ends, and goes on to say so however often it is asked.
///
/// Dropping the stream drops the body where it stands, and its destructors run, as after `aclose` in Python.
/// A panic of the body is the consumer's; the stream has ended then.
///
/// The body is an `async` closure, or any function from a [`Yielder`] to a future: the function is called here,
/// and its future polled as said. Pin the stream to take items from it, with [`pin!`](std::pin::pin) or `Box::pin`; it is `Send` when the body is. It costs one
/// small allocation, whatever it yields.
///
/// # Cancel safety
///
/// Dropping the future of `next()` of `futures-util` loses no item, and interrupts the body nowhere: the next
/// one goes on where it stands.
///
/// # Panics
///
/// Polling the stream panics when the body does.
///
/// # Examples
///
/// ```
/// use futures_util::StreamExt;
/// use simloop::{now, run, sleep, stream};
/// use std::{pin::pin, time::Duration};
///
/// run(async {
///     let mut ticker = pin!(stream::generator(async |mut yielder| {
///         for number in 0..3 {
///             yielder.yield_(number).await;
///             sleep(Duration::from_secs(1)).await;
///         }
///     }));
///     let mut seen = Vec::new();
///     while let Some(number) = ticker.next().await {
///         seen.push(format!("{number} at {}", now()));
///     }
///     assert_eq!(seen, ["0 at 0s", "1 at 1s", "2 at 2s"]);
///     assert_eq!(now().to_string(), "3s", "the body slept once more before it returned");
/// });
/// ```
pub fn generator<T, B, F>(body: B) -> Generator<T, F>
where
    B: FnOnce(Yielder<T>) -> F,
    F: Future<Output = ()>,
{
    Generator { body: Body::new(body) }
}

/// Makes a stream of results of what `body` yields, with `?` in the body.
///
/// Each yielded item comes as `Ok`. If the body returns an error, that is the last item, as `Err`; then, and
/// when the body returns `Ok(())`, the stream ends. Otherwise as [`generator`].
///
/// # Panics
///
/// Polling the stream panics when the body does.
///
/// # Examples
///
/// ```
/// use futures_util::StreamExt;
/// use simloop::{run, sleep, stream};
/// use std::{num::ParseIntError, time::Duration};
///
/// run(async {
///     let readings = stream::try_generator(async |mut yielder| {
///         for line in ["20", "21", "broken", "22"] {
///             sleep(Duration::from_secs(1)).await;
///             yielder.yield_(line.parse::<i32>()?).await;
///         }
///         Ok::<_, ParseIntError>(())
///     });
///     let readings: Vec<_> = readings.collect().await;
///     assert_eq!(readings[..2], [Ok(20), Ok(21)]);
///     assert!(readings[2].is_err());
///     assert_eq!(readings.len(), 3);
///     assert_eq!(simloop::now().to_string(), "3s");
/// });
/// ```
pub fn try_generator<T, E, B, F>(body: B) -> TryGenerator<T, F>
where
    B: FnOnce(Yielder<T>) -> F,
    F: Future<Output = Result<(), E>>,
{
    TryGenerator { body: Body::new(body) }
}

pin_project! {
    /// Stream of [`generator`].
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the body where it stands.
    ///
    /// # Panics
    ///
    /// Polling it panics when the body does; it has ended then.
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct Generator<T, F> {
        #[pin]
        body: Body<T, F>,
    }
}

impl<T, F: Future<Output = ()>> Stream for Generator<T, F> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        Poll::Ready(match ready!(self.project().body.poll_resume(cx)) {
            Resumed::Item(item) => Some(item),
            Resumed::Returned(()) | Resumed::Ended => None,
        })
    }
}

impl<T, F: Future<Output = ()>> FusedStream for Generator<T, F> {
    fn is_terminated(&self) -> bool {
        self.body.is_ended()
    }
}

impl<T, F> fmt::Debug for Generator<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_ended = self.body.is_ended();
        f.debug_struct("Generator").field("is_ended", &is_ended).finish_non_exhaustive()
    }
}

pin_project! {
    /// Stream of [`try_generator`].
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the body where it stands.
    ///
    /// # Panics
    ///
    /// Polling it panics when the body does; it has ended then.
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct TryGenerator<T, F> {
        #[pin]
        body: Body<T, F>,
    }
}

impl<T, E, F: Future<Output = Result<(), E>>> Stream for TryGenerator<T, F> {
    type Item = Result<T, E>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(match ready!(self.project().body.poll_resume(cx)) {
            Resumed::Item(item) => Some(Ok(item)),
            Resumed::Returned(Err(error)) => Some(Err(error)),
            Resumed::Returned(Ok(())) | Resumed::Ended => None,
        })
    }
}

impl<T, E, F: Future<Output = Result<(), E>>> FusedStream for TryGenerator<T, F> {
    fn is_terminated(&self) -> bool {
        self.body.is_ended()
    }
}

impl<T, F> fmt::Debug for TryGenerator<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_ended = self.body.is_ended();
        f.debug_struct("TryGenerator").field("is_ended", &is_ended).finish_non_exhaustive()
    }
}
