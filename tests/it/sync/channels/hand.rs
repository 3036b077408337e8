//! Futures polled by hand: the same polls in the same order on every runtime.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

type Boxed = Pin<Box<dyn Future<Output = String>>>;

/// Futures that say in a line what they have ended with, and the lines so far.
#[derive(Default)]
pub struct Hand {
    waiting: BTreeMap<usize, (Boxed, Arc<Flag>)>,
    started: usize,
    pub lines: Vec<String>,
}

impl Hand {
    pub fn say(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// Polls a new future once.
    pub fn start(&mut self, future: impl Future<Output = String> + 'static) {
        let number = self.started;
        self.started += 1;
        self.waiting.insert(number, (Box::pin(future), Arc::default()));
        self.poll(number);
    }

    fn poll(&mut self, number: usize) {
        let (future, flag) = self.waiting.get_mut(&number).unwrap();
        flag.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(flag));
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        if let Poll::Ready(line) = polled {
            self.waiting.remove(&number);
            self.say(format!("#{number} {line}"));
        }
    }

    /// Polls those that were woken, until nobody is.
    pub fn settle(&mut self) {
        while let Some(number) = self.first_woken() {
            self.poll(number);
        }
    }

    fn first_woken(&self) -> Option<usize> {
        let woken = |flag: &Flag| flag.0.load(Ordering::Relaxed);
        self.waiting.iter().find(|(_, (_, flag))| woken(flag)).map(|(&number, _)| number)
    }

    /// Polls all, woken or not, and so those that were forgotten.
    pub fn poll_all(&mut self) {
        for number in self.waiting.keys().copied().collect::<Vec<_>>() {
            self.poll(number);
        }
        self.settle();
    }

    /// After a receiver was closed: whoever waits with that receiver is woken by ours, not by tokio's, which takes
    /// it that the one who closes it knows.
    pub fn poll_closer(&mut self, is_waiting: bool) {
        if is_waiting {
            self.poll_all();
        }
    }

    /// Drops one that waits.
    pub fn cancel(&mut self, choice: usize) {
        if let Some(&number) = self.waiting.keys().nth(choice % self.waiting.len().max(1)) {
            self.waiting.remove(&number);
            self.say(format!("#{number} cancelled"));
        }
    }
}

/// The entry that a number of any size means, if there is one.
pub fn pick<T>(list: &mut [T], choice: usize) -> Option<&mut T> {
    let len = list.len().max(1);
    list.get_mut(choice % len)
}

/// Takes out the entry that a number of any size means.
pub fn take<T>(list: &mut Vec<T>, choice: usize) -> Option<T> {
    (!list.is_empty()).then(|| list.remove(choice % list.len()))
}
