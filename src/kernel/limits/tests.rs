//! Rules S38 and S39: where a run ends that goes too far.

use super::super::{NO_SLOT, Spawn, Turn};
use super::*;

fn kernel(limits: Limits, tasks: u32) -> Kernel {
    let mut kernel = Kernel::default();
    kernel.configure(limits, super::super::Level::Off);
    spawn(&mut kernel, tasks);
    kernel
}

#[track_caller]
fn spawn(kernel: &mut Kernel, tasks: u32) {
    let site = std::panic::Location::caller();
    for _ in 0..tasks {
        kernel.spawn(&Spawn {
            name: None,
            parent: NO_SLOT,
            daemon: false,
            has_handle: false,
            site,
        });
    }
}

/// Takes turns of tasks that do nothing but wake themselves, until a limit is reached.
fn turns_until_breach(kernel: &mut Kernel) -> (u64, Breach) {
    for turns in 0..1_000_000 {
        if let Err(breach) = yield_once(kernel) {
            return (turns, breach);
        }
    }
    panic!("no limit is reached in a million turns");
}

fn yield_once(kernel: &mut Kernel) -> Result<(), Breach> {
    turn(kernel, |kernel, task| kernel.wake(task))
}

fn turn(kernel: &mut Kernel, poll: impl FnOnce(&mut Kernel, TaskKey)) -> Result<(), Breach> {
    if kernel.is_limit_near() {
        kernel.check_limits()?;
    }
    let Turn { task, .. } = kernel.start(0).expect("a task is ready");
    poll(kernel, task);
    kernel.suspend(false);
    Ok(())
}

fn turns_allowed(turns_per_instant: u64, tasks: u32) -> u64 {
    let limits = Limits::new().turns_per_instant(turns_per_instant);
    let (turns, breach) = turns_until_breach(&mut kernel(limits, tasks));
    assert!(matches!(breach, Breach::Livelock { turns: told, .. } if told == turns));
    turns
}

#[test]
fn s38_a_livelock_is_called_after_exactly_the_turns_allowed() {
    for turns in [1, 2, 5, 999, 1_000, 1_001, 2_500] {
        assert_eq!(turns_allowed(turns, 3), turns);
    }
    assert_eq!(turns_allowed(0, 1), 1, "a limit of zero would refuse every program");
}

#[test]
fn s38_the_allowance_grows_in_proportion_beyond_a_thousand_tasks() {
    assert_eq!(turns_allowed(3_000, 1_000), 3_000);
    assert_eq!(turns_allowed(3_000, 1_001), 3_003);
    assert_eq!(turns_allowed(3_000, 2_500), 7_500);
}

#[test]
fn s38_tasks_spawned_meanwhile_raise_the_allowance() {
    let mut kernel = kernel(Limits::new().turns_per_instant(2_000), 1);
    for _ in 0..1_999 {
        yield_once(&mut kernel).unwrap();
    }
    spawn(&mut kernel, 1_999);
    assert_eq!(turns_until_breach(&mut kernel).0, 4_000 - 1_999);
}

#[test]
fn s38_a_thousand_tasks_that_yield_a_thousand_times_each_are_no_livelock() {
    let mut kernel = kernel(Limits::new(), 1_000);
    for _ in 0..1_000 * 1_000 {
        yield_once(&mut kernel).unwrap();
    }
}

#[test]
fn s38_spinners_name_who_woke_them() {
    let mut kernel = kernel(Limits::new().turns_per_instant(3_000), 3);
    let tasks: Vec<TaskKey> = (0..3).filter_map(|index| kernel.ready_task(index)).collect();
    let [ping, pong, bystander] = tasks[..] else { panic!("three tasks are ready") };
    let mut pong_polls = 0;
    let breach = loop {
        let poll = |kernel: &mut Kernel, task| {
            if task == ping {
                kernel.wake(pong);
            } else if task == pong {
                // Every third time it yields rather than pass on.
                pong_polls += 1;
                kernel.wake(if pong_polls % 3 == 0 { pong } else { ping });
            }
        };
        if let Err(breach) = turn(&mut kernel, poll) {
            break breach;
        }
    };
    let Breach::Livelock { turns: 3_000, watched: 1_000, polled: 2, spinners } = breach else {
        panic!("a livelock after 3000 turns, of which the last 1000 are watched: {breach:?}");
    };
    assert!(spinners.iter().all(|spinner| spinner.task != bystander), "it ran once, long before");
    let [first, second] = &spinners[..] else { panic!("ping and pong: {spinners:?}") };
    assert_eq!((first.task, second.task), (pong, ping), "the busiest comes first");
    assert_eq!((first.polls, second.polls), (600, 400));
    // Each poll has its wake, and the most frequent cause comes first.
    assert_eq!(first.woken_by, [(Cause::Task(0), 400), (Cause::Task(1), 200)]);
    assert_eq!(second.woken_by, [(Cause::Task(1), 400)]);
}

#[test]
fn s38_equally_busy_spinners_stand_in_the_order_of_spawning() {
    let (_, breach) = turns_until_breach(&mut kernel(Limits::new().turns_per_instant(3_000), 4));
    let Breach::Livelock { spinners, .. } = breach else { panic!("no livelock: {breach:?}") };
    let told: Vec<_> =
        spinners.iter().map(|spinner| (spinner.task.slot(), spinner.polls)).collect();
    assert_eq!(told, [(0, 250), (1, 250), (2, 250), (3, 250)]);
}

