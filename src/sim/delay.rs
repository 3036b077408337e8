//! How long something takes: always the same, or drawn.

use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;
use std::time::Duration;

use crate::rng::Rng;

/// How long something takes: always as long, or drawn from a distribution.
///
/// A [`Duration`] is one that is always the same. The others are drawn in whole nanoseconds and in integer
/// arithmetic, so one generator gives the same delays on every platform (S34).
///
/// The models draw from the generator of the task that uses them, [`rng`](crate::rng()): by seed, path and
/// number of the call (S33). So a job has the same delays whatever the others do and whoever comes first.
///
/// # Examples
///
/// ```
/// use simloop::{rng::Rng, sim::Delay};
/// use std::time::Duration;
///
/// let mut rng = Rng::new(7);
/// let second = Duration::from_secs(1);
/// assert_eq!(Delay::from(second).draw(&mut rng), second);
/// assert!(Delay::uniform(second..2 * second).draw(&mut rng) < 2 * second);
///
/// let arrivals = Delay::exponential(second);
/// let total: Duration = (0..1000).map(|_| arrivals.draw(&mut rng)).sum();
/// assert!((900..1100).contains(&total.as_secs()));
/// ```
#[derive(Clone)]
pub struct Delay {
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Fixed(Duration),
    Uniform(Bound<Duration>, Bound<Duration>),
    OneOf(Arc<[Duration]>),
    Exponential(Duration),
    Custom(Arc<dyn Fn(&mut Rng) -> Duration + Send + Sync>),
}

impl Delay {
    /// Always takes `duration`.
    #[inline]
    pub const fn fixed(duration: Duration) -> Delay {
        Delay { kind: Kind::Fixed(duration) }
    }

    /// Takes any duration in the range, in steps of a nanosecond, all equally likely.
    ///
    /// # Panics
    ///
    /// Panics if the range is empty, and names it.
    #[track_caller]
    pub fn uniform(range: impl RangeBounds<Duration>) -> Delay {
        let (start, end) = (range.start_bound().cloned(), range.end_bound().cloned());
        // Draws to no purpose, so that an empty range is told here and not when it is used.
        Rng::new(0).range((start, end));
        Delay { kind: Kind::Uniform(start, end) }
    }

    /// Takes one of these, all equally likely. One that is there twice is twice as likely.
    ///
    /// # Panics
    ///
    /// Panics if there are none.
    #[track_caller]
    pub fn one_of(durations: impl IntoIterator<Item = Duration>) -> Delay {
        let durations: Arc<[_]> = durations.into_iter().collect();
        assert!(!durations.is_empty(), "a delay is one of no durations");
        Delay { kind: Kind::OneOf(durations) }
    }

    /// Takes an exponentially distributed time with the given mean: the time between arrivals that know nothing
    /// of each other.
    ///
    /// There is no upper bound; one in 22,000 is above ten times the mean. The method is von Neumann's ("Various
    /// techniques used in connection with random digits", 1951): it compares uniform numbers and takes no
    /// logarithm, whose last digits differ between platforms. A draw is rounded to the nearest nanosecond.
    ///
    /// # Panics
    ///
    /// Panics if the mean is 584 years or more, in which virtual time ends.
    #[track_caller]
    #[inline]
    pub fn exponential(mean: Duration) -> Delay {
        assert!(
            u64::try_from(mean.as_nanos()).is_ok(),
            "a delay has the mean {mean:?}, which is longer than there is time"
        );
        Delay { kind: Kind::Exponential(mean) }
    }

    /// Takes what `draw` says, which is to depend on its generator alone.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{rng::Rng, sim::Delay};
    /// use std::time::Duration;
    ///
    /// let dice = Delay::from_fn(|rng| Duration::from_secs(rng.range(1..=6) + rng.range(1..=6)));
    /// assert!((2..=12).contains(&dice.draw(&mut Rng::new(7)).as_secs()));
    /// ```
    pub fn from_fn(draw: impl Fn(&mut Rng) -> Duration + Send + Sync + 'static) -> Delay {
        Delay { kind: Kind::Custom(Arc::new(draw)) }
    }

    /// Draws one. A fixed one takes nothing from the generator.
    pub fn draw(&self, rng: &mut Rng) -> Duration {
        match &self.kind {
            Kind::Fixed(duration) => *duration,
            Kind::Uniform(start, end) => rng.range((*start, *end)),
            Kind::OneOf(durations) => *rng.choose(durations).expect("there is one at least"),
            Kind::Exponential(mean) => exponential(rng, mean.as_nanos() as u64),
            Kind::Custom(draw) => draw(rng),
        }
    }
}

