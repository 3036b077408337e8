//! The programs of the tour. Each is run by `main.rs` for people and by `tests/it/tour.rs` for snapshots.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{self, Stream, StreamExt};
use simloop::time::{Instant, block_for};
use simloop::{note, now, rng, sleep, spawn, spawn_named, timeout};

const SECOND: Duration = Duration::from_secs(1);

/// Blocking against cooperative: three greetings one after another, then three at once.
pub async fn blocking_against_cooperative() {
    fn greet(name: &str) {
        note!("[sync] Hello");
        block_for(SECOND);
        note!("[sync] {name}");
    }

    async fn greet_async(name: &str) {
        note!("[async] Hello");
        sleep(SECOND).await;
        note!("[sync] {name}");
    }

    const NAMES: [&str; 3] = ["Juan", "Sebastian", "Andres"];
    let start = now();
    for name in NAMES {
        greet(name);
    }
    note!("Sync executed in: {:?}", start.elapsed());
    let start = now();
    join_all(NAMES.map(|name| spawn(greet_async(name)))).await;
    note!("Async executed in: {:?}", start.elapsed());
}

/// Chaining: the second coroutine needs what the first one returns. Returns the temperature.
pub async fn chaining() -> u32 {
    async fn get_temperature() -> u32 {
        note!("[get_temperature] Obtaining temperature from our amaizing towers!");
        sleep(SECOND).await;
        rng().range(10..=40)
    }

    async fn wear_jacket(temperature: u32) -> bool {
        note!("[wear_jacket] Calculating if you should wear a jacket!");
        sleep(SECOND).await;
        temperature < 20
    }

    note!("[main] Starting program");
    let temperature = get_temperature().await;
    let advice =
        if wear_jacket(temperature).await { "Wear a jacket!" } else { "Don't wear a jacket!" };
    note!("Temperature: {temperature} {advice}");
    temperature
}

/// Futures are lazy, tasks run: the same two greetings awaited in turn, then spawned.
pub async fn futures_are_lazy_tasks_run() {
    async fn greet_async(seconds: u64, name: &str) {
        note!("Hello");
        sleep(Duration::from_secs(seconds)).await;
        note!("{name}");
    }

    let start = now();
    drop(greet_async(60, "Nobody"));
    greet_async(1, "Juan").await;
    greet_async(2, "Sebastian").await;
    note!("[main] finished in {:?}", start.elapsed());

    let start = now();
    let juan = spawn(greet_async(1, "Juan"));
    let sebastian = spawn_named("greetSebastian", greet_async(2, "Sebastian"));
    juan.await.expect("no greeting panics");
    sebastian.await.expect("no greeting panics");
    note!("[main_create_task] finished in {:?}", start.elapsed());
}

/// `async for` is a stream and a `while let`; `async with` is a guard, released on every path.
pub async fn streams_and_guards() {
    fn readings() -> impl Stream<Item = u32> {
        stream::iter(1..=3).then(|reading| async move {
            sleep(SECOND).await;
            reading
        })
    }

    struct Connection(&'static str);

    impl Connection {
        async fn open(name: &'static str) -> Connection {
            sleep(SECOND).await;
            note!("[{name}] opened at {}", Instant::now());
            Connection(name)
        }

        async fn fetch(&self, page: &str) -> Result<String, String> {
            sleep(SECOND).await;
            if page == "missing" {
                Err(format!("no page `{page}`"))
            } else {
                Ok(format!("page `{page}`"))
            }
        }
    }

    impl Drop for Connection {
        fn drop(&mut self) {
            note!("[{}] released at {}", self.0, Instant::now());
        }
    }

    async fn fetch(name: &'static str, page: &str) -> Result<String, String> {
        let connection = Connection::open(name).await;
        let found = connection.fetch(page).await?;
        note!("[{name}] fetched {found}");
        Ok(found)
    }

    let mut readings = std::pin::pin!(readings());
    while let Some(reading) = readings.next().await {
        note!("[stream] {reading} at {}", Instant::now());
    }
    let found = fetch("found", "home").await;
    let failed = fetch("failed", "missing").await;
    let cancelled = timeout(SECOND * 3 / 2, fetch("cancelled", "home")).await;
    note!("[found] {found:?}");
    note!("[failed] {failed:?}");
    note!("[cancelled] {}", cancelled.unwrap_err());
}
