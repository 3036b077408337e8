//! The task table: who exists, in which state, under which name.
//!
//! Promises stable keys, paths that stay readable while anything below them lives, and a spawn that
//! allocates nothing once the table has grown. Knows nothing of order: that is the ready set's.

use std::collections::BTreeMap;
use std::ops::{Index, IndexMut};
use std::panic::Location;

use super::groups::Member;
use super::instant::Instant;
use super::key::{GENERATION_MAX, SLOTS_MAX, StoredTarget, TaskKey};
use super::path::Step;

/// The slot number that names no task.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// What a task is called when nobody named it.
pub(crate) const UNNAMED: &str = "task";

/// What the root of a run is called.
pub(crate) const MAIN: &str = "main";

/// The states of a task, and the state of a slot that holds none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Vacant,
    Ready,
    Running,
    Suspended,
    /// Its future has ended and its heirs have not: alive to whoever joins it, and never polled again.
    Lingering,
    Completed,
    Cancelled,
    Panicked,
}

impl State {
    pub(crate) fn is_alive(self) -> bool {
        matches!(self, State::Ready | State::Running | State::Suspended | State::Lingering)
    }

    /// Whether there is a future to be dropped.
    pub(crate) fn is_abortable(self) -> bool {
        self.is_alive() && self != State::Lingering
    }

    /// Whether the future has ended, told or not.
    pub(crate) fn is_over(self) -> bool {
        self.is_finished() || self == State::Lingering
    }

    pub(crate) fn is_finished(self) -> bool {
        matches!(self, State::Completed | State::Cancelled | State::Panicked)
    }
}

/// One task, or the vacant place of one.
#[derive(Debug)]
pub(crate) struct Task {
    generation: u32,
    pub(crate) state: State,
    /// Woken during its own poll; goes to the back of the ready set when the poll ends (S17).
    pub(crate) woken: bool,
    /// Its future is dropped at its next turn, or at the end of the poll it is in (S19).
    pub(crate) abort: bool,
    pub(crate) daemon: bool,
    /// It is called [`MAIN`] and has no parent. Every run has one, so that name is not worth an allocation.
    is_main: bool,
    /// A join handle exists. While it does, a finished task keeps its slot, and its output its place.
    pub(crate) has_handle: bool,
    /// Clones of its waker that are held somewhere, counted on the loop's own thread. Counting stops for good
    /// at the type's end.
    pub(crate) wakers: u16,
    /// Position in the order of spawning, from 0. Unlike the slot it is never reused, so it may be shown.
    pub(crate) serial: u64,
    /// The slot of the parent, which stays in the table as long as this task does.
    parent: u32,
    /// Position among the siblings of the same name.
    index: u32,
    /// Children that still have a slot.
    children_kept: u32,
    /// Children spawned without a name.
    unnamed_children: u32,
    /// When it last suspended.
    pub(crate) since: Instant,
    /// Who is to be woken when it finishes. A join handle cannot be cloned, so one place is enough.
    pub(crate) joiner: Option<StoredTarget>,
    /// The group in which it is joined with others. It is joined alone or in a group, never both. Boxed,
    /// because few tasks are in one.
    pub(crate) member: Option<Box<Member>>,
    /// Its place in the order of endings, once it has finished.
    pub(crate) ended: u64,
    pub(crate) site: &'static Location<'static>,
    /// Boxed, because most tasks have no name and the table is mostly of such tasks.
    names: Option<Box<Names>>,
}

impl Task {
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }
}

/// The name of a task, and how many children of each name it has spawned: the source of the indices in
/// paths.
#[derive(Debug, Default)]
struct Names {
    own: Option<Box<str>>,
    children: BTreeMap<Box<str>, u32>,
}

/// Counts one more child, and returns how many there were of its name before.
fn number_child(unnamed: &mut u32, names: &mut Option<Box<Names>>, name: Option<&str>) -> u32 {
    let count = match name {
        None => unnamed,
        Some(name) => {
            let children = &mut names.get_or_insert_default().children;
            if !children.contains_key(name) {
                children.insert(name.into(), 0);
            }
            children.get_mut(name).expect("inserted above")
        }
    };
    *count += 1;
    *count - 1
}

/// What is asked of a new task.
#[derive(Clone, Debug)]
pub(crate) struct Spawn<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) parent: Option<TaskKey>,
    pub(crate) daemon: bool,
    pub(crate) has_handle: bool,
    pub(crate) site: &'static Location<'static>,
}

impl<'a> Spawn<'a> {
    /// The name, unless it is the one that the unnamed have: those two kinds of siblings share a name, and
    /// so their indices (S18). Counted apart, two tasks would have one path, and one stream of random numbers.
    pub(crate) fn own_name(&self) -> Option<&'a str> {
        self.name.filter(|&name| name != UNNAMED)
    }
}

