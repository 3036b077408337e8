//! Many ready tasks of which any may be taken, by its index in the order of arrival.
//!
//! Slots stay at the places where they came. A list for each part of the places tells which of them are left, oldest
//! first: what is taken leaves its list, and what stands behind it there moves up by one. In which part to look is
//! told by counts of what is left before each. They are as if all had come that there is room for; so what comes
//! changes none of them.
//!
//! The work is the same whatever the index: it is compared with all counts of a row, and as much is moved as a list
//! can hold where less would do. For a branch on what was chosen at random is foreseen wrongly, which costs as much
//! as all of that. And one step waits for the other: so what is likely to be taken next is looked for a turn ahead,
//! as far as its place in a list, while something else is waited for.
//!
//! It does not count what came and what was taken; the ready set does, and says so with each call.

/// Places in a part.
const PART: usize = 128;

/// Parts in a row.
const PARTS: usize = 16;

/// Places in a row.
const ROW: usize = PARTS * PART;

/// Slots in the order of arrival.
///
/// The first that came has place 0; packing begins anew. Fewer were taken than came, and no more came than
/// there is room for.
#[derive(Default)]
pub(super) struct Ranked {
    slots: Vec<u32>,
    lists: Vec<List>,
    rows: Vec<Row>,
    ahead: Ahead,
}

/// The places of a part that are left, counted from its first, oldest first. Behind them stands what means nothing, as
/// much as may be moved.
type List = [u8; 2 * PART];

/// Where nothing was taken.
const LIST_FULL: List = {
    let mut list = [0; 2 * PART];
    let mut place = 0;
    while place < PART {
        list[place] = place as u8;
        place += 1;
    }
    list
};

/// A slot that will be taken next if all goes as expected: it is counted as taken, and is still in its list. What
/// comes changes nothing about it.
struct Ahead {
    /// [`NOBODY`] if there is none.
    index: usize,
    part: usize,
    /// Where it is in the list of its part.
    number: usize,
}

/// No index.
const NOBODY: usize = usize::MAX;

impl Default for Ahead {
    fn default() -> Self {
        Ahead { index: NOBODY, part: 0, number: 0 }
    }
}

#[derive(Clone)]
struct Row {
    /// Places from which nothing was taken.
    left: usize,
    before: Counts,
}

/// How many places are left before each part of a row.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Counts([i16; PARTS]);

impl Counts {
    /// Where nothing was taken.
    const FULL: Counts = {
        let mut counts = [0; PARTS];
        let mut part = 0;
        while part < PARTS {
            counts[part] = (part * PART) as i16;
            part += 1;
        }
        Counts(counts)
    };

    /// Counts the place at an index as taken, and returns its part. Out of line, so that it is compiled to compare
    /// eight counts at once wherever it is called.
    #[inline(never)]
    fn take(&mut self, index: usize) -> usize {
        let index = index as i16;
        let mut parts = 0;
        for count in &mut self.0 {
            let is_behind = i16::from(*count > index);
            *count -= is_behind;
            parts += is_behind;
        }
        PARTS - 1 - parts as usize
    }

    /// Counts a place of a part as not taken.
    fn put_back(&mut self, part: usize) {
        for count in &mut self.0[part + 1..] {
            *count += 1;
        }
    }

    #[inline(always)]
    fn of(&self, part: usize) -> usize {
        self.0[part] as usize
    }
}

impl Row {
    /// Where nothing was taken.
    const FULL: Row = Row { left: ROW, before: Counts::FULL };

    /// Counts the slot at an index in this row as taken, and tells its part and where it is there.
    #[inline(always)]
    fn take(&mut self, index: usize) -> (usize, usize) {
        // The remainders change nothing. Without them there might be a panic between the steps.
        let part = self.before.take(index) % PARTS;
        self.left -= 1;
        (part, (index - self.before.of(part)) % PART)
    }

    /// Counts a slot of a part as not taken.
    fn put_back(&mut self, part: usize) {
        self.before.put_back(part);
        self.left += 1;
    }

    /// How many places of a part are left.
    fn left(&self, part: usize) -> usize {
        let behind = part + 1;
        let end = if behind == PARTS { self.left } else { self.before.of(behind) };
        end - self.before.of(part)
    }
}

impl Ranked {
    pub(super) fn room(&self) -> usize {
        self.slots.len()
    }

    /// Makes room for slots beside the first `len`, before any is taken.
    pub(super) fn begin(&mut self, len: usize) {
        let parts = (len + len / 2 + 1).div_ceil(PART).next_multiple_of(PARTS);
        self.slots.resize(parts * PART, 0);
        self.lists.clear();
        self.lists.resize(parts, LIST_FULL);
        self.rows.clear();
        self.rows.resize(parts / PARTS, Row::FULL);
        self.ahead.index = NOBODY;
    }

    /// Where to put in what comes as so many have: nowhere, if it has to be packed before.
    #[inline(always)]
    pub(super) fn place_mut(&mut self, came: usize) -> Option<&mut u32> {
        self.slots.get_mut(came)
    }

    /// Takes the slot at `index`, which exists.
    #[inline(always)]
    pub(super) fn take(&mut self, index: usize) -> u32 {
        if self.ahead.index != index {
            self.take_late(index);
        }
        self.ahead.index = NOBODY;
        let Ahead { part, number, .. } = self.ahead;
        // The remainder changes nothing, but that bounds are known.
        let (list, number) = (&mut self.lists[part], number % PART);
        let place = usize::from(list[number]);
        list.copy_within(number + 1..number + 1 + PART, number);
        self.slots[part * PART + place]
    }

