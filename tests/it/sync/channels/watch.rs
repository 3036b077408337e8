//! `watch`, by itself and beside tokio's.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use futures_util::future::{Either, join_all, select};
use futures_util::{FutureExt, pin_mut};
use proptest::prelude::*;
use simloop::sync::watch::{Receiver, Sender, channel};
use simloop::{Builder, now, policy, run, sleep, spawn, timeout, yield_now};

use super::super::panic_of;
use super::{on_simloop, on_tokio, ours, theirs};
use crate::secs;
use crate::snapshots::assert_shown;

#[derive(Clone, Copy, Debug)]
pub enum Step {
    Send(usize),
    Modify(usize),
    IfModified(usize, bool),
    Replace(usize),
    CloneSender(usize),
    DropSender(usize),
    Subscribe(usize),
    Closed(usize),
    CloneReceiver,
    DropReceiver(usize),
    Borrow,
    Update,
    MarkChanged,
    MarkUnchanged,
    Changed,
    WaitFor(u32),
    Cancel(usize),
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    let choice = any::<usize>;
    prop_oneof![
        6 => choice().prop_map(Step::Send),
        1 => choice().prop_map(Step::Modify),
        2 => (choice(), any::<bool>()).prop_map(|(sender, told)| Step::IfModified(sender, told)),
        2 => choice().prop_map(Step::Replace),
        1 => choice().prop_map(Step::CloneSender),
        1 => choice().prop_map(Step::DropSender),
        2 => choice().prop_map(Step::Subscribe),
        1 => choice().prop_map(Step::Closed),
        1 => Just(Step::CloneReceiver),
        2 => choice().prop_map(Step::DropReceiver),
        2 => Just(Step::Borrow),
        2 => Just(Step::Update),
        1 => Just(Step::MarkChanged),
        1 => Just(Step::MarkUnchanged),
        5 => Just(Step::Changed),
        2 => (2..5_u32).prop_map(Step::WaitFor),
        2 => choice().prop_map(Step::Cancel),
        5 => Just(Step::Settle),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn a_script_gives_the_same_on_tokios_watch(steps in prop::collection::vec(step(), 1..40)) {
        let script = steps.clone();
        let ours = on_simloop(move || ours::watch_script::play(&script));
        let theirs = on_tokio(|| theirs::watch_script::play(&steps));
        prop_assert_eq!(ours, theirs);
    }
}

#[test]
fn s28_receivers_are_woken_in_the_order_in_which_they_came_and_see_the_latest_value() {
    run(async {
        let (tx, rx) = channel(0);
        let seen = Rc::new(RefCell::new(Vec::new()));
        let receivers: Vec<_> = (0..5)
            .map(|number| {
                let (mut rx, seen) = (rx.clone(), Rc::clone(&seen));
                spawn(async move {
                    while rx.changed().await.is_ok() {
                        seen.borrow_mut().push((number, *rx.borrow_and_update()));
                    }
                })
            })
            .collect();
        yield_now().await;
        tx.send(1).unwrap();
        tx.send(2).unwrap();
        yield_now().await;
        assert_eq!(*seen.borrow(), [0, 1, 2, 3, 4].map(|number| (number, 2)));
        drop(tx);
        for receiver in receivers {
            receiver.await.unwrap();
        }
        assert_eq!(seen.borrow().len(), 5);
    });
}

#[test]
fn s29_a_receiver_that_was_woken_and_cancelled_sees_the_change_the_next_time() {
    run(async {
        let (tx, mut rx) = channel(0);
        let mut waiting = Box::pin(rx.changed());
        assert!((&mut waiting).now_or_never().is_none());
        tx.send(1).unwrap();
        drop(waiting);
        assert!(rx.has_changed().unwrap());
        assert!(rx.changed().now_or_never().unwrap().is_ok());
        assert!(timeout(secs(1), rx.changed()).await.is_err());
        assert!(timeout(secs(1), rx.wait_for(|value| *value > 5)).await.is_err());
        {
            let (nap, changed) = (sleep(secs(1)), rx.changed());
            pin_mut!(changed);
            assert!(matches!(select(nap, changed).await, Either::Left(_)));
        }
        tx.send(6).unwrap();
        assert_eq!(*rx.wait_for(|value| *value > 5).await.unwrap(), 6);
        let watcher = spawn(async move { rx.changed().await.is_ok() });
        yield_now().await;
        watcher.abort();
        let _ = watcher.await;
        assert!(tx.is_closed());
        assert_eq!(tx.send(7).unwrap_err().0, 7);
        assert_eq!(now().to_string(), "3s");
    });
}

#[test]
fn waiting_for_a_condition_asks_each_value_until_it_holds() {
    run(async {
        let (tx, mut rx) = channel(1);
        let asked = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&asked);
        let waiter = spawn(async move {
            let found = rx.wait_for(|value| {
                log.borrow_mut().push(*value);
                *value % 3 == 0
            });
            (*found.await.unwrap(), rx.wait_for(|value| *value > 100).await.is_err())
        });
        for value in 2..=3 {
            sleep(secs(1)).await;
            tx.send(value).unwrap();
        }
        sleep(secs(1)).await;
        drop(tx);
        assert_eq!(waiter.await.unwrap(), (3, true));
        assert_eq!(*asked.borrow(), [1, 2, 3]);
    });
}

