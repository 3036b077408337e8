//! Random trees of groups under random policies, against a model that only compares instants.
//!
//! Everything in a tree starts at the first instant, so the instant of each end is known beforehand: a task
//! ends when its delay is over or when something around it is cancelled, and a group is cancelled by the
//! earliest failure in it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::try_join_all;
use proptest::prelude::*;
use simloop::policy::Random;
use simloop::time::Instant;
use simloop::{Builder, TaskGroup, now, sleep, spawn_named};

use crate::millis;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ends {
    Well,
    Failing,
    Panicking,
}

/// A task or the body of a group: what it does after its delay.
#[derive(Clone, Debug)]
struct Leaf {
    /// Numbers the leaves of a tree; also the delay, in milliseconds, where all delays are to differ.
    number: u64,
    delay: u64,
    ends: Ends,
}

#[derive(Clone, Debug)]
struct Group {
    body: Leaf,
    children: Vec<Child>,
}

#[derive(Clone, Debug)]
enum Child {
    Leaf(Leaf),
    /// In a task of its own, or in the body, beside what the body does.
    Group {
        group: Group,
        in_body: bool,
    },
}

fn leaf() -> impl Strategy<Value = Leaf> {
    let ends =
        prop_oneof![8 => Just(Ends::Well), 1 => Just(Ends::Failing), 1 => Just(Ends::Panicking)];
    (0..6_u64, ends).prop_map(|(delay, ends)| Leaf { number: 0, delay, ends })
}

fn group() -> impl Strategy<Value = Group> {
    let child = leaf().prop_map(Child::Leaf).boxed();
    let child = child.prop_recursive(3, 24, 5, |child| {
        (leaf(), prop::collection::vec(child, 0..5), any::<bool>()).prop_map(
            |(body, children, in_body)| Child::Group { group: Group { body, children }, in_body },
        )
    });
    (leaf(), prop::collection::vec(child, 0..6))
        .prop_map(|(body, children)| Group { body, children })
}

impl Group {
    fn leaves(&mut self) -> Vec<&mut Leaf> {
        let mut leaves = vec![&mut self.body];
        for child in &mut self.children {
            match child {
                Child::Leaf(leaf) => leaves.push(leaf),
                Child::Group { group, .. } => leaves.extend(group.leaves()),
            }
        }
        leaves
    }

    /// Numbers the leaves, and gives each a delay of its own if asked to.
    fn numbered(mut self, shuffled: Option<Vec<u64>>) -> Group {
        for (number, leaf) in (0..).zip(self.leaves()) {
            leaf.number = number;
            if let Some(shuffled) = &shuffled {
                leaf.delay = shuffled[number as usize];
            }
        }
        self
    }

    /// When the group ends, if nothing around it is cancelled, and whether it fails.
    fn end(&self) -> (u64, bool) {
        let nested = self.children.iter().map(|child| match child {
            Child::Leaf(leaf) => (leaf.delay, leaf.ends != Ends::Well),
            Child::Group { group, .. } => group.end(),
        });
        let ends: Vec<_> =
            nested.chain([(self.body.delay, self.body.ends != Ends::Well)]).collect();
        let failure = ends.iter().filter(|(_, fails)| *fails).map(|(at, _)| *at).min();
        let last = ends.iter().map(|(at, _)| *at).max().expect("there is the body");
        (failure.unwrap_or(last), failure.is_some())
    }

    /// When each leaf ends, by its number, if what is around is cancelled at `limit`.
    fn leaf_ends(&self, limit: u64, ends: &mut BTreeMap<u64, u64>) {
        let (end, fails) = self.end();
        let limit = if fails { limit.min(end) } else { limit };
        ends.insert(self.body.number, self.body.delay.min(limit));
        for child in &self.children {
            match child {
                Child::Leaf(leaf) => {
                    ends.insert(leaf.number, leaf.delay.min(limit));
                }
                Child::Group { group, .. } => group.leaf_ends(limit, ends),
            }
        }
    }
}

/// The leaves that were started: when they have ended, and whether they came to their delay.
type Log = Rc<RefCell<BTreeMap<u64, Option<(Instant, bool)>>>>;

struct Witness {
    log: Log,
    number: u64,
    is_done: bool,
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.log.borrow_mut().insert(self.number, Some((now(), self.is_done)));
    }
}

fn work(leaf: &Leaf, log: &Log) -> impl Future<Output = Result<(), u64>> + 'static + use<> {
    let Leaf { number, delay, ends } = *leaf;
    let mut witness = Witness { log: Rc::clone(log), number, is_done: false };
    let before = log.borrow_mut().insert(number, None);
    assert!(before.is_none(), "leaf {number} was started twice");
    async move {
        sleep(millis(delay)).await;
        witness.is_done = true;
        drop(witness);
        match ends {
            Ends::Well => Ok(()),
            Ends::Failing => Err(number),
            Ends::Panicking => std::panic::resume_unwind(Box::new(number)),
        }
    }
}

