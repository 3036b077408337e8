//! Messages over a link: sent without waiting, received as a stream.
//!
//! The wire knows when which message arrives; what the messages are is kept here, beside it.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_core::Stream;

use super::link::{Shared, State};
use super::wire::{ChannelId, FrameId};
use crate::executor::{self, Timer, Told};
use crate::kernel::Instant;
use crate::kernel::ordered::Map;
use crate::sync::wakes::{Wakee, Wakes};

/// A channel as its link sees it, while there is a receiver.
pub(super) struct Receiving {
    senders: usize,
    pub(super) waiting: Option<Waiting>,
}

/// A receiver that waits for something, or for something earlier than it knows of.
pub(super) struct Waiting {
    pub(super) wakee: Wakee,
    /// Its place in the trace, for as long as it waits.
    _told: Told,
}

/// Messages that a receiver will take.
struct Inbox<T>(Mutex<Map<FrameId, T>>);

impl<T> Inbox<T> {
    /// Nothing foreign runs under it, so a poisoned lock is as good as any.
    fn lock(&self) -> MutexGuard<'_, Map<FrameId, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn pair<T>(shared: &Arc<Shared>) -> (LinkSender<T>, LinkReceiver<T>) {
    let (timer, _) = Timer::new("Link::channel");
    let channel = shared.lock().open(Receiving { senders: 1, waiting: None });
    let inbox = Arc::new(Inbox(Mutex::new(Map::new())));
    let sender = LinkSender { shared: Arc::clone(shared), channel, inbox: Arc::clone(&inbox) };
    let shared = Arc::clone(shared);
    (sender, LinkReceiver { shared, channel, inbox, timer, awaited: Instant::NEVER })
}

/// Sends messages over a [`Link`](super::Link); made by [`Link::channel`](super::Link::channel).
///
/// A clone sends over the same channel. When all are dropped, the stream of the receiver ends with the last
/// message that arrives.
pub struct LinkSender<T> {
    shared: Arc<Shared>,
    channel: ChannelId,
    inbox: Arc<Inbox<T>>,
}

impl<T> LinkSender<T> {
    /// Sends a message that counts as so many bytes. Does not wait: the message stands in line by itself.
    ///
    /// Whether it is lost, and how long it is on its way, is drawn from the generator of the running task
    /// (S33). Nobody tells the sender of a loss, nor that the receiver has gone. A message that nobody will
    /// receive is dropped here, and takes its time on the link as if it were not.
    ///
    /// # Panics
    ///
    /// Panics outside a loop, and in another one than that of the link.
    #[track_caller]
    pub fn send(&self, message: T, bytes: u64) {
        self.shared.check_run("LinkSender::send");
        let mut message = Some(message);
        let wakes = self.shared.send(bytes, Some(self.channel), |state, id, is_lost| {
            let mut wakes = self.shared.tell_earlier(state);
            if !state.channels.contains(self.channel) {
                state.close(self.channel, &self.shared);
            } else if !is_lost {
                message.take().map(|message| self.inbox.lock().insert(id, message));
                state.wake_receiver_of(id, &mut wakes);
            }
            self.shared.set_alarm(state);
            wakes
        });
        wakes.wake();
    }

    /// Says whether the receiver has been dropped.
    pub fn is_closed(&self) -> bool {
        !self.shared.lock().channels.contains(self.channel)
    }
}

impl<T> Clone for LinkSender<T> {
    fn clone(&self) -> Self {
        if let Some(receiving) = self.shared.lock().channels.get_mut(self.channel) {
            receiving.senders += 1;
        }
        LinkSender {
            shared: Arc::clone(&self.shared),
            channel: self.channel,
            inbox: Arc::clone(&self.inbox),
        }
    }
}

impl<T> Drop for LinkSender<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        let Some(receiving) = state.channels.get_mut(self.channel) else { return };
        receiving.senders -= 1;
        let mut wakes = Wakes::default();
        if receiving.senders == 0 && state.wire.next_due(self.channel).is_none() {
            state.wake_receiver(self.channel, &mut wakes);
        }
        drop(state);
        wakes.wake();
    }
}

impl<T> fmt::Debug for LinkSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkSender").field("is_closed", &self.is_closed()).finish_non_exhaustive()
    }
}

/// Receives what arrives over a channel of a [`Link`](super::Link): a stream of messages.
///
/// Messages come in the order in which they arrive; those that arrive at one instant, in the order in which they
/// were sent. The stream ends when every sender has been dropped and nothing is on its way.
///
/// Dropping it drops the messages that are on their way. They take their time on the link all the same.
#[must_use = "what is sent to a receiver that was dropped is lost"]
pub struct LinkReceiver<T> {
    shared: Arc<Shared>,
    channel: ChannelId,
    inbox: Arc<Inbox<T>>,
    timer: Timer,
    /// What the timer is set for.
    awaited: Instant,
}

