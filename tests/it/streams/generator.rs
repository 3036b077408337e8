//! Generators behave as Python's asynchronous generators do.

use std::collections::BTreeSet;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;

use futures_channel::mpsc;
use futures_util::stream::{self as foreign, FusedStream, Stream, StreamExt};
use futures_util::{FutureExt, SinkExt};
use simloop::policy::Random;
use simloop::stream::{Yielder, generator, try_generator};
use simloop::{Builder, now, run, sleep, spawn, spawn_named, timeout, yield_now};

use super::Log;
use crate::combining::cancelled_everywhere;
use crate::snapshots::assert_shown;
use crate::{millis, secs};

/// Yields so many numbers, a second before each.
fn counting(count: u32) -> impl Stream<Item = u32> {
    generator(async move |mut yielder| {
        for number in 0..count {
            sleep(secs(1)).await;
            yielder.yield_(number).await;
        }
    })
}

#[test]
fn a_body_runs_only_while_an_item_is_asked_for_and_only_up_to_the_next_yield() {
    run(async {
        let log = Log::default();
        let writer = log.clone();
        let mut numbers = pin!(generator(async move |mut yielder| {
            for number in [1, 2] {
                writer.add(&format!("gives {number}"));
                yielder.yield_(number).await;
                writer.add(&format!("was asked after {number}"));
            }
        }));
        sleep(secs(1)).await;
        assert_eq!(log.take(), [""; 0], "it was not asked yet");
        assert_eq!(numbers.next().await, Some(1));
        sleep(secs(1)).await;
        assert_eq!(log.take(), ["gives 1 at 1s"]);
        assert_eq!(numbers.next().await, Some(2));
        assert_eq!(log.take(), ["was asked after 1 at 2s", "gives 2 at 2s"]);
        assert_eq!(numbers.next().await, None);
        assert_eq!(log.take(), ["was asked after 2 at 2s"]);
    });
}

#[test]
fn a_stream_that_has_ended_says_so_for_ever() {
    run(async {
        let mut ended = pin!(generator(async |mut yielder| yielder.yield_(0).await));
        assert!(!ended.is_terminated());
        assert_eq!(ended.next().await, Some(0));
        assert!(!ended.is_terminated(), "the body has yet to go on to its end");
        for _ in 0..3 {
            assert_eq!(ended.next().await, None);
            assert!(ended.is_terminated());
        }
    });
}

#[test]
fn the_destructors_of_the_body_have_run_when_the_stream_says_that_it_has_ended() {
    run(async {
        let log = Log::default();
        let captured = log.at_drop("captured dropped");
        let mut one = pin!(generator(async move |mut yielder| {
            let _captured = captured;
            yielder.yield_(1).await;
        }));
        assert_eq!(one.next().await, Some(1));
        assert_eq!(log.take(), [""; 0]);
        assert_eq!(one.next().await, None);
        assert_eq!(log.take(), ["captured dropped at 0s"]);

        // A future by hand, which lets go of what it holds only when it is dropped itself.
        let held = log.at_drop("held dropped");
        let mut none = pin!(generator(move |_: Yielder<u8>| {
            poll_fn(move |_| {
                let _held = &held;
                Poll::Ready(())
            })
        }));
        assert_eq!(none.next().await, None);
        assert_eq!(log.take(), ["held dropped at 0s"]);
    });
}

#[test]
fn dropping_the_stream_drops_the_body_where_it_stands() {
    run(async {
        let log = Log::default();
        for asked in 0..3 {
            let writer = log.clone();
            let mut numbers = Box::pin(generator(async move |mut yielder| {
                let _first = writer.at_drop("first dropped");
                yielder.yield_(1).await;
                let _second = writer.at_drop("second dropped");
                yielder.yield_(2).await;
                writer.add("went on");
            }));
            for number in 1..=asked {
                assert_eq!(numbers.next().await, Some(number));
            }
            drop(numbers);
            let expected = [
                &[][..],
                &["first dropped at 0s"],
                &["second dropped at 0s", "first dropped at 0s"],
            ];
            assert_eq!(log.take(), expected[asked as usize]);
        }
    });
}

#[test]
fn a_panic_of_the_body_is_the_consumers_and_ends_the_stream() {
    run(async {
        let log = Log::default();
        let local = log.clone();
        let mut numbers = pin!(generator(async move |mut yielder| {
            let _local = local.at_drop("local dropped");
            yielder.yield_(1).await;
            sleep(secs(1)).await;
            resume_unwind(Box::new("lost"));
        }));
        assert_eq!(numbers.next().await, Some(1));
        let panic = AssertUnwindSafe(numbers.next()).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"lost"));
        assert_eq!(log.take(), ["local dropped at 1s"]);
        assert!(numbers.is_terminated());
        assert_eq!(numbers.next().await, None);
        assert_eq!(numbers.next().await, None);
    });
}

