//! Being served by a resource: waiting for a server, holding it, using it for a while.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::delay::Delay;
use super::resource::{Need, Resource, Station};
use crate::executor;
use crate::kernel::Instant;
use crate::sync::gate::{Shared, Waiter};
use crate::time::{Sleep, sleep_until};

/// Future of [`Resource::acquire`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; a server that was handed to it goes to the next.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Acquire {
    resource: Resource,
    waiter: Waiter<Arc<Shared<Station>>, Station>,
}

impl Acquire {
    pub(super) fn new(resource: Resource, priority: i64) -> Acquire {
        let shared = Arc::clone(&resource.shared);
        Acquire { resource, waiter: Waiter::new(shared, 0, Need::new(priority)) }
    }

    /// Sets its priority in the line, 0 unless set: the lower number is served first, as in SimPy.
    ///
    /// # Panics
    ///
    /// Panics if the future has been polled: it has its place in the line then.
    #[track_caller]
    pub fn priority(self, priority: i64) -> Acquire {
        assert!(self.waiter.is_new(), "the priority was set of a request that was polled before");
        Acquire::new(self.resource, priority)
    }
}

impl Future for Acquire {
    type Output = Server;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Server> {
        assert!(
            executor::current_run("Resource::acquire") == self.resource.run,
            "a resource was used in another loop than the one it was made in"
        );
        let grant = ready!(self.waiter.poll(cx));
        Poll::Ready(self.resource.guard(&grant))
    }
}

impl fmt::Debug for Acquire {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Acquire").field(&self.waiter).finish()
    }
}

/// A server of a [`Resource`], held. Dropping it frees the server, which goes to the first in line.
#[must_use = "the server is free again at once if the guard is dropped"]
pub struct Server {
    shared: Arc<Shared<Station>>,
    number: usize,
    since: Instant,
}

impl Server {
    pub(super) fn new(shared: Arc<Shared<Station>>, number: usize, since: Instant) -> Server {
        Server { shared, number, since }
    }

    /// Returns which one it is, counted from 0. Of several that are free the lowest is taken.
    #[inline]
    pub fn number(&self) -> usize {
        self.number
    }

    /// Returns the instant since which it is held: that at which it was handed over.
    #[inline]
    pub fn since(&self) -> Instant {
        self.since
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.update(|station| station.release(self.number));
    }
}

impl fmt::Debug for Server {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("number", &self.number)
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}

/// Future of [`Resource::use_for`].
///
/// # Cancel safety
///
/// Dropping it leaves the line, or frees the server at once.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct UseFor {
    acquire: Acquire,
    delay: Delay,
    /// Drawn at the first poll.
    takes: Option<Duration>,
    /// The sleep first, so that its timer is gone before the next in line sets another.
    service: Option<(Sleep, Server)>,
}

impl UseFor {
    #[inline]
    pub(super) fn new(acquire: Acquire, delay: Delay) -> UseFor {
        UseFor { acquire, delay, takes: None, service: None }
    }

    /// Sets its priority in the line, 0 unless set: the lower number is served first, as in SimPy.
    ///
    /// # Panics
    ///
    /// Panics if the future has been polled: it has its place in the line then.
    #[track_caller]
    pub fn priority(self, priority: i64) -> UseFor {
        UseFor { acquire: self.acquire.priority(priority), ..self }
    }
}

impl Future for UseFor {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let UseFor { acquire, delay, takes, service } = &mut *self;
        let takes = *takes.get_or_insert_with(|| delay.draw(&mut executor::rng()));
        let (sleep, _) = match service {
            Some(service) => service,
            None => {
                let server = ready!(Pin::new(acquire).poll(cx));
                service.insert((sleep_until(server.since + takes), server))
            }
        };
        ready!(Pin::new(sleep).poll(cx));
        *service = None;
        Poll::Ready(())
    }
}
