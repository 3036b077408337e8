//! A list in the order of tickets, from which any entry can leave: what lines of waiters are made of.

use std::collections::VecDeque;

/// Entries by ticket, a number that is never given twice. Entering at the back and leaving cost the same
/// however long the list is, but for a logarithm and for sweeping, which is paid for by those who left.
#[derive(Debug)]
pub(super) struct Tickets<T> {
    /// In the order of tickets. Those that left from the middle are `None`; the first and the last never are.
    entries: VecDeque<(u64, Option<T>)>,
    gone: usize,
}

impl<T> Default for Tickets<T> {
    fn default() -> Self {
        Tickets { entries: VecDeque::new(), gone: 0 }
    }
}

impl<T> Tickets<T> {
    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.gone
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds an entry, mostly at the back.
    pub(super) fn insert(&mut self, ticket: u64, value: T) {
        let place = match self.entries.back() {
            Some(&(last, _)) if last > ticket => {
                self.entries.partition_point(|&(other, _)| other < ticket)
            }
            _ => self.entries.len(),
        };
        if let Some((other, vacated @ None)) = self.entries.get_mut(place) {
            if *other == ticket {
                *vacated = Some(value);
                self.gone -= 1;
                return;
            }
        }
        self.entries.insert(place, (ticket, Some(value)));
    }

    /// The first entry, or the first with a ticket above `last`.
    pub(super) fn next_mut(&mut self, last: Option<u64>) -> Option<(u64, &mut T)> {
        let from = match last {
            None => 0,
            Some(last) => self.entries.partition_point(|&(ticket, _)| ticket <= last),
        };
        let mut rest = self.entries.range_mut(from..);
        rest.find_map(|(ticket, value)| value.as_mut().map(|value| (*ticket, value)))
    }

    /// The last entry.
    pub(super) fn last_mut(&mut self) -> Option<(u64, &mut T)> {
        let (ticket, value) = self.entries.back_mut()?;
        Some((*ticket, value.as_mut().expect("the last is there")))
    }

    pub(super) fn get_mut(&mut self, ticket: u64) -> Option<&mut T> {
        let place = self.find(ticket)?;
        self.entries[place].1.as_mut()
    }

    pub(super) fn remove(&mut self, ticket: u64) -> Option<T> {
        let place = self.find(ticket)?;
        let value = self.entries[place].1.take()?;
        self.gone += 1;
        while let Some((_, None)) = self.entries.front() {
            self.entries.pop_front();
            self.gone -= 1;
        }
        while let Some((_, None)) = self.entries.back() {
            self.entries.pop_back();
            self.gone -= 1;
        }
        // Two who come and go behind one who stays must not make the list grow.
        if self.gone > self.entries.len() / 2 {
            self.entries.retain(|(_, value)| value.is_some());
            self.gone = 0;
        }
        Some(value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().filter_map(|(_, value)| value.as_ref())
    }

    /// The place of a ticket: without gaps it is told by the distance to the first.
    fn find(&self, ticket: u64) -> Option<usize> {
        let &(first, _) = self.entries.front()?;
        let guess = usize::try_from(ticket.checked_sub(first)?).ok()?;
        match self.entries.get(guess) {
            Some(&(found, _)) if found == ticket => Some(guess),
            _ => self.entries.binary_search_by_key(&ticket, |&(ticket, _)| ticket).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn those_who_come_and_go_behind_one_who_stays_leave_no_trace() {
        let mut tickets = Tickets::default();
        tickets.insert(0, ());
        tickets.insert(1, ());
        for ticket in 2..10_000 {
            tickets.insert(ticket, ());
            tickets.remove(ticket - 1);
            assert!(tickets.entries.len() <= 4, "{} places for two", tickets.entries.len());
        }
        assert_eq!(tickets.len(), 2);
    }

    proptest! {
        /// Against a map that does the same.
        #[test]
        fn a_list_of_tickets_does_what_an_ordered_map_does(
            script in prop::collection::vec((0..4u8, 0..40u64), 0..200),
        ) {
            let mut tickets = Tickets::default();
            let mut model = BTreeMap::new();
            let mut next = 0;
            for (what, number) in script {
                match what {
                    0 => {
                        tickets.insert(next, next);
                        model.insert(next, next);
                        next += 1;
                    }
                    1 if number < next && !model.contains_key(&number) => {
                        tickets.insert(number, number);
                        model.insert(number, number);
                    }
                    2 => prop_assert_eq!(tickets.remove(number), model.remove(&number)),
                    _ => {
                        let after = model.range(number + 1..).next().map(|(&ticket, _)| ticket);
                        let found = tickets.next_mut(Some(number)).map(|(ticket, _)| ticket);
                        prop_assert_eq!(found, after);
                        prop_assert_eq!(tickets.get_mut(number).copied(), model.get(&number).copied());
                    }
                }
                prop_assert!(tickets.iter().eq(model.values()));
                let last = tickets.last_mut().map(|(ticket, value)| (ticket, *value));
                prop_assert_eq!(last, model.iter().next_back().map(|(&ticket, &value)| (ticket, value)));
                prop_assert_eq!((tickets.len(), tickets.is_empty()), (model.len(), model.is_empty()));
                prop_assert!(!matches!(tickets.entries.front(), Some((_, None))));
                prop_assert!(!matches!(tickets.entries.back(), Some((_, None))));
            }
        }
    }
}
