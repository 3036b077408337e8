//! A point at which tasks wait until all of them are there.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::gate::{Gate, Shared, Waiter};
use crate::executor::{Party, Wanted};

/// A point at which a number of tasks wait until that many have come, again and again.
///
/// It is asyncio's `Barrier` with tokio's face. The last that comes does not wait: it is the leader, and all
/// others are released in that moment, in the order in which they came. With that the barrier is empty again,
/// for the next round. A round that was completed is final, even for those who have not run since.
///
/// [`abort`](Self::abort) and [`reset`](Self::reset) turn away those who wait, as in asyncio: they get
/// [`BrokenBarrier`]. Code that uses neither never sees that and calls [`wait`](Self::wait), as with tokio;
/// [`wait_or_broken`](Self::wait_or_broken) returns it as an error.
///
/// # Examples
///
/// ```
/// use simloop::{gather_all, now, run, sleep, sync::Barrier};
/// use std::{rc::Rc, time::Duration};
///
/// run(async {
///     let barrier = Rc::new(Barrier::new(3).named("start"));
///     let runners = [3, 1, 2].map(|seconds| {
///         let barrier = Rc::clone(&barrier);
///         async move {
///             sleep(Duration::from_secs(seconds)).await;
///             let arrival = barrier.wait().await;
///             (arrival.index(), arrival.is_leader())
///         }
///     });
///     assert_eq!(gather_all(runners).await, [(2, true), (0, false), (1, false)]);
///     assert_eq!(now().to_string(), "3s");
/// });
/// ```
pub struct Barrier {
    shared: Arc<Shared<Round>>,
}

struct Round {
    parties: usize,
    /// Those in line.
    arrived: usize,
    is_broken: bool,
    /// What those in line are leaving with: nobody is left in line when that is done.
    leaving: Option<Leaving>,
}

#[derive(Clone, Copy)]
enum Leaving {
    /// The next that leaves came as this.
    Complete(usize),
    Broken,
}

impl Round {
    fn release(&mut self, leaving: Leaving) {
        self.leaving = Some(leaving);
        self.arrived = 0;
    }
}

impl Gate for Round {
    /// Whether it is in line.
    type Need = bool;
    type Grant = Result<BarrierWaitResult, BrokenBarrier>;

    #[inline]
    fn kind(&self) -> &'static str {
        "barrier"
    }

    fn serve(&mut self, _: usize, in_line: &mut bool, _: Option<Party>) -> Option<Self::Grant> {
        match &mut self.leaving {
            Some(Leaving::Complete(next)) => {
                let index = *next;
                *next += 1;
                Some(Ok(BarrierWaitResult { index, is_leader: false }))
            }
            Some(Leaving::Broken) => Some(Err(BrokenBarrier)),
            None if *in_line => None,
            None if self.is_broken => Some(Err(BrokenBarrier)),
            None if self.arrived + 1 < self.parties => None,
            None => {
                let index = self.arrived;
                self.release(Leaving::Complete(0));
                Some(Ok(BarrierWaitResult { index, is_leader: true }))
            }
        }
    }

    /// Whoever comes may be the one that the others wait for.
    #[inline]
    fn is_free(&self, _: &bool) -> bool {
        true
    }

    /// The round is over, whether it is there or not.
    #[inline]
    fn take_back(&mut self, _: Self::Grant) -> Option<Self::Grant> {
        None
    }

    #[inline]
    fn entered(&mut self, _: usize, in_line: &mut bool) {
        *in_line = true;
        self.arrived += 1;
    }

    #[inline]
    fn left(&mut self, _: usize) {
        self.arrived -= 1;
    }

    #[inline]
    fn all_served(&mut self) {
        self.leaving = None;
    }

    fn wanted(&self, _: usize, _: &bool) -> Wanted {
        let after = format!(" ({} of {} arrived)", self.arrived, self.parties);
        Wanted { before: String::new(), after }
    }
}

impl Barrier {
    /// Creates a barrier that lets `n` tasks pass together. As with tokio, 0 stands for 1. Needs no loop.
    #[track_caller]
    #[inline]
    pub fn new(n: usize) -> Self {
        let round = Round { parties: n.max(1), arrived: 0, is_broken: false, leaving: None };
        Barrier { shared: Shared::new(round) }
    }

