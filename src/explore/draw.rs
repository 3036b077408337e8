//! Strategies that draw: each run's schedule comes from the search's seed and the number of the run.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::engine::Engine;
use super::pool::{self, Done, Work};
use super::program::{Run, Runner, Shared};
use super::seeds::Seeds;
use super::tally::{Batch, Shard, Tally};
use crate::kernel::Level;
use crate::policy::{Choice, ChoiceKind, Gait, Native, Pct, Policy, Pos, Random, Schedule, Walk};
use crate::rng::{Rng, digest_draw, digest_stream};

/// How a schedule is drawn.
#[derive(Clone, Copy, Debug)]
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
pub(super) type Rota = Cow<'static, [Draw]>;

/// What is known of the program from a run that is first-in first-out.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    turns: u64,
    /// The turns of each task, in the order of spawning, until the walk is made.
    work: Vec<u64>,
    /// Where something may be made to go wrong.
    points: u64,
}

/// The first run of a search.
pub(super) struct Pilot {
    pub(super) measured: Measured,
    /// That run, and its output as text.
    pub(super) first: (Run, String),
}

impl Pilot {
    /// Makes the first run, and looks at how long the tasks are.
    pub(super) fn new(runner: &mut Runner<'_>) -> Pilot {
        let (mut first, work) = scout(runner);
        if !runner.are_choices_all() {
            // What else is asked of a run was not asked of that one.
            first = runner.replay(&Schedule::default(), Level::Off).0;
        }
        let shown = std::mem::take(&mut runner.shown);
        let measured = Measured { turns: first.turns, work, points: points(runner) };
        Pilot { measured, first: (first, shown) }
    }
}

/// Goes first-in first-out, and tells how many turns each task took.
fn scout(runner: &mut Runner<'_>) -> (Run, Vec<u64>) {
    let run = runner.run_native(Native::Scout(Box::default()));
    match runner.take_native() {
        Some(Native::Scout(scout)) => (run, scout.turns),
        _ => (run, Vec::new()),
    }
}

/// Goes the same way, and tells where something could be made to go wrong.
fn points(runner: &mut Runner<'_>) -> u64 {
    if !runner.settings.injections.are_any() {
        return 0;
    }
    let policy = Shared::new(Points::default(), &runner.settings);
    runner.run(&policy.lent);
    policy.policy().0
}

/// Goes first-in first-out and counts where something could be made to go wrong.
#[derive(Debug, Default)]
struct Points(u64);

impl Policy for Points {
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        self.0 += u64::from(matches!(choice.kind(), ChoiceKind::Injection(_)));
        0
    }
}

/// All policies that draw, each made when it is first asked for and used in many runs.
#[derive(Debug)]
struct Lineup {
    seed: u64,
    /// From which the seeds of runs are made.
    stream: u64,
    rota: Rota,
    /// With the seed of the run that comes.
    measured: Measured,
    /// These are away while a loop uses them.
    random: Option<Box<Random>>,
    pct: Option<Box<Pct>>,
    walk: Option<Box<Walk>>,
    pos: Option<Box<Pos>>,
    now: Option<Draw>,
    /// What is made to go wrong is drawn apart, so that a task is chosen as without it.
    injected: Option<Rng>,
}

/// Keeps the seeds of runs apart from the draws of the program.
const STREAM: u64 = 0x7365_6172_6368;

const INJECTED_STREAM: u64 = 0x69_6e_6a_65_63_74;

impl Lineup {
    fn new(seed: u64, rota: &Rota, measured: &Measured) -> Self {
        Lineup {
            seed,
            stream: digest_stream(seed, STREAM),
            rota: rota.clone(),
            measured: measured.clone(),
            random: None,
            pct: None,
            walk: None,
            pos: None,
            now: None,
            injected: None,
        }
    }

    /// Forgets how long the program was with another seed.
    fn measure_anew(&mut self, measured: Measured) {
        (self.measured, self.pct, self.walk) = (measured, None, None);
    }

    /// Gets ready for the run of this number, from 0, which is first-in first-out.
    fn start(&mut self, number: u64) {
        self.now = None;
        let Some(drawn) = number.checked_sub(1) else { return };
        let draw = self.rota[(drawn % self.rota.len() as u64) as usize];
        let seed = digest_draw(self.stream, number);
        let has_points = self.measured.points > 0;
        self.injected = has_points.then(|| Rng::from_parts(self.seed, INJECTED_STREAM, number));
        match draw {
            Draw::Random => {
                self.random.get_or_insert_with(|| Box::new(Random::new(0))).restart(seed);
            }
            Draw::Pct { depth } => {
                let turns = self.measured.turns;
                let pct = self.pct.get_or_insert_with(|| Box::new(Pct::new(0, 1, turns)));
                pct.restart(seed, depth);
            }
            Draw::Walk(gait) => self.walk().restart(seed, gait, false),
            Draw::Mirrored(gait) => {
                let seed = digest_draw(self.stream, number - 1);
                self.walk().restart(seed, gait, true);
            }
            Draw::Pos => self.pos.get_or_insert_with(|| Box::new(Pos::new(0))).restart(seed),
        }
        self.now = Some(draw);
    }

