//! Blocking calls on simulated workers and cores.

mod model;

use std::cell::RefCell;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::time::Duration;

use simloop::policy::Random;
use simloop::sim::{Cost, Pool};
use simloop::time::block_for;
use simloop::trace::Level;
use simloop::{
    Builder, EventLoop, JoinHandle, gather_all, now, run, sleep, spawn, spawn_blocking,
    spawn_named, timeout, yield_now,
};

use crate::combining::cancelled_everywhere;
use crate::snapshots::assert_shown;
use crate::{millis, secs};

/// Which calls have done their work, and when, in order.
#[derive(Clone, Default)]
struct Ended(Rc<RefCell<Vec<String>>>);

impl Ended {
    /// The work of a call: it writes that it was done.
    fn work(&self, name: &'static str) -> impl FnOnce() + 'static {
        let ended = self.clone();
        move || ended.0.borrow_mut().push(format!("{name} at {}", now()))
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

#[test]
fn computations_share_cores_and_waiting_calls_do_not() {
    let three = |cost: Cost, cores| {
        let calls = async move {
            gather_all((0..3).map(|_| spawn_blocking(cost, || ()))).await;
        };
        Builder::new().cores(cores).run(calls).ended_at.to_string()
    };
    assert_eq!(three(Cost::computing(secs(1)), 1), "3s");
    assert_eq!(three(Cost::computing(secs(1)), 2), "2s");
    assert_eq!(three(Cost::computing(secs(1)), 3), "1s");
    assert_eq!(three(Cost::waiting(secs(1)), 1), "1s");
    assert_eq!(three(Cost::waiting(secs(1)).then_computing(secs(1)), 1), "4s");
}

#[test]
fn the_work_is_done_when_its_cost_is_spent_in_a_turn_of_its_own() {
    let report = Builder::new().run(async {
        let start = now();
        let call = spawn_blocking(secs(2), || (now(), simloop::task::current().path()));
        assert_eq!(now(), start, "a call takes no time of the caller");
        let (done_at, path) = call.await.unwrap();
        assert_eq!((done_at.to_string(), path), ("2s".to_owned(), "main/blocking".to_owned()));
        let nothing = spawn_blocking(Duration::ZERO, || 7);
        assert!(!nothing.is_finished(), "even work that costs nothing is done later");
        yield_now().await;
        assert!(nothing.is_finished());
        assert_eq!(now().to_string(), "2s");
    });
    report.unwrap();
}

#[test]
fn calls_are_served_in_the_order_in_which_they_were_made_under_any_schedule() {
    for seed in 0..200 {
        let report = Builder::new().policy(Random::new(seed)).blocking_workers(2).run(async {
            let ended = Ended::default();
            let names = ["a", "b", "c", "d", "e"];
            let costs = [3, 1, 1, 2, 1];
            let calls = names.iter().zip(costs).map(|(name, seconds)| {
                let cost = Cost::waiting(secs(seconds));
                spawn_blocking(cost, ended.work(name))
            });
            gather_all(calls).await;
            ended.take()
        });
        let mut ended = report.unwrap();
        // Work that is done at one instant is done in the order of the tasks' turns, which is the policy's.
        ended.sort_by_key(|line| line.split(" at ").nth(1).map(str::to_owned));
        let [first, second, rest @ ..] = &*ended else { panic!("{ended:?}") };
        assert_eq!((&**first, &**second), ("b at 1s", "c at 2s"), "seed {seed}");
        let mut rest: Vec<_> = rest.iter().map(String::as_str).collect();
        rest.sort_unstable();
        assert_eq!(rest, ["a at 3s", "d at 4s", "e at 4s"], "seed {seed}");
    }
}

#[test]
fn a_core_goes_to_whoever_has_needed_it_for_longest() {
    let report = Builder::new().cores(1).run(async {
        let ended = Ended::default();
        let calls = [
            spawn_blocking(Cost::waiting(secs(3)).then_computing(secs(2)), ended.work("late")),
            spawn_blocking(Cost::computing(secs(5)), ended.work("first")),
            spawn_blocking(Cost::waiting(secs(1)).then_computing(secs(1)), ended.work("early")),
        ];
        gather_all(calls).await;
        ended.take()
    });
    assert_eq!(report.unwrap(), ["first at 5s", "early at 6s", "late at 8s"]);
}

#[test]
fn s09_workers_go_on_while_the_loop_is_blocked() {
    let report = Builder::new().blocking_workers(1).run(async {
        let ended = Ended::default();
        let calls = ["a", "b", "c", "d"].map(|name| spawn_blocking(secs(1), ended.work(name)));
        yield_now().await;
        block_for(millis(2500));
        gather_all(calls).await;
        ended.take()
    });
    let ended = report.unwrap();
    assert_eq!(ended, ["a at 2.5s", "b at 2.5s", "c at 3s", "d at 4s"], "told late, done on time");
}

#[test]
fn a_panic_is_given_to_whoever_joins_and_the_worker_goes_on() {
    let report = Builder::new().blocking_workers(1).run(async {
        let broken = spawn_blocking(secs(1), || resume_unwind(Box::new("broken")));
        let next = spawn_blocking(secs(1), || now().to_string());
        let error = broken.await.unwrap_err();
        assert_eq!(error.to_string(), "task `main/blocking[0]` panicked: broken");
        assert_eq!(next.await.unwrap(), "2s");
    });
    report.unwrap();
}

#[test]
fn a_call_that_has_not_begun_is_taken_out_of_the_queue() {
    let report = Builder::new().blocking_workers(1).run(async {
        let ended = Ended::default();
        let mut calls = ["a", "b", "c"].map(|name| spawn_blocking(secs(2), ended.work(name)));
        sleep(secs(1)).await;
        calls[1].abort();
        assert!((&mut calls[1]).await.unwrap_err().is_cancelled());
        assert_eq!(now().to_string(), "1s", "at once");
        let [a, _, c] = calls;
        gather_all([a, c]).await;
        ended.take()
    });
    assert_eq!(report.leftovers.len(), 0);
    assert_eq!(report.unwrap(), ["a at 2s", "c at 4s"]);
}

#[test]
fn a_call_aborted_at_the_instant_at_which_a_worker_comes_free_has_begun_under_any_schedule() {
    for seed in 0..50 {
        let report = Builder::new().policy(Random::new(seed)).blocking_workers(1).run(async {
            let ended = Ended::default();
            let first = spawn_blocking(secs(1), ended.work("first"));
            let second = spawn_blocking(secs(1), ended.work("second"));
            sleep(secs(1)).await;
            second.abort();
            assert!(second.await.unwrap_err().is_cancelled());
            first.await.unwrap();
            sleep(secs(9)).await;
            ended.take()
        });
        assert_eq!(report.unwrap(), ["first at 1s", "second at 2s"], "seed {seed}");
    }
}

#[test]
fn a_call_that_has_begun_goes_on_without_its_waiter() {
    let report = Builder::new().cores(1).blocking_workers(2).trace(Level::Full).run(async {
        let ended = Ended::default();
        let computes = spawn_blocking(secs(3), ended.work("computes"));
        let needs_core = spawn_blocking(secs(3), ended.work("needs a core"));
        let queued = spawn_blocking(secs(3), ended.work("was queued"));
        for call in [&computes, &needs_core] {
            call.abort();
        }
        sleep(secs(1)).await;
        assert!(computes.await.unwrap_err().is_cancelled());
        assert!(needs_core.await.unwrap_err().is_cancelled());
        queued.await.unwrap();
        ended.take()
    });
    assert_shown("blocking", "abandoned", &report.trace);
    assert_eq!(report.unwrap(), ["computes at 3s", "needs a core at 6s", "was queued at 9s"]);
}

#[test]
fn a_timeout_gives_up_on_a_call_and_detaches_it() {
    let report = Builder::new().run(async {
        let ended = Ended::default();
        let slow = timeout(secs(1), spawn_blocking(secs(3), ended.work("slow")));
        assert!(slow.await.is_err());
        sleep(secs(5)).await;
        ended.take()
    });
    assert_eq!(report.unwrap(), ["slow at 3s"]);
}

#[test]
fn s20_a_panic_of_an_abandoned_call_fails_the_run() {
    let report = Builder::new().run(async {
        let broken = spawn_blocking(secs(2), || resume_unwind(Box::new("broken")));
        sleep(secs(1)).await;
        broken.abort();
        assert!(broken.await.unwrap_err().is_cancelled());
        sleep(secs(5)).await;
    });
    let text = report.unwrap_failure().to_string();
    assert!(text.starts_with("panic at 2s") && text.contains("main/blocking/abandoned"), "{text}");
}

#[test]
fn s21_calls_that_have_not_ended_are_left_over_and_their_work_is_not_done() {
    let ended = Ended::default();
    let outer = ended.clone();
    let report = Builder::new().blocking_workers(2).run(async move {
        let calls = ["a", "b", "c", "d"].map(|name| spawn_blocking(secs(2), outer.work(name)));
        sleep(secs(1)).await;
        calls[0].abort();
        yield_now().await;
    });
    let left: Vec<_> = report.leftovers.iter().map(|task| &*task.path).collect();
    let expected =
        ["main/blocking[1]", "main/blocking[2]", "main/blocking[3]", "main/blocking[0]/abandoned"];
    assert_eq!(left, expected);
    report.unwrap();
    assert_eq!(ended.take(), [""; 0]);
}

#[test]
fn s21_a_call_made_as_the_run_ends_is_cancelled_already() {
    struct Caller(Rc<RefCell<Option<JoinHandle<()>>>>);
    impl Drop for Caller {
        fn drop(&mut self) {
            let call = spawn_blocking(secs(1), || unreachable!("the run is over"));
            assert!(call.is_finished());
            self.0.replace(Some(call));
        }
    }
    let kept = Rc::new(RefCell::new(None));
    let caller = Caller(Rc::clone(&kept));
    let report = Builder::new().run(async move {
        spawn(async move {
            let _caller = caller;
            std::future::pending::<()>().await;
        });
        yield_now().await;
    });
    report.unwrap();
    assert!(kept.take().is_some());
}

#[test]
fn work_and_its_destructor_may_make_calls() {
    struct Caller(Rc<RefCell<Vec<JoinHandle<()>>>>);
    impl Drop for Caller {
        fn drop(&mut self) {
            self.0.borrow_mut().push(spawn_blocking(secs(1), || ()));
        }
    }
    let report = Builder::new().blocking_workers(1).run(async {
        let made = Rc::new(RefCell::new(Vec::new()));
        let chained = spawn_blocking(secs(1), || spawn_blocking(secs(1), || now().to_string()));
        let caller = Caller(Rc::clone(&made));
        let dropped = spawn_blocking(secs(1), move || drop(caller));
        dropped.abort();
        let second = chained.await.unwrap();
        assert_eq!(made.borrow().len(), 1, "the destructor has run");
        assert_eq!(second.await.unwrap(), "3s");
        for call in made.take() {
            call.await.unwrap();
        }
    });
    report.unwrap();
}

#[test]
fn a_pool_has_workers_and_cores_of_its_own() {
    run(async {
        let threads = Pool::with_cores(4, 1);
        assert_eq!((threads.workers(), threads.cores()), (4, 1));
        assert_eq!(format!("{threads:?}"), "Pool { workers: 4, cores: 1, .. }");
        let calls: Vec<_> = (0..3).map(|_| threads.clone().spawn(secs(1), || ())).collect();
        drop(threads);
        let processes = Pool::new(3);
        let others: Vec<_> = (0..3).map(|_| processes.spawn(secs(1), || ())).collect();
        gather_all(others).await;
        assert_eq!(now().to_string(), "1s");
        gather_all(calls).await;
        assert_eq!(now().to_string(), "3s", "though the pool was dropped");
    });
}

#[test]
#[should_panic(expected = "a pool was used in another loop than the one it was made in")]
fn a_pool_belongs_to_one_run() {
    let pool = run(async { Pool::new(1) });
    run(async move { drop(pool.spawn(secs(1), || ())) });
}

#[test]
fn each_run_starts_with_idle_workers() {
    for _ in 0..3 {
        let report = Builder::new().blocking_workers(1).run(async {
            let _left = spawn_blocking(secs(100), || ());
            timeout(secs(1), spawn_blocking(secs(1), || ())).await.is_err()
        });
        assert!(report.unwrap());
        assert_eq!(
            run(async { spawn_blocking(secs(1), || now().to_string()).await.unwrap() }),
            "1s"
        );
    }
}

#[test]
fn a_loop_that_is_driven_by_hand_has_workers_too() {
    let mut event_loop = EventLoop::new();
    let caller = event_loop.spawn(async { spawn_blocking(secs(2), || "done").await.unwrap() });
    event_loop.advance(secs(1)).unwrap();
    assert!(!caller.is_finished());
    event_loop.advance(secs(1)).unwrap();
    assert_eq!(event_loop.block_on(caller).unwrap().unwrap(), "done");
}

#[test]
#[should_panic(expected = "`spawn_blocking` was called outside a running loop")]
fn s22_a_call_outside_a_loop_panics_with_advice() {
    drop(spawn_blocking(secs(1), || ()));
}

#[test]
#[should_panic(expected = "a pool needs 1 worker at least, and was given none")]
fn a_pool_without_workers_panics() {
    run(async { drop(Pool::new(0)) });
}

#[test]
#[should_panic(expected = "a loop needs 1 core at least, and was given none")]
fn a_loop_without_cores_panics() {
    drop(Builder::new().cores(0));
}

#[test]
fn s41_workers_and_cores_are_part_of_what_reproduces_a_run() {
    let report = Builder::new().blocking_workers(3).cores(2).run(std::future::pending::<()>());
    let text = report.unwrap_failure().to_string();
    assert!(text.ends_with("replay: Builder::new().blocking_workers(3).cores(2)"), "{text}");
}

#[test]
fn a_waiter_cancelled_anywhere_loses_no_worker() {
    let program = || async {
        let pool = Pool::with_cores(2, 1);
        let calls =
            || (0..3).map(|_| pool.spawn(Cost::waiting(secs(1)).then_computing(secs(1)), || ()));
        gather_all(calls()).await;
        timeout(millis(1500), gather_all(calls())).await.unwrap_err();
        let abandoned_end = now() + millis(10_000);
        for result in gather_all(calls()).await {
            result.unwrap();
        }
        assert!(now() < abandoned_end, "workers came free again");
    };
    for report in cancelled_everywhere(program) {
        assert!(report.failure().is_none());
    }
}

#[test]
fn a_call_that_waits_for_a_pool_says_so_and_who_occupies_it() {
    let report = Builder::new().run(async {
        let pool = Pool::with_cores(2, 1);
        let forever = [Cost::waiting(Duration::MAX), Cost::computing(Duration::MAX)];
        let calls = [forever[0], forever[1]].map(|cost| pool.spawn(cost, || ()));
        let third = pool.spawn(secs(1), || ());
        third.abort();
        let fourth = pool.spawn(secs(1), || ());
        drop(calls);
        fourth.await.unwrap();
    });
    assert_shown("blocking", "deadlock_of_a_pool", report.unwrap_failure());
    let report = Builder::new().run(async {
        let pool = Pool::with_cores(2, 1);
        let calls = [Duration::MAX, secs(1), secs(2)].map(|cost| pool.spawn(cost, || ()));
        calls[0].abort();
        sleep(secs(1)).await;
        drop(calls);
    });
    let stuck = report.partial_deadlock.expect("those that wait for what never ends");
    assert_shown("blocking", "deadlock_of_cores", stuck);
}

#[test]
fn a_call_that_never_ends_is_a_deadlock_with_its_queue() {
    let report = Builder::new().blocking_workers(1).run(async {
        let endless = spawn_blocking(Duration::MAX, || ());
        let queued = spawn_blocking(secs(1), || ());
        let reader = spawn_named("reader", async move { queued.await.unwrap() });
        endless.await.unwrap();
        reader.await.unwrap();
    });
    assert_shown("blocking", "deadlock", report.unwrap_failure());
}

#[test]
fn a_trace_shows_calls_as_tasks() {
    let report = Builder::new().cores(1).trace(Level::Full).run(async {
        let read = Cost::waiting(secs(1)).then_computing(secs(1));
        let calls = [spawn_blocking(read, || ()), spawn_blocking(read, || ())];
        gather_all(calls).await;
    });
    assert_shown("blocking", "trace", &report.trace);
}