/// The table of all tasks of a loop.
#[derive(Debug, Default)]
pub(crate) struct TaskTable {
    slots: Vec<Task>,
    free: Vec<u32>,
    /// Children of no task: what was spawned from outside, the root among it.
    top_unnamed: u32,
    top_mains: u32,
    top_names: Option<Box<Names>>,
    /// Tasks that are ready, running or suspended.
    alive: u32,
    spawned: u64,
    /// The generation of slots that are made from now on. Every key of an earlier run lies below it.
    generation_first: u32,
}

impl TaskTable {
    pub(crate) fn alive(&self) -> u32 {
        self.alive
    }

    pub(crate) fn spawned(&self) -> u64 {
        self.spawned
    }

    /// Slots in the table, vacant ones included.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Adds a task in the ready state and returns its key.
    ///
    /// # Panics
    ///
    /// With 16,777,215 tasks in the table there is no key left for another.
    pub(crate) fn add(&mut self, spawn: &Spawn<'_>, now: Instant) -> TaskKey {
        let mut name = spawn.own_name();
        let mut is_main = false;
        let (parent, index) = match spawn.parent.filter(|&key| self.get(key).is_some()) {
            Some(parent) => {
                let parent_task = &mut self.slots[parent.slot as usize];
                parent_task.children_kept += 1;
                let unnamed = &mut parent_task.unnamed_children;
                (parent.slot, number_child(unnamed, &mut parent_task.names, name))
            }
            None if name == Some(MAIN) => {
                (name, is_main) = (None, true);
                (NO_SLOT, number_child(&mut self.top_mains, &mut self.top_names, None))
            }
            None => (NO_SLOT, number_child(&mut self.top_unnamed, &mut self.top_names, name)),
        };
        let slot = self.free.pop().unwrap_or(self.slots.len() as u32);
        assert!(
            slot < SLOTS_MAX,
            "a loop holds at most {SLOTS_MAX} tasks at once, and all are in use"
        );
        let generation =
            self.slots.get(slot as usize).map_or(self.generation_first, |vacant| vacant.generation);
        let task = Task {
            generation,
            state: State::Ready,
            woken: false,
            abort: false,
            daemon: spawn.daemon,
            has_handle: spawn.has_handle,
            is_main,
            wakers: 0,
            serial: self.spawned,
            parent,
            index,
            children_kept: 0,
            unnamed_children: 0,
            since: now,
            joiner: None,
            member: None,
            ended: 0,
            site: spawn.site,
            names: name.map(|name| Box::new(Names { own: Some(name.into()), ..Names::default() })),
        };
        match self.slots.get_mut(slot as usize) {
            Some(vacant) => *vacant = task,
            None => self.slots.push(task),
        }
        self.spawned += 1;
        self.alive += 1;
        TaskKey { slot, generation }
    }

    pub(crate) fn get(&self, key: TaskKey) -> Option<&Task> {
        let task = self.slots.get(key.slot as usize)?;
        (task.generation == key.generation).then_some(task)
    }

    pub(crate) fn get_mut(&mut self, key: TaskKey) -> Option<&mut Task> {
        let task = self.slots.get_mut(key.slot as usize)?;
        (task.generation == key.generation).then_some(task)
    }

    pub(crate) fn key(&self, slot: u32) -> TaskKey {
        TaskKey { slot, generation: self.slots[slot as usize].generation }
    }

    /// The parent's key; none for what was spawned from outside.
    pub(crate) fn parent(&self, task: &Task) -> Option<TaskKey> {
        (task.parent != NO_SLOT).then(|| self.key(task.parent))
    }

    /// Puts an alive task into a finished state. Its slot is kept while anybody needs it.
    pub(crate) fn finish(&mut self, slot: u32, state: State) {
        debug_assert!(state.is_finished(), "a task finishes completed, cancelled or panicked");
        let task = &mut self.slots[slot as usize];
        task.state = state;
        // It may have been woken in its last poll; it will not run again.
        task.woken = false;
        self.alive -= 1;
        self.free_unneeded(slot);
    }

    /// Notes that the join handle is gone or has had its answer.
    pub(crate) fn release_handle(&mut self, slot: u32) {
        self.slots[slot as usize].has_handle = false;
        self.free_unneeded(slot);
    }

    /// Frees the slot if the task is finished and nobody can ask for it, then its parent's, and so on up.
    ///
    /// A finished task with children in the table stays as their parent, so that their paths keep its name.
    fn free_unneeded(&mut self, mut slot: u32) {
        while slot != NO_SLOT {
            let task = &mut self.slots[slot as usize];
            if !task.state.is_finished() || task.has_handle || task.children_kept > 0 {
                return;
            }
            task.state = State::Vacant;
            task.names = None;
            task.joiner = None;
            task.member = None;
            let parent = task.parent;
            // One beyond the last fits no key, and retires the slot.
            task.generation += 1;
            if task.generation <= GENERATION_MAX {
                self.free.push(slot);
            }
            if parent != NO_SLOT {
                self.slots[parent as usize].children_kept -= 1;
            }
            slot = parent;
        }
    }

