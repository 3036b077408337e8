//! A loop driven by hand from ordinary test code.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures_channel::{mpsc, oneshot};
use futures_util::StreamExt;
use simloop::policy::Random;
use simloop::report::FailureKind;
use simloop::sim::Cost;
use simloop::time::SystemTime;
use simloop::trace::Level;
use simloop::{
    Builder, EventLoop, Instant, Limits, call_later, call_soon, gather_all, note, now, rng, run,
    sleep, spawn, spawn_blocking, trace, yield_now,
};

use crate::{millis, secs};

#[test]
fn a_loop_that_follows_one_with_settings_of_its_own_has_the_usual_ones() {
    // The second takes over the memory of the first.
    let observe = || {
        let report = EventLoop::new().run(async {
            let jobs = (0..33).map(|_| spawn_blocking(Cost::waiting(secs(3600)), || ()));
            gather_all(jobs).await;
            spawn(std::future::pending::<()>());
            (SystemTime::now().to_std(), rng().next_u64(), now().to_string())
        });
        format!("{report:?}")
    };
    let usual = std::thread::spawn(observe).join().unwrap();
    let limits = Limits::new().virtual_time(millis(1)).turns(1_000).turns_per_instant(500);
    let unusual = Builder::new()
        .seed(7)
        .policy(Random::new(1))
        .trace(Level::Full)
        .limits(limits)
        .start_time(secs(60))
        .deny_leftovers(true)
        .blocking_workers(2)
        .cores(1)
        .echo(true);
    let failure = unusual.run(async { std::future::pending::<()>().await }).unwrap_failure();
    assert!(matches!(failure.kind(), FailureKind::Deadlock(_)));
    assert_eq!(observe(), usual);
}

#[test]
fn a_loop_is_spawned_into_advanced_looked_at_and_fed_from_outside() {
    let mut event_loop = EventLoop::new();
    let (sender, mut receiver) = mpsc::unbounded::<u32>();
    let sum = Rc::new(RefCell::new(0));
    let total = Rc::clone(&sum);
    let adder = event_loop.spawn_named("adder", async move {
        while let Some(number) = receiver.next().await {
            sleep(secs(1)).await;
            *total.borrow_mut() += number;
        }
        now()
    });
    assert_eq!(adder.path(), "adder");
    event_loop.advance(secs(5)).unwrap();
    assert_eq!((event_loop.now().to_string().as_str(), *sum.borrow()), ("5s", 0));
    sender.unbounded_send(3).unwrap();
    sender.unbounded_send(4).unwrap();
    assert_eq!(event_loop.ready_len(), 1, "the send has woken it");
    event_loop.advance(secs(1)).unwrap();
    assert_eq!(*sum.borrow(), 3);
    assert_eq!(
        event_loop.advance_to_next().unwrap().map(|at| at.to_string()),
        Some("7s".to_owned())
    );
    assert_eq!(*sum.borrow(), 7);
    drop(sender);
    assert!(!adder.is_finished());
    event_loop.run_until_idle().unwrap();
    assert!(adder.is_finished());
    assert_eq!(event_loop.block_on(adder).unwrap().unwrap().to_string(), "7s");
    assert_eq!(event_loop.advance_to_next().unwrap(), None);
    event_loop.finish().unwrap();
}

#[test]
fn a_step_is_one_turn_and_moves_no_clock() {
    let mut event_loop = EventLoop::new();
    event_loop.spawn(async {
        yield_now().await;
        sleep(secs(1)).await;
    });
    let steps: Vec<bool> = (0..4).map(|_| event_loop.step().unwrap()).collect();
    assert_eq!(steps, [true, true, false, false]);
    assert_eq!(event_loop.now(), Instant::ZERO);
    assert_eq!(event_loop.counters().polls, 2);
    event_loop.advance(secs(1)).unwrap();
    assert_eq!(event_loop.counters().polls, 3);
}

