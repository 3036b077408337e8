//! What each task waits for just now, kept only where the trace is to tell it (`Level::Full`).
//!
//! The tables say it as well (`waits`), but from the other end: a task knows who joins it. To ask them at each
//! suspension would be to walk over all tasks each time.

use std::collections::VecDeque;

use super::event::{Event, Level, NO_RESOURCE, NO_TASK, ResourceEntry, Waited, WantedEntry};
use super::groups::{GroupKey, Member};
use super::instant::Instant;
use super::key::{Target, TaskKey};
use super::ordered::{Key, Map, Set, Texts};
use super::tasks::{State, Task};
use super::{Kernel, serial};

/// Something that a task waits for, timers aside. What comes first here is told first.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OpenWait {
    /// What the number of the wanted says.
    Resource {
        wanted: u32,
    },
    /// The end of the task with this serial.
    Join(u32),
    /// The end of the next member of a group.
    Group(GroupKey),
    Settle,
    /// A resource around all that it does, such as a scope; told only where nothing else is known.
    Enclosing {
        wanted: u32,
    },
}

/// The kind, and what it is about.
impl Key for OpenWait {
    fn number(self) -> u128 {
        let (kind, what): (u32, u64) = match self {
            OpenWait::Resource { wanted } => (0, wanted.into()),
            OpenWait::Join(task) => (1, task.into()),
            OpenWait::Group(GroupKey(group)) => (2, group),
            OpenWait::Settle => (3, 0),
            OpenWait::Enclosing { wanted } => (4, wanted.into()),
        };
        (kind, what).number()
    }

    fn from_number(number: u128) -> Self {
        let (kind, what) = <(u32, u64)>::from_number(number);
        match kind {
            0 => OpenWait::Resource { wanted: what as u32 },
            1 => OpenWait::Join(what as u32),
            2 => OpenWait::Group(GroupKey(what)),
            3 => OpenWait::Settle,
            _ => OpenWait::Enclosing { wanted: what as u32 },
        }
    }
}

impl OpenWait {
    fn is_enclosing(self) -> bool {
        matches!(self, OpenWait::Enclosing { .. })
    }
}

/// The waits of one task. Equal ones are counted: a task may ask a queue for two items at once.
#[derive(Default)]
struct Open {
    timers: Map<Instant, u32>,
    timers_count: u32,
    waits: Map<OpenWait, u32>,
    waits_count: u32,
    /// The resource that has served it since it suspended.
    served_by: Option<u32>,
}

/// The numbers of what is wanted of resources.
#[derive(Default)]
struct Wants {
    texts: Texts,
    /// By the resource, and the texts before and after its name.
    numbers: Map<(u32, u32, u32), u32>,
}

#[derive(Default)]
pub(super) struct OpenWaits {
    /// By serial.
    tasks: Map<u32, Open>,
    /// The members of each group that have not ended, by serial.
    members: Map<GroupKey, Set<u32>>,
    /// Suspended tasks that have begun to wait for something else, through what others did.
    changed: VecDeque<TaskKey>,
    wanted: Wants,
}

fn count<K: Key>(counts: &mut Map<K, u32>, key: K) {
    *counts.get_or_default(key) += 1;
}

/// Says whether there was one to be counted out.
fn uncount<K: Key>(counts: &mut Map<K, u32>, key: K) -> bool {
    let Some(count) = counts.get_mut(key) else { return false };
    *count -= 1;
    if *count == 0 {
        counts.remove(key);
    }
    true
}

impl Kernel {
    /// Says whether the trace is to tell what tasks wait for.
    pub(crate) fn tells_waits(&self) -> bool {
        self.log.wants(Level::Full)
    }

    /// Gives a resource its number in this run.
    pub(crate) fn add_resource(&mut self, kind: &'static str, name: Option<&str>) -> u32 {
        self.log.resources.push(ResourceEntry { kind, name: name.map(Box::from) });
        (self.log.resources.len() - 1) as u32
    }

    /// Notes that a task stands in line for a resource, and returns the wait, to end it.
    pub(crate) fn stand_in_line(
        &mut self,
        task: TaskKey,
        wanted: WantedEntry,
        is_enclosing: bool,
    ) -> Option<OpenWait> {
        let open = self.open.as_deref_mut()?;
        let Wants { texts, numbers } = &mut open.wanted;
        let (before, after) = (texts.number(&wanted.before), texts.number(&wanted.after));
        let number = *numbers.get_or_insert_with((wanted.resource, before, after), || {
            self.log.wanted.push(wanted);
            (self.log.wanted.len() - 1) as u32
        });
        let wait = match is_enclosing {
            false => OpenWait::Resource { wanted: number },
            true => OpenWait::Enclosing { wanted: number },
        };
        self.open_wait(Target::Task(task), wait);
        Some(wait)
    }

