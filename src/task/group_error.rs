//! What went wrong in a task group: every failure, in the order in which they happened.

use std::any::Any;
use std::error::Error;
use std::fmt::{self, Debug, Display};
use std::sync::{Mutex, PoisonError};

use crate::executor::panic_message;
use crate::kernel::Instant;

/// Why a task group failed: every failure of its tasks and its body, the first one first (S25).
///
/// Shown it has one line for each. In Python this is an `ExceptionGroup`.
///
/// # Examples
///
/// ```
/// use simloop::{run, task::TaskGroup};
///
/// run(async {
///     let failed = TaskGroup::scope(async |group| {
///         group.spawn_named("reader", async { Err::<(), _>("disk full") });
///         group.spawn_named("writer", async { if true { panic!("no disk") } else { Ok(()) } });
///         Ok(())
///     });
///     let error = failed.await.unwrap_err();
///     assert_eq!(
///         error.to_string(),
///         "a task group failed, 2 times\n  \
///            main/reader failed at 0s: disk full\n  \
///            main/writer panicked at 0s: no disk",
///     );
///     assert_eq!(error.errors().collect::<Vec<_>>(), [&"disk full"]);
/// });
/// ```
#[doc(alias = "ExceptionGroup")]
#[derive(Debug)]
pub struct GroupError<E> {
    /// Never empty.
    failures: Vec<GroupFailure<E>>,
}

impl<E> GroupError<E> {
    pub(super) fn new(failures: Vec<GroupFailure<E>>) -> Self {
        debug_assert!(!failures.is_empty(), "a group without failures has not failed");
        GroupError { failures }
    }

    /// Returns the failures, in the order in which they happened. There is at least one.
    #[doc(alias = "exceptions")]
    pub fn failures(&self) -> &[GroupFailure<E>] {
        &self.failures
    }

    /// Returns the failures, owned.
    pub fn into_failures(self) -> Vec<GroupFailure<E>> {
        self.failures
    }

    /// Returns the failure that cancelled the group.
    pub fn first(&self) -> &GroupFailure<E> {
        &self.failures[0]
    }

    /// Returns the errors among the failures; panics are left out.
    pub fn errors(&self) -> impl Iterator<Item = &E> {
        self.failures.iter().filter_map(GroupFailure::as_error)
    }
}

impl<E> IntoIterator for GroupError<E> {
    type Item = GroupFailure<E>;
    type IntoIter = std::vec::IntoIter<GroupFailure<E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.failures.into_iter()
    }
}

impl<'a, E> IntoIterator for &'a GroupError<E> {
    type Item = &'a GroupFailure<E>;
    type IntoIter = std::slice::Iter<'a, GroupFailure<E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.failures.iter()
    }
}

impl<E: Display> Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a task group failed")?;
        if self.failures.len() > 1 {
            write!(f, ", {} times", self.failures.len())?;
        }
        for failure in self {
            // A failure may be that of an inner group, whose lines are then part of it.
            write!(f, "\n  {}", failure.to_string().replace('\n', "\n  "))?;
        }
        Ok(())
    }
}

impl<E: Display + Debug> Error for GroupError<E> {}

/// One failure in a task group.
pub struct GroupFailure<E> {
    path: String,
    at: Instant,
    is_body: bool,
    cause: Cause<E>,
}

enum Cause<E> {
    Error(E),
    /// In a mutex, because a payload need not be `Sync`.
    Panic(Mutex<Box<dyn Any + Send>>),
}

impl<E> GroupFailure<E> {
    pub(super) fn error(path: String, at: Instant, error: E) -> Self {
        GroupFailure { path, at, is_body: false, cause: Cause::Error(error) }
    }

    pub(super) fn panic(path: String, at: Instant, payload: Box<dyn Any + Send>) -> Self {
        GroupFailure { path, at, is_body: false, cause: Cause::Panic(Mutex::new(payload)) }
    }

    pub(super) fn of_body(self) -> Self {
        GroupFailure { is_body: true, ..self }
    }

    /// Returns the path of the task that failed; of the body that is the task that runs it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the instant at which it failed.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// Says whether the body of the group failed, rather than one of its tasks.
    pub fn is_body(&self) -> bool {
        self.is_body
    }

    /// Says whether it is a panic: of a poll, or of a destructor as the task was cancelled.
    pub fn is_panic(&self) -> bool {
        matches!(self.cause, Cause::Panic(_))
    }

    /// Returns the error; `None` for a panic.
    pub fn as_error(&self) -> Option<&E> {
        match &self.cause {
            Cause::Error(error) => Some(error),
            Cause::Panic(_) => None,
        }
    }

    /// Returns the error, owned.
    ///
    /// # Errors
    ///
    /// The payload, for [`std::panic::resume_unwind`], if it is a panic.
    pub fn into_error(self) -> Result<E, Box<dyn Any + Send>> {
        match self.cause {
            Cause::Error(error) => Ok(error),
            Cause::Panic(payload) => {
                Err(payload.into_inner().unwrap_or_else(PoisonError::into_inner))
            }
        }
    }
}

impl<E: Display> Display for GroupFailure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GroupFailure { path, at, .. } = self;
        match &self.cause {
            Cause::Error(error) => write!(f, "{path} failed at {at}: {error}"),
            Cause::Panic(payload) => {
                let payload = payload.lock().unwrap_or_else(PoisonError::into_inner);
                write!(f, "{path} panicked at {at}: {}", panic_message(&**payload))
            }
        }
    }
}

impl<E: Debug> Debug for GroupFailure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("GroupFailure");
        shown.field("path", &self.path).field("at", &self.at);
        match &self.cause {
            Cause::Error(error) => shown.field("error", error),
            Cause::Panic(payload) => {
                let payload = payload.lock().unwrap_or_else(PoisonError::into_inner);
                shown.field("panic", &panic_message(&**payload))
            }
        };
        shown.finish()
    }
}
