//! Pictures of a trace, and the trace in the formats of other tools. Each is a function of the trace alone,
//! the same bytes every time.
//!
//! | what | made by |
//! |---|---|
//! | lanes of text, for a terminal | [`Trace::lanes`](crate::trace::Trace::lanes) |
//! | a column of text for each task, turn by turn | [`Trace::columns`](crate::trace::Trace::columns) |
//! | an HTML page to look around in | [`Report::html`](crate::Report::html), and of a search [`Finding::html`](crate::explore::Finding::html) |
//! | an SVG file | [`Trace::svg`](crate::trace::Trace::svg) |
//! | a sequence diagram of Mermaid | [`Trace::mermaid`](crate::trace::Trace::mermaid) |
#![cfg_attr(
    feature = "serde",
    doc = "| trace events, for Perfetto | [`Trace::perfetto`](crate::trace::Trace::perfetto) |
| records as JSON Lines, for scripts | [`Trace::json_lines`](crate::trace::Trace::json_lines) |"
)]
//!
//! [`Report::timeline`](crate::Report::timeline), `Report::columns`, `Report::svg` and so on are short ways to them.
//!
//! Each is a value with a `Display`, so `println!("{}", report.trace.lanes())` shows a run, and
//! `std::fs::write(path, report.trace.svg().to_string())` keeps a picture. The graph of a deadlock is the
//! failure's: `Deadlock::dot`.
//!
//! # What a picture costs
//!
//! Pictures of a million records are drawn in a few seconds at most, in memory in proportion. For each record no
//! more than 300 bytes are held for lanes, columns and SVG, no more than 400 for HTML and Perfetto, and next to none
//! for the others, which go through the records once; beside that, each takes less than a megabyte. A test counts
//! these bytes. Lanes, columns, SVG and Mermaid are of a bounded size; a page takes about ten bytes for each record.
//!
//! Measured in a release build, with a million records of tasks that sleep, or that wake each other:
//!
//! | printer | seconds | bytes held for each record |
//! |---|---|---|
//! | lanes, SVG | 0.2 to 0.7 | 60 to 185 |
//! | columns | 0.2 | 45 to 120 |
//! | HTML | 1.4 to 1.8 | 90 to 225 |
//! | Perfetto | 2.3 to 3.4 | 65 to 165 |
//! | text, JSON Lines, Mermaid, statistics | 0.1 to 1.7 | below 2 |
//!
//! # A picture of a failing test
//!
//! With the environment variable `SIMLOOP_TRACE` a run that fails is drawn without a change to the program,
//! and its failure names the file:
//!
//! ```text
//! SIMLOOP_TRACE=target/run.svg cargo test name_of_the_test
//! ```
//!
//! The end of the name decides what is written: `.html`, `.svg`, `.txt` (lanes, statistics and trace), `.mmd`, and with
//! the feature `serde` `.json` for Perfetto and `.jsonl`. Where several tests of a process fail, the first to do so has
//! the file, and each other one beside it with its own name, `run.tests-a_test.svg`. A test is known by its thread:
//! with `--test-threads=1` all have the same. Of a test's runs the last one that failed is drawn; a page of a
//! search has the run that fails and the nearest that passes. The variable changes no schedule, and no trace of
//! a report.

mod axis;
mod columns;
mod family;
mod grid;
mod html;
#[cfg(feature = "serde")]
mod json_lines;
mod lanes;
mod layout;
mod mermaid;
#[cfg(feature = "serde")]
mod perfetto;
mod report;
mod svg;

pub use columns::Columns;
pub(crate) use columns::{Side, columns_of};
pub use html::Html;
#[cfg(feature = "serde")]
pub use json_lines::JsonLines;
pub use lanes::Lanes;
pub use mermaid::Mermaid;
#[cfg(feature = "serde")]
pub use perfetto::Perfetto;
pub use svg::Svg;
