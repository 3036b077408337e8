//! All loops of the process, so that a waker on another thread finds its loop, or finds it gone.
//!
//! A loop has a number of 16 bits while it exists. What other threads do to its tasks arrives in its inbox.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::inbox::Inbox;
use crate::kernel::GENERATION_MAX;

/// The number of a loop of this process. Never shown: it depends on what else the process does.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct LoopId(pub(super) u16);

/// One run of a loop: a loop that has ended serves another run with the same number.
///
/// What holds an instant of a run, a sleep for one, means nothing in the next.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct RunId(u64);

impl RunId {
    /// No run: the upper bits of a number are never all ones.
    pub(crate) const NONE: RunId = RunId(u64::MAX);

    /// One word, because timers are made and dropped all the time: written in two pieces and read back as one
    /// it cost a ready timeout four times as much.
    #[inline]
    pub(super) fn new(loop_id: LoopId, run: u32) -> Self {
        RunId(u64::from(loop_id.0) << 32 | u64::from(run))
    }

    #[inline]
    pub(super) fn loop_id(self) -> LoopId {
        LoopId((self.0 >> 32) as u16)
    }

    /// The next run of the same loop.
    pub(super) fn next(self) -> Self {
        RunId::new(self.loop_id(), self.run().wrapping_add(1))
    }

    pub(super) fn run(self) -> u32 {
        self.0 as u32
    }
}

struct Registry {
    /// By loop number.
    places: Vec<Place>,
    /// Numbers to be used again once there is no new one, the one free for longest first. The later a number
    /// comes back, the fewer handles there are that remember its last loop.
    free: VecDeque<u16>,
}

#[derive(Debug, Default)]
struct Place {
    inbox: Option<Arc<Inbox>>,
    /// The first generation of task keys that no loop of this number has used, so that a waker that
    /// outlived its loop does not fit a task of the next one.
    generation: u32,
    /// Runs that loops of this number have seen; the next goes on counting.
    runs: u32,
}

static REGISTRY: Mutex<Registry> =
    Mutex::new(Registry { places: Vec::new(), free: VecDeque::new() });

/// Nothing under these locks can panic half way, so a poisoned one is as good as any.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A loop's entry.
pub(super) struct Claim {
    pub(super) id: LoopId,
    pub(super) inbox: Arc<Inbox>,
    pub(super) generation: u32,
    pub(super) runs: u32,
}

/// Enters a loop.
///
/// # Panics
///
/// With 65,536 loops in the process there is no number left.
pub(super) fn claim() -> Claim {
    let mut registry = lock(&REGISTRY);
    let number = match u16::try_from(registry.places.len()) {
        Ok(number) => {
            registry.places.push(Place::default());
            number
        }
        Err(_) => {
            let number = registry.free.pop_front();
            number.expect("a process holds at most 65536 loops at once, and all are in use")
        }
    };
    let inbox = Arc::new(Inbox::default());
    let place = &mut registry.places[usize::from(number)];
    place.inbox = Some(Arc::clone(&inbox));
    Claim { id: LoopId(number), inbox, generation: place.generation, runs: place.runs }
}

/// Removes a loop. `generation` is the first that none of its task keys has, `runs` the number of its runs.
pub(super) fn release(id: LoopId, generation: u32, runs: u32) {
    let mut registry = lock(&REGISTRY);
    let place = &mut registry.places[usize::from(id.0)];
    place.inbox = None;
    (place.generation, place.runs) = (generation, runs);
    // A number whose generations are used up is retired: 16 million runs of a task slot later.
    if generation < GENERATION_MAX {
        registry.free.push_back(id.0);
    }
}

/// Where to tell a loop of this number what another thread does; `None` if there is none.
pub(super) fn inbox(id: LoopId) -> Option<Arc<Inbox>> {
    lock(&REGISTRY).places.get(usize::from(id.0))?.inbox.clone()
}
