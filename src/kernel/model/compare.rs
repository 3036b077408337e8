//! What kernel and model must agree on: all that a shell could ask.

use super::super::{Paths, shown_path};
use super::machine::sort_waits;
use super::pair::Pair;

impl Pair {
    pub(super) fn compare(&mut self) {
        self.kernel.check();
        let Pair { kernel, model, .. } = &*self;
        let counters = model.counters;
        assert_eq!(kernel.now(), model.now, "the clock");
        assert_eq!(kernel.turn(), counters.turns, "the turn");
        assert_eq!(kernel.counters(), counters, "the counters");
        assert_eq!(kernel.digest(), model.digest.finished(), "the digest");
        let mut entries = kernel.log().entries.iter().zip(model.log.entries.iter());
        let different = entries.find(|(entry, expected)| entry != expected);
        assert_eq!(different, None, "the first entry of the log that differs");
        assert!(kernel.log() == &model.log, "a log is longer, or names other tasks or texts");
        let ready: Vec<_> = (0..kernel.ready_len()).map_while(|i| kernel.ready_task(i)).collect();
        assert_eq!(ready, model.ready_keys(), "the ready tasks in order");
        assert_eq!(kernel.ready_task(ready.len()), None, "behind the last ready task");
        let running = model.running.map(|place| model.tasks[place].key);
        assert_eq!(kernel.running(), running, "the running task");
        assert_eq!(kernel.next_deadline(), model.next_deadline(), "the next deadline");
        assert_eq!(kernel.has_holding_timer(), model.has_holding_timer(), "a timer holds the run");
        assert_eq!(kernel.has_settler(), !model.settlers.is_empty(), "a settler waits");
        assert_eq!(kernel.alive_in_spawn_order(), model.alive_in_spawn_order(), "who is alive");
        let mut waiting = kernel.waiting();
        waiting.iter_mut().for_each(|waiting| sort_waits(&mut waiting.waits));
        assert_eq!(waiting, model.waiting(), "who waits for what");
        for &key in &self.timers {
            let is_registered = model.timers.iter().any(|timer| timer.key == key);
            assert_eq!(kernel.is_registered(key), is_registered, "{key:?} is registered");
        }
        self.compare_tasks();
        if self.tasks_compared != self.model.tasks.len() {
            self.tasks_compared = self.model.tasks.len();
            self.compare_paths();
        }
    }

    fn compare_tasks(&self) {
        let tasks = self.model.tasks.iter().zip(self.model.kept());
        for (place, (expected, is_kept)) in tasks.enumerate() {
            let key = expected.key;
            let Some(task) = self.kernel.task(key) else {
                assert!(!is_kept, "{key:?} can still be asked for");
                continue;
            };
            assert!(is_kept, "nobody can ask for {key:?} any more");
            assert_eq!(task.state, expected.state, "the state of {key:?}");
            assert_eq!(task.is_woken(), expected.woken, "{key:?} is to run again");
            assert_eq!(task.is_aborted(), expected.abort, "{key:?} is to be dropped");
            assert_eq!(task.has_handle(), expected.has_handle, "{key:?} has a handle");
            assert_eq!(u32::from(task.wakers), expected.wakers, "the wakers of {key:?}");
            assert_eq!(task.serial, expected.serial, "the number of {key:?}");
            if task.state.is_alive() {
                assert_eq!(task.since(), expected.since, "since when {key:?} waits");
            }
            let member = self.kernel.tasks.member(key.slot());
            let member = member.filter(|member| self.model.is_open(member.group));
            assert_eq!(member, self.model.member(place), "the group of {key:?}");
            assert_eq!(task.joiner(), expected.joiner, "who joins {key:?}");
        }
    }

    pub(super) fn compare_paths(&self) {
        let mut paths = Paths::new(&self.kernel);
        let census = self.kernel.census();
        let mut counted = Paths::new(&census);
        for (place, is_kept) in self.model.kept().into_iter().enumerate() {
            let task = &self.model.tasks[place];
            let path = shown_path(&self.kernel.path(task.key));
            let is_of_run = task.run == self.model.run;
            let found = self.kernel.task_of_serial(task.serial as u32).filter(|_| is_of_run);
            let expected = if is_kept { self.model.path(place) } else { String::new() };
            assert_eq!(path, expected, "the path of {:?}", task.key);
            if is_kept {
                let listed = paths.shown(task.key.slot());
                assert_eq!(listed, expected, "the path of {:?} in a list", task.key);
                let listed = counted.shown(task.key.slot());
                assert_eq!(listed, expected, "the path of {:?} in a census", task.key);
            }
            let is_counted = census.task(task.key).is_some_and(|it| it.serial == task.serial);
            assert_eq!(is_counted, is_kept && is_of_run, "{:?} is counted", task.key);
            assert_eq!(found, is_kept.then_some(task.key), "the task of its number");
        }
    }
}
