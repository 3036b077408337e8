use std::cell::RefCell;
use std::rc::Rc;

use simloop::policy::Random;
use simloop::sim::{Delay, Resource};
use simloop::time::block_for;
use simloop::{
    Builder, EventLoop, gather_all, now, rng, run, sleep, spawn, spawn_named, timeout, yield_now,
};

use super::panic_message;
use crate::snapshots::assert_shown;
use crate::{millis, notes, secs};

/// Uses a resource, and says who ended when.
async fn job(name: u32, resource: Resource, seconds: u64, priority: i64) {
    resource.use_for(secs(seconds)).priority(priority).await;
    simloop::note!("{name} ends at {}", now());
}

#[test]
fn s28_two_servers_serve_first_in_first_out_at_exact_instants() {
    let ended = notes(async {
        let desks = Resource::new(2);
        let jobs = [5, 1, 1, 3].into_iter().enumerate();
        gather_all(jobs.map(|(n, seconds)| job(n as u32, desks.clone(), seconds, 0))).await;
    });
    assert_eq!(ended, ["1 ends at 1s", "2 ends at 2s", "0 ends at 5s", "3 ends at 5s"]);
}

#[test]
fn the_lower_priority_number_is_served_first_and_equal_ones_in_order() {
    let ended = notes(async {
        let desk = Resource::new(1);
        let jobs = [0, 7, -2, 0, -2, i64::MIN, i64::MAX].into_iter().enumerate();
        gather_all(jobs.map(|(n, priority)| job(n as u32, desk.clone(), 1, priority))).await;
    });
    let order: Vec<_> = ended.iter().map(|line| &line[..1]).collect();
    assert_eq!(
        order,
        ["0", "5", "2", "4", "3", "1", "6"],
        "the first has begun and is not interrupted"
    );
    assert_eq!(ended.last().unwrap(), "6 ends at 7s");
}

#[test]
fn the_lowest_free_server_is_taken() {
    run(async {
        let desks = Resource::new(usize::MAX);
        let mut held: Vec<_> = (0..3).map(|_| desks.try_acquire().unwrap()).collect();
        drop(held.remove(1));
        drop(held.remove(0));
        let numbers: Vec<_> = (0..3).map(|_| desks.try_acquire().unwrap()).collect();
        assert_eq!(numbers.iter().map(|server| server.number()).collect::<Vec<_>>(), [0, 1, 3]);
        assert_eq!((desks.servers(), desks.busy()), (usize::MAX, 4));
    });
}

#[test]
fn s28_nobody_takes_a_server_before_those_who_wait() {
    run(async {
        let desk = Resource::new(1);
        let held = desk.acquire().await;
        let first = spawn(desk.acquire());
        yield_now().await;
        assert_eq!((desk.busy(), desk.queue_len()), (1, 1));
        drop(held);
        assert!(desk.try_acquire().is_none(), "it is the first one's from the release on");
        assert_eq!((desk.busy(), desk.queue_len()), (1, 0));
        let second = desk.acquire().priority(-1);
        drop(first.await.unwrap());
        assert_eq!(second.await.number(), 0);
        assert_eq!(desk.statistics().requests, 3, "an attempt that fails is none");
    });
}

#[test]
fn s29_who_leaves_the_line_or_the_server_leaves_it_to_the_next() {
    run(async {
        let desk = Resource::new(1);
        // Three who give up: while served, while in line, and never polled.
        let served = spawn(timeout(secs(2), desk.use_for(secs(60))));
        let in_line = spawn(timeout(secs(1), desk.use_for(secs(60))));
        let last = spawn(desk.use_for(secs(3)));
        drop(desk.use_for(secs(60)));
        assert!(served.await.unwrap().is_err());
        assert!(in_line.await.unwrap().is_err());
        last.await.unwrap();
        assert_eq!(now().to_string(), "5s");
        let seen = desk.statistics();
        assert_eq!((seen.requests, seen.served, seen.abandoned), (3, 2, 1));
        assert_eq!((seen.busy, seen.queue_len, seen.queue_len_max), (0, 0, 2));
        assert_eq!(
            (seen.busy_time, seen.waited_total, seen.waited_max),
            (secs(5), secs(2), secs(2))
        );
        assert_eq!(seen.queue_time, secs(3), "one second of the one that gave up");
        assert_eq!((seen.observed, seen.utilisation_permille()), (secs(5), 1000));
    });
}

#[test]
fn s29_a_server_handed_to_a_cancelled_task_goes_to_the_next() {
    run(async {
        let desk = Resource::new(1);
        let held = desk.acquire().await;
        let waiters = [(); 3].map(|()| spawn(desk.use_for(secs(1))));
        yield_now().await;
        sleep(secs(1)).await;
        drop(held);
        // The first has it by now, and has not been polled.
        waiters[0].abort();
        waiters[1].abort();
        let [_, _, last] = waiters;
        last.await.unwrap();
        assert_eq!(now().to_string(), "2s");
        let seen = desk.statistics();
        assert_eq!((seen.requests, seen.served, seen.abandoned, seen.busy), (4, 2, 2, 0));
        assert_eq!((seen.busy_time, seen.waited_total), (secs(2), secs(1)));
    });
}

