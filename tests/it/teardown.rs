//! How loops go: dropped by hand (S20), and with destructors that make more of what is dropped (S21).

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;

use simloop::report::PanicPlace;
use simloop::{Builder, EventLoop, call_soon, run, spawn, yield_now};

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
    assert!(in_drop.expect("it panics").contains("as the task's future was dropped"));
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
