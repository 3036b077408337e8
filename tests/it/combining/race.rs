//! `race` and `race!`.

use std::collections::BTreeSet;
use std::future::ready;
use std::task::Poll;

use futures_util::FutureExt;
use simloop::policy::Random;
use simloop::{Builder, choose, now, race, run, sleep, yield_now};

use super::{Log, cancelled_everywhere, left, logged, sleeper};
use crate::secs;

#[test]
fn the_first_result_wins_and_the_losers_are_dropped_before_it_is_returned() {
    run(async {
        let log = Log::default();
        assert_eq!(race([3, 1, 2].map(|seconds| logged(&log, seconds))).await, 1);
        let expected = [1, 3, 2].map(|seconds| (seconds, "1s".to_owned()));
        assert_eq!(*log.borrow(), expected, "the losers in source order");
        assert_eq!(race!(sleeper(5), async { 0 }).await, 0);
        assert_eq!(now().to_string(), "1s");
    });
}

#[test]
fn first_in_first_out_polls_in_source_order() {
    run(async {
        assert_eq!(race([ready("a"), ready("b")]).await, "a");
        assert_eq!(race!(sleeper(1), sleeper(1).map(|_| 7), async { 8 }).await, 8);
        let order = Log::default();
        let racers = [1, 2, 3].map(|n| {
            let order = order.clone();
            async move {
                order.borrow_mut().push((n, String::new()));
                if n < 3 {
                    std::future::pending().await
                }
            }
        });
        race(racers).await;
        assert_eq!(order.borrow().iter().map(|&(n, _)| n).collect::<Vec<_>>(), [1, 2, 3]);
    });
}

#[test]
fn s31_who_is_polled_first_is_a_choice_that_policies_vary_and_replays_repeat() {
    let program = || async {
        let tuple = race!(ready('a'), async { 'b' }, std::future::poll_fn(|_| Poll::Ready('c')));
        (race([0, 1, 2, 3].map(ready)).await, tuple.await)
    };
    let mut seen = BTreeSet::new();
    for seed in 0..200 {
        let report = Builder::new().policy(Random::new(seed)).run(program());
        let again = Builder::new().replay(&report.schedule.to_string()).run(program());
        assert_eq!(again.schedule, report.schedule);
        let winners = report.unwrap();
        assert_eq!(again.unwrap(), winners);
        seen.insert(winners);
    }
    assert_eq!(seen.len(), 12, "every first of both");
    assert_eq!(Builder::new().run(program()).unwrap(), (0, 'a'));
}

#[test]
fn s31_a_race_chooses_once_and_a_race_of_one_never() {
    #[derive(Debug)]
    struct Last;
    impl simloop::policy::Policy for Last {
        fn choose(&mut self, choice: &simloop::policy::Choice<'_>) -> usize {
            choice.len() - 1
        }
    }
    let report = Builder::new().policy(Last).run(async {
        assert_eq!(race([sleeper(1)]).await, 1);
        // Polled three times; the last is asked first each time.
        let racers = [2, 2].map(|seconds| async move {
            sleep(secs(1)).await;
            yield_now().await;
            sleep(secs(seconds)).await;
        });
        race(racers).await;
        choose(2)
    });
    assert_eq!(report.schedule.to_string().matches('=').count(), 2, "{}", report.schedule);
    assert_eq!(report.unwrap(), 1);
}

#[test]
fn a_race_leaves_nothing_behind_when_it_is_cancelled() {
    for report in cancelled_everywhere(|| async {
        race([3, 1].map(sleeper)).await;
        race!(sleeper(1), sleeper(2)).await;
        yield_now().await;
    }) {
        assert_eq!(left(&report), [""; 0]);
        let counters = report.counters;
        assert_eq!(counters.tasks_spawned, 1, "racers are no tasks");
        report.unwrap();
    }
}

#[test]
fn racers_may_borrow_and_need_not_be_unpin() {
    run(async {
        let text = String::from("borrowed");
        let slow = async {
            sleep(secs(1)).await;
            text.len()
        };
        assert_eq!(race!(slow, async { text.len() + 1 }).await, 9);
    });
}

#[test]
#[should_panic(expected = "a race needs one future at least, and was given none")]
fn a_race_without_futures_is_refused() {
    drop(race(Vec::<std::future::Ready<()>>::new()));
}
