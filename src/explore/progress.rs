//! A line on the terminal for searches that take longer than a second. The only place that looks at the real
//! time, and nothing depends on it.
//!
//! Whether there is a terminal is asked for when the line is due: to ask the system takes as long as a run.

use std::cell::OnceCell;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// When the line is first shown, and how often it is renewed.
const FIRST: Duration = Duration::from_secs(1);
const RENEWED: Duration = Duration::from_millis(200);

pub(super) struct Progress {
    started: Instant,
    /// Whether there is a terminal.
    is_seen: OnceCell<bool>,
    line: Line,
}

impl Progress {
    pub(super) fn new() -> Self {
        let line = Line { due: FIRST, is_shown: false };
        Progress { started: Instant::now(), is_seen: OnceCell::new(), line }
    }

    /// Shows how many runs there were and, if somebody looks, how many interleavings.
    pub(super) fn show(&mut self, runs: u64, interleavings: impl FnOnce() -> u64) {
        if self.is_seen.get() == Some(&false) {
            return;
        }
        let elapsed = self.started.elapsed();
        if self.line.is_due(elapsed) && *self.is_seen.get_or_init(|| stderr().is_terminal()) {
            let line = self.line.renewed(elapsed, runs, interleavings());
            // A terminal that is gone is no reason to fail.
            let _ = write!(stderr(), "\r\x1b[K  {line}");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.line.is_shown {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

/// What is shown, and when it is renewed.
struct Line {
    /// The time since the start of the search.
    due: Duration,
    is_shown: bool,
}

impl Line {
    fn is_due(&self, elapsed: Duration) -> bool {
        elapsed >= self.due
    }

    /// The line when so much time has gone by.
    fn renewed(&mut self, elapsed: Duration, runs: u64, interleavings: u64) -> String {
        *self = Line { due: elapsed + RENEWED, is_shown: true };
        let rate = runs as f64 / elapsed.as_secs_f64();
        format!("{runs} runs, {interleavings} interleavings, {rate:.0} runs a second")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_search_shows_nothing_for_a_second_and_then_a_line_five_times_a_second() {
        let mut line = Line { due: FIRST, is_shown: false };
        assert!(!line.is_due(millis(999)) && !line.is_shown);
        assert!(line.is_due(millis(1_500)));
        let shown = line.renewed(millis(1_500), 3_000, 700);
        assert_eq!(shown, "3000 runs, 700 interleavings, 2000 runs a second");
        assert!(line.is_shown && !line.is_due(millis(1_699)));
        assert!(line.is_due(millis(1_700)));
    }

    #[test]
    fn where_nobody_looks_nothing_is_shown_however_long_it_takes() {
        let mut progress = Progress::new();
        progress.is_seen = OnceCell::from(false);
        progress.line.due = Duration::ZERO;
        progress.show(3_000, || unreachable!("nobody asks how many there are"));
        assert!(!progress.line.is_shown);
    }

    #[test]
    fn a_search_that_is_short_asks_nobody_whether_there_is_a_terminal() {
        let mut progress = Progress::new();
        progress.line.due = Duration::MAX;
        progress.show(3_000, || unreachable!("nobody asks how many there are"));
        assert_eq!(progress.is_seen.get(), None);
    }
}
