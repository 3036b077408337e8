//! Rules S37 and S42: the lines at which tasks of a deadlock wait, and that looking for them leaves no mark.

use std::future::poll_fn;
use std::task::Poll;

use futures_channel::oneshot;
use simloop::{Builder, spawn_named};

use crate::snapshots::assert_shown;

/// The same program with and without the feature: `snapshots/failing/backtrace_trace.snap` belongs to both.
#[test]
fn s42_looking_where_tasks_wait_changes_no_trace() {
    let report = Builder::new().trace(simloop::trace::Level::Full).run(async {
        let (sender, receiver) = oneshot::channel::<()>();
        let reader = spawn_named("reader", async {
            let received = receiver.await;
            simloop::note!("it has {received:?}");
        });
        spawn_named("many", async {
            use futures_util::StreamExt;
            let channels = (0..3).map(|_| async {
                let (_sender, receiver) = async_channel::bounded::<()>(1);
                receiver.recv().await
            });
            let mut all: futures_util::stream::FuturesUnordered<_> = channels.collect();
            all.next().await
        });
        let spiteful = spawn_named("spiteful", async {
            let mut polls = 0;
            poll_fn(|cx| {
                polls += 1;
                if polls > 1 {
                    std::panic::resume_unwind(Box::new("polled once more"));
                }
                std::mem::forget(cx.waker().clone());
                Poll::<()>::Pending
            })
            .await;
        });
        let _ = reader.await;
        drop((sender, spiteful));
    });
    assert_shown("failing", "backtrace_trace", &report.trace);
    assert_eq!(report.counters.polls, 5);
    assert_eq!(report.counters.turns, 5);
    #[cfg(feature = "backtrace")]
    {
        let failure = report.failure().unwrap();
        crate::snapshots::assert_shown_with_lines("failing", "deadlock_backtrace", failure);
        let simloop::report::FailureKind::Deadlock(deadlock) = failure.kind() else {
            panic!("{failure}")
        };
        let at: Vec<_> = deadlock.waiting.iter().map(|task| task.waits_at.join(" ")).collect();
        assert_eq!(at[0], "", "it joins, which says enough");
        let here = |code: &str| {
            let place = include_str!("backtraces.rs").lines().position(|line| line.trim() == code);
            format!("tests/it/backtraces.rs:{}", place.unwrap() + 1)
        };
        let expected =
            [here("let received = receiver.await;"), here("all.next().await"), String::new()];
        assert_eq!(at[1..], expected);
    }
}
