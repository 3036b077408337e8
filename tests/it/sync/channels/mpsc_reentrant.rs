//! Messages and wakers that use their own `mpsc` channel while it drops or calls them.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Wake, Waker};

use simloop::run;
use simloop::sync::mpsc::{self, channel, unbounded_channel};

/// A message that uses its own channel when it is dropped, and panics if it is told to.
struct Nosy(mpsc::WeakUnboundedSender<Nosy>, Rc<Cell<u32>>, bool);

impl Drop for Nosy {
    fn drop(&mut self) {
        self.1.set(self.1.get() + 1);
        let tx = self.0.upgrade().expect("a sender is there");
        assert!(tx.is_closed());
        let (_, panics) = (tx.clone(), self.2);
        assert!(!panics, "dropped");
    }
}

#[test]
fn messages_are_dropped_with_nothing_locked_and_all_of_them_also_when_they_panic() {
    run(async {
        let drops = Rc::new(Cell::new(0));
        let (tx, rx) = unbounded_channel();
        for number in 0..6 {
            let message = Nosy(tx.downgrade(), Rc::clone(&drops), number % 2 == 1);
            tx.send(message).ok().unwrap();
        }
        let payload = std::panic::catch_unwind(AssertUnwindSafe(|| drop(rx))).unwrap_err();
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"dropped"));
        assert_eq!(drops.get(), 6);
        // While the thread panics already it goes on with that panic.
        let (tx, rx) = unbounded_channel();
        for _ in 0..2 {
            tx.send(Nosy(tx.downgrade(), Rc::clone(&drops), true)).ok().unwrap();
        }
        let payload = std::panic::catch_unwind(AssertUnwindSafe(move || {
            let _rx = rx;
            std::panic::resume_unwind(Box::new("first"));
        }));
        assert_eq!(payload.unwrap_err().downcast_ref::<&str>(), Some(&"first"));
        assert_eq!(drops.get(), 8);
        // Into a channel without a receiver.
        let (tx, rx) = channel(1);
        let permit = tx.reserve().await.unwrap();
        drop(rx);
        let (other, _rx) = unbounded_channel();
        drop(_rx);
        permit.send(Nosy(other.downgrade(), Rc::clone(&drops), false));
        assert_eq!(drops.get(), 9);
    });
}

/// A waker that uses the channel when it is called, and when it is dropped.
struct NosyWaker(mpsc::UnboundedSender<u8>, AtomicU8);

impl Wake for NosyWaker {
    fn wake(self: Arc<Self>) {
        if self.1.fetch_add(1, Ordering::Relaxed) == 0 {
            self.0.send(2).unwrap();
        }
    }
}

impl Drop for NosyWaker {
    fn drop(&mut self) {
        let _ = self.0.send(3);
    }
}

#[test]
fn wakers_are_called_and_dropped_with_nothing_locked() {
    let (tx, mut rx) = unbounded_channel();
    let waker = || Waker::from(Arc::new(NosyWaker(tx.clone(), AtomicU8::new(0))));
    assert!(rx.poll_recv(&mut Context::from_waker(&waker())).is_pending());
    tx.send(1).unwrap();
    assert_eq!((rx.try_recv(), rx.try_recv(), rx.try_recv()), (Ok(1), Ok(2), Ok(3)));
    // Replaced by another, and left behind by a receiver that is dropped.
    assert!(rx.poll_recv(&mut Context::from_waker(&waker())).is_pending());
    assert!(rx.poll_recv(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(rx.try_recv(), Ok(3));
    assert!(rx.poll_recv(&mut Context::from_waker(&waker())).is_pending());
    drop(rx);
    assert!(tx.is_closed());
}
