//! The lines of a primitive: who waits in which, in the order of service, and what was given to whom.
//!
//! Who enters is given a spot, which is its own until it vacates it; between those it waits, and is then served.
//! The spots of a line are linked to each other, so that to enter at the back, to be served and to go away from
//! the middle cost the same however long the line is.

use std::mem;

/// Names somebody in the lines of one primitive, until the spot is vacated.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Spot(u32);

/// No spot: the memory ends long before.
const NOBODY: Spot = Spot(u32::MAX);

/// The spot of one who is known to be alone in its line, where there is such a line.
const ALONE: Spot = Spot(0);

/// Lines of those who wait, each with a `W`, until each is given a `G`. Memory is that of the most at once.
///
/// Mostly none or one waits, so the first spot needs no memory beside the lines.
pub(super) struct Lines<W, G, const LINES: usize> {
    lines: [Line; LINES],
    /// How many wait, in all lines.
    waiting: u32,
    first: Entry<W, G>,
    others: Vec<Entry<W, G>>,
    /// The spot to be given next. It was vacated and names another one in `behind`, or is the first unused one.
    vacant: Spot,
}

#[derive(Clone, Copy)]
struct Line {
    head: Spot,
    tail: Spot,
    len: u32,
}

impl Line {
    const EMPTY: Line = Line { head: NOBODY, tail: NOBODY, len: 0 };
}

struct Entry<W, G> {
    /// Its neighbours, while it waits.
    ahead: Spot,
    behind: Spot,
    rank: i64,
    state: State<W, G>,
}

/// What has become of somebody who entered.
pub(super) enum State<W, G> {
    Waiting(W),
    /// It has been given this, and has not come for it since.
    Served(G),
    /// It was called and has not come since; or there is nobody.
    Gone,
}

impl<W, G> State<W, G> {
    /// Replaces a state in which there is nothing to drop. To find that out would cost as much as the rest.
    #[inline]
    fn put(&mut self, state: State<W, G>) {
        let before = mem::replace(self, state);
        debug_assert!(matches!(before, State::Gone), "nobody is here");
        mem::forget(before);
    }

    /// Who waits here, if somebody does. Nobody asks this of what was given.
    #[inline]
    fn into_waiting(self) -> Option<W> {
        match self {
            State::Waiting(waiting) => Some(waiting),
            other => {
                debug_assert!(matches!(other, State::Gone), "nothing is given here");
                mem::forget(other);
                None
            }
        }
    }
}

impl<W, G> Entry<W, G> {
    const fn vacant(behind: Spot) -> Self {
        Entry { ahead: NOBODY, behind, rank: 0, state: State::Gone }
    }
}

impl<W, G, const LINES: usize> Lines<W, G, LINES> {
    /// `has_alone` keeps the first spot for one who is alone in its line.
    pub(super) const fn new(has_alone: bool) -> Self {
        let (first_behind, vacant) = if has_alone { (NOBODY, Spot(1)) } else { (Spot(1), Spot(0)) };
        Lines {
            lines: [Line::EMPTY; LINES],
            waiting: 0,
            first: Entry::vacant(first_behind),
            others: Vec::new(),
            vacant,
        }
    }

    /// Who is alone in its line, and waits. It is linked in no line, and so not among those of one.
    #[inline]
    pub(super) fn alone(&self) -> Option<&W> {
        match &self.first.state {
            State::Waiting(waiting) => Some(waiting),
            State::Served(_) | State::Gone => None,
        }
    }

    /// Somebody enters a line of which it is known that nobody else waits in it: nothing need be linked.
    #[inline]
    pub(super) fn enter_alone(&mut self, waiting: W) -> Spot {
        self.first.state.put(State::Waiting(waiting));
        self.waiting += 1;
        ALONE
    }

    /// Whoever is alone in its line waits no longer, because it was called or went away.
    #[inline]
    pub(super) fn leave_alone(&mut self) -> Option<W> {
        self.alone()?;
        self.waiting -= 1;
        mem::replace(&mut self.first.state, State::Gone).into_waiting()
    }

