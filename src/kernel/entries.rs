//! The entries of the log, nearly all of them in one word.
//!
//! What a full log costs is fresh memory, far more than the writing: an entry of forty bytes took three times as
//! long as the turn that it tells of. So turn and instant are kept as differences from the entry before, which
//! can be undone, for a log is read from either end. What does not fit a word is kept whole, beside.

#[cfg(test)]
mod tests;

use std::fmt;

use super::event::{Cause, Entry, Event, NO_RESOURCE, NO_TASK, Waited};
use super::instant::Instant;

/// Entries in the order in which they were written.
///
/// The same entries are always packed in the same way, so they are equal when what is kept is.
#[derive(Clone, PartialEq, Default)]
pub(crate) struct Entries {
    words: Vec<u64>,
    wide: Vec<Wide>,
    len: usize,
    last: Stamp,
    /// For every so many entries: the place of the first of them, and the stamp of the one before.
    marks: Vec<(usize, Stamp)>,
}

/// Entries between two marks.
const MARKED: usize = 256;

/// When an entry was written. Before the first one: at the very beginning.
#[derive(Clone, Copy, PartialEq, Default)]
struct Stamp {
    turn: u64,
    at: Instant,
}

/// An entry that does not fit a word, and the stamp of the one before.
#[derive(Clone, Copy, PartialEq)]
struct Wide {
    entry: Entry,
    before: Stamp,
}

/// What a word holds, from its lowest bit: a number that depends on the kind, the task, whether the turn is a
/// later one than that of the entry before, the next one unless a leap stands between them, and the kind.
#[derive(Clone, Copy)]
struct Word {
    kind: u8,
    is_next_turn: bool,
    task: u32,
    number: u64,
}

const NUMBER_BITS: u32 = 36;
const TASK_BITS: u32 = 22;
const TURN_BIT: u32 = NUMBER_BITS + TASK_BITS;
const NUMBER_MAX: u64 = (1 << NUMBER_BITS) - 1;

/// Stands for [`NO_TASK`].
const TASK_NONE: u32 = (1 << TASK_BITS) - 1;

const SPAWNED: u8 = 0;
const POLLED: u8 = 1;
const WOKEN: u8 = 2;
const ABORT_REQUESTED: u8 = 3;
const REGISTERED: u8 = 4;
const FIRED: u8 = 5;
const CANCELLED_TIMER: u8 = 6;
const JUMPED: u8 = 7;
const BLOCKED: u8 = 8;
const COMPLETED: u8 = 9;
const CANCELLED: u8 = 10;
const PANICKED: u8 = 11;
const NOTE: u8 = 12;
/// Of a single wait, and without a deadline but that of a timer.
const WAITS_RESOURCE: u8 = 13;
const WAITS_JOIN: u8 = 14;
const WAITS_SETTLE: u8 = 15;
const WAITS_TIMER: u8 = 16;
const WAITS_FOREIGN: u8 = 17;
/// No entry: so many turns lie between the one before and the one behind it.
const LEAP: u8 = 30;
/// The number is a place among the wide ones.
const WIDE: u8 = 31;

impl Word {
    #[inline]
    fn pack(self) -> u64 {
        u64::from(self.kind) << (TURN_BIT + 1)
            | u64::from(self.is_next_turn) << TURN_BIT
            | u64::from(self.task) << NUMBER_BITS
            | self.number
    }

    #[inline]
    fn unpack(word: u64) -> Word {
        Word {
            kind: (word >> (TURN_BIT + 1)) as u8,
            is_next_turn: word >> TURN_BIT & 1 == 1,
            task: (word >> NUMBER_BITS) as u32 & TASK_NONE,
            number: word & NUMBER_MAX,
        }
    }

    /// The time by which the clock moved with this entry.
    #[inline]
    fn moved(self) -> u64 {
        if matches!(self.kind, JUMPED | BLOCKED) { from_span(self.number) } else { 0 }
    }