    /// Gives it a name, for reports.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.shared.set_name(name.into());
        self
    }

    /// Waits until all are there. The last that comes goes on at once, without suspending.
    ///
    /// A task has come when the future is first polled.
    ///
    /// # Panics
    ///
    /// Panics if the barrier is broken or is broken meanwhile, by [`abort`](Self::abort) or
    /// [`reset`](Self::reset). Where those are used, [`wait_or_broken`](Self::wait_or_broken) fits.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the barrier: one more has to come. That is asyncio's way; with tokio the
    /// dropped one still counts.
    #[inline]
    pub fn wait(&self) -> BarrierWait<'_> {
        BarrierWait { wait: self.wait_or_broken() }
    }

    /// Waits as [`wait`](Self::wait) does, and returns an error if the barrier is broken.
    ///
    /// # Errors
    ///
    /// [`BrokenBarrier`], at once if the barrier is broken, or when [`abort`](Self::abort) or
    /// [`reset`](Self::reset) is called before all are there.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::sync::{Barrier, BrokenBarrier};
    /// use simloop::{now, run, sleep};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let barrier = Barrier::new(2);
    ///     let (arrival, ()) = futures_util::future::join(barrier.wait_or_broken(), async {
    ///         sleep(Duration::from_secs(1)).await;
    ///         barrier.abort();
    ///     })
    ///     .await;
    ///     assert_eq!(arrival.unwrap_err(), BrokenBarrier);
    ///     assert_eq!(now().to_string(), "1s");
    ///     barrier.reset();
    ///     assert!(!barrier.is_broken());
    /// });
    /// ```
    ///
    /// # Cancel safety
    ///
    /// As [`wait`](Self::wait).
    #[inline]
    pub fn wait_or_broken(&self) -> BarrierWaitOrBroken<'_> {
        BarrierWaitOrBroken { waiter: Waiter::new(&self.shared, 0, false) }
    }

    /// Breaks the barrier: all who wait, and all who come until it is [`reset`](Self::reset), are turned away.
    #[inline]
    pub fn abort(&self) {
        self.shared.update(|round| {
            round.is_broken = true;
            round.release(Leaving::Broken);
        });
    }

    /// Makes the barrier empty and whole: all who wait are turned away, and a new round begins.
    #[inline]
    pub fn reset(&self) {
        self.shared.update(|round| {
            round.is_broken = false;
            round.release(Leaving::Broken);
        });
    }

    /// Says whether it is broken.
    #[doc(alias = "broken")]
    #[inline]
    pub fn is_broken(&self) -> bool {
        self.shared.read(|round| round.is_broken)
    }

    /// How many have to come.
    #[inline]
    pub fn parties(&self) -> usize {
        self.shared.read(|round| round.parties)
    }

    /// How many have come and wait for the others: less than [`parties`](Self::parties).
    #[inline]
    pub fn n_waiting(&self) -> usize {
        self.shared.read(|round| round.arrived)
    }
}

impl fmt::Debug for Barrier {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parties, n_waiting) = self.shared.read(|round| (round.parties, round.arrived));
        f.debug_struct("Barrier")
            .field("parties", &parties)
            .field("n_waiting", &n_waiting)
            .field("is_broken", &self.is_broken())
            .finish_non_exhaustive()
    }
}

/// What a completed wait at a [`Barrier`] tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BarrierWaitResult {
    index: usize,
    is_leader: bool,
}

impl BarrierWaitResult {
    /// Says whether this one came last. In each round exactly one does.
    #[inline]
    pub fn is_leader(&self) -> bool {
        self.is_leader
    }

    /// The place in the order of coming, from 0; each is there once in a round. The leader's is the highest.
    #[inline]
    pub fn index(&self) -> usize {
        self.index
    }
}

/// A barrier was aborted or reset before all were there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[doc(alias = "BrokenBarrierError")]
pub struct BrokenBarrier;

impl fmt::Display for BrokenBarrier {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the barrier is broken")
    }
}

impl std::error::Error for BrokenBarrier {}

/// Future of [`Barrier::wait`].
///
/// # Cancel safety
///
/// Dropping it leaves the barrier: one more has to come.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct BarrierWait<'a> {
    wait: BarrierWaitOrBroken<'a>,
}

impl Future for BarrierWait<'_> {
    type Output = BarrierWaitResult;

    /// # Panics
    ///
    /// Panics if the barrier is broken, and when polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<BarrierWaitResult> {
        let arrived = std::task::ready!(Pin::new(&mut self.wait).poll(cx));
        Poll::Ready(arrived.unwrap_or_else(|BrokenBarrier| {
            panic!("a barrier was broken while a task waited\n  `wait_or_broken` returns an error")
        }))
    }
}

/// Future of [`Barrier::wait_or_broken`].
///
/// # Cancel safety
///
/// Dropping it leaves the barrier: one more has to come.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct BarrierWaitOrBroken<'a> {
    waiter: Waiter<&'a Arc<Shared<Round>>, Round>,
}

impl Future for BarrierWaitOrBroken<'_> {
    type Output = Result<BarrierWaitResult, BrokenBarrier>;

    /// # Panics
    ///
    /// Panics when polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.waiter.poll(cx)
    }
}
