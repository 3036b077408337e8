//! The task table: who exists, in which state, under which name.
//!
//! Promises stable keys, paths that stay readable while anything below them lives, and a spawn that
//! allocates nothing once the table has grown. Knows nothing of order: that is the ready set's.

mod family;
mod names;
mod task;
mod told;

use std::ops::{Index, IndexMut};
use std::panic::Location;
use std::rc::Rc;

use super::instant::Instant;
use super::joined::Joined;
use super::key::{GENERATION_MAX, SLOTS_MAX, TaskKey};
use super::ordered::sort_by_key;
use family::Family;
use task::Flags;
pub(crate) use task::{Spawn, State, Task};

/// The slot number that names no task.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// What a task is called when nobody named it.
pub(crate) const UNNAMED: &str = "task";

/// What the root of a run is called.
pub(crate) const MAIN: &str = "main";

/// The table of all tasks of a loop.
pub(crate) struct TaskTable {
    /// Behind those that this run has used may be some of earlier runs, all vacant, whose keys are stale.
    slots: Vec<Task>,
    used: u32,
    /// The vacant slot that is used next, or [`NO_SLOT`]: the last that was freed, which is in the caches.
    vacant: u32,
    /// The names of tasks that were given one, by slot, as far as the last such. The rest is of earlier tasks.
    names: Vec<Option<Rc<str>>>,
    /// The children of tasks, by slot, as far as the last task that had some. Those of the gone are forgotten.
    families: Vec<Family>,
    /// Children of no task: what was spawned from outside, but for the roots.
    top: Family,
    /// The roots, which all have the same name.
    mains: u32,
    /// Tasks that are ready, running or suspended.
    alive: u32,
    /// A task of this run is or was a daemon. Most runs have none, and need not ask of whom a timer is.
    has_daemons: bool,
    spawned: u64,
    /// Tasks that have left the table. So nobody goes through it to see whether it is empty.
    freed: u64,
    /// The generation of slots that are made from now on. Every key of an earlier run lies below it.
    generation_first: u32,
    /// The highest generation of any slot.
    generation_last: u32,
}

impl Default for TaskTable {
    fn default() -> Self {
        TaskTable {
            slots: Vec::new(),
            used: 0,
            vacant: NO_SLOT,
            names: Vec::new(),
            families: Vec::new(),
            top: Family::default(),
            mains: 0,
            alive: 0,
            has_daemons: false,
            spawned: 0,
            freed: 0,
            generation_first: 0,
            generation_last: 0,
        }
    }
}

impl TaskTable {
    pub(crate) fn alive(&self) -> u32 {
        self.alive
    }

    pub(crate) fn has_daemons(&self) -> bool {
        self.has_daemons
    }

    pub(crate) fn spawned(&self) -> u64 {
        self.spawned
    }

    /// Says whether no task is in the table, not even a finished one that somebody needs.
    pub(crate) fn is_empty(&self) -> bool {
        self.spawned == self.freed
    }

    /// Slots in the table, vacant ones included.
    pub(crate) fn slots(&self) -> usize {
        self.used as usize
    }

    /// The slots, vacant ones included.
    pub(super) fn used(&self) -> &[Task] {
        &self.slots[..self.used as usize]
    }

    /// Adds a task in the ready state and returns its key.
    ///
    /// # Panics
    ///
    /// With 16,777,215 tasks in the table there is no key left for another.
    #[inline(always)]
    pub(crate) fn add(&mut self, spawn: &Spawn<'_>, now: Instant) -> TaskKey {
        match spawn.name {
            None => {
                let index = self.number_child(spawn.parent, None);
                self.put(spawn, index, 0, now)
            }
            Some(name) => self.add_named(&Spawn { ..*spawn }, name, now),
        }
    }

    #[inline(never)]
    fn add_named(&mut self, spawn: &Spawn<'_>, name: &str, now: Instant) -> TaskKey {
        let own_name = spawn.own_name();
        if spawn.parent == NO_SLOT && name == MAIN {
            self.mains += 1;
            return self.put(spawn, self.mains - 1, Flags::MAIN, now);
        }
        let index = self.number_child(spawn.parent, own_name);
        let flags = if own_name.is_some() { Flags::NAMED } else { 0 };
        let key = self.put(spawn, index, flags, now);
        if let Some(name) = own_name {
            self.keep_name(key.slot(), spawn.parent, name);
        }
        key
    }

    /// Puts a task that has been counted into a vacant slot, field by field: made as a whole, it would be moved.
    #[inline(always)]
    fn put(&mut self, spawn: &Spawn<'_>, index: u32, flags: u8, now: Instant) -> TaskKey {
        let slot = if self.vacant == NO_SLOT { self.grow() } else { self.vacant };
        let task = &mut self.slots[slot as usize];
        self.vacant = task.parent;
        task.serial = self.spawned;
        task.stamp = now.as_nanos();
        task.state = State::Ready;
        task.flags =
            Flags(flags).with(Flags::DAEMON, spawn.daemon).with(Flags::HANDLE, spawn.has_handle);
        task.wakers = 0;
        task.parent = spawn.parent;
        task.index = index;
        task.site = spawn.site;
        let key = TaskKey::new(slot, task.generation);
        self.spawned += 1;
        self.alive += 1;
        self.has_daemons |= spawn.daemon;
        key
    }

