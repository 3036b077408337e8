//! Senders, and the future that waits for the receivers to go.

use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;

use super::error::SendError;
use super::{CLOSED, Latest, Receiver, Ref, Shown, USED_INSIDE, Way, channel, look};
use crate::sync::away::Away;
use crate::sync::gate::Place;

/// Sets the value of a [`channel`]. Cloning it makes another one; the channel ends with the last.
pub struct Sender<T> {
    pub(super) shared: Way<T>,
}

/// Why a value cannot be had for changing it.
enum Lent {
    /// A `Ref` of it is alive; the thread on which it was borrowed.
    Borrowed(Option<Away>),
    /// A closure changes it right now.
    Away(Away),
}

impl Lent {
    /// Waits for another thread's closure or `Ref`.
    #[cold]
    #[track_caller]
    fn wait(self, what: &str) {
        match self {
            Lent::Away(away) => away.wait(USED_INSIDE),
            Lent::Borrowed(None) => thread::yield_now(),
            Lent::Borrowed(Some(away)) => away.wait(&format!(
                "`{what}` needs the value of a watch for itself, and a `Ref` of it is alive\n  \
                 in tokio this would wait until that is dropped; drop it first, or use `send`"
            )),
        }
    }
}

impl<T> Latest<T> {
    /// The value, if nobody else looks at it.
    fn own(&mut self) -> Result<&mut T, Lent> {
        let shown = self.value.as_mut().map_err(|&mut away| Lent::Away(away))?;
        if Arc::get_mut(shown).is_none() {
            return Err(Lent::Borrowed(shown.borrowed_on()));
        }
        let own = Arc::get_mut(shown).expect("nobody else comes to it under the lock");
        Ok(&mut own.value)
    }

    /// Takes the value out, if nobody else looks at it.
    fn take(&mut self) -> Result<Arc<Shown<T>>, Lent> {
        self.own()?;
        mem::replace(&mut self.value, Err(Away::here())).map_err(Lent::Away)
    }

    /// Stores another value, and returns what is to be dropped; or the value itself, where that is not possible.
    fn set(&mut self, value: T) -> Result<Old<T>, (T, Away)> {
        let old = match self.own() {
            Ok(present) => (Some(mem::replace(present, value)), None),
            Err(Lent::Borrowed(_)) => {
                (None, mem::replace(&mut self.value, Ok(Shown::new(value))).ok())
            }
            Err(Lent::Away(away)) => return Err((value, away)),
        };
        self.version += 1;
        Ok(old)
    }
}

/// The value that was there before: by itself, or as those see it who look at it.
type Old<T> = (Option<T>, Option<Arc<Shown<T>>>);

impl<T> Sender<T> {
    /// Creates a channel that shows `init`, without a receiver at first.
    #[track_caller]
    pub fn new(init: T) -> Self {
        channel(init).0
    }

