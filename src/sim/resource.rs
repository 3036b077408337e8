//! A station with so many servers, and a line before it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::delay::Delay;
use super::service::{Acquire, Server, UseFor};
use super::statistics::{Meter, Statistics};
use crate::executor::{self, Holding, Party, RunId, Wanted};
use crate::kernel::Instant;
use crate::kernel::ordered::Set;
use crate::sync::gate::{Gate, Shared};

/// A station with so many servers and a line before it: a printer, cash desks, a database with ten connections.
///
/// Whoever comes takes a server if one is free, and otherwise stands in line. A server that becomes free is
/// handed over at once to the first in line (S28). The line is first-in first-out; with
/// [`priority`](Acquire::priority) the lower number goes first, and equal ones in the order in which they came.
/// A service that has begun is not interrupted.
///
/// This is SimPy's `Resource` and `PriorityResource` in one. A clone is the same resource. In a deadlock report
/// it goes by its [name](Self::named), with those who hold its servers.
///
/// Servers are held by tasks. Where the loop is blocked ([`block_for`](crate::time::block_for)), a service
/// ends, and the server is handed over, only when the loop goes on.
///
/// # Examples
///
/// ```
/// use simloop::{gather, now, run, sim::Resource};
/// use std::time::Duration;
///
/// run(async {
///     let printer = Resource::new(1).named("printer");
///     let print = |pages: u32, priority: i64| {
///         let printing = printer.use_for(Duration::from_secs(1) * pages).priority(priority);
///         async move {
///             printing.await;
///             now().to_string()
///         }
///     };
///     let ends = gather!(print(10, 0), print(20, 0), print(1, -1)).await;
///     assert_eq!(ends, ("10s".into(), "31s".into(), "11s".into()));
///     assert_eq!(printer.statistics().waited_max, Duration::from_secs(11));
/// });
/// ```
#[derive(Clone)]
pub struct Resource {
    pub(super) shared: Arc<Shared<Station>>,
    pub(super) run: RunId,
}

impl Resource {
    /// Creates a resource of so many servers, all of them free.
    ///
    /// # Panics
    ///
    /// Panics outside a loop, and with no server.
    #[track_caller]
    pub fn new(servers: usize) -> Resource {
        assert!(servers > 0, "a resource needs 1 server at least, and was given none");
        let (run, now) = executor::own_moment("Resource::new");
        let station = Station {
            run,
            servers,
            held: Vec::new(),
            free: Set::new(),
            meter: Meter::new(servers, now),
        };
        Resource { shared: Shared::new(station), run }
    }

    /// Gives it a name, for reports.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        self.shared.set_name(name.into());
        self
    }

    /// Uses one server for `delay`, then frees it: waits, is served, goes.
    ///
    /// The delay is a [`Duration`], counted from the instant at which the server was handed over, or a
    /// [`Delay`], drawn from the generator of the task when the future is first polled. Each use makes one call
    /// of [`rng`](crate::rng()) in that task, also if the delay is fixed: so that exchanging one for the other
    /// leaves the task's other draws as they are.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line, or takes the job off the server, which is free at once and goes to
    /// the next (S29).
    ///
    /// # Panics
    ///
    /// The future panics when polled in another loop than that of the resource.
    pub fn use_for(&self, delay: impl Into<Delay>) -> UseFor {
        UseFor::new(self.acquire(), delay.into())
    }

    /// Waits for a server, and holds it until the guard is dropped. This is SimPy's `request`.
    ///
    /// Ready at once, without suspending, if a server is free.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line. A server that was handed to it goes to the next (S29).
    ///
    /// # Panics
    ///
    /// The future panics when polled in another loop than that of the resource.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{now, run, sim::Resource, sleep, spawn};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let desks = Resource::new(1);
    ///     let desk = desks.acquire().await;
    ///     let next = spawn(desks.acquire());
    ///     sleep(Duration::from_secs(3)).await;
    ///     drop(desk);
    ///     assert_eq!(next.await.unwrap().since().to_string(), "3s");
    ///     assert_eq!(desks.busy(), 0);
    /// });
    /// ```
    #[inline]
    pub fn acquire(&self) -> Acquire {
        Acquire::new(self.clone(), 0)
    }

    /// Takes a server now, if one is free and nobody waits for it.
    ///
    /// An attempt that fails is not counted in the statistics.
    #[inline]
    pub fn try_acquire(&self) -> Option<Server> {
        let grant = self.shared.try_now(0, Need::new(0)).ok()?;
        Some(self.guard(&grant))
    }

    /// Returns the number of servers.
    #[inline]
    pub fn servers(&self) -> usize {
        self.shared.read(|station| station.servers)
    }

    /// Returns how many servers are busy.
    #[inline]
    pub fn busy(&self) -> usize {
        self.shared.read(Station::busy)
    }

    /// Returns how many stand in line.
    #[inline]
    pub fn queue_len(&self) -> usize {
        self.shared.waiting(0)
    }

    /// Returns what has been seen up to now; after the run, and on another thread, up to the last change.
    #[inline]
    pub fn statistics(&self) -> Statistics {
        self.shared.update(|station| {
            station.advance();
            station.meter.statistics()
        })
    }

    /// Makes a guard of what was given.
    pub(super) fn guard(&self, grant: &Grant) -> Server {
        Server::new(Arc::clone(&self.shared), grant.number, grant.since)
    }
}

