//! What else hangs on a task's end besides its join handle: those who watch for it, and tasks whose own end
//! is told only after it.
//!
//! Both are rare, so they stand in tables beside the tasks, and an ending that nobody watches looks at one
//! flag. A task that has *heirs*, tasks left behind by a group or a cleanup that was dropped in it, lingers:
//! it has ended, but its joiner is told once the last heir has ended too. That is how a drop, which cannot
//! wait, still keeps the promise that no task outlives its group (S25).

use std::collections::VecDeque;

use super::access::{Access, Object};
use super::joined::Joined;
use super::key::{Target, TaskKey, WakerKey};
use super::ordered::{Key, Map, Set};
use super::tasks::{State, TaskTable};
use super::{Cause, Ending, Kernel, NO_SLOT, NO_TASK, OpenWait, handed_back, serial};

/// Names somebody who watches for a task's end.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct WatcherKey {
    task: TaskKey,
    /// Counts up, over the runs too, so that watchers are woken in the order of their registration, and a
    /// key that outlives its watcher is harmless.
    number: u64,
}

/// By the task, and then in the order of registration.
impl Key for WatcherKey {
    fn number(self) -> u128 {
        (self.task, self.number).number()
    }

    fn from_number(number: u128) -> Self {
        let (task, number) = Key::from_number(number);
        WatcherKey { task, number }
    }
}

/// How a task ended that lingers.
enum Kept {
    Completed,
    Cancelled,
    Panicked(String),
}

impl Kept {
    fn new(ending: Ending<'_>) -> Kept {
        match ending {
            Ending::Completed => Kept::Completed,
            Ending::Cancelled => Kept::Cancelled,
            Ending::Panicked(message) => Kept::Panicked(message.to_owned()),
        }
    }

    fn ending(&self) -> Ending<'_> {
        match self {
            Kept::Completed => Ending::Completed,
            Kept::Cancelled => Ending::Cancelled,
            Kept::Panicked(message) => Ending::Panicked(message),
        }
    }
}

/// A task whose end waits for others.
#[derive(Default)]
struct Ancestor {
    /// Never empty: the entry goes with the last heir.
    heirs: Set<TaskKey>,
    /// How the task ended, once it has.
    kept: Option<Kept>,
}

#[derive(Default)]
pub(super) struct Ends {
    watchers: Map<WatcherKey, Target>,
    watched: u64,
    /// Each heir, with the task that waits for its end.
    heirs: Map<TaskKey, TaskKey>,
    ancestors: Map<TaskKey, Ancestor>,
    /// Wakers to be called, each on behalf of the task with that number.
    due: VecDeque<(u32, WakerKey)>,
}

impl Ends {
    /// Whether no end concerns anybody but the joiner.
    #[inline]
    pub(super) fn are_unwatched(&self) -> bool {
        self.watchers.is_empty() && self.heirs.is_empty()
    }

    /// Forgets those of a run, and goes on counting.
    #[inline]
    pub(super) fn clear(&mut self) {
        if !self.are_unwatched() || !self.due.is_empty() {
            self.clear_used();
        }
    }

    #[cold]
    fn clear_used(&mut self) {
        // Without heirs there are no ancestors.
        self.watchers.clear();
        self.heirs.clear();
        self.ancestors.clear();
        self.due.clear();
    }

