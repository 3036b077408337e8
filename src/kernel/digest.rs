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
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(u64);

impl Default for Digest {
    /// Nothing mixed in yet. Not zero, which the first task's zero would leave as it is.
    fn default() -> Self {
        Digest(0x243f_6a88_85a3_08d3)
    }
}

impl Digest {
    /// Returns the fingerprint as a number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// Mixes in one turn. The turn's number is its position, and its instant the last one mixed in, so only
    /// the task needs mixing.
    ///
    /// Each step is a bijection of the old value, and of the input: no single difference is lost. The
    /// multiplication carries low bits up, the rotation brings high bits down for the next one.
    #[inline]
    pub(crate) fn mix(&mut self, task: u64) {
        self.0 = (self.0 ^ task).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }

    /// Mixes in that the clock has moved to another instant.
    pub(crate) fn mix_instant(&mut self, nanos: u64) {
        // Another constant than a turn's, so that an instant does not pass for a task.
        self.0 = (self.0 ^ nanos).wrapping_mul(0xd1b5_4a32_d192_ed03).rotate_left(32);
    }

    /// Mixes in a text, with its length.
    pub(crate) fn mix_text(&mut self, text: &str) {
        self.mix(text.len() as u64);
        for bytes in text.as_bytes().chunks(8) {
            self.mix(bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)));
        }
    }

    /// Returns the fingerprint of all that was mixed in. The last steps are spread over all bits here, once.
    pub(crate) fn finished(self) -> Digest {
        let mut value = self.0;
        value = (value ^ (value >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        value = (value ^ (value >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        Digest(value ^ (value >> 32))
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
        digest.mix(0);
        digest.mix_instant(1_000_000_000);
        digest.mix(1);
        assert_eq!(digest.finished().to_string(), PINNED);
        let mut swapped = Digest::default();
        swapped.mix(1);
        swapped.mix_instant(1_000_000_000);
        swapped.mix(0);
        assert_ne!(digest.finished(), swapped.finished());
    }

    #[test]
    fn all_short_runs_of_a_few_tasks_have_different_digests() {
        let mut seen = std::collections::BTreeSet::new();
        for run in 0..4_u32.pow(8) {
            let mut digest = Digest::default();
            for turn in 0..8_u32 {
                match run >> (2 * turn) & 3 {
                    3 => digest.mix_instant(u64::from(turn)),
                    task => digest.mix(task.into()),
                }
            }
            assert!(seen.insert(digest.finished()), "a collision at {run}");
        }
    }

    const PINNED: &str = "122c57b8891d8273";
}
