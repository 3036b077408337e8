//! Ordered maps and sets under keys that are numbers, all on one tree.
//!
//! The standard library's ordered map is compiled anew for each pair of types: fifty of them were two fifths of the
//! crate's code without optimisation. Here the tree knows numbers only, so there is one of it, and tells the place of
//! a value in a table; what depends on types is thin. A map promises what the standard library's does: entries come
//! in the order of their keys, and an operation costs a logarithm.

mod key;
mod sort;
mod texts;
mod tree;

use std::fmt::{self, Debug};
use std::iter;
use std::marker::PhantomData;

pub(crate) use key::{Key, number_keys};
pub(crate) use sort::sort_by_key;
pub(crate) use texts::Texts;
use tree::Tree;

/// Values by key, in the order of the keys.
#[derive(Clone)]
pub(crate) struct Map<K, V> {
    tree: Tree,
    /// By the place that the tree tells; `None` where it tells of none.
    values: Vec<Option<V>>,
    keys: PhantomData<K>,
}

impl<K, V> Map<K, V> {
    const EMPTY: Self = Map { tree: Tree::EMPTY, values: Vec::new(), keys: PhantomData };
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Map::EMPTY
    }
}

impl<K: Key, V> Map<K, V> {
    pub(crate) fn new() -> Self {
        Map::default()
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.tree.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.tree.len() == 0
    }

    /// Drops all values, in no order that means anything.
    pub(crate) fn clear(&mut self) {
        self.tree.clear();
        self.values.clear();
    }

    pub(crate) fn get(&self, key: K) -> Option<&V> {
        self.values[self.tree.find(key.number())?].as_ref()
    }

    pub(crate) fn get_mut(&mut self, key: K) -> Option<&mut V> {
        self.values[self.tree.find(key.number())?].as_mut()
    }

    /// The place of a key's value, for [`at`](Self::at), as long as the key stays.
    pub(crate) fn locate(&self, key: K) -> Option<usize> {
        self.tree.find(key.number())
    }

    /// The value of a key that stays where it was [located](Self::locate).
    #[inline]
    pub(crate) fn at(&mut self, place: usize) -> Option<&mut V> {
        self.values.get_mut(place)?.as_mut()
    }

    pub(crate) fn contains(&self, key: K) -> bool {
        self.tree.find(key.number()).is_some()
    }

    /// Puts a value under a key and returns the one before.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.place(key).replace(value)
    }

    /// The value under a key, which is made where there is none.
    pub(crate) fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        self.place(key).get_or_insert_with(make)
    }

    pub(crate) fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.place(key).get_or_insert_default()
    }

    /// The place of a key's value, which is empty and to be filled if the key is new.
    fn place(&mut self, key: K) -> &mut Option<V> {
        let place = self.tree.enter(key.number());
        if place == self.values.len() {
            self.values.push(None);
        }
        &mut self.values[place]
    }

    pub(crate) fn remove(&mut self, key: K) -> Option<V> {
        let place = self.tree.remove(key.number())?;
        self.values[place].take()
    }

    pub(crate) fn first(&self) -> Option<(K, &V)> {
        let (number, place) = self.tree.first()?;
        Some((K::from_number(number), self.values[place].as_ref()?))
    }

    /// The entries whose keys are not below this one.
    pub(crate) fn from(&self, key: K) -> impl Iterator<Item = (K, &V)> {
        self.entries_from(key.number())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.entries_from(0)
    }

    fn entries_from(&self, number: u128) -> impl Iterator<Item = (K, &V)> {
        let mut numbers = self.tree.from(number);
        iter::from_fn(move || {
            let (number, place) = numbers.next()?;
            Some((K::from_number(number), self.values[place].as_ref()?))
        })
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        let mut numbers = self.tree.from(0);
        iter::from_fn(move || self.values[numbers.next()?.1].as_ref())
    }

    pub(crate) fn into_entries(mut self) -> impl Iterator<Item = (K, V)> {
        let mut numbers = self.tree.into_entries();
        iter::from_fn(move || {
            let (number, place) = numbers.next()?;
            Some((K::from_number(number), self.values[place].take()?))
        })
    }
}

impl<K: Key + Debug, V: Debug> Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Keys in order.
pub(crate) struct Set<K> {
    tree: Tree,
    keys: PhantomData<K>,
}

impl<K> Default for Set<K> {
    fn default() -> Self {
        Set { tree: Tree::EMPTY, keys: PhantomData }
    }
}

impl<K: Key> Set<K> {
    pub(crate) fn new() -> Self {
        Set::default()
    }

    pub(crate) fn len(&self) -> usize {
        self.tree.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tree.len() == 0
    }

