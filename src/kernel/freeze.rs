//! A machine that is deaf for a while: what the probe of a deadlock does must leave no mark (feature `backtrace`).

use std::mem;

use super::tasks::NO_SLOT;
use super::{Counters, Instant, Kernel, Level};

/// What stays as it was while the machine is frozen.
pub(crate) struct Frozen {
    now: Instant,
    counters: Counters,
    level: Level,
    is_observed: bool,
    is_closing: bool,
}

impl Kernel {
    /// Makes the machine deaf: what is asked of it until [`thaw`](Self::thaw) leaves no mark on the report.
    pub(crate) fn freeze(&mut self) -> Frozen {
        let is_closing = mem::replace(&mut self.is_closing, true);
        let level = mem::replace(&mut self.log.level, Level::Off);
        let is_observed = mem::replace(&mut self.is_observed, false);
        Frozen { now: self.now, counters: self.counters, level, is_observed, is_closing }
    }

    /// Ends what [`freeze`](Self::freeze) began.
    pub(crate) fn thaw(&mut self, frozen: Frozen) {
        let Frozen { now, counters, level, is_observed, is_closing } = frozen;
        (self.now, self.counters, self.log.level) = (now, counters, level);
        (self.is_observed, self.is_closing, self.running) = (is_observed, is_closing, NO_SLOT);
    }
}
