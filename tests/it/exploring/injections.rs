//! What a search makes go wrong: found, shrunk, told, and brought back by the line.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

use simloop::explore::{Explorer, Extent, Finding, Shared};
use simloop::policy::Injection;
use simloop::sync::{Notify, Semaphore};
use simloop::trace::Level;
use simloop::{
    Builder, gather, gather_all, gather_settled, on_cancel, sleep, spawn_named, try_gather_all,
    yield_now,
};

use super::explorer;
use crate::{millis, secs};

fn every_schedule() -> Explorer {
    explorer().exhaustive().max_runs(20_000)
}

/// Checks that the printed line brings the failure back, to the same trace each time.
fn check_replay<F, R>(finding: &Finding, program: F)
where
    F: Fn() -> R,
    R: Future<Output: 'static> + 'static,
{
    let line = finding.schedule.to_string();
    assert!(finding.failure.to_string().contains(&line), "it is printed: {}", finding.failure);
    let replay = || Builder::new().trace(Level::Full).replay(&line).run(program());
    let first = replay();
    assert_eq!(first.schedule, finding.schedule);
    let kinds = [first.failure().unwrap(), &finding.failure].map(|it| it.to_string());
    assert_eq!(kinds[0].lines().next(), kinds[1].lines().next());
    for _ in 0..10 {
        assert_eq!(replay().trace, first.trace);
    }
}

/// Permits that are given back by hand, so that a task that is cancelled with one keeps it.
async fn leaky_permits() {
    let (free, freed) = (Shared::named("free", 1), Rc::new(Notify::new()));
    let workers = ["a", "b"].map(|name| {
        let (free, freed) = (free.clone(), Rc::clone(&freed));
        spawn_named(name, async move {
            while free.get() == 0 {
                freed.notified().await;
            }
            free.update(|free| *free -= 1);
            sleep(secs(1)).await;
            free.update(|free| *free += 1);
            freed.notify_one();
        })
    });
    for worker in workers {
        let _ = worker.await;
    }
}

/// The same with permits that give themselves back.
async fn tight_permits() {
    let permits = Rc::new(Semaphore::new(1));
    let workers = ["a", "b"].map(|name| {
        let permits = Rc::clone(&permits);
        spawn_named(name, async move {
            let _permit = permits.acquire().await;
            sleep(secs(1)).await;
        })
    });
    for worker in workers {
        let _ = worker.await;
    }
}

#[test]
fn a_permit_that_is_lost_on_cancellation_is_found() {
    assert_eq!(every_schedule().check(leaky_permits).extent, Extent::Complete);
    let found = every_schedule().cancellations(true).run(leaky_permits).unwrap_finding();
    assert!(found.failure.to_string().starts_with("deadlock at 0s"), "{}", found.failure);
    assert_eq!(found.schedule.to_string(), "v1:2!abort");
    assert_eq!(
        found.sentence,
        "fails when, at 0s, `main/a` is cancelled where it waits; without that it passes"
    );
    check_replay(&found, leaky_permits);
    let fixed = every_schedule().cancellations(true).check(tight_permits);
    assert_eq!(fixed.extent, Extent::Complete);
    assert!(fixed.runs > every_schedule().check(tight_permits).runs);
}

#[test]
fn strategies_that_draw_inject_as_well_and_shrink_to_the_same() {
    let aborts = |finding: &Finding| {
        let injections = finding.schedule.deviations().filter_map(|it| it.injection());
        assert_eq!(injections.collect::<Vec<_>>(), [Injection::Abort], "{}", finding.schedule);
        assert!(finding.sentence.contains("is cancelled where it waits"), "{}", finding.sentence);
        check_replay(finding, leaky_permits);
    };
    let found = explorer().cancellations(true).run(leaky_permits).unwrap_finding();
    aborts(&found);
    let threads = explorer().cancellations(true).threads(2).run(leaky_permits).unwrap_finding();
    assert_eq!((threads.first_run, threads.schedule), (found.first_run, found.schedule));
    aborts(&explorer().reduced().cancellations(true).run(leaky_permits).unwrap_finding());
}

#[test]
fn a_task_is_cancelled_at_each_of_its_await_points_before_and_after_it_is_woken() {
    let exploration = every_schedule().cancellations(true).run(|| async {
        let steps = Shared::new(0);
        let worker = steps.clone();
        let worker = spawn_named("worker", async move {
            for _ in 0..3 {
                sleep(secs(1)).await;
                worker.update(|steps| *steps += 1);
            }
        });
        let is_cancelled = worker.await.is_err();
        (is_cancelled, steps.get(), simloop::now().to_string())
    });
    let shown: BTreeSet<_> = exploration.outcomes.iter().map(|it| it.shown.as_str()).collect();
    let expected = [
        "(false, 3, \"3s\")",
        "(true, 0, \"0s\")",
        "(true, 0, \"1s\")",
        "(true, 1, \"1s\")",
        "(true, 1, \"2s\")",
        "(true, 2, \"2s\")",
        "(true, 2, \"3s\")",
    ];
    assert_eq!(shown, BTreeSet::from(expected));
    assert_eq!((exploration.runs, exploration.extent), (7, Extent::Complete));
}

