//! Cancel scopes: a stretch of code with a deadline that can be moved, or that is cancelled from elsewhere
//! (S27).
//!
//! The meaning is trio's, as far as it goes where cancelling a future is dropping it.

mod cancelled;
mod run;

use std::fmt;
use std::future::IntoFuture;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

pub use cancelled::Cancelled;
pub use run::ScopeRun;

use super::wakers::{WaiterKey, Wakers, wake_all};
use crate::executor::access::Tracked;
use crate::executor::{Deadline, Description, Resource, Wanted, moment, own_moment};
use crate::kernel::Instant;

/// A scope that cancels what runs in it, at a deadline or when it is told to.
///
/// A scope is a handle: a clone can be kept by another task, which moves the deadline or cancels. What runs in
/// it is given to [`run`](Self::run). On cancellation that future is dropped, and then the error is returned.
///
/// The future is polled before the scope looks at its deadline, so a result at the deadline counts, as with
/// [`timeout`](crate::timeout) (S12). What the future leaves behind as it is dropped, the tasks of a
/// [`TaskGroup`](super::TaskGroup) and the cleanups of [`on_cancel`], has ended when the scope returns; that is
/// more than a timeout does, and may take some time. Scopes nest. Of nested scopes that are due at one instant the inner one
/// is reported (S13); [`Cancelled::is_of`] tells which one it was.
///
/// trio's `shield` has no counterpart as a flag. A scope around another one cancels by dropping it, and no
/// inner code can keep itself from being dropped. Code that must go on needs a task of its own: [`shield`] for
/// work whose result is wanted, [`on_cancel`] for tidying up.
///
/// [`shield`]: super::shield
/// [`on_cancel`]: super::on_cancel
///
/// # Examples
///
/// ```
/// use simloop::{now, run, sleep, spawn, task::CancelScope};
/// use std::time::Duration;
///
/// run(async {
///     let second = Duration::from_secs(1);
///     let scope = CancelScope::after(2 * second).named("download");
///     let extended = scope.clone();
///     spawn(async move {
///         sleep(second).await;
///         extended.extend(3 * second);
///     });
///     let error = scope.run(sleep(60 * second)).await.unwrap_err();
///     assert_eq!(error.to_string(), "scope `download` reached its deadline at 5s");
///     assert!(error.is_of(&scope) && scope.cancelled_caught());
///     assert_eq!(now().to_string(), "5s");
/// });
/// ```
#[derive(Clone)]
pub struct CancelScope {
    shared: Arc<Shared>,
}

struct Shared {
    name: Option<String>,
    made_at: &'static Location<'static>,
    /// What encloses the code that runs: the deadline, or the start of time after a cancellation.
    seen: Arc<Deadline>,
    tracked: Tracked,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    deadline: Instant,
    /// Why it is cancelled, once it is.
    called: Option<Cause>,
    is_caught: bool,
    wakers: Wakers,
    /// The run that is being polled: it looks again when the poll is over and need not be woken.
    polled: Option<WaiterKey>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Cause {
    Called,
    Deadline,
}

impl Shared {
    const KIND: &'static str = "scope";

