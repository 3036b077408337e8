//! Giving up on a future at a deadline.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::executor::{self, Timer};
use crate::kernel::Instant;

/// Waits for `future`, but no longer than `duration` of virtual time. This is `asyncio.wait_for`.
///
/// The future is polled first: if it is ready in that poll the result is `Ok`, even at the deadline, so
/// `timeout(Duration::ZERO, f)` polls `f` once (S12). On expiry the future is dropped before the error is
/// returned; of nested timeouts with equal deadlines the inner one is reported (S13).
///
/// # Errors
///
/// [`Elapsed`], if the deadline passed first.
///
/// # Panics
///
/// Panics outside a loop.
///
/// # Examples
///
/// ```
/// use simloop::{now, run, sleep, timeout};
/// use std::time::Duration;
///
/// run(async {
///     let slow = sleep(Duration::from_secs(10));
///     let error = timeout(Duration::from_secs(2), slow).await.unwrap_err();
///     assert_eq!(error.to_string(), "timed out at 2s");
///     assert_eq!(now().to_string(), "2s");
/// });
/// ```
#[doc(alias = "wait_for")]
#[inline]
#[track_caller]
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    let (timer, now) = Timer::new("timeout");
    Timeout { future: Some(future.into_future()), timer, deadline: now + duration }
}

/// Waits for `future`, but no longer than until `deadline`; see [`timeout`].
///
/// # Errors
///
/// [`Elapsed`], if the deadline passed first.
///
/// # Panics
///
/// Panics outside a loop.
#[inline]
#[track_caller]
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    let (timer, _) = Timer::new("timeout_at");
    Timeout { future: Some(future.into_future()), timer, deadline }
}

pin_project! {
    /// Future of [`timeout`] and [`timeout_at`].
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as the future inside.
    ///
    /// # Panics
    ///
    /// Panics when polled outside a loop, or in another one than that in which it was made, and when
    /// awaited again after it has given its result.
    #[derive(Debug)]
    #[must_use = "a future does nothing unless it is awaited"]
    pub struct Timeout<F> {
        // Gone once the result is given: its destructor must have run by then (S13).
        #[pin]
        future: Option<F>,
        timer: Timer,
        deadline: Instant,
    }
}

impl<F> Timeout<F> {
    /// Returns the instant at which it gives up.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Returns the future inside; `None` after the result was given.
    pub fn get_ref(&self) -> Option<&F> {
        self.future.as_ref()
    }

    /// Returns the future inside, to change it where it does not have to be pinned; `None` after the result was
    /// given.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, spawn, timeout};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let mut limited = timeout(Duration::from_secs(1), spawn(std::future::pending::<()>()));
    ///     limited.get_mut().unwrap().abort();
    ///     assert!(limited.await.unwrap().unwrap_err().is_cancelled());
    /// });
    /// ```
    pub fn get_mut(&mut self) -> Option<&mut F> {
        self.future.as_mut()
    }

    /// Returns the future inside, pinned; `None` after the result was given.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Option<Pin<&mut F>> {
        self.project().future.as_pin_mut()
    }

    /// Gives up the timeout and returns the future inside; `None` after the result was given.
    pub fn into_inner(self) -> Option<F> {
        self.future
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let future = this
            .future
            .as_mut()
            .as_pin_mut()
            .expect("a timeout was polled after it had given its result");
        let polled = executor::within_deadline(*this.deadline, || future.poll(cx));
        if let Poll::Ready(output) = polled {
            this.future.set(None);
            this.timer.cancel();
            return Poll::Ready(Ok(output));
        }
        if this.timer.poll(*this.deadline, cx).is_pending() {
            return Poll::Pending;
        }
        this.future.set(None);
        Poll::Ready(Err(Elapsed { deadline: *this.deadline }))
    }
}

/// A deadline that passed before the future was ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Elapsed {
    deadline: Instant,
}

impl Elapsed {
    #[inline]
    pub(crate) fn at(deadline: Instant) -> Self {
        Elapsed { deadline }
    }

    /// Returns the deadline that passed.
    #[inline]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }
}

impl fmt::Display for Elapsed {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "timed out at {}", self.deadline)
    }
}

impl std::error::Error for Elapsed {}
