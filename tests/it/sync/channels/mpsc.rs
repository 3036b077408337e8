//! `mpsc`, by itself and beside tokio's.

use std::cell::RefCell;
use std::rc::Rc;

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::{FutureExt, pin_mut};
use proptest::prelude::*;
use simloop::sync::mpsc::error::{SendError, SendTimeoutError, TryRecvError, TrySendError};
use simloop::sync::mpsc::{self, channel, unbounded_channel};
use simloop::{Builder, gather_all, note, now, policy, run, sleep, spawn, timeout, yield_now};

use super::{on_simloop, on_tokio, ours, theirs};
use crate::snapshots::assert_shown;
use crate::{notes, secs};

#[derive(Clone, Copy, Debug)]
pub enum Step {
    Send,
    TrySend,
    Reserve,
    TryReserve,
    /// So many places, and the messages sent into them.
    SendMany(usize, usize),
    TrySendMany(usize, usize),
    SendPermit(usize),
    ReleasePermit(usize),
    DropPermit(usize),
    Closed,
    Clone,
    DropSender(usize),
    Downgrade,
    Upgrade(usize),
    DropWeak(usize),
    Recv,
    RecvMany(usize),
    TryRecv,
    Close,
    DropReceiver,
    Cancel(usize),
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    let choice = any::<usize>;
    prop_oneof![
        6 => Just(Step::Send),
        3 => Just(Step::TrySend),
        3 => Just(Step::Reserve),
        2 => Just(Step::TryReserve),
        2 => (0..5_usize, 0..5_usize).prop_map(|(places, used)| Step::SendMany(places, used)),
        1 => (0..5_usize, 0..5_usize).prop_map(|(places, used)| Step::TrySendMany(places, used)),
        3 => choice().prop_map(Step::SendPermit),
        1 => choice().prop_map(Step::ReleasePermit),
        1 => choice().prop_map(Step::DropPermit),
        2 => Just(Step::Closed),
        1 => Just(Step::Clone),
        2 => choice().prop_map(Step::DropSender),
        1 => Just(Step::Downgrade),
        1 => choice().prop_map(Step::Upgrade),
        1 => choice().prop_map(Step::DropWeak),
        6 => Just(Step::Recv),
        2 => (0..4_usize).prop_map(Step::RecvMany),
        4 => Just(Step::TryRecv),
        1 => Just(Step::Close),
        1 => Just(Step::DropReceiver),
        3 => choice().prop_map(Step::Cancel),
        6 => Just(Step::Settle),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn a_script_gives_the_same_on_tokios_bounded_mpsc(
        room in 1..5_usize,
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let script = steps.clone();
        let ours = on_simloop(move || ours::mpsc_script::bounded(room, &script));
        let theirs = on_tokio(|| theirs::mpsc_script::bounded(room, &steps));
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn a_script_gives_the_same_on_tokios_unbounded_mpsc(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let script = steps.clone();
        let ours = on_simloop(move || ours::mpsc_script::unbounded(&script));
        let theirs = on_tokio(|| theirs::mpsc_script::unbounded(&steps));
        prop_assert_eq!(ours, theirs);
    }
}

#[test]
fn s28_senders_get_room_in_the_order_in_which_they_came_and_nobody_barges_in() {
    run(async {
        let (tx, mut rx) = channel(1);
        tx.send(0).await.unwrap();
        for number in 1..=3 {
            let tx = tx.clone();
            spawn(async move { tx.send(number).await });
        }
        yield_now().await;
        assert_eq!(rx.recv().await, Some(0));
        // The room belongs to the first who waits, who has not run since.
        assert_eq!((tx.capacity(), tx.max_capacity()), (0, 1));
        assert_eq!(tx.try_send(9), Err(TrySendError::Full(9)));
        let last = spawn(async move { tx.send(4).await });
        assert_eq!(rx.by_ref().take(4).collect::<Vec<_>>().await, [1, 2, 3, 4]);
        last.await.unwrap().unwrap();
        assert_eq!(rx.recv().await, None);
    });
}

#[test]
fn a_large_reservation_is_not_overtaken_by_small_ones() {
    run(async {
        let (tx, mut rx) = channel(3);
        tx.send(0).await.unwrap();
        tx.send(1).await.unwrap();
        let many = tx.clone();
        let many = spawn(async move {
            many.reserve_many(3).await.unwrap().zip(10..).for_each(|(permit, n)| permit.send(n));
        });
        yield_now().await;
        let one = tx.clone();
        let one = spawn(async move { one.send(20).await });
        yield_now().await;
        assert_eq!(tx.capacity(), 0, "the one place belongs to the first who waits");
        drop(tx);
        assert_eq!(rx.by_ref().collect::<Vec<_>>().await, [0, 1, 10, 11, 12, 20]);
        many.await.unwrap();
        one.await.unwrap().unwrap();
    });
}

#[test]
fn s29_room_handed_to_a_cancelled_sender_goes_to_the_next() {
    run(async {
        let (tx, mut rx) = channel(1);
        tx.send(0).await.unwrap();
        let senders: Vec<_> = (1..=4)
            .map(|number| {
                let tx = tx.clone();
                spawn(async move {
                    match number {
                        1 => drop(tx.send(number).await),
                        2 => drop(timeout(secs(1), tx.send(number)).await),
                        3 => drop(tx.reserve_owned().await.map(|permit| permit.send(number))),
                        _ => tx.send(number).await.unwrap(),
                    }
                })
            })
            .collect();
        yield_now().await;
        // The first is handed the room and cancelled before it came for it; so are the next two in their turns.
        assert_eq!(rx.recv().await, Some(0));
        senders[..3].iter().for_each(|sender| sender.abort());
        assert_eq!(rx.recv().await, Some(4));
        assert_eq!(tx.capacity(), 1);
        for (number, sender) in senders.into_iter().enumerate() {
            assert_eq!(sender.await.is_err(), number < 3);
        }
    });
}

#[test]
fn s29_a_cancelled_receiver_loses_nothing() {
    run(async {
        let (tx, mut rx) = channel(4);
        for number in 0..3 {
            // Called for a message, and dropped before it came for it.
            let waiting = {
                let mut waiting = Box::pin(rx.recv());
                assert!((&mut waiting).now_or_never().is_none());
                tx.send(number).await.unwrap();
                waiting
            };
            drop(waiting);
            assert_eq!(rx.try_recv(), Ok(number));
        }
        // By a timeout, a `select` and an abort, while nothing is there.
        assert!(timeout(secs(1), rx.recv()).await.is_err());
        {
            let (nap, recv) = (sleep(secs(1)), rx.recv());
            pin_mut!(recv);
            assert!(matches!(select(nap, recv).await, Either::Left(_)));
        }
        let mut buffer = vec![7];
        assert!(timeout(secs(1), rx.recv_many(&mut buffer, 9)).await.is_err());
        tx.send(3).await.unwrap();
        tx.send(4).await.unwrap();
        assert_eq!(rx.recv_many(&mut buffer, 9).await, 2);
        assert_eq!(buffer, [7, 3, 4]);
        let receiver = spawn(async move {
            let _ = rx.recv().await;
        });
        yield_now().await;
        receiver.abort();
        let _ = receiver.await;
        assert_eq!(tx.send(5).await, Err(SendError(5)));
        assert_eq!(now().to_string(), "3s");
    });
}

#[test]
fn a_receiver_that_stopped_waiting_is_not_woken() {
    let report = Builder::new().run(async {
        let (tx, mut rx) = unbounded_channel();
        let waiter = spawn(async move {
            assert!(timeout(secs(1), rx.recv()).await.is_err());
            sleep(secs(2)).await;
            assert_eq!(rx.try_recv(), Ok(1));
        });
        sleep(secs(2)).await;
        tx.send(1).unwrap();
        waiter.await.unwrap();
    });
    // Three turns of the root, three of the waiter.
    assert_eq!(report.counters.turns, 6);
    report.unwrap();
}

#[test]
fn sends_with_a_timeout_return_the_message_at_the_deadline() {
    run(async {
        let (tx, mut rx) = channel(1);
        assert_eq!(tx.send_timeout(1, secs(0)).await, Ok(()), "there is room: it is asked once");
        assert_eq!(tx.send_timeout(2, secs(1)).await, Err(SendTimeoutError::Timeout(2)));
        assert_eq!(now().to_string(), "1s");
        // Whoever gave up is not in line any more.
        assert_eq!(rx.recv().await, Some(1));
        assert_eq!(tx.capacity(), 1);
        tx.send(3).await.unwrap();
        let sender = tx.clone();
        let sender = spawn(async move { sender.send_timeout(4, secs(2)).await });
        sleep(secs(1)).await;
        drop(rx);
        assert_eq!(sender.await.unwrap(), Err(SendTimeoutError::Closed(4)));
        assert_eq!(tx.send_timeout(5, secs(1)).await.unwrap_err().into_inner(), 5);
        assert_eq!(now().to_string(), "2s");
    });
}

#[test]
fn s14_room_at_the_very_instant_of_the_deadline_is_taken() {
    run(async {
        let (tx, mut rx) = channel(1);
        tx.send(1).await.unwrap();
        let receiver = spawn(async move {
            sleep(secs(1)).await;
            (rx.recv().await, rx)
        });
        yield_now().await;
        assert_eq!(tx.send_timeout(2, secs(1)).await, Ok(()));
        assert_eq!(receiver.await.unwrap().0, Some(1));
    });
}

#[test]
fn a_closed_channel_is_emptied_and_serves_those_who_had_reserved() {
    run(async {
        let (tx, mut rx) = channel(3);
        tx.send(1).await.unwrap();
        let permit = tx.reserve().await.unwrap();
        let unused = tx.reserve().await.unwrap();
        rx.close();
        assert!(tx.is_closed() && rx.is_closed());
        assert_eq!(tx.send(9).await, Err(SendError(9)));
        assert_eq!(tx.try_send(9), Err(TrySendError::Closed(9)));
        assert_eq!(rx.recv().await, Some(1));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty), "a place is reserved");
        assert!(timeout(secs(1), rx.recv()).await.is_err());
        permit.send(2);
        assert_eq!(rx.recv().await, Some(2));
        drop(unused);
        assert_eq!(rx.recv().await, None);
    });
}

