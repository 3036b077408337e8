//! When two failures are the same one: equal in kind and place, whatever the instants and numbers.

use std::fmt::{self, Write};

use crate::report::{Failure, FailureKind, Later, LeftTask, Wait, WaitingTask};
use crate::trace::split_at_first;

/// The kind and place of a failure, found out where two of them are compared.
pub(super) struct Identity {
    /// Where two of these are equal, so is the rest.
    number: Option<u64>,
    place: Later<Place>,
}

/// All that counts of a failure.
///
/// A panic's place is its task and the line that raised it, whatever the message says: that of an assertion often
/// tells what was seen, and is another in each schedule. Only where the line is not known (a panic hook has to
/// tell it), or has merely passed on another task's panic, the message decides.
#[derive(Clone)]
struct Place {
    kind: String,
    raised_at: Option<String>,
    message: String,
}

impl Identity {
    pub(super) fn of(failure: &Failure) -> Self {
        let (number, failure) = (failure.place(), failure.clone());
        Identity { number, place: Later::new(move || Place::of(&failure)) }
    }

    /// Says whether two failures are the same one.
    pub(super) fn is(&self, other: &Self) -> bool {
        if self.number.is_some() && self.number == other.number {
            return true;
        }
        let (here, there) = (self.place.get(), other.place.get());
        let is_same_place = match (&here.raised_at, &there.raised_at) {
            (Some(here), Some(there)) => here == there,
            _ => here.message == there.message,
        };
        here.kind == there.kind && is_same_place
    }

    /// All of it that counts, as text.
    pub(super) fn shown(&self) -> String {
        let Place { kind, raised_at, message } = self.place.get();
        format!("{kind} {}", raised_at.as_ref().unwrap_or(message)).trim_end().to_owned()
    }
}

impl fmt::Debug for Identity {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Place {
    fn of(failure: &Failure) -> Self {
        let FailureKind::Panic(panic) = failure.kind() else {
            return Place { kind: kind(failure), raised_at: None, message: String::new() };
        };
        let is_passed_on = split_at_first(&panic.message, PASSED_ON).is_some();
        Place {
            kind: kind(failure),
            raised_at: panic.raised_at.clone().filter(|_| !is_passed_on),
            message: first_line(&panic.message),
        }
    }
}

/// Says whether two failures are the same one.
pub(super) fn is_same(one: &Failure, other: &Failure) -> bool {
    Identity::of(one).is(&Identity::of(other))
}

/// What the message of a panic has in it that tells of one that was joined.
const PASSED_ON: &str = "panicked: ";

/// What can be said without a panic's place.
fn kind(failure: &Failure) -> String {
    match failure.kind() {
        FailureKind::Deadlock(deadlock) => listed("deadlock", deadlock.waiting.iter().map(waiting)),
        FailureKind::Livelock(_) => "livelock".to_owned(),
        FailureKind::Panic(panic) => format!("panic {} {:?}", panic.path, panic.place),
        FailureKind::TurnLimit { .. } => "turn limit".to_owned(),
        FailureKind::TimeLimit { .. } => "time limit".to_owned(),
        FailureKind::ForeignWake { task, .. } => format!("foreign wake {task}"),
        FailureKind::Leftovers { tasks } => listed("leftovers", tasks.iter().map(left)),
        FailureKind::Refused { reason } => format!("refused {}", first_line(reason)),
        FailureKind::PolicyFault { fault, .. } => format!("policy {}", first_line(fault)),
        FailureKind::RootCancelled { task } => format!("root cancelled {task}"),
        other => first_line(&format!("{other:?}")),
    }
}

fn left(task: &LeftTask) -> String {
    task.path.clone()
}

fn waiting(task: &WaitingTask) -> String {
    let mut shown = task.path.clone();
    for wait in &task.waits {
        let what = match wait {
            Wait::Join(path) => format!(" joins {path}"),
            Wait::Resource(wait) => {
                format!(" {} {}", wait.kind, wait.name.as_deref().unwrap_or(""))
            }
            // Until when it sleeps is no place.
            Wait::Timer(_) => " sleeps".to_owned(),
            other => format!(" {other:?}"),
        };
        shown.push_str(&what);
    }
    shown
}

fn listed(kind: &str, parts: impl Iterator<Item = String>) -> String {
    let mut shown = kind.to_owned();
    for part in parts {
        write!(shown, "; {part}").expect("a string takes any text");
    }
    shown
}

/// The first line, with a mark for each number: which values came out wrong is no place either.
fn first_line(text: &str) -> String {
    let mut shown = String::new();
    for character in text.lines().next().unwrap_or("").chars() {
        match character {
            '0'..='9' if shown.ends_with('#') => {}
            '0'..='9' => shown.push('#'),
            other => shown.push(other),
        }
    }
    shown
}
