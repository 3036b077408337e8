//! What is ready, as a policy keeps it from choice to choice.

use super::Choice;

/// The ready tasks as the last choice left them, in the order of arrival. What has become ready since stands behind
/// them, so only that has to be looked up.
///
/// It is right only for whoever is asked wherever two tasks or more are ready, and whose choices are followed. Who
/// cannot know that forgets it before each choice.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrivals {
    pub(super) ready: Vec<Ready>,
    /// The turn of the last choice.
    turn: u64,
}

/// A ready task, and what it counts for, which stays as long as it takes no turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    pub(super) task: usize,
    pub(super) weight: u64,
}

impl Arrivals {
    /// Adds what has become ready since the last choice, with what `weigh` says of each.
    #[inline(always)]
    pub(super) fn follow(&mut self, choice: &Choice<'_>, mut weigh: impl FnMut(usize) -> u64) {
        if choice.turn() != self.turn + 1 {
            // There was a turn without a choice, and nobody was left to wait.
            self.forget();
        }
        self.turn = choice.turn();
        for index in self.ready.len()..choice.len() {
            let task = choice.number(index);
            self.ready.push(Ready { task, weight: weigh(task) });
        }
    }

    /// Takes the task that is chosen.
    #[inline(always)]
    pub(super) fn take(&mut self, index: usize) -> usize {
        self.ready.remove(index).task
    }

    /// The index of the task that counts for most; of equals, of the first.
    #[inline(always)]
    pub(super) fn highest(&self) -> usize {
        let mut best = (0, 0);
        for (index, ready) in self.ready.iter().enumerate() {
            if ready.weight > best.0 {
                best = (ready.weight, index);
            }
        }
        best.1
    }

    pub(super) fn forget(&mut self) {
        self.ready.clear();
    }
}
