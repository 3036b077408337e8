//! The one fair wait queue under all primitives.
//!
//! A primitive is a [`Gate`]: a plain state machine that says what the first in line is given, and takes back
//! what was given to somebody who went away. Everything else is here, once: the line, first-in first-out within
//! each rank, of which most have one (S28); handing over at the moment of release, so that nobody barges in;
//! passing on what a cancelled waiter had been given (S29); waking without a lock held; and what reports tell of
//! those who wait (S37).
//!
//! Where nobody can barge in, since only one may take or all may, a line can be *called* instead: who waits is
//! woken and takes what is there when it comes. See [`Place`].
//!
//! The state is behind a lock so that primitives are `Send` and `Sync` (S30). On a loop's one thread nobody
//! ever waits for it. Nothing foreign runs under it: wakers are called, and values dropped, after it.

mod on_demand;
mod place;
mod told;
mod waiter;

use std::mem;
use std::panic::Location;
use std::sync::Arc;

pub(super) use self::on_demand::OnDemand;
pub(super) use self::place::Place;
pub(crate) use self::waiter::Waiter;
use super::line::{Lines, Spot, State};
use super::wakes::{Wakee, Wakes};
use crate::executor::access::Tracked;
use crate::executor::{Holding, Party, RunId, Told, Wanted, Whom};
use crate::latch::{Inside, Latch};

/// What a primitive decides by itself. It runs under the lock, so it must not call or drop what is foreign.
pub(crate) trait Gate {
    /// Whether nobody in a line is served before the first one. Otherwise each waiter is asked about.
    const IN_TURN: bool = true;

    /// The lines from this one on are called: [`calls`](Self::calls) is asked, and `serve` is not.
    const CALLED_FROM: usize = usize::MAX;

    /// A line that is called and in which one at most waits, so that there is nobody to stand before or behind.
    const ALONE: usize = usize::MAX;

    /// Who may be served because somebody takes what it was given, at once or later.
    const TAKING: Taking = Taking::Anybody;

    /// Whether it is noted who was given something and since when. Where not, nobody asks for the time.
    const HAS_HOLDERS: bool = false;

    /// What a waiter asks for.
    type Need;

    /// What it is given.
    type Grant;

    /// What it is called in reports: `mutex`.
    fn kind(&self) -> &'static str;

    /// Gives what is asked for in a line, if it is there. `party` is who asks, as of now; nobody where there are
    /// no [holders](Self::HAS_HOLDERS).
    fn serve(
        &mut self,
        line: usize,
        need: &mut Self::Need,
        party: Option<Party>,
    ) -> Option<Self::Grant>;

    /// Whether there is nothing to give to any of those who wait. Then nobody is looked at.
    fn is_spent(&self) -> bool {
        false
    }

    /// Whether there may be something for the first who waits in a line that is called, and so for all.
    fn calls(&self, _line: usize, _need: &Self::Need) -> bool {
        false
    }

    /// Takes back what was given to a waiter that went away before it could take it. What is left over is
    /// returned, to be dropped.
    fn take_back(&mut self, grant: Self::Grant) -> Option<Self::Grant>;

    /// Makes of a grant what the waiter comes back with, at the moment when it takes it.
    fn collect(&mut self, grant: Self::Grant) -> Self::Grant {
        grant
    }

    /// Where in its line somebody stands: before those of a higher rank, behind those of its own who came before.
    fn rank(_need: &Self::Need) -> i64 {
        0
    }

    /// Somebody is in line from now on.
    fn entered(&mut self, _line: usize, _need: &mut Self::Need) {}

    /// Somebody has gone away who was given nothing.
    fn left(&mut self, _line: usize) {}

    /// Whoever can be served has been.
    fn all_served(&mut self) {}

    /// Whether somebody who comes now is asked about although others wait: it wants nothing that those want, or
    /// is what they wait for.
    fn is_free(&self, _need: &Self::Need) -> bool {
        false
    }

