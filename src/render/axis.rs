//! The virtual axis: where an instant and a turn stand, in whole units.
//!
//! Many turns happen at one instant, and nothing between two instants, however far apart. So an instant takes
//! a unit for each of its turns, and the time between two instants takes units by one scale, which the middle
//! one of these stretches sets. A stretch of more than six times that is cut short and marked.

use crate::kernel::Instant;
use crate::kernel::ordered::sort_by_key;

/// Units that one stretch of time takes at most.
const GAP_MAX: u64 = 24;

/// An instant at which something happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    pub(super) at: Instant,
    /// Where it begins.
    pub(super) x: u64,
    /// The last turn before it.
    pub(super) turns_before: u64,
    /// The stretch of time before it was cut short.
    pub(super) is_cut: bool,
}

/// All instants at which something happened, in order.
#[derive(Debug)]
pub(super) struct Axis {
    stops: Vec<Stop>,
    width: u64,
}

impl Axis {
    /// Lays out instants from turns and instants in order, as a trace has them.
    pub(super) fn new(moments: &[(u64, Instant)]) -> Axis {
        let instants = instants(moments);
        let mut times = Vec::new();
        for pair in instants.windows(2) {
            times.push(pair[1].0.as_nanos() - pair[0].0.as_nanos());
        }
        let scale = scale(times.clone());
        let (mut stops, mut x) = (Vec::with_capacity(instants.len()), 0);
        for (place, &(at, turns_before, last)) in instants.iter().enumerate() {
            let before = place.checked_sub(1).map(|before| times[before]);
            let units = before.map_or(0, |time| time.div_ceil(scale));
            x += units.min(GAP_MAX);
            stops.push(Stop { at, x, turns_before, is_cut: units > GAP_MAX });
            // A unit before the turns, for what the loop does there: timers fire.
            x += last - turns_before + 1;
        }
        Axis { stops, width: x }
    }

    /// Lays out the same in nanoseconds, without a cut: an instant stands where it is, and each of its turns
    /// takes a nanosecond. It stands later only where the turns of the instant before reach beyond it.
    #[cfg(feature = "serde")]
    pub(super) fn exact(moments: &[(u64, Instant)]) -> Axis {
        let (mut stops, mut width) = (Vec::new(), 0);
        for (at, turns_before, last) in instants(moments) {
            let x = at.as_nanos().max(width);
            stops.push(Stop { at, x, turns_before, is_cut: false });
            width = x + (last - turns_before) + 1;
        }
        Axis { stops, width }
    }

    /// Where something of a turn at an instant stands.
    pub(super) fn x(&self, turn: u64, at: Instant) -> u64 {
        let place = self.stops.partition_point(|stop| stop.at <= at);
        let Some(stop) = place.checked_sub(1).map(|place| self.stops[place]) else { return 0 };
        stop.x + turn.saturating_sub(stop.turns_before)
    }

    /// Makes room at its end.
    pub(super) fn widen(&mut self, width: u64) {
        self.width = self.width.max(width);
    }

    pub(super) fn width(&self) -> u64 {
        self.width
    }

    pub(super) fn stops(&self) -> &[Stop] {
        &self.stops
    }
}

/// For each instant: the last turn before it, and the last in it.
fn instants(moments: &[(u64, Instant)]) -> Vec<(Instant, u64, u64)> {
    let mut instants: Vec<(Instant, u64, u64)> = Vec::new();
    let mut turns_before = 0;
    for &(turn, at) in moments {
        match instants.last_mut() {
            Some((last, _, last_turn)) if *last == at => *last_turn = turn.max(*last_turn),
            _ => instants.push((at, turns_before, turn)),
        }
        turns_before = turn.max(turns_before);
    }
    instants
}

/// Nanoseconds for a unit, so that the stretch in the middle of all, by length, takes four.
fn scale(mut times: Vec<u64>) -> u64 {
    sort_by_key(&mut times, |&time| time);
    let median = times.get(times.len().saturating_sub(1) / 2).copied().unwrap_or(1);
    (median / 4).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(moments: &[(u64, u64)]) -> Axis {
        let moments = moments.iter().map(|&(turn, at)| (turn, Instant::from_nanos(at)));
        Axis::new(&moments.collect::<Vec<_>>())
    }

    #[test]
    fn turns_of_one_instant_stand_side_by_side_and_time_between_instants_has_room() {
        let axis = axis(&[(0, 0), (1, 0), (2, 0), (2, 1_000), (3, 1_000)]);
        let x = |turn, at| axis.x(turn, Instant::from_nanos(at));
        assert_eq!((x(0, 0), x(1, 0), x(2, 0)), (0, 1, 2));
        assert!(x(2, 1_000) > x(2, 0) + 1, "time has passed");
        assert_eq!(x(3, 1_000), x(2, 1_000) + 1);
        assert_eq!(axis.width(), x(3, 1_000) + 1);
    }

    #[test]
    fn a_long_stretch_is_cut_and_marked_and_short_ones_keep_their_proportion() {
        let hour = 3_600_000_000_000;
        let axis = axis(&[(1, 0), (2, 1_000), (3, 3_000), (4, 3_000 + hour), (5, 4_000 + hour)]);
        let cut: Vec<_> = axis.stops().iter().map(|stop| stop.is_cut).collect();
        assert_eq!(cut, [false, false, false, true, false]);
        let gaps: Vec<_> = axis.stops().windows(2).map(|pair| pair[1].x - pair[0].x - 2).collect();
        assert_eq!(gaps[1], 2 * gaps[0], "2 us after 1 us: {gaps:?}");
        assert!(axis.width() < 64, "{axis:?}");
    }
}