    /// Makes a vacant slot where there is none.
    #[inline(always)]
    fn grow(&mut self) -> u32 {
        let slot = self.used;
        assert!(
            slot < SLOTS_MAX,
            "a loop holds at most {SLOTS_MAX} tasks at once, and all are in use"
        );
        self.used += 1;
        if let Some(task) = self.slots.get_mut(slot as usize) {
            (task.generation, task.parent) = (self.generation_first, NO_SLOT);
            return slot;
        }
        self.slots.push(Task {
            serial: 0,
            stamp: 0,
            generation: self.generation_first,
            state: State::Vacant,
            flags: Flags(0),
            wakers: 0,
            joined: None,
            parent: NO_SLOT,
            index: 0,
            site: Location::caller(),
        });
        slot
    }

    pub(crate) fn get(&self, key: TaskKey) -> Option<&Task> {
        let task = self.slots.get(key.slot() as usize)?;
        (task.generation == key.generation()).then_some(task)
    }

    pub(crate) fn get_mut(&mut self, key: TaskKey) -> Option<&mut Task> {
        let task = self.slots.get_mut(key.slot() as usize)?;
        (task.generation == key.generation()).then_some(task)
    }

    pub(crate) fn key(&self, slot: u32) -> TaskKey {
        TaskKey::new(slot, self.slots[slot as usize].generation)
    }

    /// The parent's key; none for what was spawned from outside.
    pub(crate) fn parent(&self, task: &Task) -> Option<TaskKey> {
        (task.parent != NO_SLOT).then(|| self.key(task.parent))
    }

    /// Says whether a slot has to be kept: for the task, for its result, or as its children's parent.
    #[inline]
    fn is_needed(&self, slot: u32) -> bool {
        let task = &self.slots[slot as usize];
        !task.state.is_finished() || task.has_handle() || self.has_children(slot)
    }

    /// Puts an alive task into a finished state. Its slot is kept while anybody needs it.
    #[inline(always)]
    pub(crate) fn finish(&mut self, slot: u32, state: State) {
        debug_assert!(state.is_finished(), "a task finishes completed, cancelled or panicked");
        let task = &mut self.slots[slot as usize];
        task.state = state;
        // It may have been woken in its last poll; it will not run again.
        task.set_woken(false);
        self.alive -= 1;
        if !self.is_needed(slot) {
            self.free_detached(slot);
        }
    }

    /// The same out of line, for a task that nobody has waited for.
    #[inline(never)]
    fn free_detached(&mut self, slot: u32) {
        self.free_line(slot);
    }

    /// Notes that the join handle of a task is gone or has had its answer.
    #[inline(always)]
    pub(crate) fn release_handle(&mut self, key: TaskKey) {
        if let Some(task) = self.get_mut(key) {
            task.flags = task.flags.with(Flags::HANDLE, false);
            if !self.is_needed(key.slot()) {
                self.free_line(key.slot());
            }
        }
    }

    /// The same where the task is finished.
    #[inline(always)]
    pub(crate) fn release_finished(&mut self, slot: u32) {
        if self.has_children(slot) {
            let task = &mut self.slots[slot as usize];
            task.flags = task.flags.with(Flags::HANDLE, false);
        } else {
            // What it has noted of the handle goes with it.
            self.free_line(slot);
        }
    }

    /// Puts the running task into the completed state and returns who is told, if it is kept for its handle. Does
    /// nothing, and returns `None`, if it is not, or has what is rare.
    #[inline(always)]
    pub(super) fn complete(&mut self, slot: u32, order: u64) -> Option<Option<Joined>> {
        let task = &mut self.slots[slot as usize];
        debug_assert!(task.state == State::Running, "what has completed was polled");
        if !task.has_handle() || task.flags.has(Flags::FAR) {
            return None;
        }
        let joined = task.joined.take();
        task.state = State::Completed;
        // It will not run again.
        task.set_woken(false);
        task.set_ended(order);
        self.alive -= 1;
        Some(joined)
    }

    /// Frees the slot of a task that is finished and that nobody can ask for, then its parent's if it is as well,
    /// and so on up.
    ///
    /// A finished task with children in the table stays as their parent, so that their paths keep its name.
    #[inline(always)]
    fn free_line(&mut self, slot: u32) {
        let parent = self.free(slot);
        if let Some(family) = self.families.get_mut(parent as usize) {
            family.kept -= 1;
            // Nearly every parent outlives its children.
            if self.slots[parent as usize].state.is_finished() {
                self.free_ancestors(parent);
            }
        }
    }

    /// Does the same for a parent. In a loop, because such lines may be long.
    #[cold]
    fn free_ancestors(&mut self, mut slot: u32) {
        while slot != NO_SLOT && !self.is_needed(slot) {
            slot = self.free(slot);
            if slot != NO_SLOT {
                self.families[slot as usize].kept -= 1;
            }
        }
    }

