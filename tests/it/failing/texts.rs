//! Texts of failures that stand beside the common ones: many of a kind, numbers at their bounds, panics outside polls.

use std::future::{Future, pending};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use futures_util::future::{join_all, join3};
use simloop::explore::Explorer;
use simloop::sync::Mutex;
use simloop::{Builder, EventLoop, Limits, choose, sleep, spawn, spawn_named, yield_now};

use super::shown;
use crate::secs;
use crate::snapshots::assert_shown;

#[test]
fn s37_equal_waits_of_a_task_are_told_once_with_their_number() {
    let failure = Builder::new().run(async {
        let ledger = Arc::new(Mutex::new(()).named("ledger"));
        let guard = ledger.lock().await;
        let audited = Arc::clone(&ledger);
        spawn_named("auditor", async move {
            join_all([audited.lock(), audited.lock()]).await;
        });
        let naps = spawn_named("naps", async {
            join_all((0..20).map(|_| sleep(Duration::MAX))).await;
        });
        let napping = naps.abort_handle();
        spawn_named("mixed", async move {
            join3(sleep(Duration::MAX), sleep(Duration::MAX), naps).await.2.unwrap();
        });
        sleep(secs(1)).await;
        pending::<()>().await;
        drop((guard, napping));
    });
    shown("deadlock_equal_waits", &failure.unwrap_failure());
}

#[test]
fn s41_a_name_that_is_very_long_is_cut_and_says_by_how_much() {
    let name = |letter: &str| letter.repeat(100_000);
    let panicked = Builder::new().run(async move {
        spawn_named(&name("p"), async { panic!("lost") });
        yield_now().await;
    });
    let stuck = Builder::new().run(async move {
        let lock = Rc::new(Mutex::new(()).named(name("m")));
        let held = lock.lock().await;
        let waits = Rc::clone(&lock);
        let waiter = spawn_named(&name("w"), async move { drop(waits.lock().await) });
        waiter.await.unwrap();
        drop(held);
    });
    let busy = Builder::new().limits(Limits::new().turns_per_instant(100)).run(async move {
        let spins = || async {
            loop {
                yield_now().await;
            }
        };
        spawn_named(&name("s"), spins()).await.unwrap()
    });
    let left = Builder::new().deny_leftovers(true).run(async move {
        spawn_named(&name("l"), pending::<()>());
    });
    let failures = [
        panicked.outcome.unwrap_err(),
        stuck.outcome.unwrap_err(),
        busy.outcome.unwrap_err(),
        left.outcome.unwrap_err(),
    ];
    let found = Explorer::new().ignore_environment(true).exhaustive().run(move || async move {
        let tasks = ["x", "y"].map(|letter| spawn_named(&name(letter), async { choose(2) }));
        let [x, y] = tasks;
        assert!(x.await.unwrap() < 1 || y.await.unwrap() < 1, "both");
    });
    let texts = failures.map(|failure| failure.to_string()).join("\n\n");
    assert_shown("failing", "long_names", format!("{texts}\n\n{found}"));
}

#[test]
fn s38_a_livelock_after_a_single_turn_is_told_in_the_singular() {
    let failure = Builder::new().limits(Limits::new().turns_per_instant(1)).run(async {
        loop {
            yield_now().await;
        }
    });
    shown("livelock_of_one_turn", &failure.map(|()| ()).unwrap_failure());
}

#[test]
#[cfg(target_pointer_width = "64")]
fn s41_a_choice_among_too_many_says_how_many() {
    let failure = Builder::new().run(async { choose(usize::MAX) });
    shown("panic_choose", &failure.unwrap_failure());
}

#[test]
fn s41_panics_outside_polls_say_where_they_come_from() {
    let mut event_loop = EventLoop::new();
    let kept = event_loop.spawn_named("worker", async { panic!("lost") });
    event_loop.run_until_idle().unwrap();
    shown("panic_not_joined", &event_loop.finish().unwrap_failure());
    assert!(kept.is_finished());

    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a rude waker");
        }
    }
    let in_waker = Builder::new().run(async {
        let mut nap = Box::pin(sleep(secs(1)));
        let rude = Waker::from(Arc::new(Panics));
        assert!(nap.as_mut().poll(&mut Context::from_waker(&rude)).is_pending());
        sleep(secs(2)).await;
    });
    shown("panic_foreign", &in_waker.unwrap_failure());

    /// Spawns its like when it is dropped.
    struct Spawns;
    impl Drop for Spawns {
        fn drop(&mut self) {
            spawn(crate::tasks::hold(Spawns));
        }
    }
    let without_end = Builder::new().run(async {
        spawn(crate::tasks::hold(Spawns));
        yield_now().await;
    });
    shown("panic_spawning_without_end", &without_end.unwrap_failure());
}

#[test]
fn s22_a_call_outside_a_loop_says_where_it_belongs() {
    let message = |call: fn()| {
        let panic = std::panic::catch_unwind(call).unwrap_err();
        *panic.downcast::<String>().unwrap()
    };
    let outside = [
        message(|| drop(sleep(secs(1)))),
        message(|| _ = simloop::now()),
        message(|| drop(spawn(async {}))),
    ];
    crate::snapshots::assert_shown("failing", "outside_a_loop", outside.join("\n\n"));
}
