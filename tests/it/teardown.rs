//! How loops go: dropped by hand (S20), and with destructors that make more of what is dropped (S21).

use std::cell::Cell;
use std::future::{Future, pending};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Wake, Waker};

use simloop::policy::{Choice, Policy};
use simloop::report::PanicPlace;
use simloop::{Builder, EventLoop, JoinHandle, call_soon, run, settle, sleep, spawn, yield_now};

use crate::panics::{Bomb, panic_of};
use crate::secs;
use crate::tasks::hold;

/// Drops a loop in which a task has panicked, and returns the text that the drop panics with.
fn drop_loop_with_a_panic(prepare: impl FnOnce(&mut EventLoop)) -> Option<String> {
    let mut event_loop = EventLoop::new();
    prepare(&mut event_loop);
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(event_loop)));
    assert_eq!(run(async { 5 }), 5, "the thread is none the worse");
    dropped.err().map(|payload| *payload.downcast::<String>().unwrap())
}

#[test]
fn s20_a_loop_that_is_dropped_tells_the_panics_that_nobody_was_told_of() {
    let detached = drop_loop_with_a_panic(|event_loop| {
        drop(event_loop.spawn_named("worker", async { panic!("lost") }));
        event_loop.advance(secs(1)).unwrap();
    });
    let text = detached.expect("it panics");
    assert!(text.starts_with("panic at 0s (turn 1) in worker: lost\n"), "{text}");
    assert!(text.ends_with("\n  replay: Builder::new()"), "{text}");
    let in_drop = drop_loop_with_a_panic(|event_loop| drop(event_loop.spawn(hold(Bomb))));
    assert!(in_drop.expect("it panics").contains("as the task's future or output was dropped"));
    let mut kept = None;
    let kept_too_long = drop_loop_with_a_panic(|event_loop| {
        kept = Some(event_loop.spawn(async { panic!("lost") }));
        event_loop.run_until_idle().unwrap();
    });
    assert!(kept_too_long.expect("it panics").contains("nobody had awaited its handle"));
    assert!(kept.take().is_some_and(|handle| handle.is_finished()));
}

#[test]
fn s20_a_loop_that_is_dropped_says_nothing_of_what_somebody_was_told() {
    let taken = drop_loop_with_a_panic(|event_loop| {
        let task = event_loop.spawn(async { panic!("taken") });
        event_loop.run_until_idle().unwrap();
        assert!(event_loop.block_on(task).unwrap().unwrap_err().is_panic());
    });
    assert_eq!(taken, None);
    let returned = drop_loop_with_a_panic(|event_loop| {
        event_loop.block_on(async { panic!("returned") }).unwrap_err();
    });
    assert_eq!(returned, None);
    // Leftovers are for `finish`: an early return must not be hidden by them.
    let mut denying = Builder::new().deny_leftovers(true).build();
    denying.block_on(pending::<()>()).unwrap_err();
    drop(denying);
    let reported = EventLoop::new();
    drop(reported.spawn(hold(Bomb)));
    assert_eq!(panic_of(&reported.finish()).1, PanicPlace::Drop);
}

#[test]
fn s20_a_loop_that_is_dropped_in_a_panic_does_not_abort_the_process() {
    let unwound = std::panic::catch_unwind(|| {
        let mut event_loop = EventLoop::new();
        drop(event_loop.spawn(async { panic!("an untold one") }));
        drop(event_loop.spawn(hold(Bomb)));
        event_loop.run_until_idle().unwrap();
        std::panic::resume_unwind(Box::new("the test's own"));
    });
    assert_eq!(*unwound.unwrap_err().downcast::<&str>().unwrap(), "the test's own");
}

/// Counts itself and spawns `width` of its like when it is dropped.
struct Hydra {
    dropped: Rc<Cell<u32>>,
    width: u32,
}

impl Drop for Hydra {
    fn drop(&mut self) {
        self.dropped.set(self.dropped.get() + 1);
        for _ in 0..self.width {
            let next = Hydra { dropped: Rc::clone(&self.dropped), width: self.width };
            // A task and a callback, in turns.
            if self.dropped.get() % 2 == 0 {
                spawn(hold(next));
            } else {
                call_soon(move || drop(next));
            }
        }
    }
}

