//! What tasks wait for besides timers and each other: locks, queues and the like, as reports see them.
//!
//! A primitive keeps its own waiters. It is listed here when the first of them waits, and asked when a report
//! is made; so waiting costs next to nothing, and what is told cannot differ from what is.

use std::panic::Location;
use std::sync::{Arc, Weak};
use std::task::Waker;

use super::context;
use super::core::State;
use super::registry::RunId;
use super::waker::{self, Address, PackedAddress};
use crate::kernel::{Instant, OpenWait, TaskKey, WantedEntry};
use crate::report::resource_label;

/// A task that waits for a resource or holds it, and since when.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Party {
    pub(super) run: RunId,
    pub(super) task: TaskKey,
    pub(super) since: Instant,
}

impl Party {
    /// The running task, as of now; `None` outside a task.
    #[inline]
    pub(crate) fn running() -> Option<Party> {
        match context::polled_task() {
            Some((run, task, since)) => Some(Party { run, task, since }),
            None => Party::looked_up(),
        }
    }

    #[cold]
    fn looked_up() -> Option<Party> {
        let core = context::try_current()?;
        let kernel = &core.state().kernel;
        Some(Party { run: core.run_id(), task: kernel.running()?, since: kernel.now() })
    }
}

/// A task that was given what others wait for.
#[derive(Clone, Copy)]
pub(crate) struct Holding {
    pub(crate) party: Party,
    /// Whether it was given a guard that can have gone to another task since: one that borrows nothing, or only
    /// from a static. Nobody is told of such a move, so all that is known is who took it.
    pub(crate) may_have_moved: bool,
}

impl From<Party> for Holding {
    fn from(party: Party) -> Holding {
        Holding { party, may_have_moved: false }
    }
}

/// A task that waits, or nobody. Two words, so that lines of waiters are short.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Whom {
    /// [`RunId::NONE`] for nobody.
    pub(super) run: RunId,
    pub(super) task: TaskKey,
}

impl Whom {
    pub(crate) const NOBODY: Whom = Whom { run: RunId::NONE, task: TaskKey::new(0, 0) };

    /// The running task; nobody outside a task.
    #[inline]
    pub(crate) fn running() -> Whom {
        Party::running().map_or(Whom::NOBODY, Whom::from)
    }

    /// The running task, if the waker is its own; so it can be woken by its number, and nothing need be cloned.
    #[inline]
    pub(crate) fn behind(waker: &Waker) -> Option<Whom> {
        let address = waker::address(waker)?;
        match context::run_of_polled(address) {
            Some(run) => Some(Whom { run, task: address.unpack().task }),
            None => Some(Whom::looked_up(address)).filter(|&whom| whom != Whom::NOBODY),
        }
    }

    /// The same where that is known without a look at the loop.
    #[inline]
    pub(crate) fn polled(waker: &Waker) -> Option<Whom> {
        let address = waker::address(waker)?;
        let run = context::run_of_polled(address)?;
        Some(Whom { run, task: address.unpack().task })
    }

    /// [`NOBODY`](Self::NOBODY) if it is not the running task: two words fit registers, an option of them does not.
    #[cold]
    #[inline(never)]
    fn looked_up(address: PackedAddress) -> Whom {
        let running = Whom::running();
        match running.address().pack() == address {
            true => running,
            false => Whom::NOBODY,
        }
    }

    /// Whether the waker is the task's own.
    #[inline]
    pub(crate) fn is_behind(self, waker: &Waker) -> bool {
        self != Whom::NOBODY && waker::address(waker) == Some(self.address().pack())
    }

    #[inline]
    pub(crate) fn is_of(self, run: RunId) -> bool {
        self.run == run
    }

    /// The task as of `since`; none if it is nobody.
    pub(crate) fn as_of(self, since: Instant) -> Option<Party> {
        let Whom { run, task } = self;
        (self != Whom::NOBODY).then_some(Party { run, task, since })
    }

    /// The task as of now, for one that is given what it has waited for.
    #[inline]
    pub(crate) fn as_of_now(self) -> Option<Party> {
        let Whom { run, task } = self;
        match context::polled_now() {
            _ if self == Whom::NOBODY => None,
            Some((_, since)) => Some(Party { run, task, since }),
            None => {
                let since = moment().map_or(Instant::ZERO, |(_, now)| now);
                Some(Party { run, task, since })
            }
        }
    }

