//! A limit on how fast items come.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::executor::Timer;
use crate::kernel::Instant;
use crate::time::now;

pin_project! {
    /// Stream of [`TimedStream::throttle`](super::TimedStream::throttle).
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
    pub struct Throttle<S> {
        // Gone once it has ended.
        #[pin]
        stream: Option<S>,
        timer: Timer,
        period: Duration,
        // When the stream may be asked for its next item.
        next: Instant,
    }
}

impl<S: Stream> Throttle<S> {
    #[track_caller]
    pub(super) fn new(stream: S, period: Duration) -> Self {
        let (timer, now) = Timer::new("TimedStream::throttle");
        Throttle { stream: Some(stream), timer, period, next: now }
    }
}

impl<S: Stream> Stream for Throttle<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        let Some(stream) = this.stream.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        ready!(this.timer.poll(*this.next, cx));
        let item = ready!(stream.poll_next(cx));
        match item {
            Some(_) => *this.next = now() + *this.period,
            None => this.stream.set(None),
        }
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }
}

impl<S: Stream> FusedStream for Throttle<S> {
    fn is_terminated(&self) -> bool {
        self.stream.is_none()
    }
}