#[test]
fn a_use_for_no_time_suspends_once_and_an_acquisition_of_a_free_server_not_at_all() {
    run(async {
        let desk = Resource::new(1);
        let mut used = Box::pin(desk.use_for(secs(0)));
        assert!(futures_util::poll!(&mut used).is_pending());
        assert!(futures_util::poll!(&mut used).is_ready());
        assert!(futures_util::poll!(desk.acquire()).is_ready());
        assert_eq!((now().to_string(), desk.statistics().served), ("0s".into(), 2));
    });
}

#[test]
fn s9_a_service_that_ends_while_the_loop_is_blocked_ends_when_it_goes_on() {
    run(async {
        let desk = Resource::new(1);
        let first = spawn(desk.use_for(secs(1)));
        let second = spawn(desk.use_for(secs(1)));
        yield_now().await;
        block_for(secs(5));
        first.await.unwrap();
        assert_eq!(now().to_string(), "5s");
        second.await.unwrap();
        assert_eq!(now().to_string(), "6s");
        assert_eq!(desk.statistics().busy_time, secs(6));
    });
}

#[test]
fn s33_a_job_takes_as_long_whatever_others_do_and_draws_once() {
    let program = |others: u32, service: fn() -> Delay| async move {
        let desk = Resource::new(2);
        for _ in 0..others {
            spawn_named("other", desk.use_for(Delay::exponential(secs(1))));
        }
        let job = spawn_named("job", {
            let desk = desk.clone();
            async move {
                let server = desk.acquire().await;
                let start = server.since();
                drop(server);
                desk.use_for(service()).await;
                (start.elapsed(), rng().next_u64())
            }
        });
        job.await.unwrap()
    };
    let drawn: fn() -> Delay = || Delay::uniform(secs(1)..secs(100));
    let fixed: fn() -> Delay = || Delay::fixed(secs(1));
    let alone = Builder::new().seed(3).run(program(0, drawn)).unwrap();
    assert_eq!(Builder::new().seed(3).run(program(1, drawn)).unwrap(), alone);
    let other = Builder::new().seed(3).run(program(0, fixed)).unwrap();
    assert_ne!(other.0, alone.0);
    assert_eq!(other.1, alone.1, "a fixed delay counts as a draw too");
    assert_ne!(Builder::new().seed(4).run(program(0, drawn)).unwrap(), alone);
}

#[test]
fn under_any_schedule_each_job_is_served_once_and_never_more_than_there_are_servers() {
    for seed in 0..50 {
        let report = Builder::new().policy(Random::new(seed)).run(async {
            let desks = Resource::new(3);
            let served = Rc::new(RefCell::new(Vec::new()));
            let jobs = (0..20).map(|n| {
                let (desks, served) = (desks.clone(), Rc::clone(&served));
                async move {
                    let server = desks.acquire().priority(n % 3).await;
                    assert!(desks.busy() <= 3);
                    sleep(millis(100)).await;
                    served.borrow_mut().push(n);
                    drop(server);
                }
            });
            gather_all(jobs).await;
            let mut served = served.take();
            served.sort();
            assert!(served.into_iter().eq(0..20));
            desks.statistics()
        });
        assert_eq!(report.ended_at.to_string(), "700ms");
        let seen = report.unwrap();
        assert_eq!((seen.requests, seen.served, seen.abandoned, seen.busy), (20, 20, 0, 0));
        assert_eq!(seen.busy_time, secs(2));
    }
}

#[test]
fn s37_a_deadlock_names_the_resources_and_those_who_hold_their_servers() {
    let report = Builder::new().run(async {
        let printer = Resource::new(2).named("printer");
        let scanner = Resource::new(1).named("scanner");
        let copy = |delay| {
            let (printer, scanner) = (printer.clone(), scanner.clone());
            spawn_named("job", async move {
                sleep(secs(delay)).await;
                let _printer = printer.acquire().await;
                sleep(secs(1)).await;
                let _scanner = scanner.acquire().await;
            })
        };
        let first = copy(1);
        copy(2);
        let _held = scanner.acquire().await;
        sleep(secs(3)).await;
        spawn_named("late", printer.use_for(secs(1)));
        spawn_named("express", printer.use_for(secs(1)).priority(-1));
        first.await.unwrap();
    });
    assert_shown("simulation", "deadlock_resources", report.unwrap_failure());
}

#[test]
fn a_resource_belongs_to_its_loop_and_can_be_looked_at_and_released_after_it() {
    let mut event_loop = EventLoop::new();
    let (desk, server, waiting) = event_loop
        .block_on(async {
            let desk = Resource::new(1);
            let server = desk.acquire().await;
            sleep(secs(2)).await;
            (desk.clone(), server, desk.acquire())
        })
        .unwrap();
    drop(event_loop);
    assert_eq!(format!("{desk:?}"), "Resource { servers: 1, busy: 1, queue_len: 0, .. }");
    assert_eq!(format!("{server:?}"), "Server { number: 0, since: 0s, .. }");
    drop(server);
    assert_eq!(desk.statistics().busy, 0);
    let elsewhere = "a resource was used in another loop than the one it was made in";
    let failure = Builder::new().run(waiting).unwrap_failure().to_string();
    assert!(failure.contains(elsewhere), "{failure}");
}

#[test]
fn a_priority_comes_too_late_when_the_place_in_line_is_taken() {
    run(async {
        let desk = Resource::new(1);
        let _held = desk.acquire().await;
        let mut waiting = desk.use_for(secs(1));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        assert_eq!(
            panic_message(|| drop(waiting.priority(1))),
            "the priority was set of a request that was polled before"
        );
        assert_eq!(desk.queue_len(), 0, "it is dropped all the same");
    });
}
