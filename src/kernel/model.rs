//! Random scripts, run by the kernel and by a model that scans vectors; both must agree after every step.
//!
//! The model knows the rules (S3, S6 to S10a, S16 to S21, S24 to S26, S37) and nothing of how the kernel keeps them.
//! What is compared is all that a shell could ask the kernel, and the log to the last entry.

mod clock;
mod compare;
mod endings;
mod machine;
mod pair;

use super::Level;
use pair::Pair;
use proptest::prelude::*;

/// One step of a script. Numbers choose among what there is; a step that makes no sense where the script
/// stands does the nearest that does.
#[derive(Clone, Debug)]
enum Op {
    Spawn {
        name: usize,
        parent: Option<usize>,
        daemon: bool,
        handle: bool,
        ready: bool,
    },
    Start(usize),
    Suspend,
    Finish(End),
    /// Moves the clock so many 255ths of the way to the next deadline.
    Advance(u8),
    Block(u64),
    Wake(usize),
    Abort(usize),
    Register(When, Whom),
    Retarget(usize, Whom),
    Cancel(usize),
    Rearm(usize, When),
    Join(usize, Whom),
    LeaveJoin(usize),
    Release(usize),
    CountWaker(usize, bool),
    Settle(Whom),
    Resettle(usize, Whom),
    Unsettle(usize),
    OpenGroup,
    /// A task, a group, and the number under which the group tells of it.
    Enroll(usize, usize, usize),
    PollGroup(usize, Whom),
    NextFinished(usize),
    LeaveGroup(usize),
    CloseGroup(usize),
    Watch(usize, Whom),
    Rewatch(usize, Whom),
    Unwatch(usize),
    /// Makes the end of the first wait for that of the second.
    Bequeath(usize, usize),
    Note,
    End,
    Reset,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Completed,
    Cancelled,
    Panicked,
}

#[derive(Clone, Copy, Debug)]
enum When {
    After(u64),
    Before(u64),
    NextDeadline,
    Never,
}

#[derive(Clone, Copy, Debug)]
enum Whom {
    Task(usize),
    Waker,
}

fn whom() -> impl Strategy<Value = Whom> {
    prop_oneof![3 => (0..64_usize).prop_map(Whom::Task), 1 => Just(Whom::Waker)]
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        6 => (0..6_u64).prop_map(When::After),
        2 => (0..u64::MAX).prop_map(When::After),
        2 => Just(When::NextDeadline),
        1 => (0..4_u64).prop_map(When::Before),
        1 => Just(When::Never),
    ]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![3 => Just(End::Completed), 1 => Just(End::Cancelled), 1 => Just(End::Panicked)]
}

fn spawn() -> impl Strategy<Value = Op> {
    let parent = prop::option::weighted(0.7, 0..64_usize);
    (0..4_usize, parent, any::<[bool; 4]>()).prop_map(|(name, parent, flags)| Op::Spawn {
        name,
        parent,
        daemon: flags[0] && flags[1],
        handle: flags[2],
        ready: flags[3] || flags[0],
    })
}

fn op() -> impl Strategy<Value = Op> {
    let number = || 0..64_usize;
    prop_oneof![
        10 => spawn(),
        16 => number().prop_map(Op::Start),
        12 => Just(Op::Suspend),
        6 => end().prop_map(Op::Finish),
        8 => prop_oneof![3 => Just(u8::MAX), 1 => any::<u8>()].prop_map(Op::Advance),
        3 => prop_oneof![3 => 0..6_u64, 1 => any::<u64>()].prop_map(Op::Block),
        10 => number().prop_map(Op::Wake),
        4 => number().prop_map(Op::Abort),
        10 => (when(), whom()).prop_map(|(when, whom)| Op::Register(when, whom)),
        4 => (number(), whom()).prop_map(|(timer, whom)| Op::Retarget(timer, whom)),
        4 => number().prop_map(Op::Cancel),
        3 => (number(), when()).prop_map(|(timer, when)| Op::Rearm(timer, when)),
        8 => (number(), whom()).prop_map(|(task, whom)| Op::Join(task, whom)),
        2 => number().prop_map(Op::LeaveJoin),
        6 => number().prop_map(Op::Release),
        4 => (number(), any::<bool>()).prop_map(|(task, is_clone)| Op::CountWaker(task, is_clone)),
        3 => whom().prop_map(Op::Settle),
        2 => (number(), whom()).prop_map(|(settler, whom)| Op::Resettle(settler, whom)),
        2 => number().prop_map(Op::Unsettle),
        20 => op_on_ends(),
        1 => Just(Op::Note),
        1 => Just(Op::End),
        1 => Just(Op::Reset),
    ]
}

