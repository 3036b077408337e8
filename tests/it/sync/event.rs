use std::rc::Rc;

use simloop::sync::Event;
use simloop::{Builder, run, sleep, spawn, timeout, yield_now};

use crate::snapshots::assert_shown;
use crate::{millis, secs};

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

#[test]
fn s29_waiters_come_and_go_and_the_others_are_woken_in_order() {
    use proptest::prelude::*;
    use simloop::policy::Random;
    use std::cell::RefCell;

    /// Who waits from when on, and until when at most; when the event is set and cleared.
    fn check(waiters: Vec<(u64, u64)>, sets: Vec<(u64, bool)>, seed: Option<u64>) {
        let builder = match seed {
            Some(seed) => Builder::new().policy(Random::new(seed)),
            None => Builder::new(),
        };
        builder
            .run(async move {
                let event = Rc::new(Event::new());
                // The model: whether it is set, who waits, and who has been served.
                let model = Rc::new(RefCell::new((false, Vec::new(), Vec::new())));
                for &(at, is_set) in &sets {
                    let (event, model) = (Rc::clone(&event), Rc::clone(&model));
                    spawn(async move {
                        sleep(millis(at)).await;
                        let (flag, waiting, served) = &mut *model.borrow_mut();
                        *flag = is_set;
                        if is_set {
                            event.set();
                            served.append(waiting);
                        } else {
                            event.clear();
                        }
                    });
                }
                let clients = waiters.into_iter().enumerate().map(|(number, (from, patience))| {
                    let (event, model) = (Rc::clone(&event), Rc::clone(&model));
                    spawn(async move {
                        sleep(millis(from)).await;
                        let waiting = async {
                            {
                                let (flag, waiting, served) = &mut *model.borrow_mut();
                                if *flag { served.push(number) } else { waiting.push(number) }
                            }
                            event.wait().await;
                        };
                        let is_served = timeout(millis(patience), waiting).await.is_ok();
                        let (_, waiting, served) = &mut *model.borrow_mut();
                        assert!(!is_served || served.contains(&number), "{number} woke too early");
                        // One that was served at the instant at which it gave up may be either.
                        assert!(is_served || !served.contains(&number) || patience < 9);
                        waiting.retain(|&other| other != number);
                    })
                });
                let clients: Vec<_> = clients.collect();
                for client in clients {
                    client.await.unwrap();
                }
                assert!(model.borrow().1.is_empty());
            })
            .unwrap();
    }

    proptest!(|(
        waiters in prop::collection::vec((0..6_u64, 0..10_u64), 1..8),
        sets in prop::collection::vec((0..8_u64, any::<bool>()), 0..6),
        seed in prop::option::of(any::<u64>()),
    )| check(waiters, sets, seed));
}
