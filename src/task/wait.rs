//! Waiting for some of several tasks, or for all, without ending any (S26).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::JoinError;
use super::handles::{Handles, Joinable};
use crate::executor::Timer;
use crate::kernel::Instant;
use crate::kernel::ordered::sort_by_key;

/// When a [`wait`] ends. The names are asyncio's, without its word for exceptions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WaitFor {
    /// When any task has finished. `FIRST_COMPLETED`.
    FirstCompleted,
    /// When any task has panicked or was cancelled, or all have finished. `FIRST_EXCEPTION`. An `Err` that a
    /// task returns is an output like any other; [`wait_until`] can look at it.
    FirstFailure,
    /// When all have finished. `ALL_COMPLETED`.
    All,
}

/// Waits until `condition` holds for the tasks, and says which have finished (S26). This is `asyncio.wait`.
///
/// It cancels nothing and takes no result: the handles come back, those of finished tasks apart, each list in
/// input order, and awaiting one of the former gives its result at once. Tasks that have finished before count.
/// Of tasks that finish at the same instant, as many are done as have finished when the waiting task has its
/// turn. With no handle at all it is ready at once, where asyncio raises an error.
///
/// Handles are given by value or lent: `wait(&mut handles, ..)` works as well, and then nothing has to be put
/// back. To see tasks one after the other, [`as_completed`](super::as_completed) costs less than waiting for
/// the first again and again.
///
/// # Panics
///
/// Panics if the handles are of several loops.
///
/// # Cancel safety
///
/// Dropping it cancels nothing. With lent handles nothing is lost; handles given by value are dropped with
/// it, which detaches their tasks (S19).
///
/// # Examples
///
/// ```
/// use simloop::{now, run, sleep, spawn, wait, WaitFor};
/// use std::time::Duration;
///
/// run(async {
///     let tasks = [3, 1, 2].map(|n| {
///         spawn(async move {
///             sleep(Duration::from_secs(n)).await;
///             n
///         })
///     });
///     let mut first = wait(tasks, WaitFor::FirstCompleted).await;
///     assert_eq!(now().to_string(), "1s");
///     assert_eq!(first.done.pop().unwrap().await.unwrap(), 1);
///
///     let rest = wait(first.pending, WaitFor::All).timeout(Duration::from_millis(1500)).await;
///     assert_eq!(now().to_string(), "2.5s");
///     assert_eq!((rest.done.len(), rest.pending.len()), (1, 1));
/// });
/// ```
///
/// asyncio's documentation waits for a task and then asks whether it is in `done`:
///
/// ```
/// use simloop::{WaitFor, now, run, sleep, spawn, wait};
/// use std::time::Duration;
///
/// async fn foo() -> u32 {
///     sleep(Duration::from_secs(1)).await;
///     42
/// }
///
/// run(async {
///     let task = spawn(foo());
///     let id = task.id();
///     let waited = wait([task], WaitFor::All).await;
///     assert!(waited.done.iter().any(|task| task.id() == id));
///     assert_eq!(now().to_string(), "1s");
/// });
/// ```
#[track_caller]
pub fn wait<I: IntoIterator<Item: Joinable>>(handles: I, condition: WaitFor) -> Wait<I::Item> {
    Wait { handles: Some(Handles::new(handles)), condition, is_met: false, deadline: None }
}

/// Waits until `condition` says of a task's result that it will do, or all tasks have finished.
///
/// This is [`wait`] for conditions on results, such as the first `Err`. The results are taken to be looked at,
/// in the order in which the tasks finish, and are returned with the handles' positions, in input order. The
/// condition is asked about each; when it has said yes, results that are there already are taken as well.
///
/// # Panics
///
/// Panics if the handles are of several loops.
///
/// # Cancel safety
///
/// Dropping it cancels no task. Results that were taken by then are lost with it.
///
/// # Examples
///
/// ```
/// use simloop::{now, run, sleep, spawn, wait_until};
/// use std::time::Duration;
///
/// run(async {
///     let tasks = [3, 1, 2].map(|n: u64| {
///         spawn(async move {
///             sleep(Duration::from_secs(n)).await;
///             if n == 2 { Err("out of paper") } else { Ok(n) }
///         })
///     });
///     let waited = wait_until(tasks, |result| !matches!(result, Ok(Ok(_)))).await;
///     assert_eq!(now().to_string(), "2s");
///     let done: Vec<_> = waited.done.iter().map(|(index, _)| *index).collect();
///     assert_eq!((done, waited.pending.len()), (vec![1, 2], 1));
/// });
/// ```
#[track_caller]
pub fn wait_until<I, P>(handles: I, condition: P) -> WaitUntil<I::Item, P>
where
    I: IntoIterator<Item: Joinable>,
    P: FnMut(&Result<<I::Item as Joinable>::Output, JoinError>) -> bool,
{
    let handles = Some(Handles::new(handles));
    WaitUntil { handles, condition, is_met: false, done: Vec::new(), deadline: None }
}

/// Which tasks have finished and which have not. Returned by [`wait`].
#[derive(Debug)]
pub struct Waited<H> {
    /// The handles of finished tasks, in input order. Each still has its result to give.
    pub done: Vec<H>,
    /// The handles of the others, in input order.
    pub pending: Vec<H>,
}

