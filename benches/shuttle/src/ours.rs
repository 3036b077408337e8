//! The same programs, searched by simloop.

#[expect(dead_code, reason = "each benchmark uses some")]
#[expect(clippy::duplicate_mod, reason = "it uses what its parent has under these names")]
#[path = "../../search/bugs.rs"]
pub mod bugs;

use simloop::sync::{Mutex, MutexGuard};
use simloop::{spawn, yield_now};

/// Waits for a lock.
async fn lock(mutex: &Mutex<()>) -> MutexGuard<'_, ()> {
    mutex.lock().await
}
