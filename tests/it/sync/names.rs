//! Names that tokio's types have, the same script on tokio's and on ours: guards and their locks, statics, readers up to a
//! number, `SetOnce`.

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
fn a_guard_names_its_mutex_and_what_was_changed_through_it_stays() {
    let seen = both!(|sync| {
        let mut pair = sync::Mutex::new((1, vec![2, 3]));
        pair.get_mut().0 = 4;
        let mut whole = at_once(pair.lock());
        whole.1.push(5);
        let is_same = std::ptr::eq(sync::MutexGuard::mutex(&whole), &pair);
        let is_locked = pair.try_lock().is_err();
        drop(whole);
        let is_free = pair.try_lock().is_ok();
        (is_same, is_locked, is_free, format!("{:?}", pair.into_inner()))
    });
    assert_eq!(seen, (true, true, true, "(4, [2, 3, 5])".to_owned()));
}

#[test]
fn an_owned_guard_keeps_its_mutex_and_the_value_alive() {
    let seen = both!(|sync| {
        let mutex = Arc::new(sync::Mutex::new(String::from("seven")));
        let mut text = at_once(Arc::clone(&mutex).lock_owned());
        let is_same = Arc::ptr_eq(sync::OwnedMutexGuard::mutex(&text), &mutex);
        drop(mutex);
        text.make_ascii_uppercase();
        (is_same, text.to_string())
    });
    assert_eq!(seen, (true, "SEVEN".to_owned()));
}

/// Reports know nothing of a lock's value, so it may contain borrows. It need be neither `Send` nor `Sync`.
#[test]
fn a_lock_may_be_of_a_value_that_borrows_and_stays_on_its_thread() {
    let seen = both!(|sync| {
        let words = [String::from("one"), String::from("two")];
        let mutex = sync::Mutex::new(vec![&words[0]]);
        let lock = sync::RwLock::new(std::rc::Rc::new(&words[1]));
        at_once(mutex.lock()).push(&at_once(lock.read()));
        format!("{:?}", mutex.into_inner())
    });
    assert_eq!(seen, r#"["one", "two"]"#);
}

/// What holds a lock may be held by it, and a reader's guard goes where one of a shorter lifetime is asked for.
#[test]
fn a_guard_is_small_whatever_the_value_is_and_can_be_in_one_of_its_kind() {
    struct Link {
        _next: Option<simloop::sync::OwnedMutexGuard<Link>>,
    }
    fn shortened<'a, 'b>(
        guard: simloop::sync::RwLockReadGuard<'a, &'static str>,
        _: &'b str,
    ) -> simloop::sync::RwLockReadGuard<'a, &'b str> {
        guard
    }
    let inner = Arc::new(simloop::sync::Mutex::new(Link { _next: None }));
    let link = Link { _next: inner.clone().try_lock_owned().ok() };
    assert!(inner.is_locked());
    drop(simloop::sync::Mutex::new(link));
    assert!(!inner.is_locked());
    let lock = simloop::sync::RwLock::new("static");
    assert_eq!(*shortened(lock.try_read().unwrap(), &String::from("short")), "static");
    assert_eq!(size_of::<simloop::sync::MutexGuard<'_, [u8; 1 << 20]>>(), 16);
}

/// Polls a future as it is woken, in the very call that has woken it.
struct AtOnce(std::sync::Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>);

impl AtOnce {
    fn waits(future: impl Future<Output = ()> + Send + 'static) -> Arc<Self> {
        let mut future: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(future);
        let waiting = Arc::new(AtOnce(std::sync::Mutex::default()));
        let waker = Waker::from(Arc::clone(&waiting));
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        *waiting.0.lock().unwrap() = Some(future);
        waiting
    }

    fn is_over(&self) -> bool {
        self.0.lock().unwrap().is_none()
    }
}

impl std::task::Wake for AtOnce {
    fn wake(self: Arc<Self>) {
        let future = self.0.lock().unwrap().take();
        at_once(future.expect("it is woken once"));
    }
}

#[test]
fn s28_a_value_is_back_before_its_lock_is_handed_over() {
    let seen = both!(|sync| {
        let mutex = Arc::new(sync::Mutex::new(1));
        let (guard, next) = (at_once(mutex.lock()), Arc::clone(&mutex));
        let waiting = AtOnce::waits(async move { *next.lock().await += 1 });
        drop(guard);
        let mut is_over = vec![waiting.is_over()];

        let lock = Arc::new(sync::RwLock::new(1));
        let (reader, next) = (at_once(lock.read()), Arc::clone(&lock));
        let waiting = AtOnce::waits(async move { *next.write().await += 1 });
        drop(reader);
        is_over.push(waiting.is_over());

        let (mut writer, next) = (at_once(lock.write()), Arc::clone(&lock));
        let waiting = AtOnce::waits(async move { assert_eq!(*next.read().await, 3) });
        *writer += 1;
        let reader = writer.downgrade();
        is_over.push(waiting.is_over());
        drop(reader);

        let (mut writer, next) = (at_once(lock.write()), Arc::clone(&lock));
        let waiting = AtOnce::waits(async move { *next.write().await *= 10 });
        *writer += 1;
        drop(writer);
        is_over.push(waiting.is_over());
        (is_over, *at_once(mutex.lock()), *at_once(lock.read()))
    });
    assert_eq!(seen, (vec![true; 4], 2, 40));
}

/// A panic may leave a value half changed, so who goes on with a lock after one says so, as with tokio's. It would not
/// compile otherwise: there would be two ways to be what is asked for.
#[test]
fn a_lock_is_not_said_to_be_whole_after_a_panic() {
    trait Unsaid<Way> {}
    impl<T> Unsaid<()> for T {}
    impl<T: std::panic::RefUnwindSafe> Unsaid<u8> for T {}
    fn ask<T: Unsaid<Way>, Way>(_: &T) {}
    both!(|sync| {
        ask(&sync::Mutex::new(1));
        ask(&sync::RwLock::new(1));
    });
}

#[test]
fn a_value_is_the_same_by_turns_of_readers_and_writers() {
    let seen = both!(|sync| {
        let mut lock = sync::RwLock::new(vec![0]);
        for turn in 1..4 {
            at_once(lock.write()).push(turn);
            let readers = [at_once(lock.read()), at_once(lock.read())];
            assert_eq!(readers[0].len(), readers[1].len());
            drop(readers);
            lock.get_mut().push(10 * turn);
        }
        at_once(lock.read()).len();
        lock.into_inner()
    });
    assert_eq!(seen, [0, 1, 10, 2, 20, 3, 30]);
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
fn an_owned_guard_keeps_its_rwlock_and_the_value_alive() {
    let seen = both!(|sync| {
        let lock = Arc::new(sync::RwLock::new([1, 2]));
        let mut write = at_once(Arc::clone(&lock).write_owned());
        write[0] = 5;
        let read = write.downgrade();
        let more = at_once(Arc::clone(&lock).read_owned());
        let is_same = Arc::ptr_eq(sync::OwnedRwLockReadGuard::rwlock(&more), &lock);
        let is_read = lock.try_write().is_err();
        drop(lock);
        (is_same, is_read, *read, *more)
    });
    assert_eq!(seen, (true, true, [5, 2], [5, 2]));
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
