//! The body of a generator and the one place through which its items leave it.
//!
//! A body is a future that is polled when an item is asked for. A yield puts its item into the place and is
//! pending; the body is then pending as a whole, and whoever polled it finds the item. The next poll of the
//! body finds the place empty, so the yield is over. Nobody has to be woken for that: asking is polling.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

/// What the body of a generator yields with; see [`generator`](super::generator).
///
/// It works while its own generator is polled. It may be lent to functions that the body awaits, and to
/// futures that the body joins or races.
pub struct Yielder<T> {
    place: Arc<Place<T>>,
}

impl<T> Yielder<T> {
    /// Gives `item` to whoever asks the stream, and suspends the body until the next item is asked for.
    ///
    /// Takes no virtual time and no turn of its own.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before the stream has given the item withdraws the item: a yield that loses a
    /// race has not taken place.
    ///
    /// # Panics
    ///
    /// Awaiting it panics outside the body of its generator, as in a task that the body has spawned.
    pub fn yield_(&mut self, item: T) -> Yield<'_, T> {
        Yield { yielder: self, stage: Stage::New(item) }
    }
}

impl<T> fmt::Debug for Yielder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Yielder").finish_non_exhaustive()
    }
}

/// Future of [`Yielder::yield_`].
///
/// # Cancel safety
///
/// Dropping it before the stream has given its item withdraws the item.
///
/// # Panics
///
/// Panics when polled outside the body of its generator.
#[must_use = "nothing is yielded unless this is awaited"]
pub struct Yield<'a, T> {
    yielder: &'a mut Yielder<T>,
    stage: Stage<T>,
}

enum Stage<T> {
    New(T),
    /// The item was put into the place, and has left it by the time of the next poll.
    Put,
    Over,
}

impl<T> Unpin for Yield<'_, T> {}

impl<T> Future for Yield<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Yield { yielder, stage } = &mut *self;
        let mut held = yielder.place.held();
        let Some(asker) = held.asker else {
            drop(held);
            outside()
        };
        let is_free = held.item.is_none();
        *stage = match std::mem::replace(stage, Stage::Over) {
            Stage::New(item) if is_free => {
                held.item = Some(item);
                Stage::Put
            }
            Stage::Put if is_free => Stage::Over,
            // Only a yield that was forgotten, not dropped, leaves an item in the way of a new one.
            waiting => waiting,
        };
        drop(held);
        if matches!(stage, Stage::Over) {
            return Poll::Ready(());
        }
        if asker != Asker::of(cx.waker()) {
            yielder.place.wake_when_asked(cx.waker());
        }
        Poll::Pending
    }
}

impl<T> Drop for Yield<'_, T> {
    fn drop(&mut self) {
        if matches!(self.stage, Stage::Put) {
            let withdrawn = self.yielder.place.withdraw();
            drop(withdrawn);
        }
    }
}

impl<T> fmt::Debug for Yield<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_given = !matches!(self.stage, Stage::New(_));
        f.debug_struct("Yield").field("is_given", &is_given).finish_non_exhaustive()
    }
}

#[cold]
fn outside() -> ! {
    panic!(
        "a yielder was used outside the body of its generator\n  \
         await `yield_` inside the body itself, not in a task or a stream that it hands the yielder to"
    )
}

/// Where an item passes from the body to whoever asks.
///
/// A mutex because streams are sent when their contents may be; it is never contended, and never held while
/// anything foreign runs.
struct Place<T>(Mutex<Held<T>>);

struct Held<T> {
    item: Option<T>,
    /// Who asks at this moment. None while the body is not being polled: then nobody may yield.
    asker: Option<Asker>,
    /// Of a yield that is polled by a combinator inside the body with a waker of the combinator's own.
    waker: Option<Waker>,
}

/// Tells the waker of whoever polls the body from one that a combinator inside has made. Only compared.
#[derive(Clone, Copy, PartialEq)]
struct Asker {
    data: usize,
    vtable: usize,
}

impl Asker {
    #[inline]
    fn of(waker: &Waker) -> Asker {
        // As numbers, since a stream that held pointers would not be `Send`.
        Asker { data: waker.data() as usize, vtable: std::ptr::from_ref(waker.vtable()) as usize }
    }
}

impl<T> Place<T> {
    fn held(&self) -> MutexGuard<'_, Held<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the waker of a yield that would not be polled again without it.
    fn wake_when_asked(&self, waker: &Waker) {
        let waker = waker.clone();
        let replaced = self.held().waker.replace(waker);
        drop(replaced);
    }

    fn withdraw(&self) -> (Option<T>, Option<Waker>) {
        let mut held = self.held();
        (held.item.take(), held.waker.take())
    }

    fn take(&self) -> Option<T> {
        self.held().item.take()
    }
}

/// While it lives, the body is being polled, and may yield.
struct Asking<'a, T>(&'a Place<T>);

impl<'a, T> Asking<'a, T> {
    fn new(place: &'a Place<T>, waker: &Waker) -> Self {
        let mut held = place.held();
        held.asker = Some(Asker::of(waker));
        let asked = held.waker.take();
        drop(held);
        let asking = Asking(place);
        if let Some(waker) = asked {
            waker.wake();
        }
        asking
    }
}

impl<T> Drop for Asking<'_, T> {
    fn drop(&mut self) {
        self.0.held().asker = None;
    }
}

pin_project! {
    /// A body, polled item by item.
    pub(super) struct Body<T, F> {
        // Gone once it has returned: its destructors have run when the stream says that it has ended.
        #[pin]
        future: Option<F>,
        place: Arc<Place<T>>,
        // It was polled and has not returned from that, so it has panicked.
        is_broken: bool,
    }
}

/// What a body came to.
pub(super) enum Resumed<T, R> {
    Item(T),
    Returned(R),
    /// It has returned, or panicked, before.
    Ended,
}

impl<T, F> Body<T, F> {
    pub(super) fn new(body: impl FnOnce(Yielder<T>) -> F) -> Self {
        let place = Place(Mutex::new(Held { item: None, asker: None, waker: None }));
        let place = Arc::new(place);
        let future = body(Yielder { place: Arc::clone(&place) });
        Body { future: Some(future), place, is_broken: false }
    }

    pub(super) fn is_ended(&self) -> bool {
        self.future.is_none() || self.is_broken
    }
}

impl<T, F: Future> Body<T, F> {
    /// Runs the body to its next yield, its next wait, or its end.
    pub(super) fn poll_resume(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Resumed<T, F::Output>> {
        let mut this = self.project();
        let future = match this.future.as_mut().as_pin_mut() {
            Some(future) if !*this.is_broken => future,
            _ => {
                this.future.set(None);
                return Poll::Ready(Resumed::Ended);
            }
        };
        *this.is_broken = true;
        let asking = Asking::new(this.place, cx.waker());
        let polled = future.poll(cx);
        drop(asking);
        *this.is_broken = false;
        match polled {
            Poll::Ready(output) => {
                this.future.set(None);
                Poll::Ready(Resumed::Returned(output))
            }
            Poll::Pending => match this.place.take() {
                Some(item) => Poll::Ready(Resumed::Item(item)),
                None => Poll::Pending,
            },
        }
    }
}
