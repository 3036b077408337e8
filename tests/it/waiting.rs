//! What a trace says that tasks wait for, and what woke them.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use futures_util::stream::{FuturesUnordered, StreamExt};
use simloop::sync::{Condition, Event, Mutex, Queue, Semaphore, mpsc};
use simloop::trace::{self, Awaited, Level, Trace};
use simloop::{
    Builder, CancellationToken, Report, TaskGroup, gather, settle, sleep, spawn, spawn_named,
    timeout, yield_now,
};

use crate::snapshots::assert_shown;
use crate::{secs, traced};

/// What the tasks of a path wait for, each time with the turn, and what wakes them.
fn told(trace: &Trace, path: &str) -> Vec<String> {
    let lines = trace.to_string();
    let is_told = |line: &&str| line.split_whitespace().nth(2) == Some(path);
    let events = lines.lines().filter(is_told).map(|line| {
        let words: Vec<_> = line.split_whitespace().skip(3).collect();
        words.join(" ")
    });
    let is_wait = |event: &String| {
        ["waits ", "joins ", "sleeps ", "woken "].iter().any(|start| event.starts_with(start))
    };
    events.filter(is_wait).collect()
}

async fn everything() {
    let ledger = Arc::new(Mutex::new(0).named("ledger"));
    let jobs = Arc::new(Queue::bounded(1).named("jobs"));
    let holder = Arc::clone(&ledger);
    let hold = spawn_named("hold", async move {
        let _held = holder.lock().await;
        sleep(secs(1)).await;
    });
    let locker = Arc::clone(&ledger);
    let lock = spawn_named("lock", async move { *locker.lock().await += 1 });
    let getter = Arc::clone(&jobs);
    let get = spawn_named("get", async move { getter.get().await });
    let putter = Arc::clone(&jobs);
    let put = spawn_named("put", async move {
        sleep(secs(2)).await;
        for job in 0..3 {
            putter.put(job).await.unwrap();
        }
    });
    let (held, locked) = gather!(hold, lock).await;
    assert!(held.is_ok() && locked.is_ok());
    assert_eq!(get.await.unwrap(), Ok(0));
    settle().await;
    assert!(timeout(secs(1), pending::<()>()).await.is_err());
    assert_eq!(jobs.get().await, Ok(1));
    put.await.unwrap();
}

#[test]
fn a_trace_says_what_each_task_waits_for_who_holds_it_and_what_woke_it() {
    let report = traced(everything());
    assert_shown("trace", "waiting", &report.trace);
    report.unwrap();
}

#[test]
fn s42_records_of_waits_change_neither_schedule_nor_digest_nor_counters() {
    let run = |level| {
        let report = Builder::new().trace(level).run(everything());
        (report.digest, report.counters, report.ended_at, report.schedule.to_string())
    };
    assert_eq!(run(Level::Off), run(Level::Full));
}

#[test]
fn a_task_that_waits_for_several_things_tells_one_of_them_and_its_deadline() {
    let report = traced(async {
        let lock = Arc::new(Mutex::new(()).named("lock"));
        let held = lock.lock().await;
        let other = Arc::clone(&lock);
        let waiter = spawn_named("waiter", async move {
            let both = async { futures_util::join!(other.lock(), other.lock()) };
            timeout(secs(5), timeout(secs(9), both)).await.is_err()
        });
        sleep(secs(1)).await;
        drop(held);
        assert!(waiter.await.unwrap());
    });
    assert_eq!(
        told(&report.trace, "main/waiter"),
        [
            "waits for mutex `lock`, held by main, and 2 more, or until 5s",
            "woken by main, served by mutex `lock`",
            "waits for mutex `lock`, held by main/waiter, and 1 more, or until 5s",
            "woken by its timer",
        ]
    );
    report.unwrap();
}

#[test]
fn what_a_task_has_given_up_it_waits_for_no_longer() {
    let report = traced(async {
        let event = Event::new();
        let child = spawn_named("child", pending::<()>());
        let (mut wait, mut child) = (pin!(event.wait()), pin!(child));
        let polled = |wait: Poll<()>| assert!(wait.is_pending());
        poll_fn(|cx| {
            polled(wait.as_mut().poll(cx));
            polled(child.as_mut().poll(cx).map(|_| ()));
            Poll::Ready(())
        })
        .await;
        assert!(timeout(secs(0), event.wait()).await.is_err());
        sleep(secs(1)).await;
        wait.set(event.wait());
        child.set(spawn(async {}));
        sleep(secs(1)).await;
    });
    assert_eq!(
        told(&report.trace, "main"),
        [
            "waits for event and 1 more, or until 1s",
            "woken by its timer",
            "sleeps until 2s",
            "woken by its timer",
        ]
    );
}

#[test]
fn a_notified_waiter_of_a_condition_waits_for_the_mutex_that_is_held() {
    let report = traced(async {
        let mutex = Arc::new(Mutex::new(()).named("door"));
        let bell = Arc::new(Condition::new().named("bell"));
        let (door, ring) = (Arc::clone(&mutex), Arc::clone(&bell));
        let guest = spawn_named("guest", async move {
            let guard = door.lock().await;
            drop(ring.wait(guard).await);
        });
        sleep(secs(1)).await;
        let guard = mutex.lock().await;
        bell.notify_one();
        sleep(secs(1)).await;
        drop(guard);
        guest.await.unwrap();
    });
    assert_eq!(
        told(&report.trace, "main/guest"),
        [
            "waits for a notification of condition `bell`",
            "woken by main, served by condition `bell`",
            "waits for mutex `door`, held by main",
            "woken by main, served by mutex `door`",
        ]
    );
}

