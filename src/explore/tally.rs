//! What a search has seen so far: counts, outcomes, failures.
//!
//! Runs are gathered in batches, one for each job of a search, and the batches are added in order. So the
//! tally is that of one run after the other, however many threads made them.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::ControlFlow;

use super::identity::Identity;
use super::program::Run;
use super::progress::Progress;
use crate::policy::Schedule;
use crate::report::Failure;

/// Different outcomes that are told apart; what comes later is counted as others.
const OUTCOMES_MAX: usize = 1_000;

/// Interleavings that are remembered to be told apart: 2^24 of them take a few hundred megabytes.
const INTERLEAVINGS_MAX: usize = 1 << 24;

/// The runs of a job.
#[derive(Debug, Default)]
pub(super) struct Batch {
    samples: Vec<Sample>,
    verdicts: Vec<Verdict>,
    /// The numbers of the verdicts that are outputs, by their texts.
    outputs: Numbers,
    failures: Vec<(Identity, u32)>,
    /// The latest output, because most runs give the same as the one before.
    latest: Option<(Box<str>, u32)>,
}

/// Numbers by texts, in the order of these: at most as many as a job has runs, or as are told apart.
#[derive(Debug, Default)]
struct Numbers(Vec<(Box<str>, u32)>);

impl Numbers {
    /// The place of a text, or the one where it belongs.
    fn place(&self, text: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(text))
    }
}

/// A run: which turns it took, as a fingerprint, and what it came to, as a number in the batch.
#[derive(Clone, Copy, Debug)]
struct Sample {
    digest: u64,
    verdict: u32,
}

#[derive(Debug)]
enum Verdict {
    Output(Box<str>),
    Failed(Box<Failed>),
}

/// A failure, as the first run that had it shows it.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    pub(super) identity: Identity,
    pub(super) failure: Failure,
    pub(super) schedule: Schedule,
}

impl Batch {
    /// Adds a run, and its output as text.
    pub(super) fn add(&mut self, run: Run, shown: &str) {
        let verdict = match run.failure {
            None => self.output(shown),
            Some(failure) => self.failure(failure, run.schedule),
        };
        self.samples.push(Sample { digest: run.digest, verdict });
    }

    fn output(&mut self, shown: &str) -> u32 {
        if let Some((latest, number)) = &self.latest {
            if **latest == *shown {
                return *number;
            }
        }
        let number = match self.outputs.place(shown) {
            Ok(place) => self.outputs.0[place].1,
            Err(place) => {
                let number = self.verdicts.len() as u32;
                self.verdicts.push(Verdict::Output(shown.into()));
                self.outputs.0.insert(place, (shown.into(), number));
                number
            }
        };
        self.latest = Some((shown.into(), number));
        number
    }

    fn failure(&mut self, failure: Failure, schedule: Schedule) -> u32 {
        let identity = Identity::of(&failure);
        if let Some((_, number)) = self.failures.iter().find(|(known, _)| known.is(&identity)) {
            return *number;
        }
        let number = self.verdicts.len() as u32;
        self.failures.push((identity.clone(), number));
        self.verdicts.push(Verdict::Failed(Box::new(Failed { identity, failure, schedule })));
        number
    }

    pub(super) fn len(&self) -> usize {
        self.samples.len()
    }

    /// The number of different failures.
    pub(super) fn failures(&self) -> usize {
        self.failures.len()
    }
}

/// Where a search ends at the latest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) runs: u64,
    pub(super) failures: usize,
}

/// A failure and the runs that had it.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) first: Failed,
    /// The number of the first run, from 1.
    pub(super) number: u64,
    pub(super) runs: u64,
}

/// All runs so far.
#[derive(Debug)]
pub(super) struct Tally {
    bounds: Bounds,
    /// Runs of other shards, before the first and between each two of this one.
    shard: Shard,
    pub(super) runs: u64,
    pub(super) outputs: Vec<(Box<str>, u64)>,
    places: Numbers,
    /// Runs whose outputs were too many to be told apart.
    pub(super) others: u64,
    pub(super) found: Vec<Found>,
    digests: HashSet<u64, BuildHasherDefault<Fingerprint>>,
    progress: Progress,
}

/// Which part of the runs is made here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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
    pub(super) fn new(bounds: Bounds, shard: Shard) -> Self {
        Tally {
            bounds,
            shard,
            runs: 0,
            outputs: Vec::new(),
            places: Numbers::default(),
            others: 0,
            found: Vec::new(),
            digests: HashSet::default(),
            progress: Progress::start(),
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
        // Where each verdict of the batch stands here, once it has been met.
        let mut places = vec![usize::MAX; batch.verdicts.len()];
        for Sample { digest, verdict } in batch.samples {
            if self.runs == self.bounds.runs {
                return ControlFlow::Break(());
            }
            self.runs += 1;
            if self.digests.len() < INTERLEAVINGS_MAX {
                self.digests.insert(digest);
            }
            let place = &mut places[verdict as usize];
            match &batch.verdicts[verdict as usize] {
                Verdict::Output(text) => {
                    if *place == usize::MAX {
                        *place = self.place_of_output(text);
                    }
                    match self.outputs.get_mut(*place) {
                        Some((_, runs)) => *runs += 1,
                        None => self.others += 1,
                    }
                }
                Verdict::Failed(failed) => {
                    if *place == usize::MAX {
                        *place = self.place_of_failure(failed);
                    }
                    self.found[*place].runs += 1;
                    if self.has_enough_failures() {
                        return ControlFlow::Break(());
                    }
                }
            }
        }
        self.progress.show(self.runs, self.interleavings());
        ControlFlow::Continue(())
    }

    /// Past the end where there is no room for one more.
    fn place_of_output(&mut self, text: &str) -> usize {
        match self.places.place(text) {
            Ok(place) => self.places.0[place].1 as usize,
            Err(place) if self.outputs.len() < OUTCOMES_MAX => {
                self.places.0.insert(place, (text.into(), self.outputs.len() as u32));
                self.outputs.push((text.into(), 0));
                self.outputs.len() - 1
            }
            Err(_) => usize::MAX - 1,
        }
    }

    fn place_of_failure(&mut self, failed: &Failed) -> usize {
        let same = |found: &Found| found.first.identity.is(&failed.identity);
        self.found.iter().position(same).unwrap_or_else(|| {
            let number = (self.runs - 1) * self.shard.count + self.shard.index + 1;
            self.found.push(Found { first: failed.clone(), number, runs: 0 });
            self.found.len() - 1
        })
    }

    /// Different interleavings so far.
    pub(super) fn interleavings(&self) -> u64 {
        self.digests.len() as u64
    }
}

/// A digest is spread over all bits already, and only counted here: no order shows.
#[derive(Default)]
struct Fingerprint(u64);

impl Hasher for Fingerprint {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only 64-bit numbers are hashed");
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}
