//! The gaps in a long ready set: places whose task was chosen before its turn in the order of arrival.
//!
//! Closing a gap moves all that stands before it, or behind; with a thousand tasks ready that costs more than
//! the rest of a turn. So gaps stay, and this counts them: it finds the place of the task at an index, and
//! neither knows what the places hold nor where the set begins.
//!
//! Places are counted in words of 64, words in rows of 32. A row knows for each of its words how many places
//! before it are no gaps, so a search compares all of them at once and does not branch: a branch on what was
//! chosen at random would be foreseen wrongly each time, which costs as much as the comparisons of two rows.

/// Gaps among the places of a ring.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// A bit for each place, set where there is a gap.
    words: Vec<u64>,
    rows: Vec<Row>,
    len: usize,
}

/// Words in a row.
const WORDS: usize = 32;

/// Places in a row.
const PLACES: usize = WORDS * 64;

/// What a row says of words that it does not have: no index comes so far.
const BEYOND: u64 = 1 << 14;

/// A number for each word of a row, four to a word of the machine.
///
/// Packed by hand: whether a compiler keeps an array of small numbers in wide registers is up to it, and what is
/// written in pieces and read as a whole has to be waited for.
type Lanes = [u64; WORDS / 4];

/// A one in each lane.
const ONES: u64 = 0x0001_0001_0001_0001;

/// The highest bit of each lane, which no number comes up to.
const HIGHS: u64 = ONES << 15;

/// For each word of a row: a one for every word after it.
static LATER: [Lanes; WORDS] = later();

const fn later() -> [Lanes; WORDS] {
    let mut later = [[0; WORDS / 4]; WORDS];
    let mut place = 0;
    while place < WORDS * WORDS {
        let (word, other) = (place / WORDS, place % WORDS);
        later[word][other / 4] |= ((other > word) as u64) << (other % 4 * 16);
        place += 1;
    }
    later
}

/// A stretch of places.
#[derive(Debug)]
struct Row {
    /// For each word, the places of the row before it that are no gaps.
    before: Lanes,
    /// The places of the row that are no gaps.
    filled: usize,
}

impl Row {
    /// A row without gaps of so many places.
    fn new(places: usize) -> Row {
        let mut before = [0; WORDS / 4];
        for word in 0..WORDS {
            let first = if word * 64 < places { word as u64 * 64 } else { BEYOND };
            before[word / 4] |= first << (word % 4 * 16);
        }
        Row { before, filled: places }
    }

    /// The word with the filled place at `index`, and the index within that word.
    #[inline]
    fn find(&self, index: u64) -> (usize, u64) {
        let indices = (index * ONES) | HIGHS;
        // A lane keeps its highest bit where no more places come before the word than before the index.
        let are_before = self.before.map(|lanes| ((indices - lanes) & HIGHS) >> 15);
        let sums = are_before.iter().sum::<u64>();
        let word = (sums.wrapping_mul(ONES) >> 48) as usize - 1;
        (word, index - (self.before[word / 4] >> (word % 4 * 16) & 0xffff))
    }

    /// Notes that a word has a filled place less.
    #[inline]
    fn remove(&mut self, word: usize) {
        let (before, later) = (self.before, LATER[word]);
        self.before = std::array::from_fn(|lanes| before[lanes] - later[lanes]);
        self.filled -= 1;
    }

    /// Notes that it has one more.
    #[inline]
    fn add(&mut self, word: usize) {
        let (before, later) = (self.before, LATER[word]);
        self.before = std::array::from_fn(|lanes| before[lanes] + later[lanes]);
        self.filled += 1;
    }
}

impl Gaps {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Forgets all gaps, and how many places there are.
    pub(super) fn clear(&mut self) {
        self.words.clear();
        self.rows.clear();
        self.len = 0;
    }

    /// Counts among so many places, a multiple of 64, where there was no gap before.
    pub(super) fn begin(&mut self, places: usize) {
        debug_assert!(self.len == 0 && places % 64 == 0, "nothing is counted yet");
        self.words.resize(places / 64, 0);
        self.rows.extend((0..places).step_by(PLACES).map(|row| Row::new(PLACES.min(places - row))));
    }

    /// Says whether it counts among so many places.
    pub(super) fn has_begun(&self, places: usize) -> bool {
        self.words.len() * 64 == places
    }

