//! Names that tokio's types have, the same script on tokio's and on ours: parts of values, values without a known
//! size, statics, readers up to a number, `SetOnce`.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use proptest::prelude::*;
use simloop::{Builder, gather_all, run, sleep, spawn_named, timeout};

use crate::secs;
use crate::snapshots::assert_shown;

/// Runs a script on tokio's module and on ours, and returns what it came to if that is the same.
macro_rules! both {
    (|$sync:ident| $script:block) => {{
        let theirs = {
            use tokio::sync as $sync;
            $script
        };
        let ours = {
            use simloop::sync as $sync;
            $script
        };
        assert_eq!(ours, theirs, "ours, and tokio's");
        ours
    }};
}

/// What a future is ready with at its first poll.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("it is ready at once")
}

#[test]
fn a_guard_of_a_part_holds_the_lock_of_the_whole() {
    let seen = both!(|sync| {
        let mut pair = sync::Mutex::new((1, vec![2, 3]));
        pair.get_mut().0 = 4;
        let part = sync::MutexGuard::map(at_once(pair.lock()), |pair| &mut pair.1);
        let mut last = sync::MappedMutexGuard::map(part, |list| list.last_mut().unwrap());
        *last += 10;
        let mut seen = vec![pair.try_lock().is_err()];
        let Err(last) = sync::MappedMutexGuard::try_map(last, |_| None::<&mut u8>) else {
            panic!("there is no such part")
        };
        seen.push(pair.try_lock().is_err());
        drop(last);
        let Err(whole) = sync::MutexGuard::try_map(at_once(pair.lock()), |_| None::<&mut u8>)
        else {
            panic!("there is no such part")
        };
        seen.push(std::ptr::eq(sync::MutexGuard::mutex(&whole), &pair));
        seen.push(pair.try_lock().is_err());
        drop(whole);
        seen.push(pair.try_lock().is_ok());
        (seen, format!("{:?}", pair.into_inner()))
    });
    assert_eq!(seen, (vec![true; 5], "(4, [2, 13])".to_owned()));
}

#[test]
fn a_panic_while_a_part_is_looked_for_releases_the_lock() {
    let is_free = both!(|sync| {
        let mutex = sync::Mutex::new(1);
        let guard = at_once(mutex.lock());
        let look = || sync::MutexGuard::map(guard, |_| -> &mut u8 { panic!("expected") });
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(look)).is_err();
        (panicked, mutex.try_lock().is_ok())
    });
    assert_eq!(is_free, (true, true));
}

#[test]
fn an_owned_guard_of_a_part_keeps_the_mutex_alive() {
    let seen = both!(|sync| {
        let mutex = Arc::new(sync::Mutex::new((1, String::from("seven"))));
        let whole = at_once(Arc::clone(&mutex).lock_owned());
        let same = Arc::ptr_eq(sync::OwnedMutexGuard::mutex(&whole), &mutex);
        drop(mutex);
        let part = sync::OwnedMutexGuard::map(whole, |pair| &mut pair.1);
        let part = sync::OwnedMappedMutexGuard::try_map(part, |text| Some(text)).unwrap();
        let mut text = sync::OwnedMappedMutexGuard::map(part, |text| text);
        text.make_ascii_uppercase();
        (same, text.to_string())
    });
    assert_eq!(seen, (true, "SEVEN".to_owned()));
}

#[test]
fn a_lock_may_be_of_a_value_without_a_known_size() {
    let shown = both!(|sync| {
        let mutex: Arc<sync::Mutex<dyn Debug + Send>> = Arc::new(sync::Mutex::new(5));
        let lock: Box<sync::RwLock<[u8]>> = Box::new(sync::RwLock::new([1, 2, 3]));
        at_once(lock.write())[1] = 9;
        format!("{:?} {:?}", &*at_once(mutex.lock()), &*at_once(lock.read()))
    });
    assert_eq!(shown, "5 [1, 9, 3]");
}

