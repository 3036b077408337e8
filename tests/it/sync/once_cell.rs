//! `OnceCell`, by itself, against a model, and beside tokio's.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use proptest::prelude::*;
use simloop::policy::Random;
use simloop::sync::{OnceCell, SetError};
use simloop::{Builder, now, run, sleep, spawn, spawn_named, timeout, yield_now};

use super::hands::Woken;
use super::line::{LEAVINGS, Leaving, served_without_the_first};
use crate::snapshots::assert_shown;
use crate::{millis, secs};

#[test]
fn s28_initialisers_that_fail_are_followed_in_order_by_the_next() {
    run(async {
        let (cell, log) = (Rc::new(OnceCell::new()), Rc::new(RefCell::new(Vec::new())));
        let tasks: Vec<_> = (0..4)
            .map(|number| {
                let (cell, log) = (Rc::clone(&cell), Rc::clone(&log));
                spawn(async move {
                    let init = || async {
                        log.borrow_mut().push((number, now().to_string()));
                        sleep(secs(1)).await;
                        if number < 2 { Err(number) } else { Ok(number) }
                    };
                    cell.get_or_try_init(init).await.copied()
                })
            })
            .collect();
        let mut results = Vec::new();
        for task in tasks {
            results.push(task.await.unwrap());
        }
        assert_eq!(results, [Err(0), Err(1), Ok(2), Ok(2)]);
        let expected =
            [(0, "0s"), (1, "1s"), (2, "2s")].map(|(number, at)| (number, at.to_owned()));
        assert_eq!(*log.borrow(), expected);
        assert_eq!(now().to_string(), "3s");
    });
}

#[test]
fn s29_an_initialiser_that_is_cancelled_or_panics_lets_the_next_one_try() {
    run(async {
        let cell = Rc::new(OnceCell::new());
        let never = || std::future::pending::<u8>();
        assert!(timeout(secs(1), cell.get_or_init(never)).await.is_err());
        let aborted = spawn({
            let cell = Rc::clone(&cell);
            async move { *cell.get_or_init(never).await }
        });
        let next = spawn({
            let cell = Rc::clone(&cell);
            async move {
                let panicking =
                    cell.get_or_init(|| async { std::panic::resume_unwind(Box::new(7)) });
                let payload = AssertUnwindSafe(panicking).catch_unwind().await.unwrap_err();
                *payload.downcast::<i32>().unwrap()
            }
        });
        yield_now().await;
        assert_eq!(cell.set(1), Err(SetError::InitializingError(1)));
        aborted.abort();
        assert_eq!(next.await.unwrap(), 7);
        assert!(!cell.initialized());
        assert_eq!(cell.set(1), Ok(()));
        assert_eq!(cell.set(2), Err(SetError::AlreadyInitializedError(2)));
        assert_eq!(cell.get_or_init(never).await, &1);
    });
}

#[test]
fn s29_the_right_to_initialise_of_a_waiter_that_goes_away_goes_to_the_next() {
    for leaving in LEAVINGS {
        for is_chosen in [false, true] {
            let cell = Rc::new(OnceCell::new());
            let first = Rc::clone(&cell);
            let mut first = Box::pin(async move {
                let never = std::future::pending::<Result<u8, ()>>;
                first.get_or_try_init(never).await.copied()
            });
            assert!(first.as_mut().now_or_never().is_none());
            let fail = move || {
                let cell = Rc::clone(&cell);
                async move { cell.get_or_try_init(|| async { Err(()) }).await.copied().unwrap_err() }
            };
            let served = served_without_the_first(leaving, is_chosen, fail, || drop(first));
            let is_in_time = leaving == Leaving::TimedOut && is_chosen;
            let expected: &[usize] = if is_in_time { &[0, 1, 2] } else { &[1, 2] };
            assert_eq!(served, expected, "{leaving:?}, chosen before: {is_chosen}");
        }
    }
}

#[test]
fn s29_an_initialiser_is_gone_before_the_next_one_starts() {
    struct Busy(Rc<Cell<u32>>);
    impl Busy {
        fn new(count: &Rc<Cell<u32>>) -> Self {
            assert_eq!(count.replace(1), 0, "one at a time");
            Busy(Rc::clone(count))
        }
    }
    impl Drop for Busy {
        fn drop(&mut self) {
            self.0.set(0);
        }
    }
    run(async {
        let (cell, count) = (Rc::new(OnceCell::<u8>::new()), Rc::new(Cell::new(0)));
        for _ in 0..3 {
            let (cell, count) = (Rc::clone(&cell), Rc::clone(&count));
            let init = async move {
                let init = || async {
                    let _busy = Busy::new(&count);
                    std::future::pending().await
                };
                cell.get_or_init(init).await;
            };
            spawn(async move { timeout(secs(1), init).await });
            yield_now().await;
        }
        sleep(secs(9)).await;
        assert_eq!(count.get(), 0);
    });
}

