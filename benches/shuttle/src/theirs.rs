//! The programs of `benches/search`, searched by shuttle.

#[expect(dead_code, reason = "each benchmark uses some")]
#[path = "../../search/bugs.rs"]
pub mod bugs;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use shuttle::future::{block_on, spawn_local as spawn, yield_now};
use shuttle::scheduler::Scheduler;
use shuttle::sync::{Mutex, MutexGuard};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

/// Waits for a lock.
async fn lock(mutex: &Mutex<()>) -> MutexGuard<'_, ()> {
    mutex.lock().unwrap()
}

/// Searches until a run fails, and returns how many it took.
pub fn search<S, F, R>(scheduler: S, program: F) -> u64
where
    S: Scheduler + 'static,
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = ()> + 'static,
{
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    config.max_steps = MaxSteps::FailAfter(10_000);
    let runs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&runs);
    let _ = catch_unwind(AssertUnwindSafe(|| {
        Runner::new(scheduler, config).run(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            block_on(program());
        });
    }));
    runs.load(Ordering::Relaxed)
}
