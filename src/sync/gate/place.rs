//! Waiting in a line that is called: nothing is handed over, and who comes takes what is there.
//!
//! This is the way of channels. What a receiver finds may have changed between the call and its coming: a
//! newer value in a watch, a lag in a broadcast, more messages in a queue. To hand over at once would also free
//! the room of a message that nobody has seen. Nobody can barge in all the same: there is one receiver, or
//! each receives everything.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::{Gate, Inner, Inside, Shared, Waiting};
use crate::executor::Whom;
use crate::sync::line::{Spot, State};
use crate::sync::wakes::{Wakee, Wakes};

/// The place of one who waits to be called; in no line until it has to wait, and after it came.
///
/// It has no destructor, for it does not know the primitive: its owner calls [`Shared::leave`].
#[derive(Debug, Default)]
pub(in crate::sync) struct Place {
    spot: Option<Spot>,
}

impl<G: Gate, const LINES: usize> Inner<G, LINES> {
    /// Whether somebody is alone in its line and there may be something for it.
    #[inline]
    pub(super) fn calls_alone(&self) -> bool {
        self.lines.alone().is_some_and(|waiting| self.gate.calls(G::ALONE, &waiting.need))
    }

    /// Calls who is alone in its line.
    #[cold]
    #[inline(never)]
    fn call_alone(&mut self, wakes: &mut Wakes) {
        let called = self.lines.leave_alone();
        called.into_iter().for_each(|waiting| wakes.push(waiting.into_wakee()));
    }

    /// Calls all who wait in a line if there may be something for the first: the others wait for the same.
    #[inline]
    pub(super) fn call_line(&mut self, line: usize, wakes: &mut Wakes) {
        if line == G::ALONE {
            if self.calls_alone() {
                self.call_alone(wakes);
            }
        } else if let Some(head) = self.lines.head(line) {
            self.call_from(line, head, wakes);
        }
    }

    fn call_from(&mut self, line: usize, head: Spot, wakes: &mut Wakes) {
        let mut next = Some(head);
        while let Some(spot) = next {
            let State::Waiting(waiting) = self.lines.state(spot) else { return };
            if !self.gate.calls(line, &waiting.need) {
                return;
            }
            if let Some(waiting) = self.lines.call(line, spot) {
                wakes.push(waiting.into_wakee());
            }
            next = self.lines.head(line);
        }
    }

    /// The running task, where the waker is its own and nothing need be done before it waits here. Where a trace tells who
    /// waits, that is not known without a look at the loop.
    #[inline]
    fn known(&self, waker: &Waker) -> Option<Whom> {
        let whom = Whom::polled(waker).filter(|whom| whom.is_of(self.listed));
        debug_assert!(whom.is_none() || self.traced.is_none(), "the trace is to be told");
        whom
    }

    /// Gives up the place of somebody who was called, or was polled for another reason: then it returns who still
    /// waits there.
    fn come(&mut self, line: usize, spot: Spot) -> Option<Waiting<G::Need>> {
        match line != G::ALONE && self.lines.come_called(spot) {
            true => None,
            false => self.give_up(line, spot),
        }
    }

    /// Gives up a place, and returns who still waits there.
    fn give_up(&mut self, line: usize, spot: Spot) -> Option<Waiting<G::Need>> {
        if line == G::ALONE {
            return self.lines.leave_alone();
        }
        match self.lines.vacate(line, spot) {
            State::Waiting(waiting) => Some(waiting),
            State::Served(_) | State::Gone => None,
        }
    }
}

impl<G: Gate, const LINES: usize> Shared<G, LINES> {
    /// Leaves the line. Must be called when nobody will poll for this place again.
    #[inline]
    pub(in crate::sync) fn leave(&self, line: usize, place: &mut Place) {
        if place.spot.is_some() {
            self.leave_place(line, place);
        }
    }

