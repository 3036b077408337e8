//! Short ways from a report to each picture of its run.

use super::{Columns, Lanes, Mermaid, Svg};
use crate::report::Report;
use crate::trace::Statistics;

impl<T> Report<T> {
    /// Draws the run as lanes of text; see [`Trace::lanes`](crate::trace::Trace::lanes).
    ///
    /// What the pictures of a report show depends on [`Builder::trace`](crate::Builder::trace): nothing is drawn
    /// of a run that was not traced.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{Builder, sleep, trace::Level};
    /// use std::time::Duration;
    ///
    /// let nap = async { sleep(Duration::from_secs(1)).await };
    /// let report = Builder::new().trace(Level::Full).run(nap);
    /// assert_eq!(report.timeline().to_string(), report.trace.lanes().to_string());
    /// assert!(report.timeline().width(40).to_string().contains("main"));
    /// assert_eq!(report.columns().to_string(), report.trace.columns().to_string());
    /// assert!(report.svg().to_string().contains("<title>main: sleeps until 1s, from 0s to 1s (1s)</title>"));
    /// assert!(report.mermaid().to_string().starts_with("sequenceDiagram\n"));
    /// assert_eq!(report.statistics().jumps, 1);
    /// ```
    #[doc(alias = "lanes")]
    pub fn timeline(&self) -> Lanes<'_> {
        self.trace.lanes()
    }

    /// Draws the run in columns, turn by turn; see [`Trace::columns`](crate::trace::Trace::columns).
    pub fn columns(&self) -> Columns<'_> {
        self.trace.columns()
    }

    /// Draws the run as an SVG file; see [`Trace::svg`](crate::trace::Trace::svg).
    pub fn svg(&self) -> Svg<'_> {
        self.trace.svg()
    }

    /// Writes the run as a sequence diagram; see [`Trace::mermaid`](crate::trace::Trace::mermaid).
    pub fn mermaid(&self) -> Mermaid<'_> {
        self.trace.mermaid()
    }

    /// Adds up where the time of the run went; see [`Trace::statistics`](crate::trace::Trace::statistics).
    pub fn statistics(&self) -> Statistics {
        self.trace.statistics()
    }

    /// Writes the run for Perfetto; see [`Trace::perfetto`](crate::trace::Trace::perfetto).
    #[cfg(feature = "serde")]
    pub fn perfetto(&self) -> super::Perfetto<'_> {
        self.trace.perfetto()
    }

    /// Writes the records for scripts; see [`Trace::json_lines`](crate::trace::Trace::json_lines).
    #[cfg(feature = "serde")]
    pub fn json_lines(&self) -> super::JsonLines<'_> {
        self.trace.json_lines()
    }
}
