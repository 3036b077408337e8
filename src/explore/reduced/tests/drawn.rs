//! The programs that the reduced search is tried on: a few tasks of a few steps, drawn at random.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{OptionFuture, select};
use proptest::prelude::*;

use super::super::super::shared::Shared;
use crate::executor::{AbortHandle, JoinError, JoinHandle, choose, spawn};
use crate::sync::{Event, Mutex, Notify, Semaphore, mpsc};
use crate::task::{CancellationToken, JoinSet, gather_all, race, yield_now};
use crate::time::{SystemTime, block_for, settle, sleep, timeout};

/// What a task does at a step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Read(usize),
    Write(usize),
    Yield,
    Sleep(u64),
    Block,
    Settle,
    SetWall,
    ReadWall,
    Choose,
    Lock { held: bool },
    TryLock,
    Acquire { held: bool },
    Send,
    Receive,
    ReceiveInTime,
    RaceReceive,
    Set,
    Wait,
    Notify,
    AwaitNotified,
    Cancel,
    AwaitCancelled,
    Abort(usize),
    Ask(usize),
    Join(usize),
    Detach(usize),
    PanicIfOdd(usize),
    Spawn,
}

/// What the root does when it has spawned the tasks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Root {
    JoinsInTurn,
    JoinsAndReads,
    Gathers,
    TakesInOrder,
    /// The same, once all tasks have ended that can.
    TakesLater,
    Leaves,
    /// Awaits the handles in turn, which nobody else has.
    Awaits,
    /// Awaits the first, and does this with the others.
    Then(Look),
    /// Leaves the handles to another task, which does that.
    Hands(Look),
}

/// What is done with handles other than awaiting them one by one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Look {
    Select,
    Race,
    Poll,
    InTime,
    Awaits,
}

impl Look {
    async fn at(self, mut handles: Vec<JoinHandle<Vec<u32>>>) -> String {
        let Some(mut last) = handles.pop() else { return String::new() };
        let show = |seen: Result<Vec<u32>, JoinError>| {
            format!("{:?}", seen.map_err(|error| error.to_string()))
        };
        let mut told = Vec::new();
        match self {
            Look::Select | Look::Race => {
                let Some(other) = handles.pop() else { return show(last.await) };
                told.push(if matches!(self, Look::Race) {
                    show(race(vec![Box::pin(other), Box::pin(last)]).await)
                } else {
                    show(select(other, last).await.factor_first().0)
                });
            }
            Look::Poll => {
                let polled = poll_fn(|cx| Poll::Ready(Pin::new(&mut last).poll(cx)));
                let is_ready = polled.await.is_ready();
                sleep(Duration::from_secs(1)).await;
                told.push(is_ready.to_string());
            }
            Look::InTime => {
                let in_time = timeout(Duration::from_secs(1), last).await;
                told.push(in_time.map_or("late".to_owned(), show));
            }
            Look::Awaits => told.push(show(last.await)),
        }
        for handle in handles {
            told.push(show(handle.await));
        }
        told.join(" ")
    }
}

pub(super) type Plan = (Root, Vec<Vec<Step>>);

/// What the tasks share.
struct World {
    cells: [Shared<u32>; 2],
    mutex: Arc<Mutex<u32>>,
    semaphore: Arc<Semaphore>,
    sender: mpsc::Sender<u32>,
    receiver: Arc<Mutex<mpsc::Receiver<u32>>>,
    event: Arc<Event>,
    notify: Arc<Notify>,
    token: CancellationToken,
    aborts: Shared<Vec<AbortHandle>>,
    handles: Shared<Vec<Option<JoinHandle<Vec<u32>>>>>,
}

impl World {
    fn new() -> Self {
        let (sender, receiver) = mpsc::channel(1);
        World {
            cells: [Shared::new(0), Shared::new(0)],
            mutex: Arc::new(Mutex::new(0)),
            semaphore: Arc::new(Semaphore::new(1)),
            sender,
            receiver: Arc::new(Mutex::new(receiver)),
            event: Arc::new(Event::new()),
            notify: Arc::new(Notify::new()),
            token: CancellationToken::new(),
            aborts: Shared::default(),
            handles: Shared::default(),
        }
    }

    fn handle(&self, number: usize) -> Option<JoinHandle<Vec<u32>>> {
        self.handles.update(|handles| handles.get_mut(number)?.take())
    }

