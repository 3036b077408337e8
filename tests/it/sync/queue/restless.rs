//! Items whose comparisons and destructors panic, or use the queue that they are in.

use std::cell::Cell;
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use futures_util::future::FutureExt;
use simloop::sync::{PriorityQueue, Queue, TryGetError};
use simloop::{run, timeout};

use super::drained;
use crate::secs;

/// An item whose comparisons do as told.
#[derive(Clone)]
struct Restless {
    number: u64,
    at_cmp: Rc<dyn Fn()>,
}

impl Ord for Restless {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at_cmp)();
        self.number.cmp(&other.number)
    }
}

impl PartialOrd for Restless {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Restless {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Restless {}

#[test]
fn an_item_whose_comparison_panics_is_not_lost_and_neither_is_the_getters_right() {
    let is_bad = Rc::new(Cell::new(false));
    let queue = PriorityQueue::new();
    let at_cmp: Rc<dyn Fn()> = Rc::new({
        let is_bad = Rc::clone(&is_bad);
        move || {
            if is_bad.get() {
                std::panic::resume_unwind(Box::new("incomparable"));
            }
        }
    });
    for number in [3, 1, 2] {
        queue.try_put(Restless { number, at_cmp: Rc::clone(&at_cmp) }).unwrap();
    }
    is_bad.set(true);
    assert!(catch_unwind(AssertUnwindSafe(|| queue.try_get().is_ok())).is_err());
    let mut get = AssertUnwindSafe(queue.get()).catch_unwind();
    assert!((&mut get).now_or_never().unwrap().is_err());
    assert_eq!(queue.len(), 3);
    is_bad.set(false);
    let numbers: Vec<_> = drained(&queue).into_iter().map(|item| item.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
}

#[test]
fn a_comparison_may_put_into_its_queue_and_look_at_it_but_not_get() {
    let queue = Rc::new(PriorityQueue::<Restless>::new());
    let (calm, has_put) = (Rc::new(|| ()) as Rc<dyn Fn()>, Cell::new(false));
    let puts: Rc<dyn Fn()> = Rc::new({
        let (queue, calm) = (Rc::clone(&queue), Rc::clone(&calm));
        move || {
            assert!(queue.len() >= 2);
            if !has_put.replace(true) {
                queue.try_put(Restless { number: 0, at_cmp: Rc::clone(&calm) }).unwrap();
            }
        }
    });
    for number in [2, 1] {
        queue.try_put(Restless { number, at_cmp: Rc::clone(&puts) }).unwrap();
    }
    assert_eq!(queue.try_get().map(|item| item.number), Ok(1));
    assert_eq!(queue.try_get().map(|item| item.number), Ok(0));
    let gets: Rc<dyn Fn()> = Rc::new({
        let queue = Rc::clone(&queue);
        move || drop(queue.try_get())
    });
    queue.try_put(Restless { number: 3, at_cmp: gets }).unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| queue.try_get().is_ok())).unwrap_err();
    assert_eq!(
        *panic.downcast::<String>().unwrap(),
        "an item was asked for while the items of the same queue were compared"
    );
    assert_eq!(queue.len(), 2);
}

#[test]
fn a_comparison_may_even_shut_its_queue_down_at_once() {
    let queue = Rc::new(PriorityQueue::<Restless>::new());
    let at_cmp: Rc<dyn Fn()> = Rc::new({
        let queue = Rc::clone(&queue);
        move || queue.shutdown_now()
    });
    for number in [2, 1, 3] {
        queue.try_put(Restless { number, at_cmp: Rc::clone(&at_cmp) }).unwrap();
    }
    assert_eq!(queue.try_get().map(|item| item.number), Ok(1), "it was on its way out");
    assert_eq!(queue.try_get().err(), Some(TryGetError::ShutDown));
    queue.task_done();
    assert!(queue.join().now_or_never().is_some());
    assert_eq!(Rc::strong_count(&at_cmp), 1, "the others were dropped");
}

#[test]
fn an_item_may_use_the_queue_when_it_is_dropped() {
    struct Nosy(Rc<Queue<Option<Nosy>>>);
    impl Drop for Nosy {
        fn drop(&mut self) {
            let _ = self.0.try_put(None);
        }
    }
    run(async {
        let queue = Rc::new(Queue::bounded(1));
        queue.try_put(Some(Nosy(Rc::clone(&queue)))).unwrap();
        drop(queue.try_put(Some(Nosy(Rc::clone(&queue)))));
        assert!(timeout(secs(1), queue.put(Some(Nosy(Rc::clone(&queue))))).await.is_err());
        queue.shutdown_now();
        assert_eq!(queue.len(), 0, "nothing gets in after that");
    });
}
