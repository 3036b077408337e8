//! Waiting, with a lock given up meanwhile, until others say that something has changed.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::gate::{Gate, Shared, Waiter};
use super::mutex::{HeldMutex, Key, MutexLine};
use crate::executor::{Party, Wanted};

/// Lets tasks that hold a [`Mutex`](super::Mutex) wait until another task says that its value has changed.
///
/// It is asyncio's `Condition` with the face of the standard library's `Condvar`: a wait takes the guard,
/// which releases the lock, and gives it back. So several conditions can share one mutex, as in asyncio.
///
/// Waiters are notified first-in first-out. A waiter that is notified stands in the mutex's line from that
/// moment on, so those that are notified lock in the order of notification, and before all who ask for the
/// lock later. Nobody is woken without a notification. But others may have had the lock in between, so where
/// that matters, [`wait_while`](Self::wait_while) and [`wait_for`](Self::wait_for) look at the value again.
///
/// To notify needs no lock, unlike in asyncio: a wait releases the lock and is in line at once, so who changes
/// the value under the lock and notifies afterwards, holding it or not, is never missed. A notification while
/// nobody waits is gone.
///
/// # Examples
///
/// ```
/// use simloop::sync::{Condition, Mutex};
/// use simloop::{now, run, sleep, spawn};
/// use std::{rc::Rc, time::Duration};
///
/// run(async {
///     let stock = Rc::new((Mutex::new(0), Condition::new().named("restocked")));
///     let customer = spawn({
///         let stock = Rc::clone(&stock);
///         async move {
///             let (apples, restocked) = &*stock;
///             let mut apples = restocked.wait_for(apples.lock().await, |apples| *apples >= 3).await;
///             *apples -= 3;
///             now().to_string()
///         }
///     });
///     for _ in 0..4 {
///         sleep(Duration::from_secs(1)).await;
///         *stock.0.lock().await += 1;
///         stock.1.notify_one();
///     }
///     assert_eq!(customer.await.unwrap(), "3s");
///     assert_eq!(*stock.0.lock().await, 1);
/// });
/// ```
#[doc(alias = "Condvar")]
pub struct Condition {
    shared: Arc<Shared<Signal>>,
}

#[derive(Default)]
struct Signal {
    /// What is being given out: nothing of it is left when that is done.
    notifications: usize,
    /// Whether all who wait are meant by it, so that nobody else is when one of them goes away.
    is_for_all: bool,
}

/// A notification, and the place in the mutex's line that comes with it.
struct Notified {
    lock: Waiter<Arc<Shared<Key>>, Key>,
    is_for_all: bool,
}

impl Signal {
    #[inline]
    fn pass_on(&mut self, is_for_all: bool) {
        if !is_for_all {
            *self = Signal { notifications: 1, is_for_all };
        }
    }
}

impl Gate for Signal {
    const HAS_HOLDERS: bool = true;
    type Need = MutexLine;
    type Grant = Notified;

    #[inline]
    fn kind(&self) -> &'static str {
        "condition"
    }

    /// Takes the mutex's inner lock while this condition's is held, and never the other way round. Nobody who
    /// could be woken by that waits for a mutex that is free.
    #[inline]
    fn serve(&mut self, _: usize, mutex: &mut MutexLine, party: Option<Party>) -> Option<Notified> {
        self.notifications = self.notifications.checked_sub(1)?;
        Some(Notified { lock: mutex.enter(party), is_for_all: self.is_for_all })
    }

    #[inline]
    fn take_back(&mut self, notified: Notified) -> Option<Notified> {
        self.pass_on(notified.is_for_all);
        Some(notified)
    }

    #[inline]
    fn all_served(&mut self) {
        self.notifications = 0;
    }

    #[inline]
    fn wanted(&self, _: usize, _: &MutexLine) -> Wanted {
        Wanted { before: "a notification of ".to_owned(), after: String::new() }
    }
}

