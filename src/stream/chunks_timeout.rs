//! Items in batches, none of which is kept back for long.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::executor::Timer;
use crate::kernel::Instant;
use crate::time::now;

pin_project! {
    /// Stream of [`TimedStream::chunks_timeout`](super::TimedStream::chunks_timeout).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future of `next()` keeps what has been gathered.
    ///
    /// # Panics
    ///
    /// Panics when polled outside a loop, or in another one than that in which it was made.
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct ChunksTimeout<S: Stream> {
        // Gone once it has ended.
        #[pin]
        stream: Option<S>,
        timer: Timer,
        duration: Duration,
        len_max: usize,
        gathered: Vec<S::Item>,
        // Of what has been gathered; means nothing while that is empty.
        deadline: Instant,
    }
}

impl<S: Stream> ChunksTimeout<S> {
    #[track_caller]
    pub(super) fn new(stream: S, len_max: usize, duration: Duration) -> Self {
        assert!(len_max > 0, "a chunk needs room for 1 item at least, and was given none");
        let (timer, deadline) = Timer::new("TimedStream::chunks_timeout");
        let gathered = Vec::new();
        ChunksTimeout { stream: Some(stream), timer, duration, len_max, gathered, deadline }
    }
}

impl<S: Stream> Stream for ChunksTimeout<S> {
    type Item = Vec<S::Item>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        while let Some(stream) = this.stream.as_mut().as_pin_mut() {
            match stream.poll_next(cx) {
                Poll::Pending if this.gathered.is_empty() => return Poll::Pending,
                Poll::Pending => {
                    ready!(this.timer.poll(*this.deadline, cx));
                    break;
                }
                Poll::Ready(None) => this.stream.set(None),
                Poll::Ready(Some(item)) => {
                    if this.gathered.is_empty() {
                        *this.deadline = now() + *this.duration;
                    }
                    this.gathered.push(item);
                    if this.gathered.len() == *this.len_max {
                        break;
                    }
                }
            }
        }
        this.timer.cancel();
        let chunk = std::mem::take(this.gathered);
        Poll::Ready(Some(chunk).filter(|chunk| !chunk.is_empty()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.stream.as_ref().map_or((0, Some(0)), Stream::size_hint);
        let gathered = self.gathered.len();
        let least = least.saturating_add(gathered).div_ceil(self.len_max);
        // At worst, what has been gathered comes alone and then each item does.
        (least, most.and_then(|most| most.checked_add(usize::from(gathered > 0))))
    }
}

impl<S: Stream> FusedStream for ChunksTimeout<S> {
    fn is_terminated(&self) -> bool {
        self.stream.is_none() && self.gathered.is_empty()
    }
}

impl<S: Stream> fmt::Debug for ChunksTimeout<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunksTimeout")
            .field("gathered", &self.gathered.len())
            .field("is_ended", &self.stream.is_none())
            .finish_non_exhaustive()
    }
}
