//! Why a task gave no output.

use std::any::Any;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::executor::context;
use crate::executor::core::{Payload, message};
use crate::kernel::TaskId;

/// Why a task gave no output: it was cancelled, or it panicked.
///
/// # Examples
///
/// ```
/// use simloop::{run, spawn_named};
///
/// run(async {
///     let error = spawn_named("worker", async { panic!("no fuel") }).await.unwrap_err();
///     assert_eq!(error.to_string(), "task `main/worker` panicked: no fuel");
///     assert!(error.is_panic());
/// });
/// ```
pub struct JoinError(Box<Ended>);

/// What there is to say of a task that gave no output. In a box, so that results are small.
struct Ended {
    id: TaskId,
    path: String,
    /// The panic; none if the task was cancelled. In a mutex, because a payload need not be `Sync`.
    payload: Option<Mutex<Payload>>,
    /// The line of code that raised it, where that is known.
    raised_at: Option<String>,
}

impl JoinError {
    pub(in crate::executor) fn cancelled(id: TaskId, path: String) -> Self {
        JoinError(Box::new(Ended { id, path, payload: None, raised_at: None }))
    }

    pub(in crate::executor) fn panicked(
        id: TaskId,
        path: String,
        payload: Option<Payload>,
        raised_at: Option<String>,
    ) -> Self {
        let payload = payload.unwrap_or_else(|| Box::new("its panic was taken before"));
        JoinError(Box::new(Ended { id, path, payload: Some(Mutex::new(payload)), raised_at }))
    }

    /// Says whether the task was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.payload.is_none()
    }

    /// Says whether the task panicked.
    pub fn is_panic(&self) -> bool {
        self.0.payload.is_some()
    }

    /// Returns the payload of the panic, for [`std::panic::resume_unwind`]. A failure by that panic says at which
    /// line it was raised first.
    ///
    /// # Panics
    ///
    /// Panics if the task was cancelled.
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send + 'static> {
        match self.try_into_panic() {
            Ok(payload) => payload,
            Err(error) => panic!("{error}, so there is no panic to take"),
        }
    }

    /// Returns the payload of the panic, or the error itself if the task was cancelled.
    ///
    /// # Errors
    ///
    /// The error itself, if the task was cancelled.
    pub fn try_into_panic(mut self) -> Result<Box<dyn Any + Send + 'static>, JoinError> {
        match self.0.payload.take() {
            Some(payload) => {
                let payload = payload.into_inner().unwrap_or_else(PoisonError::into_inner);
                if let (Some(core), Some(place)) = (context::try_current(), self.0.raised_at.take())
                {
                    core.note_raised_before(&payload, place);
                }
                Ok(payload)
            }
            None => Err(self),
        }
    }

    /// Returns the task's id.
    pub fn id(&self) -> TaskId {
        self.0.id
    }

    /// Returns the task's path.
    pub fn path(&self) -> &str {
        &self.0.path
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ended { path, payload, .. } = &*self.0;
        match payload {
            None => write!(f, "task `{path}` was cancelled"),
            Some(payload) => {
                let payload = payload.lock().unwrap_or_else(PoisonError::into_inner);
                write!(f, "task `{path}` panicked: {}", message(&**payload))
            }
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl std::error::Error for JoinError {}
