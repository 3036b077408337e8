//! Trees of tokens under random policies, against a list of marks.
//!
//! A driver does one thing every four milliseconds. Patience ends, and work is done, between those.

use std::cell::RefCell;
use std::rc::Rc;

use proptest::prelude::*;
use simloop::policy::Random;
use simloop::{Builder, CancellationToken, Instant, JoinHandle, now, sleep, spawn, timeout};

use crate::millis;

/// One step of the driver. Numbers choose among the tokens and waiters that there are.
#[derive(Clone, Copy, Debug)]
enum Step {
    Child(usize),
    Forget(usize),
    Cancel(usize),
    /// By a guard that is dropped, or disarmed first.
    Guard(usize, bool),
    Wait(usize, Kind),
    Abort(usize),
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Waits for so long at most, with a borrowed token or an owned one.
    Patience(u64, bool),
    /// Works for so long unless it is cancelled.
    Work(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let number = || 0..16_usize;
    let kind = prop_oneof![
        2 => ((0..8_u64).prop_map(|n| 4 * n + 1), any::<bool>())
            .prop_map(|(patience, is_owned)| Kind::Patience(patience, is_owned)),
        1 => (0..8_u64).prop_map(|n| Kind::Work(4 * n + 2)),
    ];
    prop_oneof![
        5 => number().prop_map(Step::Child),
        2 => number().prop_map(Step::Forget),
        2 => number().prop_map(Step::Cancel),
        1 => (number(), any::<bool>()).prop_map(|(token, is_armed)| Step::Guard(token, is_armed)),
        9 => (number(), kind).prop_map(|(token, kind)| Step::Wait(token, kind)),
        2 => number().prop_map(Step::Abort),
    ]
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum End {
    Cancelled,
    Over,
    Aborted,
}

/// A token of the model. Its children are those that name it, in the order in which they were made.
#[derive(Debug)]
struct Token {
    parent: Option<usize>,
    is_cancelled: bool,
}

/// Who waits for which token, and when it would stop doing so.
#[derive(Debug)]
struct Waiter {
    token: usize,
    until: Instant,
    has_ended: bool,
}

#[derive(Default)]
struct Model {
    tokens: Vec<Token>,
    waiters: Vec<Waiter>,
    /// Ends of waiters, in order.
    ends: Vec<(Instant, usize, End)>,
}

impl Model {
    fn child(&mut self, parent: Option<usize>) {
        let is_cancelled = parent.is_some_and(|parent| self.tokens[parent].is_cancelled);
        self.tokens.push(Token { parent, is_cancelled });
    }

    /// Lets those end whose own time has come before `now`.
    fn pass(&mut self, now: Instant) {
        let over = |(_, waiter): &(usize, &mut Waiter)| !waiter.has_ended && waiter.until < now;
        let over = self.waiters.iter_mut().enumerate().filter(over);
        let mut ended: Vec<_> = over
            .map(|(number, waiter)| {
                waiter.has_ended = true;
                (waiter.until, number, End::Over)
            })
            .collect();
        ended.sort();
        self.ends.extend(ended);
    }

    fn end(&mut self, number: usize, now: Instant, end: End) {
        if !std::mem::replace(&mut self.waiters[number].has_ended, true) {
            self.ends.push((now, number, end));
        }
    }

    fn wait(&mut self, token: usize, until: Instant, now: Instant) {
        self.waiters.push(Waiter { token, until, has_ended: false });
        if self.tokens[token].is_cancelled {
            self.end(self.waiters.len() - 1, now, End::Cancelled);
        }
    }

    /// Cancels a token, then all below it, each with its waiters in the order in which they came.
    fn cancel(&mut self, token: usize, now: Instant) {
        if std::mem::replace(&mut self.tokens[token].is_cancelled, true) {
            return;
        }
        for waiter in 0..self.waiters.len() {
            if self.waiters[waiter].token == token {
                self.end(waiter, now, End::Cancelled);
            }
        }
        for child in 0..self.tokens.len() {
            if self.tokens[child].parent == Some(token) {
                self.cancel(child, now);
            }
        }
    }
}

type Ends = Rc<RefCell<Vec<(Instant, usize, End)>>>;

/// Writes down how a waiter ends.
struct Witness(Ends, usize, End);

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.borrow_mut().push((now(), self.1, self.2));
    }
}

async fn wait(token: CancellationToken, kind: Kind, mut witness: Witness) {
    let is_cancelled = match kind {
        Kind::Patience(patience, false) => {
            timeout(millis(patience), token.cancelled()).await.is_ok()
        }
        Kind::Patience(patience, true) => {
            timeout(millis(patience), token.cancelled_owned()).await.is_ok()
        }
        Kind::Work(work) => token.run_until_cancelled(sleep(millis(work))).await.is_none(),
    };
    witness.2 = if is_cancelled { End::Cancelled } else { End::Over };
}

async fn scenario(steps: Vec<Step>, is_fifo: bool) {
    let mut model = Model::default();
    model.child(None);
    let mut tokens = vec![Some(CancellationToken::new())];
    let mut waiters: Vec<JoinHandle<()>> = Vec::new();
    let ends = Ends::default();
    for step in steps {
        sleep(millis(4)).await;
        model.pass(now());
        let chosen = match step {
            Step::Child(token) | Step::Forget(token) | Step::Cancel(token) => token,
            Step::Guard(token, _) | Step::Wait(token, _) | Step::Abort(token) => token,
        };
        let number = chosen % tokens.len();
        let token = tokens[number].clone();
        match (step, token) {
            (Step::Abort(_), _) if waiters.is_empty() => {}
            (Step::Abort(waiter), _) => {
                let waiter = waiter % waiters.len();
                waiters[waiter].abort();
                model.end(waiter, now(), End::Aborted);
            }
            (_, None) => {}
            (Step::Child(_), Some(token)) => {
                tokens.push(Some(token.child_token()));
                model.child(Some(number));
            }
            // A node that nobody holds stays what it is to those below it.
            (Step::Forget(_), Some(_)) => tokens[number] = None,
            (Step::Cancel(_), Some(token)) => {
                token.cancel();
                model.cancel(number, now());
            }
            (Step::Guard(_, is_armed), Some(token)) => {
                let guard = token.drop_guard();
                if is_armed {
                    drop(guard);
                    model.cancel(number, now());
                } else {
                    drop(guard.disarm());
                }
            }
            (Step::Wait(_, kind), Some(token)) => {
                let (Kind::Patience(takes, _) | Kind::Work(takes)) = kind;
                let witness = Witness(Rc::clone(&ends), waiters.len(), End::Aborted);
                waiters.push(spawn(wait(token, kind, witness)));
                model.wait(number, now() + millis(takes), now());
            }
        }
        let marks = tokens.iter().zip(&model.tokens);
        for (token, expected) in marks.filter_map(|(token, model)| Some((token.as_ref()?, model))) {
            assert_eq!(token.is_cancelled(), expected.is_cancelled);
        }
    }
    for waiter in waiters {
        let _ = waiter.await;
    }
    model.pass(Instant::NEVER);
    let mut ends = ends.borrow_mut();
    if !is_fifo {
        // Those who are woken together run in any order.
        ends.sort();
        model.ends.sort();
    }
    assert_eq!(*ends, model.ends);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn s29_trees_of_tokens_do_what_a_list_of_marks_says(
        steps in prop::collection::vec(step(), 0..24),
        seed: Option<u64>,
    ) {
        let builder = match seed {
            Some(seed) => Builder::new().policy(Random::new(seed)),
            None => Builder::new(),
        };
        builder.run(scenario(steps, seed.is_none())).unwrap();
    }
}
