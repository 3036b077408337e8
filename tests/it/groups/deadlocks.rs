//! Rule S37 for what cancels: a deadlock names the scopes and tokens that nobody cancels, beside what the code
//! inside them waits for.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;
use simloop::sync::Mutex;
use simloop::task::on_cancel;
use simloop::{Builder, CancelScope, CancellationToken, sleep, spawn_named, timeout};

use crate::secs;
use crate::snapshots::assert_shown;

#[test]
fn s37_a_deadlock_names_the_scopes_around_what_waits() {
    let report = Builder::new().run(async {
        let (_sender, receiver) = futures_channel::oneshot::channel::<()>();
        let lock = Arc::new(Mutex::new(()).named("ledger"));
        let held = Arc::clone(&lock).lock_owned().await;
        spawn_named("locks", async move {
            CancelScope::new().named("download").run(lock.lock()).await.map(drop)
        });
        spawn_named("listens", async { CancelScope::new().named("call").run(receiver).await });
        spawn_named("nests", async {
            let (outer, inner) = (CancelScope::new().named("outer"), CancelScope::new());
            outer.run(inner.run(pending::<()>())).await
        });
        CancelScope::new().run(pending::<()>()).await.unwrap();
        drop((held, _sender));
    });
    assert_shown("groups", "deadlock_scope", report.unwrap_failure());
}

#[test]
fn s37_a_deadlock_names_the_tokens_that_nobody_cancels() {
    let report = Builder::new().run(async {
        let (_sender, receiver) = futures_channel::oneshot::channel::<()>();
        let token = CancellationToken::new().named("shutdown");
        let child = token.child_token().child_token();
        let owned = token.child_token().named("connection").cancelled_owned();
        spawn_named("below", async move { child.cancelled().await });
        spawn_named("owned", owned);
        let around = token.clone();
        spawn_named("around", async move { around.run_until_cancelled(receiver).await });
        let unnamed = CancellationToken::default();
        join(token.cancelled(), unnamed.cancelled()).await;
        drop(_sender);
    });
    assert_shown("groups", "deadlock_token", report.unwrap_failure());
}

#[test]
fn s37_who_has_left_a_scope_or_a_token_is_not_said_to_wait_for_it() {
    let report = Builder::new().run(async {
        let (scope, token) = (CancelScope::new().named("left"), CancellationToken::new());
        let mut cancelled = Box::pin(token.cancelled());
        assert!(timeout(secs(1), cancelled.as_mut()).await.is_err());
        drop(cancelled);
        // Cut short, the scope waits for the cleanup that it has started, and for nothing else.
        let mut running = Box::pin(scope.run(async {
            let _guard = on_cancel(Duration::MAX, (), |()| pending());
            sleep(secs(1)).await;
        }));
        running.as_mut().await.unwrap();
    });
    assert_shown("groups", "deadlock_left", report.unwrap_failure());
}