    /// Who waits for the end of `task` to go on.
    pub(super) fn watchers(&self, task: TaskKey) -> impl Iterator<Item = Target> + '_ {
        let watchers = self.watchers.from(WatcherKey { task, number: 0 });
        watchers.take_while(move |(watcher, _)| watcher.task == task).map(|(_, &target)| target)
    }

    fn take_watchers(&mut self, task: TaskKey) -> Vec<Target> {
        let from = WatcherKey { task, number: 0 };
        let mut taken = Vec::new();
        loop {
            let next = self.watchers.from(from).next().map(|(watcher, &target)| (watcher, target));
            match next {
                Some((watcher, target)) if watcher.task == task => {
                    self.watchers.remove(watcher);
                    taken.push(target);
                }
                _ => return taken,
            }
        }
    }

    /// The task that has ended and lingers until `task` has ended too.
    pub(super) fn lingerer(&self, task: TaskKey) -> Option<TaskKey> {
        let owner = self.heirs.get(task)?;
        // As the run ends tasks are dropped in an order of their own, and an owner may go first.
        self.ancestors.get(*owner)?.kept.is_some().then_some(*owner)
    }

    pub(super) fn check(&self, tasks: &TaskTable, is_closing: bool) {
        let state = |key: TaskKey| tasks.get(key).map_or(State::Vacant, |task| task.state);
        for (watcher, _) in self.watchers.iter() {
            assert!(state(watcher.task).is_alive(), "{watcher:?} has not been told of an end");
        }
        if is_closing {
            // Tasks are dropped in their own order from here on, and leave their entries behind.
            return;
        }
        for (heir, &owner) in self.heirs.iter() {
            assert!(state(heir).is_alive(), "{owner:?} waits for {heir:?}, which has ended");
            let known = self.ancestors.get(owner).is_some_and(|known| known.heirs.contains(heir));
            assert!(known, "{owner:?} does not know {heir:?}");
        }
        let mut known = 0;
        for (owner, ancestor) in self.ancestors.iter() {
            known += ancestor.heirs.len();
            let is_lingering = state(owner) == State::Lingering;
            assert!(is_lingering == ancestor.kept.is_some(), "{owner:?} lingers or has not ended");
        }
        assert!(self.heirs.len() == known, "an owner has other heirs");
        for (key, task) in tasks.iter() {
            let is_owner = task.state != State::Lingering || self.ancestors.contains(key);
            assert!(is_owner, "{key:?} lingers for nobody");
        }
    }

    /// Notes that a task has ended. Returns the one that has lingered for it and need do so no longer.
    fn release(&mut self, task: TaskKey) -> Option<(TaskKey, Kept)> {
        let owner = self.heirs.remove(task)?;
        let ancestor = self.ancestors.get_mut(owner)?;
        ancestor.heirs.remove(task);
        if !ancestor.heirs.is_empty() {
            return None;
        }
        let kept = self.ancestors.remove(owner)?.kept?;
        Some((owner, kept))
    }
}

impl Kernel {
    /// Registers who is to be woken when a task has ended; `None` if it has.
    pub(crate) fn watch_end(&mut self, task: TaskKey, target: Target) -> Option<WatcherKey> {
        let watched = self.tasks.get(task).filter(|task| task.state.is_alive()).map(serial)?;
        let key = WatcherKey { task, number: self.ends.watched };
        self.ends.watched += 1;
        self.ends.watchers.insert(key, target);
        if self.is_observed {
            self.open_wait(target, OpenWait::Join(watched));
        }
        Some(key)
    }

    /// Says whether the end watched for is still to come, and makes it wake `target`; a replaced waker is
    /// handed back.
    pub(crate) fn rewatch_end(
        &mut self,
        key: WatcherKey,
        target: Target,
    ) -> Option<Option<WakerKey>> {
        let place = self.ends.watchers.get_mut(key)?;
        let replaced = std::mem::replace(place, target);
        if self.is_observed {
            self.move_wait(Some(replaced), target, self.wait_for_end(key.task));
        }
        Some(handed_back(Some(replaced), target))
    }

    /// Withdraws a watcher; a waker that is not a task's own is handed back.
    pub(crate) fn unwatch_end(&mut self, key: WatcherKey) -> Option<WakerKey> {
        let watcher = self.ends.watchers.remove(key)?;
        if self.is_observed {
            self.close_wait(watcher, self.wait_for_end(key.task));
        }
        match watcher {
            Target::Waker(waker) => Some(waker),
            Target::Task(_) => None,
        }
    }

    /// Makes the end of `owner` wait for that of `heir`: it is told to nobody before.
    ///
    /// Does nothing if either has ended, if the heir has an owner, and as the run ends.
    pub(crate) fn bequeath(&mut self, owner: TaskKey, heir: TaskKey) {
        let is_alive = |key| self.tasks.get(key).is_some_and(|task| task.state.is_alive());
        let is_free = owner != heir && !self.ends.heirs.contains(heir);
        if is_free && is_alive(owner) && is_alive(heir) && !self.is_closing {
            self.ends.heirs.insert(heir, owner);
            self.ends.ancestors.get_or_default(owner).heirs.insert(heir);
        }
    }

    /// Ends the running task, which has completed, if its end concerns nobody but who joins it, and its output is
    /// kept. Does nothing, and returns `None`, if [`finish`](Self::finish) has to look closer; else what that does.
    ///
    /// `is_woken` says that the task woke itself in its last poll.
    #[inline(always)]
    pub(crate) fn complete(&mut self, is_woken: bool) -> Option<Option<WakerKey>> {
        if self.is_observed | !self.ends.are_unwatched() {
            return None;
        }
        let (slot, order) = (self.running, self.endings);
        let was_woken = self.tasks[slot].is_woken();
        let joined = self.tasks.complete(slot, order)?;
        self.endings += 1;
        self.counters.wakes += u64::from(is_woken & !was_woken);
        self.running = NO_SLOT;
        let Some(joined) = joined else { return Some(None) };
        match joined.task() {
            Some(joiner) => {
                self.wake(joiner);
                Some(None)
            }
            None => Some(self.tell(joined, slot, order)),
        }
    }