    async fn step(&self, step: Step, own: u32) -> u32 {
        match step {
            Step::Read(cell) => self.cells[cell].get(),
            Step::Write(cell) => {
                self.cells[cell].update(|value| *value = *value * 3 + own);
                0
            }
            Step::PanicIfOdd(cell) => {
                assert!(self.cells[cell].get() % 2 == 0, "an odd value in task {own}");
                0
            }
            Step::Yield => {
                yield_now().await;
                0
            }
            Step::Sleep(units) => {
                sleep(Duration::from_secs(units)).await;
                0
            }
            Step::Block => {
                block_for(Duration::from_secs(1));
                0
            }
            Step::SetWall => {
                SystemTime::set(SystemTime::UNIX_EPOCH + Duration::from_secs(own.into()));
                0
            }
            Step::ReadWall => {
                let since = SystemTime::now().since_epoch().map_or(0, |since| since.as_secs());
                (since % 1_000) as u32
            }
            Step::Settle => {
                settle().await;
                0
            }
            Step::Choose => choose(2) as u32,
            Step::Spawn => {
                let cell = self.cells[0].clone();
                let child = spawn(async move {
                    cell.update(|value| *value = *value * 3 + 7);
                });
                u32::from(child.await.is_ok())
            }
            step => self.step_of_sync(step, own).await,
        }
    }

    async fn step_of_sync(&self, step: Step, own: u32) -> u32 {
        match step {
            Step::Lock { held } => {
                let mut guard = self.mutex.lock().await;
                *guard = *guard * 3 + own;
                if held {
                    yield_now().await;
                }
                *guard
            }
            Step::TryLock => self.mutex.try_lock().map_or(99, |guard| *guard),
            Step::Acquire { held } => {
                let permit = self.semaphore.acquire().await;
                if held {
                    yield_now().await;
                }
                drop(permit);
                self.semaphore.available_permits() as u32
            }
            Step::Send => u32::from(self.sender.send(own).await.is_ok()),
            Step::Receive => self.receiver.lock().await.recv().await.unwrap_or(99),
            Step::ReceiveInTime => {
                let receive = async { self.receiver.lock().await.recv().await };
                timeout(Duration::from_secs(1), receive).await.map_or(98, |it| it.unwrap_or(99))
            }
            Step::RaceReceive => {
                let receive = async { self.receiver.lock().await.recv().await.unwrap_or(99) };
                let other = async {
                    sleep(Duration::from_secs(1)).await;
                    98
                };
                let branches: [std::pin::Pin<Box<dyn Future<Output = u32>>>; 2] =
                    [Box::pin(receive), Box::pin(other)];
                race(branches).await
            }
            Step::Set => {
                self.event.set();
                0
            }
            Step::Wait => {
                self.event.wait().await;
                0
            }
            Step::Notify => {
                self.notify.notify_one();
                0
            }
            Step::AwaitNotified => {
                self.notify.notified().await;
                0
            }
            Step::Cancel => {
                self.token.cancel();
                0
            }
            Step::AwaitCancelled => {
                self.token.cancelled().await;
                0
            }
            step => self.step_of_tasks(step).await,
        }
    }

    async fn step_of_tasks(&self, step: Step) -> u32 {
        match step {
            Step::Abort(task) => {
                if let Some(task) = self.aborts.with(|aborts| aborts.get(task).cloned()) {
                    task.abort();
                }
                0
            }
            Step::Ask(task) => {
                let task = self.aborts.with(|aborts| aborts.get(task).cloned());
                task.map_or(98, |task| u32::from(task.is_finished()))
            }
            Step::Join(task) => match self.handle(task) {
                Some(handle) => handle.await.map_or(97, |seen| seen.len() as u32),
                None => 98,
            },
            Step::Detach(task) => u32::from(self.handle(task).is_some()),
            _ => unreachable!("it is taken above"),
        }
    }
}

