//! One allocation a task, one more for a name that is new, one a generator, none a timer, none a wake; and how much a
//! picture takes. A binary of its own, because its allocator counts.

use std::cell::Cell;
use std::fmt::Write;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use allocation_counter::measure;
use futures_util::StreamExt;
use simloop::sync::{BoundedSemaphore, Notify, OnceCell, RwLock, Semaphore};
use simloop::sync::{broadcast, mpsc, oneshot, watch};
use simloop::trace::Level;
use simloop::{Builder, EventLoop, JoinHandle, sleep, spawn, timeout, yield_now};

/// Tasks that are alive while the tables grow, so that none grows later.
const TASKS: usize = 200;

/// A debug build checks a large machine each time the number of its jumps has doubled, and allocates a list for
/// that; while a program is watched that happens once at most.
const FOR_CHECKS: u64 = cfg!(debug_assertions) as u64;

/// Grows the loop's tables: tasks, timers and ready set.
fn warm(event_loop: &mut EventLoop) {
    let sleepers: Vec<_> = (0..2 * TASKS)
        .map(|_| {
            event_loop.spawn(async {
                yield_now().await;
                timeout(Duration::from_secs(1), sleep(Duration::from_secs(2))).await
            })
        })
        .collect();
    event_loop.advance(Duration::from_secs(1)).expect("it runs");
    drop(sleepers);
}

#[test]
fn a_task_is_one_allocation() {
    let mut event_loop = EventLoop::new();
    warm(&mut event_loop);
    let mut handles: Vec<JoinHandle<[u64; 8]>> = Vec::with_capacity(TASKS);
    let spawned = measure(|| {
        for number in 0..TASKS {
            handles.push(event_loop.spawn(async move {
                yield_now().await;
                [number as u64; 8]
            }));
        }
    });
    assert_eq!(
        spawned.count_total, TASKS as u64,
        "the future, and later its output in the same place"
    );
    let ran = measure(|| event_loop.run_until_idle().expect("it runs"));
    assert_eq!(ran.count_total, 0, "polls, wakes and completions");
    drop(handles);
}

#[test]
fn timers_wakes_and_turns_allocate_nothing() {
    let mut event_loop = EventLoop::new();
    warm(&mut event_loop);
    // Enough tasks for debug builds not to check the machine at every jump.
    for _ in 0..64 {
        event_loop.spawn(std::future::pending::<()>());
    }
    for number in 0..20 {
        event_loop.spawn(async move {
            loop {
                sleep(Duration::from_millis(number)).await;
                yield_now().await;
                let _ = timeout(Duration::from_millis(3), sleep(Duration::from_millis(7))).await;
                let _ = timeout(Duration::from_millis(3), yield_now()).await;
            }
        });
    }
    // Long enough for every queue to have been as long as it gets.
    event_loop.advance(Duration::from_secs(100)).expect("it runs");
    let before = event_loop.counters();
    let ran = measure(|| event_loop.advance(Duration::from_secs(10)).expect("it runs"));
    let after = event_loop.counters();
    assert!(after.timers_fired - before.timers_fired > 10_000, "the work was done");
    assert!(after.timers_cancelled - before.timers_cancelled > 10_000, "and undone");
    assert!(ran.count_total <= FOR_CHECKS, "{}", ran.count_total);
}

