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

mod place;

use std::borrow::Borrow;
use std::fmt;
use std::mem;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

pub(super) use self::place::Place;
use super::tickets::{Ticket, Tickets};
use super::wakes::Wakes;
use crate::executor::access::Tracked;
use crate::executor::{self, Description, Party, Resource, RunId, Told, Wanted};

/// What a primitive decides by itself. It runs under the lock, so it must not call or drop what is foreign.
pub(crate) trait Gate {
    /// What it is called in reports: `mutex`.
    const KIND: &'static str;

    /// Whether nobody in a line is served before the first one. Otherwise each waiter is asked about.
    const IN_TURN: bool = true;

    /// The lines from this one on are called: [`calls`](Self::calls) is asked, and `serve` is not.
    const CALLED_FROM: usize = usize::MAX;

    /// What a waiter asks for.
    type Need;

    /// What it is given.
    type Grant;

    /// Gives what is asked for in a line, if it is there. `party` is who asks, as of now.
    fn serve(
        &mut self,
        line: usize,
        need: &mut Self::Need,
        party: Option<Party>,
    ) -> Option<Self::Grant>;

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
    fn holders(&self) -> Vec<Party> {
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

/// A primitive: its gate and its lines of waiters.
pub(crate) struct Shared<G: Gate, const LINES: usize = 1> {
    made_at: &'static Location<'static>,
    tracked: Tracked,
    inner: Mutex<Inner<G, LINES>>,
}

struct Inner<G: Gate, const LINES: usize> {
    gate: G,
    lines: [Line<G>; LINES],
    /// Tickets given so far.
    tickets: u64,
    name: Option<Box<str>>,
    /// The run whose reports know of it.
    listed: Option<RunId>,
    /// Its number in the trace of that run, if that tells who waits for what.
    traced: Option<u32>,
}

struct Line<G: Gate> {
    waiting: Tickets<Waiting<G::Need>>,
    /// What was given to waiters that have not been polled since.
    served: Tickets<G::Grant>,
}

struct Waiting<N> {
    need: N,
    waker: Waker,
    party: Option<Party>,
    /// Its place in the trace, for as long as it waits.
    told: Told,
}

impl<G: Gate, const LINES: usize> Shared<G, LINES> {
    #[track_caller]
    pub(crate) fn new(gate: G) -> Arc<Self> {
        let lines = std::array::from_fn(|_| Line {
            waiting: Tickets::default(),
            served: Tickets::default(),
        });
        let inner = Inner { gate, lines, tickets: 0, name: None, listed: None, traced: None };
        Arc::new(Shared {
            made_at: Location::caller(),
            tracked: Tracked::new(),
            inner: Mutex::new(inner),
        })
    }

    pub(crate) fn set_name(&self, name: String) {
        self.lock().name = Some(name.into());
    }

    fn lock(&self) -> MutexGuard<'_, Inner<G, LINES>> {
        self.tracked.write();
        self.look()
    }

    /// As [`lock`](Self::lock), to look only.
    ///
    /// Nothing foreign runs under the lock, so a poisoned one is as good as any.
    fn look(&self) -> MutexGuard<'_, Inner<G, LINES>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the gate.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&G) -> R) -> R {
        self.tracked.read();
        look(&self.look().gate)
    }

    /// Changes the gate, then serves whoever can be served.
    pub(crate) fn update<R>(&self, change: impl FnOnce(&mut G) -> R) -> R {
        let mut inner = self.lock();
        let result = change(&mut inner.gate);
        let mut wakes = Wakes::default();
        inner.serve(&mut wakes);
        drop(inner);
        wakes.wake();
        result
    }

    /// Returns what is asked for, if it is there and nobody waits for it; otherwise the request.
    pub(crate) fn try_now(&self, line: usize, need: G::Need) -> Result<G::Grant, G::Need> {
        self.try_with(line, need, Gate::collect)
    }

    /// Does as [`try_now`](Self::try_now), and goes on with what is given while the gate is at hand.
    pub(super) fn try_with<R>(
        &self,
        line: usize,
        mut need: G::Need,
        take: impl FnOnce(&mut G, G::Grant) -> R,
    ) -> Result<R, G::Need> {
        let mut inner = self.lock();
        let Some(grant) = inner.serve_newcomer(line, &mut need, Party::running) else {
            return Err(need);
        };
        let taken = take(&mut inner.gate, grant);
        let mut wakes = Wakes::default();
        inner.serve(&mut wakes);
        drop(inner);
        wakes.wake();
        Ok(taken)
    }

