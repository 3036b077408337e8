//! Names, notes and messages of a program are text in everything that is drawn, whatever they are.

use std::sync::Arc;

use proptest::prelude::*;
use simloop::report::FailureKind;
use simloop::sync::Mutex;
use simloop::trace::Trace;
use simloop::{Report, note, sleep, spawn_named};
use unicode_width::UnicodeWidthChar;

use super::formats::{read_dot, read_mermaid};
use super::programs;
use super::svg::checked;
use crate::snapshots::assert_shown;
use crate::{secs, traced};

/// What would end a text, begin a comment, an element or a statement, or turn a line around.
const STRANGE: [&str; 27] = [
    "\"",
    "'",
    "<b onload=x>",
    "</script>",
    "]]>",
    "<!--",
    "-->",
    "&amp;",
    "%%{init}%%",
    ";",
    "#35;",
    "\\",
    "\\n\"]; x [label=\"",
    "\n",
    "\r\n9s INFO",
    "\u{1b}[31m",
    "\u{0}",
    "\u{202e}שלום",
    "深さ優先",
    "end",
    "--",
    ": ",
    "&#x3c;",
    "\u{2028}",
    "\u{301}\u{308}",
    "\u{1f469}\u{200d}\u{1f52c}",
    "`]}{{",
];

