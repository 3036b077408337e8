//! Finds the lines of code at which the tasks of a deadlock wait (feature `backtrace`).
//!
//! A future from elsewhere does not say what it waits for, but it clones the waker it is polled with. So when a
//! run has ended in a deadlock, each task that waits for such a future is polled once more, with a waker that is
//! nobody's and whose clone looks at the stack. The run is over by then: the machine is frozen meanwhile, so
//! that neither trace nor counters show it.

use std::path::Path;
use std::rc::Rc;
use std::task::Context;

use super::cell::Polled;
use super::context;
use super::core::{Core, Phase, drop_caught};
use super::turn::forget_panic;
use super::waker::{self, Address};
use crate::kernel::{GENERATION_MAX, SLOT_BITS, TaskKey};
use crate::report::{Deadlock, Failure, Wait, WaitingTask};

/// A key that no task has: its slot is one beyond the last.
const NOBODY: TaskKey = TaskKey::new((1 << SLOT_BITS) - 1, GENERATION_MAX);

/// Lines kept for one task.
const LINES_MAX: usize = 4;

/// Notes where it is called from, if the waker that is cloned is the one of a probe.
pub(super) fn on_clone(address: Address) {
    if address.task != NOBODY {
        return;
    }
    let line = line_of_caller();
    context::with_loop(address.loop_id, |core| {
        let lines = &mut core.state().probed;
        if let Some(line) = line.filter(|line| lines.len() < LINES_MAX && !lines.contains(line)) {
            lines.push(line);
        }
    });
}

impl Core {
    /// Adds to the failure of a run that is over where its tasks wait, if it is a deadlock.
    pub(super) fn locate(self: &Rc<Self>, mut failure: Failure) -> Failure {
        if let Some(deadlock) = failure.deadlock_mut() {
            self.probe(deadlock);
        }
        failure
    }

    fn probe(self: &Rc<Self>, deadlock: &mut Deadlock) {
        let _entered = context::enter(self);
        let mut state = self.state();
        let keys = state.kernel.alive_in_spawn_order();
        let frozen = state.kernel.freeze();
        state.phase = Phase::Closing;
        drop(state);
        let is_foreign = |task: &WaitingTask| {
            task.waits.iter().any(|wait| matches!(wait, Wait::Foreign | Wait::PerhapsForeign))
        };
        // Both lists are in the order of spawning, and nothing has ended since.
        for (task, key) in deadlock.waiting.iter_mut().zip(keys) {
            if is_foreign(task) {
                task.waits_at = self.poll_once_more(key);
            }
        }
        let mut state = self.state();
        state.phase = Phase::Open;
        state.kernel.thaw(frozen);
    }

    fn poll_once_more(&self, key: TaskKey) -> Vec<String> {
        let mut state = self.state();
        state.kernel.start_drop(key);
        let Some(mut cell) = state.take_cell(key.slot()) else { return Vec::new() };
        drop(state);
        let waker = waker::waker(Address { loop_id: self.id, task: NOBODY });
        let mut cx = Context::from_waker(&waker);
        match cell.as_mut().poll(&mut cx) {
            Polled::Pending | Polled::Ready => self.state().put(key, cell),
            Polled::Panicked(payload) => {
                forget_panic(*payload);
                drop_caught(cell).into_iter().for_each(forget_panic);
            }
        }
        std::mem::take(&mut self.state().probed)
    }
}

/// The innermost line on the stack that is the program's own: neither of the standard library, nor of this
/// crate, nor of one that was fetched as a dependency. None if it is this crate that has cloned the waker: of
/// its own futures more is known than a line.
fn line_of_caller() -> Option<String> {
    let here = std::env::current_dir().ok();
    let mut found = None;
    let (mut is_cloned, mut is_known) = (false, false);
    backtrace::trace(|frame| {
        backtrace::resolve_frame(frame, |symbol| {
            let name = symbol.name().map(|name| name.to_string()).unwrap_or_default();
            let name = name.trim_start_matches(['<', '&']);
            // Names are not always whole where there is little for debuggers.
            let file = symbol.filename();
            let is_ours = name.starts_with("simloop::") || file.is_some_and(is_of_crate);
            is_known |= is_cloned && is_ours;
            // Whoever calls that is the one who clones.
            is_cloned = name.starts_with("core::task::wake::Waker as core::clone::Clone");
            if let Some(file) = file.filter(|file| !is_ours && is_of_program(file)) {
                let file =
                    here.as_ref().and_then(|here| file.strip_prefix(here).ok()).unwrap_or(file);
                let file = file.display().to_string().replace('\\', "/");
                let line = symbol.lineno().map_or(String::new(), |line| format!(":{line}"));
                found.get_or_insert(format!("{file}{line}"));
            }
        });
        found.is_none() && !is_known
    });
    found.filter(|_| !is_known)
}

fn is_of_crate(file: &Path) -> bool {
    file.starts_with(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
}

fn is_of_program(file: &Path) -> bool {
    let parts: Vec<_> = file.iter().map(|part| part.to_string_lossy()).collect();
    let has =
        |one: &str, next: &str| parts.windows(2).any(|pair| pair[0] == one && pair[1] == next);
    let is_fetched = has("registry", "src") || has("git", "checkouts");
    // Distributions put the version behind the name.
    let is_rusts = |part: &str| part == "rustlib" || part == "rustc" || part.starts_with("rustc-");
    !is_fetched && !parts.iter().any(|part| is_rusts(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_library_and_what_was_fetched_are_not_the_programs_own() {
        for foreign in [
            "/rustc/4d91de4e48198da2e33413efdcd9cd2cc0c46688/library/core/src/task/wake.rs",
            "/usr/src/rustc-1.85.0/library/core/src/task/wake.rs",
            "/opt/toolchains/stable/lib/rustlib/src/rust/library/core/src/task/wake.rs",
            "/home/.cargo/registry/src/index-0123456789abcdef/futures-util-0.3.31/src/lib.rs",
            "/home/.cargo/git/checkouts/futures-rs-0123456789abcdef/1a2b3c4/src/lib.rs",
        ] {
            assert!(!is_of_program(Path::new(foreign)), "{foreign}");
        }
        for own in ["tests/it/proofs.rs", "/home/code/rustc_driver/src/main.rs"] {
            assert!(is_of_program(Path::new(own)), "{own}");
        }
    }
}
