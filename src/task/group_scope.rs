//! The future of a task group: it joins the tasks, polls the body, keeps the failures (S25).

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::group::{ChildResult, TaskGroup};
use super::group_error::{GroupError, GroupFailure};
use super::numbered::Numbered;
use super::{JoinHandle, current};
use crate::executor::access::note_beside;
use crate::executor::{Heirs, JoinQueue, leave_panic, panicked_at};
use crate::kernel::Instant;

pin_project! {
    /// Future of [`TaskGroup::scope`](super::TaskGroup::scope).
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the body and aborts the tasks, in the order of spawning; see
    /// [`TaskGroup`](super::TaskGroup) for who waits for them.
    ///
    /// # Panics
    ///
    /// Panics when polled outside a task, and when awaited again after it has given its result.
    #[must_use = "a future does nothing unless it is awaited"]
    pub struct GroupScope<B, F, T, E: 'static> {
        start: Option<B>,
        #[pin]
        body: Option<F>,
        value: Option<T>,
        running: Option<Running<E>>,
    }

    impl<B, F, T, E: 'static> PinnedDrop for GroupScope<B, F, T, E> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let Some(running) = this.running.take() else { return };
            let children = running.abandon();
            // The body goes before the handles; a panic in its destructor goes on, and leaves nobody behind.
            this.body.set(None);
            drop(children);
        }
    }
}

impl<B, F, T, E> GroupScope<B, F, T, E> {
    pub(super) fn new(body: B) -> Self {
        GroupScope { start: Some(body), body: None, value: None, running: None }
    }
}

impl<B, F, T, E> fmt::Debug for GroupScope<B, F, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupScope")
            .field("group", &self.running.as_ref().map(|running| &running.group))
            .finish_non_exhaustive()
    }
}

/// The scope once it was polled.
struct Running<E: 'static> {
    group: TaskGroup<E>,
    queue: JoinQueue,
    /// What the body has left behind: the tasks of groups that were dropped in it, and cleanups.
    heirs: Heirs,
    failures: Vec<Found<E>>,
    /// The path of the task that runs the body.
    path: String,
}

/// A failure that the scope has found and not returned yet.
enum Found<E: 'static> {
    Known(GroupFailure<E>),
    /// A task's panic. It stays with the task until it is returned: if that never comes to be, it is a panic
    /// that nobody took, and fails the run (S20).
    Panic {
        child: JoinHandle<ChildResult<E>>,
        at: Instant,
    },
}

impl<E> Found<E> {
    fn into_failure(self) -> GroupFailure<E> {
        match self {
            Found::Known(failure) => failure,
            Found::Panic { mut child, at } => match child.try_take() {
                Some(Err(error)) => {
                    GroupFailure::panic(error.path().to_owned(), at, error.into_panic())
                }
                _ => unreachable!("a task that has panicked has no output"),
            },
        }
    }
}

impl<E> Running<E> {
    fn start() -> Self {
        let path = current().path();
        let (queue, key) = JoinQueue::open("TaskGroup::scope");
        let heirs = Heirs::default();
        Running { group: TaskGroup::open(key), queue, heirs, failures: Vec::new(), path }
    }

    /// Takes the results of the tasks that have ended so far.
    fn join_ended(&mut self) {
        if self.group.first().is_none() {
            return;
        }
        loop {
            let Running { queue, group, .. } = self;
            let Some(number) = queue.try_next(|| group.first()) else { return };
            self.join(number);
        }
    }

    fn join(&mut self, number: usize) {
        let mut child = self.group.remove(number);
        match child.try_output() {
            Some(Ok(())) => return,
            Some(Err(failure)) => return self.failures.push(Found::Known(*failure)),
            None => {}
        }
        if let Some(at) = panicked_at(&child) {
            return self.failures.push(Found::Panic { child, at });
        }
        // One that was cancelled has not failed.
        let result = child.try_take().expect("the queue tells of tasks that have ended");
        debug_assert!(result.is_err(), "what has completed has given its output");
    }