#[test]
fn s21_destructors_that_spawn_their_like_without_end_fail_the_run() {
    for width in 1..=3 {
        let dropped = Rc::new(Cell::new(0));
        let count = Rc::clone(&dropped);
        let report = Builder::new().run(async move {
            spawn(hold(Hydra { dropped: count, width }));
            yield_now().await;
        });
        assert_eq!(dropped.get(), 1 + 32 * width, "32 within each that the task's own spawns");
        assert_eq!(panic_of(&report).1, PanicPlace::Drop);
        let failure = report.unwrap_failure();
        assert_eq!(failure.consequences().len() as u32, width - 1, "one for each of those");
        let text = failure.to_string();
        let told = "panic at 0s (turn 3) in main/task: destructors spawn tasks whose destructors spawn tasks, \
                    32 deep: the next ones are not dropped\n";
        assert!(text.starts_with(told), "{text}");
    }
    assert_eq!(run(async { 5 }), 5, "the next loop is none the worse");
}

#[test]
fn s21_a_destructor_may_spawn_many_tasks_as_the_run_ends() {
    /// Spawns tasks when it is dropped, each of which holds a counter.
    struct Spawns(Rc<()>, u32);
    impl Drop for Spawns {
        fn drop(&mut self) {
            for _ in 0..1_000 {
                let counter = Rc::clone(&self.0);
                match self.1 {
                    0 => spawn(hold(counter)),
                    deeper => spawn(async move { drop(Spawns(counter, deeper - 1)) }),
                };
            }
        }
    }
    let counter = Rc::new(());
    let held = Rc::clone(&counter);
    Builder::new()
        .run(async move {
            for depth in [0, 1] {
                spawn(hold(Spawns(Rc::clone(&held), depth)));
            }
            yield_now().await;
        })
        .unwrap();
    assert_eq!(Rc::strong_count(&counter), 1, "all are dropped");
}

/// Panics when it is dropped, with a payload whose destructor panics.
struct BombWithin;

impl Drop for BombWithin {
    fn drop(&mut self) {
        std::panic::resume_unwind(Box::new(Bomb));
    }
}

#[test]
fn s20_payloads_of_panics_whose_destructors_panic_are_caught_as_the_run_ends() {
    let denied = Builder::new().deny_leftovers(true).run(async {
        spawn(pending::<()>());
        BombWithin
    });
    assert_eq!(panic_of(&denied.map(std::mem::forget)).1, PanicPlace::Foreign);
    /// Spawns two tasks when it is dropped whose futures panic so when they are.
    struct SpawnsBombs;
    impl Drop for SpawnsBombs {
        fn drop(&mut self) {
            for _ in 0..2 {
                spawn(hold(BombWithin));
            }
        }
    }
    let panicked = Builder::new().run(async {
        spawn(async { std::panic::resume_unwind(Box::new("first")) });
        yield_now().await;
        SpawnsBombs
    });
    let failure = panicked.map(std::mem::forget).unwrap_failure().clone();
    assert_eq!(failure.consequences().len(), 2, "{failure}");
    assert_eq!(run(async { 5 }), 5, "the next loop is none the worse");
}

/// A waker that counts its end, and waits with `left` of its like for a sleep that is then forgotten.
struct Registers {
    ended: Arc<AtomicU32>,
    left: u32,
}

impl Wake for Registers {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Registers {
    fn drop(&mut self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        if self.left > 0 {
            wait_for_ever(&self.ended, self.left - 1);
        }
    }
}

fn wait_for_ever(ended: &Arc<AtomicU32>, left: u32) {
    let waker = Waker::from(Arc::new(Registers { ended: Arc::clone(ended), left }));
    let mut nap = Box::pin(sleep(secs(9)));
    assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    std::mem::forget(nap);
}

#[test]
fn s21_a_waker_whose_destructor_leaves_another_one_is_dropped_with_that() {
    for (left, ended) in [(0, 1), (3, 4), (u32::MAX, 32)] {
        let count = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&count);
        Builder::new().run(async move { wait_for_ever(&counted, left) }).unwrap();
        assert_eq!(count.load(Ordering::Relaxed), ended, "and no more than 32, one by the other");
        // And where the output of a run that failed leaves one.
        struct Waits(Arc<AtomicU32>);
        impl Drop for Waits {
            fn drop(&mut self) {
                wait_for_ever(&self.0, 0);
            }
        }
        let counted = Arc::clone(&count);
        let denied = Builder::new().deny_leftovers(true).run(async move {
            spawn(pending::<()>());
            Waits(counted)
        });
        drop(denied.map(std::mem::forget).unwrap_failure());
        assert_eq!(count.load(Ordering::Relaxed), ended + 1);
    }
}

