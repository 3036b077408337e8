//! What a semaphore decides: who is given how many permits.

use std::sync::Arc;

use super::{AcquireError, TryAcquireError};
use crate::executor::{Holding, Party, Wanted};
use crate::sync::gate::{Gate, Shared, Taking};
use crate::sync::holders::{Hold, Holders};

/// The permits of a semaphore, of one kind or the other: so what waits for them is compiled once.
pub(crate) struct Permits {
    kind: &'static str,
    pub(super) free: usize,
    /// Those that are free and those that are given, for reports.
    pub(super) total: usize,
    /// Given, and in no guard any more. Only a bounded semaphore has such.
    pub(super) detached: usize,
    pub(super) is_closed: bool,
    /// Whether permits have come or gone other than by guards: then they may come again, from anybody.
    pub(super) is_counted_by_hand: bool,
    holders: Holders,
}

/// Permits given to one holder.
pub(crate) struct Share {
    pub(super) count: usize,
    /// There unless `count` is zero: who has nothing holds nobody up.
    hold: Option<Hold>,
}

/// What somebody who asks for permits is given.
pub(super) type Granted = Result<Share, AcquireError>;

/// What is done with that when it is taken: [`Permits::let_move`] for a guard that borrows nothing.
pub(super) type Take = fn(&mut Permits, Granted) -> Granted;

impl Permits {
    pub(super) fn new(kind: &'static str, free: usize) -> Self {
        Permits {
            kind,
            free,
            total: free,
            detached: 0,
            is_closed: false,
            is_counted_by_hand: false,
            holders: Holders::default(),
        }
    }

    pub(super) fn of_static(kind: &'static str, free: usize) -> Self {
        Permits { holders: Holders::of_static(), ..Permits::new(kind, free) }
    }

    /// What is granted is for a guard that borrows nothing.
    pub(super) fn let_move(&mut self, granted: Granted) -> Granted {
        if let Ok(Share { hold: Some(hold), .. }) = &granted {
            self.holders.let_move(hold);
        }
        granted
    }

    fn give(&mut self, count: usize, party: Option<Party>) -> Share {
        self.free -= count;
        let hold = (count > 0).then(|| self.holders.enter(party));
        Share { count, hold }
    }

    pub(super) fn release(&mut self, share: Share) {
        self.free += self.take_from_holder(share);
    }

    /// Ends a holder and returns how many permits it had.
    fn take_from_holder(&mut self, Share { count, hold }: Share) -> usize {
        if let Some(hold) = hold {
            self.holders.leave(hold);
        }
        count
    }

    /// Adds free permits, up to so many in all, and returns how many there would be.
    #[inline]
    pub(super) fn add(&mut self, count: usize, most: usize) -> usize {
        let total = self.total.saturating_add(count);
        if total <= most {
            self.total = total;
            self.free += count;
            self.is_counted_by_hand = true;
        }
        total
    }

    /// Takes free permits away for good, up to so many, and returns how many.
    #[inline]
    pub(super) fn forget_free(&mut self, count: usize) -> usize {
        let forgotten = count.min(self.free);
        self.free -= forgotten;
        self.total -= forgotten;
        self.is_counted_by_hand = true;
        forgotten
    }

    /// Takes given permits away for good.
    pub(super) fn forget(&mut self, share: Share) {
        self.total -= self.take_from_holder(share);
        self.is_counted_by_hand = true;
    }

    /// Ends a guard and keeps its permits taken.
    pub(super) fn detach(&mut self, share: Share) {
        self.detached += self.take_from_holder(share);
    }

    /// Moves `count` of the permits of a share into another.
    pub(super) fn split(&mut self, share: &mut Share, count: usize) -> Option<Share> {
        share.count = share.count.checked_sub(count)?;
        let hold = match &share.hold {
            _ if share.count == 0 => share.hold.take(),
            Some(hold) if count > 0 => Some(self.holders.enter_beside(hold)),
            _ => None,
        };
        Some(Share { count, hold })
    }

    pub(super) fn merge(&mut self, share: &mut Share, other: Share) {
        share.count += other.count;
        match (&share.hold, other.hold) {
            (Some(_), Some(hold)) => self.holders.leave(hold),
            (_, hold) => share.hold = share.hold.take().or(hold),
        }
    }
}

/// What guards do with their permits, whatever their way to the semaphore is.
impl Share {
    /// Leaves no permits, for a guard whose permits go elsewhere.
    fn take(&mut self) -> Share {
        std::mem::replace(self, Share { count: 0, hold: None })
    }

    #[inline]
    pub(super) fn give_back(&mut self, semaphore: &Arc<Shared<Permits>>) {
        if self.count > 0 {
            let share = self.take();
            semaphore.update(|permits| permits.release(share));
        }
    }

