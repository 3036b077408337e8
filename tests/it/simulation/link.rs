use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt;
use simloop::sim::{Delay, Link, LinkSender, Lost};
use simloop::time::block_for;
use simloop::{
    Builder, EventLoop, gather, now, rng, run, sleep, spawn, spawn_named, timeout, yield_now,
};

use crate::snapshots::assert_shown;
use crate::{millis, secs};

/// A thousand bytes a second, 100 ms away.
fn slow_link() -> Link {
    Link::new(millis(100), 1000)
}

/// When a transfer arrives, and how.
async fn arrival(link: Link, bytes: u64) -> (String, Result<(), Lost>) {
    let result = link.transfer(bytes).await;
    (now().to_string(), result)
}

#[test]
fn a_transfer_takes_its_size_over_the_bandwidth_and_the_latency() {
    run(async {
        assert_eq!(arrival(slow_link(), 500).await.0, "600ms");
        assert_eq!(arrival(slow_link(), 0).await.0, "700ms");
        // To the nearest nanosecond.
        let thirds = Link::new(Duration::ZERO, 3_000_000_000);
        for (bytes, nanos) in [(1, 0), (2, 1), (3, 1), (4, 1), (5, 2)] {
            let start = now();
            thirds.transfer(bytes).await.unwrap();
            assert_eq!(start.elapsed(), Duration::from_nanos(nanos), "{bytes} bytes");
        }
        let unlimited = Link::new(secs(1), u64::MAX);
        let start = now();
        unlimited.transfer(1_000_000_000).await.unwrap();
        assert_eq!((start.elapsed(), unlimited.bandwidth()), (secs(1), u64::MAX));
    });
}

#[test]
fn the_bandwidth_is_had_one_after_the_other_and_latencies_overlap() {
    run(async {
        let link = slow_link();
        let three = [1000, 2000, 10].map(|bytes| spawn(arrival(link.clone(), bytes)));
        let [one, two, three] = three;
        assert_eq!(one.await.unwrap().0, "1.1s");
        assert_eq!(two.await.unwrap().0, "3.1s");
        assert_eq!(three.await.unwrap().0, "3.11s");
        let seen = link.statistics();
        assert_eq!((seen.bytes, seen.lost, seen.line.served), (3010, 0, 3));
        assert_eq!(seen.line.busy_time, millis(3010));
        assert_eq!((seen.line.waited_total, seen.line.waited_max), (secs(4), secs(3)));
        assert_eq!((seen.line.queue_len_max, seen.line.queue_time), (2, secs(4)));
        assert_eq!(
            seen.to_string(),
            "3010 bytes sent, 0 lost; busy 96.8 %; 3 of 3 served, 0 gone; waited 1.333333333s on \
             average, 3s at most; queue 1.286 on average, 2 at most"
        );
    });
}

#[test]
fn a_transfer_that_is_dropped_frees_the_link_and_the_others_come_earlier() {
    run(async {
        let link = slow_link();
        let cut_off = spawn(timeout(secs(2), link.transfer(60_000)));
        let in_line = spawn(timeout(secs(1), link.transfer(60_000)));
        let (sender, mut messages) = link.channel();
        let rest = [1000, 1000].map(|bytes| spawn(arrival(link.clone(), bytes)));
        yield_now().await;
        sender.send("message", 500);
        drop(link.transfer(60_000));
        let message = async move { (messages.recv().await, now().to_string()) };
        let [one, two] = rest;
        let (message, one, two) = gather!(message, one, two).await;
        assert_eq!(one.unwrap().0, "3.1s");
        assert_eq!(two.unwrap().0, "4.1s");
        assert_eq!(message, (Some("message"), "4.6s".to_owned()));
        assert!(cut_off.await.unwrap().is_err());
        assert!(in_line.await.unwrap().is_err());
        let seen = link.statistics();
        assert_eq!((seen.bytes, seen.line.served, seen.line.abandoned), (2500, 4, 1));
        assert_eq!(seen.line.busy_time, millis(4500));
    });
}

#[test]
fn what_has_left_is_not_called_back() {
    run(async {
        let link = slow_link();
        let left = timeout(millis(1050), link.transfer(1000));
        let (left, second) = gather!(left, arrival(link.clone(), 1000)).await;
        assert!(left.is_err());
        assert_eq!(second.0, "2.1s");
        assert_eq!(link.statistics().bytes, 2000);
    });
}

