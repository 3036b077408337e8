//! Rules S36 to S41: every failure is a value, and its text is a snapshot.

mod limits;
mod policies;
mod texts;

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures_channel::oneshot;
use simloop::policy::Random;
use simloop::report::{FailureKind, Wait};
use simloop::{
    Builder, Failure, JoinHandle, choose, settle, sleep, spawn, spawn_named, task, yield_now,
};

use crate::snapshots::assert_shown;
use crate::{millis, secs};

#[track_caller]
fn shown(name: &str, failure: &Failure) {
    assert_shown("failing", name, failure);
}

#[test]
fn s36_a_run_returns_a_report_and_the_short_form_panics_with_the_failure() {
    let report = Builder::new().seed(7).run(async {
        sleep(secs(1)).await;
        "output"
    });
    assert_eq!((report.seed, report.ended_at.to_string().as_str()), (7, "1s"));
    assert_eq!(report.counters.turns, 2);
    assert_eq!(report.counters.polls, 2);
    assert_eq!(report.counters.tasks_spawned, 1);
    assert!(report.schedule.is_empty() && report.leftovers.is_empty());
    assert_eq!(report.map(str::len).unwrap(), 6);

    let panic = std::panic::catch_unwind(|| simloop::run(pending::<()>())).unwrap_err();
    let failure = Builder::new().run(pending::<()>()).unwrap_failure();
    let without_site =
        |text: &str| text.lines().filter(|line| !line.contains("spawned at")).collect::<String>();
    assert_eq!(
        without_site(panic.downcast_ref::<String>().unwrap()),
        without_site(&failure.to_string())
    );
    assert_eq!(format!("{failure:?}"), failure.to_string(), "an `unwrap` is readable");
}

#[test]
fn s37_a_deadlock_lists_every_waiting_task_with_what_it_waits_for() {
    let failure = Builder::new()
        .run(async {
            let (_sender, receiver) = oneshot::channel::<()>();
            let sleeper = spawn_named("sleeper", sleep(Duration::MAX));
            let reader = spawn_named("reader", async move {
                sleep(secs(2)).await;
                let _ = receiver.await;
            });
            spawn_named("either", async move {
                futures_util::future::select(sleeper, sleep(Duration::MAX)).await;
            });
            sleep(millis(2500)).await;
            reader.await.unwrap();
        })
        .unwrap_failure();
    shown("deadlock", &failure);
    let FailureKind::Deadlock(deadlock) = failure.kind() else { panic!("{failure}") };
    assert_eq!(deadlock.waiting.len(), 4);
    assert_eq!(deadlock.waiting[0].waits, [Wait::Join("main/reader".to_owned())]);
    assert_eq!(deadlock.waiting[1].waits, [Wait::Never]);
    assert_eq!(deadlock.waiting[2].waits, [Wait::Foreign]);
    assert_eq!(deadlock.waiting[2].since.to_string(), "2s");
    assert_eq!(deadlock.waiting[3].waits, [Wait::Join("main/sleeper".to_owned()), Wait::Never]);
    assert!(deadlock.cycle.is_empty());
}

#[test]
fn s37_a_ring_of_joins_is_shown_as_a_cycle() {
    let failure = Builder::new()
        .run(async {
            type Shelf = Rc<RefCell<Option<JoinHandle<()>>>>;
            let shelf: Shelf = Rc::default();
            let other = Rc::clone(&shelf);
            let first = spawn_named("first", async move {
                yield_now().await;
                let handle = other.borrow_mut().take().unwrap();
                let _ = handle.await;
            });
            *shelf.borrow_mut() = Some(spawn_named("second", async move {
                let _ = first.await;
            }));
            drop(shelf);
            settle().await;
            sleep(secs(1)).await;
            pending::<()>().await;
        })
        .unwrap_failure();
    shown("deadlock_cycle", &failure);
}

#[test]
fn s37_daemons_do_not_keep_a_run_alive() {
    let failure = Builder::new()
        .run(async {
            task::Builder::new().name("heartbeat").daemon(true).spawn(async {
                loop {
                    sleep(secs(1)).await;
                }
            });
            sleep(millis(1500)).await;
            let (_sender, receiver) = oneshot::channel::<()>();
            let _ = receiver.await;
            unreachable!("nobody sends");
        })
        .unwrap_failure();
    shown("deadlock_daemons", &failure);
    assert_eq!(failure.at().to_string(), "1.5s");
}

