//! Values that belong to a task and are inherited by its children: Python's context variables.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::try_current;
use crate::executor::{LocalId, LocalValue, local_value, replace_local};

/// Declares task-local values: statics of type [`LocalKey`](crate::task::LocalKey).
///
/// With `= value` a key has a default, which tasks see that have not set it. The default is made anew at each
/// read and kept nowhere.
///
/// # Examples
///
/// ```
/// use simloop::{run, spawn, task_local};
///
/// task_local! {
///     /// Whose request it is.
///     static USER: String;
///     static DEPTH: u32 = 0;
/// }
///
/// run(async {
///     assert_eq!(DEPTH.get(), 0);
///     let seen = USER.scope("ada".to_owned(), async {
///         spawn(async { USER.with(|user| user.len()) }).await.unwrap()
///     });
///     assert_eq!(seen.await, 3);
///     assert!(USER.try_get().is_err(), "the scope is over");
/// });
/// ```
#[macro_export]
macro_rules! task_local {
    () => {};
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $default:expr $(; $($rest:tt)*)?) => {
        $(#[$attribute])*
        $visibility static $name: $crate::task::LocalKey<$type> =
            $crate::task::LocalKey::new(stringify!($name), ::core::option::Option::Some(|| $default));
        $($crate::task_local!($($rest)*);)?
    };
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty $(; $($rest:tt)*)?) => {
        $(#[$attribute])*
        $visibility static $name: $crate::task::LocalKey<$type> =
            $crate::task::LocalKey::new(stringify!($name), ::core::option::Option::None);
        $($crate::task_local!($($rest)*);)?
    };
}

/// The key of a task-local value, declared with [`task_local!`](crate::task_local!).
///
/// Each task has values of its own, which cost nothing where there are none. A task that is spawned starts
/// with the values that its parent has at that moment; what either sets later the other does not see. That
/// is how Python's context variables behave. Callbacks (`call_soon`) inherit as tasks do.
///
/// [`set`](Self::set) changes the value for the rest of the task; [`scope`](Self::scope) for the time that a
/// future runs. Scopes hold in every poll of their future and in its destructor, so futures that are polled in
/// turns within one task, by any combinator, each see their own. A task's values are dropped when it ends.
///
/// Values need not be `Send`. Parent and child share a value that both still have, so what has interior
/// mutability is seen by both.
///
/// # Examples
///
/// ```
/// use simloop::{run, sleep, spawn, task_local};
/// use std::time::Duration;
///
/// task_local! { static REQUEST: u32 = 0 }
///
/// run(async {
///     REQUEST.set(1);
///     let child = spawn(async {
///         sleep(Duration::from_secs(1)).await;
///         let inherited = REQUEST.get();
///         REQUEST.set(100);
///         inherited
///     });
///     REQUEST.set(2);
///     assert_eq!(child.await.unwrap(), 1, "as it was at the spawn");
///     assert_eq!(REQUEST.get(), 2, "whatever the child did");
/// });
/// ```
#[doc(alias = "ContextVar")]
pub struct LocalKey<T: 'static> {
    name: &'static str,
    default: Option<fn() -> T>,
}

impl<T> LocalKey<T> {
    /// What [`task_local!`](crate::task_local!) calls.
    #[doc(hidden)]
    pub const fn new(name: &'static str, default: Option<fn() -> T>) -> Self {
        LocalKey { name, default }
    }

    fn find(&'static self) -> Option<Arc<T>> {
        downcast(local_value(LocalId::of(self))?)
    }

    /// Calls `f` with the value, or with the default.
    ///
    /// # Panics
    ///
    /// Panics if the running task has no value and the key no default, or outside a task.
    #[track_caller]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.try_with(f) {
            Ok(result) => result,
            Err(error) => panic!("{error}"),
        }
    }

    /// Calls `f` with the value, or with the default. `f` may use this key as well.
    ///
    /// # Errors
    ///
    /// [`LocalError`] if the running task has no value and the key no default, or outside a task.
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, LocalError> {
        if let Some(value) = self.find() {
            return Ok(f(&value));
        }
        match self.default {
            Some(default) => Ok(f(&default())),
            None => Err(LocalError::new(self.name)),
        }
    }

    /// Sets the value for the running task from here on, or to the end of the innermost scope of this key.
    ///
    /// Children that exist already keep theirs. The old value is dropped, unless another task shares it.
    ///
    /// # Panics
    ///
    /// Panics outside a task.
    #[track_caller]
    pub fn set(&'static self, value: T) {
        drop(self.put(Some(Arc::new(value))));
    }

    /// Takes the value away from the running task, which then sees the default if there is one.
    ///
    /// # Panics
    ///
    /// Panics outside a task.
    #[track_caller]
    pub fn unset(&'static self) {
        drop(self.put(None));
    }

    #[track_caller]
    fn put(&'static self, value: Option<LocalValue>) -> Option<LocalValue> {
        match replace_local(LocalId::of(self), value) {
            Ok(before) => before,
            Err(_) => outside(self.name),
        }
    }

    /// Runs `f` with `value` in the place of what the running task has, and puts that back after it.
    ///
    /// What `f` itself sets is gone after it, too.
    ///
    /// # Panics
    ///
    /// Panics outside a task, and if `f` does.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{run, task_local};
    ///
    /// task_local! { static LEVEL: u8 = 1 }
    ///
    /// run(async {
    ///     assert_eq!(LEVEL.sync_scope(2, || LEVEL.get()), 2);
    ///     assert_eq!(LEVEL.get(), 1);
    /// });
    /// ```
    #[track_caller]
    pub fn sync_scope<R>(&'static self, value: T, f: impl FnOnce() -> R) -> R {
        let before = self.put(Some(Arc::new(value)));
        let _within = Within { key: self, outer: before, inner: None };
        f()
    }

    /// Runs `future` with `value` in the place of what the task that polls it has.
    ///
    /// What the future sets stays its own: it is there in its next poll, and gone after it.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_util::future::join;
    /// use simloop::{run, task_local, yield_now};
    ///
    /// task_local! { static NAME: &'static str }
    ///
    /// async fn greet() -> String {
    ///     yield_now().await;
    ///     format!("hello {}", NAME.get())
    /// }
    ///
    /// run(async {
    ///     let both = join(NAME.scope("ada", greet()), NAME.scope("grace", greet()));
    ///     assert_eq!(both.await, ("hello ada".to_owned(), "hello grace".to_owned()));
    /// });
    /// ```
    pub fn scope<F: Future>(&'static self, value: T, future: F) -> LocalScope<T, F> {
        LocalScope { key: self, value: Some(Arc::new(value)), future: Some(future) }
    }
}

