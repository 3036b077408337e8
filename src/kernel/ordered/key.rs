//! Keys as numbers.

use std::cmp::Reverse;
use std::time::Duration;

/// What can be told by a number of 128 bits, in the same order.
pub(crate) trait Key: Copy {
    fn number(self) -> u128;

    /// The key of a number that [`number`](Self::number) gave.
    fn from_number(number: u128) -> Self;
}

/// Makes keys of types that are `u64` in a name.
macro_rules! number_keys {
    ($($key:ident),*) => {$(
        impl $crate::kernel::ordered::Key for $key {
            fn number(self) -> u128 {
                self.0.into()
            }

            fn from_number(number: u128) -> Self {
                $key(number as u64)
            }
        }
    )*};
}

pub(crate) use number_keys;

impl Key for u32 {
    fn number(self) -> u128 {
        self.into()
    }

    fn from_number(number: u128) -> Self {
        number as u32
    }
}

impl Key for u64 {
    fn number(self) -> u128 {
        self.into()
    }

    fn from_number(number: u128) -> Self {
        number as u64
    }
}

impl Key for usize {
    fn number(self) -> u128 {
        self as u128
    }

    fn from_number(number: u128) -> Self {
        number as usize
    }
}

/// One more than the key's, so that none comes first.
impl<K: Key> Key for Option<K> {
    fn number(self) -> u128 {
        self.map_or(0, |key| key.number() + 1)
    }

    fn from_number(number: u128) -> Self {
        number.checked_sub(1).map(K::from_number)
    }
}

/// All of a number's bits, so it stands alone.
impl<K: Key> Key for Reverse<K> {
    fn number(self) -> u128 {
        !self.0.number()
    }

    fn from_number(number: u128) -> Self {
        Reverse(K::from_number(!number))
    }
}

impl Key for Duration {
    fn number(self) -> u128 {
        self.as_nanos()
    }

    fn from_number(number: u128) -> Self {
        Duration::new((number / 1_000_000_000) as u64, (number % 1_000_000_000) as u32)
    }
}

/// Of keys whose numbers have 64 bits.
impl<A: Key, B: Key> Key for (A, B) {
    fn number(self) -> u128 {
        join(64, self.0.number(), self.1.number())
    }

    fn from_number(number: u128) -> Self {
        (A::from_number(number >> 64), B::from_number(low(64, number)))
    }
}

/// Of keys whose numbers have 42 bits: places in a table or a picture.
impl<A: Key, B: Key, C: Key> Key for (A, B, C) {
    fn number(self) -> u128 {
        join(42, join(42, self.0.number(), self.1.number()), self.2.number())
    }

    fn from_number(number: u128) -> Self {
        let (first, second) = (number >> 84, low(42, number >> 42));
        (A::from_number(first), B::from_number(second), C::from_number(low(42, number)))
    }
}

fn join(bits: u32, high: u128, low: u128) -> u128 {
    debug_assert!(low >> bits == 0 && high << bits >> bits == high, "a key fits its bits");
    high << bits | low
}

fn low(bits: u32, number: u128) -> u128 {
    number & ((1 << bits) - 1)
}
