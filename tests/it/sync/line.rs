//! What is held by several and waited for in one line, checked against a sequential model as it is used.
//!
//! Tasks ask, hold, give back and go away as planned. Each tells the model of it as it happens. The model
//! decides by itself who has what since when, and every task that is served must be served by the model.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::future::Future;
use std::rc::Rc;

use futures_util::future::{Either, select};
use proptest::prelude::*;
use simloop::policy::Random;
use simloop::{Builder, Instant, Limits, now, run, sleep, spawn, timeout, yield_now};

use crate::{millis, secs};

/// The state of what is shared, with nobody waiting.
pub(super) trait Model: Clone + PartialEq + Debug + 'static {
    type Ask: Copy + Debug + 'static;

    fn fits(&self, ask: Self::Ask) -> bool;
    fn take(&mut self, ask: Self::Ask);
    fn give(&mut self, ask: Self::Ask);
}

/// The primitive that should do as the model does.
pub(super) trait Shared: Clone + 'static {
    type Model: Model;
    type Guard: 'static;

    fn wait_for(&self, ask: AskOf<Self>) -> impl Future<Output = Self::Guard> + 'static;
    fn try_for(&self, ask: AskOf<Self>) -> Option<Self::Guard>;

    /// Gives back a part of what is held, if the primitive has such a thing.
    fn lessen(&self, guard: Self::Guard, ask: AskOf<Self>) -> (Self::Guard, AskOf<Self>) {
        (guard, ask)
    }

    /// What can be seen of the primitive must fit the model.
    fn assert_like(&self, model: &Self::Model, waiting: usize);
}

pub(super) type AskOf<S> = <<S as Shared>::Model as Model>::Ask;

#[derive(Clone, Debug)]
pub(super) struct Step<A> {
    delay: u64,
    ask: A,
    manner: Manner,
    hold: u64,
    lessens: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Manner {
    Wait,
    WaitAtMost(u64),
    Try,
}

#[derive(Clone, Debug)]
pub(super) struct Plan<A> {
    steps: Vec<Step<A>>,
    aborted_after: Option<u64>,
}

/// Random plans of several tasks.
pub(super) fn plans<A: Debug + Clone>(
    ask: impl Strategy<Value = A> + Clone,
) -> impl Strategy<Value = Vec<Plan<A>>> {
    let manner = prop_oneof![
        4 => Just(Manner::Wait),
        3 => (0..4_u64).prop_map(Manner::WaitAtMost),
        1 => Just(Manner::Try),
    ];
    let step = (0..3_u64, ask, manner, 0..4_u64, any::<bool>())
        .prop_map(|(delay, ask, manner, hold, lessens)| Step { delay, ask, manner, hold, lessens });
    let steps = prop::collection::vec(step, 1..5);
    let plan = (steps, prop::option::weighted(0.3, 0..8_u64))
        .prop_map(|(steps, aborted_after)| Plan { steps, aborted_after });
    prop::collection::vec(plan, 1..8)
}

struct Line<M: Model> {
    model: M,
    queue: VecDeque<(usize, M::Ask)>,
    /// Chosen and not yet seen to run, and the instant of the choice.
    chosen: BTreeMap<usize, (M::Ask, Instant)>,
}

impl<M: Model> Line<M> {
    fn serve(&mut self) {
        while let Some(&(id, ask)) = self.queue.front().filter(|&&(_, ask)| self.model.fits(ask)) {
            self.queue.pop_front();
            self.model.take(ask);
            self.chosen.insert(id, (ask, now()));
        }
    }

    fn ask(&mut self, id: usize, ask: M::Ask) {
        self.queue.push_back((id, ask));
        self.serve();
    }

    fn try_ask(&mut self, ask: M::Ask) -> bool {
        let has = self.queue.is_empty() && self.model.fits(ask);
        if has {
            self.model.take(ask);
        }
        has
    }

    fn got(&mut self, id: usize) {
        let chosen = self.chosen.remove(&id);
        let (_, since) = chosen.unwrap_or_else(|| panic!("{id} was served out of turn"));
        assert_eq!(since, now(), "{id} was served late");
    }

