//! The hook that sees panics before they unwind: where they were raised, and whether anybody is to read of them.

use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::Once;

use super::context;
use super::core::{Core, Payload, message};
use crate::report::site;

/// A panic that the hook has seen and nobody has caught yet.
pub(super) struct Raised {
    message: String,
    /// The line of code, `file:line`.
    place: String,
}

/// Puts a hook in front of the present one, once in a process. It notes where a panic in a loop was raised, which the
/// payload that is caught does not say, and passes on every panic but those in a loop that is quiet
/// ([`Builder::quiet`](super::Builder::quiet)).
///
/// Whoever sets another hook later replaces it; then the panics of a search are printed, failures do not tell the
/// line, and a search tells them apart by their messages.
pub(crate) fn watch_panics() {
    static HOOK: Once = Once::new();
    // A panicking thread may not change the hook; the next loop or search will.
    if std::thread::panicking() {
        return;
    }
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            let is_quiet = context::try_with(|core| {
                core.note_raised(panic);
                core.is_quiet.get()
            });
            if !is_quiet.unwrap_or(false) {
                before(panic);
            }
        }));
    });
}

impl Core {
    /// Called in the middle of a panic, whoever holds the state.
    fn note_raised(&self, panic: &PanicHookInfo<'_>) {
        let Some(location) = panic.location() else { return };
        let raised = Raised { message: message(panic.payload()).to_owned(), place: site(location) };
        if let Ok(mut last) = self.raised.try_borrow_mut() {
            *last = Some(raised);
        }
    }

    /// Tells where a panic was raised that may be thrown again, which no hook sees.
    pub(super) fn note_raised_before(&self, payload: &Payload, place: String) {
        *self.raised.borrow_mut() = Some(Raised { message: message(&**payload).to_owned(), place });
    }

    /// The message of a panic that was caught, and the line of code that raised it, if that was the last panic. A
    /// payload that is thrown again without a panic of its own has another message, or none.
    pub(super) fn take_raised(&self, payload: &Payload) -> (String, Option<String>) {
        let message = message(&**payload);
        match self.raised.borrow_mut().take() {
            Some(raised) if raised.message == message => (raised.message, Some(raised.place)),
            _ => (message.to_owned(), None),
        }
    }
}
