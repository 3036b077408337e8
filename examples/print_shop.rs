//! A print shop: customers upload a document, have it printed, and pay.
//!
//! The network, the printers and the cash desk are models: how long everything takes follows from sizes and
//! from random numbers of the seed, and all of it is virtual time. So the day below is the same on every machine,
//! to the nanosecond, and takes no time at all. Another seed is another day: `cargo run --example print_shop 6`.

use std::io::{self, Write};
use std::time::Duration;

use simloop::sim::{Delay, Link, Resource, Statistics};
use simloop::trace::{Event, Level, Trace};
use simloop::{Builder, JoinSet, note, rng, sleep};

mod printing;

const SECOND: Duration = Duration::from_secs(1);
const CUSTOMERS: u32 = 8;

#[derive(Clone)]
pub(crate) struct Shop {
    /// Two megabytes a second, 20 ms away; one upload in eight is lost.
    uplink: Link,
    printers: Resource,
    desk: Resource,
    /// How long a page takes.
    page: Delay,
    paying: Delay,
}

impl Shop {
    fn open() -> Shop {
        Shop {
            uplink: Link::new(SECOND / 50, 2_000_000).loss(1, 8).named("uplink"),
            printers: Resource::new(2).named("printers"),
            desk: Resource::new(1).named("cash desk"),
            page: Delay::uniform(SECOND..=2 * SECOND),
            paying: Delay::one_of([SECOND * 3, SECOND * 3, SECOND * 12]),
        }
    }

    async fn serve(self, megabytes: u32, pages: u32, is_express: bool) {
        while self.uplink.transfer(u64::from(megabytes) * 1_000_000).await.is_err() {
            note!("the upload was lost, once more");
        }
        note!("{pages} pages are uploaded{}", if is_express { ", express" } else { "" });

        let printer = self.printers.acquire().priority(if is_express { 0 } else { 1 }).await;
        note!("printer {} begins", printer.number());
        for _ in 0..pages {
            sleep(self.page.draw(&mut rng())).await;
        }
        drop(printer);

        note!("printed");
        self.desk.use_for(self.paying).await;
        note!("paid");
    }
}

/// One day: customers come at random, and the shop closes when the last has paid.
pub(crate) async fn day() -> Shop {
    let shop = Shop::open();
    let arrivals = Delay::exponential(SECOND * 5);
    let mut customers = JoinSet::new();
    for _ in 0..CUSTOMERS {
        sleep(arrivals.draw(&mut rng())).await;
        let mut rng = rng();
        let (megabytes, pages) = (rng.range(1..=12), rng.range(4..=20));
        let served = shop.clone().serve(megabytes, pages, rng.chance(1, 4));
        customers.spawn_named("customer", served);
    }
    while let Some(customer) = customers.join_next().await {
        customer.expect("no customer panics");
    }
    shop
}

fn main() -> io::Result<()> {
    printing::to_stdout(print_day)
}

fn print_day(out: &mut dyn Write) -> io::Result<()> {
    let seed = std::env::args().nth(1).map_or(5, |seed| seed.parse().expect("a seed is a number"));
    let report = Builder::new().seed(seed).trace(Level::Tasks).run(day());
    print_timeline(out, &report.trace)?;

    let shop = report.unwrap();
    writeln!(out)?;
    let header = [
        "",
        "servers",
        "served",
        "busy",
        "mean wait",
        "longest wait",
        "mean queue",
        "longest queue",
    ];
    print_row(out, header.map(str::to_owned))?;
    print_statistics(out, "uplink", shop.uplink.statistics().line)?;
    print_statistics(out, "printers", shop.printers.statistics())?;
    print_statistics(out, "cash desk", shop.desk.statistics())
}

/// What the customers have noted, and when each came.
fn print_timeline(out: &mut dyn Write, trace: &Trace) -> io::Result<()> {
    for record in trace.records() {
        let path = record.task.and_then(|task| trace.path(task));
        let Some(customer) = path.and_then(|path| path.strip_prefix("main/")) else { continue };
        let line = match record.event {
            Event::Spawned => "comes",
            Event::Note(line) => line,
            _ => continue,
        };
        writeln!(out, "{:>9}  {customer:<11}  {line}", shown(record.at.since_start()))?;
    }
    Ok(())
}

/// Nobody reads nanoseconds in a table.
fn shown(duration: Duration) -> String {
    let millis = duration.as_millis();
    format!("{}.{:03}s", millis / 1000, millis % 1000)
}

fn print_statistics(out: &mut dyn Write, name: &str, seen: Statistics) -> io::Result<()> {
    let (busy, queue) = (seen.utilisation_permille(), seen.queue_len_mean_permille());
    let row = [
        name.to_owned(),
        seen.servers.to_string(),
        seen.served.to_string(),
        format!("{}.{} %", busy / 10, busy % 10),
        shown(seen.waited_mean()),
        shown(seen.waited_max),
        format!("{}.{:03}", queue / 1000, queue % 1000),
        seen.queue_len_max.to_string(),
    ];
    print_row(out, row)
}

fn print_row(out: &mut dyn Write, row: [String; 8]) -> io::Result<()> {
    let [name, servers, served, busy, mean_wait, longest_wait, mean_queue, longest_queue] = row;
    writeln!(
        out,
        "{name:<9}{servers:>9}{served:>8}{busy:>9}{mean_wait:>11}{longest_wait:>14}{mean_queue:>12}\
         {longest_queue:>15}"
    )
}
