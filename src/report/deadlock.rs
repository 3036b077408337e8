//! Who waits for whom when nobody can go on, as data and as text (S37).

use std::fmt::{self, Display, Formatter};
use std::panic::Location;
use std::sync::Arc;

use super::failure::LeftTask;
use super::site::site;
use super::text::{LINES_MAX, NAMES_MAX, listed, named, write_lines};
use crate::kernel::{Instant, TaskId};
use crate::trace::{columns, joined, one_line};

/// Things that a task waits for that are told at most, and holders of one of them.
const WAITS_MAX: usize = 3;

/// Tasks that cannot go on.
///
/// Its `Display` gives a line for each task, and one for the cycle.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Deadlock {
    /// The waiting tasks, in the order in which they were spawned.
    pub waiting: Vec<WaitingTask>,
    /// Tasks that wait for each other in a ring, each for the next and the last for the first. It is the
    /// shortest ring of the earliest task that is in one; empty if there is none.
    ///
    /// Only tasks are in it that can never go on as far as is known: none that a future of another crate might wake
    /// as well, or that also waits for what anybody might bring.
    pub cycle: Vec<Link>,
    /// Whether the tasks wait for each other in any case. If not, they do if each guard is still with the task that took
    /// it, see [`Holder::may_have_moved`].
    pub is_cycle_certain: bool,
    /// Whether timers exist, all of them daemons'.
    pub has_daemon_timers: bool,
}

/// A task that waits.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct WaitingTask {
    /// Its id.
    pub id: TaskId,
    /// Its path.
    pub path: String,
    /// Since when it waits.
    pub since: Instant,
    /// What it waits for; any of these would wake it.
    pub waits: Vec<Wait>,
    /// Lines of code at which it waits, `file:line`, where it waits for futures of other crates. Only with the
    /// feature `backtrace`, which finds them by polling the task once more after the run, and only for
    /// [`Builder::run`](crate::Builder::run) and [`EventLoop::run`](crate::EventLoop::run).
    pub waits_at: Vec<String>,
    /// Where it was spawned.
    pub spawned_at: &'static Location<'static>,
    /// Whether it is a daemon.
    pub is_daemon: bool,
}

/// What a task waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Wait {
    /// The end of the task with this path.
    Join(String),
    /// The end of a task of another loop on this thread, with this path there. That loop has to be driven for it.
    JoinElsewhere(String),
    /// A timer with this deadline.
    Timer(Instant),
    /// A sleep without end.
    Never,
    /// Everybody else to wait, as [`settle`](crate::settle) does.
    Settle,
    /// A lock, a queue or the like of this crate.
    Resource(ResourceWait),
    /// A future that is not of this crate.
    Foreign,
    /// Perhaps a future that is not of this crate, beside what was told before: somebody holds a clone of the
    /// task's waker and does not say what for. It is told last.
    PerhapsForeign,
    /// Nothing that could come: nobody holds the task's waker (S40).
    Nothing,
}

/// A resource that a task waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ResourceWait {
    /// What it is, for instance `mutex`.
    pub kind: &'static str,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// Where it was made.
    pub made_at: &'static Location<'static>,
    /// What exactly is wanted, in words before the kind: `an item of `. Often empty.
    pub before: String,
    /// How it stands, in words after the name: ` (2 of 3 arrived)`. Often empty.
    pub after: String,
    /// Who has it. Empty where anybody might bring what is wanted.
    pub holders: Arc<[Holder]>,
}

/// A task that holds a resource.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Holder {
    /// Its path; `None` if it has ended, or belongs to another run.
    pub path: Option<String>,
    /// Since when.
    pub since: Instant,
    /// Whether it took a guard that can be with another task by now: an owned one, or one that borrows from a
    /// static. No loop sees a value move from task to task.
    pub may_have_moved: bool,
}

/// A task in a ring of waiting tasks.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Link {
    /// Its path.
    pub path: String,
    /// The resource that it wants and the next one holds, in words; `None` where it joins the next one.
    pub resource: Option<String>,
}

// The records above can be made only here, and by the loop.
impl WaitingTask {
    pub(crate) fn new(task: LeftTask, since: Instant, waits: Vec<Wait>, is_daemon: bool) -> Self {
        let LeftTask { id, path, spawned_at } = task;
        WaitingTask { id, path, since, waits, waits_at: Vec::new(), spawned_at, is_daemon }
    }
}

/// A resource in words, in one line: kind and name.
pub(crate) fn resource_label(kind: &str, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("{kind} `{}`", one_line(name)),
        None => kind.to_owned(),
    }
}

impl ResourceWait {
    fn label(&self) -> String {
        named(&resource_label(self.kind, self.name.as_deref()))
    }

    fn wanted(&self) -> String {
        let ResourceWait { before, after, .. } = self;
        let made = match self.name {
            Some(_) => String::new(),
            None => format!(" (made at {})", site(self.made_at)),
        };
        format!("waits for {before}{}{made}{after}", self.label())
    }

