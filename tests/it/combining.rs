//! Rules S24 and S26: gathering, waiting, shielding, racing, join sets.

mod deadlocks;
mod gather;
mod join_set;
mod model;
mod race;
mod race_model;
mod shield_model;
mod wait;

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::rc::Rc;

use simloop::{EventLoop, Report, now, sleep, task};

use crate::secs;

/// Sleeps so many seconds and returns them.
async fn sleeper(seconds: u64) -> u64 {
    sleep(secs(seconds)).await;
    seconds
}

/// Does the same and fails.
async fn failing(seconds: u64) -> Result<u64, u64> {
    sleep(secs(seconds)).await;
    Err(seconds)
}

/// Does the same and panics, without a message on standard error.
async fn panicking(seconds: u64) -> u64 {
    sleep(secs(seconds)).await;
    std::panic::resume_unwind(Box::new(format!("lost after {seconds} s")))
}

/// What has ended so far, and when, in order.
type Log = Rc<RefCell<Vec<(u64, String)>>>;

/// A sleeper that writes into a log when it has woken, or was dropped before.
fn logged(log: &Log, seconds: u64) -> impl Future<Output = u64> + 'static {
    struct Entry(Log, u64);
    impl Drop for Entry {
        fn drop(&mut self) {
            self.0.borrow_mut().push((self.1, now().to_string()));
        }
    }
    let entry = Entry(Rc::clone(log), seconds);
    async move {
        let _entry = entry;
        sleeper(seconds).await
    }
}

/// Runs a program and cancels it: at each of its suspensions, and between any two turns of an instant.
pub(crate) fn cancelled_everywhere<F: Future<Output = ()> + 'static>(
    program: impl Fn() -> F,
) -> Vec<Report> {
    let mut reports = Vec::new();
    for suspension in 1.. {
        let mut event_loop = EventLoop::new();
        let mut program = Box::pin(program());
        let mut seen = 0;
        let mut waiter = event_loop.spawn_named(
            "waiter",
            poll_fn(move |cx| {
                let polled = program.as_mut().poll(cx);
                seen += 1;
                if polled.is_pending() && seen == suspension {
                    task::current().abort_handle().abort();
                }
                polled
            }),
        );
        while !waiter.is_finished() {
            if !event_loop.step().unwrap() {
                event_loop.advance_to_next().unwrap();
            }
        }
        event_loop.run_until_idle().unwrap();
        let is_completed = waiter.try_take().is_some_and(|result| result.is_ok());
        reports.push(event_loop.finish());
        if is_completed {
            break;
        }
    }
    assert!(reports.len() > 2, "it suspends now and then");
    for turns in 0.. {
        let mut event_loop = EventLoop::new();
        let waiter = event_loop.spawn_named("waiter", program());
        for _ in 0..turns {
            if !event_loop.step().unwrap() {
                event_loop.advance_to_next().unwrap();
            }
        }
        let is_finished = waiter.is_finished();
        waiter.abort();
        event_loop.run_until_idle().unwrap();
        drop(waiter);
        reports.push(event_loop.finish());
        if is_finished {
            break;
        }
    }
    reports
}

fn left(report: &Report) -> Vec<&str> {
    report.leftovers.iter().map(|task| task.path.as_str()).collect()
}