impl<T> LinkReceiver<T> {
    /// Waits for the next message; `None` when there will be none.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: what arrives is there for the next.
    ///
    /// # Panics
    ///
    /// The future panics when polled in another loop than that of the link.
    pub fn recv(&mut self) -> Receive<'_, T> {
        Receive { receiver: self, is_waiting: false }
    }

    /// Polls for the next message.
    ///
    /// # Panics
    ///
    /// Panics outside a loop, and in another one than that of the link.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.shared.check_run("LinkReceiver::recv");
        let wakee = Wakee::of(cx);
        let mut state = self.shared.lock();
        let now = self.shared.now(&state);
        let waited = state.receiving(self.channel).waiting.take();
        let received = state.wire.receive(self.channel, now);
        let wakes = self.shared.tell_earlier(&mut state);
        if let Some(id) = received {
            self.shared.set_alarm(&mut state);
            drop(state);
            drop((wakee, waited));
            wakes.wake();
            return Poll::Ready(self.inbox.lock().remove(id));
        }
        if !mem::replace(&mut state.is_listed, true) {
            let resource: std::sync::Weak<Shared> = Arc::downgrade(&self.shared);
            state.traced = executor::list(resource, Shared::KIND, state.name.as_deref());
        }
        let (next, traced) = (state.wire.next_due(self.channel), state.traced);
        let arrives = next.map_or(Instant::NEVER, |(arrives, _)| arrives);
        let receiving = state.receiving(self.channel);
        let waiting = match next {
            None if receiving.senders == 0 => None,
            // Who knows when the next message arrives waits for that instant.
            _ => {
                let traced = traced.filter(|_| arrives.is_never());
                let tell = |traced| Told::new(traced, wakee.whom, Shared::wanted());
                let _told = traced.map(tell).unwrap_or_default();
                Some(Waiting { wakee, _told })
            }
        };
        let is_over = waiting.is_none();
        receiving.waiting = waiting;
        self.shared.set_alarm(&mut state);
        drop(state);
        drop(waited);
        wakes.wake();
        if is_over {
            return Poll::Ready(None);
        }
        if arrives != mem::replace(&mut self.awaited, arrives) {
            self.timer.cancel();
        }
        if !arrives.is_never() {
            let polled = self.timer.poll(arrives, cx);
            debug_assert!(polled.is_pending(), "it arrives later, and time stands still");
        }
        Poll::Pending
    }
}

impl<T> LinkReceiver<T> {
    /// Takes back that it waits: nobody is woken, and no report says that it does.
    fn stop_waiting(&mut self) {
        self.timer.cancel();
        let mut state = self.shared.lock();
        let waiting = state.receiving(self.channel).waiting.take();
        let wakes = self.shared.tell_earlier(&mut state);
        self.shared.set_alarm(&mut state);
        drop(state);
        drop(waiting);
        wakes.wake();
    }
}

impl<T> Stream for LinkReceiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv(cx)
    }
}

impl<T> Drop for LinkReceiver<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        let receiving = state.channels.remove(self.channel);
        state.close(self.channel, &self.shared);
        let wakes = self.shared.tell_earlier(&mut state);
        self.shared.set_alarm(&mut state);
        drop(state);
        drop(receiving);
        wakes.wake();
        let messages = mem::take(&mut *self.inbox.lock());
        // In the order in which they were sent.
        messages.into_entries().for_each(drop);
    }
}

impl<T> fmt::Debug for LinkReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on_the_way = self.inbox.lock().len();
        f.debug_struct("LinkReceiver").field("on_the_way", &on_the_way).finish_non_exhaustive()
    }
}

/// Future of [`LinkReceiver::recv`].
///
/// # Cancel safety
///
/// Dropping it loses nothing.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct Receive<'a, T> {
    receiver: &'a mut LinkReceiver<T>,
    is_waiting: bool,
}

impl<T> Future for Receive<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let polled = self.receiver.poll_recv(cx);
        self.is_waiting = polled.is_pending();
        polled
    }
}

impl<T> Drop for Receive<'_, T> {
    fn drop(&mut self) {
        if self.is_waiting {
            self.receiver.stop_waiting();
        }
    }
}

/// What a link does for its channels.
impl State {
    fn open(&mut self, receiving: Receiving) -> ChannelId {
        let channel = ChannelId(self.channels_made);
        self.channels_made += 1;
        self.channels.insert(channel, receiving);
        channel
    }

    /// The channel of a receiver that is there.
    #[inline]
    fn receiving(&mut self, channel: ChannelId) -> &mut Receiving {
        self.channels.get_mut(channel).expect("a channel is there until its receiver is dropped")
    }

    #[inline]
    fn close(&mut self, channel: ChannelId, shared: &Shared) {
        let now = shared.now(self);
        self.wire.close(channel, now);
    }

    /// Wakes a receiver that waits, so that it looks again what comes next.
    fn wake_receiver(&mut self, channel: ChannelId, wakes: &mut Wakes) {
        let receiving = self.channels.get_mut(channel);
        if let Some(waiting) = receiving.and_then(|receiving| receiving.waiting.take()) {
            let Waiting { wakee, _told: told } = waiting;
            drop(told);
            wakes.push(wakee);
        }
    }

    /// Wakes the receiver of a message, if nothing else comes to it before.
    pub(super) fn wake_receiver_of(&mut self, message: FrameId, wakes: &mut Wakes) {
        let Some(channel) = self.wire.channel(message) else { return };
        if self.wire.next_due(channel).is_some_and(|(_, next)| next == message) {
            self.wake_receiver(channel, wakes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::executor::run;
    use crate::sim::Link;
    use crate::time::sleep;

    #[test]
    fn a_link_keeps_nothing_of_a_message_to_a_receiver_that_has_gone() {
        run(async {
            let link = Link::new(Duration::ZERO, 1000);
            let (sender, receiver) = link.channel();
            drop(receiver);
            sender.send("message", 1000);
            sleep(Duration::from_secs(2)).await;
            assert_eq!(link.statistics().bytes, 1000);
            assert!(sender.inbox.lock().is_empty());
            assert!(link.shared.lock().wire.is_empty());
        });
    }
}
