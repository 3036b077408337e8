//! Tools for tests of programs and of policies.
//!
//! [`laws`] checks a [`Policy`](crate::policy::Policy) of your own against what every run relies on. It makes up
//! small [`Program`]s for that, which you can also use yourself. With the feature `proptest` there are
//! strategies for schedules, seeds, times and programs, and [`Property`], which searches inputs and schedules
//! together and shrinks both.
//!
//! The guide [`testing`](crate::guide::testing) has examples of all of them.

pub mod laws;
mod program;
#[cfg(feature = "proptest")]
mod property;
#[cfg(feature = "proptest")]
mod strategies;

pub use program::{Program, ProgramError, Step};
#[cfg(feature = "proptest")]
#[cfg_attr(docsrs, doc(cfg(feature = "proptest")))]
pub use property::{Counterexample, Property};
#[cfg(feature = "proptest")]
#[cfg_attr(docsrs, doc(cfg(feature = "proptest")))]
pub use strategies::{Choices, ChoicesTree, Plan, choices, durations, latencies, programs, seeds};

#[cfg(feature = "proptest")]
#[doc(hidden)]
pub use property::returning as __returning;
#[cfg(feature = "proptest")]
#[doc(hidden)]
pub use proptest as __proptest;
