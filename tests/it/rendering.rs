//! Pictures of traces, and traces for other tools: as snapshots, and read back by somebody else's parser.

mod diff;
mod environment;
mod escaping;
mod formats;
mod html;
mod lanes;
mod matrix;
mod programs;
mod statistics;
mod svg;
