//! Planted bugs: each is found, shrunk to the simplest schedule and explained; its corrected twin passes a
//! complete search.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

use simloop::explore::{Explorer, Extent, Finding, Outcome, Shared};
use simloop::sync::{Event, Mutex};
use simloop::trace::Level;
use simloop::{Builder, Failure, Limits, sleep, spawn, spawn_named, timeout, yield_now};

use super::{all, explorer};
use crate::secs;
use crate::snapshots::assert_shown;

/// Finds the bug of a program in several ways, checks what is promised of the finding, and shows it.
#[track_caller]
pub(super) fn assert_found<F, R>(name: &str, program: F)
where
    F: Fn() -> R + Sync,
    R: Future<Output: Outcome + 'static> + 'static,
{
    let exhaustive = explorer().exhaustive().run(&program);
    assert_shown("exploring", name, &exhaustive);
    let simplest = exhaustive.unwrap_finding();
    assert_simplest(&simplest, &program);
    for strategy in [explorer().portfolio(5_000), explorer().walk(5_000)] {
        let finding = strategy.run(&program).unwrap_finding();
        assert_replays(&finding, &program, 20);
        // Another failure may come first than in the order of deviations.
        if told(&finding.failure) == told(&simplest.failure) && finding.is_simplest {
            assert_eq!(finding.schedule, simplest.schedule, "shrunk, it is the simplest");
        }
    }
}

/// The line that a finding prints brings the same failure back so many times, turn by turn.
#[track_caller]
fn assert_replays<F, R>(finding: &Finding, program: &F, times: usize)
where
    F: Fn() -> R,
    R: Future<Output: Outcome + 'static> + 'static,
{
    let text = finding.failure.to_string();
    let (_, line) = text.split_once("\n  replay: Builder::new()").unwrap();
    // What fails first-in first-out needs no schedule.
    let schedule = match line {
        "" => "v1:",
        _ => line.strip_prefix(".replay(\"").unwrap().strip_suffix("\")").unwrap(),
    };
    let run = || Builder::new().replay(schedule).trace(Level::Full).run(program());
    let first = run();
    for _ in 0..times {
        let again = run();
        assert_eq!(again.trace, first.trace);
        assert_eq!(again.schedule, finding.schedule);
        match again.outcome {
            Err(failure) => assert_eq!(told(&failure), told(&finding.failure)),
            Ok(output) => assert!(output.refusal().is_some()),
        }
    }
}

/// The text of a failure, without the line that reproduces it, and without where tasks were spawned: the root
/// was here and there.
fn told(failure: &Failure) -> String {
    let text = failure.to_string();
    let lines = text.lines().filter(|line| !line.starts_with("  replay: "));
    lines.map(|line| line.split(" (spawned at").next().unwrap().to_owned() + "\n").collect()
}

/// With one deviation less, nothing fails.
#[track_caller]
fn assert_simplest<F, R>(finding: &Finding, program: &F)
where
    F: Fn() -> R + Sync,
    R: Future<Output: Outcome + 'static> + 'static,
{
    assert!(finding.is_simplest);
    assert_replays(finding, program, 1_000);
    if let Some(fewer) = finding.schedule.deviations().count().checked_sub(1) {
        let bounded = explorer().exhaustive().max_deviations(fewer as u32).limits(LIMITS);
        assert_eq!(bounded.run(program).extent, Extent::WithinDeviations(fewer as u32));
    }
}

/// No schedule at all breaks the program.
#[track_caller]
pub(super) fn assert_right<F, R>(program: F)
where
    F: Fn() -> R + Sync,
    R: Future<Output: Outcome + 'static> + 'static,
{
    let exploration = all(program).unwrap();
    assert_eq!(exploration.extent, Extent::Complete, "{exploration}");
}

/// No schedule of any kind breaks the right program, of which there are too many to run them all; and the wrong one
/// is broken by that search.
#[track_caller]
fn assert_right_of_each_kind<R>(program: impl Fn(bool) -> R + Sync)
where
    R: Future<Output: Outcome + 'static> + 'static,
{
    let wrong = explorer().reduced().run(|| program(false)).unwrap_finding();
    assert!(wrong.is_simplest);
    let exploration = explorer().reduced().max_runs(u64::MAX).run(|| program(true)).unwrap();
    assert_eq!(exploration.extent, Extent::Complete, "{exploration}");
}

const LIMITS: Limits = Limits::new();

// Two tasks read a number, wait a turn, and write it back.