#[test]
fn a_panic_in_a_destructor_of_the_body_ends_the_stream_too() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            resume_unwind(Box::new("in a destructor"));
        }
    }
    run(async {
        let held = Panics;
        let mut none = pin!(generator(move |_: Yielder<u8>| {
            poll_fn(move |_| {
                let _held = &held;
                Poll::Ready(())
            })
        }));
        let panic = AssertUnwindSafe(none.next()).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"in a destructor"));
        assert!(none.is_terminated());
        assert_eq!(none.next().await, None);
    });
}

#[test]
fn dropping_next_neither_loses_an_item_nor_interrupts_the_body() {
    run(async {
        let mut numbers = pin!(counting(3));
        let mut seen = Vec::new();
        loop {
            match timeout(millis(300), numbers.next()).await {
                Ok(Some(number)) => seen.push(format!("{number} at {}", now())),
                Ok(None) => break,
                Err(_) => {}
            }
        }
        assert_eq!(seen, ["0 at 1s", "1 at 2s", "2 at 3s"]);
    });
}

#[test]
fn foreign_combinators_take_generators_and_generators_take_foreign_streams() {
    run(async {
        let pairs = counting(3).zip(counting(9)).map(|(left, right)| left + 10 * right);
        assert_eq!(pairs.collect::<Vec<_>>().await, [0, 11, 22]);
        assert_eq!(now().to_string(), "3s", "both counted at once");

        let mut doubled = pin!(generator(async |mut yielder| {
            let mut merged = pin!(foreign::select(counting(2), counting(2).map(|n| n + 100)));
            while let Some(number) = merged.next().await {
                yielder.yield_(number).await;
                yielder.yield_(number).await;
            }
        }));
        let mut seen = Vec::new();
        while let Some(number) = doubled.next().await {
            seen.push(number);
        }
        seen.sort_unstable();
        assert_eq!(seen, [0, 0, 1, 1, 100, 100, 101, 101]);
        assert_eq!(now().to_string(), "5s");

        let squares = counting(4).map(|n| async move { n * n }).buffered(2);
        assert_eq!(squares.collect::<Vec<_>>().await, [0, 1, 4, 9]);
        let boxed: Pin<Box<dyn Stream<Item = u32> + Send>> = counting(2).boxed();
        assert_eq!(boxed.collect::<Vec<_>>().await, [0, 1]);
    });
}

#[test]
fn a_try_generator_ends_after_the_first_error() {
    run(async {
        let log = Log::default();
        let local = log.clone();
        let mut readings = pin!(try_generator(async move |mut yielder| {
            let _local = local.at_drop("local dropped");
            for line in ["1", "2", "three", "4"] {
                sleep(secs(1)).await;
                let number = line.parse::<u32>().map_err(|_| format!("no number: {line}"))?;
                yielder.yield_(number).await;
            }
            Ok::<(), String>(())
        }));
        assert_eq!(readings.next().await, Some(Ok(1)));
        assert_eq!(readings.next().await, Some(Ok(2)));
        assert_eq!(log.take(), [""; 0]);
        assert_eq!(readings.next().await, Some(Err("no number: three".to_owned())));
        assert_eq!(log.take(), ["local dropped at 3s"]);
        assert!(readings.is_terminated());
        assert_eq!(readings.next().await, None);
        let all = try_generator(async |mut yielder| {
            yielder.yield_(1).await;
            Ok::<(), String>(())
        });
        assert_eq!(all.collect::<Vec<_>>().await, [Ok(1)]);
    });
}

#[test]
fn a_body_that_is_polled_as_an_item_arrives_takes_no_turn_of_its_own() {
    let report = Builder::new().run(async {
        let numbers = generator(async |mut yielder| {
            for number in 0..1000_u32 {
                yielder.yield_(number).await;
            }
        });
        assert_eq!(numbers.fold(0, async |sum, number| sum + number).await, 499_500);
    });
    assert_eq!(report.counters.turns, 1);
}

