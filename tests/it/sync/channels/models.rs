//! `oneshot`, `watch` and `broadcast` against models of a few lines, under random scripts and policies. A task
//! tells the model what it does at the moment at which it does it, and every result is looked up there.

use std::cell::RefCell;
use std::rc::Rc;

use proptest::prelude::*;
use simloop::sync::{broadcast, oneshot, watch};
use simloop::{Builder, policy, sleep, spawn, timeout};

use crate::millis;

/// Runs tasks to their end under first-in first-out or a random order.
fn run_all<F: Future<Output = ()> + 'static>(seed: Option<u64>, tasks: Vec<F>) {
    let builder = match seed {
        Some(seed) => Builder::new().policy(policy::Random::new(seed)),
        None => Builder::new(),
    };
    let report = builder.run(async move {
        let tasks: Vec<_> = tasks.into_iter().map(spawn).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    report.unwrap();
}

type Boxed = std::pin::Pin<Box<dyn Future<Output = ()>>>;

/// When the sender acts and whether it sends; when the receiver begins, how long it waits, whether it closes.
type Pair = (u64, bool, u64, u64, bool);

fn check_oneshots(pairs: Vec<Pair>, seed: Option<u64>) {
    /// What has become of the channel so far.
    #[derive(Default)]
    struct Slot {
        sent: bool,
        is_sender_gone: bool,
        is_receiver_gone: bool,
    }
    let mut tasks: Vec<Boxed> = Vec::new();
    for (number, (acts_at, sends, begins_at, patience, closes)) in pairs.into_iter().enumerate() {
        let (tx, mut rx) = oneshot::channel();
        let slot = Rc::new(RefCell::new(Slot::default()));
        let other = Rc::clone(&slot);
        tasks.push(Box::pin(async move {
            sleep(millis(acts_at)).await;
            let mut slot = other.borrow_mut();
            assert_eq!(tx.is_closed(), slot.is_receiver_gone);
            if sends {
                slot.sent = tx.send(number).is_ok();
                assert_eq!(
                    slot.sent, !slot.is_receiver_gone,
                    "it goes through unless nobody listens"
                );
            }
            slot.is_sender_gone = true;
        }));
        tasks.push(Box::pin(async move {
            sleep(millis(begins_at)).await;
            let result = timeout(millis(patience), &mut rx).await;
            let mut slot = slot.borrow_mut();
            match result {
                Ok(Ok(value)) => assert!(slot.sent && value == number),
                Ok(Err(_)) => assert!(slot.is_sender_gone && !slot.sent),
                Err(_) => {
                    // It may have come in this very turn: then it is still there to be had.
                    if closes {
                        rx.close();
                    }
                    assert_eq!(rx.try_recv().is_ok(), slot.sent, "nothing is lost by a timeout");
                }
            }
            slot.is_receiver_gone = true;
        }));
    }
    run_all(seed, tasks);
}

/// The instants at which a sender sends; for each receiver: when it begins, and how long it waits each time.
type Listening = (u64, Vec<u64>);

fn check_watch(sends_at: Vec<u64>, receivers: Vec<Listening>, seed: Option<u64>) {
    let (tx, rx) = watch::channel(0_u64);
    /// The version is the value, since every message is the number of its sending.
    #[derive(Default)]
    struct Value {
        version: u64,
        is_closed: bool,
    }
    let value = Rc::new(RefCell::new(Value::default()));
    let mut tasks: Vec<Boxed> = Vec::new();
    for (begins_at, waits) in receivers {
        let (mut rx, value) = (rx.clone(), Rc::clone(&value));
        tasks.push(Box::pin(async move {
            let mut seen = 0;
            sleep(millis(begins_at)).await;
            for patience in waits {
                let result = timeout(millis(patience), rx.changed()).await;
                let Value { version, is_closed } = *value.borrow();
                match result {
                    Ok(Ok(())) => {
                        assert!(version > seen, "a change that was seen before");
                        seen = version;
                    }
                    Ok(Err(_)) => {
                        assert!(is_closed && seen == version, "changes come before the end")
                    }
                    Err(_) => {
                        let changed = rx.has_changed();
                        assert!(changed.is_ok() || is_closed);
                        assert!(
                            is_closed || changed.is_ok_and(|changed| changed == (version > seen)),
                            "nothing is lost"
                        );
                    }
                }
                assert_eq!(*rx.borrow(), version);
            }
        }));
    }
    tasks.push(Box::pin(async move {
        for delay in sends_at {
            sleep(millis(delay)).await;
            let mut value = value.borrow_mut();
            value.version += 1;
            tx.send_replace(value.version);
        }
        value.borrow_mut().is_closed = true;
    }));
    drop(rx);
    run_all(seed, tasks);
}

fn check_broadcast(
    capacity: usize,
    senders: Vec<Vec<u64>>,
    receivers: Vec<Listening>,
    seed: Option<u64>,
) {
    use broadcast::error::RecvError;
    let (tx, rx) = broadcast::channel(capacity);
    let room = capacity.next_power_of_two();
    /// All messages in order, and how many senders are left.
    struct Ring {
        sent: Vec<usize>,
        senders: usize,
    }
    let ring = Rc::new(RefCell::new(Ring { sent: Vec::new(), senders: senders.len() }));
    let mut tasks: Vec<Boxed> = Vec::new();
    for (begins_at, waits) in receivers {
        let (tx, ring) = (tx.downgrade(), Rc::clone(&ring));
        tasks.push(Box::pin(async move {
            sleep(millis(begins_at)).await;
            let Some(tx) = tx.upgrade() else { return };
            let mut rx = tx.subscribe();
            drop(tx);
            let mut next = ring.borrow().sent.len();
            for patience in waits {
                let result = timeout(millis(patience), rx.recv()).await;
                let Ring { sent, senders } = &*ring.borrow();
                let oldest = sent.len().saturating_sub(room);
                match result {
                    Ok(Ok(message)) => {
                        assert!(next >= oldest, "it was overwritten");
                        assert_eq!(message, sent[next]);
                        next += 1;
                    }
                    Ok(Err(RecvError::Lagged(missed))) => {
                        assert_eq!((next as u64) + missed, oldest as u64);
                        next = oldest;
                    }
                    Ok(Err(RecvError::Closed)) => assert!(*senders == 0 && next == sent.len()),
                    Err(_) => assert_eq!(rx.len(), sent.len() - next, "nothing is lost"),
                }
            }
        }));
    }
    for (number, delays) in senders.into_iter().enumerate() {
        let (tx, ring) = (tx.clone(), Rc::clone(&ring));
        tasks.push(Box::pin(async move {
            for (count, delay) in delays.into_iter().enumerate() {
                sleep(millis(delay)).await;
                let message = number * 100 + count;
                // Without a receiver a message is nobody's, and takes no place.
                if tx.send(message).is_ok() {
                    ring.borrow_mut().sent.push(message);
                }
            }
            drop(tx);
            ring.borrow_mut().senders -= 1;
        }));
    }
    drop((tx, rx));
    run_all(seed, tasks);
}

fn listening() -> impl Strategy<Value = Vec<Listening>> {
    prop::collection::vec((0..6_u64, prop::collection::vec(0..4_u64, 0..8)), 1..5)
}

proptest! {
    #[test]
    fn s29_oneshots_deliver_what_was_sent_to_whoever_still_listens(
        pairs in prop::collection::vec((0..5_u64, any::<bool>(), 0..5_u64, 0..5_u64, any::<bool>()), 1..6),
        seed in prop::option::of(any::<u64>()),
    ) {
        check_oneshots(pairs, seed);
    }

    #[test]
    fn s29_a_watch_tells_each_receiver_of_the_latest_change_once(
        sends_at in prop::collection::vec(0..4_u64, 0..8),
        receivers in listening(),
        seed in prop::option::of(any::<u64>()),
    ) {
        check_watch(sends_at, receivers, seed);
    }

    #[test]
    fn s28_a_broadcast_gives_every_receiver_every_message_in_order_or_says_how_many_it_missed(
        capacity in 1..5_usize,
        senders in prop::collection::vec(prop::collection::vec(0..3_u64, 0..8), 1..4),
        receivers in listening(),
        seed in prop::option::of(any::<u64>()),
    ) {
        check_broadcast(capacity, senders, receivers, seed);
    }
}
