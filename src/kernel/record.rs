//! What is written down of what happens: in the log, and by the watch before a livelock is called.
//!
//! Most runs write nothing down, so all of it stands out of the way of the ordinary turn.

use super::event::{Entry, Event, Level, NO_TASK, TaskEntry};
use super::key::TaskKey;
use super::tasks::Spawn;
use super::{Kernel, serial};

impl Kernel {
    /// Notes a new task.
    #[cold]
    pub(super) fn note_spawn(&mut self, key: TaskKey, spawn: &Spawn<'_>) {
        if self.log.is_on() {
            self.write_spawn(key, spawn);
        }
        self.note_spawn_access(key);
    }

    /// Enters a new task into the log.
    fn write_spawn(&mut self, key: TaskKey, spawn: &Spawn<'_>) {
        let task = &self.tasks[key.slot()];
        let number = serial(task);
        let parent = self.tasks.parent(task);
        self.log.tasks.push(TaskEntry {
            parent: parent.map_or(NO_TASK, |parent| serial(&self.tasks[parent.slot()])),
            name: spawn.own_name().map(Box::from),
            index: task.index(),
            is_daemon: spawn.daemon,
            site: spawn.site,
        });
        self.record(number, Event::Spawned);
    }

    /// Notes that a task was taken from the ready set.
    #[cold]
    pub(super) fn note_turn(&mut self, slot: u32, is_aborted: bool, index: usize, ready: usize) {
        let number = serial(&self.tasks[slot]);
        if !is_aborted && self.log.wants(Level::Full) {
            self.record_often(number, Event::Polled { index: index as u32, ready: ready as u32 });
        }
        if let Some(watch) = &mut self.watch {
            watch.count_poll(number);
        }
        self.note_turn_begins(number);
    }

    /// Notes a wake that had an effect, and the resource that has served the task.
    #[cold]
    pub(super) fn note_wake(&mut self, key: TaskKey, resource: u32) {
        let number = serial(&self.tasks[key.slot()]);
        let cause = self.cause();
        self.record_often(number, Event::Woken { cause, resource });
        if let Some(watch) = &mut self.watch {
            watch.count_wake(number, cause);
        }
        if self.accesses.is_some() {
            self.note_wake_access(key);
        }
    }

    /// Makes a task ready that was woken, and notes that.
    #[cold]
    #[inline(never)]
    pub(super) fn make_ready_noted(&mut self, key: TaskKey) {
        let resource = self.take_served_by(key);
        self.note_wake(key, resource);
        self.ready.push(key.slot());
    }

    /// Writes a line of the program into the log.
    pub(crate) fn note(&mut self, line: &str) {
        if self.log.is_on() {
            let text = self.log.text(line);
            self.record(self.running_serial(), Event::Note { text });
        }
    }

    #[inline]
    pub(super) fn record(&mut self, task: u32, event: Event) {
        if self.log.is_on() {
            self.write(task, event);
        }
    }

    #[cold]
    #[inline(never)]
    fn write(&mut self, task: u32, event: Event) {
        self.log.push(self.entry(task, event));
    }

    /// The same for the events of every turn: in line, where it is known how such an event is packed.
    #[inline(always)]
    fn record_often(&mut self, task: u32, event: Event) {
        let entry = self.entry(task, event);
        self.log.push(entry);
    }

    fn entry(&self, task: u32, event: Event) -> Entry {
        Entry { turn: self.turn, at: self.now, task, event }
    }
}
