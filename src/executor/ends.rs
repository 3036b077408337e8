//! Waiting for the end of a task without its join handle, and making one end wait for others.

use std::task::{Context, Poll};

use super::access;
use super::context;
use super::core::{Core, Payload};
use super::inbox::{self, Dropped};
use super::join::{AbortHandle, JoinHandle};
use super::registry::RunId;
use super::resource::Whom;
use super::turn::forget_panic;
use crate::kernel::{Access, Instant, Object, Target, WatcherKey};

/// A wait for the end of one task, beside whoever joins it. Dropping it withdraws the wait.
#[derive(Default)]
pub(crate) struct EndWatch {
    registered: Option<(RunId, WatcherKey)>,
}

impl EndWatch {
    /// Is ready when the task has ended; before, sees to it that the context's waker is woken then.
    pub(crate) fn poll(&mut self, task: &AbortHandle, cx: &Context<'_>) -> Poll<()> {
        access::note(Access::Read(Object::End(task.number())));
        let Some((core, key)) = task.found() else { return Poll::Ready(()) };
        let target = core.target(cx.waker());
        let mut state = core.state();
        let replaced = match self.registered {
            Some((_, watcher)) => state.kernel.rewatch_end(watcher, target),
            None => {
                let watcher = state.kernel.watch_end(key, target);
                self.registered = watcher.map(|watcher| (core.run_id(), watcher));
                watcher.map(|_| None)
            }
        };
        drop(state);
        match replaced {
            Some(replaced) => {
                core.drop_waker(replaced);
                Poll::Pending
            }
            None => {
                if let Target::Waker(unused) = target {
                    core.drop_waker(Some(unused));
                }
                Poll::Ready(())
            }
        }
    }
}

impl Drop for EndWatch {
    #[inline]
    fn drop(&mut self) {
        if let Some((run, watcher)) = self.registered.take() {
            withdraw(run, watcher);
        }
    }
}

#[inline(never)]
fn withdraw(run: RunId, watcher: WatcherKey) {
    match context::find_run(run) {
        Some(core) => {
            let waker = core.state().kernel.unwatch_end(watcher);
            core.drop_waker(waker);
        }
        None => inbox::drop_elsewhere(run.loop_id(), Dropped::Watch(run, watcher)),
    }
}

/// Makes the end of the running task wait for the ends of others: it is told to nobody before.
///
/// Does nothing outside a task and as the run ends. May be called from a destructor.
pub(crate) fn bequeath<'a>(heirs: impl IntoIterator<Item = &'a AbortHandle>) {
    context::try_with(|core| {
        let mut state = core.state();
        let Some(owner) = state.kernel.running() else { return };
        for heir in heirs.into_iter().filter(|heir| heir.loop_id() == core.id) {
            if let Some(key) = heir.key() {
                state.kernel.bequeath(owner, key);
                if let Some(left) = &mut *core.left_behind.borrow_mut() {
                    left.push(heir.clone());
                }
            }
        }
    });
}

/// Tasks that destructors in a piece of code have left behind, and the wait for their ends.
///
/// They are the running task's heirs as well, so nothing is lost where this is dropped before its time.
#[derive(Default)]
pub(crate) struct Heirs {
    left: Vec<(AbortHandle, EndWatch)>,
    /// The length at which those that have ended are swept out. It is twice what was left the last time, so
    /// sweeping costs each of them a look or two, however often something is collected.
    full: usize,
    /// Whom the ends of those that were left at the last look will wake, by the task's number.
    watched_by: Option<Whom>,
    /// How often it was looked whether a task has ended.
    #[cfg(test)]
    looks: usize,
}

/// Tasks that are kept at least before any are swept out.
const FULL_MIN: usize = 16;

