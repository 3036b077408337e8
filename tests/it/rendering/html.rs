//! The HTML page: what is in it, read back without a browser. What it does in one is tested in `tests/browser`.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use simloop::explore::Explorer;
use simloop::task::TaskGroup;
use simloop::trace::{Event, Level, Trace};
use simloop::{Builder, Report, note, sleep, spawn_named, timeout, yield_now};

use super::programs::{self, HOSTILE};
use crate::snapshots::assert_shown;
use crate::{secs, traced};

/// What stands between two texts, the first time.
fn between<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = page.split_once(start).unwrap_or_else(|| panic!("no {start}"));
    rest.split_once(end).unwrap_or_else(|| panic!("no {end} after {start}")).0
}

/// The part of a page that depends on its runs.
pub(super) fn data(page: &str) -> String {
    let (_, runs) = page.split_once("<section class=\"run\"").expect("a run");
    runs.split("<section class=\"run\"").map(data_of).collect()
}

/// The part that depends on one, without the picture, which has a snapshot of its own, and without the numbers,
/// which nobody can read: they are read back instead.
fn data_of(run: &str) -> String {
    let (run, _) = run.split_once("</section>").expect("it ends");
    let (start, rest) = run.split_once("<svg xmlns=").expect("a picture");
    let (_, rest) = rest.split_once("</svg>").expect("it ends");
    let rest = rest.replace(between(rest, "class=\"numbers\">", "</script>"), "(the numbers)");
    format!("<section class=\"run\"{start}(the picture){rest}</section>\n")
}

/// The numbers of a page, as its scripts read them.
struct Numbers<'a>(std::str::Bytes<'a>);

impl Numbers<'_> {
    fn next(&mut self) -> u64 {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut number = 0;
        for place in 0.. {
            let byte = self.0.next().expect("the numbers do not end early");
            let digit = alphabet.bytes().position(|other| other == byte).expect("a digit") as u64;
            number |= (digit & 31) << (5 * place);
            if digit < 32 {
                break;
            }
        }
        number
    }

    fn signed(&mut self) -> i64 {
        let number = self.next();
        (number >> 1) as i64 ^ -((number & 1) as i64)
    }

    fn skip(&mut self, count: u64) {
        (0..count).for_each(|_| {
            self.next();
        });
    }
}

/// Turn, instant and task of each record, as they stand in the page.
fn records(page: &str) -> Vec<(u64, u64, Option<u64>)> {
    let text = between(page, "class=\"numbers\">", "</script>");
    let mut numbers = Numbers(text.bytes());
    numbers.skip(2);
    let mut at = 0;
    let instants: Vec<u64> = (0..numbers.next())
        .map(|_| {
            at += numbers.next();
            at
        })
        .collect();
    numbers.skip(1);
    let stops = numbers.next();
    numbers.skip(3 * stops + 1);
    let tasks = numbers.next();
    numbers.skip(4 * tasks + 2);
    for _ in 0..tasks {
        for _ in 0..numbers.next() {
            let has_gap = numbers.next() & 8 > 0;
            numbers.skip(1 + u64::from(has_gap));
        }
    }
    let count = numbers.next();
    let (mut turn, mut place, mut task) = (0_i64, 0_i64, 0_i64);
    let records = (0..count).map(|_| {
        let head = numbers.next();
        let kind = head >> 1;
        turn += i64::from(kind == 1);
        if head & 1 > 0 {
            turn += numbers.signed();
            place += numbers.signed();
        }
        task += numbers.signed();
        match kind {
            1 | 2 => numbers.skip(2),
            3..=8 | 13 => numbers.skip(1),
            _ => {}
        }
        (turn as u64, instants[place as usize], u64::try_from(task).ok())
    });
    let records = records.collect();
    for _ in 0..tasks {
        numbers.skip(6);
        let resources = numbers.next();
        numbers.skip(4 * resources);
    }
    assert_eq!(numbers.0.next(), None, "that is all");
    records
}

fn recorded(trace: &Trace) -> Vec<(u64, u64, Option<u64>)> {
    let stamp = |record: simloop::trace::Record<'_>| {
        (record.turn, record.at.as_nanos(), record.task.map(|task| task.as_u64()))
    };
    trace.records().map(stamp).collect()
}

#[test]
fn every_program_has_its_page_with_each_record_in_it() {
    for (name, report) in programs::all() {
        let page = report.html().to_string();
        assert_eq!(page, report.html().to_string(), "{name}: the same bytes every time");
        assert_eq!(records(&page), recorded(&report.trace), "{name}");
    }
    let thousand = programs::thousand();
    let page = thousand.html().to_string();
    assert_eq!(records(&page), recorded(&thousand.trace));
}

#[test]
fn a_task_that_wakes_itself_and_lingers_in_its_last_poll_has_a_page() {
    let report = traced(async {
        let group = TaskGroup::scope(|group: TaskGroup<()>| async move {
            group.spawn(pending::<Result<(), ()>>());
            yield_now().await;
            Ok(())
        });
        assert!(timeout(Duration::ZERO, group).await.is_err());
    });
    let is_lingering = |event| matches!(event, Event::Waits(_));
    assert!(report.trace.records().any(|record| is_lingering(record.event)), "{}", report.trace);
    assert_eq!(records(&report.html().to_string()), recorded(&report.trace));
}

/// The second of two writers has to be passed over once for its update to be lost.
async fn lost_update() {
    let count = Rc::new(Cell::new(0));
    let writers = [0, 1].map(|turns| {
        let count = Rc::clone(&count);
        spawn_named("writer", async move {
            for _ in 0..turns {
                yield_now().await;
            }
            let read = count.get();
            note!("reads {read}");
            yield_now().await;
            count.set(read + 1);
        })
    });
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(count.get(), 2, "an update was lost");
}

