//! Entries around every bound of what fits a word, and those of ordinary runs.

use super::*;
use proptest::prelude::*;

/// Numbers of 32 bits around each bound of what fits a word.
fn number() -> impl Strategy<Value = u32> {
    let edges = [
        TASK_NONE,
        RESOURCE_NONE,
        1 << 14,
        1 << INDEX_BITS,
        1 << (NUMBER_BITS - INDEX_BITS),
        u32::MAX,
    ];
    let edge = (prop::sample::select(edges.to_vec()), 0_u32..3);
    prop_oneof![0_u32..5, edge.prop_map(|(edge, by)| edge.saturating_sub(1).saturating_add(by))]
}

fn span() -> impl Strategy<Value = u64> {
    let unit = prop::sample::select(vec![1, 1_000, 1_000_000, 1_000_000_000, 86_400_000_000_000]);
    prop_oneof![
        Just(0),
        (0_u64..2_000, unit).prop_map(|(count, unit)| count * unit),
        Just(u64::MAX / 2)
    ]
}

fn cause() -> impl Strategy<Value = Cause> {
    prop_oneof![
        number().prop_map(Cause::Task),
        Just(Cause::Timer),
        Just(Cause::Settled),
        Just(Cause::Outside),
    ]
}

/// An event at an instant, when the clock stood at another before.
fn event(kind: u8, at: u64, before: u64, span: u64, numbers: (u32, u32), cause: Cause) -> Event {
    let deadline = Instant::from_nanos(at.saturating_add(span));
    let from = Instant::from_nanos(before);
    match kind {
        SPAWNED => Event::Spawned,
        POLLED => Event::Polled { index: numbers.0, ready: numbers.1 },
        WOKEN => Event::Woken { cause, resource: numbers.0 },
        WAITS_RESOURCE => {
            let holders_more = u16::from(numbers.0 % 4 == 0);
            let what = Waited::Resource { wanted: numbers.0, holder: numbers.1, holders_more };
            Event::Waits { what, others: 0, deadline: Instant::NEVER }
        }
        WAITS_JOIN => {
            let others = u16::from(numbers.1 % 4 == 0);
            let deadline = if numbers.1 % 2 == 0 { Instant::NEVER } else { deadline };
            Event::Waits { what: Waited::Join { task: numbers.0 }, others, deadline }
        }
        WAITS_SETTLE => waits(Waited::Settle),
        WAITS_TIMER => Event::Waits { what: Waited::Timer, others: 0, deadline },
        WAITS_FOREIGN => waits(Waited::Foreign),
        ABORT_REQUESTED => Event::AbortRequested(cause),
        REGISTERED => Event::TimerRegistered { deadline },
        FIRED => Event::TimerFired { deadline: Instant::from_nanos(at.saturating_sub(span)) },
        CANCELLED_TIMER => Event::TimerCancelled { deadline },
        JUMPED => Event::Jumped { from },
        BLOCKED => Event::Blocked { from },
        COMPLETED => Event::Completed,
        CANCELLED => Event::Cancelled,
        PANICKED => Event::Panicked { text: numbers.0 },
        _ => Event::Note { text: numbers.1 },
    }
}

proptest! {
    #[test]
    fn entries_are_read_from_either_end_as_they_were_written(
        script in prop::collection::vec(
            (0..=WAITS_FOREIGN, 0_u64..4, span(), span(), (number(), number(), number()), cause(), 0_u8..9),
            0..60,
        ),
        turns_back in 0_usize..60,
    ) {
        let (mut entries, mut written) = (Entries::default(), Vec::new());
        let (mut turn, mut at) = (0_u64, 0_u64);
        for (kind, turns, moved, span, (task, first, second), cause, oddity) in script {
            turn += if oddity == 0 { turns << 36 } else { turns };
            let before = at;
            // The clock may also have moved without an entry.
            if matches!(kind, JUMPED | BLOCKED) || oddity == 1 {
                at = at.saturating_add(moved).min(u64::MAX - 1);
            }
            let event = event(kind, at, before, span, (first, second), cause);
            let entry = Entry { turn, at: Instant::from_nanos(at), task, event };
            entries.push(entry);
            written.push(entry);
        }
        prop_assert_eq!(entries.len(), written.len());
        prop_assert!(entries.iter().eq(written.iter().copied()));
        prop_assert!(entries.iter().rev().eq(written.iter().rev().copied()));
        let indices = 0..=written.len();
        prop_assert!(indices.map(|index| entries.get(index)).eq(
            (0..=written.len()).map(|index| written.get(index).copied())
        ));
        // From both ends at once.
        let mut iter = entries.iter();
        let mut model = written.iter().copied();
        for step in 0..turns_back {
            let (read, expected) = match step % 3 {
                0 => (iter.next_back(), model.next_back()),
                _ => (iter.next(), model.next()),
            };
            prop_assert_eq!((read, iter.len()), (expected, model.len()));
        }
        prop_assert!(iter.eq(model));
        entries.retain(|entry| entry.task % 2 == 0);
        written.retain(|entry| entry.task % 2 == 0);
        prop_assert!(entries.iter().eq(written));
    }
}

#[test]
fn an_entry_far_behind_is_found_by_its_index() {
    let mut entries = Entries::default();
    for turn in 0..2_000_u64 {
        let at = Instant::from_nanos(turn * 7);
        let from = Instant::from_nanos(turn.saturating_sub(1) * 7);
        entries.push(Entry { turn: turn * 3, at, task: 1, event: Event::Jumped { from } });
    }
    for (index, entry) in entries.iter().enumerate() {
        assert_eq!(entries.get(index), Some(entry));
        assert_eq!(entries.iter_from(index).len(), entries.len() - index);
    }
    assert_eq!(entries.get(2_000), None);
}

#[test]
fn what_an_ordinary_run_writes_takes_one_word_an_entry() {
    let mut entries = Entries::default();
    let mut push = |turn, nanos, event| {
        entries.push(Entry { turn, at: Instant::from_nanos(nanos), task: 3, event });
    };
    let hour = 3_600_000_000_000;
    push(0, 0, Event::Spawned);
    push(1, 0, Event::Polled { index: 0, ready: 1_000 });
    push(1, 0, Event::TimerRegistered { deadline: Instant::from_nanos(hour) });
    let deadline = Instant::from_nanos(hour);
    push(1, 0, Event::Waits { what: Waited::Timer, others: 0, deadline });
    push(1, hour, Event::Jumped { from: Instant::ZERO });
    push(1, hour, Event::TimerFired { deadline: Instant::from_nanos(hour) });
    push(1, hour, Event::Woken { cause: Cause::Timer, resource: NO_RESOURCE });
    push(2, hour, Event::Polled { index: 999, ready: 1_000 });
    push(2, hour, Event::Woken { cause: Cause::Task(3), resource: 7 });
    push(2, hour, waits(Waited::Resource { wanted: 9, holder: NO_TASK, holders_more: 0 }));
    push(3, hour, Event::Completed);
    assert_eq!((entries.words.len(), entries.wide.len()), (entries.len(), 0));
}
