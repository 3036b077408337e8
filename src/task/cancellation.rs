//! Cancellation by request: a token that tasks look at or wait for, under the names of tokio-util.
//!
//! Tokens form trees. A node keeps its parent alive and knows its children weakly, so that what nobody holds
//! any more goes, from the leaves up. Trees may be very deep: nothing here recurses along them.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use super::wakers::{Awaited, WaiterKey, Wakers, wake_all};
use crate::executor::access::Tracked;
use crate::executor::{Description, Resource, Wanted};
use crate::kernel::ordered::Map;
use crate::trace::one_line;

/// A token that is cancelled once, for all who hold a clone of it and for all its children.
///
/// Cancelling asks: code that waits for [`cancelled`](Self::cancelled) or looks at
/// [`is_cancelled`](Self::is_cancelled) ends itself, at a place of its choice. To end code at whatever place
/// it waits, there is [`CancelScope`](super::CancelScope), or [`run_until_cancelled`](Self::run_until_cancelled).
///
/// Those who wait are woken in the order in which they began to wait, a parent's before its children's, and
/// children in the order in which they were made. The whole tree is cancelled before the first is woken.
///
/// # Examples
///
/// ```
/// use simloop::{now, run, sleep, spawn, task::CancellationToken};
/// use std::time::Duration;
///
/// run(async {
///     let token = CancellationToken::new();
///     let child = token.child_token();
///     let worker = spawn(async move {
///         child.run_until_cancelled(sleep(Duration::from_secs(60))).await
///     });
///     sleep(Duration::from_secs(1)).await;
///     token.cancel();
///     assert_eq!(worker.await.unwrap(), None);
///     assert_eq!(now().to_string(), "1s");
/// });
/// ```
pub struct CancellationToken {
    node: Arc<Node>,
}

struct Node {
    made_at: &'static Location<'static>,
    tracked: Tracked,
    state: Mutex<State>,
    /// The node above, with the number that this one has there.
    parent: Option<(Arc<Node>, u64)>,
}

#[derive(Default)]
struct State {
    is_cancelled: bool,
    name: Option<Box<str>>,
    wakers: Wakers,
    /// In the order in which they were made. Emptied by the cancellation.
    children: Map<u64, Weak<Node>>,
    children_made: u64,
}

impl Node {
    const KIND: &'static str = "cancellation token";

    fn lock(&self) -> MutexGuard<'_, State> {
        self.tracked.write();
        self.look()
    }

    /// As [`lock`](Self::lock), to look only.
    fn look(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks this node and all below as cancelled, and collects whom to wake.
    fn cancel(self: &Arc<Node>) -> Vec<Waker> {
        let mut woken = Vec::new();
        let mut left = vec![Arc::clone(self)];
        while let Some(node) = left.pop() {
            let mut state = node.lock();
            if state.is_cancelled {
                continue;
            }
            state.is_cancelled = true;
            woken.extend(state.wakers.take());
            let children = std::mem::take(&mut state.children);
            drop(state);
            // The last is taken first, so they go in backwards.
            let first = left.len();
            for child in children.values() {
                if let Some(child) = child.upgrade() {
                    left.push(child);
                }
            }
            left[first..].reverse();
        }
        woken
    }

    /// The name of the nearest node above that has one.
    fn name_above(&self) -> Option<Box<str>> {
        let mut node = self;
        while let Some((parent, _)) = &node.parent {
            if let Some(name) = &parent.look().name {
                return Some(name.clone());
            }
            node = parent;
        }
        None
    }
}

impl Resource for Node {
    fn describe(&self) -> Description {
        let above = self.name_above();
        let state = self.look();
        // A child is mostly made for one task, and its parent is what the program has named.
        let above = above.filter(|_| state.name.is_none());
        let after = above.map_or(String::new(), |name| format!(" below `{}`", one_line(&name)));
        let wanted = Wanted { before: String::new(), after };
        let mut told = Description::new(Node::KIND, state.name.as_deref(), self.made_at);
        (told.is_open, told.is_enclosing) = (true, true);
        told.waiters = state.wakers.waits(&wanted);
        told
    }
}

/// In a loop: the last token of a deep tree takes all nodes above with it.
impl Drop for Node {
    fn drop(&mut self) {
        let mut above = self.parent.take();
        while let Some((parent, number)) = above {
            parent.lock().children.remove(number);
            above = Arc::into_inner(parent).and_then(|mut parent| parent.parent.take());
        }
    }
}

impl CancellationToken {
    /// Creates a token that is not cancelled. Needs no loop.
    #[track_caller]
    pub fn new() -> Self {
        let made_at = Location::caller();
        let node = Node { made_at, tracked: Tracked::new(), state: Mutex::default(), parent: None };
        CancellationToken { node: Arc::new(node) }
    }