    /// The entry with this stamp.
    fn entry(self, Stamp { turn, at }: Stamp) -> Entry {
        let since = |nanos: u64| Instant::from_nanos(at.as_nanos() - nanos);
        let deadline = Instant::from_nanos(at.as_nanos().wrapping_add(from_span(self.number)));
        let text = self.number as u32;
        let event = match self.kind {
            SPAWNED => Event::Spawned,
            POLLED => {
                let (index, ready) = unpack_choice(self.number);
                Event::Polled { index, ready }
            }
            WOKEN => {
                let (cause, resource) = unpack_wake(self.number);
                Event::Woken { cause, resource }
            }
            ABORT_REQUESTED => Event::AbortRequested(unpack_cause(self.number)),
            REGISTERED => Event::TimerRegistered { deadline },
            FIRED => Event::TimerFired { deadline: since(from_span(self.number)) },
            CANCELLED_TIMER => Event::TimerCancelled { deadline },
            JUMPED => Event::Jumped { from: since(self.moved()) },
            BLOCKED => Event::Blocked { from: since(self.moved()) },
            COMPLETED => Event::Completed,
            CANCELLED => Event::Cancelled,
            PANICKED => Event::Panicked { text },
            NOTE => Event::Note { text },
            WAITS_RESOURCE => {
                let holder = unpack_task(self.number);
                let wanted = (self.number >> TASK_BITS) as u32;
                waits(Waited::Resource { wanted, holder, holders_more: 0 })
            }
            WAITS_JOIN => waits(Waited::Join { task: unpack_task(self.number) }),
            WAITS_SETTLE => waits(Waited::Settle),
            WAITS_TIMER => Event::Waits { what: Waited::Timer, others: 0, deadline },
            _ => waits(Waited::Foreign),
        };
        Entry { turn, at, task: unpack_task(self.task.into()), event }
    }
}

/// The kind and the number of an event at an instant, if it fits a word.
#[inline(always)]
fn pack_event(event: Event, at: Instant, before: Instant) -> Option<(u8, u64)> {
    let ahead = |deadline: Instant| to_span(deadline.as_nanos().checked_sub(at.as_nanos())?);
    let behind = |from: Instant| to_span(at.as_nanos().checked_sub(from.as_nanos())?);
    // The clock moves with these, from where it stood, and with no other.
    let from = match event {
        Event::Jumped { from } | Event::Blocked { from } => from,
        _ => at,
    };
    if from != before {
        return None;
    }
    Some(match event {
        Event::Spawned => (SPAWNED, 0),
        Event::Polled { index, ready } => (POLLED, pack_choice(index, ready)?),
        Event::Woken { cause, resource } => (WOKEN, pack_wake(cause, resource)?),
        Event::Waits { what: Waited::Timer, others: 0, deadline } => {
            (WAITS_TIMER, ahead(deadline)?)
        }
        Event::Waits { what, others: 0, deadline: Instant::NEVER } => pack_wait(what)?,
        Event::Waits { .. } => return None,
        Event::AbortRequested(cause) => (ABORT_REQUESTED, pack_cause(cause)?),
        Event::TimerRegistered { deadline } => (REGISTERED, ahead(deadline)?),
        Event::TimerFired { deadline } => (FIRED, behind(deadline)?),
        Event::TimerCancelled { deadline } => (CANCELLED_TIMER, ahead(deadline)?),
        Event::Jumped { from } => (JUMPED, behind(from)?),
        Event::Blocked { from } => (BLOCKED, behind(from)?),
        Event::Completed => (COMPLETED, 0),
        Event::Cancelled => (CANCELLED, 0),
        Event::Panicked { text } => (PANICKED, text.into()),
        Event::Note { text } => (NOTE, text.into()),
    })
}

#[inline(always)]
fn pack_task(task: u32) -> Option<u32> {
    match task {
        NO_TASK => Some(TASK_NONE),
        task => (task < TASK_NONE).then_some(task),
    }
}

/// A task in the lowest bits of a number.
fn unpack_task(number: u64) -> u32 {
    let task = number as u32 & TASK_NONE;
    if task == TASK_NONE { NO_TASK } else { task }
}

