//! Pictures of a trace. Each is a function of the trace alone, the same bytes every time.

mod axis;
mod lanes;
mod layout;

pub use lanes::Lanes;