#[test]
fn holders_are_told_as_they_are_when_the_wait_begins_and_tasks_of_a_group_are_counted() {
    let report = traced(async {
        let permits = Arc::new(Semaphore::new(2));
        let clients = TaskGroup::scope(async |group| {
            for _ in 0..3 {
                let permits = Arc::clone(&permits);
                group.spawn_named("c", async move {
                    let _permit = permits.acquire().await;
                    sleep(secs(1)).await;
                    Ok::<_, ()>(())
                });
            }
            Ok(())
        });
        clients.await.unwrap();
    });
    assert_eq!(
        told(&report.trace, "main/c[2]")[..2],
        [
            "waits for a permit of semaphore (0 of 2 free), held by main/c[0] and 1 more",
            "woken by main/c[0], served by semaphore",
        ]
    );
    assert_eq!(told(&report.trace, "main")[0], "joins main/c[0] and 2 more");
}

#[test]
fn a_combinator_with_wakers_of_its_own_tells_all_the_same() {
    let report = traced(async {
        let (sender, mut receiver) = mpsc::channel::<u32>(1);
        spawn_named("sender", async move {
            sleep(secs(3)).await;
            sender.send(7).await.unwrap();
        });
        let mut both = FuturesUnordered::new();
        both.push(futures_util::future::Either::Left(async { receiver.recv().await.unwrap() }));
        both.push(futures_util::future::Either::Right(async {
            sleep(secs(1)).await;
            1
        }));
        assert_eq!(both.next().await, Some(1));
        assert_eq!(both.next().await, Some(7));
    });
    assert_eq!(
        told(&report.trace, "main"),
        [
            "woken by itself",
            "waits for a message of mpsc (empty), or until 1s",
            "woken by its timer",
            "waits for a message of mpsc (empty)",
            "woken by main/sender, served by mpsc",
        ]
    );
}

#[test]
fn what_encloses_a_task_is_told_where_nothing_else_is_known() {
    let report = traced(async {
        let token = CancellationToken::new().named("stop");
        let stop = token.clone();
        let idle = spawn_named("idle", async move { stop.cancelled().await });
        let stop = token.clone();
        let busy = spawn_named("busy", async move {
            stop.run_until_cancelled(sleep(secs(9))).await;
        });
        let stop = token.clone();
        let foreign = spawn_named("foreign", async move {
            let (_sender, receiver) = futures_channel::oneshot::channel::<()>();
            stop.run_until_cancelled(receiver).await.is_none()
        });
        sleep(secs(1)).await;
        token.cancel();
        idle.await.unwrap();
        busy.await.unwrap();
        assert!(foreign.await.unwrap());
    });
    let woken = "woken by main, served by cancellation token `stop`";
    assert_eq!(told(&report.trace, "main/idle"), ["waits for cancellation token `stop`", woken]);
    assert_eq!(told(&report.trace, "main/busy"), ["sleeps until 9s", woken]);
    assert_eq!(told(&report.trace, "main/foreign"), ["waits for a future of its own", woken]);
}

#[test]
fn resources_of_one_kind_and_name_have_indices_in_the_order_of_the_first_waits() {
    let report: Report = traced(async {
        let locks = [Mutex::new(()), Mutex::new(())].map(Arc::new);
        for lock in locks.iter().rev() {
            let held = lock.lock().await;
            let other = Arc::clone(lock);
            spawn_named("waiter", async move { drop(other.lock().await) });
            yield_now().await;
            drop(held);
        }
        sleep(secs(1)).await;
    });
    let waits = |path| told(&report.trace, path)[0].clone();
    assert_eq!(waits("main/waiter[0]"), "waits for mutex[0], held by main");
    assert_eq!(waits("main/waiter[1]"), "waits for mutex[1], held by main");
}

#[test]
fn waits_can_be_read_as_data() {
    let report = traced(everything());
    let waits = report.trace.records().filter_map(|record| match record.event {
        trace::Event::Waits(wait) => Some((report.trace.path(record.task?)?, wait)),
        _ => None,
    });
    let waits: Vec<_> = waits.collect();
    let of = |path| waits.iter().find(|(other, _)| *other == path).unwrap().1;
    let Awaited::Resource { resource, holder, .. } = of("main/lock").what else {
        panic!("it waits for a lock")
    };
    assert_eq!((resource.kind, resource.name, resource.index), ("mutex", Some("ledger"), None));
    assert_eq!(report.trace.path(holder.unwrap()), Some("main/hold"));
    assert_eq!(of("main/hold").deadline.map(|at| at.to_string()), Some("1s".to_owned()));
    let reduced = Builder::new().trace(Level::Tasks).run(everything()).trace;
    assert!(!reduced.to_string().contains("waits for"), "only the full trace tells of waits");
}

#[test]
fn statistics_tell_how_long_tasks_waited_for_each_resource() {
    let statistics = traced(everything()).statistics();
    let sums = |list: &[trace::ResourceStatistics]| {
        let sums =
            list.iter().map(|it| (it.resource.clone(), it.waits, it.waiting, it.longest_wait));
        sums.collect::<Vec<_>>()
    };
    let (ledger, jobs) = ("mutex `ledger`".to_owned(), "queue `jobs`".to_owned());
    assert_eq!(
        sums(&statistics.resources),
        [(ledger.clone(), 1, secs(1), secs(1)), (jobs, 3, secs(3), secs(2))]
    );
    let lock = statistics.tasks.iter().find(|task| task.path == "main/lock").unwrap();
    assert_eq!(sums(&lock.resources), [(ledger, 1, secs(1), secs(1))]);
    let text = statistics.to_string();
    assert!(text.contains("waited 3s for queue `jobs`: 3 waits, 2s the longest\n"), "{text}");
}
