//! Waiting in a line that is called: nothing is handed over, and who comes takes what is there.
//!
//! This is the way of channels. What a receiver finds may have changed between the call and its coming: a
//! newer value in a watch, a lag in a broadcast, more messages in a queue. To hand over at once would also free
//! the room of a message that nobody has seen. Nobody can barge in all the same: there is one receiver, or
//! each receives everything.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Gate, Inner, Shared, Waiting};
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
    /// Calls all if there may be something for the first: the others wait for the same.
    pub(super) fn call_line(&mut self, line: usize, wakes: &mut Wakes) {
        while let Some(spot) = self.lines.head(line) {
            let State::Waiting(waiting) = self.lines.state(spot) else { return };
            if !self.gate.calls(line, &waiting.need) {
                return;
            }
            if let Some(waiting) = self.lines.call(line, spot) {
                wakes.push(waiting.into_wakee());
            }
        }
    }

    #[inline]
    fn take_out(&mut self, line: usize, place: &mut Place) -> Option<Waiting<G::Need>> {
        match self.lines.vacate(line, place.spot.take()?) {
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
            let left = self.operate().take_out(line, place);
            drop(left);
        }
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
        let mut wakee = None;
        loop {
            let mut inner = self.operate();
            let need = match take(&mut inner.gate) {
                Ok(taken) => {
                    let left = inner.take_out(line, place);
                    Self::settle(inner);
                    drop((left, wakee));
                    return Poll::Ready(taken);
                }
                Err(need) => need,
            };
            if let Some(State::Waiting(waiting)) = place.spot.map(|spot| inner.lines.state(spot)) {
                waiting.need = need;
                if waiting.wakee.is_behind(cx.waker()) {
                    return Poll::Pending;
                }
                if let Some(wakee) = wakee.take().or_else(|| Wakee::own(cx)) {
                    // It is polled by another task or combinator than before.
                    let replaced = std::mem::replace(&mut waiting.wakee, wakee);
                    let whom = waiting.wakee.whom;
                    self.begin_wait(&mut inner, whom);
                    if let Some(spot) = place.spot {
                        inner.tell_again(line, spot);
                    }
                    drop(inner);
                    drop(replaced);
                    return Poll::Pending;
                }
            } else if let Some(wakee) = wakee.take().or_else(|| Wakee::own(cx)) {
                self.begin_wait(&mut inner, wakee.whom);
                let mut waiting = Waiting::new(need, wakee);
                inner.tell(line, &mut waiting);
                match place.spot {
                    Some(called) => inner.lines.enter_again(line, called, waiting),
                    None => place.spot = Some(inner.lines.enter(line, 0, waiting)),
                }
                return Poll::Pending;
            }
            drop(inner);
            wakee = Some(Wakee::foreign(cx));
        }
    }
}