#[test]
fn readers_up_to_a_number_read_at_once_and_a_writer_waits_for_all() {
    let seen = both!(|sync| {
        let mut lock = sync::RwLock::with_max_readers(1, 2);
        *lock.get_mut() = 2;
        let _ = (at_once(lock.read()), at_once(lock.read()));
        let one = at_once(lock.read());
        let two = at_once(lock.read());
        let third_waits = [lock.try_read().is_err(), lock.read().now_or_never().is_none()];
        drop((one, two));
        let writes = lock.try_write().is_ok();
        (third_waits, writes, lock.into_inner())
    });
    assert_eq!(seen, ([true, true], true, 2));
}

#[test]
fn a_writer_may_go_on_reading_a_part_and_only_if_there_is_one() {
    let seen = both!(|sync| {
        let lock = sync::RwLock::new((1, "one"));
        let mut number = sync::RwLockWriteGuard::map(at_once(lock.write()), |pair| &mut pair.0);
        *number += 1;
        drop(number);
        let writes = at_once(lock.write());
        let Err(writes) = sync::RwLockWriteGuard::try_downgrade_map(writes, |_| None::<&u8>) else {
            panic!("there is no such part")
        };
        let still_writes = lock.try_read().is_err();
        let reads = sync::RwLockWriteGuard::downgrade_map(writes, |pair| &pair.1);
        let others_read = lock.try_read().is_ok();
        let letter = sync::RwLockReadGuard::map(reads, |text| &text[..1]);
        let mapped = (still_writes, others_read, letter.to_string(), lock.try_write().is_err());
        drop(letter);
        let whole = sync::RwLockWriteGuard::into_mapped(at_once(lock.write()));
        (mapped, format!("{:?}", *whole))
    });
    assert_eq!(seen, ((true, true, "o".to_owned(), true), "(2, \"one\")".to_owned()));
}

#[test]
fn an_owned_guard_of_a_part_keeps_the_rwlock_alive() {
    let seen = both!(|sync| {
        let lock = Arc::new(sync::RwLock::new([1, 2]));
        let write = at_once(Arc::clone(&lock).write_owned());
        let mut first = sync::OwnedRwLockWriteGuard::map(write, |pair| &mut pair[0]);
        *first = 5;
        drop(first);
        let write = at_once(Arc::clone(&lock).write_owned());
        let read = sync::OwnedRwLockWriteGuard::downgrade_map(write, |pair| &pair[0]);
        let more =
            sync::OwnedRwLockReadGuard::map(at_once(Arc::clone(&lock).read_owned()), |pair| {
                &pair[1]
            });
        let is_same = Arc::ptr_eq(sync::OwnedRwLockReadGuard::rwlock(&more), &lock);
        drop(lock);
        (is_same, *read, *more)
    });
    assert_eq!(seen, (true, 5, 2));
}

mod statics {
    use simloop::sync::{Mutex, Notify, OnceCell, RwLock, Semaphore, SetOnce};

    pub(super) static MUTEX: Mutex<Vec<u8>> = Mutex::const_new(Vec::new());
    pub(super) static LOCK: RwLock<u8> = RwLock::const_new(0);
    pub(super) static ONE_READER: RwLock<u8> = RwLock::const_with_max_readers(0, 1);
    pub(super) static PERMITS: Semaphore = Semaphore::const_new(1);
    pub(super) static BELL: Notify = Notify::const_new();
    pub(super) static CELL: OnceCell<u8> = OnceCell::const_new();
    pub(super) static VALUE: SetOnce<u8> = SetOnce::const_new();
}

