//! One direction of a link as a state machine over instants: when a frame leaves and when it arrives.
//!
//! Frames are sent one after the other, each for its size over the bandwidth; on the way they do not hinder
//! each other. So all instants are known when a frame is queued, and change only where one ahead of it is
//! withdrawn: then to earlier ones. They are reckoned anew when the frame begins to be sent, before it can
//! arrive; until then the old ones stand, which are too late at worst. So one who gives up costs the same however many
//! are behind.
//!
//! Whoever looks brings the machine up to date, so a loop that was blocked changes nothing in when the wire
//! gets how far. It knows no tasks and no values, and runs nothing foreign.

use std::mem;
use std::time::Duration;

use super::statistics::{LinkStatistics, Meter};
use crate::kernel::Instant;
use crate::kernel::ordered::{Map, Set, number_keys};

/// A frame of one wire, in the order of sending.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub(super) struct FrameId(u64);

/// A channel of one wire, in the order of making.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChannelId(pub(super) u64);

number_keys!(FrameId, ChannelId);

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Freight {
    pub(super) bytes: u64,
    /// From the leaving of the last byte to its arrival.
    pub(super) latency: Duration,
    pub(super) is_lost: bool,
    /// It does not arrive before what was sent before it.
    pub(super) is_in_order: bool,
    /// The channel whose receiver it is for. Otherwise its sender waits for it.
    pub(super) channel: Option<ChannelId>,
}

/// Its instants are right, or later than right if they are not [reckoned](Wire::unreckoned).
#[derive(Debug)]
struct Frame {
    freight: Freight,
    asked_at: Instant,
    starts: Instant,
    departs: Instant,
    arrives: Instant,
    /// The latest arrival of all that were sent up to here and not lost.
    latest: Instant,
}

impl Frame {
    /// Where it stands among what the receiver of a channel gets.
    fn due(&self, id: FrameId) -> Option<(ChannelId, (Instant, FrameId))> {
        Some((self.freight.channel?, (self.arrives, id)))
    }
}

#[derive(Debug)]
pub(super) struct Wire {
    /// In bytes a second; never zero.
    bandwidth: u64,
    /// Frames that have not departed, and those that somebody will take.
    frames: Map<FrameId, Frame>,
    /// Those that have not departed, in order.
    queue: Set<FrameId>,
    /// The first of those whose instants are not reckoned; nor are those of any behind it.
    unreckoned: Option<FrameId>,
    /// Those that have turned out to arrive earlier than was said, and whose takers were not told.
    earlier: Vec<FrameId>,
    /// Since when the wire is free for the first of them, if that is not being sent.
    free_since: Instant,
    /// The first of those is being sent. It always is when the wire has been brought up to date.
    is_sending: bool,
    /// The latest arrival of those that have departed.
    latest: Instant,
    /// What receivers get, by channel, in the order of arrival. None of them is empty.
    due: Map<ChannelId, Set<(Instant, FrameId)>>,
    meter: Meter,
    sent: u64,
    /// Bytes of the frames that have departed.
    bytes: u64,
    /// Frames that have departed and will not arrive.
    lost: u64,
    /// How often the instants of a frame were reckoned.
    #[cfg(test)]
    reckoned: u64,
}

impl Wire {
    pub(super) fn new(bandwidth: u64, now: Instant) -> Wire {
        Wire {
            bandwidth,
            frames: Map::new(),
            queue: Set::new(),
            unreckoned: None,
            earlier: Vec::new(),
            free_since: now,
            is_sending: false,
            latest: now,
            due: Map::new(),
            meter: Meter::new(1, now),
            sent: 0,
            bytes: 0,
            lost: 0,
            #[cfg(test)]
            reckoned: 0,
        }
    }

    pub(super) fn bandwidth(&self) -> u64 {
        self.bandwidth
    }

    /// The instant up to which it was brought.
    pub(super) fn now(&self) -> Instant {
        self.meter.now()
    }

    pub(super) fn statistics(&self) -> LinkStatistics {
        LinkStatistics { line: self.meter.statistics(), bytes: self.bytes, lost: self.lost }
    }

    /// Brings the wire up to `now`: all that was begun and has departed by then.
    pub(super) fn advance(&mut self, now: Instant) {
        while let Some(id) = self.queue.first() {
            self.reckon(id);
            let &Frame { asked_at, starts, departs, .. } = self.frame(id);
            if !self.is_sending {
                self.meter.advance(starts);
                self.meter.leave();
                self.begin(starts.duration_since(asked_at));
            }
            if departs > now {
                break;
            }
            self.meter.advance(departs);
            self.meter.vacate();
            self.is_sending = false;
            self.queue.pop_first();
            self.free_since = departs;
            self.depart(id);
        }
        self.meter.advance(now);
    }

