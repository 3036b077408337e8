//! The picture that the environment asks for. The variable is read once in a process, so each of these tests
//! runs its program in a process of its own: this test binary, told to run one test.

use std::path::PathBuf;
use std::process::Command;

use simloop::trace::Level;
use simloop::{Builder, note, sleep};

use crate::secs;

/// Prints how the run ended, for the tests below; by itself it checks that nobody asked for a picture.
#[test]
fn a_run_that_fails() {
    for level in [Level::Off, Level::Tasks, Level::Full] {
        let report = Builder::new().trace(level).run(async {
            note!("a note");
            sleep(secs(1)).await;
            std::future::pending::<()>().await;
        });
        let counts = report.trace.records().len();
        println!("{level:?}: {counts} records, digest {}", report.digest);
        let failure = report.unwrap_failure().to_string();
        println!("{failure}");
        let is_asked_for = std::env::var_os("SIMLOOP_TRACE").is_some();
        assert_eq!(failure.contains("\n  picture: "), is_asked_for, "{failure}");
    }
}

/// The short form panics with the same message, and leaves nothing to the next run on the thread.
#[test]
fn a_run_that_fails_in_the_short_form() {
    let failed = std::panic::catch_unwind(|| simloop::run(std::future::pending::<()>()));
    let message = failed.expect_err("a deadlock");
    let is_asked_for = std::env::var_os("SIMLOOP_TRACE").is_some();
    let text = message.downcast_ref::<String>().expect("a text");
    assert_eq!(text.contains("\n  picture: "), is_asked_for, "{text}");
    let next = Builder::new().trace(Level::Full).run(async {}).trace;
    assert_eq!(next.len(), 3, "{next}");
}

/// A search that finds an order in which its program fails.
#[test]
fn a_search_that_fails() {
    let program = || async { assert_eq!(simloop::choose(2), 0, "planted") };
    let finding = simloop::explore::Explorer::new().run(program).unwrap_finding();
    println!("{}", finding.failure);
}

/// Runs the program with a file of this name, and returns what it prints and what is in the file.
fn run(name: Option<&str>) -> (String, Option<String>) {
    run_test("a_run_that_fails", name)
}

fn run_test(test: &str, name: Option<&str>) -> (String, Option<String>) {
    run_tests(&[test], name)
}

fn run_tests(tests: &[&str], name: Option<&str>) -> (String, Option<String>) {
    let file = name.map(|name| PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name));
    if let Some(file) = &file {
        // Left from the last time.
        let _ = std::fs::remove_file(file);
    }
    let mut command = Command::new(std::env::current_exe().expect("the binary is there"));
    command.args(["--exact", "--nocapture", "--test-threads=2"]);
    command.args(tests.iter().map(|test| format!("rendering::environment::{test}")));
    match &file {
        Some(file) => command.env("SIMLOOP_TRACE", file),
        None => command.env_remove("SIMLOOP_TRACE"),
    };
    let output = command.output().expect("it runs");
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{said}");
    let directory = format!("{}{}", env!("CARGO_TARGET_TMPDIR"), std::path::MAIN_SEPARATOR);
    (said.replace(&directory, ""), file.and_then(|file| std::fs::read_to_string(file).ok()))
}

#[test]
fn a_failing_run_is_drawn_and_its_message_names_the_file() {
    let (said, picture) = run(Some("run.svg"));
    assert!(said.contains("\n  picture: run.svg\n  replay: Builder::new()\n"), "{said}");
    let picture = picture.expect("it is written");
    assert!(
        picture.starts_with("<svg ") && picture.contains("main: polled at 1s, turn 2"),
        "{picture}"
    );
    let (_, short) = run_test("a_run_that_fails_in_the_short_form", Some("short.svg"));
    assert!(short.is_some_and(|picture| picture.starts_with("<svg ")));
    let (said, page) = run(Some("run.html"));
    assert!(said.contains("\n  picture: run.html\n"), "{said}");
    let page = page.expect("it is written");
    let title = "<title>deadlock at 1s (turn 2): 1 task waits, no timer is registered</title>";
    assert!(page.starts_with("<!doctype html>") && page.contains(title), "{page}");
    let (_, text) = run(Some("run.txt"));
    let text = text.expect("it is written");
    for part in ["main  =", "task  polls", "turn  at  task  event"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (_, diagram) = run(Some("run.mmd"));
    assert!(diagram.is_some_and(|text| text.starts_with("sequenceDiagram\n")));
}

#[cfg(feature = "serde")]
#[test]
fn a_failing_run_is_written_for_other_tools() {
    let (_, events) = run(Some("run.json"));
    serde_json::from_str::<serde_json::Value>(&events.expect("it is written")).unwrap();
    let (_, lines) = run(Some("run.jsonl"));
    let lines = lines.expect("it is written");
    let last: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!((&last["event"], &last["path"]), (&"cancelled".into(), &"main".into()));
}

#[test]
fn a_search_leaves_a_page_of_the_run_that_fails_and_the_nearest_that_passes() {
    let (said, page) = run_test("a_search_that_fails", Some("search.html"));
    assert!(said.contains("\n  picture: search.html\n"), "{said}");
    let page = page.expect("it is written");
    for name in ["fails", "passes"] {
        assert!(page.contains(&format!("data-name=\"{name}\"")), "{name}");
    }
}

#[test]
fn of_several_tests_that_fail_each_has_a_file_of_its_own() {
    let tests = ["a_run_that_fails", "a_run_that_fails_in_the_short_form", "a_search_that_fails"];
    let name = |test: &str| format!("several.rendering-environment-{test}.html");
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    for test in tests {
        let _ = std::fs::remove_file(directory.join(name(test)));
    }
    let (said, first) = run_tests(&tests, Some("several.html"));
    let first = first.expect("it is written");
    let read = |test: &&str| std::fs::read_to_string(directory.join(name(test))).ok();
    let others: Vec<String> = tests.iter().filter_map(read).collect();
    assert_eq!(others.len(), 2, "{said}");
    // Two of the three tell where theirs is; the short form's message is checked there.
    let is_of = |title: &str| {
        let title = format!("<title>{title}");
        others.iter().chain([&first]).filter(|page| page.contains(&title)).count()
    };
    assert_eq!((is_of("deadlock at 1s"), is_of("deadlock at 0s")), (1, 1), "{said}");
    let pages = others.iter().chain([&first]).filter(|page| page.contains("data-name=\"passes\""));
    assert_eq!(pages.count(), 1, "{said}");
    for line in said.lines().filter_map(|line| line.strip_prefix("  picture: ")) {
        assert!(directory.join(line).is_file(), "{said}");
    }
}

#[test]
fn what_cannot_be_written_is_told() {
    let (said, _) = run(Some("run.png"));
    assert!(said.contains("\n  picture: none: `run.png` ends in no format"), "{said}");
    let (said, _) = run(Some("no/such/directory/run.svg"));
    assert!(
        said.contains("picture: none: `no/such/directory/run.svg` could not be written"),
        "{said}"
    );
}

#[test]
fn s42_the_picture_changes_no_report() {
    let (with, _) = run(Some("same.svg"));
    let (without, _) = run(None);
    let lines = |said: &str| {
        let lines = said.lines().filter(|line| !line.starts_with("  picture: "));
        let lines = lines.take_while(|line| !line.starts_with("test result"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(without.contains("Off: 0 records") && without.contains("Full: "), "{without}");
    assert_eq!(lines(&with), lines(&without));
}
