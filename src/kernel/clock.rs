//! Time: timers, jumps of the clock, blocking, and waiting for everybody else to wait.

use std::time::Duration;

use super::access::{Access, Object};
use super::event::{Cause, Event, NO_TASK};
use super::instant::Instant;
use super::key::{StoredTarget, Target, TaskKey, WakerKey};
use super::ordered::number_keys;
use super::timers::TimerKey;
use super::{Kernel, OpenWait, Registration, handed_back, serial};

/// Names one wait for the others to wait.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct SettleKey(u64);

number_keys!(SettleKey);

impl Kernel {
    /// Registers a timer that wakes `target` at `deadline`. One for `NEVER` only marks who waits (S6).
    #[inline(always)]
    pub(crate) fn register(&mut self, deadline: Instant, target: Target) -> TimerKey {
        let holds = self.holds(deadline.is_never(), target);
        self.timers_holding += usize::from(holds);
        let key = self.timers.insert(deadline, Registration::new(target, holds));
        if self.is_observed {
            self.note_registered(key, target, deadline);
        }
        key
    }

    #[cold]
    #[inline(never)]
    fn note_registered(&mut self, key: TimerKey, target: Target, deadline: Instant) {
        if self.log.is_on() {
            self.timers.note(key, deadline);
            self.write_timer(target, Event::TimerRegistered { deadline });
        }
        self.note_access(Access::Beside);
    }

    /// Says whether such a timer keeps a blocked run alive (S6, S37).
    #[inline]
    fn holds(&self, is_parked: bool, target: Target) -> bool {
        let is_daemons = self.tasks.has_daemons() && self.is_of_daemon(target);
        !is_parked && !is_daemons
    }

    #[inline(never)]
    fn is_of_daemon(&self, target: Target) -> bool {
        let owner = self.owner(target).and_then(|key| self.tasks.get(key));
        owner.is_some_and(|task| task.is_daemon())
    }

    /// Makes a registered timer wake `target` instead. Its place in the order stays (S7).
    ///
    /// The waker it was to wake before is handed back.
    #[inline]
    pub(crate) fn retarget(&mut self, key: TimerKey, target: Target) -> Option<WakerKey> {
        if self.is_observed {
            self.note_access(Access::Beside);
        }
        let registration = self.timers.get(key)?;
        let replaced = registration.target();
        if replaced == target {
            return None;
        }
        // A sleep may move from a daemon to another task, which a run has to wait for (S37).
        let holds = self.holds(self.timers.is_parked(key), target);
        self.timers_holding =
            self.timers_holding - usize::from(registration.holds()) + usize::from(holds);
        *self.timers.get_mut(key)? = Registration::new(target, holds);
        if let Some(deadline) = self.timers.deadline(key) {
            self.move_timer(replaced, target, deadline);
        }
        handed_back(Some(replaced), target)
    }

    /// The same for a task's own waker in place of another such. `Err` where a waker would be handed back:
    /// then nothing has changed.
    pub(crate) fn retarget_own(&mut self, key: TimerKey, target: Target) -> Result<(), ()> {
        match self.timers.get(key).map(Registration::target) {
            Some(Target::Waker(_)) => Err(()),
            _ => {
                self.retarget(key, target);
                Ok(())
            }
        }
    }

    /// Says whether a timer has neither fired nor been cancelled.
    #[inline]
    pub(crate) fn is_registered(&self, key: TimerKey) -> bool {
        self.timers.get(key).is_some()
    }

    /// Removes a timer at once (S8) and returns what it was to wake; `None` if it has fired.
    pub(crate) fn cancel(&mut self, key: TimerKey) -> Option<Target> {
        self.cancel_stored(key).map(StoredTarget::get)
    }

    #[inline(always)]
    pub(crate) fn cancel_stored(&mut self, key: TimerKey) -> Option<StoredTarget> {
        let registration = self.timers.cancel(key)?;
        self.timers_holding -= usize::from(registration.holds());
        self.counters.timers_cancelled += 1;
        if self.log.is_on() {
            self.write_cancelled(key, registration.target());
        }
        Some(registration.0)
    }

    /// The earliest deadline of all timers.
    #[inline]
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    /// Says whether a timer exists that keeps a blocked run alive (S37).
    pub(crate) fn has_holding_timer(&self) -> bool {
        self.timers_holding > 0
    }

    /// Moves the clock on to `to` (S3). Timers due by then fire by [`fire_due`](Self::fire_due).
    #[inline]
    pub(crate) fn jump(&mut self, to: Instant) {
        debug_assert!(to >= self.now, "time does not run backwards");
        if to > self.now {
            let from = std::mem::replace(&mut self.now, to);
            self.counters.jumps += 1;
            self.begin_instant();
            self.record(NO_TASK, Event::Jumped { from });
        }
        if self.is_observed {
            self.note_access(Access::Barrier);
        }
    }

    /// Moves the clock in the middle of a poll, as blocking code would (S9).
    pub(crate) fn block_for(&mut self, duration: Duration) {
        // The last instant before `NEVER` is as far as a clock goes.
        let to = (self.now + duration).min(Instant::from_nanos(u64::MAX - 1));
        if to > self.now {
            let from = std::mem::replace(&mut self.now, to);
            self.is_late = true;
            self.begin_instant();
            self.record(self.running_serial(), Event::Blocked { from });
            self.note_access(Access::Write(Object::Loop));
        }
    }