    fn begin(&mut self, waited: Duration) {
        self.is_sending = true;
        self.meter.occupy();
        self.meter.serve(waited);
    }

    fn depart(&mut self, id: FrameId) {
        let frame = self.frame(id);
        let (freight, latest, due) = (frame.freight, frame.latest, frame.due(id));
        self.bytes = self.bytes.saturating_add(freight.bytes);
        self.lost += u64::from(freight.is_lost);
        self.latest = latest;
        // A lost message, or one whose receiver has gone, is taken by nobody.
        if due.is_some_and(|due| !self.is_due(due)) {
            self.frames.remove(id);
        }
    }

    /// Puts a frame at the end of the queue.
    pub(super) fn send(&mut self, freight: Freight, now: Instant) -> FrameId {
        self.advance(now);
        let id = FrameId(self.sent);
        self.sent += 1;
        let frame = Frame {
            freight,
            asked_at: now,
            starts: now,
            departs: now,
            arrives: now,
            latest: self.latest,
        };
        if !freight.is_lost {
            self.add_due(frame.due(id));
        }
        self.frames.insert(id, frame);
        if self.queue.is_empty() {
            self.free_since = now;
        }
        self.queue.insert(id);
        self.reckon_one(id);
        self.meter.ask();
        if self.queue.len() == 1 {
            self.begin(Duration::ZERO);
        } else {
            self.meter.enter();
        }
        id
    }

    /// Takes back a frame that its sender gave up. Those sent after it may arrive earlier for that.
    ///
    /// What was being sent is cut off. What has departed is on its way, and nobody will take it.
    pub(super) fn withdraw(&mut self, id: FrameId, now: Instant) {
        self.advance(now);
        self.frames.remove(id);
        let is_first = self.queue.first() == Some(id);
        if !self.queue.remove(id) {
            return;
        }
        if is_first {
            self.is_sending = false;
            self.free_since = now;
            self.meter.vacate();
        } else {
            self.meter.leave();
            self.meter.abandon();
        }
        if self.unreckoned.is_none_or(|unreckoned| unreckoned >= id) {
            self.unreckoned = self.queue.behind(id);
        }
        // The next one begins.
        self.advance(now);
    }

    /// When the first begins of those whose instants are not reckoned, and which that is.
    pub(super) fn unreckoned(&self) -> Option<(Instant, FrameId)> {
        let id = self.unreckoned?;
        let ahead = self.queue.before(id)?;
        Some((self.frame(ahead).departs, id))
    }

    /// Reckons all instants.
    pub(super) fn reckon_all(&mut self) {
        self.reckon(FrameId(self.sent));
    }

    /// Takes out those that arrive earlier than was said.
    pub(super) fn take_earlier(&mut self) -> Vec<FrameId> {
        mem::take(&mut self.earlier)
    }

    /// A frame that has not been taken.
    fn frame(&self, id: FrameId) -> &Frame {
        self.frames.get(id).expect("it is known until it is taken")
    }

    fn is_due(&self, (channel, place): (ChannelId, (Instant, FrameId))) -> bool {
        self.due.get(channel).is_some_and(|due| due.contains(place))
    }

    fn add_due(&mut self, due: Option<(ChannelId, (Instant, FrameId))>) {
        if let Some((channel, place)) = due {
            self.due.get_or_default(channel).insert(place);
        }
    }

    /// Says whether it was due.
    fn remove_due(&mut self, (channel, place): (ChannelId, (Instant, FrameId))) -> bool {
        let Some(due) = self.due.get_mut(channel) else { return false };
        let was_due = due.remove(place);
        if due.is_empty() {
            self.due.remove(channel);
        }
        was_due
    }

    /// Says of the frames in the queue, up to this one, when they leave and arrive.
    fn reckon(&mut self, last: FrameId) {
        while let Some(id) = self.unreckoned.filter(|&id| id <= last) {
            let said = self.frame(id).arrives;
            self.reckon_one(id);
            if self.frame(id).arrives < said {
                self.earlier.push(id);
            }
            self.unreckoned = self.queue.behind(id);
        }
    }