    /// The same where there is nothing to drop of whoever waits.
    #[inline]
    pub(super) fn forget_alone(&mut self) {
        self.waiting -= 1;
        mem::forget(mem::replace(&mut self.first.state, State::Gone));
    }

    /// Whether nobody waits in any line.
    #[inline]
    pub(super) fn are_empty(&self) -> bool {
        self.waiting == 0
    }

    pub(super) fn len(&self, line: usize) -> usize {
        self.lines[line].len as usize
    }

    /// The next to be served in a line, in the usual order.
    #[inline]
    pub(super) fn head(&self, line: usize) -> Option<Spot> {
        some(self.lines[line].head)
    }

    /// The last in a line.
    pub(super) fn tail(&self, line: usize) -> Option<Spot> {
        some(self.lines[line].tail)
    }

    /// Who stands behind somebody that waits.
    pub(super) fn behind(&self, spot: Spot) -> Option<Spot> {
        some(self.entry(spot).behind)
    }

    /// Calls `tell` with those who wait in a line, in the order of service.
    pub(super) fn for_each(&self, line: usize, mut tell: impl FnMut(&W)) {
        let mut next = self.head(line);
        while let Some(spot) = next {
            let entry = self.entry(spot);
            if let State::Waiting(waiting) = &entry.state {
                tell(waiting);
            }
            next = some(entry.behind);
        }
    }

    #[inline]
    pub(super) fn state(&mut self, spot: Spot) -> &mut State<W, G> {
        &mut self.entry_mut(spot).state
    }

    /// Somebody enters a line, before those of a higher rank and behind all others. Who it is is made in its place:
    /// there it costs a few stores, and carried there twice as many and the loads.
    #[inline]
    pub(super) fn enter(&mut self, line: usize, rank: i64, waiting: impl FnOnce() -> W) -> Spot {
        let spot = self.occupy();
        self.stand(line, spot, rank, waiting);
        spot
    }

    /// Somebody who was called and found nothing enters again.
    #[cold]
    pub(super) fn enter_again(&mut self, line: usize, spot: Spot, waiting: W) {
        let rank = self.entry(spot).rank;
        self.stand(line, spot, rank, || waiting);
    }

    /// Somebody is given a spot who need not wait.
    pub(super) fn enter_served(&mut self, grant: G) -> Spot {
        let spot = self.occupy();
        self.state(spot).put(State::Served(grant));
        spot
    }

    /// Whoever waits there is given this, and waits no longer.
    #[inline]
    pub(super) fn serve(&mut self, line: usize, spot: Spot, grant: G) -> Option<W> {
        self.step_out(line, spot, State::Served(grant))
    }

    /// The same where there is nothing to drop of whoever waits, so that it need not be moved.
    #[inline]
    pub(super) fn serve_plain(&mut self, line: usize, spot: Spot, grant: G) {
        let entry = self.entry_mut(spot);
        let (ahead, behind) = (entry.ahead, entry.behind);
        let before = mem::replace(&mut entry.state, State::Served(grant));
        debug_assert!(matches!(before, State::Waiting(_)), "somebody waits here");
        mem::forget(before);
        self.unlink(line, ahead, behind);
    }

    /// Whoever waits there is called, and waits no longer.
    #[inline]
    pub(super) fn call(&mut self, line: usize, spot: Spot) -> Option<W> {
        self.step_out(line, spot, State::Gone)
    }

    /// Gives up the spot of somebody who was served, and returns what it was given. Where it was not, it keeps it.
    #[inline]
    pub(super) fn come_served(&mut self, spot: Spot) -> Option<G> {
        let state = self.state(spot);
        if !matches!(state, State::Served(_)) {
            return None;
        }
        let before = mem::replace(state, State::Gone);
        self.give_up(spot);
        match before {
            State::Served(grant) => Some(grant),
            // To drop it would mean to move all of it.
            other => {
                mem::forget(other);
                None
            }
        }
    }