    /// Finds the slot at `index`, which may be still to come: for when it is taken, if that is what is done next. To
    /// be called after one was taken.
    #[inline(always)]
    pub(super) fn look_ahead(&mut self, index: usize) {
        match self.rows.first_mut() {
            Some(row) if index < row.left => {
                let (part, number) = row.take(index);
                self.ahead = Ahead { index, part, number };
            }
            _ => self.look_beyond(index),
        }
    }

    /// The same where there is more than one row.
    #[inline(never)]
    fn look_beyond(&mut self, index: usize) {
        if let Some((row, index_in_row)) = self.row_of(index) {
            let (part, number) = self.rows[row].take(index_in_row);
            self.ahead = Ahead { index, part: row * PARTS + part, number };
        }
    }

    /// The same for a slot that is taken now.
    #[inline(never)]
    fn take_late(&mut self, index: usize) {
        self.put_back();
        self.look_beyond(index);
    }

    /// Counts what was to be taken next as not taken.
    fn put_back(&mut self) {
        let Ahead { index, part, .. } = self.ahead;
        if index != NOBODY {
            self.rows[part / PARTS].put_back(part % PARTS);
            self.ahead.index = NOBODY;
        }
    }

    /// The slot at `index`, if there is one.
    pub(super) fn get(&self, index: usize, came: usize) -> Option<u32> {
        if self.ahead.index != NOBODY {
            return self.find(index, came);
        }
        let (row, index_in_row) = self.row_of(index)?;
        let (part, number) = self.rows[row].clone().take(index_in_row);
        let part = row * PARTS + part;
        Some(self.slots[part * PART + usize::from(self.lists[part][number])])
    }

    /// The row that has the slot at an index, and its index there, unless there is no room for it.
    fn row_of(&self, index: usize) -> Option<(usize, usize)> {
        let mut index_in_row = index;
        for (number, row) in self.rows.iter().enumerate() {
            if index_in_row < row.left {
                return Some((number, index_in_row));
            }
            index_in_row -= row.left;
        }
        None
    }

    /// Moves all slots to the beginning, and makes room for as many to come.
    pub(super) fn pack(&mut self, came: usize) {
        self.put_back();
        let mut len = 0;
        for part in 0..came.div_ceil(PART) {
            let (from, left) = (part * PART, self.left(part, came));
            let slots: [u32; PART] = *self.slots[from..].first_chunk().expect("parts are whole");
            for (slot, &place) in self.slots[len..][..left].iter_mut().zip(&self.lists[part]) {
                *slot = slots[usize::from(place) % PART];
            }
            len += left;
        }
        self.begin(len);
    }

    /// The slot at an index, part by part.
    fn find(&self, mut index: usize, came: usize) -> Option<u32> {
        for (list, slots) in self.parts(came) {
            match list.get(index) {
                Some(&place) => return Some(slots[usize::from(place)]),
                None => index -= list.len(),
            }
        }
        None
    }

    /// Tells the slots in the order of arrival.
    pub(super) fn for_each(&self, came: usize, tell: &mut dyn FnMut(u32)) {
        for (list, slots) in self.parts(came) {
            for &place in list {
                tell(slots[usize::from(place)]);
            }
        }
    }

    /// Of each part, the places that are left of those that came, and its slots.
    fn parts(&self, came: usize) -> impl Iterator<Item = (&[u8], &[u32])> {
        (0..came.div_ceil(PART)).map(move |part| {
            (&self.lists[part][..self.left(part, came)], &self.slots[part * PART..][..PART])
        })
    }

    /// How many slots of a part are left of those that came.
    fn left(&self, part: usize, came: usize) -> usize {
        let ahead = self.ahead.index != NOBODY && self.ahead.part == part;
        let left = self.rows[part / PARTS].left(part % PARTS) + usize::from(ahead);
        left - ((part + 1) * PART).saturating_sub(came)
    }

    /// Panics if it contradicts itself, or what the ready set counted.
    pub(super) fn check(&self, taken: usize, came: usize) {
        assert!(taken <= came && came <= self.room(), "more slots came than there is room for");
        let mut left = 0;
        for (list, _) in self.parts(came) {
            left += list.len();
        }
        assert_eq!(left, came - taken, "slots are miscounted");
        let places = self.rows.iter().map(|row| ROW - row.left).sum::<usize>();
        let ahead = usize::from(self.ahead.index != NOBODY);
        assert_eq!(places, taken + ahead, "what was taken from rows is miscounted");
        for row in &self.rows {
            assert_eq!(row.before.of(0), 0, "something is left before the first part");
        }
        for (list, _) in self.parts(came) {
            assert!(list.is_sorted_by(|one, other| one < other), "a list is out of order");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_find_each_place_and_take_it_back() {
        let mut counts = Counts::FULL;
        for index in 0..ROW {
            let part = counts.take(index);
            assert_eq!(part, index / PART);
            let expected = |other| other * PART - usize::from(other > part);
            assert!((0..PARTS).all(|other| counts.of(other) == expected(other)));
            counts.put_back(part);
            assert_eq!(counts, Counts::FULL);
        }
    }
}
