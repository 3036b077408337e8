//! Going to the back of the ready queue.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Lets every other ready task run once: the task goes to the back of the ready queue (S17).
///
/// Takes no virtual time. This is `asyncio.sleep(0)`.
///
/// # Cancel safety
///
/// Dropping it early loses nothing.
///
/// # Examples
///
/// ```
/// use simloop::{Builder, note, spawn, trace::Level, yield_now};
///
/// let report = Builder::new().trace(Level::Tasks).run(async {
///     spawn(async { note!("child") });
///     yield_now().await;
///     note!("parent");
/// });
/// assert_eq!(report.trace.notes().collect::<Vec<_>>(), ["child", "parent"]);
/// ```
#[inline]
pub fn yield_now() -> YieldNow {
    YieldNow { has_yielded: false }
}

/// Future of [`yield_now`].
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct YieldNow {
    has_yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.has_yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
