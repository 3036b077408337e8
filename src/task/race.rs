//! The first of several futures.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::executor::access::note_beside;
use crate::executor::choose;

/// Waits for the first of several futures and drops the others.
///
/// The futures are polled inside the caller's task; they are not tasks of their own and need not be `'static`.
/// Each poll asks them all, in source order, until one is ready. Which of them is asked first is a choice
/// (S31), made once, at the first poll: first-in first-out asks the first, a policy that explores tries the
/// others, and the rest follow in source order around the end. So it matters only when several are ready in
/// one poll.
///
/// The losers are dropped, in source order, before the result is returned. For futures of different types there
/// is [`race!`](crate::race!). The like of it: `asyncio.wait` for the first completed, with the rest cancelled,
/// and tokio's `select!`.
///
/// # Panics
///
/// Panics with no future. Awaiting it panics outside a loop.
///
/// # Cancel safety
///
/// Dropping it drops the futures. The losers must be cancel safe, as in tokio's `select!`.
///
/// # Examples
///
/// ```
/// use simloop::{now, race, run, sleep};
/// use std::time::Duration;
///
/// run(async {
///     let winner = race([3, 1, 2].map(|n| async move {
///         sleep(Duration::from_secs(n)).await;
///         n
///     }));
///     assert_eq!(winner.await, 1);
///     assert_eq!(now().to_string(), "1s");
/// });
/// ```
#[doc(alias = "select")]
#[doc(alias = "select_all")]
#[track_caller]
pub fn race<I: IntoIterator<Item: Future>>(futures: I) -> Race<Vec<Pin<Box<I::Item>>>> {
    Race::new(futures.into_iter().map(Box::pin).collect())
}

/// Waits for the first of up to twelve futures of different types with one output, and drops the others.
///
/// Otherwise as [`race`](crate::race()).
///
/// # Examples
///
/// ```
/// use simloop::{now, race, run, sleep};
/// use std::time::Duration;
///
/// run(async {
///     let cache = async {
///         sleep(Duration::from_millis(5)).await;
///         "cached"
///     };
///     let server = async {
///         sleep(Duration::from_secs(1)).await;
///         "fresh"
///     };
///     assert_eq!(race!(cache, server).await, "cached");
///     assert_eq!(now().to_string(), "5ms");
/// });
/// ```
#[macro_export]
macro_rules! race {
    ($($future:expr),+ $(,)?) => {
        $crate::task::race_tuple(($(::std::boxed::Box::pin($future),)+))
    };
}

/// What [`race!`](crate::race!) calls.
#[doc(hidden)]
pub fn race_tuple<R: Racers>(racers: R) -> Race<R> {
    Race::new(racers)
}

/// One of the futures.
#[doc(hidden)]
pub type Racer<'a, T> = Pin<&'a mut (dyn Future<Output = T> + 'a)>;

/// Futures with one output, by number. Not meant to be implemented elsewhere.
pub trait Racers: Unpin {
    /// What the futures return.
    type Output;

    /// The future of this number; `None` behind the last.
    #[doc(hidden)]
    fn racer(&mut self, number: usize) -> Option<Racer<'_, Self::Output>>;
}

impl<F: Future> Racers for Vec<Pin<Box<F>>> {
    type Output = F::Output;

    fn racer(&mut self, number: usize) -> Option<Racer<'_, Self::Output>> {
        Some(self.get_mut(number)?.as_mut())
    }
}

macro_rules! tuple {
    ($($future:ident $number:tt),+) => {
        impl<T, $($future: Future<Output = T>),+> Racers for ($(Pin<Box<$future>>,)+) {
            type Output = T;

            fn racer(&mut self, number: usize) -> Option<Racer<'_, T>> {
                match number {
                    $($number => Some(self.$number.as_mut()),)+
                    _ => None,
                }
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);

/// Future of [`race`](race()) and [`race!`](crate::race!).
///
/// # Cancel safety
///
/// Dropping it drops the futures.
///
/// # Panics
///
/// Awaiting it again after it has given its result panics.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Race<R> {
    /// Gone once the result is given: the losers' destructors must have run by then.
    racers: Option<R>,
    count: usize,
    /// Who is polled first, once that was chosen.
    first: Option<usize>,
}

impl<R: Racers> Race<R> {
    #[track_caller]
    fn new(mut racers: R) -> Self {
        let mut count = 0;
        while racers.racer(count).is_some() {
            count += 1;
        }
        assert!(count > 0, "a race needs one future at least, and was given none");
        Race { racers: Some(racers), count, first: None }
    }
}

impl<R: Racers> Future for Race<R> {
    type Output = R::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let racers = this.racers.as_mut().expect("a race was polled after it had given its result");
        let count = this.count;
        let first = *this.first.get_or_insert_with(|| choose(count));
        note_beside();
        for number in (first..count).chain(0..first) {
            let racer = racers.racer(number).expect("there are so many");
            if let Poll::Ready(output) = racer.poll(cx) {
                this.racers = None;
                return Poll::Ready(output);
            }
        }
        Poll::Pending
    }
}

impl<R> fmt::Debug for Race<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Race").field("is_over", &self.racers.is_none()).finish_non_exhaustive()
    }
}
