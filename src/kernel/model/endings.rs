//! What hangs on a task's end, in the model: its joiner, its group, those who watch, and tasks that linger until
//! others have ended (S19, S24 to S26).

use super::super::{
    Cause, Ending, Event, GroupKey, Join, Member, State, Target, TaskKey, WakerKey, WatcherKey,
};
use super::machine::{Machine, waker_unless};

/// A group that is open.
#[derive(Debug)]
pub(super) struct Group {
    key: GroupKey,
    /// Positions of tasks, each with its number. One that was told is gone.
    members: Vec<(usize, usize)>,
    waiter: Option<Target>,
}

/// How a task has ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    state: State,
    message: String,
}

impl Ended {
    fn new(ending: Ending<'_>) -> Ended {
        let (state, message) = match ending {
            Ending::Completed => (State::Completed, ""),
            Ending::Cancelled => (State::Cancelled, ""),
            Ending::Panicked(message) => (State::Panicked, message),
        };
        Ended { state, message: message.to_owned() }
    }
}

impl Machine {
    /// Ends a task, or lets it linger. Returns the first waker that is to be called for it.
    pub(super) fn finish(&mut self, key: TaskKey, ending: Ending<'_>) -> Option<WakerKey> {
        let place = self.find(key).filter(|&place| self.tasks[place].state.is_alive())?;
        let mut ended = Ended::new(ending);
        if self.is_closing {
            let before = self.tasks[place].kept.take();
            ended = before.filter(|kept| kept.state == State::Panicked).unwrap_or(ended);
        } else if self.has_heirs(place) {
            let task = &mut self.tasks[place];
            (task.state, task.woken, task.since) = (State::Lingering, false, self.now);
            task.kept = Some(ended);
            (self.running, self.cause) = (None, None);
            return None;
        }
        let mut next = Some((place, ended));
        while let Some((place, ended)) = next {
            self.end(place, &ended);
            next = self.released_by(place);
        }
        self.next_due()
    }

    fn end(&mut self, place: usize, ended: &Ended) {
        let event = match ended.state {
            State::Completed => Event::Completed,
            State::Cancelled => Event::Cancelled,
            _ => {
                let text = if self.log.is_on() { self.log.text(&ended.message) } else { 0 };
                Event::Panicked { text }
            }
        };
        self.record(Some(place), event);
        let number = self.serial(Some(place));
        self.cause = Some(Cause::Task(number));
        let task = &mut self.tasks[place];
        (task.state, task.woken) = (ended.state, false);
        task.ended = Some(self.endings);
        self.endings += 1;
        let group = self.groups.iter_mut().find(|group| group.has(place));
        let joiner = match group {
            Some(group) => group.waiter.take(),
            None => self.tasks[place].joiner.take(),
        };
        let key = self.tasks[place].key;
        let watchers = self.watchers.iter().filter(|&&(_, task, _)| task == key);
        let watchers: Vec<_> = watchers.map(|&(_, _, target)| target).collect();
        self.watchers.retain(|&(_, task, _)| task != key);
        for target in joiner.into_iter().chain(watchers) {
            if let Some(waker) = self.wake_target(target) {
                self.due.push((number, waker));
            }
        }
        self.running = None;
    }

    /// The next waker that the last ending is to call, on behalf of the task that ended.
    pub(super) fn next_due(&mut self) -> Option<WakerKey> {
        let due = (!self.due.is_empty()).then(|| self.due.remove(0));
        self.cause = due.map(|(number, _)| Cause::Task(number));
        due.map(|(_, waker)| waker)
    }

    // Joining alone and in groups: a task is in one of both at most.

    pub(super) fn join(&mut self, key: TaskKey, target: Target) -> Option<Join> {
        let place = self.find(key)?;
        if self.tasks[place].state.is_finished() {
            return Some(Join::Finished(self.tasks[place].state));
        }
        self.leave_groups(place);
        let replaced = self.tasks[place].joiner.replace(target);
        Some(Join::Waits { replaced: replaced.and_then(|old| waker_unless(old, target)) })
    }

    pub(super) fn leave_join(&mut self, key: TaskKey) -> Option<WakerKey> {
        let place = self.find(key)?;
        if !self.tasks[place].state.is_finished() {
            self.leave_groups(place);
        }
        waker_of(self.tasks[place].joiner.take()?)
    }

    fn leave_groups(&mut self, place: usize) {
        for group in &mut self.groups {
            group.members.retain(|&(member, _)| member != place);
        }
    }

    pub(super) fn open_group(&mut self, key: GroupKey) {
        self.groups.push(Group { key, members: Vec::new(), waiter: None });
    }

    fn group(&mut self, key: GroupKey) -> Option<&mut Group> {
        self.groups.iter_mut().find(|group| group.key == key)
    }

    pub(super) fn is_open(&self, key: GroupKey) -> bool {
        self.groups.iter().any(|group| group.key == key)
    }

