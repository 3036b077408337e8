//! The machine once more, as plainly as the rules can be said: vectors in order of arrival, scanned from
//! end to end. No slots, no generations, no free lists, no buckets; what can be computed is not stored.
//!
//! Tasks are never forgotten here, those of earlier runs included: whether one can still be asked for is
//! computed. What the kernel names, keys of all kinds, is taken over from it and only compared.

use super::super::{
    Cause, Counters, Digest, Entry, Event, Instant, Log, NO_RESOURCE, NO_TASK, SettleKey, Spawn,
    State, Suspension, Target, TaskEntry, TaskKey, TimerKey, Turn, UNNAMED, Wait, Waiting,
    WakerKey, WatcherKey,
};
use super::endings::{Ended, Group};

#[derive(Debug)]
pub(super) struct Task {
    pub(super) key: TaskKey,
    /// Which run it belongs to. Nothing of an earlier run can be asked for.
    pub(super) run: u32,
    pub(super) serial: u64,
    name: String,
    parent: Option<usize>,
    pub(super) daemon: bool,
    pub(super) has_handle: bool,
    pub(super) state: State,
    pub(super) woken: bool,
    pub(super) abort: bool,
    pub(super) wakers: u32,
    pub(super) since: Instant,
    pub(super) joiner: Option<Target>,
    /// Its place among all endings, once it has ended.
    pub(super) ended: Option<u64>,
    /// How its future has ended, while it lingers.
    pub(super) kept: Option<Ended>,
}

#[derive(Debug)]
pub(super) struct Timer {
    pub(super) key: TimerKey,
    pub(super) target: Target,
    pub(super) deadline: Instant,
    pub(super) holds: bool,
}

/// The model of the kernel.
#[derive(Debug, Default)]
pub(super) struct Machine {
    pub(super) run: u32,
    /// In the order of spawning, over all runs.
    pub(super) tasks: Vec<Task>,
    /// Positions in `tasks`.
    pub(super) ready: Vec<usize>,
    /// In the order of registration (S7).
    pub(super) timers: Vec<Timer>,
    pub(super) settlers: Vec<(SettleKey, Target)>,
    pub(super) groups: Vec<Group>,
    /// In the order of registration, with the task whose end is watched for.
    pub(super) watchers: Vec<(WatcherKey, TaskKey, Target)>,
    /// Tasks for whose end another one lingers, which stands second.
    pub(super) heirs: Vec<(usize, usize)>,
    pub(super) endings: u64,
    /// Wakers to be called, each on behalf of the task with that number.
    pub(super) due: Vec<(u32, WakerKey)>,
    /// Wakers that the shell keeps, each with the task that was running when it came.
    wakers: Vec<(WakerKey, Option<TaskKey>)>,
    pub(super) running: Option<usize>,
    pub(super) now: Instant,
    pub(super) is_late: bool,
    pub(super) is_closing: bool,
    pub(super) cause: Option<Cause>,
    pub(super) counters: Counters,
    pub(super) digest: Digest,
    pub(super) log: Log,
}

impl Machine {
    // Who can be asked for.

    /// For each task, whether it can be asked for: it is alive, or its handle is there, or a child that
    /// can be asked for needs its name. Children stand behind their parents, so one walk backwards does.
    pub(super) fn kept(&self) -> Vec<bool> {
        let mut kept = vec![false; self.tasks.len()];
        for (place, task) in self.tasks.iter().enumerate().rev() {
            kept[place] |= task.state.is_alive() || task.has_handle;
            kept[place] &= task.run == self.run;
            if let (true, Some(parent)) = (kept[place], task.parent) {
                kept[parent] = true;
            }
        }
        kept
    }

    pub(super) fn find(&self, key: TaskKey) -> Option<usize> {
        let place = self.tasks.iter().position(|task| task.key == key)?;
        self.kept()[place].then_some(place)
    }

    pub(super) fn owner(&self, target: Target) -> Option<usize> {
        let key = match target {
            Target::Task(key) => key,
            Target::Waker(waker) => self.wakers.iter().find(|(key, _)| *key == waker)?.1?,
        };
        self.find(key)
    }

    pub(super) fn alive_in_spawn_order(&self) -> Vec<TaskKey> {
        let alive = |task: &&Task| task.run == self.run && task.state.is_alive();
        self.tasks.iter().filter(alive).map(|task| task.key).collect()
    }

    pub(super) fn ready_keys(&self) -> Vec<TaskKey> {
        self.ready.iter().map(|&place| self.tasks[place].key).collect()
    }

    // Tasks (S16 to S21).

