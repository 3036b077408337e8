//! Tidying up asynchronously: what a destructor cannot do.
//!
//! Cancelling is dropping, and a destructor cannot wait. So what has to be done is given away beforehand, and
//! if it comes to that it is done by a task of its own.

use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::panic::{Location, resume_unwind};
use std::time::Duration;

use super::scope::{CancelScope, Cancelled};
use super::{Builder, JoinHandle, current};
use crate::executor::{bequeath, is_running, write_note};

/// Guards a value: if the guard is dropped, `tidy` is run with the value, in a task of its own.
///
/// That is what happens when the code that holds the guard is cancelled, panics or returns early. Where it
/// comes to a regular end, [`run_now`](OnCancel::run_now) does the same and waits, and
/// [`disarm`](OnCancel::disarm) gives the value back and does nothing. The guard lends its value meanwhile.
///
/// The task that tidies up is called `cleanup` and is
///
/// - *shielded*: nobody has a handle to it, so no cancellation of its owner ends it;
/// - *bounded*: after `limit` of virtual time it is dropped, and a line in the trace says so;
/// - *waited for*: the [`TaskGroup`](super::TaskGroup) or [`CancelScope`](super::CancelScope) in which the guard
///   was dropped returns after it, and the task does not end before it. Whoever joins that task is told when all
///   has been tidied up. So does the end of the run wait for what its root leaves.
///
/// Tasks that are still alive as a run ends are dropped, and nothing runs any more (S21): the value is then
/// dropped and `tidy` is not called. A program that wants its tasks tidied up joins them before it ends, or
/// has them in a [`TaskGroup`](super::TaskGroup). The same holds outside a loop.
///
/// # Examples
///
/// ```
/// use simloop::{now, run, sleep, spawn, task::on_cancel};
/// use std::time::Duration;
///
/// struct Connection;
///
/// impl Connection {
///     async fn close(self) {
///         sleep(Duration::from_secs(2)).await;
///     }
/// }
///
/// run(async {
///     let worker = spawn(async {
///         let _connection = on_cancel(Duration::from_secs(5), Connection, Connection::close);
///         sleep(Duration::from_secs(60)).await;
///     });
///     sleep(Duration::from_secs(1)).await;
///     worker.abort();
///     assert!(worker.await.unwrap_err().is_cancelled());
///     assert_eq!(now().to_string(), "3s", "the join waits until the connection is closed");
/// });
/// ```
#[doc(alias = "finally")]
#[doc(alias = "guard")]
#[track_caller]
pub fn on_cancel<T, C, F>(limit: Duration, value: T, tidy: C) -> OnCancel<T, C, F>
where
    T: 'static,
    C: FnOnce(T) -> F + 'static,
    F: Future<Output = ()> + 'static,
{
    OnCancel { armed: Some((value, tidy)), limit, site: Location::caller() }
}

/// A guarded value, made by [`on_cancel`].
#[must_use = "dropping the guard starts the cleanup"]
pub struct OnCancel<T, C, F>
where
    T: 'static,
    C: FnOnce(T) -> F + 'static,
    F: Future<Output = ()> + 'static,
{
    /// None once it was used, which takes the guard by value.
    armed: Option<(T, C)>,
    limit: Duration,
    site: &'static Location<'static>,
}

impl<T, C, F> OnCancel<T, C, F>
where
    T: 'static,
    C: FnOnce(T) -> F + 'static,
    F: Future<Output = ()> + 'static,
{
    /// Gives the value back; nothing is tidied up.
    pub fn disarm(mut self) -> T {
        self.armed.take().expect("a guard has its value until it is used").0
    }

    /// Tidies up now, in the same way, and waits for it.
    ///
    /// # Errors
    ///
    /// [`Cancelled`], if that took longer than the limit.
    ///
    /// # Panics
    ///
    /// Panics if the cleanup does, and outside a loop.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before its first poll drops the guard. After that the cleanup goes on, and the end
    /// of the task waits for it.
    pub async fn run_now(mut self) -> Result<(), Cancelled> {
        let handle = self.start().expect("a guard has its value until it is used");
        match handle.await {
            Ok(tidied) => tidied,
            Err(error) => match error.try_into_panic() {
                Ok(payload) => resume_unwind(payload),
                // The run is over, so there is nobody to be told.
                Err(error) => panic!("{error}, and tidies up no more"),
            },
        }
    }

    fn start(&mut self) -> Option<JoinHandle<Result<(), Cancelled>>> {
        let (value, tidy) = self.armed.take()?;
        let limit = self.limit;
        // Called in the task, so that a panic is the task's: this may be a destructor.
        let cleanup = async move {
            let scope = CancelScope::after(limit).named("cleanup");
            let tidied = scope.run(async move { tidy(value).await }).await;
            if tidied.is_err() {
                let path = current().path();
                write_note(format_args!("{path} was dropped at its limit of {limit:?}"));
            }
            tidied
        };
        let handle = Builder::new().name("cleanup").spawn_at(self.site, cleanup);
        handle.shelter();
        bequeath([&handle.abort_handle()]);
        Some(handle)
    }
}

impl<T, C, F> Drop for OnCancel<T, C, F>
where
    T: 'static,
    C: FnOnce(T) -> F + 'static,
    F: Future<Output = ()> + 'static,
{
    fn drop(&mut self) {
        if is_running() {
            drop(self.start());
        }
    }
}

impl<T, C, F> Deref for OnCancel<T, C, F>
where
    T: 'static,
    C: FnOnce(T) -> F + 'static,
    F: Future<Output = ()> + 'static,
{
    type Target = T;

    fn deref(&self) -> &T {
        &self.armed.as_ref().expect("a guard has its value until it is used").0
    }
}

impl<T, C, F> DerefMut for OnCancel<T, C, F>
where
    T: 'static,
    C: FnOnce(T) -> F + 'static,
    F: Future<Output = ()> + 'static,
{
    fn deref_mut(&mut self) -> &mut T {
        &mut self.armed.as_mut().expect("a guard has its value until it is used").0
    }
}

impl<T: fmt::Debug, C, F> fmt::Debug for OnCancel<T, C, F>
where
    C: FnOnce(T) -> F,
    F: Future<Output = ()>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnCancel")
            .field("value", &self.armed.as_ref().map(|(value, _)| value))
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