    /// Tells a group, or a waker, that the task in the slot has completed.
    #[inline(never)]
    fn tell(&mut self, joined: Joined, slot: u32, order: u64) -> Option<WakerKey> {
        let target = match joined.get() {
            Ok(target) => target,
            Err(member) => self.groups.finish(member, order)?,
        };
        let waker = self.wake_target(target)?;
        self.ambient = Cause::Task(serial(&self.tasks[slot]));
        Some(waker)
    }

    /// Ends a task whose end may concern others than its joiner.
    ///
    /// Those who watch are woken in the order in which they registered, after the joiner. Tasks that have
    /// lingered for this one end as well, in a loop, because such chains may be long.
    #[cold]
    pub(super) fn finish_watched(&mut self, key: TaskKey, ending: Ending<'_>) -> Option<WakerKey> {
        let kept = self.linger(key, Kept::new(ending))?;
        let mut next = Some((key, kept));
        while let Some((key, kept)) = next {
            let Some(number) = self.tasks.get(key).map(serial) else { break };
            self.ambient = Cause::Task(number);
            let joiner = self.finish_one(key, kept.ending());
            let watchers = self.ends.take_watchers(key);
            if self.is_observed {
                for &watcher in &watchers {
                    self.close_wait(watcher, OpenWait::Join(number));
                }
                if let Some(&owner) = self.ends.heirs.get(key) {
                    self.close_wait(Target::Task(owner), OpenWait::Join(number));
                }
            }
            if let Some(waker) = joiner {
                self.ends.due.push_back((number, waker));
            }
            for &target in &watchers {
                if let Some(waker) = self.wake_target(target) {
                    self.ends.due.push_back((number, waker));
                }
            }
            // As the run ends every task that is left is dropped in its own time.
            next = if self.is_closing { None } else { self.ends.release(key) };
        }
        self.next_due()
    }

    /// Keeps a task from ending while it has heirs. Returns how it ends if it may.
    fn linger(&mut self, key: TaskKey, kept: Kept) -> Option<Kept> {
        if self.is_closing {
            // An output that was kept has been dropped by now, but a panic is not to be lost.
            let before = self.ends.ancestors.remove(key).and_then(|ancestor| ancestor.kept);
            let panicked = before.filter(|before| matches!(before, Kept::Panicked(_)));
            return Some(panicked.unwrap_or(kept));
        }
        let Some(ancestor) = self.ends.ancestors.get_mut(key) else { return Some(kept) };
        ancestor.kept = Some(kept);
        let mut heirs = Vec::new();
        for heir in ancestor.heirs.iter() {
            heirs.push(heir);
        }
        let number = self.tasks.get(key).map(serial)?;
        self.note_access(Access::Write(Object::End(number)));
        let now = self.now;
        let task = &mut self.tasks[key.slot()];
        task.state = State::Lingering;
        task.set_woken(false);
        task.set_since(now);
        self.running = NO_SLOT;
        if self.is_observed {
            for &heir in &heirs {
                self.open_wait(Target::Task(key), self.wait_for_end(heir));
            }
        }
        None
    }

    fn wait_for_end(&self, task: TaskKey) -> OpenWait {
        OpenWait::Join(self.tasks.get(task).map_or(NO_TASK, serial))
    }

