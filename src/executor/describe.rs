//! Turns what the kernel knows into failures that a reader understands: keys into paths, causes into words.

use super::core::{Panicked, State};
use crate::kernel::{self, Breach, Cause, Instant, Paths, TaskId, TaskKey};
use crate::policy::Divergence;
use crate::report::{
    Failure, FailureKind, Later, LeftTask, Livelock, Panic, PanicPlace, ReplayDivergence,
    Reproduction, Spinner,
};

/// Makes a failure of this instant.
pub(super) fn failure(state: &State, kind: FailureKind) -> Failure {
    let reproduction = match &kind {
        // Its choices do not bring a fault of the policy back, only the policy does.
        FailureKind::PolicyFault { policy, .. } => {
            let source = state.policy_source.as_ref().unwrap_or(policy);
            Reproduction { policy: Some(source.clone()), ..reproduction(state) }.line_with_policy()
        }
        // Told within the run itself, to the program: it must not see by this whether the run is a replay.
        FailureKind::NestedLoop { .. } => {
            Reproduction { replayed: None, ..reproduction(state) }.line()
        }
        _ => reproduction(state).line(),
    };
    Failure::new(kind, state.kernel.now(), state.kernel.turn(), reproduction)
}

/// Makes a failure of this instant whose kind is found out when somebody asks.
pub(super) fn failure_later(state: &State, kind: Later<FailureKind>) -> Failure {
    Failure::new(kind, state.kernel.now(), state.kernel.turn(), reproduction(state).line())
}

fn reproduction(state: &State) -> Reproduction {
    Reproduction {
        seed: state.seed,
        limits: *state.kernel.limits(),
        start_time: state.start_time,
        deny_leftovers: state.deny_leftovers,
        blocking_workers: state.workers.counts.workers,
        cores: state.workers.counts.cores,
        schedule: state.schedule.so_far(),
        replayed: state.replayed.clone(),
        policy: state.policy_source.clone(),
    }
}

/// Makes the failure of a panic that nobody took, at the instant at which it happened, of the texts that are kept of it.
pub(super) fn panicked(state: &State, panicked: &mut Panicked, is_root: bool) -> Failure {
    let kind = FailureKind::Panic(Panic {
        path: std::mem::take(&mut panicked.path),
        message: std::mem::take(&mut panicked.message),
        raised_at: panicked.raised_at.take(),
        place: if is_root { PanicPlace::Root } else { panicked.place },
        spawned_at: panicked.site,
    });
    Failure::new(kind, panicked.at, panicked.turn, reproduction(state).line())
}

/// Describes a limit that was reached, other than the one on virtual time.
pub(super) fn breach(state: &State, breach: Breach) -> FailureKind {
    match breach {
        Breach::Turns { limit } => FailureKind::TurnLimit { limit, alive: alive(state) },
        Breach::Livelock { turns, watched, polled, spinners } => {
            let mut paths = Paths::new(&state.kernel);
            let mut told = Vec::new();
            for spinner in &spinners {
                let path = paths.shown(spinner.task.slot());
                let mut woken_by = Vec::new();
                for &(cause, count) in &spinner.woken_by {
                    woken_by.push((cause_of(state, &mut paths, spinner.task, cause), count));
                }
                told.push(Spinner { path, polls: spinner.polls, woken_by });
            }
            FailureKind::Livelock(Livelock { turns, watched, polled, spinners: told })
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
            Some(key) => paths.shown(key.slot()),
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
    let mut paths = Paths::new(&state.kernel);
    let mut tasks = Vec::new();
    if let Some(blocker) = blocker {
        tasks.push(paths.shown(blocker.slot()));
    } else {
        for waiting in &state.kernel.waiting() {
            if waiting.waits.contains(&kernel::Wait::Timer(beyond)) {
                tasks.push(paths.shown(waiting.task.slot()));
            }
        }
    }
    FailureKind::TimeLimit { limit, beyond, tasks }
}

/// Describes where a schedule no longer fits.
pub(super) fn divergence(state: &State, divergence: Divergence) -> FailureKind {
    let kernel = &state.kernel;
    let (mut paths, mut ready) = (Paths::new(kernel), Vec::new());
    for index in 0..kernel.ready_len() {
        if let Some(key) = kernel.ready_task(index) {
            ready.push(paths.shown(key.slot()));
        }
    }
    let Divergence { expected, alternatives } = divergence;
    FailureKind::ReplayDiverged(ReplayDivergence {
        turn: expected.turn,
        index: expected.index,
        alternatives: expected.alternatives,
        is_value: expected.place > 0,
        injection: expected.injection(),
        found: alternatives,
        ready,
    })
}

/// The tasks that are alive, daemons left out, in the order in which they were spawned.
pub(super) fn alive(state: &State) -> Vec<LeftTask> {
    let (mut paths, mut alive) = (Paths::new(&state.kernel), Vec::new());
    for &key in &state.kernel.alive_in_spawn_order() {
        if !state.kernel.task(key).is_some_and(|task| task.is_daemon()) {
            alive.push(left(state, &mut paths, key));
        }
    }
    alive
}

fn left(state: &State, paths: &mut Paths<'_>, key: TaskKey) -> LeftTask {
    let task = state.kernel.task(key).expect("the task is in the table");
    LeftTask::new(TaskId::new(task.serial), paths.shown(key.slot()), task.site)
}
