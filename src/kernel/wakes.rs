//! How a task becomes ready.

use super::{Kernel, NO_RESOURCE, State, Target, TaskKey, WakerKey};

impl Kernel {
    /// Makes a suspended task ready, or notes that the running one wants to run again (S17).
    #[inline(always)]
    pub(crate) fn wake(&mut self, key: TaskKey) {
        let Some(task) = self.tasks.get_mut(key) else { return };
        match task.state {
            State::Suspended if !self.is_closing => {
                task.state = State::Ready;
                self.counters.wakes += 1;
                // What may call something comes last, so that hardly a register is saved for it.
                match self.is_observed {
                    true => self.make_ready_noted(key),
                    false => self.ready.push(key.slot()),
                }
            }
            State::Running if !task.is_woken() && !self.is_closing => {
                task.set_woken(true);
                self.counters.wakes += 1;
                if self.is_observed {
                    // What has served it is told of the wake before.
                    debug_assert_eq!(self.take_served_by(key), NO_RESOURCE);
                    self.note_wake(key, NO_RESOURCE);
                }
            }
            _ => {
                if self.is_observed {
                    self.note_wake_access(key);
                }
            }
        }
    }

    /// Does the same where that calls nothing. `false` where it would: then nothing has changed.
    #[inline(always)]
    pub(crate) fn wake_at_once(&mut self, key: TaskKey) -> bool {
        let Some(task) = self.tasks.get_mut(key) else { return false };
        let is_simple = task.state == State::Suspended && !(self.is_closing | self.is_observed);
        let is_woken = is_simple && self.ready.push_at_once(key.slot());
        if is_woken {
            task.state = State::Ready;
            self.counters.wakes += 1;
        }
        is_woken
    }

    /// Notes that the running task woke itself.
    #[inline]
    pub(crate) fn wake_running(&mut self) {
        self.wake(self.tasks.key(self.running));
    }

    /// Wakes a target: a task at once, anything else by handing its key back.
    #[inline]
    pub(super) fn wake_target(&mut self, target: Target) -> Option<WakerKey> {
        match target {
            Target::Task(key) => {
                self.wake(key);
                None
            }
            Target::Waker(key) => Some(key),
        }
    }
}
