//! A notification without a value: wakes one task, or all that wait.

use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::gate::{Gate, OnDemand, Shared, Waiter};
use super::owned::Owned;
use crate::executor::{Party, Wanted};

/// Tells one task, or all that wait, that something has happened. This is tokio's `Notify`.
///
/// [`notify_one`](Self::notify_one) wakes the first who waits. If nobody does, it stores one permit, and the
/// next who waits takes that and does not suspend; storing it twice makes no difference.
/// [`notify_waiters`](Self::notify_waiters) reaches every [`Notified`] that exists, awaited or not, and stores
/// nothing.
///
/// A task that was notified by `notify_one` and goes away before it runs passes the notification on (S29).
///
/// To wait for a condition without missing its change, make the future first and look then:
///
/// # Examples
///
/// ```
/// use simloop::{now, run, sleep, spawn, sync::Notify};
/// use std::{cell::Cell, rc::Rc, time::Duration};
///
/// run(async {
///     let (count, changed) = (Rc::new(Cell::new(0)), Rc::new(Notify::new().named("changed")));
///     let waiter = spawn({
///         let (count, changed) = (Rc::clone(&count), Rc::clone(&changed));
///         async move {
///             loop {
///                 let notified = changed.notified();
///                 if count.get() == 3 {
///                     return now().to_string();
///                 }
///                 notified.await;
///             }
///         }
///     });
///     for _ in 0..3 {
///         sleep(Duration::from_secs(1)).await;
///         count.set(count.get() + 1);
///         changed.notify_waiters();
///     }
///     assert_eq!(waiter.await.unwrap(), "3s");
/// });
/// ```
pub struct Notify {
    shared: OnDemand<Bell>,
}

#[derive(Default)]
struct Bell {
    /// A notification for one that nobody has taken, and for which end of the line it is. While somebody
    /// waits there is none.
    stored: Option<End>,
    /// How often all were notified.
    calls: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    First,
    Last,
}

#[derive(Clone, Copy)]
enum Notification {
    One(End),
    All,
}

impl Gate for Bell {
    /// How often all had been notified when the future was made.
    type Need = u64;
    type Grant = Notification;

    #[inline]
    fn kind(&self) -> &'static str {
        "notify"
    }

    #[inline]
    fn serve(&mut self, _: usize, seen: &mut u64, _: Option<Party>) -> Option<Notification> {
        if self.is_free(seen) {
            return Some(Notification::All);
        }
        self.stored.take().map(Notification::One)
    }

    #[inline]
    fn take_back(&mut self, notification: Notification) -> Option<Notification> {
        if let Notification::One(end) = notification {
            self.stored = Some(end);
        }
        None
    }

    /// What all are told takes nothing from those who wait.
    fn is_free(&self, seen: &u64) -> bool {
        *seen != self.calls
    }

    #[inline]
    fn serves_last(&self) -> bool {
        self.stored == Some(End::Last)
    }

    #[inline]
    fn wanted(&self, _: usize, _: &u64) -> Wanted {
        Wanted { before: "a notification of ".to_owned(), after: String::new() }
    }
}

impl Notify {
    /// Creates a `Notify` with nothing stored. Needs no loop.
    #[track_caller]
    #[inline]
    pub fn new() -> Self {
        Notify { shared: OnDemand::new((), |()| Bell::default()) }
    }

    /// Does as [`new`](Self::new), for statics: it is made when it is first used.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, sync::Notify};
    ///
    /// static RELOAD: Notify = Notify::const_new();
    ///
    /// run(async {
    ///     RELOAD.notify_one();
    ///     RELOAD.notified().await;
    /// });
    /// ```
    #[track_caller]
    #[inline]
    pub const fn const_new() -> Self {
        Notify { shared: OnDemand::const_new((), |()| Bell::default()) }
    }

