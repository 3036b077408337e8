//! Rules S38 and S39: a run that does not get on, or goes too far, is ended.

use std::future::pending;

use simloop::report::FailureKind;
use simloop::{Builder, Limits, sleep, spawn, spawn_named, time, yield_now};

use super::shown;
use crate::{millis, secs};

#[test]
fn s38_a_livelock_is_called_and_names_who_kept_going() {
    let limits = Limits::new().turns_per_instant(100_000);
    let failure = Builder::new()
        .seed(7)
        .limits(limits)
        .run(async {
            sleep(millis(250)).await;
            spawn_named("poller", async {
                loop {
                    yield_now().await;
                }
            })
            .await
            .unwrap();
        })
        .unwrap_failure();
    shown("livelock", &failure);
}

#[test]
fn s38_tasks_that_keep_waking_each_other_are_named_with_who_woke_them() {
    use futures_channel::mpsc;
    use futures_util::StreamExt;
    let failure = Builder::new()
        .limits(Limits::new().turns_per_instant(10_000))
        .run(async {
            let (ping, mut pings) = mpsc::unbounded::<()>();
            let (pong, mut pongs) = mpsc::unbounded::<()>();
            spawn_named("ping", async move {
                loop {
                    ping.unbounded_send(()).unwrap();
                    pongs.next().await;
                }
            });
            spawn_named("pong", async move {
                while pings.next().await.is_some() {
                    pong.unbounded_send(()).unwrap();
                }
            });
            sleep(secs(1)).await;
        })
        .unwrap_failure();
    shown("livelock_of_two", &failure);
}

#[test]
fn s38_a_livelock_ends_with_the_default_limits_too() {
    let failure = Builder::new()
        .run(async {
            loop {
                yield_now().await;
            }
        })
        .unwrap_failure();
    assert!(matches!(failure.kind(), FailureKind::Livelock(_)));
}

#[test]
fn s38_a_livelock_of_callbacks_that_call_each_other_has_a_short_message() {
    fn again() {
        simloop::call_soon(again);
    }
    let failure = Builder::new()
        .limits(Limits::new().turns_per_instant(20_000))
        .run(async {
            again();
            sleep(secs(1)).await;
        })
        .unwrap_failure();
    shown("livelock_of_callbacks", &failure);
    let FailureKind::Livelock(livelock) = failure.kind() else { panic!("{failure}") };
    assert_eq!((livelock.polled, livelock.spinners.len()), (1_000, 10));
}

#[test]
fn s38_a_livelock_after_most_tasks_have_ended_still_names_who_spins() {
    let failure = Builder::new()
        .limits(Limits::new().turns_per_instant(20_000))
        .run(async {
            for _ in 0..2_500 {
                spawn(async {
                    for _ in 0..8 {
                        yield_now().await;
                    }
                });
            }
            spawn_named("spinner", async {
                loop {
                    yield_now().await;
                }
            });
            sleep(secs(1)).await;
        })
        .unwrap_failure();
    let FailureKind::Livelock(livelock) = failure.kind() else { panic!("{failure}") };
    // A look after 19,000 turns, when all were alive; the next, 20,000 later, finds that less is allowed.
    assert_eq!((livelock.turns, livelock.watched, livelock.polled), (40_000, 1_000, 1));
    assert_eq!(livelock.spinners[0].path, "main/spinner");
}

#[test]
fn s38_honest_load_is_no_livelock() {
    let report = Builder::new().run(async {
        let tasks: Vec<_> = (0..1_000)
            .map(|_| {
                spawn(async {
                    for _ in 0..1_000 {
                        yield_now().await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert!(report.counters.polls > 1_000_000);
    assert_eq!(report.counters.jumps, 0, "all at one instant");
    report.unwrap();
}

#[test]
fn s39_limits_on_turns_and_on_virtual_time_end_a_run() {
    async fn ticking() {
        spawn_named("background", pending::<()>());
        loop {
            sleep(secs(1)).await;
        }
    }
    let by_turns = Builder::new().limits(Limits::new().turns(10)).run(ticking()).unwrap_failure();
    shown("turn_limit", &by_turns);
    assert_eq!(by_turns.turn(), 10);
    let by_time = Builder::new()
        .limits(Limits::new().virtual_time(millis(3500)))
        .run(ticking())
        .unwrap_failure();
    shown("time_limit", &by_time);
    assert_eq!(by_time.at().to_string(), "3s", "the clock did not pass the limit");
    let by_blocking = Builder::new()
        .limits(Limits::new().virtual_time(secs(1)))
        .run(async {
            spawn_named("cruncher", async { time::block_for(secs(2)) });
            sleep(millis(10)).await;
        })
        .unwrap_failure();
    shown("time_limit_blocked", &by_blocking);
    let exactly =
        Builder::new().limits(Limits::new().virtual_time(secs(3))).run(sleep_three_seconds());
    exactly.unwrap();
}

async fn sleep_three_seconds() {
    sleep(secs(3)).await;
}