#[test]
fn s37_a_deadlock_of_very_many_tasks_is_shown_in_part_and_kept_whole() {
    let failure = Builder::new()
        .run(async {
            for _ in 0..1_000 {
                spawn(pending::<()>());
            }
            pending::<()>().await;
        })
        .unwrap_failure();
    let FailureKind::Deadlock(deadlock) = failure.kind() else { panic!("{failure}") };
    assert_eq!(deadlock.waiting.len(), 1_001);
    let text = failure.to_string();
    assert_eq!(text.lines().count(), 1 + 40 + 1 + 1);
    assert!(text.contains("  and 961 more\n"), "{text}");
}

#[test]
fn s37_a_task_that_waits_for_very_much_and_a_large_ring_take_one_line_each() {
    let failure = Builder::new()
        .run(async {
            let handles: Vec<_> = (0..1_000).map(|_| spawn(pending::<()>())).collect();
            futures_util::future::join_all(handles).await;
        })
        .unwrap_failure();
    let text = failure.to_string();
    let line = text.lines().nth(1).unwrap();
    assert!(line.starts_with("  main "), "{line}");
    // So many are polled with wakers of the combinator's own, which has a clone of the task's for all of them.
    let joined =
        "  joins `main/task[0]`, joins `main/task[1]`, joins `main/task[2]` and 997 more since 0s";
    assert!(line.contains(&format!("{joined}; it may also be woken")), "{line}");
    let FailureKind::Deadlock(deadlock) = failure.kind() else { panic!("{failure}") };
    assert_eq!(deadlock.waiting[0].waits.len(), 1_001, "the data is whole");

    let failure = Builder::new()
        .run(async {
            let first = Rc::new(RefCell::new(None));
            let shelf = Rc::clone(&first);
            let mut last = spawn(async move {
                yield_now().await;
                let next: JoinHandle<()> = shelf.borrow_mut().take().unwrap();
                let _ = next.await;
            });
            for _ in 1..300 {
                last = spawn(async move { drop(last.await) });
            }
            *first.borrow_mut() = Some(last);
            pending::<()>().await;
        })
        .unwrap_failure();
    let text = failure.to_string();
    let cycle = text.lines().find(|line| line.starts_with("  cycle: ")).unwrap();
    assert!(cycle.starts_with("  cycle: main/task[0] -> main/task[299] -> "), "{cycle}");
    assert!(cycle.ends_with(" -> main/task[293] -> (292 more) -> main/task[0]"), "{cycle}");
    let FailureKind::Deadlock(deadlock) = failure.kind() else { panic!("{failure}") };
    assert_eq!(deadlock.cycle.len(), 300, "the data is whole");
}

/// Each task spawns the next, down to `depth`, and joins it.
fn chain(depth: u32) -> std::pin::Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async move {
        match depth {
            0 => pending().await,
            _ => spawn(chain(depth - 1)).await.unwrap(),
        }
    })
}

#[test]
fn s18_the_paths_of_a_deep_chain_stay_short_in_every_list() {
    const DEPTH: u32 = 5_000;
    let last = "main/task/task/task/...(+4993).../task/task/task/task";
    let failure = Builder::new().run(chain(DEPTH)).unwrap_failure();
    let FailureKind::Deadlock(deadlock) = failure.kind() else { panic!("{failure}") };
    assert_eq!(deadlock.waiting.len(), DEPTH as usize + 1);
    assert_eq!(deadlock.waiting.last().unwrap().path, last);
    assert!(deadlock.waiting.iter().all(|task| task.path.len() <= 4 + 15 * "/task".len()));

    let report = crate::traced(async {
        spawn(chain(DEPTH - 1));
        sleep(secs(1)).await;
    });
    assert_eq!(report.leftovers.len(), DEPTH as usize);
    assert_eq!(report.leftovers.last().unwrap().path, last);
    for left in &report.leftovers {
        assert_eq!(report.trace.path(left.id), Some(&*left.path), "a report and a trace agree");
    }
}