    #[inline]
    pub(super) fn forget(&mut self, semaphore: &Arc<Shared<Permits>>) {
        let share = self.take();
        semaphore.update(|permits| permits.forget(share));
    }

    #[inline]
    pub(super) fn detach(&mut self, semaphore: &Arc<Shared<Permits>>) {
        let share = self.take();
        semaphore.update(|permits| permits.detach(share));
    }

    #[inline]
    pub(super) fn merge(&mut self, semaphore: &Arc<Shared<Permits>>, other: &mut Share) {
        let other = other.take();
        semaphore.update(|permits| permits.merge(self, other));
    }

    #[inline]
    pub(super) fn split(
        &mut self,
        semaphore: &Arc<Shared<Permits>>,
        count: usize,
    ) -> Option<Share> {
        semaphore.update(|permits| permits.split(self, count))
    }
}

impl Gate for Permits {
    const TAKING: Taking = Taking::Nobody;
    const HAS_HOLDERS: bool = true;
    type Need = usize;
    type Grant = Granted;

    #[inline]
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn serve(&mut self, _: usize, count: &mut usize, party: Option<Party>) -> Option<Self::Grant> {
        if self.is_closed {
            return Some(Err(AcquireError(())));
        }
        (*count <= self.free).then(|| Ok(self.give(*count, party)))
    }

    /// Who asks for no permits is given them without waiting, see [`is_free`](Gate::is_free).
    #[inline]
    fn is_spent(&self) -> bool {
        self.free == 0 && !self.is_closed
    }

    #[inline]
    fn take_back(&mut self, granted: Self::Grant) -> Option<Self::Grant> {
        if let Ok(share) = granted {
            self.release(share);
        }
        None
    }

    /// As in tokio, who asks for no permits waits for nobody.
    fn is_free(&self, &count: &usize) -> bool {
        count == 0
    }

    #[inline]
    fn holders(&self) -> Vec<Holding> {
        self.holders.holdings()
    }

    #[inline]
    fn is_open(&self) -> bool {
        self.is_counted_by_hand || self.detached > 0 || self.holders.has_strangers()
    }

    fn wanted(&self, _: usize, &count: &usize) -> Wanted {
        let before = match count {
            1 => "a permit of ".to_owned(),
            _ => format!("{count} permits of "),
        };
        let detached = match self.detached {
            0 => String::new(),
            detached => format!(", {detached} detached"),
        };
        Wanted { before, after: format!(" ({} of {} free{detached})", self.free, self.total) }
    }
}

/// How many permits somebody who comes now could have. Those that are free while somebody waits are spoken
/// for by the first in line.
#[inline]
pub(super) fn available(shared: &Shared<Permits>) -> usize {
    match shared.waiting(0) {
        0 => shared.read(|permits| permits.free),
        _ => 0,
    }
}

pub(super) fn try_acquire(
    shared: &Shared<Permits>,
    count: usize,
    take: Take,
) -> Result<Share, TryAcquireError> {
    match shared.try_with(0, count, take) {
        Ok(Ok(share)) => Ok(share),
        Ok(Err(AcquireError(()))) => Err(TryAcquireError::Closed),
        Err(_) => Err(TryAcquireError::NoPermits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_permits_is_a_holder_and_who_has_none_is_not() {
        let mut permits = Permits::new("semaphore", 5);
        let mut three = permits.give(3, None);
        let mut other = permits.split(&mut three, 1).unwrap();
        let none = permits.split(&mut three, 0).unwrap();
        assert_eq!(permits.holders.len(), 2);
        permits.merge(&mut other, none);
        let two = permits.split(&mut three, 2).unwrap();
        assert!(permits.split(&mut three, 1).is_none());
        assert_eq!((three.count, two.count, permits.holders.len()), (0, 2, 2));
        permits.merge(&mut three, two);
        permits.merge(&mut three, other);
        assert_eq!((three.count, permits.holders.len(), permits.free), (3, 1, 2));
        let empty = permits.give(0, None);
        permits.release(empty);
        permits.release(three);
        assert!(permits.holders.is_empty());
        assert_eq!((permits.free, permits.total), (5, 5));
    }

    #[test]
    fn a_report_says_what_is_wanted_and_what_is_there() {
        let mut permits = Permits::new("bounded semaphore", 2);
        let share = permits.give(1, None);
        assert!(permits.is_open(), "it was given outside a task");
        let wanted = |permits: &Permits, count| {
            let Wanted { before, after } = permits.wanted(0, &count);
            format!("{before}semaphore{after}")
        };
        assert_eq!(wanted(&permits, 1), "a permit of semaphore (1 of 2 free)");
        permits.detach(share);
        assert_eq!(wanted(&permits, 3), "3 permits of semaphore (1 of 2 free, 1 detached)");
    }
}
