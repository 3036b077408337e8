//! What a primitive has given out for a while to foreign code, such as a closure that changes it.

use std::thread::{self, ThreadId};

/// The thread that has it. If that comes for it a second time, the foreign code uses the primitive that called it,
/// and would wait for itself.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Away(ThreadId);

impl Away {
    /// With this thread.
    pub(super) fn here() -> Self {
        Away(thread::current().id())
    }

    /// Waits a little for another thread to bring it back. Whoever calls this looks again; on a loop's one thread
    /// nobody ever does.
    ///
    /// # Panics
    ///
    /// Panics with `advice` if it is with this thread.
    #[track_caller]
    pub(super) fn wait(self, advice: &str) {
        assert!(self != Away::here(), "{advice}");
        thread::yield_now();
    }
}
