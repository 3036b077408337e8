//! Running several futures as tasks and collecting their outputs in input order (S24).

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::JoinError;
use super::members::{Broken, Futures, Member, Outputs, Unfailing};
use crate::executor::{JoinQueue, injects};

/// Runs futures as tasks and returns their outputs in input order (S24). This is `asyncio.gather`.
///
/// The tasks are children of the caller and are spawned at once, in input order, whether or not the gather is
/// awaited yet. It is ready when the last of them has completed; without an input that is at once. For
/// futures of different types there is [`gather!`](crate::gather!); for futures that may fail,
/// [`try_gather_all`].
///
/// A panic of a task goes on in whoever awaits the gather, at once, while the others keep running: what
/// asyncio does with an exception. It stays a panic, rather than becoming a `JoinError` in the result,
/// because nobody else has a handle to these tasks: a `Result` here would hold what is a bug in one of the
/// inputs, and every caller would unwrap it. tokio's `JoinSet::join_all` decides the same way. Who wants to
/// look at panics takes [`gather_settled`](super::gather_settled). Of several panics the others fail the run
/// when it ends (S20).
///
/// # Panics
///
/// Panics outside a loop. Awaiting it panics if a task panicked, with the same payload, or was cancelled,
/// which only the task itself can have asked for.
///
/// # Cancel safety
///
/// Dropping the gather aborts its tasks, in input order.
///
/// # Examples
///
/// ```
/// use simloop::{gather_all, now, run, sleep};
/// use std::time::Duration;
///
/// run(async {
///     let squares = [3, 1, 2].map(|n: u64| async move {
///         sleep(Duration::from_secs(n)).await;
///         n * n
///     });
///     assert_eq!(gather_all(squares).await, [9, 1, 4]);
///     assert_eq!(now().to_string(), "3s");
/// });
/// ```
#[doc(alias = "join_all")]
#[track_caller]
pub fn gather_all<I>(futures: I) -> Gather<Vec<<I::Item as Future>::Output>>
where
    I: IntoIterator<Item: Future<Output: 'static> + 'static>,
{
    Gather { tasks: spawn_all(futures.into_iter().map(Unfailing::new)) }
}

/// Runs futures that may fail as tasks: all outputs in input order, or the first error (S24).
///
/// The first error ends the gather at once, at the instant at which it happens. The other tasks keep running,
/// detached, and what they return is dropped: this is what `asyncio.gather` does with an exception. The first
/// is the one whose task finished first, of two at the same instant too. For every result, errors included,
/// there is [`gather_settled`](super::gather_settled).
///
/// # Errors
///
/// The first error of an input.
///
/// # Panics
///
/// As [`gather_all`] does: a panic of a task is no error of an input, and goes on in whoever awaits.
///
/// # Cancel safety
///
/// Dropping the gather aborts its tasks, in input order, unless an error has ended it.
///
/// # Examples
///
/// ```
/// use simloop::{now, run, sleep, try_gather_all};
/// use std::time::Duration;
///
/// run(async {
///     let jobs = [3, 1, 2].map(|n: u64| async move {
///         sleep(Duration::from_secs(n)).await;
///         if n == 2 { Err(format!("job {n} failed")) } else { Ok(n) }
///     });
///     assert_eq!(try_gather_all(jobs).await, Err("job 2 failed".to_owned()));
///     assert_eq!(now().to_string(), "2s");
/// });
/// ```
#[doc(alias = "try_join_all")]
#[track_caller]
pub fn try_gather_all<I, T, E>(futures: I) -> TryGather<Vec<T>, E>
where
    I: IntoIterator<Item: Future<Output = Result<T, E>> + 'static>,
    T: 'static,
    E: 'static,
{
    spawn_all(futures.into_iter())
}

#[track_caller]
fn spawn_all<F, T, E>(futures: impl Iterator<Item = F>) -> TryGather<Vec<T>, E>
where
    F: Future<Output = Result<T, E>> + 'static,
    T: 'static,
    E: 'static,
{
    let mut queue = JoinQueue::default();
    let mut members = Vec::with_capacity(futures.size_hint().0);
    // A loop and not `map`: inside a closure the tasks would seem to be spawned here.
    for (number, future) in futures.enumerate() {
        members.push(Member::spawn(future, number, &mut queue));
    }
    let count = members.len();
    TryGather::new(queue, members, count)
}

/// Runs up to twelve futures of different types as tasks and returns the tuple of their outputs.
///
/// Otherwise as [`gather_all`](crate::gather_all), with the same panics and the same cancel safety. The tasks
/// are spawned where the macro stands; the result is a [`Gather`](crate::task::Gather), to be awaited.
///
/// # Panics
///
/// As [`gather_all`](crate::gather_all) does.
///
/// # Examples
///
/// The documentation of asyncio runs three factorials concurrently, each a second a factor:
///
/// ```
/// use simloop::{Builder, gather, note, now, sleep, trace::Level};
/// use std::time::Duration;
///
/// async fn factorial(name: &str, number: u64) -> u64 {
///     let mut product = 1;
///     for factor in 2..=number {
///         note!("{} Task {name}: Compute factorial({number}), currently i={factor}...", now());
///         sleep(Duration::from_secs(1)).await;
///         product *= factor;
///     }
///     note!("{} Task {name}: factorial({number}) = {product}", now());
///     product
/// }
///
/// let report = Builder::new().trace(Level::Tasks).run(async {
///     let products = gather!(factorial("A", 2), factorial("B", 3), factorial("C", 4)).await;
///     assert_eq!(products, (2, 6, 24));
///     assert_eq!(now().to_string(), "3s");
/// });
/// assert_eq!(
///     report.trace.notes().collect::<Vec<_>>(),
///     [
///         "0s Task A: Compute factorial(2), currently i=2...",
///         "0s Task B: Compute factorial(3), currently i=2...",
///         "0s Task C: Compute factorial(4), currently i=2...",
///         "1s Task A: factorial(2) = 2",
///         "1s Task B: Compute factorial(3), currently i=3...",
///         "1s Task C: Compute factorial(4), currently i=3...",
///         "2s Task B: factorial(3) = 6",
///         "2s Task C: Compute factorial(4), currently i=4...",
///         "3s Task C: factorial(4) = 24",
///     ],
/// );
/// ```
#[doc(alias = "join")]
#[macro_export]
macro_rules! gather {
    ($($future:expr),+ $(,)?) => {
        $crate::task::gather_tuple(($($crate::task::Unfailing::new($future),)+))
    };
}

