//! Rule S37: what a report says of a deadlock is so, and what it cannot know it leaves open.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_channel::{mpsc, oneshot};
use futures_util::StreamExt;
use futures_util::future::{select, select_all};
use simloop::report::{Deadlock, FailureKind, Wait};
use simloop::sync::{Condition, Mutex, Queue, RwLock, Semaphore};
use simloop::task::CancelScope;
use simloop::{Builder, Report, sleep, spawn, spawn_named, timeout, yield_now};

use crate::secs;
use crate::snapshots::assert_shown;

type Lock = Arc<Mutex<()>>;

fn two_locks() -> [(Lock, Lock); 2] {
    let [one, other] = ["one", "other"].map(|name| Arc::new(Mutex::new(()).named(name)));
    [(Arc::clone(&one), Arc::clone(&other)), (other, one)]
}

/// Two tasks that take two locks crosswise, and wait for the second one in their own way.
async fn crosswise<F: Future<Output = ()> + 'static>(second: impl Fn(Lock) -> F + Copy + 'static) {
    let tasks = two_locks().map(|(first, other)| {
        spawn_named("crosswise", async move {
            let _first = first.lock().await;
            yield_now().await;
            second(other).await;
        })
    });
    for task in tasks {
        let _ = task.await;
    }
}

async fn lock(lock: Lock) {
    drop(lock.lock().await);
}

fn deadlock<T>(report: &Report<T>) -> &Deadlock {
    match report.failure().expect("it fails").kind() {
        FailureKind::Deadlock(deadlock) => deadlock,
        other => panic!("{other:?}"),
    }
}

/// The paths in the cycle, and whether it is certain.
fn cycle<T>(report: &Report<T>) -> (Vec<&str>, bool) {
    let deadlock = deadlock(report);
    let paths = deadlock.cycle.iter().map(|link| link.path.as_str());
    (paths.collect(), deadlock.is_cycle_certain)
}

const CROSSWISE: [&str; 2] = ["main/crosswise[0]", "main/crosswise[1]"];

#[test]
fn s37_what_else_a_task_may_wait_for_is_told_and_no_cycle_leads_through_it() {
    let report = Builder::new().run(async {
        let (sender, mut receiver) = mpsc::unbounded::<()>();
        spawn_named("patient", async move {
            let _ = timeout(Duration::MAX, receiver.next()).await;
        });
        let (other_sender, receiver) = mpsc::unbounded::<()>();
        let receiver = Arc::new(std::sync::Mutex::new(Some(receiver)));
        let crosswise = two_locks().map(|(first, other)| {
            let receiver = receiver.lock().unwrap().take();
            spawn_named("crosswise", async move {
                let _first = first.lock().await;
                yield_now().await;
                match receiver {
                    Some(mut receiver) => drop(select(other.lock(), receiver.next()).await),
                    None => drop(other.lock().await),
                }
            })
        });
        for task in crosswise {
            let _ = task.await;
        }
        drop((sender, other_sender));
    });
    let lines = deadlock(&report).waiting.iter().map(|task| task.waits_at.len());
    #[cfg(feature = "backtrace")]
    {
        let failure = report.failure().unwrap();
        crate::snapshots::assert_shown_with_lines("failing", "deadlock_perhaps_foreign", failure);
        assert_eq!(lines.collect::<Vec<_>>(), [0, 1, 1, 0], "none of the waits that are known");
    }
    #[cfg(not(feature = "backtrace"))]
    assert!(lines.eq([0; 4]));
    assert_eq!(cycle(&report), (vec![], true));
    let waits = |place: usize| deadlock(&report).waiting[place].waits.last();
    assert_eq!(waits(1), Some(&Wait::PerhapsForeign));
    assert_eq!(waits(2), Some(&Wait::PerhapsForeign));
    assert!(matches!(waits(3), Some(Wait::Resource(_))), "one of them waits for nothing else");
}

#[test]
fn s37_of_a_foreign_wait_that_is_over_nothing_is_left() {
    let report = Builder::new().run(crosswise(|other| async move {
        let (sender, receiver) = oneshot::channel::<()>();
        assert!(timeout(secs(1), receiver).await.is_err());
        drop(sender);
        let (sender, receiver) = oneshot::channel::<()>();
        spawn(async move { sender.send(()) });
        receiver.await.unwrap();
        lock(other).await;
    }));
    assert_eq!(cycle(&report), (CROSSWISE.to_vec(), true));
}

#[test]
fn s37_below_a_foreign_combinator_nobody_knows_what_else_is_waited_for() {
    let inside = |other| async move {
        let mut waits = futures_util::stream::FuturesUnordered::from_iter([lock(other)]);
        waits.next().await.unwrap();
    };
    let report = Builder::new().run(crosswise(inside));
    assert_eq!(cycle(&report), (vec![], true));
    // One that lends the task's own waker hides nothing.
    let lent = |other| async move { drop(select_all([pin!(lock(other))]).await) };
    assert_eq!(cycle(&Builder::new().run(crosswise(lent))), (CROSSWISE.to_vec(), true));
}