#[test]
fn s20_a_chain_of_outputs_that_hold_handles_is_dropped_on_any_stack() {
    let dropped = Rc::new(Cell::new(0));
    /// Counts itself when it is dropped, and then the next in the chain.
    struct Link(Rc<Cell<u32>>, Option<Box<dyn std::any::Any>>);
    impl Drop for Link {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            drop(self.1.take());
        }
    }
    let count = Rc::clone(&dropped);
    run(async move {
        let mut last: Option<Box<dyn std::any::Any>> = None;
        for _ in 0..20_000 {
            let link = Link(Rc::clone(&count), last.take());
            last = Some(Box::new(spawn(async { link })));
        }
        settle().await;
        drop(last);
        assert_eq!(count.get(), 20_000, "all of them, before the drop of the last returns");
    });
}

#[test]
fn s21_an_output_that_the_end_of_the_run_has_dropped_was_cancelled_to_whoever_asks_then() {
    /// Asks for the output of another task when it is dropped.
    struct Asks(JoinHandle<u8>, Rc<Cell<u32>>);
    impl Drop for Asks {
        fn drop(&mut self) {
            let taken = self.0.try_take();
            self.1
                .set(1 + u32::from(taken.is_some_and(|result| result.unwrap_err().is_cancelled())));
        }
    }
    let answer = Rc::new(Cell::new(0));
    let told = Rc::clone(&answer);
    let report = Builder::new().run(async move {
        let first = spawn(async { 7 });
        let second = spawn(async move { Asks(first, told) });
        settle().await;
        [second]
    });
    drop(report.unwrap());
    assert_eq!(answer.get(), 2);
}

#[test]
fn a_policy_may_run_a_loop_when_it_is_dropped() {
    #[derive(Debug)]
    struct Runs(Rc<Cell<u32>>);
    impl Policy for Runs {
        fn choose(&mut self, _: &Choice<'_>) -> usize {
            0
        }
    }
    impl Drop for Runs {
        fn drop(&mut self) {
            self.0.set(run(async { 3 }));
        }
    }
    let result = Rc::new(Cell::new(0));
    Builder::new().policy(Runs(Rc::clone(&result))).run(async {}).unwrap();
    assert_eq!(result.get(), 3);
}

#[test]
fn s23_a_loop_in_the_destructor_of_a_thread_local_is_one_of_its_own_thread() {
    /// Drives a loop when its thread ends, and leaves what came of it.
    struct Drives(Cell<Option<std::sync::mpsc::Sender<bool>>>);
    impl Drop for Drives {
        fn drop(&mut self) {
            let Some(results) = self.0.take() else { return };
            let mut event_loop = EventLoop::new();
            let (sender, receiver) = futures_channel::oneshot::channel();
            let task = event_loop.spawn(async move { receiver.await == Ok(9) });
            event_loop.run_until_idle().unwrap();
            sender.send(9).unwrap();
            let is_woken = event_loop.run_until_idle().is_ok();
            results.send(is_woken && task.is_finished()).unwrap();
        }
    }
    thread_local! {
        static DRIVES: Drives = const { Drives(Cell::new(None)) };
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    // Made before the thread's first loop, it goes after the crate's own thread-locals.
    let thread = std::thread::spawn(move || {
        DRIVES.with(|drives| drives.0.set(Some(sender)));
        run(async {});
    });
    thread.join().unwrap();
    assert_eq!(receiver.recv(), Ok(true));
}

#[test]
fn the_time_and_the_task_may_be_asked_for_wherever_a_panic_is() {
    /// Asks as the hook of a panic in it would.
    #[derive(Debug)]
    struct Asks;
    impl Policy for Asks {
        fn choose(&mut self, _: &Choice<'_>) -> usize {
            assert_eq!(simloop::time::try_now(), None);
            usize::from(simloop::task::try_current().is_some())
        }
    }
    let report = Builder::new().policy(Asks).run(async {
        spawn(async {});
        spawn(async {});
        yield_now().await;
        simloop::time::try_now()
    });
    assert!(report.schedule.is_empty(), "no task is known to a policy");
    assert_eq!(report.unwrap(), Some(simloop::Instant::ZERO));
}
