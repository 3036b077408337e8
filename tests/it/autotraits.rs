//! Rule S30: public futures, handles and values are `Send` and `Sync` whenever their contents allow it.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::future::Ready;
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt;
use simloop::stream::TimedStream;
use simloop::{
    self as sim, explore, policy, render, report, rng, sim as models, stream, sync, task, testing,
    time, trace,
};

use simloop::sim::{Cost, Pool};
use simloop::sync::{broadcast, mpsc, oneshot, watch};
use simloop::testing::laws;

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
    [is_send, is_sync, is_unpin, is_debug] render::Columns<'static>;
    [is_send, is_sync, is_unpin, is_debug] render::Lanes<'static>;
    [is_send, is_sync, is_unpin, is_debug] render::Html<'static>;
    [is_send, is_sync, is_unpin, is_debug] render::Svg<'static>;
    [is_send, is_sync, is_unpin, is_debug] render::Html<'static>;
    [is_send, is_sync, is_unpin, is_debug] render::Mermaid<'static>;
    [is_send, is_sync, is_unpin, is_debug] task::JoinNext<'static, u8>;
    [is_send, is_sync, is_unpin, is_debug] task::JoinNextWithId<'static, u8>;
    [is_send, is_sync, is_unpin, is_debug] task::JoinSetBuilder<'static, u8>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::Event;
    [is_send, is_sync, is_unpin, is_debug] sync::EventWait<'static>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::Mutex<Cell<u8>>;
    [is_debug, is_static] sync::Mutex<Rc<u8>>;
    [is_send, is_sync, is_unpin, is_debug] sync::Mutex<std::cell::RefCell<&'static str>>;
    [is_send, is_sync, is_unpin, is_debug] sync::Lock<'static, Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::LockOwned<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug] sync::MutexGuard<'static, u8>;
    [is_send, is_unpin, is_debug] sync::MutexGuard<'static, Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::OwnedMutexGuard<u8>;
    [is_send, is_unpin, is_debug, is_static] sync::OwnedMutexGuard<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::TryLockError;
    [is_send, is_sync, is_unpin, is_debug, is_static] sim::TaskGroup<Cell<u8>>;
    [is_send, is_sync, is_debug, is_static] task::GroupScope<fn(), Ready<u8>, u8, u8>;
    [is_send] task::GroupScope<fn(), Ready<u8>, Cell<u8>, Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::GroupHandle<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::GroupError<u8>;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::GroupFailure<u8>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sim::CancelScope;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::Cancelled;
    [is_send, is_sync, is_debug, is_static] task::ScopeRun<time::Sleep>;
    [is_debug, is_static] task::ScopeRun<Ready<Rc<u8>>>;
    [is_send, is_sync, is_debug, is_static] task::MoveOn<time::Sleep>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sim::CancellationToken;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::DropGuard;
    [is_send, is_sync, is_unpin, is_debug] task::WaitForCancellationFuture<'static>;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::WaitForCancellationFutureOwned;
    [is_send, is_sync, is_debug] task::RunUntilCancelled<'static, time::Sleep>;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::OnCancel<u8, fn(u8) -> Ready<()>, Ready<()>>;
    [is_debug, is_static] task::OnCancel<Rc<u8>, fn(Rc<u8>) -> Ready<()>, Ready<()>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::LocalKey<Rc<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] task::LocalError;
    [is_send, is_sync, is_debug, is_static] task::LocalScope<u8, time::Sleep>;
    [is_debug, is_static] task::LocalScope<Rc<u8>, Rc<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::RwLock<u8>;
    [is_unpin, is_debug, is_static] sync::RwLock<Rc<u8>>;
    [is_send, is_sync, is_unpin, is_debug] sync::Read<'static, u8>;
    [is_send, is_sync, is_unpin, is_debug] sync::Write<'static, u8>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::ReadOwned<u8>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::WriteOwned<u8>;
    [is_send, is_sync, is_unpin, is_debug] sync::RwLockReadGuard<'static, u8>;
    [is_send, is_sync, is_unpin, is_debug] sync::RwLockWriteGuard<'static, u8>;
    [is_unpin, is_debug] sync::RwLockWriteGuard<'static, std::cell::Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::SetOnce<u8>;
    [is_unpin, is_debug, is_static] sync::SetOnce<Rc<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::SetOnceError<u8>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::OwnedRwLockReadGuard<u8>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::OwnedRwLockWriteGuard<u8>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::Semaphore;
    [is_send, is_sync, is_unpin, is_debug] sync::Acquire<'static>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::AcquireOwned;
    [is_send, is_sync, is_unpin, is_debug] sync::SemaphorePermit<'static>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::OwnedSemaphorePermit;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::AcquireError;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::TryAcquireError;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::BoundedSemaphore;
    [is_send, is_sync, is_unpin, is_debug] sync::BoundedAcquire<'static>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::BoundedAcquireOwned;
    [is_send, is_sync, is_unpin, is_debug] sync::BoundedPermit<'static>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::OwnedBoundedPermit;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::ReleaseError;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::Notify;
    [is_send, is_sync, is_unpin, is_debug] sync::Notified<'static>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::OwnedNotified;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::OnceCell<u8>;
    [is_send, is_unpin, is_debug, is_static] sync::OnceCell<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::SetError<u8>;
    [is_send, is_sync, is_unpin, is_debug, is_static] models::Resource;
    [is_send, is_sync, is_unpin, is_debug, is_static] models::Acquire;
    [is_send, is_sync, is_unpin, is_debug, is_static] models::UseFor;
    [is_send, is_sync, is_unpin, is_debug, is_static] models::Server;
    [is_send, is_sync, is_unpin, is_debug, is_static] models::Delay;
    [is_send, is_sync, is_unpin, is_debug, is_static] models::Statistics;
    [is_send, is_sync, is_unpin, is_debug, is_static] models::Link;
    [is_send, is_sync, is_unpin, is_debug, is_static] models::LinkStatistics;
    [is_send, is_sync, is_unpin, is_debug, is_static] models::Lost;
    [is_send, is_sync, is_unpin, is_debug, is_static] models::Transfer;
    [is_send, is_sync, is_unpin, is_debug, is_static] models::LinkSender<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] models::LinkReceiver<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug] models::Receive<'static, Cell<u8>>;
    [is_debug, is_static] models::LinkSender<Rc<u8>>;
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
    [is_send, is_sync, is_unpin, is_debug, is_static] stream::Generator<Cell<u8>, Ready<()>>;
    [is_debug, is_static] stream::Generator<Rc<u8>, Ready<()>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] stream::TryGenerator<u8, Ready<Result<(), u8>>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] stream::Yielder<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug] stream::Yield<'static, u8>;
    [is_send, is_sync, is_unpin, is_debug, is_static] stream::Timeout<time::Interval>;
    [is_send, is_sync, is_unpin, is_debug, is_static] stream::Throttle<time::Interval>;
    [is_send, is_sync, is_unpin, is_debug, is_static] stream::ChunksTimeout<time::Interval>;
    [is_send, is_sync, is_unpin, is_debug, is_static] Cost;
    [is_send, is_sync, is_unpin, is_debug, is_static] Pool;
    [is_send, is_sync, is_unpin, is_debug, is_static] sim::Report<u8>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sim::Failure;
    [is_send, is_sync, is_unpin, is_debug, is_static] report::FailureKind;
    [is_send, is_sync, is_unpin, is_debug, is_static] report::Deadlock;
    [is_send, is_sync, is_unpin, is_debug] report::Dot<'static>;
    [is_send, is_sync, is_unpin, is_debug, is_static] report::WaitingTask;
    [is_send, is_sync, is_unpin, is_debug, is_static] report::Wait;
    [is_send, is_sync, is_unpin, is_debug, is_static] report::ResourceWait;
    [is_send, is_sync, is_unpin, is_debug, is_static] report::Holder;
    [is_send, is_sync, is_unpin, is_debug, is_static] report::Link;
    [is_send, is_sync, is_unpin, is_debug, is_static] report::Livelock;
    [is_send, is_sync, is_unpin, is_debug, is_static] report::Spinner;
    [is_send, is_sync, is_unpin, is_debug, is_static] report::Panic;
    [is_send, is_sync, is_unpin, is_debug, is_static] report::PanicPlace;
    [is_send, is_sync, is_unpin, is_debug, is_static] report::ReplayDivergence;
    [is_send, is_sync, is_unpin, is_debug, is_static] report::LeftTask;
    [is_send, is_sync, is_unpin, is_debug, is_static] sim::Limits;
    [is_send, is_sync, is_unpin, is_debug, is_static] sim::Counters;
    [is_send, is_sync, is_unpin, is_debug, is_static] trace::Trace;
    [is_send, is_sync, is_unpin, is_debug] trace::Record<'static>;
    [is_send, is_sync, is_unpin, is_debug] trace::Event<'static>;
    [is_send, is_sync, is_unpin, is_debug, is_static] trace::Waker;
    [is_send, is_sync, is_unpin, is_debug] trace::Wait<'static>;
    [is_send, is_sync, is_unpin, is_debug] trace::Awaited<'static>;
    [is_send, is_sync, is_unpin, is_debug] trace::Resource<'static>;
    [is_send, is_sync, is_unpin, is_debug] trace::Diff<'static>;
    [is_send, is_sync, is_unpin, is_debug, is_static] trace::Statistics;
    [is_send, is_sync, is_unpin, is_debug, is_static] trace::TaskStatistics;
    [is_send, is_sync, is_unpin, is_debug, is_static] trace::ResourceStatistics;
    [is_send, is_sync, is_unpin, is_debug, is_static] trace::BlockingStretch;
    [is_send, is_sync, is_unpin, is_debug, is_static] trace::BusyInstant;
    [is_send, is_sync, is_unpin, is_debug, is_static] trace::Digest;
    [is_send, is_sync, is_unpin, is_debug, is_static] trace::Level;
    [is_send, is_sync, is_unpin, is_debug, is_static] policy::Schedule;
    [is_send, is_sync, is_unpin, is_debug, is_static] policy::ScheduleError;
    [is_send, is_sync, is_unpin, is_debug, is_static] policy::Deviation;
    [is_unpin, is_debug] policy::Choice<'static>;
    [is_send, is_sync, is_unpin, is_debug, is_static] policy::ChoiceKind;
    [is_send, is_sync, is_unpin, is_debug, is_static] policy::Fifo;
    [is_send, is_sync, is_unpin, is_debug, is_static] policy::Random;
    [is_send, is_sync, is_unpin, is_debug, is_static] policy::Pct;
    [is_send, is_sync, is_unpin, is_debug, is_static] policy::Pos;
    [is_send, is_sync, is_unpin, is_debug, is_static] policy::Walk;
    [is_send, is_sync, is_unpin, is_debug, is_static] policy::Injection;
    [is_send, is_sync, is_unpin, is_debug, is_static] explore::Explorer;
    [is_send, is_sync, is_unpin, is_debug, is_static] explore::Exploration;
    [is_send, is_sync, is_unpin, is_debug, is_static] explore::Extent;
    [is_send, is_sync, is_unpin, is_debug, is_static] explore::Finding;
    [is_send, is_sync, is_unpin, is_debug, is_static] explore::OutcomeCount;
    [is_send, is_sync, is_unpin, is_debug, is_static] explore::Shared<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] rng::Rng;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::Condition;
    [is_send, is_sync, is_unpin, is_debug] sync::ConditionWait<'static, sync::MutexGuard<'static, u8>>;
    [is_send, is_sync, is_unpin, is_debug] sync::ConditionWait<'static, sync::OwnedMutexGuard<u8>>;
    [is_unpin, is_debug] sync::ConditionWait<'static, sync::MutexGuard<'static, Rc<u8>>>;
    [is_send, is_sync, is_unpin, is_debug] sync::ConditionWaitFor<'static, sync::OwnedMutexGuard<u8>, fn(&mut u8) -> bool>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::Barrier;
    [is_send, is_sync, is_unpin, is_debug] sync::BarrierWait<'static>;
    [is_send, is_sync, is_unpin, is_debug] sync::BarrierWaitOrBroken<'static>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::BarrierWaitResult;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::BrokenBarrier;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::Queue<Cell<u8>>;
    [is_debug, is_static] sync::Queue<Rc<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::LifoQueue<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::PriorityQueue<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug] sync::QueueGet<'static, u8>;
    [is_send] sync::QueueGet<'static, Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug] sync::QueuePut<'static, u8>;
    [is_send] sync::QueuePut<'static, Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug] sync::QueueJoin<'static, u8>;
    [is_send] sync::QueueJoin<'static, Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::QueueItems<u8>;
    [is_send] sync::QueueItems<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::QueueShutDown;
    [is_debug, is_static] sync::QueueShutDown<Rc<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::TryPutError<u8>;
    [is_send, is_sync, is_unpin, is_debug, is_static] sync::TryGetError;
    [is_send, is_sync, is_unpin, is_debug, is_static] mpsc::Sender<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] mpsc::WeakSender<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] mpsc::Receiver<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] mpsc::UnboundedSender<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] mpsc::WeakUnboundedSender<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] mpsc::UnboundedReceiver<Cell<u8>>;
    [is_debug, is_static] mpsc::Sender<Rc<u8>>;
    [is_send, is_sync, is_unpin, is_debug] mpsc::SendMessage<'static, u8>;
    [is_send, is_unpin, is_debug] mpsc::SendMessage<'static, Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug] mpsc::SendTimeout<'static, u8>;
    [is_send, is_sync, is_unpin, is_debug] mpsc::Reserve<'static, Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug] mpsc::ReserveMany<'static, Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] mpsc::ReserveOwned<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug] mpsc::Permit<'static, Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug] mpsc::PermitIterator<'static, Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] mpsc::OwnedPermit<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug] mpsc::Recv<'static, Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug] mpsc::RecvMany<'static, u8>;
    [is_send, is_sync, is_unpin, is_debug] mpsc::Closed<'static, Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] mpsc::error::SendError<u8>;
    [is_debug, is_static] mpsc::error::SendError<fn()>;
    [is_send, is_sync, is_unpin, is_debug, is_static] mpsc::error::TrySendError<u8>;
    [is_send, is_sync, is_unpin, is_debug, is_static] mpsc::error::SendTimeoutError<u8>;
    [is_send, is_sync, is_unpin, is_debug, is_static] mpsc::error::TryRecvError;
    [is_send, is_sync, is_unpin, is_debug, is_static] oneshot::Sender<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] oneshot::Receiver<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug] oneshot::Closed<'static, Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] oneshot::error::RecvError;
    [is_send, is_sync, is_unpin, is_debug, is_static] oneshot::error::TryRecvError;
    [is_send, is_sync, is_unpin, is_debug, is_static] watch::Sender<u8>;
    [is_send, is_sync, is_unpin, is_debug, is_static] watch::Receiver<u8>;
    [is_debug, is_static] watch::Receiver<Rc<u8>>;
    [is_send, is_sync, is_unpin, is_debug] watch::Ref<'static, u8>;
    [is_send, is_sync, is_unpin, is_debug] watch::Changed<'static, u8>;
    [is_send, is_sync, is_unpin, is_debug] watch::WaitFor<'static, u8, fn(&u8) -> bool>;
    [is_send, is_sync, is_unpin, is_debug] watch::Closed<'static, u8>;
    [is_send, is_sync, is_unpin, is_debug, is_static] watch::error::SendError<u8>;
    [is_send, is_sync, is_unpin, is_debug, is_static] watch::error::RecvError;
    [is_send, is_sync, is_unpin, is_debug, is_static] broadcast::Sender<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] broadcast::WeakSender<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] broadcast::Receiver<Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug] broadcast::Recv<'static, Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug] broadcast::Closed<'static, Cell<u8>>;
    [is_send, is_sync, is_unpin, is_debug, is_static] broadcast::error::SendError<u8>;
    [is_send, is_sync, is_unpin, is_debug, is_static] broadcast::error::RecvError;
    [is_send, is_sync, is_unpin, is_debug, is_static] broadcast::error::TryRecvError;
    [is_send, is_sync, is_unpin, is_debug, is_static] testing::Program;
    [is_send, is_sync, is_unpin, is_debug, is_static] testing::Step;
    [is_send, is_sync, is_unpin, is_debug, is_static] testing::ProgramError;
    [is_send, is_sync, is_unpin, is_debug, is_static] laws::Laws;
    [is_send, is_sync, is_unpin, is_debug, is_static] laws::Law;
    [is_send, is_sync, is_unpin, is_debug, is_static] laws::Breach;
    [is_unpin, is_debug, is_static] sim::EventLoop;
    [is_unpin, is_debug, is_static] sim::Builder;
}