    /// Whether the last in line is served next, and not the first. Only for lines served in turn.
    fn serves_last(&self) -> bool {
        false
    }

    /// Who has what the waiters want, where that is known.
    fn holders(&self) -> Vec<Holding> {
        Vec::new()
    }

    /// Whether somebody else than the holders might bring what the waiters want, so that these can still hope
    /// when no holder goes on.
    fn is_open(&self) -> bool {
        false
    }

    /// What a waiter wants, around the name.
    fn wanted(&self, _line: usize, _need: &Self::Need) -> Wanted {
        Wanted::default()
    }
}

/// Who may be served because somebody else takes what it was given.
pub(crate) enum Taking {
    Anybody,
    /// Who is [alone](Gate::ALONE) in its line.
    Alone,
    /// What is taken was set aside when it was given, and what is left is no more than before.
    Nobody,
}

/// A primitive: its gate and its lines of waiters.
pub(crate) struct Shared<G: Gate, const LINES: usize = 1> {
    made_at: &'static Location<'static>,
    tracked: Tracked,
    inner: Latch<Inner<G, LINES>>,
}

struct Inner<G: Gate, const LINES: usize> {
    gate: G,
    lines: Lines<Waiting<G::Need>, G::Grant, LINES>,
    name: Option<Box<str>>,
    /// The run whose reports know of it.
    listed: RunId,
    /// Its number in the trace of that run, if that tells who waits for what.
    traced: Option<u32>,
}

struct Waiting<N> {
    need: N,
    wakee: Wakee,
    /// Its place in the trace, for as long as it waits.
    told: Told,
}

impl<N> Waiting<N> {
    #[inline]
    fn new(need: N, wakee: Wakee) -> Self {
        Waiting { need, wakee, told: Told::default() }
    }

    /// The task, where one waits by itself and nothing was told of it: then there is nothing to drop but the need.
    #[inline]
    fn task(&self) -> Option<Whom> {
        (self.wakee.is_task() && self.told.is_nothing()).then_some(self.wakee.whom)
    }

    /// The same where there is nothing at all to drop, so that nothing need be moved.
    #[inline]
    fn plain_task(&self) -> Option<Whom> {
        self.task().filter(|_| !mem::needs_drop::<N>())
    }

    /// For one that has been served. What it waited for is no more told when it is woken.
    #[inline]
    fn into_wakee(self) -> Wakee {
        drop(self.told);
        self.wakee
    }
}

impl<G: Gate, const LINES: usize> Shared<G, LINES> {
    #[track_caller]
    pub(crate) fn new(gate: G) -> Arc<Self> {
        Shared::made(gate, Location::caller(), Tracked::new())
    }

    fn made(gate: G, made_at: &'static Location<'static>, tracked: Tracked) -> Arc<Self> {
        let lines = const { Lines::new(Inner::<G, LINES>::HAS_ALONE) };
        let inner = Inner { gate, lines, name: None, listed: RunId::NONE, traced: None };
        Arc::new(Shared { made_at, tracked, inner: Latch::new(inner) })
    }

    pub(crate) fn set_name(&self, name: String) {
        self.operate().name = Some(name.into());
    }

