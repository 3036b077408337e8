//! Channels in which every receiver sees every message, as tokio's `sync::broadcast`.
//!
//! Sending never waits. A receiver that is so slow that messages need the place of some it has not seen is told
//! how many it has missed ([`RecvError::Lagged`](error::RecvError::Lagged)), and goes on with the oldest that is
//! there.
//!
//! A message is stored once. Receivers get clones of it, made with nothing of the channel locked; the last one
//! gets the message itself, where tokio clones once more and drops it.
//!
//! # Examples
//!
//! ```
//! use simloop::{run, spawn, sync::broadcast, sync::broadcast::error::RecvError};
//!
//! run(async {
//!     let (tx, mut one) = broadcast::channel(2);
//!     let mut other = tx.subscribe();
//!     let reader = spawn(async move { (other.recv().await, other.recv().await) });
//!     assert_eq!(tx.send("hello").unwrap(), 2);
//!     assert_eq!(tx.send("world").unwrap(), 2);
//!     assert_eq!(reader.await.unwrap(), (Ok("hello"), Ok("world")));
//!     tx.send("again").unwrap();
//!     assert_eq!(one.recv().await, Err(RecvError::Lagged(1)));
//!     assert_eq!(one.recv().await, Ok("world"));
//! });
//! ```

pub mod error;
mod receiver;
mod ring;
mod sender;

use std::sync::Arc;

use self::ring::Ring;
use super::gate::{Place, Shared};

pub use self::receiver::{Receiver, Recv};
pub use self::sender::{Closed, Sender, WeakSender};

type Way<T> = Arc<Shared<Ring<T>, 2>>;

/// Creates a channel that keeps at least `capacity` messages, with one receiver. Needs no loop.
///
/// As in tokio the capacity is rounded up to a power of two. Room is taken as it is needed.
///
/// # Panics
///
/// Panics if `capacity` is zero or above `usize::MAX / 2`.
#[track_caller]
pub fn channel<T: Clone>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let shared = make(capacity, 1);
    let place = Place::default();
    (Sender { shared: Arc::clone(&shared) }, Receiver { shared, next: 0, place })
}

#[track_caller]
fn make<T>(capacity: usize, receivers: usize) -> Way<T> {
    assert!(capacity > 0, "a broadcast needs room for at least one message");
    assert!(
        capacity <= usize::MAX / 2,
        "a broadcast has room for at most `usize::MAX / 2` messages"
    );
    Shared::new(Ring::new(capacity.next_power_of_two(), receivers))
}