    fn walk(&mut self) -> &mut Walk {
        let work = &mut self.measured.work;
        self.walk.get_or_insert_with(|| Box::new(Walk::new(0, std::mem::take(work))))
    }

    /// The policy of this run, as the loop knows it.
    fn lend(&mut self) -> Native {
        let lent = match self.now {
            None => None,
            Some(Draw::Random) => self.random.take().map(Native::Random),
            Some(Draw::Walk(_) | Draw::Mirrored(_)) => self.walk.take().map(Native::Walk),
            Some(Draw::Pct { .. }) => self.pct.take().map(Native::Pct),
            Some(Draw::Pos) => self.pos.take().map(Native::Pos),
        };
        lent.unwrap_or_else(|| Native::Scout(Box::default()))
    }

    fn take_back(&mut self, native: Option<Native>) {
        match native {
            Some(Native::Random(random)) => self.random = Some(random),
            Some(Native::Walk(walk)) => self.walk = Some(walk),
            Some(Native::Pct(pct)) => self.pct = Some(pct),
            Some(Native::Pos(pos)) => self.pos = Some(pos),
            _ => {}
        }
    }
}

/// A policy that a run has begun with.
fn here<P>(policy: &mut Option<Box<P>>) -> &mut P {
    policy.as_mut().expect("it is made when the run is started")
}

impl Policy for Lineup {
    #[inline]
    fn choose(&mut self, choice: &Choice<'_>) -> usize {
        if self.now.is_some() && matches!(choice.kind(), ChoiceKind::Injection(_)) {
            // Once in a run on average, and where the run that was measured had no such point, at each.
            let points = self.measured.points;
            return usize::from(self.injected.as_mut().is_none_or(|rng| rng.below(points) == 0));
        }
        match self.now {
            None => 0,
            Some(Draw::Random) => here(&mut self.random).choose(choice),
            Some(Draw::Pct { .. }) => here(&mut self.pct).choose(choice),
            Some(Draw::Walk(_) | Draw::Mirrored(_)) => here(&mut self.walk).choose(choice),
            Some(Draw::Pos) => here(&mut self.pos).choose(choice),
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

/// Makes the runs of this shard into `tally`, until that is full; where one thread makes them, with `runner`.
///
/// After the first of them, of which each may fail, whether the program is deterministic is for `audit` to say.
///
/// # Errors
///
/// Returns what that does.
pub(super) fn search(
    engine: &Engine<'_>,
    rota: &Rota,
    pilot: &Pilot,
    tally: &mut Tally,
    runner: Runner<'_>,
    audit: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
    let (mut next, mut size) = (0, 1);
    let mut audit = Some(audit);
    // On one thread nothing has to be gathered.
    let mut alone = (engine.threads < 2).then(|| Worker::new(runner, engine, rota, pilot));
    loop {
        // A program with a bug often shows it at once, so the first jobs are small.
        let (runs, failures) = (tally.runs_wanted(), tally.failures_wanted());
        let end = tally.runs.saturating_add(runs);
        let jobs = end.saturating_sub(next).div_ceil(size).min(WAVE);
        let mut wave = Vec::new();
        for job in 0..jobs {
            let first = next + job * size;
            wave.push(Job { first, end: (first + size).min(end) });
        }
        next += WAVE * size;
        size = (size * 2).min(JOB_RUNS_MAX);
        let flow = match &mut alone {
            Some(worker) => worker.work_for(tally, &wave),
            None => {
                let wave = &wave;
                let worker = || -> Work<'_> {
                    let mut worker = Worker::new(engine.runner(), engine, rota, pilot);
                    Box::new(move |job| worker.work(&wave[job], failures))
                };
                let merge = &mut |done: Done| tally.add(done.batch);
                pool::in_order(engine.threads, wave.len(), failures, &worker, merge)
            }
        };
        audit.take().map_or(Ok(()), |audit| audit())?;
        if flow.is_break() {
            return Ok(());
        }
    }
}

/// Who makes runs, on one thread.
struct Worker<'a> {
    runner: Runner<'a>,
    drawing: Drawing,
    shard: Shard,
    seeds: Seeds,
    /// That of the run before.
    seed: u64,
    /// What is drawn depends on how long the program is.
    measures: bool,
    first: &'a (Run, String),
}

/// Who draws.
enum Drawing {
    /// One of the policies that the loop knows, in each run.
    Known(Lineup),
    /// All of them behind one, which is asked for more than they say.
    Asked(Shared<Lineup>),
}

impl<'a> Worker<'a> {
    fn new(runner: Runner<'a>, engine: &Engine<'a>, rota: &Rota, pilot: &'a Pilot) -> Self {
        let seeds = engine.seeds;
        let lineup = Lineup::new(seeds.first, rota, &pilot.measured);
        let drawing = match runner.are_choices_all() {
            true => Drawing::Known(lineup),
            false => Drawing::Asked(Shared::new(lineup, engine.settings)),
        };
        let measures = engine.settings.injections.are_any()
            || rota.iter().any(|draw| !matches!(draw, Draw::Random | Draw::Pos));
        let (shard, first) = (engine.shard, &pilot.first);
        Worker { runner, drawing, shard, seeds, seed: seeds.first, measures, first }
    }

