//! Waiting in a line that is called: nothing is handed over, and who comes takes what is there.
//!
//! This is the way of channels. What a receiver finds may have changed between the call and its coming: a
//! newer value in a watch, a lag in a broadcast, more messages in a queue. To hand over at once would also free
//! the room of a message that nobody has seen. Nobody can barge in all the same: there is one receiver, or
//! each receives everything.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::{Gate, Inner, Shared, Waiting, clone_own};
use crate::executor::Party;
use crate::sync::tickets::Ticket;
use crate::sync::wakes::Wakes;

/// The place of one who waits to be called; in no line until it has to wait, and after it was called.
///
/// It has no destructor, for it does not know the primitive: its owner calls [`Shared::leave`].
#[derive(Debug, Default)]
pub(in crate::sync) struct Place {
    ticket: Option<Ticket>,
}

impl<G: Gate, const LINES: usize> Inner<G, LINES> {
    /// Calls all if there may be something for the first: the others wait for the same.
    pub(super) fn call_line(&mut self, number: usize, wakes: &mut Wakes) {
        let line = &mut self.lines[number];
        while let Some((ticket, waiting)) = line.waiting.next_mut(None) {
            if !self.gate.calls(number, &waiting.need) {
                break;
            }
            let waiting = line.waiting.remove(ticket).expect("it was found above");
            wakes.push(waiting.waker);
        }
    }

    fn take_out(&mut self, line: usize, place: &mut Place) -> Option<Waiting<G::Need>> {
        self.lines[line].waiting.remove(place.ticket.take()?)
    }
}

impl<G: Gate, const LINES: usize> Shared<G, LINES> {
    /// Leaves the line. Must be called when nobody will poll for this place again.
    pub(in crate::sync) fn leave(&self, line: usize, place: &mut Place) {
        if place.ticket.is_some() {
            let left = self.lock().take_out(line, place);
            drop(left);
        }
    }
}

impl<G: Gate + 'static, const LINES: usize> Shared<G, LINES> {
    /// Is ready with what `take` finds. Where it finds nothing, it says what it waits for.
    pub(in crate::sync) fn poll_take<R>(
        self: &Arc<Self>,
        line: usize,
        place: &mut Place,
        cx: &Context<'_>,
        mut take: impl FnMut(&mut G) -> Result<R, G::Need>,
    ) -> Poll<R> {
        let mut waker: Option<Waker> = None;
        loop {
            let mut inner = self.lock();
            let need = match take(&mut inner.gate) {
                Ok(taken) => {
                    let left = inner.take_out(line, place);
                    let mut wakes = Wakes::default();
                    inner.serve(&mut wakes);
                    drop(inner);
                    wakes.wake();
                    drop(left);
                    drop(waker);
                    return Poll::Ready(taken);
                }
                Err(need) => need,
            };
            let waits = place.ticket.and_then(|ticket| inner.lines[line].waiting.get_mut(ticket));
            if let Some(waiting) = waits {
                waiting.need = need;
                if waiting.waker.will_wake(cx.waker()) {
                    return Poll::Pending;
                }
                if let Some(waker) = waker.take() {
                    // It is polled by another task or combinator than before.
                    let replaced = std::mem::replace(&mut waiting.waker, waker);
                    waiting.party = Party::running();
                    if let Some(ticket) = place.ticket {
                        inner.tell_again(line, ticket);
                    }
                    drop(inner);
                    drop(replaced);
                    return Poll::Pending;
                }
            } else if let Some(waker) = waker.take().or_else(|| clone_own(cx)) {
                let ticket = inner.next_ticket(G::rank(&need));
                place.ticket = Some(ticket);
                let party = Party::running();
                self.list(&mut inner, party);
                let told = inner.told(line, &need, party);
                inner.lines[line].waiting.insert(ticket, Waiting { need, waker, party, told });
                return Poll::Pending;
            }
            drop(inner);
            waker = Some(cx.waker().clone());
        }
    }
}
