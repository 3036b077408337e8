//! Bounded `mpsc` against a queue: what tasks have seen happen, in the order in which they saw it, must be what a
//! plain queue would have done.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use proptest::prelude::*;
use simloop::sync::mpsc::{self, error::TryRecvError};
use simloop::{Builder, policy, sleep, spawn, timeout, yield_now};

use crate::millis;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Sends, or receives, with all the time in the world.
    Wait,
    /// Gives up after so many milliseconds.
    Within(u64),
    Try,
    /// Reserves, yields and sends; or receives several.
    Several(usize),
    Reserve,
    Yield,
    Sleep(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Wait),
        3 => (0..3_u64).prop_map(Step::Within),
        2 => Just(Step::Try),
        2 => (1..3_usize).prop_map(Step::Several),
        2 => Just(Step::Reserve),
        2 => Just(Step::Yield),
        2 => (0..3_u64).prop_map(Step::Sleep),
    ];
    prop::collection::vec(step, 0..12)
}

/// Who sent it, and which of theirs it is.
type Message = (usize, usize);

#[derive(Debug)]
enum Seen {
    Sent(Message),
    Received(Message),
}

type Log = Rc<RefCell<Vec<Seen>>>;

async fn send(tx: &mpsc::Sender<Message>, step: Step, message: Message, log: &Log) {
    let sent = match step {
        Step::Wait => tx.send(message).await.is_ok(),
        Step::Within(delay) if delay % 2 == 0 => {
            tx.send_timeout(message, millis(delay)).await.is_ok()
        }
        Step::Within(delay) => timeout(millis(delay), tx.send(message)).await.is_ok(),
        Step::Try => tx.try_send(message).is_ok(),
        Step::Reserve => {
            let permit = tx.clone().reserve_owned().await.unwrap();
            yield_now().await;
            permit.send(message);
            true
        }
        Step::Several(places) => {
            let mut permits = tx.reserve_many(places).await.unwrap();
            yield_now().await;
            permits.next().unwrap().send(message);
            true
        }
        Step::Yield => return yield_now().await,
        Step::Sleep(delay) => return sleep(millis(delay)).await,
    };
    if sent {
        log.borrow_mut().push(Seen::Sent(message));
    }
}

async fn receive(rx: &mut mpsc::Receiver<Message>, step: Step, log: &Log) {
    let mut messages = Vec::new();
    match step {
        Step::Wait | Step::Reserve => messages.extend(rx.recv().await),
        Step::Within(delay) => {
            messages.extend(timeout(millis(delay), rx.recv()).await.ok().flatten())
        }
        Step::Try => messages.extend(rx.try_recv()),
        Step::Several(limit) => drop(rx.recv_many(&mut messages, limit).await),
        Step::Yield => yield_now().await,
        Step::Sleep(delay) => sleep(millis(delay)).await,
    }
    log.borrow_mut().extend(messages.into_iter().map(Seen::Received));
}

/// Runs the script; the senders in `aborts` are aborted after so many yields of the root.
async fn play(
    room: usize,
    senders: Vec<Vec<Step>>,
    receiver: Vec<Step>,
    aborts: Vec<usize>,
) -> Log {
    let log = Log::default();
    let (tx, mut rx) = mpsc::channel(room);
    let tasks: Vec<_> = senders
        .into_iter()
        .enumerate()
        .map(|(sender, steps)| {
            let (tx, log) = (tx.clone(), Rc::clone(&log));
            spawn(async move {
                for (number, step) in steps.into_iter().enumerate() {
                    send(&tx, step, (sender, number), &log).await;
                }
            })
        })
        .collect();
    drop(tx);
    let receiving = Rc::clone(&log);
    let receiver = spawn(async move {
        for step in receiver {
            receive(&mut rx, step, &receiving).await;
        }
        while let Some(message) = rx.recv().await {
            receiving.borrow_mut().push(Seen::Received(message));
        }
        assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    });
    for (task, yields) in tasks.iter().zip(aborts) {
        for _ in 0..yields {
            yield_now().await;
        }
        if yields > 0 {
            task.abort();
        }
    }
    for task in tasks {
        let _ = task.await;
    }
    receiver.await.unwrap();
    log
}

/// Does what was seen with a plain queue.
fn check(room: usize, log: &[Seen]) -> Result<(), TestCaseError> {
    let mut queue = VecDeque::new();
    for seen in log {
        match seen {
            Seen::Sent(message) => {
                prop_assert!(queue.len() < room, "{message:?} had room");
                queue.push_back(*message);
            }
            Seen::Received(message) => prop_assert_eq!(queue.pop_front(), Some(*message)),
        }
    }
    prop_assert!(queue.is_empty(), "lost: {:?}", queue);
    Ok(())
}

proptest! {
    #[test]
    fn s29_what_tasks_see_is_what_a_plain_queue_would_do(
        room in 2..4_usize,
        senders in prop::collection::vec(steps(), 1..4),
        receiver in steps(),
        aborts in prop::collection::vec(0..4_usize, 0..4),
        seeds in prop::collection::vec(any::<u64>(), 4),
    ) {
        let script = || play(room, senders.clone(), receiver.clone(), aborts.clone());
        let report = Builder::new().run(script());
        check(room, &report.unwrap().borrow())?;
        for seed in seeds {
            let report = Builder::new().policy(policy::Random::new(seed)).run(script());
            check(room, &report.unwrap().borrow())?;
        }
    }
}