impl fmt::Debug for Resource {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource")
            .field("servers", &self.servers())
            .field("busy", &self.busy())
            .field("queue_len", &self.queue_len())
            .finish_non_exhaustive()
    }
}

/// The servers, by number.
pub(crate) struct Station {
    run: RunId,
    servers: usize,
    /// Those that have ever been used: the lowest free one is taken, so memory is that of the most at once.
    held: Vec<Option<Party>>,
    /// The free ones of those.
    free: Set<usize>,
    meter: Meter,
}

pub(crate) struct Need {
    priority: i64,
    /// Since when it stands in line.
    since: Option<Instant>,
}

impl Need {
    pub(super) fn new(priority: i64) -> Need {
        Need { priority, since: None }
    }
}

/// A server that was handed over.
pub(crate) struct Grant {
    number: usize,
    since: Instant,
    waited: Duration,
}

impl Station {
    #[inline]
    fn busy(&self) -> usize {
        self.held.len() - self.free.len()
    }

    /// Brings the sums over time up to now. After the run, and on another thread, time stands still.
    fn advance(&mut self) -> Instant {
        if let Some(now) = executor::instant_of(self.run) {
            self.meter.advance(now);
        }
        self.meter.now()
    }

    pub(super) fn release(&mut self, number: usize) {
        self.advance();
        self.meter.vacate();
        self.held[number] = None;
        self.free.insert(number);
    }

    fn lowest_free(&mut self) -> Option<usize> {
        if let Some(number) = self.free.pop_first() {
            return Some(number);
        }
        let number = self.held.len();
        (number < self.servers).then(|| self.held.push(None)).map(|()| number)
    }
}

impl Gate for Station {
    const HAS_HOLDERS: bool = true;
    type Need = Need;
    type Grant = Grant;

    fn kind(&self) -> &'static str {
        "resource"
    }

    fn serve(&mut self, _: usize, need: &mut Need, party: Option<Party>) -> Option<Grant> {
        let number = self.lowest_free()?;
        let now = self.advance();
        self.held[number] = party;
        match need.since {
            Some(_) => self.meter.leave(),
            None => self.meter.ask(),
        }
        self.meter.occupy();
        let waited = now.duration_since(need.since.unwrap_or(now));
        Some(Grant { number, since: now, waited })
    }

    fn take_back(&mut self, grant: Grant) -> Option<Grant> {
        self.release(grant.number);
        self.meter.abandon();
        None
    }

    fn collect(&mut self, grant: Grant) -> Grant {
        self.meter.serve(grant.waited);
        grant
    }

    fn rank(need: &Need) -> i64 {
        need.priority
    }

    fn entered(&mut self, _: usize, need: &mut Need) {
        need.since = Some(self.advance());
        self.meter.ask();
        self.meter.enter();
    }

    fn left(&mut self, _: usize) {
        self.advance();
        self.meter.leave();
        self.meter.abandon();
    }

    /// A [`Server`] borrows nothing, so it may be with another task by now.
    fn holders(&self) -> Vec<Holding> {
        let mut holders = Vec::new();
        for &held in &self.held {
            if let Some(party) = held {
                holders.push(Holding { party, may_have_moved: true });
            }
        }
        holders
    }

    fn wanted(&self, _: usize, _: &Need) -> Wanted {
        Wanted { before: "a server of ".to_owned(), after: String::new() }
    }
}
