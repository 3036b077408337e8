//! The event loops that run the same programs: ours, and those that people would pick instead.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt::Debug;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use async_executor::LocalExecutor;
use futures_executor::{LocalPool, LocalSpawner};
use futures_util::task::LocalSpawnExt;
use simloop::policy::Random;

/// An executor: a loop that runs tasks.
pub trait Contestant: 'static {
    /// Makes a loop, runs `root` in it, and drops it. Returns the output, and the virtual time at the end,
    /// which is zero where there is no clock.
    fn run<F: Future<Output: 'static> + 'static>(root: F) -> (F::Output, Duration);

    fn spawn<F: Future<Output: Send> + Send + 'static>(
        future: F,
    ) -> impl Future<Output = Result<F::Output, impl Debug>> + Send;

    /// Wakes its own task and suspends once: ours does no more than that, under any executor.
    fn yield_now() -> impl Future<Output = ()> + Send {
        simloop::yield_now()
    }
}

/// An executor with a virtual clock.
pub trait Timed: Contestant {
    fn sleep(duration: Duration) -> impl Future<Output = ()> + Send;

    fn timeout<F: Future + Send>(
        duration: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, impl Debug>> + Send;
}

pub struct Simloop;

impl Contestant for Simloop {
    fn run<F: Future<Output: 'static> + 'static>(root: F) -> (F::Output, Duration) {
        simloop::run(async { (root.await, simloop::now().since_start()) })
    }

    #[inline]
    fn spawn<F: Future<Output: Send> + Send + 'static>(
        future: F,
    ) -> impl Future<Output = Result<F::Output, impl Debug>> + Send {
        simloop::spawn(future)
    }
}

impl Timed for Simloop {
    #[inline]
    fn sleep(duration: Duration) -> impl Future<Output = ()> + Send {
        simloop::sleep(duration)
    }

    #[inline]
    fn timeout<F: Future + Send>(
        duration: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, impl Debug>> + Send {
        simloop::timeout(duration, future)
    }
}

/// Ours, in a random order. It records each choice it makes.
pub struct Shuffled;

impl Contestant for Shuffled {
    fn run<F: Future<Output: 'static> + 'static>(root: F) -> (F::Output, Duration) {
        let report = simloop::Builder::new().policy(Random::new(7)).run(root);
        let end = report.ended_at.since_start();
        (report.unwrap(), end)
    }

    fn spawn<F: Future<Output: Send> + Send + 'static>(
        future: F,
    ) -> impl Future<Output = Result<F::Output, impl Debug>> + Send {
        simloop::spawn(future)
    }
}

/// Ours, with everything recorded.
pub struct Traced;

impl Contestant for Traced {
    fn run<F: Future<Output: 'static> + 'static>(root: F) -> (F::Output, Duration) {
        let report = simloop::Builder::new().trace(simloop::trace::Level::Full).run(root);
        let end = report.ended_at.since_start();
        (report.unwrap(), end)
    }

    fn spawn<F: Future<Output: Send> + Send + 'static>(
        future: F,
    ) -> impl Future<Output = Result<F::Output, impl Debug>> + Send {
        simloop::spawn(future)
    }
}

/// tokio on the current thread, its clock paused. With `PLAIN`, its tasks yield by waking themselves; tokio's
/// own `yield_now` defers the wake until the runtime has looked after its timers, which costs more.
pub struct Tokio<const PLAIN: bool>;

/// With tokio's own `yield_now`.
pub type Own = Tokio<false>;
/// With a plain yield.
pub type Plain = Tokio<true>;

impl<const PLAIN: bool> Contestant for Tokio<PLAIN> {
    fn run<F: Future<Output: 'static> + 'static>(root: F) -> (F::Output, Duration) {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().expect("a runtime is made");
        runtime.block_on(async {
            let start = tokio::time::Instant::now();
            (root.await, start.elapsed())
        })
    }

    #[inline]
    fn spawn<F: Future<Output: Send> + Send + 'static>(
        future: F,
    ) -> impl Future<Output = Result<F::Output, impl Debug>> + Send {
        tokio::spawn(future)
    }

    async fn yield_now() {
        if PLAIN { simloop::yield_now().await } else { tokio::task::yield_now().await }
    }
}

impl<const PLAIN: bool> Timed for Tokio<PLAIN> {
    #[inline]
    fn sleep(duration: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(duration)
    }

    #[inline]
    fn timeout<F: Future + Send>(
        duration: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, impl Debug>> + Send {
        tokio::time::timeout(duration, future)
    }
}

thread_local! {
    /// Tokio and we find the running loop in a thread-local too.
    static EXECUTOR: RefCell<Option<Rc<LocalExecutor<'static>>>> = const { RefCell::new(None) };
    static SPAWNER: RefCell<Option<LocalSpawner>> = const { RefCell::new(None) };
}

/// async-executor's `LocalExecutor`. It has no clock.
pub struct AsyncExecutor;

impl Contestant for AsyncExecutor {
    fn run<F: Future<Output: 'static> + 'static>(root: F) -> (F::Output, Duration) {
        let executor = Rc::new(LocalExecutor::new());
        EXECUTOR.set(Some(Rc::clone(&executor)));
        let output = futures_executor::block_on(executor.run(root));
        EXECUTOR.set(None);
        (output, Duration::ZERO)
    }

    #[inline]
    fn spawn<F: Future<Output: Send> + Send + 'static>(
        future: F,
    ) -> impl Future<Output = Result<F::Output, impl Debug>> + Send {
        let task =
            EXECUTOR.with_borrow(|executor| executor.as_ref().expect("a loop runs").spawn(future));
        async { Ok::<_, Infallible>(task.await) }
    }
}

/// futures-executor's `LocalPool`. It has no clock.
pub struct Pool;

impl Contestant for Pool {
    fn run<F: Future<Output: 'static> + 'static>(root: F) -> (F::Output, Duration) {
        let mut pool = LocalPool::new();
        SPAWNER.set(Some(pool.spawner()));
        let output = pool.run_until(root);
        SPAWNER.set(None);
        (output, Duration::ZERO)
    }

    #[inline]
    fn spawn<F: Future<Output: Send> + Send + 'static>(
        future: F,
    ) -> impl Future<Output = Result<F::Output, impl Debug>> + Send {
        let task = SPAWNER.with_borrow(|spawner| {
            spawner.as_ref().expect("a loop runs").spawn_local_with_handle(future)
        });
        let task = task.expect("the pool is there");
        async { Ok::<_, Infallible>(task.await) }
    }
}
