//! A future that runs in a cancel scope.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::{CancelScope, Cancelled, Cause, Shared};
use crate::executor::access::note_beside;
use crate::executor::{Heirs, Link, Timer, within_scope};
use crate::kernel::Instant;
use crate::task::wakers::{Awaited, WaiterKey};

pin_project! {
    /// Future of [`CancelScope::run`], [`fail_after`](crate::task::fail_after) and
    /// [`fail_at`](crate::task::fail_at).
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as the future inside.
    ///
    /// # Panics
    ///
    /// Panics when polled outside a loop, or in another one than that in which it was made, and when awaited
    /// again after it has given its result.
    #[must_use = "a future does nothing unless it is awaited"]
    pub struct ScopeRun<F: Future> {
        // Gone once the result is given: its destructor must have run by then (S13).
        #[pin]
        future: Option<F>,
        scope: CancelScope,
        timer: Timer,
        // The deadline for which the timer is registered.
        armed: Instant,
        waiter: Option<WaiterKey>,
        link: Option<Arc<Link>>,
        heirs: Heirs,
        // What the run has come to, while it waits for what the future has left behind.
        result: Option<Result<F::Output, Cancelled>>,
    }

    impl<F: Future> PinnedDrop for ScopeRun<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let waker = this.scope.lock().wakers.withdraw(this.waiter);
            drop(waker);
        }
    }
}

impl<F: Future> ScopeRun<F> {
    #[track_caller]
    pub(super) fn new(scope: CancelScope, future: F) -> Self {
        let (timer, _) = Timer::new("CancelScope::run");
        ScopeRun {
            future: Some(future),
            scope,
            timer,
            armed: Instant::NEVER,
            waiter: None,
            link: None,
            heirs: Heirs::default(),
            result: None,
        }
    }

    /// Returns the scope, to move its deadline or to cancel it.
    pub fn scope(&self) -> &CancelScope {
        &self.scope
    }
}

impl<F: Future> Future for ScopeRun<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.result.is_none() {
            let result = ready!(self.as_mut().poll_future(cx));
            let mut this = self.as_mut().project();
            this.timer.cancel();
            *this.result = Some(result);
            // From here on the scope changes nothing, so nobody is woken by it, or said to wait for it.
            let waker = this.scope.lock().wakers.withdraw(this.waiter);
            drop(waker);
            this.heirs.collect(|| this.future.set(None));
        }
        let this = self.project();
        ready!(this.heirs.poll(cx));
        Poll::Ready(this.result.take().expect("the future has come to something"))
    }
}

impl<F: Future> ScopeRun<F> {
    /// Polls the future, and says whether it is ready or to be cut short.
    fn poll_future(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Cancelled>> {
        let mut this = self.project();
        let future = this
            .future
            .as_mut()
            .as_pin_mut()
            .expect("a cancel scope was polled after it had given its result");
        this.scope.lock().polled = *this.waiter;
        let within = within_scope(&this.scope.shared.seen, this.link);
        note_beside();
        let polled = this.heirs.collect(|| future.poll(cx));
        drop(within);
        let checked = this.scope.check();
        if let Poll::Ready(output) = polled {
            return Poll::Ready(Ok(output));
        }
        let cause = match checked {
            Ok(deadline) if poll_timer(this.timer, this.armed, deadline, cx).is_pending() => {
                ready!(poll_waiter(this.scope, this.waiter, cx));
                Cause::Called
            }
            Ok(_) => {
                let mut state = this.scope.lock();
                this.scope.call(&mut state, Cause::Deadline);
                Cause::Deadline
            }
            Err(cause) => cause,
        };
        this.scope.lock().is_caught = true;
        Poll::Ready(Err(Cancelled { scope: this.scope.clone(), at: Instant::now(), cause }))
    }
}

fn poll_timer(
    timer: &mut Timer,
    armed: &mut Instant,
    deadline: Instant,
    cx: &Context<'_>,
) -> Poll<()> {
    if *armed != deadline {
        timer.cancel();
        *armed = deadline;
    }
    // Without a deadline there is nothing to wait for, not even for ever.
    if deadline.is_never() { Poll::Pending } else { timer.poll(deadline, cx) }
}

/// Sees to it that the context's waker is woken when the scope is changed. Ready if it was cancelled by the
/// waker's clone, which is foreign code.
fn poll_waiter(scope: &CancelScope, waiter: &mut Option<WaiterKey>, cx: &Context<'_>) -> Poll<()> {
    if scope.lock().wakers.will_wake(*waiter, cx) {
        return Poll::Pending;
    }
    let waker = cx.waker().clone();
    let mut state = scope.lock();
    let shared = &scope.shared;
    let name = shared.name.as_deref();
    let told = Awaited { kind: Shared::KIND, name, wanted: Shared::wanted() };
    let (polled, unused) = match state.called {
        Some(_) => (Poll::Ready(()), Some(waker)),
        None => (Poll::Pending, state.wakers.register(waiter, waker, shared, told)),
    };
    drop(state);
    drop(unused);
    polled
}

impl<F: Future> fmt::Debug for ScopeRun<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeRun").field("scope", &self.scope).finish_non_exhaustive()
    }
}
