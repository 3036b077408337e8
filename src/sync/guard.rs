//! What the guards of locks have in common, written once for each of them.

/// Why a guard has what it holds.
pub(super) const IS_HELD: &str = "there until the guard is dropped";

/// A guard shows the value.
macro_rules! guard {
    ($Guard:ty, $name:literal, |$guard:ident| $value:expr) => {
        impl<T> Deref for $Guard {
            type Target = T;

            #[inline]
            fn deref(&self) -> &T {
                let $guard = self;
                $value
            }
        }

        impl<T: fmt::Debug> fmt::Debug for $Guard {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple($name).field(&**self).finish()
            }
        }

        impl<T: fmt::Display> fmt::Display for $Guard {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    };
}

/// One that nobody else has beside it changes the value.
macro_rules! writer {
    ($Guard:ty, |$guard:ident| $value:expr) => {
        impl<T> DerefMut for $Guard {
            #[inline]
            fn deref_mut(&mut self) -> &mut T {
                let $guard = self;
                $value
            }
        }
    };
}

pub(super) use {guard, writer};
