//! `Notify`, by itself, against a model, and beside tokio's.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use futures_util::future::{FutureExt, join, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use proptest::prelude::*;
use simloop::policy::Random;
use simloop::sync::Notify;
use simloop::{Builder, Instant, now, run, sleep, spawn, spawn_named, timeout, yield_now};

use super::hands::Woken;
use super::line::{LEAVINGS, Leaving, served_without_the_first};
use crate::snapshots::assert_shown;
use crate::{millis, secs};

/// Three wait; returns who goes on at once after `notify`, in order.
fn notified_by(notify: impl FnOnce(&Notify) + 'static) -> Vec<usize> {
    run(async {
        let (shared, order) = (Arc::new(Notify::new()), Rc::new(RefCell::new(Vec::new())));
        for number in 0..3 {
            let (shared, order) = (Arc::clone(&shared), Rc::clone(&order));
            spawn(async move {
                shared.notified().await;
                order.borrow_mut().push(number);
            });
        }
        yield_now().await;
        notify(&shared);
        sleep(secs(1)).await;
        order.take()
    })
}

#[test]
fn s28_one_is_notified_from_either_end_and_all_in_order() {
    assert_eq!(notified_by(Notify::notify_one), [0]);
    assert_eq!(notified_by(Notify::notify_last), [2]);
    assert_eq!(notified_by(Notify::notify_waiters), [0, 1, 2]);
    let both = |notify: &Notify| {
        notify.notify_last();
        notify.notify_one();
    };
    assert_eq!(notified_by(both), [2, 0]);
}

#[test]
fn one_permit_is_stored_and_no_more() {
    run(async {
        for store in [Notify::notify_one, Notify::notify_last] {
            let notify = Notify::new();
            store(&notify);
            store(&notify);
            assert_eq!(notify.notified().now_or_never(), Some(()));
            assert_eq!(notify.notified().now_or_never(), None);
            notify.notify_waiters();
            assert_eq!(notify.notified().now_or_never(), None, "that is not stored");
        }
    });
}

#[test]
fn notifying_all_reaches_futures_from_their_making_and_takes_no_permit() {
    run(async {
        let notify = Arc::new(Notify::new());
        let (made, owned) = (notify.notified(), Arc::clone(&notify).notified_owned());
        let mut waiting = Box::pin(notify.notified());
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        notify.notify_waiters();
        notify.notify_one();
        let mut late = Box::pin(notify.notified());
        // The made ones go past whoever waits, and leave the stored permit alone.
        assert!(futures_util::poll!(late.as_mut()).is_ready());
        assert_eq!((made.now_or_never(), owned.now_or_never()), (Some(()), Some(())));
        let mut later = Box::pin(notify.notified());
        assert!(futures_util::poll!(later.as_mut()).is_pending());
        waiting.await;
        let made = notify.notified();
        notify.notify_waiters();
        let mut last = Box::pin(notify.notified());
        assert!(futures_util::poll!(last.as_mut()).is_pending());
        assert_eq!(made.now_or_never(), Some(()), "though somebody waits");
    });
}

#[test]
fn enabling_enters_the_line_and_takes_a_permit() {
    run(async {
        let notify = Notify::new();
        let mut first = Box::pin(notify.notified());
        assert!(!first.as_mut().enable());
        let mut second = Box::pin(notify.notified());
        assert!(futures_util::poll!(second.as_mut()).is_pending());
        notify.notify_one();
        assert!(first.as_mut().enable(), "it came first");
        assert!(first.as_mut().enable() && futures_util::poll!(first.as_mut()).is_ready());
        drop(first);
        assert!(
            futures_util::poll!(second.as_mut()).is_pending(),
            "what was taken is not passed on"
        );
        drop(second);
        notify.notify_one();
        let mut third = Box::pin(notify.notified());
        assert!(third.as_mut().enable());
        third.await;
    });
}

