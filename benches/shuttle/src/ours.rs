//! The same programs, searched by simloop.

#[expect(dead_code, reason = "one of the programs has no bug")]
#[path = "../../search/bugs.rs"]
pub mod bugs;

use simloop::sync::{Mutex, MutexGuard};
use simloop::{spawn, yield_now};

/// Waits for a lock.
async fn lock(mutex: &Mutex<()>) -> MutexGuard<'_, ()> {
    mutex.lock().await
}
