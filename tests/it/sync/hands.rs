//! Futures polled by hand, so that a script decides who is polled when, on any primitive of any crate.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// Writes down who is woken, in order.
#[derive(Clone, Default)]
pub(super) struct Woken(Arc<Mutex<Vec<usize>>>);

struct Caller {
    slot: usize,
    woken: Woken,
}

impl Wake for Caller {
    fn wake(self: Arc<Self>) {
        self.woken.0.lock().unwrap().push(self.slot);
    }
}

impl Woken {
    /// Polls with a waker that stands for the slot. It is another one each time.
    pub(super) fn poll<F: Future + ?Sized>(
        &self,
        slot: usize,
        future: Pin<&mut F>,
    ) -> Poll<F::Output> {
        let waker = Waker::from(Arc::new(Caller { slot, woken: self.clone() }));
        future.poll(&mut Context::from_waker(&waker))
    }

    /// Who was woken since the last call.
    pub(super) fn take(&self) -> Vec<usize> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}