    /// All tasks in the table with their keys, in slot order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (TaskKey, &Task)> {
        (0..)
            .zip(&self.slots)
            .filter(|(_, task)| task.state != State::Vacant)
            .map(|(slot, task)| (TaskKey { slot, generation: task.generation }, task))
    }

    /// The keys of all tasks that are alive, in the order in which they were spawned.
    pub(crate) fn alive_in_spawn_order(&self) -> Vec<TaskKey> {
        if self.alive == 0 {
            return Vec::new();
        }
        let mut alive: Vec<_> = self
            .iter()
            .filter(|(_, task)| task.state.is_alive())
            .map(|(key, task)| (task.serial, key))
            .collect();
        alive.sort_unstable_by_key(|&(serial, _)| serial);
        alive.into_iter().map(|(_, key)| key).collect()
    }

    /// All steps of a task's path, from the root down, however many.
    pub(crate) fn path(&self, key: TaskKey) -> Vec<Step<'_>> {
        let mut steps = Vec::new();
        let mut slot = if self.get(key).is_some() { key.slot } else { NO_SLOT };
        while slot != NO_SLOT {
            let task = &self.slots[slot as usize];
            steps.push(self.step(task));
            slot = task.parent;
        }
        steps.reverse();
        steps
    }

    /// The last step of a task's path.
    pub(crate) fn step<'a>(&'a self, task: &'a Task) -> Step<'a> {
        if task.is_main {
            return Step { name: MAIN, index: task.index, is_shared: self.top_mains > 1 };
        }
        let (unnamed, names) = match task.parent {
            NO_SLOT => (self.top_unnamed, &self.top_names),
            parent => {
                let parent = &self.slots[parent as usize];
                (parent.unnamed_children, &parent.names)
            }
        };
        let name = task.names.as_ref().and_then(|names| names.own.as_deref());
        let siblings = match name {
            None => unnamed,
            Some(name) => {
                names.as_ref().and_then(|names| names.children.get(name).copied()).unwrap_or(0)
            }
        };
        Step { name: name.unwrap_or(UNNAMED), index: task.index, is_shared: siblings > 1 }
    }

    /// Forgets all tasks and keeps the memory; keys handed out before stay stale for ever.
    ///
    /// Returns `false` when the generations are used up and the table must not be used again.
    pub(crate) fn clear(&mut self) -> bool {
        let last = self.slots.iter().map(|task| task.generation).max();
        self.generation_first = last.map_or(self.generation_first, |last| last + 1);
        self.slots.clear();
        self.free.clear();
        (self.top_unnamed, self.top_mains, self.top_names) = (0, 0, None);
        self.alive = 0;
        self.spawned = 0;
        self.generation_first < GENERATION_MAX
    }

    /// The first generation that no key handed out so far has.
    pub(crate) fn generation_unused(&self) -> u32 {
        self.slots.iter().map(|task| task.generation + 1).max().unwrap_or(self.generation_first)
    }

    /// Starts generations at `first`, for a table that has no tasks yet.
    pub(crate) fn start_generations_at(&mut self, first: u32) {
        debug_assert!(self.slots.is_empty(), "keys of this table exist already");
        self.generation_first = first;
    }

    pub(crate) fn check(&self) {
        let mut alive = 0;
        let mut children_kept = vec![0; self.slots.len()];
        for (key, task) in self.iter() {
            alive += u32::from(task.state.is_alive());
            if task.parent != NO_SLOT {
                let parent = &self.slots[task.parent as usize];
                assert_ne!(parent.state, State::Vacant, "{key:?} outlives its parent's slot");
                assert!(parent.serial < task.serial, "{key:?} is older than its parent");
                children_kept[task.parent as usize] += 1;
            }
            let is_needed = !task.state.is_finished() || task.has_handle || task.children_kept > 0;
            assert!(is_needed, "{key:?} is finished, and nobody needs its slot");
        }
        assert_eq!(alive, self.alive, "the count of alive tasks is wrong");
        for (slot, task) in self.slots.iter().enumerate() {
            if task.state != State::Vacant {
                assert_eq!(
                    task.children_kept, children_kept[slot],
                    "slot {slot} miscounts its children"
                );
            }
        }
        let vacant = self.slots.iter().filter(|task| task.state == State::Vacant);
        let reusable = vacant.filter(|task| task.generation <= GENERATION_MAX).count();
        assert!(self.free.len() <= reusable, "the free list holds a slot twice, or a retired one");
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