    /// The filled place at `index` in the order of places.
    #[inline]
    pub(super) fn nth_filled(&self, mut index: usize) -> usize {
        let mut row = 0;
        while index >= self.rows[row].filled {
            index -= self.rows[row].filled;
            row += 1;
        }
        let (word, index) = self.rows[row].find(index as u64);
        let word = row * WORDS + word;
        word * 64 + nth_one(!self.words[word], index) as usize
    }

    #[inline]
    pub(super) fn add(&mut self, place: usize) {
        let word = place / 64;
        self.words[word] |= 1 << (place % 64);
        self.rows[word / WORDS].remove(word % WORDS);
        self.len += 1;
    }

    #[inline]
    pub(super) fn remove(&mut self, place: usize) {
        let word = place / 64;
        self.words[word] &= !(1 << (place % 64));
        self.rows[word / WORDS].add(word % WORDS);
        self.len -= 1;
    }
}

/// The position of the bit at `index` among those that are set, from the lowest on. There must be so many.
///
/// All bytes are counted at once, and then all bits of one byte, after Sebastiano Vigna, "Broadword
/// Implementation of Rank/Select Queries", 2008.
#[inline]
fn nth_one(word: u64, index: u64) -> u64 {
    const BYTE_ONES: u64 = 0x0101_0101_0101_0101;
    const BYTE_HIGHS: u64 = 0x8080_8080_8080_8080;
    let mut sums = word - (word >> 1 & 0x5555_5555_5555_5555);
    sums = (sums & 0x3333_3333_3333_3333) + (sums >> 2 & 0x3333_3333_3333_3333);
    sums = (sums + (sums >> 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    // In each byte: the ones in it and in those below.
    sums = sums.wrapping_mul(BYTE_ONES);
    let spread = index.wrapping_mul(BYTE_ONES);
    // The bytes that end before the bit, and then the first bit of the one that has it.
    let ended = ((spread | BYTE_HIGHS) - sums) & BYTE_HIGHS;
    let shift = (ended >> 7).wrapping_mul(BYTE_ONES) >> 53 & !7;
    let index = index - (sums << 8 >> shift & 0xff);
    // Each bit of that byte in a byte of its own, and in each the ones up to it.
    let bits = (word >> shift & 0xff).wrapping_mul(BYTE_ONES) & 0x8040_2010_0804_0201;
    let bits = (((bits + 0x7f7f_7f7f_7f7f_7f7f) | bits) & BYTE_HIGHS) >> 7;
    let sums = bits.wrapping_mul(BYTE_ONES);
    let ended = ((index.wrapping_mul(BYTE_ONES) | BYTE_HIGHS) - sums) & BYTE_HIGHS;
    shift + ((ended >> 7).wrapping_mul(BYTE_ONES) >> 56)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bit_at_an_index_is_found_in_sparse_and_in_full_words() {
        let mut word = 0x9e37_79b9_7f4a_7c15_u64;
        let scattered = std::iter::repeat_with(|| {
            word = word.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1);
            word
        });
        let words: Vec<u64> = scattered.take(1_000).collect();
        let sparse = words.windows(3).map(|three| three[0] & three[1] & three[2]);
        let full = words.windows(3).map(|three| three[0] | three[1] | three[2]);
        let edges = [1, 1 << 63, u64::MAX, u64::MAX - 1, u64::MAX >> 1];
        for word in sparse.chain(full).chain(edges) {
            let ones = (0..64).filter(|bit| word >> bit & 1 == 1);
            for (index, bit) in (0..).zip(ones) {
                assert_eq!(nth_one(word, index), bit, "{index} of {word:x}");
            }
        }
    }

    #[test]
    fn filled_places_are_found_between_gaps_in_all_rows() {
        for places in [64, 128, PLACES, 4 * PLACES] {
            let mut gaps = Gaps::default();
            gaps.begin(places);
            let is_gap = |place: &usize| place % 3 == 1 || (64..300).contains(place);
            (0..places).filter(is_gap).for_each(|place| gaps.add(place));
            (0..places).filter(is_gap).filter(|place| place % 2 == 0).for_each(|p| gaps.remove(p));
            let filled = (0..places).filter(|place| !is_gap(place) || place % 2 == 0);
            for (index, place) in filled.clone().enumerate() {
                assert_eq!(gaps.nth_filled(index), place);
            }
            assert_eq!(gaps.len(), places - filled.count());
        }
    }
}
