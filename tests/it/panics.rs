//! Rule S20: panics, in polls, destructors, wakers and policies. None aborts the process, none is lost.

#![allow(clippy::async_yields_async, reason = "handles as outputs are what some tests are about")]

use std::cell::RefCell;
use std::future::{Future, pending};
use std::rc::Rc;

use simloop::report::{FailureKind, PanicPlace};
use simloop::{
    Builder, EventLoop, Instant, gather_all, now, run, sleep, spawn, spawn_named, yield_now,
};

use crate::secs;
use crate::tasks::hold;

#[test]
fn s20_a_panic_goes_to_whoever_joins() {
    let report = Builder::new().run(async {
        let error = spawn_named("worker", async { panic!("out of {}", "fuel") }).await.unwrap_err();
        assert!(error.is_panic() && !error.is_cancelled());
        assert_eq!(error.to_string(), "task `main/worker` panicked: out of fuel");
        let payload = spawn(async { std::panic::panic_any(42) }).await.unwrap_err().into_panic();
        *payload.downcast::<i32>().unwrap()
    });
    assert_eq!(report.unwrap(), 42, "a panic that was taken fails nothing");
}

pub(crate) fn panic_of(report: &simloop::Report<()>) -> (String, PanicPlace) {
    match report.failure().map(simloop::Failure::kind) {
        Some(FailureKind::Panic(panic)) => (panic.path.clone(), panic.place),
        other => panic!("expected a panic, found {other:?}"),
    }
}

#[test]
fn s20_a_panic_that_nobody_takes_fails_the_run_when_it_ends() {
    let detached = Builder::new().run(async {
        drop(spawn_named("detached", async { panic!("lost") }));
        sleep(secs(1)).await;
    });
    assert_eq!(panic_of(&detached), ("main/detached".to_owned(), PanicPlace::Detached));
    assert_eq!(detached.ended_at.to_string(), "1s", "the others went on");
    let failure = detached.unwrap_failure();
    assert_eq!((failure.at(), failure.turn()), (simloop::Instant::ZERO, 2), "where it happened");

    let dropped_later = Builder::new().run(async {
        let handle = spawn_named("later", async { panic!("lost") });
        sleep(secs(1)).await;
        drop(handle);
    });
    assert_eq!(panic_of(&dropped_later).1, PanicPlace::Detached);

    let kept = Rc::new(RefCell::new(None));
    let keep = Rc::clone(&kept);
    let not_joined = Builder::new().run(async move {
        *keep.borrow_mut() = Some(spawn_named("kept", async { panic!("lost") }));
        sleep(secs(1)).await;
    });
    assert_eq!(panic_of(&not_joined), ("main/kept".to_owned(), PanicPlace::NotJoined));
}

#[test]
fn s20_the_first_of_several_panics_is_the_failure() {
    let report = Builder::new().run(async {
        for (name, delay) in [("second", 2), ("first", 1)] {
            spawn_named(name, async move {
                sleep(secs(delay)).await;
                panic!("lost");
            });
        }
        sleep(secs(3)).await;
    });
    assert_eq!(panic_of(&report).0, "main/first");
    let failure = report.unwrap_failure();
    assert_eq!(failure.consequences().len(), 1);
    assert!(
        failure.to_string().contains("\n  then: panic at 2s (turn 5) in main/second: lost\n"),
        "{failure}"
    );
}

#[test]
fn s20_very_many_panics_that_nobody_takes_are_told_in_part() {
    let report = Builder::new().run(async {
        for _ in 0..10_000 {
            spawn(async { std::panic::resume_unwind(Box::new("lost")) });
        }
        sleep(secs(1)).await;
        std::panic::resume_unwind(Box::new("and the root too"));
    });
    let failure = report.unwrap_failure();
    assert_eq!(failure.consequences().len(), 10_000);
    assert!(failure.to_string().contains("\n  then: 9995 more failures\n"));
    assert!(
        failure.consequences().last().unwrap().to_string().contains("in main: and the root too")
    );
}

#[test]
fn s20_of_six_later_panics_the_last_is_one_more_failure() {
    let report = Builder::new().run(async {
        for _ in 0..7 {
            spawn(async { std::panic::resume_unwind(Box::new("lost")) });
        }
        sleep(secs(1)).await;
    });
    let shown = report.unwrap_failure().to_string();
    assert_eq!(shown.matches("\n  then: panic at").count(), 5, "{shown}");
    assert!(shown.contains("\n  then: 1 more failure\n"), "{shown}");
}

