//! The text of failures: what happened, when, who, why, and last how to see it again (S41).

use std::fmt::{self, Display, Formatter, Write};

use super::deadlock::Deadlock;
use super::failure::{
    Failure, FailureKind, LeftTask, Livelock, Panic, PanicPlace, ReplayDivergence,
};
use super::site::site;
use crate::kernel::{Instant, shown_duration};
use crate::trace::text::{counted, elide_middle, joined, split_at_last};

/// Lines that a list is given at most; the data behind it is whole.
pub(super) const LINES_MAX: usize = 40;

/// What is named at most in a list within a line, and of a ring.
pub(super) const NAMES_MAX: usize = 8;

/// The width in columns that a path or a name is given: room for any but those that nobody can read.
const NAME_WIDTH: usize = 300;

/// Later failures that are told at most.
const CONSEQUENCES_MAX: usize = 5;

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let when = format!("at {} (turn {})", self.at(), self.turn());
        match self.kind() {
            FailureKind::Deadlock(deadlock) => write_deadlock(f, &when, deadlock)?,
            FailureKind::Livelock(livelock) => write_livelock(f, &when, livelock)?,
            FailureKind::Panic(panic) => write_panic(f, &when, panic)?,
            FailureKind::TurnLimit { limit, alive } => {
                writeln!(
                    f,
                    "turn limit of {limit} reached {when}: {} not finished",
                    tasks_are(alive.len())
                )?;
                write_tasks(f, alive)?;
            }
            FailureKind::TimeLimit { limit, beyond, tasks } => {
                let limit = shown_duration(*limit);
                write!(f, "virtual time limit of {limit} reached {when}: ")?;
                if *beyond == self.at() {
                    writeln!(f, "{} blocked the loop until then", joined(&named_all(tasks), ", "))?;
                } else {
                    writeln!(f, "the clock would go to {beyond}")?;
                    let due = |place: usize| format!("{} is due then", named(&tasks[place]));
                    write_lines(f, tasks.len(), &due)?;
                }
            }
            FailureKind::ForeignWake { task, thread } => {
                let thread = match thread {
                    Some(name) => format!("`{}`", named(name)),
                    None => "without a name".to_owned(),
                };
                let task = named(task);
                writeln!(
                    f,
                    "wake from another thread {when}: {task} was woken by thread {thread}"
                )?;
                writeln!(
                    f,
                    "  its moment cannot be reproduced; wake tasks from inside the loop, or between turns"
                )?;
            }
            FailureKind::NestedLoop { task } => {
                let place =
                    task.as_ref().map_or(String::new(), |task| format!(" in {}", named(task)));
                writeln!(f, "a loop was started inside a running loop {when}{place}")?;
                writeln!(f, "  await the future there, or give it to `spawn`")?;
            }
            FailureKind::Leftovers { tasks } => {
                writeln!(f, "{} left over when the run ended {when}", tasks_are(tasks.len()))?;
                write_tasks(f, tasks)?;
                writeln!(
                    f,
                    "  join or abort them before the end, or allow them: `deny_leftovers(false)`"
                )?;
            }
            FailureKind::ReplayDiverged(divergence) => write_divergence(f, self.at(), divergence)?,
            FailureKind::InvalidReplay(error) => writeln!(f, "nothing was run: {error}")?,
            FailureKind::PolicyFault { policy, fault } => {
                writeln!(f, "policy fault {when}: {policy} {fault}")?;
            }
            FailureKind::Refused { reason } => write_refused(f, &when, reason)?,
            FailureKind::NotDeterministic { difference } => {
                writeln!(f, "the same schedule gave two different runs")?;
                for line in difference.lines() {
                    writeln!(f, "  {line}")?;
                }
            }
            FailureKind::InvalidSearch { reason } => writeln!(f, "nothing was run: {reason}")?,
            FailureKind::RootCancelled { task } => {
                let task = named(task);
                writeln!(
                    f,
                    "the root was cancelled {when}: {task} was aborted, so the run has no output"
                )?;
            }
        }
        let consequences = self.consequences();
        for consequence in consequences.iter().take(CONSEQUENCES_MAX) {
            f.write_str("  then: ")?;
            let mut indented = Indented { f: &mut *f, at_line_start: false };
            write!(indented, "{}", consequence.without_replay())?;
        }
        if let Some(rest @ 1..) = consequences.len().checked_sub(CONSEQUENCES_MAX) {
            writeln!(f, "  then: {}", counted(rest, "more failure", "more failures"))?;
        }
        if let Some(picture) = self.picture() {
            writeln!(f, "  picture: {picture}")?;
        }
        write!(f, "  replay: {}", self.reproduction())
    }
}

