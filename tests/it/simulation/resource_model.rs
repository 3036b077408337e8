//! The resource against a simulation that knows nothing but a list of jobs.
//!
//! All instants of a script differ, so that no order of equals is in question: jobs come at instants with
//! different remainders modulo a thousand, and whatever lasts, lasts whole thousands.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;
use simloop::policy::Random;
use simloop::sim::{Resource, Statistics};
use simloop::time::{Instant, sleep_until};
use simloop::{Builder, gather_all, now, timeout};

#[derive(Clone, Debug)]
struct Job {
    arrives: u64,
    takes: u64,
    patience: u64,
    priority: i64,
}

/// When a job was served, from and to; or when it gave up, waiting or served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Fate {
    began: Option<u64>,
    ended: u64,
}

fn jobs() -> impl Strategy<Value = Vec<Job>> {
    let job = (0..30u64, 0..10u64, 1..20u64, -1..=1i64);
    prop::collection::vec(job, 0..40).prop_map(|jobs| {
        let job = |(n, (arrives, takes, patience, priority)): (usize, (u64, u64, u64, i64))| Job {
            arrives: arrives * 1000 + n as u64,
            takes: takes * 1000,
            patience: patience * 1000,
            priority,
        };
        jobs.into_iter().enumerate().map(job).collect()
    })
}

/// What becomes of each job, found by going from event to event.
fn simulate(jobs: &[Job], servers: usize) -> Vec<Fate> {
    let mut began: Vec<Option<u64>> = vec![None; jobs.len()];
    let end = |n: usize, began: &[Option<u64>]| {
        let job: &Job = &jobs[n];
        let gives_up = job.arrives + job.patience;
        began[n].map_or(gives_up, |began| gives_up.min(began + job.takes))
    };
    // Every instant at which a server may be handed out: someone comes, or someone goes.
    let mut now = 0;
    loop {
        let waiting = |n: &usize, began: &[Option<u64>]| {
            jobs[*n].arrives <= now && began[*n].is_none() && end(*n, began) > now
        };
        let is_busy =
            |n: usize| began[n].is_some_and(|began_at| began_at <= now && end(n, &began) > now);
        let busy = (0..jobs.len()).filter(|&n| is_busy(n)).count();
        let first = (0..jobs.len())
            .filter(|n| waiting(n, &began))
            .min_by_key(|&n| (jobs[n].priority, jobs[n].arrives));
        if let (Some(first), true) = (first, busy < servers) {
            began[first] = Some(now);
            continue;
        }
        let instants = (0..jobs.len()).flat_map(|n| [jobs[n].arrives, end(n, &began)]);
        match instants.filter(|&instant| instant > now).min() {
            Some(next) => now = next,
            None => break,
        }
    }
    (0..jobs.len()).map(|n| Fate { began: began[n], ended: end(n, &began) }).collect()
}

/// The statistics, from what became of the jobs.
fn statistics(jobs: &[Job], fates: &[Fate], servers: usize) -> [u128; 10] {
    let both = || jobs.iter().zip(fates);
    let waits = || both().filter_map(|(job, fate)| Some(fate.began? - job.arrives));
    let in_line = || both().map(|(job, fate)| (job.arrives, fate.began.unwrap_or(fate.ended)));
    let busy = both().filter_map(|(_, fate)| Some(fate.ended - fate.began?)).sum::<u64>();
    // Somebody enters only by coming, so the line is longest at such an instant.
    let line_at = |instant| in_line().filter(|&(from, to)| from <= instant && instant < to).count();
    let longest = jobs.iter().map(|job| line_at(job.arrives)).max().unwrap_or(0);
    let queue = in_line().map(|(from, to)| to - from).sum::<u64>();
    let served = waits().count();
    let observed = fates.iter().map(|fate| fate.ended).max().unwrap_or(0);
    [
        servers as u128,
        observed.into(),
        jobs.len() as u128,
        served as u128,
        (jobs.len() - served) as u128,
        busy.into(),
        waits().sum::<u64>().into(),
        waits().max().unwrap_or(0).into(),
        longest as u128,
        queue.into(),
    ]
}

fn numbers(seen: &Statistics) -> [u128; 10] {
    [
        seen.servers as u128,
        seen.observed.as_nanos(),
        seen.requests.into(),
        seen.served.into(),
        seen.abandoned.into(),
        seen.busy_time.as_nanos(),
        seen.waited_total.as_nanos(),
        seen.waited_max.as_nanos(),
        seen.queue_len_max as u128,
        seen.queue_time.as_nanos(),
    ]
}

/// Runs the jobs on a resource.
fn serve(jobs: Vec<Job>, servers: usize, policy: Option<u64>) -> (Vec<Fate>, Statistics) {
    let builder = Builder::new();
    let builder = match policy {
        Some(seed) => builder.policy(Random::new(seed)),
        None => builder,
    };
    let report = builder.run(async move {
        let resource = Resource::new(servers);
        let fates = jobs.into_iter().map(|job| {
            let resource = resource.clone();
            async move {
                sleep_until(Instant::from_nanos(job.arrives)).await;
                let began = Rc::new(RefCell::new(None));
                let service = async {
                    let server = resource.acquire().priority(job.priority).await;
                    *began.borrow_mut() = Some(server.since().as_nanos());
                    sleep_until(server.since() + Duration::from_nanos(job.takes)).await;
                };
                let _ = timeout(Duration::from_nanos(job.patience), service).await;
                Fate { began: began.take(), ended: now().as_nanos() }
            }
        });
        let fates = gather_all(fates).await;
        (fates, resource.statistics())
    });
    report.unwrap()
}

proptest! {
    #[test]
    fn a_resource_does_what_a_naive_simulation_does(
        jobs in jobs(),
        servers in 1..4usize,
        policy: Option<u64>,
    ) {
        let expected = simulate(&jobs, servers);
        let numbers_expected = statistics(&jobs, &expected, servers);
        let (fates, seen) = serve(jobs, servers, policy);
        prop_assert_eq!(fates, expected);
        prop_assert_eq!(numbers(&seen), numbers_expected);
        prop_assert_eq!((seen.busy, seen.queue_len), (0, 0));
    }
}
