//! Every invariant of the machine in one place, run by the model test after each transition and by debug
//! builds at each jump of the clock.

use super::Kernel;
use super::ordered::Set;
use super::tasks::State;

/// Slots of tasks, vacant ones included, and timers up to which debug builds check at every jump; a check
/// looks at all of them. A larger machine is checked each time the number of its jumps has doubled.
const CHECKED_MAX: usize = 64;

impl Kernel {
    /// Checks a small machine, and a large one now and then, in debug builds only.
    pub(crate) fn debug_check(&self) {
        let is_due = || self.is_small() || self.counters.jumps.is_power_of_two();
        if cfg!(debug_assertions) && is_due() {
            self.check();
        }
    }

    fn is_small(&self) -> bool {
        self.timers.len() + self.tasks.slots() <= CHECKED_MAX
    }

    /// Panics if the machine contradicts itself.
    pub(crate) fn check(&self) {
        self.tasks.check();
        self.timers.check();
        self.check_ready();
        self.check_running();
        self.ends.check(&self.tasks, self.is_closing);
        assert!(self.turn == self.counters().turns, "turns are counted once");
        assert!(self.unpolled_turns <= self.turn, "a turn without a poll is a turn");
        let is_observed = self.is_noted() || self.watch.is_some();
        assert!(self.is_observed == is_observed, "the flag for all observers is wrong");
        assert!(self.turns_before_instant <= self.turn, "an instant begins in the past");
        let mut holding = 0;
        self.timers.for_each_payload(|timer| holding += usize::from(timer.holds()));
        assert!(holding == self.timers_holding, "timers that hold the run are miscounted");
        assert!(self.timers_holding <= self.timers.len(), "a sleep without end holds the run");
    }

    fn check_ready(&self) {
        self.ready.check();
        let mut slots = Set::new();
        self.ready.for_each(&mut |slot| {
            assert!(slots.insert(slot), "slot {slot} is in the ready set twice");
            let state = self.tasks[slot].state;
            assert!(state == State::Ready, "slot {slot} is in the ready set, but {state:?}");
        });
        for (key, task) in self.tasks.iter() {
            let is_known = task.state != State::Ready || slots.contains(key.slot());
            assert!(is_known, "{key:?} is ready and not in the set");
        }
    }

    fn check_running(&self) {
        let mut running = None;
        for (key, task) in self.tasks.iter() {
            if task.state == State::Running {
                assert!(running.is_none(), "{key:?} is running, and so is {running:?}");
                running = Some(key);
            }
            assert!(
                !task.is_woken() || task.state == State::Running,
                "{key:?} is woken, yet not in its poll"
            );
            assert!(
                task.joiner().is_none() || task.state.is_alive(),
                "{key:?} has finished and kept a joiner"
            );
            assert!(
                self.tasks.member(key.slot()).is_none()
                    || (task.joiner().is_none() && task.state.is_alive()),
                "{key:?} is in a group, and joined alone or finished"
            );
        }
        assert!(running == self.running(), "exactly the task of the turn is running");
    }
}

#[cfg(test)]
mod tests {
    use std::panic::Location;

    use super::super::{Ending, NO_SLOT, Spawn};
    use super::*;

    #[test]
    fn a_machine_with_many_slots_is_not_small_however_few_tasks_are_alive() {
        let mut kernel = Kernel::default();
        let site = Location::caller();
        let spawn = Spawn { name: None, parent: NO_SLOT, daemon: false, has_handle: false, site };
        for _ in 0..=CHECKED_MAX {
            assert!(kernel.is_small());
            kernel.spawn(&spawn);
        }
        while let Some(turn) = kernel.start(0) {
            kernel.finish(turn.task, Ending::Completed);
        }
        assert_eq!(kernel.tasks.alive(), 0);
        assert!(!kernel.is_small(), "a check walks over the vacant slots too");
        kernel.check();
    }

    #[test]
    fn a_large_machine_that_contradicts_itself_is_found_when_its_jumps_have_doubled() {
        let mut kernel = Kernel::default();
        let site = Location::caller();
        let spawn = Spawn { name: None, parent: NO_SLOT, daemon: false, has_handle: false, site };
        for _ in 0..=CHECKED_MAX {
            kernel.spawn(&spawn);
        }
        kernel.timers_holding += 1;
        let mut is_found = |jumps| {
            kernel.counters.jumps = jumps;
            let check = std::panic::AssertUnwindSafe(|| kernel.debug_check());
            std::panic::catch_unwind(check).is_err()
        };
        assert!(!is_found(0) && !is_found(5) && !is_found(1023));
        assert_eq!(is_found(1024), cfg!(debug_assertions));
    }
}
