//! Scripts for `mpsc`, compiled for each family of channels.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;

use super::super::hand::{Hand, pick, take};
use super::super::mpsc::Step;
use super::sync::mpsc::error::TrySendError;
use super::sync::mpsc::{self, OwnedPermit, Receiver, Sender, UnboundedReceiver, UnboundedSender};
use super::sync::mpsc::{WeakSender, WeakUnboundedSender};

type Slot<T> = Rc<RefCell<Option<T>>>;
type Permits = Rc<RefCell<Vec<OwnedPermit<u32>>>>;

#[derive(Default)]
struct Bounded {
    hand: Hand,
    senders: Vec<Sender<u32>>,
    weak: Vec<WeakSender<u32>>,
    receiver: Slot<Receiver<u32>>,
    /// One waits for a message: there can be only one in each family.
    is_receiving: Rc<Cell<bool>>,
    permits: Permits,
    messages: u32,
}

pub fn bounded(room: usize, steps: &[Step]) -> Vec<String> {
    let (sender, receiver) = mpsc::channel(room);
    let receiver = Rc::new(RefCell::new(Some(receiver)));
    let mut play = Bounded { senders: vec![sender], receiver, ..Bounded::default() };
    for step in steps {
        play.hand.say(format!("{step:?}"));
        play.step(step);
        play.show();
    }
    play.hand.settle();
    play.hand.poll_all();
    play.show();
    play.hand.lines
}