    pub(crate) fn clear(&mut self) {
        self.tree.clear();
    }

    pub(crate) fn contains(&self, key: K) -> bool {
        self.tree.find(key.number()).is_some()
    }

    /// Says whether the key was not there.
    pub(crate) fn insert(&mut self, key: K) -> bool {
        let before = self.len();
        self.tree.enter(key.number());
        self.len() > before
    }

    /// Says whether the key was there.
    pub(crate) fn remove(&mut self, key: K) -> bool {
        self.tree.remove(key.number()).is_some()
    }

    pub(crate) fn first(&self) -> Option<K> {
        self.tree.first().map(|(number, _)| K::from_number(number))
    }

    pub(crate) fn pop_first(&mut self) -> Option<K> {
        let first = self.first()?;
        self.remove(first);
        Some(first)
    }

    /// The last key below this one.
    pub(crate) fn before(&self, key: K) -> Option<K> {
        self.tree.before(key.number()).map(K::from_number)
    }

    /// The first key above this one.
    pub(crate) fn behind(&self, key: K) -> Option<K> {
        let (number, _) = self.tree.from(key.number() + 1).next()?;
        Some(K::from_number(number))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = K> {
        let mut numbers = self.tree.from(0);
        iter::from_fn(move || Some(K::from_number(numbers.next()?.0)))
    }
}

impl<K: Key> Extend<K> for Set<K> {
    fn extend<I: IntoIterator<Item = K>>(&mut self, keys: I) {
        for key in keys {
            self.insert(key);
        }
    }
}

impl<K: Key + Debug> Debug for Set<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn places_of_values_that_left_are_taken_again() {
        let mut map = Map::new();
        for number in 0..1000_u32 {
            map.insert(number, number);
            map.insert(number + 1000, number);
            assert_eq!(map.remove(number), Some(number));
            assert_eq!(map.remove(number + 1000), Some(number));
        }
        assert_eq!(map.values.len(), 2);
    }

    proptest! {
        #[test]
        fn a_map_does_what_that_of_the_standard_library_does(
            script in prop::collection::vec((0..6, (0..9_u32, 0..3_u64), 0..100_u32), 0..100),
        ) {
            let (mut map, mut model) = (Map::new(), BTreeMap::new());
            for (step, key, value) in script {
                match step {
                    0 | 1 => prop_assert_eq!(map.insert(key, value), model.insert(key, value)),
                    2 => prop_assert_eq!(map.remove(key), model.remove(&key)),
                    3 => {
                        *map.get_or_insert_with(key, || value) += 1;
                        *model.entry(key).or_insert(value) += 1;
                    }
                    4 => {
                        *map.get_or_default(key) += value;
                        *model.entry(key).or_default() += value;
                    }
                    _ => {
                        let entries = model.range(key..).map(|(&key, value)| (key, value));
                        prop_assert!(map.from(key).eq(entries));
                    }
                }
                prop_assert_eq!(map.get(key), model.get(&key));
                prop_assert_eq!(map.get_mut(key), model.get_mut(&key));
                prop_assert_eq!(map.contains(key), model.contains_key(&key));
                prop_assert_eq!(map.len(), model.len());
                prop_assert_eq!(map.first(), model.iter().next().map(|(&key, value)| (key, value)));
                prop_assert!(map.values().eq(model.values()));
                prop_assert_eq!(format!("{map:?}"), format!("{model:?}"));
            }
            prop_assert!(map.clone().into_entries().eq(model));
            map.clear();
            prop_assert!(map.is_empty() && map.iter().next().is_none());
        }

        #[test]
        fn a_set_does_what_that_of_the_standard_library_does(
            script in prop::collection::vec((0..4, prop::option::of(0..20_usize)), 0..100),
        ) {
            let (mut set, mut model) = (Set::new(), BTreeSet::new());
            for (step, key) in script {
                match step {
                    0 | 1 => prop_assert_eq!(set.insert(key), model.insert(key)),
                    2 => prop_assert_eq!(set.remove(key), model.remove(&key)),
                    _ => prop_assert_eq!(set.pop_first(), model.pop_first()),
                }
                prop_assert_eq!(set.contains(key), model.contains(&key));
                prop_assert_eq!(set.first(), model.first().copied());
                prop_assert_eq!(set.before(key), model.range(..key).next_back().copied());
                let behind = model.iter().copied().find(|&other| other > key);
                prop_assert_eq!(set.behind(key), behind);
                prop_assert!(set.iter().eq(model.iter().copied()));
                prop_assert_eq!((set.len(), set.is_empty()), (model.len(), model.is_empty()));
            }
        }
    }
}