impl Condition {
    /// Creates a condition for which nobody waits. Needs no loop.
    #[track_caller]
    #[inline]
    pub fn new() -> Self {
        Condition { shared: Shared::new(Signal::default()) }
    }

    /// Gives it a name, for reports.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.shared.set_name(name.into());
        self
    }

    /// Releases the lock, waits for a notification, and returns with the lock held again.
    ///
    /// The lock is held until the first poll, and in that poll the wait is in line before the lock is released.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::sync::{Condition, Mutex};
    /// use simloop::{now, run, sleep};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let (mutex, condition) = (Mutex::new("new"), Condition::new());
    ///     let guard = mutex.lock().await;
    ///     let changer = async {
    ///         sleep(Duration::from_secs(1)).await;
    ///         *mutex.lock().await = "changed";
    ///         condition.notify_one();
    ///     };
    ///     let (guard, ()) = futures_util::join!(condition.wait(guard), changer);
    ///     assert_eq!(*guard, "changed");
    ///     assert_eq!(now().to_string(), "1s");
    /// });
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the lock: unlike in asyncio, a wait that is cancelled does not lock again.
    /// If it had been notified, also if it was in line for the lock already, its notification goes to the next
    /// who waits (S29; asyncio does so from Python 3.13 on). That of [`notify_all`](Self::notify_all) does not,
    /// since everybody who was meant has had it.
    pub fn wait<M: HeldMutex>(&self, guard: M) -> ConditionWait<'_, M> {
        ConditionWait { condition: self, stage: Stage::Held(guard) }
    }

    /// Waits until `condition` returns false for the value, looking first before any wait and then after each
    /// notification. It is called with the lock held, and the lock is held when this returns.
    ///
    /// # Panics
    ///
    /// A panic of `condition` releases the lock and goes through.
    ///
    /// # Cancel safety
    ///
    /// As [`wait`](Self::wait).
    pub fn wait_while<M: HeldMutex, F>(&self, guard: M, condition: F) -> ConditionWaitFor<'_, M, F>
    where
        F: FnMut(&mut M::Target) -> bool,
    {
        ConditionWaitFor { wait: self.wait(guard), ask: condition, until: false }
    }

    /// Waits until `predicate` returns true for the value, as asyncio's `wait_for`; otherwise it is
    /// [`wait_while`](Self::wait_while).
    ///
    /// # Panics
    ///
    /// A panic of `predicate` releases the lock and goes through.
    ///
    /// # Cancel safety
    ///
    /// As [`wait`](Self::wait).
    pub fn wait_for<M: HeldMutex, F>(&self, guard: M, predicate: F) -> ConditionWaitFor<'_, M, F>
    where
        F: FnMut(&mut M::Target) -> bool,
    {
        ConditionWaitFor { wait: self.wait(guard), ask: predicate, until: true }
    }

    /// Notifies the one that has waited longest, if somebody waits.
    #[inline]
    pub fn notify_one(&self) {
        self.notify(1);
    }

    /// Notifies the `n` that have waited longest, or all if fewer wait. None for 0.
    #[inline]
    pub fn notify(&self, n: usize) {
        self.give(Signal { notifications: n, is_for_all: false });
    }

    /// Notifies all who wait, in the order in which they came. Who comes later is not meant.
    #[inline]
    pub fn notify_all(&self) {
        self.give(Signal { notifications: usize::MAX, is_for_all: true });
    }

    #[inline]
    fn give(&self, signal: Signal) {
        self.shared.update(|now| *now = signal);
    }
}

impl Default for Condition {
    #[track_caller]
    #[inline]
    fn default() -> Self {
        Condition::new()
    }
}

impl fmt::Debug for Condition {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition")
            .field("waiting", &self.shared.waiting(0))
            .finish_non_exhaustive()
    }
}

/// Future of [`Condition::wait`].
///
/// # Cancel safety
///
/// Dropping it gives up the lock, and a notification that it had goes to the next who waits.
#[must_use = "a future does nothing unless it is awaited"]
pub struct ConditionWait<'a, M: HeldMutex> {
    condition: &'a Condition,
    stage: Stage<'a, M, M::Mutex>,
}

