//! What a queue decides: which item goes out next, who gets one, who may put one in.
//!
//! A getter that waited is given the right to an item, not an item. Handing over the item itself would give a
//! getter of a priority queue what was put first instead of the smallest, unlike asyncio, and an item that
//! comes back from a cancelled getter would have to find its old place.
//!
//! A putter that waited is given room and brings its item when it comes for it. An item that went in at once
//! would stay in the queue, or be with a getter already, when its putter is cancelled before its turn.

use std::collections::VecDeque;
use std::mem;

use super::heap::Heap;
use crate::executor::{Party, Wanted};
use crate::sync::away::Away;
use crate::sync::discard::discard;
use crate::sync::gate::{Gate, Shared};

/// Those who want an item.
pub(super) const GETTERS: usize = 0;
/// Those who have an item to put into a queue that is full.
pub(super) const PUTTERS: usize = 1;
/// Those who wait until all items are done with.
pub(super) const JOINERS: usize = 2;

pub(super) type SharedStore<T> = Shared<Store<T>, 3>;

/// What the three disciplines differ in.
pub(super) enum Order<T> {
    FirstInFirstOut,
    LastInFirstOut,
    /// Takes the smallest item out of a heap: the item's `Ord`, at hand only where the queue is made.
    Smallest(fn(&mut Heap<T>) -> Option<T>),
}

impl<T> Clone for Order<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Order<T> {}

pub(super) struct Store<T> {
    order: Order<T>,
    capacity: usize,
    /// In the order in which they came. With [`Order::Smallest`], those that are not in the heap yet.
    items: VecDeque<T>,
    heap: Heap<T>,
    /// With whom the heap is who takes an item out of it.
    heap_out: Option<Away>,
    /// How many items there are, those of a heap that is out included.
    len: usize,
    /// How many getters have a right to an item and have not taken it.
    promised: usize,
    /// How many putters have been given room and have not brought their item.
    reserved: usize,
    /// How many items were put and are not done with.
    unfinished: usize,
    is_shut_down: bool,
    /// Whether all items were thrown away, and nothing may come back.
    is_emptied: bool,
}

pub(super) enum Need<T> {
    Item,
    /// `None` from the moment on at which the item is with what was given.
    Room(Option<T>),
    AllDone,
}

pub(super) enum Grant<T> {
    /// The right to take an item out. Which one, is decided when it is taken out.
    Turn,
    Item(T),
    /// Room for this item, which is not in the queue as yet.
    Room(T),
    Done,
    ShutDown(Option<T>),
}