    /// The group in which a task that is alive is.
    pub(super) fn member(&self, place: usize) -> Option<Member> {
        let group = self.groups.iter().find(|group| group.has(place))?;
        let &(_, number) = group.members.iter().find(|&&(member, _)| member == place)?;
        self.tasks[place].state.is_alive().then_some(Member { group: group.key, number })
    }

    pub(super) fn enroll(&mut self, key: TaskKey, member: Member) -> Option<WakerKey> {
        let place = self.find(key)?;
        let is_alive = self.tasks[place].state.is_alive();
        if is_alive {
            self.leave_groups(place);
        }
        if let Some(group) = self.group(member.group) {
            // One that has ended is told under the number that it was given last.
            group.members.retain(|&(other, _)| other != place);
            group.members.push((place, member.number));
        }
        if is_alive { waker_of(self.tasks[place].joiner.take()?) } else { None }
    }

    /// Of the members that have ended the one that did so first.
    pub(super) fn next_finished(&mut self, key: GroupKey) -> Option<usize> {
        let members = self.group(key)?.members.clone();
        let ended = |&(place, _): &(usize, usize)| self.tasks[place].ended;
        let told =
            members.into_iter().filter(|member| ended(member).is_some()).min_by_key(ended)?;
        self.group(key)?.members.retain(|&member| member != told);
        Some(told.1)
    }

    /// The waker that gives way to `target` in an open group.
    pub(super) fn wait_for_group(&mut self, key: GroupKey, target: Target) -> Option<WakerKey> {
        let replaced = self.group(key)?.waiter.replace(target)?;
        waker_unless(replaced, target)
    }

    pub(super) fn leave_group(&mut self, key: GroupKey) -> Option<WakerKey> {
        waker_of(self.group(key)?.waiter.take()?)
    }

    pub(super) fn close_group(&mut self, key: GroupKey) -> Option<WakerKey> {
        let waker = self.leave_group(key);
        self.groups.retain(|group| group.key != key);
        waker
    }

    // Watching, and lingering.

    pub(super) fn rewatch_end(
        &mut self,
        key: WatcherKey,
        target: Target,
    ) -> Option<Option<WakerKey>> {
        let watcher = self.watchers.iter_mut().find(|(watcher, ..)| *watcher == key)?;
        Some(waker_unless(std::mem::replace(&mut watcher.2, target), target))
    }

    pub(super) fn unwatch_end(&mut self, key: WatcherKey) -> Option<WakerKey> {
        let place = self.watchers.iter().position(|(watcher, ..)| *watcher == key)?;
        waker_of(self.watchers.remove(place).2)
    }

    pub(super) fn bequeath(&mut self, owner: TaskKey, heir: TaskKey) {
        let alive = |key| self.find(key).filter(|&place| self.tasks[place].state.is_alive());
        let (Some(owner), Some(heir)) = (alive(owner), alive(heir)) else { return };
        let is_taken = self.heirs.iter().any(|&(other, _)| other == heir);
        if owner != heir && !is_taken && !self.is_closing {
            self.heirs.push((heir, owner));
        }
    }

    fn has_heirs(&self, place: usize) -> bool {
        self.heirs.iter().any(|&(_, owner)| owner == place)
    }

    /// The task that has lingered for this one alone.
    fn released_by(&mut self, place: usize) -> Option<(usize, Ended)> {
        if self.is_closing {
            return None;
        }
        let found = self.heirs.iter().position(|&(heir, _)| heir == place)?;
        let (_, owner) = self.heirs.remove(found);
        if self.has_heirs(owner) {
            return None;
        }
        Some((owner, self.tasks[owner].kept.take()?))
    }

    /// The tasks whose ends a task waits for.
    pub(super) fn joined_by(&self, place: usize) -> Vec<TaskKey> {
        let is_own = |target: Target| self.owner(target) == Some(place);
        let is_waiter = |group: &&Group| group.waiter.is_some_and(is_own);
        let is_lingering = self.tasks[place].kept.is_some();
        let alone = (0..self.tasks.len()).filter(|&other| {
            self.tasks[other].run == self.run && self.tasks[other].joiner.is_some_and(is_own)
        });
        let members = self.groups.iter().filter(is_waiter).flat_map(|group| &group.members);
        let heirs = self.heirs.iter().filter(|&&(_, owner)| is_lingering && owner == place);
        let watched = self.watchers.iter().filter(|&&(_, _, target)| is_own(target));
        let by_place =
            alone.chain(members.map(|&(member, _)| member)).chain(heirs.map(|heir| heir.0));
        let alive = by_place.filter(|&place| self.tasks[place].state.is_alive());
        alive.map(|place| self.tasks[place].key).chain(watched.map(|watcher| watcher.1)).collect()
    }
}

impl Group {
    fn has(&self, place: usize) -> bool {
        self.members.iter().any(|&(member, _)| member == place)
    }
}

fn waker_of(target: Target) -> Option<WakerKey> {
    match target {
        Target::Waker(waker) => Some(waker),
        Target::Task(_) => None,
    }
}
