//! Cancellation tokens: tokio-util's names, deterministic order, trees of any depth.

use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use futures_util::FutureExt;
use simloop::policy::Random;
use simloop::{Builder, CancellationToken, now, run, sleep, spawn, timeout, yield_now};

use crate::secs;

#[test]
fn a_token_cancels_its_clones_and_children_and_nothing_above() {
    let parent = CancellationToken::new();
    let token = parent.child_token();
    let (clone, child) = (token.clone(), token.child_token());
    let sibling = parent.child_token();
    token.cancel();
    token.cancel();
    assert!(token.is_cancelled() && clone.is_cancelled() && child.is_cancelled());
    assert!(!parent.is_cancelled() && !sibling.is_cancelled());
    assert!(child.child_token().is_cancelled(), "from the start");
    assert!(token.cancelled().now_or_never().is_some());
    assert!(sibling.cancelled_owned().now_or_never().is_none());
    assert_eq!(format!("{parent:?}"), "CancellationToken { is_cancelled: false }");
}

#[test]
fn waiters_are_woken_in_order_of_registration_and_parents_before_children() {
    run(async {
        let log = Rc::new(RefCell::new(Vec::new()));
        let root = CancellationToken::default();
        let (first, second) = (root.child_token(), root.child_token());
        let below = first.child_token();
        let waiters =
            [("below", &below), ("second", &second), ("root a", &root), ("first", &first)];
        for (name, token) in waiters.into_iter().chain([("root b", &root)]) {
            let (token, log) = (token.clone(), Rc::clone(&log));
            spawn(async move {
                token.cancelled().await;
                log.borrow_mut().push(name);
            });
        }
        sleep(secs(1)).await;
        root.cancel();
        assert!(log.borrow().is_empty(), "nobody runs within `cancel`");
        yield_now().await;
        assert_eq!(*log.borrow(), ["root a", "root b", "first", "below", "second"]);
    });
}

#[test]
fn the_whole_tree_is_cancelled_before_anybody_is_woken() {
    struct Looks(CancellationToken);
    impl Wake for Looks {
        fn wake(self: Arc<Self>) {
            assert!(self.0.is_cancelled());
            // A waker may use the token it is woken by.
            self.0.cancel();
            assert!(self.0.child_token().is_cancelled());
        }
    }
    let root = CancellationToken::new();
    let leaf = root.child_token().child_token();
    let leaf = (leaf.clone(), leaf.clone());
    let waker = Waker::from(Arc::new(Looks(leaf.0)));
    let mut waiting = Box::pin(root.cancelled());
    assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    root.cancel();
    assert!(leaf.1.is_cancelled());
}

#[test]
fn a_waker_that_panics_keeps_nobody_from_being_woken() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            std::panic::resume_unwind(Box::new("a bad waker"));
        }
    }
    run(async {
        let token = CancellationToken::new();
        let mut bad = Box::pin(token.cancelled());
        let waker = Waker::from(Arc::new(Panics));
        assert!(bad.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let other = token.clone();
        let waiter = spawn(async move { other.cancelled().await });
        yield_now().await;
        let cancel = std::panic::AssertUnwindSafe(|| token.cancel());
        assert!(std::panic::catch_unwind(cancel).is_err());
        waiter.await.unwrap();
    });
}

#[test]
fn a_waiter_that_is_dropped_is_woken_no_more_and_loses_nothing() {
    run(async {
        let token = CancellationToken::new();
        let mut waiting = Box::pin(token.cancelled());
        assert!(timeout(secs(1), waiting.as_mut()).await.is_err());
        let again = token.clone();
        let woken = spawn(async move { timeout(secs(5), again.cancelled()).await.is_ok() });
        drop(waiting);
        sleep(secs(1)).await;
        token.cancel();
        assert!(woken.await.unwrap());
        assert_eq!(now().to_string(), "2s");
    });
}

