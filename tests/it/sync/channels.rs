//! Channels: by themselves, and beside tokio's. The scripts that both run are in files that are compiled twice,
//! with `super::sync` for the one and for the other.

mod broadcast;
mod hand;
mod models;
mod mpsc;
mod mpsc_model;
mod mpsc_reentrant;
mod oneshot;
mod sink;
mod watch;

/// The scripts on our channels.
#[allow(clippy::duplicate_mod, reason = "compiled twice so that one text runs on both")]
#[path = "channels"]
mod ours {
    use simloop::sync;

    #[path = "broadcast_script.rs"]
    pub mod broadcast_script;
    #[path = "mpsc_script.rs"]
    pub mod mpsc_script;
    #[path = "oneshot_script.rs"]
    pub mod oneshot_script;
    #[path = "watch_script.rs"]
    pub mod watch_script;
}

/// The scripts on tokio's.
#[allow(clippy::duplicate_mod, reason = "compiled twice so that one text runs on both")]
#[path = "channels"]
mod theirs {
    use tokio::sync;

    #[path = "broadcast_script.rs"]
    pub mod broadcast_script;
    #[path = "mpsc_script.rs"]
    pub mod mpsc_script;
    #[path = "oneshot_script.rs"]
    pub mod oneshot_script;
    #[path = "watch_script.rs"]
    pub mod watch_script;
}

/// Runs a script on tokio's runtime, so that its primitives find what they may look for there.
fn on_tokio(script: impl FnOnce() -> Vec<String>) -> Vec<String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(tokio::task::unconstrained(async { script() }))
}

/// Runs a script in a task of ours.
fn on_simloop(script: impl FnOnce() -> Vec<String> + 'static) -> Vec<String> {
    simloop::run(async { script() })
}