impl<T> Store<T> {
    pub(super) fn new(order: Order<T>, capacity: usize) -> Self {
        Store {
            order,
            capacity,
            items: VecDeque::new(),
            heap: Heap::default(),
            heap_out: None,
            len: 0,
            promised: 0,
            reserved: 0,
            unfinished: 0,
            is_shut_down: false,
            is_emptied: false,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// How much room is taken: by items, and by putters who have been given it.
    pub(super) fn taken(&self) -> usize {
        self.len + self.reserved
    }

    pub(super) fn unfinished(&self) -> usize {
        self.unfinished
    }

    pub(super) fn is_shut_down(&self) -> bool {
        self.is_shut_down
    }

    /// Says whether there was an item that was not done with.
    pub(super) fn task_done(&mut self) -> bool {
        let has_one = self.unfinished > 0;
        self.unfinished -= usize::from(has_one);
        has_one
    }

    pub(super) fn shut_down(&mut self) {
        self.is_shut_down = true;
    }

    /// Returns the items, to be dropped without the lock.
    pub(super) fn empty(&mut self) -> impl Iterator<Item = T> + use<T> {
        self.is_emptied = true;
        // One of them is not there any more if the heap is out.
        let thrown_away = self.len.saturating_sub(usize::from(self.heap_out.is_some()));
        self.unfinished -= thrown_away.min(self.unfinished);
        self.len = 0;
        mem::take(&mut self.items).into_iter().chain(mem::take(&mut self.heap).into_items())
    }

    fn put(&mut self, item: T) {
        self.items.push_back(item);
        self.len += 1;
        self.unfinished += 1;
    }

    fn serve_getter(&mut self) -> Option<Grant<T>> {
        if self.len > self.promised {
            self.promised += 1;
            return Some(Grant::Turn);
        }
        // What is promised may come back, so until it is taken nobody is turned away.
        let is_over = self.is_shut_down && self.len == 0;
        is_over.then_some(Grant::ShutDown(None))
    }

    fn serve_putter(&mut self, item: &mut Option<T>) -> Option<Grant<T>> {
        if self.is_shut_down {
            return Some(Grant::ShutDown(item.take()));
        }
        if self.taken() >= self.capacity {
            return None;
        }
        self.reserved += 1;
        item.take().map(Grant::Room)
    }

    /// Takes the right to an item away from a getter, for the item, unless choosing that takes comparisons.
    fn take(&mut self) -> Grant<T> {
        let item = match self.order {
            _ if self.is_emptied => None,
            Order::FirstInFirstOut => self.items.pop_front(),
            Order::LastInFirstOut => self.items.pop_back(),
            Order::Smallest(_) => return Grant::Turn,
        };
        self.promised -= 1;
        match item {
            Some(item) => {
                self.len -= 1;
                Grant::Item(item)
            }
            None => Grant::ShutDown(None),
        }
    }

    /// Lets an item in for which there is room, unless the queue was shut down since that was given.
    fn let_in(&mut self, item: T) -> Grant<T> {
        self.reserved -= 1;
        if self.is_shut_down {
            return Grant::ShutDown(Some(item));
        }
        self.put(item);
        Grant::Done
    }
}

impl<T> Gate for Store<T> {
    type Need = Need<T>;
    type Grant = Grant<T>;

    fn kind(&self) -> &'static str {
        "queue"
    }

    fn serve(&mut self, _: usize, need: &mut Need<T>, _: Option<Party>) -> Option<Grant<T>> {
        match need {
            Need::Item => self.serve_getter(),
            Need::Room(item) => self.serve_putter(item),
            Need::AllDone => (self.unfinished == 0).then_some(Grant::Done),
        }
    }

    /// An item stays where it is until it is taken out, and one that has not been brought is nowhere else; so
    /// what comes back moves nothing.
    fn take_back(&mut self, grant: Grant<T>) -> Option<Grant<T>> {
        match grant {
            Grant::Turn => self.promised -= 1,
            Grant::Room(_) => self.reserved -= 1,
            Grant::Item(_) | Grant::Done | Grant::ShutDown(_) => {}
        }
        Some(grant)
    }

    fn collect(&mut self, grant: Grant<T>) -> Grant<T> {
        match grant {
            Grant::Turn => self.take(),
            Grant::Room(item) => self.let_in(item),
            Grant::Item(_) | Grant::Done | Grant::ShutDown(_) => grant,
        }
    }

    fn wanted(&self, line: usize, _: &Need<T>) -> Wanted {
        let (before, after) = match line {
            GETTERS if self.len == 0 => ("an item of ", " (empty)".to_owned()),
            // Somebody has one coming and is not polled: a stream of items that nobody looks at.
            GETTERS => ("an item of ", format!(" ({} in it, promised to others)", self.len)),
            PUTTERS => ("room in ", format!(" ({} of {} taken)", self.taken(), self.capacity)),
            _ => ("the end of all work of ", format!(" ({} not done)", self.unfinished)),
        };
        Wanted { before: before.to_owned(), after }
    }
}

/// Takes the smallest item out, for one who has the right to it. The items are compared with no lock held, since that is
/// foreign code.
///
/// # Panics
///
/// Panics if this thread has the heap out already, and with a panic of a comparison. The right then goes to the
/// next, and no item is lost. `None` if all items have been thrown away.
pub(super) fn take_smallest<T>(shared: &SharedStore<T>) -> Option<T> {
    let mut out = HeapOut::new(shared);
    out.heap.extend(mem::take(&mut out.newer));
    let item = (out.take)(&mut out.heap);
    out.has_taken = item.is_some();
    item
}

/// Items are dropped one by one, since two destructors that panic in one drop would end the process.
impl<T> Drop for Store<T> {
    fn drop(&mut self) {
        let heap = mem::take(&mut self.heap);
        discard(mem::take(&mut self.items).into_iter().chain(heap.into_items()));
    }
}

/// A heap that is out of its queue. It goes back when this is dropped, and the right to an item with it.
struct HeapOut<'a, T> {
    shared: &'a SharedStore<T>,
    take: fn(&mut Heap<T>) -> Option<T>,
    heap: Heap<T>,
    /// What is to go into the heap.
    newer: VecDeque<T>,
    has_taken: bool,
}

impl<'a, T> HeapOut<'a, T> {
    fn new(shared: &'a SharedStore<T>) -> Self {
        loop {
            let out = shared.update(|store| {
                let Order::Smallest(take) = store.order else {
                    unreachable!("no other has a heap")
                };
                if let Some(away) = store.heap_out {
                    // For this thread it comes back too late.
                    store.promised -= usize::from(away == Away::here());
                    return Err(away);
                }
                store.heap_out = Some(Away::here());
                let (heap, newer) = (mem::take(&mut store.heap), mem::take(&mut store.items));
                Ok(HeapOut { shared, take, heap, newer, has_taken: false })
            });
            match out {
                Ok(out) => return out,
                Err(away) => away
                    .wait("an item was asked for while the items of the same queue were compared"),
            }
        }
    }
}

impl<T> Drop for HeapOut<'_, T> {
    fn drop(&mut self) {
        let heap = mem::take(&mut self.heap);
        let left_over = self.shared.update(|store| {
            store.heap_out = None;
            store.promised -= 1;
            if store.is_emptied {
                return Some(heap);
            }
            store.len -= usize::from(self.has_taken);
            store.heap = heap;
            None
        });
        discard(left_over.into_iter().flat_map(Heap::into_items));
    }
}
