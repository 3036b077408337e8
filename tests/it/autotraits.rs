//! Rule S30: public futures, handles and values are `Send` and `Sync` whenever their contents allow it.

use std::cell::Cell;
use std::fmt::Debug;
use std::future::Ready;
use std::pin::Pin;
use std::rc::Rc;

use simloop::{self as sim, policy, report, rng, task, time, trace};

fn is_send<T: Send>() {}
fn is_sync<T: Sync>() {}
fn is_unpin<T: Unpin>() {}
fn is_debug<T: Debug>() {}
fn is_static<T: 'static>() {}

/// One line a type: each must have the traits in the brackets.
macro_rules! table {
    ($([$($check:ident),+] $type:ty;)+) => {
        #[test]
        fn s30_public_types_have_the_auto_traits_that_their_contents_allow() {
            $($($check::<$type>();)+)+
        }
    };
}

table! {
    [is_send, is_sync, is_unpin, is_debug, is_static] sim::JoinHandle<u8>;
    [is_send, is_sync] sim::JoinHandle<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::AbortHandle;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::CallHandle;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::Current;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::Builder;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::TaskId;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::YieldNow;
    [is_send, is_sync, is_unpin, is_debug, is_static] sim::JoinError;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::Gather<Vec<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::Gather<(u8, String)>;
    [is_send] task::Gather<Vec<Cell<u8>>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::TryGather<Vec<u8>, String>;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::TryGather<(u8, String), u8>;
    [is_debug, is_static] task::TryGather<Vec<Rc<u8>>, Rc<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::GatherSettled<u8>;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::Wait<sim::JoinHandle<Cell<u8>>>;
    [is_send, is_sync, is_unpin, is_debug] task::Wait<&'static mut sim::JoinHandle<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::WaitUntil<sim::JoinHandle<u8>, fn()>;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::Waited<sim::JoinHandle<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::WaitedUntil<sim::JoinHandle<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sim::WaitFor;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::AsCompleted<sim::JoinHandle<Cell<u8>>>;
    [is_send, is_sync, is_unpin, is_debug] task::NextCompleted<'static, sim::JoinHandle<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::Shield<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::Race<Vec<Pin<Box<Ready<u8>>>>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sim::JoinSet<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug] task::JoinNext<'static, u8>;
    [is_send, is_sync, is_unpin, is_debug] task::JoinNextWithId<'static, u8>;
    [is_send, is_sync, is_unpin, is_debug, is_static] time::Sleep;
    [is_send, is_sync, is_unpin, is_debug, is_static] time::Settle;
    [is_send, is_sync, is_unpin, is_debug, is_static] time::SleepThenSettle;
    [is_send, is_sync, is_unpin, is_debug, is_static] time::Timeout<time::Sleep>;
    [is_debug, is_static] time::Timeout<Rc<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] time::Elapsed;
    [is_send, is_sync, is_unpin, is_debug, is_static] time::Interval;
    [is_send, is_sync, is_unpin, is_debug] time::Tick<'static>;
    [is_send, is_sync, is_unpin, is_debug, is_static] time::MissedTickBehavior;
    [is_send, is_sync, is_unpin, is_debug, is_static] time::Instant;
    [is_send, is_sync, is_unpin, is_debug, is_static] time::SystemTime;
    [is_send, is_sync, is_unpin, is_debug, is_static] sim::Report<u8>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sim::Failure;
    [is_send, is_sync, is_unpin, is_debug, is_static] report::FailureKind;
    [is_send, is_sync, is_unpin, is_debug, is_static] report::WaitingTask;
    [is_send, is_sync, is_unpin, is_debug, is_static] sim::Limits;
    [is_send, is_sync, is_unpin, is_debug, is_static] sim::Counters;
    [is_send, is_sync, is_unpin, is_debug, is_static] trace::Trace;
    [is_send, is_sync, is_unpin, is_debug] trace::Record<'static>;
    [is_send, is_sync, is_unpin, is_debug] trace::Event<'static>;
    [is_send, is_sync, is_unpin, is_debug, is_static] trace::Digest;
    [is_send, is_sync, is_unpin, is_debug, is_static] trace::Level;
    [is_send, is_sync, is_unpin, is_debug, is_static] policy::Schedule;
    [is_send, is_sync, is_unpin, is_debug, is_static] policy::ScheduleError;
    [is_send, is_sync, is_unpin, is_debug, is_static] policy::Deviation;
    [is_send, is_sync, is_unpin, is_debug, is_static] policy::Fifo;
    [is_send, is_sync, is_unpin, is_debug, is_static] policy::Random;
    [is_send, is_sync, is_unpin, is_debug, is_static] rng::Rng;
    [is_unpin, is_debug, is_static] sim::EventLoop;
    [is_unpin, is_debug, is_static] sim::Builder;
}

#[test]
fn s30_code_under_test_may_be_boxed_as_a_send_future() {
    type Boxed = std::pin::Pin<Box<dyn std::future::Future<Output = u64> + Send>>;
    fn program() -> Boxed {
        Box::pin(async {
            let mut ticks = time::interval(crate::secs(1));
            ticks.tick().await;
            ticks.tick().await;
            let handle = sim::spawn(sim::timeout(crate::secs(1), sim::sleep(crate::millis(500))));
            handle.await.unwrap().unwrap();
            sim::settle().await;
            time::advance(crate::secs(1)).await;
            sim::gather!(sim::yield_now(), sim::race([sim::yield_now()])).await;
            sim::wait([sim::spawn(async {})], sim::WaitFor::All).await;
            sim::JoinSet::<()>::new().shutdown().await;
            sim::now().as_nanos()
        })
    }
    assert_eq!(sim::run(program()), 2_500_000_000);
}
