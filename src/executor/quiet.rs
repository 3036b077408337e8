//! Keeps the panics of quiet runs off standard error.

use std::panic::{set_hook, take_hook};
use std::sync::Once;

use super::context;

/// Puts a panic hook in front of the present one, once in a process, which passes on every panic but those in
/// a loop that is quiet ([`Builder::quiet`](super::Builder::quiet)).
///
/// Whoever sets another hook later replaces it; then the panics of a search are printed, and nothing else
/// changes.
pub(crate) fn hush() {
    static HOOK: Once = Once::new();
    // A panicking thread may not change the hook; the next search will.
    if std::thread::panicking() {
        return;
    }
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !context::try_with(|core| core.is_quiet()).unwrap_or(false) {
                before(panic);
            }
        }));
    });
}
