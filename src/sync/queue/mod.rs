//! Queues of items between tasks, in three orders.
//!
//! One store (`store`) with one bound and one line of getters decides who may take an item out. Which item that
//! is, the discipline says at the moment of taking: the oldest, the newest or the smallest.

mod futures;
mod heap;
mod shut_down;
mod store;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

pub use futures::{QueueGet, QueueItems, QueueJoin, QueuePut};
pub use shut_down::{QueueShutDown, TryGetError, TryPutError};

use super::gate::{Shared, Waiter};
use crate::sync::discard::discard;
use heap::Heap;
use store::{GETTERS, Grant, JOINERS, Need, Order, PUTTERS, SharedStore, Store};

/// A queue of items, first-in first-out, with or without a bound. This is asyncio's `Queue`.
///
/// Whoever gets waits for an item, whoever puts waits for room, each first-in first-out. An item that is put
/// while somebody waits is promised to the first in line, and nobody takes it before; until that task has run,
/// the item is in the queue and counts. So items leave in the order of the queue under every policy, whichever
/// of the tasks that were promised one runs first. Room is handed over in the same way; the item goes in
/// when the putter runs, so a put that is cancelled has put nothing.
///
/// [`join`](Self::join) waits until all items that were put are done with, as [`task_done`](Self::task_done)
/// tells. [`shutdown`](Self::shutdown) ends the queue.
///
/// # Examples
///
/// ```
/// use simloop::{now, run, sleep, spawn, sync::Queue};
/// use std::{rc::Rc, time::Duration};
///
/// run(async {
///     let queue = Rc::new(Queue::bounded(1).named("jobs"));
///     for _ in 0..2 {
///         let queue = Rc::clone(&queue);
///         spawn(async move {
///             while let Ok(seconds) = queue.get().await {
///                 sleep(Duration::from_secs(seconds)).await;
///                 queue.task_done();
///             }
///         });
///     }
///     for seconds in [3, 1, 1, 2] {
///         queue.put(seconds).await.unwrap();
///     }
///     assert_eq!(now().to_string(), "1s", "two are being worked on, one waits, and so does this");
///     queue.join().await;
///     assert_eq!(now().to_string(), "4s");
///     queue.shutdown();
/// });
/// ```
pub struct Queue<T> {
    shared: Arc<SharedStore<T>>,
}

impl<T> Queue<T> {
    /// Creates a queue without a bound. Needs no loop.
    #[track_caller]
    pub fn new() -> Self {
        Queue::with_order(Order::FirstInFirstOut, usize::MAX)
    }

    /// Creates a queue for at most `capacity` items. Needs no loop.
    ///
    /// # Panics
    ///
    /// Panics if `capacity` is 0, which stands for no bound in asyncio; here that is [`new`](Self::new).
    #[track_caller]
    pub fn bounded(capacity: usize) -> Self {
        Queue::with_order(Order::FirstInFirstOut, bound(capacity))
    }

    #[track_caller]
    fn with_order(order: Order<T>, capacity: usize) -> Self {
        Queue { shared: Shared::new(Store::new(order, capacity)) }
    }

