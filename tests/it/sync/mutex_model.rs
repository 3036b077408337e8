//! The mutex under random scripts and policies, against a queue of names.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use proptest::prelude::*;
use simloop::policy::Random;
use simloop::sync::Mutex;
use simloop::{Builder, sleep, spawn, timeout, yield_now};

use crate::millis;

/// What a client does: when it asks, how long it is ready to wait, how long it holds the lock.
#[derive(Clone, Debug)]
struct Plan {
    asks_at: u64,
    patience: u64,
    holds_for: u64,
    /// Aborted after so many milliseconds, wherever it is then.
    aborted_at: Option<u64>,
    tries_only: bool,
}

fn plan() -> impl Strategy<Value = Plan> {
    let times = (0..4_u64, 0..5_u64, 0..3_u64);
    let aborted = prop::option::weighted(0.3, 0..8_u64);
    (times, aborted, prop::bool::weighted(0.2)).prop_map(
        |((asks_at, patience, holds_for), aborted_at, tries_only)| Plan {
            asks_at,
            patience,
            holds_for,
            aborted_at,
            tries_only,
        },
    )
}

/// The lock as a queue: who has it, which is said from the moment of release, and who waits.
#[derive(Debug, Default)]
struct Model {
    owner: Option<usize>,
    line: VecDeque<usize>,
    /// Those who held the lock, in order, as the value under the lock should have it.
    held: Vec<usize>,
}

impl Model {
    fn ask(&mut self, client: usize) {
        self.line.push_back(client);
        self.hand_over();
    }

    fn go_away(&mut self, client: usize) {
        self.line.retain(|&other| other != client);
        if self.owner == Some(client) {
            self.owner = None;
        }
        self.hand_over();
    }

    fn hand_over(&mut self) {
        if self.owner.is_none() {
            self.owner = self.line.pop_front();
        }
    }
}

type Shared = Rc<RefCell<Model>>;

/// Tells the model when a client goes away: when it releases the lock, gives up or is aborted.
struct Presence(Shared, usize);

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.borrow_mut().go_away(self.1);
    }
}

async fn client(number: usize, plan: Plan, mutex: Arc<Mutex<Vec<usize>>>, model: Shared) {
    sleep(millis(plan.asks_at)).await;
    if plan.tries_only {
        let is_free = model.borrow().owner.is_none();
        assert_eq!(mutex.try_lock().is_ok(), is_free, "{number} tried");
        return;
    }
    // Dropped after the guard and the future, which are made later.
    let _presence = Presence(Rc::clone(&model), number);
    let locking = async {
        model.borrow_mut().ask(number);
        mutex.lock().await
    };
    if let Ok(mut guard) = timeout(millis(plan.patience), locking).await {
        assert_eq!(model.borrow().owner, Some(number), "{number} has it out of turn");
        guard.push(number);
        model.borrow_mut().held.push(number);
        sleep(millis(plan.holds_for)).await;
    }
}

async fn scenario(plans: Vec<Plan>) {
    let mutex = Arc::new(Mutex::new(Vec::new()));
    let model = Shared::default();
    let mut clients = Vec::new();
    for (number, plan) in plans.into_iter().enumerate() {
        let aborted_at = plan.aborted_at;
        let client = spawn(client(number, plan, Arc::clone(&mutex), Rc::clone(&model)));
        if let Some(at) = aborted_at {
            let abort = client.abort_handle();
            spawn(async move {
                sleep(millis(at)).await;
                abort.abort();
            });
        }
        clients.push(client);
    }
    for client in clients {
        if let Err(error) = client.await {
            assert!(error.is_cancelled(), "{error}");
        }
    }
    yield_now().await;
    assert!(!mutex.is_locked(), "everybody has gone");
    assert_eq!(*mutex.lock().await, model.borrow().held);
}

proptest! {
    #[test]
    fn s28_s29_a_mutex_does_what_a_queue_of_names_does(
        plans in prop::collection::vec(plan(), 1..9),
        seed in prop::option::of(any::<u64>()),
    ) {
        let builder = match seed {
            Some(seed) => Builder::new().policy(Random::new(seed)),
            None => Builder::new(),
        };
        let report = builder.run(scenario(plans));
        prop_assert!(report.outcome.is_ok(), "{}", report.unwrap_failure());
    }
}
