//! `oneshot`, by itself and beside tokio's.

use std::cell::Cell;
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use proptest::prelude::*;
use simloop::sync::oneshot::{self, error::TryRecvError};
use simloop::{Builder, now, policy, run, sleep, spawn, timeout, yield_now};

use super::{on_simloop, on_tokio, ours, theirs};
use crate::secs;
use crate::snapshots::assert_shown;

#[derive(Clone, Copy, Debug)]
pub enum Step {
    Send,
    DropSender,
    Closed,
    Recv,
    TryRecv,
    Close,
    DropReceiver,
    Cancel(usize),
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Send),
        1 => Just(Step::DropSender),
        3 => Just(Step::Closed),
        4 => Just(Step::Recv),
        2 => Just(Step::TryRecv),
        2 => Just(Step::Close),
        1 => Just(Step::DropReceiver),
        2 => any::<usize>().prop_map(Step::Cancel),
        3 => Just(Step::Settle),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn a_script_gives_the_same_on_tokios_oneshot(steps in prop::collection::vec(step(), 1..16)) {
        let script = steps.clone();
        let ours = on_simloop(move || ours::oneshot_script::play(&script));
        let theirs = on_tokio(|| theirs::oneshot_script::play(&steps));
        prop_assert_eq!(ours, theirs);
    }
}

#[test]
fn the_value_comes_when_it_is_sent_and_a_dropped_sender_is_an_error() {
    run(async {
        let (tx, mut rx) = oneshot::channel();
        let sender = spawn(async move {
            sleep(secs(1)).await;
            tx.send(1)
        });
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert!(rx.is_empty());
        assert_eq!((&mut rx).await, Ok(1));
        assert!(rx.is_terminated());
        assert_eq!(now().to_string(), "1s");
        assert_eq!(sender.await.unwrap(), Ok(()));
        let (tx, rx) = oneshot::channel::<u8>();
        let dropper = spawn(async move {
            sleep(secs(1)).await;
            drop(tx);
        });
        assert!(rx.await.is_err());
        assert_eq!(now().to_string(), "2s");
        dropper.await.unwrap();
    });
}

#[test]
fn s29_a_value_sent_to_a_receiver_that_gave_up_waiting_stays_for_it() {
    run(async {
        let (tx, mut rx) = oneshot::channel();
        // Told of the value, and dropped before it came to fetch it.
        let mut waiting = Box::pin(timeout(secs(1), &mut rx));
        assert!((&mut waiting).now_or_never().is_none());
        tx.send(1).unwrap();
        drop(waiting);
        assert_eq!(rx.await, Ok(1));
        // Given up by a timeout, and received later.
        let (tx, mut rx) = oneshot::channel();
        assert!(timeout(secs(1), &mut rx).await.is_err());
        tx.send(2).unwrap();
        assert_eq!(rx.try_recv(), Ok(2));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    });
}

#[test]
fn s29_aborting_the_receiving_task_at_any_turn_drops_the_value_once() {
    struct Counted(Rc<Cell<u32>>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    for turns in 0..4 {
        let drops = Rc::new(Cell::new(0));
        let value = Counted(Rc::clone(&drops));
        let seen = Rc::clone(&drops);
        run(async move {
            let (tx, rx) = oneshot::channel();
            let receiver = spawn(async move { drop(rx.await) });
            let sender = spawn(async move { drop(tx.send(value)) });
            for _ in 0..turns {
                yield_now().await;
            }
            receiver.abort();
            let _ = receiver.await;
            sender.await.unwrap();
            assert_eq!(seen.get(), 1);
        });
        assert_eq!(drops.get(), 1);
    }
}

#[test]
fn a_sender_learns_that_nobody_wants_its_value() {
    run(async {
        let (mut tx, rx) = oneshot::channel::<u8>();
        let receiver = spawn(async move { drop(timeout(secs(2), rx).await) });
        tx.closed().await;
        assert_eq!(now().to_string(), "2s");
        assert!(tx.is_closed());
        assert_eq!(tx.send(1), Err(1));
        receiver.await.unwrap();
        // Waiting for it and giving up again leaves no trace.
        let (mut tx, rx) = oneshot::channel();
        assert!(timeout(secs(1), tx.closed()).await.is_err());
        tx.send(1).unwrap();
        assert_eq!(rx.await, Ok(1));
    });
}

#[test]
fn receivers_are_awaited_through_combinators_with_wakers_of_their_own() {
    run(async {
        let (senders, receivers): (Vec<_>, FuturesUnordered<_>) =
            (0..40).map(|_| oneshot::channel()).unzip();
        for (number, tx) in senders.into_iter().enumerate() {
            spawn(async move {
                sleep(secs(number as u64 % 7)).await;
                tx.send(number).unwrap();
            });
        }
        let received: Vec<usize> = receivers.map(Result::unwrap).collect().await;
        let mut expected: Vec<usize> = (0..40).collect();
        expected.sort_by_key(|number| number % 7);
        assert_eq!(received, expected);
        let (tx, rx) = oneshot::channel();
        let (other_tx, other_rx) = oneshot::channel::<u8>();
        tx.send(1).unwrap();
        let Either::Left((first, other)) = select(rx, other_rx).await else {
            panic!("it was sent")
        };
        other_tx.send(2).unwrap();
        assert_eq!((first, other.await), (Ok(1), Ok(2)));
        let (one, other) = (oneshot::channel(), oneshot::channel());
        one.0.send(1).unwrap();
        other.0.send(2).unwrap();
        assert_eq!(futures_util::join!(one.1, other.1), (Ok(1), Ok(2)));
    });
}

#[test]
fn requests_and_replies_fit_under_random_schedules() {
    for seed in 0..100 {
        let report = Builder::new().policy(policy::Random::new(seed)).run(async {
            let requests: Vec<_> = (0..10)
                .map(|number| {
                    let (tx, rx) = oneshot::channel();
                    spawn(async move {
                        yield_now().await;
                        let _ = tx.send(number);
                    });
                    spawn(async move {
                        if number % 3 == 0 {
                            timeout(secs(0), rx).await.ok()
                        } else {
                            Some(rx.await)
                        }
                    })
                })
                .collect();
            for (number, request) in requests.into_iter().enumerate() {
                match request.await.unwrap() {
                    Some(reply) => assert_eq!(reply, Ok(number)),
                    None => assert_eq!(number % 3, 0),
                }
            }
        });
        report.unwrap();
    }
}

#[test]
fn s37_a_deadlock_names_the_oneshot_that_nobody_sends() {
    let report = Builder::new().run(async {
        let (tx, rx) = oneshot::channel::<u8>();
        let rx = rx.named("reply");
        let (_kept, mut closing) = (rx, tx);
        spawn(async move { closing.closed().await });
        sleep(secs(1)).await;
        let (_tx, rx) = oneshot::channel::<u8>();
        rx.named("answer").await
    });
    assert_shown("sync", "deadlock_oneshot", report.unwrap_failure());
}