/// The results that are there and the handles of the other tasks. Returned by [`wait_until`].
#[derive(Debug)]
pub struct WaitedUntil<H: Joinable> {
    /// The results of finished tasks, each with the position of its handle, in input order.
    pub done: Vec<(usize, Result<H::Output, JoinError>)>,
    /// The handles of the others, in input order.
    pub pending: Vec<H>,
}

/// A deadline that a wait may have.
struct Deadline {
    timer: Timer,
    at: Instant,
}

impl Deadline {
    #[track_caller]
    fn after(duration: Duration) -> Deadline {
        let (timer, now) = Timer::new("wait");
        Deadline { timer, at: now + duration }
    }

    #[track_caller]
    #[inline]
    fn at(at: Instant) -> Deadline {
        Deadline { timer: Timer::new("wait").0, at }
    }

    #[inline]
    fn has_passed(deadline: &mut Option<Deadline>, cx: &Context<'_>) -> bool {
        deadline.as_mut().is_some_and(|deadline| deadline.timer.poll(deadline.at, cx).is_ready())
    }
}

/// Future of [`wait`].
///
/// # Cancel safety
///
/// Dropping it cancels nothing. Handles given by value are dropped with it, which detaches their tasks.
///
/// # Panics
///
/// Awaiting it again after it has given its result panics.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Wait<H> {
    /// Gone once the result is given.
    handles: Option<Handles<H>>,
    condition: WaitFor,
    is_met: bool,
    deadline: Option<Deadline>,
}

impl<H> Wait<H> {
    /// Ends the wait after `duration` at the latest, counted from now.
    ///
    /// What has finished by then is done, at the very instant too if its task had its turn first. A timeout
    /// of zero looks at the tasks and does not wait.
    ///
    /// # Panics
    ///
    /// Panics outside a loop.
    #[track_caller]
    pub fn timeout(mut self, duration: Duration) -> Self {
        self.deadline = Some(Deadline::after(duration));
        self
    }

    /// Ends the wait at `deadline` at the latest; see [`timeout`](Self::timeout).
    ///
    /// # Panics
    ///
    /// Panics outside a loop.
    #[track_caller]
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(Deadline::at(deadline));
        self
    }
}

impl<H: Joinable> Future for Wait<H> {
    type Output = Waited<H>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let handles =
            this.handles.as_mut().expect("a wait was polled after it had given its result");
        while let Poll::Ready(Some((_, handle))) = handles.poll_next(cx) {
            this.is_met |= match this.condition {
                WaitFor::FirstCompleted => true,
                WaitFor::FirstFailure => handle.handle().has_failed(),
                WaitFor::All => false,
            };
        }
        let is_over = this.is_met || handles.left() == 0;
        if !is_over && !Deadline::has_passed(&mut this.deadline, cx) {
            return Poll::Pending;
        }
        this.deadline = None;
        let handles = this.handles.take().expect("looked at above");
        let (done, pending) = handles.split();
        Poll::Ready(Waited { done, pending })
    }
}

impl<H> Unpin for Wait<H> {}

impl<H> fmt::Debug for Wait<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("condition", &self.condition).finish_non_exhaustive()
    }
}

/// Future of [`wait_until`].
///
/// # Cancel safety
///
/// Dropping it cancels no task. Results that were taken by then are lost with it.
///
/// # Panics
///
/// Awaiting it again after it has given its result panics.
#[must_use = "a future does nothing unless it is awaited"]
pub struct WaitUntil<H: Joinable, P> {
    /// Gone once the result is given.
    handles: Option<Handles<H>>,
    condition: P,
    is_met: bool,
    done: Vec<(usize, Result<H::Output, JoinError>)>,
    deadline: Option<Deadline>,
}

impl<H: Joinable, P> WaitUntil<H, P> {
    /// Ends the wait after `duration` at the latest; see [`Wait::timeout`].
    ///
    /// # Panics
    ///
    /// Panics outside a loop.
    #[track_caller]
    pub fn timeout(mut self, duration: Duration) -> Self {
        self.deadline = Some(Deadline::after(duration));
        self
    }

    /// Ends the wait at `deadline` at the latest; see [`Wait::timeout`].
    ///
    /// # Panics
    ///
    /// Panics outside a loop.
    #[track_caller]
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(Deadline::at(deadline));
        self
    }
}

impl<H, P> Future for WaitUntil<H, P>
where
    H: Joinable,
    P: FnMut(&Result<H::Output, JoinError>) -> bool,
{
    type Output = WaitedUntil<H>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let handles =
            this.handles.as_mut().expect("a wait was polled after it had given its result");
        while let Poll::Ready(Some((number, handle))) = handles.poll_next(cx) {
            let result = handle.handle_mut().try_take().expect("its task has finished");
            this.is_met = this.is_met || (this.condition)(&result);
            this.done.push((number, result));
        }
        let is_over = this.is_met || handles.left() == 0;
        if !is_over && !Deadline::has_passed(&mut this.deadline, cx) {
            return Poll::Pending;
        }
        this.deadline = None;
        let handles = this.handles.take().expect("looked at above");
        let (_, pending) = handles.split();
        let mut done = std::mem::take(&mut this.done);
        sort_by_key(&mut done, |&(number, _)| number);
        Poll::Ready(WaitedUntil { done, pending })
    }
}

// Nothing in it is ever pinned.
impl<H: Joinable, P> Unpin for WaitUntil<H, P> {}

impl<H: Joinable, P> fmt::Debug for WaitUntil<H, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitUntil").field("done", &self.done.len()).finish_non_exhaustive()
    }
}
