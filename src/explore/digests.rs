//! Different interleavings, by the digests of runs: they are only counted.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// Interleavings that are remembered to be told apart: 2^24 of them take a few hundred megabytes.
const INTERLEAVINGS_MAX: usize = 1 << 24;

/// For so many there is room at once.
const INTERLEAVINGS_MIN: usize = 14;

/// Digests that wait to be looked up together: the set is larger than a near cache, and then what one look-up waits for
/// comes with what the next ones do. Between two runs each would be waited for alone, a fifth of the time of a small one.
const WAITING_MAX: usize = 256;

pub(super) struct Digests {
    known: HashSet<u64, BuildHasherDefault<Fingerprint>>,
    waiting: Vec<u64>,
}

impl Digests {
    pub(super) fn new() -> Self {
        Digests { known: HashSet::default(), waiting: Vec::new() }
    }

    #[inline]
    pub(super) fn insert(&mut self, digest: u64) {
        self.waiting.push(digest);
        if self.waiting.len() == WAITING_MAX {
            self.gather();
        }
    }

    /// How many different ones there were.
    pub(super) fn count(&mut self) -> u64 {
        self.gather();
        self.known.len() as u64
    }

    #[inline(never)]
    fn gather(&mut self) {
        self.known.reserve(INTERLEAVINGS_MIN.min(self.waiting.len()));
        for digest in self.waiting.drain(..) {
            if self.known.len() < INTERLEAVINGS_MAX {
                self.known.insert(digest);
            }
        }
    }
}

/// A digest is spread over all bits already, and only counted here: no order shows.
#[derive(Default)]
struct Fingerprint(u64);

impl Hasher for Fingerprint {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only 64-bit numbers are hashed");
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_counted_and_what_comes_again_is_not() {
        let mut digests = Digests::new();
        for number in 0..3 * WAITING_MAX as u64 {
            digests.insert(number / 3 * 7);
            if number % 100 == 0 {
                assert_eq!(digests.count(), number / 3 + 1);
            }
        }
        assert_eq!(digests.count(), WAITING_MAX as u64);
    }
}
