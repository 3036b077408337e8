//! The state of a loop as it begins, as it is used again, and what is stored in it.

use std::any::Any;
use std::task::Waker;
use std::time::Duration;

use super::cell::{BoxedCell, Incoming};
use super::core::{JoinPoll, Phase, State};
use super::injecting::Injecting;
use super::registry::LoopId;
use super::resource::Resources;
use super::waker;
use super::workers::{WorkerCounts, Workers};
use crate::kernel::ordered::Map;
use crate::kernel::{Kernel, Level, Spawn, State as TaskState, TaskKey, WakerKey, shown_path};
use crate::policy::Draft;

/// The wall clock's reading at the start unless set: 2000-01-01T00:00:00Z, as time since 1970 (S11).
pub(super) const YEAR_2000: Duration = Duration::from_secs(946_684_800);

/// A reading of the wall clock as the state keeps it. Nanoseconds of any `Duration` fit 127 bits.
pub(super) const fn wall_at(since_epoch: Duration) -> i128 {
    since_epoch.as_nanos() as i128
}

/// The first slots keep the emptied cells of their tasks for the next tasks there.
const CELLS_KEPT_MAX: usize = 1024;

/// Task slots up to which the memory of a finished run is kept for the next one.
const SLOTS_KEPT_MAX: usize = 1 << 17;

impl State {
    pub(super) fn new(kernel: Kernel) -> State {
        State {
            kernel,
            cells: Vec::new(),
            wakers: Vec::new(),
            panics: Map::new(),
            unjoined: Vec::new(),
            panics_caught: 0,
            draws: Map::new(),
            schedule: Draft::default(),
            values_chosen: (0, 0),
            injects: false,
            injecting: Injecting::default(),
            is_configured: false,
            asked_from: usize::MAX,
            seed: 0,
            echo: false,
            level: Level::Off,
            deny_leftovers: false,
            start_time: None,
            wall_at_start: wall_at(YEAR_2000),
            workers: Workers::default(),
            phase: Phase::Open,
            is_interrupted: false,
            failure: None,
            policy_source: None,
            replayed: None,
            replay_error: None,
            resources: Resources::default(),
            #[cfg(feature = "backtrace")]
            probed: Vec::new(),
        }
    }

    /// Forgets the settings of a run.
    pub(super) fn reset_settings(&mut self) {
        self.is_configured = false;
        self.kernel.reset_settings();
        self.workers.counts = WorkerCounts::default();
        (self.asked_from, self.seed, self.injects) = (usize::MAX, 0, false);
        (self.echo, self.deny_leftovers) = (false, false);
        (self.wall_at_start, self.start_time, self.level) = (wall_at(YEAR_2000), None, Level::Off);
        // To write what is there already is not free where it is large.
        if self.policy_source.is_some() || self.replayed.is_some() || self.replay_error.is_some() {
            (self.policy_source, self.replayed, self.replay_error) = (None, None, None);
        }
    }

    /// Says whether there is a setting that has to be made anew for each run.
    pub(super) fn has_settings_for_one(&self) -> bool {
        self.injects || self.kernel.is_noted()
    }

    /// Forgets the run, for another of the same settings. Returns `false` if the loop must not be used again.
    pub(super) fn restart(&mut self) -> bool {
        debug_assert!(
            self.kernel.has_ended() && self.wakers.is_empty(),
            "foreign data is dropped before"
        );
        // Field by field, as the kernel does it.
        let State {
            kernel,
            cells,
            wakers: _,
            panics,
            unjoined,
            panics_caught,
            draws,
            schedule,
            values_chosen,
            injects: _,
            injecting: _,
            is_configured: _,
            asked_from: _,
            seed: _,
            echo: _,
            level: _,
            deny_leftovers: _,
            wall_at_start,
            start_time,
            workers: _,
            phase,
            is_interrupted,
            failure,
            policy_source: _,
            replayed: _,
            replay_error: _,
            resources,
            #[cfg(feature = "backtrace")]
                probed: _,
        } = self;
        let is_small = cells.capacity() <= SLOTS_KEPT_MAX;
        let has_keys = kernel.restart();
        // Emptying an empty map is not free, and most runs leave all of these empty.
        if !panics.is_empty() || !draws.is_empty() {
            panics.clear();
            draws.clear();
        }
        unjoined.clear();
        *panics_caught = 0;
        schedule.clear();
        *values_chosen = (0, 0);
        // Steps have moved it.
        *wall_at_start = start_time.map_or(wall_at(YEAR_2000), wall_at);
        (*phase, *is_interrupted, *failure) = (Phase::Open, false, None);
        resources.clear();
        is_small && has_keys
    }

    /// Gives a panic its place among those of the run.
    pub(super) fn number_panic(&mut self) -> u64 {
        self.panics_caught += 1;
        self.panics_caught
    }

    pub(super) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Adds a task. In a run that has ended there is none, and its future is given back.
    #[inline(always)]
    pub(super) fn add_task(
        &mut self,
        future: &mut dyn Incoming,
        spawn: &Spawn<'_>,
    ) -> Result<TaskKey, BoxedCell> {
        if !self.is_open() {
            return Err(future.boxed());
        }
        let key = self.kernel.spawn(spawn);
        let (slot, len) = (key.slot() as usize, self.cells.len());
        match self.cells.get_mut(slot) {
            Some(place) => future.settle(place),
            None if slot == len => self.cells.push(Some(future.boxed())),
            None => self.put_behind(slot, future.boxed()),
        }
        Ok(key)
    }

