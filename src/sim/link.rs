//! A link over which bytes go: so many a second, and a while on the way.

use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use super::alarm::Alarm;
use super::channel::{self, LinkReceiver, LinkSender, Receiving, Waiting};
use super::delay::Delay;
use super::statistics::LinkStatistics;
use super::wire::{ChannelId, FrameId, Freight, Wire};
use crate::executor::access::Tracked;
use crate::executor::{self, Description, RunId, Timer, Wanted};
use crate::kernel::Instant;
use crate::kernel::ordered::Map;
use crate::rng::Rng;
use crate::sync::wakes::Wakee;

/// One direction of a network link: a bandwidth, a latency, and losses if they are asked for.
///
/// What is sent takes its size over the bandwidth to leave, to the nearest nanosecond, and then the latency to
/// arrive. The bandwidth is had by one after the other, in the order of sending: who comes later waits until
/// what came before has left. The latencies overlap: what is on its way hinders nobody.
///
/// - [`transfer`](Self::transfer) is a download or an upload as a plain async call.
/// - [`channel`](Self::channel) sends messages to a receiver, which is a stream.
///
/// Both share the bandwidth. A link goes on while the loop is blocked
/// ([`block_for`](crate::time::block_for)): when that is over, what has arrived meanwhile is there.
///
/// # Order
///
/// Where the latency is drawn, what was sent later could arrive earlier. A link is in order all the same, as TCP
/// is: nothing arrives before what was sent before it, unless that was lost. With
/// [`in_order(false)`](Self::in_order) each arrives for itself, as with UDP.
///
/// # Random numbers
///
/// Losses and latencies are drawn from the generator of the task that sends (S33), one call of
/// [`rng`](crate::rng()) a transfer or message, also where nothing is left to chance. So whether the third
/// message of a task is lost depends on the seed, on its path and on its own draws, and not on what others send.
///
/// # Examples
///
/// ```
/// use simloop::{gather, now, run, sim::Link};
/// use std::time::Duration;
///
/// run(async {
///     // A megabyte a second, 50 ms away.
///     let link = Link::new(Duration::from_millis(50), 1_000_000).named("downlink");
///     let download = |bytes| {
///         let transfer = link.transfer(bytes);
///         async move { transfer.await.map(|()| now().to_string()) }
///     };
///     let (page, film) = gather!(download(100_000), download(2_000_000)).await;
///     assert_eq!(page.unwrap(), "150ms", "100 ms to leave, 50 ms to arrive");
///     assert_eq!(film.unwrap(), "2.15s", "it began to leave when the page had left");
/// });
/// ```
#[derive(Clone)]
pub struct Link {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) run: RunId,
    made_at: &'static Location<'static>,
    tracked: Tracked,
    /// Never contended, and never held while anything foreign runs or is dropped.
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) wire: Wire,
    latency: Delay,
    /// So many of so many are lost.
    loss: (u32, u32),
    is_in_order: bool,
    pub(super) name: Option<Box<str>>,
    /// Of transfers: woken where they arrive earlier than was known.
    pub(super) wakees: Map<FrameId, Wakee>,
    pub(super) alarm: Alarm,
    pub(super) channels: Map<ChannelId, Receiving>,
    pub(super) channels_made: u64,
    pub(super) is_listed: bool,
    /// Its number in the trace, if that tells who waits for what.
    pub(super) traced: Option<u32>,
}

impl Link {
    /// Creates a link with a latency, which may be drawn, and a bandwidth in bytes a second.
    ///
    /// A bandwidth of `u64::MAX` is as good as none: the bytes take no time.
    ///
    /// # Panics
    ///
    /// Panics outside a loop, and with a bandwidth of 0.
    #[track_caller]
    pub fn new(latency: impl Into<Delay>, bandwidth: u64) -> Link {
        assert!(bandwidth > 0, "a link needs a bandwidth of 1 byte a second at least");
        let (run, now) = executor::own_moment("Link::new");
        let latency = latency.into();
        let made_at = Location::caller();
        let shared = Arc::new_cyclic(|shared| {
            let alarm = Alarm::new(shared);
            let state = State {
                wire: Wire::new(bandwidth, now),
                latency,
                loss: (0, 1),
                is_in_order: true,
                name: None,
                wakees: Map::new(),
                alarm,
                channels: Map::new(),
                channels_made: 0,
                is_listed: false,
                traced: None,
            };
            let (tracked, state) = (Tracked::new(), Mutex::new(state));
            Shared { run, made_at, tracked, state }
        });
        Link { shared }
    }

