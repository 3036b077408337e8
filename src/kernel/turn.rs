//! The transitions of a task: it is spawned, takes its turns and ends.

use super::{Cause, Event, Kernel, NO_SLOT, Spawn, State, Taken, TaskKey, WakerKey, serial};

/// A task at the start of its turn.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Turn {
    pub(crate) task: TaskKey,
    /// The future is to be dropped rather than polled (S19).
    pub(crate) is_aborted: bool,
}

/// What becomes of a task whose poll returned pending.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Suspension {
    Kept,
    /// It aborted itself during the poll, so this suspension is where it ends (S19).
    Aborted,
}

/// How a task finishes.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Ending<'a> {
    Completed,
    Cancelled,
    /// With the panic's message.
    Panicked(&'a str),
}

impl Kernel {
    /// Adds a task at the back of the ready set (S16).
    #[inline(always)]
    pub(crate) fn spawn(&mut self, spawn: &Spawn<'_>) -> TaskKey {
        let key = self.add(spawn);
        self.ready.push(key.slot());
        key
    }

    /// Adds a task that waits until it is woken, for a callback that is due later.
    pub(crate) fn spawn_suspended(&mut self, spawn: &Spawn<'_>) -> TaskKey {
        let key = self.add(spawn);
        self.tasks[key.slot()].state = State::Suspended;
        key
    }

    #[inline(always)]
    fn add(&mut self, spawn: &Spawn<'_>) -> TaskKey {
        let key = self.tasks.add(spawn, self.now);
        if self.is_observed {
            // A copy, so that what was asked may stay in registers where nothing is noted.
            self.note_spawn(key, &Spawn { ..*spawn });
        }
        key
    }

    /// Takes the ready task at `index` in arrival order and marks it running.
    ///
    /// Returns `None` when there are not so many.
    #[cfg(test)]
    pub(crate) fn start(&mut self, index: usize) -> Option<Turn> {
        let ready = self.ready.len();
        let slot = self.ready.take(index)?;
        let turn = self.start_slot(slot, index, ready);
        if turn.is_aborted {
            self.skip_poll();
        }
        Some(turn)
    }

    /// Takes the ready task that has been so longest. `None` when there is none.
    #[inline(always)]
    pub(crate) fn take_first(&mut self) -> Option<Taken> {
        self.ready.take(0).map(|slot| Taken::new(slot, 0))
    }

    /// Takes a ready task that was chosen among those that there are. For the first it takes longer than
    /// [`take_first`](Self::take_first). If it comes back at once, that at `next` may be chosen after it.
    #[inline(always)]
    pub(crate) fn take_chosen(&mut self, index: u32, next: Option<usize>) -> Taken {
        Taken::new(self.ready.take_chosen(index as usize, next), index)
    }

    /// Marks a task running that was taken from so many that were ready.
    #[inline(always)]
    pub(crate) fn start_taken(&mut self, taken: Taken, ready: usize) -> Turn {
        self.start_slot(taken.slot(), taken.index(), ready)
    }

    #[inline(always)]
    fn start_slot(&mut self, slot: u32, index: usize, ready: usize) -> Turn {
        self.turn += 1;
        let task = &mut self.tasks[slot];
        task.state = State::Running;
        let is_aborted = task.is_aborted();
        let task_key = TaskKey::new(slot, task.generation());
        self.digest.mix(task.serial);
        self.running = slot;
        if self.is_observed {
            self.note_turn(slot, is_aborted, index, ready);
        }
        Turn { task: task_key, is_aborted }
    }

    /// The running task is aborted, and so not polled in this turn.
    pub(crate) fn skip_poll(&mut self) {
        self.unpolled_turns += 1;
    }