    /// Stores the future of a new task.
    pub(super) fn put(&mut self, key: TaskKey, cell: BoxedCell) {
        let slot = key.slot() as usize;
        match self.cells.get_mut(slot) {
            Some(place) => *place = Some(cell),
            None => self.put_behind(slot, cell),
        }
    }

    /// The same in a slot that has never had a future.
    #[inline(never)]
    fn put_behind(&mut self, slot: usize, cell: BoxedCell) {
        while self.cells.len() < slot {
            self.cells.push(None);
        }
        self.cells.push(Some(cell));
    }

    /// Keeps a waker behind which the running task waits.
    pub(super) fn keep(&mut self, waker: Waker) -> WakerKey {
        let key = self.kernel.add_waker();
        self.keep_as(key, waker)
    }

    /// Keeps a waker behind which no task waits.
    pub(super) fn keep_for_nobody(&mut self, waker: Waker) -> WakerKey {
        let key = self.kernel.add_waker_of(None);
        self.keep_as(key, waker)
    }

    fn keep_as(&mut self, key: WakerKey, waker: Waker) -> WakerKey {
        let place = key.0 as usize;
        while place >= self.wakers.len() {
            self.wakers.push(None);
        }
        self.wakers[place] = Some(waker);
        key
    }

    pub(super) fn take_waker(&mut self, key: WakerKey) -> Option<Waker> {
        let waker = self.wakers.get_mut(key.0 as usize)?.take();
        self.kernel.remove_waker(key);
        waker
    }

    /// Looks once at the tasks whose timers fire next.
    ///
    /// Where there are very many, each lies in memory that is in no cache. Looked at together they are fetched
    /// together; polled one after another, each would be waited for.
    #[inline]
    pub(super) fn fetch_upcoming(&mut self) {
        if let Some(upcoming) = self.kernel.take_upcoming() {
            let cells = upcoming.filter_map(|task| self.cells.get(task.slot() as usize)?.as_ref());
            std::hint::black_box(cells.filter(|cell| cell.is_future()).count());
        }
    }

    /// Takes the future or the output of a task, if it is there.
    pub(super) fn take_cell(&mut self, slot: u32) -> Option<BoxedCell> {
        self.cells.get_mut(slot as usize)?.take()
    }

    /// The tasks of another loop that join tasks of this one, each with the path of the one that it joins.
    pub(super) fn joined_from(&self, loop_id: LoopId) -> Vec<(TaskKey, String)> {
        let mut joined = Vec::new();
        for (task, key) in self.kernel.joined_by_wakers() {
            let waker = self.wakers.get(key.0 as usize).and_then(Option::as_ref);
            if let Some(address) = waker.and_then(waker::address) {
                let joiner = address.unpack();
                if joiner.loop_id == loop_id {
                    joined.push((joiner.task, self.path(task)));
                }
            }
        }
        joined
    }

    /// The turn, and which of the values chosen in it the next one is, from 1.
    pub(super) fn next_value(&self) -> (u64, u32) {
        let turn = self.kernel.turn();
        match self.values_chosen {
            (same, count) if same == turn => (turn, count + 1),
            _ => (turn, 1),
        }
    }

    /// Puts back the future that was taken out for a poll, or its output.
    #[inline(always)]
    pub(super) fn put_back(&mut self, slot: u32, cell: BoxedCell) {
        let emptied = self.cells[slot as usize].replace(cell);
        debug_assert!(emptied.is_none(), "it was taken out");
        // So that there is no code to drop what is not there.
        std::mem::forget(emptied);
    }

    /// Moves the output of a task into `place` if it has finished, and does nothing if it has not.
    #[inline(always)]
    pub(super) fn try_join(&mut self, key: TaskKey, place: &mut dyn Any) -> JoinPoll {
        match self.kernel.task(key).map(|task| task.state) {
            Some(TaskState::Completed) => self.take_output(key.slot(), place),
            Some(state) if state.is_alive() => JoinPoll::Pending,
            Some(_) => JoinPoll::Failed,
            None => JoinPoll::Gone,
        }
    }

    /// Moves the output of a task that has completed into `place`, and lets go of the task. As a run ends the output
    /// may have been dropped.
    #[inline(always)]
    pub(super) fn take_output(&mut self, slot: u32, place: &mut dyn Any) -> JoinPoll {
        self.kernel.release_finished(slot);
        let slot = slot as usize;
        let Some(home) = self.cells.get_mut(slot) else { return JoinPoll::Gone };
        let Some(cell) = home.take() else { return JoinPoll::Gone };
        // The emptied cell stays or goes with it: memory, and no destructor of anybody's.
        let emptied = cell.take(place, slot < CELLS_KEPT_MAX);
        std::mem::forget(std::mem::replace(home, emptied));
        JoinPoll::Completed
    }

    pub(super) fn path(&self, key: TaskKey) -> String {
        shown_path(&self.kernel.path(key))
    }
}