    /// Does so for one, as far as it is known of the one ahead.
    fn reckon_one(&mut self, id: FrameId) {
        #[cfg(test)]
        (self.reckoned += 1);
        let ahead = self.queue.before(id).map(|ahead| self.frame(ahead));
        let (starts, latest) =
            ahead.map_or((self.free_since, self.latest), |frame| (frame.departs, frame.latest));
        let due = self.frame(id).due(id);
        let is_due = due.is_some_and(|due| self.remove_due(due));
        let frame = self.frames.get_mut(id).expect("what is queued is known");
        let freight = frame.freight;
        frame.starts = starts;
        frame.departs = starts + sending_time(freight.bytes, self.bandwidth);
        frame.arrives = frame.departs + freight.latency;
        frame.latest = latest;
        if !freight.is_lost {
            if freight.is_in_order {
                frame.arrives = frame.arrives.max(latest);
            }
            frame.latest = latest.max(frame.arrives);
        }
        if is_due {
            let due = frame.due(id);
            self.add_due(due);
        }
    }

    /// When a frame arrives at the latest.
    pub(super) fn arrival(&self, id: FrameId) -> Instant {
        self.frame(id).arrives
    }

    /// The channel of a frame that has not been taken.
    pub(super) fn channel(&self, id: FrameId) -> Option<ChannelId> {
        self.frames.get(id)?.freight.channel
    }

    /// Forgets a frame that has arrived at its sender's, and says whether it was lost on the way.
    pub(super) fn finish(&mut self, id: FrameId) -> bool {
        let frame = self.frames.remove(id).expect("its sender takes it once");
        frame.freight.is_lost
    }

    /// What a receiver gets next, and when at the latest, as far as is known now.
    pub(super) fn next_due(&self, channel: ChannelId) -> Option<(Instant, FrameId)> {
        self.due.get(channel)?.first()
    }

    /// Takes what has arrived for a receiver.
    pub(super) fn receive(&mut self, channel: ChannelId, now: Instant) -> Option<FrameId> {
        self.advance(now);
        let (arrives, id) = self.next_due(channel).filter(|&(arrives, _)| arrives <= now)?;
        self.remove_due((channel, (arrives, id)));
        self.frames.remove(id);
        Some(id)
    }

    /// A receiver has gone. What is not sent as yet is sent all the same.
    pub(super) fn close(&mut self, channel: ChannelId, now: Instant) {
        self.advance(now);
        let Some(due) = self.due.remove(channel) else { return };
        for (_, id) in due.iter() {
            if !self.queue.contains(id) {
                self.frames.remove(id);
            }
        }
    }
}

/// How long the bytes take, to the nearest nanosecond.
fn sending_time(bytes: u64, bandwidth: u64) -> Duration {
    let (bytes, bandwidth) = (u128::from(bytes), u128::from(bandwidth));
    let nanos = (bytes * 2_000_000_000 + bandwidth) / (2 * bandwidth);
    u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos)
}

#[cfg(test)]
impl Wire {
    /// Whether it keeps nothing of anything.
    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.queue.is_empty() && self.due.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_of_what_nobody_will_take() {
        let at = Instant::from_nanos;
        let channel = ChannelId(0);
        let freight = |is_lost, channel| Freight {
            bytes: 10,
            latency: Duration::ZERO,
            is_lost,
            is_in_order: true,
            channel,
        };
        let mut wire = Wire::new(1_000_000_000, at(0));
        for is_lost in [false, true, false] {
            wire.send(freight(is_lost, Some(channel)), at(0));
        }
        let transfer = wire.send(freight(false, None), at(0));
        wire.advance(at(20));
        assert_eq!(wire.frames.len(), 3, "one to be received, two to be sent");
        wire.close(channel, at(20));
        assert_eq!((wire.frames.len(), wire.queue.len()), (2, 2));
        wire.withdraw(transfer, at(20));
        wire.advance(at(30));
        assert!(wire.is_empty(), "{wire:?}");
    }

    #[test]
    fn many_who_give_up_at_once_cost_no_more_each_than_one() {
        const MANY: u64 = 10_000;
        let at = Instant::from_nanos;
        let freight = Freight {
            bytes: 10,
            latency: Duration::from_nanos(5),
            is_lost: false,
            is_in_order: true,
            channel: None,
        };
        let mut wire = Wire::new(1_000_000_000, at(0));
        let mut arrival_of_next = || {
            let id = wire.send(freight, at(0));
            (id, wire.arrival(id))
        };
        let sent: Vec<_> = (0..MANY).map(|_| arrival_of_next()).collect();
        assert_eq!(sent.last().unwrap().1, at(10 * MANY + 5));
        let (last, others) = sent.split_last().unwrap();
        for &(id, _) in others {
            wire.withdraw(id, at(3));
        }
        assert_eq!(wire.arrival(last.0), at(3 + 10 + 5));
        assert!(wire.reckoned <= 3 * MANY, "{} times", wire.reckoned);
    }
}