    /// Ends a turn whose poll returned pending. `is_woken` says that the task woke itself in it.
    #[inline(always)]
    pub(crate) fn suspend(&mut self, is_woken: bool) -> Suspension {
        let slot = self.running;
        let task = &mut self.tasks[slot];
        let is_ready = if task.is_woken() | task.is_aborted() {
            // A second wake in one poll counts for nothing.
            self.counters.wakes += u64::from(is_woken & !task.is_woken());
            if task.is_aborted() {
                task.set_woken(is_woken | task.is_woken());
                return Suspension::Aborted;
            }
            task.set_woken(false);
            true
        } else {
            // By a branch that is taken anyhow: who has not woken itself has nothing written.
            if is_woken {
                self.counters.wakes += 1;
            }
            is_woken
        };
        task.set_since(self.now);
        if is_ready {
            task.state = State::Ready;
            self.ready.push_back(slot);
        } else {
            task.state = State::Suspended;
        }
        self.running = NO_SLOT;
        Suspension::Kept
    }

    /// Ends a task, and its turn if it is the running one.
    ///
    /// Wakes whoever joins it; a joiner's waker that is not a task's own is handed back to be called, and
    /// after it those that [`next_due`](Self::next_due) gives. A task with heirs lingers.
    #[inline]
    pub(crate) fn finish(&mut self, key: TaskKey, ending: Ending<'_>) -> Option<WakerKey> {
        match self.ends.are_unwatched() {
            true => self.finish_one(key, ending),
            false => self.finish_watched(key, ending),
        }
    }

    #[inline(always)]
    pub(super) fn finish_one(&mut self, key: TaskKey, ending: Ending<'_>) -> Option<WakerKey> {
        let task = self.tasks.get_mut(key).filter(|task| task.state.is_alive())?;
        debug_assert!(
            matches!(task.state, State::Running | State::Lingering),
            "a task ends in its turn, or as it is dropped, or after its heirs"
        );
        let (number, order) = (serial(task), self.endings);
        task.set_ended(order);
        self.endings += 1;
        task.set_woken(false);
        let (joiner, member) = self.tasks.take_joined(key.slot());
        let group = member.map(|member| member.group);
        if self.is_observed {
            self.note_end(number, group, matches!(ending, Ending::Panicked(_)));
        }
        let (state, event) = match ending {
            Ending::Completed => (State::Completed, Event::Completed),
            Ending::Cancelled => (State::Cancelled, Event::Cancelled),
            Ending::Panicked(message) => {
                let text = if self.log.is_on() { self.log.text(message) } else { 0 };
                (State::Panicked, Event::Panicked { text })
            }
        };
        self.record(number, event);
        // Finished before the joiner is woken: a task that joins itself is not woken after its end.
        self.tasks.finish(key.slot(), state);
        let waiter = match member {
            Some(member) => self.groups.finish(member, order),
            None => joiner,
        };
        if self.is_observed {
            self.close_joins(number, member, waiter);
        }
        let handed_back = waiter.and_then(|target| self.wake_target(target));
        self.running = NO_SLOT;
        if handed_back.is_some() {
            // It is called on behalf of the task that has just finished.
            self.ambient = Cause::Task(number);
        }
        handed_back
    }

    /// Asks for a task's end: it is dropped at its turn, or at the end of the poll it is in (S19).
    pub(crate) fn request_abort(&mut self, key: TaskKey) {
        let Some(task) = self.tasks.get_mut(key).filter(|task| task.state.is_abortable()) else {
            return;
        };
        if task.state == State::Ready && self.accesses.is_some() {
            // It would have been reason enough for the turn that others gave reason for.
            self.note_wake_access(key);
        }
        let task = &mut self.tasks[key.slot()];
        if task.is_aborted() {
            return;
        }
        task.set_aborted();
        let number = serial(task);
        let is_suspended = task.state == State::Suspended;
        let cause = self.cause();
        self.record(number, Event::AbortRequested(cause));
        if is_suspended {
            self.wake(key);
        }
    }

    /// Starts the end of the run: from here on wakes are ignored (S21). Returns who is alive, in the order in which they
    /// were spawned.
    pub(crate) fn close(&mut self) -> Vec<TaskKey> {
        self.is_closing = true;
        self.ready.clear();
        let alive = self.tasks.alive_in_spawn_order();
        for key in &alive {
            self.tasks[key.slot()].state = State::Suspended;
        }
        alive
    }

    /// Marks a task as the one whose future is being dropped as the run ends.
    pub(crate) fn start_drop(&mut self, key: TaskKey) {
        self.tasks[key.slot()].state = State::Running;
        self.running = key.slot();
    }
}
