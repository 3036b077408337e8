//! A line on the terminal for searches that take longer than a second. The only place that looks at the real
//! time, and nothing depends on it.

use std::cell::Cell;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// When the line is first shown, and how often it is renewed.
const FIRST: Duration = Duration::from_secs(1);
const RENEWED: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(super) struct Progress {
    /// Where nobody looks, the clock is not even read.
    started: Option<Instant>,
    next: Cell<Option<Instant>>,
    is_shown: Cell<bool>,
}

impl Progress {
    pub(super) fn start() -> Self {
        let started = stderr().is_terminal().then(Instant::now);
        Progress {
            started,
            next: Cell::new(started.map(|it| it + FIRST)),
            is_shown: Cell::default(),
        }
    }

    pub(super) fn show(&self, runs: u64, interleavings: u64) {
        let (Some(started), Some(next)) = (self.started, self.next.get()) else { return };
        let now = Instant::now();
        if now < next {
            return;
        }
        self.next.set(Some(now + RENEWED));
        self.is_shown.set(true);
        let rate = runs as f64 / now.duration_since(started).as_secs_f64();
        // A terminal that is gone is no reason to fail.
        let _ = write!(
            stderr(),
            "\r\x1b[K  {runs} runs, {interleavings} interleavings, {rate:.0} runs a second"
        );
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown.get() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
