//! What the loop keeps for its simulated worker threads: how many it was told to have, and their pool.
//!
//! The pool itself is a model of an upper layer. Here it is only a value that lives as long as the run.

use std::any::Any;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use super::cell::Waiting;
use super::context;
use super::join::JoinHandle;
use super::registry::RunId;

/// As many as asyncio's default executor has at most.
const WORKERS_MAX: usize = 32;

/// How many workers and cores the builder was told of.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct WorkerCounts {
    pub(super) workers: Option<usize>,
    pub(super) cores: Option<usize>,
}

impl WorkerCounts {
    /// The number of workers, and that of cores. The real machine is not asked: runs are equal everywhere.
    fn resolve(self) -> (usize, usize) {
        match (self.workers, self.cores) {
            (Some(workers), cores) => (workers, cores.unwrap_or(workers)),
            (None, Some(cores)) => (cores.saturating_add(4).min(WORKERS_MAX), cores),
            (None, None) => (WORKERS_MAX, WORKERS_MAX),
        }
    }
}

/// The workers of one run.
#[derive(Default)]
pub(super) struct Workers {
    pub(super) counts: WorkerCounts,
    /// Made when it is first needed.
    pool: Option<Arc<dyn Any + Send + Sync>>,
}

impl Workers {
    /// Takes the pool that a run has left, if it has left one.
    pub(super) fn take_pool(&mut self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.pool.take()
    }
}

/// Returns the pool of the running loop; `make` makes it from the run and the numbers of workers and cores.
///
/// The loop is borrowed while `make` runs.
///
/// # Panics
///
/// Panics outside a loop, with advice (S22).
#[track_caller]
pub(crate) fn loop_pool<P: Any + Send + Sync>(
    what: &str,
    make: impl FnOnce(RunId, usize, usize) -> Arc<P>,
) -> Arc<P> {
    let core = context::current(what);
    let run = core.run_id();
    let Workers { counts, pool } = &mut core.state().workers;
    let (workers, cores) = counts.resolve();
    let pool = Arc::clone(pool.get_or_insert_with(|| make(run, workers, cores)));
    pool.downcast().unwrap_or_else(|_| unreachable!("a loop has one kind of pool"))
}

/// Tells the running loop's run from all others.
///
/// # Panics
///
/// Panics outside a loop, with advice (S22).
#[track_caller]
pub(crate) fn current_run(what: &str) -> RunId {
    context::current(what).run_id()
}

/// Says whether a loop is running and takes new tasks.
pub(crate) fn is_open() -> bool {
    context::try_current().is_some_and(|core| core.state().is_open())
}

/// Spawns a named task in the running loop, on behalf of the code at `site`.
///
/// # Panics
///
/// Panics outside a loop, with advice (S22).
#[track_caller]
pub(crate) fn spawn_at<F>(
    site: &'static Location<'static>,
    name: &str,
    future: F,
) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let core = context::current("spawn");
    JoinHandle::new(core.spawn_child(&mut Waiting::new(future), Some(name), false, site))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_follow_the_number_of_cores_as_in_asyncio_unless_they_are_set() {
        let resolve = |workers, cores| WorkerCounts { workers, cores }.resolve();
        assert_eq!(resolve(None, None), (32, 32));
        assert_eq!(resolve(None, Some(1)), (5, 1));
        assert_eq!(resolve(None, Some(28)), (32, 28));
        assert_eq!(resolve(None, Some(64)), (32, 64));
        assert_eq!(resolve(None, Some(usize::MAX)), (32, usize::MAX));
        assert_eq!(resolve(Some(3), None), (3, 3));
        assert_eq!(resolve(Some(3), Some(1)), (3, 1));
    }
}
