//! What goes wrong because a search asks for it, or because the schedule that is replayed says so.
//!
//! A run that injects nothing pays a branch on one flag: at the start of a turn, at its suspension, and for a timer
//! that is registered.

use super::choosing::ask;
use super::context::{self, HiddenPoll};
use super::core::{Core, Picker, State};
use super::join::JoinHandle;
use crate::kernel::ordered::Set;
use crate::kernel::{Access, Instant, Object, TaskId, TaskKey};
use crate::policy::{Choice, Injection};

/// What may go wrong in a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Injections {
    /// Tasks are cancelled.
    pub(crate) cancels: bool,
    /// Tasks are polled though nobody has woken them.
    pub(crate) polls: bool,
    /// Timers are late, by so many microseconds.
    pub(crate) late_micros: Option<u32>,
    /// How often anything may go wrong in a run.
    pub(crate) most: u32,
}

impl Injections {
    pub(crate) fn are_any(&self) -> bool {
        self.most > 0 && (self.cancels || self.polls || self.late_micros.is_some())
    }
}

/// The state of that in a run.
#[derive(Default)]
pub(super) struct Injecting {
    pub(super) allowed: Injections,
    /// Tasks that have suspended, and so can be cancelled before they go on.
    suspended: Set<TaskId>,
    /// Tasks that are not cancelled.
    sheltered: Set<TaskId>,
}

impl Core {
    /// Says whether a task is cancelled in place of the poll that was to begin.
    #[cold]
    pub(super) fn injects_cancel(&self, state: &mut State, task: TaskKey) -> bool {
        let id = state.kernel.task(task).map(|task| TaskId::new(task.serial));
        id.is_some_and(|id| state.injecting.suspended.contains(id))
            && self.inject(state, Injection::Cancel).is_some()
    }

    /// May cancel a task that is about to suspend and was not woken, or wake it.
    #[cold]
    pub(super) fn inject_at_suspension(&self, state: &mut State, task: TaskKey) {
        let Some(known) =
            state.kernel.task(task).filter(|task| !task.is_woken() && !task.is_aborted())
        else {
            return;
        };
        let id = TaskId::new(known.serial);
        // The root is the test itself.
        if id != TaskId::new(0) && !state.injecting.sheltered.contains(id) {
            state.injecting.suspended.insert(id);
            if self.inject(state, Injection::Abort).is_some() {
                state.kernel.request_abort(task);
                return;
            }
        }
        if self.inject(state, Injection::Poll).is_some() {
            state.kernel.wake(task);
        }
    }

    /// When a timer that is due at `deadline` fires.
    #[cold]
    pub(super) fn injects_late(&self, state: &mut State, deadline: Instant) -> Instant {
        let micros = state.injecting.allowed.late_micros.unwrap_or(1);
        if deadline.is_never() {
            return deadline;
        }
        match self.inject(state, Injection::Late(micros)) {
            Some(Injection::Late(micros)) => {
                deadline + std::time::Duration::from_micros(u64::from(micros))
            }
            _ => deadline,
        }
    }

    /// Asks whether something goes wrong here, and what.
    fn inject(&self, state: &mut State, injection: Injection) -> Option<Injection> {
        let (turn, place) = state.next_value();
        let taken = match &mut *self.picker.borrow_mut() {
            Picker::Replay(replay) => replay.inject(turn, place, injection),
            picker => {
                picker.policy().filter(|_| state.injecting.may(injection)).and_then(|policy| {
                    let _hidden = HiddenPoll::begin();
                    let choice = Choice::of_injection(&state.kernel, injection);
                    // Only a search's own policies are asked, which answer as they should.
                    let index = ask(policy, &choice).unwrap_or(0);
                    (index > 0).then_some(injection)
                })
            }
        }?;
        state.values_chosen = (turn, place);
        state.injecting.allowed.most = state.injecting.allowed.most.saturating_sub(1);
        state.schedule.push(taken.at(turn, place));
        state.kernel.note_access(Access::Write(Object::Loop));
        Some(taken)
    }
}

impl<T> JoinHandle<T> {
    /// Keeps a search from cancelling the task: the program has no handle to it, so no code under test could do so.
    pub(crate) fn shelter(&self) {
        context::with_loop(self.task.loop_id(), |core| {
            let state = &mut *core.state();
            if state.injects {
                state.injecting.sheltered.insert(self.id());
            }
        });
    }
}

/// Says whether something may be made to go wrong in the present run.
#[inline]
pub(crate) fn injects() -> bool {
    context::try_with(|core| core.state().injects).unwrap_or(false)
}

impl Injecting {
    /// Sets what may go wrong in the coming run.
    pub(super) fn start(&mut self, allowed: Injections) {
        self.allowed = allowed;
        self.suspended.clear();
        self.sheltered.clear();
    }

    fn may(&self, injection: Injection) -> bool {
        let Injections { cancels, polls, late_micros, most } = self.allowed;
        most > 0
            && match injection {
                Injection::Cancel | Injection::Abort => cancels,
                Injection::Poll => polls,
                Injection::Late(_) => late_micros.is_some(),
            }
    }
}
