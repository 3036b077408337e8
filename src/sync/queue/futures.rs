//! The futures and the stream of a queue.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};

use super::QueueShutDown;
use super::store::{GETTERS, Grant, Need, SharedStore, Store, take_smallest};
use crate::sync::gate::Waiter;

impl<T> Grant<T> {
    /// The item that a getter comes back with, or `None` if it is turned away.
    pub(super) fn into_item(self, shared: &SharedStore<T>) -> Option<T> {
        match self {
            Grant::Turn => take_smallest(shared),
            Grant::Item(item) => Some(item),
            Grant::Room(_) | Grant::Done | Grant::ShutDown(_) => None,
        }
    }
}

/// Future of [`Queue::get`](super::Queue::get).
///
/// # Cancel safety
///
/// Dropping it leaves the line; an item that it was promised is promised to the next.
#[must_use = "a future does nothing unless it is awaited"]
pub struct QueueGet<'a, T> {
    pub(super) waiter: Waiter<&'a Arc<SharedStore<T>>, Store<T>, 3>,
}

impl<T: 'static> Future for QueueGet<'_, T> {
    type Output = Result<T, QueueShutDown>;

    /// # Panics
    ///
    /// Panics when polled again after it was ready, and with a panic of the items' `Ord`.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let grant = ready!(self.waiter.poll(cx));
        Poll::Ready(grant.into_item(self.waiter.way()).ok_or(QueueShutDown(())))
    }
}

/// Future of [`Queue::put`](super::Queue::put).
///
/// # Cancel safety
///
/// Dropping it leaves the line and drops the item, which is then not in the queue; room that it was given goes
/// to the next.
#[must_use = "a future does nothing unless it is awaited"]
pub struct QueuePut<'a, T> {
    pub(super) waiter: Waiter<&'a Arc<SharedStore<T>>, Store<T>, 3>,
}

impl<T: 'static> Future for QueuePut<'_, T> {
    type Output = Result<(), QueueShutDown<T>>;

    /// # Panics
    ///
    /// Panics when polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match ready!(self.waiter.poll(cx)) {
            Grant::ShutDown(Some(item)) => Err(QueueShutDown(item)),
            _ => Ok(()),
        })
    }
}

/// Future of [`Queue::join`](super::Queue::join).
///
/// # Cancel safety
///
/// Dropping it leaves the line; nothing is lost.
#[must_use = "a future does nothing unless it is awaited"]
pub struct QueueJoin<'a, T> {
    pub(super) waiter: Waiter<&'a Arc<SharedStore<T>>, Store<T>, 3>,
}

impl<T: 'static> Future for QueueJoin<'_, T> {
    type Output = ();

    /// # Panics
    ///
    /// Panics when polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.waiter.poll(cx).map(drop)
    }
}

/// Stream of [`Queue::items`](super::Queue::items).
#[must_use = "a stream does nothing unless it is polled"]
pub struct QueueItems<T> {
    /// `None` once the queue was found shut down and empty.
    shared: Option<Arc<SharedStore<T>>>,
    /// The wait for the next item, if one has begun.
    waiter: Option<Waiter<Arc<SharedStore<T>>, Store<T>, 3>>,
}

impl<T> QueueItems<T> {
    pub(super) fn new(shared: Arc<SharedStore<T>>) -> Self {
        QueueItems { shared: Some(shared), waiter: None }
    }
}

impl<T: 'static> Stream for QueueItems<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let QueueItems { shared, waiter } = &mut *self;
        let Some(queue) = shared else { return Poll::Ready(None) };
        let wait = || Waiter::new(Arc::clone(queue), GETTERS, Need::Item);
        let grant = ready!(waiter.get_or_insert_with(wait).poll(cx));
        *waiter = None;
        let item = grant.into_item(queue);
        if item.is_none() {
            *shared = None;
        }
        Poll::Ready(item)
    }
}

impl<T: 'static> FusedStream for QueueItems<T> {
    fn is_terminated(&self) -> bool {
        self.shared.is_none()
    }
}

/// None of them shows an item.
macro_rules! debug {
    ($($name:ident [$($lifetime:lifetime)?])+) => {
        $(impl<T> fmt::Debug for $name<$($lifetime,)? T> {
            #[inline]
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.waiter).finish()
            }
        })+
    };
}

debug! { QueueGet['_] QueuePut['_] QueueJoin['_] QueueItems[] }
