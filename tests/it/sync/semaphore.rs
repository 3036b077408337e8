//! `Semaphore`, by itself, against a model, and beside tokio's.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use proptest::prelude::*;
use simloop::report::{FailureKind, Wait};
use simloop::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use simloop::{Builder, run, sleep, spawn, spawn_named, yield_now};

use super::hands::Woken;
use super::line::{self, Model, Shared, assert_that_leaving_loses_nothing};
use crate::secs;
use crate::snapshots::assert_shown;

#[test]
fn s28_permits_are_given_in_order_whatever_each_one_wants() {
    run(async {
        let semaphore = Arc::new(Semaphore::new(3));
        let order = Rc::new(RefCell::new(Vec::new()));
        let held = semaphore.acquire_many(2).await.unwrap();
        for (number, wanted) in [2, 1, 3, 1].into_iter().enumerate() {
            let (semaphore, order) = (Arc::clone(&semaphore), Rc::clone(&order));
            spawn(async move {
                let _permit = semaphore.acquire_many(wanted).await.unwrap();
                order.borrow_mut().push(number);
                sleep(secs(1)).await;
            });
        }
        yield_now().await;
        assert!(order.borrow().is_empty(), "one is free, and is kept for the first");
        assert_eq!(semaphore.available_permits(), 0);
        assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
        assert_eq!(semaphore.try_acquire_many(0).unwrap().num_permits(), 0);
        drop(held);
        yield_now().await;
        assert_eq!(*order.borrow(), [0, 1]);
        sleep(secs(1)).await;
        yield_now().await;
        assert_eq!(*order.borrow(), [0, 1, 2]);
        sleep(secs(2)).await;
        assert_eq!(*order.borrow(), [0, 1, 2, 3]);
    });
}

#[test]
fn s29_permits_of_a_waiter_that_goes_away_go_to_the_next() {
    assert_that_leaving_loses_nothing(|| {
        let semaphore = Arc::new(Semaphore::new(2));
        let held = Arc::clone(&semaphore).try_acquire_many_owned(2).unwrap();
        (held, move || Arc::clone(&semaphore).acquire_many_owned(2))
    });
}

