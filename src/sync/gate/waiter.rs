//! One wait for what is handed over.

use std::borrow::Borrow;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Gate, Shared};
use crate::executor::{Party, Whom};
use crate::sync::line::{Spot, State};
use crate::sync::wakes::Wakee;

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
    InLine(Spot),
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
    pub(in crate::sync) fn is_over(&self) -> bool {
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
}

impl<P, G: Gate + 'static, const LINES: usize> Waiter<P, G, LINES>
where
    P: Borrow<Arc<Shared<G, LINES>>>,
{
    /// Stands in line from now on for `party`, who polls only later. Nobody is woken when it is served before
    /// the first poll, so whoever calls this has to see to that.
    pub(in crate::sync) fn stand(&mut self, party: Option<Party>) {
        let wakee = Wakee::sleeping(party.map_or(Whom::NOBODY, Whom::from));
        self.shared.borrow().stand(self.line, &mut self.stage, wakee, party);
    }

    /// Stands in line though nobody awaits it as yet, so that no report says that a task waits here, and
    /// returns what it has been given, if it has. Returns nothing once the wait is over.
    pub(in crate::sync) fn enable(&mut self) -> Option<G::Grant> {
        if self.is_new() {
            self.stand(None);
        }
        let Stage::InLine(spot) = self.stage else { return None };
        match self.shared.borrow().come_now(&mut self.stage, spot, Gate::collect) {
            Poll::Ready(grant) => Some(grant),
            Poll::Pending => None,
        }
    }

    /// Is ready with what was asked for.
    ///
    /// # Panics
    ///
    /// Panics when polled again after that.
    #[inline]
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<G::Grant> {
        self.poll_with(cx, Gate::collect)
    }

    /// Does as [`poll`](Self::poll), and goes on with what was given while the gate is at hand. So a gate can
    /// also say that what was handed over is no longer worth anything.
    #[inline]
    pub(in crate::sync) fn poll_with<R>(
        &mut self,
        cx: &Context<'_>,
        take: impl FnOnce(&mut G, G::Grant) -> R,
    ) -> Poll<R> {
        match self.stage {
            Stage::New(_) => self.shared.borrow().ask(self.line, &mut self.stage, cx, take),
            Stage::InLine(spot) => {
                self.shared.borrow().come_back(self.line, &mut self.stage, spot, cx, take)
            }
            Stage::Done => panic!(
                "a future of a {} was polled after it had ended",
                self.shared.borrow().kind()
            ),
        }
    }
}

