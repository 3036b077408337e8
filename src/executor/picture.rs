//! The picture of a failing run, for whom the environment asks for one.
//!
//! This is the only place where the crate reads the environment. What is read changes no schedule and no
//! report (S42): with `SIMLOOP_TRACE` everything is recorded, a failing run is drawn, and the trace of the
//! report is then cut to the level that the program asked for.

use std::ffi::OsString;
use std::path::Path;
use std::sync::OnceLock;

use super::core::Core;
use crate::kernel::Level;
use crate::render::Html;
use crate::report::Failure;
use crate::trace::Trace;

/// The variable that names the file.
const VARIABLE: &str = "SIMLOOP_TRACE";

/// The file that the environment asks for; read once, so that all runs of a process do the same.
fn file() -> Option<&'static Path> {
    static FILE: OnceLock<Option<OsString>> = OnceLock::new();
    let file = FILE.get_or_init(|| std::env::var_os(VARIABLE).filter(|file| !file.is_empty()));
    file.as_deref().map(Path::new)
}

/// Says whether a picture of a failing run is wanted.
pub(super) fn is_wanted() -> bool {
    file().is_some()
}

/// How much must be recorded, where the program asks for `level`.
pub(super) fn level(level: Level) -> Level {
    if file().is_some() { Level::Full } else { level }
}

impl Core {
    /// Draws a run that failed, if the environment asks for it, and tells the failure where the picture is.
    pub(super) fn draw_failure(&self, failure: &mut Failure) {
        let Some(file) = file() else { return };
        // A copy: the report takes the log later, and none is taken where only the output is asked for.
        let trace = Trace::new(self.state().kernel.log().clone());
        if !trace.is_empty() {
            failure.set_picture(draw(file, &trace, failure));
        }
    }
}

/// Writes the page of a search's finding in place of that of its last run, if the environment asks for a page.
///
/// The failure names the file already; if it cannot be written, the run's own attempt has said so.
pub(crate) fn draw_page(page: &Html<'_>) {
    let is_page = |file: &&Path| file.extension().is_some_and(|extension| extension == "html");
    if let Some(file) = file().filter(is_page) {
        let _ = std::fs::write(file, page.to_string());
    }
}

/// Draws a run, and returns the name of the file, or why there is none.
fn draw(file: &Path, trace: &Trace, failure: &Failure) -> String {
    let shown = file.display();
    match text(file, trace, failure) {
        None => format!("none: `{shown}` ends in no format that {VARIABLE} has ({FORMATS})"),
        Some(text) => match std::fs::write(file, text) {
            Ok(()) => shown.to_string(),
            Err(error) => format!("none: `{shown}` could not be written: {error}"),
        },
    }
}

#[cfg(feature = "serde")]
const FORMATS: &str = ".html, .svg, .txt, .mmd, .json, .jsonl";
#[cfg(not(feature = "serde"))]
const FORMATS: &str = ".html, .svg, .txt, .mmd; with feature `serde` .json, .jsonl";

/// The run in the format that the file's name asks for.
fn text(file: &Path, trace: &Trace, failure: &Failure) -> Option<String> {
    match file.extension()?.to_str()? {
        "html" => Some(trace.html().failure(failure).title(&failure.title()).to_string()),
        "svg" => Some(trace.svg().to_string()),
        "txt" => Some(format!("{}\n{}\n{trace}", trace.lanes(), trace.statistics())),
        "mmd" => Some(trace.mermaid().to_string()),
        #[cfg(feature = "serde")]
        "json" => Some(trace.perfetto().to_string()),
        #[cfg(feature = "serde")]
        "jsonl" => Some(trace.json_lines().to_string()),
        _ => None,
    }
}
