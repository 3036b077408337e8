//! A list in the order of tickets, from which any entry can leave: what lines of waiters are made of.

use std::collections::VecDeque;
use std::mem;

/// A place in a line: before all of a higher rank, and behind those of its own with a lower number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Ticket {
    pub(super) rank: i64,
    /// Never given twice.
    pub(super) number: u64,
}

/// Entries by ticket. Entering at the back and leaving cost the same however long the list is, but for a
/// logarithm and for sweeping, which is paid for by those who left. Entering before others moves them.
///
/// Mostly none or one waits, so the first entry has a place of its own and needs no memory beside it.
#[derive(Debug)]
pub(super) struct Tickets<T> {
    /// Empty only if the list is.
    first: Option<(Ticket, T)>,
    /// In the order of tickets. Those that left from the middle are `None`; the first and the last never are.
    rest: VecDeque<(Ticket, Option<T>)>,
    gone: usize,
}

impl<T> Default for Tickets<T> {
    fn default() -> Self {
        Tickets { first: None, rest: VecDeque::new(), gone: 0 }
    }
}

impl<T> Tickets<T> {
    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len() - self.gone
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Adds an entry, mostly at the back.
    #[inline]
    pub(super) fn insert(&mut self, ticket: Ticket, value: T) {
        match &mut self.first {
            None => self.first = Some((ticket, value)),
            Some(first) if ticket < first.0 => {
                let (ticket, value) = mem::replace(first, (ticket, value));
                self.rest.push_front((ticket, Some(value)));
            }
            Some(_) => self.insert_behind(ticket, value),
        }
    }

    fn insert_behind(&mut self, ticket: Ticket, value: T) {
        let place = match self.rest.back() {
            Some(&(last, _)) if last > ticket => {
                self.rest.partition_point(|&(other, _)| other < ticket)
            }
            _ => self.rest.len(),
        };
        if let Some((other, vacated @ None)) = self.rest.get_mut(place) {
            if *other == ticket {
                *vacated = Some(value);
                self.gone -= 1;
                return;
            }
        }
        self.rest.insert(place, (ticket, Some(value)));
    }

    /// The first entry, or the first with a ticket above `last`.
    #[inline]
    pub(super) fn next_mut(&mut self, last: Option<Ticket>) -> Option<(Ticket, &mut T)> {
        match &mut self.first {
            Some((ticket, value)) if last.is_none_or(|last| last < *ticket) => {
                Some((*ticket, value))
            }
            _ => {
                let last = last?;
                let from = self.rest.partition_point(|&(ticket, _)| ticket <= last);
                let mut rest = self.rest.range_mut(from..);
                rest.find_map(|(ticket, value)| value.as_mut().map(|value| (*ticket, value)))
            }
        }
    }

    /// The last entry.
    pub(super) fn last_mut(&mut self) -> Option<(Ticket, &mut T)> {
        match self.rest.back_mut() {
            Some((ticket, value)) => Some((*ticket, value.as_mut().expect("the last is there"))),
            None => self.first.as_mut().map(|(ticket, value)| (*ticket, value)),
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut T> {
        if self.first.as_ref()?.0 == ticket {
            return self.first.as_mut().map(|(_, value)| value);
        }
        let place = self.find(ticket)?;
        self.rest[place].1.as_mut()
    }

    #[inline]
    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<T> {
        if self.first.as_ref()?.0 != ticket {
            return self.remove_behind(ticket);
        }
        let (_, value) = self.first.take()?;
        if !self.rest.is_empty() {
            let next = self.rest.pop_front();
            self.first = next.map(|(ticket, value)| (ticket, value.expect("the first is there")));
            self.sweep();
        }
        Some(value)
    }

    fn remove_behind(&mut self, ticket: Ticket) -> Option<T> {
        let place = self.find(ticket)?;
        let value = self.rest[place].1.take()?;
        self.gone += 1;
        self.sweep();
        Some(value)
    }

    fn sweep(&mut self) {
        while let Some((_, None)) = self.rest.front() {
            self.rest.pop_front();
            self.gone -= 1;
        }
        while let Some((_, None)) = self.rest.back() {
            self.rest.pop_back();
            self.gone -= 1;
        }
        // Two who come and go behind one who stays must not make the list grow.
        if self.gone > self.rest.len() / 2 {
            self.rest.retain(|(_, value)| value.is_some());
            self.gone = 0;
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        let first = self.first.iter().map(|(_, value)| value);
        first.chain(self.rest.iter().filter_map(|(_, value)| value.as_ref()))
    }

    /// The place of a ticket behind the first: in one rank without gaps it is told by the distance to the next.
    fn find(&self, ticket: Ticket) -> Option<usize> {
        let &(next, _) = self.rest.front()?;
        let guess = usize::try_from(ticket.number.wrapping_sub(next.number)).unwrap_or(usize::MAX);
        match self.rest.get(guess) {
            Some(&(found, _)) if found == ticket => Some(guess),
            _ => self.rest.binary_search_by_key(&ticket, |&(ticket, _)| ticket).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ops::Bound::{Excluded, Unbounded};

    use proptest::prelude::*;

    use super::*;

    /// In the first rank.
    fn first(number: u64) -> Ticket {
        Ticket { rank: 0, number }
    }

    #[test]
    fn those_who_come_and_go_behind_one_who_stays_leave_no_trace() {
        let mut tickets = Tickets::default();
        tickets.insert(first(0), ());
        tickets.insert(first(1), ());
        for ticket in 2..10_000 {
            tickets.insert(first(ticket), ());
            tickets.remove(first(ticket - 1));
            assert!(tickets.rest.len() <= 4, "{} places for two", tickets.rest.len());
        }
        assert_eq!(tickets.len(), 2);
    }

    proptest! {
        /// Against a map that does the same.
        #[test]
        fn a_list_of_tickets_does_what_an_ordered_map_does(
            script in prop::collection::vec((0..4u8, 0..40u64), 0..200),
            ranks in prop::collection::vec(-1..=1i64, 40),
            has_ranks: bool,
        ) {
            let rank = |number: u64| if has_ranks { ranks[number as usize % 40] } else { 0 };
            let ticket = |number: u64| Ticket { rank: rank(number), number };
            let mut tickets = Tickets::default();
            let mut model = BTreeMap::new();
            let mut next = 0;
            for (what, number) in script {
                let old = ticket(number);
                match what {
                    0 => {
                        tickets.insert(ticket(next), next);
                        model.insert(ticket(next), next);
                        next += 1;
                    }
                    1 if number < next && !model.contains_key(&old) => {
                        tickets.insert(old, number);
                        model.insert(old, number);
                    }
                    2 => prop_assert_eq!(tickets.remove(old), model.remove(&old)),
                    _ => {
                        let after = model.range((Excluded(old), Unbounded)).next();
                        let after = after.map(|(&ticket, _)| ticket);
                        let found = tickets.next_mut(Some(old)).map(|(ticket, _)| ticket);
                        prop_assert_eq!(found, after);
                        prop_assert_eq!(tickets.get_mut(old).copied(), model.get(&old).copied());
                    }
                }
                prop_assert!(tickets.iter().eq(model.values()));
                let last = tickets.last_mut().map(|(ticket, value)| (ticket, *value));
                prop_assert_eq!(last, model.iter().next_back().map(|(&ticket, &value)| (ticket, value)));
                prop_assert_eq!((tickets.len(), tickets.is_empty()), (model.len(), model.is_empty()));
                prop_assert!(!matches!(tickets.rest.front(), Some((_, None))));
                prop_assert!(!matches!(tickets.rest.back(), Some((_, None))));
            }
        }
    }
}
