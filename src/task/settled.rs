//! Gathering every result, whatever it is.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::handles::Handles;
use super::{JoinError, JoinHandle, spawn};

/// Runs futures as tasks and returns every result in input order, panics included (S24).
///
/// This is `asyncio.gather(.., return_exceptions=True)`. It is ready when the last task has finished, however
/// it did; nothing ends it early. What the futures return is not looked at: an `Err` of theirs is an output
/// like any other.
///
/// # Panics
///
/// Panics outside a loop.
///
/// # Cancel safety
///
/// Dropping it aborts its tasks, in input order.
///
/// # Examples
///
/// ```
/// use simloop::{gather_settled, now, run, sleep};
/// use std::time::Duration;
///
/// run(async {
///     let jobs = [2, 1].map(|n| async move {
///         sleep(Duration::from_secs(n)).await;
///         assert!(n > 1, "job {n} is broken");
///         n
///     });
///     let results = gather_settled(jobs).await;
///     assert_eq!(*results[0].as_ref().unwrap(), 2);
///     assert_eq!(
///         results[1].as_ref().unwrap_err().to_string(),
///         "task `main/task[1]` panicked: job 1 is broken",
///     );
///     assert_eq!(now().to_string(), "2s");
/// });
/// ```
#[doc(alias = "all_settled")]
#[track_caller]
pub fn gather_settled<I>(futures: I) -> GatherSettled<<I::Item as Future>::Output>
where
    I: IntoIterator<Item: Future<Output: 'static> + 'static>,
{
    let mut handles = Vec::new();
    // A loop and not `map`: inside a closure the tasks would seem to be spawned here.
    for future in futures {
        let handle = spawn(future);
        handle.shelter();
        handles.push(handle);
    }
    let results = handles.iter().map(|_| None).collect();
    GatherSettled { handles: Handles::new(handles), results }
}

/// Future of [`gather_settled`].
///
/// # Cancel safety
///
/// Dropping it aborts its tasks, in input order.
///
/// # Panics
///
/// Awaiting it again after it has given its results panics.
#[must_use = "dropping a gather aborts its tasks"]
pub struct GatherSettled<T: 'static> {
    handles: Handles<JoinHandle<T>>,
    results: Vec<Option<Result<T, JoinError>>>,
}

impl<T> Future for GatherSettled<T> {
    type Output = Vec<Result<T, JoinError>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        while let Some((number, handle)) = ready!(this.handles.poll_next(cx)) {
            this.results[number] = handle.try_take();
        }
        let results = std::mem::take(&mut this.results).into_iter();
        let results = results.map(|result| result.expect("every task was told once"));
        let results: Vec<_> = results.collect();
        assert_eq!(
            results.len(),
            this.handles.iter().count(),
            "a gather was polled after it had given its results"
        );
        Poll::Ready(results)
    }
}

impl<T> Unpin for GatherSettled<T> {}

impl<T> Drop for GatherSettled<T> {
    fn drop(&mut self) {
        self.handles.iter().for_each(JoinHandle::abort_dropped);
    }
}

impl<T> fmt::Debug for GatherSettled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatherSettled").field("left", &self.handles.left()).finish_non_exhaustive()
    }
}
