//! What reports and traces are told of a primitive: what it is, and who waits for what.

use std::fmt;
use std::sync::{Arc, Weak};

use super::{Gate, Inner, Shared, Waiting};
use crate::executor::{self, Description, Holding, Resource, Told, Whom};
use crate::sync::line::{Spot, State};

impl<G: Gate + 'static, const LINES: usize> Shared<G, LINES> {
    /// Somebody is about to wait: sees to it that the reports of this run know of the primitive. Each wait
    /// begins here.
    #[inline]
    pub(super) fn begin_wait(self: &Arc<Self>, inner: &mut Inner<G, LINES>, whom: Whom) {
        if !whom.is_of(inner.listed) {
            self.list(inner);
        }
    }

    #[cold]
    #[inline(never)]
    fn list(self: &Arc<Self>, inner: &mut Inner<G, LINES>) {
        if let Some(run) = executor::unlisted_run(inner.listed) {
            inner.listed = run;
            let resource: Weak<Self> = Arc::downgrade(self);
            inner.traced = executor::list(resource, inner.gate.kind(), inner.name.as_deref());
        }
    }
}

impl<G: Gate, const LINES: usize> Shared<G, LINES> {
    /// What it is called in reports.
    pub(super) fn kind(&self) -> &'static str {
        self.lock().gate.kind()
    }

    /// How many wait in a line.
    pub(crate) fn waiting(&self, line: usize) -> usize {
        self.look().waiting(line)
    }
}

impl<G: Gate, const LINES: usize> Inner<G, LINES> {
    /// How many wait in a line.
    fn waiting(&self, line: usize) -> usize {
        match line == G::ALONE {
            true => usize::from(self.lines.alone().is_some()),
            false => self.lines.len(line),
        }
    }

    /// Calls `tell` with those who wait in a line, in the order of service.
    fn for_each(&self, line: usize, mut tell: impl FnMut(&Waiting<G::Need>)) {
        if line != G::ALONE {
            self.lines.for_each(line, tell);
        } else if let Some(waiting) = self.lines.alone() {
            tell(waiting);
        }
    }

    /// Has the trace tell who waits there, where it is to; also of a place that is somebody else's now.
    #[cold]
    #[inline(never)]
    pub(super) fn tell(&mut self, line: usize, spot: Spot) {
        let Some(number) = self.traced else { return };
        if let State::Waiting(waiting) = self.lines.state(spot) {
            let wanted = self.gate.wanted(line, &waiting.need);
            waiting.told = Told::new(number, waiting.wakee.whom, wanted);
        }
    }
}

impl<G: Gate, const LINES: usize> Resource for Shared<G, LINES> {
    fn describe(&self) -> Description {
        let inner = self.lock();
        let gate = &inner.gate;
        let mut told = Description::new(gate.kind(), inner.name.as_deref(), self.made_at);
        told.holders = gate.holders();
        told.is_open = gate.is_open();
        for line in 0..LINES {
            inner.for_each(line, |Waiting { need, wakee, .. }| {
                wakee.tell(gate.wanted(line, need), &mut told.waiters);
            });
        }
        told
    }

    fn holders(&self) -> Vec<Holding> {
        self.lock().gate.holders()
    }
}

impl<G: Gate, const LINES: usize> fmt::Debug for Shared<G, LINES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.look();
        let mut shown = f.debug_struct(inner.gate.kind());
        if let Some(name) = &inner.name {
            shown.field("name", name);
        }
        let waiting: usize = (0..LINES).map(|line| inner.waiting(line)).sum();
        shown.field("waiting", &waiting).finish_non_exhaustive()
    }
}