/// A task that gathers in all ways, and tidies up if it is cancelled meanwhile.
async fn gathers() -> (&'static str, bool) {
    let tidied = Shared::new(true);
    let state = tidied.clone();
    let job = spawn_named("job", async move {
        let tidy = |state: Shared<bool>| async move {
            sleep(secs(1)).await;
            state.set(true);
        };
        state.set(false);
        let guard = on_cancel(secs(5), state, tidy);
        gather!(sleep(secs(1)), yield_now()).await;
        gather_all([sleep(secs(1))]).await;
        let fallible = |n| async move {
            sleep(secs(n)).await;
            if n > 1 { Err(n) } else { Ok(n) }
        };
        // The second goes on after the error of the first.
        assert_eq!(try_gather_all([fallible(2), fallible(3)]).await, Err(2));
        for result in gather_settled([sleep(secs(2))]).await {
            result.expect("nobody could have cancelled it");
        }
        guard.disarm().set(true);
    });
    let ended = match job.await {
        Ok(()) => "done",
        Err(error) if error.is_cancelled() => "cancelled",
        Err(_) => "panicked",
    };
    (ended, tidied.get())
}

#[test]
fn a_task_to_which_nobody_has_a_handle_is_cancelled_with_its_owner_alone() {
    let exploration = every_schedule().cancellations(true).max_injections(2).check(gathers);
    assert_eq!(exploration.extent, Extent::Complete);
    let shown: BTreeSet<_> = exploration.outcomes.iter().map(|it| it.shown.as_str()).collect();
    assert_eq!(shown, BTreeSet::from(["(\"cancelled\", true)", "(\"done\", true)"]));
}

/// Takes a value that another task brings, in a future that believes that it is polled only when it is there.
async fn gullible() -> u32 {
    let place: Rc<RefCell<(Option<u32>, Option<Waker>)>> = Rc::default();
    let setter = Rc::clone(&place);
    spawn_named("setter", async move {
        sleep(secs(1)).await;
        let waker = {
            let mut place = setter.borrow_mut();
            place.0 = Some(7);
            place.1.take()
        };
        waker.into_iter().for_each(Waker::wake);
    });
    let mut has_waited = false;
    poll_fn(move |cx| {
        if has_waited {
            return Poll::Ready(place.borrow_mut().0.take().expect("woken, so it is there"));
        }
        has_waited = true;
        place.borrow_mut().1 = Some(cx.waker().clone());
        Poll::Pending
    })
    .await
}

#[test]
fn s17_a_future_that_breaks_on_a_spurious_poll_is_found() {
    assert_eq!(every_schedule().check(gullible).extent, Extent::Complete);
    let found = every_schedule().spurious_polls(true).run(gullible).unwrap_finding();
    assert_eq!(found.schedule.to_string(), "v1:1!poll");
    assert_eq!(
        found.sentence,
        "fails when, at 0s, `main` is polled though nobody has woken it; without that it passes"
    );
    check_replay(&found, gullible);
    let sound = every_schedule().spurious_polls(true).check(tight_permits);
    assert_eq!(sound.extent, Extent::Complete);
}

/// Counts on 1 s being over before 1.5 s are.
async fn hasty() {
    let done = Shared::new(false);
    let setter = done.clone();
    spawn_named("setter", async move {
        sleep(secs(1)).await;
        setter.set(true);
    });
    sleep(millis(1_500)).await;
    assert!(done.get(), "not done in time");
}

#[test]
fn a_race_that_needs_a_late_timer_is_found() {
    assert_eq!(every_schedule().check(hasty).runs, 1);
    assert!(every_schedule().late_timers(millis(400)).run(hasty).findings.is_empty());
    let found = every_schedule().late_timers(secs(1)).run(hasty).unwrap_finding();
    assert_eq!(found.schedule.to_string(), "v1:2!late+1000000us");
    assert_eq!(
        found.sentence,
        "fails when, at 0s, `main/setter` waits for a timer that is 1s late; without that it passes"
    );
    check_replay(&found, hasty);
}

#[test]
fn something_goes_wrong_once_in_a_run_unless_more_is_allowed() {
    let both = |most| {
        let explorer = every_schedule().cancellations(true).max_injections(most);
        let exploration = explorer.run(|| async {
            let tasks = ["a", "b"].map(|name| spawn_named(name, sleep(secs(1))));
            let mut cancelled = 0;
            for task in tasks {
                cancelled += u32::from(task.await.is_err());
            }
            assert!(cancelled < 2, "both");
        });
        exploration.findings.into_iter().next()
    };
    assert!(both(0).is_none() && both(1).is_none());
    let found = both(2).unwrap();
    let injections = found.schedule.deviations().filter_map(|deviation| deviation.injection());
    assert_eq!(injections.collect::<Vec<_>>(), [Injection::Abort, Injection::Abort]);
    assert_eq!(
        found.sentence,
        "fails when\n  at 0s (turn 2), `main/a` is cancelled where it waits\n  \
         at 0s (turn 3), `main/b` is cancelled where it waits\nwithout the last of these it passes"
    );
}

#[test]
fn s35_an_injection_that_no_longer_fits_is_told_as_any_choice() {
    let idle = || async { yield_now().await };
    let failure = Builder::new().replay("v1:1!abort").run(idle()).unwrap_failure().to_string();
    assert!(failure.starts_with("replay diverged"), "{failure}");
    assert!(failure.contains("`abort`"), "{failure}");
}