    /// How many wait in a line.
    pub(crate) fn waiting(&self, line: usize) -> usize {
        self.tracked.read();
        self.look().lines[line].waiting.len()
    }
}

impl<G: Gate, const LINES: usize> Inner<G, LINES> {
    fn serve_newcomer(
        &mut self,
        line: usize,
        need: &mut G::Need,
        party: impl FnOnce() -> Option<Party>,
    ) -> Option<G::Grant> {
        let is_first = !G::IN_TURN || self.lines[line].waiting.is_empty();
        let is_asked = is_first || self.gate.is_free(need);
        if is_asked { self.gate.serve(line, need, party()) } else { None }
    }

    fn insert(&mut self, line: usize, mut waiting: Waiting<G::Need>) -> Ticket {
        self.gate.entered(line, &mut waiting.need);
        waiting.told = self.told(line, &waiting.need, waiting.party);
        let ticket = self.next_ticket(G::rank(&waiting.need));
        self.lines[line].waiting.insert(ticket, waiting);
        ticket
    }

    /// Has the trace tell that somebody waits, where it is to.
    #[inline]
    fn told(&self, line: usize, need: &G::Need, party: Option<Party>) -> Told {
        match self.traced {
            None => Told::default(),
            Some(number) => Told::new(number, party, self.gate.wanted(line, need)),
        }
    }

    /// Does so for a place that is somebody else's now.
    fn tell_again(&mut self, line: usize, ticket: Ticket) {
        let Some(number) = self.traced else { return };
        if let Some(waiting) = self.lines[line].waiting.get_mut(ticket) {
            let wanted = self.gate.wanted(line, &waiting.need);
            waiting.told = Told::new(number, waiting.party, wanted);
        }
    }

    /// Gives to those who wait, in order, until the next in each line cannot be served.
    #[inline]
    fn serve(&mut self, wakes: &mut Wakes) {
        loop {
            let mut has_served = false;
            for line in 0..LINES {
                if self.lines[line].waiting.is_empty() {
                    continue;
                }
                if line < G::CALLED_FROM {
                    has_served |= self.serve_line(line, wakes);
                } else {
                    self.call_line(line, wakes);
                }
            }
            if LINES == 1 || !has_served {
                self.gate.all_served();
                return;
            }
        }
    }

    fn next_ticket(&mut self, rank: i64) -> Ticket {
        self.tickets += 1;
        Ticket { rank, number: self.tickets }
    }

    fn serve_line(&mut self, number: usize, wakes: &mut Wakes) -> bool {
        let line = &mut self.lines[number];
        let (mut passed, mut has_served) = (None, false);
        loop {
            let next = match self.gate.serves_last() {
                false => line.waiting.next_mut(passed),
                true => line.waiting.last_mut(),
            };
            let Some((ticket, waiting)) = next else { return has_served };
            let party = waiting.party.map(Party::now);
            if let Some(grant) = self.gate.serve(number, &mut waiting.need, party) {
                has_served = true;
                line.served.insert(ticket, grant);
                let waiting = line.waiting.remove(ticket).expect("it was found above");
                wakes.push(waiting.waker);
            } else if G::IN_TURN {
                return has_served;
            } else {
                passed = Some(ticket);
            }
        }
    }
}

impl<G: Gate + 'static, const LINES: usize> Shared<G, LINES> {
    /// Sees to it that the reports of this run know of the primitive, in which somebody waits.
    fn list(self: &Arc<Self>, inner: &mut Inner<G, LINES>, party: Option<Party>) {
        if party.is_some_and(|party| party.is_of(inner.listed)) {
            return;
        }
        if let Some(run) = executor::unlisted_run(inner.listed) {
            inner.listed = Some(run);
            let resource: Weak<Self> = Arc::downgrade(self);
            inner.traced = executor::list(resource, G::KIND, inner.name.as_deref());
        }
    }
}

/// A clone of the waker, if it is the loop's own. To clone another one is foreign code and must not be done under
/// the lock; then all is looked at again.
#[inline]
fn clone_own(cx: &Context<'_>) -> Option<Waker> {
    executor::is_own_waker(cx.waker()).then(|| cx.waker().clone())
}

