//! The programs, each written once for every contestant.
//!
//! A program does `ops` operations and returns a proof of its work, which is the same for all who run it: the
//! outputs of its tasks, and the virtual time it took. All delays are whole milliseconds, because tokio's
//! timers know no shorter ones.

use std::fmt::Debug;
use std::future::{Future, pending, poll_fn};
use std::task::Poll;
use std::time::Duration;

use futures_channel::mpsc;
use futures_util::StreamExt;

use crate::contestants::{Contestant, Timed};

/// What a run has done: the sum of its tasks' outputs, and the virtual time it took.
pub type Proof = (u64, Duration);

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// One task yields `ops` times.
pub fn one_yields<C: Contestant>(ops: u64) -> Proof {
    yields::<C>(1, ops)
}

/// A thousand tasks yield `ops` times in all.
pub fn thousand_yield<C: Contestant>(ops: u64) -> Proof {
    yields::<C>(1_000, ops)
}

/// `ops` tasks yield ten times each.
pub fn ten_yields_each<C: Contestant>(ops: u64) -> Proof {
    yields::<C>(ops, ops * 10)
}

fn yields<C: Contestant>(tasks: u64, ops: u64) -> Proof {
    C::run(async move {
        let yields = move |_| async move {
            let mut count = 0;
            while count < ops / tasks {
                C::yield_now().await;
                count += 1;
            }
            count
        };
        join_all((0..tasks).map(|task| C::spawn(yields(task))).collect()).await
    })
}

/// Spawns `ops` tasks, then joins them.
pub fn spawn_all<C: Contestant>(ops: u64) -> Proof {
    C::run(
        async move { join_all((0..ops).map(|task| C::spawn(async move { task })).collect()).await },
    )
}

/// Spawns a task and joins it before the next.
pub fn spawn_each<C: Contestant>(ops: u64) -> Proof {
    C::run(async move {
        let mut sum = 0;
        for task in 0..ops {
            sum += C::spawn(async move { task }).await.unwrap();
        }
        sum
    })
}

/// One task sleeps for 1 ms, `ops` times.
pub fn sleep_chain<C: Timed>(ops: u64) -> Proof {
    run_task::<C, _>(async move {
        for _ in 0..ops {
            C::sleep(MILLISECOND).await;
        }
        ops
    })
}

/// `ops` tasks sleep once each, for up to an hour.
pub fn sleep_fan<C: Timed>(ops: u64) -> Proof {
    C::run(async move {
        let sleep = |delay: u64| async move {
            C::sleep(Duration::from_millis(delay)).await;
            delay
        };
        join_all((0..ops).map(|task| C::spawn(sleep(1 + random(task) % 3_600_000))).collect()).await
    })
}

/// A timeout is armed, and cancelled because what it guards is ready at its second poll.
pub fn timeout_cancelled<C: Timed>(ops: u64) -> Proof {
    run_task::<C, _>(async move {
        let mut count = 0;
        for _ in 0..ops {
            count += u64::from(C::timeout(SECOND, C::yield_now()).await.is_ok());
        }
        count
    })
}

/// A timeout around what is ready at once.
pub fn timeout_ready<C: Timed>(ops: u64) -> Proof {
    run_task::<C, _>(async move {
        let mut sum = 0;
        for number in 0..ops {
            sum += C::timeout(SECOND, async move { number }).await.unwrap();
        }
        sum
    })
}

/// A timeout of 1 s around a sleep of 1 ms.
pub fn timeout_around_sleep<C: Timed>(ops: u64) -> Proof {
    run_task::<C, _>(async move {
        let mut count = 0;
        for _ in 0..ops {
            count += u64::from(C::timeout(SECOND, C::sleep(MILLISECOND)).await.is_ok());
        }
        count
    })
}

/// `ops` timeouts of one instant, all armed and then all cancelled.
pub fn timeouts_of_one_instant<C: Timed>(ops: u64) -> Proof {
    run_task::<C, _>(async move {
        let mut armed: Vec<_> =
            (0..ops).map(|_| Box::pin(C::timeout(SECOND, pending::<()>()))).collect();
        poll_fn(|cx| {
            for timeout in &mut armed {
                assert!(timeout.as_mut().poll(cx).is_pending());
            }
            Poll::Ready(())
        })
        .await;
        drop(armed);
        C::sleep(MILLISECOND).await;
        ops
    })
}

/// Two tasks send a number back and forth, `ops` times there and `ops` times back.
pub fn ping_pong<C: Contestant>(ops: u64) -> Proof {
    C::run(async move {
        let (ping, mut pings) = mpsc::unbounded::<u64>();
        let (pong, mut pongs) = mpsc::unbounded::<u64>();
        let server = C::spawn(async move {
            let mut sum = 0;
            while let Some(number) = pings.next().await {
                sum += number;
                pong.unbounded_send(number + 1).unwrap();
            }
            sum
        });
        let client = C::spawn(async move {
            let mut number = 0;
            for _ in 0..ops {
                ping.unbounded_send(number).unwrap();
                number = pongs.next().await.unwrap();
            }
            number
        });
        client.await.unwrap() + server.await.unwrap()
    })
}

/// A new loop in which three tasks sleep for 1 s, `ops` times.
pub fn tiny_run<C: Timed>(ops: u64) -> Proof {
    let run = |op: u64| {
        C::run(async move {
            let tasks = [1, 2, 3].map(|task| {
                C::spawn(async move {
                    C::sleep(SECOND).await;
                    op * task
                })
            });
            join_all(tasks.into()).await
        })
    };
    (0..ops).map(run).fold((0, Duration::ZERO), |sum, run| (sum.0 + run.0, sum.1 + run.1))
}

/// Runs one task besides the root: in tokio the root is no task, and costs more or less than one.
fn run_task<C: Contestant, F: Future<Output = u64> + Send + 'static>(task: F) -> Proof {
    C::run(async move { C::spawn(task).await.unwrap() })
}

pub async fn join_all<E: Debug>(tasks: Vec<impl Future<Output = Result<u64, E>>>) -> u64 {
    let mut sum = 0;
    for task in tasks {
        sum += task.await.unwrap();
    }
    sum
}

/// A number that looks random: SplitMix64, by Sebastiano Vigna.
fn random(index: u64) -> u64 {
    let mut z = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
