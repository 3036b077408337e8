//! What tells those who wait at a link that something arrives earlier than they were told.
//!
//! A transfer that is given up moves all that is behind it. To wake them all would make a thousand who give up one
//! after the other cost a million wakes; so each is told when what it waits for begins to be sent, which is before
//! it arrives. That instant is nobody's but the link's, hence the alarm: one timer for all of them.

use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};

use super::link::{Shared, State};
use crate::executor::{self, Timer};
use crate::kernel::Instant;
use crate::sync::wakes::Wakes;

/// Rings when the first frame begins to be sent of those whose instants are not reckoned.
pub(super) struct Alarm {
    timer: Timer,
    /// What the timer is set for.
    rings: Instant,
    waker: Waker,
}

/// Calls the link, if it is there: the alarm is part of it.
struct Bell(Weak<Shared>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let Some(shared) = self.0.upgrade() else { return };
        let mut state = shared.lock();
        let now = shared.now(&state);
        state.wire.advance(now);
        let wakes = shared.tell_earlier(&mut state);
        shared.set_alarm(&mut state);
        drop(state);
        wakes.wake();
    }
}

impl Alarm {
    pub(super) fn new(shared: &Weak<Shared>) -> Alarm {
        let (timer, _) = Timer::new("Link::new");
        let waker = Waker::from(Arc::new(Bell(Weak::clone(shared))));
        Alarm { timer, rings: Instant::NEVER, waker }
    }

    /// Sets it, or sees to it that it does not ring.
    fn set(&mut self, rings: Option<Instant>) {
        let Some(rings) = rings else { return self.timer.cancel() };
        if self.timer.is_registered() && rings == self.rings {
            return;
        }
        self.rings = rings;
        self.timer.set_for_nobody(rings, &self.waker);
    }
}

impl Shared {
    /// Takes out those to whom something comes earlier than they were told, as far as that is known by now.
    ///
    /// The link has been brought up to now.
    pub(super) fn tell_earlier(&self, state: &mut State) -> Wakes {
        if !self.is_running() {
            // No alarm can be set from here.
            state.wire.reckon_all();
        }
        let mut wakes = Wakes::default();
        for &id in &state.wire.take_earlier() {
            match state.wakees.remove(id) {
                Some(wakee) => wakes.push(wakee),
                None => state.wake_receiver_of(id, &mut wakes),
            }
        }
        wakes
    }

    /// Sees to it that the others are told in time. Only after [`tell_earlier`](Self::tell_earlier), for what it
    /// tells may be what the alarm was set for.
    pub(super) fn set_alarm(&self, state: &mut State) {
        if self.is_running() {
            let begins = state.awaited_beginning();
            state.alarm.set(begins);
        }
    }

    fn is_running(&self) -> bool {
        executor::moment().is_some_and(|(run, _)| run == self.run)
    }
}

impl State {
    /// When the first of those begins whose instants are not reckoned, if anybody waits behind that.
    fn awaited_beginning(&self) -> Option<Instant> {
        let (begins, first) = self.wire.unreckoned()?;
        let is_awaited = self.wakees.from(first).next().is_some()
            || self.channels.iter().any(|(channel, receiving)| {
                receiving.waiting.is_some() && self.wire.next_due(channel).is_some()
            });
        is_awaited.then_some(begins)
    }
}
