//! A value that is set once, and waited for.

use std::fmt;
use std::future::poll_fn;
use std::sync::OnceLock;

use super::gate::{Gate, OnDemand, Waiter};
use crate::executor::{Party, Wanted};

/// A value that somebody sets once, and that any number of tasks wait for.
///
/// It is tokio's `SetOnce`. Unlike a [`OnceCell`](super::OnceCell) it is not filled by who asks for the value.
/// [`named`](Self::named) gives it a name, for reports.
///
/// # Examples
///
/// ```
/// use simloop::{now, run, sleep, sync::SetOnce};
/// use std::time::Duration;
///
/// run(async {
///     let port = SetOnce::new().named("port");
///     let server = async {
///         sleep(Duration::from_secs(1)).await;
///         port.set(8080).unwrap();
///     };
///     let client = async { (*port.wait().await, now().to_string()) };
///     let ((), found) = futures_util::join!(server, client);
///     assert_eq!(found, (8080, "1s".to_owned()));
///     assert_eq!(port.set(80).unwrap_err().0, 80);
/// });
/// ```
pub struct SetOnce<T> {
    value: OnceLock<T>,
    shared: OnDemand<Mark, bool>,
}

/// What the line knows of the value. It is set after the value, so whoever is told finds that there.
struct Mark {
    is_set: bool,
}

impl Gate for Mark {
    type Need = ();
    type Grant = ();

    #[inline]
    fn kind(&self) -> &'static str {
        "set once"
    }

    #[inline]
    fn serve(&mut self, _: usize, (): &mut (), _: Option<Party>) -> Option<()> {
        self.is_set.then_some(())
    }

    #[inline]
    fn take_back(&mut self, (): ()) -> Option<()> {
        None
    }

    #[inline]
    fn wanted(&self, _: usize, (): &()) -> Wanted {
        Wanted { before: "the value of ".to_owned(), after: String::new() }
    }
}

impl Mark {
    #[inline]
    fn new(&is_set: &bool) -> Self {
        Mark { is_set }
    }
}

impl<T> SetOnce<T> {
    /// Creates one that is not set. Needs no loop.
    #[track_caller]
    pub fn new() -> Self {
        SetOnce { value: OnceLock::new(), shared: OnDemand::new(false, Mark::new) }
    }

    /// Does as [`new`](Self::new), for statics: it is made when it is first used.
    #[track_caller]
    pub const fn const_new() -> Self {
        SetOnce { value: OnceLock::new(), shared: OnDemand::const_new(false, Mark::new) }
    }

    /// Creates one with this value, or one that is not set.
    #[track_caller]
    pub fn new_with(value: Option<T>) -> Self {
        match value {
            None => SetOnce::new(),
            Some(value) => {
                let shared = OnDemand::new(true, Mark::new);
                SetOnce { value: OnceLock::from(value), shared }
            }
        }
    }

    /// Gives it a name, for reports.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.shared.get().set_name(name.into());
        self
    }

    /// Says whether the value is there.
    pub fn initialized(&self) -> bool {
        self.get().is_some()
    }

    /// Returns the value, if it is there.
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// Sets the value, and wakes all who wait for it, in the order in which they came.
    ///
    /// # Errors
    ///
    /// [`SetOnceError`] returns the value if there is one already.
    pub fn set(&self, value: T) -> Result<(), SetOnceError<T>> {
        self.value.set(value).map_err(SetOnceError)?;
        self.shared.get().update(|mark| mark.is_set = true);
        Ok(())
    }

    /// Returns the value, if it is there, and with it the being of this.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Waits for the value. If it is there, this suspends nobody.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line; nothing is lost.
    pub async fn wait(&self) -> &T {
        if !self.initialized() {
            let mut waiter = Waiter::new(self.shared.get(), 0, ());
            poll_fn(|cx| waiter.poll(cx)).await;
        }
        self.get().expect("it was set before anybody was told")
    }
}

impl<T> Default for SetOnce<T> {
    #[track_caller]
    fn default() -> Self {
        SetOnce::new()
    }
}

impl<T> From<T> for SetOnce<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        SetOnce::new_with(Some(value))
    }
}

/// Clones the value, if it is there. The clone has no name, and nobody waits for it.
impl<T: Clone> Clone for SetOnce<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        SetOnce::new_with(self.get().cloned())
    }
}

impl<T: PartialEq> PartialEq for SetOnce<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for SetOnce<T> {}

impl<T: fmt::Debug> fmt::Debug for SetOnce<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetOnce").field("value", &self.get()).finish_non_exhaustive()
    }
}

/// A [`SetOnce`] was set already; with the value that came too late.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SetOnceError<T>(pub T);

impl<T> fmt::Display for SetOnceError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value is set already")
    }
}

impl<T: fmt::Debug> std::error::Error for SetOnceError<T> {}