#[test]
fn under_any_schedule_nothing_is_lost_and_nothing_doubled() {
    for seed in 0..200 {
        let report = Builder::new().policy(Random::new(seed)).run(async {
            let (sender, receiver) = mpsc::channel(1);
            for base in [0, 100, 200] {
                let mut sender = sender.clone();
                spawn(async move {
                    let mut numbers = pin!(generator(async move |mut yielder| {
                        for number in base..base + 10 {
                            yield_now().await;
                            yielder.yield_(number).await;
                        }
                    }));
                    while let Some(number) = numbers.next().await {
                        sender.send(number).await.expect("somebody receives");
                    }
                });
            }
            drop(sender);
            // A generator that reads a channel, and is interrupted again and again.
            let mut relayed = pin!(generator(async move |mut yielder| {
                let mut receiver = receiver;
                while let Some(number) = receiver.next().await {
                    yielder.yield_(number).await;
                    yield_now().await;
                }
            }));
            let mut seen = Vec::new();
            loop {
                let interrupt = async {
                    yield_now().await;
                    None
                };
                let next = async { Some(relayed.next().await) };
                match simloop::race!(next, interrupt).await {
                    Some(Some(number)) => seen.push(number),
                    Some(None) => return seen,
                    None => {}
                }
            }
        });
        let seen = report.unwrap();
        assert_eq!(seen.len(), 30, "seed {seed}");
        let expected: BTreeSet<_> =
            [0, 100, 200].into_iter().flat_map(|base| base..base + 10).collect();
        assert_eq!(seen.iter().copied().collect::<BTreeSet<_>>(), expected, "seed {seed}");
        for base in [0, 100, 200] {
            let own = seen.iter().filter(|&&number| number / 100 * 100 == base);
            assert!(own.is_sorted(), "seed {seed}: each source in its order");
        }
    }
}

#[test]
fn a_consumer_cancelled_anywhere_drops_the_body_and_leaves_nothing() {
    thread_local! { static ALIVE: std::cell::Cell<i32> = const { std::cell::Cell::new(0) }; }
    struct Counted;
    impl Drop for Counted {
        fn drop(&mut self) {
            ALIVE.with(|alive| alive.set(alive.get() - 1));
        }
    }
    fn counted() -> Counted {
        ALIVE.with(|alive| alive.set(alive.get() + 1));
        Counted
    }
    let program = || async {
        let mut things = pin!(try_generator(async |mut yielder| {
            let _guard = counted();
            for delay in 0..3 {
                sleep(secs(delay)).await;
                yielder.yield_(counted()).await;
            }
            Err::<(), Counted>(counted())
        }));
        let mut kept = Vec::new();
        while let Some(thing) = things.next().await {
            yield_now().await;
            kept.push(thing);
        }
        assert_eq!(kept.len(), 4);
    };
    for report in cancelled_everywhere(program) {
        assert!(report.failure().is_none() && report.leftovers.is_empty());
        assert_eq!(ALIVE.with(std::cell::Cell::get), 0);
    }
}

#[test]
fn a_generator_that_waits_for_ever_is_a_deadlock_of_whoever_asks() {
    let report = Builder::new().run(async {
        // Kept, so that the stream does not end; never used, so that nothing comes.
        let (_sender, receiver) = mpsc::channel::<u32>(1);
        let consumer = spawn_named("consumer", async {
            let mut numbers = pin!(generator(async move |mut yielder| {
                yielder.yield_(0).await;
                let mut receiver = receiver;
                sleep(secs(1)).await;
                while let Some(number) = receiver.next().await {
                    yielder.yield_(number).await;
                }
            }));
            while numbers.next().await.is_some() {}
        });
        let idle = spawn_named("suspended", async {
            let mut one = pin!(generator(async |mut yielder| yielder.yield_(1).await));
            assert_eq!(one.next().await, Some(1));
            // What waits here is the task: a yield in which a body is suspended holds no waker of it.
            pending::<()>().await;
        });
        consumer.await.unwrap();
        idle.await.unwrap();
    });
    assert_shown("streams", "deadlock_generator", report.unwrap_failure());
}

#[test]
fn generators_show_themselves_without_their_contents() {
    run(async {
        let mut numbers = Box::pin(generator(async |mut yielder| {
            assert_eq!(format!("{yielder:?}"), "Yielder { .. }");
            let yielded = yielder.yield_(1);
            assert_eq!(format!("{yielded:?}"), "Yield { is_given: false, .. }");
            yielded.await;
        }));
        assert_eq!(format!("{numbers:?}"), "Generator { is_ended: false, .. }");
        assert_eq!(numbers.next().await, Some(1));
        assert_eq!(numbers.next().await, None);
        assert_eq!(format!("{numbers:?}"), "Generator { is_ended: true, .. }");
        let failing = try_generator(async |_: Yielder<u8>| Err::<(), u8>(1));
        assert_eq!(format!("{failing:?}"), "TryGenerator { is_ended: false, .. }");
    });
}