impl From<Duration> for Delay {
    #[inline]
    fn from(duration: Duration) -> Delay {
        Delay::fixed(duration)
    }
}

impl fmt::Debug for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Fixed(duration) => write!(f, "Delay({duration:?})"),
            Kind::Uniform(start, end) => write!(f, "Delay(uniform from {start:?} to {end:?})"),
            Kind::OneOf(durations) => write!(f, "Delay(one of {durations:?})"),
            Kind::Exponential(mean) => write!(f, "Delay(exponential, mean {mean:?})"),
            Kind::Custom(_) => f.write_str("Delay(drawn by a function)"),
        }
    }
}

/// Draws from the exponential distribution of that mean.
///
/// A sequence of uniform numbers goes down for a while. With x as its first, the number of those that do is odd
/// with the probability e^-x: then x is the part behind the point. Each time it is even, which is so with the
/// probability 1/e, the part before the point goes up by one, and a new sequence is tried.
fn exponential(rng: &mut Rng, mean_ns: u64) -> Duration {
    let mut whole: u64 = 0;
    // No fixed bound, but each round is the last with a probability of 0.63.
    let fraction = loop {
        let first = rng.next_u64();
        if is_descent_odd(rng, first) {
            break first;
        }
        whole += 1;
    };
    let rounded = (u128::from(fraction) * u128::from(mean_ns) + (1 << 63)) >> 64;
    let nanos = u128::from(whole) * u128::from(mean_ns) + rounded;
    u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos)
}

fn is_descent_odd(rng: &mut Rng, first: u64) -> bool {
    let (mut last, mut is_odd) = (first, true);
    loop {
        let next = rng.next_u64();
        if next >= last {
            return is_odd;
        }
        (last, is_odd) = (next, !is_odd);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: u32 = 100_000;

    fn draws(delay: &Delay) -> Vec<Duration> {
        let mut rng = Rng::new(1);
        (0..DRAWS).map(|_| delay.draw(&mut rng)).collect()
    }

    #[test]
    fn exponential_delays_have_the_distribution_that_they_are_named_for() {
        let mean = Duration::from_nanos(1_000_000);
        let drawn = draws(&Delay::exponential(mean));
        let total: Duration = drawn.iter().sum();
        // Six standard deviations of a mean of so many draws are 1.9 percent.
        assert!((981_000..1_019_000).contains(&(total / DRAWS).as_nanos()), "{total:?}");
        // Of 100,000, so many exceed k times the mean: e^-k, with six standard deviations to both sides.
        for (times, expected, tolerance) in
            [(0.5, 60_653, 927), (1.0, 36_788, 915), (2.0, 13_534, 650), (5.0, 674, 156)]
        {
            let above = drawn.iter().filter(|&&delay| delay > mean.mul_f64(times)).count();
            assert!(above.abs_diff(expected) < tolerance, "{above} above {times} times the mean");
        }
    }

    #[test]
    fn the_draws_of_a_seed_are_pinned() {
        let mut rng = Rng::new(7);
        let delay = Delay::exponential(Duration::from_secs(1));
        let drawn: Vec<_> = (0..4).map(|_| delay.draw(&mut rng).as_nanos()).collect();
        assert_eq!(drawn, [55_360_436, 1_465_703_689, 329_839_430, 73_283_791]);
    }

    #[test]
    fn a_mean_of_nothing_or_of_all_time_gives_delays_that_are() {
        let mut rng = Rng::new(1);
        assert_eq!(Delay::exponential(Duration::ZERO).draw(&mut rng), Duration::ZERO);
        let longest = Delay::exponential(Duration::from_nanos(u64::MAX));
        let drawn: Vec<_> = (0..100).map(|_| longest.draw(&mut rng)).collect();
        assert!(drawn.contains(&Duration::MAX), "what exceeds the mean exceeds all time");
        assert!(drawn.iter().any(|&delay| delay < Duration::from_nanos(u64::MAX / 2)));
    }

    #[test]
    fn one_of_several_takes_each_of_them() {
        let [one, two] = [1, 2].map(Duration::from_secs);
        let drawn = draws(&Delay::one_of([one, one, two]));
        let ones = drawn.iter().filter(|&&delay| delay == one).count();
        assert!(ones.abs_diff(66_667) < 900, "{ones}");
        assert!(drawn.iter().all(|delay| [one, two].contains(delay)));
    }

    #[test]
    #[should_panic(expected = "cannot draw from the empty range 2s..1s")]
    fn an_empty_range_is_told_when_the_delay_is_made() {
        Delay::uniform(Duration::from_secs(2)..Duration::from_secs(1));
    }
}