#[test]
fn s29_a_big_waiter_that_goes_away_lets_the_small_ones_through() {
    run(async {
        let semaphore = Arc::new(Semaphore::new(1));
        let big = spawn({
            let semaphore = Arc::clone(&semaphore);
            async move { semaphore.acquire_many(9).await.map(drop) }
        });
        let small = spawn({
            let semaphore = Arc::clone(&semaphore);
            async move { semaphore.acquire().await.map(drop) }
        });
        sleep(secs(1)).await;
        assert!(!small.is_finished());
        big.abort();
        small.await.unwrap().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn closing_refuses_those_who_wait_and_those_who_come() {
    run(async {
        let semaphore = Arc::new(Semaphore::new(1));
        let held = semaphore.acquire().await.unwrap();
        let waiter = spawn(Arc::clone(&semaphore).acquire_owned());
        yield_now().await;
        semaphore.close();
        assert!(semaphore.is_closed());
        let error = waiter.await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), "the semaphore is closed");
        assert_eq!(semaphore.acquire().await.unwrap_err(), error);
        assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::Closed);
        drop(held);
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn permits_split_merge_and_are_forgotten() {
    let semaphore = Arc::new(Semaphore::new(5));
    let mut three = Arc::clone(&semaphore).try_acquire_many_owned(3).unwrap();
    assert!(three.split(4).is_none());
    let mut one = three.split(1).unwrap();
    assert_eq!((three.num_permits(), one.num_permits()), (2, 1));
    assert!(Arc::ptr_eq(one.semaphore(), &semaphore));
    one.merge(three);
    assert_eq!((one.num_permits(), semaphore.available_permits()), (3, 2));
    one.split(2).unwrap().forget();
    drop(one);
    assert_eq!(semaphore.available_permits(), 3);
    assert_eq!((semaphore.forget_permits(9), semaphore.available_permits()), (3, 0));
    semaphore.add_permits(2);
    assert_eq!(semaphore.available_permits(), 2);
}

#[test]
#[should_panic = "permits of two semaphores cannot be merged"]
fn permits_of_two_semaphores_do_not_merge() {
    let (one, other) = (Semaphore::new(1), Semaphore::new(1));
    one.try_acquire().unwrap().merge(other.try_acquire().unwrap());
}

#[test]
fn too_many_permits_are_refused_and_change_nothing() {
    let semaphore = Semaphore::new(Semaphore::MAX_PERMITS - 1);
    let held = semaphore.try_acquire().unwrap();
    semaphore.add_permits(1);
    for more in [1, usize::MAX] {
        let add = std::panic::AssertUnwindSafe(|| semaphore.add_permits(more));
        let payload = std::panic::catch_unwind(add).unwrap_err();
        let message = payload.downcast_ref::<String>().unwrap();
        assert!(message.contains("permits at most, not"), "{message}");
    }
    drop(held);
    assert_eq!(semaphore.available_permits(), Semaphore::MAX_PERMITS);
}

#[test]
fn an_owned_permit_keeps_its_semaphore() {
    let semaphore = Arc::new(Semaphore::new(1));
    let permit = Arc::clone(&semaphore).try_acquire_owned().unwrap();
    let semaphore = Arc::try_unwrap(semaphore).unwrap_err();
    drop(permit);
    assert_eq!(Arc::try_unwrap(semaphore).unwrap().available_permits(), 1);
}

#[test]
fn permits_are_acquired_in_foreign_combinators() {
    run(async {
        let semaphore = Semaphore::new(2);
        let (one, other) = futures_util::join!(semaphore.acquire(), semaphore.acquire());
        let mut waiting: FuturesUnordered<_> =
            (1..=3).map(|count| semaphore.acquire_many(count % 2 + 1)).collect();
        assert!(futures_util::poll!(waiting.next()).is_pending());
        drop((one, other));
        let mut counts = Vec::new();
        while let Some(permit) = waiting.next().await {
            counts.push(permit.unwrap().num_permits());
        }
        assert_eq!(counts, [2, 1, 2]);
        assert_eq!(semaphore.available_permits(), 2);
    });
}

#[test]
fn s37_a_deadlock_tells_how_many_permits_are_free_and_who_holds_the_others() {
    let report = Builder::new().run(async {
        let semaphore = Arc::new(Semaphore::new(3).named("memory"));
        for (name, first, second) in [("big", 1, 2), ("small", 1, 1)] {
            let semaphore = Arc::clone(&semaphore);
            spawn_named(name, async move {
                let _first = semaphore.acquire_many(first).await;
                sleep(secs(1)).await;
                let _second = semaphore.acquire_many(second).await;
            });
        }
        sleep(secs(2)).await;
        let _all = semaphore.acquire_many(3).await;
    });
    assert_shown("sync", "deadlock_semaphore", report.unwrap_failure());
}

#[test]
fn s37_who_waits_for_permits_of_stuck_tasks_is_stuck_unless_permits_come_from_elsewhere() {
    let count_stuck = |semaphore: Semaphore, last: fn(&Semaphore)| {
        let semaphore = Arc::new(semaphore);
        let report = Builder::new().run(async move {
            for _ in 0..2 {
                let semaphore = Arc::clone(&semaphore);
                spawn(async move {
                    let _first = semaphore.acquire().await;
                    yield_now().await;
                    let _second = semaphore.acquire_many(2).await;
                });
            }
            sleep(secs(1)).await;
            last(&semaphore);
        });
        report.partial_deadlock.map_or(0, |deadlock| deadlock.waiting.len())
    };
    assert_eq!(count_stuck(Semaphore::new(2), |_| ()), 2);
    assert_eq!(count_stuck(Semaphore::new(2), |semaphore| semaphore.add_permits(1)), 0);
    let forgetful = Semaphore::new(3);
    forgetful.try_acquire().unwrap().forget();
    assert_eq!(count_stuck(forgetful, |_| ()), 0);
}

// Against the model.

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Free(pub(super) u32);

impl Model for Free {
    type Ask = u32;

    fn fits(&self, count: u32) -> bool {
        count <= self.0
    }

    fn take(&mut self, count: u32) {
        self.0 -= count;
    }

    fn give(&mut self, count: u32) {
        self.0 += count;
    }
}

impl Shared for Arc<Semaphore> {
    type Model = Free;
    type Guard = OwnedSemaphorePermit;

    fn wait_for(&self, count: u32) -> impl Future<Output = OwnedSemaphorePermit> + 'static {
        let asked = Arc::clone(self).acquire_many_owned(count);
        async move { asked.await.expect("it is never closed") }
    }

    fn try_for(&self, count: u32) -> Option<OwnedSemaphorePermit> {
        Arc::clone(self).try_acquire_many_owned(count).ok()
    }

    fn lessen(&self, mut permit: OwnedSemaphorePermit, count: u32) -> (OwnedSemaphorePermit, u32) {
        let less = permit.split(1).expect("nobody asks for none");
        drop(std::mem::replace(&mut permit, less));
        assert_eq!(permit.num_permits(), 1);
        (permit, count.min(1))
    }

    fn assert_like(&self, model: &Free, waiting: usize) {
        let available = if waiting > 0 { 0 } else { model.0 };
        assert_eq!(self.available_permits(), available as usize);
    }
}

proptest! {
    #[test]
    fn a_semaphore_serves_as_a_sequential_model_does(
        permits in 3..6_u32,
        plans in line::plans(1..4_u32),
        seed in prop::option::of(any::<u64>()),
    ) {
        line::check(seed, plans, Free(permits), Arc::new(Semaphore::new(permits as usize)));
    }
}

#[test]
fn a_semaphore_serves_a_crowd_in_order_under_a_hundred_schedules() {
    line::check_crowds(&[1, 3, 2], &Free(3), || Arc::new(Semaphore::new(3)));
}

// Beside tokio's.

#[derive(Clone, Copy, Debug)]
enum Step {
    Acquire(usize, u32),
    Poll(usize),
    Drop(usize),
    Forget(usize),
    Split(usize, usize, usize),
    Merge(usize, usize),
    Try(usize, u32),
    Add(usize),
    ForgetFree(usize),
    Close,
}

const SLOTS: usize = 5;

fn step() -> impl Strategy<Value = Step> {
    let slot = || 0..SLOTS;
    prop_oneof![
        8 => (slot(), 0..4_u32).prop_map(|(slot, count)| Step::Acquire(slot, count)),
        8 => slot().prop_map(Step::Poll),
        6 => slot().prop_map(Step::Drop),
        1 => slot().prop_map(Step::Forget),
        2 => (slot(), slot(), 0..3_usize).prop_map(|(from, to, n)| Step::Split(from, to, n)),
        2 => (slot(), slot()).prop_map(|(to, from)| Step::Merge(to, from)),
        2 => (slot(), 0..3_u32).prop_map(|(slot, count)| Step::Try(slot, count)),
        2 => (0..3_usize).prop_map(Step::Add),
        1 => (0..3_usize).prop_map(Step::ForgetFree),
        1 => Just(Step::Close),
    ]
}

/// Plays a script on the semaphore of a crate, and returns what is seen after each step.
macro_rules! play {
    ($($sync:ident)::+, $permits:expr, $script:expr) => {{
        use $($sync)::+::{AcquireError, Semaphore, SemaphorePermit};

        type Asked<'a> = dyn Future<Output = Result<SemaphorePermit<'a>, AcquireError>> + 'a;

        enum Slot<'a> {
            Empty,
            Waiting(Pin<Box<Asked<'a>>>),
            Holding(SemaphorePermit<'a>),
        }

        let (semaphore, woken) = (Semaphore::new($permits), Woken::default());
        let mut slots: [Slot; SLOTS] = std::array::from_fn(|_| Slot::Empty);
        let mut log = Vec::new();
        for &step in $script {
            let told = match step {
                Step::Acquire(slot, count) if matches!(slots[slot], Slot::Empty) => {
                    slots[slot] = Slot::Waiting(Box::pin(semaphore.acquire_many(count)));
                    "asks".to_owned()
                }
                Step::Poll(slot) => match &mut slots[slot] {
                    Slot::Waiting(asked) => match woken.poll(slot, asked.as_mut()) {
                        Poll::Pending => "waits".to_owned(),
                        Poll::Ready(result) => {
                            let told = match &result {
                                Ok(permit) => format!("has {}", permit.num_permits()),
                                Err(error) => format!("{error:?}"),
                            };
                            slots[slot] = result.map_or(Slot::Empty, Slot::Holding);
                            told
                        }
                    },
                    _ => String::new(),
                },
                Step::Drop(slot) => {
                    slots[slot] = Slot::Empty;
                    String::new()
                }
                Step::Forget(slot) => {
                    if let Slot::Holding(permit) = std::mem::replace(&mut slots[slot], Slot::Empty) {
                        permit.forget();
                    }
                    String::new()
                }
                Step::Split(from, to, n) if matches!(slots[to], Slot::Empty) => {
                    let Slot::Holding(permit) = &mut slots[from] else { continue };
                    let split = permit.split(n);
                    let told = format!("leaves {}", permit.num_permits());
                    if let Some(split) = split {
                        slots[to] = Slot::Holding(split);
                    }
                    told
                }
                Step::Merge(to, from) if to != from => {
                    if !matches!((&slots[to], &slots[from]), (Slot::Holding(_), Slot::Holding(_))) {
                        continue;
                    }
                    let taken = std::mem::replace(&mut slots[from], Slot::Empty);
                    let (Slot::Holding(permit), Slot::Holding(taken)) = (&mut slots[to], taken) else {
                        unreachable!("both hold permits")
                    };
                    permit.merge(taken);
                    format!("has {}", permit.num_permits())
                }
                Step::Try(slot, count) if matches!(slots[slot], Slot::Empty) => {
                    let result = semaphore.try_acquire_many(count);
                    let told = format!("{:?}", result.as_ref().map(SemaphorePermit::num_permits));
                    slots[slot] = result.map_or(Slot::Empty, Slot::Holding);
                    told
                }
                Step::Add(n) => {
                    semaphore.add_permits(n);
                    String::new()
                }
                Step::ForgetFree(n) => format!("forgets {}", semaphore.forget_permits(n)),
                // tokio's refused futures keep what they had gathered until they are dropped.
                Step::Close => {
                    semaphore.close();
                    let wakes = woken.take();
                    for (number, slot) in slots.iter_mut().enumerate() {
                        if let Slot::Waiting(asked) = slot {
                            let refused = woken.poll(number, asked.as_mut());
                            assert!(matches!(refused, Poll::Ready(Err(_))), "{number} is refused");
                            *slot = Slot::Empty;
                        }
                    }
                    format!("refuses {wakes:?}")
                }
                _ => continue,
            };
            let seen = (semaphore.available_permits(), semaphore.is_closed());
            log.push(format!("{step:?} {told}, wakes {:?}: {seen:?}", woken.take()));
        }
        log
    }};
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_script_gives_the_same_on_tokios_semaphore(
        permits in 0..5_usize,
        script in prop::collection::vec(step(), 1..60),
    ) {
        let theirs = play!(tokio::sync, permits, &script);
        let ours = run(async move { play!(simloop::sync, permits, &script) });
        prop_assert_eq!(ours, theirs);
    }
}

#[test]
fn s37_a_report_takes_time_in_proportion_to_waits_and_holders_and_not_to_their_product() {
    let program = |root_waits: bool| async move {
        let semaphore = Arc::new(Semaphore::new(10_000));
        for _ in 0..20_000 {
            let semaphore = Arc::clone(&semaphore);
            spawn(async move {
                let _permit = semaphore.acquire().await.unwrap();
                if root_waits { std::future::pending::<()>().await } else { sleep(secs(100)).await }
            });
        }
        if root_waits { std::future::pending::<()>().await } else { sleep(secs(1)).await }
    };
    // With a list of all pairs each of these takes minutes.
    let report = Builder::new().run(program(false));
    assert_eq!((report.leftovers.len(), &report.partial_deadlock), (20_000, &None));
    let failure = Builder::new().run(program(true)).unwrap_failure();
    let FailureKind::Deadlock(deadlock) = failure.kind() else { panic!("{failure}") };
    let Wait::Resource(wait) = &deadlock.waiting[20_000].waits[0] else { panic!("{failure}") };
    assert_eq!((deadlock.waiting.len(), wait.holders.len()), (20_001, 10_000));
}
