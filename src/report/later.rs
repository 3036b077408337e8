//! What is made when somebody asks for it.

use std::panic::UnwindSafe;
use std::sync::{Arc, LazyLock};

/// A value, or how it is made. A search counts its failures and shows few, and texts cost more than the run.
#[derive(Clone)]
pub(crate) enum Later<T> {
    Made(Arc<T>),
    /// Made once, for all clones.
    Wanted(Arc<LazyLock<T, Maker<T>>>),
}

type Maker<T> = Box<dyn FnOnce() -> T + Send + UnwindSafe>;

impl<T> Later<T> {
    pub(crate) fn new(make: impl FnOnce() -> T + Send + UnwindSafe + 'static) -> Self {
        Later::Wanted(Arc::new(LazyLock::new(Box::new(make))))
    }

    pub(crate) fn get(&self) -> &T {
        match self {
            Later::Made(value) => value,
            Later::Wanted(value) => value,
        }
    }
}

#[cfg(feature = "backtrace")]
impl<T: Clone> Later<T> {
    pub(crate) fn get_mut(&mut self) -> &mut T {
        *self = Later::from(self.get().clone());
        match self {
            Later::Made(value) => Arc::make_mut(value),
            Later::Wanted(_) => unreachable!("made above"),
        }
    }
}

impl<T> From<T> for Later<T> {
    fn from(value: T) -> Self {
        Later::Made(Arc::new(value))
    }
}

impl<T: PartialEq> PartialEq for Later<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for Later<T> {}