    /// Gives it a name, for reports.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.shared.set_name(name.into());
        self
    }

    /// Puts an item in, and waits for room first if there is none.
    ///
    /// # Errors
    ///
    /// [`QueueShutDown`] with the item if the queue is shut down, or is while this waits.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line and drops the item, which is then not in the queue. Room that was handed
    /// to it goes to the next: it brings its item when it runs, as in asyncio.
    #[doc(alias = "send")]
    pub fn put(&self, item: T) -> QueuePut<'_, T> {
        QueuePut { waiter: Waiter::new(&self.shared, PUTTERS, Need::Room(Some(item))) }
    }

    /// Takes the next item out, and waits for one if there is none.
    ///
    /// # Errors
    ///
    /// [`QueueShutDown`] if the queue is shut down and empty, or is while this waits.
    ///
    /// # Panics
    ///
    /// That of a [`PriorityQueue`] lets a panic of the items' `Ord` through. No item is lost then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line. An item that it was promised is promised to the next (S29), and has
    /// not moved.
    #[doc(alias = "recv")]
    pub fn get(&self) -> QueueGet<'_, T> {
        QueueGet { waiter: Waiter::new(&self.shared, GETTERS, Need::Item) }
    }

    /// Puts an item in now, if there is room and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`TryPutError`] with the item, if the queue is full or shut down.
    #[doc(alias = "put_nowait")]
    #[doc(alias = "QueueFull")]
    pub fn try_put(&self, item: T) -> Result<(), TryPutError<T>> {
        match self.shared.try_now(PUTTERS, Need::Room(Some(item))) {
            Ok(Grant::ShutDown(Some(item))) => Err(TryPutError::ShutDown(item)),
            Err(Need::Room(Some(item))) => Err(TryPutError::Full(item)),
            _ => Ok(()),
        }
    }

    /// Takes the next item out now, if there is one that is promised to nobody.
    ///
    /// # Errors
    ///
    /// [`TryGetError`], if there is none or the queue is shut down and empty.
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get).
    #[doc(alias = "get_nowait")]
    #[doc(alias = "QueueEmpty")]
    pub fn try_get(&self) -> Result<T, TryGetError> {
        let Ok(grant) = self.shared.try_now(GETTERS, Need::Item) else {
            return Err(TryGetError::Empty);
        };
        grant.into_item(&self.shared).ok_or(TryGetError::ShutDown)
    }

    /// Says that an item that was got is done with. [`join`](Self::join) counts these.
    ///
    /// # Panics
    ///
    /// Panics if it is called more often than items were put. That is asyncio's `ValueError`.
    #[track_caller]
    pub fn task_done(&self) {
        let has_one = self.shared.update(Store::task_done);
        assert!(has_one, "`task_done` was called more often than items were put into the queue");
    }

    /// Waits until each item that was put is done with; ready at once if that is so.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line; nothing is lost.
    pub fn join(&self) -> QueueJoin<'_, T> {
        QueueJoin { waiter: Waiter::new(&self.shared, JOINERS, Need::AllDone) }
    }

    /// Lets nothing more in. What is in the queue can still be got, and then those who get are turned away.
    ///
    /// Those who wait to put get their items back. This is asyncio's `shutdown()` (Python 3.13). Doing it again
    /// has no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, sync::{Queue, QueueShutDown}};
    ///
    /// run(async {
    ///     let queue = Queue::new();
    ///     queue.put(1).await.unwrap();
    ///     queue.shutdown();
    ///     assert_eq!(queue.put(2).await, Err(QueueShutDown(2)));
    ///     assert_eq!(queue.get().await, Ok(1));
    ///     assert_eq!(queue.get().await, Err(QueueShutDown(())));
    /// });
    /// ```
    #[doc(alias = "close")]
    pub fn shutdown(&self) {
        self.shared.update(Store::shut_down);
    }

    /// Shuts the queue down at once: its items are dropped and count as done with, and whoever waits to get or
    /// to put is turned away. This is asyncio's `shutdown(immediate=True)`.
    ///
    /// Those who were promised an item and have not run since are turned away too.
    pub fn shutdown_now(&self) {
        let items = self.shared.update(|store| {
            store.shut_down();
            store.empty()
        });
        discard(items);
    }

    /// Says whether it was shut down.
    #[doc(alias = "is_closed")]
    pub fn is_shut_down(&self) -> bool {
        self.shared.read(Store::is_shut_down)
    }

    /// How many items are in it, those included that are promised.
    #[doc(alias = "qsize")]
    pub fn len(&self) -> usize {
        self.shared.read(Store::len)
    }

    /// Says whether no item is in it.
    #[doc(alias = "empty")]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Says whether there is no room: none is free of items, or what is was handed to those who wait to put theirs
    /// in. A queue without a bound always has some.
    #[doc(alias = "full")]
    pub fn is_full(&self) -> bool {
        self.shared.read(|store| store.taken() >= store.capacity())
    }

    /// How many items have room in it; `None` without a bound.
    #[doc(alias = "maxsize")]
    pub fn capacity(&self) -> Option<usize> {
        Some(self.shared.read(Store::capacity)).filter(|&capacity| capacity < usize::MAX)
    }

    /// Returns the items as a stream that ends when the queue is shut down and empty. It borrows nothing.
    ///
    /// The stream waits in line from its first poll without an item until it is polled with one or dropped, so
    /// a `next()` that is dropped keeps its place.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_util::StreamExt;
    /// use simloop::{run, sync::LifoQueue};
    ///
    /// run(async {
    ///     let stack = LifoQueue::new();
    ///     for item in 1..=3 {
    ///         stack.put(item).await.unwrap();
    ///     }
    ///     stack.shutdown();
    ///     assert_eq!(stack.items().collect::<Vec<_>>().await, [3, 2, 1]);
    /// });
    /// ```
    pub fn items(&self) -> QueueItems<T> {
        QueueItems::new(Arc::clone(&self.shared))
    }
}

