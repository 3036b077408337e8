//! A flag for which tasks wait.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::gate::{Gate, Shared, Waiter};
use crate::executor::Party;

/// A flag that is set and cleared, and for which any number of tasks wait. This is asyncio's `Event`.
///
/// Setting it wakes all who wait, in the order in which they came. They have waited successfully even if it is
/// cleared before their turn.
///
/// # Examples
///
/// ```
/// use simloop::{now, run, sleep, spawn, sync::Event};
/// use std::{rc::Rc, time::Duration};
///
/// run(async {
///     let event = Rc::new(Event::new().named("ready"));
///     let waiter = spawn({
///         let event = Rc::clone(&event);
///         async move {
///             event.wait().await;
///             now().to_string()
///         }
///     });
///     sleep(Duration::from_secs(1)).await;
///     event.set();
///     event.clear();
///     assert_eq!(waiter.await.unwrap(), "1s");
///     assert!(!event.is_set());
/// });
/// ```
pub struct Event {
    shared: Arc<Shared<Flag>>,
}

#[derive(Default)]
struct Flag {
    is_set: bool,
}

impl Gate for Flag {
    type Need = ();
    type Grant = ();

    #[inline]
    fn kind(&self) -> &'static str {
        "event"
    }

    #[inline]
    fn serve(&mut self, _: usize, (): &mut (), _: Option<Party>) -> Option<()> {
        self.is_set.then_some(())
    }

    #[inline]
    fn take_back(&mut self, (): ()) -> Option<()> {
        None
    }
}

impl Event {
    /// Creates an event that is not set. Needs no loop.
    #[track_caller]
    #[inline]
    pub fn new() -> Self {
        Event { shared: Shared::new(Flag::default()) }
    }

    /// Gives it a name, for reports.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.shared.set_name(name.into());
        self
    }

    /// Sets it and wakes all who wait.
    #[inline]
    pub fn set(&self) {
        self.shared.update(|flag| flag.is_set = true);
    }

    /// Clears it: from now on [`wait`](Self::wait) suspends.
    #[inline]
    pub fn clear(&self) {
        self.shared.update(|flag| flag.is_set = false);
    }

    /// Says whether it is set.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.shared.read(|flag| flag.is_set)
    }

    /// Waits until it is set; ready at once, without suspending, if it is.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line; nothing is lost.
    #[inline]
    pub fn wait(&self) -> EventWait<'_> {
        EventWait { waiter: Waiter::new(&self.shared, 0, ()) }
    }
}

impl Default for Event {
    #[track_caller]
    #[inline]
    fn default() -> Self {
        Event::new()
    }
}

impl fmt::Debug for Event {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("is_set", &self.is_set()).finish_non_exhaustive()
    }
}

/// Future of [`Event::wait`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; nothing is lost.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct EventWait<'a> {
    waiter: Waiter<&'a Arc<Shared<Flag>>, Flag>,
}

impl Future for EventWait<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.waiter.poll(cx)
    }
}
