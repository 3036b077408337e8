//! What all kinds of `mpsc` handles share: the messages, the room, and who is there.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::error::{SendError, TryRecvError, TrySendError};
use crate::executor::{Party, Wanted};
use crate::sync::discard::discard;
use crate::sync::gate::{Gate, Place, Shared, Taking};

/// The line of those who wait for room, first-in first-out.
pub(super) const ROOM: usize = 0;

/// The line of the receiver.
const MESSAGE: usize = 1;

/// The line of those who wait for the receiver to go.
pub(super) const CLOSED: usize = 2;

pub(super) type Way<T> = Arc<Shared<Chan<T>, 3>>;

pub(super) struct Chan<T> {
    queue: VecDeque<T>,
    /// How many more messages fit, places that are reserved not counted.
    room: usize,
    room_max: usize,
    senders: usize,
    weak_senders: usize,
    /// The receiver takes no new messages; it still takes those that are there or have a place reserved.
    is_closed: bool,
    has_receiver: bool,
}

/// What those who wait for room are given.
pub(super) enum Room {
    Reserved(usize),
    Closed,
}

impl<T> Gate for Chan<T> {
    const CALLED_FROM: usize = MESSAGE;
    const ALONE: usize = MESSAGE;
    /// Room was taken when it was handed over. What is given back of it, because the channel was closed meanwhile,
    /// nobody can be given: it may only be the last thing that the receiver has waited for.
    const TAKING: Taking = Taking::Alone;
    /// How many places.
    type Need = usize;
    type Grant = Room;

    fn kind(&self) -> &'static str {
        "mpsc"
    }

    fn serve(&mut self, _: usize, places: &mut usize, _: Option<Party>) -> Option<Room> {
        if self.is_closed {
            return Some(Room::Closed);
        }
        self.room = self.room.checked_sub(*places)?;
        Some(Room::Reserved(*places))
    }

    fn calls(&self, line: usize, _: &usize) -> bool {
        if line == MESSAGE { !self.queue.is_empty() || self.has_ended() } else { self.is_closed }
    }

    fn take_back(&mut self, room: Room) -> Option<Room> {
        if let Room::Reserved(places) = room {
            self.release(places);
        }
        None
    }

    fn wanted(&self, line: usize, places: &usize) -> Wanted {
        let (before, after) = match (line, *places) {
            (MESSAGE, _) => ("a message of ".to_owned(), " (empty)".to_owned()),
            (CLOSED, _) => ("the end of ".to_owned(), String::new()),
            (_, places) => {
                let before = match places {
                    1 => "room in ".to_owned(),
                    _ => format!("room for {places} messages in "),
                };
                (before, format!(" ({} of {} free)", self.room, self.room_max))
            }
        };
        Wanted { before, after }
    }
}

impl<T> Chan<T> {
    /// Whether no message is there, and none can come.
    fn has_ended(&self) -> bool {
        let may_get_more = self.senders > 0 && (!self.is_closed || self.room < self.room_max);
        !may_get_more && self.queue.is_empty()
    }

    /// Takes the first message; `None` after the last. An error where one may still come.
    fn pop(&mut self) -> Result<Option<T>, usize> {
        match self.queue.pop_front() {
            Some(message) => {
                self.room += 1;
                Ok(Some(message))
            }
            None if self.has_ended() => Ok(None),
            None => Err(0),
        }
    }

    /// Moves up to `limit` messages; none after the last. An error where some may still come.
    fn pop_many(&mut self, messages: &mut Vec<T>, limit: usize) -> Result<usize, usize> {
        let count = limit.min(self.queue.len());
        if count == 0 && limit > 0 && !self.has_ended() {
            return Err(0);
        }
        messages.extend(self.queue.drain(..count));
        self.room += count;
        Ok(count)
    }

    /// Puts a message into a place that was reserved. Returns it if nobody can take it any more.
    #[must_use = "it must be dropped when the lock is not held"]
    fn put(&mut self, message: T) -> Option<T> {
        if !self.has_receiver {
            return Some(message);
        }
        self.queue.push_back(message);
        None
    }

