//! Rules S1 to S11: the clock, sleeps, blocking, advancing, settling, the wall clock.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use simloop::time::{Instant, SystemTime, advance, block_for, sleep_then_settle, sleep_until};
use simloop::{Builder, EventLoop, note, now, run, settle, sleep, spawn, spawn_named, yield_now};

use crate::{millis, notes, secs, traced};

#[test]
fn s01_instants_are_nanoseconds_and_arithmetic_saturates() {
    let last = Instant::from_nanos(u64::MAX - 1);
    assert_eq!(last + Duration::from_nanos(1), Instant::NEVER);
    assert_eq!(last + Duration::MAX, Instant::NEVER);
    assert_eq!(Instant::NEVER + Duration::from_nanos(1), Instant::NEVER);
    assert_eq!(Instant::ZERO - secs(1), Instant::ZERO);
    assert_eq!(Instant::ZERO - last, Duration::ZERO);
    assert_eq!(last.checked_add(Duration::from_nanos(1)), None, "the sum would be NEVER");
    assert_eq!(Instant::ZERO.checked_sub(Duration::from_nanos(1)), None);
    assert_eq!(Instant::ZERO.checked_duration_since(last), None);
    assert_eq!(
        Instant::from_nanos(7).checked_add(secs(1)),
        Some(Instant::from_nanos(1_000_000_007))
    );
}

#[test]
fn s01_a_sleep_of_one_nanosecond_ends_one_nanosecond_later() {
    let report = Builder::new().run(async {
        sleep(Duration::from_nanos(1)).await;
        sleep(Duration::new(3, 999_999_999)).await;
    });
    assert_eq!(report.ended_at, Instant::from_nanos(4_000_000_000));
}

#[test]
fn s02_polls_wakes_and_calls_cost_no_time() {
    run(async {
        for _ in 0..1_000 {
            spawn(yield_now());
            yield_now().await;
            assert_eq!(now(), Instant::ZERO);
        }
    });
}

#[test]
fn s03_the_clock_jumps_straight_to_the_earliest_deadline() {
    let report = Builder::new().run(async {
        let long = spawn(sleep(Duration::from_secs(86_400 * 365)));
        sleep(secs(1)).await;
        assert_eq!(now().to_string(), "1s");
        long.await.unwrap();
    });
    assert_eq!(report.ended_at.to_string(), "31536000s");
    assert_eq!(report.counters.jumps, 2);
}

#[test]
fn s03_tasks_made_ready_at_an_instant_run_after_those_whose_timers_fired_there() {
    let lines = notes(async {
        let (sender, mut receiver) = futures_channel::mpsc::unbounded::<()>();
        let receiver = spawn(async move {
            use futures_util::StreamExt;
            receiver.next().await;
            note!("receiver");
        });
        let first = spawn(async move {
            sleep(secs(1)).await;
            sender.unbounded_send(()).unwrap();
            note!("first sleeper");
        });
        let second = spawn(async {
            sleep(secs(1)).await;
            note!("second sleeper");
        });
        futures_util::join!(receiver, first, second).0.unwrap();
    });
    assert_eq!(lines, ["first sleeper", "second sleeper", "receiver"]);
}

#[test]
fn s04_a_deadline_is_fixed_when_the_future_is_made() {
    run(async {
        let nap = sleep(secs(5));
        assert_eq!(nap.deadline().to_string(), "5s");
        sleep(secs(3)).await;
        nap.await;
        assert_eq!(now().to_string(), "5s");
    });
}

#[test]
fn s05_a_sleep_of_zero_suspends_exactly_once_and_registers_no_timer() {
    let report = traced(async {
        spawn(async { note!("other") });
        sleep(Duration::ZERO).await;
        note!("after zero");
        spawn(async { note!("other again") });
        sleep_until(Instant::ZERO).await;
        note!("after the past");
    });
    let lines: Vec<_> = report.trace.notes().collect();
    assert_eq!(lines, ["other", "after zero", "other again", "after the past"]);
    assert_eq!(report.counters.polls, 5, "three of main, one of each other");
    assert_eq!((report.counters.timers_fired, report.counters.timers_cancelled), (0, 0));
}