    /// Wakes the task.
    #[inline]
    pub(crate) fn wake(self) {
        context::wake_waiting(self.address());
    }

    #[inline]
    fn address(self) -> Address {
        Address { loop_id: self.run.loop_id(), task: self.task }
    }
}

impl From<Party> for Whom {
    #[inline]
    fn from(Party { run, task, .. }: Party) -> Whom {
        Whom { run, task }
    }
}

/// The run that goes on now, and its present instant; `None` outside a loop.
#[inline]
pub(crate) fn moment() -> Option<(RunId, Instant)> {
    context::try_with(|core| (core.run_id(), core.state().kernel.now()))
}

/// The present instant of a run, also between its turns; `None` when it is over, and on another thread.
#[inline]
pub(crate) fn instant_of(run: RunId) -> Option<Instant> {
    context::with_run(run, |core| core.state().kernel.now())
}

/// What goes on now, for what belongs to a run from the start.
///
/// # Panics
///
/// Panics outside a loop, with advice (S22).
#[track_caller]
pub(crate) fn own_moment(what: &str) -> (RunId, Instant) {
    let core = context::current(what);
    (core.run_id(), core.state().kernel.now())
}

/// What tasks can wait for, as a report asks it.
///
/// Asked while the loop is borrowed, so an answer must not run foreign code.
pub(crate) trait Resource {
    fn describe(&self) -> Description;

    /// Those who have what the waiters want, where somebody can have it.
    fn holders(&self) -> Vec<Holding> {
        Vec::new()
    }
}

/// A resource at the moment of a report.
pub(crate) struct Description {
    /// What it is: `mutex`.
    pub(crate) kind: &'static str,
    pub(crate) name: Option<String>,
    pub(crate) made_at: &'static Location<'static>,
    /// Those who have what the waiters want. Empty when anybody might bring it.
    pub(crate) holders: Vec<Holding>,
    /// Whether somebody else than the holders might bring it as well.
    pub(crate) is_open: bool,
    /// Whether those who wait for it may wait for something else at the same time, from which it would tear
    /// them away.
    pub(crate) is_enclosing: bool,
    /// Who waits, in order of service.
    pub(crate) waiters: Vec<Waits>,
}

/// One who waits for a resource.
pub(crate) struct Waits {
    pub(crate) whom: Whom,
    /// Whether the resource holds a clone of the task's own waker, which is counted.
    pub(crate) has_waker: bool,
    pub(crate) wanted: Wanted,
}

impl Description {
    /// One that nobody has and nobody waits for.
    pub(crate) fn new(
        kind: &'static str,
        name: Option<&str>,
        made_at: &'static Location<'static>,
    ) -> Self {
        Description {
            kind,
            name: name.map(str::to_owned),
            made_at,
            holders: Vec::new(),
            is_open: false,
            is_enclosing: false,
            waiters: Vec::new(),
        }
    }

    /// The resource in words: kind and name.
    pub(super) fn label(&self) -> String {
        resource_label(self.kind, self.name.as_deref())
    }
}

/// What exactly a waiter wants, in words that stand before and after the name of the resource.
#[derive(Clone, Default)]
pub(crate) struct Wanted {
    /// For instance `an item of `.
    pub(crate) before: String,
    /// For instance ` (empty)`.
    pub(crate) after: String,
}

/// The resources in which somebody has waited, in the order in which that first happened.
#[derive(Default)]
pub(crate) struct Resources {
    list: Vec<Weak<dyn Resource>>,
    /// The length at which those that are gone are swept out.
    full: usize,
    /// Those of which the trace is to tell, by their numbers there.
    traced: Vec<Weak<dyn Resource>>,
}

impl Resources {
    fn add(&mut self, resource: Weak<dyn Resource>) {
        if self.list.len() >= self.full {
            self.list.retain(|resource| resource.strong_count() > 0);
            self.full = (2 * self.list.len()).max(64);
        }
        self.list.push(resource);
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.traced.clear();
    }

