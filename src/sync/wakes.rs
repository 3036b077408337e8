//! Whom to wake, and those who are due, taken out from under a lock.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::{Context, Waker};

use crate::executor::{Waits, Wanted, Whom};

/// Somebody who waits.
///
/// A task that waits by itself is known by its number. To wake it is nothing foreign, and to note it costs neither
/// a clone nor its end.
pub(crate) struct Wakee {
    pub(crate) whom: Whom,
    /// Of other make than the task's own, such as a combinator's; then that is to be called.
    waker: Option<Waker>,
}

impl Wakee {
    /// A task that waits by itself.
    #[inline]
    pub(crate) fn task(whom: Whom) -> Self {
        Wakee { whom, waker: None }
    }

    /// Whoever is behind the waker, for one who holds no lock.
    pub(crate) fn of(cx: &Context<'_>) -> Self {
        Whom::behind(cx.waker()).map_or_else(|| Wakee::foreign(cx), Wakee::task)
    }

    /// Whoever is behind the waker.
    #[cold]
    pub(crate) fn foreign(cx: &Context<'_>) -> Self {
        Wakee::new(Whom::running(), cx.waker().clone())
    }

    pub(crate) fn new(whom: Whom, waker: Waker) -> Self {
        Wakee { whom, waker: Some(waker) }
    }

    /// Nobody is woken.
    pub(crate) fn sleeping(whom: Whom) -> Self {
        Wakee::new(whom, Waker::noop().clone())
    }

    /// Whether to wake it is to call this waker, as far as can be told.
    #[inline]
    pub(crate) fn is_behind(&self, waker: &Waker) -> bool {
        match &self.waker {
            None => self.whom.is_behind(waker),
            Some(own) => own.will_wake(waker),
        }
    }

    /// Whether it is a task that waits by itself.
    #[inline]
    pub(crate) fn is_task(&self) -> bool {
        self.waker.is_none()
    }

    /// Whether it holds a clone of the task's own waker.
    fn has_waker(&self) -> bool {
        self.waker.as_ref().is_some_and(|waker| self.whom.is_behind(waker))
    }

    /// Tells of a task that waits, for a report. Of nobody there is nothing to tell.
    pub(crate) fn tell(&self, wanted: Wanted, waiters: &mut Vec<Waits>) {
        if self.whom != Whom::NOBODY {
            waiters.push(Waits { whom: self.whom, has_waker: self.has_waker(), wanted });
        }
    }

    fn wake(self) {
        match self.waker {
            None => self.whom.wake(),
            Some(waker) => waker.wake(),
        }
    }
}

/// Those who are due and have not been woken.
///
/// Tasks are woken as they come, under the lock. Only from the first foreign waker on are all kept, so that they
/// are woken in their order.
#[derive(Default)]
#[must_use = "whoever was served has to be woken"]
pub(crate) enum Wakes {
    #[default]
    None,
    One(Wakee),
    More(Vec<Wakee>),
}

impl Wakes {
    #[inline]
    pub(crate) fn are_none(&self) -> bool {
        matches!(self, Wakes::None)
    }

    #[inline]
    pub(crate) fn push(&mut self, wakee: Wakee) {
        match (&*self, &wakee.waker) {
            (Wakes::None, None) => wakee.whom.wake(),
            _ => self.keep(wakee),
        }
    }

    #[cold]
    #[inline(never)]
    fn keep(&mut self, wakee: Wakee) {
        *self = match mem::take(self) {
            Wakes::None => Wakes::One(wakee),
            Wakes::One(first) => Wakes::More(vec![first, wakee]),
            Wakes::More(mut wakees) => {
                wakees.push(wakee);
                Wakes::More(wakees)
            }
        };
    }

    /// Wakes them, in order, with no lock held.
    ///
    /// A waker is foreign code and may panic; the others are called first. While the thread panics already,
    /// which is when a guard is dropped by a panic, a second panic would end the process and is let go.
    #[inline]
    pub(crate) fn wake(self) {
        if !self.are_none() {
            self.wake_kept();
        }
    }

    #[cold]
    #[inline(never)]
    fn wake_kept(self) {
        let mut panicked = None;
        match self {
            Wakes::None => {}
            Wakes::One(wakee) => panicked = call(wakee),
            Wakes::More(wakees) => {
                for wakee in wakees {
                    let payload = call(wakee);
                    panicked = panicked.or(payload);
                }
            }
        }
        if let Some(payload) = panicked {
            go_on_with(payload);
        }
    }
}

fn call(wakee: Wakee) -> Option<Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(|| wakee.wake())).err()
}

fn go_on_with(payload: Box<dyn Any + Send>) {
    if std::thread::panicking() {
        mem::forget(payload);
    } else {
        resume_unwind(payload);
    }
}