#[cfg(feature = "tracing-subscriber")]
mod with_tracing_subscriber {
    use super::*;

    table! {
        [is_send, is_sync, is_unpin, is_debug, is_static] time::LogTime;
    }
}

#[cfg(feature = "serde")]
mod with_serde {
    use super::*;

    table! {
        [is_send, is_sync, is_unpin, is_debug] render::Perfetto<'static>;
        [is_send, is_sync, is_unpin, is_debug] render::JsonLines<'static>;
    }
}

#[cfg(feature = "proptest")]
mod with_proptest {
    use super::*;

    table! {
        [is_send, is_sync, is_unpin, is_debug, is_static] testing::Property;
        [is_send, is_sync, is_unpin, is_debug, is_static] testing::Counterexample;
        [is_send, is_sync, is_unpin, is_debug, is_static] testing::Plan;
        [is_send, is_sync, is_unpin, is_debug, is_static] testing::Choices;
        [is_send, is_sync, is_unpin, is_debug, is_static] testing::ChoicesTree;
    }
}

/// The names behind `pub struct` and `pub enum` below `directory`, and how often each stands there.
fn count_public_types(directory: &Path, counts: &mut BTreeMap<String, usize>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            count_public_types(&path, counts);
            continue;
        }
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let line = line.trim_start();
            let keywords = ["pub struct ", "pub enum "];
            let Some(rest) = keywords.iter().find_map(|keyword| line.strip_prefix(keyword)) else {
                continue;
            };
            let name = rest.split(|letter: char| !letter.is_alphanumeric()).next().unwrap();
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }
}

