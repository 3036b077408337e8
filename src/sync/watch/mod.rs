//! Channels for the latest value of something, as tokio's `sync::watch`: a configuration, for instance.
//!
//! Receivers see the latest value only, each at its own pace. Each value has a version; a receiver remembers
//! the one it has seen last, and is woken when there is another.
//!
//! # How it differs from tokio's
//!
//! [`borrow`](Receiver::borrow) locks nothing. A [`Ref`] is a snapshot: it keeps showing the value it was made
//! of, and `send` stores the next one beside it. To change a value *in place* ([`Sender::send_modify`],
//! [`Sender::send_if_modified`]) or to give the old one out ([`Sender::send_replace`]) while a `Ref` of it is
//! alive is impossible. If the `Ref` was borrowed on the same thread tokio would wait for it for ever, and here it
//! panics with advice. The same goes for using the channel's value from inside the closure that changes it. What another
//! thread has, a `Ref` or the closure, is waited for, as in tokio.
//!
//! Receivers are woken in the order in which they came; tokio draws lots.
//!
//! # Examples
//!
//! ```
//! use simloop::{now, run, sleep, spawn, sync::watch};
//! use std::time::Duration;
//!
//! run(async {
//!     let (tx, mut rx) = watch::channel("starting");
//!     spawn(async move {
//!         sleep(Duration::from_secs(1)).await;
//!         tx.send("running").unwrap();
//!         sleep(Duration::from_secs(1)).await;
//!     });
//!     assert_eq!(*rx.borrow(), "starting");
//!     rx.changed().await.unwrap();
//!     assert_eq!((*rx.borrow_and_update(), now().to_string()), ("running", "1s".to_owned()));
//!     assert!(rx.changed().await.is_err(), "the sender is gone at 2s");
//! });
//! ```

pub mod error;
mod receiver;
mod sender;
mod shown;

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

pub use self::receiver::{Changed, Receiver, WaitFor};
pub use self::sender::{Closed, Sender};
use self::shown::{Seen, Shown};
use super::away::Away;
use super::gate::{Gate, Place, Shared};
use crate::executor::{Party, Wanted};

/// The line of receivers that wait for another value.
const CHANGED: usize = 0;

/// The line of senders that wait for the receivers to go.
const CLOSED: usize = 1;

type Way<T> = Arc<Shared<Latest<T>, 2>>;

struct Latest<T> {
    /// Away while a closure of the user's changes it.
    value: Result<Arc<Shown<T>>, Away>,
    /// How often it has changed.
    version: u64,
    senders: usize,
    receivers: usize,
}

impl<T> Gate for Latest<T> {
    const CALLED_FROM: usize = CHANGED;
    /// The version seen last.
    type Need = u64;
    type Grant = ();

    fn kind(&self) -> &'static str {
        "watch"
    }

    fn serve(&mut self, _: usize, _: &mut u64, _: Option<Party>) -> Option<()> {
        None
    }

    fn calls(&self, line: usize, seen: &u64) -> bool {
        if line == CHANGED {
            self.version != *seen || self.senders == 0
        } else {
            self.receivers == 0
        }
    }

    fn take_back(&mut self, (): ()) -> Option<()> {
        None
    }

    fn wanted(&self, line: usize, _: &u64) -> Wanted {
        let before = if line == CHANGED { "a change of " } else { "the end of " };
        Wanted { before: before.to_owned(), after: String::new() }
    }
}

/// Creates a channel that shows `init` at first. Needs no loop.
///
/// The receiver has seen that value: [`changed`](Receiver::changed) waits for the next one.
#[track_caller]
pub fn channel<T>(init: T) -> (Sender<T>, Receiver<T>) {
    let value = Ok(Shown::new(init));
    let shared = Shared::new(Latest { value, version: 0, senders: 1, receivers: 1 });
    (Sender { shared: Arc::clone(&shared) }, Receiver { shared, seen: 0, place: Place::default() })
}

/// The value as it was when it was borrowed, and whether it was new to the receiver then.
///
/// It locks nothing. See the [module](self) for what senders cannot do while it is alive.
#[must_use = "to borrow a value changes nothing"]
pub struct Ref<'a, T> {
    seen: Seen<T>,
    has_changed: bool,
    /// As in tokio, it must not outlive the handle that it came from.
    handle: PhantomData<&'a T>,
}

impl<T> Ref<'_, T> {
    fn new(seen: Seen<T>, has_changed: bool) -> Self {
        Ref { seen, has_changed, handle: PhantomData }
    }
}

impl<T> Ref<'_, T> {
    /// Says whether the receiver had not seen the value when it was borrowed. With a sender it never is new.
    pub fn has_changed(&self) -> bool {
        self.has_changed
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.seen.shown.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ref")
            .field("value", &**self)
            .field("has_changed", &self.has_changed)
            .finish()
    }
}

/// The value and its version.
#[track_caller]
fn look<T>(shared: &Way<T>) -> (Seen<T>, u64) {
    loop {
        match shared.read(|latest| (latest.value.clone(), latest.version)) {
            (Ok(shown), version) => return (Seen::new(shown), version),
            (Err(away), _) => away.wait(USED_INSIDE),
        }
    }
}

const USED_INSIDE: &str = "the value of a watch was used by the closure that changes it\n  \
     in tokio this would wait for ever; use the value that the closure is given";
