//! Who holds what a primitive has given, as reports tell it.

use crate::executor::{Holding, Party};
use crate::kernel::ordered::sort_by_key;

/// Any number of holders. Entering and leaving cost the same however many there are, and the memory is that
/// of the most at once.
#[derive(Default)]
pub(super) struct Holders {
    places: Vec<Place>,
    /// The first of the free places, each of which names the next.
    free: Option<u32>,
    len: usize,
    /// How many of them are no tasks.
    strangers: usize,
    /// Holders that have entered so far: the order in which a report names them.
    entered: u64,
    /// Whether it stands in a static, so that what borrows from it can go to another task too.
    is_static: bool,
}

enum Place {
    /// The party is not known where something was taken outside a task.
    Held {
        entry: u64,
        party: Option<Party>,
        may_have_moved: bool,
    },
    Free {
        next: Option<u32>,
    },
}

/// Stands for one holder until it leaves.
#[must_use = "a holder has to leave"]
pub(super) struct Hold(u32);

impl Holders {
    pub(super) fn of_static() -> Self {
        Holders { is_static: true, ..Holders::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether some of them are no tasks, so that nobody knows when they leave.
    pub(super) fn has_strangers(&self) -> bool {
        self.strangers > 0
    }

    pub(super) fn enter(&mut self, party: Option<Party>) -> Hold {
        self.strangers += usize::from(party.is_none());
        let held = Place::Held { entry: self.entered, party, may_have_moved: self.is_static };
        self.entered += 1;
        self.len += 1;
        let Some(free) = self.free else {
            let place = u32::try_from(self.places.len()).expect("four billion holders do not fit");
            self.places.push(held);
            return Hold(place);
        };
        if let Place::Free { next } = std::mem::replace(self.place(free), held) {
            self.free = next;
        }
        Hold(free)
    }

    /// Somebody more holds what this one holds, and since the same instant.
    pub(super) fn enter_beside(&mut self, hold: &Hold) -> Hold {
        let (party, moves) = match *self.place(hold.0) {
            Place::Held { party, may_have_moved, .. } => (party, may_have_moved),
            Place::Free { .. } => (None, false),
        };
        let beside = self.enter(party);
        if moves {
            self.let_move(&beside);
        }
        beside
    }

    /// What this one holds can go to another task from now on.
    pub(super) fn let_move(&mut self, hold: &Hold) {
        if let Place::Held { may_have_moved, .. } = self.place(hold.0) {
            *may_have_moved = true;
        }
    }

    pub(super) fn leave(&mut self, Hold(place): Hold) {
        let next = self.free.replace(place);
        let left = std::mem::replace(self.place(place), Place::Free { next });
        self.strangers -= usize::from(matches!(left, Place::Held { party: None, .. }));
        self.len -= 1;
    }

    /// Those that are tasks, in the order in which they entered.
    pub(super) fn holdings(&self) -> Vec<Holding> {
        let mut entered = Vec::new();
        let mut holdings = Vec::new();
        for place in &self.places {
            if let Some(holding) = place.holding() {
                entered.push(holding);
            }
        }
        sort_by_key(&mut entered, |&(entry, _)| entry);
        for &(_, holding) in &entered {
            holdings.push(holding);
        }
        holdings
    }

    fn place(&mut self, place: u32) -> &mut Place {
        &mut self.places[place as usize]
    }
}

impl Place {
    fn holding(&self) -> Option<(u64, Holding)> {
        match *self {
            Place::Held { entry, party, may_have_moved } => {
                Some((entry, Holding { party: party?, may_have_moved }))
            }
            Place::Free { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_used_again() {
        let mut holders = Holders::default();
        let first = holders.enter(None);
        for _ in 0..100 {
            let holds = [holders.enter(None), holders.enter_beside(&first)];
            assert_eq!((holders.len(), holders.is_empty()), (3, false));
            assert!(holders.has_strangers());
            holds.into_iter().for_each(|hold| holders.leave(hold));
        }
        holders.leave(first);
        assert!(holders.is_empty() && !holders.has_strangers());
        assert_eq!(holders.places.len(), 3);
    }
}