#[test]
fn blocking_on_a_future_leaves_the_other_tasks_alive() {
    let mut event_loop = EventLoop::new();
    let background = event_loop.spawn(async {
        sleep(secs(10)).await;
        "done"
    });
    event_loop.block_on(sleep_a_second()).unwrap();
    assert_eq!(event_loop.now().to_string(), "1s");
    assert!(!background.is_finished());
    assert_eq!(event_loop.block_on(background).unwrap().unwrap(), "done");
    assert_eq!(event_loop.now().to_string(), "10s");
}

async fn sleep_a_second() {
    sleep(secs(1)).await;
}

#[test]
fn s37_a_task_that_joins_one_of_another_loop_is_told_to() {
    let mut other = EventLoop::new();
    let joined = other.spawn_named("elsewhere", std::future::pending::<()>());
    let mut event_loop = EventLoop::new();
    let failure = event_loop.block_on(joined).unwrap_err().to_string();
    assert!(failure.contains("\n  main  joins `elsewhere` of another loop since 0s"), "{failure}");
    // That loop goes on, and wakes who joins.
    let slow = other.spawn(async { sleep(secs(1)).await });
    let joiner = event_loop.spawn(slow);
    event_loop.run_until_idle().unwrap();
    other.advance(secs(1)).unwrap();
    event_loop.run_until_idle().unwrap();
    assert!(joiner.is_finished());
}

#[test]
fn after_a_deadlock_the_loop_goes_on() {
    let mut event_loop = EventLoop::new();
    let (sender, receiver) = oneshot::channel::<u32>();
    let failure = event_loop.block_on(std::future::pending::<()>()).unwrap_err();
    assert!(matches!(failure.kind(), FailureKind::Deadlock(_)));
    let waiter = event_loop.spawn(receiver);
    event_loop.run_until_idle().unwrap();
    sender.send(5).unwrap();
    assert_eq!(event_loop.block_on(waiter).unwrap().unwrap(), Ok(5));
    event_loop.finish().unwrap();
}

#[test]
fn a_loop_that_has_failed_says_so_again() {
    let mut event_loop = Builder::new().limits(Limits::new().turns_per_instant(10)).build();
    event_loop.spawn(async {
        loop {
            yield_now().await;
        }
    });
    let failure = event_loop.run_until_idle().unwrap_err();
    assert!(matches!(failure.kind(), FailureKind::Livelock(_)));
    assert_eq!(event_loop.step().unwrap_err(), failure);
    assert_eq!(event_loop.advance(secs(1)).unwrap_err(), failure);
    assert_eq!(event_loop.finish().unwrap_failure(), failure);
}

#[test]
fn callbacks_are_called_in_order_and_on_time_unless_they_are_cancelled() {
    let mut event_loop = Builder::new().trace(trace::Level::Tasks).build();
    let calls = Rc::new(RefCell::new(Vec::new()));
    let call = |name: &'static str| {
        let calls = Rc::clone(&calls);
        move || calls.borrow_mut().push(format!("{name} at {}", now()))
    };
    event_loop.call_later(secs(2), call("second"));
    event_loop.call_at(Instant::ZERO + secs(1), call("first"));
    event_loop.call_later(secs(1), call("first again"));
    let cancelled = event_loop.call_later(secs(1), call("never"));
    event_loop.call_soon(call("soon"));
    event_loop.call_at(Instant::ZERO, call("at a passed instant"));
    assert_eq!(cancelled.when().to_string(), "1s");
    cancelled.cancel();
    assert!(calls.borrow().is_empty(), "nothing is called inside the call");
    event_loop.advance(secs(3)).unwrap();
    assert_eq!(
        *calls.borrow(),
        [
            "soon at 0s",
            "at a passed instant at 0s",
            "first at 1s",
            "first again at 1s",
            "second at 2s"
        ]
    );
    assert!(cancelled.is_finished());
    let report = event_loop.finish();
    assert_eq!((report.counters.timers_fired, report.counters.timers_cancelled), (3, 1));
    report.unwrap();
}

