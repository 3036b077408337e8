//! What a search may make go wrong where the program did nothing wrong, and how a schedule says so.
//!
//! In the line of a schedule an injection has a word in place of a choice:
//!
//! ```text
//! v1:4=1/2,7!cancel,9!abort,12!poll,15!late+5000us
//! ```
//!
//! the task of turn 7 is cancelled in place of being polled; that of turn 9 is where it suspends; that of turn
//! 12 is woken by nobody when it suspends; the first timer of turn 15 is 5 ms late. As a [`Deviation`] it
//! has fewer than two alternatives, which no choice has.

use std::fmt;

use super::schedule::{Deviation, narrow, number};

/// Something that goes wrong because a search asked for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Injection {
    /// A task that was woken is cancelled before it goes on.
    Cancel,
    /// A task is cancelled where it suspends.
    Abort,
    /// A task that suspends is polled once more, though nobody has woken it (S17).
    Poll,
    /// A timer fires this many microseconds late, 1 or more.
    Late(u32),
}

const WORDS: [(Injection, &str); 3] =
    [(Injection::Cancel, "cancel"), (Injection::Abort, "abort"), (Injection::Poll, "poll")];

/// What stands for the number of alternatives, and tells the two kinds of injections apart.
const PLAIN: u32 = 0;
const LATE: u32 = 1;

impl Injection {
    pub(crate) fn at(self, turn: u64, place: u32) -> Deviation {
        let (alternatives, index) = match self {
            Injection::Cancel => (PLAIN, 1),
            Injection::Abort => (PLAIN, 2),
            Injection::Poll => (PLAIN, 3),
            Injection::Late(micros) => (LATE, micros),
        };
        Deviation { turn, place, alternatives, index }
    }

    /// Whether it is of the same kind as another, however late.
    pub(crate) fn is_like(self, other: Injection) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }

    pub(super) fn of(deviation: &Deviation) -> Option<Injection> {
        match (deviation.alternatives, deviation.index) {
            (PLAIN, 1) => Some(Injection::Cancel),
            (PLAIN, 2) => Some(Injection::Abort),
            (PLAIN, 3) => Some(Injection::Poll),
            (LATE, micros) => Some(Injection::Late(micros)),
            _ => None,
        }
    }

    /// Reads the word behind the exclamation mark.
    pub(super) fn parse(word: &str) -> Option<Injection> {
        match word.strip_prefix("late+").and_then(|rest| rest.strip_suffix("us")) {
            Some(micros) => match number(micros).and_then(narrow) {
                Ok(0) | Err(_) => None,
                Ok(micros) => Some(Injection::Late(micros)),
            },
            None => WORDS.iter().find(|(_, own)| *own == word).map(|(injection, _)| *injection),
        }
    }
}

/// The word in the line of a schedule.
impl fmt::Display for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Injection::Late(micros) = self {
            return write!(f, "late+{micros}us");
        }
        let word = WORDS.iter().find(|(injection, _)| injection == self);
        f.write_str(word.map_or("", |(_, word)| word))
    }
}
