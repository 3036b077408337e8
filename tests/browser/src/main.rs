//! The HTML page in a real browser: Chromium without a window, driven through `chromedriver`.
//!
//! Both have to be on the path (Debian's packages `chromium` and `chromium-driver`). Nothing here measures real
//! time; what does not come at all runs into the driver's own limits. With `SCREENSHOTS=DIR` pictures of the pages
//! are left there, for whoever changes them to look at. With `BREAK='old=>new'` that text is replaced in each page
//! before it is opened: a test that then passes does not test it.

mod appearance;
mod big;
mod browser;
mod loading;
mod moving;
#[path = "../../it/rendering/programs.rs"]
mod programs;
mod tour;

use std::future::Future;
use std::time::Duration;

use simloop::trace::Level;
use simloop::{Builder, Report};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn traced<T: 'static>(program: impl Future<Output = T> + 'static) -> Report<T> {
    Builder::new().trace(Level::Full).run(program)
}

/// The run of a program that other tests draw, too.
fn program(name: &str) -> Report {
    let found = programs::all().into_iter().find(|(other, _)| *other == name);
    found.unwrap_or_else(|| panic!("no program `{name}`")).1
}

/// Two tasks that read a counter, wait a turn, and write it back: some order loses an update.
async fn lost_update() {
    let count = std::rc::Rc::new(std::cell::Cell::new(0));
    let tasks = [0, 2].map(|turns| {
        let count = std::rc::Rc::clone(&count);
        simloop::spawn_named("writer", async move {
            for _ in 0..turns {
                simloop::yield_now().await;
            }
            let read = count.get();
            simloop::yield_now().await;
            count.set(read + 1);
        })
    });
    for task in tasks {
        task.await.expect("no writer panics");
    }
    assert_eq!(count.get(), 2, "an update was lost");
}