#[test]
fn a_future_is_run_until_it_is_ready_or_the_token_is_cancelled() {
    run(async {
        let token = CancellationToken::new();
        assert_eq!(token.run_until_cancelled(async { 5 }).await, Some(5));
        let child = token.child_token();
        let cut = spawn(async move { child.run_until_cancelled(pending::<()>()).await });
        sleep(secs(1)).await;
        token.cancel();
        assert_eq!(cut.await.unwrap(), None);
        let polled = token.run_until_cancelled(async { unreachable!("not polled at all") });
        assert_eq!(polled.await, None::<()>);
    });
}

#[test]
fn a_guard_cancels_when_it_is_dropped_unless_it_is_disarmed() {
    let token = CancellationToken::new();
    drop(token.child_token().drop_guard());
    assert!(!token.is_cancelled());
    let kept = token.clone().drop_guard().disarm();
    assert!(!kept.is_cancelled());
    let guarded = token.clone();
    let _ = std::panic::catch_unwind(move || {
        let _guard = guarded.drop_guard();
        std::panic::resume_unwind(Box::new("broken"));
    });
    assert!(token.is_cancelled());
}

#[test]
fn a_tree_of_a_hundred_thousand_levels_is_cancelled_and_dropped_without_recursion() {
    let root = CancellationToken::new();
    let mut leaf = root.clone();
    for _ in 0..100_000 {
        leaf = leaf.child_token();
    }
    root.cancel();
    assert!(leaf.is_cancelled());
    drop((root, leaf));

    let mut leaf = CancellationToken::new();
    for _ in 0..100_000 {
        leaf = leaf.child_token();
    }
    // Nobody else holds any of the nodes above.
    drop(leaf);
}

#[test]
fn a_parent_keeps_nothing_of_children_that_were_dropped() {
    let parent = CancellationToken::new();
    let value = Arc::new(());
    struct Holds(#[expect(dead_code, reason = "it is only counted")] Arc<()>);
    impl Wake for Holds {
        fn wake(self: Arc<Self>) {}
    }
    for _ in 0..1000 {
        let waker = Waker::from(Arc::new(Holds(Arc::clone(&value))));
        let mut waiting = Box::pin(parent.child_token().child_token().cancelled_owned());
        assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    assert_eq!(Arc::strong_count(&value), 1);
    // In the middle of a tree, a node that nobody holds is there for those below it.
    let below = parent.child_token().child_token();
    parent.cancel();
    assert!(below.is_cancelled());
}

#[test]
fn s29_cancelling_a_waiter_at_any_await_keeps_the_others_waiting() {
    for seed in 0..200 {
        let program = async move {
            let token = CancellationToken::new();
            let waiters: Vec<_> = (0..6)
                .map(|number| {
                    let token = token.child_token();
                    spawn(async move {
                        for _ in 0..number % 3 {
                            yield_now().await;
                        }
                        token.cancelled().await;
                        number
                    })
                })
                .collect();
            for _ in 0..seed % 4 {
                yield_now().await;
            }
            waiters[2].abort();
            waiters[5].abort();
            yield_now().await;
            token.cancel();
            for (number, waiter) in waiters.into_iter().enumerate() {
                let result = waiter.await;
                assert_eq!(result.is_err(), number == 2 || number == 5);
            }
        };
        Builder::new().policy(Random::new(seed)).run(program).unwrap();
    }
}

#[test]
fn a_future_that_waits_is_ready_from_the_cancellation_on() {
    let token = CancellationToken::new();
    let mut first = Box::pin(token.cancelled());
    let mut second = Box::pin(token.clone().cancelled_owned());
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(first.as_mut().poll(&mut cx), Poll::Pending);
    assert_eq!(second.as_mut().poll(&mut cx), Poll::Pending);
    token.cancel();
    assert_eq!(first.as_mut().poll(&mut cx), Poll::Ready(()));
    assert_eq!(first.as_mut().poll(&mut cx), Poll::Ready(()), "and stays so");
    assert_eq!(second.as_mut().poll(&mut cx), Poll::Ready(()));
}