    /// Goes on with another seed, with which the program may be longer or shorter: that is looked at first, by
    /// runs that do not count. It depends on the seed alone, so it is the same for whoever makes the run.
    fn change_seed(&mut self, seed: u64) {
        self.seed = seed;
        self.runner.set_seed(seed);
        if self.measures {
            let (run, work) = scout(&mut self.runner);
            let points = points(&mut self.runner);
            let measured = Measured { turns: run.turns, work, points };
            match &mut self.drawing {
                Drawing::Known(lineup) => lineup.measure_anew(measured),
                Drawing::Asked(policy) => policy.policy().measure_anew(measured),
            }
        }
    }

    /// Makes the runs of a job, until so many different failures are found.
    fn work(&mut self, job: &Job, failures: usize) -> Done {
        let mut batch = Batch::default();
        for number in job.first..job.end {
            if batch.failures() >= failures {
                break;
            }
            let run = self.run(number);
            batch.add(run, &self.runner.shown);
        }
        Done { batch, ..Done::default() }
    }

    /// Makes those of all jobs one after the other into `tally`, until that is full.
    fn work_for(&mut self, tally: &mut Tally, jobs: &[Job]) -> ControlFlow<()> {
        for job in jobs {
            for number in job.first..job.end {
                let run = self.run(number);
                tally.add_run(run, &self.runner.shown)?;
            }
            tally.show();
        }
        ControlFlow::Continue(())
    }

    /// Makes the run of this number among those of the shard, from 0. Its output as text is left with the runner.
    fn run(&mut self, number: u64) -> Run {
        let number = number * self.shard.count + self.shard.index;
        if let Drawing::Known(lineup) = &mut self.drawing {
            if number == 0 {
                // That has been made. Of others more may be wanted, and the first had only that.
                let (run, shown) = self.first;
                self.runner.shown.clone_from(shown);
                return run.clone();
            }
            lineup.take_back(self.runner.take_native());
        }
        let seed = self.seeds.of(number);
        if seed != self.seed {
            self.change_seed(seed);
        }
        match &mut self.drawing {
            Drawing::Known(lineup) => {
                lineup.start(number);
                self.runner.run_native(lineup.lend())
            }
            Drawing::Asked(policy) => {
                policy.policy().start(number);
                self.runner.run(&policy.lent)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use crate::executor::{Builder, spawn};
    use crate::policy::{Gait, Walk};

    /// Of 2,000 seeds, how many begin with the second of two tasks, which are expected to take so many turns.
    fn second_first(gait: Gait, is_mirrored: bool, turns: [u64; 2]) -> u32 {
        let is_second = |seed| {
            let mut walk = Walk::new(0, [1, turns[0], turns[1]]);
            walk.restart(seed, gait, is_mirrored);
            let first = Rc::new(Cell::new(None));
            let seen = Rc::clone(&first);
            let report = Builder::new().policy(walk).run(async move {
                let tasks = [0, 1].map(|number| {
                    let seen = Rc::clone(&seen);
                    spawn(async move { seen.set(seen.get().or(Some(number))) })
                });
                for task in tasks {
                    task.await.unwrap();
                }
            });
            report.unwrap();
            first.get() == Some(1)
        };
        (0..2_000).filter(|&seed| is_second(seed)).count() as u32
    }

    #[test]
    fn turns_left_weigh_as_they_are_by_their_squares_or_by_their_cubes() {
        // A third, a fifth and a ninth.
        let [uniform, chase, hunt] =
            [Gait::Uniform, Gait::Chase, Gait::Hunt].map(|gait| second_first(gait, false, [8, 4]));
        assert!((600..740).contains(&uniform), "{uniform}");
        assert!((340..460).contains(&chase), "{chase}");
        assert!((175..270).contains(&hunt), "{hunt}");
    }

    #[test]
    fn the_newest_goes_first_as_often_as_its_gait_says() {
        // Half of what is left to a draw, as well.
        let newest = |gait, is_mirrored| second_first(gait, is_mirrored, [4, 4]);
        let dash = newest(Gait::Dash, false);
        assert!((1_430..1_570).contains(&dash), "{dash}");
        let sprint = newest(Gait::Sprint, false);
        assert!((1_750..1_850).contains(&sprint), "{sprint}");
        let relay = newest(Gait::Relay, false);
        assert!((1_860..1_940).contains(&relay), "{relay}");
        let mirrored = newest(Gait::Relay, true);
        assert!((1_430..1_570).contains(&mirrored), "{mirrored}");
    }
}