    /// Gives up the spot of somebody who was called, and says whether it was. Where it was not, it keeps it.
    #[inline]
    pub(super) fn come_called(&mut self, spot: Spot) -> bool {
        let was_called = matches!(self.entry(spot).state, State::Gone);
        if was_called {
            self.give_up(spot);
        }
        was_called
    }

    /// Gives up a spot, and returns what there was.
    pub(super) fn vacate(&mut self, line: usize, spot: Spot) -> State<W, G> {
        match self.step_out(line, spot, State::Gone) {
            Some(waiting) => {
                self.give_up(spot);
                State::Waiting(waiting)
            }
            None => mem::replace(self.give_up(spot), State::Gone),
        }
    }

    /// Whoever has the spot, and does not wait, has it no longer.
    #[inline]
    fn give_up(&mut self, spot: Spot) -> &mut State<W, G> {
        let vacant = mem::replace(&mut self.vacant, spot);
        let entry = self.entry_mut(spot);
        entry.behind = vacant;
        &mut entry.state
    }

    #[inline]
    fn stand(&mut self, line: usize, spot: Spot, rank: i64, waiting: impl FnOnce() -> W) {
        let mut ahead = self.lines[line].tail;
        let mut behind = NOBODY;
        while ahead != NOBODY && self.entry(ahead).rank > rank {
            (ahead, behind) = (self.entry(ahead).ahead, ahead);
        }
        self.link(line, ahead, spot, spot, behind);
        self.lines[line].len += 1;
        self.waiting += 1;
        let entry = self.entry_mut(spot);
        (entry.ahead, entry.behind, entry.rank) = (ahead, behind, rank);
        entry.state.put(State::Waiting(waiting()));
    }

    /// Puts a state in the place of that of somebody who waits. `None` if it does not: then it keeps its own.
    #[inline(always)]
    fn step_out(&mut self, line: usize, spot: Spot, state: State<W, G>) -> Option<W> {
        let entry = self.entry_mut(spot);
        if !matches!(entry.state, State::Waiting(_)) {
            return None;
        }
        let (ahead, behind) = (entry.ahead, entry.behind);
        let waiting = mem::replace(&mut entry.state, state).into_waiting();
        self.unlink(line, ahead, behind);
        waiting
    }

    /// Whoever stood between these two waits no longer.
    #[inline]
    fn unlink(&mut self, line: usize, ahead: Spot, behind: Spot) {
        self.link(line, ahead, behind, ahead, behind);
        self.lines[line].len -= 1;
        self.waiting -= 1;
    }

    /// Makes `next` follow on `ahead`, and `last` go before `behind`.
    #[inline]
    fn link(&mut self, line: usize, ahead: Spot, next: Spot, last: Spot, behind: Spot) {
        match ahead {
            NOBODY => self.lines[line].head = next,
            ahead => self.entry_mut(ahead).behind = next,
        }
        match behind {
            NOBODY => self.lines[line].tail = last,
            behind => self.entry_mut(behind).ahead = last,
        }
    }

    /// Takes the spot to be given next.
    #[inline]
    fn occupy(&mut self) -> Spot {
        let spot = self.vacant;
        if spot.0 as usize > self.others.len() {
            self.grow();
        }
        self.vacant = self.entry(spot).behind;
        spot
    }

    /// Makes the first unused spot.
    #[cold]
    fn grow(&mut self) {
        let next = self.vacant.0 + 1;
        assert!(next < NOBODY.0 - 1, "four billion who wait do not fit");
        self.others.push(Entry::vacant(Spot(next)));
    }

    #[inline]
    fn entry(&self, spot: Spot) -> &Entry<W, G> {
        match spot.0 {
            0 => &self.first,
            place => &self.others[place as usize - 1],
        }
    }

    #[inline]
    fn entry_mut(&mut self, spot: Spot) -> &mut Entry<W, G> {
        match spot.0 {
            0 => &mut self.first,
            place => &mut self.others[place as usize - 1],
        }
    }
}

