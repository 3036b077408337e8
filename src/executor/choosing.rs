//! Choices: who is asked which task runs, or which value the program gets, and how that is recorded (S31).

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::context::HiddenPoll;
use super::core::{Core, Picker, State, message};
use super::describe;
use super::turn::forget_panic;
use crate::kernel::{Access, Kernel, Taken};
use crate::policy::{Choice, Deviation, Divergence, Fifo, Native, Policy, Random};
use crate::report::{Failure, FailureKind};

/// Why a choice could not be made. In a box, because it is rare and a choice is not.
pub(super) type Misfit = Box<Mistake>;

pub(super) enum Mistake {
    /// The schedule is that of another program (S35).
    Diverged(Divergence),
    /// The policy broke its contract, in words.
    Fault(String),
}

impl Picker {
    pub(super) fn new<P: Policy>(policy: P) -> Picker {
        let mut policy = Some(policy);
        let any: &mut dyn Any = &mut policy;
        if any.is::<Option<Fifo>>() {
            return Picker::Fifo;
        }
        match any.downcast_mut::<Option<Random>>().and_then(Option::take) {
            Some(random) => Picker::Native(Native::Random(Box::new(random))),
            None => policy.map_or(Picker::Fifo, |policy| Picker::Policy(Box::new(policy))),
        }
    }

    /// The policy, if there is one that is asked.
    pub(super) fn policy(&mut self) -> Option<&mut dyn Policy> {
        match self {
            Picker::Fifo | Picker::Replay(_) => None,
            Picker::Native(native) => Some(native.policy()),
            Picker::Policy(policy) => Some(&mut **policy),
        }
    }

    /// The number of ready tasks from which somebody has to be asked which of them runs.
    pub(super) fn asked_from(&self) -> usize {
        match self {
            Picker::Fifo => usize::MAX,
            Picker::Native(native) => native.asked_from(),
            Picker::Policy(_) => 2,
            // A single ready task is no choice, but the schedule may have expected one.
            Picker::Replay(_) => 1,
        }
    }

    /// The index of the ready task that is to run. Out of line, because most runs that choose choose at random.
    #[inline(never)]
    fn pick(&mut self, kernel: &Kernel) -> Result<u32, Misfit> {
        let (turn, ready) = (kernel.turn() + 1, kernel.ready_len());
        let count = u32::try_from(ready).unwrap_or(u32::MAX);
        match self {
            Picker::Fifo => Ok(0),
            Picker::Native(native) => Ok(native.pick(&Choice::of_task(kernel)) as u32),
            Picker::Policy(policy) => ask(&mut **policy, &Choice::of_task(kernel)),
            Picker::Replay(replay) => {
                replay.check_turn(turn, count).map_err(diverged)?;
                if ready < 2 {
                    return Ok(0);
                }
                replay.choose(turn, 0, count).map_err(diverged)
            }
        }
    }
}

impl Core {
    /// Sets who makes the choices of the coming run.
    pub(super) fn set_picker(&self, picker: Picker) {
        self.state().asked_from = picker.asked_from();
        *self.picker.borrow_mut() = picker;
    }

    /// The same with one that the loop knows. It is put together where it is kept: moved there, it would be waited for.
    #[inline]
    pub(super) fn set_native(&self, native: Native) {
        self.state().asked_from = native.asked_from();
        let before = self.picker.replace(Picker::Native(native));
        drop(before);
    }

    /// Takes the policy away from a run that has ended, for another.
    pub(super) fn take_policy(&self) -> Option<Box<dyn Policy>> {
        match self.picker.replace(Picker::Fifo) {
            Picker::Policy(policy) => Some(policy),
            _ => None,
        }
    }

    /// The same with one of those that the loop knows.
    #[inline]
    pub(super) fn take_native(&self) -> Option<Native> {
        match self.picker.replace(Picker::Fifo) {
            Picker::Native(native) => Some(native),
            _ => None,
        }
    }