impl<G: Gate, const LINES: usize> Resource for Shared<G, LINES> {
    fn describe(&self) -> Description {
        let inner = self.look();
        let lines = inner.lines.iter().enumerate();
        let waiters = lines.flat_map(|(number, line)| {
            let gate = &inner.gate;
            let told = move |waiting: &Waiting<G::Need>| {
                Some((waiting.party?, gate.wanted(number, &waiting.need)))
            };
            line.waiting.iter().filter_map(told)
        });
        Description {
            kind: G::KIND,
            name: inner.name.as_deref().map(str::to_owned),
            made_at: self.made_at,
            holders: inner.gate.holders(),
            is_open: inner.gate.is_open(),
            is_enclosing: false,
            waiters: waiters.collect(),
        }
    }

    fn holders(&self) -> Vec<Party> {
        self.lock().gate.holders()
    }
}

impl<G: Gate, const LINES: usize> fmt::Debug for Shared<G, LINES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tracked.read();
        let inner = self.look();
        let mut shown = f.debug_struct(G::KIND);
        if let Some(name) = &inner.name {
            shown.field("name", name);
        }
        let waiting: usize = inner.lines.iter().map(|line| line.waiting.len()).sum();
        shown.field("waiting", &waiting).finish_non_exhaustive()
    }
}

/// One wait: asks when it is first polled, stands in line, and takes what it is given.
///
/// Dropping it leaves the line. What it had been given by then goes to the next one (S29).
pub(crate) struct Waiter<P, G: Gate, const LINES: usize = 1>
where
    P: Borrow<Arc<Shared<G, LINES>>>,
{
    shared: P,
    line: usize,
    stage: Stage<G::Need>,
}

enum Stage<N> {
    New(N),
    InLine(Ticket),
    Done,
}

impl<P, G: Gate, const LINES: usize> Waiter<P, G, LINES>
where
    P: Borrow<Arc<Shared<G, LINES>>>,
{
    pub(crate) fn new(shared: P, line: usize, need: G::Need) -> Self {
        Waiter { shared, line, stage: Stage::New(need) }
    }

    /// Whether it has been given what it asked for.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// The way to the primitive, for the guard of what was given.
    pub(crate) fn way(&self) -> P
    where
        P: Clone,
    {
        self.shared.clone()
    }

    /// Whether it has neither asked nor taken a place in the line.
    pub(crate) fn is_new(&self) -> bool {
        matches!(self.stage, Stage::New(_))
    }

    fn leave(&mut self) {
        let left = match mem::replace(&mut self.stage, Stage::Done) {
            Stage::InLine(ticket) => {
                let mut inner = self.shared.borrow().lock();
                let line = &mut inner.lines[self.line];
                let waiting = line.waiting.remove(ticket);
                let granted = line.served.remove(ticket);
                if waiting.is_some() {
                    inner.gate.left(self.line);
                }
                let left_over = granted.and_then(|grant| inner.gate.take_back(grant));
                // Those behind it may want less than it did.
                let mut wakes = Wakes::default();
                inner.serve(&mut wakes);
                drop(inner);
                wakes.wake();
                (waiting, left_over)
            }
            Stage::New(_) | Stage::Done => return,
        };
        drop(left);
    }
}