#[test]
fn a_cell_is_made_filled_read_changed_and_emptied() {
    let mut cell = OnceCell::new_with(Some(1));
    assert!(cell.initialized() && cell == OnceCell::from(1) && cell == cell.clone());
    assert_eq!(cell.set(2).unwrap_err().to_string(), "the once cell is filled");
    *cell.get_mut().unwrap() += 1;
    assert_eq!((cell.get().copied(), cell.take(), cell.take()), (Some(2), Some(2), None));
    assert_eq!(cell, OnceCell::default());
    assert_eq!(cell.set(3), Ok(()));
    assert_eq!(format!("{cell:?}"), "OnceCell { value: Some(3), .. }");
    assert_eq!((cell.into_inner(), OnceCell::<u8>::new_with(None).into_inner()), (Some(3), None));
}

#[test]
fn a_cell_is_awaited_in_foreign_combinators() {
    run(async {
        let cell = OnceCell::new();
        let make = |value| {
            let cell = &cell;
            cell.get_or_init(move || async move {
                sleep(secs(1)).await;
                value
            })
        };
        assert_eq!(futures_util::join!(make(1), make(2)), (&1, &1));
        let all: FuturesUnordered<_> = (3..6).map(make).collect();
        assert_eq!(all.collect::<Vec<&i32>>().await, [&1; 3]);
        assert_eq!(now().to_string(), "1s");
    });
}

#[test]
fn s37_a_deadlock_tells_who_initialises_and_who_waits_for_itself() {
    let report = Builder::new().run(async {
        let cell = Rc::new(OnceCell::<u8>::new().named("config"));
        let own = Rc::clone(&cell);
        spawn_named("loader", async move {
            sleep(secs(1)).await;
            let itself = || async {
                sleep(secs(1)).await;
                *own.get_or_init(|| async { 1 }).await
            };
            own.get_or_init(itself).await;
        });
        sleep(millis(1_500)).await;
        cell.get_or_init(|| async { 2 }).await;
    });
    assert_shown("sync", "deadlock_once_cell", report.unwrap_failure());
}

// Against a model.

#[derive(Clone, Copy, PartialEq, Debug)]
enum End {
    Fill,
    Fail,
    Panic,
}

#[derive(Clone, Debug)]
struct Plan {
    delay: u64,
    work: u64,
    end: End,
    patience: u64,
    aborted_after: Option<u64>,
}

#[derive(Default)]
struct Model {
    value: Option<usize>,
    /// Whose turn it is to initialise.
    turn: Option<usize>,
    queue: VecDeque<usize>,
}

impl Model {
    fn ask(&mut self, id: usize) {
        if self.value.is_none() {
            self.queue.push_back(id);
            self.next();
        }
    }

    fn next(&mut self) {
        if self.turn.is_none() && self.value.is_none() {
            self.turn = self.queue.pop_front();
        }
    }

    /// The one whose turn it is has made the value, or has not; or somebody has gone away.
    fn end(&mut self, id: usize, value: Option<usize>) {
        self.queue.retain(|&other| other != id);
        if self.turn == Some(id) {
            self.turn = None;
            self.value = value;
            self.next();
        }
        assert!(value.is_none() || self.value == value, "only whose turn it is makes the value");
    }
}

struct Witness {
    model: Rc<RefCell<Model>>,
    id: usize,
    value: Option<usize>,
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.model.borrow_mut().end(self.id, self.value);
    }
}

async fn initialise(plan: Plan, id: usize, cell: Rc<OnceCell<usize>>, model: Rc<RefCell<Model>>) {
    sleep(millis(plan.delay)).await;
    let witness = RefCell::new(Witness { model: Rc::clone(&model), id, value: None });
    model.borrow_mut().ask(id);
    let init = || {
        assert_eq!(model.borrow().turn, Some(id), "{id} initialises out of turn");
        async {
            sleep(millis(plan.work)).await;
            match plan.end {
                End::Fill => {
                    // The value is there as soon as this returns.
                    witness.borrow_mut().value = Some(id);
                    Ok(id)
                }
                End::Fail => Err(id),
                End::Panic => std::panic::resume_unwind(Box::new(id)),
            }
        }
    };
    let asked = AssertUnwindSafe(cell.get_or_try_init(init)).catch_unwind();
    match timeout(millis(plan.patience), asked).await {
        Ok(Ok(Ok(value))) => {
            drop(witness);
            assert_eq!(model.borrow().value, Some(*value));
        }
        Ok(Ok(Err(error))) => assert_eq!((error, plan.end), (id, End::Fail)),
        Ok(Err(_)) => assert_eq!(plan.end, End::Panic),
        Err(_) => {}
    }
}

