//! What is known of the poll that goes on in this thread, without a look at its loop.

use std::cell::Cell;

use crate::executor::registry::RunId;
use crate::executor::waker::{Address, PackedAddress};
use crate::kernel::{Instant, TaskKey};

thread_local! {
    static POLLED: Polled = const { Polled::nothing() };
}

/// What is known of this thread's running loop, and of the poll that goes on in it.
///
/// The commonest calls of a poll need no more: a task that wakes itself, and one that asks for the time. So
/// they are spared the look at the loop.
struct Polled {
    /// The task that is polled, if its waking itself may be noted here.
    address: Cell<PackedAddress>,
    /// It has woken itself. Not set between polls.
    is_woken: Cell<bool>,
    /// The run, or [`RunId::NONE`] when no loop runs, or `now` is not known.
    run: Cell<RunId>,
    now: Cell<Instant>,
}

impl Polled {
    const fn nothing() -> Self {
        Polled {
            address: Cell::new(PackedAddress::NOBODY),
            is_woken: Cell::new(false),
            run: Cell::new(RunId::NONE),
            now: Cell::new(Instant::ZERO),
        }
    }
}

/// A poll that goes on.
pub(in crate::executor) struct Polling;

impl Polling {
    /// Begins a task's poll. Where every wake is to be noted at its place among the events, the task's own
    /// are no exception.
    #[inline]
    pub(in crate::executor) fn begin(task: Address, is_observed: bool) -> Self {
        if !is_observed {
            POLLED.with(|polled| polled.address.set(task.pack()));
        }
        Polling
    }

    /// Ends it, and says whether the task has woken itself.
    #[inline]
    pub(in crate::executor) fn end(self) -> bool {
        POLLED.with(|polled| {
            polled.address.set(PackedAddress::NOBODY);
            let is_woken = polled.is_woken.get();
            if is_woken {
                polled.is_woken.set(false);
            }
            is_woken
        })
    }
}

/// While it lives, nothing is known of the loop that runs and the poll that goes on before, and whoever asks is sent to
/// the loop: because another loop is entered, or because a policy chooses, which may not use the loop at all.
pub(in crate::executor) struct HiddenPoll {
    address: PackedAddress,
    run: RunId,
    now: Instant,
}

impl HiddenPoll {
    pub(in crate::executor) fn begin() -> Self {
        POLLED.with(|polled| {
            let (address, run, now) = (polled.address.get(), polled.run.get(), polled.now.get());
            polled.address.set(PackedAddress::NOBODY);
            polled.run.set(RunId::NONE);
            HiddenPoll { address, run, now }
        })
    }
}

impl Drop for HiddenPoll {
    fn drop(&mut self) {
        POLLED.with(|polled| {
            polled.address.set(self.address);
            polled.run.set(self.run);
            polled.now.set(self.now);
        });
    }
}

/// Notes that a task woke itself. `false` if it is not the one being polled.
#[inline]
pub(in crate::executor) fn wake_own(task: PackedAddress) -> bool {
    POLLED.with(|polled| {
        let is_own = polled.address.get() == task;
        if is_own {
            polled.is_woken.set(true);
        }
        is_own
    })
}

/// The run and the present instant, if they are known without a look at the loop.
#[inline]
pub(in crate::executor) fn polled_now() -> Option<(RunId, Instant)> {
    POLLED.with(|polled| {
        let run = polled.run.get();
        (run != RunId::NONE).then(|| (run, polled.now.get()))
    })
}

/// The task whose poll goes on, with its run and the present instant, if they are known without a look at the
/// loop.
#[inline]
pub(in crate::executor) fn polled_task() -> Option<(RunId, TaskKey, Instant)> {
    POLLED.with(|polled| {
        let (address, run) = (polled.address.get(), polled.run.get());
        let is_known = address != PackedAddress::NOBODY && run != RunId::NONE;
        is_known.then(|| (run, address.unpack().task, polled.now.get()))
    })
}

/// The run of a task, if that is known without a look at the loop: its poll goes on.
#[inline]
pub(in crate::executor) fn run_of_polled(task: PackedAddress) -> Option<RunId> {
    POLLED.with(|polled| {
        let run = polled.run.get();
        (polled.address.get() == task && run != RunId::NONE).then_some(run)
    })
}

/// The running loop's run is at this instant.
#[inline]
pub(in crate::executor) fn know_now(run: RunId, now: Instant) {
    POLLED.with(|polled| {
        polled.run.set(run);
        polled.now.set(now);
    });
}

/// The clock has moved within the poll, or the loop is left: until more is known, the loop is asked.
pub(in crate::executor) fn forget_now() {
    POLLED.with(|polled| polled.run.set(RunId::NONE));
}