    /// Gives the channel a name, for reports.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.shared.set_name(name.into());
        self
    }

    /// Sets the value and wakes the receivers. A [`Ref`] that is alive goes on showing what it has shown.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the value, if there is no receiver: then nothing changes. [`send_replace`] sets it all
    /// the same.
    ///
    /// # Panics
    ///
    /// Panics inside the closure of [`send_modify`](Self::send_modify) and its like.
    ///
    /// [`send_replace`]: Self::send_replace
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        let mut value = value;
        loop {
            let set = self.shared.update(|latest| match latest.receivers {
                0 => Err(value),
                _ => Ok(latest.set(value)),
            });
            match set {
                Err(value) => return Err(SendError(value)),
                Ok(Ok(old)) => {
                    drop(old);
                    return Ok(());
                }
                Ok(Err((back, away))) => {
                    value = back;
                    away.wait(USED_INSIDE);
                }
            }
        }
    }

    /// Changes the value in place and wakes the receivers, also if there is none and if nothing is changed.
    ///
    /// `modify` is called with nothing locked. If it panics the panic goes on, and nobody is woken; the value
    /// stays as it was left.
    ///
    /// # Panics
    ///
    /// Panics if a [`Ref`] of the present value is alive that was borrowed on this thread, or inside another such
    /// closure: see the [module](super).
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::sync::watch;
    ///
    /// let (tx, rx) = watch::channel(vec![1]);
    /// tx.send_modify(|numbers| numbers.push(2));
    /// assert_eq!(*rx.borrow(), [1, 2]);
    /// assert!(rx.has_changed().unwrap());
    /// ```
    #[track_caller]
    pub fn send_modify<F>(&self, modify: F)
    where
        F: FnOnce(&mut T),
    {
        self.change("send_modify", |value| {
            modify(value);
            true
        });
    }

    /// Changes the value in place, and wakes the receivers if `modify` returns that it has. Returns the same.
    ///
    /// It does all else as [`send_modify`](Self::send_modify). What `modify` changes and denies is seen by whoever
    /// looks, and nobody is woken for it.
    ///
    /// # Panics
    ///
    /// As [`send_modify`](Self::send_modify).
    #[track_caller]
    pub fn send_if_modified<F>(&self, modify: F) -> bool
    where
        F: FnOnce(&mut T) -> bool,
    {
        self.change("send_if_modified", modify)
    }

    #[track_caller]
    fn change(&self, what: &str, modify: impl FnOnce(&mut T) -> bool) -> bool {
        // It is taken out, for the closure is foreign code and must not run under the lock.
        let mut value = loop {
            match self.shared.update(Latest::take) {
                Ok(value) => break value,
                Err(lent) => lent.wait(what),
            }
        };
        let present = Arc::get_mut(&mut value).expect("nobody else looked at it under the lock");
        let modified = catch_unwind(AssertUnwindSafe(|| modify(&mut present.value)));
        self.shared.update(|latest| {
            latest.value = Ok(value);
            latest.version += u64::from(matches!(modified, Ok(true)));
        });
        modified.unwrap_or_else(|payload| resume_unwind(payload))
    }

    /// Sets the value, also if there is no receiver, wakes the receivers and returns the value that was there.
    ///
    /// # Panics
    ///
    /// Panics if a [`Ref`] of the present value is alive that was borrowed on this thread, or inside the closure of
    /// [`send_modify`](Self::send_modify) and its like: see the [module](super).
    #[track_caller]
    pub fn send_replace(&self, value: T) -> T {
        let mut value = value;
        loop {
            let replaced = self.shared.update(|latest| match latest.own() {
                Ok(present) => {
                    let old = mem::replace(present, value);
                    latest.version += 1;
                    Ok(old)
                }
                Err(lent) => Err((lent, value)),
            });
            match replaced {
                Ok(old) => return old,
                Err((lent, back)) => {
                    value = back;
                    lent.wait("send_replace");
                }
            }
        }
    }

    /// Returns the latest value.
    ///
    /// # Panics
    ///
    /// Panics inside the closure of [`send_modify`](Self::send_modify) and its like.
    #[track_caller]
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref::new(look(&self.shared).0, false)
    }

    /// Returns a new receiver, which has seen the present value.
    pub fn subscribe(&self) -> Receiver<T> {
        let seen = self.shared.update(|latest| {
            latest.receivers += 1;
            latest.version
        });
        Receiver { shared: Arc::clone(&self.shared), seen, place: Place::default() }
    }

    /// Says whether there is no receiver.
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// Returns how many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.shared.read(|latest| latest.receivers)
    }

    /// Returns how many senders there are.
    pub fn sender_count(&self) -> usize {
        self.shared.read(|latest| latest.senders)
    }

    /// Says whether both set the value of one channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T: 'static> Sender<T> {
    /// Waits until there is no receiver.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line; nothing is lost.
    pub fn closed(&self) -> Closed<'_, T> {
        Closed { sender: self, place: Place::default() }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.update(|latest| latest.senders += 1);
        Sender { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.update(|latest| latest.senders -= 1);
    }
}

impl<T: Default> Default for Sender<T> {
    #[track_caller]
    fn default() -> Self {
        Sender::new(T::default())
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.shared).finish()
    }
}

/// Future of [`Sender::closed`].
///
/// # Cancel safety
///
/// Dropping it leaves the line; nothing is lost.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Closed<'a, T> {
    sender: &'a Sender<T>,
    place: Place,
}

impl<T: 'static> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Closed { sender, place } = self.get_mut();
        let look = |latest: &mut Latest<T>| if latest.receivers == 0 { Ok(()) } else { Err(0) };
        sender.shared.poll_take(CLOSED, place, cx, look)
    }
}

impl<T> Drop for Closed<'_, T> {
    fn drop(&mut self) {
        self.sender.shared.leave(CLOSED, &mut self.place);
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Closed").field(&self.sender).finish()
    }
}
