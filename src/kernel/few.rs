//! A few ready tasks of which any may be taken, by its index in the order of arrival.
//!
//! Slots stand side by side, oldest first, and those behind what is taken move down by one: as many as there can be,
//! or half as many, for a branch on where it stood would be foreseen wrongly.

/// The slots that there may be.
pub(super) const FEW: usize = 32;

/// Slots in the order of arrival. How many there are, the ready set counts.
#[derive(Debug)]
pub(super) struct Few {
    /// What stands behind the last means nothing.
    slots: [u32; 2 * FEW],
}

impl Default for Few {
    fn default() -> Self {
        Few { slots: [0; 2 * FEW] }
    }
}

impl Few {
    /// Where to put in what comes as the last: nowhere, if there are [`FEW`] already.
    #[inline(always)]
    pub(super) fn place_mut(&mut self, index: usize) -> Option<&mut u32> {
        self.slots[..FEW].get_mut(index)
    }

    /// Takes the slot at an index below `len`, which is [`FEW`] at most.
    #[inline(always)]
    pub(super) fn take(&mut self, index: usize, len: usize) -> u32 {
        let moved = self.slots[index..].first_chunk_mut::<{ FEW + 1 }>();
        let moved = moved.expect("behind one of them is as much that may be moved");
        let slot = moved[0];
        match len > FEW / 2 {
            true => moved.copy_within(1.., 0),
            false => moved.copy_within(1..=FEW / 2, 0),
        }
        slot
    }

    /// The first slots.
    #[inline]
    pub(super) fn slots(&self, len: usize) -> &[u32] {
        &self.slots[..len]
    }
}
