//! A task's one allocation: its future, then its output in the same place.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

/// What the loop can do with a task's future without knowing its type.
pub(super) trait TaskCell {
    /// Polls the future. When it is ready, its output takes its place.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;

    /// Says whether the future is still there: it has not been ready.
    fn is_future(&self) -> bool;

    /// Moves the output into `place`, an `Option<T>` where `T` is the output's type, and frees the memory.
    ///
    /// Runs no foreign code: the place is empty, moving a value is silent, and the cell is empty then. One call for
    /// both, since what is called knows how much memory it is.
    fn take(self: Pin<Box<Self>>, place: &mut dyn Any);
}

pub(super) type BoxedCell = Pin<Box<dyn TaskCell>>;

pin_project! {
    #[project = Projection]
    #[project_replace = Taken]
    enum Cell<F: Future> {
        Future { #[pin] future: F },
        Output { output: F::Output },
        Empty,
    }
}

/// Puts a future into the cell of a task.
pub(super) fn boxed<F>(future: F) -> BoxedCell
where
    F: Future + 'static,
    F::Output: 'static,
{
    Box::pin(Cell::Future { future })
}

impl<F> TaskCell for Cell<F>
where
    F: Future,
    F::Output: 'static,
{
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Projection::Future { future } = self.as_mut().project() {
            let output = ready!(future.poll(cx));
            self.set(Cell::Output { output });
        }
        Poll::Ready(())
    }

    fn is_future(&self) -> bool {
        matches!(self, Cell::Future { .. })
    }

    fn take(mut self: Pin<Box<Self>>, place: &mut dyn Any) {
        let place =
            place.downcast_mut::<Option<F::Output>>().expect("a handle knows its task's type");
        debug_assert!(place.is_none(), "replacing a value would run its destructor");
        if matches!(*self, Cell::Output { .. }) {
            if let Taken::Output { output } = self.as_mut().project_replace(Cell::Empty) {
                *place = Some(output);
            }
        }
    }
}
