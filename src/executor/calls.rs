//! Callbacks: `call_soon`, `call_later`, `call_at`, as in asyncio.
//!
//! A callback is a task named `call` that waits for its instant and then calls. So it takes its place among
//! the ready tasks, is chosen by policies, shows in traces, and its panics are a task's.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::cell;
use super::context;
use super::core::Core;
use super::event_loop::EventLoop;
use super::join::AbortHandle;
use super::timer::Timer;
use crate::kernel::{Instant, Spawn, Target, TaskId};

/// A callback that is to be called, and can be cancelled until then. Dropping it changes nothing.
///
/// # Examples
///
/// ```
/// use simloop::EventLoop;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), simloop::Failure> {
/// let mut event_loop = EventLoop::new();
/// let call = event_loop.call_later(Duration::from_secs(1), || unreachable!("cancelled before"));
/// call.cancel();
/// event_loop.advance(Duration::from_secs(2))?;
/// assert!(call.is_finished());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct CallHandle {
    task: AbortHandle,
    when: Instant,
}

impl CallHandle {
    /// Cancels the callback, if it has not been called.
    #[inline]
    pub fn cancel(&self) {
        self.task.abort();
    }

    /// Says whether the callback has been called or cancelled.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Returns the instant for which it is scheduled.
    #[inline]
    pub fn when(&self) -> Instant {
        self.when
    }
}

impl fmt::Debug for CallHandle {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallHandle")
            .field("when", &self.when)
            .field("finished", &self.is_finished())
            .finish()
    }
}

/// Calls `callback` in a turn of its own, after the tasks that are ready now.
///
/// # Panics
///
/// Panics outside a loop.
///
/// # Examples
///
/// ```
/// use simloop::{Builder, call_soon, note, trace::Level, yield_now};
///
/// let report = Builder::new().trace(Level::Tasks).run(async {
///     call_soon(|| note!("called"));
///     note!("calling");
///     yield_now().await;
/// });
/// assert_eq!(report.trace.notes().collect::<Vec<_>>(), ["calling", "called"]);
/// ```
#[track_caller]
pub fn call_soon(callback: impl FnOnce() + 'static) -> CallHandle {
    let site = Location::caller();
    context::current("call_soon").call(None, callback, site)
}

/// Calls `callback` after `delay`, in a turn of its own.
///
/// # Panics
///
/// Panics outside a loop.
///
/// # Examples
///
/// ```
/// use simloop::{call_later, now, run, sleep};
/// use std::time::Duration;
///
/// run(async {
///     call_later(Duration::from_secs(1), || assert_eq!(now().to_string(), "1s"));
///     sleep(Duration::from_secs(2)).await;
/// });
/// ```
#[track_caller]
pub fn call_later(delay: Duration, callback: impl FnOnce() + 'static) -> CallHandle {
    let site = Location::caller();
    let core = context::current("call_later");
    let when = core.state().kernel.now() + delay;
    core.call(Some(when), callback, site)
}

/// Calls `callback` at `when`, in a turn of its own; soon, if that has passed.
///
/// # Panics
///
/// Panics outside a loop.
#[track_caller]
pub fn call_at(when: Instant, callback: impl FnOnce() + 'static) -> CallHandle {
    let site = Location::caller();
    context::current("call_at").call(Some(when), callback, site)
}

impl EventLoop {
    /// Calls `callback` in a turn of its own, after the tasks that are ready now.
    #[track_caller]
    pub fn call_soon(&self, callback: impl FnOnce() + 'static) -> CallHandle {
        self.core().call(None, callback, Location::caller())
    }

    /// Calls `callback` after `delay`, in a turn of its own.
    #[track_caller]
    pub fn call_later(&self, delay: Duration, callback: impl FnOnce() + 'static) -> CallHandle {
        self.call_at(self.now() + delay, callback)
    }

    /// Calls `callback` at `when`, in a turn of its own; soon, if that has passed.
    #[track_caller]
    pub fn call_at(&self, when: Instant, callback: impl FnOnce() + 'static) -> CallHandle {
        self.core().call(Some(when), callback, Location::caller())
    }
}

impl Core {
    fn call(
        &self,
        when: Option<Instant>,
        callback: impl FnOnce() + 'static,
        site: &'static Location<'static>,
    ) -> CallHandle {
        let mut state = self.state();
        let now = state.kernel.now();
        let id = TaskId::new(state.kernel.tasks_spawned());
        let (caller, parent) = (state.kernel.running(), state.kernel.running_slot());
        let spawn = Spawn { name: Some("call"), parent, daemon: false, has_handle: false, site };
        let later = when.filter(|&when| when > now && state.is_open());
        let key = if let Some(deadline) = later {
            let key = state.kernel.spawn_suspended(&spawn);
            let timer = Timer::registered(self, state.kernel.register(deadline, Target::Task(key)));
            drop(state);
            // Whoever drops the future, at its end or before, drops the timer.
            let cell = cell::boxed(async move {
                drop(timer);
                callback();
            });
            self.state().put(key, cell);
            Some(key)
        } else {
            drop(state);
            self.spawn(&mut cell::Waiting::new(async move { callback() }), &spawn)
        };
        if let Some(key) = key.filter(|_| self.locals.are_used()) {
            self.inherit_locals(caller, key);
        }
        CallHandle { task: AbortHandle::new(self.id, key, id), when: later.unwrap_or(now) }
    }
}
