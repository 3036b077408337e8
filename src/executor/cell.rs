//! A task's one allocation: its future, then its output in the same place, then a future of the same type again.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::core::Payload;

/// What a poll of a task's future came to.
pub(super) enum Polled {
    Pending,
    Ready,
    /// In a box once more, so that this is two words, which are returned in registers.
    Panicked(Box<Payload>),
}

/// What the loop can do with a task's future without knowing its type.
pub(super) trait TaskCell {
    /// Polls the future. When it is ready, its output takes its place.
    ///
    /// A panic is caught here, in the function into which the future's own code is compiled: then it unwinds one frame
    /// less, and is not started again behind the destructors of what the future holds.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled;

    /// Says whether the future is still there: it has not been ready.
    fn is_future(&self) -> bool;

    /// Moves the output into `place`, an `Option<T>` where `T` is the output's type, and frees the memory, or
    /// returns the emptied cell: if that is wanted, and it is small.
    ///
    /// Runs no foreign code: the place is empty, moving a value is silent, and the cell is empty then. One call for
    /// both, since what is called knows how much memory it is.
    fn take(self: Pin<Box<Self>>, place: &mut dyn Any, is_wanted: bool) -> Option<BoxedCell>;

    /// Takes the future out of an `Option<F>` into an emptied cell, if that is one for an `F`.
    fn refill(self: Pin<&mut Self>, future: &mut dyn Any) -> bool;
}

pub(super) type BoxedCell = Pin<Box<dyn TaskCell>>;

/// The size up to which an emptied cell is kept for the next future of its type, in bytes.
const KEPT_SIZE_MAX: usize = 512;

/// A future that is to have a cell, wherever that comes from.
pub(super) trait Incoming {
    /// An `Option` of the future, if it waits outside a cell.
    fn future(&mut self) -> Option<&mut dyn Any>;

    /// Puts it into a box of its own, unless it is in one. To be called once.
    fn boxed(&mut self) -> BoxedCell;
}

impl dyn Incoming + '_ {
    /// Puts the future into a cell at `place`: the emptied one that is there, if it fits.
    #[inline(always)]
    pub(super) fn settle(&mut self, place: &mut Option<BoxedCell>) {
        match place {
            Some(_) => self.settle_again(place),
            None => *place = Some(self.boxed()),
        }
    }

    #[inline(always)]
    fn settle_again(&mut self, place: &mut Option<BoxedCell>) {
        if let (Some(emptied), Some(future)) = (place.as_mut(), self.future()) {
            if emptied.as_mut().refill(future) {
                return;
            }
        }
        *place = Some(self.boxed());
    }
}

/// Where a future waits for its cell. A large one goes into a box at once, since each move of a future copies all
/// that it holds.
pub(super) enum Waiting<F> {
    Outside(Option<F>),
    Boxed(Option<BoxedCell>),
}

impl<F> Waiting<F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    #[inline(always)]
    pub(super) fn new(future: F) -> Self {
        match size_of::<Cell<F>>() <= KEPT_SIZE_MAX {
            true => Waiting::Outside(Some(future)),
            false => Waiting::Boxed(Some(boxed(future))),
        }
    }
}

impl<F> Incoming for Waiting<F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn future(&mut self) -> Option<&mut dyn Any> {
        match self {
            Waiting::Outside(future) => Some(future),
            Waiting::Boxed(_) => None,
        }
    }

    fn boxed(&mut self) -> BoxedCell {
        let cell = match self {
            Waiting::Outside(future) => future.take().map(boxed),
            Waiting::Boxed(cell) => cell.take(),
        };
        cell.expect("a future is put into one cell")
    }
}

pin_project! {
    #[project = Projection]
    #[project_replace = Taken]
    enum Cell<F: Future> {
        Future { #[pin] future: F },
        Output { output: F::Output },
        Empty,
    }
}

/// What comes of a poll after the last. A call, so that nothing is kept for it while the future is polled.
#[cold]
#[inline(never)]
fn is_over() -> Poll<()> {
    Poll::Ready(())
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
    F: Future + 'static,
    F::Output: 'static,
{
    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let Projection::Future { future } = self.as_mut().project() else { return is_over() };
            future.poll(cx).map(|output| self.set(Cell::Output { output }))
        }));
        match polled {
            Ok(Poll::Pending) => Polled::Pending,
            Ok(Poll::Ready(())) => Polled::Ready,
            Err(payload) => Polled::Panicked(Box::new(payload)),
        }
    }

    fn is_future(&self) -> bool {
        matches!(self, Cell::Future { .. })
    }

    fn take(mut self: Pin<Box<Self>>, place: &mut dyn Any, is_wanted: bool) -> Option<BoxedCell> {
        let place =
            place.downcast_mut::<Option<F::Output>>().expect("a handle knows its task's type");
        debug_assert!(place.is_none(), "replacing a value would run its destructor");
        if matches!(*self, Cell::Output { .. }) {
            if let Taken::Output { output } = self.as_mut().project_replace(Cell::Empty) {
                *place = Some(output);
            }
        }
        if is_wanted && size_of::<Self>() <= KEPT_SIZE_MAX { Some(self) } else { None }
    }

    fn refill(mut self: Pin<&mut Self>, future: &mut dyn Any) -> bool {
        let Some(future) = future.downcast_mut::<Option<F>>() else { return false };
        let Some(taken) = future.take() else { return false };
        // Looked at after that: for all that the compiler knows both are in one place, and for a destructor of what is here
        // it would move the future once more.
        match *self {
            Cell::Empty => self.set(Cell::Future { future: taken }),
            _ => {
                std::mem::forget(future.replace(taken));
                return false;
            }
        }
        true
    }
}
