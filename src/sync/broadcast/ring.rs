//! The messages of a broadcast: each stays until all who were there have received it, or newer ones need its place.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::RecvError;
use crate::executor::{Party, Wanted};
use crate::sync::away::Away;
use crate::sync::gate::Gate;

/// The line of receivers.
pub(super) const MESSAGE: usize = 0;

/// The line of senders that wait for the receivers to go.
pub(super) const CLOSED: usize = 1;

/// A message, shared by those who will clone it. The lock is the message's own and makes it `Sync`: nobody
/// waits for it, and whoever clones a message holds no other.
pub(super) struct Message<T>(Arc<Shown<T>>);

struct Shown<T> {
    value: Mutex<T>,
    /// With whom the value is who clones it. Changed by whoever has the value.
    cloned_by: Mutex<Option<Away>>,
}

pub(super) struct Ring<T> {
    /// The newest messages. The first is one that somebody has not received: those who have not received a
    /// message have not received any later one.
    slots: VecDeque<Slot<T>>,
    room: usize,
    /// How many messages were ever sent: the number of the next one.
    sent: u64,
    pub(super) senders: usize,
    pub(super) weak_senders: usize,
    pub(super) receivers: usize,
}

struct Slot<T> {
    message: Message<T>,
    /// How many receivers have not received it.
    left: usize,
}

impl<T> Gate for Ring<T> {
    const CALLED_FROM: usize = MESSAGE;
    /// The number of the message waited for.
    type Need = u64;
    type Grant = ();

    fn kind(&self) -> &'static str {
        "broadcast"
    }

    fn serve(&mut self, _: usize, _: &mut u64, _: Option<Party>) -> Option<()> {
        None
    }

    fn calls(&self, line: usize, next: &u64) -> bool {
        if line == MESSAGE { self.sent > *next || self.senders == 0 } else { self.receivers == 0 }
    }

    fn take_back(&mut self, (): ()) -> Option<()> {
        None
    }

    fn wanted(&self, line: usize, _: &u64) -> Wanted {
        let (before, after) =
            if line == MESSAGE { ("a message of ", " (empty)") } else { ("the end of ", "") };
        Wanted { before: before.to_owned(), after: after.to_owned() }
    }
}

impl<T> Ring<T> {
    pub(super) fn new(room: usize, receivers: usize) -> Self {
        Ring { slots: VecDeque::new(), room, sent: 0, senders: 1, weak_senders: 0, receivers }
    }

    /// How many messages were not received by all.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Adds a message and returns how many will receive it, and the message that had to go.
    pub(super) fn push(&mut self, message: Message<T>) -> (usize, Option<Message<T>>) {
        let oldest = if self.slots.len() == self.room { self.slots.pop_front() } else { None };
        self.slots.push_back(Slot { message, left: self.receivers });
        self.sent += 1;
        (self.receivers, oldest.map(|slot| slot.message))
    }

    /// Takes the message of this number for one receiver, and moves the number on. `None` where it was not
    /// sent yet, and may be.
    pub(super) fn take(&mut self, next: &mut u64) -> Option<Result<Message<T>, RecvError>> {
        if *next == self.sent {
            return (self.senders == 0).then_some(Err(RecvError::Closed));
        }
        let oldest = self.sent.saturating_sub(self.room as u64);
        if *next < oldest {
            let missed = oldest - *next;
            *next = oldest;
            return Some(Err(RecvError::Lagged(missed)));
        }
        let place = self.place(*next);
        *next += 1;
        let slot = &mut self.slots[place];
        slot.left -= 1;
        if slot.left > 0 {
            return Some(Ok(slot.message.share()));
        }
        // Nobody has to receive it any more, nor any before it.
        let slot = self.slots.pop_front().expect("it is there");
        Some(Ok(slot.message))
    }

    /// Counts one receiver out of all messages from this number on, and returns those that nobody else wants.
    pub(super) fn leave(&mut self, next: u64) -> Vec<Message<T>> {
        self.receivers -= 1;
        let oldest = self.sent - self.slots.len() as u64;
        let from = self.place(next.max(oldest));
        for slot in self.slots.range_mut(from..) {
            slot.left -= 1;
        }
        let unwanted = self.slots.iter().take_while(|slot| slot.left == 0).count();
        self.slots.drain(..unwanted).map(|slot| slot.message).collect()
    }

    fn place(&self, number: u64) -> usize {
        self.slots.len() - (self.sent - number) as usize
    }
}

impl<T> Message<T> {
    pub(super) fn new(value: T) -> Self {
        let (value, cloned_by) = (Mutex::new(value), Mutex::new(None));
        Message(Arc::new(Shown { value, cloned_by }))
    }

    fn share(&self) -> Self {
        Message(Arc::clone(&self.0))
    }
}

impl<T: Clone> Message<T> {
    /// The value, cloned if others want it too. Waits for another thread that clones it.
    ///
    /// # Panics
    ///
    /// Panics if this thread is about to clone it already.
    #[track_caller]
    pub(super) fn into_value(self) -> T {
        match Arc::try_unwrap(self.0) {
            Ok(alone) => alone.value.into_inner().unwrap_or_else(PoisonError::into_inner),
            Err(shared) => {
                // A lock that this thread has would never be free.
                if let Some(away) = shared.cloned_by() {
                    away.wait(
                        "the `clone` of a broadcast's message received the same message\n  \
                         in tokio this would wait for ever",
                    );
                }
                // If a `clone` has panicked, the value is what it was.
                let value = shared.value.lock().unwrap_or_else(PoisonError::into_inner);
                let _cloning = Cloning::begin(&shared.cloned_by);
                T::clone(&value)
            }
        }
    }
}

impl<T> Shown<T> {
    fn cloned_by(&self) -> Option<Away> {
        *self.cloned_by.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes that this thread clones a value, as long as it does.
struct Cloning<'a>(&'a Mutex<Option<Away>>);

impl<'a> Cloning<'a> {
    #[inline]
    fn begin(by: &'a Mutex<Option<Away>>) -> Self {
        *by.lock().unwrap_or_else(PoisonError::into_inner) = Some(Away::here());
        Cloning(by)
    }
}

impl Drop for Cloning<'_> {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