impl Failure {
    /// The text up to the line that reproduces it, which is the outer failure's already.
    fn without_replay(&self) -> String {
        let mut text = self.to_string();
        let end = split_at_last(&text, "  replay: ").map_or(text.len(), |(kept, _)| kept.len());
        text.truncate(end);
        text
    }
}

/// Moves a nested failure's lines to the right.
struct Indented<'a, 'b> {
    f: &'a mut Formatter<'b>,
    at_line_start: bool,
}

impl Write for Indented<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for line in text.split_inclusive('\n') {
            if self.at_line_start {
                self.f.write_str("  ")?;
            }
            self.f.write_str(line)?;
            self.at_line_start = line.ends_with('\n');
        }
        Ok(())
    }
}

fn write_deadlock(f: &mut Formatter<'_>, when: &str, deadlock: &Deadlock) -> fmt::Result {
    let count = deadlock.waiting.len();
    let wait = if count == 1 { "1 task waits".to_owned() } else { format!("{count} tasks wait") };
    let why = if deadlock.has_daemon_timers {
        "only daemons have timers"
    } else {
        "no timer is registered"
    };
    writeln!(f, "deadlock {when}: {wait}, {why}")?;
    write!(f, "{deadlock}")
}

fn write_livelock(f: &mut Formatter<'_>, when: &str, livelock: &Livelock) -> fmt::Result {
    let Livelock { turns, watched, polled, spinners } = livelock;
    let turns = counted(*turns as usize, "turn", "turns");
    writeln!(f, "livelock {when}: {turns} without time advancing (limit `turns_per_instant`)")?;
    const SPINNERS_SHOWN: usize = 5;
    for (rank, spinner) in spinners.iter().take(SPINNERS_SHOWN).enumerate() {
        let rank = if rank == 0 { "most polled: " } else { "             " };
        let mut causes = Vec::new();
        for (cause, count) in spinner.woken_by.iter().take(3) {
            let cause = named(cause);
            causes.push(match spinner.woken_by.len() {
                1 => format!("{cause} each time"),
                _ => format!("{cause} {count} times"),
            });
        }
        let causes = if causes.is_empty() {
            "before".to_owned()
        } else {
            format!("by {}", joined(&causes, ", by "))
        };
        let (path, polls) = (named(&spinner.path), spinner.polls);
        let among = match watched {
            1 => "the last turn".to_owned(),
            _ => format!("{polls} of the last {watched} turns"),
        };
        writeln!(f, "  {rank}{path}, {among}, woken {causes}")?;
    }
    if *polled > SPINNERS_SHOWN {
        writeln!(f, "  and {} more", polled - SPINNERS_SHOWN)?;
    }
    writeln!(
        f,
        "  a task that waits must await a timer or a resource; `yield_now` in a loop does neither"
    )
}

