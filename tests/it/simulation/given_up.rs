//! Transfers that are given up one after the other: what is behind them arrives earlier, and nobody is woken in vain.

use std::pin::pin;
use std::time::Duration;

use simloop::sim::Link;
use simloop::time::block_for;
use simloop::trace::Level;
use simloop::{Builder, gather_all, now, run, sleep, spawn, spawn_named, task, timeout, yield_now};

use crate::snapshots::assert_shown;
use crate::{millis, secs};

/// A thousand bytes a second.
fn link() -> Link {
    Link::new(Duration::ZERO, 1000)
}

/// Occupies the link for a minute, and gives up a second from now.
fn give_up_at_1s(link: &Link) {
    spawn(timeout(secs(1), link.transfer(60_000)));
}

async fn arrival(link: Link, bytes: u64) -> String {
    link.transfer(bytes).await.unwrap();
    now().to_string()
}

#[test]
fn many_who_give_up_one_after_the_other_do_not_wake_all_behind_each_time() {
    const MANY: u64 = 500;
    let report = Builder::new().run(async {
        let link = link();
        let (sender, mut receiver) = link.channel();
        let reader = spawn(async move { (receiver.recv().await, now().to_string()) });
        let downloads = gather_all((0..MANY).map(|n| {
            let download = link.transfer(60_000);
            timeout(millis(1000 + n), download)
        }));
        let behind = arrival(link.clone(), 1000);
        let (downloads, behind, ()) = simloop::gather!(downloads, behind, async move {
            yield_now().await;
            sender.send("message", 1000);
        })
        .await;
        assert!(downloads.iter().all(Result::is_err));
        (behind, reader.await.unwrap())
    });
    let polls = report.counters.polls;
    assert!(
        polls < 5 * MANY,
        "{polls} polls, and with all behind woken they are {}",
        MANY * MANY / 2
    );
    assert_eq!(report.unwrap(), ("2.499s".into(), (Some("message"), "3.499s".into())));
}

#[test]
fn a_transfer_that_is_not_polled_keeps_no_news_from_those_behind() {
    run(async {
        let link = link();
        give_up_at_1s(&link);
        yield_now().await;
        let mut unpolled = pin!(link.transfer(1000));
        assert!(timeout(Duration::ZERO, &mut unpolled).await.is_err());
        let behind = [1000, 500].map(|bytes| spawn(arrival(link.clone(), bytes)));
        sleep(secs(100)).await;
        let [one, other] = behind;
        assert_eq!((one.await.unwrap(), other.await.unwrap()), ("3s".into(), "3.5s".into()));
        unpolled.await.unwrap();
        assert_eq!(now().to_string(), "100s");
    });
}

#[test]
fn the_links_own_timer_is_no_wait_of_a_task() {
    let report = Builder::new().trace(Level::Full).run(async {
        let link = link();
        give_up_at_1s(&link);
        yield_now().await;
        for _ in 0..3 {
            spawn_named("behind", arrival(link.clone(), 1000));
        }
        sleep(millis(2500)).await;
        task::all().iter().map(|task| task.path()).collect::<Vec<_>>()
    });
    assert_shown("simulation", "link_given_up", &report.trace);
    assert_eq!(report.unwrap(), ["main", "main/behind[1]", "main/behind[2]"]);
}

#[test]
fn s8_news_that_nobody_waits_for_move_no_clock() {
    let report = Builder::new().run(async {
        let link = link();
        give_up_at_1s(&link);
        let (sender, mut receiver) = link.channel();
        yield_now().await;
        [1000, 1000, 1000].into_iter().for_each(|bytes| sender.send((), bytes));
        // The first message begins to be sent at 1s, and the second would at 2s.
        assert!(timeout(millis(1500), receiver.recv()).await.is_err());
        std::future::pending::<()>().await;
    });
    assert_eq!(report.ended_at.to_string(), "1.5s");
}

#[test]
fn s9_what_has_begun_while_the_loop_was_blocked_is_told_afterwards() {
    run(async {
        let link = link();
        give_up_at_1s(&link);
        yield_now().await;
        let behind = [500, 500, 3000, 500].map(|bytes| spawn(arrival(link.clone(), bytes)));
        sleep(millis(1250)).await;
        block_for(secs(1));
        assert_eq!(link.statistics().bytes, 1000, "whoever looks tells nobody");
        let late = spawn(arrival(link.clone(), 1000));
        let arrivals = gather_all(behind).await.into_iter().map(Result::unwrap);
        assert_eq!(arrivals.collect::<Vec<_>>(), ["2.25s", "2.25s", "5s", "5.5s"]);
        assert_eq!(late.await.unwrap(), "6.5s");
    });
}

#[test]
fn a_transfer_that_is_dropped_outside_the_loop_tells_those_behind() {
    let mut event_loop = simloop::EventLoop::new();
    let (first, behind) = event_loop
        .block_on(async {
            let link = link();
            let mut first = Box::pin(link.transfer(60_000));
            assert!(timeout(Duration::ZERO, &mut first).await.is_err());
            let behind = [1000, 1000].map(|bytes| spawn(arrival(link.clone(), bytes)));
            sleep(secs(1)).await;
            (first, behind)
        })
        .unwrap();
    drop(first);
    let [one, other] = behind;
    let arrivals = event_loop.block_on(async { (one.await.unwrap(), other.await.unwrap()) });
    assert_eq!(arrivals.unwrap(), ("2s".into(), "3s".into()));
}