    /// Gives it a name, for reports.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        self.shared.lock().name = Some(name.into().into());
        self
    }

    /// Loses what is sent from now on with a probability of exactly `numerator / denominator`.
    ///
    /// What is lost takes its time on the link as if it were not.
    ///
    /// # Panics
    ///
    /// Panics if `denominator` is 0, or if `numerator` is above `denominator`.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{now, run, sim::Link};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let dead = Link::new(Duration::from_millis(50), 1000).loss(1, 1);
    ///     assert!(dead.transfer(1000).await.is_err());
    ///     assert_eq!(now().to_string(), "1.05s");
    /// });
    /// ```
    #[must_use]
    #[track_caller]
    pub fn loss(self, numerator: u32, denominator: u32) -> Self {
        self.set_loss(numerator, denominator);
        self
    }

    /// The same for a link that is in use, of which each clone is told: what was sent before is not affected.
    ///
    /// # Panics
    ///
    /// As [`loss`](Self::loss) does.
    ///
    /// # Examples
    ///
    /// A cut that is mended:
    ///
    /// ```
    /// use simloop::{run, sim::Link};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let link = Link::new(Duration::from_millis(50), 1000);
    ///     let at_the_other_end = link.clone();
    ///     link.set_loss(1, 1);
    ///     assert!(at_the_other_end.transfer(100).await.is_err());
    ///     link.set_loss(0, 1);
    ///     assert!(at_the_other_end.transfer(100).await.is_ok());
    /// });
    /// ```
    #[doc(alias = "partition")]
    #[doc(alias = "repair")]
    #[doc(alias = "clog")]
    #[track_caller]
    pub fn set_loss(&self, numerator: u32, denominator: u32) {
        // Draws to no purpose, so that what is no chance is told here and not when something is sent.
        Rng::new(0).chance(numerator, denominator);
        self.shared.lock().loss = (numerator, denominator);
    }

    /// Says whether what is sent from now on arrives in order; it does unless told otherwise.
    #[must_use]
    pub fn in_order(self, is_in_order: bool) -> Self {
        self.shared.lock().is_in_order = is_in_order;
        self
    }

    /// Sends so many bytes over the link, and waits until the last has arrived: a download, an upload.
    ///
    /// The future stands in line from its first poll on.
    ///
    /// # Errors
    ///
    /// [`Lost`], at the instant at which it would have arrived. A program that is to find out by itself puts a
    /// [`timeout`](crate::timeout()) around it, and ignores the error.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection: it leaves the line, or what has not left as yet is not sent,
    /// and the link is free at once for the next. What has left is on its way and hinders nobody.
    ///
    /// # Panics
    ///
    /// The future panics when polled in another loop than that of the link.
    #[inline]
    pub fn transfer(&self, bytes: u64) -> Transfer {
        Transfer { shared: Arc::clone(&self.shared), bytes, sent: None, is_done: false }
    }

    /// Creates a channel over the link: messages are sent without waiting, and arrive at a receiver.
    ///
    /// The messages of all channels and all transfers share the bandwidth. Of a channel that is in order
    /// nothing overtakes what goes over the same link.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{now, run, sim::Link};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let link = Link::new(Duration::from_millis(50), 1_000);
    ///     let (sender, mut receiver) = link.channel();
    ///     sender.send("hello", 100);
    ///     sender.send("world", 100);
    ///     drop(sender);
    ///     assert_eq!((receiver.recv().await, now().to_string()), (Some("hello"), "150ms".into()));
    ///     assert_eq!((receiver.recv().await, now().to_string()), (Some("world"), "250ms".into()));
    ///     assert_eq!(receiver.recv().await, None);
    /// });
    /// ```
    ///
    /// # Panics
    ///
    /// Panics outside a loop, and in another one than that of the link.
    #[track_caller]
    pub fn channel<T>(&self) -> (LinkSender<T>, LinkReceiver<T>) {
        self.shared.check_run("Link::channel");
        channel::pair(&self.shared)
    }

    /// Returns the bandwidth in bytes a second.
    #[inline]
    pub fn bandwidth(&self) -> u64 {
        self.shared.lock().wire.bandwidth()
    }

    /// Returns what has been seen up to now; after the run, and on another thread, up to the last change.
    pub fn statistics(&self) -> LinkStatistics {
        let mut state = self.shared.lock();
        let now = self.shared.now(&state);
        state.wire.advance(now);
        state.wire.statistics()
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.lock();
        let mut shown = f.debug_struct("Link");
        if let Some(name) = &state.name {
            shown.field("name", name);
        }
        shown.field("bandwidth", &state.wire.bandwidth()).finish_non_exhaustive()
    }
}

impl Shared {
    /// What it is called in reports.
    pub(super) const KIND: &'static str = "link";

    /// What a receiver wants of it.
    pub(super) fn wanted() -> Wanted {
        Wanted { before: "a message from ".to_owned(), after: String::new() }
    }

