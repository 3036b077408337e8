//! Kernel and model side by side, moved by the same operations as a shell would move the kernel.

mod endings;

use std::panic::Location;
use std::time::Duration;

use super::super::{
    Ending, GroupKey, Instant, Kernel, Level, Limits, NO_SLOT, SettleKey, Spawn, State, Suspension,
    Target, TaskKey, TimerKey, WakerKey, WatcherKey,
};
use super::machine::Machine;
use super::{End, Op, When, Whom};

const NAMES: [Option<&str>; 4] = [None, Some("task"), Some("worker"), Some("client")];

pub(super) struct Pair {
    pub(super) kernel: Kernel,
    pub(super) model: Machine,
    level: Level,
    /// The running task's future is being dropped, so its turn can only end with it.
    is_dropping: bool,
    /// Every timer ever registered, fired and cancelled ones and those of earlier runs too.
    pub(super) timers: Vec<TimerKey>,
    settlers: Vec<SettleKey>,
    groups: Vec<GroupKey>,
    watchers: Vec<WatcherKey>,
    /// How many tasks had come when paths were last compared: they change only with a spawn.
    pub(super) tasks_compared: usize,
}

impl Pair {
    pub(super) fn new(level: Level) -> Pair {
        let mut pair = Pair {
            kernel: Kernel::default(),
            model: Machine::default(),
            level,
            is_dropping: false,
            timers: Vec::new(),
            settlers: Vec::new(),
            groups: Vec::new(),
            watchers: Vec::new(),
            tasks_compared: 0,
        };
        pair.configure();
        pair
    }

    fn configure(&mut self) {
        self.kernel.configure(Limits::new(), self.level);
        self.model.log.level = self.level;
    }

    pub(super) fn apply(&mut self, op: &Op) {
        match *op {
            Op::Spawn { name, parent, daemon, handle, ready } => {
                let parent = parent.and_then(|number| self.task(number));
                self.spawn(NAMES[name], parent, daemon, handle, ready);
            }
            Op::Start(number) => self.start(number),
            Op::Suspend => self.go_on(),
            Op::Finish(end) => self.finish(end),
            Op::Advance(part) => self.advance(part),
            Op::Block(nanos) => self.block(nanos),
            Op::Register(when, whom) => {
                if let Some(target) = self.target(whom) {
                    self.register(when, target);
                }
            }
            Op::Retarget(number, whom) => self.retarget(number, whom),
            Op::Cancel(number) => {
                if let Some(target) = self.cancel(number) {
                    self.drop_target(target);
                }
            }
            Op::Rearm(number, when) => {
                if let Some(target) = self.cancel(number) {
                    self.register(when, target);
                }
            }
            Op::Join(number, whom) => self.join(number, whom),
            Op::Settle(whom) => self.settle(whom),
            Op::Resettle(number, whom) => self.resettle(number, whom),
            Op::Unsettle(number) => {
                if let Some(&key) = pick(&self.settlers, number) {
                    let target = self.kernel.unsettle(key);
                    assert_eq!(target, self.model.unsettle(key), "what a settler was to wake");
                    target.into_iter().for_each(|target| self.drop_target(target));
                }
            }
            Op::Note => {
                self.kernel.note("a line");
                self.model.note("a line");
            }
            Op::OpenGroup
            | Op::Enroll(..)
            | Op::PollGroup(..)
            | Op::NextFinished(_)
            | Op::LeaveGroup(_)
            | Op::CloseGroup(_)
            | Op::Watch(..)
            | Op::Rewatch(..)
            | Op::Unwatch(_)
            | Op::Bequeath(..) => self.apply_to_ends(op),
            Op::End => self.end(),
            Op::Reset => self.reset(),
            Op::Wake(number)
            | Op::Abort(number)
            | Op::LeaveJoin(number)
            | Op::Release(number)
            | Op::CountWaker(number, _) => {
                if let Some(key) = self.task(number) {
                    self.act_on(key, op);
                }
            }
        }
    }

    fn act_on(&mut self, key: TaskKey, op: &Op) {
        match *op {
            Op::Wake(_) => self.wake(key),
            Op::Abort(_) => {
                self.kernel.request_abort(key);
                self.model.request_abort(key);
            }
            Op::LeaveJoin(_) => {
                let waker = self.kernel.leave_join(key);
                assert_eq!(waker, self.model.leave_join(key), "the waker of a join that is left");
                self.drop_waker(waker);
            }
            Op::Release(_) => {
                self.kernel.release_handle(key);
                self.model.release_handle(key);
            }
            Op::CountWaker(_, is_clone) => {
                self.kernel.count_waker(key, is_clone);
                self.model.count_waker(key, is_clone);
            }
            _ => unreachable!("the others do not act on one task"),
        }
    }

