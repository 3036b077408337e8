//! When two failures are the same one: equal in kind and place, whatever the instants and numbers.

use std::fmt::Write;

use crate::report::{Failure, FailureKind, LeftTask, Wait, WaitingTask};

/// The kind and place of a failure, as text to compare.
pub(super) fn identity(failure: &Failure) -> String {
    match failure.kind() {
        FailureKind::Deadlock(deadlock) => listed("deadlock", deadlock.waiting.iter().map(waiting)),
        FailureKind::Livelock(_) => "livelock".to_owned(),
        FailureKind::Panic(panic) => {
            format!("panic {} {:?} {}", panic.path, panic.place, first_line(&panic.message))
        }
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
