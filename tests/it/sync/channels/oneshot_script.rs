//! Scripts for `oneshot`, compiled for each family of channels.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use super::super::hand::Hand;
use super::super::oneshot::Step;
use super::sync::oneshot;

pub fn play(steps: &[Step]) -> Vec<String> {
    let (sender, receiver) = oneshot::channel::<u32>();
    let sender = Rc::new(RefCell::new(Some(sender)));
    let receiver = Rc::new(RefCell::new(Some(receiver)));
    let mut hand = Hand::default();
    for step in steps {
        hand.say(format!("{step:?}"));
        match *step {
            Step::Settle => hand.settle(),
            Step::Cancel(choice) => hand.cancel(choice),
            Step::Send => {
                let sender = sender.borrow_mut().take();
                hand.say(format!("{:?}", sender.map(|sender| sender.send(7))));
            }
            Step::DropSender => drop(sender.borrow_mut().take()),
            Step::Closed => {
                let sender = Rc::clone(&sender);
                // Without a sender it waits for nothing and is over.
                hand.start(poll_fn(move |cx| match sender.borrow_mut().as_mut() {
                    Some(sender) => sender.poll_closed(cx).map(|()| "closed".to_owned()),
                    None => Poll::Ready("no sender".to_owned()),
                }));
            }
            Step::Recv => {
                let receiver = Rc::clone(&receiver);
                hand.start(poll_fn(move |cx| match receiver.borrow_mut().as_mut() {
                    Some(receiver) if !receiver.is_terminated() => {
                        Pin::new(receiver).poll(cx).map(|value| format!("{value:?}"))
                    }
                    _ => Poll::Ready("no receiver".to_owned()),
                }));
            }
            Step::TryRecv => {
                let mut receiver = receiver.borrow_mut();
                hand.say(format!("{:?}", receiver.as_mut().map(|receiver| receiver.try_recv())));
            }
            Step::Close => {
                receiver.borrow_mut().iter_mut().for_each(|receiver| receiver.close());
                hand.poll_closer(true);
            }
            Step::DropReceiver => drop(receiver.borrow_mut().take()),
        }
        let closed = sender.borrow().as_ref().map(|sender| sender.is_closed());
        let ended = receiver.borrow().as_ref().map(|receiver| receiver.is_terminated());
        hand.say(format!("closed {closed:?}, terminated {ended:?}"));
    }
    hand.settle();
    hand.poll_all();
    hand.lines
}