    // Choosing what an operation is about.

    /// Mostly a task that is alive, sometimes any that ever was.
    fn task(&self, number: usize) -> Option<TaskKey> {
        let alive = self.model.alive_in_spawn_order();
        if number % 4 > 0 && !alive.is_empty() {
            return pick(&alive, number / 4).copied();
        }
        pick(&self.model.tasks, number / 4).map(|task| task.key)
    }

    fn target(&mut self, whom: Whom) -> Option<Target> {
        match whom {
            Whom::Task(number) => self.task(number).map(Target::Task),
            Whom::Waker => {
                let key = self.kernel.add_waker();
                self.model.add_waker(key);
                Some(Target::Waker(key))
            }
        }
    }

    fn instant(&self, when: When) -> Instant {
        let now = self.model.now.as_nanos();
        match when {
            When::After(nanos) => Instant::from_nanos(now.saturating_add(nanos)),
            When::Before(nanos) => Instant::from_nanos(now.saturating_sub(nanos)),
            When::NextDeadline => self.model.next_deadline().unwrap_or(self.model.now),
            When::Never => Instant::NEVER,
        }
    }

    // Turns.

    fn spawn(
        &mut self,
        name: Option<&str>,
        parent: Option<TaskKey>,
        daemon: bool,
        has_handle: bool,
        ready: bool,
    ) {
        let site = Location::caller();
        let parent = parent.filter(|&parent| self.kernel.task(parent).is_some());
        let slot = parent.map_or(NO_SLOT, TaskKey::slot);
        let spawn = Spawn { name, parent: slot, daemon, has_handle, site };
        if ready {
            let key = self.kernel.spawn(&spawn);
            self.model.spawn(&spawn, parent, key, State::Ready);
        } else {
            let key = self.kernel.spawn_suspended(&spawn);
            self.model.spawn(&spawn, parent, key, State::Suspended);
        }
    }

    fn start(&mut self, number: usize) {
        if self.model.running.is_some() {
            self.go_on();
        }
        let ready = self.model.ready.len();
        assert_eq!(self.kernel.start(ready), None, "there are only {ready} ready tasks");
        if ready == 0 {
            return self.advance(u8::MAX);
        }
        self.kernel.check_limits().expect("no script comes near a limit");
        let turn = self.kernel.start(number % ready);
        assert_eq!(turn, self.model.start(number % ready), "the turn");
        self.is_dropping = turn.is_some_and(|turn| turn.is_aborted);
    }

    /// Ends the poll under way as pending; with none, begins the next.
    fn go_on(&mut self) {
        if self.model.running.is_none() {
            return self.start(0);
        }
        if self.is_dropping {
            return self.finish(End::Cancelled);
        }
        let suspension = self.kernel.suspend(false);
        assert_eq!(suspension, self.model.suspend(), "what becomes of the task");
        match suspension {
            Suspension::Kept => self.fire_late(),
            Suspension::Aborted => self.finish(End::Cancelled),
        }
    }

    fn wake(&mut self, key: TaskKey) {
        self.kernel.wake(key);
        self.model.wake(key);
    }

    // Time.

    /// Moves the clock if nothing can run: to the next deadline, or a part of the way.
    fn advance(&mut self, part: u8) {
        if self.model.running.is_some() || !self.model.ready.is_empty() {
            return self.go_on();
        }
        if !self.model.settlers.is_empty() {
            let waker = self.kernel.wake_settler();
            assert_eq!(waker, self.model.wake_settler(), "the settler's waker");
            return self.call_waker(waker);
        }
        let now = self.model.now;
        // Without a timer to go to, `EventLoop::advance` still moves the clock, though never to `NEVER`.
        let last = Instant::from_nanos(u64::MAX - 1);
        let there =
            self.model.next_deadline().unwrap_or((now + Duration::from_nanos(10)).min(last));
        // A timer that was registered for the past is due at once.
        let way = there.duration_since(now).as_nanos() * u128::from(part) / u128::from(u8::MAX);
        let to = now + Duration::from_nanos(way as u64);
        self.kernel.jump(to);
        self.model.jump(to);
        self.fire_due();
    }

    fn block(&mut self, nanos: u64) {
        if self.model.running.is_some() {
            self.kernel.block_for(Duration::from_nanos(nanos));
            self.model.block_for(Duration::from_nanos(nanos));
        }
    }