impl<P, G: Gate + 'static, const LINES: usize> Waiter<P, G, LINES>
where
    P: Borrow<Arc<Shared<G, LINES>>>,
{
    /// Stands in line from now on for `party`, who polls only later. Nobody is woken when it is served before
    /// the first poll, so whoever calls this has to see to that.
    pub(super) fn stand(&mut self, party: Option<Party>) {
        let Stage::New(mut need) = mem::replace(&mut self.stage, Stage::Done) else {
            unreachable!("it has asked before")
        };
        let shared = self.shared.borrow();
        let mut inner = shared.lock();
        self.stage = Stage::InLine(match inner.serve_newcomer(self.line, &mut need, || party) {
            Some(grant) => {
                let ticket = inner.next_ticket(G::rank(&need));
                inner.lines[self.line].served.insert(ticket, grant);
                ticket
            }
            None => {
                if party.is_some() {
                    shared.list(&mut inner, party);
                }
                let waker = Waker::noop().clone();
                inner.insert(self.line, Waiting { need, waker, party, told: Told::default() })
            }
        });
    }

    /// Stands in line though nobody awaits it as yet, so that no report says that a task waits here, and
    /// returns what it has been given, if it has. Returns nothing once the wait is over.
    pub(super) fn enable(&mut self) -> Option<G::Grant> {
        if self.is_new() {
            self.stand(None);
        }
        let Stage::InLine(ticket) = self.stage else { return None };
        let mut inner = self.shared.borrow().lock();
        let grant = inner.lines[self.line].served.remove(ticket)?;
        self.stage = Stage::Done;
        let grant = inner.gate.collect(grant);
        let mut wakes = Wakes::default();
        inner.serve(&mut wakes);
        drop(inner);
        wakes.wake();
        Some(grant)
    }

    /// Is ready with what was asked for.
    ///
    /// # Panics
    ///
    /// Panics when polled again after that.
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<G::Grant> {
        self.poll_with(cx, Gate::collect)
    }

    /// Does as [`poll`](Self::poll), and goes on with what was given while the gate is at hand. So a gate can
    /// also say that what was handed over is no longer worth anything.
    pub(super) fn poll_with<R>(
        &mut self,
        cx: &Context<'_>,
        take: impl FnOnce(&mut G, G::Grant) -> R,
    ) -> Poll<R> {
        let shared = self.shared.borrow();
        let mut waker = None;
        loop {
            let mut inner = shared.lock();
            match &mut self.stage {
                Stage::New(need) => {
                    if let Some(grant) = inner.serve_newcomer(self.line, need, Party::running) {
                        let need = mem::replace(&mut self.stage, Stage::Done);
                        let taken = take(&mut inner.gate, grant);
                        let mut wakes = Wakes::default();
                        inner.serve(&mut wakes);
                        drop(inner);
                        wakes.wake();
                        drop((need, waker));
                        return Poll::Ready(taken);
                    }
                    if let Some(waker) = waker.take().or_else(|| clone_own(cx)) {
                        let Stage::New(need) = mem::replace(&mut self.stage, Stage::Done) else {
                            unreachable!("it is new")
                        };
                        let party = Party::running();
                        shared.list(&mut inner, party);
                        let waiting = Waiting { need, waker, party, told: Told::default() };
                        self.stage = Stage::InLine(inner.insert(self.line, waiting));
                        return Poll::Pending;
                    }
                }
                Stage::InLine(ticket) => {
                    let line = &mut inner.lines[self.line];
                    if let Some(grant) = line.served.remove(*ticket) {
                        self.stage = Stage::Done;
                        let taken = take(&mut inner.gate, grant);
                        let mut wakes = Wakes::default();
                        inner.serve(&mut wakes);
                        drop(inner);
                        wakes.wake();
                        return Poll::Ready(taken);
                    }
                    let waiting = line.waiting.get_mut(*ticket).expect("it waits or was served");
                    if waiting.waker.will_wake(cx.waker()) {
                        return Poll::Pending;
                    }
                    if let Some(waker) = waker.take() {
                        // It is polled by another task or combinator than before.
                        let replaced = mem::replace(&mut waiting.waker, waker);
                        waiting.party = Party::running();
                        let (party, ticket) = (waiting.party, *ticket);
                        shared.list(&mut inner, party);
                        inner.tell_again(self.line, ticket);
                        drop(inner);
                        drop(replaced);
                        return Poll::Pending;
                    }
                }
                Stage::Done => panic!("a future of a {} was polled after it had ended", G::KIND),
            }
            drop(inner);
            waker = Some(cx.waker().clone());
        }
    }
}

/// Nothing in it is pinned.
impl<P, G: Gate, const LINES: usize> Unpin for Waiter<P, G, LINES> where
    P: Borrow<Arc<Shared<G, LINES>>>
{
}

impl<P, G: Gate, const LINES: usize> Drop for Waiter<P, G, LINES>
where
    P: Borrow<Arc<Shared<G, LINES>>>,
{
    fn drop(&mut self) {
        self.leave();
    }
}

impl<P, G: Gate, const LINES: usize> fmt::Debug for Waiter<P, G, LINES>
where
    P: Borrow<Arc<Shared<G, LINES>>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::New(_) => "new",
            Stage::InLine(_) => "in line",
            Stage::Done => "done",
        };
        f.debug_struct("Waiter").field("kind", &G::KIND).field("stage", &stage).finish()
    }
}
