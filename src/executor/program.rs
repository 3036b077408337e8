//! What a program asks of the loop besides tasks and time: random numbers, choices, notes.

use std::fmt;

use super::context;
use crate::rng::Rng;

/// Returns a generator for the running task's random numbers (S33).
///
/// It comes from the run's seed, the task's path, and how often the task has asked: a new task elsewhere
/// does not disturb the draws of this one, and each call gives an independent generator. Keep it where
/// many numbers are drawn.
///
/// The path of a task without a name has its place among its siblings without one, so one more of them shifts
/// the draws of those that are spawned after it: name the tasks that draw.
///
/// # Panics
///
/// Panics outside a loop.
///
/// # Examples
///
/// ```
/// use simloop::{Builder, rng};
///
/// let draw = |seed| Builder::new().seed(seed).run(async { rng().range(0..1000) }).unwrap();
/// assert_eq!(draw(7), draw(7));
/// assert_ne!(draw(7), draw(8));
/// ```
#[track_caller]
pub fn rng() -> Rng {
    context::with("rng", |core| core.draw())
}

/// Chooses one of `alternatives` values, from 0 to `alternatives` - 1, as the policy says (S31).
///
/// Unlike a random number a choice is part of the schedule: first-in first-out takes 0, a replay takes what
/// was taken, and a search tries them all. With one alternative there is no choice and the answer is 0.
///
/// # Panics
///
/// Panics outside a loop, and with no alternative or more than `u32::MAX` of them.
///
/// # Examples
///
/// ```
/// use simloop::{Builder, choose, policy::Random};
///
/// assert_eq!(Builder::new().run(async { choose(6) }).unwrap(), 0);
/// let report = Builder::new().policy(Random::new(1)).run(async { choose(6) });
/// let replay = Builder::new().replay(&report.schedule.to_string()).run(async { choose(6) });
/// assert_eq!(replay.unwrap(), report.unwrap());
/// ```
#[doc(alias = "buggify")]
#[doc(alias = "RandomInteger")]
#[track_caller]
pub fn choose(alternatives: usize) -> usize {
    assert!(alternatives > 0, "`choose(0)` has nothing to choose from");
    let Ok(alternatives) = u32::try_from(alternatives) else {
        panic!("`choose({alternatives})` has too many to choose from: at most 4294967295")
    };
    // A failure is kept by the loop and ends the run when the poll is over; any answer does until then.
    context::current("choose").choose_value(alternatives).unwrap_or(0)
}

/// Writes a line of the program into the trace.
///
/// Takes what [`format!`] takes. With [`Builder::echo`](crate::Builder::echo) the line is printed to
/// standard output as well. The arguments are formatted only if somebody wants the line.
///
/// # Panics
///
/// Panics outside a loop.
///
/// # Examples
///
/// ```
/// use simloop::{Builder, note, trace::Level};
///
/// let report = Builder::new().trace(Level::Tasks).run(async { note!("answer: {}", 6 * 7) });
/// assert_eq!(report.trace.notes().collect::<Vec<_>>(), ["answer: 42"]);
/// ```
#[doc(alias = "say")]
#[doc(alias = "traceM")]
#[macro_export]
macro_rules! note {
    ($($argument:tt)*) => {
        $crate::write_note(::core::format_args!($($argument)*))
    };
}

#[doc(hidden)]
#[track_caller]
pub fn write_note(line: fmt::Arguments<'_>) {
    let core = context::current("note!");
    let (is_traced, is_echoed) = {
        let state = core.state();
        (state.kernel.log().is_on(), state.echo)
    };
    #[cfg(feature = "tracing")]
    let is_logged = super::core::Core::wants_notes();
    #[cfg(not(feature = "tracing"))]
    let is_logged = false;
    if is_traced || is_echoed || is_logged {
        // Formatted without a borrow: what is formatted is the program's.
        let line = line.to_string();
        core.state().kernel.note(&line);
        if is_echoed {
            println!("{line}");
        }
        #[cfg(feature = "tracing")]
        core.log_note(&line);
    }
}
