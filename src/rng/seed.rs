//! Turns seeds and names into the numbers that generators start from.
//!
//! Everything here is a pure function of its arguments, and part of what "the same seed gives the
//! same run" means: a change of any constant changes every run of every user. The file does not
//! know what a stream is for; it only keeps different ones apart.

/// The increment of SplitMix64: 2<sup>64</sup> over the golden ratio, made odd.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

// The digests start from different numbers, so that a fork, a call and a child stream do not meet
// when their words happen to agree. The numbers are ASCII text, which shows that none was chosen
// for an effect.
const START_PARTS: u64 = u64::from_be_bytes(*b"rngparts");
const START_CHILD: u64 = u64::from_be_bytes(*b"rngchild");
const START_FORK: u64 = u64::from_be_bytes(*b"rng-fork");

/// Fills the state of a generator from a seed, with four outputs of SplitMix64.
///
/// The result is never all zero: SplitMix64 gives each word, zero too, once in its period.
pub(super) fn expand(seed: u64) -> [u64; 4] {
    let mut counter = seed;
    let mut next = || splitmix64(&mut counter);
    [next(), next(), next(), next()]
}

/// Digests the coordinates of one call into a seed.
pub(super) fn digest_parts(seed: u64, stream: u64, draw: u64) -> u64 {
    digest_draw(digest_stream(seed, stream), draw)
}

/// Does the same with the first two, for whoever makes many calls.
pub(crate) fn digest_stream(seed: u64, stream: u64) -> u64 {
    absorb(absorb(START_PARTS, seed), stream)
}

/// Does the rest.
#[inline]
pub(crate) fn digest_draw(stream: u64, draw: u64) -> u64 {
    absorb(stream, draw)
}

/// Digests a word drawn by a parent into the seed of its fork.
///
/// The word itself will not do as a seed: a program that draws one and calls `Rng::new` with it
/// would get a generator that some other program part already has as its fork.
pub(super) fn digest_fork(word: u64) -> u64 {
    absorb(START_FORK, word)
}

/// Numbers the stream of a child, which is known by its name and index below a parent stream.
///
/// Names of any length and content are told apart from the index: the name goes in with its
/// length, so `a1` with index 0 and `a` with index 10 have nothing in common. Two paths share a
/// number only by an accident of about 2<sup>-64</sup>, and siblings of one name never do.
pub(crate) fn stream_child(parent: u64, name: &str, index: u64) -> u64 {
    let mut digest = absorb(START_CHILD, parent);
    digest = absorb(digest, name.len() as u64);
    for chunk in name.as_bytes().chunks(8) {
        // The zeros that fill up the last word are no ambiguity, as the length is in the digest.
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        digest = absorb(digest, u64::from_le_bytes(word));
    }
    absorb(digest, index)
}

/// Advances a SplitMix64 counter and returns its output.
fn splitmix64(counter: &mut u64) -> u64 {
    *counter = counter.wrapping_add(GAMMA);
    mix(*counter)
}

/// Folds a word into a digest.
///
/// A bijection of either argument while the other stays, so that no single difference is lost.
fn absorb(digest: u64, word: u64) -> u64 {
    // Without the addition, a word equal to the digest would give zero, as `mix` maps 0 to 0.
    mix((digest ^ word).wrapping_add(GAMMA))
}

/// Spreads each bit of a word over all 64: Stafford's variant 13, the output step of SplitMix64.
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn splitmix64_gives_the_published_outputs() {
        let mut counter = 1234567;
        let outputs = [(); 5].map(|()| splitmix64(&mut counter));
        assert_eq!(
            outputs,
            [
                6457827717110365317,
                3203168211198807973,
                9817491932198370423,
                4593380528125082431,
                16408922859458223821,
            ]
        );
    }

    #[test]
    fn stream_numbers_are_pinned() {
        let main = stream_child(0, "main", 0);
        assert_eq!(main, 4531935238435921616);
        assert_eq!(stream_child(main, "worker", 2), 15984539617459533949);
        assert_eq!(stream_child(0, "", 0), 12287254533057201579);
        assert_eq!(stream_child(0, "a name of more than two words", 7), 6727840507605191723);
    }

    #[test]
    fn digests_are_pinned() {
        assert_eq!(digest_parts(0, 0, 0), 4964913357534392888);
        assert_eq!(digest_parts(1, 2, 3), 15452105948555394338);
        assert_eq!(digest_fork(0), 11611672153848191196);
    }

    #[test]
    fn stream_numbers_differ_for_every_path() {
        let names = ["", "\0", "\0\0", "a", "a1", "a10", "a\0", "aaaaaaaa", "aaaaaaaa\0"];
        let mut seen = HashSet::new();
        let mut count = 0;
        for parent in [0, 1, stream_child(0, "a", 0), stream_child(0, "a", 1)] {
            for name in names {
                for index in 0..100 {
                    seen.insert(stream_child(parent, name, index));
                    count += 1;
                }
            }
        }
        assert_eq!(seen.len(), count);
    }

    #[test]
    fn the_order_of_a_path_matters() {
        let ab = stream_child(stream_child(0, "a", 0), "b", 0);
        let ba = stream_child(stream_child(0, "b", 0), "a", 0);
        assert_ne!(ab, ba);
        assert_ne!(ab, stream_child(0, "ab", 0));
        assert_ne!(digest_parts(1, 2, 3), digest_parts(3, 2, 1));
        assert_ne!(digest_parts(1, 2, 3), digest_parts(1, 3, 2));
    }

    #[test]
    fn one_changed_bit_changes_about_half_of_a_digest() {
        for bit in 0..64 {
            let flip = 1 << bit;
            for (before, after) in [
                (digest_parts(5, 6, 7), digest_parts(5 ^ flip, 6, 7)),
                (digest_parts(5, 6, 7), digest_parts(5, 6 ^ flip, 7)),
                (digest_parts(5, 6, 7), digest_parts(5, 6, 7 ^ flip)),
                (stream_child(5, "n", 6), stream_child(5 ^ flip, "n", 6)),
                (stream_child(5, "n", 6), stream_child(5, "n", 6 ^ flip)),
                (digest_fork(5), digest_fork(5 ^ flip)),
            ] {
                let changed = (before ^ after).count_ones();
                assert!((10..=54).contains(&changed), "bit {bit}: {changed} changed");
            }
        }
    }
}