    fn held(&self) -> Option<String> {
        let shown =
            |Holder { path, since, may_have_moved }: &Holder| match path.as_deref().map(named) {
                Some(path) if *may_have_moved => format!("by a guard that {path} took at {since}"),
                None if *may_have_moved => {
                    format!("by a guard that was taken at {since} by a task that has ended")
                }
                Some(path) => format!("by {path} since {since}"),
                None => format!("since {since} by a task that has ended"),
            };
        let mut holders = Vec::new();
        for holder in self.holders.iter().take(WAITS_MAX) {
            holders.push(shown(holder));
        }
        (!holders.is_empty()).then(|| format!("held {}", listed(&holders, self.holders.len())))
    }
}

impl Display for Deadlock {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut width = 0;
        for task in self.waiting.iter().take(LINES_MAX) {
            width = columns(&task.path).max(width);
        }
        let width = width.min(40);
        write_lines(f, self.waiting.len(), &|place| {
            let task = &self.waiting[place];
            let gap = width.saturating_sub(columns(&task.path));
            format!("{}{:gap$}  {}", named(&task.path), "", reason(task))
        })?;
        let Some(first) = self.cycle.first() else { return Ok(()) };
        let (shown, more) = self.cycle.split_at(self.cycle.len().min(NAMES_MAX));
        let premise =
            if self.is_cycle_certain { "" } else { ", if each guard is still where it was taken" };
        write!(f, "  cycle{premise}: ")?;
        for Link { path, resource } in shown {
            write!(f, "{} -> ", named(path))?;
            if let Some(resource) = resource {
                write!(f, "{} -> ", named(resource))?;
            }
        }
        if !more.is_empty() {
            write!(f, "({} more) -> ", more.len())?;
        }
        writeln!(f, "{}", named(&first.path))
    }
}

fn reason(task: &WaitingTask) -> String {
    let at = match task.waits_at.is_empty() {
        true => String::new(),
        false => format!(" (at {})", joined(&task.waits_at, ", ")),
    };
    let what = |wait: &Wait| match wait {
        Wait::Foreign => format!("{}{at}", what(wait)),
        _ => what(wait),
    };
    let (known, perhaps) = match task.waits.split_last() {
        Some((Wait::PerhapsForeign, known)) => {
            (known, format!("; {}{at}", self::what(&Wait::PerhapsForeign)))
        }
        _ => (&task.waits[..], String::new()),
    };
    // Equal ones stand side by side where a task waits for many of a kind.
    let mut groups: Vec<(&Wait, usize)> = Vec::new();
    for wait in known {
        match groups.last_mut() {
            Some((first, count)) if *first == wait => *count += 1,
            _ => groups.push((wait, 1)),
        }
    }
    let mut waits = Vec::new();
    for &(wait, count) in groups.iter().take(WAITS_MAX) {
        waits.push(match count {
            1 => what(wait),
            _ => format!("{} ({count} times)", what(wait)),
        });
    }
    let daemon = format!("{perhaps}{}", if task.is_daemon { " (a daemon)" } else { "" });
    // Which of several it needs, or all, only the task knows.
    let since = format!("{} since {}", listed(&waits, groups.len()), task.since);
    let site = site(task.spawned_at);
    match groups[..] {
        [(Wait::Nothing, 1)] => {
            format!(
                "{since}, but nobody holds its waker, so it can never wake (spawned at {site}){daemon}"
            )
        }
        [(Wait::Resource(wait), _)] => match wait.held() {
            Some(held) => format!("{since}, {held}{daemon}"),
            None => format!("{since}{daemon}"),
        },
        _ => {
            let mut holders = String::new();
            for (wait, _) in groups.iter().take(WAITS_MAX) {
                if let Wait::Resource(wait) = wait {
                    if let Some(held) = wait.held() {
                        holders.push_str(&format!("; {} is {held}", wait.label()));
                    }
                }
            }
            let spawned = match task.waits.contains(&Wait::Foreign) {
                true => format!(" (spawned at {site})"),
                false => String::new(),
            };
            format!("{since}{holders}{spawned}{daemon}")
        }
    }
}

fn what(wait: &Wait) -> String {
    match wait {
        Wait::Join(path) => format!("joins `{}`", named(path)),
        Wait::JoinElsewhere(path) => format!("joins `{}` of another loop", named(path)),
        Wait::Timer(deadline) => format!("sleeps until {deadline}"),
        Wait::Never => "sleeps for ever".to_owned(),
        Wait::Settle => "waits for the others to settle".to_owned(),
        Wait::Resource(resource) => resource.wanted(),
        Wait::Foreign => "waits for a future of its own".to_owned(),
        Wait::PerhapsForeign => "it may also be woken by a future of its own".to_owned(),
        Wait::Nothing => "waits".to_owned(),
    }
}
