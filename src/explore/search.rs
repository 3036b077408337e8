//! A search from its first run to its report.

use std::borrow::Cow;
use std::cmp::Reverse;

use super::audit;
use super::draw::{self, Pilot};
use super::engine::Engine;
use super::exhaustive::{Exhaustive, Reach, WORDS_MAX};
use super::explain::{Explanation, explain};
use super::exploration::{Exploration, Extent, Finding, OutcomeCount, Pair};
use super::explorer::{Explorer, Strategy};
use super::identity::Identity;
use super::program::{Program, Run, Runner, Shared};
use super::reduced::Reduced;
use super::seeds::Seeds;
use super::shrink::{Shrunk, shrink};
use super::tally::{Bounds, Failed, Found, Shard, Tally};
use crate::executor::picture::draw_page;
use crate::kernel::ordered::sort_by_key;
use crate::kernel::{Instant, Level};
use crate::policy::{Random, Schedule};
use crate::report::{Failure, FailureKind};
use crate::rng::Rng;

/// Failures that are shrunk and explained; the others are only told.
const EXPLAINED_MAX: usize = 10;

/// Keeps the draws of audited runs apart from those of the search.
const AUDIT_STREAM: u64 = 0x61_75_64_69_74;

pub(super) fn search(explorer: &Explorer, program: &dyn Program) -> Exploration {
    let search = Search { explorer: Cow::Borrowed(explorer), program };
    if let Some(reason) = &explorer.refused {
        return search.refused(FailureKind::InvalidSearch { reason: reason.clone() });
    }
    if let Some(schedule) = &explorer.replay {
        return search.replay(schedule);
    }
    search.run().unwrap_or_else(|refused| *refused)
}

struct Search<'a> {
    explorer: Cow<'a, Explorer>,
    program: &'a dyn Program,
}

/// The report of a search that was not made.
type Refused = Box<Exploration>;