fn write_panic(f: &mut Formatter<'_>, when: &str, panic: &Panic) -> fmt::Result {
    let mut message = panic.message.lines();
    writeln!(f, "panic {when} in {}: {}", named(&panic.path), message.next().unwrap_or(""))?;
    for line in message {
        writeln!(f, "    {line}")?;
    }
    if let Some(line) = &panic.raised_at {
        writeln!(f, "  raised at {line}")?;
    }
    let reason = match panic.place {
        PanicPlace::Root => "it is the root, so the run ends with it".to_owned(),
        PanicPlace::Detached => {
            format!(
                "its handle was dropped, so nobody could take it (spawned at {})",
                site(panic.spawned_at)
            )
        }
        PanicPlace::NotJoined => {
            format!(
                "nobody had awaited its handle when the run ended (spawned at {})",
                site(panic.spawned_at)
            )
        }
        PanicPlace::Foreign => {
            "it happened outside any task's own code, in what the loop called".to_owned()
        }
        PanicPlace::Drop => {
            format!(
                "it happened as the task's future or output was dropped (spawned at {})",
                site(panic.spawned_at)
            )
        }
    };
    writeln!(f, "  {reason}")
}

fn write_refused(f: &mut Formatter<'_>, when: &str, reason: &str) -> fmt::Result {
    let mut lines = reason.lines();
    writeln!(f, "refused {when}: {}", lines.next().unwrap_or(""))?;
    for line in lines.take(LINES_MAX) {
        writeln!(f, "    {line}")?;
    }
    Ok(())
}

fn write_divergence(
    f: &mut Formatter<'_>,
    at: Instant,
    divergence: &ReplayDivergence,
) -> fmt::Result {
    let ReplayDivergence { turn, index, alternatives, is_value, injection, found, ready } =
        divergence;
    let chose = match (injection, is_value) {
        (Some(injection), _) => format!("the schedule has `{injection}` there"),
        (None, true) => format!("`choose` took {index} of 0 to {}", alternatives - 1),
        (None, false) => {
            let number = index + 1;
            format!("the schedule chose {number} of {alternatives} ready tasks")
        }
    };
    let now = match found {
        None => "but the run has no such choice".to_owned(),
        Some(found) if injection.is_some() => format!("now `choose` has {found} alternatives"),
        Some(found) if *is_value => format!("now it has {found} alternatives"),
        Some(1) => "now 1 is ready".to_owned(),
        Some(found) => format!("now {found} are ready"),
    };
    writeln!(f, "replay diverged at turn {turn} ({at}): {chose}, {now}")?;
    if !ready.is_empty() {
        let shown = named_all(&ready[..ready.len().min(NAMES_MAX)]);
        writeln!(f, "  ready now: {}", listed(&shown, ready.len()))?;
    }
    writeln!(
        f,
        "  the program changed, or reads something outside the loop (hash order, real clock, another thread)"
    )
}

fn write_tasks(f: &mut Formatter<'_>, tasks: &[LeftTask]) -> fmt::Result {
    write_lines(f, tasks.len(), &|place| {
        let LeftTask { path, spawned_at, .. } = &tasks[place];
        format!("{} (spawned at {})", named(path), site(spawned_at))
    })
}

/// A path or a name as it is told, which is whole in the data behind it.
pub(crate) fn named(name: &str) -> String {
    elide_middle(name, NAME_WIDTH)
}

fn named_all(names: &[String]) -> Vec<String> {
    names.iter().map(|name| named(name)).collect()
}

/// Writes the first of `count` lines, each told by its place, and how many more there are.
pub(super) fn write_lines(
    f: &mut Formatter<'_>,
    count: usize,
    line: &dyn Fn(usize) -> String,
) -> fmt::Result {
    for place in 0..count.min(LINES_MAX) {
        writeln!(f, "  {}", line(place))?;
    }
    if count > LINES_MAX {
        writeln!(f, "  and {} more", count - LINES_MAX)?;
    }
    Ok(())
}

/// Lists in one line the first of `count` things.
pub(super) fn listed(shown: &[String], count: usize) -> String {
    match count - shown.len() {
        0 => joined(shown, ", "),
        more => format!("{} and {more} more", joined(shown, ", ")),
    }
}

fn tasks_are(count: usize) -> String {
    counted(count, "task was", "tasks were")
}