#[test]
fn s06_a_sleep_without_end_is_no_timer() {
    for duration in [Duration::MAX, Duration::from_nanos(u64::MAX)] {
        let failure = Builder::new().run(sleep_never(duration)).unwrap_failure();
        assert!(failure.to_string().contains("main  sleeps for ever since 0s"), "{failure}");
        assert_eq!(failure.at(), Instant::ZERO, "the clock did not move");
    }
    let mut event_loop = EventLoop::new();
    event_loop.spawn(sleep_never(Duration::MAX));
    assert_eq!(event_loop.advance_to_next().unwrap(), None);
}

async fn sleep_never(duration: Duration) {
    sleep(duration).await;
}

#[test]
fn s06_the_longest_sleep_that_ends_does_end() {
    let report = Builder::new().run(async { sleep(Duration::from_nanos(u64::MAX - 1)).await });
    assert_eq!(report.ended_at, Instant::from_nanos(u64::MAX - 1));
    report.unwrap();
}

#[test]
fn s07_equal_deadlines_fire_in_registration_order() {
    let lines = notes(async {
        let mut handles = Vec::new();
        for (name, start) in [("late", 2), ("early", 0), ("middle", 1)] {
            handles.push(spawn(async move {
                sleep(secs(start)).await;
                sleep_until(Instant::ZERO + secs(5)).await;
                note!("{name}");
            }));
        }
        for handle in handles {
            handle.await.unwrap();
        }
    });
    assert_eq!(lines, ["early", "middle", "late"], "in the order in which each came to sleep");
}

#[test]
fn s07_polling_again_keeps_a_timers_place_and_reset_gives_it_up() {
    let lines = notes(async {
        use futures_util::FutureExt;
        let mut first = sleep(secs(1));
        let mut second = sleep(secs(1));
        let mut third = sleep(secs(1));
        for nap in [&mut first, &mut second, &mut third] {
            assert!(nap.now_or_never().is_none());
        }
        // Polled with another waker: the place stays. Reset to the same instant: it goes to the end.
        second.reset(now() + secs(1));
        let mut naps = Vec::new();
        for (name, nap) in [("third", third), ("second", second), ("first", first)] {
            naps.push(spawn(async move {
                nap.await;
                note!("{name}");
            }));
        }
        for nap in naps {
            nap.await.unwrap();
        }
    });
    assert_eq!(lines, ["first", "third", "second"]);
}

#[test]
fn s08_a_dropped_sleep_never_moves_the_clock() {
    let report = Builder::new().run(async {
        let slow = spawn(sleep(secs(60)));
        yield_now().await;
        slow.abort();
        assert!(slow.await.unwrap_err().is_cancelled());
        sleep(secs(1)).await;
    });
    assert_eq!(report.ended_at.to_string(), "1s");
    assert_eq!((report.counters.timers_fired, report.counters.timers_cancelled), (1, 1));
}

#[test]
fn s08_a_dropped_sleep_hides_no_deadlock_and_wakes_nobody() {
    let report = Builder::new().run(async {
        let mut nap = sleep(secs(1));
        assert!(futures_util::FutureExt::now_or_never(&mut nap).is_none());
        drop(nap);
        std::future::pending::<()>().await;
    });
    assert_eq!(report.counters.polls, 1);
    assert_eq!(report.unwrap_failure().at(), Instant::ZERO);
}

#[test]
fn s08_a_reset_sleep_ends_at_its_new_deadline_only() {
    let report = Builder::new().run(async {
        let mut nap = sleep(secs(5));
        assert!(futures_util::poll!(&mut nap).is_pending());
        nap.reset(Instant::ZERO + secs(2));
        (&mut nap).await;
        assert_eq!(now().to_string(), "2s");
        nap.reset(Instant::ZERO + secs(9));
        (&mut nap).await;
        assert_eq!(now().to_string(), "9s");
        // One that is waited for and reset into the past ends at once.
        nap.reset(Instant::ZERO + secs(60));
        assert!(futures_util::poll!(&mut nap).is_pending());
        nap.reset(Instant::ZERO + secs(1));
        (&mut nap).await;
    });
    assert_eq!(report.ended_at.to_string(), "9s");
    assert_eq!((report.counters.timers_fired, report.counters.timers_cancelled), (2, 2));
}

