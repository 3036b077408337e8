//! Workers and cores as a state machine over instants: who is served when, and no more.
//!
//! It is brought up to date by whoever looks, through every end on the way in its order. So a loop that was
//! blocked, or polls its tasks in another order, changes nothing in when the workers get how far: threads do
//! not wait for the loop. It knows no tasks and no closures, and runs nothing foreign.

use std::collections::VecDeque;

use super::Cost;
use crate::kernel::Instant;
use crate::kernel::ordered::{Map, Set, number_keys};

/// A job of one machine, in the order of submission.
#[derive(Clone, Copy)]
pub(super) struct JobId(u64);

number_keys!(JobId);

/// How far a job has come.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    /// It has no worker.
    Queued,
    /// It has a worker, and waits until then.
    Waiting(Instant),
    /// It has a worker, and needs a core.
    NeedsCore,
    /// It has a worker and a core, until then.
    Computing(Instant),
    /// Its cost is spent, and its worker with somebody else.
    Done,
}

impl Stage {
    /// What a job that is in a queue waits for, in a word.
    pub(super) fn lacking(self) -> Option<&'static str> {
        match self {
            Stage::Queued => Some("worker"),
            Stage::NeedsCore => Some("core"),
            Stage::Waiting(_) | Stage::Computing(_) | Stage::Done => None,
        }
    }
}

struct Job {
    cost: Cost,
    stage: Stage,
    /// When it was given its worker, if it was.
    since: Instant,
}

/// Every queue is first-in first-out; nothing that has begun is interrupted.
pub(super) struct Machine {
    /// None are free while a job is queued.
    workers_free: usize,
    /// None are free while a job needs one.
    cores_free: usize,
    /// In the order of the numbers.
    queued: Set<JobId>,
    need_core: VecDeque<JobId>,
    /// What is under way, by its end. Of equal ends, what began first ends first.
    ends: Map<(Instant, u64), JobId>,
    /// Numbers what is under way in the order of beginning.
    begun: u64,
    submitted: u64,
    /// Jobs that nobody has taken out yet.
    jobs: Map<JobId, Job>,
    /// Jobs that have left one of the two queues since somebody asked.
    moved: Vec<JobId>,
}

impl Machine {
    pub(super) fn new(workers: usize, cores: usize) -> Machine {
        Machine {
            workers_free: workers,
            cores_free: cores,
            queued: Set::new(),
            need_core: VecDeque::new(),
            ends: Map::new(),
            begun: 0,
            submitted: 0,
            jobs: Map::new(),
            moved: Vec::new(),
        }
    }

    /// Brings the machine up to `now`: all that has ended by then, in order, and what began thereby.
    pub(super) fn advance(&mut self, now: Instant) {
        while let Some((at, job)) = self.take_end(now) {
            self.end(job, at);
        }
    }

    /// Adds a job at the end of the queue. It begins at once if a worker is free.
    #[inline]
    pub(super) fn submit(&mut self, cost: Cost, now: Instant) -> JobId {
        self.advance(now);
        let job = JobId(self.submitted);
        self.submitted += 1;
        self.jobs.insert(job, Job { cost, stage: Stage::Queued, since: now });
        self.queued.insert(job);
        if self.workers_free > 0 {
            self.workers_free -= 1;
            self.serve(now);
        }
        job
    }

    pub(super) fn stage(&self, job: JobId) -> Stage {
        self.job(job).stage
    }

    /// The jobs that wait for a worker or a core, in the order in which they are served, those with a worker first.
    pub(super) fn in_line(&self) -> impl Iterator<Item = JobId> {
        self.need_core.iter().copied().chain(self.queued.iter())
    }

    /// The jobs that are under way, in the order of their ends, and since when each has its worker.
    pub(super) fn under_way(&self) -> impl Iterator<Item = (JobId, Instant)> {
        self.ends.values().map(|&job| (job, self.job(job).since))
    }

    fn job(&self, job: JobId) -> &Job {
        self.jobs.get(job).expect("a job is known until it is forgotten")
    }

    /// Forgets a job that has not begun by `now`, and says whether that was so. One that has begun goes on.
    pub(super) fn withdraw(&mut self, job: JobId, now: Instant) -> bool {
        self.advance(now);
        let was_queued = self.queued.remove(job);
        if was_queued {
            self.jobs.remove(job);
        }
        was_queued
    }

    /// Forgets a job that is done.
    #[inline]
    pub(super) fn forget(&mut self, job: JobId) {
        self.jobs.remove(job);
    }

    /// Takes the jobs that have left a queue since the last call, in the order in which they did.
    pub(super) fn take_moved(&mut self) -> Vec<JobId> {
        std::mem::take(&mut self.moved)
    }

    fn take_end(&mut self, now: Instant) -> Option<(Instant, JobId)> {
        let (first, _) = self.ends.first().filter(|((at, _), _)| *at <= now)?;
        Some((first.0, self.ends.remove(first)?))
    }

    /// Ends what a job was doing, at the instant `at`.
    fn end(&mut self, job: JobId, at: Instant) {
        match self.stage(job) {
            Stage::Waiting(_) if self.begin_computing(job, at) => {}
            Stage::Waiting(_) => {
                self.set(job, Stage::Done);
                self.serve(at);
            }
            Stage::Computing(_) => {
                self.set(job, Stage::Done);
                // The core first: whoever needs it holds a worker, and came before those who do not.
                self.cores_free += 1;
                if let Some(next) = self.need_core.pop_front() {
                    self.moved.push(next);
                    self.begin_computing(next, at);
                }
                self.serve(at);
            }
            stage => unreachable!("a job that is {stage:?} has nothing to end"),
        }
    }

    /// Gives a worker to the first in the queue; where that is done at once, to the next.
    fn serve(&mut self, at: Instant) {
        while let Some(job) = self.queued.pop_first() {
            self.moved.push(job);
            if self.begin(job, at) {
                return;
            }
            self.set(job, Stage::Done);
        }
        self.workers_free += 1;
    }

    /// Begins a job that was given a worker. Returns `false` if there is nothing to it.
    fn begin(&mut self, job: JobId, at: Instant) -> bool {
        let begun = self.jobs.get_mut(job).expect("a job that has not ended is known");
        begun.since = at;
        let waiting = begun.cost.waiting;
        if waiting.is_zero() {
            return self.begin_computing(job, at);
        }
        self.run_until(job, at + waiting, Stage::Waiting);
        true
    }

    /// Gives a core to a job that has a worker, or makes it wait for one. Returns `false` if it needs none.
    fn begin_computing(&mut self, job: JobId, at: Instant) -> bool {
        let computing = self.job(job).cost.computing;
        if computing.is_zero() {
            return false;
        }
        if self.cores_free == 0 {
            self.set(job, Stage::NeedsCore);
            self.need_core.push_back(job);
        } else {
            self.cores_free -= 1;
            self.run_until(job, at + computing, Stage::Computing);
        }
        true
    }

    fn run_until(&mut self, job: JobId, until: Instant, stage: fn(Instant) -> Stage) {
        self.set(job, stage(until));
        self.ends.insert((until, self.begun), job);
        self.begun += 1;
    }

    fn set(&mut self, job: JobId, stage: Stage) {
        self.jobs.get_mut(job).expect("a job that has not ended is known").stage = stage;
    }
}