#[test]
fn a_lost_transfer_says_so_at_the_instant_at_which_it_would_have_arrived() {
    run(async {
        let link = slow_link().loss(1, 1);
        assert_eq!(arrival(link.clone(), 1000).await, ("1.1s".into(), Err(Lost)));
        assert_eq!(Lost.to_string(), "lost on the way");
        assert_eq!((link.statistics().bytes, link.statistics().lost), (1000, 1));
    });
}

#[test]
fn a_link_is_cut_and_mended_for_what_is_sent_after_that() {
    run(async {
        let link = slow_link();
        let other_end = link.clone();
        let on_its_way = spawn(arrival(other_end.clone(), 100));
        yield_now().await;
        link.set_loss(1, 1);
        let lost = spawn(arrival(other_end.clone(), 100));
        yield_now().await;
        link.set_loss(0, 1);
        assert_eq!(arrival(other_end, 100).await, ("400ms".into(), Ok(())));
        assert_eq!(on_its_way.await.unwrap(), ("200ms".into(), Ok(())));
        assert_eq!(lost.await.unwrap(), ("300ms".into(), Err(Lost)));
        assert_eq!(link.statistics().lost, 1);
    });
}

#[test]
#[should_panic(expected = "a chance of 2 in 1")]
fn what_is_no_chance_is_told_where_it_is_set() {
    run(async { slow_link().set_loss(2, 1) });
}

#[test]
fn s33_a_link_that_is_cut_draws_no_other_numbers() {
    let drawn = |cuts: bool| async move {
        let link = slow_link();
        if cuts {
            link.set_loss(1, 1);
        }
        let _ = link.transfer(1).await;
        rng().next_u64()
    };
    assert_eq!(run(drawn(true)), run(drawn(false)));
}

#[test]
fn s33_what_is_lost_depends_on_the_task_that_sends_and_not_on_others() {
    let program = |others: u32, loss| async move {
        let link = slow_link().loss(loss, 2);
        for _ in 0..others {
            spawn_named("other", link.transfer(1));
        }
        let sender = spawn_named("sender", async move {
            let mut lost = Vec::new();
            for _ in 0..20 {
                lost.push(link.transfer(1).await.is_err());
            }
            (lost, rng().next_u64())
        });
        sender.await.unwrap()
    };
    let alone = Builder::new().seed(1).run(program(0, 1)).unwrap();
    assert!(alone.0.contains(&true) && alone.0.contains(&false));
    assert_eq!(Builder::new().seed(1).run(program(9, 1)).unwrap(), alone);
    assert_ne!(Builder::new().seed(2).run(program(0, 1)).unwrap(), alone);
    let faithful = Builder::new().seed(1).run(program(0, 0)).unwrap();
    assert_eq!(faithful.0, [false; 20]);
    assert_eq!(faithful.1, alone.1, "a link without losses draws as one with them");
}

/// Sends ten messages of no size at once, each with another latency, and returns what comes when.
async fn shuffled(is_in_order: bool) -> Vec<(u32, u64)> {
    let latency = Delay::uniform(millis(10)..millis(20));
    let link = Link::new(latency, 1000).in_order(is_in_order);
    let (sender, mut receiver) = link.channel();
    (0..10).for_each(|n| sender.send(n, 0));
    drop(sender);
    let mut come = Vec::new();
    while let Some(n) = receiver.next().await {
        come.push((n, now().as_nanos()));
    }
    come
}

#[test]
fn messages_arrive_in_order_or_each_for_itself() {
    let numbers = |come: &[(u32, u64)]| come.iter().map(|&(n, _)| n).collect::<Vec<_>>();
    let ordered = Builder::new().seed(1).run(shuffled(true)).unwrap();
    let free = Builder::new().seed(1).run(shuffled(false)).unwrap();
    assert!(numbers(&ordered).into_iter().eq(0..10));
    assert_ne!(numbers(&free), numbers(&ordered));
    assert!(free.is_sorted_by_key(|&(_, at)| at), "{free:?}");
    // The latencies are the same: in order, each comes with the latest of those up to it.
    let mut latest = 0;
    for &(n, at) in &ordered {
        let own = free.iter().find(|&&(other, _)| other == n).unwrap().1;
        latest = latest.max(own);
        assert_eq!(at, latest, "message {n}");
    }
}

