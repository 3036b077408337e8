//! Rules S12 to S15: timeouts and intervals.

use std::cell::Cell;
use std::future::{pending, ready};
use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt;
use simloop::policy::Random;
use simloop::time::{
    Instant, Interval, MissedTickBehavior, block_for, interval, interval_at, timeout_at,
};
use simloop::{Builder, now, run, sleep, spawn, timeout, yield_now};

use crate::{millis, secs};

#[test]
fn s12_a_future_that_is_ready_at_the_deadline_wins() {
    run(async {
        assert!(timeout(secs(1), sleep(secs(1))).await.is_ok());
        assert_eq!(now().to_string(), "1s");
        let late = timeout_at(Instant::ZERO, ready(7)).await;
        assert_eq!(late, Ok(7), "even when the deadline has passed");
    });
}

#[test]
fn s12_a_timeout_of_zero_polls_its_future_once() {
    run(async {
        let polls = Rc::new(Cell::new(0));
        let counter = Rc::clone(&polls);
        let counted = std::future::poll_fn(move |_| {
            counter.set(counter.get() + 1);
            std::task::Poll::<()>::Pending
        });
        assert_eq!(timeout(Duration::ZERO, counted).await.unwrap_err().deadline(), Instant::ZERO);
        assert_eq!(polls.get(), 1);
        assert_eq!(now(), Instant::ZERO);
    });
}

#[test]
fn s13_the_future_is_dropped_before_the_timeout_returns() {
    struct Flag(Rc<Cell<bool>>);
    impl Drop for Flag {
        fn drop(&mut self) {
            assert_eq!(now().to_string(), "2s", "the clock can be read in a destructor");
            self.0.set(true);
        }
    }
    run(async {
        let is_dropped = Rc::new(Cell::new(false));
        let flag = Flag(Rc::clone(&is_dropped));
        let mut slow = Box::pin(timeout(secs(2), async move {
            let _flag = flag;
            pending::<()>().await;
        }));
        assert!((&mut slow).await.is_err());
        assert!(is_dropped.get(), "though the timeout itself is still there");
        assert!(slow.get_ref().is_none());
    });
}

#[test]
fn s13_of_nested_timeouts_with_equal_deadlines_the_inner_one_is_reported() {
    run(async {
        let both = timeout(secs(1), timeout(secs(1), pending::<()>())).await;
        assert!(both.expect("the outer one did not expire").is_err());
        let outer = timeout(secs(1), timeout(secs(2), pending::<()>())).await;
        assert!(outer.is_err());
        assert_eq!(now().to_string(), "2s");
    });
}

#[test]
fn s14_a_value_sent_at_the_deadline_arrives_or_not_by_the_order_of_the_tasks() {
    let program = |is_sender_first: bool| async move {
        let (sender, receiver) = futures_channel::oneshot::channel();
        let send = move || {
            spawn(async move {
                sleep(secs(1)).await;
                let _ = sender.send("value");
            })
        };
        let wait = move || spawn(timeout(secs(1), receiver));
        let (_sent, received) = if is_sender_first {
            let sent = send();
            (sent, wait())
        } else {
            let received = wait();
            (send(), received)
        };
        received.await.unwrap().is_ok()
    };
    assert!(Builder::new().run(program(true)).unwrap());
    assert!(!Builder::new().run(program(false)).unwrap());
    let outcomes: std::collections::BTreeSet<bool> = (0..20)
        .map(|seed| Builder::new().policy(Random::new(seed)).run(program(true)).unwrap())
        .collect();
    assert_eq!(outcomes.len(), 2, "exploration tries both");
}

#[test]
fn s15_an_interval_ticks_at_once_and_then_on_its_grid() {
    let scheduled = |mut ticks: Interval| async move {
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push(ticks.tick().await.to_string());
            assert_eq!(seen.last(), Some(&now().to_string()));
        }
        seen
    };
    run(async move {
        assert_eq!(scheduled(interval(millis(1500))).await, ["0s", "1.5s", "3s"]);
        let start = Instant::ZERO + secs(10);
        assert_eq!(scheduled(interval_at(start, secs(1))).await, ["10s", "11s", "12s"]);
        let by_stream: Vec<_> =
            interval(secs(1)).take(2).map(|tick| tick.to_string()).collect().await;
        assert_eq!(by_stream, ["12s", "13s"]);
    });
}

/// Ticks every second; between the first tick and the second, 2.5 s are lost.
fn ticks_after_a_delay(behavior: MissedTickBehavior) -> Vec<(String, String)> {
    run(async move {
        let mut ticks = interval(secs(1));
        ticks.set_missed_tick_behavior(behavior);
        ticks.tick().await;
        block_for(millis(2500));
        let mut seen = Vec::new();
        for _ in 0..4 {
            let scheduled = ticks.tick().await;
            seen.push((scheduled.to_string(), now().to_string()));
        }
        seen
    })
}

fn pairs(expected: [(&str, &str); 4]) -> Vec<(String, String)> {
    expected.map(|(scheduled, taken)| (scheduled.to_owned(), taken.to_owned())).to_vec()
}

#[test]
fn s15_missed_ticks_come_in_a_burst_or_are_delayed_or_skipped() {
    let burst = ticks_after_a_delay(MissedTickBehavior::Burst);
    assert_eq!(burst, pairs([("1s", "2.5s"), ("2s", "2.5s"), ("3s", "3s"), ("4s", "4s")]));
    let delay = ticks_after_a_delay(MissedTickBehavior::Delay);
    assert_eq!(
        delay,
        pairs([("1s", "2.5s"), ("3.5s", "3.5s"), ("4.5s", "4.5s"), ("5.5s", "5.5s")])
    );
    let skip = ticks_after_a_delay(MissedTickBehavior::Skip);
    assert_eq!(skip, pairs([("1s", "2.5s"), ("3s", "3s"), ("4s", "4s"), ("5s", "5s")]));
}

#[test]
fn s15_a_tick_taken_one_nanosecond_late_is_late() {
    run(async {
        let mut ticks = interval(secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        block_for(secs(1) + Duration::from_nanos(1));
        ticks.tick().await;
        assert_eq!(ticks.tick().await.to_string(), "2.000000001s");
    });
}

#[test]
fn s15_skipping_from_a_point_of_the_grid_goes_to_the_next_one() {
    run(async {
        let mut ticks = interval(secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        ticks.tick().await;
        block_for(secs(3));
        assert_eq!(ticks.tick().await.to_string(), "1s");
        assert_eq!(ticks.tick().await.to_string(), "4s");
    });
}

#[test]
#[should_panic(expected = "an interval needs a period of 1 ns at least, and was given 0")]
fn s15_a_period_of_zero_is_an_error() {
    run(async {
        let _ = interval(Duration::ZERO);
    });
}

#[test]
fn an_interval_can_start_over_and_a_dropped_tick_takes_none() {
    run(async {
        let mut ticks = interval(secs(10));
        ticks.tick().await;
        assert!(timeout(secs(3), ticks.tick()).await.is_err());
        ticks.reset();
        assert_eq!(ticks.tick().await.to_string(), "13s");
        ticks.reset_at(Instant::ZERO + secs(14));
        assert_eq!(ticks.tick().await.to_string(), "14s");
        yield_now().await;
        assert_eq!(ticks.tick().await.to_string(), "24s");
    });
}

#[test]
fn a_period_longer_than_time_ticks_once() {
    let report = Builder::new().run(async {
        let mut ticks = interval(Duration::MAX);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        ticks.tick().await;
        ticks.tick().await;
    });
    assert!(report.unwrap_failure().to_string().contains("main  sleeps for ever"));
}