/// Runs up to twelve futures that may fail as tasks: the tuple of their outputs, or the first error.
///
/// Otherwise as [`try_gather_all`](crate::try_gather_all): the error type is one for all, the first error ends
/// the gather at once, and the others keep running.
///
/// # Panics
///
/// As [`gather_all`](crate::gather_all) does.
///
/// # Examples
///
/// ```
/// use simloop::{now, run, sleep, try_gather};
/// use std::time::Duration;
///
/// run(async {
///     let failing = async {
///         sleep(Duration::from_secs(1)).await;
///         Err::<u8, _>("out of paper")
///     };
///     let slow = async {
///         sleep(Duration::from_secs(5)).await;
///         Ok("printed")
///     };
///     assert_eq!(try_gather!(failing, slow).await, Err("out of paper"));
///     assert_eq!(now().to_string(), "1s");
/// });
/// ```
#[doc(alias = "try_join")]
#[macro_export]
macro_rules! try_gather {
    ($($future:expr),+ $(,)?) => {
        $crate::task::try_gather_tuple(($($future,)+))
    };
}

/// What [`gather!`](crate::gather!) calls.
#[doc(hidden)]
#[track_caller]
pub fn gather_tuple<F: Futures<Infallible>>(futures: F) -> Gather<F::Outputs> {
    Gather { tasks: futures.gather() }
}

/// What [`try_gather!`](crate::try_gather!) calls.
#[doc(hidden)]
#[track_caller]
pub fn try_gather_tuple<F: Futures<E>, E>(futures: F) -> TryGather<F::Outputs, E> {
    futures.gather()
}

/// Future of [`gather_all`] and [`gather!`](crate::gather!). `O` is what it returns.
///
/// # Cancel safety
///
/// Dropping it aborts its tasks, in input order.
///
/// # Panics
///
/// Awaiting it again after it has given its result panics.
#[must_use = "dropping a gather aborts its tasks"]
pub struct Gather<O: Outputs<Infallible>> {
    tasks: TryGather<O, Infallible>,
}

impl<O: Outputs<Infallible>> Future for Gather<O> {
    type Output = O;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<O> {
        match ready!(Pin::new(&mut self.tasks).poll(cx)) {
            Ok(outputs) => Poll::Ready(outputs),
            Err(never) => match never {},
        }
    }
}

impl<O: Outputs<Infallible>> fmt::Debug for Gather<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather").field("left", &self.tasks.left).finish_non_exhaustive()
    }
}

/// Future of [`try_gather_all`] and [`try_gather!`](crate::try_gather!). `O` is what it returns if no input
/// fails.
///
/// # Cancel safety
///
/// Dropping it aborts its tasks, in input order, unless an error has ended it.
///
/// # Panics
///
/// Awaiting it again after it has given its result panics.
#[must_use = "dropping a gather aborts its tasks"]
pub struct TryGather<O: Outputs<E>, E> {
    queue: JoinQueue,
    /// Gone once the result is given: from then on the tasks that still run are on their own.
    members: Option<O::Members>,
    /// Tasks that have not settled.
    left: usize,
}

impl<O: Outputs<E>, E> TryGather<O, E> {
    pub(super) fn new(queue: JoinQueue, mut members: O::Members, left: usize) -> Self {
        if injects() {
            O::for_each(&mut members, |member| member.shelter());
        }
        TryGather { queue, members: Some(members), left }
    }
}

impl<O: Outputs<E>, E> Future for TryGather<O, E> {
    type Output = Result<O, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let members =
            this.members.as_mut().expect("a gather was polled after it had given its result");
        while this.left > 0 {
            let number = ready!(this.queue.poll_next(cx, || O::left(members)));
            this.left -= 1;
            let member = O::member(members, number).expect("the queue tells of members");
            if let Err(broken) = member.settle() {
                // Handles and queue go first: the others are detached before anybody unwinds.
                this.members = None;
                this.queue = JoinQueue::default();
                return match broken {
                    Broken::Failed(error) => Poll::Ready(Err(error)),
                    Broken::Lost(error) => lost(error),
                };
            }
        }
        this.queue = JoinQueue::default();
        let members = this.members.take().expect("looked at above");
        Poll::Ready(Ok(O::take(members)))
    }
}

#[track_caller]
fn lost(error: JoinError) -> ! {
    match error.try_into_panic() {
        Ok(payload) => resume_unwind(payload),
        Err(error) => panic!("{error}, so there is no output of it to gather"),
    }
}

// Nothing in it is ever pinned.
impl<O: Outputs<E>, E> Unpin for TryGather<O, E> {}
impl<O: Outputs<Infallible>> Unpin for Gather<O> {}

impl<O: Outputs<E>, E> Drop for TryGather<O, E> {
    fn drop(&mut self) {
        if let Some(members) = &mut self.members {
            O::for_each(members, |member| member.abort());
        }
    }
}

impl<O: Outputs<E>, E> fmt::Debug for TryGather<O, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryGather").field("left", &self.left).finish_non_exhaustive()
    }
}