    #[cold]
    #[inline(never)]
    fn leave_place(&self, line: usize, place: &mut Place) {
        let left = place.spot.take().and_then(|spot| self.operate().give_up(line, spot));
        drop(left);
    }

    /// Ends an operation in which somebody came and found something, which is handed through: so what is rare is the
    /// last deed here, and no register is saved for it.
    #[inline]
    fn come<R>(
        &self,
        mut inner: Inside<'_, Inner<G, LINES>>,
        line: usize,
        place: &mut Place,
        found: R,
    ) -> R {
        if !inner.lines.are_empty() {
            drop(inner);
            return self.come_among_others(line, place, found);
        }
        // Where nobody waits, whoever has a place was called.
        if let Some(spot) = place.spot.take().filter(|_| line != G::ALONE) {
            inner.lines.come_called(spot);
        }
        inner.gate.all_served();
        found
    }

    #[inline(never)]
    fn come_among_others<R>(&self, line: usize, place: &mut Place, found: R) -> R {
        let mut inner = self.lock();
        let left = place.spot.take().and_then(|spot| inner.come(line, spot));
        Self::settle(inner);
        drop(left);
        found
    }
}

impl<G: Gate + 'static, const LINES: usize> Shared<G, LINES> {
    /// Is ready with what `take` finds. Where it finds nothing, it says what it waits for.
    #[inline]
    pub(in crate::sync) fn poll_take<R>(
        self: &Arc<Self>,
        line: usize,
        place: &mut Place,
        cx: &Context<'_>,
        mut take: impl FnMut(&mut G) -> Result<R, G::Need>,
    ) -> Poll<R> {
        let Some(mut inner) = self.operate_at_once() else {
            return self.poll_take_anew(line, place, cx, take);
        };
        let need = match take(&mut inner.gate) {
            Ok(found) => return Poll::Ready(self.come(inner, line, place, found)),
            Err(need) => need,
        };
        match place.spot {
            None => {
                if let Some(whom) = inner.known(cx.waker()) {
                    place.spot = Some(inner.enter_untold(line, need, Wakee::task(whom)));
                    return Poll::Pending;
                }
            }
            Some(spot) => {
                if let State::Waiting(waiting) = inner.lines.state(spot) {
                    if waiting.wakee.is_behind(cx.waker()) {
                        waiting.need = need;
                        return Poll::Pending;
                    }
                }
            }
        }
        drop(inner);
        self.poll_take_anew(line, place, cx, take)
    }

    /// The same for whoever is not known by its number, or stands in the line for another, or was called in vain.
    #[cold]
    #[inline(never)]
    fn poll_take_anew<R>(
        self: &Arc<Self>,
        line: usize,
        place: &mut Place,
        cx: &Context<'_>,
        mut take: impl FnMut(&mut G) -> Result<R, G::Need>,
    ) -> Poll<R> {
        // Foreign code may run here, so not under the latch; and then all is looked at again.
        let wakee = Wakee::of(cx);
        let mut inner = self.operate();
        let need = match take(&mut inner.gate) {
            Ok(found) => return Poll::Ready(self.come(inner, line, place, found)),
            Err(need) => need,
        };
        self.begin_wait(&mut inner, wakee.whom);
        let Some(spot) = place.spot else {
            place.spot = Some(inner.enter(line, need, wakee));
            return Poll::Pending;
        };
        let mut replaced = None;
        match inner.lines.state(spot) {
            State::Waiting(waiting) => {
                waiting.need = need;
                replaced = Some(mem::replace(&mut waiting.wakee, wakee));
                inner.tell(line, spot);
            }
            State::Served(_) | State::Gone => {
                let waiting = Waiting::new(need, wakee);
                if line == G::ALONE {
                    inner.lines.enter_alone(waiting);
                } else {
                    inner.lines.enter_again(line, spot, waiting);
                }
                inner.tell(line, spot);
            }
        }
        drop(inner);
        drop(replaced);
        Poll::Pending
    }
}