async fn update(is_locked: bool) {
    let count = Arc::new(Mutex::new(0));
    let seen = Rc::new(Cell::new(0));
    let tasks = ["one", "two"].map(|name| {
        let (count, seen) = (Arc::clone(&count), Rc::clone(&seen));
        spawn_named(name, async move {
            let _guard = if is_locked { Some(count.lock().await) } else { None };
            let read = seen.get();
            yield_now().await;
            seen.set(read + 1);
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(seen.get(), 2, "an update was lost");
}

#[test]
fn a_lost_update_is_found_at_once_and_a_lock_prevents_it() {
    assert_found("lost_update", || update(false));
    assert_right(|| update(true));
}

// Two tasks take two locks, crosswise or in the same order.

async fn transfer(is_ordered: bool) {
    let locks = ["ledger", "audit"].map(|name| Arc::new(Mutex::new(()).named(name)));
    let tasks = [("there", 0), ("back", 1)].map(|(name, first)| {
        let first = if is_ordered { 0 } else { first };
        let (first, second) = (Arc::clone(&locks[first]), Arc::clone(&locks[1 - first]));
        spawn_named(name, async move {
            let _one = first.lock().await;
            let _other = second.lock().await;
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
}

async fn transfer_with_work(is_ordered: bool) {
    let locks = ["ledger", "audit"].map(|name| Arc::new(Mutex::new(()).named(name)));
    let tasks = [("there", 0), ("back", 1)].map(|(name, first)| {
        let first = if is_ordered { 0 } else { first };
        let (first, second) = (Arc::clone(&locks[first]), Arc::clone(&locks[1 - first]));
        spawn_named(name, async move {
            if name == "back" {
                yield_now().await;
                yield_now().await;
            }
            let _one = first.lock().await;
            yield_now().await;
            let _other = second.lock().await;
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
}

#[test]
fn two_locks_taken_crosswise_deadlock_and_ordered_ones_never_do() {
    assert_right(|| transfer(false));
    assert_found("crosswise_locks", || transfer_with_work(false));
    assert_right(|| transfer_with_work(true));
}

// Ten tasks; one prepares what another uses.

async fn prepared(waits: bool) {
    let (is_prepared, done) = (Shared::new(false), Rc::new(Event::new()));
    let mut tasks = Vec::new();
    for number in 0..10 {
        let (is_prepared, done) = (is_prepared.clone(), Rc::clone(&done));
        let name = match number {
            0 => "prepares",
            9 => "uses",
            _ => "other",
        };
        tasks.push(spawn_named(name, async move {
            match name {
                "prepares" => {
                    is_prepared.set(true);
                    done.set();
                }
                "uses" => {
                    if waits {
                        done.wait().await;
                    }
                    assert!(is_prepared.get(), "used before it was prepared");
                }
                _ => {}
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

#[test]
fn an_order_of_two_among_ten_tasks_is_found_with_one_deviation() {
    assert_found("order_among_ten", || prepared(false));
    assert_right_of_each_kind(prepared);
}

// Peterson's lock, with the flag raised after the turn was given away.

async fn peterson(is_right: bool) {
    let flags = Rc::new(RefCell::new([false; 2]));
    let turn = Rc::new(Cell::new(0));
    let inside = Rc::new(Cell::new(0));
    let tasks = [0, 1].map(|own| {
        let (flags, turn, inside) = (Rc::clone(&flags), Rc::clone(&turn), Rc::clone(&inside));
        let name = ["left", "right"][own];
        spawn_named(name, async move {
            let other = 1 - own;
            if is_right {
                flags.borrow_mut()[own] = true;
                yield_now().await;
                turn.set(other);
            } else {
                turn.set(other);
                yield_now().await;
                flags.borrow_mut()[own] = true;
            }
            // A bounded wait, so that the schedules can be counted.
            for _ in 0..3 {
                if !(flags.borrow()[other] && turn.get() == other) {
                    inside.set(inside.get() + 1);
                    assert_eq!(inside.get(), 1, "both are inside");
                    yield_now().await;
                    inside.set(inside.get() - 1);
                    break;
                }
                yield_now().await;
            }
            flags.borrow_mut()[own] = false;
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
}

#[test]
fn petersons_lock_with_its_lines_swapped_lets_both_in() {
    assert_found("peterson", || peterson(false));
    assert_right(|| peterson(true));
}

// A timeout that gives up at the very instant at which the answer comes.

async fn tie(is_careful: bool) -> Result<(), String> {
    let (sender, receiver) = futures_channel::oneshot::channel();
    let (sender, mut receiver) = (sender, receiver);
    spawn_named("server", async move {
        sleep(secs(1)).await;
        let _ = sender.send("answer");
    });
    match timeout(secs(1), &mut receiver).await {
        Ok(_) => Ok(()),
        Err(_) if is_careful && timeout(secs(1), receiver).await.is_ok() => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn a_timeout_that_ties_with_its_result_is_tried_both_ways() {
    assert_found("timeout_tie", || tie(false));
    assert_right(|| tie(true));
}

// A cache that is filled twice because the entry is missed before the first fetch has ended.

async fn cache(is_entered_early: bool) {
    let entry = Rc::new(Cell::new(None));
    let fetches = Rc::new(Cell::new(0));
    let clients = [(); 2].map(|()| {
        let (entry, fetches) = (Rc::clone(&entry), Rc::clone(&fetches));
        spawn_named("client", async move {
            // Clients arrive at different instants, but the second just as the first is served.
            if entry.get().is_none() {
                if is_entered_early {
                    entry.set(Some(0));
                }
                fetches.set(fetches.get() + 1);
                yield_now().await;
                entry.set(Some(7));
            }
        })
    });
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(fetches.get(), 1, "fetched twice");
}

#[test]
fn a_cache_stampede_needs_no_deviation_at_all() {
    assert_found("cache_stampede", || cache(false));
    assert_right(|| cache(true));
}

// A hand-written future that looks at the flag before it leaves its waker.

async fn flag(leaves_waker_first: bool) {
    let is_set = Rc::new(Cell::new(false));
    let waker: Rc<RefCell<Option<Waker>>> = Rc::default();
    let (flag, place) = (Rc::clone(&is_set), Rc::clone(&waker));
    let waiter = spawn_named("waiter", async move {
        if leaves_waker_first {
            return poll_fn(move |cx| {
                *place.borrow_mut() = Some(cx.waker().clone());
                if flag.get() { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
        if !flag.get() {
            yield_now().await;
            let mut is_first = true;
            poll_fn(move |cx| {
                *place.borrow_mut() = Some(cx.waker().clone());
                if std::mem::take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) }
            })
            .await;
        }
    });
    let setter = spawn_named("setter", async move {
        yield_now().await;
        yield_now().await;
        is_set.set(true);
        if let Some(waker) = waker.borrow_mut().take() {
            waker.wake();
        }
    });
    setter.await.unwrap();
    waiter.await.unwrap();
}

#[test]
fn a_wake_up_missed_between_look_and_wait_is_a_deadlock() {
    assert_found("missed_wake_up", || flag(false));
    assert_right(|| flag(true));
}

// A task that must not be held up until three others have finished. They give way to it, or do not.

async fn held_up(give_way: bool) {
    let (finished, has_run) = (Shared::new(0), Rc::new(Event::new()));
    let (seen, runs) = (finished.clone(), Rc::clone(&has_run));
    let watched = spawn_named("watched", async move {
        yield_now().await;
        assert!(seen.get() < 3, "all others were done first");
        runs.set();
    });
    let others = [(); 3].map(|()| {
        let (finished, has_run) = (finished.clone(), Rc::clone(&has_run));
        spawn_named("other", async move {
            yield_now().await;
            if give_way {
                has_run.wait().await;
            }
            finished.update(|finished| *finished += 1);
        })
    });
    for task in others {
        task.await.unwrap();
    }
    watched.await.unwrap();
}

#[test]
fn a_task_that_is_starved_is_found() {
    assert_found("starved", || held_up(false));
    assert_right_of_each_kind(held_up);
}

#[test]
fn a_livelock_a_leftover_and_a_requirement_are_failures_of_a_search() {
    let limits = Limits::new().turns_per_instant(1_000);
    let spinning = || async {
        let is_done = Rc::new(Cell::new(false));
        let seen = Rc::clone(&is_done);
        spawn_named("worker", async move {
            if simloop::choose(2) == 0 {
                is_done.set(true);
            }
        });
        while !seen.get() {
            yield_now().await;
        }
    };
    let exploration = explorer().limits(limits).run(spinning);
    assert_shown("exploring", "livelock", &exploration);
    let leaving = || async {
        let task = spawn(yield_now());
        yield_now().await;
        drop(task);
    };
    let exploration = explorer().exhaustive().deny_leftovers(true).run(leaving);
    assert_shown("exploring", "leftover", &exploration);
    let slow = || async { sleep(secs(1 + simloop::choose(3) as u64)).await };
    let required = Explorer::new().ignore_environment(true).require(|report| {
        if report.ended_at.since_start() > secs(2) {
            Err("took too long".to_owned())
        } else {
            Ok(())
        }
    });
    assert_shown("exploring", "requirement", required.run(slow));
}

#[test]
#[should_panic(expected = "the requirement panicked: took 2s\n  \
                           what it returns as an `Err` is a failure of the run\n  \
                           replay: Builder::new().replay(\"v1:1.1=1/2\")")]
fn a_requirement_that_panics_tells_of_which_run() {
    let slow = || async { sleep(secs(1 + simloop::choose(2) as u64)).await };
    let required = explorer().exhaustive().require(|report| {
        assert!(report.ended_at.since_start() < secs(2), "took {}", report.ended_at);
        Ok(())
    });
    let _ = required.run(slow);
}