    /// Polls the body, or what there is of it. A panic of it is a failure like that of a task.
    fn poll_body<B, F, T>(
        &mut self,
        start: &mut Option<B>,
        mut body: Pin<&mut Option<F>>,
        value: &mut Option<T>,
        cx: &mut Context<'_>,
    ) where
        B: FnOnce(TaskGroup<E>) -> F,
        F: Future<Output = Result<T, E>>,
    {
        let Running { group, heirs, .. } = self;
        let poll = || {
            if let Some(start) = start.take() {
                body.set(Some(start(group.clone())));
            }
            note_beside();
            match body.as_mut().as_pin_mut()?.poll(cx) {
                Poll::Ready(result) => Some(result),
                Poll::Pending => None,
            }
        };
        let polled = heirs.collect(|| catch_unwind(AssertUnwindSafe(poll)));
        match polled {
            Ok(None) => return,
            Ok(Some(Ok(output))) => *value = Some(output),
            Ok(Some(Err(error))) => {
                let failure = GroupFailure::error(self.path.clone(), Instant::now(), error);
                self.failures.push(Found::Known(failure.of_body()));
            }
            Err(payload) => self.push_panic(payload),
        }
        self.drop_caught(|| body.set(None));
    }

    /// Drops something of the body's. A panic in its destructor is a failure.
    fn drop_caught(&mut self, drop: impl FnOnce()) {
        let dropped = self.heirs.collect(|| catch_unwind(AssertUnwindSafe(drop)));
        if let Err(payload) = dropped {
            self.push_panic(payload);
        }
    }

    fn push_panic(&mut self, payload: Box<dyn Any + Send>) {
        let failure = GroupFailure::panic(self.path.clone(), Instant::now(), payload);
        self.failures.push(Found::Known(failure.of_body()));
    }

    /// Waits for the next task to end, and takes its result.
    fn poll_join(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.group.first().is_none() && self.queue.is_over() {
            // The run is over, so nothing more is spawned, and only the body is left.
            return Poll::Pending;
        }
        let Running { queue, group, .. } = self;
        let number = ready!(queue.poll_next(cx, || group.first()));
        self.join(number);
        Poll::Ready(())
    }

    /// Aborts all tasks. What the scope has found and cannot return any more is dropped, but for panics, which
    /// fail the run.
    fn abandon(self) -> Numbered<JoinHandle<ChildResult<E>>> {
        let children = self.group.abandon();
        for found in self.failures {
            if let Found::Known(failure) = found {
                failure.into_error().err().into_iter().for_each(leave_panic);
            }
        }
        children
    }
}

impl<B, F, T, E> Future for GroupScope<B, F, T, E>
where
    B: FnOnce(TaskGroup<E>) -> F,
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<T, GroupError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        assert!(
            this.running.is_some() || this.start.is_some(),
            "a task group was polled after it had given its result"
        );
        let running = this.running.get_or_insert_with(Running::start);
        // What ended before this turn comes before what the body does in it.
        running.join_ended();
        if running.failures.is_empty() {
            running.poll_body(this.start, this.body.as_mut(), this.value, cx);
        }
        loop {
            if !running.failures.is_empty() {
                running.group.cancel();
                running.drop_caught(|| this.body.set(None));
                running.drop_caught(|| drop(this.value.take()));
            }
            let has_ended = this.body.is_none() && running.group.first().is_none();
            if has_ended && running.heirs.poll(cx).is_ready() {
                break;
            }
            ready!(running.poll_join(cx));
        }
        running.group.end();
        let ended = this.running.take().expect("it was there a moment ago");
        match this.value.take() {
            Some(value) => Poll::Ready(Ok(value)),
            None => {
                let failures = ended.failures.into_iter().map(Found::into_failure);
                Poll::Ready(Err(GroupError::new(failures.collect())))
            }
        }
    }
}
