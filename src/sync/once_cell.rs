//! A value that is made once, by whoever needs it first.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::OnceLock;

use super::gate::{Gate, OnDemand, Waiter};
use crate::executor::{Holding, Party, Wanted};

/// A cell that is filled once, by an asynchronous initialiser. This is tokio's `OnceCell`.
///
/// The first who asks runs its initialiser, in its own task; who asks meanwhile waits for that. If the
/// initialiser fails, panics or is cancelled, the next in line runs its own (S29). A value that is there is
/// returned without suspending and without a lock.
///
/// A deadlock report says who initialises the cell, and since when. [`named`](Self::named) gives it a name.
///
/// # Examples
///
/// ```
/// use simloop::{gather_all, now, run, sleep, sync::OnceCell};
/// use std::{rc::Rc, time::Duration};
///
/// run(async {
///     let config = Rc::new(OnceCell::new().named("config"));
///     let readers = (0..3).map(|number| {
///         let config = Rc::clone(&config);
///         async move {
///             let load = || async {
///                 sleep(Duration::from_secs(1)).await;
///                 format!("loaded by {number}")
///             };
///             config.get_or_init(load).await.clone()
///         }
///     });
///     assert_eq!(gather_all(readers).await, ["loaded by 0"; 3]);
///     assert_eq!(now().to_string(), "1s");
/// });
/// ```
pub struct OnceCell<T> {
    value: OnceLock<T>,
    shared: OnDemand<Stage, Stage>,
}

/// What the line knows of the cell. It is set after the value, so whoever is told finds that there.
#[derive(Clone, Copy)]
enum Stage {
    Empty,
    Initialising(Option<Party>),
    Filled,
}

/// What somebody in line is told.
enum Told {
    /// Nobody else is at it: make the value.
    Initialise,
    /// The value is there.
    Filled,
}

impl Gate for Stage {
    const HAS_HOLDERS: bool = true;
    type Need = ();
    type Grant = Told;

    #[inline]
    fn kind(&self) -> &'static str {
        "once cell"
    }

    #[inline]
    fn serve(&mut self, _: usize, (): &mut (), party: Option<Party>) -> Option<Told> {
        match self {
            Stage::Empty => {
                *self = Stage::Initialising(party);
                Some(Told::Initialise)
            }
            Stage::Initialising(_) => None,
            Stage::Filled => Some(Told::Filled),
        }
    }

    #[inline]
    fn take_back(&mut self, told: Told) -> Option<Told> {
        if let Told::Initialise = told {
            *self = Stage::Empty;
        }
        None
    }

    fn holders(&self) -> Vec<Holding> {
        match *self {
            Stage::Initialising(Some(party)) => vec![party.into()],
            Stage::Initialising(None) | Stage::Empty | Stage::Filled => Vec::new(),
        }
    }

    #[inline]
    fn wanted(&self, _: usize, (): &()) -> Wanted {
        Wanted { before: "the value of ".to_owned(), after: " (being initialised)".to_owned() }
    }
}

impl<T> OnceCell<T> {
    /// Creates an empty cell. Needs no loop.
    #[track_caller]
    pub fn new() -> Self {
        OnceCell { value: OnceLock::new(), shared: OnDemand::new(Stage::Empty, Stage::clone) }
    }

    /// Does as [`new`](Self::new), for statics: it is made when it is first used.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, sync::OnceCell};
    ///
    /// static CONFIG: OnceCell<String> = OnceCell::const_new();
    ///
    /// run(async {
    ///     assert_eq!(CONFIG.get_or_init(async || "loaded".to_owned()).await, "loaded");
    /// });
    /// ```
    #[track_caller]
    pub const fn const_new() -> Self {
        OnceCell { value: OnceLock::new(), shared: OnDemand::const_new(Stage::Empty, Stage::clone) }
    }

    /// Creates a cell with this value, or an empty one.
    #[track_caller]
    pub fn new_with(value: Option<T>) -> Self {
        match value {
            None => Self::new(),
            Some(value) => Self::filled(value),
        }
    }

    #[track_caller]
    fn filled(value: T) -> Self {
        let shared = OnDemand::new(Stage::Filled, Stage::clone);
        OnceCell { value: OnceLock::from(value), shared }
    }

