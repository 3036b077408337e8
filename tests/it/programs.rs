//! Random small programs: run twice they give the same bytes, and so they do under a replay of themselves.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_util::StreamExt;
use futures_util::future::{FutureExt, LocalBoxFuture};
use proptest::prelude::*;
use simloop::policy::Random;
use simloop::trace::Level;
use simloop::{
    Builder, JoinHandle, Report, choose, note, rng, sleep, spawn_named, time, timeout, yield_now,
};

/// One step of a task.
#[derive(Clone, Debug)]
enum Step {
    Sleep(u64),
    Yield,
    Block(u64),
    Spawn(Vec<Step>),
    /// Aborts one of the tasks spawned so far, by number.
    Abort(usize),
    /// Awaits one of the tasks spawned so far.
    Join(usize),
    Send(u32),
    Receive,
    Timeout(u64, Box<Step>),
    Draw,
    Choose(usize),
    Panic,
    Settle,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let leaf = prop_oneof![
        4 => (0_u64..4).prop_map(Step::Sleep),
        3 => Just(Step::Yield),
        1 => (1_u64..3).prop_map(Step::Block),
        1 => (0_usize..6).prop_map(Step::Abort),
        1 => (0_usize..6).prop_map(Step::Join),
        2 => (0_u32..100).prop_map(Step::Send),
        2 => Just(Step::Receive),
        1 => Just(Step::Draw),
        1 => (1_usize..4).prop_map(Step::Choose),
        1 => Just(Step::Settle),
        1 => Just(Step::Panic),
    ];
    let step = leaf.prop_recursive(3, 24, 5, |step| {
        prop_oneof![
            3 => prop::collection::vec(step.clone(), 0..5).prop_map(Step::Spawn),
            1 => ((0_u64..3), step).prop_map(|(after, step)| Step::Timeout(after, Box::new(step))),
        ]
    });
    prop::collection::vec(step, 0..6)
}

/// What the tasks of a program share.
struct Shared {
    handles: RefCell<Vec<Option<JoinHandle<()>>>>,
    sender: UnboundedSender<u32>,
    receiver: RefCell<UnboundedReceiver<u32>>,
}

fn perform(steps: Vec<Step>, shared: Rc<Shared>) -> LocalBoxFuture<'static, ()> {
    async move {
        for step in steps {
            perform_step(step, Rc::clone(&shared)).await;
        }
    }
    .boxed_local()
}

fn perform_step(step: Step, shared: Rc<Shared>) -> LocalBoxFuture<'static, ()> {
    async move {
        match step {
            Step::Sleep(ticks) => sleep(Duration::from_millis(ticks)).await,
            Step::Yield => yield_now().await,
            Step::Block(ticks) => time::block_for(Duration::from_millis(ticks)),
            Step::Spawn(steps) => {
                let handle = spawn_named("child", perform(steps, Rc::clone(&shared)));
                shared.handles.borrow_mut().push(Some(handle));
            }
            Step::Abort(number) => {
                if let Some(Some(handle)) = shared.handles.borrow().get(number) {
                    handle.abort();
                }
            }
            Step::Join(number) => {
                let handle = shared.handles.borrow_mut().get_mut(number).and_then(Option::take);
                if let Some(handle) = handle {
                    note!("joined: {:?}", handle.await);
                }
            }
            Step::Send(value) => shared.sender.unbounded_send(value).unwrap(),
            Step::Receive => {
                let next =
                    std::future::poll_fn(|cx| shared.receiver.borrow_mut().poll_next_unpin(cx));
                note!("received: {:?}", next.await);
            }
            Step::Timeout(after, step) => {
                let inner = perform_step(*step, shared);
                note!("timeout: {:?}", timeout(Duration::from_millis(after), inner).await);
            }
            Step::Draw => note!("drawn: {}", rng().range(0..1_000)),
            Step::Choose(alternatives) => note!("chosen: {}", choose(alternatives)),
            Step::Panic => std::panic::resume_unwind(Box::new("planned")),
            Step::Settle => simloop::settle().await,
        }
    }
    .boxed_local()
}

fn run(builder: Builder, steps: &[Step]) -> Report<()> {
    let (sender, receiver) = unbounded();
    let shared = Shared { handles: RefCell::default(), sender, receiver: RefCell::new(receiver) };
    builder.trace(Level::Full).run(perform(steps.to_vec(), Rc::new(shared)))
}

fn shown(report: &Report<()>) -> String {
    let Report { outcome, trace, schedule, ended_at, counters, digest, leftovers, .. } = report;
    let outcome = match outcome {
        Ok(()) => "ok".to_owned(),
        Err(failure) => {
            // The line that reproduces a run names the policy in one and the schedule in the other.
            let text = failure.to_string();
            text[..text.rfind("  replay: ").unwrap()].to_owned()
        }
    };
    format!("{outcome}\n{trace}{schedule}\n{ended_at} {counters:?} {digest} {leftovers:?}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn s34_a_random_program_runs_the_same_twice_and_under_replay_of_itself(steps in steps(), seed: u64) {
        let builder = || Builder::new().seed(seed).policy(Random::new(seed));
        let first = run(builder(), &steps);
        let expected = shown(&first);
        prop_assert_eq!(&shown(&run(builder(), &steps)), &expected);
        let replay = Builder::new().seed(seed).replay(&first.schedule.to_string());
        prop_assert_eq!(&shown(&run(replay, &steps)), &expected);
        // And first-in first-out, where no choice is recorded.
        let fifo = run(Builder::new().seed(seed), &steps);
        prop_assert!(fifo.schedule.is_empty());
        prop_assert_eq!(shown(&run(Builder::new().seed(seed), &steps)), shown(&fifo));
    }
}