    /// Gives back places that were reserved.
    pub(super) fn release(&mut self, places: usize) {
        self.room += places;
    }

    /// What one who has waited for room does with it. A place that was handed over before the channel was
    /// closed, and not taken until now, is given back, as in tokio: what is put there might never be received.
    pub(super) fn check(&mut self, room: Room) -> Result<(), SendError<()>> {
        if !self.is_closed && matches!(room, Room::Reserved(_)) {
            return Ok(());
        }
        self.take_back(room);
        Err(SendError(()))
    }

    /// Puts a message into a channel without a bound, in which there is room for more than fit into memory. Returns it
    /// if the channel is closed, or the queue would have to grow.
    #[inline]
    fn push(&mut self, message: T) -> Result<(), T> {
        if self.is_closed || self.queue.len() == self.queue.capacity() {
            return Err(message);
        }
        self.room -= 1;
        self.queue.push_back(message);
        Ok(())
    }

    /// Puts a message where there is room for it.
    pub(super) fn accept(&mut self, room: Room, message: T) -> Result<(), SendError<T>> {
        if self.check(room).is_err() {
            return Err(SendError(message));
        }
        self.queue.push_back(message);
        Ok(())
    }
}

/// A sender of either kind, counted.
pub(super) struct Tx<T> {
    pub(super) shared: Way<T>,
}

/// A sender that does not keep the channel alive.
pub(super) struct WeakTx<T> {
    shared: Way<T>,
}

/// The receiver of either kind.
pub(super) struct Rx<T> {
    pub(super) shared: Way<T>,
    place: Place,
}

/// A channel with room for so many messages.
#[track_caller]
pub(super) fn channel<T>(room_max: usize) -> (Tx<T>, Rx<T>) {
    let shared = Shared::new(Chan {
        queue: VecDeque::new(),
        room: room_max,
        room_max,
        senders: 1,
        weak_senders: 0,
        is_closed: false,
        has_receiver: true,
    });
    (Tx { shared: Arc::clone(&shared) }, Rx { shared, place: Place::default() })
}

/// How many more messages fit. None while somebody waits for room: what there is belongs to the first of them.
pub(super) fn capacity<T>(shared: &Way<T>) -> usize {
    if shared.waiting(ROOM) > 0 { 0 } else { shared.read(|chan| chan.room) }
}

pub(super) fn max_capacity<T>(shared: &Way<T>) -> usize {
    shared.read(|chan| chan.room_max)
}

pub(super) fn strong_count<T>(shared: &Way<T>) -> usize {
    shared.read(|chan| chan.senders)
}

pub(super) fn weak_count<T>(shared: &Way<T>) -> usize {
    shared.read(|chan| chan.weak_senders)
}

impl<T> Tx<T> {
    /// Sends into a channel without a bound.
    #[inline]
    pub(super) fn send(&self, message: T) -> Result<(), SendError<T>> {
        match self.shared.give_to_alone(message, Chan::push) {
            Ok(()) => Ok(()),
            Err(message) => self.send_with_care(message),
        }
    }

    #[cold]
    #[inline(never)]
    fn send_with_care(&self, message: T) -> Result<(), SendError<T>> {
        self.shared.update_for_alone(|chan| {
            if !chan.is_closed {
                chan.queue.reserve(1);
            }
            chan.push(message).map_err(SendError)
        })
    }

