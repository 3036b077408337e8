//! What a program under search may return, and which of that counts as a failure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Debug;
use std::time::Duration;

use crate::time::Instant;

/// What a program under search returns.
///
/// Outcomes are told apart by their `Debug` text. An `Err` is a failure of the run; any other value is an
/// outcome to be counted. Implement it for a type of your own in one line:
///
/// ```
/// use simloop::explore::{Explorer, Outcome};
///
/// #[derive(Debug)]
/// struct Balance(u64);
///
/// impl Outcome for Balance {}
///
/// let exploration = Explorer::new().run(|| async { Balance(3) });
/// assert_eq!(exploration.outcomes[0].shown, "Balance(3)");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not known as the outcome of a program under search",
    note = "derive `Debug`, and write `impl simloop::explore::Outcome for {Self} {{}}`"
)]
pub trait Outcome: Debug {
    /// Returns what is wrong with this outcome, if it counts as a failure. Nothing is, unless this is said.
    fn refusal(&self) -> Option<String> {
        None
    }
}

impl<T: Debug, E: Debug> Outcome for Result<T, E> {
    fn refusal(&self) -> Option<String> {
        self.as_ref().err().map(|error| format!("the program returned Err({error:?})"))
    }
}

macro_rules! outcomes {
    ($($kind:ty),+ $(,)?) => { $(impl Outcome for $kind {})+ };
}

outcomes![
    (),
    bool,
    char,
    u8,
    u16,
    u32,
    u64,
    u128,
    usize,
    i8,
    i16,
    i32,
    i64,
    i128,
    isize,
    f32,
    f64,
    String,
    &'static str,
    Duration,
    Instant,
];

impl<T: Debug> Outcome for Option<T> {}
impl<T: Debug> Outcome for Box<T> {}
impl<T: Debug> Outcome for Vec<T> {}
impl<T: Debug> Outcome for VecDeque<T> {}
impl<T: Debug> Outcome for BTreeSet<T> {}
impl<K: Debug, V: Debug> Outcome for BTreeMap<K, V> {}
impl<T: Debug, const N: usize> Outcome for [T; N] {}

macro_rules! tuples {
    ($($part:ident),+) => {
        impl<$($part: Debug),+> Outcome for ($($part,)+) {}
    };
}

tuples!(A);
tuples!(A, B);
tuples!(A, B, C);
tuples!(A, B, C, D);
tuples!(A, B, C, D, E);
tuples!(A, B, C, D, E, F);