    pub(super) fn spawn(
        &mut self,
        spawn: &Spawn<'_>,
        parent: Option<TaskKey>,
        key: TaskKey,
        state: State,
    ) {
        assert!(self.tasks.iter().all(|task| task.key != key), "{key:?} was handed out twice");
        let parent = parent.and_then(|parent| self.find(parent));
        let place = self.tasks.len();
        self.tasks.push(Task {
            key,
            run: self.run,
            serial: self.counters.tasks_spawned,
            name: spawn.name.unwrap_or(UNNAMED).to_owned(),
            parent,
            daemon: spawn.daemon,
            has_handle: spawn.has_handle,
            state,
            woken: false,
            abort: false,
            wakers: 0,
            since: self.now,
            joiner: None,
            ended: None,
            kept: None,
        });
        self.counters.tasks_spawned += 1;
        if state == State::Ready {
            self.ready.push(place);
        }
        if self.log.is_on() {
            self.log.tasks.push(TaskEntry {
                parent: self.serial(parent),
                name: spawn.name.filter(|&name| name != UNNAMED).map(Box::from),
                index: self.older_siblings(place).count() as u32,
                is_daemon: spawn.daemon,
                site: spawn.site,
            });
        }
        self.record(Some(place), Event::Spawned);
    }

    /// All that were spawned by the same parent under the same name, this one included.
    fn siblings(&self, place: usize) -> impl Iterator<Item = usize> {
        let named = |task: &Task| (task.run, task.parent, task.name.clone());
        let own = named(&self.tasks[place]);
        (0..self.tasks.len()).filter(move |&other| named(&self.tasks[other]) == own)
    }

    fn older_siblings(&self, place: usize) -> impl Iterator<Item = usize> {
        self.siblings(place).filter(move |&other| other < place)
    }

    /// S18, word for word.
    pub(super) fn path(&self, place: usize) -> String {
        let upwards = std::iter::successors(Some(place), |&place| self.tasks[place].parent);
        let mut steps: Vec<String> = upwards.map(|place| self.step(place)).collect();
        steps.reverse();
        if steps.len() > 16 {
            let left_out = format!("...(+{})...", steps.len() - 8);
            steps.splice(4..steps.len() - 4, [left_out]);
        }
        steps.join("/")
    }

    fn step(&self, place: usize) -> String {
        let mut step = self.tasks[place].name.to_string();
        if self.siblings(place).count() > 1 {
            step.push_str(&format!("[{}]", self.older_siblings(place).count()));
        }
        step
    }

    pub(super) fn start(&mut self, index: usize) -> Option<Turn> {
        if index >= self.ready.len() {
            return None;
        }
        let ready = self.ready.len() as u32;
        let place = self.ready.remove(index);
        self.counters.turns += 1;
        self.running = Some(place);
        self.cause = Some(Cause::Task(self.serial(Some(place))));
        let task = &mut self.tasks[place];
        task.state = State::Running;
        let turn = Turn { task: task.key, is_aborted: task.abort };
        self.digest.mix(task.serial);
        if !turn.is_aborted {
            self.counters.polls += 1;
            self.record(Some(place), Event::Polled { index: index as u32, ready });
        }
        Some(turn)
    }

    pub(super) fn suspend(&mut self) -> Suspension {
        let place = self.running.expect("the pair suspends only in a turn");
        let task = &mut self.tasks[place];
        if task.abort {
            return Suspension::Aborted;
        }
        task.since = self.now;
        task.state = State::Suspended;
        if std::mem::take(&mut task.woken) {
            task.state = State::Ready;
            self.ready.push(place);
        }
        (self.running, self.cause) = (None, None);
        Suspension::Kept
    }

    pub(super) fn wake(&mut self, key: TaskKey) {
        let Some(place) = self.find(key).filter(|_| !self.is_closing) else { return };
        let task = &mut self.tasks[place];
        match task.state {
            State::Suspended => {
                task.state = State::Ready;
                self.ready.push(place);
            }
            State::Running if !task.woken => task.woken = true,
            _ => return,
        }
        self.counters.wakes += 1;
        let (cause, resource) = (self.cause(), NO_RESOURCE);
        self.record(Some(place), Event::Woken { cause, resource });
    }

    pub(super) fn wake_target(&mut self, target: Target) -> Option<WakerKey> {
        match target {
            Target::Task(key) => {
                self.wake(key);
                None
            }
            Target::Waker(key) => Some(key),
        }
    }

    pub(super) fn request_abort(&mut self, key: TaskKey) {
        let Some(place) = self.find(key) else { return };
        let task = &mut self.tasks[place];
        if task.state.is_abortable() && !task.abort {
            task.abort = true;
            let is_suspended = task.state == State::Suspended;
            self.record(Some(place), Event::AbortRequested(self.cause()));
            if is_suspended {
                self.wake(key);
            }
        }
    }