#[track_caller]
fn bound(capacity: usize) -> usize {
    assert!(
        capacity > 0,
        "a queue for 0 items would never let one in\n  `new` makes one without a bound"
    );
    capacity
}

impl<T> Default for Queue<T> {
    #[track_caller]
    fn default() -> Self {
        Queue::new()
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_as("Queue", f)
    }
}

impl<T> Queue<T> {
    /// The items are not shown: that would run foreign code under the lock.
    fn fmt_as(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (len, unfinished) = self.shared.read(|store| (store.len(), store.unfinished()));
        f.debug_struct(name)
            .field("len", &len)
            .field("capacity", &self.capacity())
            .field("unfinished", &unfinished)
            .field("is_shut_down", &self.is_shut_down())
            .finish_non_exhaustive()
    }
}

/// A [`Queue`] whose newest item is taken out first: a stack. This is asyncio's `LifoQueue`.
///
/// It has all methods of a [`Queue`]. Those who wait are served first-in first-out here too; only the items
/// come the other way round.
///
/// # Examples
///
/// ```
/// use simloop::{run, sync::LifoQueue};
///
/// run(async {
///     let stack = LifoQueue::bounded(2);
///     stack.put("old").await.unwrap();
///     stack.put("new").await.unwrap();
///     assert!(stack.is_full());
///     assert_eq!(stack.get().await.unwrap(), "new");
/// });
/// ```
pub struct LifoQueue<T>(Queue<T>);

/// A [`Queue`] whose smallest item is taken out first. This is asyncio's `PriorityQueue`.
///
/// The order is that of the items' [`Ord`]; of equal ones the first that was put comes first, which asyncio
/// leaves open. Pairs of a priority and an item are compared by both; [`Reverse`](std::cmp::Reverse) puts
/// the greatest first. It has all methods of a [`Queue`]. An item is chosen when it is taken out, not when
/// it is promised: what is put before the getter runs may still come first.
///
/// Items are compared with no lock held, so their `Ord` may panic, which loses no item, and may look at the
/// queue and put into it. To get from the same queue in there panics.
///
/// # Examples
///
/// ```
/// use simloop::{run, sync::PriorityQueue};
///
/// run(async {
///     let queue = PriorityQueue::new();
///     for entry in [(2, "code"), (1, "eat"), (3, "sleep")] {
///         queue.put(entry).await.unwrap();
///     }
///     assert_eq!(queue.get().await.unwrap(), (1, "eat"));
///     assert_eq!(queue.get().await.unwrap(), (2, "code"));
/// });
/// ```
pub struct PriorityQueue<T>(Queue<T>);

/// What makes a [`Queue`] in another order. As a subclass in asyncio, it has all methods of a queue, and goes
/// where one is asked for.
macro_rules! queue {
    ($name:ident [$bound:ident] $order:expr) => {
        impl<T: $bound> $name<T> {
            /// Creates a queue without a bound. Needs no loop.
            #[track_caller]
            pub fn new() -> Self {
                $name(Queue::with_order($order, usize::MAX))
            }

            /// Creates a queue for at most `capacity` items. Needs no loop.
            ///
            /// # Panics
            ///
            /// Panics if `capacity` is 0, which stands for no bound in asyncio; here that is
            /// [`new`](Self::new).
            #[track_caller]
            pub fn bounded(capacity: usize) -> Self {
                $name(Queue::with_order($order, bound(capacity)))
            }

            /// Gives it a name, for reports.
            pub fn named(self, name: impl Into<String>) -> Self {
                $name(self.0.named(name))
            }
        }

        impl<T> Deref for $name<T> {
            type Target = Queue<T>;

            fn deref(&self) -> &Queue<T> {
                &self.0
            }
        }

        impl<T: $bound> Default for $name<T> {
            #[track_caller]
            fn default() -> Self {
                $name::new()
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt_as(stringify!($name), f)
            }
        }
    };
}

queue!(LifoQueue [Sized] Order::LastInFirstOut);
queue!(PriorityQueue [Ord] Order::Smallest(Heap::pop));
