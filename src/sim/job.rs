//! The task of a blocking call.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::machine::{JobId, Stage};
use super::pool::Pool;
use crate::executor::{self, Timer};
use crate::time::now;

/// Waits until the cost of a call has been spent, then does its work.
pub(super) struct Job<R: 'static> {
    pool: Pool,
    id: JobId,
    timer: Timer,
    /// Gone once it is called.
    work: Option<Box<dyn FnOnce() -> R>>,
    site: &'static Location<'static>,
}

impl<R> Job<R> {
    pub(super) fn new(
        pool: Pool,
        id: JobId,
        work: Box<dyn FnOnce() -> R>,
        timer: Timer,
        site: &'static Location<'static>,
    ) -> Job<R> {
        Job { pool, id, timer, work: Some(work), site }
    }
}

impl<R> Future for Job<R> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        loop {
            match self.pool.poll_stage(self.id, now(), cx.waker()) {
                Stage::Queued | Stage::NeedsCore => return Poll::Pending,
                Stage::Waiting(until) | Stage::Computing(until) => {
                    ready!(self.timer.poll(until, cx));
                }
                Stage::Done => {
                    self.pool.forget(self.id);
                    let work = self.work.take().expect("a task is not polled after its end");
                    return Poll::Ready(work());
                }
            }
        }
    }
}

impl<R> Drop for Job<R> {
    fn drop(&mut self) {
        let Some(work) = self.work.take() else { return };
        // When the run ends, what has begun ends with it.
        if !executor::is_open() || self.pool.withdraw(self.id, now()) {
            return;
        }
        let carrier = Job {
            pool: self.pool.clone(),
            id: self.id,
            timer: Timer::new("spawn_blocking").0,
            work: Some(work),
            site: self.site,
        };
        drop(executor::spawn_at(self.site, "abandoned", carrier));
    }
}
