//! Replays a schedule, and notices when the program is no longer the one that made it (S35).

use super::schedule::{Deviation, Schedule};

/// A schedule on its way through a run.
#[derive(Debug)]
pub(crate) struct Replay {
    schedule: Schedule,
    /// The number of the schedule's runs taken in full so far.
    runs_taken: usize,
    /// The number of deviations taken of the run after them.
    taken: u64,
}

/// A choice of the schedule that does not fit the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Divergence {
    pub(crate) expected: Deviation,
    /// How many alternatives there are now where the schedule expected some; `None` where the run has
    /// passed the turn, or ended before it, without such a choice.
    pub(crate) alternatives: Option<u32>,
}

impl Replay {
    pub(crate) fn new(schedule: Schedule) -> Self {
        Replay { schedule, runs_taken: 0, taken: 0 }
    }

    /// The next deviation, if it has not been passed.
    fn next(&self) -> Option<Deviation> {
        self.schedule.runs().get(self.runs_taken)?.get(self.taken)
    }

    /// Returns what the schedule takes at a choice; what it does not mention takes index 0.
    pub(crate) fn choose(
        &mut self,
        turn: u64,
        place: u32,
        alternatives: u32,
    ) -> Result<u32, Divergence> {
        let Some(expected) = self.next() else { return Ok(0) };
        if (expected.turn, expected.place) > (turn, place) {
            return Ok(0);
        }
        if (expected.turn, expected.place) < (turn, place) {
            return Err(Divergence { expected, alternatives: None });
        }
        if expected.alternatives != alternatives {
            return Err(Divergence { expected, alternatives: Some(alternatives) });
        }
        self.taken += 1;
        if self.next().is_none() {
            (self.runs_taken, self.taken) = (self.runs_taken + 1, 0);
        }
        Ok(expected.index)
    }

    /// Checks before a turn that the schedule has no choice left that should have been made by now.
    pub(crate) fn check_turn(&self, turn: u64, ready: u32) -> Result<(), Divergence> {
        match self.next() {
            Some(expected) if expected.turn < turn => {
                Err(Divergence { expected, alternatives: None })
            }
            // A single ready task is no choice, so `choose` is not asked: what the schedule saw is gone.
            Some(expected) if expected.turn == turn && expected.place == 0 && ready < 2 => {
                Err(Divergence { expected, alternatives: Some(ready) })
            }
            _ => Ok(()),
        }
    }

    /// Checks after a run that every choice was made.
    pub(crate) fn check_end(&self) -> Result<(), Divergence> {
        match self.next() {
            Some(expected) => Err(Divergence { expected, alternatives: None }),
            None => Ok(()),
        }
    }
}
