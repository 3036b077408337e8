//! Replays a schedule, and notices when the program is no longer the one that made it (S35).

use super::injection::Injection;
use super::runs::{Place, Run};
use super::schedule::{Deviation, Schedule};

/// A schedule on its way through a run.
#[derive(Debug)]
pub(crate) struct Replay {
    schedule: Schedule,
    /// The run of the schedule that is taken, and where it is kept.
    run: Option<Run>,
    place: Place,
    /// The number of deviations taken of it.
    taken: u64,
}

/// A choice of the schedule that does not fit the run.
#[derive(Clone, Copy)]
pub(crate) struct Divergence {
    pub(crate) expected: Deviation,
    /// How many alternatives there are now where the schedule expected some; `None` where the run has
    /// passed the turn, or ended before it, without such a choice.
    pub(crate) alternatives: Option<u32>,
}

impl Replay {
    /// The schedule as it is written.
    pub(crate) fn line(&self) -> String {
        self.schedule.to_string()
    }

    pub(crate) fn new(schedule: Schedule) -> Self {
        let place = Place::default();
        Replay { run: schedule.runs().get(place), schedule, place, taken: 0 }
    }

    /// The next deviation, if it has not been passed.
    fn next(&self) -> Option<Deviation> {
        self.run?.get(self.taken)
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
        self.pass();
        Ok(expected.index)
    }

    /// Returns what the schedule makes go wrong at this place, if that is an injection of such a kind.
    pub(crate) fn inject(&mut self, turn: u64, place: u32, kind: Injection) -> Option<Injection> {
        let expected = self.next().filter(|next| (next.turn, next.place) == (turn, place))?;
        let injection = expected.injection().filter(|injection| injection.is_like(kind))?;
        self.pass();
        Some(injection)
    }

    /// Says whether something is made to go wrong anywhere.
    pub(crate) fn has_injections(&self) -> bool {
        self.schedule.runs().iter().any(|run| run.first.injection().is_some())
    }

    fn pass(&mut self) {
        self.taken += 1;
        if let Some(run) = self.run.filter(|run| run.count == self.taken) {
            self.place = self.schedule.runs().place_behind(self.place, &run);
            (self.run, self.taken) = (self.schedule.runs().get(self.place), 0);
        }
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