#[test]
fn s30_the_table_has_every_public_type() {
    let mut counts = BTreeMap::new();
    count_public_types(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut counts);
    assert!(counts.len() > 40, "the types are found: {counts:?}");
    let lines = include_str!("autotraits.rs").lines().map(str::trim);
    let rows: BTreeSet<&str> = lines
        .filter_map(|line| line.strip_prefix("[is_")?.split_once("] "))
        .filter_map(|(_, path)| path.split(['<', ';']).next())
        .collect();
    // Two modules may have a type of the same name, as `Builder`.
    let count_rows =
        |name: &str| rows.iter().filter(|path| path.rsplit("::").next() == Some(name)).count();
    // Public only because the macros and traits that use them are; their names cannot be written outside.
    for hidden in ["Broken", "Locked", "Member", "MutexLine", "Unfailing"] {
        assert_eq!(counts.remove(hidden), Some(1), "`{hidden}` is hidden once");
    }
    let missing: Vec<_> =
        counts.iter().filter(|&(name, &count)| count_rows(name) < count).collect();
    assert!(
        missing.is_empty(),
        "types that are `pub`, and not in the table: {missing:?}\n  \
         add a row for each, or make it `pub(crate)`"
    );
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
            sim::spawn_blocking(Cost::waiting(Duration::ZERO), || ()).await.unwrap();
            let items = stream::generator(async |mut yielder| yielder.yield_(1).await);
            Box::pin(items.throttle(crate::secs(1))).next().await;
            let lock = sync::RwLock::new(1);
            let value = lock.write().await.downgrade();
            sync::OnceCell::new().get_or_init(|| async { *value }).await;
            let semaphore = sync::Semaphore::new(1);
            let _permit = semaphore.acquire().await;
            sim::now().as_nanos()
        })
    }
    assert_eq!(sim::run(program()), 2_500_000_000);
}
