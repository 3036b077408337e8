//! `broadcast`, by itself and beside tokio's.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::join_all;
use futures_util::stream::StreamExt;
use proptest::prelude::*;
use simloop::sync::broadcast::error::{RecvError, TryRecvError};
use simloop::sync::broadcast::{self, channel};
use simloop::{Builder, now, policy, run, sleep, spawn, timeout, yield_now};

use super::{on_simloop, on_tokio, ours, theirs};
use crate::secs;
use crate::snapshots::assert_shown;

#[derive(Clone, Copy, Debug)]
pub enum Step {
    Send(usize),
    CloneSender(usize),
    DropSender(usize),
    Downgrade(usize),
    Upgrade(usize),
    Subscribe(usize),
    Resubscribe(usize),
    DropReceiver(usize),
    Closed(usize),
    Recv(usize),
    TryRecv(usize),
    Cancel(usize),
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    let choice = any::<usize>;
    prop_oneof![
        9 => choice().prop_map(Step::Send),
        1 => choice().prop_map(Step::CloneSender),
        1 => choice().prop_map(Step::DropSender),
        1 => choice().prop_map(Step::Downgrade),
        1 => choice().prop_map(Step::Upgrade),
        3 => choice().prop_map(Step::Subscribe),
        1 => choice().prop_map(Step::Resubscribe),
        2 => choice().prop_map(Step::DropReceiver),
        1 => choice().prop_map(Step::Closed),
        6 => choice().prop_map(Step::Recv),
        4 => choice().prop_map(Step::TryRecv),
        2 => choice().prop_map(Step::Cancel),
        5 => Just(Step::Settle),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn a_script_gives_the_same_on_tokios_broadcast(
        room in 1..6_usize,
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let script = steps.clone();
        let ours = on_simloop(move || ours::broadcast_script::play(room, &script));
        let theirs = on_tokio(|| theirs::broadcast_script::play(room, &steps));
        prop_assert_eq!(ours, theirs);
    }
}

#[test]
fn s28_all_receivers_are_woken_in_the_order_in_which_they_came() {
    run(async {
        let (tx, _rx) = channel(4);
        let seen = Rc::new(RefCell::new(Vec::new()));
        for number in 0..4 {
            let (mut rx, seen) = (tx.subscribe(), Rc::clone(&seen));
            spawn(async move {
                while let Ok(message) = rx.recv().await {
                    seen.borrow_mut().push((number, message));
                }
            });
        }
        yield_now().await;
        assert_eq!(tx.send('a').unwrap(), 5);
        tx.send('b').unwrap();
        yield_now().await;
        let expected = (0..4).flat_map(|number| [(number, 'a'), (number, 'b')]);
        assert!(seen.borrow().iter().copied().eq(expected));
    });
}

#[test]
fn a_slow_receiver_is_told_what_it_missed_and_goes_on_with_the_oldest_there_is() {
    run(async {
        // Room for three is rounded up to four.
        let (tx, mut rx) = channel(3);
        let mut waiting = tx.subscribe();
        let waiting = spawn(async move { (waiting.recv().await, waiting.recv().await) });
        yield_now().await;
        for number in 0..6 {
            tx.send(number).unwrap();
        }
        // It was called for the first message, and was too slow all the same.
        assert_eq!(waiting.await.unwrap(), (Err(RecvError::Lagged(2)), Ok(2)));
        assert_eq!((rx.len(), tx.len()), (6, 4));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Lagged(2)));
        drop(tx);
        let rest: Vec<_> = rx.by_ref().collect().await;
        assert_eq!(rest, [2, 3, 4, 5].map(Ok));
        assert_eq!(rx.recv().await, Err(RecvError::Closed));
    });
}

#[test]
fn s29_a_cancelled_receiver_loses_nothing() {
    run(async {
        let (tx, mut rx) = channel(2);
        let mut waiting = Box::pin(rx.recv());
        assert!((&mut waiting).now_or_never().is_none());
        tx.send(1).unwrap();
        drop(waiting);
        assert_eq!(rx.try_recv(), Ok(1));
        assert!(timeout(secs(1), rx.recv()).await.is_err());
        let receiver = spawn(async move { rx.recv().await });
        yield_now().await;
        tx.send(2).unwrap();
        assert_eq!(tx.len(), 1);
        receiver.abort();
        let _ = receiver.await;
        assert_eq!((tx.len(), tx.receiver_count()), (0, 0));
        assert_eq!(tx.send(3).unwrap_err().0, 3);
    });
}

#[test]
fn senders_learn_that_all_receivers_are_gone() {
    run(async {
        let tx = broadcast::Sender::<u8>::new(1);
        tx.closed().await;
        let rx = tx.subscribe();
        spawn(async move {
            sleep(secs(2)).await;
            drop(rx);
        });
        assert!(timeout(secs(1), tx.closed()).await.is_err());
        tx.closed().await;
        assert_eq!(now().to_string(), "2s");
    });
}

/// A message that counts its clones, panics in the one that it is told to, and may receive meanwhile.
struct Delicate {
    clones: Rc<Cell<u32>>,
    drops: Rc<Cell<u32>>,
    panics_at: u32,
    other: Rc<RefCell<Option<broadcast::Receiver<Delicate>>>>,
}

