//! Ten thousand tasks and a million records. A page that froze would run into the driver's limits.

use serde_json::json;
use simloop::{sleep, spawn};

use crate::browser::browse;
use crate::{secs, traced};

const TASKS: u64 = 10_000;

/// Tasks that sleep sixteen times each.
fn million() -> simloop::Report {
    let report = traced(async {
        for number in 0..TASKS {
            spawn(async move {
                for round in 0..20 {
                    sleep(std::time::Duration::from_micros(
                        (number * 7_919 + round * 104_729) % 1_000_003,
                    ))
                    .await;
                }
            });
        }
        sleep(secs(60)).await;
    });
    assert!(report.trace.len() > 1_000_000, "{}", report.trace.len());
    report
}

#[test]
fn a_page_of_a_million_records_loads_zooms_steps_and_filters() {
    let html = million().html().to_string();
    let records = million().trace.len();
    assert!(html.len() < 16 * records, "{} bytes for {records} records", html.len());
    browse(async move |page| {
        page.open(html).await;
        assert_eq!(page.eval("page.run.records.count").await, json!(records));
        assert_eq!(page.text("#count").await, "10,001 tasks");
        page.photograph("million").await;
        let frames = async || page.eval("page.frames").await.as_u64().unwrap();
        for keys in ["+", "+++", "\u{e014}", "---", "0", "++++++++++++"] {
            let before = frames().await;
            page.press(keys).await;
            assert!(frames().await > before, "{keys} is answered by a frame");
        }
        page.photograph("million-near").await;
        // The last turn, a million records away, and the one before.
        page.press("\u{e010}").await;
        page.press("p").await;
        let turns = page.eval("page.run.turns").await.as_u64().unwrap();
        assert_eq!(page.eval("page.turn").await, json!(turns - 1));
        page.fill("#turn", "60000\u{e007}").await;
        assert!(page.text("#panel h2").await.starts_with("Turn 60,000 at "));
        page.fill("#search", "task[99").await;
        assert_eq!(page.text("#count").await, "111 of 10,001 tasks");
        page.eval("document.getElementById('lanes').scrollTop = 1000").await;
        page.drawn().await;
        assert!(
            page.texts(".name bdi").await.len() < 60,
            "only what is visible is in the document"
        );
        page.photograph("million-found").await;
        page.assert_quiet().await;
    });
}
