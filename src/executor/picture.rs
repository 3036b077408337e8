//! The picture of a failing run, for whom the environment asks for one.
//!
//! This is the only place where the crate reads the environment. What is read changes no schedule and no
//! report (S42): with `SIMLOOP_TRACE` everything is recorded, a failing run is drawn, and the trace of the
//! report is then cut to the level that the program asked for.
//!
//! Each test has a file of its own, so that no message names the picture of another: tests are told apart by the
//! names that the test harness gives to their threads.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;

use super::core::Core;
use crate::kernel::Level;
use crate::render::Html;
use crate::report::Failure;
use crate::trace::Trace;

/// The variable that names the file.
const VARIABLE: &str = "SIMLOOP_TRACE";

/// The name that stands in file names for threads without one.
const UNNAMED: &str = "unnamed";

/// Characters that a test's name has in a file's at most; the rest of the 255 bytes is for the user's own.
const NAME_MAX: usize = 120;

/// The file that the environment asks for; read once, so that all runs of a process do the same.
fn asked_for() -> Option<&'static Path> {
    static FILE: OnceLock<Option<OsString>> = OnceLock::new();
    let file = FILE.get_or_init(|| std::env::var_os(VARIABLE).filter(|file| !file.is_empty()));
    file.as_deref().map(Path::new)
}

/// Says whether a picture of a failing run is wanted.
pub(super) fn is_wanted() -> bool {
    asked_for().is_some()
}

/// How much must be recorded, where the program asks for `level`.
pub(super) fn level(level: Level) -> Level {
    if is_wanted() { Level::Full } else { level }
}

/// The file of this thread's test, if the environment asks for one: that which it names for the first test that
/// needs it, and one beside it with the test's name for each other.
fn file() -> Option<PathBuf> {
    static FIRST: OnceLock<String> = OnceLock::new();
    let asked_for = asked_for()?;
    let here = thread::current().name().unwrap_or(UNNAMED).to_owned();
    if *FIRST.get_or_init(|| here.clone()) == here {
        return Some(asked_for.to_owned());
    }
    Some(beside(asked_for, &here))
}

/// `run.tests-a_test.svg` beside `run.svg`, for a test `tests::a_test`.
fn beside(file: &Path, test: &str) -> PathBuf {
    let is_plain = |character: char| character.is_alphanumeric() || character == '_';
    let mut name = String::new();
    let mut characters = test.chars();
    while let Some(character) = characters.next() {
        // Two colons are one sign.
        if character == ':' && characters.as_str().starts_with(':') {
            characters.next();
        }
        name.push(if is_plain(character) { character } else { '-' });
    }
    // The end of a long name tells more than its modules.
    let left_out = name.chars().count().saturating_sub(NAME_MAX);
    let mut shown = file.file_stem().unwrap_or_default().to_owned();
    shown.push(".");
    for (place, character) in name.chars().enumerate() {
        if place >= left_out {
            shown.push(character.encode_utf8(&mut [0; 4]));
        }
    }
    if let Some(extension) = file.extension() {
        shown.push(".");
        shown.push(extension);
    }
    file.with_file_name(shown)
}

impl Core {
    /// Draws a run that failed, if the environment asks for it, and tells the failure where the picture is.
    pub(super) fn draw_failure(&self, failure: &mut Failure) {
        let Some(file) = file() else { return };
        // A copy: the report takes the log later, and none is taken where only the output is asked for.
        let trace = Trace::new(self.state().kernel.log().clone());
        if !trace.is_empty() {
            failure.set_picture(draw(&file, &trace, failure));
        }
    }
}

/// Writes the page of a search's finding in place of that of its last run, if the environment asks for a page.
///
/// The failure names the file already; if it cannot be written, the run's own attempt has said so.
pub(crate) fn draw_page(page: &Html<'_>) {
    let Some(file) = file() else { return };
    if file.extension().is_some_and(|extension| extension == "html") {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_test_has_its_name_before_the_end_of_its_own() {
        let shown = |file: &str, test: &str| beside(Path::new(file), test).display().to_string();
        assert_eq!(shown("a.b/run.svg", "tests::a_test"), "a.b/run.tests-a_test.svg");
        assert_eq!(shown("run", "../x y"), "run.---x-y");
        let long = shown("run.html", &format!("{}::end", "m".repeat(300)));
        assert!(long.len() == NAME_MAX + 9 && long.ends_with("m-end.html"), "{long}");
    }
}