impl<'a> Search<'a> {
    fn runner(&self) -> Runner<'a> {
        Runner::new(self.program, &self.explorer.settings)
    }

    fn seeds(&self) -> Seeds {
        Seeds::new(self.explorer.settings.seed, self.explorer.seeds, self.explorer.runs_max())
    }

    /// The same with one seed alone.
    fn of_seed(&self, seed: u64) -> Self {
        let explorer = Explorer { seeds: 1, ..Explorer::clone(&self.explorer) }.seed(seed);
        Search { explorer: Cow::Owned(explorer), program: self.program }
    }

    fn engine(&self) -> Engine<'_> {
        let Explorer { settings, threads, shard, .. } = &*self.explorer;
        let (program, seeds) = (self.program, self.seeds());
        Engine { program, settings, seeds, threads: *threads, shard: *shard }
    }

    /// Checks that the first run, and others if asked for, can be made again.
    fn audit_all(&self, first: &Run, shown: &str) -> Result<(), String> {
        if first.failure.as_ref().is_some_and(depends_on_thread) {
            return Ok(());
        }
        let mut runner = self.runner();
        for number in 0..self.explorer.audits {
            if number == 0 {
                self.audit(first, shown)?;
                continue;
            }
            let seed =
                Rng::from_parts(self.explorer.settings.seed, AUDIT_STREAM, number).next_u64();
            let policy = Shared::new(Random::new(seed), &runner.settings);
            let builder = self.explorer.settings.builder().boxed_policy(Box::new(policy.lent));
            let (run, _) = runner.run_with(builder, Level::Off);
            self.audit(&run, &runner.shown)?;
        }
        Ok(())
    }

    fn audit(&self, run: &Run, shown: &str) -> Result<(), String> {
        audit::audit(self.program, &self.explorer.settings, run, shown)
    }

    /// The report of a search that was not made.
    fn refused(&self, kind: FailureKind) -> Exploration {
        let reproduction = self.explorer.settings.builder().reproduction(&Schedule::default());
        let failure = Failure::new(kind, Instant::ZERO, 0, reproduction);
        let schedule = Schedule::default();
        let (first, seed) = (Failed::new(failure, schedule), self.explorer.settings.seed);
        let finding = plain(Found { first, number: 0, seed, runs: 0 });
        let tally = Tally::new(Bounds { runs: 0, failures: 1 }, Shard::WHOLE, Seeds::one(seed));
        self.exploration(tally, Extent::Refused, vec![finding])
    }

    fn not_deterministic(&self, difference: String) -> Refused {
        Box::new(self.refused(FailureKind::NotDeterministic { difference }))
    }

    /// # Errors
    ///
    /// Returns what is told where runs of one schedule differ.
    fn run(&self) -> Result<Exploration, Refused> {
        let mut runner = self.runner();
        let pilot = &Pilot::new(&mut runner);
        let (first, shown) = &pilot.first;
        let audit = || self.audit_all(first, shown);
        let refused = |difference| self.not_deterministic(difference);
        let shard = self.explorer.shard;
        let (mut tally, reach) = match &self.explorer.strategy {
            Strategy::Drawn { rota, .. } => {
                let runs = share(self.explorer.runs_max(), shard);
                let bounds = Bounds { runs, failures: self.explorer.failures_max };
                let mut tally = Tally::new(bounds, shard, self.seeds());
                draw::search(&self.engine(), rota, pilot, &mut tally, runner, audit)
                    .map_err(refused)?;
                (tally, None)
            }
            Strategy::Exhaustive | Strategy::Reduced => {
                audit().map_err(refused)?;
                let (tally, reach) = self.walk();
                (tally, Some(reach))
            }
        };
        let extent = match reach {
            _ if tally.has_enough_failures() => Extent::Failed,
            None => Extent::Drawn,
            Some(Reach { is_cut_short: true, deviations, .. }) => Extent::CutOff(deviations),
            Some(Reach { is_cut_in_depth: true, .. }) => {
                Extent::WithinDeviations(self.explorer.deviations_max.unwrap_or(u32::MAX))
            }
            Some(Reach { is_cut_in_time: true, .. }) => Extent::WithinTime,
            Some(_) => Extent::Complete,
        };
        // The walk by depth has met each failure first where it is simplest.
        let is_simplest =
            shard.count == 1 && reach.is_some_and(|reach| !reach.is_deep && !reach.is_cut_in_time);
        let found = std::mem::take(&mut tally.found);
        let mut findings = Vec::with_capacity(found.len());
        for found in found {
            if findings.len() >= EXPLAINED_MAX {
                findings.push(plain(found));
                continue;
            }
            let search = self.of_seed(found.seed);
            if found.seed != self.explorer.settings.seed {
                search.audit_first()?;
            }
            findings.push(search.finding(found, is_simplest));
        }
        Ok(self.exploration(tally, extent, findings))
    }

    /// Walks the tree of each seed in turn. What one leaves of the limit on runs is for those that follow.
    fn walk(&self) -> (Tally, Reach) {
        let (seeds, runs_max) = (self.seeds(), self.explorer.runs_max());
        let (mut tally, mut reach) = self.of_seed(seeds.first).walk_one(runs_max / seeds.count);
        for place in 1..seeds.count {
            if tally.has_enough_failures() {
                break;
            }
            let runs = (runs_max - tally.runs) / (seeds.count - place);
            let (own, own_reach) = self.of_seed(seeds.at(place)).walk_one(runs);
            tally.absorb(own);
            reach = reach.and(own_reach);
        }
        (tally, reach)
    }

    fn walk_one(&self, runs: u64) -> (Tally, Reach) {
        let engine = self.engine();
        let bounds = Bounds { runs, failures: self.explorer.failures_max };
        let empty = || Tally::new(bounds, Shard::WHOLE, engine.seeds);
        let deviations_max = self.explorer.deviations_max.unwrap_or(u32::MAX);
        match &self.explorer.strategy {
            // The first shard makes all.
            Strategy::Reduced if engine.shard.index > 0 => (empty(), Reach::default()),
            Strategy::Reduced => Reduced::new(&engine, deviations_max).search(empty),
            _ => {
                let mut tally = empty();
                let walk = Exhaustive::new(&engine, &mut tally, deviations_max, WORDS_MAX);
                let reach = walk.search();
                (tally, reach)
            }
        }
    }

    /// Audits a seed in which something was found, and which was not the first.
    fn audit_first(&self) -> Result<(), Refused> {
        let mut runner = self.runner();
        let (first, _) = runner.replay(&Schedule::default(), Level::Off);
        self.audit_all(&first, &runner.shown)
            .map_err(|difference| self.not_deterministic(difference))
    }

    /// Shrinks and explains a failure.
    fn finding(&self, found: Found, is_simplest: bool) -> Finding {
        let (expected, schedule) = (found.first.identity(), &found.first.schedule);
        let shrunk = match is_simplest {
            true => Shrunk { schedule: schedule.clone(), is_simplest },
            false => shrink(self.runner(), &found.first, self.explorer.shrink_runs),
        };
        let mut runner = self.runner();
        let turns = runner.replay(&shrunk.schedule, Level::Off).0.turns;
        let (run, explanation) = explain(&mut runner, &shrunk.schedule, turns);
        match run.failure {
            Some(failure) if Identity::of(&failure).is(expected) => Finding {
                failure,
                schedule: shrunk.schedule,
                is_simplest: shrunk.is_simplest,
                sentence: explanation.sentence,
                columns: explanation.columns,
                pair: explanation.pair,
                ..plain(found)
            },
            _ => Finding {
                sentence: "did not fail again with the same schedule: the program reads something outside \
                           the loop (hash order, real clock, another thread, a static)"
                    .to_owned(),
                ..plain(found)
            },
        }
    }

    /// Runs one schedule, and explains it if it fails.
    fn replay(&self, schedule: &Schedule) -> Exploration {
        let mut runner = self.runner();
        let (run, _) = runner.replay(schedule, Level::Off);
        let turns = run.turns;
        let seeds = Seeds::one(self.explorer.settings.seed);
        let mut tally = Tally::new(Bounds { runs: 1, failures: 1 }, Shard::WHOLE, seeds);
        let does_not_fit = run
            .failure
            .as_ref()
            .is_some_and(|failure| matches!(failure.kind(), FailureKind::ReplayDiverged(_)));
        let _ = tally.add_run(run, &runner.shown);
        let mut findings = Vec::new();
        for found in std::mem::take(&mut tally.found) {
            let mut finding = plain(found);
            if !does_not_fit {
                let (_, explanation) = explain(&mut runner, schedule, turns);
                let Explanation { sentence, columns, pair } = explanation;
                finding = Finding { sentence, columns, pair, ..finding };
            }
            findings.push(finding);
        }
        self.exploration(tally, Extent::Replayed, findings)
    }

    fn exploration(&self, mut tally: Tally, extent: Extent, findings: Vec<Finding>) -> Exploration {
        if let Some(finding) = findings.first().filter(|finding| !finding.trace().is_empty()) {
            draw_page(&finding.html());
        }
        let interleavings = tally.interleavings();
        let mut outcomes = Vec::new();
        for (shown, runs) in tally.outputs() {
            outcomes.push(OutcomeCount::new(shown.to_owned(), runs));
        }
        sort_by_key(&mut outcomes, |outcome| Reverse(outcome.runs));
        Exploration {
            strategy: self.explorer.name(),
            seed: self.explorer.settings.seed,
            seeds: self.seeds().count,
            shard: (self.explorer.shard.index + 1, self.explorer.shard.count),
            runs: tally.runs,
            interleavings,
            extent,
            outcomes,
            other_outcomes: tally.others,
            findings,
        }
    }
}

/// Says whether a failure need not come again, least of all in another thread. It is told as it is.
fn depends_on_thread(failure: &Failure) -> bool {
    matches!(failure.kind(), FailureKind::NestedLoop { .. } | FailureKind::ForeignWake { .. })
}

/// How many of so many numbered runs are in a shard.
fn share(runs: u64, shard: Shard) -> u64 {
    (runs / shard.count) + u64::from(shard.index < runs % shard.count)
}

/// A failure as it was found.
fn plain(found: Found) -> Finding {
    let Found { first: Failed { failure, schedule, .. }, number, seed, runs } = found;
    Finding {
        failure,
        schedule: schedule.clone(),
        is_simplest: false,
        seed,
        first_run: number,
        first_schedule: schedule,
        runs,
        sentence: String::new(),
        columns: String::new(),
        pair: Pair::default(),
    }
}
