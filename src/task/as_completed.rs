//! Results as they come.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};

use super::JoinError;
use super::handles::{Handles, Joinable};

/// Gives the results of tasks in the order in which the tasks finish (S26). This is `asyncio.as_completed`.
///
/// A [`Stream`] of results, each with the position of its handle in the input. Tasks that finish at the same
/// instant come in the order of their turns, and so do those that had finished before. Take them with
/// [`next`](AsCompleted::next) or with the combinators of `futures-util`.
///
/// It takes handles, by value or lent; futures become tasks first, as asyncio does it, with
/// `futures.map(|future| spawn(future))`.
///
/// # Panics
///
/// Panics if the handles are of several loops.
///
/// # Cancel safety
///
/// Dropping it cancels no task, as in asyncio: handles given by value are dropped with it, which detaches
/// their tasks (S19).
///
/// # Examples
///
/// ```
/// use simloop::{as_completed, now, run, sleep, spawn};
/// use std::time::Duration;
///
/// run(async {
///     let tasks = [3, 1, 2].map(|n| {
///         spawn(async move {
///             sleep(Duration::from_secs(n)).await;
///             now().to_string()
///         })
///     });
///     let mut completed = as_completed(tasks);
///     let mut order = Vec::new();
///     while let Some((index, result)) = completed.next().await {
///         assert_eq!(result.unwrap(), now().to_string());
///         order.push(index);
///     }
///     assert_eq!(order, [1, 2, 0]);
///     assert_eq!(now().to_string(), "3s");
/// });
/// ```
///
/// In the documentation of asyncio, connections are opened to several addresses and whichever is earliest is
/// used first, with a timeout for the whole:
///
/// ```
/// use simloop::{as_completed, now, run, sleep, spawn, time};
/// use std::time::Duration;
///
/// async fn open_connection(address: &str, latency: Duration) -> String {
///     sleep(latency).await;
///     format!("connected to {address}")
/// }
///
/// run(async {
///     let connect = |address, millis| spawn(open_connection(address, Duration::from_millis(millis)));
///     let ipv4 = connect("127.0.0.1", 300);
///     let ipv6 = connect("::1", 20);
///     let unreachable = connect("10.0.0.1", 60_000);
///
///     let deadline = now() + Duration::from_secs(10);
///     let mut earliest = as_completed([ipv4, ipv6, unreachable]);
///     let mut lines = Vec::new();
///     while let Ok(Some((_, connected))) = time::timeout_at(deadline, earliest.next()).await {
///         lines.push(format!("{} {}", now(), connected.unwrap()));
///     }
///     assert_eq!(lines, ["20ms connected to ::1", "300ms connected to 127.0.0.1"]);
///     assert_eq!(now(), deadline);
/// });
/// ```
#[track_caller]
pub fn as_completed<I: IntoIterator<Item: Joinable>>(handles: I) -> AsCompleted<I::Item> {
    AsCompleted { handles: Handles::new(handles) }
}

/// Stream of [`as_completed`].
///
/// # Cancel safety
///
/// Dropping it cancels no task; handles given by value are dropped with it.
#[must_use = "a stream does nothing unless it is polled"]
pub struct AsCompleted<H> {
    handles: Handles<H>,
}

impl<H: Joinable> AsCompleted<H> {
    /// Waits for the next task to finish and returns its result; `None` after the last.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes no result.
    #[allow(clippy::should_implement_trait, reason = "the name that a stream's items go by")]
    pub fn next(&mut self) -> NextCompleted<'_, H> {
        NextCompleted { completed: self }
    }
}

impl<H: Joinable> Stream for AsCompleted<H> {
    type Item = (usize, Result<H::Output, JoinError>);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(self.handles.poll_next(cx));
        Poll::Ready(next.map(|(number, handle)| {
            (number, handle.handle_mut().try_take().expect("its task has finished"))
        }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.handles.left(), Some(self.handles.left()))
    }
}

impl<H: Joinable> FusedStream for AsCompleted<H> {
    fn is_terminated(&self) -> bool {
        self.handles.left() == 0
    }
}

impl<H> Unpin for AsCompleted<H> {}

impl<H: Joinable> fmt::Debug for AsCompleted<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted").field("left", &self.handles.left()).finish_non_exhaustive()
    }
}

/// Future of [`AsCompleted::next`].
///
/// # Cancel safety
///
/// Dropping it takes no result.
#[must_use = "a future does nothing unless it is awaited"]
pub struct NextCompleted<'a, H: Joinable> {
    completed: &'a mut AsCompleted<H>,
}

impl<H: Joinable> Future for NextCompleted<'_, H> {
    type Output = Option<(usize, Result<H::Output, JoinError>)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut *self.completed).poll_next(cx)
    }
}

impl<H: Joinable> Drop for NextCompleted<'_, H> {
    fn drop(&mut self) {
        self.completed.handles.stop_waiting();
    }
}

impl<H: Joinable> fmt::Debug for NextCompleted<'_, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NextCompleted").field("completed", &self.completed).finish()
    }
}
