//! A queue against lists that do the same, with its futures polled and dropped in any order.

use std::collections::BTreeMap;

use proptest::prelude::*;
use simloop::sync::{LifoQueue, PriorityQueue, Queue, QueueShutDown, TryGetError, TryPutError};

use crate::sync::by_hand::ByHand;

/// A priority and the number of the step that put it; only the priority counts for the order.
#[derive(Clone, Copy, Debug)]
struct Item(u8, usize);

impl Ord for Item {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Item {}

#[derive(Clone, Copy, Debug)]
enum Order {
    Oldest,
    Newest,
    Smallest,
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8),
    Get,
    Join,
    Poll(usize),
    Drop(usize),
    TryPut(u8),
    TryGet,
    TaskDone,
    ShutDown,
    ShutDownNow,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        40 => (0..4_u8).prop_map(Step::Put),
        40 => Just(Step::Get),
        4 => Just(Step::Join),
        50 => (0..8_usize).prop_map(Step::Poll),
        30 => (0..8_usize).prop_map(Step::Drop),
        10 => (0..4_u8).prop_map(Step::TryPut),
        10 => Just(Step::TryGet),
        15 => Just(Step::TaskDone),
        2 => Just(Step::ShutDown),
        1 => Just(Step::ShutDownNow),
    ]
}

/// What a future or a call comes to; items by their numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    Got(usize),
    Done,
    TurnedAway,
    TurnedAwayWith(usize),
    NotNow,
}

/// What somebody has been told to come back with. A turn is good for the item that is first by then, room for the
/// item that is brought.
#[derive(Clone, Copy)]
enum Told {
    Turn,
    Room(Item),
    End(Outcome),
}

struct Model {
    order: Order,
    bound: usize,
    items: Vec<Item>,
    getters: Vec<usize>,
    putters: Vec<(usize, Item)>,
    joiners: Vec<usize>,
    told: BTreeMap<usize, Told>,
    unfinished: usize,
    is_shut_down: bool,
}

impl Model {
    fn turns(&self) -> usize {
        self.told.values().filter(|told| matches!(told, Told::Turn)).count()
    }

    /// Whether somebody who brings an item could have room for it.
    fn has_room(&self) -> bool {
        let reserved = self.told.values().filter(|told| matches!(told, Told::Room(_))).count();
        self.items.len() + reserved < self.bound
    }

    fn take(&mut self) -> Outcome {
        let places = 0..self.items.len();
        let place = match self.order {
            Order::Oldest => places.min(),
            Order::Newest => places.max(),
            Order::Smallest => places.min_by_key(|&place| (self.items[place].0, place)),
        };
        place.map_or(Outcome::TurnedAway, |place| Outcome::Got(self.items.remove(place).1))
    }

    fn put(&mut self, item: Item) {
        self.items.push(item);
        self.unfinished += 1;
    }

    fn get_now(&mut self) -> Option<Outcome> {
        if !self.getters.is_empty() {
            return None;
        }
        let is_there = self.items.len() > self.turns();
        let is_over = self.is_shut_down && self.items.is_empty();
        (is_there || is_over).then(|| self.take())
    }

    fn put_now(&mut self, item: Item) -> Option<Outcome> {
        if self.is_shut_down {
            return Some(Outcome::TurnedAwayWith(item.1));
        }
        if !self.putters.is_empty() || !self.has_room() {
            return None;
        }
        self.put(item);
        Some(Outcome::Done)
    }

    /// Tells all who need not wait any longer.
    fn settle(&mut self) {
        loop {
            let count = self.told.len();
            let is_over = self.is_shut_down && self.items.is_empty();
            if !self.getters.is_empty() && (is_over || self.items.len() > self.turns()) {
                let told = if is_over { Told::End(Outcome::TurnedAway) } else { Told::Turn };
                self.told.insert(self.getters.remove(0), told);
            }
            if !self.putters.is_empty() && (self.is_shut_down || self.has_room()) {
                let (who, item) = self.putters.remove(0);
                let told = match self.is_shut_down {
                    true => Told::End(Outcome::TurnedAwayWith(item.1)),
                    false => Told::Room(item),
                };
                self.told.insert(who, told);
            }
            if self.unfinished == 0 {
                let joiners = std::mem::take(&mut self.joiners);
                self.told.extend(joiners.into_iter().map(|who| (who, Told::End(Outcome::Done))));
            }
            if self.told.len() == count {
                return;
            }
        }
    }

    fn come_back(&mut self, who: usize) -> Option<Outcome> {
        match self.told.remove(&who)? {
            Told::Turn => Some(self.take()),
            Told::Room(item) if self.is_shut_down => Some(Outcome::TurnedAwayWith(item.1)),
            Told::Room(item) => {
                self.put(item);
                Some(Outcome::Done)
            }
            Told::End(outcome) => Some(outcome),
        }
    }

    fn leave(&mut self, who: usize) {
        self.told.remove(&who);
        self.getters.retain(|&other| other != who);
        self.putters.retain(|&(other, _)| other != who);
        self.joiners.retain(|&other| other != who);
    }

    fn shut_down(&mut self, at_once: bool) {
        self.is_shut_down = true;
        if at_once {
            self.unfinished -= self.items.len().min(self.unfinished);
            self.items.clear();
        }
    }
}

