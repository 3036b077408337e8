//! One schedule of each kind: how many there are, and what is found in them.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Waker;

use simloop::explore::{Exploration, Explorer, Extent, Shared};
use simloop::sync::Mutex;
use simloop::task::JoinSet;
use simloop::time::{SystemTime, block_for, now};
use simloop::{Builder, choose, gather_all, sleep, spawn, spawn_named, timeout, yield_now};

use super::{all, explorer};
use crate::secs;

fn reduced() -> Explorer {
    explorer().reduced().max_failures(usize::MAX)
}

fn shown(exploration: &Exploration) -> BTreeSet<&str> {
    exploration.outcomes.iter().map(|outcome| outcome.shown.as_str()).collect()
}

/// As many tasks as numbers, which append their letter so often to one log.
async fn letters<const N: usize>(steps: [usize; N]) -> String {
    let log = Shared::named("log", String::new());
    let tasks = std::array::from_fn::<_, N, _>(|number| {
        let log = log.clone();
        let letter = char::from(b'a' + number as u8);
        spawn(async move {
            for step in 0..steps[number] {
                if step > 0 {
                    yield_now().await;
                }
                log.update(|log| log.push(letter));
            }
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
    log.take()
}

#[test]
fn independent_tasks_have_one_schedule_however_they_are_joined() {
    let work = |number: u32| async move {
        let own = Shared::new(number);
        yield_now().await;
        own.update(|own| *own += 1);
        yield_now().await;
        own.get()
    };
    let joined = reduced().run(move || async move {
        let mut sum = 0;
        for task in (0..6).map(|number| spawn(work(number))).collect::<Vec<_>>() {
            sum += task.await.unwrap();
        }
        sum
    });
    assert_eq!((joined.runs, joined.extent), (1, Extent::Complete));
    assert_eq!(
        joined.to_string(),
        "the only kind of schedule passes, 1 interleaving\n  outcome: 21"
    );
}

#[test]
fn n_appends_to_one_log_have_n_factorial_schedules() {
    let counts = [
        reduced().run(|| letters([1])),
        reduced().run(|| letters([1; 2])),
        reduced().run(|| letters([1; 3])),
        reduced().run(|| letters([1; 4])),
        reduced().run(|| letters([1; 5])),
    ];
    assert_eq!(counts.each_ref().map(|it| it.runs), [1, 2, 6, 24, 120]);
    assert_eq!(counts.each_ref().map(|it| it.outcomes.len()), [1, 2, 6, 24, 120]);
    assert_eq!(
        counts[2].to_string().lines().next(),
        Some("all 6 kinds of schedules pass, 6 interleavings")
    );
}

#[test]
fn steps_at_one_cell_have_a_schedule_for_each_order_and_no_more() {
    let exploration = reduced().run(|| letters([3, 3]));
    assert_eq!((exploration.runs, exploration.outcomes.len()), (20, 20));
    let exploration = reduced().run(|| letters([3, 2, 2]));
    assert_eq!((exploration.runs, exploration.outcomes.len()), (210, 210));
    let exploration = reduced().run(|| letters([4; 3]));
    assert_eq!((exploration.runs, exploration.extent), (34_650, Extent::Complete));
}

#[test]
fn what_happens_at_different_instants_has_one_schedule() {
    let exploration = reduced().run(|| async {
        let log = Shared::new(Vec::new());
        for seconds in [3, 1, 2] {
            let log = log.clone();
            spawn(async move {
                sleep(secs(seconds)).await;
                log.update(|log| log.push(seconds));
            });
        }
        sleep(secs(4)).await;
        log.take()
    });
    assert_eq!((exploration.runs, exploration.extent), (1, Extent::Complete));
}

/// Two tasks that take two locks, in the same order or crosswise.
fn locks(is_crosswise: bool) -> impl Future<Output = ()> {
    let locks = [Arc::new(Mutex::new(())), Arc::new(Mutex::new(()))];
    async move {
        let tasks = [false, is_crosswise].map(|is_turned| {
            let [first, second] = locks.clone();
            spawn(async move {
                let (first, second) = if is_turned { (second, first) } else { (first, second) };
                let _first = first.lock().await;
                yield_now().await;
                let _second = second.lock().await;
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
    }
}

#[test]
fn crosswise_locks_are_found_and_their_absence_is_shown() {
    let found = reduced().run(|| locks(true));
    assert_eq!(found.findings.len(), 1);
    let finding = found.unwrap_finding();
    assert!(finding.is_simplest, "it is shrunk as any other");
    assert!(finding.failure.to_string().starts_with("deadlock at 0s"));
    let replayed = Builder::new().replay(&finding.schedule.to_string()).run(locks(true));
    let told = [replayed.unwrap_failure(), finding.failure].map(|failure| failure.to_string());
    let [again, first] = told.each_ref().map(|told| told.split_once("\n  replay: ").unwrap().0);
    assert_eq!(again, first);
    let fixed = reduced().check(|| locks(false));
    assert_eq!(fixed.extent, Extent::Complete);
    assert!(fixed.runs < all(|| locks(false)).runs, "{} runs", fixed.runs);
}

#[test]
fn the_tie_of_a_timeout_gives_both_outcomes() {
    let exploration = reduced().run(|| async {
        let (sender, receiver) = simloop::sync::oneshot::channel();
        spawn(async move {
            sleep(secs(1)).await;
            let _ = sender.send(7);
        });
        timeout(secs(1), receiver).await.is_ok()
    });
    assert_eq!(shown(&exploration), BTreeSet::from(["false", "true"]));
}

#[test]
fn values_are_all_tried_in_each_kind_of_schedule() {
    let exploration = reduced().run(|| async {
        let tasks = [2, 3].map(|alternatives| spawn(async move { choose(alternatives) }));
        gather_all(tasks).await.into_iter().map(Result::unwrap).collect::<Vec<_>>()
    });
    assert_eq!(exploration.outcomes.len(), 6);
}

#[test]
fn a_task_that_is_left_at_the_end_runs_before_it_or_not() {
    let exploration = reduced().run(|| async {
        let ran = Shared::new(false);
        let done = ran.clone();
        spawn(async move { done.set(true) });
        yield_now().await;
        ran.get()
    });
    assert_eq!(shown(&exploration), BTreeSet::from(["false", "true"]));
}

#[test]
fn the_order_of_ends_is_tried_where_somebody_asks_for_it_later() {
    let exploration = reduced().run(|| async {
        let handles = ["a", "b"].map(|name| spawn_named(name, async move { name }));
        sleep(secs(1)).await;
        let mut ended = simloop::task::as_completed(handles);
        let mut order = Vec::new();
        while let Some(name) = ended.next().await {
            order.push(name.1.unwrap());
        }
        order
    });
    assert_eq!(shown(&exploration).len(), 2);
}

#[test]
fn the_order_in_which_a_set_tells_its_tasks_is_tried_at_once_and_later() {
    for is_later in [false, true] {
        let exploration = reduced().run(move || async move {
            let mut set = JoinSet::new();
            (0..3).for_each(|number| _ = set.spawn(async move { number }));
            if is_later {
                sleep(secs(1)).await;
            }
            let mut order = Vec::new();
            while let Some(number) = set.join_next().await {
                order.push(number.unwrap());
            }
            order
        });
        assert_eq!((exploration.outcomes.len(), exploration.extent), (6, Extent::Complete));
    }
}

#[test]
fn which_panic_is_told_is_tried() {
    let exploration = reduced().run(|| async {
        for number in [1, 2] {
            drop(spawn(
                async move { if number == 1 { panic!("first") } else { panic!("second") } },
            ));
        }
        sleep(secs(1)).await;
    });
    assert_eq!((exploration.runs, exploration.findings.len()), (2, 2));
}

#[test]
fn who_sets_the_wall_clock_last_is_tried() {
    let exploration = reduced().run(|| async {
        let tasks = [1, 2].map(|seconds| {
            spawn(async move { SystemTime::set(SystemTime::UNIX_EPOCH + secs(seconds)) })
        });
        for task in tasks {
            task.await.unwrap();
        }
        SystemTime::now().since_epoch()
    });
    assert_eq!((exploration.runs, exploration.outcomes.len()), (2, 2));
}

/// A wake from outside of all primitives: the two tasks have nothing else in common at that instant.
#[test]
fn a_wake_races_with_a_turn_for_which_there_was_another_reason() {
    let exploration = reduced().run(|| async {
        let waker = Shared::new(None::<Waker>);
        let stored = waker.clone();
        let wakes = spawn(async move {
            sleep(secs(1)).await;
            stored.take().unwrap().wake();
        });
        let mut sleeps = Box::pin(async {
            sleep(secs(1)).await;
            sleep(secs(1)).await;
        });
        let mut polls = 0;
        poll_fn(|cx| {
            polls += 1;
            if polls == 1 {
                waker.set(Some(cx.waker().clone()));
            }
            sleeps.as_mut().poll(cx)
        })
        .await;
        wakes.await.unwrap();
        polls
    });
    assert_eq!(shown(&exploration), BTreeSet::from(["3", "4"]));
}

#[test]
fn who_moves_the_clock_races_with_whoever_reads_it() {
    let exploration = reduced().run(|| async {
        let moves = spawn(async { block_for(secs(1)) });
        let reads = spawn(async { now() });
        moves.await.unwrap();
        reads.await.unwrap()
    });
    assert_eq!(shown(&exploration), BTreeSet::from(["0s", "1s"]));
}

#[test]
fn bounds_hold_and_are_told() {
    let program = || letters([2, 2, 2]);
    let whole = reduced().run(program);
    assert_eq!((whole.runs, whole.extent), (90, Extent::Complete));
    let cut = reduced().max_runs(10).run(program);
    assert_eq!((cut.runs, cut.extent), (10, Extent::CutOff(None)));
    let exact = reduced().max_runs(90).run(program);
    assert_eq!((exact.runs, exact.extent), (90, Extent::Complete));
    let few = reduced().max_deviations(2).run(program);
    assert_eq!(few.extent, Extent::WithinDeviations(2));
    assert!(few.runs > 1 && few.runs < 90);
    let late = reduced().time_limit(secs(1)).run(|| async {
        sleep(secs(2)).await;
        letters([2, 2]).await
    });
    assert_eq!((late.runs, late.extent), (1, Extent::WithinTime));
}

#[test]
fn threads_change_nothing_and_the_first_shard_makes_all_runs() {
    let program = || letters([2, 2]);
    let one = reduced().run(program);
    let two = reduced().threads(2).run(program);
    assert_eq!(one.to_string(), two.to_string());
    assert_eq!(reduced().shard(1, 2).run(program).runs, one.runs);
    assert_eq!(reduced().shard(2, 2).run(program).runs, 0);
}

#[test]
fn a_cell_is_a_value_that_all_clones_share() {
    let cell = Shared::named("cell", 1);
    let other = cell.clone();
    other.set(2);
    assert_eq!((cell.get(), cell.replace(3), other.take(), cell.get()), (2, 2, 3, 0));
    assert_eq!(format!("{cell:?}"), "Shared { name: \"cell\", value: 0 }");
    let inside = std::panic::catch_unwind(|| cell.with(|_| other.set(1)));
    let told = inside.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(*told, "the shared cell `cell` was used inside its own `with` or `update`");
}