/// What a wait does, whatever the way to the primitive is: so it is compiled once for both.
impl<G: Gate + 'static, const LINES: usize> Shared<G, LINES> {
    /// Asks for the first time, and stands in line if there is nothing.
    #[inline]
    fn ask<R>(
        self: &Arc<Self>,
        line: usize,
        stage: &mut Stage<G::Need>,
        cx: &Context<'_>,
        take: impl FnOnce(&mut G, G::Grant) -> R,
    ) -> Poll<R> {
        let Some(mut inner) = self.operate_at_once() else {
            return self.ask_anew(line, stage, cx, take);
        };
        let Stage::New(need) = stage else { unreachable!("it is new") };
        if let Some(grant) = inner.serve_newcomer(line, need, Party::running) {
            let need = mem::replace(stage, Stage::Done);
            let taken = take(&mut inner.gate, grant);
            self.settle_taken(inner);
            drop(need);
            return Poll::Ready(taken);
        }
        let Some(whom) = Whom::behind(cx.waker()) else {
            drop(inner);
            return self.ask_anew(line, stage, cx, take);
        };
        self.begin_wait(&mut inner, whom);
        let Stage::New(need) = mem::replace(stage, Stage::Done) else { unreachable!("it is new") };
        let spot = inner.enter(line, need, Wakee::task(whom));
        *stage = Stage::InLine(spot);
        Poll::Pending
    }

    /// The same where something rare is to be done.
    #[cold]
    #[inline(never)]
    fn ask_anew<R>(
        self: &Arc<Self>,
        line: usize,
        stage: &mut Stage<G::Need>,
        cx: &Context<'_>,
        take: impl FnOnce(&mut G, G::Grant) -> R,
    ) -> Poll<R> {
        // Foreign code, and not to be run under the latch; then all is looked at again.
        let wakee = Wakee::of(cx);
        let spot = self.stand(line, stage, wakee, Party::running());
        self.come_now(stage, spot, take)
    }

    /// Stands in line, also where it is served at once.
    fn stand(
        self: &Arc<Self>,
        line: usize,
        stage: &mut Stage<G::Need>,
        wakee: Wakee,
        party: Option<Party>,
    ) -> Spot {
        let Stage::New(mut need) = mem::replace(stage, Stage::Done) else {
            unreachable!("it has asked before")
        };
        let mut inner = self.operate();
        let spot = match inner.serve_newcomer(line, &mut need, || party) {
            Some(grant) => inner.lines.enter_served(grant),
            None => {
                if wakee.whom != Whom::NOBODY {
                    self.begin_wait(&mut inner, wakee.whom);
                }
                inner.enter(line, need, wakee)
            }
        };
        *stage = Stage::InLine(spot);
        spot
    }

    /// Comes for what it was given, or waits on.
    #[inline]
    fn come_back<R>(
        self: &Arc<Self>,
        line: usize,
        stage: &mut Stage<G::Need>,
        spot: Spot,
        cx: &Context<'_>,
        take: impl FnOnce(&mut G, G::Grant) -> R,
    ) -> Poll<R> {
        let Some(mut inner) = self.operate_at_once() else {
            return self.come_back_anew(line, stage, spot, cx, take);
        };
        if let Some(grant) = inner.lines.come_served(spot) {
            *stage = Stage::Done;
            let taken = take(&mut inner.gate, grant);
            self.settle_taken(inner);
            return Poll::Ready(taken);
        }
        match inner.lines.state(spot) {
            State::Waiting(waiting) if waiting.wakee.is_behind(cx.waker()) => Poll::Pending,
            _ => {
                drop(inner);
                self.come_back_anew(line, stage, spot, cx, take)
            }
        }
    }

    /// The same when it is polled by another task or combinator than before.
    #[cold]
    #[inline(never)]
    fn come_back_anew<R>(
        self: &Arc<Self>,
        line: usize,
        stage: &mut Stage<G::Need>,
        spot: Spot,
        cx: &Context<'_>,
        take: impl FnOnce(&mut G, G::Grant) -> R,
    ) -> Poll<R> {
        // Foreign code may run here, so not under the latch; and then all is looked at again.
        self.wait_on(line, spot, Wakee::of(cx));
        self.come_now(stage, spot, take)
    }

    /// Comes for what it was given, if it was.
    fn come_now<R>(
        &self,
        stage: &mut Stage<G::Need>,
        spot: Spot,
        take: impl FnOnce(&mut G, G::Grant) -> R,
    ) -> Poll<R> {
        let mut inner = self.operate();
        let Some(grant) = inner.lines.come_served(spot) else { return Poll::Pending };
        *stage = Stage::Done;
        let taken = take(&mut inner.gate, grant);
        self.settle_taken(inner);
        Poll::Ready(taken)
    }

    /// Has somebody else woken from now on, if it still waits.
    fn wait_on(self: &Arc<Self>, line: usize, spot: Spot, wakee: Wakee) {
        let mut inner = self.operate();
        if let State::Waiting(waiting) = inner.lines.state(spot) {
            let whom = wakee.whom;
            let replaced = mem::replace(&mut waiting.wakee, wakee);
            self.begin_wait(&mut inner, whom);
            inner.tell(line, spot);
            drop(inner);
            drop(replaced);
        }
    }
}

impl<G: Gate, const LINES: usize> Shared<G, LINES> {
    /// Leaves the line, and hands on what was given there.
    fn go_away(&self, line: usize, spot: Spot) {
        let mut inner = self.operate();
        let inner_now = &mut *inner;
        let (left, left_over) = match inner_now.lines.vacate(line, spot) {
            State::Waiting(waiting) => {
                inner_now.gate.left(line);
                (Some(waiting), None)
            }
            State::Served(grant) => (None, inner_now.gate.take_back(grant)),
            State::Gone => (None, None),
        };
        // Those behind it may want less than it did.
        Shared::settle(inner);
        drop((left, left_over));
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
        if let Stage::InLine(spot) = self.stage {
            self.shared.borrow().go_away(self.line, spot);
        }
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
        f.debug_struct("Waiter")
            .field("kind", &self.shared.borrow().kind())
            .field("stage", &stage)
            .finish()
    }
}