#[test]
fn s09_blocking_moves_the_clock_at_once_and_delays_everybody() {
    let lines = notes(async {
        let sleepers = [3, 1, 2].map(|seconds| {
            spawn(async move {
                sleep(secs(seconds)).await;
                note!("{seconds}s sleeper at {}", now());
            })
        });
        let ready = spawn(async {
            yield_now().await;
            note!("ready at {}", now());
        });
        yield_now().await;
        block_for(secs(10));
        note!("blocked until {}", now());
        for sleeper in sleepers {
            sleeper.await.unwrap();
        }
        ready.await.unwrap();
    });
    let expected = [
        "blocked until 10s",
        "ready at 10s",
        "1s sleeper at 10s",
        "2s sleeper at 10s",
        "3s sleeper at 10s",
    ];
    assert_eq!(lines, expected, "the late timers fire in order, behind what was ready");
}

#[test]
fn s09_a_loop_whose_end_blocks_moves_no_clock_but_its_own() {
    struct Blocks;

    impl Drop for Blocks {
        fn drop(&mut self) {
            block_for(secs(5));
        }
    }

    let mut other = EventLoop::new();
    other.spawn(async {
        let _blocks = Blocks;
        std::future::pending::<()>().await;
    });
    other.run_until_idle().unwrap();
    run(async move {
        sleep(secs(1)).await;
        drop(other);
        assert_eq!(now().to_string(), "1s");
        sleep(secs(1)).await;
        assert_eq!(now().to_string(), "2s");
    });
}

#[test]
fn s09_a_task_that_blocks_and_yields_for_ever_does_not_starve_sleepers() {
    run(async {
        let _spinner = spawn(async {
            loop {
                block_for(millis(300));
                yield_now().await;
            }
        });
        sleep(secs(1)).await;
        // The deadline passes in the block that ends at 1.2 s; the spinner was ready before the sleeper.
        assert_eq!(now().to_string(), "1.5s");
    });
}

#[test]
fn s09_a_sleep_polled_after_a_block_past_its_deadline_is_ready() {
    run(async {
        let mut nap = sleep(secs(1));
        assert!(futures_util::poll!(&mut nap).is_pending());
        block_for(secs(2));
        assert!(futures_util::poll!(&mut nap).is_ready());
    });
}

#[test]
fn s10_advancing_past_the_end_of_the_clock_ends_at_the_last_deadline() {
    for advance in [
        |event_loop: &mut EventLoop| event_loop.advance(Duration::MAX),
        |event_loop: &mut EventLoop| event_loop.run_until(Instant::NEVER),
    ] {
        let mut event_loop = EventLoop::new();
        event_loop.advance(secs(1)).unwrap();
        advance(&mut event_loop).unwrap();
        assert_eq!(event_loop.now().to_string(), "1s", "there is no timer");
        let woken = event_loop.spawn(async {
            sleep(secs(3600)).await;
            sleep(secs(3600)).await;
            now()
        });
        event_loop.spawn(async { sleep(Duration::MAX).await });
        let heartbeat = async {
            loop {
                sleep(secs(1)).await;
            }
        };
        simloop::task::Builder::new().daemon(true).spawn_on(&event_loop, heartbeat);
        advance(&mut event_loop).unwrap();
        assert_eq!(event_loop.now().to_string(), "7201s");
        assert_eq!(event_loop.ready_len(), 0);
        assert_eq!(event_loop.block_on(woken).unwrap().unwrap().to_string(), "7201s");
    }
}

#[test]
fn s39_advancing_past_the_end_of_the_clock_keeps_to_the_limits() {
    let limits = simloop::Limits::new().virtual_time(secs(60));
    let mut event_loop = Builder::new().limits(limits).build();
    event_loop.spawn(async {
        loop {
            sleep(secs(7)).await;
        }
    });
    let failure = event_loop.advance(Duration::MAX).unwrap_err();
    assert!(
        failure.to_string().starts_with("virtual time limit of 60s reached at 56s"),
        "{failure}"
    );
}

