//! Timeouts, throttles and batches of streams, in virtual time.

use std::pin::pin;
use std::time::Duration;

use futures_channel::mpsc;
use futures_util::stream::{self as foreign, FusedStream, Stream, StreamExt};
use simloop::policy::Random;
use simloop::stream::{TimedStream, generator};
use simloop::time::{Elapsed, block_for, interval};
use simloop::{Builder, now, run, sleep, spawn_named, timeout};

use crate::snapshots::assert_shown;
use crate::{millis, secs};

/// Yields 0, 1, 2, ..., each after so many seconds.
fn after(delays: &'static [u64]) -> impl Stream<Item = usize> {
    generator(async move |mut yielder| {
        for (number, &delay) in delays.iter().enumerate() {
            sleep(secs(delay)).await;
            yielder.yield_(number).await;
        }
    })
}

fn shown(item: Result<usize, Elapsed>) -> String {
    match item {
        Ok(number) => format!("{number} at {}", now()),
        Err(elapsed) => format!("{elapsed}, at {}", now()),
    }
}

#[test]
fn s12_an_item_that_is_there_at_the_deadline_is_given() {
    let report = Builder::new().run(async {
        let items = after(&[2, 2, 3, 1]).timeout(secs(2)).map(shown);
        let expected = ["0 at 2s", "1 at 4s", "timed out at 6s, at 6s", "2 at 7s", "3 at 8s"];
        assert_eq!(items.collect::<Vec<_>>().await, expected);
    });
    report.unwrap();
}

#[test]
fn there_is_one_error_for_an_item_however_late_it_is() {
    run(async {
        let mut items = pin!(after(&[0, 100, 0]).timeout(secs(1)).map(shown));
        assert_eq!(items.next().await.unwrap(), "0 at 0s");
        assert_eq!(items.next().await.unwrap(), "timed out at 1s, at 1s");
        assert!(timeout(secs(50), items.next()).await.is_err());
        assert_eq!(items.next().await.unwrap(), "1 at 100s");
        assert_eq!(items.next().await.unwrap(), "2 at 100s");
        assert_eq!(items.next().await, None);
    });
}

#[test]
fn s04_the_time_for_an_item_starts_with_the_item_before_and_for_the_first_with_the_call() {
    run(async {
        let mut items = pin!(after(&[4, 4]).timeout(secs(5)).map(shown));
        sleep(secs(2)).await;
        assert_eq!(items.next().await.unwrap(), "timed out at 5s, at 5s");
        assert_eq!(items.next().await.unwrap(), "0 at 6s");
        // Nobody asks for as long as an item may take; then what is not there is late at once.
        sleep(secs(10)).await;
        assert_eq!(items.next().await.unwrap(), "timed out at 11s, at 16s");
        assert_eq!(items.next().await.unwrap(), "1 at 20s");
    });
}

#[test]
fn s08_a_timed_stream_leaves_no_timer_behind() {
    let report = Builder::new().run(async {
        let ended = foreign::iter([1, 2]).timeout(secs(100));
        assert_eq!(ended.collect::<Vec<_>>().await, [Ok(1), Ok(2)]);
        let late_end = generator(async |mut yielder| {
            yielder.yield_(0).await;
            sleep(secs(2)).await;
        });
        let mut kept = Box::pin(late_end.timeout(secs(100)));
        while kept.next().await.is_some() {}
        let mut half_read = Box::pin(after(&[1, 1]).timeout(secs(100)));
        assert_eq!(half_read.next().await, Some(Ok(0)));
        let mut batches = Box::pin(after(&[1, 1]).chunks_timeout(2, secs(100)));
        assert_eq!(batches.next().await, Some(vec![0, 1]));
        let mut dropped = Box::pin(after(&[1, 100]).chunks_timeout(2, secs(50)));
        assert!(timeout(secs(2), dropped.next()).await.is_err());
        drop(dropped);
        let _alive = (kept, half_read, batches);
        simloop::settle().await;
        spawn_named("stuck", std::future::pending::<()>()).await.unwrap();
    });
    assert_eq!(report.ended_at.to_string(), "7s", "nothing is left that could move the clock");
    let text = report.unwrap_failure().to_string();
    assert!(text.starts_with("deadlock at 7s"), "{text}");
}

/// Takes every item of a stream, asking anew every 700 ms, and says when each came.
async fn impatiently<S: Stream>(items: S, shown: impl Fn(S::Item) -> String) -> Vec<String> {
    let mut items = pin!(items);
    let mut seen = Vec::new();
    loop {
        match timeout(millis(700), items.next()).await {
            Ok(Some(item)) => seen.push(format!("{} at {}", shown(item), now())),
            Ok(None) => return seen,
            Err(_) => {}
        }
    }
}

#[test]
fn a_dropped_next_loses_no_item_and_moves_no_deadline() {
    run(async {
        let items = after(&[3, 1, 3]).timeout(millis(2500));
        let seen = impatiently(items, |item| match item {
            Ok(number) => number.to_string(),
            Err(elapsed) => elapsed.to_string(),
        });
        let expected = [
            "timed out at 2.5s at 2.5s",
            "0 at 3s",
            "1 at 4s",
            "timed out at 6.5s at 6.5s",
            "2 at 7s",
        ];
        assert_eq!(seen.await, expected);
    });
    run(async {
        let items = after(&[0, 0, 5, 1]).throttle(secs(2));
        let seen = impatiently(items, |number| number.to_string());
        assert_eq!(seen.await, ["0 at 0s", "1 at 2s", "2 at 9s", "3 at 12s"]);
    });
    run(async {
        let batches = after(&[0, 1, 4]).chunks_timeout(5, secs(3));
        let seen = impatiently(batches, |batch| format!("{batch:?}"));
        assert_eq!(seen.await, ["[0, 1] at 3s", "[2] at 5s"]);
    });
}

