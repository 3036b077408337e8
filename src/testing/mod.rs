//! Tools for tests of programs and of policies.
//!
//! [`laws`] checks a [`Policy`](crate::policy::Policy) of your own against what every run relies on. It makes up
//! small [`Program`]s for that, which you can also use yourself.

pub mod laws;
mod program;

pub use program::{Program, ProgramError, Step};
