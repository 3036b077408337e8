//! Many ready tasks of which any may be taken, by its index in the order of arrival.
//!
//! Slots stand in blocks, oldest first. What is taken leaves no gap: the slots before it in its block move up by
//! one. So it is by counts that a slot is found: those of the quarters of a row, those of the groups in its quarter,
//! and those of the blocks in its group. All are counts of what stands behind, as if all had come that there is
//! room for; so what comes changes none of them.
//!
//! The work is the same whatever the index: a count is compared with all that stand in its word, and a whole block
//! is moved where less would do. For a branch on what was chosen at random is foreseen wrongly, which costs as much
//! as all of that. And words are searched in turn: so what is likely to be taken next is looked for a turn ahead,
//! while something else is waited for.
//!
//! It does not count what came and what was taken; the ready set does, and says so with each call.

use std::ops::Range;

/// Slots in a block.
const BLOCK: usize = 16;

/// Blocks in a group.
const BLOCKS: usize = Counts::<8>::PARTS;

/// Positions in a group.
const GROUP: usize = BLOCKS * BLOCK;

/// Groups in a quarter, and quarters in a row.
const QUARTERS: usize = Counts::<16>::PARTS;

/// Positions in a quarter.
const QUARTER: usize = QUARTERS * GROUP;

/// Positions in a row.
const ROW: usize = QUARTERS * QUARTER;

const BLOCKS_IN_ROW: usize = ROW / BLOCK;

/// Slots in the order of arrival.
///
/// The first that came has position 0; packing begins anew. Fewer were taken than came, and no more came than
/// there is room for.
#[derive(Debug, Default)]
pub(super) struct Ranked {
    /// The blocks. Before each are as many places that mean nothing, so that a block's worth of slots may move
    /// up wherever they stand.
    places: Vec<u32>,
    rows: Vec<Row>,
    ahead: Ahead,
}

/// What was taken from some blocks.
#[derive(Clone, Debug)]
struct Row {
    /// Positions from which nothing was taken.
    len: usize,
    /// The first of its places.
    first: usize,
    quarters: Counts<16>,
    groups: [Counts<16>; QUARTERS],
    blocks: [Counts<8>; QUARTERS * QUARTERS],
}

/// For each part of something: how many slots stand in those behind it, and [`OFFSET`](Self::OFFSET) more.
///
/// Each takes so many bits of a word, the first part's the lowest. They are compared and changed all at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Counts<const BITS: u32>(u64);

impl<const BITS: u32> Counts<BITS> {
    const PARTS: usize = 64 / BITS as usize;

    /// By it less what stands behind a slot, the highest bit of a count is set where more stands behind the part.
    const OFFSET: usize = (1 << (BITS - 1)) - 1;

    /// 1 for each part.
    const ONES: u64 = u64::MAX / ((1 << BITS) - 1);

    /// Of so many positions in each part, from which nothing was taken.
    fn full(positions: usize) -> Self {
        let count = |part| Self::OFFSET + (Self::PARTS - 1 - part) * positions;
        Counts((0..Self::PARTS).map(|part| (count(part) as u64) << (BITS as usize * part)).sum())
    }

    /// Takes the slot behind which stand so many: returns its part, and how many stand behind it there.
    #[inline(always)]
    fn take(&mut self, behind: usize) -> (usize, usize) {
        // No count borrows from the next: each is `OFFSET` at least, and `behind` that at most.
        let above = self.0.wrapping_sub(behind as u64 * Self::ONES) >> (BITS - 1) & Self::ONES;
        let part = (above.wrapping_mul(Self::ONES) >> (64 - BITS)) as usize;
        let behind_in_part = behind + Self::OFFSET - self.count(part);
        self.0 = self.0.wrapping_sub(above);
        (part, behind_in_part)
    }

    /// Puts back a slot of a part.
    fn put_back(&mut self, part: usize) {
        self.0 += Self::ONES & ((1 << (BITS as usize * part)) - 1);
    }

    #[inline(always)]
    fn count(self, part: usize) -> usize {
        (self.0 >> (BITS as usize * part) & ((1 << BITS) - 1)) as usize
    }

    /// How many stand behind a part.
    fn behind(self, part: usize) -> usize {
        self.count(part) - Self::OFFSET
    }

