//! A primitive that may be made when it is first used, so that it can stand in a static.

use std::panic::Location;
use std::sync::{Arc, OnceLock};

use super::{Gate, Shared};
use crate::executor::access::Tracked;

/// A primitive as it begins, and as it is from its first use on.
pub(in crate::sync) struct OnDemand<G: Gate, S = (), const LINES: usize = 1> {
    shared: OnceLock<Arc<Shared<G, LINES>>>,
    /// What its gate is made of.
    seed: S,
    gate: fn(&S) -> G,
    made_at: &'static Location<'static>,
}

impl<G: Gate, S, const LINES: usize> OnDemand<G, S, LINES> {
    /// One that is made now.
    #[track_caller]
    pub(in crate::sync) fn new(seed: S, gate: fn(&S) -> G) -> Self {
        let made = OnDemand::const_new(seed, gate);
        made.make(Tracked::new());
        made
    }

    /// One that is made when it is first used.
    #[track_caller]
    pub(in crate::sync) const fn const_new(seed: S, gate: fn(&S) -> G) -> Self {
        OnDemand { shared: OnceLock::new(), seed, gate, made_at: Location::caller() }
    }

    #[inline]
    pub(in crate::sync) fn get(&self) -> &Arc<Shared<G, LINES>> {
        match self.shared.get() {
            Some(shared) => shared,
            None => self.make(Tracked::UNKNOWN),
        }
    }

    #[cold]
    fn make(&self, tracked: Tracked) -> &Arc<Shared<G, LINES>> {
        self.shared.get_or_init(|| Shared::made((self.gate)(&self.seed), self.made_at, tracked))
    }
}
