//! Which deadlines enclose the code that runs: those of timeouts and of cancel scopes.
//!
//! A fixed deadline only ever tightens, so the earliest of them is one number. The deadline of a scope can be
//! moved, so scopes are kept as a chain. Both hold for the duration of a poll: what encloses a future puts
//! its deadline in place, polls, and puts back what was there. A task starts with neither, except that a task
//! of a group starts with what encloses the group.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, Mutex, PoisonError};

use super::access::Tracked;
use crate::kernel::Instant;

thread_local! {
    /// The earliest of the fixed deadlines. Has no destructor, so that it costs a timeout next to nothing.
    static DEADLINE: Cell<Instant> = const { Cell::new(Instant::NEVER) };
    /// Whether there is a scope. It costs less to look here, because there is no destructor either.
    static IS_SCOPED: Cell<bool> = const { Cell::new(false) };
    /// The innermost scope.
    static SCOPES: RefCell<Option<Arc<Link>>> = const { RefCell::new(None) };
}

/// A deadline that may be moved from any task. Behind a lock, for not every platform has atomics of its width.
pub(crate) struct Deadline {
    instant: Mutex<Instant>,
    tracked: Tracked,
}

impl Deadline {
    pub(crate) fn new(instant: Instant) -> Deadline {
        Deadline { instant: Mutex::new(instant), tracked: Tracked::new() }
    }

    pub(crate) fn set(&self, instant: Instant) {
        self.tracked.write();
        *self.instant.lock().unwrap_or_else(PoisonError::into_inner) = instant;
    }

    pub(crate) fn instant(&self) -> Instant {
        self.tracked.read();
        *self.instant.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A scope and those around it.
pub(crate) struct Link {
    deadline: Arc<Deadline>,
    outer: Option<Arc<Link>>,
}

/// In a loop, because scopes and groups may nest deeply through tasks.
impl Drop for Link {
    fn drop(&mut self) {
        let mut next = self.outer.take();
        while let Some(link) = next {
            next = Arc::into_inner(link).and_then(|mut link| link.outer.take());
        }
    }
}

/// What encloses a piece of code.
#[derive(Clone)]
pub(crate) struct Enclosing {
    deadline: Instant,
    scopes: Option<Arc<Link>>,
}

impl Enclosing {
    /// Returns what encloses the code that runs.
    pub(crate) fn current() -> Enclosing {
        Enclosing { deadline: DEADLINE.get(), scopes: scopes() }
    }

    /// The earliest deadline; [`Instant::NEVER`] if there is none.
    pub(crate) fn deadline(&self) -> Instant {
        let links = std::iter::successors(self.scopes.as_deref(), |link| link.outer.as_deref());
        links.map(|link| link.deadline.instant()).fold(self.deadline, Instant::min)
    }

    /// Puts this in the place of what encloses the code that runs, until the guard is dropped.
    #[inline]
    pub(crate) fn enter(&self) -> Within {
        let deadline = DEADLINE.replace(self.deadline);
        let is_scoped = self.scopes.is_some() || IS_SCOPED.get();
        let scopes = if is_scoped { Some(replace_scopes(self.scopes.clone())) } else { None };
        Within { deadline, scopes }
    }
}

/// Puts what was in place before back as it is dropped, however a poll ends.
#[must_use]
pub(crate) struct Within {
    deadline: Instant,
    /// Those before, if they were replaced.
    scopes: Option<Option<Arc<Link>>>,
}

impl Drop for Within {
    #[inline]
    fn drop(&mut self) {
        DEADLINE.set(self.deadline);
        if let Some(scopes) = self.scopes.take() {
            drop(replace_scopes(scopes));
        }
    }
}

/// Encloses a call with a fixed deadline.
///
/// It is looked up anew each time: that is one instruction where it is compiled in line, as small closures are.
#[inline]
pub(crate) fn within_deadline<R>(deadline: Instant, f: impl FnOnce() -> R) -> R {
    let before = DEADLINE.get();
    if before <= deadline {
        return f();
    }
    DEADLINE.set(deadline);
    let _put_back = PutBack { before };
    f()
}

/// Says whether a fixed deadline encloses the code that runs.
pub(super) fn is_timed() -> bool {
    !DEADLINE.get().is_never()
}

struct PutBack {
    before: Instant,
}

impl Drop for PutBack {
    #[inline]
    fn drop(&mut self) {
        DEADLINE.set(self.before);
    }
}

/// Encloses what runs while the guard lives with a scope.
///
/// `link` is kept by the caller from one poll to the next: as long as the scopes around stay the same, the
/// chain is made once.
pub(crate) fn within_scope(deadline: &Arc<Deadline>, link: &mut Option<Arc<Link>>) -> Within {
    let before = Enclosing::current();
    let is_same = |link: &&mut Arc<Link>| match (&link.outer, &before.scopes) {
        (None, None) => true,
        (Some(outer), Some(before)) => Arc::ptr_eq(outer, before),
        _ => false,
    };
    let link = match link.as_mut().filter(is_same) {
        Some(link) => Arc::clone(link),
        None => {
            let outer = before.scopes.clone();
            let made = Arc::new(Link { deadline: Arc::clone(deadline), outer });
            *link = Some(Arc::clone(&made));
            made
        }
    };
    drop(replace_scopes(Some(link)));
    Within { deadline: before.deadline, scopes: Some(before.scopes) }
}

/// On a thread that is going away there are no scopes any more.
fn scopes() -> Option<Arc<Link>> {
    SCOPES.try_with(|scopes| scopes.borrow().clone()).ok().flatten()
}

fn replace_scopes(scopes: Option<Arc<Link>>) -> Option<Arc<Link>> {
    let replace = |place: &RefCell<Option<Arc<Link>>>| {
        IS_SCOPED.set(scopes.is_some());
        place.replace(scopes)
    };
    SCOPES.try_with(replace).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_a_hundred_thousand_scopes_is_read_and_dropped_without_recursion() {
        let at = Instant::from_nanos;
        let mut scopes = None;
        for nanos in (1..=100_000).rev() {
            let deadline = Arc::new(Deadline::new(at(nanos)));
            scopes = Some(Arc::new(Link { deadline, outer: scopes }));
        }
        let enclosing = Enclosing { deadline: at(7), scopes };
        assert_eq!(enclosing.deadline(), at(1));
        let _within = enclosing.enter();
        assert_eq!(Enclosing::current().deadline(), at(1));
    }
}
