//! Queues that are shut down, at once or when they are empty.

use std::rc::Rc;

use futures_util::future::FutureExt;
use simloop::sync::{PriorityQueue, Queue, QueueShutDown, TryGetError, TryPutError};
use simloop::{run, spawn, yield_now};

#[test]
fn room_that_was_handed_over_is_worth_nothing_once_the_queue_is_shut_down() {
    run(async {
        let queue = Rc::new(Queue::bounded(1));
        queue.try_put(1).unwrap();
        let putter = spawn({
            let queue = Rc::clone(&queue);
            async move { queue.put(2).await }
        });
        yield_now().await;
        assert_eq!(queue.try_get(), Ok(1));
        queue.shutdown();
        assert_eq!(queue.get().await, Err(QueueShutDown(())), "nothing comes any more");
        assert_eq!(putter.await.unwrap(), Err(QueueShutDown(2)), "it has its item back");
    });
}

#[test]
fn after_a_shutdown_what_is_in_the_queue_can_still_be_got() {
    run(async {
        let queue = Rc::new(Queue::bounded(2));
        for item in 0..2 {
            queue.put(item).await.unwrap();
        }
        let putter = spawn({
            let queue = Rc::clone(&queue);
            async move { queue.put(2).await }
        });
        yield_now().await;
        queue.shutdown();
        queue.shutdown();
        assert!(queue.is_shut_down());
        assert_eq!(putter.await.unwrap(), Err(QueueShutDown(2)), "it has its item back");
        assert_eq!(queue.try_put(3), Err(TryPutError::ShutDown(3)));
        assert_eq!(queue.put(4).await, Err(QueueShutDown(4)));
        assert_eq!((queue.get().await, queue.try_get()), (Ok(0), Ok(1)));
        assert_eq!(queue.get().await, Err(QueueShutDown(())));
        assert_eq!(queue.try_get(), Err(TryGetError::ShutDown));
        assert!(queue.join().now_or_never().is_none(), "two are not done with");
        queue.task_done();
        queue.task_done();
        queue.join().await;
    });
}

#[test]
fn a_shutdown_turns_away_those_who_wait_but_not_before_a_promised_item_is_taken() {
    run(async {
        let queue = Rc::new(Queue::new());
        let get = || {
            let queue = Rc::clone(&queue);
            spawn(async move { queue.get().await })
        };
        let (first, second, third) = (get(), get(), get());
        yield_now().await;
        queue.try_put(1).unwrap();
        queue.shutdown();
        // The item that this one leaves is there for the next.
        first.abort();
        assert_eq!(second.await.unwrap(), Ok(1));
        assert_eq!(third.await.unwrap(), Err(QueueShutDown(())));
    });
}

#[test]
fn a_shutdown_at_once_drops_the_items_and_ends_every_wait() {
    run(async {
        let item = Rc::new(());
        let queue = Rc::new(Queue::bounded(2));
        queue.try_put(Rc::clone(&item)).unwrap();
        queue.try_put(Rc::clone(&item)).unwrap();
        let putter = spawn({
            let (queue, item) = (Rc::clone(&queue), Rc::clone(&item));
            async move { queue.put(item).await.is_err() }
        });
        let joiner = spawn({
            let queue = Rc::clone(&queue);
            async move { queue.join().await }
        });
        yield_now().await;
        queue.shutdown_now();
        assert_eq!((queue.len(), queue.is_empty()), (0, true));
        assert!(putter.await.unwrap());
        joiner.await.unwrap();
        assert_eq!(Rc::strong_count(&item), 1);
        assert_eq!(queue.try_get(), Err(TryGetError::ShutDown));
    });
}

#[test]
fn a_getter_that_has_not_run_since_is_turned_away_by_a_shutdown_at_once() {
    run(async {
        let queues = (Rc::new(Queue::new()), Rc::new(PriorityQueue::new()));
        let plain = spawn({
            let queue = Rc::clone(&queues.0);
            async move { queue.get().await }
        });
        let smallest = spawn({
            let queue = Rc::clone(&queues.1);
            async move { queue.get().await }
        });
        yield_now().await;
        for queue in [&*queues.0, &**queues.1] {
            queue.try_put(1).unwrap();
            queue.shutdown_now();
            queue.join().await;
        }
        assert_eq!(plain.await.unwrap(), Err(QueueShutDown(())));
        assert_eq!(smallest.await.unwrap(), Err(QueueShutDown(())));
    });
}
