//! Many runs of one program: find the schedule that breaks it, shrink it, explain it, bring it back.
//!
//! A search runs a program again and again, each time from the start and under another schedule. It ends with
//! an [`Exploration`]: how far it went, what the runs came to, and for each failure the simplest schedule that
//! shows it, beside the nearest one that does not.
//!
//! | strategy | tries | for |
//! |---|---|---|
//! | [`portfolio`](Explorer::portfolio) | several ways of drawing, in turn; the default | anything |
//! | [`random`](Explorer::random) | each ready task with equal probability | comparing with the others |
//! | [`pos`](Explorer::pos) | a priority for each turn | turns that come late |
//! | [`pct`](Explorer::pct) | priorities that change at a few points | one task that is held up for long |
//! | [`walk`](Explorer::walk) | each interleaving about equally likely | many different orders |
//! | [`chase`](Explorer::chase) | whoever is behind catches up | tasks of unequal length |
//! | [`dash`](Explorer::dash) | the same, and short runs of one task | one that waits too long |
//! | [`relay`](Explorer::relay) | the same, and whoever is woken goes first | handing over |
//! | [`exhaustive`](Explorer::exhaustive) | every schedule, the simplest first | small programs, proofs |
//! | [`reduced`](Explorer::reduced) | one schedule of all that come to the same | larger ones, that share by [`Shared`] |
//!
//! What is tried are the choices of a run (S31): which ready task runs, the values of
//! [`choose`](crate::choose), the order in which a race polls its branches. Tasks that wake at different
//! instants are never in a race. The guide [`searching`](crate::guide::searching) walks through an example.

mod audit;
mod digests;
mod draw;
mod engine;
mod environment;
mod exhaustive;
mod explain;
mod exploration;
mod explorer;
mod footprint;
mod identity;
mod outcome;
mod pool;
mod program;
mod progress;
mod races;
mod reduced;
mod search;
mod seeds;
mod settings;
mod shared;
mod shrink;
mod tally;
mod text;
mod tree;

use std::future::Future;

pub use exploration::{Exploration, Extent, Finding, OutcomeCount};
pub use explorer::Explorer;
pub use outcome::Outcome;
pub use shared::Shared;

/// Searches for a schedule that breaks a program, with the default [`Explorer`].
///
/// The closure makes the program anew for each run. What may be returned is an [`Outcome`]; an `Err` counts as
/// a failure.
///
/// # Panics
///
/// Panics with the rendered report if a run fails.
///
/// # Examples
///
/// ```
/// use simloop::{explore::explore, spawn, yield_now};
/// use std::{cell::Cell, rc::Rc};
///
/// let exploration = explore(|| async {
///     let count = Rc::new(Cell::new(0));
///     let tasks = [(); 2].map(|()| {
///         let count = Rc::clone(&count);
///         spawn(async move {
///             count.set(count.get() + 1);
///             yield_now().await;
///         })
///     });
///     for task in tasks {
///         task.await.unwrap();
///     }
///     count.get()
/// });
/// assert_eq!(exploration.outcomes[0].shown, "2");
/// ```
#[doc(alias = "model")]
#[doc(alias = "check_random")]
#[track_caller]
pub fn explore<F, R>(program: F) -> Exploration
where
    F: Fn() -> R + Sync,
    R: Future<Output: Outcome + 'static> + 'static,
{
    Explorer::new().check(program)
}
