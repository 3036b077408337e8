//! What a collector of `tracing` is told of a run, and the virtual instants in front of log lines.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};

use simloop::sync::Mutex as Lock;
use simloop::time::LogTime;
use simloop::trace::Level;
use simloop::{Builder, note, now, sleep, spawn_named};
use tracing::{Dispatch, Level as LogLevel, info};

use crate::secs;
use crate::snapshots::assert_shown;

/// Lines that were logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A second collector, which nobody uses. While there is one alone, `tracing` asks the thread that comes first to
/// a span whether anybody wants it: a test without a collector would answer for all.
static SECOND: LazyLock<Dispatch> =
    LazyLock::new(|| Dispatch::new(tracing_subscriber::fmt().with_writer(io::sink).finish()));

/// Runs something and returns what it has logged.
fn logged<T>(most: LogLevel, run: impl FnOnce() -> T) -> (String, T) {
    LazyLock::force(&SECOND);
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_timer(LogTime)
        .with_max_level(most)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let output = tracing::subscriber::with_default(subscriber, run);
    let bytes = lines.0.lock().unwrap().clone();
    (String::from_utf8(bytes).unwrap(), output)
}

async fn program() {
    let ledger = Arc::new(Lock::new(0).named("ledger"));
    let worker = |name: &'static str| {
        let ledger = Arc::clone(&ledger);
        spawn_named("worker", async move {
            let _held = ledger.lock().await;
            info!(name, "works");
            sleep(secs(1)).await;
            note!("{name} done at {}", now());
        })
    };
    let workers = [worker("first"), worker("second")];
    for worker in workers {
        worker.await.unwrap();
    }
    spawn_named("left", sleep(secs(9)));
    simloop::yield_now().await;
}

#[test]
fn a_programs_own_lines_stand_in_the_span_of_their_task_with_the_virtual_instant() {
    let (lines, _) = logged(LogLevel::INFO, || Builder::new().run(program()));
    assert_shown("trace", "logging_info", &lines);
}

#[test]
fn records_are_told_with_their_instants_where_the_run_is_traced() {
    let run = || Builder::new().trace(Level::Full).run(program());
    let (lines, report) = logged(LogLevel::DEBUG, run);
    assert_shown("trace", "logging_debug", &lines);
    let told = lines.lines().filter(|line| line.contains(" DEBUG ")).count();
    let notes = report.trace.notes().count();
    assert_eq!(told + notes, report.trace.len(), "each record is told once");
}

#[test]
fn s42_whoever_collects_changes_neither_trace_nor_schedule_nor_digest() {
    let run = || {
        let report = Builder::new().trace(Level::Full).run(program());
        (report.trace.to_string(), report.digest, report.counters, report.schedule.to_string())
    };
    assert_eq!(logged(LogLevel::TRACE, run).1, run());
}

#[test]
fn a_second_run_on_the_same_loop_is_told_from_its_beginning() {
    let run = || Builder::new().trace(Level::Full).run(program());
    let (once, _) = logged(LogLevel::DEBUG, run);
    let (twice, _) = logged(LogLevel::DEBUG, || (run(), run()));
    assert_eq!(twice, format!("{once}{once}"));
}

#[test]
fn a_strange_text_takes_one_line_as_any_other() {
    let run = || {
        Builder::new().trace(Level::Full).run(async {
            let text = "two\r\nlines \u{1b}[31m\u{202e}/[0]";
            let lock = Arc::new(Lock::new(()).named(text));
            let _held = Arc::clone(&lock).lock_owned().await;
            let unlucky = async move {
                note!("{text}");
                simloop::timeout(secs(1), lock.lock()).await.unwrap_err();
                std::panic::resume_unwind(Box::new(text.to_owned()))
            };
            assert!(spawn_named(text, unlucky).await.is_err());
        })
    };
    let (lines, report) = logged(LogLevel::DEBUG, run);
    let told = lines.lines().filter(|line| line.contains(" simloop: ")).count();
    assert_eq!((told, lines.lines().count()), (report.trace.len(), report.trace.len()), "{lines}");
    let is_plain = |character: char| !character.is_control() && character != '\u{202e}';
    assert!(lines.lines().all(|line| line.chars().all(is_plain)), "{lines:?}");
    let path = report.trace.path(report.trace.tasks().nth(1).unwrap()).unwrap();
    assert!(lines.contains(&format!("joins {path}")), "{lines}");
}

/// A chain of tasks, each spawned by the last.
async fn chain(depth: usize) {
    if depth > 0 {
        let next: std::pin::Pin<Box<dyn Future<Output = ()>>> = Box::pin(chain(depth - 1));
        spawn_named("link", next).await.unwrap();
    }
}

#[test]
fn paths_of_a_long_chain_are_told_as_the_trace_has_them_and_take_no_more_room_than_others() {
    let run = || Builder::new().trace(Level::Full).run(chain(300));
    let (lines, report) = logged(LogLevel::DEBUG, run);
    for task in report.trace.tasks() {
        let path = report.trace.path(task).unwrap();
        assert!(lines.contains(&format!("task=\"{path}\"\n")), "{path}");
    }
    // Two paths at most, that of the span and that of the record, beside the words.
    let longest = lines.lines().map(str::len).max().unwrap();
    assert!(longest < 400, "{longest}");
}
