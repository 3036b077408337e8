//! A limit on the time that an item takes.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::executor::Timer;
use crate::kernel::Instant;
use crate::time::{Elapsed, now};

pin_project! {
    /// Stream of [`TimedStream::timeout`](super::TimedStream::timeout).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future of `next()` loses no item and moves no deadline.
    ///
    /// # Panics
    ///
    /// Panics when polled outside a loop, or in another one than that in which it was made.
    #[derive(Debug)]
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct Timeout<S> {
        // Gone once it has ended.
        #[pin]
        stream: Option<S>,
        timer: Timer,
        duration: Duration,
        // None when it has passed and its error was given; the next item brings the next one.
        deadline: Option<Instant>,
    }
}

impl<S: Stream> Timeout<S> {
    #[track_caller]
    pub(super) fn new(stream: S, duration: Duration) -> Self {
        let (timer, now) = Timer::new("TimedStream::timeout");
        Timeout { stream: Some(stream), timer, duration, deadline: Some(now + duration) }
    }
}

impl<S: Stream> Stream for Timeout<S> {
    type Item = Result<S::Item, Elapsed>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let Some(stream) = this.stream.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        match stream.poll_next(cx) {
            Poll::Ready(Some(item)) => {
                this.timer.cancel();
                *this.deadline = Some(now() + *this.duration);
                return Poll::Ready(Some(Ok(item)));
            }
            Poll::Ready(None) => {
                this.timer.cancel();
                this.stream.set(None);
                return Poll::Ready(None);
            }
            Poll::Pending => {}
        }
        let Some(deadline) = *this.deadline else { return Poll::Pending };
        ready!(this.timer.poll(deadline, cx));
        *this.deadline = None;
        Poll::Ready(Some(Err(Elapsed::at(deadline))))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let Some(stream) = &self.stream else { return (0, Some(0)) };
        let (least, most) = stream.size_hint();
        // An error before each item, and one before the end.
        let most = most.and_then(|most| most.checked_mul(2)?.checked_add(1));
        (least, most)
    }
}

impl<S: Stream> FusedStream for Timeout<S> {
    fn is_terminated(&self) -> bool {
        self.stream.is_none()
    }
}