    /// Panics if it contradicts itself.
    fn check(self) {
        let behind = (0..Self::PARTS).map(|part| self.behind(part));
        assert!(behind.is_sorted_by(|one, other| one >= other), "a part has less than none");
        assert_eq!(self.behind(Self::PARTS - 1), 0, "something stands behind the last part");
    }
}

/// A slot that will be taken next if all goes as expected: it is counted as taken, and stands where it did. What
/// comes changes nothing about it.
#[derive(Debug)]
struct Ahead {
    /// [`NOBODY`] if there is none.
    index: usize,
    place: usize,
}

/// No index.
const NOBODY: usize = usize::MAX;

impl Default for Ahead {
    fn default() -> Self {
        Ahead { index: NOBODY, place: 0 }
    }
}

impl Row {
    /// Nothing was taken from it.
    fn full(number: usize) -> Row {
        Row {
            len: ROW,
            first: number * 2 * ROW,
            quarters: Counts::full(QUARTER),
            groups: [Counts::full(GROUP); QUARTERS],
            blocks: [Counts::full(BLOCK); QUARTERS * QUARTERS],
        }
    }

    /// Counts the slot at an index in this row as taken, and returns its place.
    #[inline(always)]
    fn take(&mut self, index: usize) -> usize {
        // The remainders change nothing. Without them there might be a panic between the steps.
        let (quarter, behind) = self.quarters.take(self.len - 1 - index);
        let (group, behind) = self.groups[quarter % QUARTERS].take(behind);
        let group = quarter * QUARTERS + group;
        let (block, behind) = self.blocks[group % (QUARTERS * QUARTERS)].take(behind);
        self.len -= 1;
        self.first + (group * BLOCKS + block + 1) * 2 * BLOCK - 1 - behind
    }

    /// Counts a slot in a block as not taken.
    fn put_back(&mut self, block: usize) {
        let group = block / BLOCKS;
        self.quarters.put_back(group / QUARTERS);
        self.groups[group / QUARTERS].put_back(group % QUARTERS);
        self.blocks[group].put_back(block % BLOCKS);
        self.len += 1;
    }

    /// The slots that are left up to the end of a block, if all have come.
    fn end(&self, block: usize) -> usize {
        let group = block / BLOCKS;
        let behind = self.quarters.behind(group / QUARTERS)
            + self.groups[group / QUARTERS].behind(group % QUARTERS)
            + self.blocks[group].behind(block % BLOCKS);
        self.len - behind
    }
}

/// Where what has a position stands as it comes.
#[inline(always)]
fn place(position: usize) -> usize {
    BLOCK + position + position / BLOCK * BLOCK
}

/// The places of the slots in each block, one of which is counted as taken and was not. Of the last block not all
/// have come.
fn blocks(rows: &[Row], came: usize, ahead: usize) -> impl Iterator<Item = Range<usize>> {
    let mut before = 0;
    (0..came.div_ceil(BLOCK)).map(move |block| {
        let (row, block_in_row) = (&rows[block / BLOCKS_IN_ROW], block % BLOCKS_IN_ROW);
        let (end, place_end) = (row.end(block_in_row), (block + 1) * 2 * BLOCK);
        let left = end - before + usize::from(ahead / (2 * BLOCK) == block);
        before = if block_in_row == BLOCKS_IN_ROW - 1 { 0 } else { end };
        place_end - left..place_end.min(place(came))
    })
}

impl Ranked {
    pub(super) fn room(&self) -> usize {
        self.places.len() / 2
    }

    /// Makes room for slots beside the first `len`, before any is taken.
    pub(super) fn begin(&mut self, len: usize) {
        let room = (2 * len).next_power_of_two().max(BLOCK);
        self.places.resize(2 * room, 0);
        self.rows.clear();
        self.rows.extend((0..room.div_ceil(ROW)).map(Row::full));
        self.ahead.index = NOBODY;
    }

    /// Where to put in what comes at a position: nowhere, if it has to be packed before.
    #[inline(always)]
    pub(super) fn place_mut(&mut self, position: usize) -> Option<&mut u32> {
        self.places.get_mut(place(position))
    }

    /// Takes the slot at `index`, which exists.
    #[inline(always)]
    pub(super) fn take(&mut self, index: usize) -> u32 {
        if self.ahead.index != index {
            self.take_late(index);
        }
        self.ahead.index = NOBODY;
        // What is moved is a whole block's worth, of which the upper part is what stands before it in its block.
        let moved = self.places[self.ahead.place - BLOCK..].first_chunk_mut::<{ BLOCK + 1 }>();
        let moved = moved.expect("before a slot is as much that may be moved");
        let slot = moved[BLOCK];
        moved.copy_within(..BLOCK, 1);
        slot
    }