    /// The next waker that the last ending is to call, and on whose behalf it is called.
    pub(crate) fn next_due(&mut self) -> Option<WakerKey> {
        let due = self.ends.due.pop_front();
        self.ambient = due.map_or(Cause::Outside, |(number, _)| Cause::Task(number));
        due.map(|(_, waker)| waker)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::Location;

    use super::super::{NO_SLOT, Spawn, Wait};
    use super::*;

    fn spawn(kernel: &mut Kernel) -> TaskKey {
        let site = Location::caller();
        kernel.spawn(&Spawn { name: None, parent: NO_SLOT, daemon: false, has_handle: true, site })
    }

    fn state(kernel: &Kernel, key: TaskKey) -> State {
        kernel.task(key).map_or(State::Vacant, |task| task.state)
    }

    /// Takes the turn of the ready task at `index`, which ends so.
    fn finish(kernel: &mut Kernel, index: usize, ending: Ending<'_>) -> Vec<WakerKey> {
        let turn = kernel.start(index).unwrap();
        let first = kernel.finish(turn.task, ending);
        let woken = first.into_iter().chain(std::iter::from_fn(|| kernel.next_due())).collect();
        kernel.end_hand_back();
        kernel.check();
        woken
    }

    #[test]
    fn watchers_are_woken_after_the_joiner_and_in_the_order_of_registration() {
        let mut kernel = Kernel::default();
        let task = spawn(&mut kernel);
        let [first, second, joiner] = std::array::from_fn(|_| kernel.add_waker());
        let one = kernel.watch_end(task, Target::Waker(second)).unwrap();
        let two = kernel.watch_end(task, Target::Waker(second)).unwrap();
        let gone = kernel.watch_end(task, Target::Waker(first)).unwrap();
        assert_eq!(kernel.rewatch_end(one, Target::Waker(first)), Some(Some(second)));
        assert_eq!(kernel.unwatch_end(gone), Some(first));
        kernel.join(task, Target::Waker(joiner));
        let woken = finish(&mut kernel, 0, Ending::Completed);
        assert_eq!(woken, [joiner, first, second]);
        assert_eq!(kernel.rewatch_end(two, Target::Waker(first)), None, "it has been told");
        assert_eq!(kernel.watch_end(task, Target::Waker(first)), None, "it has ended");
    }

    #[test]
    fn s25_a_task_with_heirs_ends_with_the_last_of_them_and_as_it_did() {
        let mut kernel = Kernel::default();
        let [owner, one, two] = std::array::from_fn(|_| spawn(&mut kernel));
        let joiner = kernel.add_waker();
        kernel.join(owner, Target::Waker(joiner));
        kernel.bequeath(owner, one);
        kernel.bequeath(owner, two);
        assert_eq!(finish(&mut kernel, 0, Ending::Panicked("broken")), []);
        assert_eq!(state(&kernel, owner), State::Lingering);
        let waits: Vec<_> = kernel.waiting().into_iter().map(|waiting| waiting.waits).collect();
        assert_eq!(
            waits,
            [[one, two].map(Wait::Join).to_vec()],
            "the report says what it waits for"
        );
        kernel.request_abort(owner);
        kernel.wake(owner);
        assert_eq!(kernel.ready_len(), 2, "it is not run again");
        assert_eq!(finish(&mut kernel, 0, Ending::Completed), []);
        assert_eq!(finish(&mut kernel, 0, Ending::Cancelled), [joiner]);
        assert_eq!(state(&kernel, owner), State::Panicked);
    }

    #[test]
    fn s25_only_what_is_alive_can_be_left_to_somebody_and_only_once() {
        let mut kernel = Kernel::default();
        let [owner, other, heir, ended] = std::array::from_fn(|_| spawn(&mut kernel));
        finish(&mut kernel, 3, Ending::Completed);
        kernel.bequeath(owner, ended);
        kernel.bequeath(ended, heir);
        kernel.bequeath(owner, owner);
        assert!(kernel.ends.are_unwatched());
        kernel.bequeath(owner, heir);
        kernel.bequeath(other, heir);
        finish(&mut kernel, 1, Ending::Completed);
        assert_eq!(state(&kernel, other), State::Completed);
        finish(&mut kernel, 0, Ending::Completed);
        assert_eq!(state(&kernel, owner), State::Lingering);
        finish(&mut kernel, 0, Ending::Completed);
        assert_eq!(state(&kernel, owner), State::Completed);
        assert!(kernel.ends.are_unwatched());
    }

    #[test]
    fn s21_as_the_run_ends_nothing_lingers() {
        let mut kernel = Kernel::default();
        let [completed, panicked, heir, other] = std::array::from_fn(|_| spawn(&mut kernel));
        kernel.bequeath(completed, heir);
        kernel.bequeath(panicked, other);
        finish(&mut kernel, 0, Ending::Completed);
        finish(&mut kernel, 0, Ending::Panicked("broken"));
        kernel.close();
        for key in [other, heir, panicked, completed] {
            kernel.start_drop(key);
            kernel.finish(key, Ending::Cancelled);
        }
        assert_eq!(state(&kernel, panicked), State::Panicked, "a panic is not lost");
        assert_eq!(state(&kernel, completed), State::Cancelled, "its output is gone");
        assert!(kernel.restart());
        assert!(kernel.ends.are_unwatched());
    }
}