#[test]
fn senders_learn_that_the_receiver_is_gone() {
    let lines = notes(async {
        let (tx, rx) = unbounded_channel::<u8>();
        let watchers: Vec<_> = (0..3)
            .map(|number| {
                let tx = tx.clone();
                spawn(async move {
                    tx.closed().await;
                    note!("{number} at {}", now());
                })
            })
            .collect();
        sleep(secs(1)).await;
        drop(rx);
        gather_all(watchers).await;
        tx.closed().await;
        assert_eq!(tx.send(1), Err(SendError(1)));
    });
    assert_eq!(lines, ["0 at 1s", "1 at 1s", "2 at 1s"]);
}

#[test]
fn weak_senders_do_not_keep_a_channel_alive() {
    run(async {
        let (tx, mut rx) = channel::<u8>(1);
        let weak = tx.downgrade();
        let again = weak.upgrade().unwrap();
        assert!(again.same_channel(&tx));
        assert_eq!((tx.strong_count(), tx.weak_count()), (2, 1));
        drop((tx, again));
        assert!(weak.upgrade().is_none());
        assert_eq!((rx.sender_strong_count(), rx.sender_weak_count()), (0, 1));
        assert_eq!(rx.recv().await, None);
        let (tx, mut rx) = unbounded_channel::<u8>();
        let weak = tx.downgrade();
        assert!(weak.clone().upgrade().unwrap().same_channel(&tx));
        drop(tx);
        assert!(weak.upgrade().is_none());
        assert_eq!(rx.recv().await, None);
    });
}