#[test]
fn a_throttle_gives_the_first_at_once_and_never_two_in_a_period() {
    run(async {
        let items = after(&[0, 0, 5, 1, 0]).throttle(secs(2)).map(|item| shown(Ok(item)));
        let expected = ["0 at 0s", "1 at 2s", "2 at 9s", "3 at 12s", "4 at 14s"];
        assert_eq!(
            items.collect::<Vec<_>>().await,
            expected,
            "the stream is asked only when it may"
        );
        assert_eq!(now().to_string(), "16s", "and so is its end");
        let start = now();
        let unhindered = foreign::iter(0..9).throttle(Duration::ZERO);
        assert_eq!(unhindered.count().await, 9);
        assert_eq!(now(), start);
    });
}

#[test]
fn a_throttle_counts_from_when_an_item_was_given_not_from_when_it_was_due() {
    run(async {
        let mut items = pin!(foreign::iter(0..3).throttle(secs(2)));
        items.next().await;
        sleep(secs(5)).await;
        items.next().await;
        assert_eq!(now().to_string(), "5s");
        items.next().await;
        assert_eq!(now().to_string(), "7s");
    });
}

#[test]
fn a_batch_is_full_or_its_first_item_has_waited_long_enough() {
    run(async {
        let batches = after(&[0, 0, 0, 0, 3, 0, 2, 0, 9]).chunks_timeout(3, secs(2));
        let batches = batches.map(|batch| format!("{batch:?} at {}", now()));
        let expected =
            ["[0, 1, 2] at 0s", "[3] at 2s", "[4, 5, 6] at 5s", "[7] at 7s", "[8] at 14s"];
        assert_eq!(batches.collect::<Vec<_>>().await, expected);
        let none = foreign::empty::<u8>().chunks_timeout(3, secs(2));
        assert_eq!(none.count().await, 0);
    });
}

#[test]
fn s09_a_loop_that_was_blocked_past_a_deadline_still_asks_the_stream_first() {
    run(async {
        let ticks = interval(secs(1)).map(|tick| tick.to_string());
        let mut ticks = pin!(ticks.timeout(millis(1500)));
        assert_eq!(ticks.next().await, Some(Ok("0s".to_owned())));
        block_for(secs(5));
        assert_eq!(ticks.next().await, Some(Ok("1s".to_owned())), "late, and there");
    });
}

#[test]
fn s14_an_item_sent_at_the_instant_of_the_deadline_is_in_time_or_not_by_the_order_of_the_tasks() {
    let outcome = |seed: Option<u64>| {
        let builder = match seed {
            Some(seed) => Builder::new().policy(Random::new(seed)),
            None => Builder::new(),
        };
        let report = builder.run(async {
            let (sender, receiver) = mpsc::unbounded();
            spawn_named("sender", async move {
                sleep(secs(1)).await;
                sender.unbounded_send(7).unwrap();
            });
            simloop::yield_now().await;
            let mut items = pin!(receiver.timeout(secs(1)));
            items.next().await.unwrap().is_ok()
        });
        report.unwrap()
    };
    assert!(outcome(None), "the sender's timer was registered first");
    let outcomes: std::collections::BTreeSet<_> =
        (0..200).map(|seed| outcome(Some(seed))).collect();
    assert_eq!(outcomes.len(), 2, "both are legal, and both are found");
}

#[test]
fn timed_streams_know_how_much_is_left_and_when_it_is_over() {
    run(async {
        let mut items = pin!(foreign::iter(0..5).timeout(secs(1)));
        assert_eq!(items.size_hint(), (5, Some(11)));
        let mut slow = pin!(foreign::iter(0..2).throttle(secs(1)));
        assert_eq!(slow.size_hint(), (2, Some(2)));
        let mut batches = pin!(foreign::iter(0..5).chunks_timeout(2, secs(1)));
        assert_eq!(batches.size_hint(), (3, Some(5)));
        assert!(!items.is_terminated() && !slow.is_terminated() && !batches.is_terminated());
        while items.next().await.is_some() {}
        while slow.next().await.is_some() {}
        let mut count = 0;
        while batches.next().await.is_some() {
            count += 1;
        }
        assert_eq!(count, 3);
        assert!(items.is_terminated() && slow.is_terminated() && batches.is_terminated());
        assert_eq!(items.size_hint(), (0, Some(0)));
        assert_eq!((items.next().await, slow.next().await), (None, None));
        assert_eq!(batches.next().await, None);
    });
}

#[test]
#[should_panic(expected = "a chunk needs room for 1 item at least, and was given none")]
fn a_chunk_without_room_panics() {
    run(async { drop(foreign::iter([1]).chunks_timeout(0, secs(1))) });
}

#[test]
#[should_panic(expected = "`TimedStream::timeout` was called outside a running loop")]
fn s22_a_timed_stream_outside_a_loop_panics_with_advice() {
    drop(foreign::iter([1]).timeout(secs(1)));
}

#[test]
fn a_stream_that_nobody_fills_is_a_deadlock_however_it_is_timed() {
    let report = Builder::new().run(async {
        let (_sender, receiver) = mpsc::unbounded::<u32>();
        let reader = spawn_named("reader", async move {
            let mut items = pin!(receiver.timeout(secs(3)).throttle(secs(1)));
            assert!(items.next().await.unwrap().is_err());
            items.next().await;
        });
        let patient = spawn_named("patient", async {
            pin!(foreign::pending::<u32>().timeout(Duration::MAX)).next().await;
        });
        reader.await.unwrap();
        patient.await.unwrap();
    });
    assert_shown("streams", "deadlock_timed", report.unwrap_failure());
}
