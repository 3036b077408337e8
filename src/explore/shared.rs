//! A cell for what the tasks of a test share, whose every use a search sees.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use crate::executor::access::Tracked;

/// A value that tasks of the program share, as an `Rc<Cell<T>>` does; a clone is the same cell.
///
/// [`Explorer::reduced`](super::Explorer::reduced) sees which turns read it and which may have changed it, and
/// tries other orders of those alone. In all other runs it is a plain cell, in a loop or outside.
///
/// # Examples
///
/// ```
/// use simloop::explore::{Explorer, Shared};
/// use simloop::{spawn, yield_now};
///
/// let lost_update = || async {
///     let count = Shared::named("count", 0);
///     let tasks = [(); 2].map(|()| {
///         let count = count.clone();
///         spawn(async move {
///             let read = count.get();
///             yield_now().await;
///             count.set(read + 1);
///         })
///     });
///     for task in tasks {
///         task.await.unwrap();
///     }
///     count.get()
/// };
/// let exploration = Explorer::new().reduced().run(lost_update);
/// let mut shown: Vec<_> = exploration.outcomes.iter().map(|outcome| &*outcome.shown).collect();
/// shown.sort();
/// assert_eq!(shown, ["1", "2"]);
/// assert!(exploration.runs <= 6, "exhaustive() needs 28");
/// ```
pub struct Shared<T> {
    place: Arc<Place<T>>,
}

struct Place<T> {
    name: Option<Box<str>>,
    tracked: Tracked,
    value: Mutex<T>,
}

impl<T> Shared<T> {
    /// Makes a cell.
    pub fn new(value: T) -> Self {
        Shared::made(None, value)
    }

    /// Makes a cell that is called `name` in messages and where it is shown with `{:?}`.
    pub fn named(name: &str, value: T) -> Self {
        Shared::made(Some(name.into()), value)
    }

    fn made(name: Option<Box<str>>, value: T) -> Self {
        let (tracked, value) = (Tracked::new(), Mutex::new(value));
        Shared { place: Arc::new(Place { name, tracked, value }) }
    }

    /// Returns the name.
    pub fn name(&self) -> Option<&str> {
        self.place.name.as_deref()
    }

    /// Returns a clone of the value: a read.
    ///
    /// # Panics
    ///
    /// Panics inside [`with`](Self::with) and [`update`](Self::update) of the same cell, as all that looks at the
    /// value does.
    #[track_caller]
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// Replaces the value: a write.
    #[track_caller]
    pub fn set(&self, value: T) {
        drop(self.replace(value));
    }

    /// Replaces the value, and returns the one before: a write.
    #[track_caller]
    pub fn replace(&self, value: T) -> T {
        self.update(|place| std::mem::replace(place, value))
    }

    /// Takes the value and leaves the default: a write.
    #[track_caller]
    pub fn take(&self) -> T
    where
        T: Default,
    {
        self.replace(T::default())
    }

    /// Calls `look` with the value: a read.
    #[track_caller]
    pub fn with<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        self.place.tracked.read();
        look(&self.lock())
    }

    /// Calls `change` with the value, to be changed in place: a write.
    #[track_caller]
    pub fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        self.place.tracked.write();
        change(&mut self.lock())
    }

    #[track_caller]
    fn lock(&self) -> MutexGuard<'_, T> {
        match self.place.value.try_lock() {
            Ok(value) => value,
            Err(TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
            Err(TryLockError::WouldBlock) => {
                let name = self.name().unwrap_or("without a name");
                panic!("the shared cell `{name}` was used inside its own `with` or `update`")
            }
        }
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Shared { place: Arc::clone(&self.place) }
    }
}

impl<T: Default> Default for Shared<T> {
    fn default() -> Self {
        Shared::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place.tracked.read();
        let mut shown = f.debug_struct("Shared");
        if let Some(name) = self.name() {
            shown.field("name", &name);
        }
        match self.place.value.try_lock() {
            Ok(value) => shown.field("value", &*value),
            Err(TryLockError::Poisoned(poisoned)) => shown.field("value", poisoned.get_ref()),
            Err(TryLockError::WouldBlock) => shown.field("value", &format_args!("in use")),
        };
        shown.finish()
    }
}
