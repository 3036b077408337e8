//! Searches: what they try, what they count, what they say.

mod bugs;
mod counts;
mod injections;
mod lines;
mod policies;
mod reduced;
mod replays;
mod reports;
mod requirements;
mod seeds;
mod words;

use std::cell::RefCell;
use std::rc::Rc;

use simloop::explore::{Exploration, Explorer, Outcome};
use simloop::{spawn_named, yield_now};

/// An explorer that nothing outside the test changes.
fn explorer() -> Explorer {
    Explorer::new().ignore_environment(true)
}

/// The outcomes with their counts, in the order of the report.
fn outcomes(exploration: &Exploration) -> Vec<(&str, u64)> {
    exploration.outcomes.iter().map(|outcome| (outcome.shown.as_str(), outcome.runs)).collect()
}

/// Tasks `a`, `b`, ... that each append their letter `steps` times, with a yield between each two. Returns
/// what they have written.
async fn letters<const N: usize>(steps: [usize; N]) -> String {
    let written = Rc::new(RefCell::new(String::new()));
    let tasks = std::array::from_fn::<_, N, _>(|number| {
        let letter = char::from(b'a' + number as u8);
        let written = Rc::clone(&written);
        spawn_named(&letter.to_string(), async move {
            for step in 0..steps[number] {
                if step > 0 {
                    yield_now().await;
                }
                written.borrow_mut().push(letter);
            }
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
    written.take()
}

/// The search of every schedule, however many.
fn all<F, R>(program: F) -> Exploration
where
    F: Fn() -> R + Sync,
    R: std::future::Future<Output: Outcome + 'static> + 'static,
{
    explorer().exhaustive().max_runs(u64::MAX).max_failures(usize::MAX).run(program)
}
