//! A line on the terminal for searches that take longer than a second. The only place that looks at the real
//! time, and nothing depends on it.
//!
//! Whether there is a terminal is asked for once the first runs are made: to ask the system takes as long as a run.

use std::cell::OnceCell;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// When the line is first shown, and how often it is renewed.
const FIRST: Duration = Duration::from_secs(1);
const RENEWED: Duration = Duration::from_millis(200);

pub(super) struct Progress {
    /// When it was first called, and the runs made by then; none where nobody looks, and the clock is not even read.
    since: OnceCell<Option<(Instant, u64)>>,
    line: Line,
}

impl Progress {
    pub(super) fn new() -> Self {
        Progress { since: OnceCell::new(), line: Line { due: FIRST, is_shown: false } }
    }

    pub(super) fn show(&mut self, runs: u64, interleavings: u64) {
        let start = || stderr().is_terminal().then(|| (Instant::now(), runs));
        let Some((started, before)) = *self.since.get_or_init(start) else { return };
        if let Some(line) = self.line.renewed(started.elapsed(), before, runs, interleavings) {
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
    /// The line when so much time has gone by since the first runs, `before`, were made.
    fn renewed(
        &mut self,
        elapsed: Duration,
        before: u64,
        runs: u64,
        interleavings: u64,
    ) -> Option<String> {
        if elapsed < self.due {
            return None;
        }
        *self = Line { due: elapsed + RENEWED, is_shown: true };
        let rate = (runs - before) as f64 / elapsed.as_secs_f64();
        Some(format!("{runs} runs, {interleavings} interleavings, {rate:.0} runs a second"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_shows_nothing_for_a_second_and_then_a_line_five_times_a_second() {
        let mut line = Line { due: FIRST, is_shown: false };
        let mut renewed = |millis| line.renewed(Duration::from_millis(millis), 0, 3_000, 700);
        assert_eq!(renewed(999), None);
        let shown = renewed(1_500).unwrap();
        assert_eq!(shown, "3000 runs, 700 interleavings, 2000 runs a second");
        assert_eq!(renewed(1_699), None);
        assert!(renewed(1_700).is_some());
    }

    #[test]
    fn where_nobody_looks_nothing_is_shown_however_long_it_takes() {
        let mut progress = Progress::new();
        progress.since = OnceCell::from(None);
        progress.line.due = Duration::ZERO;
        progress.show(3_000, 700);
        assert!(!progress.line.is_shown);
    }

    #[test]
    fn a_search_that_was_short_leaves_nothing_to_wipe_out() {
        let mut line = Line { due: FIRST, is_shown: false };
        assert_eq!(line.renewed(Duration::from_millis(999), 0, 1, 1), None);
        assert!(!line.is_shown);
    }
}
