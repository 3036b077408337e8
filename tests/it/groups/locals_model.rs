//! Task-local values under random policies, against a row of numbers that is copied at each spawn.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use futures_util::future::join;
use proptest::prelude::*;
use simloop::policy::Random;
use simloop::task::LocalKey;
use simloop::{Builder, sleep, spawn, task_local, timeout, yield_now};

use crate::millis;

/// A number, and something by which values are counted.
type Value = (u32, Rc<()>);

task_local! {
    static FIRST: Value;
    static SECOND: Value;
    static WITH_DEFAULT: Value = (0, Rc::new(()));
}

static KEYS: [&LocalKey<Value>; 3] = [&FIRST, &SECOND, &WITH_DEFAULT];

/// What is done within a scope, to the key of that scope alone.
#[derive(Clone, Copy, Debug)]
enum Own {
    Set(u32),
    Unset,
    Yield,
    Sleep(u64),
}

#[derive(Clone, Debug)]
enum Op {
    Set(usize, u32),
    Unset(usize),
    Replace(usize, u32),
    Sleep(u64),
    /// A scope without a suspension, in which another value is set.
    Sync(usize, u32, u32),
    Scope(usize, u32, Vec<Op>),
    /// A scope that is cut short, after so many milliseconds at most.
    Cut(usize, u32, Vec<Own>, u64),
    /// Two scopes of one key, in turns within one task.
    Join(usize, [Vec<Own>; 2]),
    /// Awaited, or left alone.
    Spawn(Vec<Op>, bool),
    /// Aborted after so many milliseconds.
    Aborted(Vec<Op>, u64),
}

fn own() -> impl Strategy<Value = Vec<Own>> {
    let own = prop_oneof![
        2 => (0..100_u32).prop_map(Own::Set),
        1 => Just(Own::Unset),
        2 => Just(Own::Yield),
        1 => (0..3_u64).prop_map(Own::Sleep),
    ];
    prop::collection::vec(own, 0..5)
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let key = || 0..3_usize;
    let value = || 0..100_u32;
    let op = prop_oneof![
        4 => (key(), value()).prop_map(|(key, value)| Op::Set(key, value)),
        2 => key().prop_map(Op::Unset),
        2 => (key(), value()).prop_map(|(key, value)| Op::Replace(key, value)),
        2 => (0..3_u64).prop_map(Op::Sleep),
        2 => (key(), value(), value()).prop_map(|(key, one, other)| Op::Sync(key, one, other)),
        2 => (key(), value(), own(), 0..4_u64)
            .prop_map(|(key, value, own, after)| Op::Cut(key, value, own, after)),
        2 => (key(), own(), own()).prop_map(|(key, one, other)| Op::Join(key, [one, other])),
    ];
    let op = op.prop_recursive(3, 24, 5, |op| {
        let ops = || prop::collection::vec(op.clone(), 0..5);
        prop_oneof![
            2 => (0..3_usize, 0..100_u32, ops())
                .prop_map(|(key, value, ops)| Op::Scope(key, value, ops)),
            2 => (ops(), any::<bool>()).prop_map(|(ops, is_awaited)| Op::Spawn(ops, is_awaited)),
            1 => (ops(), 0..4_u64).prop_map(|(ops, after)| Op::Aborted(ops, after)),
        ]
    });
    prop::collection::vec(op, 0..8)
}

/// The values that a task sees, one after the other.
type Seen = Vec<[Option<u32>; 3]>;

/// What each piece of code has seen, by its place in the program; and whether it came to its end.
type Log = Rc<RefCell<BTreeMap<Vec<usize>, (Seen, bool)>>>;

/// The model: what every piece of code would see that nothing cuts short.
#[derive(Default)]
struct Model(BTreeMap<Vec<usize>, Seen>);

impl Model {
    fn run(&mut self, ops: &[Op], path: &[usize], row: &mut [Option<u32>; 3]) {
        self.see(path, row);
        for (number, op) in ops.iter().enumerate() {
            let below = [path, &[number]].concat();
            match op {
                Op::Set(key, value) => row[*key] = Some(*value),
                Op::Unset(key) => row[*key] = None,
                Op::Replace(key, value) => {
                    let before = row[*key].replace(*value);
                    self.0.insert(below, vec![[before, None, None]]);
                }
                Op::Sleep(_) => {}
                Op::Sync(key, one, other) => {
                    let mut inner = *row;
                    inner[*key] = Some(*one);
                    self.see(&below, &inner);
                    inner[*key] = Some(*other);
                    self.see(&below, &inner);
                }
                Op::Scope(key, value, ops) => {
                    let outer = row[*key].replace(*value);
                    self.run(ops, &below, row);
                    row[*key] = outer;
                }
                Op::Cut(key, value, own, _) => self.run_own(*key, Some(*value), own, &below, row),
                Op::Join(key, branches) => {
                    for (branch, own) in branches.iter().enumerate() {
                        let below = [&below[..], &[branch]].concat();
                        self.run_own(*key, Some(branch as u32), own, &below, row);
                    }
                }
                Op::Spawn(ops, _) | Op::Aborted(ops, _) => self.run(ops, &below, &mut row.clone()),
            }
            self.see(path, row);
        }
    }