    /// Takes one of the ready tasks at random, if that is the policy. There is one at least.
    #[inline(always)]
    pub(super) fn pick_at_random(&self, state: &mut State) -> Option<Taken> {
        let mut picker = self.picker.borrow_mut();
        let Picker::Native(Native::Random(random)) = &mut *picker else { return None };
        let ready = state.kernel.ready_len();
        let (index, next) = random.draw_ahead(ready as u64);
        state.schedule.note(state.kernel.turn() + 1, ready as u32, index as u32);
        Some(state.kernel.take_chosen(index as u32, Some(next as usize)))
    }

    /// Takes the ready task that any other policy picks, or a schedule.
    #[inline(never)]
    pub(super) fn pick_asked(&self, state: &mut State) -> Result<Taken, Misfit> {
        let index = self.picker.borrow_mut().pick(&state.kernel)?;
        let (turn, alternatives) = (state.kernel.turn() + 1, state.kernel.ready_len() as u32);
        state.schedule.note(turn, alternatives, index);
        Ok(state.kernel.take_chosen(index, None))
    }

    /// Chooses a value for the program, from 0 to `count` - 1.
    pub(super) fn choose_value(&self, count: u32) -> Result<usize, Failure> {
        let mut state = self.state();
        if count < 2 || !state.is_open() {
            return Ok(0);
        }
        match self.pick_value(&mut state, count) {
            Ok(index) => Ok(index),
            Err(misfit) => {
                drop(state);
                Err(self.fail_choice(*misfit))
            }
        }
    }

    fn pick_value(&self, state: &mut State, count: u32) -> Result<usize, Misfit> {
        let (turn, place) = state.next_value();
        state.values_chosen = (turn, place);
        state.kernel.note_access(Access::Chose);
        let index = match &mut *self.picker.borrow_mut() {
            Picker::Replay(replay) => replay.choose(turn, place, count).map_err(diverged)?,
            picker => match picker.policy() {
                Some(policy) => {
                    let _hidden = HiddenPoll::begin();
                    ask(policy, &Choice::of_value(&state.kernel, count as usize))?
                }
                None => 0,
            },
        };
        if index > 0 {
            state.schedule.push(Deviation { turn, place, alternatives: count, index });
        }
        Ok(index as usize)
    }

    /// Ends the run, because a choice could not be made.
    #[cold]
    pub(super) fn fail_choice(&self, mistake: Mistake) -> Failure {
        let fault = match mistake {
            Mistake::Diverged(divergence) => {
                return self.fail(|state| describe::divergence(state, divergence));
            }
            Mistake::Fault(fault) => fault,
        };
        let shown = || match self.picker.borrow_mut().policy() {
            Some(policy) => format!("{policy:?}"),
            None => "no policy".to_owned(),
        };
        let policy = catch_unwind(AssertUnwindSafe(shown)).unwrap_or_else(|payload| {
            forget_panic(payload);
            "a policy that cannot be shown".to_owned()
        });
        self.fail(|_| FailureKind::PolicyFault { policy, fault })
    }
}

/// Asks a policy. It is foreign code: what it answers is checked, and its panics are caught.
#[inline]
pub(super) fn ask(policy: &mut dyn Policy, choice: &Choice<'_>) -> Result<u32, Misfit> {
    match catch_unwind(AssertUnwindSafe(|| policy.choose(choice))) {
        Ok(index) if index < choice.len() => Ok(index as u32),
        answer => Err(fault(answer, choice.len())),
    }
}

#[cold]
fn fault(answer: std::thread::Result<usize>, count: usize) -> Misfit {
    Box::new(Mistake::Fault(match answer {
        Ok(index) => format!("chose {index}, but the {count} alternatives count from 0"),
        Err(payload) => {
            let told = format!("panicked: {}", message(&*payload));
            forget_panic(payload);
            told
        }
    }))
}

#[cold]
fn diverged(divergence: Divergence) -> Misfit {
    Box::new(Mistake::Diverged(divergence))
}
