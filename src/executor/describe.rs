//! Turns what the kernel knows into failures that a reader understands: keys into paths, causes into words.

use super::core::{Panicked, State};
use crate::kernel::{self, Breach, Cause, Instant, TaskId, TaskKey};
use crate::policy::Divergence;
use crate::report::{
    Deadlock, Failure, FailureKind, LeftTask, Livelock, Panic, PanicPlace, ReplayDivergence,
    Reproduction, Spinner, Wait, WaitingTask,
};

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
    Reproduction { seed: state.seed, schedule: &state.schedule, replayed, policy }
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
    let describe = |waiting: &kernel::Waiting| {
        let task = kernel.task(waiting.task).expect("a waiting task is in the table");
        let mut waits: Vec<Wait> = waiting.waits.iter().map(|wait| wait_of(state, wait)).collect();
        if waits.is_empty() {
            let is_lost = !waiting.has_waker && !is_waker_shared;
            waits.push(if is_lost { Wait::Nothing } else { Wait::Foreign });
        }
        WaitingTask::new(left(state, waiting.task), waiting.since, waits, task.daemon)
    };
    FailureKind::Deadlock(Deadlock {
        waiting: waiting.iter().map(describe).collect(),
        cycle: ring(&joins).into_iter().map(|key| state.path(key)).collect(),
        has_daemon_timers: kernel.next_deadline().is_some(),
    })
}

fn wait_of(state: &State, wait: &kernel::Wait) -> Wait {
    match *wait {
        kernel::Wait::Join(other) => Wait::Join(state.path(other)),
        kernel::Wait::Timer(deadline) => Wait::Timer(deadline),
        kernel::Wait::Never => Wait::Never,
        kernel::Wait::Settle => Wait::Settle,
    }
}

/// Finds a ring among edges of which each task has at most one, starting from the earliest task in it.
fn ring(edges: &[(TaskKey, TaskKey)]) -> Vec<TaskKey> {
    let next = |task: TaskKey| edges.iter().find(|(from, _)| *from == task).map(|&(_, to)| to);
    for &(start, _) in edges {
        let walk = std::iter::successors(Some(start), |&task| next(task)).skip(1).take(edges.len());
        let walk: Vec<TaskKey> = walk.collect();
        if let Some(length) = walk.iter().position(|&task| task == start) {
            return std::iter::once(start).chain(walk.into_iter().take(length)).collect();
        }
    }
    Vec::new()
}

/// Describes a limit that was reached, other than the one on virtual time.
pub(super) fn breach(state: &State, breach: Breach) -> FailureKind {
    match breach {
        Breach::Turns { limit } => FailureKind::TurnLimit { limit, alive: alive(state) },
        Breach::Livelock { turns, watched, spinners } => {
            let spinners = spinners.into_iter().map(|spinner| Spinner {
                path: state.path(spinner.task),
                polls: spinner.polls,
                woken_by: spinner
                    .woken_by
                    .iter()
                    .map(|&(cause, count)| (cause_of(state, spinner.task, cause), count))
                    .collect(),
            });
            FailureKind::Livelock(Livelock { turns, watched, spinners: spinners.collect() })
        }
        Breach::VirtualTime { limit } => {
            FailureKind::TimeLimit { limit, beyond: state.kernel.now(), tasks: Vec::new() }
        }
    }
}

fn cause_of(state: &State, woken: TaskKey, cause: Cause) -> String {
    match cause {
        Cause::Task(number) => match state.kernel.task_of_serial(number) {
            Some(key) if key == woken => "itself".to_owned(),
            Some(key) => state.path(key),
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
    let tasks = match blocker {
        Some(blocker) => vec![state.path(blocker)],
        None => state
            .kernel
            .waiting()
            .into_iter()
            .filter(is_due)
            .map(|waiting| state.path(waiting.task))
            .collect(),
    };
    FailureKind::TimeLimit { limit, beyond, tasks }
}

/// Describes where a schedule no longer fits.
pub(super) fn divergence(state: &State, divergence: Divergence) -> FailureKind {
    let kernel = &state.kernel;
    let ready = (0..kernel.ready_len()).filter_map(|index| kernel.ready_task(index));
    let Divergence { expected, alternatives } = divergence;
    FailureKind::ReplayDiverged(ReplayDivergence {
        turn: expected.turn,
        index: expected.index,
        alternatives: expected.alternatives,
        is_value: expected.place > 0,
        found: alternatives,
        ready: ready.map(|key| state.path(key)).collect(),
    })
}

/// The tasks that are alive, daemons left out, in the order in which they were spawned.
pub(super) fn alive(state: &State) -> Vec<LeftTask> {
    let is_daemon = |key: &TaskKey| state.kernel.task(*key).is_some_and(|task| task.daemon);
    let alive = state.kernel.alive_in_spawn_order().into_iter();
    alive.filter(|key| !is_daemon(key)).map(|key| left(state, key)).collect()
}

fn left(state: &State, key: TaskKey) -> LeftTask {
    let task = state.kernel.task(key).expect("the task is in the table");
    LeftTask::new(TaskId::new(task.serial), state.path(key), task.site)
}