#[test]
fn a_borrowed_value_stays_as_it_was_and_locks_nothing() {
    let (tx, mut rx) = channel(String::from("old"));
    let borrowed = rx.borrow_and_update();
    tx.send("new".to_owned()).unwrap();
    assert_eq!((borrowed.as_str(), tx.borrow().as_str()), ("old", "new"));
    drop(borrowed);
    assert!(rx.has_changed().unwrap());
    assert_eq!(tx.send_replace("newer".to_owned()), "new");
    assert_eq!(*rx.borrow(), "newer");
}

#[test]
fn changing_in_place_what_somebody_looks_at_panics_with_advice() {
    let (tx, rx) = channel(1);
    let held = |change: fn(&Sender<u32>)| {
        panic_of(|| {
            let _borrowed = rx.borrow();
            change(&tx);
        })
    };
    let advice = "needs the value of a watch for itself, and a `Ref` of it is alive\n  \
                  in tokio this would wait until that is dropped; drop it first, or use `send`";
    assert_eq!(held(|tx| tx.send_modify(|value| *value = 2)), format!("`send_modify` {advice}"));
    assert_eq!(
        held(|tx| assert!(tx.send_if_modified(|_| true))),
        format!("`send_if_modified` {advice}")
    );
    assert_eq!(held(|tx| assert_eq!(tx.send_replace(2), 1)), format!("`send_replace` {advice}"));
    assert_eq!((*rx.borrow(), rx.has_changed().unwrap()), (1, false));
    tx.send_modify(|value| *value += 1);
    assert_eq!(*rx.borrow(), 2);
}

#[test]
fn a_closure_that_changes_the_value_and_uses_the_channel_panics_and_leaves_it_usable() {
    let (tx, rx) = channel(1);
    let inside = |action: fn(&Sender<u32>, &Receiver<u32>)| {
        panic_of(|| tx.send_modify(|_| action(&tx, &rx)))
    };
    let advice = "the value of a watch was used by the closure that changes it\n  \
                  in tokio this would wait for ever; use the value that the closure is given";
    assert_eq!(inside(|tx, _| tx.send(2).unwrap()), advice);
    assert_eq!(inside(|tx, _| drop(tx.borrow())), advice);
    assert_eq!(inside(|_, rx| drop(rx.borrow())), advice);
    assert_eq!(inside(|tx, _| assert_eq!(tx.send_replace(3), 1)), advice);
    assert_eq!(inside(|tx, _| tx.send_modify(|_| {})), advice);
    // What needs no value may be used.
    tx.send_modify(|value| {
        *value += 1;
        drop((tx.subscribe(), tx.clone(), tx.receiver_count(), rx.has_changed()));
    });
    assert_eq!(*rx.borrow(), 2);
    assert!(rx.has_changed().unwrap());
}

#[test]
fn a_closure_that_panics_wakes_nobody_and_leaves_the_value() {
    let (tx, mut rx) = channel(1);
    let text = panic_of(move || {
        let failed = catch_unwind(AssertUnwindSafe(|| {
            tx.send_modify(|value| {
                *value = 5;
                panic!("half way");
            });
        }));
        assert_eq!(failed.unwrap_err().downcast_ref::<&str>(), Some(&"half way"));
        assert_eq!((*rx.borrow(), rx.has_changed().unwrap()), (5, false));
        tx.send(6).unwrap();
        assert!(rx.changed().now_or_never().unwrap().is_ok());
        let asked = rx.wait_for(|_| panic!("asked"));
        drop(asked.now_or_never());
    });
    assert_eq!(text, "asked");
}

/// A value that uses its own channel when it is dropped.
struct Nosy(Option<Sender<Nosy>>, Rc<Cell<u32>>);

impl Drop for Nosy {
    fn drop(&mut self) {
        self.1.set(self.1.get() + 1);
        if let Some(tx) = &self.0 {
            drop((tx.borrow(), tx.receiver_count()));
        }
    }
}