#[test]
fn s18_a_report_and_a_trace_show_a_strange_name_alike() {
    let report = crate::traced(async {
        for name in ["a/b[1]\\\"\u{2028}\u{202e}", "", "", "b"] {
            spawn_named(name, pending::<()>());
        }
        sleep(secs(1)).await;
    });
    let paths: Vec<&str> = report.leftovers.iter().map(|left| &*left.path).collect();
    let strange = r#"main/a\/b\[1\]\\\"\u{2028}\u{202e}"#;
    assert_eq!(paths, [strange, r#"main/""[0]"#, r#"main/""[1]"#, "main/b"]);
    for left in &report.leftovers {
        assert_eq!(report.trace.path(left.id), Some(&*left.path));
    }
}

#[test]
fn s37_a_task_that_waits_for_the_others_to_settle_is_no_deadlock_but_goes_on() {
    simloop::run(async {
        spawn(pending::<()>());
        settle().await;
    });
}

#[test]
fn s40_a_task_whose_waker_nobody_holds_is_told_apart() {
    let failure = Builder::new()
        .run(async {
            let kept = Rc::new(RefCell::new(None));
            let shelf = Rc::clone(&kept);
            spawn_named(
                "held",
                poll_fn(move |cx| {
                    *shelf.borrow_mut() = Some(cx.waker().clone());
                    Poll::<()>::Pending
                }),
            );
            // It had a waker registered once, and lost it.
            let (sender, receiver) = oneshot::channel::<()>();
            spawn_named("lost", async move {
                let _ = receiver.await;
                pending::<()>().await;
            });
            sleep(secs(1)).await;
            drop(sender);
            settle().await;
            std::mem::forget(kept);
            pending::<()>().await;
        })
        .unwrap_failure();
    shown("lost_waker", &failure);
    let FailureKind::Deadlock(deadlock) = failure.kind() else { panic!("{failure}") };
    let waits: Vec<_> = deadlock.waiting.iter().map(|task| task.waits[0].clone()).collect();
    assert_eq!(waits, [Wait::Nothing, Wait::Foreign, Wait::Nothing]);
}

#[test]
fn s41_a_panic_says_what_when_who_and_how_to_see_it_again() {
    let failure = Builder::new()
        .seed(3)
        .policy(Random::new(1))
        .run(async {
            for _ in 0..3 {
                spawn_named("client", async {
                    sleep(millis(1200)).await;
                    let orders: Vec<u32> = vec![1, 2, 3];
                    let index = orders.len() + choose(2);
                    assert!(
                        index == 3,
                        "index {index} is out of reach\nthere are {} orders",
                        orders.len()
                    );
                });
            }
            sleep(secs(2)).await;
        })
        .unwrap_failure();
    shown("panic_detached", &failure);

    let in_root = Builder::new().run(async {
        sleep(secs(1)).await;
        panic!("a number");
    });
    shown("panic_root", &in_root.unwrap_failure());

    let then = Builder::new().run(async {
        let (sender, receiver) = oneshot::channel::<()>();
        spawn_named("server", async move {
            sleep(secs(1)).await;
            let _sender = sender;
            panic!("the server is down");
        });
        let _ = receiver.await;
        pending::<()>().await;
    });
    let then = then.unwrap_failure();
    shown("panic_then_deadlock", &then);
    assert!(matches!(then.consequences()[0].kind(), FailureKind::Deadlock(_)));
}

#[test]
fn s41_the_other_failures_answer_the_same_questions() {
    let foreign = Builder::new().run(crate::wakers::woken_from_elsewhere());
    shown("foreign_wake", &foreign.unwrap_failure());

    let nested = Builder::new().run(async { Builder::new().run(async {}).unwrap_failure() });
    shown("nested_loop", &nested.unwrap());

    let left = Builder::new().deny_leftovers(true).run(async {
        spawn_named("forgotten", pending::<()>());
        spawn_named("forgotten", pending::<()>());
        sleep(secs(1)).await;
    });
    shown("leftovers", &left.unwrap_failure());

    let cancelled = Builder::new().run(async {
        task::current().abort_handle().abort();
        yield_now().await;
    });
    shown("root_cancelled", &cancelled.unwrap_failure());
}

#[test]
fn s41_replays_that_go_wrong_say_what_was_expected_and_what_is_there() {
    async fn two_tasks() {
        let handles = ["a", "b"].map(|name| spawn_named(name, yield_now()));
        for handle in handles {
            handle.await.unwrap();
        }
    }
    let replay = |line: &str| Builder::new().replay(line).run(two_tasks()).unwrap_failure();
    shown("replay_diverged", &replay("v1:2=2/4"));
    shown("replay_without_such_a_choice", &replay("v1:900=1/2"));
    shown(
        "replay_of_a_value",
        &Builder::new().replay("v1:1.1=1/2").run(async { choose(3) }).map(drop).unwrap_failure(),
    );
    shown("replay_invalid", &replay("v1:2=2/2"));
}
