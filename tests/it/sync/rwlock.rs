//! `RwLock`, by itself, against a model, and beside tokio's.

use std::cell::RefCell;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use futures_util::future::{Either, FutureExt, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use proptest::prelude::*;
use simloop::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use simloop::{Builder, now, run, sleep, spawn, spawn_named, yield_now};

use super::hands::Woken;
use super::line::{self, Model, Shared, assert_that_leaving_loses_nothing};
use super::panic_of;
use crate::secs;
use crate::snapshots::assert_shown;

/// Reads (`false`) or writes (`true`) for a second each, all asked at once; who starts when.
fn starts<const N: usize>(writes: [bool; N]) -> Vec<(usize, String)> {
    run(async move {
        let (lock, log) = (Arc::new(RwLock::new(())), Rc::new(RefCell::new(Vec::new())));
        let tasks: Vec<_> = (0..N)
            .map(|number| {
                let (lock, log) = (Arc::clone(&lock), Rc::clone(&log));
                spawn(async move {
                    let read = async { (Some(lock.read().await), None) };
                    let write = async { (None, Some(lock.write().await)) };
                    let _guards = if writes[number] { write.await } else { read.await };
                    log.borrow_mut().push((number, now().to_string()));
                    sleep(secs(1)).await;
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        log.take()
    })
}

#[test]
fn s28_a_waiting_writer_stops_later_readers_and_the_lock_is_served_in_order() {
    let (read, write) = (false, true);
    let expected = [(0, "0s"), (1, "0s"), (2, "1s"), (3, "2s"), (4, "2s"), (5, "3s"), (6, "4s")];
    assert_eq!(
        starts([read, read, write, read, read, write, write]),
        expected.map(|(number, at)| (number, at.to_owned()))
    );
    assert!(starts([read; 5]).iter().all(|(_, at)| at == "0s"));
}

#[test]
fn s28_nothing_barges_in_between_release_and_the_first_who_waits() {
    run(async {
        let lock = Arc::new(RwLock::new(0));
        let reader = lock.try_read().unwrap();
        let mut write = Box::pin(lock.write());
        assert!(futures_util::poll!(write.as_mut()).is_pending());
        assert!(lock.try_read().is_err(), "a writer waits");
        drop(reader);
        assert!(lock.try_read().is_err() && lock.try_write().is_err(), "the writer has it");
        *write.await += 1;
        assert_eq!(*lock.try_read().unwrap(), 1);
    });
}

#[test]
fn s29_what_a_waiter_was_given_that_goes_away_goes_to_the_next() {
    assert_that_leaving_loses_nothing(|| {
        let lock = Arc::new(RwLock::new(()));
        let held = Arc::clone(&lock).try_read_owned().unwrap();
        (held, move || Arc::clone(&lock).write_owned())
    });
    assert_that_leaving_loses_nothing(|| {
        let lock = Arc::new(RwLock::new(()));
        let held = Arc::clone(&lock).try_write_owned().unwrap();
        (held, move || Arc::clone(&lock).read_owned())
    });
}

#[test]
fn s29_a_writer_that_goes_away_lets_the_readers_behind_it_in() {
    run(async {
        let lock = RwLock::new(());
        let reader = lock.read().await;
        let mut write = Box::pin(lock.write());
        assert!(write.as_mut().now_or_never().is_none());
        let mut read = Box::pin(lock.read());
        assert!(futures_util::poll!(read.as_mut()).is_pending());
        drop(write);
        let _beside = read.await;
        drop(reader);
        assert!(lock.try_write().is_err());
    });
}

#[test]
fn downgrading_lets_no_writer_in_between_and_lets_readers_at_the_front_in() {
    run(async {
        let lock = Arc::new(RwLock::new(1));
        let mut writer = lock.write().await;
        let log = Rc::new(RefCell::new(Vec::new()));
        for number in 0..2 {
            let (lock, log) = (Arc::clone(&lock), Rc::clone(&log));
            spawn(async move {
                let value = lock.read().await;
                log.borrow_mut().push((number, *value));
            });
        }
        let next = spawn({
            let lock = Arc::clone(&lock);
            async move { *lock.write().await += 10 }
        });
        yield_now().await;
        *writer += 1;
        let reader = writer.downgrade();
        sleep(secs(1)).await;
        assert_eq!((*reader, log.take()), (2, vec![(0, 2), (1, 2)]));
        assert!(!next.is_finished());
        drop(reader);
        next.await.unwrap();
        let reader = Arc::clone(&lock).try_write_owned().unwrap().downgrade();
        assert_eq!(*reader, 12);
        assert!(Arc::ptr_eq(OwnedRwLockReadGuard::rwlock(&reader), &lock));
    });
}

#[test]
fn a_value_is_taken_out_and_guards_that_own_keep_the_lock() {
    let lock = Arc::new(RwLock::from(String::from("a")));
    let mut writer = Arc::clone(&lock).try_write_owned().unwrap();
    writer.push('b');
    assert!(Arc::ptr_eq(OwnedRwLockWriteGuard::rwlock(&writer), &lock));
    assert_eq!(
        (format!("{writer}"), format!("{lock:?}")),
        ("ab".to_owned(), "RwLock { readers: 0, is_written: true, .. }".to_owned())
    );
    let lock = Arc::try_unwrap(lock).unwrap_err();
    drop(writer);
    assert_eq!(Arc::try_unwrap(lock).unwrap().into_inner(), "ab");
}

#[test]
fn a_panic_while_the_lock_is_held_releases_it() {
    run(async {
        let lock = Arc::new(RwLock::new(0));
        let panicking = AssertUnwindSafe(async {
            *lock.write().await += 1;
            let _writer = lock.write().await;
            std::panic::resume_unwind(Box::new("lost"))
        });
        let waiting = async {
            yield_now().await;
            *lock.read().await
        };
        let (lost, value) = futures_util::join!(panicking.catch_unwind(), waiting);
        let lost: Result<(), _> = lost;
        assert_eq!((lost.is_err(), value), (true, 1));
    });
}

#[test]
fn a_guard_that_is_leaked_keeps_the_lock_and_the_value() {
    for is_write in [true, false] {
        let mut lock = RwLock::new(1);
        match is_write {
            true => std::mem::forget(lock.try_write().unwrap()),
            false => std::mem::forget(lock.try_read().unwrap()),
        }
        assert!(lock.try_write().is_err());
        let told = [panic_of(|| *lock.get_mut()), panic_of(|| lock.into_inner())];
        assert_eq!(told, ["a guard of this lock was leaked, and the value with it"; 2]);
    }
}

#[test]
fn a_value_whose_destructor_uses_its_lock_does_not_hang() {
    struct Nosy(Arc<RwLock<Option<Nosy>>>);
    impl Drop for Nosy {
        fn drop(&mut self) {
            assert!(self.0.try_read().is_err(), "the lock is held while the value is replaced");
        }
    }
    run(async {
        let lock = Arc::new(RwLock::new(None));
        *lock.write().await = Some(Nosy(Arc::clone(&lock)));
        *lock.write().await = None;
        assert!(lock.read().await.is_none());
    });
}

#[test]
fn a_lock_is_taken_in_foreign_combinators() {
    run(async {
        let lock = RwLock::new(0);
        let (one, other) = futures_util::join!(lock.read(), lock.read());
        let late = match select(lock.write(), Box::pin(sleep(secs(1)))).await {
            Either::Left(_) => unreachable!("two read"),
            Either::Right(((), write)) => write,
        };
        drop((one, other));
        *late.await += 1;
        let writes: FuturesUnordered<_> = (0..3).map(|_| lock.write()).collect();
        writes.for_each(|mut guard| async move { *guard += 1 }).await;
        assert_eq!(lock.into_inner(), 4);
    });
}

#[test]
fn s37_a_deadlock_names_all_readers_and_the_one_who_waits_for_itself() {
    let report = Builder::new().run(async {
        let table = Arc::new(RwLock::new(0).named("table"));
        let again = Arc::clone(&table);
        spawn_named("twice", async move {
            let _first = again.read().await;
            sleep(secs(2)).await;
            let _second = again.read().await;
        });
        let other = Arc::clone(&table);
        spawn_named("reader", async move {
            let _value = other.read().await;
            std::future::pending::<()>().await;
        });
        sleep(secs(1)).await;
        *table.write().await += 1;
    });
    assert_shown("sync", "deadlock_rwlock", report.unwrap_failure());
}

#[test]
fn s37_a_reader_that_is_no_task_leaves_hope_to_those_who_wait() {
    for (is_read_outside, stuck) in [(false, 2), (true, 0)] {
        let lock = Arc::new(RwLock::new(0));
        let outside = is_read_outside.then(|| Arc::clone(&lock).try_read_owned().unwrap());
        let report = Builder::new().run(async move {
            for _ in 0..2 {
                let lock = Arc::clone(&lock);
                spawn(async move {
                    let _reader = lock.read().await;
                    yield_now().await;
                    let _writer = lock.write().await;
                });
            }
            sleep(secs(1)).await;
        });
        assert_eq!(report.partial_deadlock.map_or(0, |deadlock| deadlock.waiting.len()), stuck);
        drop(outside);
    }
}

// Against the model.

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Access {
    Read,
    Write,
}

#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Users {
    readers: usize,
    is_written: bool,
}

impl Model for Users {
    type Ask = Access;

    fn fits(&self, access: Access) -> bool {
        !self.is_written && (access == Access::Read || self.readers == 0)
    }

    fn take(&mut self, access: Access) {
        match access {
            Access::Read => self.readers += 1,
            Access::Write => self.is_written = true,
        }
    }

    fn give(&mut self, access: Access) {
        match access {
            Access::Read => self.readers -= 1,
            Access::Write => self.is_written = false,
        }
    }
}

pub(super) enum Guard {
    Read(OwnedRwLockReadGuard<u64>),
    Write(OwnedRwLockWriteGuard<u64>),
}

impl Shared for Arc<RwLock<u64>> {
    type Model = Users;
    type Guard = Guard;

    fn wait_for(&self, access: Access) -> impl Future<Output = Guard> + 'static {
        let lock = Arc::clone(self);
        async move {
            match access {
                Access::Read => Guard::Read(lock.read_owned().await),
                Access::Write => Guard::Write(lock.write_owned().await),
            }
        }
    }

    fn try_for(&self, access: Access) -> Option<Guard> {
        let lock = Arc::clone(self);
        match access {
            Access::Read => lock.try_read_owned().ok().map(Guard::Read),
            Access::Write => lock.try_write_owned().ok().map(Guard::Write),
        }
    }

    fn lessen(&self, guard: Guard, _: Access) -> (Guard, Access) {
        let reader = match guard {
            Guard::Read(reader) => reader,
            Guard::Write(mut writer) => {
                *writer += 1;
                let seen = *writer;
                let reader = writer.downgrade();
                assert_eq!(*reader, seen);
                reader
            }
        };
        (Guard::Read(reader), Access::Read)
    }

    fn assert_like(&self, model: &Users, waiting: usize) {
        let Users { readers, is_written } = model;
        let shown = format!("RwLock {{ readers: {readers}, is_written: {is_written}, .. }}");
        assert_eq!(format!("{self:?}"), shown);
        assert_eq!(self.try_read().is_ok(), waiting == 0 && !is_written);
    }
}

proptest! {
    #[test]
    fn a_lock_serves_as_a_sequential_model_does(
        plans in line::plans(prop_oneof![2 => Just(Access::Read), 1 => Just(Access::Write)]),
        seed in prop::option::of(any::<u64>()),
    ) {
        line::check(seed, plans, Users::default(), Arc::new(RwLock::new(0)));
    }
}

#[test]
fn a_lock_serves_a_crowd_in_order_under_a_hundred_schedules() {
    let asks = [Access::Read, Access::Write, Access::Read];
    line::check_crowds(&asks, &Users::default(), || Arc::new(RwLock::new(0)));
}

// Beside tokio's.

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask(usize, Access),
    Poll(usize),
    Drop(usize),
    Try(usize, Access),
    Change(usize),
    Downgrade(usize),
}

const SLOTS: usize = 5;

fn step() -> impl Strategy<Value = Step> {
    let slot = || 0..SLOTS;
    let access = || prop_oneof![3 => Just(Access::Read), 2 => Just(Access::Write)];
    prop_oneof![
        6 => (slot(), access()).prop_map(|(slot, access)| Step::Ask(slot, access)),
        6 => slot().prop_map(Step::Poll),
        4 => slot().prop_map(Step::Drop),
        1 => (slot(), access()).prop_map(|(slot, access)| Step::Try(slot, access)),
        2 => slot().prop_map(Step::Change),
        2 => slot().prop_map(Step::Downgrade),
    ]
}

/// Plays a script on the lock of a crate, and returns what is seen after each step.
macro_rules! play {
    ($($sync:ident)::+, $script:expr) => {{
        use $($sync)::+::{RwLock, RwLockReadGuard, RwLockWriteGuard};

        enum Slot<'a> {
            Empty,
            WaitsToRead(Pin<Box<dyn Future<Output = RwLockReadGuard<'a, u64>> + 'a>>),
            WaitsToWrite(Pin<Box<dyn Future<Output = RwLockWriteGuard<'a, u64>> + 'a>>),
            Reads(RwLockReadGuard<'a, u64>),
            Writes(RwLockWriteGuard<'a, u64>),
        }

        let (lock, woken) = (RwLock::new(0), Woken::default());
        let mut slots: [Slot; SLOTS] = std::array::from_fn(|_| Slot::Empty);
        let mut log = Vec::new();
        for &step in $script {
            let told = match step {
                Step::Ask(slot, access) if matches!(slots[slot], Slot::Empty) => {
                    slots[slot] = match access {
                        Access::Read => Slot::WaitsToRead(Box::pin(lock.read())),
                        Access::Write => Slot::WaitsToWrite(Box::pin(lock.write())),
                    };
                    "asks".to_owned()
                }
                Step::Poll(slot) => {
                    let served = match &mut slots[slot] {
                        Slot::WaitsToRead(asked) => woken.poll(slot, asked.as_mut()).map(Slot::Reads),
                        Slot::WaitsToWrite(asked) => woken.poll(slot, asked.as_mut()).map(Slot::Writes),
                        _ => continue,
                    };
                    let Poll::Ready(served) = served else { continue };
                    let told = match &served {
                        Slot::Reads(value) => format!("reads {value}"),
                        Slot::Writes(value) => format!("writes {value}"),
                        _ => unreachable!("it is served"),
                    };
                    slots[slot] = served;
                    told
                }
                Step::Drop(slot) => {
                    slots[slot] = Slot::Empty;
                    String::new()
                }
                Step::Try(slot, access) if matches!(slots[slot], Slot::Empty) => {
                    slots[slot] = match access {
                        Access::Read => lock.try_read().map_or(Slot::Empty, Slot::Reads),
                        Access::Write => lock.try_write().map_or(Slot::Empty, Slot::Writes),
                    };
                    format!("has it: {}", !matches!(slots[slot], Slot::Empty))
                }
                Step::Change(slot) => {
                    if let Slot::Writes(value) = &mut slots[slot] {
                        **value += 1;
                    }
                    String::new()
                }
                Step::Downgrade(slot) => {
                    slots[slot] = match std::mem::replace(&mut slots[slot], Slot::Empty) {
                        Slot::Writes(value) => Slot::Reads(value.downgrade()),
                        other => other,
                    };
                    String::new()
                }
                _ => continue,
            };
            let seen = (lock.try_read().is_ok(), lock.try_write().is_ok());
            log.push(format!("{step:?} {told}, wakes {:?}: {seen:?}", woken.take()));
        }
        log
    }};
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_script_gives_the_same_on_tokios_lock(script in prop::collection::vec(step(), 1..60)) {
        let theirs = play!(tokio::sync, &script);
        let ours = run(async move { play!(simloop::sync, &script) });
        prop_assert_eq!(ours, theirs);
    }
}
