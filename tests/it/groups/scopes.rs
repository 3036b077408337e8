//! Cancel scopes (S27).

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;

use futures_util::future::join;
use simloop::policy::Random;
use simloop::task::{current_effective_deadline, fail_at, move_on_at};
use simloop::time::Instant;
use simloop::{
    Builder, CancelScope, EventLoop, TaskGroup, fail_after, move_on_after, now, run, sleep, spawn,
    time, timeout, yield_now,
};

use super::{Log, OnDrop};
use crate::{millis, secs};

fn at(seconds: u64) -> Instant {
    Instant::ZERO + secs(seconds)
}

#[test]
fn s27_a_scope_cancels_at_its_deadline_and_drops_before_it_returns() {
    run(async {
        let log = Log::default();
        let entry = OnDrop(Rc::clone(&log), "inside".to_owned());
        let scope = CancelScope::after(secs(2));
        let mut running = Box::pin(scope.run(async move {
            let _entry = entry;
            pending::<()>().await;
        }));
        let error = running.as_mut().await.unwrap_err();
        assert_eq!(*log.borrow(), ["2s inside"], "though the run is still there");
        assert_eq!(error.to_string(), "a scope reached its deadline at 2s");
        assert!(error.is_deadline() && scope.cancel_called() && scope.cancelled_caught());
    });
}

#[test]
fn s27_a_result_at_the_deadline_counts() {
    run(async {
        let scope = CancelScope::after(secs(1));
        scope.run(sleep(secs(1))).await.unwrap();
        assert!(scope.cancel_called(), "the deadline has passed");
        assert!(!scope.cancelled_caught(), "and nothing was cut short");
        assert!(scope.run(async {}).await.is_ok(), "polled once, as with a timeout of zero");
        assert!(scope.run(yield_now()).await.is_err());
    });
}

#[test]
fn s27_a_deadline_can_be_moved_both_ways_from_outside() {
    run(async {
        let scope = CancelScope::after(secs(2)).named("moved");
        let mover = scope.clone();
        spawn(async move {
            sleep(secs(1)).await;
            mover.extend(secs(10));
            sleep(secs(4)).await;
            mover.set_deadline(at(6));
        });
        let error = scope.run(pending::<()>()).await.unwrap_err();
        assert_eq!(error.to_string(), "scope `moved` reached its deadline at 6s");
        assert_eq!(scope.deadline(), at(6));
        scope.set_deadline(at(9));
        assert_eq!(scope.deadline(), at(6), "what is cancelled stays so");

        let scope = CancelScope::after(secs(60));
        let mover = scope.clone();
        spawn(async move {
            sleep(secs(1)).await;
            mover.set_deadline(at(3));
        });
        let error = scope.run(pending::<()>()).await.unwrap_err();
        assert_eq!(now().to_string(), "7s", "an instant that has passed cancels at once");
        assert!(error.is_deadline());
    });
}

#[test]
fn s27_a_moved_deadline_leaves_no_timer_that_moves_the_clock() {
    let report = Builder::new().run(async {
        let scope = CancelScope::after(secs(5));
        let mover = scope.clone();
        spawn(async move {
            sleep(secs(1)).await;
            mover.set_deadline(Instant::NEVER);
            sleep(secs(9)).await;
            mover.cancel();
        });
        assert!(scope.run(pending::<()>()).await.is_err());
    });
    assert_eq!((report.counters.jumps, report.ended_at), (2, at(10)));
    report.unwrap();
}

#[test]
fn s27_a_scope_moved_from_inside_is_not_polled_for_it() {
    run(async {
        let polls = Rc::new(Cell::new(0));
        let scope = CancelScope::after(secs(2));
        let inside = scope.clone();
        let counted = Rc::clone(&polls);
        let mut program = Box::pin(async move {
            for _ in 0..5 {
                sleep(secs(1)).await;
                inside.set_deadline(now() + secs(2));
            }
        });
        let counting = std::future::poll_fn(move |cx| {
            counted.set(counted.get() + 1);
            program.as_mut().poll(cx)
        });
        scope.run(counting).await.unwrap();
        assert_eq!((now(), polls.get()), (at(5), 6));
    });
}