#[test]
fn s20_panics_are_told_in_the_order_in_which_they_happen() {
    /// Panics with its name when it is dropped.
    struct Named(&'static str);
    impl Drop for Named {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new(self.0));
        }
    }
    let kept = Rc::new(RefCell::new(Vec::new()));
    let keep = Rc::clone(&kept);
    let report = Builder::new().run(async move {
        for name in ["oldest", "middle", "newest"] {
            let task = spawn_named(name, async move {
                let _named = Named(name);
                pending::<()>().await;
            });
            // Whether there is a handle makes no difference.
            if name == "middle" {
                keep.borrow_mut().push(task);
            }
        }
        let early = spawn_named("early", async { std::panic::resume_unwind(Box::new("early")) });
        yield_now().await;
        drop(early);
    });
    let failure = report.unwrap_failure();
    let message = |failure: &simloop::Failure| match failure.kind() {
        FailureKind::Panic(panic) => panic.message.clone(),
        other => panic!("expected a panic, found {other:?}"),
    };
    assert_eq!(message(&failure), "early");
    let then: Vec<_> = failure.consequences().iter().map(message).collect();
    assert_eq!(then, ["newest", "middle", "oldest"], "tasks are dropped newest first");
}

#[test]
fn s20_a_panic_leaves_the_loop_the_thread_and_later_loops_usable() {
    let mut event_loop = EventLoop::new();
    let panicking = event_loop.spawn(async { panic!("once") });
    event_loop.advance(secs(1)).unwrap();
    let value = event_loop.block_on(async {
        sleep(secs(1)).await;
        7
    });
    assert_eq!(value.unwrap(), 7);
    assert!(event_loop.block_on(panicking).unwrap().unwrap_err().is_panic());
    event_loop.finish().unwrap();
    assert_eq!(run(async { 8 }), 8);
}

/// Panics when it is dropped, and once more when its payload is.
pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        std::panic::panic_any(PayloadBomb);
    }
}

struct PayloadBomb;

impl Drop for PayloadBomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("a payload's destructor");
        }
    }
}

#[test]
fn s41_a_panic_that_is_passed_on_says_where_it_was_raised() {
    let lost = || async { assert_eq!(now(), Instant::NEVER, "lost") };
    let line = line!() - 1;
    let gathered = Builder::new().run(async move {
        gather_all([lost()]).await;
    });
    let resumed = Builder::new().run(async move {
        std::panic::resume_unwind(spawn(lost()).await.unwrap_err().into_panic());
    });
    for report in [gathered, resumed] {
        let text = report.unwrap_failure().to_string();
        assert!(text.contains(&format!("\n  raised at tests/it/panics.rs:{line}\n")), "{text}");
    }
}

#[test]
fn s41_a_panic_in_a_file_of_the_crate_is_told_by_its_path_in_the_package() {
    let report = Builder::new().run(async {
        let mut handle = spawn(async {});
        (&mut handle).await.unwrap();
        handle.await.unwrap();
    });
    let text = report.unwrap_failure().to_string();
    let raised =
        concat!("\n  raised at simloop-", env!("CARGO_PKG_VERSION"), "/src/executor/join.rs:");
    assert!(text.contains(raised), "{text}");
}

#[test]
fn s20_panics_in_destructors_are_caught_wherever_they_happen() {
    // At the end of the run, in a future and in an output that nobody fetched.
    let report = Builder::new().run(async {
        let bomb = Bomb;
        spawn(async move {
            let _bomb = bomb;
            pending::<()>().await;
        });
        let kept = spawn(async { Bomb });
        yield_now().await;
        std::mem::forget(kept);
    });
    assert_eq!(panic_of(&report).1, PanicPlace::Drop);
    // In an aborted task: its joiner is told.
    run(async {
        let bomb = Bomb;
        let task = spawn(async move {
            let _bomb = bomb;
            pending::<()>().await;
        });
        yield_now().await;
        task.abort();
        std::mem::forget(task.await.unwrap_err().into_panic());
    });
    // In the output of a detached task.
    let report = Builder::new().run(async {
        drop(spawn(async { Bomb }));
        yield_now().await;
    });
    assert_eq!(panic_of(&report).1, PanicPlace::Drop);
    // In an output that another task drops with its handle: that task goes on, and is not to blame.
    let report = Builder::new().run(async {
        let handle = spawn(async { Bomb });
        yield_now().await;
        drop(handle);
        sleep(secs(1)).await;
    });
    let what = "an output whose handle was dropped, as main ran";
    assert_eq!(panic_of(&report), (what.to_owned(), PanicPlace::Foreign));
    assert_eq!(report.ended_at.to_string(), "1s");
    assert_eq!(run(async { 9 }), 9, "the next loop is none the worse");
}