#[test]
fn an_enabled_future_is_woken_where_it_is_awaited() {
    run(async {
        let notify = Arc::new(Notify::new());
        let mut notified = Box::pin(Arc::clone(&notify).notified_owned());
        notified.as_mut().enable();
        let waiter = spawn(async move {
            notified.await;
            now()
        });
        sleep(secs(1)).await;
        notify.notify_one();
        assert_eq!(waiter.await.unwrap().to_string(), "1s");
    });
}

#[test]
fn s29_a_notification_for_one_that_goes_away_goes_to_the_next() {
    for leaving in LEAVINGS {
        for is_chosen in [false, true] {
            let notify = Arc::new(Notify::new());
            let wait = {
                let notify = Arc::clone(&notify);
                move || Arc::clone(&notify).notified_owned()
            };
            let served =
                served_without_the_first(leaving, is_chosen, wait, move || notify.notify_one());
            let is_in_time = leaving == Leaving::TimedOut && is_chosen;
            assert_eq!(
                served,
                [usize::from(!is_in_time)],
                "{leaving:?}, chosen before: {is_chosen}"
            );
        }
    }
}

#[test]
fn s29_a_notification_for_the_last_goes_on_to_the_last() {
    run(async {
        let notify = Notify::new();
        let mut waiters: Vec<_> = (0..3).map(|_| Box::pin(notify.notified())).collect();
        for waiter in &mut waiters {
            waiter.as_mut().enable();
        }
        notify.notify_last();
        waiters.pop();
        assert!(waiters[1].as_mut().enable());
        assert!(!waiters[0].as_mut().enable());
        notify.notify_one();
        drop(waiters);
        assert_eq!(notify.notified().now_or_never(), Some(()), "nobody is left, so it is stored");
    });
}

#[test]
fn notifications_arrive_in_foreign_combinators() {
    run(async {
        let notify = Notify::new();
        let ((), ()) = join(notify.notified(), async { notify.notify_one() }).await;
        let chosen = select(notify.notified(), notify.notified());
        let (either, ()) = join(chosen, async { notify.notify_last() }).await;
        assert!(matches!(either, futures_util::future::Either::Right(_)));
        drop(either);
        let mut waiting: FuturesUnordered<_> = (0..3).map(|_| notify.notified()).collect();
        assert_eq!(waiting.next().now_or_never(), None);
        notify.notify_one();
        assert_eq!(waiting.next().now_or_never(), Some(Some(())));
        assert_eq!(waiting.next().now_or_never(), None);
        notify.notify_waiters();
        assert_eq!(waiting.collect::<Vec<_>>().await.len(), 2);
    });
}

#[test]
fn s37_a_deadlock_names_what_nobody_notifies_and_not_who_has_only_enabled() {
    let report = Builder::new().run(async {
        let changed = Arc::new(Notify::new().named("changed"));
        let never = Notify::new().named("never");
        let mut enabled = Box::pin(never.notified());
        enabled.as_mut().enable();
        for _ in 0..2 {
            let changed = Arc::clone(&changed);
            spawn_named("listener", async move { changed.notified().await });
        }
        sleep(secs(1)).await;
        changed.notify_one();
        changed.notified().await;
    });
    assert_shown("sync", "deadlock_notify", report.unwrap_failure());
}

// Against a model.

#[derive(Clone, Copy, PartialEq, Debug)]
enum Call {
    One,
    Last,
    All,
}

#[derive(Default)]
struct Model {
    is_stored: bool,
    calls: u32,
    queue: VecDeque<usize>,
    /// Who was notified by what, and when, and has not gone on since.
    notified: BTreeMap<usize, (Call, Instant)>,
}

impl Model {
    fn ask(&mut self, id: usize, seen: u32) {
        if seen != self.calls {
            self.notified.insert(id, (Call::All, now()));
        } else if self.is_stored {
            self.is_stored = false;
            self.notified.insert(id, (Call::One, now()));
        } else {
            self.queue.push_back(id);
        }
    }

    fn notify(&mut self, call: Call) {
        let chosen = match call {
            Call::One => self.queue.pop_front(),
            Call::Last => self.queue.pop_back(),
            Call::All => {
                self.calls += 1;
                for id in self.queue.drain(..) {
                    self.notified.insert(id, (Call::All, now()));
                }
                return;
            }
        };
        match chosen {
            Some(id) => drop(self.notified.insert(id, (call, now()))),
            None => self.is_stored = true,
        }
    }