    /// Gives it a name, for reports. A child that has none is told with the name above it.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.node.lock().name = Some(name.into().into());
        self
    }

    /// Creates a token that is cancelled with this one, and can be cancelled without it.
    ///
    /// The child of a cancelled token is cancelled from the start.
    #[track_caller]
    pub fn child_token(&self) -> CancellationToken {
        let mut state = self.node.lock();
        let number = state.children_made;
        let own = State { is_cancelled: state.is_cancelled, ..State::default() };
        let parent = (!own.is_cancelled).then(|| (Arc::clone(&self.node), number));
        let (made_at, tracked) = (Location::caller(), Tracked::new());
        let node = Node { made_at, tracked, state: Mutex::new(own), parent };
        let node = Arc::new(node);
        if node.parent.is_some() {
            state.children_made += 1;
            state.children.insert(number, Arc::downgrade(&node));
        }
        CancellationToken { node }
    }

    /// Cancels this token and all below it, and wakes those who wait. Once is enough.
    pub fn cancel(&self) {
        wake_all(self.node.cancel());
    }

    /// Says whether the token, or one above it, was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.node.tracked.read();
        self.node.look().is_cancelled
    }

    /// Waits until the token is cancelled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    #[inline]
    pub fn cancelled(&self) -> WaitForCancellationFuture<'_> {
        WaitForCancellationFuture { token: self, waiter: None }
    }

    /// Waits until the token is cancelled, in a future that owns the token.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    #[inline]
    pub fn cancelled_owned(self) -> WaitForCancellationFutureOwned {
        WaitForCancellationFutureOwned { token: self, waiter: None }
    }

    /// Returns a guard that cancels the token when it is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::task::CancellationToken;
    ///
    /// let token = CancellationToken::new();
    /// drop(token.clone().drop_guard());
    /// assert!(token.is_cancelled());
    /// ```
    #[inline]
    pub fn drop_guard(self) -> DropGuard {
        DropGuard { token: Some(self) }
    }

    /// Runs `future` until it is ready, or drops it when the token is cancelled and returns `None`.
    ///
    /// A token that is cancelled already keeps the future from being polled at all, as in tokio-util.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as the future inside.
    pub fn run_until_cancelled<F: Future>(&self, future: F) -> RunUntilCancelled<'_, F> {
        RunUntilCancelled { cancelled: self.cancelled(), future: Some(future) }
    }

    fn poll(&self, waiter: &mut Option<WaiterKey>, cx: &Context<'_>) -> Poll<()> {
        let state = self.node.lock();
        if state.is_cancelled {
            return Poll::Ready(());
        }
        if state.wakers.will_wake(*waiter, cx) {
            return Poll::Pending;
        }
        drop(state);
        // A foreign waker's clone may do anything, even cancel the token.
        let waker = cx.waker().clone();
        let mut state = self.node.lock();
        let (polled, unused) = match state.is_cancelled {
            true => (Poll::Ready(()), Some(waker)),
            false => {
                let State { wakers, name, .. } = &mut *state;
                let (name, wanted) = (name.as_deref(), Wanted::default());
                let told = Awaited { kind: Node::KIND, name, wanted };
                (Poll::Pending, wakers.register(waiter, waker, &self.node, told))
            }
        };
        drop(state);
        drop(unused);
        polled
    }

    fn withdraw(&self, waiter: &mut Option<WaiterKey>) {
        let waker = self.node.lock().wakers.withdraw(waiter);
        drop(waker);
    }
}

/// Another handle to the same token.
impl Clone for CancellationToken {
    #[inline]
    fn clone(&self) -> Self {
        CancellationToken { node: Arc::clone(&self.node) }
    }
}

impl Default for CancellationToken {
    #[track_caller]
    #[inline]
    fn default() -> Self {
        CancellationToken::new()
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.node.lock();
        let mut shown = f.debug_struct("CancellationToken");
        if let Some(name) = &state.name {
            shown.field("name", name);
        }
        shown.field("is_cancelled", &state.is_cancelled).finish()
    }
}

/// Future of [`CancellationToken::cancelled`].
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct WaitForCancellationFuture<'a> {
    token: &'a CancellationToken,
    waiter: Option<WaiterKey>,
}

impl Future for WaitForCancellationFuture<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.token.poll(&mut this.waiter, cx)
    }
}

impl Drop for WaitForCancellationFuture<'_> {
    fn drop(&mut self) {
        self.token.withdraw(&mut self.waiter);
    }
}

/// Future of [`CancellationToken::cancelled_owned`].
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct WaitForCancellationFutureOwned {
    token: CancellationToken,
    waiter: Option<WaiterKey>,
}

impl Future for WaitForCancellationFutureOwned {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.token.poll(&mut this.waiter, cx)
    }
}

impl Drop for WaitForCancellationFutureOwned {
    fn drop(&mut self) {
        self.token.withdraw(&mut self.waiter);
    }
}

/// Cancels a token when it is dropped; made by [`CancellationToken::drop_guard`].
#[derive(Debug)]
#[must_use = "dropping the guard cancels the token"]
pub struct DropGuard {
    token: Option<CancellationToken>,
}

impl DropGuard {
    /// Returns the token, which is then not cancelled by the guard.
    #[inline]
    pub fn disarm(mut self) -> CancellationToken {
        self.token.take().expect("a guard has its token until it is dropped")
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            token.cancel();
        }
    }
}

pin_project! {
    /// Future of [`CancellationToken::run_until_cancelled`].
    ///
    /// # Panics
    ///
    /// Panics when awaited again after it has given its result.
    #[derive(Debug)]
    #[must_use = "a future does nothing unless it is awaited"]
    pub struct RunUntilCancelled<'a, F> {
        cancelled: WaitForCancellationFuture<'a>,
        // Gone once the result is given: its destructor has run by then.
        #[pin]
        future: Option<F>,
    }
}

impl<F: Future> Future for RunUntilCancelled<'_, F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let future = this
            .future
            .as_mut()
            .as_pin_mut()
            .expect("`run_until_cancelled` was polled after it had given its result");
        let output = match Pin::new(&mut *this.cancelled).poll(cx) {
            Poll::Ready(()) => None,
            Poll::Pending => match future.poll(cx) {
                Poll::Ready(output) => Some(output),
                Poll::Pending => return Poll::Pending,
            },
        };
        this.future.set(None);
        Poll::Ready(output)
    }
}
