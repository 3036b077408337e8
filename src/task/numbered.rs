//! Values under ascending numbers, from which any can leave: the tasks of a group.

use std::collections::VecDeque;

/// A list in the order of coming. Coming and leaving cost the same however long it is, but for a logarithm and for
/// sweeping, which is paid for by those that left.
pub(super) struct Numbered<T> {
    /// By number. The first is there; those that left behind it are `None` until they are swept out.
    entries: VecDeque<(usize, Option<T>)>,
    gone: usize,
    next: usize,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Numbered { entries: VecDeque::new(), gone: 0, next: 0 }
    }
}

impl<T> Numbered<T> {
    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.gone
    }

    /// The number that the next one will have.
    pub(super) fn next(&self) -> usize {
        self.next
    }

    pub(super) fn push(&mut self, value: T) {
        self.entries.push_back((self.next, Some(value)));
        self.next += 1;
    }

    /// The number of the first.
    pub(super) fn first(&self) -> Option<usize> {
        self.entries.front().map(|&(number, _)| number)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().filter_map(|(_, value)| value.as_ref())
    }

    pub(super) fn remove(&mut self, number: usize) -> Option<T> {
        let first = self.first()?;
        if number == first {
            let (_, value) = self.entries.pop_front()?;
            if self.gone > 0 {
                self.sweep();
            }
            return value;
        }
        // Where nothing was swept out, the number tells the place.
        let guess = number.checked_sub(first)?;
        let place = match self.entries.get(guess) {
            Some(&(found, _)) if found == number => guess,
            _ => self.entries.binary_search_by_key(&number, |&(number, _)| number).ok()?,
        };
        let value = self.entries[place].1.take()?;
        self.gone += 1;
        self.sweep();
        Some(value)
    }

    fn sweep(&mut self) {
        while let Some((_, None)) = self.entries.front() {
            self.entries.pop_front();
            self.gone -= 1;
        }
        // One that stays must not keep the places of all that come and go behind it.
        if self.gone > 16 && self.gone > self.entries.len() / 2 {
            self.entries.retain(|(_, value)| value.is_some());
            self.gone = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn those_that_come_and_go_behind_one_that_stays_leave_no_trace() {
        let mut numbered = Numbered::default();
        for number in 0..10_000 {
            numbered.push(number);
            if number > 0 {
                assert_eq!(numbered.remove(number), Some(number));
            }
            assert!(numbered.entries.len() <= 20, "{} places for one", numbered.entries.len());
        }
        assert_eq!((numbered.len(), numbered.first()), (1, Some(0)));
    }

    proptest! {
        #[test]
        fn it_does_what_an_ordered_map_does(script in prop::collection::vec(0..200_usize, 0..300)) {
            let (mut numbered, mut model) = (Numbered::default(), BTreeMap::new());
            for step in script {
                if step % 2 == 0 {
                    model.insert(numbered.next(), step);
                    numbered.push(step);
                } else {
                    prop_assert_eq!(numbered.remove(step / 2), model.remove(&(step / 2)));
                }
                prop_assert_eq!(numbered.first(), model.keys().next().copied());
                prop_assert_eq!(numbered.len(), model.len());
                prop_assert!(numbered.values().eq(model.values()));
            }
        }
    }
}