#[test]
fn a_lost_message_holds_up_none_and_nobody_is_told() {
    let report = Builder::new().seed(1).run(async {
        let link = slow_link().loss(1, 2);
        let (sender, receiver) = link.channel();
        (0..20).for_each(|n| sender.send(n, 10));
        drop(sender);
        let come: Vec<u64> = receiver
            .map(|n| {
                assert_eq!(now().since_start(), millis(100 + 10 * (n + 1)), "message {n}");
                n
            })
            .collect()
            .await;
        let seen = link.statistics();
        assert_eq!((seen.bytes, seen.lost), (200, 20 - come.len() as u64));
        come
    });
    let come = report.unwrap();
    assert!(come.is_sorted() && (1..20).contains(&come.len()), "{come:?}");
}

#[test]
fn a_receiver_that_waits_is_woken_for_what_overtakes() {
    run(async {
        let latencies = RefCell::new(vec![secs(1), secs(9)]);
        let latencies = std::sync::Mutex::new(latencies.into_inner());
        let latency = Delay::from_fn(move |_| latencies.lock().unwrap().pop().unwrap());
        let (sender, mut receiver) = Link::new(latency, 1000).in_order(false).channel();
        sender.send("slow", 0);
        let come = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&come);
        let reader = spawn(async move {
            while let Some(message) = receiver.recv().await {
                seen.borrow_mut().push((message, now().to_string()));
            }
        });
        sleep(secs(2)).await;
        sender.send("fast", 0);
        drop(sender);
        reader.await.unwrap();
        assert_eq!(come.take(), [("fast", "3s".to_owned()), ("slow", "9s".to_owned())]);
    });
}

#[test]
fn a_stream_ends_with_its_last_sender() {
    run(async {
        let (sender, mut receiver) = slow_link().channel::<()>();
        let other = sender.clone();
        let reader = spawn(async move { (receiver.recv().await, now().to_string()) });
        drop(sender);
        sleep(secs(3)).await;
        drop(other);
        assert_eq!(reader.await.unwrap(), (None, "3s".to_owned()));
    });
}

#[test]
fn a_receiver_that_goes_drops_its_messages_and_the_link_carries_them_all_the_same() {
    run(async {
        let link = slow_link();
        let (sender, receiver) = link.channel();
        let message = Rc::new(());
        sender.send(Rc::clone(&message), 1000);
        sender.send(Rc::clone(&message), 1000);
        sleep(millis(1050)).await;
        assert_eq!(format!("{receiver:?}"), "LinkReceiver { on_the_way: 2, .. }");
        drop(receiver);
        assert_eq!(Rc::strong_count(&message), 1);
        assert!(sender.is_closed());
        sender.clone().send(Rc::clone(&message), 1000);
        assert_eq!(Rc::strong_count(&message), 1);
        assert_eq!(arrival(link.clone(), 1000).await.0, "4.1s");
        assert_eq!((link.statistics().bytes, link.statistics().lost), (4000, 0));
    });
}

#[test]
fn s29_a_receive_that_is_dropped_loses_nothing_and_leaves_no_timer() {
    let report = Builder::new().run(async {
        let (sender, mut receiver) = slow_link().channel();
        sender.send("message", 1000);
        assert!(timeout(secs(1), receiver.recv()).await.is_err());
        sleep(secs(1)).await;
        assert_eq!((receiver.recv().await, now().to_string()), (Some("message"), "2s".into()));
        sender.send("late", 60_000);
        assert!(timeout(secs(1), receiver.recv()).await.is_err());
        // Its arrival is nothing that anybody waits for.
        std::future::pending::<()>().await;
    });
    assert_eq!(report.ended_at.to_string(), "3s");
}

#[test]
fn s9_a_link_goes_on_while_the_loop_is_blocked() {
    run(async {
        let link = slow_link();
        let transfers = [1000, 1000].map(|bytes| spawn(arrival(link.clone(), bytes)));
        yield_now().await;
        block_for(millis(1500));
        let third = spawn(arrival(link.clone(), 1000));
        let [one, two] = transfers;
        assert_eq!(one.await.unwrap().0, "1.5s");
        assert_eq!(two.await.unwrap().0, "2.1s");
        assert_eq!(third.await.unwrap().0, "3.1s");
    });
}