#[test]
fn values_are_dropped_with_nothing_locked() {
    let drops = Rc::new(Cell::new(0));
    let (tx, rx) = channel(Nosy(None, Rc::clone(&drops)));
    let nosy = || Nosy(Some(tx.clone()), Rc::clone(&drops));
    tx.send(nosy()).ok().unwrap();
    let borrowed = rx.borrow();
    tx.send(nosy()).ok().unwrap();
    assert_eq!(drops.get(), 1);
    drop(borrowed);
    assert_eq!(drops.get(), 2);
    drop(tx.send_replace(Nosy(None, Rc::clone(&drops))));
    assert_eq!(drops.get(), 3);
}

#[test]
fn senders_learn_that_all_receivers_are_gone() {
    run(async {
        let (tx, rx) = channel(0);
        let clone = rx.clone();
        spawn(async move {
            sleep(secs(1)).await;
            drop(rx);
            sleep(secs(1)).await;
            drop(clone);
        });
        assert!(timeout(secs(1), tx.closed()).await.is_err());
        tx.closed().await;
        assert_eq!(now().to_string(), "2s");
        let rx = tx.subscribe();
        assert!(tx.closed().now_or_never().is_none());
        assert!(!rx.has_changed().unwrap());
    });
}

#[test]
fn under_random_schedules_every_receiver_sees_growing_values_and_the_last_one() {
    for seed in 0..100 {
        let report = Builder::new().policy(policy::Random::new(seed)).run(async {
            let (tx, rx) = channel(0);
            let receivers = (0..4).map(|number| {
                let mut rx = rx.clone();
                spawn(async move {
                    let mut last = 0;
                    loop {
                        match timeout(secs(0), rx.changed()).await {
                            Err(_) => yield_now().await,
                            Ok(Err(_)) => return (last, *rx.borrow()),
                            Ok(Ok(())) if number == 0 => {}
                            Ok(Ok(())) => {
                                let value = *rx.borrow_and_update();
                                assert!(value > last);
                                last = value;
                            }
                        }
                    }
                })
            });
            let receivers: Vec<_> = receivers.collect();
            for value in 1..=10 {
                tx.send(value).unwrap();
                yield_now().await;
            }
            drop(tx);
            for (number, ended) in join_all(receivers).await.into_iter().enumerate() {
                let last = if number == 0 { 0 } else { 10 };
                assert_eq!(ended.unwrap(), (last, 10));
            }
        });
        report.unwrap();
    }
}

#[test]
fn s37_a_deadlock_names_the_watch_that_nobody_changes() {
    let report = Builder::new().run(async {
        let (tx, rx) = channel(0);
        let (tx, mut rx) = (tx.named("config"), rx);
        let sender = tx.clone();
        spawn(async move { sender.closed().await });
        sleep(secs(1)).await;
        rx.wait_for(|value| *value == 1).await.map(|value| *value)
    });
    assert_shown("sync", "deadlock_watch", report.unwrap_failure());
}

#[test]
fn a_stream_gives_the_latest_of_the_values_not_seen_and_ends_with_the_last() {
    use futures_util::StreamExt;

    run(async {
        let (tx, mut stream) = channel(0);
        let mut marked = stream.clone();
        marked.mark_changed();
        assert_eq!(stream.next().now_or_never(), None, "the first was seen");
        assert_eq!(marked.next().now_or_never(), Some(Some(0)), "unless it is marked");
        tx.send_replace(1);
        tx.send_replace(2);
        assert_eq!(stream.next().await, Some(2));
        assert_eq!(stream.next().now_or_never(), None);
        assert!(marked.changed().now_or_never().unwrap().is_ok(), "seen by `changed`");
        assert_eq!(marked.next().now_or_never(), None, "is seen by the stream");
        tx.send_replace(3);
        drop(tx);
        assert_eq!((stream.next().await, stream.next().await), (Some(3), None));
        assert_eq!(marked.collect::<Vec<_>>().await, [3]);
    });
}

#[test]
fn s29_a_stream_has_one_place_in_line_with_its_waits_and_leaves_it() {
    use futures_util::StreamExt;

    run(async {
        let (tx, mut stream) = channel(0);
        let waiter = spawn(async move {
            assert!(timeout(secs(1), stream.next()).await.is_err());
            let mut other = stream.clone();
            assert!(timeout(secs(1), stream.changed()).await.is_err());
            assert!(format!("{other:?}").contains("waiting: 0"), "{other:?}");
            assert!(timeout(secs(1), stream.next()).await.is_err());
            assert!(format!("{other:?}").contains("waiting: 1"), "{other:?}");
            drop(stream);
            assert!(format!("{other:?}").contains("waiting: 0"), "{other:?}");
            other.next().await
        });
        sleep(secs(4)).await;
        assert_eq!(tx.receiver_count(), 1);
        tx.send_replace(7);
        assert_eq!(waiter.await.unwrap(), Some(7));
        assert_eq!(now().to_string(), "4s");
    });
}