    fn gave_up(&mut self, id: usize) {
        match self.chosen.remove(&id) {
            Some((ask, _)) => self.model.give(ask),
            None => self.queue.retain(|&(other, _)| other != id),
        }
        self.serve();
    }
}

/// Where a task is with its step, so that going away anywhere is told to the model.
struct Witness<S: Shared> {
    line: Rc<RefCell<Line<S::Model>>>,
    id: usize,
    stage: Stage<AskOf<S>>,
}

enum Stage<A> {
    Waiting,
    Holding(A),
    Over,
}

impl<S: Shared> Drop for Witness<S> {
    fn drop(&mut self) {
        let mut line = self.line.borrow_mut();
        match self.stage {
            Stage::Waiting => line.gave_up(self.id),
            Stage::Holding(ask) => {
                line.model.give(ask);
                line.serve();
            }
            Stage::Over => {}
        }
    }
}

/// Asks as planned; what comes of it is told to the model.
async fn ask<S: Shared>(
    shared: &S,
    step: &Step<AskOf<S>>,
    witness: &mut Witness<S>,
) -> Option<S::Guard> {
    let (id, line) = (witness.id, Rc::clone(&witness.line));
    if step.manner == Manner::Try {
        let guard = shared.try_for(step.ask);
        let has = line.borrow_mut().try_ask(step.ask);
        assert_eq!(guard.is_some(), has, "{id} tried for {:?}", step.ask);
        witness.stage = if has { Stage::Holding(step.ask) } else { Stage::Over };
        return guard;
    }
    line.borrow_mut().ask(id, step.ask);
    witness.stage = Stage::Waiting;
    let guard = match step.manner {
        Manner::WaitAtMost(patience) => {
            timeout(millis(patience), shared.wait_for(step.ask)).await.ok()
        }
        _ => Some(shared.wait_for(step.ask).await),
    };
    witness.stage = Stage::Over;
    if guard.is_some() {
        line.borrow_mut().got(id);
        witness.stage = Stage::Holding(step.ask);
    } else {
        line.borrow_mut().gave_up(id);
    }
    guard
}

async fn take_steps<S: Shared>(
    shared: S,
    steps: Vec<Step<AskOf<S>>>,
    id: usize,
    line: Rc<RefCell<Line<S::Model>>>,
) {
    for step in steps {
        sleep(millis(step.delay)).await;
        let mut witness: Witness<S> = Witness { line: Rc::clone(&line), id, stage: Stage::Over };
        let Some(mut guard) = ask(&shared, &step, &mut witness).await else { continue };
        sleep(millis(step.hold)).await;
        if step.lessens {
            let (lesser, ask) = shared.lessen(guard, step.ask);
            guard = lesser;
            witness.stage = Stage::Holding(ask);
            let mut line = line.borrow_mut();
            line.model.give(step.ask);
            line.model.take(ask);
            line.serve();
        }
        sleep(millis(step.hold)).await;
        drop(guard);
    }
}

/// Runs the plans on a primitive that is in the state of the model.
pub(super) fn check<S: Shared>(
    seed: Option<u64>,
    plans: Vec<Plan<AskOf<S>>>,
    model: S::Model,
    shared: S,
) {
    // Whoever is never served would otherwise be waited for without end.
    let builder = Builder::new().limits(Limits::new().virtual_time(secs(1)));
    let builder = match seed {
        Some(seed) => builder.seed(seed).policy(Random::new(seed)),
        None => builder,
    };
    let program = async move {
        let line = Line { model: model.clone(), queue: VecDeque::new(), chosen: BTreeMap::new() };
        let line = Rc::new(RefCell::new(line));
        let mut tasks = Vec::new();
        for (id, plan) in plans.into_iter().enumerate() {
            let task = spawn(take_steps(shared.clone(), plan.steps, id, Rc::clone(&line)));
            if let Some(after) = plan.aborted_after {
                let abort = task.abort_handle();
                spawn(async move {
                    sleep(millis(after)).await;
                    abort.abort();
                });
            }
            tasks.push(task);
        }
        while tasks.iter().any(|task| !task.is_finished()) {
            {
                let line = line.borrow();
                shared.assert_like(&line.model, line.queue.len());
            }
            sleep(millis(1)).await;
        }
        let line = line.borrow();
        assert_eq!(line.model, model, "all is given back");
        assert!(line.queue.is_empty() && line.chosen.is_empty(), "nobody waits");
        shared.assert_like(&model, 0);
    };
    builder.run(program).unwrap();
}

/// A crowd that asks all at once, over and over, under a hundred random schedules. Some lose patience.
pub(super) fn check_crowds<S: Shared>(asks: &[AskOf<S>], model: &S::Model, make: impl Fn() -> S) {
    for seed in 0..100 {
        let plan = |number: usize| {
            let step = |ask: &AskOf<S>| Step {
                delay: 0,
                ask: *ask,
                manner: if number % 3 == 2 { Manner::WaitAtMost(2) } else { Manner::Wait },
                hold: number as u64 % 2,
                lessens: number % 2 == 0,
            };
            let aborted_after = (number == 3).then_some(3);
            Plan { steps: asks.iter().map(step).collect(), aborted_after }
        };
        check(Some(seed), (0..6).map(plan).collect(), model.clone(), make());
    }
}

/// How a waiter goes away.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Leaving {
    Aborted,
    TimedOut,
    /// In a `select` that finds its other branch ready first.
    Deselected,
}