#[test]
fn s37_a_receiver_to_whom_nobody_sends_is_told_with_its_link() {
    let report = Builder::new().run(async {
        let link = slow_link().named("uplink");
        let (sender, mut receiver) = link.channel::<()>();
        let (_other, mut unnamed) = slow_link().channel::<()>();
        spawn_named("reader", async move { unnamed.recv().await });
        sender.send((), 900);
        while receiver.recv().await.is_some() {}
    });
    assert_shown("simulation", "deadlock_link", report.unwrap_failure());
}

#[test]
fn s37_who_receives_what_never_arrives_waits_for_a_message() {
    for (latency, bytes) in [(Duration::MAX, 1), (millis(1), u64::MAX)] {
        let report = Builder::new().run(async move {
            let (sender, mut receiver) = Link::new(latency, 1).named("up").channel();
            sender.send((), bytes);
            receiver.recv().await;
        });
        let told = "deadlock at 0s (turn 1): 1 task waits, no timer is registered\n  \
                    main  waits for a message from link `up` since 0s\n";
        let text = report.unwrap_failure().to_string();
        assert!(text.starts_with(told), "{text}");
    }
}

#[test]
fn a_link_belongs_to_its_loop_and_can_be_looked_at_after_it() {
    let mut event_loop = EventLoop::new();
    let (link, (sender, receiver), mut transfer) = event_loop
        .block_on(async {
            let link = slow_link().named("uplink");
            let mut transfer = link.transfer(1000);
            assert!(futures_util::poll!(&mut transfer).is_pending());
            sleep(millis(500)).await;
            (link.clone(), link.channel::<u8>(), transfer)
        })
        .unwrap();
    drop(event_loop);
    assert_eq!(format!("{link:?}"), "Link { name: \"uplink\", bandwidth: 1000, .. }");
    assert_eq!(format!("{transfer:?}"), "Transfer { bytes: 1000, is_sent: true, .. }");
    let elsewhere = "a link was used in another loop than the one it was made in";
    run(async move {
        let polled = std::panic::AssertUnwindSafe(&mut transfer);
        let polled = futures_util::FutureExt::catch_unwind(polled).await;
        assert_eq!(polled.unwrap_err().downcast_ref::<&str>(), Some(&elsewhere));
        let sent = super::panic_message(|| sender.send(1, 1));
        assert_eq!(sent, elsewhere);
        drop((transfer, sender, receiver));
    });
    assert_eq!(link.statistics().line.busy, 0);
}

#[test]
fn what_a_message_does_when_it_is_dropped_may_use_the_link() {
    struct Reply(LinkSender<Option<Reply>>);

    impl Drop for Reply {
        fn drop(&mut self) {
            self.0.send(None, 1000);
        }
    }

    run(async {
        let link = slow_link();
        let (sender, receiver) = link.channel();
        sender.send(Some(Reply(sender.clone())), 1000);
        drop(receiver);
        let dead = slow_link().loss(1, 1);
        let (deaf, _receiver) = dead.channel();
        deaf.send(Some(Reply(sender.clone())), 1000);
        drop(sender);
        // The message, and what it said when its receiver and then the link lost it.
        sleep(secs(10)).await;
        assert_eq!((link.statistics().bytes, dead.statistics().lost), (3000, 1));
    });
}

#[test]
fn a_change_of_the_link_holds_for_what_is_sent_from_then_on() {
    run(async {
        let latencies = std::sync::Mutex::new(vec![millis(1), millis(1), secs(9), secs(60)]);
        let latency = Delay::from_fn(move |_| latencies.lock().unwrap().pop().unwrap());
        let link = Link::new(latency, 1000);
        let given_up = spawn(timeout(secs(1), link.transfer(9000)));
        let first = spawn(arrival(link.clone(), 1000));
        let ordered = spawn(arrival(link.clone(), 1000));
        yield_now().await;
        let link = link.in_order(false).loss(1, 1);
        let free = spawn(arrival(link, 1000));
        // From the time at which the first was given up, they are sent anew.
        assert!(given_up.await.unwrap().is_err());
        assert_eq!(free.await.unwrap(), ("4.001s".into(), Err(Lost)));
        assert_eq!(first.await.unwrap(), ("11s".into(), Ok(())));
        assert_eq!(ordered.await.unwrap(), ("11s".into(), Ok(())));
    });
}
