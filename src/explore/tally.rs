//! What a search has seen so far: counts, outcomes, failures.
//!
//! Where several threads make them, runs are gathered in batches, one for each job of a search, and the batches are
//! added in order. So the tally is that of one run after the other, however many threads made them.

use std::cell::OnceCell;
use std::ops::ControlFlow;

use super::digests::Digests;
use super::identity::Identity;
use super::program::Run;
use super::progress::Progress;
use super::seeds::Seeds;
use crate::policy::Schedule;
use crate::report::Failure;

/// Different outcomes that are told apart; what comes later is counted as others.
const OUTCOMES_MAX: usize = 1_000;

/// The runs of a job.
#[derive(Default)]
pub(super) struct Batch {
    samples: Vec<Sample>,
    outputs: Texts,
    /// The different failures.
    failed: Vec<Failed>,
}

/// Different texts, numbered as they came.
#[derive(Default)]
struct Texts {
    texts: Vec<Box<str>>,
    /// Their numbers, in the order of the texts.
    sorted: Vec<u32>,
    /// The number that was asked for last, because most runs give the same output as the one before.
    latest: u32,
}

impl Texts {
    /// The number of a text. A new one is added, unless there are `most` already.
    fn number(&mut self, text: &str, most: usize) -> Option<u32> {
        if self.texts.get(self.latest as usize).is_some_and(|latest| **latest == *text) {
            return Some(self.latest);
        }
        let known = |&number: &u32| (*self.texts[number as usize]).cmp(text);
        self.latest = match self.sorted.binary_search_by(known) {
            Ok(place) => self.sorted[place],
            Err(_) if self.texts.len() >= most => return None,
            Err(place) => {
                let number = self.texts.len() as u32;
                self.texts.push(text.into());
                self.sorted.insert(place, number);
                number
            }
        };
        Some(self.latest)
    }
}

/// A run: which turns it took, as a fingerprint, and what it came to.
#[derive(Clone, Copy)]
struct Sample {
    digest: u64,
    verdict: Verdict,
}

/// The number of an output in the batch, or of a failure. Both are numbered as they came.
#[derive(Clone, Copy)]
enum Verdict {
    Output(u32),
    Failed(u32),
}

/// A failure, as the first run that had it shows it.
pub(super) struct Failed {
    pub(super) failure: Failure,
    pub(super) schedule: Schedule,
    /// Made when it is first needed: the only failure of a search is compared with none.
    identity: OnceCell<Identity>,
}

impl Failed {
    pub(super) fn new(failure: Failure, schedule: Schedule) -> Self {
        Failed { failure, schedule, identity: OnceCell::new() }
    }

    pub(super) fn identity(&self) -> &Identity {
        self.identity.get_or_init(|| Identity::of(&self.failure))
    }

    fn is(&self, other: &Self) -> bool {
        self.identity().is(other.identity())
    }
}

impl Batch {
    /// Adds a run, and its output as text.
    pub(super) fn add(&mut self, run: Run, shown: &str) {
        let verdict = match run.failure {
            None => {
                let number = self.outputs.number(shown, usize::MAX);
                Verdict::Output(number.expect("there is room for all"))
            }
            Some(failure) => Verdict::Failed(self.failure(Failed::new(failure, run.schedule))),
        };
        self.samples.push(Sample { digest: run.digest, verdict });
    }

    fn failure(&mut self, failed: Failed) -> u32 {
        for (number, known) in self.failed.iter().enumerate() {
            if known.is(&failed) {
                return number as u32;
            }
        }
        self.failed.push(failed);
        (self.failed.len() - 1) as u32
    }

    pub(super) fn len(&self) -> usize {
        self.samples.len()
    }

    /// The number of different failures.
    pub(super) fn failures(&self) -> usize {
        self.failed.len()
    }
}

/// Where a search ends at the latest.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) runs: u64,
    pub(super) failures: usize,
}

/// A failure and the runs that had it.
pub(super) struct Found {
    pub(super) first: Failed,
    /// The number of the first run, from 1.
    pub(super) number: u64,
    /// The seed of that run.
    pub(super) seed: u64,
    pub(super) runs: u64,
}

/// All runs so far.
pub(super) struct Tally {
    bounds: Bounds,
    /// Runs of other shards, before the first and between each two of this one.
    shard: Shard,
    seeds: Seeds,
    pub(super) runs: u64,
    outputs: Texts,
    /// How many runs had each.
    output_runs: Vec<u64>,
    /// Runs whose outputs were too many to be told apart.
    pub(super) others: u64,
    pub(super) found: Vec<Found>,
    digests: Digests,
    progress: Progress,
}

/// Which part of the runs is made here.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Shard {
    /// From 0.
    pub(super) index: u64,
    pub(super) count: u64,
}

impl Shard {
    pub(super) const WHOLE: Shard = Shard { index: 0, count: 1 };

    /// Says whether the piece of work with this number, from 0, is done here.
    pub(super) fn has(self, number: u64) -> bool {
        number % self.count == self.index
    }
}

