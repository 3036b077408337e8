//! Channels with many senders and one receiver, as tokio's `sync::mpsc`.
//!
//! Names and meanings are tokio's, so that code moves over by its `use`. What is stricter here: senders that
//! wait for room are served first-in first-out and nobody barges in (S28), and the order of everything is the
//! same in every run. The blocking variants are left out: a loop on one thread would wait for itself.
//!
//! Receivers are `Stream`s. With the feature `sink`, senders are `Sink`s.
//!
//! # Examples
//!
//! ```
//! use simloop::{now, run, sleep, spawn, sync::mpsc};
//! use std::time::Duration;
//!
//! run(async {
//!     let (tx, mut rx) = mpsc::channel(1);
//!     spawn(async move {
//!         for number in 1..=3 {
//!             tx.send(number).await.unwrap();
//!         }
//!     });
//!     let mut seen = Vec::new();
//!     while let Some(number) = rx.recv().await {
//!         sleep(Duration::from_secs(1)).await;
//!         seen.push((number, now().to_string()));
//!     }
//!     let expected = [(1, "1s"), (2, "2s"), (3, "3s")];
//!     assert_eq!(seen, expected.map(|(number, at)| (number, at.to_owned())));
//! });
//! ```

#[macro_use]
mod handles;

mod bounded;
mod chan;
pub mod error;
mod permit;
mod receive;
#[cfg(feature = "sink")]
mod sink;
mod unbounded;

pub use bounded::{SendMessage, SendTimeout, Sender, WeakSender, channel};
pub use permit::{OwnedPermit, Permit, PermitIterator, Reserve, ReserveMany, ReserveOwned};
pub use receive::{Closed, Receiver, Recv, RecvMany, UnboundedReceiver};
pub use unbounded::{UnboundedSender, WeakUnboundedSender, unbounded_channel};