    /// Notes that a task stands in line no longer, because it was served or went away.
    pub(crate) fn leave_line(&mut self, task: TaskKey, wait: OpenWait) {
        self.close_wait(Target::Task(task), wait);
        let Some(task) = self.tasks.get(task).filter(|task| task.state == State::Suspended) else {
            return;
        };
        let number = serial(task);
        let served_by = match wait {
            OpenWait::Resource { wanted } | OpenWait::Enclosing { wanted } => {
                Some(self.log.wanted[wanted as usize].resource)
            }
            _ => None,
        };
        if let Some(open) = self.open.as_mut().and_then(|open| open.tasks.get_mut(number)) {
            open.served_by = served_by;
        }
    }

    /// Notes that whoever is behind `target` waits for something.
    #[cold]
    pub(super) fn open_wait(&mut self, target: Target, wait: OpenWait) {
        let Some((number, open)) = self.opened(target) else { return };
        let task = open.tasks.get_or_default(number);
        count(&mut task.waits, wait);
        task.waits_count += u32::from(!wait.is_enclosing());
    }

    /// Notes that it waits for it no longer.
    #[cold]
    pub(super) fn close_wait(&mut self, target: Target, wait: OpenWait) {
        let Some(task) = self.closed(target) else { return };
        let is_closed = uncount(&mut task.waits, wait);
        task.waits_count -= u32::from(is_closed && !wait.is_enclosing());
    }

    pub(super) fn open_timer(&mut self, target: Target, deadline: Instant) {
        let Some((number, open)) = self.opened(target) else { return };
        let task = open.tasks.get_or_default(number);
        count(&mut task.timers, deadline);
        task.timers_count += 1;
    }

    pub(super) fn close_timer(&mut self, target: Target, deadline: Instant) {
        let Some(task) = self.closed(target) else { return };
        task.timers_count -= u32::from(uncount(&mut task.timers, deadline));
    }

    /// Moves a wait to another task, where it is one.
    #[cold]
    pub(super) fn move_wait(&mut self, from: Option<Target>, to: Target, wait: OpenWait) {
        let owner = from.map(|from| self.owner(from));
        if owner != Some(self.owner(to)) {
            if let Some(from) = from {
                self.close_wait(from, wait);
            }
            self.open_wait(to, wait);
        }
    }

    #[cold]
    pub(super) fn move_timer(&mut self, from: Target, to: Target, deadline: Instant) {
        if self.owner(from) != self.owner(to) {
            self.close_timer(from, deadline);
            self.open_timer(to, deadline);
        }
    }

    fn opened(&mut self, target: Target) -> Option<(u32, &mut OpenWaits)> {
        let open = self.open.as_deref_mut()?;
        let key = match target {
            Target::Task(key) => key,
            Target::Waker(waker) => self.wakers.owner(waker)?,
        };
        let task = self.tasks.get(key)?;
        if task.state == State::Suspended {
            open.changed.push_back(key);
        }
        Some((serial(task), open))
    }

    fn closed(&mut self, target: Target) -> Option<&mut Open> {
        let number = serial(self.tasks.get(self.owner(target)?)?);
        self.open.as_deref_mut()?.tasks.get_mut(number)
    }

    /// Notes that a task is a member of a group, and of none that it was in before.
    #[cold]
    pub(super) fn change_member(&mut self, number: u32, from: Option<Member>, to: Option<Member>) {
        let Some(open) = self.open.as_deref_mut() else { return };
        if let Some(members) = from.and_then(|from| open.members.get_mut(from.group)) {
            members.remove(number);
        }
        if let Some(to) = to {
            open.members.get_or_default(to.group).insert(number);
        }
    }

    #[cold]
    pub(super) fn forget_members(&mut self, group: GroupKey) {
        if let Some(open) = self.open.as_deref_mut() {
            open.members.remove(group);
        }
    }