#[test]
fn a_finding_has_its_race_explained_beside_the_nearest_run_that_passes() {
    let explorer = Explorer::new().ignore_environment(true);
    let finding = explorer.run(lost_update).unwrap_finding();
    let page = finding.html().to_string();
    assert_eq!(records(&page), recorded(finding.trace()));
    assert!(page.contains("<title>panic at 0s"));
    assert_shown("rendering", "html_of_finding", data(&page));
}

#[test]
fn a_page_needs_nothing_from_outside() {
    for (name, report) in programs::all() {
        let page = report.html().to_string().replace("http://www.w3.org/2000/svg", "");
        for outside in ["http:", "https:", "src=", "@import", "url(http", "fetch(", "import("] {
            assert!(!page.contains(outside), "{name}: {outside}");
        }
        assert!(page.contains("default-src 'none'"), "and it may not ask for anything");
    }
}

#[test]
fn without_scripts_the_page_has_picture_failure_and_statistics() {
    let report = programs::deadlock();
    let page = report.html().title("A <deadlock>").to_string();
    let plain = between(&page, "<div id=\"plain\">", "<script type=\"module\">");
    assert!(plain.contains("<h1>A &lt;deadlock&gt;</h1>"));
    let drawn = report.trace.svg().width(1_100).to_string();
    assert!(plain.contains(&drawn), "the picture is the one of `svg`");
    assert!(plain.contains("<pre class=\"failure\">deadlock at 1s (turn "));
    assert!(plain.contains("<pre class=\"statistics\">task "));
    assert!(
        plain.contains("aria-label=\"a cycle: main/worker[0] waits for mutex `audit`, held by")
    );
    let cycle = between(plain, "data-cycle=\"", "\"");
    assert_eq!(cycle, "1 2", "the numbers of the tasks");
}

#[test]
fn names_and_notes_never_become_markup_or_code() {
    let (_, report) = programs::all().into_iter().find(|(name, _)| *name == "names").unwrap();
    let page =
        report.html().title("</title><script>").about("</pre><script>").named("\" onload=\"");
    let page = page.to_string();
    let empty = Builder::new().run(async {}).html().to_string();
    for tag in ["<script", "</script", "<b>", "<!--", "onload=\""] {
        assert_eq!(page.matches(tag).count(), empty.matches(tag).count(), "{tag}");
    }
    let texts = between(&page, "<div class=\"texts\" hidden>", "</div>");
    for name in
        HOSTILE.map(|name| name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
    {
        if name.chars().all(|character| character.is_ascii_alphanumeric()) {
            assert!(texts.lines().any(|line| line == name), "{name}: {texts}");
        }
    }
    let lines = texts.lines().count();
    let notes = report.trace.notes().count();
    assert_eq!(lines, 2 + 9 + 2 + notes, "places, names, waits and notes are a line each: {texts}");
}

#[test]
fn several_runs_stand_in_one_page_and_it_knows_where_they_part() {
    let short = traced(programs::nap()).trace;
    let long = traced(async {
        sleep(secs(1)).await;
        note!("more");
    })
    .trace;
    let page = short.html().named("fails").beside("passes", &long).about("goes on").to_string();
    assert_eq!(page.matches("<section class=\"run\"").count(), 2);
    let (first, second) = page.split_once("data-name=\"passes\"").expect("the second");
    assert!(first.contains("data-name=\"fails\""));
    let parting = simloop::trace::diff(&short, &long).first_difference().unwrap();
    assert!(second.contains(&format!("data-parting=\"{parting}\"")));
    assert!(second.contains("<pre class=\"about\">goes on\n</pre>"));
}

/// Many tasks that wake each other, at instants far apart.
fn busy(tasks: u64) -> Report {
    traced(async move {
        let mut handles = Vec::new();
        for number in 0..tasks {
            handles.push(spawn_named("w", async move {
                for round in 0..20 {
                    sleep(std::time::Duration::from_nanos(
                        1 + (number * 7_919 + round * 104_729) % 1_000_003,
                    ))
                    .await;
                }
            }));
        }
        for handle in handles {
            handle.await.unwrap();
        }
    })
}

#[test]
fn a_record_takes_few_bytes_of_the_page() {
    let report = busy(100);
    let few = busy(50);
    let (page, less) = (report.html().to_string(), few.html().to_string());
    let numbers = |page: &str| between(page, "class=\"numbers\">", "</script>").len();
    let records = report.trace.len() - few.trace.len();
    let bytes = numbers(&page) - numbers(&less);
    assert!(records > 5_000 && bytes < 12 * records, "{bytes} bytes for {records} records");
}

#[test]
fn whatever_happens_a_record_takes_no_more_than_160_bytes() {
    // The dearest: each record of another task, at another instant, and instants that need all 64 bits.
    let report = Builder::new().trace(Level::Full).run(async {
        for power in (1..62).rev() {
            spawn_named("", sleep(std::time::Duration::from_nanos(1 << power)));
        }
        sleep(std::time::Duration::from_nanos(u64::MAX - 1)).await;
    });
    assert!(report.trace.records().any(|record| matches!(record.event, Event::TimerFired(_))));
    let page = report.html().to_string();
    assert_eq!(records(&page), recorded(&report.trace));
    let bytes = between(&page, "class=\"numbers\">", "</script>").len();
    assert!(bytes < 160 * report.trace.len(), "{bytes} bytes for {} records", report.trace.len());
}

#[test]
fn a_page_tells_where_a_task_was_spawned_as_reports_do() {
    let (report, line) = (Builder::new().trace(Level::Tasks).run(async {}), line!());
    let page = report.html().to_string();
    assert!(page.contains(&format!("tests/it/rendering/html.rs:{line}\n")), "{page}");
}