pub(super) async fn program((root, tasks): Plan) -> String {
    // One for all: a task that dropped a sender of its own as it ends would race with all other ends.
    let world = Rc::new(World::new());
    let body = |number: usize, steps: Vec<Step>| {
        let world = Rc::clone(&world);
        async move {
            // Whose output it is shows in what is told.
            let mut seen = vec![number as u32 + 1];
            for step in steps {
                seen.push(world.step(step, number as u32 + 1).await);
            }
            seen
        }
    };
    let bodies = tasks.into_iter().enumerate().map(|(number, steps)| body(number, steps));
    let mut told = Vec::new();
    match root {
        Root::Gathers => told.push(format!("{:?}", gather_all(bodies).await)),
        Root::TakesInOrder | Root::TakesLater => {
            let mut set = JoinSet::new();
            bodies.for_each(|body| {
                set.spawn(body);
            });
            if matches!(root, Root::TakesLater) {
                sleep(Duration::from_secs(9)).await;
            }
            while let Some(next) = set.join_next().await {
                told.push(format!("{:?}", next.map_err(|error| error.to_string())));
            }
        }
        Root::Awaits | Root::Then(_) | Root::Hands(_) => {
            let mut handles: Vec<_> = bodies.map(spawn).collect();
            world.aborts.set(handles.iter().map(JoinHandle::abort_handle).collect());
            handles.reverse();
            match root {
                Root::Hands(look) => told.push(spawn(look.at(handles)).await.unwrap_or_default()),
                Root::Then(look) => {
                    let first = handles.pop().map(|first| Look::Awaits.at(vec![first]));
                    told.extend(OptionFuture::from(first).await);
                    told.push(look.at(handles).await);
                }
                _ => {
                    while let Some(handle) = handles.pop() {
                        told.push(Look::Awaits.at(vec![handle]).await);
                    }
                }
            }
        }
        _ => {
            let handles: Vec<_> = bodies.map(spawn).collect();
            world.aborts.set(handles.iter().map(JoinHandle::abort_handle).collect());
            let count = handles.len();
            world.handles.set(handles.into_iter().map(Some).collect());
            if matches!(root, Root::Leaves) {
                yield_now().await;
            } else {
                for number in 0..count {
                    if let Some(handle) = world.handle(number) {
                        told.push(format!("{:?}", handle.await.map_err(|error| error.to_string())));
                    }
                    if matches!(root, Root::JoinsAndReads) {
                        told.push(world.cells[0].get().to_string());
                    }
                }
            }
        }
    }
    format!("{} {:?}", told.join(" "), world.cells.each_ref().map(Shared::get))
}

fn steps() -> impl Strategy<Value = Step> {
    let cell = 0_usize..2;
    let task = 0_usize..3;
    prop_oneof![
        3 => cell.clone().prop_map(Step::Read),
        4 => cell.clone().prop_map(Step::Write),
        3 => Just(Step::Yield),
        3 => (0_u64..3).prop_map(Step::Sleep),
        1 => prop::sample::select(vec![
            Step::Block, Step::Settle, Step::Choose, Step::Spawn, Step::SetWall, Step::ReadWall,
        ]),
        2 => any::<bool>().prop_map(|held| Step::Lock { held }),
        2 => any::<bool>().prop_map(|held| Step::Acquire { held }),
        1 => Just(Step::TryLock),
        2 => Just(Step::Send),
        2 => prop::sample::select(vec![Step::Receive, Step::ReceiveInTime, Step::RaceReceive]),
        2 => prop::sample::select(vec![
            Step::Set, Step::Wait, Step::Notify, Step::AwaitNotified, Step::Cancel, Step::AwaitCancelled,
        ]),
        1 => task.clone().prop_map(Step::Abort),
        1 => task.clone().prop_map(Step::Ask),
        1 => task.clone().prop_map(Step::Join),
        1 => task.prop_map(Step::Detach),
        1 => cell.prop_map(Step::PanicIfOdd),
    ]
}

pub(super) fn plans() -> impl Strategy<Value = Plan> {
    let root = prop::sample::select(vec![
        Root::JoinsInTurn,
        Root::JoinsInTurn,
        Root::JoinsAndReads,
        Root::Gathers,
        Root::TakesInOrder,
        Root::TakesLater,
        Root::Leaves,
        Root::Awaits,
    ]);
    let looks = [Look::Select, Look::Race, Look::Poll, Look::InTime, Look::Awaits];
    let look = prop::sample::select(looks.to_vec());
    let root = prop_oneof![
        6 => root,
        2 => look.clone().prop_map(Root::Then),
        1 => look.prop_map(Root::Hands),
    ];
    (root, prop::collection::vec(prop::collection::vec(steps(), 1..5), 1..4))
}
