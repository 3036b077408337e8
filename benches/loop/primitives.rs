//! Programs with locks, queues and channels: each crate's own, in the same program.
//!
//! The counterpart is tokio's type of the same name, or the one that people would take there.

use std::convert::Infallible;
use std::sync::Arc;

use simloop::TaskGroup;
use tokio::task::JoinSet;

use crate::contestants::{Contestant, Own, Simloop};
use crate::programs::{Proof, join_all};

/// Writes a program once for both, over a module with the types that have the same names.
macro_rules! twins {
    ($(#[$doc:meta])* $name:ident, |$ops:ident| $body:expr) => {
        $(#[$doc])*
        pub mod $name {
            use super::*;

            pub fn ours($ops: u64) -> Proof {
                use simloop::sync;
                type C = Simloop;
                $body
            }

            pub fn tokios<C: Contestant>($ops: u64) -> Proof {
                use tokio::sync;
                $body
            }
        }
    };
}

twins! {
    /// Two tasks send a number back and forth through unbounded channels.
    unbounded, |ops| C::run(async move {
        let (ping, mut pings) = sync::mpsc::unbounded_channel::<u64>();
        let (pong, mut pongs) = sync::mpsc::unbounded_channel::<u64>();
        let server = C::spawn(async move {
            let mut sum = 0;
            while let Some(number) = pings.recv().await {
                sum += number;
                pong.send(number + 1).unwrap();
            }
            sum
        });
        let client = C::spawn(async move {
            let mut number = 0;
            for _ in 0..ops {
                ping.send(number).unwrap();
                number = pongs.recv().await.unwrap();
            }
            number
        });
        client.await.unwrap() + server.await.unwrap()
    })
}

twins! {
    /// The same through channels with room for one.
    bounded, |ops| C::run(async move {
        let (ping, mut pings) = sync::mpsc::channel::<u64>(1);
        let (pong, mut pongs) = sync::mpsc::channel::<u64>(1);
        let server = C::spawn(async move {
            let mut sum = 0;
            while let Some(number) = pings.recv().await {
                sum += number;
                pong.send(number + 1).await.unwrap();
            }
            sum
        });
        let client = C::spawn(async move {
            let mut number = 0;
            for _ in 0..ops {
                ping.send(number).await.unwrap();
                number = pongs.recv().await.unwrap();
            }
            number
        });
        client.await.unwrap() + server.await.unwrap()
    })
}

twins! {
    /// A hundred tasks lock a mutex, yield and unlock it, `ops` times in all.
    mutex, |ops| C::run(async move {
        let mutex = Arc::new(sync::Mutex::new(0_u64));
        let tasks = (0..100).map(|_| {
            let mutex = Arc::clone(&mutex);
            C::spawn(async move {
                let mut last = 0;
                for _ in 0..ops / 100 {
                    let mut count = mutex.lock().await;
                    C::yield_now().await;
                    *count += 1;
                    last = *count;
                }
                last
            })
        });
        join_all(tasks.collect()).await
    })
}

/// A thousand tasks at once, again and again, `ops` tasks in all.
pub mod crowd {
    use super::*;

    const CROWD: u64 = 1_000;

    pub fn gathered(ops: u64) -> Proof {
        Simloop::run(async move {
            let mut sum = 0;
            for _ in 0..ops / CROWD {
                let numbers = (0..CROWD).map(|number| async move { number });
                sum += simloop::gather_all(numbers).await.into_iter().sum::<u64>();
            }
            sum
        })
    }

    pub fn grouped(ops: u64) -> Proof {
        Simloop::run(async move {
            let mut sum = 0;
            for _ in 0..ops / CROWD {
                let handles = TaskGroup::<Infallible>::scope(async |group| {
                    let spawn = |number| group.spawn(async move { Ok(number) });
                    Ok((0..CROWD).map(spawn).collect::<Vec<_>>())
                });
                let handles = handles.await.unwrap();
                sum += handles.into_iter().filter_map(|handle| handle.into_output()).sum::<u64>();
            }
            sum
        })
    }

    pub fn tokios(ops: u64) -> Proof {
        Own::run(async move {
            let mut sum = 0;
            for _ in 0..ops / CROWD {
                let mut set: JoinSet<u64> =
                    (0..CROWD).map(|number| async move { number }).collect();
                while let Some(number) = set.join_next().await {
                    sum += number.unwrap();
                }
            }
            sum
        })
    }
}

/// Ten tasks put `ops` numbers in all into a queue with room for a hundred, and ten take them out.
pub mod queue {
    use super::*;

    const ROOM: usize = 100;

    pub fn ours(ops: u64) -> Proof {
        Simloop::run(async move {
            let queue = Arc::new(simloop::sync::Queue::bounded(ROOM));
            let producers = (0..10).map(|_| {
                let queue = Arc::clone(&queue);
                Simloop::spawn(async move {
                    for number in 0..ops / 10 {
                        queue.put(number).await.unwrap();
                    }
                    0
                })
            });
            let producers: Vec<_> = producers.collect();
            let consumers = (0..10).map(|_| {
                let queue = Arc::clone(&queue);
                Simloop::spawn(async move {
                    let mut sum = 0;
                    while let Ok(number) = queue.get().await {
                        sum += number;
                    }
                    sum
                })
            });
            let consumers: Vec<_> = consumers.collect();
            join_all(producers).await;
            queue.shutdown();
            join_all(consumers).await
        })
    }

    pub fn tokios(ops: u64) -> Proof {
        Own::run(async move {
            let (sender, receiver) = tokio::sync::mpsc::channel(ROOM);
            let producers = (0..10).map(|_| {
                let sender = sender.clone();
                Own::spawn(async move {
                    for number in 0..ops / 10 {
                        sender.send(number).await.unwrap();
                    }
                    0
                })
            });
            let producers: Vec<_> = producers.collect();
            // Its receiver is alone, so the consumers share it.
            let receiver = Arc::new(tokio::sync::Mutex::new(receiver));
            let consumers = (0..10).map(|_| {
                let receiver = Arc::clone(&receiver);
                Own::spawn(async move {
                    let mut sum = 0;
                    loop {
                        let next = receiver.lock().await.recv().await;
                        let Some(number) = next else { break sum };
                        sum += number;
                    }
                })
            });
            let consumers: Vec<_> = consumers.collect();
            join_all(producers).await;
            drop(sender);
            join_all(consumers).await
        })
    }
}