#[test]
fn s37_a_scope_around_a_wait_hides_no_cycle_and_another_way_out_does() {
    let scoped = |other| async move {
        let scope = CancelScope::new().named("open");
        scope.run(lock(other)).await.unwrap();
    };
    let report = Builder::new().run(crosswise(scoped));
    assert_eq!(cycle(&report), (CROSSWISE.to_vec(), true));
    let patient = |other| async move { timeout(Duration::MAX, lock(other)).await.unwrap() };
    assert_eq!(cycle(&Builder::new().run(crosswise(patient))), (CROSSWISE.to_vec(), true));
    // Anybody might have put an item in.
    let either = |other: Lock| async move {
        let queue = Queue::<()>::new();
        drop(select(other.lock(), queue.get()).await);
    };
    assert_eq!(cycle(&Builder::new().run(crosswise(either))), (vec![], true));
}

#[test]
fn s37_a_permit_that_went_to_another_task_makes_no_cycle_and_no_partial_deadlock() {
    /// Takes the permits itself and gives each to a task that serves.
    async fn accept(slots: Arc<Semaphore>) {
        for _ in 0..3 {
            let permit = Arc::clone(&slots).acquire_owned().await.unwrap();
            spawn_named("serve", async move {
                sleep(secs(60)).await;
                drop(permit);
            });
        }
    }
    let slots = || Arc::new(Semaphore::new(2).named("slots"));
    let report = Builder::new().run(async move {
        spawn_named("accept", accept(slots()));
        sleep(secs(1)).await;
    });
    assert_eq!(report.partial_deadlock, None);
    let report = Builder::new().run(async move {
        let slots = slots();
        let permit = Arc::clone(&slots).acquire_many_owned(2).await.unwrap();
        spawn_named("serve", async move {
            std::future::pending::<()>().await;
            drop(permit);
        });
        slots.acquire().await.unwrap().forget();
    });
    assert_shown("failing", "deadlock_moved", report.failure().unwrap());
    assert!(!deadlock(&report).is_cycle_certain);
    assert!(deadlock(&report).waiting[0].waits.iter().all(|wait| match wait {
        Wait::Resource(wait) => wait.holders[0].may_have_moved,
        _ => false,
    }));
}

#[test]
fn s37_permits_that_stayed_put_make_a_cycle_as_far_as_can_be_told() {
    let report = Builder::new().run(async {
        let [left, right] = ["left", "right"].map(|name| Arc::new(Semaphore::new(1).named(name)));
        let crosswise = [(Arc::clone(&left), Arc::clone(&right)), (right, left)];
        let tasks = crosswise.map(|(first, second)| {
            spawn_named("crosswise", async move {
                let _first = first.acquire_owned().await;
                yield_now().await;
                let _second = second.acquire_owned().await;
            })
        });
        for task in tasks {
            let _ = task.await;
        }
    });
    assert_shown("failing", "deadlock_owned", report.failure().unwrap());
    assert_eq!(cycle(&report), (CROSSWISE.to_vec(), false));
}

/// A minute during which `held` is kept.
async fn keep<G>(held: G) {
    sleep(secs(60)).await;
    drop(held);
}

#[test]
fn s37_owned_guards_crosswise_in_the_background_are_a_partial_deadlock() {
    let report = Builder::new().run(async {
        let [one, other] = ["one", "other"].map(|name| Arc::new(Mutex::new(()).named(name)));
        for (first, second) in [(Arc::clone(&one), Arc::clone(&other)), (other, Arc::clone(&one))] {
            spawn_named("crosswise", async move {
                let _first = first.lock_owned().await;
                sleep(secs(1)).await;
                let _second = second.lock_owned().await;
            });
        }
        spawn_named("behind", lock(one));
        sleep(secs(5)).await;
    });
    assert_shown("failing", "partial_deadlock_owned", report.partial_deadlock.as_ref().unwrap());
    report.unwrap();
}

