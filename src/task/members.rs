//! The tasks of a gather, in a list or in a tuple, each with the place of its output.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::gather::TryGather;
use super::{JoinError, JoinHandle, spawn};
use crate::executor::JoinQueue;

/// One task of a gather, and its output once it has one.
#[derive(Debug)]
pub struct Member<T, E> {
    handle: JoinHandle<Result<T, E>>,
    output: Option<T>,
    is_settled: bool,
}

/// Why a gather ends before all its tasks have.
#[derive(Debug)]
pub enum Broken<E> {
    /// An input failed.
    Failed(E),
    /// A task panicked or was cancelled.
    Lost(JoinError),
}

impl<T: 'static, E: 'static> Member<T, E> {
    #[track_caller]
    pub(super) fn spawn<F>(future: F, number: usize, queue: &mut JoinQueue) -> Self
    where
        F: Future<Output = Result<T, E>> + 'static,
    {
        let handle = spawn(future);
        queue.enroll(&handle, number);
        Member { handle, output: None, is_settled: false }
    }

    fn into_output(self) -> T {
        self.output.expect("every task has settled")
    }
}

/// A member, whatever its output is.
#[doc(hidden)]
pub trait AnyMember<E> {
    /// Takes the result of the task, which has finished.
    fn settle(&mut self) -> Result<(), Broken<E>>;

    fn is_settled(&self) -> bool;

    fn abort(&self);

    /// See [`JoinHandle::shelter`].
    fn shelter(&self);
}

impl<T: 'static, E: 'static> AnyMember<E> for Member<T, E> {
    fn settle(&mut self) -> Result<(), Broken<E>> {
        self.is_settled = true;
        match self.handle.try_take().expect("the queue tells of tasks that have finished") {
            Ok(Ok(output)) => {
                self.output = Some(output);
                Ok(())
            }
            Ok(Err(error)) => Err(Broken::Failed(error)),
            Err(error) => Err(Broken::Lost(error)),
        }
    }

    fn is_settled(&self) -> bool {
        self.is_settled
    }

    fn abort(&self) {
        self.handle.abort_dropped();
    }

    fn shelter(&self) {
        self.handle.shelter();
    }
}

/// What a gather returns: a list or a tuple of outputs. Not meant to be implemented elsewhere.
pub trait Outputs<E>: Sized {
    #[doc(hidden)]
    type Members;

    /// The member of this number; `None` behind the last.
    #[doc(hidden)]
    fn member(members: &mut Self::Members, number: usize) -> Option<&mut dyn AnyMember<E>>;

    #[doc(hidden)]
    fn take(members: Self::Members) -> Self;

    /// The number of some task that has not settled.
    #[doc(hidden)]
    fn left(members: &mut Self::Members) -> Option<usize> {
        let mut number = 0;
        while Self::member(members, number)?.is_settled() {
            number += 1;
        }
        Some(number)
    }

    /// Does something with each member.
    #[doc(hidden)]
    fn for_each(members: &mut Self::Members, act: fn(&mut dyn AnyMember<E>)) {
        let mut number = 0;
        while let Some(member) = Self::member(members, number) {
            act(member);
            number += 1;
        }
    }
}

impl<T: 'static, E: 'static> Outputs<E> for Vec<T> {
    type Members = Vec<Member<T, E>>;

    fn member(members: &mut Self::Members, number: usize) -> Option<&mut dyn AnyMember<E>> {
        Some(members.get_mut(number)?)
    }

    fn take(members: Self::Members) -> Self {
        members.into_iter().map(Member::into_output).collect()
    }
}

/// A tuple of futures that may fail in one way. Not meant to be implemented elsewhere.
pub trait Futures<E> {
    #[doc(hidden)]
    type Outputs: Outputs<E>;

    #[doc(hidden)]
    #[track_caller]
    fn gather(self) -> TryGather<Self::Outputs, E>;
}

macro_rules! tuple {
    ($($future:ident $output:ident $number:tt),+) => {
        impl<Error: 'static, $($output: 'static),+> Outputs<Error> for ($($output,)+) {
            type Members = ($(Member<$output, Error>,)+);

            fn member(
                members: &mut Self::Members,
                number: usize,
            ) -> Option<&mut dyn AnyMember<Error>> {
                match number {
                    $($number => Some(&mut members.$number),)+
                    _ => None,
                }
            }

            fn take(members: Self::Members) -> Self {
                ($(members.$number.into_output(),)+)
            }
        }

        impl<Error: 'static, $($future, $output: 'static),+> Futures<Error> for ($($future,)+)
        where
            $($future: Future<Output = Result<$output, Error>> + 'static),+
        {
            type Outputs = ($($output,)+);

            #[track_caller]
            fn gather(self) -> TryGather<Self::Outputs, Error> {
                let mut queue = JoinQueue::default();
                let members = ($(Member::spawn(self.$number, $number, &mut queue),)+);
                TryGather::new(queue, members, [$($number),+].len())
            }
        }
    };
}

tuple!(FA A 0);
tuple!(FA A 0, FB B 1);
tuple!(FA A 0, FB B 1, FC C 2);
tuple!(FA A 0, FB B 1, FC C 2, FD D 3);
tuple!(FA A 0, FB B 1, FC C 2, FD D 3, FE E 4);
tuple!(FA A 0, FB B 1, FC C 2, FD D 3, FE E 4, FF F 5);
tuple!(FA A 0, FB B 1, FC C 2, FD D 3, FE E 4, FF F 5, FG G 6);
tuple!(FA A 0, FB B 1, FC C 2, FD D 3, FE E 4, FF F 5, FG G 6, FH H 7);
tuple!(FA A 0, FB B 1, FC C 2, FD D 3, FE E 4, FF F 5, FG G 6, FH H 7, FI I 8);
tuple!(FA A 0, FB B 1, FC C 2, FD D 3, FE E 4, FF F 5, FG G 6, FH H 7, FI I 8, FJ J 9);
tuple!(FA A 0, FB B 1, FC C 2, FD D 3, FE E 4, FF F 5, FG G 6, FH H 7, FI I 8, FJ J 9, FK K 10);
tuple!(
    FA A 0, FB B 1, FC C 2, FD D 3, FE E 4, FF F 5, FG G 6, FH H 7, FI I 8, FJ J 9, FK K 10, FL L 11
);

pin_project! {
    /// A future that cannot fail, made to look like one that may.
    ///
    /// So that there is one gather and not two. An `async` block around the future would do the same and hold
    /// the future twice.
    #[derive(Debug)]
    #[must_use = "a future does nothing unless it is awaited"]
    pub struct Unfailing<F> {
        #[pin]
        future: F,
    }
}

impl<F> Unfailing<F> {
    #[doc(hidden)]
    pub fn new(future: F) -> Self {
        Unfailing { future }
    }
}

impl<F: Future> Future for Unfailing<F> {
    type Output = Result<F::Output, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(ready!(self.project().future.poll(cx))))
    }
}
