//! Scripts for `broadcast`, compiled for each family of channels.

use std::cell::RefCell;
use std::rc::Rc;

use super::super::broadcast::Step;
use super::super::hand::{Hand, pick, take};
use super::sync::broadcast::{self, Receiver, Sender, WeakSender};

/// A receiver that one of the futures may have with it.
type Lent = Rc<RefCell<Option<Receiver<u32>>>>;

fn lend(receiver: Receiver<u32>) -> Lent {
    Rc::new(RefCell::new(Some(receiver)))
}

pub fn play(room: usize, steps: &[Step]) -> Vec<String> {
    let (sender, receiver) = broadcast::channel(room);
    let mut senders = vec![sender];
    let mut weak: Vec<WeakSender<u32>> = Vec::new();
    let mut receivers = vec![lend(receiver)];
    let mut hand = Hand::default();
    let mut message = 0;
    for step in steps {
        hand.say(format!("{step:?}"));
        message += 1;
        match *step {
            Step::Settle => hand.settle(),
            Step::Cancel(choice) => hand.cancel(choice),
            Step::Send(choice) => {
                if let Some(sender) = pick(&mut senders, choice) {
                    hand.say(format!("{:?}", sender.send(message).map_err(|error| error.0)));
                }
            }
            Step::CloneSender(choice) => {
                let clone = pick(&mut senders, choice).cloned();
                senders.extend(clone);
            }
            Step::DropSender(choice) => drop(take(&mut senders, choice)),
            Step::Downgrade(choice) => {
                weak.extend(pick(&mut senders, choice).map(|sender| sender.downgrade()));
            }
            Step::Upgrade(choice) => {
                let upgraded = pick(&mut weak, choice).and_then(|weak| weak.upgrade());
                hand.say(format!("upgraded: {}", upgraded.is_some()));
                senders.extend(upgraded);
            }
            Step::Subscribe(choice) => {
                receivers.extend(pick(&mut senders, choice).map(|sender| lend(sender.subscribe())));
            }
            Step::Resubscribe(choice) => {
                let lent = pick(&mut receivers, choice).cloned();
                let again = lent.and_then(|lent| lent.borrow().as_ref().map(Receiver::resubscribe));
                receivers.extend(again.map(lend));
            }
            Step::DropReceiver(choice) => drop(take(&mut receivers, choice)),
            Step::Closed(choice) => {
                if let Some(sender) = pick(&mut senders, choice).cloned() {
                    hand.start(async move {
                        sender.closed().await;
                        "closed".to_owned()
                    });
                }
            }
            Step::TryRecv(choice) => {
                if let Some(receiver) = pick(&mut receivers, choice) {
                    let mut receiver = receiver.borrow_mut();
                    hand.say(format!(
                        "{:?}",
                        receiver.as_mut().map(|receiver| receiver.try_recv())
                    ));
                }
            }
            Step::Recv(choice) => {
                let lent = pick(&mut receivers, choice).cloned();
                if let Some(mut receiver) = lent.as_ref().and_then(|lent| lent.borrow_mut().take())
                {
                    hand.start(async move {
                        let line = format!("{:?}", receiver.recv().await);
                        *lent.unwrap().borrow_mut() = Some(receiver);
                        line
                    });
                }
            }
        }
        show(&mut hand, &senders, &receivers);
    }
    hand.settle();
    hand.poll_all();
    show(&mut hand, &senders, &receivers);
    hand.lines
}

fn show(hand: &mut Hand, senders: &[Sender<u32>], receivers: &[Lent]) {
    let mut line = String::new();
    if let Some(sender) = senders.first() {
        let (len, receivers) = (sender.len(), sender.receiver_count());
        line += &format!("len {len}, empty {}, {receivers} receivers, ", sender.is_empty());
        line += &format!("{} senders, {} weak; ", sender.strong_count(), sender.weak_count());
    }
    for receiver in receivers {
        line += &format!("{:?} ", receiver.borrow().as_ref().map(Receiver::len));
    }
    hand.say(line);
}