#[test]
fn joining_and_waking_by_a_cloned_waker_allocate_nothing() {
    let mut event_loop = EventLoop::new();
    warm(&mut event_loop);
    let joined = event_loop.block_on(async {
        let child = spawn(async {
            yield_now().await;
            7
        });
        let mut child = Box::pin(child);
        let mut allocations = 0;
        let mut is_over = false;
        poll_fn(|cx| {
            let polled = measure(|| {
                let clone = cx.waker().clone();
                clone.wake_by_ref();
                drop(clone);
                is_over = child.as_mut().poll(cx).is_ready();
            });
            allocations += polled.count_total;
            if is_over { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        allocations
    });
    assert_eq!(joined.expect("it runs"), 0);
}

#[test]
fn a_task_with_a_name_is_one_allocation_and_a_new_name_is_one_more() {
    let mut event_loop = EventLoop::new();
    warm(&mut event_loop);
    let names: Vec<String> = (0..TASKS).map(|number| format!("worker {number}")).collect();
    let mut spawn_all = |name_of: &dyn Fn(usize) -> &'static str| {
        let mut handles: Vec<JoinHandle<()>> = Vec::with_capacity(TASKS);
        let spawned = measure(|| {
            for number in 0..TASKS {
                handles.push(event_loop.spawn_named(name_of(number), yield_now()));
            }
        });
        let ran = measure(|| event_loop.run_until_idle().expect("it runs"));
        assert_eq!(ran.count_total, 0, "polls, wakes and completions");
        spawned.count_total
    };
    let names: Vec<&'static str> =
        names.into_iter().map(|name| &*Box::leak(name.into_boxed_str())).collect();
    // The text, the parent's map of names with its first node, and the list of names, which grows with the tasks.
    let first_use = spawn_all(&|_| "worker") - TASKS as u64;
    assert!(first_use <= 3 + u64::from(TASKS.ilog2()) + 1, "{first_use}");
    assert_eq!(spawn_all(&|_| "worker"), TASKS as u64, "the future alone");
    let new_names = spawn_all(&|number| names[number]);
    let nodes = new_names - 2 * TASKS as u64;
    assert!(nodes <= TASKS as u64 / 4, "the text besides, and {nodes} nodes of the map");
    assert_eq!(spawn_all(&|number| names[number]), TASKS as u64, "known names are shared");
}

#[test]
fn a_generator_is_one_allocation_whatever_it_yields() {
    let mut event_loop = EventLoop::new();
    warm(&mut event_loop);
    let counted = event_loop.block_on(async {
        let mut sum = 0;
        let counted = measure(|| {
            let numbers = simloop::stream::generator(async |mut yielder| {
                for number in 0..1000_u64 {
                    yielder.yield_(number).await;
                }
            });
            let mut numbers = std::pin::pin!(numbers);
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            while let Poll::Ready(Some(number)) = numbers.poll_next_unpin(&mut cx) {
                sum += number;
            }
        });
        assert_eq!(sum, 499_500, "the work was done");
        counted
    });
    assert_eq!(counted.expect("it runs").count_total, 1);
}

/// Each release wakes one at most here; to wake more at once takes a list of them.
#[test]
fn locks_permits_and_notifications_allocate_nothing_once_their_lines_have_grown() {
    let mut event_loop = EventLoop::new();
    warm(&mut event_loop);
    for _ in 0..64 {
        event_loop.spawn(std::future::pending::<()>());
    }
    let (lock, semaphore) = (Arc::new(RwLock::new(0_u64)), Arc::new(Semaphore::new(3)));
    let (notify, cell) = (Arc::new(Notify::new()), Arc::new(OnceCell::new()));
    let (bounded, rounds) = (Arc::new(BoundedSemaphore::new(1)), Rc::new(Cell::new(0)));
    for number in 0..8_u64 {
        let rounds = Rc::clone(&rounds);
        let (lock, semaphore) = (Arc::clone(&lock), Arc::clone(&semaphore));
        let (notify, cell, bounded) =
            (Arc::clone(&notify), Arc::clone(&cell), Arc::clone(&bounded));
        event_loop.spawn(async move {
            loop {
                let permit = semaphore.acquire().await;
                yield_now().await;
                let mut writer = lock.write().await;
                *writer += cell.get_or_init(async || 1).await;
                let reader = writer.downgrade();
                drop(permit);
                let _ = timeout(Duration::from_millis(2), bounded.acquire()).await;
                sleep(Duration::from_millis(number)).await;
                drop(reader);
                let _ = timeout(Duration::from_millis(1), notify.notified()).await;
                notify.notify_one();
                rounds.set(rounds.get() + 1);
            }
        });
    }
    event_loop.advance(Duration::from_secs(10)).expect("it runs");
    let before = rounds.get();
    let ran = measure(|| event_loop.advance(Duration::from_secs(10)).expect("it runs"));
    assert!(rounds.get() - before > 1_000, "the work was done {} times", rounds.get() - before);
    assert!(ran.count_total <= FOR_CHECKS, "{}", ran.count_total);
}

/// Two tasks for each channel, that send to each other for ever, a message a millisecond.
fn chatter(event_loop: &mut EventLoop) {
    const MILLISECOND: Duration = Duration::from_millis(1);
    let (tx, mut rx) = mpsc::unbounded_channel();
    let (back, mut answers) = mpsc::channel(1);
    event_loop.spawn(async move {
        while let Some(number) = rx.recv().await {
            back.send(number + 1).await.unwrap();
            let _ = timeout(MILLISECOND, back.send(number)).await;
        }
    });
    event_loop.spawn(async move {
        for number in 0_u64.. {
            tx.send(number).unwrap();
            assert_eq!(answers.recv().await, Some(number + 1));
            let _ = timeout(MILLISECOND, answers.recv()).await;
            sleep(MILLISECOND).await;
        }
    });
    let (tx, mut rx) = watch::channel(0_u64);
    event_loop.spawn(async move { while rx.changed().await.is_ok() {} });
    event_loop.spawn(async move {
        loop {
            sleep(MILLISECOND).await;
            tx.send_modify(|value| *value += 1);
            tx.send(7).unwrap();
        }
    });
}

#[test]
fn messages_allocate_nothing() {
    let mut event_loop = EventLoop::new();
    warm(&mut event_loop);
    for _ in 0..64 {
        event_loop.spawn(std::future::pending::<()>());
    }
    chatter(&mut event_loop);
    event_loop.advance(Duration::from_secs(1)).expect("it runs");
    let talked = measure(|| event_loop.advance(Duration::from_secs(1)).expect("it runs"));
    assert!(talked.count_total <= FOR_CHECKS, "{}", talked.count_total);
}

#[test]
fn a_oneshot_is_one_allocation_and_so_is_a_broadcast_message() {
    let made = measure(|| {
        for number in 0..100_u64 {
            let (tx, mut rx) = oneshot::channel();
            tx.send(number).unwrap();
            assert_eq!(rx.try_recv(), Ok(number));
        }
    });
    assert_eq!(made.count_total, 100);
    let (tx, first) = broadcast::channel(4);
    let mut receivers = [first, tx.subscribe(), tx.subscribe()];
    let mut round = || {
        tx.send(1_u64).unwrap();
        for receiver in &mut receivers {
            assert_eq!(receiver.try_recv(), Ok(1));
        }
    };
    round();
    assert_eq!(measure(|| (0..100).for_each(|_| round())).count_total, 100);
}

/// Tasks that sleep: most records are of timers.
fn sleepers() -> simloop::Report {
    Builder::new().trace(Level::Full).run(async {
        for number in 0..80 {
            spawn(async move {
                for round in 0..200 {
                    sleep(Duration::from_millis(1 + (number * round) % 50)).await;
                }
            });
        }
        sleep(Duration::from_secs(3600)).await;
    })
}

/// Tasks that wake each other: the dearest records, each with a span, a mark and an arrow.
fn talkers() -> simloop::Report {
    Builder::new().trace(Level::Full).run(async {
        for _ in 0..20 {
            let (tx, mut rx) = mpsc::channel(1);
            spawn(async move {
                for number in 0..800 {
                    tx.send(number).await.unwrap();
                }
            });
            spawn(async move { while rx.recv().await.is_some() {} });
        }
        sleep(Duration::from_secs(1)).await;
    })
}

#[test]
fn a_picture_takes_a_bounded_number_of_bytes_for_each_record_while_it_is_drawn() {
    let nothing = Builder::new().run(async {}).trace;
    for report in [sleepers(), talkers()] {
        let (trace, records) = (&report.trace, report.trace.len() as u64);
        assert!(records > 80_000, "{records}");
        // What is written itself is of a bounded size, or goes on as it is written.
        let printers: [(&str, u64, &dyn std::fmt::Display); 8] = [
            ("lanes", 300, &trace.lanes()),
            ("columns", 300, &trace.columns()),
            ("svg", 300, &trace.svg()),
            ("html", 400, &report.html()),
            ("mermaid", 10, &trace.mermaid()),
            ("statistics", 10, &trace.statistics()),
            ("text", 10, &trace),
            ("difference", 400, &simloop::trace::diff(trace, &nothing)),
        ];
        for (name, most, printer) in printers {
            assert_bounded(name, [most, 160], records, printer);
        }
        #[cfg(feature = "serde")]
        assert_bounded("perfetto", [400, 400], records, &trace.perfetto());
        #[cfg(feature = "serde")]
        assert_bounded("json lines", [10, 160], records, &trace.json_lines());
    }
}

/// Checks how many bytes for each record are held while something is written, and how many are written.
fn assert_bounded(name: &str, most: [u64; 2], records: u64, printer: &dyn std::fmt::Display) {
    let mut written = Written(0);
    let drawn = measure(|| write!(written, "{printer}").expect("all is taken"));
    let [held, size] = [1_000_000 + most[0] * records, 1_000_000 + most[1] * records];
    assert!(drawn.bytes_max <= held, "{name}: {} bytes for {records} records", drawn.bytes_max);
    assert!(written.0 > 0 && written.0 <= size, "{name}: {} bytes are written", written.0);
}

/// Takes a text and counts its bytes.
struct Written(u64);

impl std::fmt::Write for Written {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0 += text.len() as u64;
        Ok(())
    }
}