    fn run_own(
        &mut self,
        key: usize,
        value: Option<u32>,
        own: &[Own],
        path: &[usize],
        row: &[Option<u32>; 3],
    ) {
        let mut row = *row;
        row[key] = value;
        self.see(path, &row);
        for own in own {
            match own {
                Own::Set(value) => row[key] = Some(*value),
                Own::Unset => row[key] = None,
                Own::Yield | Own::Sleep(_) => {}
            }
            self.see(path, &row);
        }
    }

    fn see(&mut self, path: &[usize], row: &[Option<u32>; 3]) {
        let [first, second, third] = *row;
        let seen = [first, second, third.or(Some(0))];
        self.0.entry(path.to_vec()).or_default().push(seen);
    }
}

/// The program, with what all its pieces share.
#[derive(Clone)]
struct Program {
    log: Log,
    counted: Rc<()>,
}

impl Program {
    fn value(&self, number: u32) -> Value {
        (number, Rc::clone(&self.counted))
    }

    fn see(&self, path: &[usize]) {
        let row = KEYS.map(|key| key.try_with(|value| value.0).ok());
        self.log.borrow_mut().entry(path.to_vec()).or_default().0.push(row);
    }

    fn end(&self, path: &[usize]) {
        self.log.borrow_mut().get_mut(path).expect("it has seen something").1 = true;
    }

    fn run(self, ops: Vec<Op>, path: Vec<usize>) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(async move {
            self.see(&path);
            for (number, op) in ops.into_iter().enumerate() {
                self.clone().step(op, [&path[..], &[number]].concat()).await;
                self.see(&path);
            }
            self.end(&path);
        })
    }

    async fn step(self, op: Op, path: Vec<usize>) {
        match op {
            Op::Set(key, value) => KEYS[key].set(self.value(value)),
            Op::Unset(key) => KEYS[key].unset(),
            Op::Replace(key, value) => {
                let before = KEYS[key].replace(self.value(value)).map(|before| before.0);
                self.log.borrow_mut().insert(path, (vec![[before, None, None]], true));
            }
            Op::Sleep(takes) => sleep(millis(takes)).await,
            Op::Sync(key, one, other) => {
                KEYS[key].sync_scope(self.value(one), || {
                    self.see(&path);
                    KEYS[key].set(self.value(other));
                    self.see(&path);
                });
                self.end(&path);
            }
            Op::Scope(key, value, ops) => {
                KEYS[key].scope(self.value(value), self.clone().run(ops, path)).await;
            }
            Op::Cut(key, value, own, after) => {
                let running = self.clone().run_own(key, own, path);
                let scope = KEYS[key].scope(self.value(value), running);
                let _ = timeout(millis(after), scope).await;
            }
            Op::Join(key, [one, other]) => {
                let branch = |branch: usize, own| {
                    let running = self.clone().run_own(key, own, [&path[..], &[branch]].concat());
                    KEYS[key].scope(self.value(branch as u32), running)
                };
                join(branch(0, one), branch(1, other)).await;
            }
            Op::Spawn(ops, is_awaited) => {
                let task = spawn(self.run(ops, path));
                if is_awaited {
                    task.await.unwrap();
                }
            }
            Op::Aborted(ops, after) => {
                let task = spawn(self.run(ops, path));
                sleep(millis(after)).await;
                task.abort();
            }
        }
    }

    async fn run_own(self, key: usize, own: Vec<Own>, path: Vec<usize>) {
        self.see(&path);
        for own in own {
            match own {
                Own::Set(value) => KEYS[key].set(self.value(value)),
                Own::Unset => KEYS[key].unset(),
                Own::Yield => yield_now().await,
                Own::Sleep(takes) => sleep(millis(takes)).await,
            }
            self.see(&path);
        }
        self.end(&path);
    }
}

/// Compares what was seen with the model: all of it, or a beginning where the code was cut short.
fn check(ops: &[Op], log: &BTreeMap<Vec<usize>, (Seen, bool)>) {
    let mut model = Model::default();
    model.run(ops, &[], &mut [None; 3]);
    for (path, (seen, has_ended)) in log {
        let expected = &model.0[path];
        if *has_ended {
            assert_eq!(seen, expected, "{path:?} of {ops:?}");
        } else {
            assert!(expected.starts_with(seen), "{path:?} of {ops:?}: {seen:?}, {expected:?}");
        }
    }
    assert!(log[&Vec::new()].1, "the program itself is not cut short");
    let is_cut = format!("{ops:?}").contains("Aborted") || format!("{ops:?}").contains("Cut");
    assert!(is_cut || log.len() == model.0.len(), "everybody has come to see something");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn task_local_values_are_a_row_of_numbers_that_is_copied_at_each_spawn(
        ops in ops(),
        seed: Option<u64>,
    ) {
        let builder = match seed {
            Some(seed) => Builder::new().policy(Random::new(seed)),
            None => Builder::new(),
        };
        let program = Program { log: Log::default(), counted: Rc::new(()) };
        let Program { log, counted } = program.clone();
        let planned = ops.clone();
        let report = builder.run(async move {
            spawn(program.run(ops, Vec::new())).await.unwrap();
            // Those who were left alone come to their ends.
            sleep(millis(1_000)).await;
        });
        report.unwrap();
        check(&planned, &log.borrow());
        prop_assert_eq!(Rc::strong_count(&counted), 1, "no value outlives its task");
    }
}