async fn check(plans: Vec<Plan>) {
    let (cell, model) = (Rc::new(OnceCell::new()), Rc::new(RefCell::new(Model::default())));
    let mut tasks = Vec::new();
    for (id, plan) in plans.into_iter().enumerate() {
        let aborted_after = plan.aborted_after;
        let task = spawn(initialise(plan, id, Rc::clone(&cell), Rc::clone(&model)));
        if let Some(after) = aborted_after {
            let abort = task.abort_handle();
            spawn(async move {
                sleep(millis(after)).await;
                abort.abort();
            });
        }
        tasks.push(task);
    }
    for task in tasks {
        // The error of one that was aborted; a panic fails the run.
        let _ = task.await;
    }
    assert_eq!(cell.get().copied(), model.borrow().value);
    assert!(model.borrow().turn.is_none(), "nobody initialises");
}

fn checked(seed: Option<u64>, plans: Vec<Plan>) {
    let builder = match seed {
        Some(seed) => Builder::new().seed(seed).policy(Random::new(seed)),
        None => Builder::new(),
    };
    builder.run(check(plans)).unwrap();
}

fn plan() -> impl Strategy<Value = Plan> {
    let end = prop_oneof![1 => Just(End::Fill), 3 => Just(End::Fail), 2 => Just(End::Panic)];
    (0..3_u64, 0..3_u64, end, 0..9_u64, prop::option::weighted(0.3, 0..8_u64)).prop_map(
        |(delay, work, end, patience, aborted_after)| Plan {
            delay,
            work,
            end,
            patience,
            aborted_after,
        },
    )
}

proptest! {
    #[test]
    fn a_cell_is_initialised_as_a_sequential_model_says(
        plans in prop::collection::vec(plan(), 1..10),
        seed in prop::option::of(any::<u64>()),
    ) {
        checked(seed, plans);
    }
}

#[test]
fn a_cell_is_initialised_in_turn_under_a_hundred_schedules() {
    for seed in 0..100 {
        let plan = |number: u64| Plan {
            delay: number % 2,
            work: number % 3,
            end: [End::Fail, End::Panic, End::Fail, End::Fill][number as usize % 4],
            patience: 2 + number,
            aborted_after: (number == 2).then_some(2),
        };
        checked(Some(seed), (0..8).map(plan).collect());
    }
}

// Beside tokio's.

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask(usize),
    Poll(usize),
    Finish(usize, Result<u8, u8>),
    Drop(usize),
    Set(u8),
}

const SLOTS: usize = 5;

fn step() -> impl Strategy<Value = Step> {
    let slot = || 0..SLOTS;
    prop_oneof![
        6 => slot().prop_map(Step::Ask),
        8 => slot().prop_map(Step::Poll),
        3 => (slot(), any::<u8>()).prop_map(|(slot, error)| Step::Finish(slot, Err(error))),
        1 => (slot(), any::<u8>()).prop_map(|(slot, value)| Step::Finish(slot, Ok(value))),
        4 => slot().prop_map(Step::Drop),
        1 => any::<u8>().prop_map(Step::Set),
    ]
}

/// Plays a script on the cell of a crate, and returns what is seen after each step.
macro_rules! play {
    ($($sync:ident)::+, $script:expr) => {{
        let (cell, woken) = ($($sync)::+::OnceCell::<u8>::new(), Woken::default());
        let finished: [Cell<Option<Result<u8, u8>>>; SLOTS] = Default::default();
        type Asked<'a> = Pin<Box<dyn Future<Output = Result<&'a u8, u8>> + 'a>>;
        let mut slots: [Option<Asked<'_>>; SLOTS] = Default::default();
        let mut log = Vec::new();
        for &step in $script {
            let told = match step {
                Step::Ask(slot) if slots[slot].is_none() => {
                    let finished = &finished[slot];
                    finished.set(None);
                    let init = move || poll_fn(|_| finished.take().map_or(Poll::Pending, Poll::Ready));
                    slots[slot] = Some(Box::pin(cell.get_or_try_init(init)));
                    String::new()
                }
                Step::Poll(slot) => {
                    let Some(asked) = &mut slots[slot] else { continue };
                    let polled = woken.poll(slot, asked.as_mut());
                    if polled.is_ready() {
                        slots[slot] = None;
                    }
                    format!("{polled:?}")
                }
                Step::Finish(slot, result) => {
                    finished[slot].set(Some(result));
                    String::new()
                }
                Step::Drop(slot) => {
                    slots[slot] = None;
                    String::new()
                }
                Step::Set(value) => format!("{:?}", cell.set(value)),
                Step::Ask(_) => continue,
            };
            let seen = (cell.get(), cell.initialized());
            log.push(format!("{step:?} {told}, wakes {:?}: {seen:?}", woken.take()));
        }
        log
    }};
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_script_gives_the_same_on_tokios_cell(script in prop::collection::vec(step(), 1..60)) {
        let theirs = play!(tokio::sync, &script);
        let ours = run(async move { play!(simloop::sync, &script) });
        prop_assert_eq!(ours, theirs);
    }
}
