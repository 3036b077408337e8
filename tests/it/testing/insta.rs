//! What the crate shows is a snapshot as it is, without settings or filters.

use simloop::explore::Explorer;
use simloop::trace::Level;
use simloop::{Builder, note, sleep, spawn_named, yield_now};

use crate::secs;
use crate::snapshots::assert_shown;

async fn program() {
    let worker = spawn_named("worker", async {
        note!("works");
        sleep(secs(2)).await;
    });
    sleep(secs(1)).await;
    worker.await.unwrap();
}

#[test]
fn traces_timelines_failures_and_explorations_are_snapshots_as_they_are() {
    let report = Builder::new().trace(Level::Tasks).run(program());
    assert_shown("testing", "trace", &report.trace);
    assert_shown("testing", "timeline", report.trace.lanes());
    assert_shown("testing", "schedule", &report.schedule);
    let stuck = Builder::new().run(std::future::pending::<()>());
    assert_shown("testing", "failure", stuck.unwrap_failure());
    let searched = Explorer::new().ignore_environment(true).exhaustive().run(|| async {
        spawn_named("other", yield_now()).await.unwrap();
    });
    assert_shown("testing", "exploration", searched);
}
