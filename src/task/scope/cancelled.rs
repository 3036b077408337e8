//! What a cancel scope says when it has cut something short.

use std::fmt;

use super::{CancelScope, Cause};
use crate::kernel::Instant;

/// A scope has cut short what ran in it.
///
/// # Examples
///
/// ```
/// use simloop::{run, sleep, task::CancelScope, yield_now};
/// use std::time::Duration;
///
/// run(async {
///     let (outer, inner) = (CancelScope::new(), CancelScope::after(Duration::from_secs(1)));
///     let nested = outer.run(inner.run(std::future::pending::<()>()));
///     let error = nested.await.expect("the outer one was not cancelled").unwrap_err();
///     assert!(error.is_of(&inner) && !error.is_of(&outer));
///     assert_eq!(error.at().to_string(), "1s");
/// });
/// ```
#[derive(Clone, Debug)]
pub struct Cancelled {
    pub(super) scope: CancelScope,
    pub(super) at: Instant,
    pub(super) cause: Cause,
}

impl Cancelled {
    /// Returns the scope.
    #[inline]
    pub fn scope(&self) -> &CancelScope {
        &self.scope
    }

    /// Says whether it was this scope.
    #[inline]
    pub fn is_of(&self, scope: &CancelScope) -> bool {
        self.scope.is_same(scope)
    }

    /// Says whether the deadline did it, rather than a call of [`CancelScope::cancel`].
    #[inline]
    pub fn is_deadline(&self) -> bool {
        self.cause == Cause::Deadline
    }

    /// Returns the instant at which the future was dropped. What it left behind may have ended later.
    #[inline]
    pub fn at(&self) -> Instant {
        self.at
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scope.name() {
            Some(name) => write!(f, "scope `{name}`")?,
            None => f.write_str("a scope")?,
        }
        match self.cause {
            Cause::Called => write!(f, " was cancelled at {}", self.at),
            Cause::Deadline => write!(f, " reached its deadline at {}", self.at),
        }
    }
}

impl std::error::Error for Cancelled {}
