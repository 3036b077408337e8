//! Wakers in the hands of other threads, for the tools that watch memory.

#[cfg(test)]
#[path = "../../it/wakers.rs"]
mod wakers;
