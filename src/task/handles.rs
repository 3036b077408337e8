//! A list of handles and what has become of their tasks: the common ground of `wait`, `as_completed` and
//! `gather_settled`.

use std::task::{Context, Poll, ready};

use super::JoinHandle;
use crate::executor::JoinQueue;

mod sealed {
    pub trait Sealed {}
}

/// A handle to a task, owned or borrowed: a [`JoinHandle`] or a `&mut` to one.
///
/// What is given handles by value detaches their tasks when it is dropped early. Lent handles stay with their
/// owner: then nothing is lost.
pub trait Joinable: sealed::Sealed + Unpin {
    /// What the task returns.
    type Output: 'static;

    /// Returns the handle.
    fn handle(&self) -> &JoinHandle<Self::Output>;

    /// Returns the handle, to take its result.
    fn handle_mut(&mut self) -> &mut JoinHandle<Self::Output>;
}

impl<T> sealed::Sealed for JoinHandle<T> {}

impl<T: 'static> Joinable for JoinHandle<T> {
    type Output = T;

    fn handle(&self) -> &JoinHandle<T> {
        self
    }

    fn handle_mut(&mut self) -> &mut JoinHandle<T> {
        self
    }
}

impl<T> sealed::Sealed for &mut JoinHandle<T> {}

impl<T: 'static> Joinable for &mut JoinHandle<T> {
    type Output = T;

    fn handle(&self) -> &JoinHandle<T> {
        self
    }

    fn handle_mut(&mut self) -> &mut JoinHandle<T> {
        self
    }
}

/// Handles by number, each told once, in the order in which their tasks finish.
pub(super) struct Handles<H> {
    queue: JoinQueue,
    handles: Vec<H>,
    is_told: Vec<bool>,
    /// How many were not told yet.
    left: usize,
}

impl<H: Joinable> Handles<H> {
    #[track_caller]
    pub(super) fn new(handles: impl IntoIterator<Item = H>) -> Self {
        let handles: Vec<H> = handles.into_iter().collect();
        let mut queue = JoinQueue::default();
        for (number, handle) in handles.iter().enumerate() {
            queue.enroll(handle.handle(), number);
        }
        let left = handles.len();
        Handles { queue, is_told: vec![false; left], handles, left }
    }

    /// How many handles were not told yet.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// The next handle whose task has finished, with its number; none when all were told.
    pub(super) fn poll_next(&mut self, cx: &Context<'_>) -> Poll<Option<(usize, &mut H)>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let left = || self.is_told.iter().position(|is_told| !is_told);
        let number = ready!(self.queue.poll_next(cx, left));
        self.is_told[number] = true;
        self.left -= 1;
        Poll::Ready(Some((number, &mut self.handles[number])))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &H> {
        self.handles.iter()
    }

    /// Withdraws the wait that the last poll registered.
    pub(super) fn stop_waiting(&mut self) {
        self.queue.stop_waiting();
    }

    /// Returns the handles of tasks that were told, and the others, each in input order.
    pub(super) fn split(self) -> (Vec<H>, Vec<H>) {
        let mut is_told = self.is_told.into_iter();
        self.handles.into_iter().partition(|_| is_told.next() == Some(true))
    }
}