    /// Finds the slot at `index`, which exists: for when it is taken, if that is what is done next. To be called
    /// after one was taken.
    #[inline(always)]
    pub(super) fn look_ahead(&mut self, index: usize) {
        match self.rows.first_mut() {
            Some(row) if index < row.len => self.ahead = Ahead { index, place: row.take(index) },
            _ => self.look_beyond(index),
        }
    }

    /// The same where there is more than one row.
    #[inline(never)]
    fn look_beyond(&mut self, index: usize) {
        let (mut row, mut index_in_row) = (0, index);
        while index_in_row >= self.rows[row].len {
            index_in_row -= self.rows[row].len;
            row += 1;
        }
        self.ahead = Ahead { index, place: self.rows[row].take(index_in_row) };
    }

    /// The same for a slot that is taken now.
    #[inline(never)]
    fn take_late(&mut self, index: usize) {
        self.put_back();
        self.look_beyond(index);
    }

    /// Counts what was to be taken next as not taken.
    fn put_back(&mut self) {
        if self.ahead.index != NOBODY {
            let block = self.ahead.place / (2 * BLOCK);
            self.rows[block / BLOCKS_IN_ROW].put_back(block % BLOCKS_IN_ROW);
            self.ahead.index = NOBODY;
        }
    }

    /// The slot at `index`, if there is one.
    pub(super) fn get(&self, index: usize, came: usize) -> Option<u32> {
        if self.ahead.index != NOBODY {
            return self.iter(came).nth(index);
        }
        let (mut row, mut index_in_row) = (0, index);
        while index_in_row >= self.rows[row].len {
            index_in_row -= self.rows[row].len;
            row += 1;
        }
        Some(self.places[self.rows[row].clone().take(index_in_row)])
    }

    /// Moves all slots to the beginning, and makes room for as many to come.
    pub(super) fn pack(&mut self, came: usize) {
        self.put_back();
        let mut len = 0;
        for mut from in blocks(&self.rows, came, NOBODY) {
            while !from.is_empty() {
                // As many as the block that is filled has room for.
                let moved = from.len().min(BLOCK - len % BLOCK);
                self.places.copy_within(from.start..from.start + moved, place(len));
                from.start += moved;
                len += moved;
            }
        }
        self.begin(len);
    }

    /// The slots in the order of arrival.
    pub(super) fn iter(&self, came: usize) -> impl Iterator<Item = u32> {
        let ahead = if self.ahead.index == NOBODY { NOBODY } else { self.ahead.place };
        blocks(&self.rows, came, ahead).flat_map(|block| self.places[block].iter().copied())
    }

    /// Panics if it contradicts itself, or what the ready set counted.
    pub(super) fn check(&self, taken: usize, came: usize) {
        assert!(taken <= came && came <= self.room(), "more slots came than there is room for");
        assert_eq!(self.iter(came).count(), came - taken, "slots are miscounted");
        let positions = self.rows.iter().map(|row| ROW - row.len).sum::<usize>();
        let ahead = usize::from(self.ahead.index != NOBODY);
        assert_eq!(positions, taken + ahead, "what was taken from rows is miscounted");
        for row in &self.rows {
            row.quarters.check();
            row.groups.iter().for_each(|groups| groups.check());
            row.blocks.iter().for_each(|blocks| blocks.check());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_find_each_slot_and_take_it_back() {
        let mut counts = Counts::<8>::full(BLOCK);
        for behind in 0..GROUP {
            let (part, behind_in_part) = counts.take(behind);
            assert_eq!((part, behind_in_part), (BLOCKS - 1 - behind / BLOCK, behind % BLOCK));
            let expected = |other| (BLOCKS - 1 - other) * BLOCK - usize::from(other < part);
            assert!((0..BLOCKS).all(|other| counts.behind(other) == expected(other)));
            counts.put_back(part);
            assert_eq!(counts, Counts::full(BLOCK));
        }
        let mut counts = Counts::<16>::full(QUARTER);
        assert_eq!((counts.take(ROW - 1), counts.take(0)), ((0, QUARTER - 1), (3, 0)));
    }
}