#[test]
fn s10_advancing_inside_a_task_stops_at_each_deadline_on_the_way() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let ticks = Rc::clone(&seen);
    run(async move {
        let _ticker = spawn(async move {
            loop {
                sleep(secs(2)).await;
                yield_now().await;
                ticks.borrow_mut().push(now().to_string());
            }
        });
        advance(secs(5)).await;
        assert_eq!(now().to_string(), "5s");
        assert_eq!(*seen.borrow(), ["2s", "4s"]);
        advance(secs(1)).await;
        assert_eq!(*seen.borrow(), ["2s", "4s", "6s"], "what is due at the end has run");
    });
}

#[test]
fn s10_advancing_a_loop_ends_exactly_there_with_nothing_ready() {
    let mut event_loop = EventLoop::new();
    let ticks = Rc::new(Cell::new(0));
    let counter = Rc::clone(&ticks);
    event_loop.spawn(async move {
        loop {
            sleep(secs(2)).await;
            yield_now().await;
            counter.set(counter.get() + 1);
        }
    });
    event_loop.advance(secs(5)).unwrap();
    assert_eq!((event_loop.now().to_string().as_str(), ticks.get()), ("5s", 2));
    assert_eq!(event_loop.ready_len(), 0);
    assert_eq!(event_loop.advance_to_next().unwrap().unwrap().to_string(), "6s");
    assert_eq!(ticks.get(), 3);
    event_loop.run_until(Instant::ZERO + secs(8)).unwrap();
    assert_eq!(ticks.get(), 4);
    event_loop.run_until(Instant::ZERO).unwrap();
    assert_eq!(event_loop.now().to_string(), "8s", "an instant that has passed moves nothing");
}

#[test]
fn s10a_settle_returns_when_all_others_wait_and_before_the_clock_jumps() {
    run(async {
        let worker = spawn_named("worker", async {
            for _ in 0..10 {
                yield_now().await;
            }
            sleep(secs(1)).await;
        });
        settle().await;
        assert_eq!(now(), Instant::ZERO);
        assert!(!worker.is_finished());
    });
}

#[test]
fn s10a_sleeping_and_settling_waits_for_what_wakes_at_the_same_instant() {
    run(async {
        for make in [sleep_then_settle, advance] {
            let (start, settled) = (now(), make(secs(1)));
            let mut settled = std::pin::pin!(settled);
            assert!(futures_util::poll!(settled.as_mut()).is_pending());
            let worker = spawn(async {
                sleep(secs(1)).await;
                yield_now().await;
            });
            settled.await;
            assert!(worker.is_finished(), "its sleep was registered after ours, and yet it ran");
            assert_eq!(now(), start + secs(1));
        }
    });
}

#[test]
fn s10a_of_several_settlers_each_sees_the_others_wait() {
    let lines = notes(async {
        let settlers = ["first", "second"].map(|name| {
            spawn(async move {
                settle().await;
                for step in 0..2 {
                    note!("{name} {step}");
                    yield_now().await;
                }
            })
        });
        for settler in settlers {
            settler.await.unwrap();
        }
    });
    assert_eq!(lines, ["first 0", "first 1", "second 0", "second 1"]);
}

#[test]
fn s10a_a_dropped_settle_is_forgotten() {
    run(async {
        let settler = spawn(settle());
        yield_now().await;
        settler.abort();
        assert!(settler.await.unwrap_err().is_cancelled());
        settle().await;
    });
}

#[test]
fn s11_the_wall_clock_runs_along_and_may_be_stepped_without_moving_timers() {
    run(async {
        let year_2000 = SystemTime::UNIX_EPOCH + secs(946_684_800);
        assert_eq!(SystemTime::now(), year_2000);
        let nap = spawn(sleep(secs(10)));
        yield_now().await;
        SystemTime::set(year_2000 + secs(1_000_000));
        sleep(secs(1)).await;
        assert_eq!(SystemTime::now(), year_2000 + secs(1_000_001));
        SystemTime::set(SystemTime::UNIX_EPOCH - secs(5));
        assert_eq!(SystemTime::now().since_epoch(), None, "before 1970");
        nap.await.unwrap();
        assert_eq!(now().to_string(), "10s");
        assert_eq!(SystemTime::now(), SystemTime::UNIX_EPOCH + secs(4));
    });
    let report = Builder::new().start_time(secs(7)).run(async { SystemTime::now() });
    assert_eq!(report.unwrap().to_std(), Some(std::time::SystemTime::UNIX_EPOCH + secs(7)));
}