impl Heirs {
    /// Runs `f`, and takes in the tasks that are left behind in it.
    pub(crate) fn collect<R>(&mut self, f: impl FnOnce() -> R) -> R {
        let mut collecting = Collecting { outer: Some(swap_left_behind(Some(Vec::new()))) };
        let result = f();
        let found = collecting.end();
        if !found.is_empty() {
            self.left.extend(found.into_iter().map(|task| (task, EndWatch::default())));
            self.watched_by = None;
        }
        // Code that goes on for long may leave many behind, one after the other.
        if self.left.len() >= self.full.max(FULL_MIN) {
            self.look(self.left.len());
            self.left.retain(|(task, _)| !task.is_finished());
            self.full = 2 * self.left.len();
        }
        result
    }

    /// Is ready when all have ended.
    ///
    /// All are watched, so that a report names them. After that a look at the last is enough to know that there is
    /// something to wait for.
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        let whom = Whom::behind(cx.waker());
        if whom.is_none() || whom != self.watched_by {
            self.look(self.left.len());
            self.left.retain_mut(|(task, watch)| watch.poll(task, cx).is_pending());
            self.watched_by = whom;
        }
        while let Some((task, _)) = self.left.last() {
            let is_finished = task.is_finished();
            self.look(1);
            if !is_finished {
                return Poll::Pending;
            }
            self.left.pop();
        }
        Poll::Ready(())
    }

    fn look(&mut self, _count: usize) {
        #[cfg(test)]
        (self.looks += _count);
    }
}

/// Ends the collection however the code ends. Whoever collects around it hears of the tasks as well.
struct Collecting {
    /// Gone when the collection has ended.
    outer: Option<Option<Vec<AbortHandle>>>,
}

impl Collecting {
    fn end(&mut self) -> Vec<AbortHandle> {
        let Some(mut outer) = self.outer.take() else { return Vec::new() };
        let found = swap_left_behind(None).unwrap_or_default();
        if let Some(outer) = &mut outer {
            for task in &found {
                outer.push(task.clone());
            }
        }
        swap_left_behind(outer);
        found
    }
}

impl Drop for Collecting {
    fn drop(&mut self) {
        self.end();
    }
}

fn swap_left_behind(place: Option<Vec<AbortHandle>>) -> Option<Vec<AbortHandle>> {
    context::try_current()?.left_behind.replace(place)
}

/// Leaves a panic to the run, which fails with it at its end: there is nobody else to take it.
pub(crate) fn leave_panic(payload: Payload) {
    match context::try_current() {
        Some(core) => core.collect_panic("a task group", payload),
        None => forget_panic(payload),
    }
}

/// When a task panicked whose panic nobody has taken yet.
pub(crate) fn panicked_at<T>(handle: &JoinHandle<T>) -> Option<Instant> {
    let at = |core: &Core| {
        let key = handle.task.key()?;
        core.state().panics.get(key).map(|panicked| panicked.at)
    };
    context::with_loop(handle.task.loop_id(), at).flatten()
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::super::event_loop::run;
    use super::super::join::AbortHandle;
    use super::super::spawn::spawn;
    use super::*;

    #[test]
    fn many_that_are_left_behind_cost_no_more_each_than_one() {
        const MANY: usize = 2_000;
        run(async {
            let mut heirs = Heirs::default();
            let mut leave = |count| {
                for _ in 0..count {
                    let heir: AbortHandle = spawn(std::future::pending::<()>()).abort_handle();
                    heirs.collect(|| bequeath([&heir]));
                    heir.abort();
                }
                // Code that goes on and leaves nothing behind looks at nothing.
                (0..count).for_each(|_| heirs.collect(|| ()));
            };
            leave(MANY);
            let mut polls = 0;
            poll_fn(|cx| {
                polls += 1;
                heirs.poll(cx)
            })
            .await;
            assert!(heirs.left.is_empty());
            assert!(polls <= MANY + 1, "{polls} polls");
            assert!(heirs.looks <= 8 * MANY, "{} looks", heirs.looks);
        });
    }
}