    fn wanted() -> Wanted {
        Wanted { before: "the cancellation of ".to_owned(), after: String::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.tracked.write();
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resource for Shared {
    fn describe(&self) -> Description {
        let mut told = Description::new(Shared::KIND, self.name.as_deref(), self.made_at);
        (told.is_open, told.is_enclosing) = (true, true);
        told.waiters = self.lock().wakers.waits(&Shared::wanted());
        told
    }
}

impl State {
    fn take_wakers(&mut self) -> Vec<Waker> {
        let polled = self.polled;
        self.wakers.take_others(polled).collect()
    }
}

impl CancelScope {
    /// Creates a scope without a deadline. Needs no loop.
    #[track_caller]
    pub fn new() -> Self {
        CancelScope::at(Instant::NEVER)
    }

    /// Creates a scope with a deadline. Needs no loop.
    #[track_caller]
    pub fn at(deadline: Instant) -> Self {
        let state = State {
            deadline,
            called: None,
            is_caught: false,
            wakers: Wakers::default(),
            polled: None,
        };
        let seen = Arc::new(Deadline::new(deadline));
        let made_at = Location::caller();
        let shared =
            Shared { name: None, made_at, seen, tracked: Tracked::new(), state: Mutex::new(state) };
        CancelScope { shared: Arc::new(shared) }
    }

    /// Creates a scope whose deadline is `delay` from now.
    ///
    /// # Panics
    ///
    /// Panics outside a loop.
    #[track_caller]
    #[inline]
    pub fn after(delay: Duration) -> Self {
        CancelScope::at(own_moment("CancelScope::after").1 + delay)
    }

    /// Returns the scope with a name, for its error and for reports. Handles that exist already keep the one
    /// without.
    pub fn named(self, name: impl Into<String>) -> Self {
        let named = CancelScope::at(self.deadline());
        let shared = Arc::into_inner(named.shared).expect("it was just made");
        let made_at = self.shared.made_at;
        CancelScope { shared: Arc::new(Shared { name: Some(name.into()), made_at, ..shared }) }
    }

    /// Returns the name.
    pub fn name(&self) -> Option<&str> {
        self.shared.name.as_deref()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }

    /// Returns the deadline; [`Instant::NEVER`] if there is none.
    pub fn deadline(&self) -> Instant {
        self.lock().deadline
    }

    /// Moves the deadline. What has passed already cancels the scope, once what runs in it is suspended.
    ///
    /// A scope that was cancelled stays so.
    pub fn set_deadline(&self, deadline: Instant) {
        let wakers = {
            let mut state = self.lock();
            if state.called.is_some() || state.deadline == deadline {
                return;
            }
            state.deadline = deadline;
            self.shared.seen.set(deadline);
            state.take_wakers()
        };
        wake_all(wakers);
    }

    /// Moves the deadline later by `by`. Without a deadline there is none afterwards.
    #[inline]
    pub fn extend(&self, by: Duration) {
        self.set_deadline(self.deadline() + by);
    }

    /// Cancels what runs in the scope, and what is run in it later, once that is suspended.
    ///
    /// Those who run in it are woken in the order in which they began.
    pub fn cancel(&self) {
        let wakers = {
            let mut state = self.lock();
            if state.called.is_some() {
                return;
            }
            self.call(&mut state, Cause::Called);
            state.take_wakers()
        };
        wake_all(wakers);
    }

    fn call(&self, state: &mut State, cause: Cause) {
        state.called = Some(cause);
        self.shared.seen.set(Instant::ZERO);
    }

    /// Says whether the scope was cancelled or its deadline has passed.
    ///
    /// What ran in it may have come to its end all the same; see [`cancelled_caught`](Self::cancelled_caught).
    pub fn cancel_called(&self) -> bool {
        let state = self.lock();
        let deadline = state.deadline;
        let is_called = state.called.is_some();
        drop(state);
        is_called || now().is_some_and(|now| now >= deadline && !deadline.is_never())
    }

    /// Says whether the scope has cut something short.
    #[inline]
    pub fn cancelled_caught(&self) -> bool {
        self.lock().is_caught
    }

    /// Runs `future` in the scope.
    ///
    /// In a scope that is cancelled already the future is polled once. Several futures may run in one scope.
    ///
    /// # Errors
    ///
    /// [`Cancelled`], if the scope has cut the future short.
    ///
    /// # Panics
    ///
    /// Panics outside a loop.
    #[track_caller]
    pub fn run<F: IntoFuture>(&self, future: F) -> ScopeRun<F::IntoFuture> {
        ScopeRun::new(self.clone(), future.into_future())
    }

    /// Says what is to become of a future that is pending, and if it goes on until when.
    fn check(&self) -> Result<Instant, Cause> {
        let mut state = self.lock();
        state.polled = None;
        match state.called {
            Some(cause) => Err(cause),
            None => Ok(state.deadline),
        }
    }

    fn is_same(&self, other: &CancelScope) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl Default for CancelScope {
    #[track_caller]
    #[inline]
    fn default() -> Self {
        CancelScope::new()
    }
}

impl fmt::Debug for CancelScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("CancelScope")
            .field("name", &self.shared.name)
            .field("deadline", &state.deadline)
            .field("is_cancelled", &state.called.is_some())
            .finish()
    }
}

fn now() -> Option<Instant> {
    moment().map(|(_, now)| now)
}