    fn fire_late(&mut self) {
        let is_late = self.kernel.take_late();
        assert_eq!(is_late, self.model.take_late(), "whether the poll moved the clock");
        if is_late {
            self.fire_due();
        }
    }

    fn fire_due(&mut self) {
        loop {
            let waker = self.kernel.fire_due();
            assert_eq!(waker, self.model.fire_due(), "the waker that is due");
            let Some(waker) = waker else { return };
            let owner = self.take_waker(waker);
            owner.into_iter().for_each(|owner| self.wake(owner));
        }
    }

    fn register(&mut self, when: When, target: Target) {
        let deadline = self.instant(when);
        let key = self.kernel.register(deadline, target);
        assert!(!self.timers.contains(&key), "{key:?} was handed out twice");
        self.model.register(key, deadline, target);
        self.timers.push(key);
    }

    fn retarget(&mut self, number: usize, whom: Whom) {
        let Some(&key) = pick(&self.timers, number) else { return };
        let own = self.model.timers.iter().find(|timer| timer.key == key).map(|timer| timer.target);
        // Every second time the same target again, as when a future is polled once more.
        let target = if number % 2 == 0 { own } else { self.target(whom) };
        let Some(target) = target else { return };
        let replaced = self.kernel.retarget(key, target);
        assert_eq!(replaced, self.model.retarget(key, target), "the waker of a timer replaced");
        self.drop_waker(replaced);
        if own.is_none() {
            self.drop_target(target);
        }
    }

    fn cancel(&mut self, number: usize) -> Option<Target> {
        let &key = pick(&self.timers, number)?;
        let target = self.kernel.cancel(key);
        assert_eq!(target, self.model.cancel(key), "what a timer was to wake");
        target
    }

    fn settle(&mut self, whom: Whom) {
        let Some(target) = self.target(whom) else { return };
        let key = self.kernel.settle(target);
        assert!(!self.settlers.contains(&key), "{key:?} was handed out twice");
        self.model.settlers.push((key, target));
        self.settlers.push(key);
    }

    fn resettle(&mut self, number: usize, whom: Whom) {
        let Some(&key) = pick(&self.settlers, number) else { return };
        let Some(target) = self.target(whom) else { return };
        let replaced = self.kernel.resettle(key, target);
        assert_eq!(replaced, self.model.resettle(key, target), "the waker of a settler replaced");
        match replaced {
            Some(waker) => self.drop_waker(waker),
            None => self.drop_target(target),
        }
    }

    // Wakers: handed back, they are called or dropped as the shell would.

    fn call_waker(&mut self, waker: Option<WakerKey>) {
        self.wake_owner(waker);
        self.kernel.end_hand_back();
        self.model.end_hand_back();
    }

    fn wake_owner(&mut self, waker: Option<WakerKey>) {
        if let Some(owner) = waker.and_then(|waker| self.take_waker(waker)) {
            self.wake(owner);
        }
    }

    fn drop_waker(&mut self, waker: Option<WakerKey>) {
        if let Some(waker) = waker {
            self.take_waker(waker);
        }
    }

    fn drop_target(&mut self, target: Target) {
        if let Target::Waker(waker) = target {
            self.take_waker(waker);
        }
    }

    fn take_waker(&mut self, waker: WakerKey) -> Option<TaskKey> {
        self.kernel.remove_waker(waker);
        self.model.take_waker(waker)
    }

    // The end of a run.

    /// Drops what is alive, newest first, while the drops try to wake themselves and each other (S21).
    fn end(&mut self) {
        if self.model.running.is_some() {
            self.finish(End::Cancelled);
        }
        self.kernel.close();
        self.model.close();
        self.compare();
        let alive = self.model.alive_in_spawn_order();
        for &key in alive.iter().rev() {
            self.kernel.start_drop(key);
            self.model.start_drop(key);
            self.wake(key);
            self.wake(alive[0]);
            self.compare();
            self.finish_task(key, Ending::Cancelled);
            self.compare();
        }
        self.reset();
    }

    fn reset(&mut self) {
        assert!(self.kernel.restart(), "there are keys for many runs");
        self.kernel.reset_settings();
        self.model.reset();
        self.is_dropping = false;
        self.configure();
    }
}

/// One of the items, whatever the number; the latest for 0, because what is new is what most happens to.
fn pick<T>(items: &[T], number: usize) -> Option<&T> {
    items.iter().rev().nth(number.checked_rem(items.len())?)
}