impl Bounded {
    fn message(&mut self) -> u32 {
        self.messages += 1;
        self.messages
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Settle => self.hand.settle(),
            Step::Cancel(choice) => self.hand.cancel(choice),
            Step::Recv | Step::RecvMany(_) | Step::TryRecv | Step::Close | Step::DropReceiver => {
                self.receive(step)
            }
            Step::SendPermit(choice) => {
                let message = self.message();
                let permit = take(&mut self.permits.borrow_mut(), choice);
                permit.into_iter().for_each(|permit| drop(permit.send(message)));
            }
            Step::ReleasePermit(choice) => {
                let permit = take(&mut self.permits.borrow_mut(), choice);
                permit.into_iter().for_each(|permit| drop(permit.release()));
            }
            Step::DropPermit(choice) => drop(take(&mut self.permits.borrow_mut(), choice)),
            Step::DropSender(choice) => drop(take(&mut self.senders, choice)),
            Step::DropWeak(choice) => drop(take(&mut self.weak, choice)),
            Step::Upgrade(choice) => {
                let upgraded = pick(&mut self.weak, choice).and_then(|weak| weak.upgrade());
                self.hand.say(format!("upgraded: {}", upgraded.is_some()));
                self.senders.extend(upgraded);
            }
            _ => {
                let choice = self.messages as usize;
                if let Some(sender) = pick(&mut self.senders, choice).cloned() {
                    self.send(step, sender);
                }
            }
        }
    }

    fn send(&mut self, step: &Step, sender: Sender<u32>) {
        let message = self.message();
        match *step {
            Step::Send => self.hand.start(async move {
                let sent = sender.send(message).await;
                format!("sent {message}: {:?}", sent.map_err(|error| error.0))
            }),
            Step::TrySend => {
                let sent = sender.try_send(message);
                let is_full = matches!(sent, Err(TrySendError::Full(_)));
                self.hand.say(format!("{:?}, full: {is_full}", sent.map_err(|e| e.into_inner())));
            }
            Step::Reserve => {
                let permits = Rc::clone(&self.permits);
                self.hand.start(async move {
                    let reserved = sender.reserve_owned().await;
                    let line = format!("reserved: {}", reserved.is_ok());
                    permits.borrow_mut().extend(reserved);
                    line
                });
            }
            Step::TryReserve => {
                let reserved = sender.try_reserve_owned();
                let is_full = matches!(reserved, Err(TrySendError::Full(_)));
                self.hand.say(format!("reserved: {}, full: {is_full}", reserved.is_ok()));
                self.permits.borrow_mut().extend(reserved);
            }
            Step::SendMany(places, used) => self.hand.start(async move {
                match sender.reserve_many(places).await {
                    Ok(mut permits) => {
                        permits.by_ref().take(used).for_each(|permit| permit.send(message));
                        format!("{} places left of {places}", permits.len())
                    }
                    Err(error) => format!("{error:?}"),
                }
            }),
            Step::TrySendMany(places, used) => match sender.try_reserve_many(places) {
                Ok(permits) => permits.take(used).for_each(|permit| permit.send(message)),
                Err(error) => self.hand.say(format!("full: {}", error == TrySendError::Full(()))),
            },
            Step::Closed => self.hand.start(async move {
                sender.closed().await;
                "closed".to_owned()
            }),
            Step::Clone => self.senders.push(sender),
            Step::Downgrade => self.weak.push(sender.downgrade()),
            _ => unreachable!("{step:?} sends nothing"),
        }
    }

    fn receive(&mut self, step: &Step) {
        let slot = Rc::clone(&self.receiver);
        let mut receiver = slot.borrow_mut();
        let Some(waiting) = receiver.as_mut() else { return };
        match *step {
            Step::TryRecv => self.hand.say(format!("{:?}", waiting.try_recv())),
            Step::Close => {
                waiting.close();
                drop(receiver);
                self.hand.poll_closer(self.is_receiving.get());
                // One who waits for several places has some of them already in tokio, until it is polled.
                self.hand.settle();
            }
            // One that waits would ask a receiver that is not there.
            Step::DropReceiver if !self.is_receiving.get() => {
                drop(receiver.take());
                drop(receiver);
                self.hand.settle();
            }
            Step::Recv | Step::RecvMany(_) if !self.is_receiving.get() => {
                drop(receiver);
                let receiving = Receiving::new(&self.is_receiving);
                let limit = if let Step::RecvMany(limit) = *step { Some(limit) } else { None };
                self.hand.start(async move {
                    let _receiving = receiving;
                    let mut messages = Vec::new();
                    poll_fn(|cx| {
                        let mut receiver = slot.borrow_mut();
                        let receiver = receiver.as_mut().unwrap();
                        match limit {
                            Some(limit) => receiver
                                .poll_recv_many(cx, &mut messages, limit)
                                .map(|count| format!("received {count}")),
                            None => receiver.poll_recv(cx).map(|message| format!("{message:?}")),
                        }
                    })
                    .await
                        + &format!(" {messages:?}")
                });
            }
            _ => {}
        }
    }

    fn show(&mut self) {
        let mut line = String::new();
        if let Some(receiver) = &*self.receiver.borrow() {
            let (room, len) = (receiver.capacity(), receiver.len());
            line += &format!("room {room}, len {len}, closed {}; ", receiver.is_closed());
            assert_eq!(receiver.is_empty(), len == 0);
        }
        if let Some(sender) = self.senders.first() {
            let (strong, weak) = (sender.strong_count(), sender.weak_count());
            let (room, closed) = (sender.capacity(), sender.is_closed());
            line += &format!("room {room} of {}, closed {closed}, ", sender.max_capacity());
            line += &format!("{strong} senders, {weak} weak");
        }
        if let Some(weak) = self.weak.first() {
            line += &format!("; {} {}", weak.strong_count(), weak.weak_count());
        }
        self.hand.say(line);
    }
}

/// Says that a message is waited for, until it is dropped.
struct Receiving(Rc<Cell<bool>>);

