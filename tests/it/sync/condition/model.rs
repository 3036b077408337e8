//! A condition and its mutex against lists, with the futures polled and dropped in any order.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use simloop::sync::{Condition, Mutex, OwnedMutexGuard};

use crate::sync::by_hand::ByHand;

#[derive(Clone, Debug)]
enum Step {
    Lock,
    Wait,
    Unlock,
    Notify(usize),
    NotifyAll,
    Poll(usize),
    Drop(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Lock),
        6 => Just(Step::Wait),
        3 => Just(Step::Unlock),
        3 => (0..3_usize).prop_map(Step::Notify),
        1 => Just(Step::NotifyAll),
        8 => (0..8_usize).prop_map(Step::Poll),
        4 => (0..8_usize).prop_map(Step::Drop),
    ]
}

/// A lock with its line and the line of a condition, in lists.
#[derive(Default)]
struct Model {
    /// Who has the lock, or has been given it.
    owner: Option<usize>,
    line: Vec<usize>,
    waiting: Vec<usize>,
    /// Who was notified and has not come back, and whether all were.
    notified: BTreeMap<usize, bool>,
}

impl Model {
    fn lock(&mut self, who: usize) {
        match self.owner {
            None => self.owner = Some(who),
            Some(_) => self.line.push(who),
        }
    }

    fn unlock(&mut self) {
        self.owner = if self.line.is_empty() { None } else { Some(self.line.remove(0)) };
    }

    fn notify(&mut self, n: usize, is_for_all: bool) {
        for who in self.waiting.drain(..n.min(self.waiting.len())).collect::<Vec<_>>() {
            self.notified.insert(who, is_for_all);
            self.lock(who);
        }
    }

    fn leave(&mut self, who: usize) {
        self.waiting.retain(|&other| other != who);
        if self.notified.remove(&who) == Some(false) {
            self.notify(1, false);
        }
        self.line.retain(|&other| other != who);
        if self.owner == Some(who) {
            self.unlock();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn a_condition_does_what_two_lists_do(script in prop::collection::vec(step(), 0..80)) {
        let (mutex, condition) = (Arc::new(Mutex::new(())), Condition::new());
        let mut model = Model::default();
        let mut waits: BTreeMap<usize, ByHand<'_, OwnedMutexGuard<()>>> = BTreeMap::new();
        let mut held: Option<(usize, OwnedMutexGuard<()>)> = None;
        for (number, step) in script.into_iter().enumerate() {
            let nth = |n: usize| waits.keys().nth(n % waits.len().max(1)).copied();
            let polled = match step {
                Step::Lock => {
                    waits.insert(number, ByHand::new(Arc::clone(&mutex).lock_owned()));
                    model.lock(number);
                    Some(number)
                }
                Step::Wait => {
                    let guard = held.take().map(|(_, guard)| guard);
                    // Whoever has no lock gets it for this, if it is free.
                    let guard = guard.or_else(|| Arc::clone(&mutex).try_lock_owned().ok());
                    guard.map(|guard| {
                        waits.insert(number, ByHand::new(condition.wait(guard)));
                        model.waiting.push(number);
                        model.unlock();
                        number
                    })
                }
                Step::Unlock => {
                    if held.take().is_some() {
                        model.unlock();
                    }
                    None
                }
                Step::Notify(n) => {
                    condition.notify(n);
                    model.notify(n, false);
                    None
                }
                Step::NotifyAll => {
                    condition.notify_all();
                    model.notify(usize::MAX, true);
                    None
                }
                Step::Poll(n) => nth(n),
                Step::Drop(n) => {
                    if let Some(who) = nth(n) {
                        waits.remove(&who);
                        model.leave(who);
                    }
                    None
                }
            };
            if let Some(who) = polled {
                let guard = waits.get_mut(&who).unwrap().poll();
                prop_assert_eq!(guard.is_some(), model.owner == Some(who));
                if let Some(guard) = guard {
                    waits.remove(&who);
                    model.notified.remove(&who);
                    prop_assert!(held.replace((who, guard)).is_none(), "one holds the lock");
                }
            }
            for (who, wait) in &waits {
                let is_due = model.owner == Some(*who);
                prop_assert!(!is_due || wait.wakes() > 0, "whoever has the lock was woken");
                let is_waiting = model.waiting.contains(who);
                prop_assert!(!is_waiting || wait.wakes() == 0, "nobody is woken for nothing");
            }
            prop_assert_eq!(mutex.is_locked(), model.owner.is_some());
        }
    }
}