    fn go_on(&mut self, id: usize) {
        let notified = self.notified.remove(&id);
        let (_, at) = notified.unwrap_or_else(|| panic!("{id} was notified out of turn"));
        assert_eq!(at, now(), "{id} was notified late");
    }

    fn go_away(&mut self, id: usize) {
        match self.notified.remove(&id) {
            Some((Call::All, _)) => {}
            Some((call, _)) => self.notify(call),
            None => self.queue.retain(|&other| other != id),
        }
    }
}

/// One wait: how long after its making it is first polled, whether it is enabled before, how long it waits.
#[derive(Clone, Debug)]
struct Wait {
    delay: u64,
    is_enabled: bool,
    idle: u64,
    patience: u64,
}

/// Tells the model that the waiter is gone, unless it has gone on.
struct Witness {
    model: Rc<RefCell<Model>>,
    id: usize,
    is_in_line: bool,
}

impl Witness {
    fn enter(&mut self, seen: u32) {
        if !self.is_in_line {
            self.is_in_line = true;
            self.model.borrow_mut().ask(self.id, seen);
        }
    }

    /// Enabling has told that it is notified, whenever that was: from then on nothing is passed on.
    fn take(&mut self) {
        if std::mem::take(&mut self.is_in_line) {
            assert!(self.model.borrow_mut().notified.remove(&self.id).is_some());
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if self.is_in_line {
            self.model.borrow_mut().go_away(self.id);
        }
    }
}

async fn wait_as_planned(
    waits: Vec<Wait>,
    id: usize,
    notify: Arc<Notify>,
    model: Rc<RefCell<Model>>,
) {
    for Wait { delay, is_enabled, idle, patience } in waits {
        sleep(millis(delay)).await;
        let mut witness = Witness { model: Rc::clone(&model), id, is_in_line: false };
        let mut notified = Box::pin(notify.notified());
        let seen = model.borrow().calls;
        if is_enabled {
            let is_ready = notified.as_mut().enable();
            witness.enter(seen);
            assert_eq!(is_ready, model.borrow().notified.contains_key(&id));
            if is_ready {
                witness.take();
            }
        }
        sleep(millis(idle)).await;
        if is_enabled && notified.as_mut().enable() {
            witness.take();
            notified.await;
            continue;
        }
        witness.enter(seen);
        if timeout(millis(patience), notified).await.is_ok() {
            witness.is_in_line = false;
            model.borrow_mut().go_on(id);
        }
    }
}

async fn check(tasks: Vec<(Vec<Wait>, Option<u64>)>, calls: Vec<(u64, Call)>) {
    let (notify, model) = (Arc::new(Notify::new()), Rc::new(RefCell::new(Model::default())));
    let mut handles = Vec::new();
    for (id, (waits, aborted_after)) in tasks.into_iter().enumerate() {
        let (notify, model) = (Arc::clone(&notify), Rc::clone(&model));
        let handle = spawn(wait_as_planned(waits, id, notify, model));
        if let Some(after) = aborted_after {
            let abort = handle.abort_handle();
            spawn(async move {
                sleep(millis(after)).await;
                abort.abort();
            });
        }
        handles.push(handle);
    }
    for (delay, call) in calls {
        sleep(millis(delay)).await;
        match call {
            Call::One => notify.notify_one(),
            Call::Last => notify.notify_last(),
            Call::All => notify.notify_waiters(),
        }
        model.borrow_mut().notify(call);
    }
    for handle in handles {
        // The error of one that was aborted; a panic fails the run.
        let _ = handle.await;
    }
    assert_eq!(notify.notified().now_or_never().is_some(), model.borrow().is_stored);
    assert!(model.borrow().queue.is_empty() && model.borrow().notified.is_empty());
}

fn checked(seed: Option<u64>, program: impl Future<Output = ()> + 'static) {
    let builder = match seed {
        Some(seed) => Builder::new().seed(seed).policy(Random::new(seed)),
        None => Builder::new(),
    };
    builder.run(program).unwrap();
}

fn waits() -> impl Strategy<Value = (Vec<Wait>, Option<u64>)> {
    let wait = (0..3_u64, any::<bool>(), 0..3_u64, 0..5_u64)
        .prop_map(|(delay, is_enabled, idle, patience)| Wait { delay, is_enabled, idle, patience });
    (prop::collection::vec(wait, 1..5), prop::option::weighted(0.3, 0..8_u64))
}

proptest! {
    #[test]
    fn notifications_arrive_as_a_sequential_model_says(
        tasks in prop::collection::vec(waits(), 1..7),
        calls in prop::collection::vec(
            (0..3_u64, prop_oneof![3 => Just(Call::One), 2 => Just(Call::Last), 1 => Just(Call::All)]),
            0..12,
        ),
        seed in prop::option::of(any::<u64>()),
    ) {
        checked(seed, check(tasks, calls));
    }
}

#[test]
fn a_crowd_is_notified_in_order_under_a_hundred_schedules() {
    for seed in 0..100 {
        let wait = |idle| Wait { delay: 0, is_enabled: idle > 0, idle, patience: 2 };
        let tasks = (0..6_u64)
            .map(|number| (vec![wait(number % 2), wait(0), wait(1)], (number == 4).then_some(2)));
        let calls = [Call::One, Call::Last, Call::One, Call::All, Call::Last, Call::One];
        let calls = calls.iter().cycle().take(18).enumerate();
        let calls = calls.map(|(number, &call)| (u64::from(number % 3 == 0), call));
        checked(Some(seed), check(tasks.collect(), calls.collect()));
    }
}

// Beside tokio's.

#[derive(Clone, Copy, Debug)]
enum Step {
    Make(usize),
    Enable(usize),
    Poll(usize),
    Drop(usize),
    Notify(Call),
}

const SLOTS: usize = 5;

fn step() -> impl Strategy<Value = Step> {
    let slot = || 0..SLOTS;
    let call = prop_oneof![4 => Just(Call::One), 3 => Just(Call::Last), 2 => Just(Call::All)];
    prop_oneof![
        4 => slot().prop_map(Step::Make),
        1 => slot().prop_map(Step::Enable),
        4 => slot().prop_map(Step::Poll),
        2 => slot().prop_map(Step::Drop),
        3 => call.prop_map(Step::Notify),
    ]
}

/// Plays a script on the `Notify` of a crate, and returns what is seen after each step.
macro_rules! play {
    ($($sync:ident)::+, $script:expr) => {{
        let (notify, woken) = ($($sync)::+::Notify::new(), Woken::default());
        let mut slots: [Option<Pin<Box<_>>>; SLOTS] = std::array::from_fn(|_| None);
        let mut log = Vec::new();
        for &step in $script {
            let told = match step {
                Step::Make(slot) => {
                    slots[slot].get_or_insert_with(|| Box::pin(notify.notified()));
                    false
                }
                Step::Enable(slot) => slots[slot].as_mut().is_some_and(|asked| asked.as_mut().enable()),
                Step::Poll(slot) => slots[slot]
                    .as_mut()
                    .is_some_and(|asked| woken.poll(slot, asked.as_mut()) == Poll::Ready(())),
                Step::Drop(slot) => slots[slot].take().is_some(),
                Step::Notify(call) => {
                    match call {
                        Call::One => notify.notify_one(),
                        Call::Last => notify.notify_last(),
                        Call::All => notify.notify_waiters(),
                    }
                    false
                }
            };
            log.push(format!("{step:?} {told}, wakes {:?}", woken.take()));
        }
        log
    }};
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_script_gives_the_same_on_tokios_notify(script in prop::collection::vec(step(), 1..80)) {
        let theirs = play!(tokio::sync, &script);
        let ours = run(async move { play!(simloop::sync, &script) });
        prop_assert_eq!(ours, theirs);
    }
}