/// Kind and number of a wait, unless it is one for a timer.
#[inline]
fn pack_wait(what: Waited) -> Option<(u8, u64)> {
    match what {
        Waited::Resource { wanted, holder, holders_more: 0 } => {
            let fits = wanted >> (NUMBER_BITS - TASK_BITS) == 0;
            let holder = u64::from(pack_task(holder)?);
            fits.then_some((WAITS_RESOURCE, u64::from(wanted) << TASK_BITS | holder))
        }
        Waited::Join { task } => Some((WAITS_JOIN, pack_task(task)?.into())),
        Waited::Settle => Some((WAITS_SETTLE, 0)),
        Waited::Foreign => Some((WAITS_FOREIGN, 0)),
        Waited::Resource { .. } | Waited::Timer => None,
    }
}

/// A wait for one thing and without a deadline.
fn waits(what: Waited) -> Event {
    Event::Waits { what, others: 0, deadline: Instant::NEVER }
}

/// Bits for the index of a polled task; what is left is for the number of ready ones, which is larger.
const INDEX_BITS: u32 = 18;

#[inline(always)]
fn pack_choice(index: u32, ready: u32) -> Option<u64> {
    let fits = index >> INDEX_BITS == 0 && u64::from(ready) <= NUMBER_MAX >> INDEX_BITS;
    fits.then(|| u64::from(ready) << INDEX_BITS | u64::from(index))
}

fn unpack_choice(number: u64) -> (u32, u32) {
    (number as u32 & ((1 << INDEX_BITS) - 1), (number >> INDEX_BITS) as u32)
}

/// Bits for which cause it is; above them comes the task.
const CAUSE_BITS: u32 = 2;

#[inline(always)]
fn pack_cause(cause: Cause) -> Option<u64> {
    Some(match cause {
        Cause::Task(task) => u64::from(pack_task(task)?) << CAUSE_BITS,
        Cause::Timer => 1,
        Cause::Settled => 2,
        Cause::Outside => 3,
    })
}

fn unpack_cause(number: u64) -> Cause {
    match number & 3 {
        0 => Cause::Task(unpack_task(number >> CAUSE_BITS)),
        1 => Cause::Timer,
        2 => Cause::Settled,
        _ => Cause::Outside,
    }
}

/// Bits for a cause; above them comes the resource.
const WAKE_BITS: u32 = CAUSE_BITS + TASK_BITS;

/// Stands for [`NO_RESOURCE`].
const RESOURCE_NONE: u32 = (1 << (NUMBER_BITS - WAKE_BITS)) - 1;

#[inline(always)]
fn pack_wake(cause: Cause, resource: u32) -> Option<u64> {
    let resource = match resource {
        NO_RESOURCE => RESOURCE_NONE,
        resource => Some(resource).filter(|&resource| resource < RESOURCE_NONE)?,
    };
    Some(u64::from(resource) << WAKE_BITS | pack_cause(cause)?)
}

fn unpack_wake(number: u64) -> (Cause, u32) {
    let resource = (number >> WAKE_BITS) as u32;
    (unpack_cause(number), if resource == RESOURCE_NONE { NO_RESOURCE } else { resource })
}

/// The units in which spans of time are written, in nanoseconds.
const UNITS: [u64; 4] = [1, 1_000, 1_000_000, 1_000_000_000];

/// Bits for the unit; above them comes how many.
const UNIT_BITS: u32 = 2;

/// A span of time in the first unit that tells it exactly and in few enough bits: nanoseconds up to 17 s, whole
/// milliseconds up to a year.
#[inline]
fn to_span(nanos: u64) -> Option<u64> {
    let fits = |count: u64| count <= NUMBER_MAX >> UNIT_BITS;
    if fits(nanos) {
        return Some(nanos << UNIT_BITS);
    }
    let is_exact = |&unit: &usize| nanos % UNITS[unit] == 0 && fits(nanos / UNITS[unit]);
    let unit = (1..UNITS.len()).find(is_exact)?;
    Some((nanos / UNITS[unit]) << UNIT_BITS | unit as u64)
}

#[inline]
fn from_span(span: u64) -> u64 {
    (span >> UNIT_BITS).wrapping_mul(UNITS[(span & 3) as usize])
}

