//! The end of a generator that its body holds: used in combinators, in other bodies, and where it must not be.

use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use simloop::stream::{Yielder, generator};
use simloop::{Builder, run, sleep, spawn_named, timeout, yield_now};

use crate::{millis, secs};

#[test]
fn a_yield_inside_a_combinator_that_polls_only_who_was_woken_goes_on() {
    run(async {
        let numbers = generator(async |mut yielder| {
            let mut members = FuturesUnordered::new();
            let busy = async {
                for number in 0..5 {
                    yielder.yield_(number).await;
                }
            };
            members.push(busy.boxed_local());
            members.push(sleep(millis(1)).boxed_local());
            while members.next().await.is_some() {}
        });
        let numbers: Vec<_> = timeout(secs(1), numbers.collect()).await.expect("it is woken");
        assert_eq!(numbers, [0, 1, 2, 3, 4]);
    });
}

#[test]
fn a_yield_that_loses_a_race_has_not_taken_place() {
    run(async {
        let numbers = generator(async |mut yielder| {
            let mut is_late = false;
            let late = poll_fn(|_| {
                if std::mem::replace(&mut is_late, true) { Poll::Pending } else { Poll::Ready(()) }
            });
            let yielded = simloop::race!(
                async {
                    yielder.yield_(1).await;
                    true
                },
                async {
                    late.await;
                    false
                },
            );
            assert!(!yielded.await);
            yielder.yield_(2).await;
        });
        assert_eq!(numbers.collect::<Vec<_>>().await, [2]);
    });
}

#[test]
fn a_yield_that_is_forgotten_keeps_its_item_and_later_ones_wait_for_their_turn() {
    run(async {
        let numbers = generator(async |mut yielder: Yielder<u32>| {
            let mut forgotten = Box::pin(yielder.yield_(1));
            assert!((&mut forgotten).now_or_never_polled().await);
            std::mem::forget(forgotten);
            yielder.yield_(2).await;
        });
        assert_eq!(numbers.collect::<Vec<_>>().await, [1, 2]);
    });
}

/// Polls a future once, with the waker of whoever awaits this, and says whether it is pending.
trait PolledOnce: Future + Unpin + Sized {
    async fn now_or_never_polled(mut self) -> bool {
        poll_fn(|cx| Poll::Ready(Pin::new(&mut self).poll(cx).is_pending())).await
    }
}

impl<F: Future + Unpin> PolledOnce for F {}

#[test]
fn an_inner_body_may_yield_for_the_outer_generator() {
    run(async {
        let letters = generator(async |mut outer| {
            let mut inner = pin!(generator(async |mut inner| {
                outer.yield_("outer").await;
                inner.yield_("inner").await;
                outer.yield_("outer again").await;
            }));
            while let Some(letter) = inner.next().await {
                assert_eq!(letter, "inner");
            }
        });
        assert_eq!(letters.collect::<Vec<_>>().await, ["outer", "outer again"]);
    });
}

const OUTSIDE: &str = "a yielder was used outside the body of its generator\n  \
    await `yield_` inside the body itself, not in a task or a stream that it hands the yielder to";

#[test]
fn a_yielder_in_another_task_panics_there_and_says_why() {
    let report = Builder::new().run(async {
        let numbers = generator(async |mut yielder: Yielder<u32>| {
            let child = spawn_named("child", async move { yielder.yield_(1).await });
            assert!(child.await.unwrap_err().is_panic());
        });
        assert_eq!(numbers.count().await, 0);
        let stray = generator(async |mut yielder: Yielder<u32>| {
            drop(spawn_named("stray", async move { yielder.yield_(1).await }));
        });
        assert_eq!(stray.count().await, 0);
        yield_now().await;
    });
    let text = report.unwrap_failure().to_string();
    assert!(
        text.contains("main/stray") && text.contains(OUTSIDE.lines().next().unwrap()),
        "{text}"
    );
}

#[test]
fn a_yielder_that_outlives_its_generator_panics_and_says_why() {
    run(async {
        let kept = Rc::new(RefCell::new(None));
        let keep = Rc::clone(&kept);
        let given_away = generator(async move |yielder: Yielder<u32>| {
            keep.replace(Some(yielder));
        });
        assert_eq!(given_away.count().await, 0);
        let mut yielder = kept.take().expect("the body has run");
        let panic = AssertUnwindSafe(yielder.yield_(1)).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&OUTSIDE));
        // Nor does another generator take its items.
        let other = generator(async |_: Yielder<u32>| yielder.yield_(2).await);
        let panic = AssertUnwindSafe(other.count()).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&OUTSIDE));
    });
}