async fn get(queue: &Queue<Item>) -> Outcome {
    match queue.get().await {
        Ok(Item(_, number)) => Outcome::Got(number),
        Err(QueueShutDown(())) => Outcome::TurnedAway,
    }
}

async fn put(queue: &Queue<Item>, item: Item) -> Outcome {
    match queue.put(item).await {
        Ok(()) => Outcome::Done,
        Err(QueueShutDown(Item(_, number))) => Outcome::TurnedAwayWith(number),
    }
}

fn try_get(queue: &Queue<Item>) -> Outcome {
    match queue.try_get() {
        Ok(Item(_, number)) => Outcome::Got(number),
        Err(TryGetError::Empty) => Outcome::NotNow,
        Err(TryGetError::ShutDown) => Outcome::TurnedAway,
    }
}

fn try_put(queue: &Queue<Item>, item: Item) -> Outcome {
    match queue.try_put(item) {
        Ok(()) => Outcome::Done,
        Err(TryPutError::Full(_)) => Outcome::NotNow,
        Err(TryPutError::ShutDown(Item(_, number))) => Outcome::TurnedAwayWith(number),
    }
}

type Futures<'a> = BTreeMap<usize, ByHand<'a, Outcome>>;

/// Takes a step with both and says what each returned. A future that is new is polled at once.
fn play<'a>(
    queue: &'a Queue<Item>,
    model: &mut Model,
    futures: &mut Futures<'a>,
    number: usize,
    step: &Step,
) -> (Option<Outcome>, Option<Outcome>) {
    let nth =
        |futures: &Futures<'a>, n: usize| futures.keys().nth(n % futures.len().max(1)).copied();
    let (who, expected) = match *step {
        Step::Put(priority) => {
            let item = Item(priority, number);
            futures.insert(number, ByHand::new(put(queue, item)));
            let now = model.put_now(item);
            if now.is_none() {
                model.putters.push((number, item));
            }
            (number, now)
        }
        Step::Get => {
            futures.insert(number, ByHand::new(get(queue)));
            let now = model.get_now();
            if now.is_none() {
                model.getters.push(number);
            }
            (number, now)
        }
        Step::Join => {
            let joined = async {
                queue.join().await;
                Outcome::Done
            };
            futures.insert(number, ByHand::new(joined));
            let now = (model.unfinished == 0).then_some(Outcome::Done);
            if now.is_none() {
                model.joiners.push(number);
            }
            (number, now)
        }
        Step::Poll(n) => match nth(futures, n) {
            Some(who) => (who, model.come_back(who)),
            None => return (None, None),
        },
        Step::Drop(n) => {
            if let Some(who) = nth(futures, n) {
                futures.remove(&who);
                model.leave(who);
            }
            return (None, None);
        }
        Step::TryPut(priority) => {
            let item = Item(priority, number);
            let expected = model.put_now(item).unwrap_or(Outcome::NotNow);
            return (Some(try_put(queue, item)), Some(expected));
        }
        Step::TryGet => {
            let expected = model.get_now().unwrap_or(Outcome::NotNow);
            return (Some(try_get(queue)), Some(expected));
        }
        Step::TaskDone => {
            if model.unfinished > 0 {
                model.unfinished -= 1;
                queue.task_done();
            }
            return (None, None);
        }
        Step::ShutDown => {
            queue.shutdown();
            model.shut_down(false);
            return (None, None);
        }
        Step::ShutDownNow => {
            queue.shutdown_now();
            model.shut_down(true);
            return (None, None);
        }
    };
    let outcome = futures.get_mut(&who).expect("it is there").poll();
    if outcome.is_some() {
        futures.remove(&who);
    }
    (outcome, expected)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn s29_a_queue_does_what_lists_do_whoever_leaves_and_whenever(
        order in prop_oneof![Just(Order::Oldest), Just(Order::Newest), Just(Order::Smallest)],
        bound in prop::option::of(1..4_usize),
        script in prop::collection::vec(step(), 0..100),
    ) {
        let (oldest, newest, smallest) = match bound {
            None => (Queue::new(), LifoQueue::new(), PriorityQueue::new()),
            Some(n) => (Queue::bounded(n), LifoQueue::bounded(n), PriorityQueue::bounded(n)),
        };
        let queue = match order {
            Order::Oldest => &oldest,
            Order::Newest => &*newest,
            Order::Smallest => &*smallest,
        };
        let mut model = Model {
            order,
            bound: bound.unwrap_or(usize::MAX),
            items: Vec::new(),
            getters: Vec::new(),
            putters: Vec::new(),
            joiners: Vec::new(),
            told: BTreeMap::new(),
            unfinished: 0,
            is_shut_down: false,
        };
        let mut futures = Futures::new();
        for (number, step) in script.iter().enumerate() {
            let (outcome, expected) = play(queue, &mut model, &mut futures, number, step);
            prop_assert_eq!(outcome, expected, "step {}: {:?}", number, step);
            model.settle();
            // Whoever can go on has been woken once, and nobody else.
            let wakes = futures.iter().map(|(&who, future)| (who, future.wakes()));
            let due = futures.keys().map(|who| (*who, usize::from(model.told.contains_key(who))));
            prop_assert!(wakes.clone().eq(due), "step {}: {:?}", number, wakes.collect::<Vec<_>>());
            prop_assert_eq!(queue.len(), model.items.len());
            prop_assert_eq!(queue.is_full(), !model.has_room());
        }
    }
}