    #[inline]
    fn lock(&self) -> Inside<'_, Inner<G, LINES>> {
        self.inner.enter()
    }

    /// The state, for an operation of the program that may change it. Each begins here.
    #[inline]
    fn operate(&self) -> Inside<'_, Inner<G, LINES>> {
        self.tracked.write();
        self.lock()
    }

    /// The same where nothing rare is to be done for it, such as to note that. Who leaves all else that is rare to another
    /// function as well, as the last deed, need not save a register.
    #[inline]
    fn operate_at_once(&self) -> Option<Inside<'_, Inner<G, LINES>>> {
        self.inner.enter_at_once()
    }

    /// The same for one that only looks.
    #[inline]
    fn look(&self) -> Inside<'_, Inner<G, LINES>> {
        self.tracked.read();
        self.lock()
    }

    /// Serves whoever can be served after a change, lets go of the state and wakes them. Each operation that may
    /// have changed something ends here.
    #[inline(always)]
    fn settle(mut inner: Inside<'_, Inner<G, LINES>>) {
        if inner.lines.are_empty() {
            inner.gate.all_served();
        } else {
            // By reference, so that what is inside need not be in memory as long as nobody waits.
            let mut wakes = Wakes::default();
            inner.serve(&mut wakes);
            drop(inner);
            // Where they are none, as nearly always, nothing need be moved.
            if !wakes.are_none() {
                wakes.wake();
            }
        }
    }

    /// The same where somebody has taken what it was given.
    #[inline(always)]
    fn settle_taken(&self, inner: Inside<'_, Inner<G, LINES>>) {
        match G::TAKING {
            Taking::Anybody => Self::settle(inner),
            Taking::Alone => self.settle_alone(inner),
            Taking::Nobody => drop(inner),
        }
    }

    /// The same after a change that matters only to who is alone in its line.
    #[inline(always)]
    fn settle_alone(&self, inner: Inside<'_, Inner<G, LINES>>) {
        if inner.calls_alone() {
            self.call_alone(inner);
        }
    }

    /// Calls whoever is alone in its line, for there is something for it.
    #[inline(always)]
    fn call_alone(&self, mut inner: Inside<'_, Inner<G, LINES>>) {
        let task = inner.lines.alone().and_then(|waiting| waiting.task());
        // Nothing is moved: what was written field by field is not read as a whole so soon.
        if task.is_some() {
            inner.lines.forget_alone();
        }
        drop(inner);
        match task {
            Some(whom) => whom.wake(),
            None => self.call_alone_with_care(),
        }
    }

    #[cold]
    #[inline(never)]
    fn call_alone_with_care(&self) {
        let mut wakes = Wakes::default();
        self.lock().call_line(G::ALONE, &mut wakes);
        wakes.wake();
    }

    /// Looks at the gate.
    #[inline]
    pub(crate) fn read<R>(&self, look: impl FnOnce(&G) -> R) -> R {
        look(&self.look().gate)
    }

    /// Changes the gate, then serves whoever can be served.
    #[inline]
    pub(crate) fn update<R>(&self, change: impl FnOnce(&mut G) -> R) -> R {
        let mut inner = self.operate();
        let result = change(&mut inner.gate);
        Self::settle(inner);
        result
    }

    /// Changes the gate in a way that matters only to who is alone in its line.
    #[inline]
    pub(super) fn update_for_alone<R>(&self, change: impl FnOnce(&mut G) -> R) -> R {
        let mut inner = self.operate();
        let result = change(&mut inner.gate);
        self.settle_alone(inner);
        result
    }

    /// Gives what whoever is alone in its line waits for. Where more is to be done than that and to wake a task, nothing
    /// changes, and the value comes back; so it does where `give` returns it.
    #[inline]
    pub(super) fn give_to_alone<V>(
        &self,
        value: V,
        give: impl FnOnce(&mut G, V) -> Result<(), V>,
    ) -> Result<(), V> {
        let Some(mut inner) = self.operate_at_once() else { return Err(value) };
        give(&mut inner.gate, value)?;
        if inner.lines.alone().is_some() {
            self.call_alone(inner);
        }
        Ok(())
    }

    /// Returns what is asked for, if it is there and nobody waits for it; otherwise the request.
    #[inline]
    pub(crate) fn try_now(&self, line: usize, need: G::Need) -> Result<G::Grant, G::Need> {
        self.try_with(line, need, Gate::collect)
    }

    /// Does as [`try_now`](Self::try_now), and goes on with what is given while the gate is at hand.
    #[inline]
    pub(super) fn try_with<R>(
        &self,
        line: usize,
        mut need: G::Need,
        take: impl FnOnce(&mut G, G::Grant) -> R,
    ) -> Result<R, G::Need> {
        let mut inner = self.operate();
        let Some(grant) = inner.serve_newcomer(line, &mut need, Party::running) else {
            return Err(need);
        };
        let taken = take(&mut inner.gate, grant);
        self.settle_taken(inner);
        Ok(taken)
    }
}

