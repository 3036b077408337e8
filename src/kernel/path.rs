//! Paths: how a task is shown (S18).

/// One step of a path: a name, and its index where siblings share it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Step<'a> {
    pub(crate) name: &'a str,
    pub(crate) index: u32,
    pub(crate) is_shared: bool,
}

/// Writes a path from the root down: `main/worker[1]`.
pub(crate) fn shown_path(steps: &[Step<'_>]) -> String {
    let mut shown = String::new();
    for step in steps {
        if !shown.is_empty() {
            shown.push('/');
        }
        push_step(&mut shown, step);
    }
    shown
}

/// Appends one step. Control characters are escaped, so that a path is always one line.
pub(crate) fn push_step(shown: &mut String, step: &Step<'_>) {
    for character in step.name.chars() {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    if step.is_shared {
        shown.push_str(&format!("[{}]", step.index));
    }
}
