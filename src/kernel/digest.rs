//! The rolling digest of a run: two runs with equal digests took the same turns.

use std::fmt;

/// A 64-bit fingerprint of the turns of a run: for each, its task and its instant, in order.
///
/// It is always kept, whatever the trace level, and is equal on every platform and in every process for
/// the same program, policy and seed (S34). It is a fingerprint, not a cryptographic hash.
///
/// # Examples
///
/// ```
/// use simloop::Builder;
///
/// let first = Builder::new().run(async { simloop::yield_now().await });
/// let again = Builder::new().run(async { simloop::yield_now().await });
/// let other = Builder::new().run(async {});
/// assert_eq!(first.digest, again.digest);
/// assert_ne!(first.digest, other.digest);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest(u64);

impl Digest {
    /// Returns the fingerprint as a number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// Mixes in one turn. The turn's number is its position, so only what ran and when need mixing.
    ///
    /// A 64 by 64 bit multiplication folded in half, as in Wang Yi's wyhash: one of the cheapest mixes
    /// in which every input bit reaches every output bit.
    #[inline]
    pub(crate) fn mix(&mut self, task: u64, at_nanos: u64) {
        let left = u128::from(self.0 ^ task ^ 0xa076_1d64_78bd_642f);
        let right = u128::from(at_nanos.rotate_left(32) ^ 0xe703_7ed1_a0b4_28db);
        let product = left * right;
        // Adding the old value keeps the chain going where a product is zero.
        self.0 = self.0.rotate_left(5).wrapping_add((product ^ (product >> 64)) as u64);
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_pinned() {
        let mut digest = Digest::default();
        digest.mix(0, 0);
        digest.mix(1, 1_000_000_000);
        assert_eq!(digest.to_string(), PINNED);
        let mut swapped = Digest::default();
        swapped.mix(1, 1_000_000_000);
        swapped.mix(0, 0);
        assert_ne!(digest, swapped);
    }

    const PINNED: &str = "dafc5a5276043002";
}