#[test]
fn s37_a_guard_that_another_task_has_at_the_end_makes_no_partial_deadlock() {
    // The task that took the guard waits for one that wants it.
    let given = |is_kept: bool| {
        Builder::new().run(async move {
            spawn_named("giver", async move {
                let mutex = Arc::new(Mutex::new(()).named("given"));
                let held = Arc::clone(&mutex).lock_owned().await;
                let (given, kept) = if is_kept { (None, Some(held)) } else { (Some(held), None) };
                spawn_named("keeper", keep(given));
                let _ = spawn_named("wants", lock(mutex)).await;
                drop(kept);
            });
            sleep(secs(1)).await;
        })
    };
    assert_eq!(given(false).partial_deadlock, None);
    let stuck = given(true).partial_deadlock.expect("the giver has kept it");
    let paths: Vec<_> = stuck.waiting.iter().map(|task| task.path.as_str()).collect();
    assert_eq!(paths, ["main/giver", "main/giver/wants"]);
    assert!(!stuck.is_cycle_certain);
    // Two that accept for one number of slots.
    let report = Builder::new().run(async {
        let slots = Arc::new(Semaphore::new(4));
        for slots in [Arc::clone(&slots), slots] {
            spawn_named("accept", async move {
                while let Ok(permit) = Arc::clone(&slots).acquire_owned().await {
                    spawn_named("serve", keep(permit));
                }
            });
        }
        sleep(secs(1)).await;
    });
    assert_eq!(report.partial_deadlock, None);
}

#[test]
fn s37_what_else_a_stuck_task_has_given_away_hides_no_partial_deadlock() {
    let report = Builder::new().run(async {
        let slots = Arc::new(Semaphore::new(9));
        for (first, second) in two_locks() {
            let permit = Arc::clone(&slots).acquire_owned();
            spawn_named("crosswise", async move {
                spawn_named("serve", keep(permit.await));
                let _first = first.lock_owned().await;
                yield_now().await;
                let _second = second.lock_owned().await;
            });
        }
        sleep(secs(1)).await;
    });
    let stuck = report.partial_deadlock.expect("the permits are nothing that anybody waits for");
    assert_eq!((stuck.waiting.len(), stuck.cycle.len()), (2, 2));
}

#[test]
fn s37_a_guard_that_has_moved_hides_no_partial_deadlock_that_is_certain() {
    let report = Builder::new().run(async {
        let mutex = Arc::new(Mutex::new(()).named("given"));
        let held = Arc::clone(&mutex).lock_owned().await;
        spawn_named("keeper", keep(held));
        spawn_named("lost", std::future::pending::<()>());
        let other = Arc::new(Mutex::new(()).named("kept"));
        spawn_named("twice", async move {
            let _held = other.lock().await;
            drop(other.lock().await);
        });
        spawn_named("wants", lock(mutex));
        sleep(secs(1)).await;
    });
    let stuck = report.partial_deadlock.unwrap();
    let paths: Vec<_> = stuck.waiting.iter().map(|task| task.path.as_str()).collect();
    assert_eq!((paths, stuck.is_cycle_certain), (vec!["main/lost", "main/twice"], true));
}

/// Runs a task that takes something and gives it to another one, which keeps it, and takes it again.
fn is_certain<G: 'static, F: Future<Output = G> + 'static>(
    take: impl Fn() -> F + 'static,
) -> (usize, bool) {
    let report = Builder::new().run(async move {
        let taken = take().await;
        spawn(async move {
            std::future::pending::<()>().await;
            drop(taken);
        });
        take().await;
    });
    (deadlock(&report).cycle.len(), deadlock(&report).is_cycle_certain)
}

#[test]
fn s37_whatever_can_move_is_known_to_have_been_taken_and_no_more() {
    static MUTEX: Mutex<()> = Mutex::const_new(());
    static LOCK: RwLock<()> = RwLock::const_new(());
    static PERMITS: Semaphore = Semaphore::const_new(1);
    let moved = (1, false);
    assert_eq!(is_certain(|| MUTEX.lock()), moved);
    assert_eq!(is_certain(|| LOCK.write()), moved);
    assert_eq!(is_certain(|| PERMITS.acquire()), moved);
    let mutex = Arc::new(Mutex::new(()));
    assert_eq!(is_certain(move || Arc::clone(&mutex).lock_owned()), moved);
    let lock = Arc::new(RwLock::new(()));
    assert_eq!(is_certain(move || Arc::clone(&lock).write_owned()), moved);
    let permits = Arc::new(simloop::sync::BoundedSemaphore::new(1));
    assert_eq!(is_certain(move || Arc::clone(&permits).acquire_owned()), moved);
    // A condition gives back a guard of the kind that it was given.
    let waits = Arc::new((Arc::new(Mutex::new(())), Condition::new()));
    let notified = move || {
        let waits = Arc::clone(&waits);
        async move {
            let guard = Arc::clone(&waits.0).lock_owned().await;
            let notifier = Arc::clone(&waits);
            spawn(async move { notifier.1.notify_one() });
            waits.1.wait(guard).await
        }
    };
    assert_eq!(is_certain(notified), moved);
    // What borrows from what is no static stays where it is.
    let report = Builder::new().run(async {
        let mutex = Mutex::new(());
        let _held = mutex.lock().await;
        drop(mutex.lock().await);
    });
    assert_eq!(cycle(&report), (vec!["main"], true));
}
