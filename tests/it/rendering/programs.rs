//! Runs that every printer draws.

use std::future::pending;
use std::sync::Arc;

use simloop::policy::Random;
use simloop::sync::{Mutex, mpsc};
use simloop::trace::Level;
use simloop::{
    Builder, Limits, Report, gather, note, sleep, spawn, spawn_named, task, time, yield_now,
};

use crate::{millis, secs, tour, traced};

/// What a careless printer would take for its own language.
pub(super) const HOSTILE: [&str; 8] = [
    "\"quoted' & <b>bold</b>",
    "]]></text><script>alert(1)</script>",
    "two\nlines\r\tand a tab",
    "שלום \u{202e}turned",
    "深さ優先",
    "a;b#c%%d: e->>f",
    "end",
    "back\\slash `tick` {brace} \u{1b}[31m",
];

/// All runs, each with its name.
pub(super) fn all() -> Vec<(&'static str, Report)> {
    vec![
        ("gather", gathered()),
        ("nested", nested()),
        ("blocking", blocking()),
        ("deadlock", deadlock()),
        ("resources", resources()),
        ("livelock", livelock()),
        ("panic", panicking()),
        ("race", race()),
        ("names", names()),
        ("one_task", traced(nap())),
        ("tasks_only", Builder::new().trace(Level::Tasks).run(workers())),
        ("empty", Builder::new().run(async {})),
        ("tour", traced(tour::programs::blocking_against_cooperative())),
    ]
}

/// Sleeps a second.
pub(super) async fn nap() {
    sleep(secs(1)).await;
}

fn gathered() -> Report {
    traced(async {
        let work = |seconds| async move { sleep(secs(seconds)).await };
        gather!(work(1), work(2), work(3)).await;
    })
}

/// A group inside a group, from which an abort takes all.
fn nested() -> Report {
    traced(async {
        let group = |name: &'static str| async move {
            let mut set = simloop::JoinSet::new();
            for seconds in [1, 5] {
                set.spawn_named(name, sleep(secs(seconds)));
            }
            while set.join_next().await.is_some() {}
        };
        let outer = spawn_named("outer", async move {
            let inner = spawn_named("inner", group("leaf"));
            group("branch").await;
            inner.await.unwrap();
        });
        sleep(secs(2)).await;
        outer.abort();
        assert!(outer.await.unwrap_err().is_cancelled());
        sleep(secs(86_400)).await;
    })
}

async fn workers() {
    let worker = |name, rest| spawn_named(name, async move { sleep(rest).await });
    let quick = worker("quick", millis(500));
    let slow = worker("slow", millis(1500));
    time::block_for(secs(1));
    quick.await.unwrap();
    slow.await.unwrap();
}

fn blocking() -> Report {
    traced(workers())
}

pub(super) fn deadlock() -> Report {
    traced(async {
        let ledger = Arc::new(Mutex::new(()).named("ledger"));
        let audit = Arc::new(Mutex::new(()).named("audit"));
        let worker = |first: &Arc<Mutex<()>>, second: &Arc<Mutex<()>>| {
            let (first, second) = (Arc::clone(first), Arc::clone(second));
            spawn_named("worker", async move {
                let _first = first.lock().await;
                sleep(secs(1)).await;
                let _second = second.lock().await;
            })
        };
        let workers = [worker(&ledger, &audit), worker(&audit, &ledger)];
        spawn_named("idle", pending::<()>());
        for worker in workers {
            worker.await.unwrap();
        }
    })
}

/// Three clerks use the same till one after the other, and wait for customers before.
fn resources() -> Report {
    traced(async {
        let till = Arc::new(Mutex::new(()).named("till"));
        let (door, customers) = mpsc::channel(2);
        let customers = Arc::new(Mutex::new(customers).named("customers"));
        let clerks: Vec<_> = (0..3)
            .map(|_| {
                let (till, customers) = (Arc::clone(&till), Arc::clone(&customers));
                spawn_named("clerk", async move {
                    let customer = customers.lock().await.recv().await;
                    let _turn = till.lock().await;
                    sleep(secs(customer.unwrap())).await;
                })
            })
            .collect();
        for seconds in 2..5 {
            sleep(secs(1)).await;
            door.send(seconds).await.unwrap();
        }
        for clerk in clerks {
            clerk.await.unwrap();
        }
    })
}

fn livelock() -> Report {
    let limits = Limits::new().turns_per_instant(40);
    Builder::new().trace(Level::Full).limits(limits).run(async {
        sleep(secs(1)).await;
        spawn_named("spinner", async {
            loop {
                yield_now().await;
            }
        });
        loop {
            yield_now().await;
        }
    })
}

fn panicking() -> Report {
    traced(async {
        let unlucky = spawn_named("unlucky", async {
            sleep(secs(1)).await;
            panic!("bad luck <at> \"one\"");
        });
        assert!(unlucky.await.unwrap_err().is_panic());
        spawn(async {});
    })
}

/// Two writers, in an order that a policy chose.
fn race() -> Report {
    Builder::new().trace(Level::Full).policy(Random::new(5)).run(async {
        let write = |name| {
            spawn_named(name, async move {
                for _ in 0..2 {
                    yield_now().await;
                    note!("{name} writes");
                }
            })
        };
        let writers = [write("first"), write("second"), write("third")];
        for writer in writers {
            writer.await.unwrap();
        }
    })
}

fn names() -> Report {
    traced(async {
        for name in HOSTILE {
            spawn_named(name, async move {
                note!("{name}");
                task::current();
                sleep(secs(1)).await;
            });
        }
        sleep(secs(2)).await;
    })
}

/// A thousand tasks, none of which says more than the others.
pub(super) fn thousand() -> Report {
    traced(async {
        let tasks: Vec<_> = (0..1_000).map(|number| spawn(sleep(millis(number % 97)))).collect();
        for task in tasks {
            task.await.unwrap();
        }
    })
}