#[test]
fn a_cancelled_callback_does_not_move_the_clock() {
    let report = Builder::new().run(async {
        let call = call_later(secs(60), || unreachable!("cancelled"));
        call.cancel();
        sleep(secs(1)).await;
        assert!(call.is_finished());
        call.cancel();
    });
    assert_eq!(report.ended_at.to_string(), "1s");
    assert_eq!(report.leftovers, []);
    report.unwrap();
}

#[test]
fn callbacks_may_schedule_and_spawn_and_their_panics_fail_the_run() {
    let lines = crate::notes(async {
        call_soon(|| {
            call_later(millis(5), || note!("called at {}", now()));
            spawn(async { note!("spawned at {}", now()) });
        });
        sleep(secs(1)).await;
    });
    assert_eq!(lines, ["spawned at 0s", "called at 5ms"]);
    let report = Builder::new().run(async {
        call_soon(|| panic!("in a callback"));
        sleep(secs(1)).await;
    });
    assert!(
        report
            .unwrap_failure()
            .to_string()
            .starts_with("panic at 0s (turn 2) in main/call: in a callback")
    );
}

#[test]
fn two_loops_of_one_thread_do_not_mix() {
    let mut one = EventLoop::new();
    let mut other = EventLoop::new();
    let (sender, receiver) = oneshot::channel::<&str>();
    let waiter = one.spawn(async move { (receiver.await.unwrap(), now()) });
    other.spawn(async move {
        sleep(secs(7)).await;
        sender.send("from the other loop").unwrap();
    });
    one.advance(secs(1)).unwrap();
    other.advance(secs(10)).unwrap();
    assert!(!waiter.is_finished());
    let (value, at) = one.block_on(waiter).unwrap().unwrap();
    assert_eq!((value, at.to_string().as_str()), ("from the other loop", "1s"));
}

#[test]
fn a_handle_of_one_loop_can_be_awaited_in_another() {
    let mut one = EventLoop::new();
    let mut other = EventLoop::new();
    let task = one.spawn(async {
        sleep(secs(1)).await;
        "value"
    });
    let joiner = other.spawn(task);
    other.run_until_idle().unwrap();
    one.advance(secs(1)).unwrap();
    assert_eq!(other.block_on(joiner).unwrap().unwrap().unwrap(), "value");
}

#[test]
fn a_sleep_of_one_run_cannot_be_awaited_in_the_next() {
    let nap = simloop::run(std::future::poll_fn(|_| Poll::Ready(sleep(secs(1)))));
    let failure = Builder::new().run(nap).unwrap_failure();
    assert!(
        failure
            .to_string()
            .contains("a sleep was polled in another loop than the one it was made in")
    );
}

#[test]
fn a_sleep_of_one_loop_cannot_be_awaited_in_another() {
    let mut one = EventLoop::new();
    let nap = one.block_on(std::future::poll_fn(|_| Poll::Ready(sleep(secs(1))))).unwrap();
    let failure = Builder::new().run(nap).unwrap_failure();
    assert!(
        failure
            .to_string()
            .contains("a sleep was polled in another loop than the one it was made in")
    );
}

#[test]
fn s22_what_is_dropped_with_another_loop_within_a_poll_sees_the_time_of_its_own_loop() {
    struct Seen(Rc<Cell<Option<Instant>>>);
    impl Drop for Seen {
        fn drop(&mut self) {
            self.0.set(Some(sleep(Duration::ZERO).deadline()));
        }
    }
    let seen = Rc::new(Cell::new(None));
    let mut inner = EventLoop::new();
    let held = Seen(Rc::clone(&seen));
    inner.spawn(async move {
        let _held = held;
        std::future::pending::<()>().await
    });
    inner.advance(secs(1)).unwrap();
    let after = run(async move {
        sleep(secs(5)).await;
        drop(inner);
        sleep(secs(2)).await;
        now()
    });
    assert_eq!(seen.get(), Some(Instant::ZERO + secs(1)));
    assert_eq!(after, Instant::ZERO + secs(7));
}