    /// Those that exist.
    pub(super) fn alive(&self) -> Vec<Arc<dyn Resource>> {
        let mut alive = Vec::new();
        for resource in &self.list {
            if let Some(resource) = resource.upgrade() {
                alive.push(resource);
            }
        }
        alive
    }

    /// Asks those that exist.
    pub(super) fn describe(&self) -> Vec<Description> {
        let mut descriptions = Vec::new();
        for resource in &self.list {
            if let Some(resource) = resource.upgrade() {
                descriptions.push(resource.describe());
            }
        }
        descriptions
    }
}

/// The run of the loop in which a resource has to be listed, if it is not `listed`.
#[inline]
pub(crate) fn unlisted_run(listed: RunId) -> Option<RunId> {
    Some(context::try_current()?.run_id()).filter(|&run| run != listed)
}

/// Lists a resource in the running loop, so that reports of this run ask it. Returns its number in the trace,
/// if that is to tell of it.
pub(crate) fn list(
    resource: Weak<dyn Resource>,
    kind: &'static str,
    name: Option<&str>,
) -> Option<u32> {
    let core = context::try_current()?;
    let State { resources, kernel, .. } = &mut *core.state();
    resources.add(Weak::clone(&resource));
    kernel.tells_waits().then(|| {
        resources.traced.push(resource);
        kernel.add_resource(kind, name)
    })
}

/// That somebody stands in line, where the trace is to tell it; dropped when it does so no longer.
#[derive(Debug, Default)]
pub(crate) struct Told(Option<Box<(Whom, OpenWait)>>);

impl Told {
    /// Notes that `whom` waits for the resource with this number.
    #[cold]
    pub(crate) fn new(resource: u32, whom: Whom, wanted: Wanted) -> Told {
        Told::of(resource, whom, wanted, false)
    }

    /// The same of what encloses what the task does, such as a scope: it is told where nothing else is known.
    #[cold]
    pub(crate) fn enclosing(resource: u32, whom: Whom, wanted: Wanted) -> Told {
        Told::of(resource, whom, wanted, true)
    }

    fn of(resource: u32, whom: Whom, wanted: Wanted, is_enclosing: bool) -> Told {
        let Wanted { before, after } = wanted;
        let wanted = WantedEntry { resource, before: before.into(), after: after.into() };
        if whom == Whom::NOBODY {
            return Told::default();
        }
        let wait = context::find_run(whom.run)
            .and_then(|core| core.state().kernel.stand_in_line(whom.task, wanted, is_enclosing));
        Told(wait.map(|wait| Box::new((whom, wait))))
    }
}

impl Told {
    #[inline]
    pub(crate) fn is_nothing(&self) -> bool {
        self.0.is_none()
    }

    #[cold]
    #[inline(never)]
    fn take_back(&mut self) {
        if let Some(told) = self.0.take() {
            let (whom, wait) = *told;
            if let Some(core) = context::find_run(whom.run) {
                core.state().kernel.leave_line(whom.task, wait);
            }
        }
    }
}

impl Drop for Told {
    #[inline]
    fn drop(&mut self) {
        if self.0.is_some() {
            self.take_back();
        }
    }
}

impl State {
    /// Has the trace tell what the task whose turn has ended waits for now, and others whose waits it changed.
    pub(super) fn tell_waits(&mut self, ended: TaskKey, run: RunId) {
        self.tell_waits_of(ended, run);
        let mut told = ended;
        while let Some(task) = self.kernel.next_changed() {
            if task != ended && task != told {
                self.tell_waits_of(task, run);
                told = task;
            }
        }
    }

    #[inline]
    fn tell_waits_of(&mut self, task: TaskKey, run: RunId) {
        if self.kernel.is_waiting(task) {
            self.tell_waiting(task, run);
        }
    }

    fn tell_waiting(&mut self, task: TaskKey, run: RunId) {
        let Some((waits, resource)) = self.kernel.open_waits(task) else { return };
        let traced = resource.and_then(|resource| self.resources.traced.get(resource as usize));
        let mut holders = Vec::new();
        if let Some(resource) = traced.and_then(Weak::upgrade) {
            for &Holding { party, may_have_moved } in &resource.holders() {
                if !may_have_moved && party.run == run {
                    holders.push(party.task);
                }
            }
        }
        self.kernel.note_waits(task, waits, &holders);
    }
}