impl<T: Clone> LocalKey<T> {
    /// Returns the value, or the default.
    ///
    /// # Panics
    ///
    /// Panics if the running task has no value and the key no default, or outside a task.
    #[track_caller]
    pub fn get(&'static self) -> T {
        self.with(T::clone)
    }

    /// Returns the value, or the default.
    ///
    /// # Errors
    ///
    /// [`LocalError`] if the running task has no value and the key no default, or outside a task.
    pub fn try_get(&'static self) -> Result<T, LocalError> {
        self.try_with(T::clone)
    }

    /// Sets the value as [`set`](Self::set) does and returns the one before, to be put back later; `None` if
    /// there was none, which [`unset`](Self::unset) brings back.
    ///
    /// In Python the token that `ContextVar.set` returns does this.
    ///
    /// # Panics
    ///
    /// Panics outside a task.
    #[track_caller]
    pub fn replace(&'static self, value: T) -> Option<T> {
        let before = downcast::<T>(self.put(Some(Arc::new(value)))?)?;
        Some(Arc::try_unwrap(before).unwrap_or_else(|shared| T::clone(&shared)))
    }
}

impl<T> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").field("name", &self.name).finish_non_exhaustive()
    }
}

fn downcast<T: 'static>(value: LocalValue) -> Option<Arc<T>> {
    let mut place: Option<Arc<T>> = None;
    value.give(&mut place);
    place
}

/// A value in place for the time of a call. Puts the outer one back however the call ends.
struct Within<'a, T: 'static> {
    key: &'static LocalKey<T>,
    outer: Option<LocalValue>,
    /// Where the inner value goes then, with what the call has made of it.
    inner: Option<&'a mut Option<Arc<T>>>,
}

impl<T> Drop for Within<'_, T> {
    fn drop(&mut self) {
        let found = replace_local(LocalId::of(self.key), self.outer.take());
        let found = found.ok().flatten().and_then(downcast);
        match &mut self.inner {
            Some(inner) => **inner = found,
            None => drop(found),
        }
    }
}

pin_project! {
    /// Future of [`LocalKey::scope`].
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as the future inside, which sees the value in its destructor too.
    ///
    /// # Panics
    ///
    /// Panics when polled outside a task, and when awaited again after it has given its result.
    #[must_use = "a future does nothing unless it is awaited"]
    pub struct LocalScope<T: 'static, F> {
        key: &'static LocalKey<T>,
        // What the scope has while it does not run; none if the future has unset it.
        value: Option<Arc<T>>,
        // Gone once it is ready: its destructor is to see the value as well.
        #[pin]
        future: Option<F>,
    }

    impl<T: 'static, F> PinnedDrop for LocalScope<T, F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                // Outside a task there is no place for the value: the future is dropped without it.
                let _within = enter(this.key, this.value);
                this.future.set(None);
            }
        }
    }
}

/// Puts a scope's value in place; none outside a task.
fn enter<'a, T: 'static>(
    key: &'static LocalKey<T>,
    value: &'a mut Option<Arc<T>>,
) -> Option<Within<'a, T>> {
    let stored = value.clone().map(|value| -> LocalValue { value });
    let outer = replace_local(LocalId::of(key), stored).ok()?;
    // Its own again when the call is over. Not kept meanwhile, so that a value that is set is dropped then.
    *value = None;
    Some(Within { key, outer, inner: Some(value) })
}

impl<T: 'static, F: Future> Future for LocalScope<T, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let future = this
            .future
            .as_mut()
            .as_pin_mut()
            .expect("a task-local scope was polled after it had given its result");
        let Some(_within) = enter(this.key, this.value) else { outside(this.key.name) };
        let polled = future.poll(cx);
        if polled.is_ready() {
            this.future.set(None);
        }
        polled
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LocalScope<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.as_deref();
        f.debug_struct("LocalScope")
            .field("key", &self.key.name)
            .field("value", &value)
            .finish_non_exhaustive()
    }
}

#[cold]
#[track_caller]
fn outside(name: &str) -> ! {
    panic!(
        "task-local `{name}` was set outside a task\n  \
         set it inside the future given to `run` or `spawn`"
    )
}

/// A task-local value that was asked for and is not there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalError {
    name: &'static str,
    task: Option<String>,
}

impl LocalError {
    #[cold]
    fn new(name: &'static str) -> Self {
        LocalError { name, task: try_current().map(|task| task.path()) }
    }

    /// Returns the name of the key.
    #[inline]
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl fmt::Display for LocalError {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.task {
            Some(task) => write!(f, "task-local `{}` has no value in `{task}`", self.name),
            None => write!(f, "task-local `{}` has no value outside a task", self.name),
        }
    }
}

impl std::error::Error for LocalError {}