impl Entries {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, entry: Entry) {
        let before = self.last;
        if self.len % MARKED == 0 {
            self.marks.push((self.words.len(), before));
        }
        self.last = Stamp { turn: entry.turn, at: entry.at };
        self.len += 1;
        let turns = entry.turn.wrapping_sub(before.turn);
        let packed = pack_event(entry.event, entry.at, before.at).zip(pack_task(entry.task));
        match packed {
            Some(((kind, number), task)) if turns <= NUMBER_MAX => {
                if turns > 1 {
                    self.leap(turns);
                }
                self.words.push(Word { kind, is_next_turn: turns > 0, task, number }.pack());
            }
            _ => self.push_wide(Wide { entry, before }),
        }
    }

    #[cold]
    fn leap(&mut self, turns: u64) {
        let leap = Word { kind: LEAP, is_next_turn: false, task: 0, number: turns };
        self.words.push(leap.pack());
    }

    #[cold]
    fn push_wide(&mut self, wide: Wide) {
        let number = self.wide.len() as u64;
        self.words.push(Word { kind: WIDE, is_next_turn: false, task: 0, number }.pack());
        self.wide.push(wide);
    }

    /// Keeps only those that pass a test.
    pub(crate) fn retain(&mut self, test: impl Fn(&Entry) -> bool) {
        let mut kept = Entries::default();
        for entry in self.iter() {
            if test(&entry) {
                kept.push(entry);
            }
        }
        *self = kept;
    }

    /// The entry at an index, without reading all that come before.
    pub(crate) fn get(&self, index: usize) -> Option<Entry> {
        self.iter_from(index).next()
    }

    /// The entries from an index on, without reading all that come before.
    pub(crate) fn iter_from(&self, index: usize) -> Iter<'_> {
        let index = index.min(self.len);
        let back = (self.words.len(), self.last);
        let front = self.marks.get(index / MARKED).copied();
        let Some(front) = front else {
            return Iter { entries: self, front: back, back, left: 0 };
        };
        let passed = index % MARKED;
        let mut iter = Iter { entries: self, front, back, left: self.len - index + passed };
        for _ in 0..passed {
            iter.next();
        }
        iter
    }

    pub(crate) fn iter(&self) -> Iter<'_> {
        let back = (self.words.len(), self.last);
        Iter { entries: self, front: (0, Stamp::default()), back, left: self.len }
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The entries of a log, from either end.
pub(crate) struct Iter<'a> {
    entries: &'a Entries,
    /// The place of the next word, and the stamp of the entry before it.
    front: (usize, Stamp),
    /// The place behind the next word from the end, and the stamp of the entry there.
    back: (usize, Stamp),
    left: usize,
}

impl Iterator for Iter<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        self.left = self.left.checked_sub(1)?;
        let (place, stamp) = &mut self.front;
        loop {
            let word = Word::unpack(self.entries.words[*place]);
            *place += 1;
            match word.kind {
                LEAP => stamp.turn += word.number - 1,
                WIDE => {
                    let entry = self.entries.wide[word.number as usize].entry;
                    *stamp = Stamp { turn: entry.turn, at: entry.at };
                    return Some(entry);
                }
                _ => {
                    stamp.turn += u64::from(word.is_next_turn);
                    stamp.at = Instant::from_nanos(stamp.at.as_nanos() + word.moved());
                    return Some(word.entry(*stamp));
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Entry> {
        self.left = self.left.checked_sub(1)?;
        let (place, stamp) = &mut self.back;
        loop {
            *place -= 1;
            let word = Word::unpack(self.entries.words[*place]);
            match word.kind {
                LEAP => stamp.turn -= word.number - 1,
                WIDE => {
                    let Wide { entry, before } = self.entries.wide[word.number as usize];
                    *stamp = before;
                    return Some(entry);
                }
                _ => {
                    let entry = word.entry(*stamp);
                    stamp.turn -= u64::from(word.is_next_turn);
                    stamp.at = Instant::from_nanos(stamp.at.as_nanos() - word.moved());
                    return Some(entry);
                }
            }
        }
    }
}

impl ExactSizeIterator for Iter<'_> {}