impl Clone for Delicate {
    fn clone(&self) -> Self {
        self.clones.set(self.clones.get() + 1);
        if self.clones.get() == self.panics_at {
            resume_unwind(Box::new("not this one"));
        }
        if let Some(mut other) = self.other.take() {
            drop(other.try_recv());
        }
        let (clones, drops) = (Rc::clone(&self.clones), Rc::clone(&self.drops));
        Delicate { clones, drops, panics_at: self.panics_at, other: Rc::clone(&self.other) }
    }
}

impl Drop for Delicate {
    fn drop(&mut self) {
        self.drops.set(self.drops.get() + 1);
    }
}

fn delicate(panics_at: u32) -> Delicate {
    Delicate { clones: Rc::default(), drops: Rc::default(), panics_at, other: Rc::default() }
}

#[test]
fn a_message_is_cloned_for_each_receiver_but_the_last_who_gets_it_itself() {
    let (tx, mut one) = channel(2);
    let mut other = tx.subscribe();
    let message = delicate(0);
    let (clones, drops) = (Rc::clone(&message.clones), Rc::clone(&message.drops));
    tx.send(message).ok().unwrap();
    drop((one.try_recv().ok().unwrap(), other.try_recv().ok().unwrap()));
    assert_eq!((clones.get(), drops.get()), (1, 2));
}

#[test]
fn a_clone_that_panics_counts_as_received_and_harms_nobody_else() {
    let (tx, mut one) = channel(2);
    let (mut two, mut three) = (tx.subscribe(), tx.subscribe());
    let message = delicate(1);
    let drops = Rc::clone(&message.drops);
    tx.send(message).ok().unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| one.try_recv())).is_err());
    assert!(matches!(one.try_recv(), Err(TryRecvError::Empty)));
    assert!(two.try_recv().is_ok());
    assert!(three.try_recv().is_ok());
    assert_eq!((tx.len(), drops.get()), (0, 2));
}

#[test]
fn a_clone_that_receives_another_message_works_and_one_that_receives_itself_panics_with_advice() {
    let (tx, mut one) = channel(2);
    let (mut two, _three) = (tx.subscribe(), tx.subscribe());
    let message = delicate(0);
    let other = Rc::clone(&message.other);
    tx.send(message).ok().unwrap();
    tx.send(delicate(0)).ok().unwrap();
    drop(two.try_recv());
    *other.borrow_mut() = Some(two);
    assert!(one.try_recv().is_ok(), "its clone receives the second message");
    let report = Builder::new().run(async {
        let (tx, mut one) = channel(2);
        let (two, _three) = (tx.subscribe(), tx.subscribe());
        let message = delicate(0);
        *message.other.borrow_mut() = Some(two);
        tx.send(message).ok().unwrap();
        let payload = catch_unwind(AssertUnwindSafe(|| one.try_recv())).err().expect("it panics");
        *payload.downcast::<String>().unwrap()
    });
    assert_eq!(
        report.unwrap(),
        "the `clone` of a broadcast's message received the same message\n  \
         in tokio this would wait for ever"
    );
}

#[test]
#[should_panic = "a broadcast needs room for at least one message"]
fn a_broadcast_without_room_is_refused() {
    drop(channel::<u8>(0));
}

#[test]
fn under_random_schedules_every_receiver_gets_all_in_order_or_is_told_how_many_it_missed() {
    for seed in 0..100 {
        let report = Builder::new().policy(policy::Random::new(seed)).run(async {
            let (tx, _) = channel(4);
            let receivers: Vec<_> = (0..4)
                .map(|patience| {
                    let mut rx = tx.subscribe();
                    spawn(async move {
                        let mut expected = 0;
                        loop {
                            match timeout(secs(0), rx.recv()).await {
                                Ok(Ok(number)) => assert_eq!(number, expected),
                                Ok(Err(RecvError::Lagged(missed))) => {
                                    expected += missed;
                                    continue;
                                }
                                Ok(Err(RecvError::Closed)) => return expected,
                                Err(_) => {
                                    yield_now().await;
                                    continue;
                                }
                            }
                            expected += 1;
                            for _ in 0..patience {
                                yield_now().await;
                            }
                        }
                    })
                })
                .collect();
            receivers[3].abort();
            for number in 0..20_u64 {
                tx.send(number).unwrap();
                yield_now().await;
            }
            drop(tx);
            for (number, ended) in join_all(receivers).await.into_iter().enumerate() {
                assert_eq!(ended.ok(), (number != 3).then_some(20));
            }
        });
        report.unwrap();
    }
}

#[test]
fn s37_a_deadlock_names_the_broadcast_that_nobody_feeds() {
    let report = Builder::new().run(async {
        let (tx, rx) = channel::<u8>(2);
        let (tx, mut rx) = (tx.named("ticks"), rx);
        let sender = tx.clone();
        spawn(async move { sender.closed().await });
        sleep(secs(1)).await;
        rx.recv().await
    });
    assert_shown("sync", "deadlock_broadcast", report.unwrap_failure());
}