    /// Says whether the clock moved during the present poll, so that timers may be overdue.
    pub(crate) fn is_late(&self) -> bool {
        self.is_late
    }

    /// Says whether the clock moved during the poll that just ended, and forgets it.
    pub(crate) fn take_late(&mut self) -> bool {
        std::mem::take(&mut self.is_late)
    }

    /// Visits the tasks that timers wake next, as far as they still exist, once after each time that the queue has sorted out some more.
    #[inline]
    pub(crate) fn take_upcoming(&mut self) -> Option<impl Iterator<Item = TaskKey>> {
        let (timers, tasks) = (&mut self.timers, &self.tasks);
        let upcoming = timers.take_upcoming()?;
        Some(upcoming.filter_map(|registration| match registration.target() {
            // A task may lie in two lines of the cache, so its first and its last field are looked at.
            Target::Task(key) => {
                tasks.get(key).filter(|task| task.index() != u32::MAX).map(|_| key)
            }
            Target::Waker(_) => None,
        }))
    }

    /// Fires all timers that are due, in order of deadline and registration (S7).
    ///
    /// Tasks become ready at once. A waker that is not a task's own is handed back: call it, then come again
    /// until there is none.
    #[inline]
    pub(crate) fn fire_due(&mut self) -> Option<WakerKey> {
        self.ambient = Cause::Timer;
        while let Some((deadline, registration)) = self.timers.pop_due(self.now) {
            self.timers_holding -= usize::from(registration.holds());
            self.counters.timers_fired += 1;
            if self.log.is_on() {
                self.write_timer(registration.target(), Event::TimerFired { deadline });
            }
            match registration.target() {
                Target::Task(task) => self.wake(task),
                Target::Waker(waker) => return Some(waker),
            }
        }
        self.ambient = Cause::Outside;
        None
    }

    #[cold]
    fn write_cancelled(&mut self, key: TimerKey, target: Target) {
        if let Some(deadline) = self.timers.deadline(key) {
            self.write_timer(target, Event::TimerCancelled { deadline });
        }
    }

    /// Records a timer's event for the task that waits behind it. Waiting for ever is no timer (S6).
    #[cold]
    fn write_timer(&mut self, target: Target, event: Event) {
        match event {
            Event::TimerRegistered { deadline } => self.open_timer(target, deadline),
            Event::TimerFired { deadline } | Event::TimerCancelled { deadline } => {
                self.close_timer(target, deadline);
            }
            _ => {}
        }
        let is_never = matches!(
            event,
            Event::TimerRegistered { deadline } | Event::TimerCancelled { deadline } if deadline.is_never()
        );
        if !is_never {
            let owner = self.owner(target).and_then(|key| self.tasks.get(key));
            let task = owner.map_or(NO_TASK, serial);
            self.record(task, event);
        }
    }

    /// Registers a wait until every other task waits (S10a).
    pub(crate) fn settle(&mut self, target: Target) -> SettleKey {
        let key = SettleKey(self.settles);
        self.settles += 1;
        self.note_access(Access::Write(Object::Settlers));
        self.settlers.insert(key, target);
        if self.is_observed {
            self.open_wait(target, OpenWait::Settle);
        }
        key
    }

    /// Says whether a settler still waits, and makes it wake `target`; a replaced waker is handed back.
    pub(crate) fn resettle(&mut self, key: SettleKey, target: Target) -> Option<Option<WakerKey>> {
        let replaced = std::mem::replace(self.settlers.get_mut(key)?, target);
        if self.is_observed {
            self.move_wait(Some(replaced), target, OpenWait::Settle);
        }
        Some(handed_back(Some(replaced), target))
    }

    /// Withdraws a settler and returns what it was to wake; `None` if it has been woken.
    pub(crate) fn unsettle(&mut self, key: SettleKey) -> Option<Target> {
        self.note_access(Access::Write(Object::Settlers));
        let target = self.settlers.remove(key)?;
        if self.is_observed {
            self.close_wait(target, OpenWait::Settle);
        }
        Some(target)
    }

    pub(crate) fn has_settler(&self) -> bool {
        !self.settlers.is_empty()
    }

    /// Wakes the settler that has waited longest. One at a time: what the first one does may make others
    /// run, and the second one's promise is that all wait.
    pub(crate) fn wake_settler(&mut self) -> Option<WakerKey> {
        let (first, _) = self.settlers.first()?;
        let target = self.settlers.remove(first)?;
        if self.is_observed {
            self.close_wait(target, OpenWait::Settle);
        }
        self.note_access(Access::Barrier);
        self.ambient = Cause::Settled;
        let waker = self.wake_target(target);
        if waker.is_none() {
            self.ambient = Cause::Outside;
        }
        waker
    }

    /// Ends the stretch in which a waker that was handed back was called.
    pub(crate) fn end_hand_back(&mut self) {
        self.ambient = Cause::Outside;
    }
}
