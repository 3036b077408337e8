//! Scripts for `watch`, compiled for each family of channels.

use std::cell::RefCell;
use std::rc::Rc;

use super::super::hand::{Hand, pick, take};
use super::super::watch::Step;
use super::sync::watch::{self, Receiver, Sender};

/// A receiver that one of the futures may have with it.
type Lent = Rc<RefCell<Option<Receiver<u32>>>>;

pub fn play(steps: &[Step]) -> Vec<String> {
    let (sender, receiver) = watch::channel(0_u32);
    let mut senders = vec![sender];
    let mut receivers: Vec<Lent> = vec![Rc::new(RefCell::new(Some(receiver)))];
    let mut hand = Hand::default();
    let mut value = 0;
    for step in steps {
        hand.say(format!("{step:?}"));
        value += 1;
        match *step {
            Step::Settle => hand.settle(),
            Step::Cancel(choice) => hand.cancel(choice),
            Step::CloneSender(choice) => {
                let clone = pick(&mut senders, choice).cloned();
                senders.extend(clone);
            }
            Step::DropSender(choice) => drop(take(&mut senders, choice)),
            Step::Subscribe(choice) => {
                let receiver = pick(&mut senders, choice).map(|sender| sender.subscribe());
                receivers.extend(receiver.map(|receiver| Rc::new(RefCell::new(Some(receiver)))));
            }
            Step::DropReceiver(choice) => drop(take(&mut receivers, choice)),
            Step::Send(choice) | Step::Modify(choice) | Step::Replace(choice) => {
                if let Some(sender) = pick(&mut senders, choice) {
                    hand.say(send(step, sender, value));
                }
            }
            Step::IfModified(choice, is_modified) => {
                if let Some(sender) = pick(&mut senders, choice) {
                    let told = sender.send_if_modified(|old| {
                        *old += 100;
                        is_modified
                    });
                    hand.say(format!("{told} {}", *sender.borrow()));
                }
            }
            Step::Closed(choice) => {
                if let Some(sender) = pick(&mut senders, choice).cloned() {
                    hand.start(async move {
                        sender.closed().await;
                        "closed".to_owned()
                    });
                }
            }
            _ => {
                if let Some(lent) = pick(&mut receivers, value as usize).cloned() {
                    receive(&mut hand, step, &lent, &mut receivers);
                }
            }
        }
        show(&mut hand, &senders, &receivers);
    }
    hand.settle();
    hand.poll_all();
    hand.lines
}

fn send(step: &Step, sender: &Sender<u32>, value: u32) -> String {
    match step {
        Step::Send(_) => format!("{:?}", sender.send(value).map_err(|error| error.0)),
        Step::Modify(_) => {
            sender.send_modify(|old| *old += 1_000);
            "modified".to_owned()
        }
        _ => format!("replaced {}", sender.send_replace(value)),
    }
}

fn receive(hand: &mut Hand, step: &Step, lent: &Lent, receivers: &mut Vec<Lent>) {
    let mut slot = lent.borrow_mut();
    // It may be with one of the futures.
    let Some(mut receiver) = slot.take() else { return };
    let back = Back(Rc::clone(lent));
    match *step {
        Step::Borrow => {
            let value = receiver.borrow();
            hand.say(format!("{} {}", *value, value.has_changed()));
        }
        Step::Update => {
            let value = receiver.borrow_and_update();
            hand.say(format!("{} {}", *value, value.has_changed()));
        }
        Step::MarkChanged => receiver.mark_changed(),
        Step::MarkUnchanged => receiver.mark_unchanged(),
        Step::CloneReceiver => {
            receivers.push(Rc::new(RefCell::new(Some(receiver.clone()))));
        }
        Step::Changed => {
            return hand.start(async move {
                let changed = receiver.changed().await.is_ok();
                let line = format!("changed: {changed}, now {}", *receiver.borrow());
                back.give(receiver);
                line
            });
        }
        Step::WaitFor(divisor) => {
            return hand.start(async move {
                let line = match receiver.wait_for(|value| value % divisor == 0).await {
                    Ok(value) => format!("{} {}", *value, value.has_changed()),
                    Err(error) => error.to_string(),
                };
                back.give(receiver);
                line
            });
        }
        _ => unreachable!("{step:?} receives nothing"),
    }
    *slot = Some(receiver);
}

/// Where a receiver that a future has with it goes when the future is ready.
struct Back(Lent);

impl Back {
    fn give(self, receiver: Receiver<u32>) {
        // It may be asked for in its own step, which then has it already.
        if let Ok(mut slot) = self.0.try_borrow_mut() {
            *slot = Some(receiver);
        }
    }
}

fn show(hand: &mut Hand, senders: &[Sender<u32>], receivers: &[Lent]) {
    let mut line = String::new();
    if let Some(sender) = senders.first() {
        let (value, count) = (*sender.borrow(), sender.receiver_count());
        line += &format!("{value}, {count} receivers, closed {}; ", sender.is_closed());
    }
    for receiver in receivers {
        let changed = receiver.borrow().as_ref().map(|receiver| receiver.has_changed().ok());
        line += &format!("{changed:?} ");
    }
    hand.say(line);
}