#[test]
fn s27_a_scope_cancelled_from_outside_or_inside_ends_at_the_next_suspension() {
    run(async {
        let scope = CancelScope::new();
        let canceller = scope.clone();
        spawn(async move {
            sleep(secs(3)).await;
            canceller.cancel();
            canceller.cancel();
        });
        let error = scope.run(pending::<()>()).await.unwrap_err();
        assert_eq!(error.to_string(), "a scope was cancelled at 3s");
        assert!(!error.is_deadline());

        let scope = CancelScope::new();
        let reached = Cell::new(false);
        let result = scope.run(async {
            scope.cancel();
            reached.set(true);
            yield_now().await;
            unreachable!("it is dropped here");
        });
        assert!(result.await.is_err());
        assert!(reached.get());
        assert_eq!(scope.run(async { 5 }).await.unwrap(), 5, "what does not suspend goes through");
    });
}

#[test]
fn s27_it_is_known_which_of_nested_scopes_has_cancelled() {
    run(async {
        let nested = async |outer: &CancelScope, inner: &CancelScope| {
            outer.run(inner.run(pending::<()>())).await
        };
        let (outer, inner) = (CancelScope::after(secs(2)), CancelScope::after(secs(1)));
        let error = nested(&outer, &inner).await.unwrap().unwrap_err();
        assert!(error.is_of(&inner) && !error.is_of(&outer));
        assert!(!outer.cancelled_caught());

        let (outer, inner) = (CancelScope::after(secs(1)), CancelScope::after(secs(1)));
        let error = nested(&outer, &inner).await.unwrap().unwrap_err();
        assert!(error.is_of(&inner), "of two that are due the inner one (S13)");

        let (outer, inner) = (CancelScope::after(secs(1)), CancelScope::after(secs(2)));
        let error = nested(&outer, &inner).await.unwrap_err();
        assert!(error.is_of(&outer) && !inner.cancelled_caught());
        assert_eq!(error.scope().deadline(), outer.deadline());
    });
}

#[test]
fn s27_several_futures_in_one_scope_are_cancelled_in_the_order_in_which_they_began() {
    run(async {
        let log = Log::default();
        let scope = CancelScope::new();
        for name in ["one", "two", "three"] {
            let entry = OnDrop(Rc::clone(&log), name.to_owned());
            spawn(scope.run(async move {
                let _entry = entry;
                pending::<()>().await;
            }));
        }
        sleep(secs(1)).await;
        scope.cancel();
        yield_now().await;
        assert_eq!(*log.borrow(), ["1s one", "1s two", "1s three"]);
    });
}

#[test]
fn s27_the_small_forms_give_options_and_results() {
    run(async {
        assert_eq!(move_on_after(secs(1), sleep(secs(5))).await, None);
        assert_eq!(move_on_at(at(2), async { 7 }).await, Some(7));
        assert!(fail_after(secs(1), sleep(secs(1))).await.is_ok());
        assert_eq!(now(), at(2));
        let error = fail_at(at(3), sleep(secs(5))).await.unwrap_err();
        assert_eq!((error.at(), now()), (at(3), at(3)));
        let moving = move_on_after(secs(1), sleep(secs(5)));
        moving.scope().extend(secs(9));
        assert_eq!(moving.await, Some(()));
        let running = fail_after(secs(1), pending::<()>());
        running.scope().cancel();
        assert!(!running.await.unwrap_err().is_deadline());
        assert_eq!(now(), at(8));
    });
}

#[test]
fn s27_the_effective_deadline_is_the_earliest_of_all_that_encloses() {
    run(async {
        assert_eq!(current_effective_deadline(), Instant::NEVER);
        let (outer, inner) = (CancelScope::after(secs(9)), CancelScope::after(secs(5)));
        let program = async {
            assert_eq!(current_effective_deadline(), at(5));
            inner.set_deadline(at(20));
            assert_eq!(current_effective_deadline(), at(9));
            let within = timeout(secs(3), async {
                yield_now().await;
                current_effective_deadline()
            });
            let beside = async { current_effective_deadline() };
            assert_eq!(join(within, beside).await, (Ok(at(3)), at(9)));
            assert_eq!(
                spawn(async { current_effective_deadline() }).await.unwrap(),
                Instant::NEVER
            );
            outer.cancel();
            assert_eq!(current_effective_deadline(), Instant::ZERO, "it has passed");
        };
        outer.run(inner.run(program)).await.unwrap().unwrap();
        assert_eq!(current_effective_deadline(), Instant::NEVER);
        let broken = timeout(secs(1), async { std::panic::resume_unwind(Box::new("broken")) });
        let broken = std::panic::AssertUnwindSafe(broken);
        let caught: Result<Result<(), _>, _> = futures_util::FutureExt::catch_unwind(broken).await;
        assert!(caught.is_err());
        assert_eq!(current_effective_deadline(), Instant::NEVER, "also after a panic");
    });
}

