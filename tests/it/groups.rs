//! Rules S25 and S27: task groups, cancel scopes, tokens, tidying up, task-local values.

mod cancelling;
mod deadlocks;
mod failures;
mod locals;
mod locals_model;
mod model;
mod scope_model;
mod scopes;
mod tidying;
mod tidying_model;
mod token_model;
mod tokens;

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::rc::Rc;

use simloop::{EventLoop, Report, note, now, sleep, task};

use crate::secs;

/// What has happened so far, in order.
type Log = Rc<RefCell<Vec<String>>>;

/// Writes a line, with the instant, when it is dropped.
struct OnDrop(Log, String);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.borrow_mut().push(format!("{} {}", now(), self.1));
    }
}

/// Waits for ever and writes its name when it is dropped.
fn stuck<T, E>(log: &Log, name: &str) -> impl Future<Output = Result<T, E>> + 'static + use<T, E> {
    let entry = OnDrop(Rc::clone(log), name.to_owned());
    async move {
        let _entry = entry;
        pending().await
    }
}

async fn sleeper(seconds: u64) -> Result<u64, String> {
    sleep(secs(seconds)).await;
    Ok(seconds)
}

async fn failing(seconds: u64) -> Result<u64, String> {
    sleep(secs(seconds)).await;
    Err(format!("failed after {seconds}"))
}

/// Panics without a message on standard error.
async fn panicking(seconds: u64) -> Result<u64, String> {
    sleep(secs(seconds)).await;
    std::panic::resume_unwind(Box::new(format!("lost after {seconds}")))
}

/// Panics when it is dropped, unless that is during a panic.
struct PanicsOnDrop(&'static str);

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            std::panic::resume_unwind(Box::new(self.0));
        }
    }
}

/// Runs a program that aborts its own task at its `suspension`th suspension, if it has so many.
fn aborted_at(suspension: usize, program: impl Future<Output = ()>) -> impl Future<Output = ()> {
    let mut program = Box::pin(program);
    let mut seen = 0;
    poll_fn(move |cx| {
        let polled = program.as_mut().poll(cx);
        seen += 1;
        if polled.is_pending() && seen == suspension {
            note!("aborted at suspension {suspension}");
            task::current().abort_handle().abort();
        }
        polled
    })
}

/// Takes turns and lets time pass until nothing more happens.
fn exhaust(event_loop: &mut EventLoop) {
    loop {
        event_loop.run_until_idle().expect("nothing fails the loop");
        if event_loop.advance_to_next().expect("nothing fails the loop").is_none() {
            return;
        }
    }
}

fn left(report: &Report) -> Vec<&str> {
    report.leftovers.iter().map(|task| task.path.as_str()).collect()
}