#[test]
fn s20_foreign_data_may_run_end_and_own_loops_wherever_it_is_dropped() {
    /// Runs a loop when it is dropped.
    struct Runs;
    impl Drop for Runs {
        fn drop(&mut self) {
            assert!(matches!(
                Builder::new().run(async {}).unwrap_failure().kind(),
                FailureKind::NestedLoop { .. }
            ));
        }
    }
    // The output of a detached task, of a joined one, of one whose handle is dropped when it has ended.
    run(async {
        drop(spawn(async { Runs }));
        drop(spawn(async { Runs }).await.unwrap());
        let owner = spawn(async { EventLoop::new() });
        let runner = spawn(async { Runs });
        yield_now().await;
        drop((owner, runner));
    });
    // A future that is spawned as the run ends, and dropped at once.
    struct Spawns;
    impl Drop for Spawns {
        fn drop(&mut self) {
            let runs = Runs;
            spawn(async move { drop(runs) });
        }
    }
    run(async {
        spawn(hold(Spawns));
        yield_now().await;
    });
}

#[test]
fn s20_an_output_that_holds_handles_is_dropped_in_peace() {
    let report = Builder::new().run(async {
        let outer = spawn(async {
            let inner = spawn(async { 5 });
            yield_now().await;
            yield_now().await;
            inner
        });
        for _ in 0..5 {
            yield_now().await;
        }
        outer
    });
    drop(report.unwrap());
    let denied = Builder::new().deny_leftovers(true).run(async { spawn(pending::<()>()) });
    assert!(matches!(denied.unwrap_failure().kind(), FailureKind::Leftovers { .. }));
    let panicked = Builder::new().run(async {
        drop(spawn(async { std::panic::resume_unwind(Box::new("lost")) }));
        let kept = spawn(pending::<()>());
        yield_now().await;
        kept
    });
    assert_eq!(panic_of(&panicked.map(drop)).1, PanicPlace::Detached);
}

#[test]
fn s20_a_handle_dropped_in_a_panic_does_not_abort_the_process() {
    let report = Builder::new().run(async {
        let bombs = [spawn(async { Bomb }), spawn(async { Bomb })];
        yield_now().await;
        let holder = spawn(async move {
            let _bombs = bombs;
            panic!("while it holds two outputs that panic");
        });
        assert!(holder.await.unwrap_err().is_panic());
    });
    let failure = report.unwrap_failure();
    assert_eq!(failure.consequences().len(), 1, "both are told: {failure}");
}

#[test]
fn a_loop_in_a_thread_local_ends_with_its_thread() {
    thread_local! {
        static KEPT: RefCell<Option<EventLoop>> = const { RefCell::new(None) };
    }
    std::thread::spawn(|| {
        let event_loop = EventLoop::new();
        event_loop.spawn(hold(vec![1, 2, 3]));
        KEPT.with(|kept| *kept.borrow_mut() = Some(event_loop));
        run(async { yield_now().await });
    })
    .join()
    .unwrap();
}

#[test]
fn s20_a_policy_that_panics_when_it_is_shown_or_dropped_is_caught() {
    use simloop::policy::{Choice, Policy};
    struct Rude;
    impl std::fmt::Debug for Rude {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("not to be shown")
        }
    }
    impl Drop for Rude {
        fn drop(&mut self) {
            panic!("not to be dropped")
        }
    }
    impl Policy for Rude {
        fn choose(&mut self, choice: &Choice<'_>) -> usize {
            choice.len()
        }
    }
    let report = Builder::new().policy(Rude).run(async {
        spawn(async {});
        spawn(async {});
        yield_now().await;
    });
    assert!(matches!(report.unwrap_failure().kind(), FailureKind::PolicyFault { .. }));
}

#[test]
fn s20_a_panic_in_a_waker_that_the_loop_calls_is_told_as_that() {
    struct Panics;
    impl std::task::Wake for Panics {
        fn wake(self: std::sync::Arc<Self>) {
            std::panic::resume_unwind(Box::new("a rude waker"));
        }
    }
    let report = Builder::new().run(async {
        let mut nap = Box::pin(sleep(secs(1)));
        let rude = std::task::Waker::from(std::sync::Arc::new(Panics));
        assert!(nap.as_mut().poll(&mut std::task::Context::from_waker(&rude)).is_pending());
        sleep(secs(2)).await;
    });
    let text = report.unwrap_failure().to_string();
    let told = "panic at 1s (turn 1) in a waker: a rude waker\n  \
                it happened outside any task's own code, in what the loop called\n";
    assert!(text.starts_with(told), "{text}");
}