impl Tally {
    pub(super) fn new(bounds: Bounds, shard: Shard, seeds: Seeds) -> Self {
        Tally {
            bounds,
            shard,
            seeds,
            runs: 0,
            outputs: Texts::default(),
            output_runs: Vec::new(),
            others: 0,
            found: Vec::new(),
            digests: Digests::new(),
            progress: Progress::new(),
        }
    }

    /// How many runs a job should make at most: one more than may be added, which shows that there is one.
    pub(super) fn runs_wanted(&self) -> u64 {
        (self.bounds.runs - self.runs).saturating_add(1)
    }

    /// How many different failures end the search. Not how many are missing: a job may meet those again that
    /// are known.
    pub(super) fn failures_wanted(&self) -> usize {
        self.bounds.failures
    }

    pub(super) fn has_enough_failures(&self) -> bool {
        self.found.len() >= self.bounds.failures
    }

    /// Adds runs one after the other, and breaks where there is one too many or a failure is the last.
    pub(super) fn add(&mut self, batch: Batch) -> ControlFlow<()> {
        let Batch { samples, outputs, failed, .. } = batch;
        let (mut outputs, mut failed) = (outputs.texts.iter(), failed.into_iter());
        // Where each output and each failure of the batch stands here, once it has been met: in the order of their numbers.
        let (mut output_places, mut failure_places) = (Vec::new(), Vec::new());
        for &Sample { digest, verdict } in &samples {
            self.count(digest)?;
            match verdict {
                Verdict::Output(number) => {
                    if number as usize == output_places.len() {
                        let text = outputs.next().expect("the next one is met");
                        output_places.push(self.place_of_output(text));
                    }
                    self.count_output(output_places[number as usize]);
                }
                Verdict::Failed(number) => {
                    if number as usize == failure_places.len() {
                        let failed = failed.next().expect("the next one is met");
                        failure_places.push(self.place_of_failure(failed));
                    }
                    self.count_failure(failure_places[number as usize])?;
                }
            }
        }
        self.show();
        ControlFlow::Continue(())
    }

    /// Adds one run, and its output as text: as a batch would of which it is all, but that nothing is shown.
    pub(super) fn add_run(&mut self, run: Run, shown: &str) -> ControlFlow<()> {
        self.count(run.digest)?;
        match run.failure {
            None => {
                let place = self.place_of_output(shown);
                self.count_output(place);
                ControlFlow::Continue(())
            }
            Some(failure) => {
                let place = self.place_of_failure(Failed::new(failure, run.schedule));
                self.count_failure(place)
            }
        }
    }

    /// Adds all that another search through the program has seen, as if that had been made after this one.
    pub(super) fn absorb(&mut self, other: Tally) {
        for (text, runs) in other.outputs() {
            match self.place_of_output(text) {
                Some(place) => self.output_runs[place] += runs,
                None => self.others += runs,
            }
        }
        for found in other.found {
            let number = self.runs + found.number;
            match self.found.iter().position(|known| known.first.is(&found.first)) {
                Some(place) => self.found[place].runs += found.runs,
                None if self.has_enough_failures() => {}
                None => self.found.push(Found { number, ..found }),
            }
        }
        self.others += other.others;
        self.runs += other.runs;
        self.digests.absorb(&other.digests);
        self.show();
    }

    /// Shows how far the search has come, to whoever looks.
    pub(super) fn show(&mut self) {
        let digests = &mut self.digests;
        self.progress.show(self.runs, || digests.count());
    }

    fn count(&mut self, digest: u64) -> ControlFlow<()> {
        if self.runs == self.bounds.runs {
            return ControlFlow::Break(());
        }
        self.runs += 1;
        self.digests.insert(digest);
        ControlFlow::Continue(())
    }

    fn count_output(&mut self, place: Option<usize>) {
        match place {
            Some(place) => self.output_runs[place] += 1,
            None => self.others += 1,
        }
    }

    fn count_failure(&mut self, place: usize) -> ControlFlow<()> {
        self.found[place].runs += 1;
        if self.has_enough_failures() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// None where there is no room for one more.
    fn place_of_output(&mut self, text: &str) -> Option<usize> {
        let place = self.outputs.number(text, OUTCOMES_MAX)? as usize;
        if place == self.output_runs.len() {
            self.output_runs.push(0);
        }
        Some(place)
    }

    fn place_of_failure(&mut self, failed: Failed) -> usize {
        for (place, found) in self.found.iter().enumerate() {
            if found.first.is(&failed) {
                return place;
            }
        }
        let number = (self.runs - 1) * self.shard.count + self.shard.index + 1;
        let seed = self.seeds.of(number - 1);
        self.found.push(Found { first: failed, number, seed, runs: 0 });
        self.found.len() - 1
    }

    /// The outputs in the order in which they came, and how many runs had each.
    pub(super) fn outputs(&self) -> impl Iterator<Item = (&str, u64)> {
        let known = 0..self.output_runs.len();
        known.map(|place| (&*self.outputs.texts[place], self.output_runs[place]))
    }

    /// Different interleavings so far.
    pub(super) fn interleavings(&mut self) -> u64 {
        self.digests.count()
    }
}
