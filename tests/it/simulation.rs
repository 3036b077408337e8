//! Models of what lies outside a program: stations with servers, links, delays that are drawn.

mod given_up;
mod link;
mod link_model;
mod resource;
mod resource_model;

use std::panic::{AssertUnwindSafe, catch_unwind};

use simloop::{Builder, rng, run, sim::Delay, spawn_named};

use crate::secs;

/// The message that `act` panics with.
fn panic_message<R>(act: impl FnOnce() -> R) -> String {
    let Err(payload) = catch_unwind(AssertUnwindSafe(act)) else { panic!("it does not panic") };
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => {
            (*payload.downcast_ref::<&str>().expect("a panic has a message")).to_owned()
        }
    }
}

#[test]
fn s33_delays_are_drawn_by_seed_and_path() {
    let draw = |seed| {
        let drawn = Builder::new().seed(seed).run(async {
            let delay = Delay::exponential(secs(1));
            let in_task = spawn_named("job", {
                let delay = delay.clone();
                async move { delay.draw(&mut rng()) }
            });
            (delay.draw(&mut rng()), in_task.await.unwrap())
        });
        drawn.unwrap()
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    assert_ne!(draw(1).0, draw(1).1);
}

#[test]
fn what_makes_no_model_is_refused_with_the_reason() {
    use simloop::sim::{Link, Resource};
    let refused: [(fn(), &str); 6] = [
        (|| drop(Resource::new(0)), "a resource needs 1 server at least, and was given none"),
        (|| drop(Link::new(secs(1), 0)), "a link needs a bandwidth of 1 byte a second at least"),
        (|| drop(Link::new(secs(1), 1).loss(2, 1)), "a chance of 2 in 1 is more than certain"),
        (|| drop(Delay::one_of([])), "a delay is one of no durations"),
        (|| drop(Delay::uniform(secs(2)..secs(1))), "cannot draw from the empty range 2s..1s"),
        (
            || drop(Delay::exponential(secs(u64::MAX))),
            "a delay has the mean 18446744073709551615s, which is longer than there is time",
        ),
    ];
    for (make, reason) in refused {
        // In a loop, since outside of it there is another reason.
        assert_eq!(run(async move { panic_message(make) }), reason);
    }
    assert!(panic_message(|| Resource::new(1)).contains("outside a running loop"));
    assert!(panic_message(|| Link::new(secs(1), 1)).contains("outside a running loop"));
}
