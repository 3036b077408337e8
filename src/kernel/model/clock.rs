//! The model's time: timers, jumps, blocking, and settlers (S3, S6 to S10a, S37).

use std::time::Duration;

use super::super::{Cause, Event, Instant, SettleKey, Target, TimerKey, WakerKey};
use super::machine::{Machine, Timer, waker_unless};

impl Machine {
    /// A timer that the run waits for: one with an end, of a task that the run waits for.
    fn holds(&self, deadline: Instant, target: Target) -> bool {
        !deadline.is_never() && self.owner(target).is_none_or(|place| !self.tasks[place].daemon)
    }

    pub(super) fn register(&mut self, key: TimerKey, deadline: Instant, target: Target) {
        let holds = self.holds(deadline, target);
        self.timers.push(Timer { key, target, deadline, holds });
        self.record_timer(deadline, target, Event::TimerRegistered { deadline });
    }

    pub(super) fn retarget(&mut self, key: TimerKey, target: Target) -> Option<WakerKey> {
        let place = self.timers.iter().position(|timer| timer.key == key)?;
        let old = self.timers[place].target;
        if old != target {
            self.timers[place].holds = self.holds(self.timers[place].deadline, target);
            self.timers[place].target = target;
        }
        waker_unless(old, target)
    }

    pub(super) fn cancel(&mut self, key: TimerKey) -> Option<Target> {
        let place = self.timers.iter().position(|timer| timer.key == key)?;
        let Timer { deadline, target, .. } = self.timers.remove(place);
        self.counters.timers_cancelled += 1;
        self.record_timer(deadline, target, Event::TimerCancelled { deadline });
        Some(target)
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let deadlines = self.timers.iter().map(|timer| timer.deadline);
        deadlines.filter(|deadline| !deadline.is_never()).min()
    }

    pub(super) fn has_holding_timer(&self) -> bool {
        self.timers.iter().any(|timer| timer.holds)
    }

    pub(super) fn jump(&mut self, to: Instant) {
        if to > self.now {
            self.counters.jumps += 1;
            let from = std::mem::replace(&mut self.now, to);
            self.digest.mix_instant(to.as_nanos());
            self.record(None, Event::Jumped { from });
        }
    }

    pub(super) fn block_for(&mut self, duration: Duration) {
        let to = (self.now + duration).min(Instant::from_nanos(u64::MAX - 1));
        if to > self.now {
            self.is_late = true;
            let from = std::mem::replace(&mut self.now, to);
            self.digest.mix_instant(to.as_nanos());
            self.record(self.running, Event::Blocked { from });
        }
    }

    pub(super) fn take_late(&mut self) -> bool {
        std::mem::take(&mut self.is_late)
    }

    pub(super) fn fire_due(&mut self) -> Option<WakerKey> {
        self.cause = Some(Cause::Timer);
        loop {
            // Of equal deadlines the first in the list, which is the one registered first (S7).
            let next = self.timers.iter().enumerate().min_by_key(|(_, timer)| timer.deadline);
            let Some((place, _)) = next.filter(|(_, timer)| timer.deadline <= self.now) else {
                self.cause = None;
                return None;
            };
            let Timer { deadline, target, .. } = self.timers.remove(place);
            self.counters.timers_fired += 1;
            self.record_timer(deadline, target, Event::TimerFired { deadline });
            let waker = self.wake_target(target);
            if waker.is_some() {
                return waker;
            }
        }
    }

    pub(super) fn resettle(&mut self, key: SettleKey, target: Target) -> Option<Option<WakerKey>> {
        let place = self.settlers.iter().position(|&(other, _)| other == key)?;
        let old = std::mem::replace(&mut self.settlers[place].1, target);
        Some(waker_unless(old, target))
    }

    pub(super) fn unsettle(&mut self, key: SettleKey) -> Option<Target> {
        let place = self.settlers.iter().position(|&(other, _)| other == key)?;
        Some(self.settlers.remove(place).1)
    }

    pub(super) fn wake_settler(&mut self) -> Option<WakerKey> {
        if self.settlers.is_empty() {
            return None;
        }
        let (_, target) = self.settlers.remove(0);
        self.cause = Some(Cause::Settled);
        let waker = self.wake_target(target);
        self.cause = self.cause.filter(|_| waker.is_some());
        waker
    }

    pub(super) fn end_hand_back(&mut self) {
        if self.running.is_none() {
            self.cause = None;
        }
    }

    fn record_timer(&mut self, deadline: Instant, target: Target, event: Event) {
        if !deadline.is_never() {
            self.record(self.owner(target), event);
        }
    }
}
