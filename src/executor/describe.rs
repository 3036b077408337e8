//! Turns what the kernel knows into failures that a reader understands: keys into paths, causes into words.

use std::collections::BTreeMap;

use super::core::{Panicked, State};
use crate::kernel::{self, Breach, Cause, Instant, Kernel, TaskId, TaskKey};
use crate::policy::Divergence;
use crate::report::{
    Deadlock, Failure, FailureKind, LeftTask, Livelock, Panic, PanicPlace, ReplayDivergence,
    Reproduction, Spinner, Wait, WaitingTask,
};

/// For a list of tasks, whose paths are written together.
type Paths<'a> = kernel::Paths<'a, Kernel>;

/// Makes a failure of this instant.
pub(super) fn failure(state: &State, kind: FailureKind) -> Failure {
    let reproduction = match &kind {
        // Its choices do not bring a fault of the policy back, only the policy does.
        FailureKind::PolicyFault { policy, .. } => {
            let source = state.policy_source.as_ref().unwrap_or(policy);
            Reproduction { policy: Some(source.clone()), ..reproduction(state) }.with_policy()
        }
        _ => reproduction(state).line(),
    };
    Failure::new(kind, state.kernel.now(), state.kernel.turn(), reproduction)
}

fn reproduction(state: &State) -> Reproduction<'_> {
    let policy = state.policy_source.clone();
    let replayed = state.replayed.as_deref();
    Reproduction {
        seed: state.seed,
        limits: state.kernel.limits(),
        start_time: state.start_time,
        deny_leftovers: state.deny_leftovers,
        schedule: &state.schedule,
        replayed,
        policy,
    }
}

/// Makes the failure of a panic that nobody took, at the instant at which it happened.
pub(super) fn panicked(state: &State, panicked: &Panicked, is_root: bool) -> Failure {
    let kind = FailureKind::Panic(Panic {
        path: panicked.path.clone(),
        message: panicked.message.clone(),
        place: if is_root { PanicPlace::Root } else { panicked.place },
        spawned_at: panicked.site,
    });
    Failure::new(kind, panicked.at, panicked.turn, reproduction(state).line())
}

/// Describes a deadlock: everybody who waits, for what, and in which ring.
pub(super) fn deadlock(state: &State, is_waker_shared: bool) -> FailureKind {
    let kernel = &state.kernel;
    let waiting = kernel.waiting();
    let joins: Vec<(TaskKey, TaskKey)> = waiting
        .iter()
        .filter_map(|waiting| match waiting.waits[..] {
            [kernel::Wait::Join(other)] => Some((waiting.task, other)),
            _ => None,
        })
        .collect();
    let mut paths = Paths::new(kernel);
    let mut describe = |waiting: &kernel::Waiting| {
        let task = kernel.task(waiting.task).expect("a waiting task is in the table");
        let waits = waiting.waits.iter();
        let mut waits: Vec<Wait> = waits.map(|wait| wait_of(&mut paths, wait)).collect();
        if waits.is_empty() {
            let is_lost = !waiting.has_waker && !is_waker_shared;
            waits.push(if is_lost { Wait::Nothing } else { Wait::Foreign });
        }
        let left = left(state, &mut paths, waiting.task);
        WaitingTask::new(left, waiting.since, waits, task.daemon)
    };
    FailureKind::Deadlock(Deadlock {
        waiting: waiting.iter().map(&mut describe).collect(),
        cycle: ring(&joins).into_iter().map(|key| paths.shown(key.slot)).collect(),
        has_daemon_timers: kernel.next_deadline().is_some(),
    })
}

fn wait_of(paths: &mut Paths<'_>, wait: &kernel::Wait) -> Wait {
    match *wait {
        kernel::Wait::Join(other) => Wait::Join(paths.shown(other.slot)),
        kernel::Wait::Timer(deadline) => Wait::Timer(deadline),
        kernel::Wait::Never => Wait::Never,
        kernel::Wait::Settle => Wait::Settle,
    }
}

/// Finds the ring with the earliest task among edges of which each task has at most one, and starts it there.
///
/// Every edge is walked once: a walk ends where it meets an earlier one, or itself, which is a ring. The
/// walks cannot be told apart by a mark alone, since a walk may lead into the ring of an earlier one.
fn ring(edges: &[(TaskKey, TaskKey)]) -> Vec<TaskKey> {
    let places: BTreeMap<TaskKey, usize> =
        edges.iter().enumerate().map(|(place, &(from, _))| (from, place)).collect();
    let next = |place: usize| places.get(&edges[place].1).copied();
    let mut walked_from: Vec<Option<usize>> = vec![None; edges.len()];
    let mut earliest: Option<usize> = None;
    for start in 0..edges.len() {
        let mut walk = Some(start);
        while let Some(place) = walk.filter(|&place| walked_from[place].is_none()) {
            walked_from[place] = Some(start);
            walk = next(place);
        }
        // A walk that came back to itself: from there on it goes round.
        if let Some(met) = walk.filter(|&place| walked_from[place] == Some(start)) {
            earliest = round(met, next).min().into_iter().chain(earliest).min();
        }
    }
    let ring = earliest.into_iter().flat_map(|place| round(place, next));
    ring.map(|place| edges[place].0).collect()
}

/// The places of a ring, from one of them on.
fn round(first: usize, next: impl Fn(usize) -> Option<usize>) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(first), move |&place| next(place).filter(|&place| place != first))
}