pub(super) const LEAVINGS: [Leaving; 3] =
    [Leaving::Aborted, Leaving::TimedOut, Leaving::Deselected];

/// Three wait, and after a second the first of them goes away, maybe right after `release` has chosen it.
/// Returns who was served. A timeout looks for the result first, so it is not late.
pub(super) fn served_without_the_first<G, F>(
    leaving: Leaving,
    is_chosen: bool,
    acquire: impl Fn() -> F + Clone + 'static,
    release: impl FnOnce() + 'static,
) -> Vec<usize>
where
    F: Future<Output = G> + 'static,
    G: 'static,
{
    run(async move {
        let served = Rc::new(RefCell::new(Vec::new()));
        // Registered before the waiter's own timer, so that this task goes on first.
        let second = sleep(secs(1));
        let release_later = spawn(async move {
            second.await;
            if !is_chosen {
                sleep(secs(1)).await;
            }
            release();
        });
        let waiters: Vec<_> = (0..3)
            .map(|number| {
                let (acquire, served) = (acquire.clone(), Rc::clone(&served));
                spawn(async move {
                    let asked = Box::pin(acquire());
                    let guard = match leaving {
                        _ if number > 0 => Some(asked.await),
                        Leaving::Aborted => Some(asked.await),
                        Leaving::TimedOut => timeout(secs(1), asked).await.ok(),
                        Leaving::Deselected => match select(sleep(secs(1)), asked).await {
                            Either::Left(_) => None,
                            Either::Right((guard, _)) => Some(guard),
                        },
                    };
                    if guard.is_some() {
                        served.borrow_mut().push(number);
                    }
                    yield_now().await;
                    drop(guard);
                })
            })
            .collect();
        sleep(secs(1)).await;
        if leaving == Leaving::Aborted {
            waiters[0].abort();
        }
        release_later.await.unwrap();
        for waiter in waiters {
            let _ = timeout(secs(9), waiter).await;
        }
        served.take()
    })
}

/// The same for all ways of going away, where each who is served makes room for the next.
pub(super) fn assert_that_leaving_loses_nothing<H, G, F, A>(make: impl Fn() -> (H, A))
where
    H: 'static,
    G: 'static,
    F: Future<Output = G> + 'static,
    A: Fn() -> F + Clone + 'static,
{
    for leaving in LEAVINGS {
        for is_chosen in [false, true] {
            let (held, acquire) = make();
            let served = served_without_the_first(leaving, is_chosen, acquire, || drop(held));
            let is_in_time = leaving == Leaving::TimedOut && is_chosen;
            let expected: &[usize] = if is_in_time { &[0, 1, 2] } else { &[1, 2] };
            assert_eq!(served, expected, "{leaving:?}, chosen before: {is_chosen}");
        }
    }
}
