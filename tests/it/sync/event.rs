use std::rc::Rc;

use simloop::sync::Event;
use simloop::{Builder, run, sleep, spawn, yield_now};

use crate::secs;
use crate::snapshots::assert_shown;

#[test]
fn s28_setting_an_event_wakes_all_in_order_even_if_it_is_cleared_at_once() {
    run(async {
        let event = Rc::new(Event::new());
        let seen = Rc::new(std::cell::RefCell::new(Vec::new()));
        for number in 0..5 {
            let (event, seen) = (Rc::clone(&event), Rc::clone(&seen));
            spawn(async move {
                event.wait().await;
                seen.borrow_mut().push(number);
            });
        }
        yield_now().await;
        event.set();
        event.clear();
        yield_now().await;
        assert_eq!(*seen.borrow(), [0, 1, 2, 3, 4]);
        assert!(!event.is_set());
    });
}

#[test]
fn s37_a_deadlock_names_the_event_that_nobody_sets() {
    let report = Builder::new().run(async {
        let event = Rc::new(Event::new().named("go"));
        for _ in 0..2 {
            let event = Rc::clone(&event);
            spawn(async move { event.wait().await });
        }
        sleep(secs(1)).await;
        Event::new().wait().await;
    });
    assert_shown("sync", "deadlock_event", report.unwrap_failure());
}