impl Receiving {
    fn new(is_receiving: &Rc<Cell<bool>>) -> Self {
        is_receiving.set(true);
        Receiving(Rc::clone(is_receiving))
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

#[derive(Default)]
struct Unbounded {
    hand: Hand,
    senders: Vec<UnboundedSender<u32>>,
    weak: Vec<WeakUnboundedSender<u32>>,
    receiver: Slot<UnboundedReceiver<u32>>,
    is_receiving: Rc<Cell<bool>>,
    messages: u32,
}

pub fn unbounded(steps: &[Step]) -> Vec<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let receiver = Rc::new(RefCell::new(Some(receiver)));
    let mut play = Unbounded { senders: vec![sender], receiver, ..Unbounded::default() };
    for step in steps {
        play.hand.say(format!("{step:?}"));
        play.step(step);
        play.show();
    }
    play.hand.settle();
    play.hand.poll_all();
    play.show();
    play.hand.lines
}

impl Unbounded {
    fn step(&mut self, step: &Step) {
        let choice = self.messages as usize;
        let sender = pick(&mut self.senders, choice).cloned();
        match (step, sender) {
            (Step::Settle, _) => self.hand.settle(),
            (&Step::Cancel(choice), _) => self.hand.cancel(choice),
            (&Step::DropSender(choice), _) => drop(take(&mut self.senders, choice)),
            (&Step::DropWeak(choice), _) => drop(take(&mut self.weak, choice)),
            (&Step::Upgrade(choice), _) => {
                let upgraded = pick(&mut self.weak, choice).and_then(|weak| weak.upgrade());
                self.hand.say(format!("upgraded: {}", upgraded.is_some()));
                self.senders.extend(upgraded);
            }
            (Step::Recv | Step::RecvMany(_) | Step::TryRecv, _) => self.receive(step),
            (Step::Close, _) => {
                self.receiver.borrow_mut().iter_mut().for_each(|receiver| receiver.close());
                self.hand.poll_closer(self.is_receiving.get());
            }
            (Step::DropReceiver, _) if !self.is_receiving.get() => {
                drop(self.receiver.borrow_mut().take());
            }
            (Step::Send | Step::TrySend, Some(sender)) => {
                self.messages += 1;
                let sent = sender.send(self.messages);
                self.hand.say(format!("{sent:?} {:?}", sent.map_err(|error| error.0)));
            }
            (Step::Closed, Some(sender)) => self.hand.start(async move {
                sender.closed().await;
                "closed".to_owned()
            }),
            (Step::Clone, Some(sender)) => self.senders.push(sender),
            (Step::Downgrade, Some(sender)) => self.weak.push(sender.downgrade()),
            _ => {}
        }
    }

    fn receive(&mut self, step: &Step) {
        let slot = Rc::clone(&self.receiver);
        let mut receiver = slot.borrow_mut();
        let Some(waiting) = receiver.as_mut() else { return };
        if let Step::TryRecv = step {
            self.hand.say(format!("{:?}", waiting.try_recv()));
            return;
        }
        if self.is_receiving.get() {
            return;
        }
        drop(receiver);
        let receiving = Receiving::new(&self.is_receiving);
        let limit = if let Step::RecvMany(limit) = *step { Some(limit) } else { None };
        self.hand.start(async move {
            let _receiving = receiving;
            let mut messages = Vec::new();
            poll_fn(|cx| {
                let mut receiver = slot.borrow_mut();
                let receiver = receiver.as_mut().unwrap();
                match limit {
                    Some(limit) => receiver
                        .poll_recv_many(cx, &mut messages, limit)
                        .map(|count| format!("received {count}")),
                    None => receiver.poll_recv(cx).map(|message| format!("{message:?}")),
                }
            })
            .await
                + &format!(" {messages:?}")
        });
    }

    fn show(&mut self) {
        let mut line = String::new();
        if let Some(receiver) = &*self.receiver.borrow() {
            line += &format!("len {}, closed {}; ", receiver.len(), receiver.is_closed());
        }
        if let Some(sender) = self.senders.first() {
            let (strong, weak) = (sender.strong_count(), sender.weak_count());
            line += &format!("closed {}, {strong} senders, {weak} weak", sender.is_closed());
        }
        if let Some(weak) = self.weak.first() {
            line += &format!("; {} {}", weak.strong_count(), weak.weak_count());
        }
        self.hand.say(line);
    }
}
