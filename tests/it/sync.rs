//! Rules S28 and S29: locks, events, queues. Who waits is served in order, and who goes away loses nothing.

mod barrier;
mod by_hand;
mod condition;
mod event;
mod mutex;
mod mutex_model;
mod queue;
