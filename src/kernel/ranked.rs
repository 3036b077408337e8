//! A ready set from which tasks are chosen: any may be taken, by its index in the order of arrival.
//!
//! Slots stand in blocks, oldest first. What is taken leaves no gap: the slots before it in its block move up by
//! one. So a slot stands as far behind its index as slots were taken from its block and from those before it, and
//! all blocks of a row say at once whether that is theirs.
//!
//! The work is the same whatever the index: the block of a slot is found by comparing with all, and a whole block
//! is moved where less would do. For a branch on what was chosen at random is foreseen wrongly, which costs as much
//! as all of that. And the place of a slot is known soon, because nothing that is read after a write can be read
//! before it is known where that goes.
//!
//! It does not count what came and what was taken; the ready set does, and says so with each call.

use std::ops::Range;

/// Slots in a block.
const BLOCK: usize = 32;

/// Blocks in a row.
const BLOCKS: usize = 64;

/// Positions in a row.
const POSITIONS: usize = BLOCK * BLOCKS;

/// The length up to which one block does. What is left of it is what may come before it is packed again.
const LENGTH_SHORT: usize = BLOCK / 4 * 3;

/// Slots in the order of arrival.
///
/// The first that came has position 0; packing begins anew. Fewer were taken than came, and no more came than
/// there is [room](Ranked::room) for.
#[derive(Debug, Default)]
pub(super) struct Ranked {
    /// The blocks. Before each are as many places that mean nothing, so that a block's worth of slots may move
    /// up wherever they stand.
    places: Vec<u32>,
    /// None for a single block.
    rows: Vec<Row>,
}

/// What was taken from some blocks.
#[derive(Clone, Debug)]
struct Row {
    /// For each block: the slots in the row up to its end, as if all had come. Each is below 2^15.
    ends: [i16; BLOCKS],
    /// The last of them.
    len: usize,
}

impl Row {
    /// Nothing was taken from it.
    const FULL: Row = {
        let mut ends = [0; BLOCKS];
        let mut block = 0;
        while block < BLOCKS {
            ends[block] = ((block + 1) * BLOCK) as i16;
            block += 1;
        }
        Row { ends, len: POSITIONS }
    };

    /// The place in the row of the slot at `index`.
    #[inline]
    fn place(&self, index: usize) -> usize {
        let ends_before = |&end: &i16| i16::from(end <= index as i16);
        let block = self.ends.iter().map(ends_before).sum::<i16>() as usize;
        // The remainder changes nothing. Without it that might panic, and could not be done beside `take`.
        (block + 1) * 2 * BLOCK + index - self.ends[block % BLOCKS] as usize
    }

    /// Notes that the slot at `index` is taken.
    #[inline]
    fn take(&mut self, index: usize) {
        self.ends.iter_mut().for_each(|end| *end -= i16::from(*end > index as i16));
        self.len -= 1;
    }
}

/// Where what has a position stands as it comes.
#[inline]
fn place(position: usize) -> usize {
    BLOCK + position + position / BLOCK * BLOCK
}

impl Ranked {
    /// How many slots may come before it has to be packed again.
    #[inline]
    pub(super) fn room(&self) -> usize {
        self.places.len() / 2
    }

    /// Makes room for slots beside the first `len`, before any is taken.
    pub(super) fn begin(&mut self, len: usize) {
        let room = if len <= LENGTH_SHORT { BLOCK } else { (2 * len).next_power_of_two() };
        self.places.resize(2 * room, 0);
        self.rows.clear();
        if room > BLOCK {
            self.rows.resize(room.div_ceil(POSITIONS), Row::FULL);
        }
    }

    /// Puts in what comes at a position. There must be room.
    #[inline]
    pub(super) fn put(&mut self, position: usize, slot: u32) {
        self.places[place(position)] = slot;
    }

    /// Takes the slot at `index`, which exists.
    #[inline]
    pub(super) fn take(&mut self, index: usize, taken: usize) -> u32 {
        let place = match self.rows.is_empty() {
            true => place(taken + index),
            false => self.take_from_row(index),
        };
        // What is moved is a whole block's worth, of which the upper part is what stands before it in its block.
        let moved: &mut [u32] = &mut self.places[place - BLOCK..=place];
        let moved: &mut [u32; BLOCK + 1] = moved.try_into().expect("the range has this length");
        let slot = moved[BLOCK];
        moved.copy_within(..BLOCK, 1);
        slot
    }

    /// Notes that the slot at `index` is taken, and returns its place.
    #[inline]
    fn take_from_row(&mut self, index: usize) -> usize {
        let (number, index) = self.row(index);
        let row = &mut self.rows[number];
        let place = number * 2 * POSITIONS + row.place(index);
        row.take(index);
        place
    }

    /// The row of the slot at `index`, and its index there.
    #[inline]
    fn row(&self, mut index: usize) -> (usize, usize) {
        let mut row = 0;
        while index >= self.rows[row].len {
            index -= self.rows[row].len;
            row += 1;
        }
        (row, index)
    }

    /// The slot at `index`, which exists.
    pub(super) fn get(&self, index: usize, taken: usize) -> u32 {
        if self.rows.is_empty() {
            return self.places[place(taken + index)];
        }
        let (row, index) = self.row(index);
        self.places[row * 2 * POSITIONS + self.rows[row].place(index)]
    }

    /// Moves all slots to the beginning, and makes room for as many to come.
    pub(super) fn pack(&mut self, taken: usize, came: usize) {
        let mut len = 0;
        for block in 0..self.blocks() {
            let mut from = self.block(block, taken, came);
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
    pub(super) fn iter(&self, taken: usize, came: usize) -> impl Iterator<Item = u32> {
        let blocks = (0..self.blocks()).map(move |block| self.block(block, taken, came));
        blocks.flat_map(|block| self.places[block].iter().copied())
    }

    fn blocks(&self) -> usize {
        self.places.len() / (2 * BLOCK)
    }

    /// The places of the slots in a block.
    fn block(&self, block: usize, taken: usize, came: usize) -> Range<usize> {
        let end = ((block + 1) * 2 * BLOCK).min(place(came));
        let Some(row) = self.rows.get(block / BLOCKS) else { return place(taken).min(end)..end };
        let place_in_row = block % BLOCKS;
        let before = if place_in_row == 0 { 0 } else { row.ends[place_in_row - 1] };
        let len = (row.ends[place_in_row] - before) as usize;
        // Of the last block not all have come, and of those behind it none.
        ((block + 1) * 2 * BLOCK - len).min(end)..end
    }

    /// Panics if it contradicts itself, or what the ready set counted.
    pub(super) fn check(&self, taken: usize, came: usize) {
        assert!(taken <= came && came <= self.room(), "more slots came than there is room for");
        assert_eq!(self.iter(taken, came).count(), came - taken, "slots are miscounted");
        let positions = self.rows.iter().map(|row| POSITIONS - row.len).sum::<usize>();
        assert!(
            self.rows.is_empty() || positions == taken,
            "what was taken from rows is miscounted"
        );
        for row in &self.rows {
            assert!(row.ends.is_sorted(), "a block ends before one that is before it");
            assert_eq!(usize::try_from(row.ends[BLOCKS - 1]), Ok(row.len), "a row has another end");
        }
    }
}