#[test]
fn owned_permits_keep_their_sender_and_give_it_back() {
    run(async {
        let (tx, mut rx) = channel(2);
        let (one, other) =
            (tx.clone().reserve_owned().await.unwrap(), tx.try_reserve_owned().unwrap());
        assert!(one.same_channel(&other));
        let tx = one.send(1);
        assert!(other.same_channel_as_sender(&tx));
        assert_eq!(tx.capacity(), 0);
        let tx = other.release();
        assert_eq!((tx.capacity(), rx.recv().await), (1, Some(1)));
        let permit = tx.reserve_owned().await.unwrap();
        drop(rx);
        assert!(permit.send(2).is_closed(), "the message is dropped");
    });
}

#[test]
#[should_panic = "a channel needs room for at least one message"]
fn a_channel_without_room_is_refused() {
    drop(channel::<u8>(0));
}

#[test]
fn futures_of_channels_run_in_combinators_with_wakers_of_their_own() {
    run(async {
        let (tx, mut rx) = channel(2);
        let sends: FuturesUnordered<_> = (0..50).map(|number| tx.send(number)).collect();
        let receiver = async {
            let mut seen = Vec::new();
            while seen.len() < 50 {
                seen.extend(rx.recv().await);
                yield_now().await;
            }
            seen
        };
        let (sent, seen) = futures_util::join!(sends.collect::<Vec<_>>(), receiver);
        assert!(sent.iter().all(Result::is_ok));
        assert_eq!(seen, (0..50).collect::<Vec<_>>());
    });
}

