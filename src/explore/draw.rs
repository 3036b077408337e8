//! Strategies that draw: each run's schedule comes from the search's seed and the number of the run.

use std::ops::ControlFlow;

use super::engine::Engine;
use super::pool;
use super::program::Shared;
use super::tally::{Batch, Tally};
use crate::policy::{Choice, ChoiceKind, Gait, Pct, Policy, Pos, Random, Walk};
use crate::rng::{Rng, digest_parts};

/// How a schedule is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Draw {
    Random,
    Pct {
        depth: u32,
    },
    Walk(Gait),
    /// As the run before drew, from the other end.
    Mirrored(Gait),
    Pos,
}

/// Which run is drawn how: the first is drawn by the first, and so on in turn.
pub(super) type Rota = Vec<Draw>;

/// What is known of the program from its first run.
#[derive(Clone, Debug, Default)]
pub(super) struct Pilot {
    pub(super) turns: u64,
    /// The turns of each task, in the order of spawning.
    pub(super) work: Vec<u64>,
    /// Where something may be made to go wrong.
    pub(super) points: u64,
}

/// Goes first-in first-out and counts where something could be made to go wrong.
#[derive(Debug, Default)]
pub(super) struct Points(pub(super) u64);

impl Policy for Points {
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        self.0 += u64::from(matches!(choice.kind(), ChoiceKind::Injection(_)));
        0
    }
}

/// All policies that draw, made once for many runs.
#[derive(Debug)]
struct Lineup {
    seed: u64,
    rota: Rota,
    random: Random,
    pct: Pct,
    walk: Walk,
    pos: Pos,
    now: Option<Draw>,
    /// What is made to go wrong is drawn apart, so that a task is chosen as without it.
    injected: Rng,
    points: u64,
}

/// Keeps the seeds of runs apart from the draws of the program.
const STREAM: u64 = 0x7365_6172_6368;

const INJECTED_STREAM: u64 = 0x69_6e_6a_65_63_74;

impl Lineup {
    fn new(seed: u64, rota: &Rota, pilot: &Pilot) -> Self {
        Lineup {
            seed,
            rota: rota.clone(),
            random: Random::new(0),
            pct: Pct::new(0, 1, pilot.turns),
            walk: Walk::new(0, pilot.work.clone()),
            pos: Pos::new(0),
            now: None,
            injected: Rng::from_parts(seed, INJECTED_STREAM, 0),
            points: pilot.points.max(1),
        }
    }

    /// Gets ready for the run of this number, from 0, which is first-in first-out.
    fn start(&mut self, number: u64) {
        self.now = None;
        let Some(drawn) = number.checked_sub(1) else { return };
        let draw = self.rota[(drawn % self.rota.len() as u64) as usize];
        let seed = digest_parts(self.seed, STREAM, number);
        self.injected = Rng::from_parts(self.seed, INJECTED_STREAM, number);
        match draw {
            Draw::Random => self.random.restart(seed),
            Draw::Pct { depth } => self.pct.restart(seed, depth),
            Draw::Walk(gait) => self.walk.restart(seed, gait, false),
            Draw::Mirrored(gait) => {
                let seed = digest_parts(self.seed, STREAM, number - 1);
                self.walk.restart(seed, gait, true);
            }
            Draw::Pos => self.pos.restart(seed),
        }
        self.now = Some(draw);
    }

    /// The policy of this run, if its choices are random.
    fn random(&self) -> Option<Random> {
        (self.now == Some(Draw::Random)).then(|| self.random.clone())
    }
}

impl Policy for Lineup {
    #[inline]
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        if self.now.is_some() && matches!(choice.kind(), ChoiceKind::Injection(_)) {
            // Once in a run on average.
            return usize::from(self.injected.below(self.points) == 0);
        }
        match self.now {
            None => 0,
            Some(Draw::Random) => self.random.choose(choice),
            Some(Draw::Pct { .. }) => self.pct.choose(choice),
            Some(Draw::Walk(_) | Draw::Mirrored(_)) => self.walk.choose(choice),
            Some(Draw::Pos) => self.pos.choose(choice),
        }
    }
}

/// Runs of the largest job.
const JOB_RUNS_MAX: u64 = 256;

/// Jobs after which is looked at what there is. The same for any number of threads.
const WAVE: u64 = 16;

/// Consecutive runs of this shard: the numbers of the first and of the one after the last.
struct Job {
    first: u64,
    end: u64,
}

/// Makes the runs of this shard into `tally`, until that is full.
pub(super) fn search(engine: &Engine<'_>, rota: &Rota, pilot: &Pilot, tally: &mut Tally) {
    let shard = engine.shard;
    let (mut next, mut size) = (0, 1);
    let mut flow = ControlFlow::Continue(());
    while flow.is_continue() {
        // A program with a bug often shows it at once, so the first jobs are small.
        let (runs, failures) = (tally.runs_wanted(), tally.failures_wanted());
        let end = tally.runs.saturating_add(runs);
        let jobs = (0..WAVE)
            .map(|job| Job { first: next + job * size, end: (next + (job + 1) * size).min(end) });
        let wave: Vec<Job> = jobs.filter(|job| job.first < job.end).collect();
        next += WAVE * size;
        size = (size * 2).min(JOB_RUNS_MAX);
        let work = |job: &Job| {
            let mut runner = engine.runner();
            let lineup = Lineup::new(engine.seed, rota, pilot);
            let policy = Shared::new(lineup, engine.settings);
            let mut batch = Batch::default();
            for number in job.first..job.end {
                if batch.failures() >= failures {
                    break;
                }
                let random = policy.with(|lineup| {
                    lineup.start(number * shard.count + shard.index);
                    lineup.random().filter(|_| runner.are_choices_all())
                });
                let run = match random {
                    Some(random) => runner.run_random(random),
                    None => runner.run(&policy),
                };
                batch.add(run, &runner.shown);
            }
            batch
        };
        let is_last = |batch: &Batch| batch.failures() >= failures;
        flow = pool::in_order(engine.threads, &wave, work, is_last, |batch| tally.add(batch));
    }
}
