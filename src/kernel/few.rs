//! A few ready tasks of which any may be taken, by its index in the order of arrival.
//!
//! Slots below 256 stand side by side, a byte each, oldest first, and those behind what is taken move down by one. Up to
//! eight are read and written as one word: what is written in pieces and read as a whole, or at another place, has to be
//! waited for.

/// The slots that there may be.
pub(super) const FEW: usize = 32;

/// Those in a word.
const WORD: usize = size_of::<u64>();

/// Slots in the order of arrival. How many there are, the ready set counts.
#[repr(align(64))]
pub(super) struct Few {
    /// Zero behind the last.
    slots: [u8; 2 * FEW],
}

impl Default for Few {
    fn default() -> Self {
        Few { slots: [0; 2 * FEW] }
    }
}

impl Few {
    /// Puts in what comes as the last, behind so many. Says whether there is room for it.
    #[inline(always)]
    pub(super) fn push(&mut self, slot: u32, len: usize) -> bool {
        let has_room = slot <= u8::MAX.into() && len < FEW;
        if has_room && len < WORD {
            *self.word_mut() = (self.word() | u64::from(slot) << (8 * len)).to_le_bytes();
        } else if has_room {
            self.slots[len] = slot as u8;
        }
        has_room
    }

    /// Takes the slot at an index below `len`, which is [`FEW`] at most.
    #[inline(always)]
    pub(super) fn take(&mut self, index: usize, len: usize) -> u32 {
        if len <= WORD {
            let (word, behind) = (self.word(), u64::MAX << (8 * index));
            *self.word_mut() = (word & !behind | word >> 8 & behind).to_le_bytes();
            return (word >> (8 * index)) as u8 as u32;
        }
        let moved = self.slots[index..].first_chunk_mut::<{ FEW + 1 }>();
        let moved = moved.expect("behind one of them is as much that may be moved");
        let slot = moved[0];
        moved.copy_within(1.., 0);
        slot.into()
    }

    #[inline(always)]
    fn word(&self) -> u64 {
        u64::from_le_bytes(*self.slots.first_chunk().expect("there are more"))
    }

    #[inline(always)]
    fn word_mut(&mut self) -> &mut [u8; WORD] {
        self.slots.first_chunk_mut().expect("there are more")
    }

    pub(super) fn clear(&mut self) {
        *self = Few::default();
    }

    /// Panics if it contradicts itself.
    pub(super) fn check(&self, len: usize) {
        assert!(self.slots[len..].iter().all(|&it| it == 0), "something stands behind the last");
    }

    /// The first slots.
    #[inline]
    pub(super) fn slots(&self, len: usize) -> impl ExactSizeIterator<Item = u32> {
        self.slots[..len].iter().map(|&slot| slot.into())
    }
}