#[test]
fn primitives_in_statics_serve_one_run_after_another() {
    for round in 1..=2 {
        let values = run(async move {
            let adders = (0..3).map(|number| async move {
                let mut list = statics::MUTEX.lock().await;
                sleep(secs(1)).await;
                list.push(number);
            });
            gather_all(adders).await;
            *statics::LOCK.write().await += 1;
            let _permit = statics::PERMITS.acquire().await.unwrap();
            statics::BELL.notify_one();
            statics::BELL.notified().await;
            let _ = statics::VALUE.set(round);
            let reads = statics::ONE_READER.try_read().unwrap();
            assert!(statics::ONE_READER.try_read().is_err());
            assert_eq!(*reads, 0);
            let value = *statics::CELL.get_or_init(|| async move { round }).await;
            (*statics::LOCK.read().await, value, *statics::VALUE.wait().await)
        });
        assert_eq!(values, (round, 1, 1));
        assert_eq!(run(async { statics::MUTEX.lock().await.len() }), 3 * usize::from(round));
    }
}

#[test]
fn s29_who_waits_for_a_value_and_goes_away_takes_nothing_with_it() {
    run(async {
        let value = simloop::sync::SetOnce::new();
        assert!(timeout(secs(1), value.wait()).await.is_err());
        let (mut first, mut second) = (Box::pin(value.wait()), Box::pin(value.wait()));
        assert!(first.as_mut().now_or_never().is_none());
        assert!(second.as_mut().now_or_never().is_none());
        value.set(1).unwrap();
        drop(first);
        assert_eq!(*second.await, 1);
        assert_eq!(
            format!("{value:?} {}", value.set(2).unwrap_err()),
            "SetOnce { value: Some(1), .. } the value is set already"
        );
        assert_eq!((value.clone() == value, value.into_inner()), (true, Some(1)));
    });
}

#[test]
fn s37_a_value_that_nobody_sets_and_a_lock_with_too_many_readers_are_told() {
    let report = Builder::new().run(async {
        let value = Arc::new(simloop::sync::SetOnce::<u8>::new().named("port"));
        let lock = Arc::new(simloop::sync::RwLock::with_max_readers((), 1).named("log"));
        let awaited = Arc::clone(&value);
        spawn_named("client", async move { *awaited.wait().await });
        let _reads = lock.read().await;
        let _more = lock.read().await;
    });
    assert_shown("sync", "deadlock_set_once", report.unwrap_failure());
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Wait,
    Poll(usize),
    Drop(usize),
    Set(u8),
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Wait),
        4 => any::<usize>().prop_map(Step::Poll),
        1 => any::<usize>().prop_map(Step::Drop),
        1 => any::<u8>().prop_map(Step::Set),
        1 => Just(Step::Look),
    ]
}

macro_rules! play {
    ($SetOnce:ty, $script:expr) => {{
        let value = <$SetOnce>::new();
        let mut waits: Vec<Pin<Box<dyn Future<Output = &u8> + '_>>> = Vec::new();
        let mut log = Vec::new();
        for &step in $script {
            log.push(match step {
                Step::Wait => {
                    waits.push(Box::pin(value.wait()));
                    String::new()
                }
                Step::Poll(number) if !waits.is_empty() => {
                    let place = number % waits.len();
                    let mut cx = Context::from_waker(Waker::noop());
                    match waits[place].as_mut().poll(&mut cx) {
                        Poll::Ready(value) => {
                            drop(waits.remove(place));
                            format!("ready with {value}")
                        }
                        Poll::Pending => "pending".to_owned(),
                    }
                }
                Step::Drop(number) if !waits.is_empty() => {
                    drop(waits.remove(number % waits.len()));
                    String::new()
                }
                Step::Set(number) => format!("{:?}", value.set(number).map_err(|error| error.0)),
                _ => format!("{:?} {}", value.get(), value.initialized()),
            });
        }
        log
    }};
}

proptest! {
    #[test]
    fn a_script_gives_the_same_on_tokios_set_once(script in prop::collection::vec(step(), 1..40)) {
        let theirs = play!(tokio::sync::SetOnce<u8>, &script);
        let ours = play!(simloop::sync::SetOnce<u8>, &script);
        prop_assert_eq!(ours, theirs);
    }
}
