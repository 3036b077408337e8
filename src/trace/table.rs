//! The text of statistics: a table of the tasks, one of what they waited for, and lines for the loop.

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use super::statistics::{
    BlockingStretch, LISTED_MAX, ResourceStatistics, Statistics, TaskStatistics,
};
use super::text::{columns, counted, elide_middle};
use crate::kernel::ordered::sort_by_key;
use crate::kernel::shown_duration;

/// Rows of a table at most.
const ROWS_MAX: usize = 40;

/// Columns of a line at most, and those that a path or a resource takes in it at most and at least.
const WIDTH: usize = 100;
const PATH_WIDTH: usize = 32;
const TEXT_MIN: usize = 12;

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tasks.is_empty() {
            return writeln!(f, "nothing was recorded");
        }
        self.write_tasks(f)?;
        self.write_waits(f)?;
        let (jumped, blocked) = (shown_duration(self.jumped), shown_duration(self.blocked));
        let turns = |turns: u64| counted(turns as usize, "turn", "turns");
        let jumps = counted(self.jumps, "jump", "jumps");
        writeln!(f, "{}, {jumps} over {jumped}, blocked for {blocked}", turns(self.turns))?;
        let mut resources = Vec::new();
        for resource in &self.resources {
            resources.push(resource);
        }
        sort_by_key(&mut resources, |resource| Reverse(resource.waiting));
        for ResourceStatistics { resource, waits, waiting, longest_wait } in
            resources.iter().take(LISTED_MAX)
        {
            let (waiting, longest) = (shown_duration(*waiting), shown_duration(*longest_wait));
            let (waits, resource) =
                (counted(*waits as usize, "wait", "waits"), elide_middle(resource, PATH_WIDTH));
            writeln!(f, "waited {waiting} for {resource}: {waits}, {longest} the longest")?;
        }
        if resources.len() > LISTED_MAX {
            writeln!(f, "and for {} more resources", resources.len() - LISTED_MAX)?;
        }
        for instant in &self.busiest {
            writeln!(f, "busy at {}: {}", instant.at, turns(instant.turns))?;
        }
        for BlockingStretch { path, from, length } in &self.blocking {
            let path = elide_middle(path, PATH_WIDTH);
            writeln!(f, "blocked from {from} for {} by {path}", shown_duration(*length))?;
        }
        Ok(())
    }
}

impl Statistics {
    fn write_tasks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tasks = Vec::new();
        for task in &self.tasks {
            tasks.push(task);
        }
        sort_by_key(&mut tasks, |task| Reverse(task.polls));
        let header =
            ["task", "polls", "turns ready", "ready", "waiting", "longest wait", "blocked"];
        let mut rows = vec![texts(&header)];
        for task in tasks.iter().take(ROWS_MAX) {
            rows.push(task.row());
        }
        write_table(f, &rows, 1)?;
        if tasks.len() > ROWS_MAX {
            writeln!(f, "and {} more tasks", tasks.len() - ROWS_MAX)?;
        }
        Ok(())
    }

    /// Which task waited for which resource, the longest first; nothing where none did.
    fn write_waits(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut waits = Vec::new();
        for task in &self.tasks {
            for resource in &task.resources {
                waits.push((&*task.path, resource));
            }
        }
        if waits.is_empty() {
            return Ok(());
        }
        sort_by_key(&mut waits, |(_, resource)| Reverse(resource.waiting));
        let header = ["task", "waits for", "times", "waiting", "longest wait"];
        let mut rows = vec![texts(&header)];
        for (path, resource) in waits.iter().take(ROWS_MAX) {
            rows.push(resource.row(path));
        }
        write_table(f, &rows, 2)?;
        if waits.len() > ROWS_MAX {
            writeln!(f, "and {} more of a task for a resource", waits.len() - ROWS_MAX)?;
        }
        Ok(())
    }
}

impl TaskStatistics {
    fn row(&self) -> Vec<String> {
        vec![
            self.path.clone(),
            self.polls.to_string(),
            self.turns_ready.to_string(),
            shown_time(self.ready),
            shown_time(self.waiting),
            shown_time(self.longest_wait),
            shown_time(self.blocked),
        ]
    }
}

impl ResourceStatistics {
    fn row(&self, path: &str) -> Vec<String> {
        vec![
            path.to_owned(),
            self.resource.clone(),
            self.waits.to_string(),
            shown_time(self.waiting),
            shown_time(self.longest_wait),
        ]
    }
}

fn texts(cells: &[&str]) -> Vec<String> {
    let mut texts = Vec::new();
    for &cell in cells {
        texts.push(cell.to_owned());
    }
    texts
}

fn shown_time(time: Duration) -> String {
    if time.is_zero() { "-".to_owned() } else { shown_duration(time) }
}

/// Writes rows in columns: the first `texts` to the left, the numbers after them to the right. Texts lose their
/// middle where a line would be too wide.
fn write_table(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>], texts: usize) -> fmt::Result {
    let mut widths = vec![0; rows[0].len()];
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            widths[column] = columns(cell).max(widths[column]);
        }
    }
    let numbers = widths[texts..].iter().sum::<usize>() + 2 * (widths.len() - texts);
    let room = (WIDTH - 2 * (texts - 1)).saturating_sub(numbers) / texts;
    for width in &mut widths[..texts] {
        *width = (*width).min(room.clamp(TEXT_MIN, PATH_WIDTH));
    }
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            let gap = if column == 0 { "" } else { "  " };
            if column < texts {
                let cell = elide_middle(cell, width);
                line.push_str(&format!("{gap}{cell}{}", " ".repeat(width - columns(&cell))));
            } else {
                line.push_str(&format!("{gap}{cell:>width$}"));
            }
        }
        writeln!(f, "{line}")?;
    }
    Ok(())
}