#[test]
fn s27_tasks_of_a_group_are_within_what_encloses_the_group() {
    run(async {
        let scope = CancelScope::after(secs(5));
        let seen = scope.run(TaskGroup::<String>::scope(async |group| {
            let mut handle = None;
            let spawning = move_on_after(secs(1), async {
                // Not within the scope that is around its spawn, as in trio.
                handle = Some(group.spawn(async {
                    yield_now().await;
                    let nested = TaskGroup::<String>::scope(async |nested| {
                        Ok(nested.spawn(async { Ok(current_effective_deadline()) }))
                    });
                    let nested = timeout(secs(3), nested).await.unwrap().unwrap();
                    Ok((current_effective_deadline(), nested.into_output().unwrap()))
                }));
            });
            spawning.await.unwrap();
            Ok(handle.unwrap())
        }));
        let handle = seen.await.unwrap().unwrap();
        assert_eq!(handle.into_output(), Some((at(5), at(3))));
        let cut = scope.run(TaskGroup::<String>::scope(async |group| {
            group.spawn(sleep_long());
            Ok(())
        }));
        assert!(cut.await.unwrap_err().is_of(&scope));
        assert_eq!(now(), at(5));
    });
}

async fn sleep_long() -> Result<(), String> {
    sleep(secs(60)).await;
    Ok(())
}

#[test]
fn s27_a_scope_returns_when_what_its_future_leaves_behind_has_ended() {
    run(async {
        let guarded = || async {
            let _guard = simloop::on_cancel(secs(9), (), |()| sleep(secs(2)));
            pending::<()>().await;
        };
        let error = CancelScope::after(secs(1)).run(guarded()).await.unwrap_err();
        assert_eq!((error.at(), now()), (at(1), at(3)), "cancelled, and left");
        let inner = CancelScope::after(secs(1));
        let outer = CancelScope::after(secs(2));
        let error = outer.run(inner.run(guarded())).await.unwrap_err();
        assert!(
            error.is_of(&outer),
            "it waited for the inner one's cleanup when its own time came"
        );
        assert_eq!(now(), at(6));
        assert!(timeout(secs(1), guarded()).await.is_err());
        assert_eq!(now(), at(7), "a timeout returns at its deadline");
        assert_eq!(
            move_on_after(secs(1), async { drop(timeout(secs(1), guarded())) }).await,
            Some(())
        );
        let regular = move_on_after(secs(5), async {
            let _ = timeout(secs(1), guarded()).await;
            "value"
        });
        assert_eq!(regular.await, Some("value"));
        assert_eq!(now(), at(10));
    });
}

#[test]
fn s27_the_order_at_one_instant_decides_whether_a_cancelled_scope_has_its_result() {
    let program = |millis_to_cancel| async move {
        let scope = CancelScope::new();
        let canceller = scope.clone();
        spawn(async move {
            sleep(millis(millis_to_cancel)).await;
            canceller.cancel();
        });
        scope.run(sleep(millis(5))).await.is_ok()
    };
    for seed in 0..200 {
        let run = |millis| Builder::new().policy(Random::new(seed)).run(program(millis)).unwrap();
        assert!(!run(4), "cancelled before");
        assert!(run(5), "the future is polled first, so a result of that instant counts");
        assert!(run(6));
    }
}

#[test]
fn s27_a_scope_without_a_deadline_that_nobody_cancels_is_no_timer() {
    let failure = Builder::new()
        .run(async { CancelScope::new().run(pending::<()>()).await.unwrap() })
        .unwrap_failure();
    assert!(failure.to_string().starts_with("deadlock at 0s (turn 1): 1 task waits, no timer is"));
}

#[test]
fn s27_scopes_move_the_clock_only_to_deadlines_that_are_due() {
    let mut event_loop = EventLoop::new();
    let scope = CancelScope::new();
    let cancelled = scope.clone();
    let mut handle = event_loop.spawn(async move {
        let result = scope.run(pending::<()>()).await;
        time::block_for(secs(1));
        result.is_err()
    });
    event_loop.advance(secs(2)).unwrap();
    assert!(!handle.is_finished());
    // From outside of the loop, between two turns.
    cancelled.cancel();
    event_loop.run_until_idle().unwrap();
    assert!(handle.try_take().unwrap().unwrap());
    assert_eq!(event_loop.now(), at(3));
    assert_eq!(
        format!("{cancelled:?}"),
        "CancelScope { name: None, deadline: never, is_cancelled: true }"
    );
}
