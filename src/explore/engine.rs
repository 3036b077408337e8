//! What the strategies of a search share: the program, its settings, and how the work is split.

use super::program::{Program, Runner, Settings};
use super::seeds::Seeds;
use super::tally::Shard;
use super::tree::Walker;

pub(super) struct Engine<'a> {
    pub(super) program: &'a dyn Program,
    pub(super) settings: &'a Settings,
    /// The first of them is that of the search.
    pub(super) seeds: Seeds,
    pub(super) threads: usize,
    pub(super) shard: Shard,
}

impl<'a> Engine<'a> {
    pub(super) fn runner(&self) -> Runner<'a> {
        Runner::new(self.program, self.settings)
    }

    pub(super) fn walker(&self) -> Walker<'a> {
        Walker::new(self.runner())
    }

    /// Says whether a schedule of the tree, by its depth and its number in it, is run here.
    ///
    /// Those of depth 2 are shared out, and what is below them goes with them; so are those of depth 1, alone.
    pub(super) fn is_mine(&self, depth: u32, number: u64) -> bool {
        depth > 2 || self.shard.has(number)
    }
}