/// Describes a limit that was reached, other than the one on virtual time.
pub(super) fn breach(state: &State, breach: Breach) -> FailureKind {
    match breach {
        Breach::Turns { limit } => FailureKind::TurnLimit { limit, alive: alive(state) },
        Breach::Livelock { turns, watched, polled, spinners } => {
            let mut paths = Paths::new(&state.kernel);
            let spinners = spinners.into_iter().map(|spinner| Spinner {
                path: paths.shown(spinner.task.slot),
                polls: spinner.polls,
                woken_by: spinner
                    .woken_by
                    .iter()
                    .map(|&(cause, count)| {
                        (cause_of(state, &mut paths, spinner.task, cause), count)
                    })
                    .collect(),
            });
            let spinners = spinners.collect();
            FailureKind::Livelock(Livelock { turns, watched, polled, spinners })
        }
        Breach::VirtualTime { limit } => {
            FailureKind::TimeLimit { limit, beyond: state.kernel.now(), tasks: Vec::new() }
        }
    }
}

fn cause_of(state: &State, paths: &mut Paths<'_>, woken: TaskKey, cause: Cause) -> String {
    match cause {
        Cause::Task(number) => match state.kernel.task_of_serial(number) {
            Some(key) if key == woken => "itself".to_owned(),
            Some(key) => paths.shown(key.slot),
            None => "a task that has ended".to_owned(),
        },
        Cause::Timer => "its timer".to_owned(),
        Cause::Settled => "the loop, as all others waited".to_owned(),
        Cause::Outside => "code outside the loop".to_owned(),
    }
}

/// Describes a run that would go, or went, past its limit on virtual time.
pub(super) fn time_limit(
    state: &State,
    breach: Breach,
    beyond: Instant,
    blocker: Option<TaskKey>,
) -> FailureKind {
    let Breach::VirtualTime { limit } = breach else { return self::breach(state, breach) };
    let is_due = |waiting: &kernel::Waiting| waiting.waits.contains(&kernel::Wait::Timer(beyond));
    let mut paths = Paths::new(&state.kernel);
    let tasks = match blocker {
        Some(blocker) => vec![paths.shown(blocker.slot)],
        None => state
            .kernel
            .waiting()
            .into_iter()
            .filter(is_due)
            .map(|waiting| paths.shown(waiting.task.slot))
            .collect(),
    };
    FailureKind::TimeLimit { limit, beyond, tasks }
}

/// Describes where a schedule no longer fits.
pub(super) fn divergence(state: &State, divergence: Divergence) -> FailureKind {
    let kernel = &state.kernel;
    let ready = (0..kernel.ready_len()).filter_map(|index| kernel.ready_task(index));
    let mut paths = Paths::new(kernel);
    let Divergence { expected, alternatives } = divergence;
    FailureKind::ReplayDiverged(ReplayDivergence {
        turn: expected.turn,
        index: expected.index,
        alternatives: expected.alternatives,
        is_value: expected.place > 0,
        found: alternatives,
        ready: ready.map(|key| paths.shown(key.slot)).collect(),
    })
}

/// The tasks that are alive, daemons left out, in the order in which they were spawned.
pub(super) fn alive(state: &State) -> Vec<LeftTask> {
    let is_daemon = |key: &TaskKey| state.kernel.task(*key).is_some_and(|task| task.daemon);
    let alive = state.kernel.alive_in_spawn_order().into_iter();
    let mut paths = Paths::new(&state.kernel);
    alive.filter(|key| !is_daemon(key)).map(|key| left(state, &mut paths, key)).collect()
}

fn left(state: &State, paths: &mut Paths<'_>, key: TaskKey) -> LeftTask {
    let task = state.kernel.task(key).expect("the task is in the table");
    LeftTask::new(TaskId::new(task.serial), paths.shown(key.slot), task.site)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring_of(edges: &[(u32, u32)]) -> Vec<u32> {
        let key = |slot| TaskKey { slot, generation: 0 };
        let edges: Vec<_> = edges.iter().map(|&(from, to)| (key(from), key(to))).collect();
        ring(&edges).into_iter().map(|key| key.slot).collect()
    }

    #[test]
    fn s37_the_ring_told_is_the_one_with_the_earliest_task_and_starts_there() {
        assert_eq!(ring_of(&[]), []);
        assert_eq!(ring_of(&[(0, 1), (1, 2), (2, 9)]), []);
        assert_eq!(ring_of(&[(3, 3)]), [3], "a task that joins itself");
        assert_eq!(ring_of(&[(0, 2), (1, 3), (2, 1), (3, 2)]), [1, 3, 2], "0 is not in it");
        // 0 leads into the later ring; 4 leads into one that was walked before.
        assert_eq!(ring_of(&[(0, 5), (1, 2), (2, 1), (4, 2), (5, 6), (6, 5)]), [1, 2]);
        // Slots are reused, so they say nothing of who came first: the order of the edges does.
        assert_eq!(ring_of(&[(7, 3), (3, 5), (5, 7)]), [7, 3, 5]);
    }

    #[test]
    fn s37_a_ring_is_looked_for_in_time_that_does_not_explode() {
        // Each joins the previous one; with a walk from every task this took minutes.
        let edges: Vec<_> = (1..100_000).map(|task| (task, task - 1)).collect();
        assert_eq!(ring_of(&edges), []);
        let edges: Vec<_> = (0..100_000).map(|task| (task, (task + 1) % 100_000)).collect();
        assert_eq!(ring_of(&edges).len(), 100_000);
    }
}