    /// Notes that a task has ended: whoever joins it, alone or in a group, waits for it no longer.
    #[cold]
    pub(super) fn close_joins(
        &mut self,
        number: u32,
        member: Option<Member>,
        waiter: Option<Target>,
    ) {
        self.change_member(number, member, None);
        if let Some(waiter) = waiter {
            let wait =
                member.map_or(OpenWait::Join(number), |member| OpenWait::Group(member.group));
            self.close_wait(waiter, wait);
        }
        if let Some(open) = self.open.as_deref_mut() {
            open.tasks.remove(number);
        }
    }

    /// Takes the resource that has served a task that is woken.
    pub(super) fn take_served_by(&mut self, key: TaskKey) -> u32 {
        let number = serial(&self.tasks[key.slot()]);
        let open = self.open.as_deref_mut().and_then(|open| open.tasks.get_mut(number));
        open.and_then(|open| open.served_by.take()).unwrap_or(NO_RESOURCE)
    }

    /// Takes the next of the suspended tasks that have begun to wait for something else, through what others did.
    #[inline]
    pub(crate) fn next_changed(&mut self) -> Option<TaskKey> {
        self.open.as_deref_mut()?.changed.pop_front()
    }

    /// Whether a task has neither ended nor is about to run.
    #[inline]
    pub(crate) fn is_waiting(&self, key: TaskKey) -> bool {
        let waits = |task: &Task| matches!(task.state, State::Suspended | State::Lingering);
        self.tasks.get(key).is_some_and(waits)
    }

    /// What a waiting task waits for, as a record that does not know of holders yet, and the resource among it.
    pub(crate) fn open_waits(&self, key: TaskKey) -> Option<(Event, Option<u32>)> {
        let task = self.tasks.get(key)?;
        let waits = self.open.as_deref()?;
        let Some(open) = waits.tasks.get(serial(task)) else {
            let (what, deadline) = (Waited::Foreign, Instant::NEVER);
            return Some((Event::Waits { what, others: 0, deadline }, None));
        };
        let mut others = (open.waits_count + open.timers_count).saturating_sub(1);
        let deadline = open.timers.first().map(|(deadline, _)| deadline);
        if open.waits_count > 0 && deadline.is_some_and(|deadline| !deadline.is_never()) {
            // Told beside the other.
            others -= 1;
        }
        // More of its wakers are held than those of what encloses it: it waits for a future of its own.
        let mut wakers = 0;
        for count in open.waits.values() {
            wakers += count;
        }
        let is_alone = deadline.is_none() && u32::from(task.wakers) <= wakers;
        let mut told = None;
        for (wait, _) in open.waits.iter() {
            if !wait.is_enclosing() || is_alone {
                told = Some(wait);
                break;
            }
        }
        let (what, resource) = match told {
            Some(OpenWait::Resource { wanted } | OpenWait::Enclosing { wanted }) => {
                let resource = self.log.wanted[wanted as usize].resource;
                let what = Waited::Resource { wanted, holder: NO_TASK, holders_more: 0 };
                (what, Some(resource))
            }
            Some(OpenWait::Join(task)) => (Waited::Join { task }, None),
            Some(OpenWait::Group(group)) => {
                let members = waits.members.get(group);
                others += members.map_or(0, |members| members.len().saturating_sub(1) as u32);
                match members.and_then(Set::first) {
                    Some(task) => (Waited::Join { task }, None),
                    None => (Waited::Foreign, None),
                }
            }
            Some(OpenWait::Settle) => (Waited::Settle, None),
            None if deadline.is_some() => (Waited::Timer, None),
            None => (Waited::Foreign, None),
        };
        let others = u16::try_from(others).unwrap_or(u16::MAX);
        let deadline = deadline.unwrap_or(Instant::NEVER);
        Some((Event::Waits { what, others, deadline }, resource))
    }

    /// Records what a task waits for, and who holds it.
    pub(crate) fn note_waits(&mut self, key: TaskKey, waits: Event, holders: &[TaskKey]) {
        let Some(number) = self.tasks.get(key).map(serial) else { return };
        let (mut first, mut more) = (None, 0);
        for &holder in holders {
            if let Some(holder) = self.tasks.get(holder) {
                match first {
                    None => first = Some(serial(holder)),
                    Some(_) => more += 1,
                }
            }
        }
        let event = match (waits, first) {
            (
                Event::Waits { what: Waited::Resource { wanted, .. }, others, deadline },
                Some(holder),
            ) => {
                let holders_more = u16::try_from(more).unwrap_or(u16::MAX);
                let what = Waited::Resource { wanted, holder, holders_more };
                Event::Waits { what, others, deadline }
            }
            (waits, _) => waits,
        };
        self.record(number, event);
    }
}