/// What concerns groups, watchers and heirs.
fn op_on_ends() -> impl Strategy<Value = Op> {
    let number = || 0..64_usize;
    let pair = || (number(), number());
    prop_oneof![
        2 => Just(Op::OpenGroup),
        8 => (number(), 0..4_usize, number()).prop_map(|(task, group, n)| Op::Enroll(task, group, n)),
        5 => (0..4_usize, whom()).prop_map(|(group, whom)| Op::PollGroup(group, whom)),
        2 => (0..4_usize).prop_map(Op::NextFinished),
        1 => number().prop_map(Op::LeaveGroup),
        1 => number().prop_map(Op::CloseGroup),
        4 => (number(), whom()).prop_map(|(task, whom)| Op::Watch(task, whom)),
        2 => (number(), whom()).prop_map(|(watcher, whom)| Op::Rewatch(watcher, whom)),
        1 => number().prop_map(Op::Unwatch),
        5 => pair().prop_map(|(owner, heir)| Op::Bequeath(owner, heir)),
    ]
}

/// What it takes for many to end who are waited for.
fn op_of_endings() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => spawn(),
        3 => (0..64_usize).prop_map(Op::Start),
        6 => end().prop_map(Op::Finish),
        1 => (0..64_usize).prop_map(Op::Abort),
        1 => (0..64_usize, whom()).prop_map(|(task, whom)| Op::Join(task, whom)),
        8 => op_on_ends(),
    ]
}

fn script() -> impl Strategy<Value = Vec<Op>> {
    let of_all = prop::collection::vec(op(), 1..120);
    let of_endings = prop::collection::vec(op_of_endings(), 1..60);
    prop_oneof![2 => of_all, 1 => of_endings]
}

fn level() -> impl Strategy<Value = Level> {
    prop::sample::select(vec![Level::Off, Level::Tasks, Level::Full])
}

proptest! {
    #![proptest_config(ProptestConfig {
        // As with the timers' model: without optimisation most of a test run would be this, and both builds are run.
        cases: if cfg!(debug_assertions) { 500 } else { 2_000 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_kernel_agrees_with_a_model_that_scans_vectors(
        level in level(),
        script in script(),
    ) {
        let mut pair = Pair::new(level);
        for op in &script {
            pair.apply(op);
            pair.compare();
        }
        pair.compare_paths();
    }
}

// The smallest scripts in which kernel and model once disagreed.

fn agree(script: &[Op]) {
    let mut pair = Pair::new(Level::Full);
    for op in script {
        pair.apply(op);
        pair.compare();
    }
}

fn spawn_with(name: usize, daemon: bool) -> Op {
    Op::Spawn { name, parent: None, daemon, handle: true, ready: true }
}

/// The task that was spawned last, of those that are alive.
const LAST: usize = 1;

#[test]
fn s17_a_wake_in_the_last_poll_does_not_outlive_it() {
    agree(&[spawn_with(0, false), Op::Start(0), Op::Wake(LAST), Op::Finish(End::Completed)]);
}

#[test]
fn s17_a_task_that_joins_itself_is_not_woken_by_its_own_end() {
    let join = Op::Join(LAST, Whom::Task(LAST));
    agree(&[spawn_with(0, false), Op::Start(0), join, Op::Finish(End::Completed)]);
}

#[test]
fn s18_a_task_named_task_shares_its_name_with_the_unnamed() {
    agree(&[spawn_with(0, false), spawn_with(1, false)]);
}

#[test]
fn s21_a_task_that_is_dropped_as_the_run_ends_cannot_wake_itself() {
    agree(&[spawn_with(0, false), Op::End]);
}

#[test]
fn s21_as_the_run_ends_a_task_may_be_dropped_before_its_heir() {
    let before_last = 5;
    agree(&[spawn_with(0, false), spawn_with(0, false), Op::Bequeath(LAST, before_last), Op::End]);
}

#[test]
fn s37_a_timer_that_moves_from_a_daemon_to_another_task_holds_the_run() {
    let register = Op::Register(When::After(1), Whom::Task(LAST));
    let retarget = Op::Retarget(1, Whom::Task(LAST));
    agree(&[spawn_with(0, true), register, spawn_with(0, false), retarget]);
}

#[test]
fn a_settler_of_an_earlier_run_does_not_find_one_of_this_run() {
    agree(&[Op::Settle(Whom::Waker), Op::End, Op::Settle(Whom::Waker)]);
}

#[test]
fn a_joiner_behind_a_waker_is_woken_by_the_task_that_finished() {
    let join = Op::Join(LAST, Whom::Waker);
    let finish = Op::Finish(End::Completed);
    agree(&[spawn_with(0, false), spawn_with(0, false), Op::Start(0), join, Op::Start(0), finish]);
}
