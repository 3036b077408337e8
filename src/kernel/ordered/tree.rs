//! The tree under all maps and sets: numbers in order, each with a place in a table.

use std::collections::BTreeMap;
use std::collections::btree_map::Range;
use std::ops::Bound;

#[derive(Clone, Default)]
pub(super) struct Tree {
    places: BTreeMap<u128, u32>,
    /// Places below the highest that was ever given since the last clearing, which no number has.
    free: Vec<u32>,
}

impl Tree {
    pub(super) const EMPTY: Tree = Tree { places: BTreeMap::new(), free: Vec::new() };

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn clear(&mut self) {
        self.places.clear();
        self.free.clear();
    }

    pub(super) fn find(&self, number: u128) -> Option<usize> {
        self.places.get(&number).map(|&place| place as usize)
    }

    /// The place of a number, which is a free one or that behind the last if the number is new.
    pub(super) fn enter(&mut self, number: u128) -> usize {
        let count = self.places.len();
        let next = self.free.last().copied().unwrap_or(count as u32);
        let place = *self.places.entry(number).or_insert(next);
        if self.places.len() > count {
            self.free.pop();
        }
        place as usize
    }

    /// Frees the place that a number had.
    pub(super) fn remove(&mut self, number: u128) -> Option<usize> {
        let place = self.places.remove(&number)?;
        self.free.push(place);
        Some(place as usize)
    }

    pub(super) fn first(&self) -> Option<(u128, usize)> {
        self.places.first_key_value().map(|(&number, &place)| (number, place as usize))
    }

    /// The last number below this one.
    pub(super) fn before(&self, number: u128) -> Option<u128> {
        let (&before, _) = self.range(Bound::Unbounded, Bound::Excluded(number)).next_back()?;
        Some(before)
    }

    pub(super) fn from(&self, number: u128) -> impl Iterator<Item = (u128, usize)> + use<'_> {
        let range = self.range(Bound::Included(number), Bound::Unbounded);
        range.map(|(&number, &place)| (number, place as usize))
    }

    /// With ends of one type, so that the search for them is compiled once.
    fn range(&self, first: Bound<u128>, last: Bound<u128>) -> Range<'_, u128, u32> {
        self.places.range((first, last))
    }

    pub(super) fn into_entries(self) -> impl Iterator<Item = (u128, usize)> {
        self.places.into_iter().map(|(number, place)| (number, place as usize))
    }
}