/// What a sender does with each of its messages.
async fn deliver(tx: &mpsc::Sender<(usize, u32)>, how: u32, message: (usize, u32)) -> bool {
    match how % 5 {
        0 => tx.try_send(message).is_ok(),
        1 => timeout(secs(0), tx.send(message)).await.is_ok_and(|sent| sent.is_ok()),
        2 => {
            let mut permits = tx.reserve_many(2).await.unwrap();
            permits.next().unwrap().send(message);
            true
        }
        3 => tx.clone().reserve_owned().await.is_ok_and(|permit| {
            permit.send(message);
            true
        }),
        _ => tx.send(message).await.is_ok(),
    }
}

#[test]
fn under_random_schedules_each_senders_messages_arrive_once_and_in_order() {
    for seed in 0..100 {
        let report = Builder::new().policy(policy::Random::new(seed)).run(async {
            let (tx, mut rx) = channel(2);
            let delivered = Rc::new(RefCell::new(Vec::new()));
            let senders: Vec<_> = (0..4)
                .map(|sender| {
                    let (tx, delivered) = (tx.clone(), Rc::clone(&delivered));
                    spawn(async move {
                        for number in 0..10 {
                            let message = (sender, number);
                            if deliver(&tx, number + sender as u32, message).await {
                                delivered.borrow_mut().push(message);
                            }
                        }
                    })
                })
                .collect();
            drop(tx);
            let aborting = spawn(async move {
                for _ in 0..7 {
                    yield_now().await;
                }
                senders[1].abort();
                for sender in senders {
                    let _ = sender.await;
                }
            });
            let mut received = Vec::new();
            loop {
                match timeout(secs(0), rx.recv()).await {
                    Ok(Some(message)) => received.push(message),
                    Ok(None) => break,
                    Err(_) => yield_now().await,
                }
            }
            aborting.await.unwrap();
            for sender in 0..4 {
                let of = |list: &[(usize, u32)]| -> Vec<_> {
                    list.iter().filter(|message| message.0 == sender).copied().collect()
                };
                assert_eq!(of(&received), of(&delivered.borrow()), "sender {sender}");
            }
            assert!(received.len() >= 3 * 6, "six of ten messages wait as long as it takes");
        });
        report.unwrap();
    }
}

#[test]
fn s37_a_deadlock_names_the_mpsc_channels_that_nobody_fills_or_empties() {
    let report = Builder::new().run(async {
        let (tx, rx) = channel::<u8>(2);
        let (tx, _rx) = (tx.named("jobs"), rx);
        tx.try_send(1).unwrap();
        let many = tx.clone();
        spawn(async move { many.reserve_many(2).await.map(drop) });
        let watcher = tx.clone();
        spawn(async move { watcher.closed().await });
        sleep(secs(1)).await;
        let sender = tx.clone();
        spawn(async move { sender.send(2).await });
        let (_tx, mut rx) = unbounded_channel::<u8>();
        rx.recv().await
    });
    assert_shown("sync", "deadlock_mpsc", report.unwrap_failure());
}