#[inline]
fn some(spot: Spot) -> Option<Spot> {
    (spot != NOBODY).then_some(spot)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn those_who_come_and_go_behind_one_who_stays_leave_no_trace() {
        let mut lines = Lines::<(), (), 1>::new(false);
        lines.enter(0, 0, || ());
        let mut last = lines.enter(0, 0, || ());
        for _ in 0..10_000 {
            let next = lines.enter(0, 0, || ());
            lines.vacate(0, last);
            last = next;
        }
        assert_eq!((lines.len(0), lines.others.len()), (2, 2), "spots for three at once");
    }

    /// Those who wait in a line.
    fn all<W: Copy, G, const LINES: usize>(lines: &Lines<W, G, LINES>, line: usize) -> Vec<W> {
        let mut all = Vec::new();
        lines.for_each(line, |&waiting| all.push(waiting));
        all
    }

    #[test]
    fn one_who_is_alone_in_its_line_has_a_spot_that_is_given_to_nobody_else() {
        let mut lines = Lines::<u8, (), 2>::new(true);
        assert_eq!(lines.leave_alone(), None);
        for number in 0..3 {
            lines.enter(0, 0, || 10 + number);
            assert_eq!(lines.enter_alone(number), ALONE);
            assert_eq!((lines.alone(), lines.len(0)), (Some(&number), 1 + usize::from(number)));
            assert_eq!(lines.leave_alone(), Some(number));
            assert_eq!((lines.alone(), lines.are_empty()), (None, false));
        }
        assert_eq!(all(&lines, 0), [10, 11, 12]);
    }

    proptest! {
        /// Against two lists sorted by rank, and a list of what was given.
        #[test]
        fn lines_do_what_sorted_lists_do(
            script in prop::collection::vec((0..5u8, 0..2usize, 0..8usize), 0..200),
            ranks in prop::collection::vec(-1..=1i64, 40),
            has_ranks: bool,
        ) {
            let mut lines = Lines::<u64, u64, 2>::new(false);
            let mut waiting: [Vec<(i64, u64, Spot)>; 2] = Default::default();
            let mut served: Vec<(u64, usize, Spot)> = Vec::new();
            for (number, (what, line, place)) in (0..).zip(script) {
                let rank = if has_ranks { ranks[number as usize % 40] } else { 0 };
                let present = place.checked_rem(waiting[line].len());
                match (what, present) {
                    (0 | 1, _) => {
                        let spot = lines.enter(line, rank, || number);
                        let place = waiting[line].partition_point(|&(other, ..)| other <= rank);
                        waiting[line].insert(place, (rank, number, spot));
                    }
                    (2, Some(place)) => {
                        let (_, left, spot) = waiting[line].remove(place);
                        let state = lines.vacate(line, spot);
                        prop_assert!(matches!(state, State::Waiting(number) if number == left));
                    }
                    (3, Some(place)) => {
                        let (_, number, spot) = waiting[line].remove(place);
                        prop_assert_eq!(lines.serve(line, spot, number), Some(number));
                        served.push((number, line, spot));
                    }
                    (4, _) if !served.is_empty() => {
                        let (given, line, spot) = served.remove(place % served.len());
                        let state = lines.vacate(line, spot);
                        prop_assert!(matches!(state, State::Served(number) if number == given));
                    }
                    _ => served.push((number, line, lines.enter_served(number))),
                }
                for (line, expected) in waiting.iter().enumerate() {
                    let numbers: Vec<_> = expected.iter().map(|&(_, number, _)| number).collect();
                    prop_assert_eq!(all(&lines, line), numbers);
                    let ends = (lines.head(line), lines.tail(line));
                    let spot = |&(.., spot): &(i64, u64, Spot)| spot;
                    let expected_ends = (expected.first().map(spot), expected.last().map(spot));
                    prop_assert_eq!(ends, expected_ends);
                    prop_assert_eq!(lines.len(line), expected.len());
                }
                prop_assert_eq!(lines.are_empty(), waiting.iter().all(Vec::is_empty));
            }
            let most = lines.others.len() + 1;
            prop_assert!(waiting.iter().map(Vec::len).sum::<usize>() + served.len() <= most);
        }
    }
}
