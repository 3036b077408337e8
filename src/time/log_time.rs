//! The virtual instant in front of the lines of a log (feature `tracing-subscriber`).

use std::fmt;

use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use crate::executor;

/// A timer for `tracing-subscriber` that prints the virtual instant, so that a program's own logs carry it.
///
/// Outside a loop it prints `-`.
///
/// # Examples
///
/// ```
/// use simloop::{run, sleep, time::LogTime};
/// use std::sync::{Arc, Mutex};
/// use std::time::Duration;
///
/// # #[derive(Clone, Default)]
/// # struct Lines(Arc<Mutex<Vec<u8>>>);
/// # impl std::io::Write for Lines {
/// #     fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
/// #         self.0.lock().unwrap().write(bytes)
/// #     }
/// #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
/// # }
/// let lines = Lines::default();
/// let writer = lines.clone();
/// let subscriber = tracing_subscriber::fmt()
///     .with_timer(LogTime)
///     .with_target(false)
///     .with_ansi(false)
///     .with_writer(move || writer.clone())
///     .finish();
/// tracing::subscriber::with_default(subscriber, || {
///     tracing::info!("before");
///     run(async {
///         tracing::info!("asleep");
///         sleep(Duration::from_millis(1500)).await;
///         tracing::info!("awake");
///     });
/// });
/// let lines = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
/// let instants: Vec<_> = lines.lines().map(|line| line.split(' ').next().unwrap()).collect();
/// assert_eq!(instants, ["-", "0s", "1.5s"]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct LogTime;

impl FormatTime for LogTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        match executor::try_now() {
            Some(now) => write!(writer, "{now}"),
            None => writer.write_str("-"),
        }
    }
}