    /// Nothing foreign runs under it, so a poisoned lock is as good as any.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.tracked.write();
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present instant. After the run, and on another thread, time stands still.
    pub(super) fn now(&self, state: &State) -> Instant {
        executor::instant_of(self.run).unwrap_or(state.wire.now())
    }

    #[track_caller]
    pub(super) fn check_run(&self, what: &str) {
        assert!(
            executor::current_run(what) == self.run,
            "a link was used in another loop than the one it was made in"
        );
    }

    /// Draws what becomes of a transfer or message, and sends it. A message is `put` where its receiver finds it.
    pub(super) fn send<R>(
        &self,
        bytes: u64,
        channel: Option<ChannelId>,
        put: impl FnOnce(&mut State, FrameId, bool) -> R,
    ) -> R {
        let state = self.lock();
        let (latency, (numerator, denominator)) = (state.latency.clone(), state.loss);
        drop(state);
        // What draws a latency may be the program's.
        let mut rng = executor::rng();
        let is_lost = rng.chance(numerator, denominator);
        let latency = latency.draw(&mut rng);
        let mut state = self.lock();
        let is_in_order = state.is_in_order;
        let freight = Freight { bytes, latency, is_lost, is_in_order, channel };
        let now = self.now(&state);
        let id = state.wire.send(freight, now);
        put(&mut state, id, is_lost)
    }

    /// Takes back what a sender gave up, and wakes those for whom something arrives earlier now.
    fn withdraw(&self, id: FrameId) {
        let mut state = self.lock();
        let own = state.wakees.remove(id);
        let now = self.now(&state);
        state.wire.withdraw(id, now);
        let wakes = self.tell_earlier(&mut state);
        self.set_alarm(&mut state);
        drop(state);
        drop(own);
        wakes.wake();
    }
}

impl executor::Resource for Shared {
    fn describe(&self) -> Description {
        let state = &mut *self.lock();
        let wire = &mut state.wire;
        let mut told = Description::new(Shared::KIND, state.name.as_deref(), self.made_at);
        for (channel, receiving) in state.channels.iter() {
            let Some(Waiting { wakee, .. }) = &receiving.waiting else { continue };
            // Who knows when the next message arrives waits for that instant.
            if wire.next_due(channel).is_none_or(|(arrives, _)| arrives.is_never()) {
                wakee.tell(Shared::wanted(), &mut told.waiters);
            }
        }
        told
    }
}

/// What was sent was lost on the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lost;

impl fmt::Display for Lost {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("lost on the way")
    }
}

impl std::error::Error for Lost {}

/// Future of [`Link::transfer`].
///
/// # Cancel safety
///
/// Dropping it leaves the line, or ends the transfer: the link is free at once for the next.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Transfer {
    shared: Arc<Shared>,
    bytes: u64,
    sent: Option<Sent>,
    is_done: bool,
}

struct Sent {
    id: FrameId,
    arrives: Instant,
    timer: Timer,
}

impl Future for Transfer {
    type Output = Result<(), Lost>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Transfer { shared, bytes, sent, is_done } = &mut *self;
        assert!(!*is_done, "a transfer was polled after it had ended");
        shared.check_run("Link::transfer");
        let sent = match sent {
            Some(sent) => sent,
            None => {
                let (id, arrives) =
                    shared.send(*bytes, None, |state, id, _| (id, state.wire.arrival(id)));
                let (timer, _) = Timer::new("Link::transfer");
                sent.insert(Sent { id, arrives, timer })
            }
        };
        let wakee = Wakee::of(cx);
        let mut state = shared.lock();
        let now = shared.now(&state);
        state.wire.advance(now);
        let replaced = state.wakees.remove(sent.id);
        let wakes = shared.tell_earlier(&mut state);
        let arrives = state.wire.arrival(sent.id);
        let has_arrived = arrives <= now;
        let (is_lost, unused) = if has_arrived {
            (state.wire.finish(sent.id), Some(wakee))
        } else {
            (false, state.wakees.insert(sent.id, wakee))
        };
        shared.set_alarm(&mut state);
        drop(state);
        drop((replaced, unused));
        wakes.wake();
        if has_arrived {
            self.sent = None;
            self.is_done = true;
            return Poll::Ready(if is_lost { Err(Lost) } else { Ok(()) });
        }
        if arrives != mem::replace(&mut sent.arrives, arrives) {
            sent.timer.cancel();
        }
        sent.timer
            .poll(arrives, cx)
            .map(|()| unreachable!("it arrives later, and time stands still"))
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        if let Some(sent) = self.sent.take() {
            self.shared.withdraw(sent.id);
        }
    }
}

impl fmt::Debug for Transfer {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transfer")
            .field("bytes", &self.bytes)
            .field("is_sent", &self.sent.is_some())
            .finish_non_exhaustive()
    }
}