    pub(super) fn release_handle(&mut self, key: TaskKey) {
        if let Some(place) = self.find(key) {
            self.tasks[place].has_handle = false;
        }
    }

    pub(super) fn count_waker(&mut self, key: TaskKey, is_clone: bool) {
        if let Some(place) = self.find(key) {
            let wakers = &mut self.tasks[place].wakers;
            *wakers = if is_clone { *wakers + 1 } else { wakers.saturating_sub(1) };
        }
    }

    // Wakers that are not a task's own.

    pub(super) fn add_waker(&mut self, key: WakerKey) {
        assert!(self.wakers.iter().all(|&(other, _)| other != key), "{key:?} is in use");
        self.wakers.push((key, self.running.map(|place| self.tasks[place].key)));
    }

    /// Forgets a waker and returns the task behind it.
    pub(super) fn take_waker(&mut self, key: WakerKey) -> Option<TaskKey> {
        let place = self.wakers.iter().position(|&(other, _)| other == key);
        self.wakers.remove(place.expect("only a waker that is kept is handed back")).1
    }

    // The end of a run (S21), and the next.

    pub(super) fn close(&mut self) {
        self.is_closing = true;
        self.ready.clear();
        for task in self.tasks.iter_mut().filter(|task| task.run == self.run) {
            if task.state.is_alive() {
                task.state = State::Suspended;
            }
        }
    }

    pub(super) fn start_drop(&mut self, key: TaskKey) {
        let place = self.find(key).expect("only what is alive is dropped");
        self.tasks[place].state = State::Running;
        self.running = Some(place);
        self.cause = Some(Cause::Task(self.serial(Some(place))));
    }

    pub(super) fn reset(&mut self) {
        let tasks = std::mem::take(&mut self.tasks);
        *self = Machine { run: self.run + 1, tasks, ..Machine::default() };
    }

    // What is told of it.

    pub(super) fn waiting(&self) -> Vec<Waiting> {
        let kept = self.kept();
        let waits = |state| matches!(state, State::Suspended | State::Lingering);
        let suspended = |&place: &usize| kept[place] && waits(self.tasks[place].state);
        (0..self.tasks.len()).filter(suspended).map(|place| self.waiting_task(place)).collect()
    }

    fn waiting_task(&self, place: usize) -> Waiting {
        let is_own = |target: Target| self.owner(target) == Some(place);
        let joins = self.joined_by(place).into_iter().map(Wait::Join);
        let timers = self.timers.iter().filter(|timer| is_own(timer.target));
        let settlers = self.settlers.iter().filter(|&&(_, target)| is_own(target));
        let mut waits: Vec<Wait> = joins
            .chain(timers.map(|timer| match timer.deadline {
                Instant::NEVER => Wait::Never,
                deadline => Wait::Timer(deadline),
            }))
            .chain(settlers.map(|_| Wait::Settle))
            .collect();
        sort_waits(&mut waits);
        let task = &self.tasks[place];
        Waiting { task: task.key, since: task.since, waits, wakers: task.wakers as u16 }
    }

    pub(super) fn note(&mut self, line: &str) {
        if self.log.is_on() {
            let text = self.log.text(line);
            self.record(self.running, Event::Note { text });
        }
    }

    fn cause(&self) -> Cause {
        self.cause.unwrap_or(Cause::Outside)
    }

    pub(super) fn serial(&self, place: Option<usize>) -> u32 {
        place.map_or(NO_TASK, |place| self.tasks[place].serial as u32)
    }

    pub(super) fn record(&mut self, task: Option<usize>, event: Event) {
        let (turn, at, task) = (self.counters.turns, self.now, self.serial(task));
        self.log.push(Entry { turn, at, task, event });
    }
}

/// Brings waits into an order: which of two stands first says nothing.
pub(super) fn sort_waits(waits: &mut [Wait]) {
    waits.sort_by_key(|wait| match *wait {
        Wait::Join(key) => (0, Some(key), Instant::ZERO),
        Wait::Timer(deadline) => (1, None, deadline),
        Wait::Never => (2, None, Instant::NEVER),
        Wait::Settle => (3, None, Instant::NEVER),
    });
}

/// A waker that gives way is handed back, unless it is what takes its place.
pub(super) fn waker_unless(old: Target, new: Target) -> Option<WakerKey> {
    match old {
        Target::Waker(waker) if old != new => Some(waker),
        _ => None,
    }
}