/// Runs a group, and checks its result against the model as it is left.
fn run_group(group: Group, log: Log) -> Pin<Box<dyn Future<Output = Result<(), u64>>>> {
    Box::pin(async move {
        let mut plan = group.clone();
        let inner = Rc::clone(&log);
        let result = TaskGroup::scope(async move |tasks| {
            let mut in_body = Vec::new();
            for child in group.children {
                match child {
                    Child::Leaf(leaf) => drop(tasks.spawn(work(&leaf, &inner))),
                    Child::Group { group, in_body: true } => {
                        in_body.push(run_group(group, Rc::clone(&inner)))
                    }
                    Child::Group { group, .. } => {
                        drop(tasks.spawn(run_group(group, Rc::clone(&inner))))
                    }
                }
            }
            let work = work(&group.body, &inner).boxed_local();
            try_join_all(in_body.into_iter().chain([work])).await.map(drop)
        })
        .await;
        let (end, fails) = plan.end();
        let end = Instant::ZERO + millis(end);
        assert_eq!((now(), result.is_err()), (end, fails), "{plan:#?}");
        for leaf in plan.leaves() {
            let number = leaf.number;
            let ended = log.borrow().get(&number).copied();
            assert!(ended != Some(None), "leaf {number} outlives its group");
        }
        let Err(error) = result else { return Ok(()) };
        assert!(error.failures().iter().all(|failure| failure.at() == end), "{error}");
        Err(error.into_failures().swap_remove(0).into_error().unwrap_or(u64::MAX))
    })
}

/// Runs a tree, aborted at an instant if it is not done by then, half a millisecond apart from all others.
#[track_caller]
fn check(group: Group, aborted_at: Option<u64>, seed: Option<u64>, has_ties: bool) {
    let log = Log::default();
    let (plan, witnesses) = (group.clone(), Rc::clone(&log));
    let program = async move {
        let (end, _) = plan.end();
        let waiter = spawn_named("waiter", run_group(plan.clone(), Rc::clone(&witnesses)));
        let abort = waiter.abort_handle();
        if let Some(at) = aborted_at {
            sleep(millis(at) + std::time::Duration::from_micros(500)).await;
            abort.abort();
        }
        let is_cut = aborted_at.is_some_and(|at| at < end);
        match waiter.await {
            Ok(_) => assert!(!is_cut),
            Err(error) => assert!(error.is_cancelled() && is_cut, "{error}"),
        }
        let mut ends = BTreeMap::new();
        plan.leaf_ends(u64::MAX, &mut ends);
        let witnesses = witnesses.borrow();
        for (number, &planned) in &ends {
            let Some(ended) = witnesses.get(number) else {
                assert_eq!(planned, 0, "leaf {number} was never started");
                continue;
            };
            let (at, is_done) = ended.expect("every leaf has ended by now");
            match aborted_at.filter(|&cut| cut < planned) {
                Some(cut) => {
                    let cut = Instant::ZERO + millis(cut) + std::time::Duration::from_micros(500);
                    assert_eq!((at, is_done), (cut, false), "leaf {number}");
                }
                None => {
                    assert_eq!(at, Instant::ZERO + millis(planned), "leaf {number}");
                }
            }
        }
        (witnesses.clone(), plan)
    };
    let builder = Builder::new().deny_leftovers(true);
    let report = match seed {
        Some(seed) => builder.policy(Random::new(seed)).run(program),
        None => builder.run(program),
    };
    let (witnesses, mut plan) = report.unwrap();
    if has_ties || aborted_at.is_some() {
        return;
    }
    // Where no two delays are equal, a leaf is done exactly if nothing has cut it short before.
    let mut ends = BTreeMap::new();
    plan.leaf_ends(u64::MAX, &mut ends);
    for leaf in plan.leaves() {
        let is_done = ends[&leaf.number] == leaf.delay;
        let ended = witnesses[&leaf.number].expect("every leaf has ended");
        assert_eq!(ended.1, is_done, "leaf {}", leaf.number);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn s25_trees_of_groups_end_as_their_failures_say(
        group in group(),
        shuffled in Just((1..=200).collect::<Vec<u64>>()).prop_shuffle(),
        seed: Option<u64>,
    ) {
        check(group.numbered(Some(shuffled)), None, seed, false);
    }

    #[test]
    fn s25_trees_of_groups_leave_nobody_behind_when_they_are_aborted_or_all_happens_at_once(
        group in group(),
        aborted_at in prop::option::of(0..6_u64),
        seed: Option<u64>,
    ) {
        let mut group = group.numbered(None);
        for leaf in group.leaves() {
            // A panic that is cut off from its group fails the run, so there are none here.
            leaf.ends = if leaf.ends == Ends::Well { Ends::Well } else { Ends::Failing };
        }
        check(group, aborted_at, seed, true);
    }
}