    /// Sends if there is room and nobody waits for it.
    pub(super) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let mut message = Some(message);
        let accept = |chan: &mut Chan<T>, room| chan.accept(room, message.take().expect("once"));
        match self.shared.try_with(ROOM, 1, accept) {
            Ok(sent) => sent.map_err(|SendError(message)| TrySendError::Closed(message)),
            Err(_) => Err(TrySendError::Full(message.expect("nobody took it"))),
        }
    }

    /// Reserves if there is room and nobody waits for it. Nothing can be had in any case, as in tokio: it takes
    /// nothing away from those who wait.
    pub(super) fn try_reserve(&self, places: usize) -> Result<(), TrySendError<()>> {
        if places == 0 {
            return if self.is_closed() { Err(TrySendError::Closed(())) } else { Ok(()) };
        }
        match self.shared.try_with(ROOM, places, Chan::check) {
            Ok(reserved) => reserved.map_err(TrySendError::from),
            Err(_) => Err(TrySendError::Full(())),
        }
    }

    /// Puts a message into a place that was reserved.
    pub(super) fn send_reserved(&self, message: T) {
        let undeliverable = self.shared.update_for_alone(|chan| chan.put(message));
        drop(undeliverable);
    }

    /// Gives places back.
    pub(super) fn release(&self, places: usize) {
        if places > 0 {
            self.shared.update(|chan| chan.release(places));
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.shared.read(|chan| chan.is_closed)
    }

    pub(super) fn poll_closed(&self, place: &mut Place, cx: &Context<'_>) -> Poll<()>
    where
        T: 'static,
    {
        let look = |chan: &mut Chan<T>| if chan.is_closed { Ok(()) } else { Err(0) };
        self.shared.poll_take(CLOSED, place, cx, look)
    }

    pub(super) fn downgrade(&self) -> WeakTx<T> {
        self.shared.update(|chan| chan.weak_senders += 1);
        WeakTx { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Clone for Tx<T> {
    fn clone(&self) -> Self {
        self.shared.update(|chan| chan.senders += 1);
        Tx { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for Tx<T> {
    fn drop(&mut self) {
        self.shared.update(|chan| chan.senders -= 1);
    }
}

impl<T> WeakTx<T> {
    pub(super) fn shared(&self) -> &Way<T> {
        &self.shared
    }

    pub(super) fn upgrade(&self) -> Option<Tx<T>> {
        let count = |chan: &mut Chan<T>| {
            chan.senders += usize::from(chan.senders > 0);
            chan.senders > 0
        };
        self.shared.update(count).then(|| Tx { shared: Arc::clone(&self.shared) })
    }
}

impl<T> Clone for WeakTx<T> {
    fn clone(&self) -> Self {
        self.shared.update(|chan| chan.weak_senders += 1);
        WeakTx { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for WeakTx<T> {
    fn drop(&mut self) {
        self.shared.update(|chan| chan.weak_senders -= 1);
    }
}

impl<T> Rx<T> {
    pub(super) fn try_recv(&mut self) -> Result<T, TryRecvError> {
        match self.shared.update(Chan::pop) {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(TryRecvError::Disconnected),
            Err(_) => Err(TryRecvError::Empty),
        }
    }

    pub(super) fn poll_recv(&mut self, cx: &Context<'_>) -> Poll<Option<T>>
    where
        T: 'static,
    {
        self.shared.poll_take(MESSAGE, &mut self.place, cx, Chan::pop)
    }

    pub(super) fn poll_recv_many(
        &mut self,
        cx: &Context<'_>,
        messages: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize>
    where
        T: 'static,
    {
        let take = |chan: &mut Chan<T>| chan.pop_many(messages, limit);
        self.shared.poll_take(MESSAGE, &mut self.place, cx, take)
    }

    /// Waits no longer.
    pub(super) fn stop_waiting(&mut self) {
        self.shared.leave(MESSAGE, &mut self.place);
    }

    pub(super) fn close(&self) {
        self.shared.update(|chan| chan.is_closed = true);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.shared.read(|chan| chan.is_closed || chan.senders == 0)
    }

    pub(super) fn len(&self) -> usize {
        self.shared.read(|chan| chan.queue.len())
    }
}

impl<T> Drop for Rx<T> {
    fn drop(&mut self) {
        self.stop_waiting();
        let messages = self.shared.update(|chan| {
            chan.is_closed = true;
            chan.has_receiver = false;
            chan.room += chan.queue.len();
            mem::take(&mut chan.queue)
        });
        discard(messages);
    }
}

impl<T> fmt::Debug for Tx<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

impl<T> fmt::Debug for WeakTx<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

impl<T> fmt::Debug for Rx<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}