enum Stage<'a, M, W> {
    Held(M),
    Waiting(W, Waiter<&'a Arc<Shared<Signal>>, Signal>),
    Locking(W, Notified),
    Done,
}

impl<M: HeldMutex> ConditionWait<'_, M> {
    /// Takes the guard out, if the wait has not begun.
    fn take_held(&mut self) -> Option<M> {
        match mem::replace(&mut self.stage, Stage::Done) {
            Stage::Held(guard) => Some(guard),
            other => {
                self.stage = other;
                None
            }
        }
    }
}

impl<M: HeldMutex> Future for ConditionWait<'_, M> {
    type Output = M;

    /// # Panics
    ///
    /// Panics when polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<M> {
        let this = &mut *self;
        if let Some(guard) = this.take_held() {
            let mutex = guard.mutex();
            let mut waiter = Waiter::new(&this.condition.shared, 0, M::line(&mutex));
            // Never ready: there are notifications only while they are given to those in line.
            let _ = waiter.poll(cx);
            this.stage = Stage::Waiting(mutex, waiter);
            // In line already, so whoever gets the lock now can notify this.
            drop(guard);
            return Poll::Pending;
        }
        if let Stage::Waiting(mutex, waiter) = &mut this.stage {
            let notified = ready!(waiter.poll(cx));
            this.stage = Stage::Locking(mutex.clone(), notified);
        }
        let Stage::Locking(mutex, notified) = &mut this.stage else {
            panic!("a wait for a condition was polled after it had ended")
        };
        let take = |key: &mut Key, locked| if M::IS_OWNED { key.let_move(locked) } else { locked };
        let locked = ready!(notified.lock.poll_with(cx, take));
        let guard = M::locked(mutex.clone(), locked);
        this.stage = Stage::Done;
        Poll::Ready(guard)
    }
}

impl<M: HeldMutex> Drop for ConditionWait<'_, M> {
    fn drop(&mut self) {
        // In the other stages the guard or the waiter does all that is to be done.
        if let Stage::Locking(_, notified) = &self.stage {
            let is_for_all = notified.is_for_all;
            self.condition.shared.update(|signal| signal.pass_on(is_for_all));
        }
    }
}

/// Future of [`Condition::wait_for`] and [`Condition::wait_while`].
///
/// # Cancel safety
///
/// Dropping it gives up the lock, and a notification that it had goes to the next who waits.
#[must_use = "a future does nothing unless it is awaited"]
pub struct ConditionWaitFor<'a, M: HeldMutex, F> {
    wait: ConditionWait<'a, M>,
    ask: F,
    /// The answer that ends the wait.
    until: bool,
}

impl<M: HeldMutex, F: FnMut(&mut M::Target) -> bool> Future for ConditionWaitFor<'_, M, F> {
    type Output = M;

    /// # Panics
    ///
    /// Panics when polled again after it was ready, and with a panic of the question.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<M> {
        let this = &mut *self;
        let mut held = this.wait.take_held();
        loop {
            if let Some(mut guard) = held {
                if (this.ask)(&mut guard) == this.until {
                    return Poll::Ready(guard);
                }
                this.wait.stage = Stage::Held(guard);
            }
            held = Some(ready!(Pin::new(&mut this.wait).poll(cx)));
        }
    }
}

/// Nothing in it is pinned.
impl<M: HeldMutex, F> Unpin for ConditionWaitFor<'_, M, F> {}

impl<M: HeldMutex> fmt::Debug for ConditionWait<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Held(_) => "new",
            Stage::Waiting(..) => "in line",
            Stage::Locking(..) => "notified",
            Stage::Done => "done",
        };
        f.debug_struct("ConditionWait").field("stage", &stage).finish_non_exhaustive()
    }
}

impl<M: HeldMutex, F> fmt::Debug for ConditionWaitFor<'_, M, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConditionWaitFor").field("wait", &self.wait).finish_non_exhaustive()
    }
}