/// Texts in which strange pieces meet arbitrary characters.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => prop::sample::select(STRANGE.to_vec()).prop_map(str::to_owned),
        2 => any::<char>().prop_map(String::from),
        1 => "[a-z/ ]{0,4}",
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// A run in which each text is the name of a task, of the lock for which that waits for ever, a note, and the
/// message of a panic.
fn stuck(texts: &[String]) -> Report {
    let texts = texts.to_vec();
    traced(async move {
        let (mut held, mut tasks) = (Vec::new(), Vec::new());
        for text in texts {
            let lock = Arc::new(Mutex::new(()).named(&text));
            held.push(lock.clone().lock_owned().await);
            tasks.push(spawn_named(&text.clone(), async move {
                note!("{text}");
                sleep(secs(1)).await;
                // Without the message on standard error that `panic!` writes.
                let unlucky = async { std::panic::resume_unwind(Box::new(text)) };
                assert!(spawn_named("unlucky", unlucky).await.is_err());
                let _never = lock.lock().await;
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    })
}

/// The paths of all tasks.
fn paths(trace: &Trace) -> Vec<&str> {
    trace.tasks().map(|task| trace.path(task).unwrap()).collect()
}

fn columns(text: &str) -> usize {
    text.chars().map(|character| character.width().unwrap_or(0)).sum()
}

/// No control character and none that turns the text around, apart from the ends of lines.
fn is_plain(text: &str) -> bool {
    let turns =
        ['\u{202a}', '\u{202b}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{200f}'];
    text.lines().all(|line| line.chars().all(|c| !c.is_control() && !turns.contains(&c)))
        && !text.contains(['\r', '\u{2028}', '\u{2029}'])
}

/// The trace as text has a line for each record, whose columns stand under each other.
fn check_text(trace: &Trace) {
    let text = trace.to_string();
    assert!(is_plain(&text), "{text:?}");
    assert_eq!(text.lines().count(), 1 + trace.len(), "{text}");
    let start = text.lines().next().unwrap().find("event").unwrap();
    for line in text.lines().skip(1) {
        assert!(columns(line) <= 100, "{line}");
        let mut column = 0;
        let before = line.chars().take_while(|character| {
            column += character.width().unwrap_or(0);
            column <= start
        });
        let before: String = before.collect();
        assert!(columns(&before) == start && before.ends_with("  "), "{line:?} in\n{text}");
    }
}

/// Lanes have a row for each task, and all rows begin at the same column.
fn check_lanes(trace: &Trace) {
    let text = trace.lanes().to_string();
    assert!(is_plain(&text), "{text:?}");
    let ticks = text.lines().nth(1).unwrap();
    let start = ticks.find('|').unwrap();
    let rows = text.lines().skip(2).skip_while(|line| line.starts_with(' ') && !line.contains('#'));
    let rows: Vec<_> = rows.take(trace.tasks().len()).collect();
    assert_eq!(rows.len(), trace.tasks().len());
    for row in rows {
        assert!(columns(row) <= 100, "{row}");
        let signs: Vec<char> = row.chars().rev().take(columns(row) - start).collect();
        assert!(signs.iter().all(|sign| " #B=w:_-.ax!".contains(*sign)), "{row:?} in\n{text}");
    }
}

/// The columns of numbers end where their headers end.
fn check_statistics(trace: &Trace) {
    let text = trace.statistics().to_string();
    assert!(is_plain(&text), "{text:?}");
    let header = columns(text.lines().next().unwrap());
    for row in text.lines().skip(1).take(trace.tasks().len()) {
        assert_eq!(columns(row), header, "{row:?} in\n{text}");
    }
}

fn check_columns(trace: &Trace) {
    let text = trace.columns().to_string();
    assert!(is_plain(&text), "{text:?}");
    assert!(text.lines().all(|line| columns(line) <= 100), "{text}");
}

/// A picture is XML, and the path of each task is a title, whole where it is not long.
fn check_svg(trace: &Trace) {
    let svg = trace.svg().to_string();
    assert!(is_plain(&svg), "{svg:?}");
    let picture = checked(&svg);
    let names = picture.descendants().filter(|node| node.attribute("class") == Some("name"));
    let titles = names.map(|name| name.children().find_map(|child| child.first_child()?.text()));
    let titles: Vec<_> = titles.flatten().collect();
    for path in paths(trace).into_iter().filter(|path| columns(path) <= 60) {
        let path = path.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
        assert!(titles.contains(&&*path), "{path:?} in {titles:?}");
    }
}

/// A diagram is in the part of the language that we write, and its participants are the tasks.
fn check_mermaid(trace: &Trace) {
    let text = trace.mermaid().to_string();
    assert!(is_plain(&text), "{text:?}");
    for (shown, path) in read_mermaid(&text).iter().zip(paths(trace)) {
        assert!(shown == path || columns(path) > 60, "{shown:?} for {path:?}");
    }
}

#[cfg(feature = "serde")]
fn check_json(trace: &Trace) {
    use serde_json::Value;
    let text = trace.perfetto().to_string();
    let json: Value = serde_json::from_str(&text).unwrap();
    let events = json["traceEvents"].as_array().unwrap();
    let is_name = |event: &&Value| event["name"] == "thread_name";
    let names = events.iter().filter(is_name);
    let mut names: Vec<_> = names.filter_map(|event| event["args"]["name"].as_str()).collect();
    let mut expected = paths(trace);
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected);
    for note in trace.notes() {
        assert!(
            events.iter().any(|event| event["ph"] == "i" && event["name"] == *note),
            "{note:?} in {text}"
        );
    }
    let text = trace.json_lines().to_string();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    for (line, record) in lines.skip(1).zip(trace.records()) {
        match record.event {
            simloop::trace::Event::Note(note) => assert_eq!(line["text"], note),
            simloop::trace::Event::Panicked(message) => assert_eq!(line["message"], message),
            _ => {}
        }
        assert_eq!(line["path"].as_str(), record.task.and_then(|task| trace.path(task)));
    }
}

fn check(report: Report) {
    let trace = &report.trace;
    check_text(trace);
    check_lanes(trace);
    check_statistics(trace);
    check_columns(trace);
    check_svg(trace);
    check_mermaid(trace);
    #[cfg(feature = "serde")]
    check_json(trace);
    let other = traced(programs::nap()).trace;
    let diff = simloop::trace::diff(trace, &other).to_string();
    assert!(is_plain(&diff) && diff.lines().all(|line| columns(line) <= 100), "{diff}");
    let failure = report.unwrap_failure();
    let FailureKind::Deadlock(deadlock) = failure.kind() else { panic!("{failure}") };
    let arrows = read_dot(&deadlock.dot().to_string());
    let from: Vec<&str> = arrows.iter().map(|(from, ..)| &**from).collect();
    for task in deadlock.waiting.iter().filter(|task| columns(&task.path) <= 60) {
        assert!(from.contains(&&*task.path), "{:?} in {from:?}", task.path);
    }
    // The first line, one for each task, and at most the cycle, the ways to see it again and what is left out.
    let text = failure.to_string();
    assert!(is_plain(&text), "{text:?}");
    let tasks = text.lines().filter(|line| line.starts_with("  main")).count();
    assert_eq!(tasks, deadlock.waiting.len().min(20), "{text}");
}

#[test]
fn strange_texts_stay_texts_in_everything_that_is_drawn() {
    let texts = STRANGE.map(str::to_owned);
    for pair in texts.chunks(4) {
        check(stuck(pair));
    }
    check(stuck(&["".to_owned(), " ".to_owned()]));
    let report = stuck(&texts[..4]);
    assert_shown("rendering", "lanes_of_strange", report.trace.lanes());
    assert_shown("rendering", "strange", stuck(&texts).unwrap_failure());
}

proptest! {
    #[test]
    fn whatever_a_text_is_it_stays_one(texts in prop::collection::vec(texts(), 1..5)) {
        check(stuck(&texts));
    }
}
