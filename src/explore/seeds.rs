//! Which run of a search has which seed.

/// The seeds of the program's random numbers that runs are shared out over: `first`, and those that follow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seeds {
    pub(super) first: u64,
    pub(super) count: u64,
    /// All runs, of every shard.
    runs: u64,
}

impl Seeds {
    /// Each seed gets as many of the runs as another, give or take one. Where there are fewer runs than seeds, the last
    /// seeds get none and are not counted.
    pub(super) fn new(first: u64, count: u64, runs: u64) -> Self {
        Seeds { first, count: count.min(runs).max(1), runs }
    }

    /// All runs have this one.
    pub(super) fn one(seed: u64) -> Self {
        Seeds::new(seed, 1, 1)
    }

    /// The seed of the run of this number, from 0. Those of a seed come one after the other.
    #[inline]
    pub(super) fn of(self, number: u64) -> u64 {
        if self.count == 1 {
            return self.first;
        }
        let place = u128::from(number) * u128::from(self.count) / u128::from(self.runs);
        self.at(place.min(u128::from(self.count - 1)) as u64)
    }

    /// The seed of this number among them, from 0.
    pub(super) fn at(self, place: u64) -> u64 {
        self.first.wrapping_add(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared_out(count: u64, runs: u64) -> Vec<u64> {
        let seeds = Seeds::new(7, count, runs);
        (0..runs).map(|number| seeds.of(number)).collect()
    }

    #[test]
    fn runs_are_shared_out_evenly_and_in_blocks() {
        assert_eq!(shared_out(1, 3), [7, 7, 7]);
        assert_eq!(shared_out(3, 7), [7, 7, 7, 8, 8, 9, 9]);
        assert_eq!(shared_out(100, 3), [7, 8, 9]);
    }

    #[test]
    fn there_is_no_overflow_and_no_seed_beyond_the_last() {
        let seeds = Seeds::new(u64::MAX, u64::MAX, u64::MAX);
        assert_eq!([0, 1, u64::MAX].map(|number| seeds.of(number)), [u64::MAX, 0, u64::MAX - 2]);
        assert_eq!(Seeds::new(0, 3, 6).of(6), 2);
    }
}