    /// Frees a slot that nobody needs, and returns the parent's.
    #[inline(always)]
    fn free(&mut self, slot: u32) -> u32 {
        self.forget_family(slot);
        let task = &mut self.slots[slot as usize];
        debug_assert!(!task.is_told_of(), "nobody joins the gone");
        task.state = State::Vacant;
        self.freed += 1;
        // One beyond the last fits no key, and retires the slot.
        task.generation += 1;
        let (parent, generation) = (task.parent, task.generation);
        self.generation_last = self.generation_last.max(generation);
        if generation <= GENERATION_MAX {
            task.parent = self.vacant;
            self.vacant = slot;
        }
        parent
    }

    /// All tasks in the table with their keys, in slot order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (TaskKey, &Task)> {
        let mut slots = 0..self.used;
        std::iter::from_fn(move || {
            loop {
                let slot = slots.next()?;
                let task = &self.slots[slot as usize];
                if task.state != State::Vacant {
                    return Some((TaskKey::new(slot, task.generation), task));
                }
            }
        })
    }

    /// The keys of all tasks that are alive, in the order in which they were spawned.
    pub(crate) fn alive_in_spawn_order(&self) -> Vec<TaskKey> {
        if self.alive == 0 {
            return Vec::new();
        }
        let mut alive = Vec::new();
        for (key, task) in self.iter() {
            if task.state.is_alive() {
                alive.push(key);
            }
        }
        sort_by_key(&mut alive, |key| self.slots[key.slot() as usize].serial);
        alive
    }

    /// Forgets all tasks and keeps the memory; keys handed out before stay stale for ever.
    ///
    /// Returns `false` when the generations are used up and the table must not be used again.
    #[inline]
    pub(crate) fn clear(&mut self) -> bool {
        self.generation_first = self.generation_unused();
        self.generation_last = self.generation_first;
        if !self.is_empty() {
            self.slots.clear();
            self.families.clear();
        }
        (self.used, self.vacant) = (0, NO_SLOT);
        self.names.clear();
        (self.top, self.mains) = (Family::default(), 0);
        self.alive = 0;
        self.has_daemons = false;
        (self.spawned, self.freed) = (0, 0);
        self.generation_first < GENERATION_MAX
    }

    /// The first generation that no key handed out so far has.
    pub(crate) fn generation_unused(&self) -> u32 {
        if self.used == 0 { self.generation_first } else { self.generation_last + 1 }
    }

    /// The first generation that a key of this run has. Every key of an earlier run lies below it.
    pub(crate) fn generation_first(&self) -> u32 {
        self.generation_first
    }

    /// Starts generations at `first`, for a table that has no tasks yet.
    pub(crate) fn start_generations_at(&mut self, first: u32) {
        debug_assert!(self.used == 0, "keys of this table exist already");
        (self.generation_first, self.generation_last) = (first, first);
    }

    pub(crate) fn check(&self) {
        let mut alive = 0;
        let mut children_kept = vec![0_u32; self.slots()];
        for (key, task) in self.iter() {
            alive += u32::from(task.state.is_alive());
            if task.parent != NO_SLOT {
                let parent = &self.slots[task.parent as usize];
                assert_ne!(parent.state, State::Vacant, "{key:?} outlives its parent's slot");
                assert!(parent.serial < task.serial, "{key:?} is older than its parent");
                children_kept[task.parent as usize] += 1;
            }
            assert!(self.is_needed(key.slot()), "{key:?} is finished, and nobody needs its slot");
        }
        assert!(alive == self.alive, "the count of alive tasks is wrong");
        let kept = self.iter().count() as u64;
        assert!(self.spawned - self.freed == kept, "the count of tasks in the table is wrong");
        let (mut generation_last, mut reusable) = (self.generation_first, 0);
        for (slot, &children_kept) in children_kept.iter().enumerate() {
            let task = &self.slots[slot];
            generation_last = generation_last.max(task.generation);
            let family = self.families.get(slot);
            if task.state != State::Vacant {
                let counted = family.map_or(0, |family| family.kept);
                assert!(counted == children_kept, "slot {slot} miscounts children");
                continue;
            }
            let is_empty = !task.is_told_of() && family.is_none_or(Family::is_empty);
            assert!(is_empty, "slot {slot} is vacant, and left with something");
            reusable += u32::from(task.generation <= GENERATION_MAX);
        }
        assert!(generation_last == self.generation_last, "the highest generation is wrong");
        let mut next = self.vacant;
        while next != NO_SLOT && reusable > 0 {
            next = self.slots[next as usize].parent;
            reusable -= 1;
        }
        assert!(next == NO_SLOT && reusable == 0, "a vacant slot is not in line once");
    }
}

impl Index<u32> for TaskTable {
    type Output = Task;

    fn index(&self, slot: u32) -> &Task {
        &self.slots[slot as usize]
    }
}

impl IndexMut<u32> for TaskTable {
    fn index_mut(&mut self, slot: u32) -> &mut Task {
        &mut self.slots[slot as usize]
    }
}
