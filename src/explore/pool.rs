//! Work for several threads whose results are taken in the order of the work, whoever finished first.

use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Does all `jobs` by a worker for each thread, and hands the results to `merge` in their order, until it says to stop.
///
/// A thread is told the earliest job whose result `is_last`: what comes after that need not be done. What is
/// merged, and so what comes of it, is the same for every number of threads.
pub(super) fn in_order<J: Sync, R: Send, W: FnMut(&J) -> R>(
    threads: usize,
    jobs: &[J],
    worker: impl Fn() -> W + Sync,
    is_last: impl Fn(&R) -> bool + Sync,
    mut merge: impl FnMut(R) -> ControlFlow<()>,
) -> ControlFlow<()> {
    if threads < 2 || jobs.len() < 2 {
        let mut work = worker();
        for job in jobs {
            merge(work(job))?;
        }
        return ControlFlow::Continue(());
    }
    let mut results = Vec::with_capacity(jobs.len());
    for _ in 0..jobs.len() {
        results.push(Mutex::new(None));
    }
    let (next, last) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let thread = || {
        let mut work = worker();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(number) else { return };
            if number > last.load(Ordering::Relaxed) {
                return;
            }
            let result = work(job);
            if is_last(&result) {
                last.fetch_min(number, Ordering::Relaxed);
            }
            *results[number].lock().expect("nobody panics while holding it") = Some(result);
        }
    };
    in_threads(threads.min(jobs.len()), &thread);
    for result in results {
        // A job that was not done comes after one that is the last.
        if let Some(result) = result.into_inner().expect("no worker is left") {
            merge(result)?;
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