/// Takes `turns` turns of tasks that yield, then ends each at its turn until `left` are alive.
fn shrunk(limits: Limits, tasks: u32, turns: u64, left: u32) -> Kernel {
    let mut kernel = kernel(limits, tasks);
    for _ in 0..turns {
        yield_once(&mut kernel).unwrap();
    }
    for _ in left..tasks {
        let Turn { task, .. } = kernel.start(0).expect("a task is ready");
        kernel.finish(task, super::super::Ending::Completed);
    }
    kernel
}

#[test]
fn s38_a_livelock_after_most_tasks_have_ended_is_called_soon_and_names_who_is_left() {
    let limits = Limits::new().turns_per_instant(20_000);
    let mut kernel = shrunk(limits, 2_501, 8 * 2_501, 1);
    let (_, breach) = turns_until_breach(&mut kernel);
    // The first look is at 19,000, the next 20,000 turns later: one task is alive, and the watch begins.
    let Breach::Livelock { turns: 40_000, watched: 1_000, polled: 1, spinners } = breach else {
        panic!("a livelock that was watched: {breach:?}");
    };
    assert_eq!(spinners[0].polls, 1_000);
}

#[test]
fn s38_the_watch_is_kept_up_whole_wherever_the_allowance_shrinks() {
    for turns in [18_990, 19_000, 19_001, 19_500, 20_000, 20_001, 39_999, 49_000, 49_100, 50_000] {
        let limits = Limits::new().turns_per_instant(20_000);
        let mut kernel = shrunk(limits, 2_501, turns, 2);
        let (_, breach) = turns_until_breach(&mut kernel);
        let Breach::Livelock { turns: told, watched, polled, .. } = breach else {
            panic!("no livelock: {breach:?}");
        };
        assert!((1_000..=1_000 + 2_499).contains(&watched), "{turns}: {watched} watched");
        assert!(told <= turns.max(20_000) + 2_499 + 21_000, "{turns}: called at {told}");
        assert!(polled >= 2, "{turns}: both that are left were polled");
    }
}

#[test]
fn s38_no_livelock_is_called_before_those_who_are_left_have_had_their_turns() {
    let limits = Limits::new().turns_per_instant(3_000);
    for (before, after) in [(2_501, 1), (2_501, 1_500), (1, 2_501), (1_500, 2_501), (999, 1_001)] {
        for turns in [0, 1, 1_999, 2_000, 2_001, 3_000] {
            let mut kernel = shrunk(limits, before, turns, before.min(after));
            spawn(&mut kernel, after.saturating_sub(before));
            let (_, breach) = turns_until_breach(&mut kernel);
            let Breach::Livelock { turns: told, .. } = breach else { panic!("{breach:?}") };
            let allowed = limits.turns_allowed(after);
            assert!(told >= allowed, "{before} to {after} after {turns}: called at {told}");
        }
    }
}

#[test]
fn s38_of_many_spinners_the_busiest_are_told() {
    let (_, breach) = turns_until_breach(&mut kernel(Limits::new().turns_per_instant(3_000), 400));
    let Breach::Livelock { polled, spinners, .. } = breach else { panic!("{breach:?}") };
    assert_eq!((polled, spinners.len()), (400, 10));
    assert!(spinners.iter().all(|spinner| spinner.polls == 3));
}

#[test]
fn s38_a_jump_of_the_clock_begins_the_count_anew() {
    let mut kernel = kernel(Limits::new().turns_per_instant(1_500), 1);
    for second in 1..=3 {
        for _ in 0..1_500 {
            yield_once(&mut kernel).unwrap();
        }
        kernel.jump(Instant::ZERO + Duration::from_secs(second));
    }
    let (turns, breach) = turns_until_breach(&mut kernel);
    assert_eq!(turns, 1_500);
    // What was counted before the jump is void too.
    assert!(matches!(breach, Breach::Livelock { turns: 1_500, watched: 1_000, .. }));
}

#[test]
fn s38_blocking_moves_the_clock_and_begins_the_count_anew() {
    let mut kernel = kernel(Limits::new().turns_per_instant(100), 1);
    for _ in 0..10 {
        for _ in 0..99 {
            yield_once(&mut kernel).unwrap();
        }
        let block = |kernel: &mut Kernel, task| {
            kernel.wake(task);
            kernel.block_for(Duration::from_nanos(1));
        };
        turn(&mut kernel, block).unwrap();
    }
    // The turn that blocked belongs to the instant in which it began.
    assert_eq!(turns_until_breach(&mut kernel).0, 100);
}

#[test]
fn s39_the_limit_on_turns_is_exact() {
    for limit in [0, 1, 2, 1_000, 1_001] {
        let mut kernel = kernel(Limits::new().turns(limit), 2);
        assert_eq!(turns_until_breach(&mut kernel), (limit, Breach::Turns { limit }));
        assert_eq!(kernel.turn(), limit);
    }
}

#[test]
fn s39_the_limit_on_turns_counts_over_all_instants() {
    let mut kernel = kernel(Limits::new().turns(25).turns_per_instant(20), 1);
    for second in 1..=5 {
        for _ in 0..5 {
            yield_once(&mut kernel).unwrap();
        }
        kernel.jump(Instant::ZERO + Duration::from_secs(second));
    }
    assert_eq!(turns_until_breach(&mut kernel), (0, Breach::Turns { limit: 25 }));
}

#[test]
fn s39_the_clock_may_reach_the_limit_on_virtual_time_and_not_pass_it() {
    let limit = Duration::from_secs(60);
    let kernel = kernel(Limits::new().virtual_time(limit), 0);
    let last = Instant::ZERO + limit;
    assert_eq!(kernel.check_virtual_time(last), Ok(()));
    let passed = last + Duration::from_nanos(1);
    assert_eq!(kernel.check_virtual_time(passed), Err(Breach::VirtualTime { limit }));
}
