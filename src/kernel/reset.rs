//! A run is over, and another begins in the same memory.

use super::digest::Digest;
use super::event::{Cause, Log};
use super::instant::Instant;
use super::limits::Limits;
use super::tasks::NO_SLOT;
use super::{Counters, Kernel};

impl Kernel {
    /// Starts the end of a run of which no task is alive; see [`close`](Self::close).
    #[inline]
    pub(crate) fn close_empty(&mut self) {
        debug_assert!(self.tasks.alive() == 0, "who is alive is to be dropped");
        self.is_closing = true;
        self.ready.clear();
    }

    /// Forgets the run and keeps the memory and the settings, for the next. Keys from this run stay stale.
    ///
    /// Returns `false` when the keys are used up and the kernel must not be used again.
    #[inline]
    pub(crate) fn restart(&mut self) -> bool {
        let has_keys = self.tasks.clear();
        self.ready.clear();
        self.timers.clear();
        if !self.settlers.is_empty() {
            self.settlers.clear();
        }
        // Field by field, since the machine is large and runs may be tiny. Named one and all, so that no new
        // field is forgotten here.
        let Kernel {
            now,
            turn,
            tasks: _,
            ready: _,
            timers: _,
            timers_holding,
            settlers: _,
            // Goes on counting: a settler of this run that is dropped in the next must not find another.
            settles: _,
            groups,
            ends,
            endings,
            wakers,
            running,
            ambient,
            is_late,
            is_closing,
            limits,
            latest: _,
            checkpoint,
            turns_before_instant,
            watch,
            open: _,
            accesses,
            is_observed,
            unpolled_turns,
            counters,
            digest,
            log: _,
        } = self;
        (*now, *turn, *timers_holding) = (Instant::ZERO, 0, 0);
        wakers.clear();
        groups.clear();
        ends.clear();
        *endings = 0;
        (*running, *ambient) = (NO_SLOT, Cause::Outside);
        (*is_late, *is_closing, *is_observed) = (false, false, false);
        (*checkpoint, *turns_before_instant) = (limits.first_look(), 0);
        (*watch, *unpolled_turns) = (None, 0);
        if accesses.is_some() {
            *accesses = None;
        }
        (*counters, *digest) = (Counters::default(), Digest::default());
        has_keys
    }

    /// Forgets the settings of a run as well, and what was recorded because of them.
    pub(crate) fn reset_settings(&mut self) {
        (self.limits, self.latest, self.open) = (Limits::new(), Instant::NEVER, None);
        self.checkpoint = self.limits.first_look();
        // What was off is empty.
        if self.log.is_on() {
            self.log = Log::default();
        }
    }

    /// The first generation that no key of this kernel has.
    pub(crate) fn generation_unused(&self) -> u32 {
        self.tasks.generation_unused()
    }

    /// The first generation of this run's keys. Those of earlier runs have lower ones.
    pub(crate) fn generation_first(&self) -> u32 {
        self.tasks.generation_first()
    }

    /// Starts the generations of keys at `first`, in a kernel that has no tasks yet.
    pub(crate) fn start_generations_at(&mut self, first: u32) {
        self.tasks.start_generations_at(first);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::Location;

    use super::super::{Ending, GENERATION_MAX, Spawn};
    use super::*;

    #[test]
    fn a_slot_is_retired_when_its_generations_are_used_up() {
        let mut kernel = Kernel::default();
        kernel.start_generations_at(GENERATION_MAX - 1);
        let site = Location::caller();
        let spawn = Spawn { name: None, parent: NO_SLOT, daemon: false, has_handle: false, site };
        let places = [(); 4].map(|()| {
            let key = kernel.spawn(&spawn);
            assert!(kernel.start(0).is_some());
            assert_eq!(kernel.finish(key, Ending::Completed), None);
            kernel.check();
            assert!(kernel.task(key).is_none(), "its key is stale");
            (key.slot(), GENERATION_MAX - key.generation())
        });
        assert_eq!(places, [(0, 1), (0, 0), (1, 1), (1, 0)]);
        assert!(!kernel.restart(), "there are no keys for another run");
    }
}