    /// Gives it a name, for reports.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.shared.get().set_name(name.into());
        self
    }

    /// Returns the value, if it is there.
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// Returns the value for changing, if it is there.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// Says whether the value is there.
    pub fn initialized(&self) -> bool {
        self.get().is_some()
    }

    /// Fills the cell, unless somebody has or is about to.
    ///
    /// # Errors
    ///
    /// [`SetError`] returns the value if the cell is filled, or is being initialised.
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        match self.shared.get().try_now(0, ()) {
            Ok(Told::Initialise) => {
                Initialising { cell: self }.fill(value);
                Ok(())
            }
            Ok(Told::Filled) => Err(SetError::AlreadyInitializedError(value)),
            Err(()) => Err(SetError::InitializingError(value)),
        }
    }

    /// Returns the value, if it is there, and with it the cell's being.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value out, if it is there, and leaves the cell empty.
    pub fn take(&mut self) -> Option<T> {
        let value = self.value.take()?;
        self.shared.get().update(|stage| *stage = Stage::Empty);
        Some(value)
    }

    /// Returns the value. If it is not there, waits for whoever makes it, or makes it with `init`.
    ///
    /// An initialiser that awaits its own cell waits for itself, which is a deadlock and told as such.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line, or drops the initialiser; then the next in line runs its own.
    pub async fn get_or_init<F, Fut>(&self, init: F) -> &T
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        let init = || async { Ok::<T, Infallible>(init().await) };
        match self.get_or_try_init(init).await {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// Does as [`get_or_init`](Self::get_or_init) with an initialiser that can fail.
    ///
    /// # Errors
    ///
    /// The error of `init`. The cell is empty then, and the next in line runs its own initialiser.
    ///
    /// # Cancel safety
    ///
    /// As [`get_or_init`](Self::get_or_init).
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, sync::OnceCell};
    ///
    /// run(async {
    ///     let port = OnceCell::new();
    ///     assert!(port.get_or_try_init(|| async { "x".parse::<u16>() }).await.is_err());
    ///     assert_eq!(port.get_or_try_init(|| async { "80".parse::<u16>() }).await, Ok(&80));
    ///     assert_eq!(port.get_or_try_init(|| async { "x".parse::<u16>() }).await, Ok(&80));
    /// });
    /// ```
    pub async fn get_or_try_init<E, F, Fut>(&self, init: F) -> Result<&T, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let mut waiter = Waiter::new(self.shared.get(), 0, ());
        if let Told::Initialise = poll_fn(|cx| waiter.poll(cx)).await {
            // Declared before the initialiser's future, so that this is gone when the next one starts.
            let initialising = Initialising { cell: self };
            let value = init().await?;
            initialising.fill(value);
        }
        Ok(self.get().expect("it was filled before anybody was told"))
    }
}

/// The right to fill the cell, which one task has. Dropping it passes the right on.
struct Initialising<'a, T> {
    cell: &'a OnceCell<T>,
}

impl<T> Initialising<'_, T> {
    fn fill(self, value: T) {
        let is_first = self.cell.value.set(value).is_ok();
        debug_assert!(is_first, "only who has the right fills it, and only once");
    }
}

impl<T> Drop for Initialising<'_, T> {
    fn drop(&mut self) {
        let stage = if self.cell.initialized() { Stage::Filled } else { Stage::Empty };
        self.cell.shared.get().update(|now| *now = stage);
    }
}

impl<T> Default for OnceCell<T> {
    #[track_caller]
    fn default() -> Self {
        OnceCell::new()
    }
}

impl<T> From<T> for OnceCell<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        OnceCell::filled(value)
    }
}

/// Clones the value, if it is there. The clone has no name.
impl<T: Clone> Clone for OnceCell<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        OnceCell::new_with(self.get().cloned())
    }
}

impl<T: PartialEq> PartialEq for OnceCell<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceCell<T> {}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceCell").field("value", &self.get()).finish_non_exhaustive()
    }
}

/// Why a [`OnceCell`] was not set, with the value for it. There is no third reason, as in tokio.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetError<T> {
    /// The cell is filled.
    AlreadyInitializedError(T),
    /// The cell is being initialised.
    InitializingError(T),
}

impl<T> SetError<T> {
    /// Says whether the cell is filled.
    pub fn is_already_init_err(&self) -> bool {
        matches!(self, SetError::AlreadyInitializedError(_))
    }

    /// Says whether the cell is being initialised.
    pub fn is_initializing_err(&self) -> bool {
        matches!(self, SetError::InitializingError(_))
    }
}

impl<T> fmt::Display for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SetError::AlreadyInitializedError(_) => "the once cell is filled",
            SetError::InitializingError(_) => "the once cell is being initialised",
        })
    }
}

impl<T: fmt::Debug> std::error::Error for SetError<T> {}
