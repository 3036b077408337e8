//! Cleanups under random policies, against a model that compares instants.
//!
//! Aborts, ends of work and deadlines each have their own place on a grid of four milliseconds, and cleanups take
//! whole steps of it. So no two of them tie, and the policy must not matter.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use proptest::prelude::*;
use simloop::policy::Random;
use simloop::task::on_cancel;
use simloop::{Builder, CancelScope, Instant, TaskGroup, now, sleep, spawn};

use crate::millis;

/// What becomes of the guards when the work is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Disarm,
    RunNow,
    Drop,
}

/// What is around the work. A scope has a deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Around {
    Nothing,
    Group,
    Scope(u64),
}

#[derive(Clone, Debug)]
struct Plan {
    limit: u64,
    /// How long the cleanup of each guard takes.
    tidies: Vec<u64>,
    work: u64,
    way: Way,
    around: Around,
    aborted_at: Option<u64>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let grid = |place: u64| (0..6_u64).prop_map(move |n| 4 * n + place);
    let way = prop_oneof![1 => Just(Way::Disarm), 2 => Just(Way::RunNow), 2 => Just(Way::Drop)];
    let scope = grid(3).prop_map(Around::Scope);
    let around = prop_oneof![2 => Just(Around::Nothing), 1 => Just(Around::Group), 2 => scope];
    let tidies = prop::collection::vec(grid(0), 0..4);
    (grid(4), tidies, grid(2), way, around, prop::option::of(grid(1))).prop_map(
        |(limit, tidies, work, way, around, aborted_at)| Plan {
            limit,
            tidies,
            work,
            way,
            around,
            aborted_at,
        },
    )
}

/// A cleanup: when it began and ended, and whether that was before its limit.
type Tidied = (u64, u64, bool);

/// What happens to a worker.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Story {
    tidied: BTreeMap<usize, Tidied>,
    /// When the code behind what is around went on.
    left_at: Option<u64>,
    /// When the join was told, and whether the worker had completed.
    joined: (u64, bool),
}

impl Plan {
    fn tidy(&self, guard: usize, begins_at: u64) -> Tidied {
        let takes = self.tidies[guard];
        (begins_at, begins_at + takes.min(self.limit), takes <= self.limit)
    }

    /// What should happen.
    fn story(&self) -> Story {
        let deadline = match self.around {
            Around::Scope(deadline) => deadline,
            _ => u64::MAX,
        };
        let abort = self.aborted_at.unwrap_or(u64::MAX);
        let cut = abort.min(deadline);
        let mut tidied = BTreeMap::new();
        // Until when the code itself runs if nothing cuts it short.
        let mut ends_at = self.work;
        if cut < self.work {
            ends_at = cut;
        } else if self.way == Way::RunNow {
            for guard in 0..self.tidies.len() {
                if ends_at > cut {
                    break;
                }
                tidied.insert(guard, self.tidy(guard, ends_at));
                ends_at = tidied[&guard].1;
            }
            ends_at = ends_at.min(cut);
        }
        let is_done = ends_at < cut;
        if !is_done || self.way == Way::Drop {
            for guard in 0..self.tidies.len() {
                tidied.entry(guard).or_insert_with(|| self.tidy(guard, ends_at));
            }
        }
        let all_at =
            tidied.values().map(|&(_, ends_at, _)| ends_at).max().unwrap_or(0).max(ends_at);
        // What is around waits for the cleanups in the code, which an abort ends; the end of a task waits too,
        // and then there is nothing left to abort.
        let code_ends_at = if self.around == Around::Nothing { ends_at } else { all_at };
        let is_completed = code_ends_at < abort;
        let left_at = (is_completed && self.around != Around::Nothing).then_some(code_ends_at);
        let joined_at = if is_completed { all_at } else { all_at.max(abort) };
        Story { tidied, left_at, joined: (joined_at, is_completed) }
    }
}

type Told = Rc<RefCell<Story>>;

/// Writes down a cleanup as it ends.
struct Witness(Told, usize, Tidied);

impl Drop for Witness {
    fn drop(&mut self) {
        let (begun_at, _, is_over) = self.2;
        let before = self.0.borrow_mut().tidied.insert(self.1, (begun_at, millis_now(), is_over));
        assert_eq!(before, None, "a value is tidied up once");
    }
}

fn millis_now() -> u64 {
    (now() - Instant::ZERO).as_millis() as u64
}

async fn work(plan: Plan, told: Told) {
    let mut guards = Vec::new();
    for (number, takes) in plan.tidies.into_iter().enumerate() {
        let value = (Rc::clone(&told), number);
        guards.push(on_cancel(millis(plan.limit), value, move |(told, number)| async move {
            let mut witness = Witness(told, number, (millis_now(), 0, false));
            sleep(millis(takes)).await;
            witness.2.2 = true;
        }));
    }
    sleep(millis(plan.work)).await;
    match plan.way {
        Way::Disarm => guards.into_iter().for_each(|guard| drop(guard.disarm())),
        Way::Drop => drop(guards),
        Way::RunNow => {
            for (guard, takes) in guards.into_iter().zip(0..) {
                let number = guard.1;
                assert_eq!(number, takes);
                let is_over = guard.run_now().await.is_ok();
                assert_eq!(told.borrow().tidied[&number].2, is_over);
            }
        }
    }
}

async fn worker(plan: Plan, told: Told) {
    let inside = work(plan.clone(), Rc::clone(&told));
    match plan.around {
        Around::Nothing => return inside.await,
        Around::Scope(deadline) => {
            let deadline = Instant::ZERO + millis(deadline);
            let _ = CancelScope::at(deadline).run(inside).await;
        }
        Around::Group => {
            let grouped = async |_: TaskGroup<()>| {
                inside.await;
                Ok(())
            };
            TaskGroup::scope(grouped).await.unwrap();
        }
    }
    told.borrow_mut().left_at = Some(millis_now());
}

async fn scenario(plans: Vec<Plan>) {
    let mut joins = Vec::new();
    for plan in &plans {
        let told = Told::default();
        let worker = spawn(worker(plan.clone(), Rc::clone(&told)));
        if let Some(at) = plan.aborted_at {
            let abort = worker.abort_handle();
            spawn(async move {
                sleep(millis(at)).await;
                abort.abort();
            });
        }
        joins.push(spawn(async move {
            let is_completed = worker.await.is_ok();
            told.borrow_mut().joined = (millis_now(), is_completed);
            told.take()
        }));
    }
    for (plan, join) in plans.iter().zip(joins) {
        assert_eq!(join.await.unwrap(), plan.story(), "{plan:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn s25_cleanups_begin_end_and_are_waited_for_as_a_comparison_of_instants_says(
        plans in prop::collection::vec(plan(), 1..6),
        seed: Option<u64>,
    ) {
        let builder = match seed {
            Some(seed) => Builder::new().policy(Random::new(seed)),
            None => Builder::new(),
        };
        builder.run(scenario(plans)).unwrap();
    }
}