impl<G: Gate, const LINES: usize> Inner<G, LINES> {
    /// Whether there are lines that are called. Where not, what is for them is not even compiled.
    const HAS_CALLED: bool = G::CALLED_FROM < LINES;

    /// Whether there is a line in which one at most waits.
    const HAS_ALONE: bool = G::ALONE < LINES;

    #[inline]
    fn serve_newcomer(
        &mut self,
        line: usize,
        need: &mut G::Need,
        party: impl FnOnce() -> Option<Party>,
    ) -> Option<G::Grant> {
        let is_first = !G::IN_TURN || self.lines.head(line).is_none();
        if !is_first && !self.gate.is_free(need) {
            return None;
        }
        let party = if G::HAS_HOLDERS { party() } else { None };
        self.gate.serve(line, need, party)
    }

    /// Somebody enters a line, and the trace tells of it, if it is to.
    #[inline]
    fn enter(&mut self, line: usize, need: G::Need, wakee: Wakee) -> Spot {
        let spot = self.enter_untold(line, need, wakee);
        if self.traced.is_some() {
            self.tell(line, spot);
        }
        spot
    }

    #[inline]
    fn enter_untold(&mut self, line: usize, mut need: G::Need, wakee: Wakee) -> Spot {
        self.gate.entered(line, &mut need);
        if Self::HAS_ALONE && line == G::ALONE {
            return self.lines.enter_alone(Waiting::new(need, wakee));
        }
        self.lines.enter(line, G::rank(&need), || Waiting::new(need, wakee))
    }

    /// Gives to those who wait, in order, until the next in each line cannot be served.
    #[inline(never)]
    fn serve(&mut self, wakes: &mut Wakes) {
        let called_from = G::CALLED_FROM.min(LINES);
        loop {
            let mut has_served = false;
            for line in 0..called_from {
                if let Some(head) = self.lines.head(line) {
                    has_served |= self.serve_line(line, head, wakes);
                }
            }
            if Self::HAS_CALLED {
                for line in called_from..LINES {
                    self.call_line(line, wakes);
                }
            }
            if LINES == 1 || !has_served {
                return self.gate.all_served();
            }
        }
    }

    fn serve_line(&mut self, line: usize, head: Spot, wakes: &mut Wakes) -> bool {
        let (mut next, mut passed, mut has_served) = (head, None, false);
        if self.gate.serves_last() {
            next = self.lines.tail(line).unwrap_or(head);
        }
        loop {
            if self.gate.is_spent() {
                return has_served;
            }
            let State::Waiting(waiting) = self.lines.state(next) else { return has_served };
            let party = if G::HAS_HOLDERS { waiting.wakee.whom.as_of_now() } else { None };
            if let Some(grant) = self.gate.serve(line, &mut waiting.need, party) {
                has_served = true;
                // Whoever was passed over stays where it is, and so does its spot.
                match waiting.plain_task() {
                    Some(whom) if wakes.are_none() => {
                        self.lines.serve_plain(line, next, grant);
                        whom.wake();
                    }
                    _ => {
                        if let Some(waiting) = self.lines.serve(line, next, grant) {
                            wakes.push(waiting.into_wakee());
                        }
                    }
                }
            } else if G::IN_TURN {
                return has_served;
            } else {
                passed = Some(next);
            }
            let behind = match passed {
                Some(spot) => self.lines.behind(spot),
                None if self.gate.serves_last() => self.lines.tail(line),
                None => self.lines.head(line),
            };
            match behind {
                Some(spot) => next = spot,
                None => return has_served,
            }
        }
    }
}
