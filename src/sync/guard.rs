//! What the guards of locks have in common, written once for each of them.

/// A guard shows the value.
macro_rules! guard {
    ([$($generics:tt)*] $Guard:ty, $name:literal, $Part:ty) => {
        impl<$($generics)*> Deref for $Guard {
            type Target = $Part;

            #[inline]
            fn deref(&self) -> &$Part {
                &self.value
            }
        }

        impl<$($generics)*> fmt::Debug for $Guard
        where
            $Part: fmt::Debug,
        {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple($name).field(&&**self).finish()
            }
        }

        impl<$($generics)*> fmt::Display for $Guard
        where
            $Part: fmt::Display,
        {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    };
}

/// One that nobody else has beside it changes the value.
macro_rules! writer {
    ([$($generics:tt)*] $Guard:ty, $Part:ty) => {
        impl<$($generics)*> DerefMut for $Guard {
            #[inline]
            fn deref_mut(&mut self) -> &mut $Part {
                &mut self.value
            }
        }
    };
}

/// A guard goes on with a part `V` of the value, as another guard. What that says of itself stands where it is
/// called: the examples differ.
macro_rules! parts {
    (
        [$($generics:tt)*] $Guard:ty, [$($mut:tt)?] $Part:ident => $Mapped:ty,
        |$value:ident, $held:ident| $mapped:expr;
        $(#[$map:meta])* map;
        $(#[$try_map:meta])* try_map
    ) => {
        impl<$($generics)*> $Guard {
            $(#[$map])*
            pub fn map<V: ?Sized, F>($($mut)? this: Self, f: F) -> $Mapped
            where
                F: FnOnce(&$($mut)? $Part) -> &$($mut)? V,
            {
                let part = this.value.part(|value| Some(f(value)));
                let ($value, $held) = (part.expect("`f` returns a part"), this.held);
                $mapped
            }

            $(#[$try_map])*
            pub fn try_map<V: ?Sized, F>($($mut)? this: Self, f: F) -> Result<$Mapped, Self>
            where
                F: FnOnce(&$($mut)? $Part) -> Option<&$($mut)? V>,
            {
                let Some(part) = this.value.part(f) else { return Err(this) };
                let ($value, $held) = (part, this.held);
                Ok($mapped)
            }
        }
    };
}

pub(super) use {guard, parts, writer};
