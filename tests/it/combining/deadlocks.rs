//! Rule S37 for what combines tasks: a deadlock names the tasks that are waited for, and those only.

use std::future::pending;
use std::sync::Arc;

use simloop::sync::Mutex;
use simloop::time::sleep_until;
use simloop::{Builder, Instant, JoinHandle, as_completed, race, shield, spawn_named, yield_now};

use super::sleeper;
use crate::snapshots::assert_shown;

fn stuck(name: &str) -> JoinHandle<u64> {
    spawn_named(name, pending())
}

#[test]
fn s37_results_that_never_come_are_those_of_the_tasks_that_are_left() {
    let report = Builder::new().run(async {
        let mut completed =
            as_completed([stuck("left"), spawn_named("done", sleeper(1)), stuck("also_left")]);
        while let Some((_, result)) = completed.next().await {
            assert_eq!(result.unwrap(), 1);
        }
    });
    assert_shown("combining", "deadlock_as_completed", report.unwrap_failure());
}

#[test]
fn s37_tasks_that_shield_what_waits_for_them_are_a_ring() {
    let report = Builder::new().run(async {
        let lock = Arc::new(Mutex::new(()).named("state"));
        let held = Arc::clone(&lock).lock_owned().await;
        let saver = spawn_named("saver", async move {
            shield(async move { drop(lock.lock().await) }).await.unwrap();
        });
        // Whoever shields what needs its own lock waits for itself.
        shield(async move { saver.await.unwrap() }).await.unwrap();
        drop(held);
    });
    assert_shown("combining", "deadlock_shield", report.unwrap_failure());
}

#[test]
fn s37_a_race_that_nobody_wins_tells_what_each_racer_waits_for() {
    let report = Builder::new().run(async {
        let lock = Arc::new(Mutex::new(()).named("ledger"));
        let held = Arc::clone(&lock);
        spawn_named("holder", async move {
            let _held = held.lock().await;
            pending::<()>().await;
        });
        let task = stuck("racer");
        yield_now().await;
        race!(async { drop(task.await) }, async { drop(lock.lock().await) }, async {
            sleep_until(Instant::NEVER).await;
        })
        .await;
    });
    assert_shown("combining", "deadlock_race", report.unwrap_failure());
}
