//! Wakers and locks in the hands of several threads, for the tools that watch memory.

#[cfg(test)]
#[path = "../../it/locks_of_threads.rs"]
mod locks_of_threads;
#[cfg(test)]
#[path = "../../it/wakers.rs"]
mod wakers;
