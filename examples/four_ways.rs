//! The comparison with which asyncio tutorials begin: requests and computations, done synchronously, with
//! async, with threads and with processes.
//!
//! Everything here is virtual time, so the numbers are exact: they come from who waits for whom, and the same
//! table is printed on every machine. Starting a thread or a process costs nothing in this model.

use std::io::{self, Write};
use std::time::Duration;

use simloop::sim::{Cost, Pool};
use simloop::time::block_for;
use simloop::{gather_all, now, run, sleep};

mod printing;

const SECOND: Duration = Duration::from_secs(1);
const COUNT: usize = 12;

/// Something to be done that takes a second.
#[derive(Clone, Copy)]
enum Job {
    /// Waits for an answer.
    Request,
    /// Needs a core.
    Computation,
}

/// How jobs are done.
#[derive(Clone, Copy)]
enum Way {
    /// One after another.
    Synchronous,
    /// Each is a task; all share one thread.
    Async,
    /// Each is a blocking call on a pool of threads or processes.
    Pool { workers: usize, cores: usize },
}

const WAYS: [(&str, Way); 5] = [
    ("synchronous", Way::Synchronous),
    ("async, one thread", Way::Async),
    ("5 threads, one lock (GIL)", Way::Pool { workers: 5, cores: 1 }),
    ("5 threads, 4 cores", Way::Pool { workers: 5, cores: 4 }),
    ("4 processes, 4 cores", Way::Pool { workers: 4, cores: 4 }),
];

fn main() -> io::Result<()> {
    printing::to_stdout(print_table)
}

fn print_table(out: &mut dyn Write) -> io::Result<()> {
    let requests = vec![Job::Request; COUNT];
    let computations = vec![Job::Computation; COUNT];
    let both = [Job::Request, Job::Computation].repeat(COUNT);

    writeln!(out, "{COUNT} requests, {COUNT} computations, 1s each\n")?;
    print_row(out, "way", ["requests", "computations", "both"].map(str::to_owned))?;
    for (name, way) in WAYS {
        let times = [&requests, &computations, &both].map(|jobs| time(way, jobs.clone()));
        print_row(out, name, times)?;
    }
    Ok(())
}

fn print_row(
    out: &mut dyn Write,
    name: &str,
    [requests, computations, both]: [String; 3],
) -> io::Result<()> {
    writeln!(out, "{name:<26}{requests:>9}{computations:>14}{both:>6}")
}

/// Returns the virtual time that the jobs take.
fn time(way: Way, jobs: Vec<Job>) -> String {
    run(async move {
        perform(way, jobs).await;
        now().to_string()
    })
}

async fn perform(way: Way, jobs: Vec<Job>) {
    match way {
        Way::Synchronous => jobs.iter().for_each(|_| block_for(SECOND)),
        Way::Async => {
            gather_all(jobs.into_iter().map(Job::perform)).await;
        }
        Way::Pool { workers, cores } => {
            let pool = Pool::with_cores(workers, cores);
            let calls = jobs.into_iter().map(|job| pool.spawn(job.cost(), || ()));
            for result in gather_all(calls).await {
                result.expect("no call panics");
            }
        }
    }
}

impl Job {
    /// As a coroutine: it lets others run while it waits, but not while it computes.
    async fn perform(self) {
        match self {
            Job::Request => sleep(SECOND).await,
            Job::Computation => block_for(SECOND),
        }
    }

    /// As a call that blocks a worker.
    fn cost(self) -> Cost {
        match self {
            Job::Request => Cost::waiting(SECOND),
            Job::Computation => Cost::computing(SECOND),
        }
    }
}
