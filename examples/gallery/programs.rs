//! The programs whose pictures are drawn.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use simloop::sync::Mutex;
use simloop::{note, rng, sleep, spawn, spawn_named, yield_now};

const SECOND: Duration = Duration::from_secs(1);

/// Two transfers take two locks in opposite orders.
pub async fn deadlock() {
    let ledger = Rc::new(Mutex::new(()).named("ledger"));
    let audit = Rc::new(Mutex::new(()).named("audit"));
    let transfer = |first: &Rc<Mutex<()>>, second: &Rc<Mutex<()>>| {
        let (first, second) = (Rc::clone(first), Rc::clone(second));
        spawn_named("transfer", async move {
            let _first = first.lock().await;
            sleep(SECOND).await;
            let _second = second.lock().await;
        })
    };
    let transfers = [transfer(&ledger, &audit), transfer(&audit, &ledger)];
    for transfer in transfers {
        transfer.await.expect("no transfer panics");
    }
}

/// A shop with every end that a task can come to: orders that are done, given up, or go wrong, and a night.
pub async fn shop() {
    let clerk = spawn_named("clerk", async {
        for order in 1..=3 {
            sleep(SECOND).await;
            spawn_named("order", async move {
                for _ in 0..order {
                    yield_now().await;
                }
                note!("order {order} is packed");
                assert!(order != 2, "order 2 has no address");
            });
        }
    });
    let courier = spawn_named("courier", sleep(SECOND * 86_400));
    clerk.await.expect("the clerk does their work");
    sleep(SECOND * 36_000).await;
    note!("the night is over");
    courier.abort();
    assert!(courier.await.is_err());
    sleep(SECOND).await;
}

/// A thousand requests at once, each of which takes up to a second.
pub async fn fan() {
    let request = |_| {
        spawn(async {
            sleep(Duration::from_millis(rng().range(1..=1_000))).await;
            yield_now().await;
        })
    };
    for request in (0..1_000).map(request).collect::<Vec<_>>() {
        request.await.expect("no request fails");
    }
}

/// Two clerks read the number of copies left, wait a turn, and write it back. In the order of arrival the second
/// comes late enough.
pub async fn lost_update() {
    let sold = Rc::new(Cell::new(0));
    let clerks = [0, 2].map(|turns| {
        let sold = Rc::clone(&sold);
        spawn_named("clerk", async move {
            sleep(SECOND).await;
            for _ in 0..turns {
                yield_now().await;
            }
            let read = sold.get();
            note!("reads {read}");
            yield_now().await;
            sold.set(read + 1);
            note!("writes {}", read + 1);
        })
    });
    for clerk in clerks {
        clerk.await.expect("no clerk panics");
    }
    assert_eq!(sold.get(), 2, "an update was lost");
}
