//! Each page loads, asks for nothing, and has understood its data.

use serde_json::{Value, json};
use simloop::trace::{Event, Trace};
use simloop::{Builder, sleep};

use crate::browser::{browse, browse_with};
use crate::{program, programs, secs, traced};

/// The sentences of the records, as the text of a trace has them; none for a line that was cut short.
fn sentences(trace: &Trace) -> Vec<Option<String>> {
    let text = trace.to_string();
    let column = text.lines().next().and_then(|head| head.find("event")).expect("a head");
    let sentence = |line: &str| line.is_ascii().then(|| line[column..].to_owned());
    text.lines().skip(1).map(|line| sentence(line).filter(|text| !text.contains("..."))).collect()
}

#[test]
fn every_program_is_shown_without_a_word_on_the_console_or_a_request() {
    browse(async |page| {
        for (name, report) in programs::all() {
            page.open(report.html().title(name)).await;
            page.assert_quiet().await;
            assert_eq!(page.text("h1").await, name);
            assert_eq!(page.eval("document.getElementById('plain')").await, Value::Null);
            let (tasks, records) = (report.trace.tasks().len(), report.trace.len());
            assert_eq!(
                page.eval("[page.run.count, page.run.records.count]").await,
                json!([tasks, records])
            );
            let paths: Vec<_> = report.trace.tasks().map(|task| report.trace.path(task)).collect();
            assert_eq!(page.eval("page.run.paths").await, json!(paths), "{name}");
            page.photograph(name).await;
        }
    });
}

#[test]
fn the_ready_set_of_each_turn_is_the_one_that_its_poll_recorded() {
    browse(async |page| {
        let mut polls = 0;
        for (name, report) in
            programs::all().into_iter().chain([("thousand", programs::thousand())])
        {
            page.open(report.html()).await;
            assert_eq!(page.eval("page.ready.mistakes()").await, json!([]), "{name}");
            polls += report
                .trace
                .records()
                .filter(|one| matches!(one.event, Event::Polled { .. }))
                .count();
        }
        assert!(polls > 2_000, "{polls}");
    });
}

#[test]
fn records_are_told_in_the_words_of_the_trace() {
    browse(async |page| {
        let mut compared = 0;
        for (name, report) in programs::all() {
            if report.trace.is_empty() {
                continue;
            }
            page.open(report.html()).await;
            let told = page.eval(
                "Array.from({ length: page.run.records.count }, (_, at) => page.words.record(at))",
            );
            let told = told.await;
            let expected = sentences(&report.trace);
            for (told, expected) in told.as_array().unwrap().iter().zip(expected) {
                if let Some(expected) = expected {
                    assert_eq!(told.as_str(), Some(&*expected), "{name}");
                    compared += 1;
                }
            }
        }
        assert!(compared > 300, "{compared}");
    });
}

#[test]
fn instants_of_64_bits_are_shown_to_the_last_nanosecond() {
    browse(async |page| {
        let far =
            traced(async { sleep(std::time::Duration::from_nanos(u64::MAX - 2)).await }).trace;
        let last = far.records().next_back().unwrap().at.to_string();
        page.open(far.html()).await;
        assert_eq!(page.text("#range").await, format!("0s – {last}"));
        assert!(last.ends_with("613s"), "more digits than a number of the script's has: {last}");
    });
}

#[test]
fn names_of_any_kind_are_text() {
    browse(async |page| {
        page.open(program("names").html().title("<i>\"'</i>")).await;
        assert_eq!(page.text("h1").await, "<i>\"'</i>");
        let names = page.texts(".name bdi").await;
        assert_eq!(names.len(), 1 + programs::HOSTILE.len());
        assert!(names.contains(&r#"\"quoted' & <b>bold<\/b>"#.to_owned()), "{names:?}");
        page.press("nnnn").await;
        let made = "document.querySelectorAll('#app b, #app i, #app :not(body) > script').length";
        assert_eq!(page.eval(made).await, json!(0));
        page.assert_quiet().await;
    });
}

#[test]
fn without_scripts_there_are_picture_failure_and_statistics() {
    let no_scripts = json!({ "profile.managed_default_content_settings.javascript": 2 });
    browse_with(no_scripts, async |page| {
        page.open_plain(program("deadlock").html()).await;
        // The driver's own scripts run all the same.
        let visible = "[...document.querySelectorAll('#plain svg, #plain .failure, #plain .statistics, #app')]
            .map((part) => part.checkVisibility({ visibilityProperty: true }))";
        assert_eq!(page.eval(visible).await, json!([false, true, true, true, true]));
        page.photograph("plain").await;
    });
}

#[test]
fn a_page_of_nothing_says_so() {
    browse(async |page| {
        page.open(Builder::new().run(async {}).html()).await;
        assert_eq!(page.text("#nothing").await, "No task fits.");
        page.press("np+-0wet").await;
        page.assert_quiet().await;
        page.open(traced(async { sleep(secs(1)).await }).html()).await;
        assert_eq!(page.texts(".name bdi").await, ["main"]);
    });
}
