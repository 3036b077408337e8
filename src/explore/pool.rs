//! Work for several threads whose results are taken in the order of the work, whoever finished first.

use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::tally::Batch;
use super::tree::Node;

/// What came of a job.
#[derive(Default)]
pub(super) struct Done {
    pub(super) batch: Batch,
    /// Of a walk by depth: the schedules that have children, for the next depth.
    pub(super) nodes: Vec<Node>,
    pub(super) is_cut_in_time: bool,
}

/// Does the job of a number.
pub(super) type Work<'a> = Box<dyn FnMut(usize) -> Done + 'a>;

/// Does so many jobs by a worker for each thread, and hands what came of them to `merge` in their order, until it says
/// to stop.
///
/// A thread is told the earliest job with so many `failures`: what comes after that need not be done. What is merged,
/// and so what comes of it, is the same for every number of threads.
pub(super) fn in_order<'a>(
    threads: usize,
    jobs: usize,
    failures: usize,
    worker: &(dyn Fn() -> Work<'a> + Sync),
    merge: &mut dyn FnMut(Done) -> ControlFlow<()>,
) -> ControlFlow<()> {
    if threads < 2 || jobs < 2 {
        let mut work = worker();
        for job in 0..jobs {
            merge(work(job))?;
        }
        return ControlFlow::Continue(());
    }
    let mut results = Vec::with_capacity(jobs);
    for _ in 0..jobs {
        results.push(Mutex::new(None));
    }
    let (next, last) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let thread = || {
        let mut work = worker();
        loop {
            let job = next.fetch_add(1, Ordering::Relaxed);
            if job >= jobs || job > last.load(Ordering::Relaxed) {
                return;
            }
            let done = work(job);
            if done.batch.failures() >= failures {
                last.fetch_min(job, Ordering::Relaxed);
            }
            *results[job].lock().expect("nobody panics while holding it") = Some(done);
        }
    };
    in_threads(threads.min(jobs), &thread);
    for result in results {
        // A job that was not done comes after one that is the last.
        if let Some(done) = result.into_inner().expect("no worker is left") {
            merge(done)?;
        }
    }
    ControlFlow::Continue(())
}

/// Does `work` in so many threads at once. They have the name of this one, by which messages and files tell whose it is.
pub(super) fn in_threads(threads: usize, work: &(dyn Fn() + Sync)) {
    thread::scope(|scope| {
        let mut workers = Vec::new();
        for _ in 0..threads {
            let mut builder = thread::Builder::new();
            if let Some(name) = thread::current().name() {
                builder = builder.name(name.to_owned());
            }
            workers.push(builder.spawn_scoped(scope, work).expect("a thread can be started"));
        }
        for worker in workers {
            // The program's own panics are caught by its runs; what comes here is for the caller.
            worker.join().unwrap_or_else(|payload| resume_unwind(payload));
        }
    });
}