    /// Gives it a name, for reports.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.shared.get().set_name(name.into());
        self
    }

    /// Returns a future that waits for a notification.
    ///
    /// From now on it is reached by [`notify_waiters`](Self::notify_waiters). It stands in line for
    /// [`notify_one`](Self::notify_one) from its first poll on, or from [`enable`](Notified::enable).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line. A notification for one that it had been given goes to the next, or
    /// is stored (S29).
    #[inline]
    pub fn notified(&self) -> Notified<'_> {
        Notified { waiter: Waiter::new(self.shared.get(), 0, self.calls()) }
    }

    /// Does as [`notified`](Self::notified), for a future that borrows nothing.
    ///
    /// # Cancel safety
    ///
    /// As [`notified`](Self::notified).
    pub fn notified_owned(self: Arc<Self>) -> OwnedNotified {
        let calls = self.calls();
        OwnedNotified { waiter: Waiter::new(Owned(self), 0, calls) }
    }

    fn calls(&self) -> u64 {
        self.shared.get().read(|bell| bell.calls)
    }

    /// Notifies the first who waits, or stores a permit for the next who will.
    #[inline]
    pub fn notify_one(&self) {
        self.shared.get().update(|bell| bell.stored = Some(End::First));
    }

    /// Notifies the one who came last, or stores a permit for the next who will wait.
    #[inline]
    pub fn notify_last(&self) {
        self.shared.get().update(|bell| bell.stored = Some(End::Last));
    }

    /// Notifies all whose future exists, in the order in which they wait. Nothing is stored.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, sync::Notify};
    ///
    /// run(async {
    ///     let notify = Notify::new();
    ///     let notified = notify.notified();
    ///     notify.notify_waiters();
    ///     notified.await; // It was made before, so it does not suspend.
    /// });
    /// ```
    #[inline]
    pub fn notify_waiters(&self) {
        self.shared.get().update(|bell| bell.calls += 1);
    }
}

impl Default for Notify {
    #[track_caller]
    #[inline]
    fn default() -> Self {
        Notify::new()
    }
}

impl Borrow<Arc<Shared<Bell>>> for Owned<Notify> {
    fn borrow(&self) -> &Arc<Shared<Bell>> {
        self.0.shared.get()
    }
}

impl fmt::Debug for Notify {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_permit = self.shared.get().read(|bell| bell.stored.is_some());
        f.debug_struct("Notify")
            .field("has_permit", &has_permit)
            .field("waiting", &self.shared.get().waiting(0))
            .finish_non_exhaustive()
    }
}

/// Future of [`Notify::notified`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; a notification for one that it had been given goes to the next, or is stored.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Notified<'a> {
    waiter: Waiter<&'a Arc<Shared<Bell>>, Bell>,
}

/// Future of [`Notify::notified_owned`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; a notification for one that it had been given goes to the next, or is stored.
#[must_use = "a future does nothing unless it is awaited"]
pub struct OwnedNotified {
    waiter: Waiter<Owned<Notify>, Bell>,
}

/// What the two futures have in common.
macro_rules! notified {
    ($future:ident $(<$lifetime:lifetime>)?) => {
        impl $(<$lifetime>)? $future $(<$lifetime>)? {
            /// Enters the line now, without awaiting: from here on [`Notify::notify_one`] reaches it.
            ///
            /// Returns whether it has been notified, as with a permit that was stored; then awaiting it does
            /// not suspend.
            pub fn enable(mut self: Pin<&mut Self>) -> bool {
                self.waiter.enable().is_some() || self.waiter.is_over()
            }
        }

        impl $(<$lifetime>)? Future for $future $(<$lifetime>)? {
            type Output = ();

            /// Once it was notified it stays ready.
            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
                if self.waiter.is_over() {
                    return Poll::Ready(());
                }
                self.waiter.poll(cx).map(drop)
            }
        }

        impl $(<$lifetime>)? fmt::Debug for $future $(<$lifetime>)? {
            #[inline]
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($future)).field(&self.waiter).finish()
            }
        }
    };
}

notified!(Notified<'a>);
notified!(OwnedNotified);
