//! Planted bugs of tasks that wait in line: notifications and permits that a cancelled task takes along, and
//! calls that reach the wrong one.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

use simloop::sync::{Condition, Mutex, Semaphore};
use simloop::{spawn_named, yield_now};

use super::bugs::{assert_found, assert_right};

/// Who waits in line, by hand. A place that is given up leaves the line, and a call that it has had already
/// goes to nobody: that is the bug.
#[derive(Default)]
struct Line {
    places: RefCell<VecDeque<Rc<Place>>>,
}

#[derive(Default)]
struct Place {
    is_called: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// A place in the line for as long as it lives.
struct InLine<'a> {
    line: &'a Line,
    place: Rc<Place>,
}

impl Line {
    async fn wait(&self) {
        let place = Rc::<Place>::default();
        self.places.borrow_mut().push_back(Rc::clone(&place));
        let in_line = InLine { line: self, place };
        poll_fn(|cx| {
            *in_line.place.waker.borrow_mut() = Some(cx.waker().clone());
            if in_line.place.is_called.get() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn call_next(&self) -> bool {
        let Some(next) = self.places.borrow_mut().pop_front() else { return false };
        next.is_called.set(true);
        if let Some(waker) = next.waker.take() {
            waker.wake();
        }
        true
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.line.places.borrow_mut().retain(|place| !Rc::ptr_eq(place, &self.place));
    }
}

// Two wait for one delivery, whoever hears of it tells the other, and the first is cancelled.

trait Bell: 'static {
    async fn wait(&self);
    async fn ring(&self);
    fn tell_next(&self);
}

/// With the line by hand.
#[derive(Default)]
struct Forgetful {
    has_come: Cell<bool>,
    line: Line,
}

impl Bell for Forgetful {
    async fn wait(&self) {
        while !self.has_come.get() {
            self.line.wait().await;
        }
    }

    async fn ring(&self) {
        self.has_come.set(true);
        self.tell_next();
    }

    fn tell_next(&self) {
        self.line.call_next();
    }
}

/// With the condition of this crate, which passes on what a cancelled wait was given.
#[derive(Default)]
struct Careful {
    has_come: Mutex<bool>,
    condition: Condition,
}

impl Bell for Careful {
    async fn wait(&self) {
        let guard = self.has_come.lock().await;
        drop(self.condition.wait_while(guard, |has_come| !*has_come).await);
    }

    async fn ring(&self) {
        *self.has_come.lock().await = true;
        self.tell_next();
    }

    fn tell_next(&self) {
        self.condition.notify_one();
    }
}

async fn delivery<B: Bell + Default>() {
    let bell = Rc::<B>::default();
    let [cancelled, patient] = ["cancelled", "patient"].map(|name| {
        let bell = Rc::clone(&bell);
        spawn_named(name, async move {
            bell.wait().await;
            bell.tell_next();
        })
    });
    let canceller = spawn_named("canceller", async move {
        yield_now().await;
        cancelled.abort();
    });
    let courier = spawn_named("courier", async move {
        yield_now().await;
        yield_now().await;
        bell.ring().await;
    });
    canceller.await.unwrap();
    courier.await.unwrap();
    patient.await.unwrap();
}

#[test]
fn a_notification_that_reaches_a_cancelled_task_is_lost_unless_it_is_passed_on() {
    assert_found("lost_notification", delivery::<Forgetful>);
    assert_right(delivery::<Careful>);
}

// A buffer of one place, with one condition for those who put and those who take, or with one for each.

async fn buffer(is_shared: bool) {
    let is_full = Arc::new(Mutex::new(false));
    let may_put = Arc::new(Condition::new().named("may put"));
    let may_take = match is_shared {
        true => Arc::clone(&may_put),
        false => Arc::new(Condition::new().named("may take")),
    };
    let puts = ["producer", "producer"].map(|name| (name, &may_put, &may_take));
    let takes = ["consumer", "consumer"].map(|name| (name, &may_take, &may_put));
    let tasks = [puts, takes].concat().into_iter().map(|(name, mine, theirs)| {
        let (is_full, mine, theirs) = (Arc::clone(&is_full), Arc::clone(mine), Arc::clone(theirs));
        spawn_named(name, async move {
            let puts = name == "producer";
            let guard = is_full.lock().await;
            let mut guard = mine.wait_while(guard, |is_full| *is_full == puts).await;
            yield_now().await;
            *guard = puts;
            theirs.notify_one();
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

#[test]
fn a_bounded_buffer_with_one_condition_for_both_sides_wakes_the_wrong_one() {
    assert_found("bounded_buffer", || buffer(true));
    assert_right(|| buffer(false));
}

// A permit that is handed to a task which is cancelled before it has seen it.

trait Permits: 'static {
    fn one() -> Self;
    /// Holds a permit for so many turns.
    async fn hold(&self, turns: u32);
    fn available(&self) -> usize;
}

/// With the line by hand.
struct Leaky {
    permits: Cell<usize>,
    line: Line,
}

impl Permits for Leaky {
    fn one() -> Self {
        Leaky { permits: Cell::new(1), line: Line::default() }
    }

    async fn hold(&self, turns: u32) {
        match self.permits.get() {
            0 => self.line.wait().await,
            permits => self.permits.set(permits - 1),
        }
        for _ in 0..turns {
            yield_now().await;
        }
        if !self.line.call_next() {
            self.permits.set(self.permits.get() + 1);
        }
    }

    fn available(&self) -> usize {
        self.permits.get()
    }
}

impl Permits for Semaphore {
    fn one() -> Self {
        Semaphore::new(1)
    }

    async fn hold(&self, turns: u32) {
        let _permit = self.acquire().await.unwrap();
        for _ in 0..turns {
            yield_now().await;
        }
    }

    fn available(&self) -> usize {
        self.available_permits()
    }
}

async fn pool<P: Permits>() {
    let permits = Rc::new(P::one());
    let [user, cancelled] = [("user", 3), ("cancelled", 0)].map(|(name, turns)| {
        let permits = Rc::clone(&permits);
        spawn_named(name, async move { permits.hold(turns).await })
    });
    let handle = cancelled.abort_handle();
    let canceller = spawn_named("canceller", async move {
        yield_now().await;
        handle.abort();
    });
    canceller.await.unwrap();
    user.await.unwrap();
    let _ = cancelled.await;
    assert_eq!(permits.available(), 1, "a permit has leaked");
}

#[test]
fn a_permit_handed_to_a_cancelled_task_leaks_unless_it_is_given_back() {
    assert_found("permit_leak", pool::<Leaky>);
    assert_right(pool::<Semaphore>);
}
