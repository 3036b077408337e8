//! Different interleavings, by the digests of runs: they are only counted.

/// Interleavings that are remembered to be told apart: 2^24 of them take a few hundred megabytes.
const INTERLEAVINGS_MAX: usize = 1 << 24;

/// Places of the first set.
const PLACES_MIN: usize = 16;

/// Digests that wait to be looked up together: the set is larger than a near cache, and then what one look-up waits for
/// comes with what the next ones do. Between two runs each would be waited for alone, a fifth of the time of a small one.
const WAITING_MAX: usize = 256;

pub(super) struct Digests {
    known: Known,
    waiting: Vec<u64>,
}

impl Digests {
    pub(super) fn new() -> Self {
        Digests { known: Known::default(), waiting: Vec::new() }
    }

    #[inline]
    pub(super) fn insert(&mut self, digest: u64) {
        self.waiting.push(digest);
        if self.waiting.len() == WAITING_MAX {
            self.gather();
        }
    }

    /// Inserts all that another has.
    pub(super) fn absorb(&mut self, other: &Digests) {
        let Known { places, has_zero, .. } = &other.known;
        let zero = has_zero.then_some(&0);
        let known = places.iter().filter(|&&digest| digest != 0);
        for &digest in known.chain(zero).chain(&other.waiting) {
            self.insert(digest);
        }
    }

    /// How many different ones there were.
    pub(super) fn count(&mut self) -> u64 {
        self.gather();
        self.known.len() as u64
    }

    #[inline(never)]
    fn gather(&mut self) {
        for digest in self.waiting.drain(..) {
            if self.known.len() < INTERLEAVINGS_MAX {
                self.known.insert(digest);
            }
        }
    }
}

/// A set of digests. They are spread over all bits already, so each stands at the place that its lowest bits name, or
/// where the next is free. Most looks go to one line of memory; to a set of the standard library they go to two, the
/// one after the other, and a look took four times as long.
#[derive(Default)]
struct Known {
    /// None, or a power of two, of which more than a quarter is free and zero.
    places: Vec<u64>,
    taken: usize,
    has_zero: bool,
}

impl Known {
    fn len(&self) -> usize {
        self.taken + usize::from(self.has_zero)
    }

    #[inline]
    fn insert(&mut self, digest: u64) {
        if digest == 0 {
            self.has_zero = true;
            return;
        }
        if self.taken >= self.places.len() / 4 * 3 {
            self.grow();
        }
        let last = self.places.len() - 1;
        let mut place = digest as usize & last;
        while self.places[place] != digest {
            if self.places[place] == 0 {
                self.places[place] = digest;
                self.taken += 1;
                return;
            }
            place = (place + 1) & last;
        }
    }

    #[cold]
    fn grow(&mut self) {
        let places = vec![0; (self.places.len() * 2).max(PLACES_MIN)];
        self.taken = 0;
        for digest in std::mem::replace(&mut self.places, places) {
            if digest != 0 {
                self.insert(digest);
            }
        }
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

    proptest::proptest! {
        #[test]
        fn a_set_of_digests_counts_like_one_of_the_standard_library(
            digests in proptest::collection::vec(proptest::prop_oneof![0_u64..40, 0_u64..4], 0..200),
            spread in proptest::prop_oneof![proptest::strategy::Just(1_u64), proptest::strategy::Just(1 << 40)],
        ) {
            let (mut known, mut model) = (Known::default(), std::collections::HashSet::new());
            for digest in digests {
                // So far apart all would stand at the first place.
                known.insert(digest * spread);
                model.insert(digest * spread);
                assert_eq!(known.len(), model.len());
            }
        }
    }
}
